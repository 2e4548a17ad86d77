"""The statistics: likelihoods, effects, sampling, estimands, verdicts."""
