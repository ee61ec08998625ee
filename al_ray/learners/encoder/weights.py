"""Whether weight files are whole and hold nothing but weights, without loading them.

Loading is the actors' work, minutes later; here a few bytes tell what a download that was cut short
and a hostile pickle are. Nothing is unpickled. Imports neither torch nor transformers.
"""

from __future__ import annotations

import io
import pickletools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from al_ray.errors import ModelError
from al_ray.io.reading import open_regular, parse_json
from al_ray.learners.encoder.source import ModelSource, feeds_pooler, weight_files
from al_ray.study.training import Training

_PICKLE = "pkl"
_OLD_HEADERS = 4
"""Pickles in a file of before PyTorch 1.6 that come before its tensors, the state dict the last."""

_LARGEST_HEADER = 100_000_000
"""Bytes that tell of the tensors; safetensors itself reads no header of more."""

_ROOMS = ("torch", "collections", "numpy", "_codecs")
"""Packages whose names the pickle of a state dict has; `weights_only` then looks at each name."""


def check_weights(model: ModelSource) -> None:
    """Refuse weight files that are cut short, or pickles that name more than tensors.

    Raises:
        ModelError: naming the file.
    """
    for name in weight_files([path.name for path in model.folder.iterdir()]):
        path = model.folder / name
        try:
            if path.suffix == ".safetensors":
                _check_safetensors(path)
            elif path.suffix == ".bin":
                _check_bin(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ModelError(
                "{path}: cannot be read ({reason}); fetch or copy it again",
                path=path,
                reason=reason,
            ) from None


def check_start(model: ModelSource, training: Training) -> None:
    """Refuse `--start linear` on what a layer that is drawn at random makes of a text.

    Raises:
        ModelError: the model's own pooling is asked for, and it has no pretrained one.
    """
    if training.start == "random" or training.pooling == "mean":
        return
    if not feeds_pooler(model.folder) or not any("pooler." in name for name in _tensors(model)):
        raise ModelError(
            "--start linear: {name} has no pretrained pooler, so what its own head is "
            "fed would be random; give --pooling mean",
            name=model.name,
        )


def _tensors(model: ModelSource) -> Iterator[str]:
    """Their names, and other strings there may be in a pickle; of files that are whole."""
    for name in weight_files([path.name for path in model.folder.iterdir()]):
        path = model.folder / name
        if path.suffix == ".safetensors":
            with open_regular(path) as file:
                yield from parse_json(file.read(struct.unpack("<Q", file.read(8))[0]))
        elif path.suffix == ".bin":
            for pickle in _pickles(path):
                yield from (said for _, said, _ in pickletools.genops(pickle) if type(said) is str)


def _check_safetensors(path: Path) -> None:
    """Eight bytes of length, that much JSON, and as many bytes as the JSON says."""
    size = path.stat().st_size
    with open_regular(path) as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(size - 8, _LARGEST_HEADER):
            raise ModelError(
                "{path}: is no safetensors file, or was cut short; fetch or copy it again",
                path=path,
            )
        try:
            header = parse_json(file.read(length))
            facts = [value for key, value in header.items() if key != "__metadata__"]
            end = max((int(fact["data_offsets"][1]) for fact in facts), default=0)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError):
            raise ModelError(
                "{path}: is no safetensors file; fetch or copy it again", path=path
            ) from None
    if 8 + length + end != size:
        raise ModelError(
            "{path}: has {n:,} bytes where its header says {of:,}; fetch or copy it again",
            path=path,
            n=size,
            of=8 + length + end,
        )


def _check_bin(path: Path) -> None:
    """A zip with a pickle in it or, before PyTorch 1.6, pickles one after another."""
    try:
        for name in (name for pickle in _pickles(path) for name in _names(pickle)):
            if name.partition(".")[0].partition(" ")[0] not in _ROOMS:
                raise ModelError(
                    "{path}: names {name!r}, which is no tensor: loading it would run a program; "
                    "give --model a folder with model.safetensors, from a source you trust",
                    path=path,
                    name=name[:60],
                )
    except (ValueError, zipfile.BadZipFile, EOFError, zlib.error, RuntimeError):
        # A RuntimeError says of a zip that it is encrypted, or packed in a way that is not known.
        raise ModelError(
            "{path}: is no file of weights, or was cut short; fetch or copy it again", path=path
        ) from None


def _pickles(path: Path) -> Iterator[IO[bytes]]:
    """Each at its beginning; to be read to its end before the next."""
    with open_regular(path) as file:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                (name,) = [n for n in archive.namelist() if n.rpartition(".")[2] == _PICKLE]
                with archive.open(name) as inside:
                    yield _start(inside)
        else:
            file.seek(0)
            start = _start(file)
            for _ in range(_OLD_HEADERS):
                yield start


def _start(file: IO[bytes]) -> IO[bytes]:
    """Where the pickles are: a string in one may say that it is as long as memory is."""
    return io.BytesIO(file.read(_LARGEST_HEADER))


def _names(file: IO[bytes]) -> Iterator[str]:
    """What a pickle would import, as `module name`; reads on to the pickle's end.

    Raises:
        ValueError: no pickle.
    """
    strings: list[str] = []
    for operation, argument, _ in pickletools.genops(file):
        if operation.name in ("GLOBAL", "INST"):
            yield str(argument)
        elif operation.name == "STACK_GLOBAL":
            # Memoised names may lie further back; then it is the reader that is careful.
            yield " ".join(strings[-2:])
        elif isinstance(argument, str):
            strings.append(argument)
