"""What is said to a person, in their language: English in the code, Korean in `ko.po`."""

from al_ray.language.catalogue import LANGUAGES, chosen, mark, speak, spoken, tr, trn, use

__all__ = ["LANGUAGES", "chosen", "mark", "speak", "spoken", "tr", "trn", "use"]
