"""Text in: rows with stable ids and labels, and their tokens."""

from al_ray.corpus.rows import Corpus, Split

__all__ = ["Corpus", "Split"]
