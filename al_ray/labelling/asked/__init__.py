"""What people are asked, and in what order: pure functions."""
