"""What is learnt: head, loss, decoding, metrics."""
