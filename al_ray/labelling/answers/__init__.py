"""What people say: the log and its rules, and how far they agree."""
