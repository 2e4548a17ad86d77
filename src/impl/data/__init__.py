"""What the user brings: tables, read and checked before anything is modelled."""
