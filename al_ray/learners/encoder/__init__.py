"""A pretrained encoder: load it, fine-tune it, run it over many rows fast."""
