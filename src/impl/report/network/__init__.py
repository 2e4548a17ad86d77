"""Pages about the whole network: the annual status report, and the view of the learning network."""
