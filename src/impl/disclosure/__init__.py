"""From confidential estimates to a Release that may leave the house."""
