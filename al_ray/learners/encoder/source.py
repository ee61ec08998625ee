"""Which encoder a name means. Imports neither torch nor transformers: the driver runs it."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from al_ray.corpus.rows import Corpus
from al_ray.corpus.tokens.kobert import MODEL_FILE, PAD_ID
from al_ray.errors import ModelError
from al_ray.io.reading import open_regular, parse_json, read_small
from al_ray.io.storage import Storage, is_remote, said
from al_ray.language import tr
from al_ray.learners.encoder import mini

if TYPE_CHECKING:
    from al_ray.corpus.reading.hub import Choose

HUB = {"kobert": "monologg/kobert", "distilkobert": "monologg/distilkobert"}
"""Short names of encoders on the hub."""

REVISIONS = {
    # The newest of the main branch; its model.safetensors is the conversion of pytorch_model.bin.
    "monologg/kobert": "38279184ba645e8c94d709fbe92eb5bcb47312c1",
    # Adds model.safetensors (refs/pr/1, since merged); later there is a README and a program more.
    "monologg/distilkobert": "37c8d2104582e75f913c7ddfaf4ed80825e41ff8",
}
"""The commit that is used of a repository; of others it is the newest of the main branch."""

OFFSET_TYPES = (
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "luke",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
)
"""Kinds that count positions from the pad id + 1, as RoBERTa does."""

PACKED = ("bert", "electra", "roberta", "xlm-roberta")
"""Kinds whose layers are BERT's, so that their rows can be put end to end."""

_NO_ENCODER = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "DoubleHeadsModel")
"""How the architectures end that read from left to right, or write."""

_SMALL = (
    "added_tokens.json",
    "config.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)

_CONFIGURATIONS = (
    "added_tokens.json",
    "config.json",
    "special_tokens_map.json",
    "tokenizer_config.json",
)

_MOST = {
    "num_hidden_layers": 1000,
    "n_layers": 1000,
    "num_labels": 10**6,
    "hidden_size": 10**5,
    "dim": 10**5,
    "intermediate_size": 10**6,
    "type_vocab_size": 10**6,
    "vocab_size": 10**7,
    "max_position_embeddings": 10**7,
}
"""What a configuration may ask for: Transformers makes as many as it says, until memory is full."""

LARGEST_VOCABULARY = 2**28
"""Bytes of a file of the tokenizer: those of a million tokens have some tens of megabytes."""


@dataclass(frozen=True)
class ModelSource:
    """An encoder folder.

    Attributes:
        name: as the user gave it, without folders.
        folder: with configuration, tokenizer and (but for `mini`) weights.
        digest: of the content of the files that are used.
        notes: what a person should know of it, one sentence each.
    """

    name: str
    folder: Path
    digest: str
    notes: tuple[str, ...] = ()


def resolve(model: str, corpus: Corpus, cache: Path) -> ModelSource:
    """Find or make the encoder's folder.

    Raises:
        ModelError: no such folder, nothing loadable in it, or the hub cannot be reached.
    """
    notes = []
    if model == "mini":
        folder = mini.build(corpus, cache)
    elif is_remote(model):
        folder = _fetch(model, cache)
        model = said(model).partition("?")[0].rstrip("/")
    elif os.path.isdir(path := os.path.expanduser(model)):
        folder = Path(path).resolve()
    elif model in HUB or _may_be_hub_id(model):
        folder = _download(model, HUB.get(model, model))
        notes.append(f"From the hub: {HUB.get(model, model)} at {folder.name[:12]}.")
    else:
        raise ModelError(
            "--model {model}: no such folder; give an encoder folder, or a hub id", model=model
        )
    if not os.path.lexists(folder / "config.json"):
        raise ModelError(
            "--model {model}: {path} is missing; give a Hugging Face folder",
            model=model,
            path=folder / "config.json",
        )
    _check_files(model, folder)
    config = _config(folder)
    _check_kind(model, folder, config)
    if any(folder.glob("tokenizer_*.model")):
        _check_kobert(model, folder, config)
    if model != "mini" and not has_weights(folder):
        raise ModelError(
            "--model {model}: {folder} holds no weights (model.safetensors or "
            "pytorch_model.bin, all its parts); give a folder that does",
            model=model,
            folder=folder,
        )
    name = Path(model).name or folder.name
    try:
        digest = _digest(folder)
    except (OSError, ValueError) as error:
        raise ModelError(
            "--model {model}: cannot be read ({error}); check the folder", model=model, error=error
        ) from error
    return ModelSource(name, folder, digest, tuple(notes))


def has_weights(folder: Path) -> bool:
    """Whether there is anything to load, which is what makes an encoder a pretrained one.

    `mini` has none, since it is drawn per seed.
    """
    return bool(weight_files([path.name for path in folder.iterdir()]))


def has_dropout(folder: Path) -> bool:
    """Whether the encoder has any, as far as its configuration tells; what it leaves out it may."""
    rates = [
        value
        for name, value in _config(folder).items()
        if "dropout" in name and isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return any(rates) or not rates


def check_length(model: ModelSource, max_length: int) -> None:
    """Refuse texts longer than the encoder has positions for.

    Raises:
        ModelError: naming the largest length.
    """
    positions = longest(model.folder)
    if positions is not None and max_length > positions:
        raise ModelError(
            "--max-length {length}: {name} has positions for {positions} tokens; "
            "give {positions} or fewer",
            length=max_length,
            name=model.name,
            positions=positions,
        )


def longest(folder: Path) -> int | None:
    """Tokens that the encoder has positions for, [CLS] and [SEP] included; None: no such limit."""
    config = _config(folder)
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        return None
    if config.get("model_type") in OFFSET_TYPES:
        pad_id = config.get("pad_token_id")
        positions -= (pad_id if isinstance(pad_id, int) else 1) + 1
    return positions


def width(folder: Path) -> int:
    """Of the encoder's vectors, as its configuration tells."""
    config = _config(folder)
    for name in ("hidden_size", "dim", "d_model"):
        if isinstance(value := config.get(name), int):
            return value
    return 768


def packs(folder: Path) -> bool:
    """Whether its rows are put end to end, and not padded."""
    config = _config(folder)
    absolute = config.get("position_embedding_type", "absolute") == "absolute"
    return config.get("model_type") in PACKED and absolute and not config.get("is_decoder")


def feeds_pooler(folder: Path) -> bool:
    """Whether one layer on the pooler is all of the encoder's own head; others have more layers."""
    return _config(folder).get("model_type") in ("albert", "bert")


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = parse_json(read_small(folder / "config.json"))
    return config


def _check_files(model: str, folder: Path) -> None:
    """Refuse what the libraries, minutes later and in other processes, would not say in one line:
    files that wait for a writer, that are too large, and JSON that is none."""
    path = folder
    try:
        names = [path.name for path in folder.iterdir()]
        for name in sorted({*_small(names), *weight_files(names)}):
            path = folder / name
            if name in _CONFIGURATIONS or name.endswith(".index.json"):
                if not isinstance(parse_json(read_small(path)), dict):
                    raise ValueError(tr("not an object"))
                continue
            with open_regular(path) as file:
                size = os.fstat(file.fileno()).st_size
            if name in _small([name]) and size > LARGEST_VOCABULARY:
                raise ValueError(tr("has more than {n:,} bytes", n=LARGEST_VOCABULARY))
    except (ValueError, OSError) as error:
        raise ModelError(
            "--model {model}: {path} cannot be read ({error}); fetch it again",
            model=model,
            path=path,
            error=error,
        ) from error


def _check_kind(model: str, folder: Path, config: dict[str, Any]) -> None:
    """An encoder, as far as its configuration tells."""
    where = f"--model {model}: {folder / 'config.json'}"
    if not (isinstance(kind := config.get("model_type"), str) and kind):
        raise ModelError("{where} names no model_type; give the folder of an encoder", where=where)
    names = config.get("architectures")
    for name in names if isinstance(names, list) else []:
        if str(name).endswith(_NO_ENCODER):
            raise ModelError(
                "{where} is of {name}, no encoder; give one, such as klue/bert-base",
                where=where,
                name=name,
            )
    for name, most in _MOST.items():
        if isinstance(value := config.get(name), int) and value > most:
            raise ModelError(
                "{where} has {name} {n}, more than any encoder; correct it",
                where=where,
                name=name,
                n=str(value)[:20],
            )
    if config.get("is_decoder"):
        raise ModelError("{where} has is_decoder, so it is no encoder; give one", where=where)


def _check_kobert(model: str, folder: Path, config: dict[str, Any]) -> None:
    """KoBERT pads with 1, where BERT pads with 0: with 0, padding would be the unknown token."""
    if not (folder / "vocab.txt").is_file():
        raise ModelError(
            "--model {model}: {folder} has KoBERT's tokenizer, but no vocab.txt; add the model's",
            model=model,
            folder=folder,
        )
    if (pad_id := config.get("pad_token_id", 0)) != PAD_ID:
        raise ModelError(
            "--model {model}: pad_token_id in {path} is {found}, and KoBERT's is "
            "{wanted}; correct it",
            model=model,
            path=folder / "config.json",
            found=pad_id,
            wanted=PAD_ID,
        )


def _fetch(model: str, cache: Path) -> Path:
    """Copy the files that are used from an object store."""
    storage = Storage(model, "--model")
    names = storage.tree(1) or []
    if "config.json" not in names:
        raise ModelError(
            "--model {address}: config.json is missing there; give a Hugging Face folder",
            address=storage.address,
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".encoder-") as temp:
        folder = Path(temp, "encoder")
        folder.mkdir()
        for name in {*_small(names), *weight_files(names)}:
            storage.fetch(name, folder / name)
        target = cache / f"encoder-{_digest(folder)[:20]}"
        if not target.exists():
            with suppress(OSError):  # another start was first, with the same content
                folder.rename(target)
    return target


# --- from the hub -------------------------------------------------------------------------------


def _may_be_hub_id(model: str) -> bool:
    return model.count("/") == 1 and not model.startswith((".", "/", "~"))


def _download(model: str, hub_id: str) -> Path:
    from al_ray.corpus.reading.hub import Unavailable, fetch

    required = (MODEL_FILE, "vocab.txt") if hub_id in HUB.values() else ()
    try:
        return fetch(hub_id, "model", REVISIONS.get(hub_id), _choose(required))
    except Unavailable as error:
        raise ModelError(
            "--model {model}: {hub_id} cannot be had from the hub ({reason}); {remedy}, "
            "or give --model a folder that holds the encoder",
            model=model,
            hub_id=hub_id,
            reason=error.reason,
            remedy=error.remedy,
        ) from error


def _choose(required: Sequence[str]) -> Choose:
    """Configuration, tokenizer and one set of weights; no program, no other library's weights."""
    from al_ray.corpus.reading.hub import Unavailable

    def choose(names: Sequence[str]) -> list[str]:
        for name in ("config.json", *required):
            if name not in names:
                raise Unavailable(tr("it has no {file}", file=name), tr("name another"))
        if not (weights := weight_files(names)):
            raise Unavailable(
                tr("it has no model.safetensors or pytorch_model.bin"), tr("name another")
            )
        return _small(names) + weights

    return choose


def _small(names: Sequence[str]) -> list[str]:
    return sorted(
        name for name in names if name in _SMALL or ("/" not in name and name.endswith(".model"))
    )


def weight_files(names: Sequence[str]) -> list[str]:
    """The files that Transformers loads: safetensors where there are both; [] where none is whole.

    Args:
        names: of the files there are.
    """
    for stem, ending in (("model", "safetensors"), ("pytorch_model", "bin")):
        if f"{stem}.{ending}" in names:
            return [f"{stem}.{ending}"]
        index = f"{stem}.{ending}.index.json"
        parts = [re.fullmatch(rf"{stem}-\d+-of-(\d+)\.{ending}", name) for name in names]
        shards = {part[0]: int(part[1]) for part in parts if part}
        if index in names and shards and all(n == len(shards) for n in shards.values()):
            return [index, *sorted(shards)]
    return []


def _digest(folder: Path) -> str:
    """Of names and contents of the files that are used; not of where they lie."""
    total = hashlib.blake2b(digest_size=16)
    names = [path.name for path in folder.iterdir() if path.is_file()]
    for name in sorted({*_small(names), *weight_files(names)}):
        with open_regular(folder / name) as file:
            content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
        total.update(f"{name}\x00{content.hexdigest()}\x00".encode())
    return total.hexdigest()
