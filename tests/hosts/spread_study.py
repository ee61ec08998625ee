"""The study that a host is lost in: a committee and another arm.

Its arguments are the results folder and the address of a cluster.
"""

import sys
from dataclasses import replace

import tiny_study

STUDY = replace(tiny_study.STUDY, strategies=("margin", "qbc"), step_sizes=(10,), steps=10)

if __name__ == "__main__":
    outcome = tiny_study.run(sys.argv[1], STUDY, address=sys.argv[2])
    sys.exit(1 if outcome.unfinished else 0)
