"""al_ray: which labels to buy, studied by whole active-learning trajectories on Ray."""

__version__ = "0.1.0"
