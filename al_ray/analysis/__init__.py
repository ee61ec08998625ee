"""Numbers from a study's tables, and from nothing else."""
