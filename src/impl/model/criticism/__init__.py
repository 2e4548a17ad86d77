"""What the analyst sees without asking: a fit's findings against itself, and the same question in other ways."""
