"""What the benchmarks share: both sides in one run, by turns, with the machine's ceiling beside."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from al_ray.corpus.reading.read import read
from al_ray.corpus.tokens.tokenisers import open_tokeniser
from al_ray.corpus.tokens.tokenising import quiet_transformers
from al_ray.learners.encoder import fit, predict
from al_ray.strategies import build
from al_ray.study.chooser import Query
from al_ray.study.learner import Learner, Source
from al_ray.study.training import Training
from al_ray.study.trajectory import Schedule, TrajectoryConfig

KOBERT = {
    "vocab_size": 8002,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "pad_token_id": 1,
}
"""KoBERT's shape. Its weights could not be had; what a pass costs does not depend on them."""

SIDE = 2048
"""Of the square matrices whose product is the ceiling."""


class Texts:
    """Token ids in memory, as the encoder's functions read them."""

    def __init__(self, lengths: NDArray[np.int32], ids: NDArray[np.int32], pad_id: int) -> None:
        self.lengths, self.pad_id = lengths, pad_id
        self._rows = np.split(ids, np.cumsum(lengths)[:-1])

    def __getitem__(self, row: int) -> NDArray[np.int32]:
        return self._rows[row]

    def read_together(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Each row is one sequence."""
        return self.lengths[rows].astype(np.int64)

    def below(self, vocabulary: int) -> Texts:
        """The same with other ids, for a model of fewer tokens."""
        return Texts(self.lengths, np.concatenate(self._rows) % vocabulary, self.pad_id)


def kobert_shaped(labels: int = 2, seed: int = 0) -> Any:
    """A random classifier of KoBERT's shape."""
    transformers = quiet_transformers()
    torch.manual_seed(seed)
    config = transformers.BertConfig(**KOBERT, num_labels=labels)
    return transformers.AutoModelForSequenceClassification.from_config(config).eval()


def trajectory(
    training: Training, rates: tuple[float, ...], strategy: str, size: int, steps: int, seed: int
) -> TrajectoryConfig:
    """A cold one on a corpus and a model that are only names."""
    return TrajectoryConfig(
        corpus=Source(name="corpus", digest="c"),
        learner=Learner(model=Source(name="model", digest="m"), training=training, rates=rates),
        chooser=Query(strategy=strategy, family=build(strategy).family),
        schedule=Schedule(initial=size, step_size=size, steps=steps),
        seed=seed,
        validation=0,
    )


def nsmc(folder: Path, number: int) -> list[tuple[str, int]]:
    """The first reviews of NSMC's train file that are not empty, and their labels."""
    found: list[tuple[str, int]] = []
    with (folder / "ratings_train.txt").open(encoding="utf-8") as file:
        next(file)
        for line in file:
            _, text, label = line.rstrip("\n").split("\t")
            if text.strip():
                found.append((text, int(label)))
            if len(found) == number:
                return found
    raise SystemExit(f"{folder}: fewer than {number} reviews")


def reviews(folder: Path, number: int) -> list[str]:
    return [text for text, _ in nsmc(folder, number)]


def sentiments(folder: Path, number: int) -> list[int]:
    return [label for _, label in nsmc(folder, number)]


def texts_of(folder: Path, number: int) -> list[str]:
    """The first texts of a corpus that al_ray reads."""
    return list(read(folder).train.texts[:number])


def joined(texts: Texts, many: int, length: int) -> Texts:
    """Real ids, put together to so many texts of so many tokens."""
    ids = np.concatenate([texts[row] for row in range(len(texts.lengths))])
    ids = np.resize(ids, many * length).astype(np.int32)
    return Texts(np.full(many, length, np.int32), ids, texts.pad_id)


def encoder(folder: Path, labels: int = 2) -> Any:
    """A classifier on a pretrained encoder."""
    transformers = quiet_transformers()
    torch.manual_seed(0)
    return transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=labels
    )


def tokenised(texts: Sequence[str], tokenizer: Path, most: int) -> Texts:
    opened = open_tokeniser(tokenizer)
    return Texts(*opened.encode(list(texts), most), opened.pad_id)


def settings(precision: str, threads: int, **facts: Any) -> Training:
    """A recipe for the encoder's functions."""
    given = {"learning_rate": 2e-5, "batch_size": 12, "max_length": 150, "token_budget": 4096}
    return Training(
        recipe="seed", epochs=1, precision=precision, threads=threads, **{**given, **facts}
    )


@contextmanager
def padding() -> Iterator[None]:
    """Within, al_ray pads its batches, as it does for encoders that it cannot put end to end."""
    own = fit.can_pack
    try:
        fit.can_pack = predict.can_pack = lambda _: False
        yield
    finally:
        fit.can_pack = predict.can_pack = own


def padded(run: Callable[[], Any]) -> Callable[[], Any]:
    """The same with padding."""

    def other() -> Any:
        with padding():
            return run()

    return other


def by_turns(
    sides: Mapping[str, Callable[[], Any]], rounds: int, device: str = "cpu", warm: bool = True
) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Seconds of each side in each round, one after another within a round; and what each gave."""
    gave: dict[str, Any] = {name: run() for name, run in sides.items()} if warm else {}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, run in sides.items():
            wait(device)
            start = time.perf_counter()
            gave[name] = run()
            wait(device)
            times[name].append(time.perf_counter() - start)
    return times, gave


def wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median and range."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def ratios(slow: Sequence[float], fast: Sequence[float]) -> dict[str, Any]:
    """Of two sides, round by round."""
    return spread([a / b for a, b in zip(slow, fast, strict=True)])


def products(device: str) -> dict[str, Callable[[], Any]]:
    """The ceiling: products of two square matrices, 2 x SIDE^3 operations each."""
    repeat = 100 if device == "cuda" else 1
    sides: dict[str, Callable[[], Any]] = {}
    for name, kind in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a, b = (torch.randn(SIDE, SIDE, device=device).to(kind) for _ in range(2))
        times = repeat * (8 if kind is torch.bfloat16 else 2)

        def run(a: torch.Tensor = a, b: torch.Tensor = b, times: int = times) -> int:
            with torch.inference_mode():
                for _ in range(times):
                    torch.nn.functional.linear(a, b)
            return times

        sides[f"product {name}"] = run
    return sides


def product_rate(seconds: Sequence[float], times: int) -> list[float]:
    """Operations a second in each round."""
    return [2 * SIDE**3 * times / s for s in seconds]


def operations(config: Any, lengths: NDArray[Any]) -> float:
    """Multiplications and additions of a forward pass over real tokens; attention included.

    A layer: 8 width^2 for query, key, value and output, 4 width x inner for the rest, and
    4 length x width for attention, each token.
    """
    width, inner = config.hidden_size, config.intermediate_size
    each = 8 * width**2 + 4 * width * inner + 4 * lengths.astype(np.float64) * width
    return float(config.num_hidden_layers * (lengths * each).sum())


def left_out(config: Any, lengths: NDArray[Any]) -> float:
    """The share of them that al_ray leaves out where it puts rows end to end.

    In the last layer only a row's first token is read, so that the others need keys and values.
    """
    width, inner, long = config.hidden_size, config.intermediate_size, lengths.astype(np.float64)
    each = 4 * width**2 + 4 * width * inner + 4 * long * width
    return float(((long - 1) * each).sum()) / operations(config, lengths)
