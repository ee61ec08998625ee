"""Numbers from numbers: intervals, contrasts, and what may be concluded."""
