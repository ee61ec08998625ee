"""Rows of files, of a hub data set and of an object store."""
