"""What arms were like: curves, costs, mixes, agreement. It judges nothing."""
