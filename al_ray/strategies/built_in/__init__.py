"""The strategies that come with al_ray, one a module."""
