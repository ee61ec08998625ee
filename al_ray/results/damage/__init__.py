"""What is damaged or gone in a study's folder: found, and done again."""
