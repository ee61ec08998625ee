"""Trajectories as trials of Ray Tune, and what comes before the first."""
