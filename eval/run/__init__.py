"""A run over a corpus: processes, journal, progress."""
