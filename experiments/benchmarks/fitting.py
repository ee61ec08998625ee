"""How fast a model is fine-tuned: al_ray against a Hugging Face loop with dynamic padding.

python experiments/benchmarks/fitting.py --data NSMC --tokenizer KOBERT

A random classifier of KoBERT's shape, NSMC's reviews cut at 150 tokens, batches of 12: what an
update costs, optimiser and clipping included. First one batch's loss, without dropout, is compared.
The loop pads a batch to its longest text and, as small-text does, to the maximum; AdamW as torch
makes it. Nothing here imports Ray; `--device cuda` runs it on a GPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from common import Texts, by_turns, kobert_shaped, ratios, reviews, settings, spread, tokenised
from machine import main, table
from numpy.typing import NDArray

from al_ray.learners.encoder.allocator import keep_freed
from al_ray.learners.encoder.batches import pad
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.predict import logits

LONGEST = 150
BATCH = 12
RATE = 2e-5


def loop(
    module: Any, texts: Texts, labels: NDArray[np.int32], updates: int, full: bool, device: str
) -> None:
    """`updates` batches in file order."""
    optimiser = torch.optim.AdamW(module.parameters(), lr=RATE)
    module.train()
    for update in range(updates):
        rows = np.arange(update * BATCH, (update + 1) * BATCH) % len(labels)
        ids, mask = pad(texts, rows)
        if full:
            more = LONGEST - ids.shape[1]
            ids = np.pad(ids, ((0, 0), (0, more)), constant_values=texts.pad_id)
            mask = np.pad(mask, ((0, 0), (0, more)))
        answer = module(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=torch.from_numpy(mask).to(device),
            labels=torch.from_numpy(labels[rows].astype(np.int64)).to(device),
        )
        answer.loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    torch.set_num_threads(options.threads)
    keep_freed()
    device, updates = options.device, options.updates
    module = kobert_shaped().to(device)
    texts = tokenised(reviews(options.data, updates * BATCH), options.tokenizer, LONGEST)
    rows = np.arange(updates * BATCH)
    labels = (rows % 2).astype(np.int32)
    said = logits(module, texts, rows[:BATCH], settings("float32", options.threads))
    with torch.inference_mode():
        ids, mask = (torch.from_numpy(x).to(device) for x in pad(texts, rows[:BATCH]))
        theirs = module(input_ids=ids, attention_mask=mask).logits.cpu().numpy()

    def ours(precision: str) -> Callable[[], Any]:
        given = settings(precision, options.threads, updates=updates, batch_size=BATCH, clip=1.0)
        return lambda: fit(module, texts, rows, labels, given, RATE, 0, 0)

    sides = {
        "loop, padded to the maximum": lambda: loop(module, texts, labels, updates, True, device),
        "loop, padded to the longest": lambda: loop(module, texts, labels, updates, False, device),
        "float32": ours("float32"),
        "bfloat16": ours("bfloat16"),
    }
    times, _ = by_turns(sides, options.rounds, device)
    tokens = int(texts.lengths.sum())
    return {
        "updates": updates,
        "tokens": tokens,
        "logit_difference": float(np.abs(said - theirs).max()),
        "seconds_an_update": {n: spread([s / updates for s in each]) for n, each in times.items()},
        "tokens_per_second": {n: spread([tokens / s for s in each]) for n, each in times.items()},
        "ratios": {
            f"{kind} to {name}": ratios(times[name], times[kind])
            for kind in ("float32", "bfloat16")
            for name in list(sides)[:2]
        },
    }


def show(found: dict[str, Any]) -> None:
    table(
        f"Fine-tuning, {found['updates']} updates of {BATCH} reviews",
        ("", "ms an update", "real tokens/s"),
        [
            (
                name,
                f"{each['median'] * 1e3:.0f}",
                f"{found['tokens_per_second'][name]['median']:,.0f}",
            )
            for name, each in found["seconds_an_update"].items()
        ],
    )
    table(
        "Times as fast",
        ("", "median", "range"),
        [
            (name, f"{each['median']:.1f}", f"{each['least']:.1f} to {each['most']:.1f}")
            for name, each in found["ratios"].items()
        ],
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--updates", type=int, default=8, help="in a round; default: 8")


if __name__ == "__main__":
    main("fitting", __doc__, ("data", "tokenizer", "device"), arguments, measure, show)
