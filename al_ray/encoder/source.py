"""Which encoder a name means. Imports neither torch nor transformers: the driver runs it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from al_ray.corpus.rows import Corpus
from al_ray.encoder import mini
from al_ray.errors import ModelError

HUB = {"kobert": "monologg/kobert", "distilkobert": "monologg/distilkobert"}
"""Short names of encoders on the hub."""

WEIGHT_FILES = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)

LEARNING_RATE = {"kobert": 2e-5, "distilkobert": 2e-5, "mini": 2e-3}
DEFAULT_LEARNING_RATE = 1e-4


@dataclass(frozen=True)
class ModelSource:
    """An encoder folder.

    Attributes:
        name: as the user gave it, without folders.
        folder: with configuration, tokenizer and (but for `mini`) weights.
        digest: of the files' content.
    """

    name: str
    folder: Path
    digest: str


def learning_rate(model: str) -> float:
    """The default rate, which belongs to the model."""
    return LEARNING_RATE.get(model, DEFAULT_LEARNING_RATE)


def resolve(model: str, corpus: Corpus, cache: Path) -> ModelSource:
    """Find or make the encoder's folder.

    Raises:
        ModelError: no such folder, nothing loadable in it, or the hub cannot be reached.
    """
    if model == "mini":
        folder = mini.build(corpus, cache)
    elif (path := Path(os.path.expanduser(model))).is_dir():
        folder = path.resolve()
    elif model in HUB or _may_be_hub_id(model):
        folder = _download(model, HUB.get(model, model))
    else:
        raise ModelError(f"--model {model}: no such folder; give an encoder folder, or a hub id")
    config = folder / "config.json"
    if not config.exists():
        raise ModelError(f"--model {model}: {config} is missing; give a Hugging Face folder")
    try:
        kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError, OSError) as error:
        raise ModelError(f"--model {model}: {config} cannot be read ({error})") from error
    if not kind:
        raise ModelError(f"--model {model}: {config} names no model_type; is it an encoder?")
    if model != "mini" and not has_weights(folder):
        raise ModelError(
            f"--model {model}: {folder} holds no weights ({' or '.join(WEIGHT_FILES[:2])}); give a "
            "folder that does"
        )
    if any(folder.glob("tokenizer_*.model")):
        raise ModelError(
            f"--model {model}: KoBERT's tokenizer needs a class of its own, which is not wired in "
            "yet, and would be mis-loaded without; give another encoder"
        )
    name = Path(model).name or folder.name
    return ModelSource(name, folder, _digest(folder))


def has_weights(folder: Path) -> bool:
    """Whether there is anything to load; `mini` has none, since it is drawn per seed."""
    return any((folder / name).exists() for name in WEIGHT_FILES)


def check_length(model: ModelSource, max_length: int) -> None:
    """Refuse texts longer than the encoder has positions for.

    Raises:
        ModelError: naming the largest length.
    """
    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int):
        return
    if config["model_type"] in ("roberta", "xlm-roberta", "camembert"):
        positions -= config.get("pad_token_id", 1) + 1  # positions are counted from the pad id on
    if max_length > positions:
        raise ModelError(
            f"--max-length {max_length}: {model.name} has positions for {positions} tokens; give "
            f"{positions} or fewer"
        )


def _may_be_hub_id(model: str) -> bool:
    return model.count("/") == 1 and not model.startswith((".", "/", "~"))


def _download(model: str, hub_id: str) -> Path:
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model.bin"]
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns))
    except Exception as error:  # the hub's client raises many kinds, and wraps others
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"--model {model}: {hub_id} cannot be had from the hub ({reason}); connect to it once, "
            "or give --model a folder that holds the encoder"
        ) from error


def _digest(folder: Path) -> str:
    """Of names and contents of the files that matter; not of where they lie."""
    total = hashlib.blake2b(digest_size=16)
    endings = (".json", ".txt", ".model", ".safetensors", ".bin")
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.endswith(endings):
            with path.open("rb") as file:
                content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16))
            total.update(f"{path.name}\x00{content.hexdigest()}\x00".encode())
    return total.hexdigest()
