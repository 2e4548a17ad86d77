"""The register of planned studies: what was to be done, frozen before it was known what would come of it."""
