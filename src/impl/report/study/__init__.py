"""The page of one study: its sections, what each says and draws, and their order."""
