"""The reference study's claims, and what these studies answer to them."""
