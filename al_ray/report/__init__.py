"""Figures and a page that opens from disk, from a study's tables and from nothing else."""
