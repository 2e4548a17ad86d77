"""Looking, once, at a file that nobody has described yet."""
