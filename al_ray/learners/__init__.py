"""What is trained on the labels: an encoder, or a linear model on its vectors."""
