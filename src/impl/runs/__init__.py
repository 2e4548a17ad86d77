"""Studies executed many times over, with nothing lost and nothing mistaken for success."""
