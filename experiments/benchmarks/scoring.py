"""How fast a pool is scored: al_ray, small-text, and a Hugging Face loop in file order.

python experiments/benchmarks/scoring.py --data NSMC --tokenizer KOBERT

A random classifier of KoBERT's shape over NSMC's reviews, cut at 150 tokens, and over texts of 512
tokens. Results are compared first. small-text's `predict_proba` is as it comes: batches of 12, all
texts padded to the maximum. The loop pads to a batch's longest text and tries several batch sizes;
the best of them counts. Shares of the ceiling are operations on real tokens, attention included,
against products of matrices timed in the same rounds: all that the module is written with, and
those that are done, which in the last layer are fewer. With `--padded` our own batches of reviews
are padded, too, to see what rows put end to end save. With `--device cuda` on a GPU, without
small-text; nothing here imports Ray.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import (
    Texts,
    by_turns,
    joined,
    kobert_shaped,
    left_out,
    operations,
    padded,
    product_rate,
    products,
    ratios,
    reviews,
    sentiments,
    settings,
    spread,
    tokenised,
)
from machine import main, table
from numpy.typing import NDArray
from scipy.special import log_softmax
from scipy.stats import spearmanr

from al_ray.learners.encoder.batches import by_length, pad
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.load import load
from al_ray.learners.encoder.predict import logits
from al_ray.learners.encoder.process import set_up

LONGEST = 150
BATCHES = (1, 8, 32)


def loop(module: Any, texts: Texts, batch: int, device: str) -> NDArray[np.float32]:
    """In file order, padded to the longest of a batch."""
    out = []
    with torch.inference_mode():
        for start in range(0, len(texts.lengths), batch):
            rows = np.arange(start, min(start + batch, len(texts.lengths)))
            ids, mask = (torch.from_numpy(x).to(device) for x in pad(texts, rows))
            out.append(module(input_ids=ids, attention_mask=mask).logits.float().cpu().numpy())
    return np.concatenate(out)


def small_text(module: Any, texts: Texts) -> Callable[[], NDArray[np.float64]] | None:
    """Its `predict_proba` on the same ids, or None where it is not installed."""
    try:
        from small_text import (
            TransformerBasedClassification,
            TransformerModelArguments,
            TransformersDataset,
        )
    except ImportError:
        return None
    classifier = TransformerBasedClassification(TransformerModelArguments("none"), 2, device="cpu")
    classifier.model = module
    data = []
    for row, length in enumerate(texts.lengths):
        ids = np.full((1, LONGEST), texts.pad_id)
        ids[0, :length] = texts[row]
        mask = (np.arange(LONGEST) < length).astype(np.int64)[None]
        data.append((torch.from_numpy(ids), torch.from_numpy(mask), 0))
    dataset = TransformersDataset(data, target_labels=np.arange(2))
    return lambda: np.log(classifier.predict_proba(dataset))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    set_up(options.device, options.threads)
    device = options.device
    module = kobert_shaped().to(device)
    texts = tokenised(reviews(options.data, options.rows), options.tokenizer, LONGEST)
    found = {
        "reviews": of_reviews(module, texts, options),
        "at 512": at_512(module, texts, options),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
    }
    if options.model is not None:
        found["reviews"]["rank_correlation_trained_model"] = trained(options)
    return found


def trained(options: argparse.Namespace) -> float:
    """Spearman's, of margins in bfloat16 and in float32, by a model that has learnt something.

    A random one says nearly the same of all texts, so that rounding decides how they rank.
    """
    module = load(options.model, 2, 0).to(options.device)
    texts = tokenised(reviews(options.data, 640), options.model, LONGEST)
    labels = np.array(sentiments(options.data, 640), np.int32)
    given = settings("float32", options.threads, updates=100, learning_rate=1e-4)
    fit(module, texts, np.arange(240), labels[:240], given, 1e-4, 0, 0)
    rows, margins = np.arange(240, 640), []
    for precision in ("float32", "bfloat16"):
        said = logits(module, texts, rows, settings(precision, options.threads))
        margins.append(np.abs(said[:, 0] - said[:, 1]))
    return float(spearmanr(*margins).statistic)


def ours(module: Any, texts: Texts, precision: str, options: Any) -> Callable[[], Any]:
    budget = 65536 if options.device == "cuda" else 4096
    training = settings(precision, options.threads, token_budget=budget)
    rows = np.arange(len(texts.lengths))
    return lambda: logits(module, texts, rows, training)


def of_reviews(module: Any, texts: Texts, options: Any) -> dict[str, Any]:
    peer = small_text(module, texts) if options.device == "cpu" else None
    tried = {size: lambda size=size: loop(module, texts, size, options.device) for size in BATCHES}
    once, _ = by_turns(tried, 1, options.device, warm=False)
    best = min(once, key=lambda size: once[size][0])
    sides = {
        "loop": tried[best],
        "float32": ours(module, texts, "float32", options),
        "bfloat16": ours(module, texts, "bfloat16", options),
        **products(options.device),
    }
    if peer is not None:
        sides = {"small-text": peer} | sides
    if options.padded:
        sides |= {f"{kind}, padded": padded(sides[kind]) for kind in ("float32", "bfloat16")}
    times, gave = by_turns(sides, options.rounds, options.device)
    full, half = gave["float32"], gave["bfloat16"]
    margins = [np.abs(x[:, 0] - x[:, 1]) for x in (full, half)]
    batches = list(by_length(texts.lengths, 4096))
    places = sum(len(b) * int(texts.lengths[b].max()) for b in batches)
    real = int(texts.lengths.sum())
    found: dict[str, Any] = {
        "rows": len(texts.lengths),
        "tokens": real,
        "loop_batch": best,
        "logit_difference_loop": float(np.abs(gave["loop"] - full).max()),
        "rank_correlation_random_model": float(spearmanr(*margins).statistic),
        "padding_share_by_length": 1 - real / places,
        "padding_share_small_text": 1 - real / (LONGEST * len(texts.lengths)),
        "sides": {},
        "ratios": {
            "float32 to loop": ratios(times["loop"], times["float32"]),
            "bfloat16 to loop": ratios(times["loop"], times["bfloat16"]),
        },
    }
    if peer is not None:
        # It gives probabilities, so logits up to a constant a row.
        away = np.abs(gave["small-text"] - log_softmax(full.astype(np.float64), axis=1)).max()
        found["logit_difference_small_text"] = float(away)
        for kind in ("float32", "bfloat16"):
            found["ratios"][f"{kind} to small-text"] = ratios(times["small-text"], times[kind])
    for name in sides:
        if not name.startswith("product"):
            kind = "bfloat16" if name.startswith("bf") else "float32"
            found["sides"][name] = shares(times, gave, name, kind, module.config, texts.lengths)
    return found


def at_512(module: Any, texts: Texts, options: Any) -> dict[str, Any]:
    """Real ids, put together to texts of 512 tokens."""
    many = 256 if options.device == "cuda" else options.long
    long = joined(texts, many, 512)
    sides = {
        "float32": ours(module, long, "float32", options),
        "bfloat16": ours(module, long, "bfloat16", options),
        **products(options.device),
    }
    times, gave = by_turns(sides, options.rounds, options.device)
    return {
        "rows": many,
        "sides": {
            kind: shares(times, gave, kind, kind, module.config, long.lengths)
            for kind in ("float32", "bfloat16")
        },
    }


def shares(
    times: Any, gave: Any, name: str, kind: str, config: Any, lengths: NDArray[Any]
) -> dict[str, Any]:
    ceiling = product_rate(times[f"product {kind}"], gave[f"product {kind}"])
    work, done = operations(config, lengths), 1.0
    if name in ("float32", "bfloat16"):  # put end to end
        done -= left_out(config, lengths)
    share = [work / s / c for s, c in zip(times[name], ceiling, strict=True)]
    return {
        "rows_per_second": spread([len(lengths) / s for s in times[name]]),
        "tokens_per_second": spread([int(lengths.sum()) / s for s in times[name]]),
        "ceiling_gflops": spread([c / 1e9 for c in ceiling]),
        "share_of_ceiling": spread(share),
        "share_done": spread([each * done for each in share]),
    }


def show(found: dict[str, Any]) -> None:
    for part in ("reviews", "at 512"):
        rows = [
            (
                name,
                f"{facts['rows_per_second']['median']:.1f}",
                f"{facts['tokens_per_second']['median']:,.0f}",
                f"{facts['share_of_ceiling']['median']:.0%}",
                f"{facts['share_done']['median']:.0%}",
                f"{facts['ceiling_gflops']['median']:,.0f}",
            )
            for name, facts in found[part]["sides"].items()
        ]
        table(
            f"Scoring, {part}: {found[part]['rows']} rows",
            ("", "rows/s", "real tokens/s", "of the ceiling", "done", "ceiling, GFLOP/s"),
            rows,
        )
    one = found["reviews"]
    ratio = [
        (name, f"{facts['median']:.1f}", f"{facts['least']:.1f} to {facts['most']:.1f}")
        for name, facts in one["ratios"].items()
    ]
    table("Times as fast", ("", "median", "range"), ratio)
    facts = [(name, f"{value:.3g}") for name, value in one.items() if isinstance(value, float)]
    table("Equal work", ("", ""), facts)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, help="an encoder to be trained, for rank correlation")
    parser.add_argument("--rows", type=int, default=240, help="reviews; default: 240")
    parser.add_argument("--padded", action="store_true", help="our own side with padding, too")
    parser.add_argument("--long", type=int, default=16, help="texts of 512 tokens; default: 16")


if __name__ == "__main__":
    main("scoring", __doc__, ("data", "tokenizer", "device"), arguments, measure, show)
