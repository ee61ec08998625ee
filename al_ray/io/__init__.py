"""Files here and on object stores, copies on every machine, signals and the terminal."""
