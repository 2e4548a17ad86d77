"""What the user declares: study files, measures, bundles, vocabularies."""
