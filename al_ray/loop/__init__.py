"""A trajectory: its steps, what each writes, and arms that are the same by mathematics."""
