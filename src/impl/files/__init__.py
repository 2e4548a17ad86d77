"""Any file, however it arrives, to one table of cells that know where they stood."""
