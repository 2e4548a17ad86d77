"""The tables a coordinator keeps beside the data: adaptations, audits, strategies, cycles, support; read and checked."""
