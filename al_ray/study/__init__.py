"""What a trajectory, an arm and a study are."""
