"""What is said of files that cannot be read."""

from __future__ import annotations


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
