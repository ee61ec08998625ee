"""What every tokeniser gives, and how the library's own is asked.

For child processes: what is loaded here costs seconds and memory that the driver has no use for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from al_ray.errors import CorpusError, ModelError

Encoded = tuple[NDArray[np.int32], NDArray[np.int32]]
"""Lengths (rows,), and the ids of all rows, one row after another (sum of lengths,)."""


class Tokeniser(Protocol):
    """Texts to ids.

    Attributes:
        pad_id: what shorter rows are filled up with.
        size: every id is smaller.
        special_ids: of tokens that stand for no text; the unknown token stands for some.
    """

    pad_id: int
    size: int
    special_ids: frozenset[int]

    def encode(self, texts: Sequence[str], max_length: int) -> Encoded:
        """Ids, special ones included, of texts cut to `max_length` as the model's library does."""
        ...

    def pairs(self, texts: Sequence[str], max_length: int) -> tuple[Encoded, Encoded]:
        """Ids of a question and its context, which a line break divides; and of each character of
        the context the token, by its number in the row. A longer context is read in windows, each
        of them the question and a part of the context, of `max_length` tokens but for the last.
        """
        ...

    def places(self, texts: Sequence[str], max_length: int) -> Encoded:
        """The token of each character, by its number in the row; see `places`."""
        ...


def plainly(tokenizer: Any, texts: Sequence[str], max_length: int) -> Encoded:
    """As the library itself does it."""
    if not texts:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    try:
        rows = tokenizer(
            list(texts),
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        return flatten(rows)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # as above
        refuse_broken(texts)
        raise unusable(Path(tokenizer.name_or_path), error) from error


def refuse_broken(texts: Sequence[str]) -> None:
    """Say which text no tokenizer takes: they only say that there is one.

    Raises:
        CorpusError: a text holds half of a surrogate pair, as JSON's escapes may.
    """
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise CorpusError(
                "text {text!a}: half of a surrogate pair, which is no character; mend or "
                "remove this row",
                text=text[:40],
            ) from error


def flatten(rows: Sequence[Sequence[int]]) -> Encoded:
    """Rows of ids as two arrays."""
    lengths = np.fromiter(map(len, rows), np.int32, len(rows))
    return lengths, np.fromiter(chain.from_iterable(rows), np.int32, int(lengths.sum()))


def unusable(folder: Path, error: BaseException) -> ModelError:
    """One line for a tokenizer that cannot be used, whatever its library said."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return ModelError(
        "{folder}: its tokenizer cannot be used ({reason}); give --model a folder with "
        "the model's own tokenizer files, or fetch them again",
        folder=folder,
        reason=reason[:200],
    )


def quiet_transformers() -> Any:
    """The library, saying nothing, and without scikit-learn and SciPy.

    It would import those only because they exist, which costs every process seconds.
    """
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import transformers.utils.import_utils as import_utils

    import_utils._sklearn_available = import_utils._scipy_available = False
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
