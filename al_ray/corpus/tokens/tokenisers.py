"""Texts to token ids, by the tokeniser that a model was trained with.

For child processes: what is loaded here costs seconds and memory that the driver has no use for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from al_ray.corpus.tokens.kobert import Kobert
from al_ray.corpus.tokens.places import by_library, pairs_by_library
from al_ray.corpus.tokens.tokenising import (
    Encoded,
    Tokeniser,
    plainly,
    quiet_transformers,
    unusable,
)
from al_ray.errors import ModelError
from al_ray.io.reading import parse_json, read_small


def open_tokeniser(folder: Path) -> Tokeniser:
    """The tokeniser in a model's folder.

    KoBERT's is known by its SentencePiece model's name and has a class of its own, since
    AutoTokenizer takes it for BERT's and gives other ids without a word.

    Raises:
        ModelError: there is none that can be used.
    """
    try:
        if any(folder.glob("tokenizer_*.model")):
            return Kobert(folder)
        return Library(folder)
    except (ModelError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the libraries raise many kinds, of which Rust's is no error
        raise unusable(folder, error) from error


def check_kind(folder: Path) -> int | None:
    """Refuse a kind of model that cannot be built; answers with its number of token ids.

    Raises:
        ModelError: Transformers has no classifier of this kind.
    """
    path = folder / "config.json"
    if not path.is_file():
        return None
    config = parse_json(read_small(path))  # the driver has found it in order
    quiet_transformers()
    # Not from the package, which has a stand-in for it where torch is switched off.
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES as KNOWN,
    )

    kind = config.get("model_type")
    if kind not in KNOWN:
        raise ModelError(
            "{path}: Transformers has no classifier of model_type {kind!r}; give --model "
            "an encoder that it knows",
            path=path,
            kind=kind,
        )
    size = config.get("vocab_size")
    return size if isinstance(size, int) else None


class Library:
    """A tokeniser that Transformers knows."""

    def __init__(self, folder: Path) -> None:
        transformers = quiet_transformers()
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False
        )
        if self._tokenizer.pad_token_id is None:
            raise ModelError(
                "{folder}: the tokenizer has no padding token; name one as pad_token in "
                "tokenizer_config.json",
                folder=folder,
            )
        self.pad_id: int = self._tokenizer.pad_token_id
        self.size = 1 + max(self._tokenizer.get_vocab().values())
        self.special_ids = frozenset(self._tokenizer.all_special_ids) - {
            self._tokenizer.unk_token_id
        }

    def encode(self, texts: Sequence[str], max_length: int) -> Encoded:
        """See `Tokeniser`."""
        return plainly(self._tokenizer, texts, max_length)

    def places(self, texts: Sequence[str], max_length: int) -> Encoded:
        """See `Tokeniser`."""
        return by_library(self._tokenizer, texts, max_length)

    def pairs(self, texts: Sequence[str], max_length: int) -> tuple[Encoded, Encoded]:
        """See `Tokeniser`."""
        return pairs_by_library(self._tokenizer, texts, max_length)
