"""What is seen of a study while it runs: lines, logs, metrics and trackers."""
