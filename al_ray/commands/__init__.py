"""The doors: the scripts of experiments, and `al-ray`."""
