"""What readers see: sentences, figures, tables and pages, from a Release and a language."""
