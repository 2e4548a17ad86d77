"""Its place puts tests/ on the import path, so that tests can share example values and tiny projects."""
