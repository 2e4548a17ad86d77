"""The public value: everything a reader sees is drawn from it."""
