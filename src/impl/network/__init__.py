"""What a network of studies knows, from its register and its Releases alone."""
