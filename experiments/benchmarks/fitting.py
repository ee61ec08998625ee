"""How fast a model is fine-tuned: al_ray against a Hugging Face loop, and where the time goes.

python experiments/benchmarks/fitting.py --data NSMC --model ENCODER
    [--kobert-shaped] [--batch-size 12] [--longest 150] [--joined 512] [--profile] [--padded]

A corpus's texts, cut at so many tokens or joined to texts of so many: what an update costs,
optimiser and clipping included, in one process by turns. First one batch's loss, without dropout,
is compared. The loop pads a batch to its longest text, in file order or in that of Transformers'
`Trainer` with `group_by_length`, and, as small-text does, to the longest of all; AdamW as torch
makes it. The ceiling is a product of two large matrices in the same run; an update's products are
three times those of a forward pass. Its share counts all products that the module is written with;
beside it is that of those that are done, which in the last layer are fewer. With `--padded`
al_ray's own updates are measured with padding, too, to see what rows put end to end save. With
`--profile` a table of what the time of one's own updates goes into. Nothing here imports Ray;
`--device cuda` runs it on a GPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from common import (
    Texts,
    by_turns,
    encoder,
    joined,
    kobert_shaped,
    left_out,
    operations,
    padded,
    product_rate,
    products,
    ratios,
    settings,
    spread,
    texts_of,
    tokenised,
)
from machine import main, table
from numpy.typing import NDArray

from al_ray.learners.encoder.batches import pad
from al_ray.learners.encoder.fit import fit
from al_ray.learners.encoder.predict import logits
from al_ray.learners.encoder.process import set_up

RATE = 2e-5

PARTS = {
    "products of matrices": ("aten::mm", "aten::addmm"),
    "attention: products, softmax": ("aten::bmm", "softmax", "attention", "flash"),
    "copies and conversions": ("aten::copy_", "aten::cat", "index", "aten::clone"),
    "GELU": ("gelu",),
    "normalising": ("layer_norm",),
    "AdamW, norm of the gradient": ("adam", "linalg_vector_norm"),
    "zeros, sums, products of single numbers": (
        *("aten::mul", "aten::add", "aten::sum", "aten::div", "aten::fill_", "aten::zero"),
        *("aten::sub", "bernoulli", "dropout", "aten::eq", "aten::ne", "aten::ge"),
    ),
}
"""Of torch's operations, by what their names hold; the first that fits."""

REST = "Python, dispatch, draws of NumPy"


def loop(
    module: Any,
    texts: Texts,
    labels: NDArray[np.int32],
    batch: int,
    longest: int,
    device: str,
    order: NDArray[np.int64] | None = None,
) -> None:
    """One pass, in file order or this one, padded to so many tokens, or to a batch's longest."""
    order = np.arange(len(labels)) if order is None else order
    optimiser = torch.optim.AdamW(module.parameters(), lr=RATE)
    module.train()
    for start in range(0, len(labels), batch):
        rows = order[start : start + batch]
        ids, mask = pad(texts, rows)
        more = max(0, longest - ids.shape[1])
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


def by_length(lengths: NDArray[np.int32], batch: int) -> NDArray[np.int64]:
    """The order of `Trainer` with `group_by_length`: sorted within every so many batches."""
    from transformers.trainer_pt_utils import LengthGroupedSampler

    drawn = torch.Generator().manual_seed(0)
    return np.array(list(LengthGroupedSampler(batch, lengths=lengths.tolist(), generator=drawn)))


def parts_of(run: Callable[[], Any], updates: int) -> dict[str, float]:
    """Milliseconds an update of each of PARTS and of the rest."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    began = time.perf_counter()
    with torch.profiler.profile(activities=activities) as told:
        run()
        took = time.perf_counter() - began
    found = dict.fromkeys(PARTS, 0.0)
    for event in told.key_averages():
        for part, names in PARTS.items():
            if any(name in event.key for name in names):
                found[part] += event.self_cpu_time_total / 1e3 / updates
                break
    found[REST] = 1e3 * took / updates - sum(found.values())
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    set_up(options.device, options.threads)
    device, updates, batch = options.device, options.updates, options.batch_size
    module: Any = kobert_shaped() if options.kobert_shaped else encoder(options.model)
    module = module.to(device)
    texts = tokenised(texts_of(options.data, updates * batch), options.model, options.longest)
    if options.kobert_shaped:  # whose vocabulary is smaller
        texts = texts.below(module.config.vocab_size)
    if options.joined:
        texts = joined(texts, updates * batch, options.joined)
    rows = np.arange(updates * batch)
    labels = (rows % 2).astype(np.int32)
    said = logits(module, texts, rows[:batch], settings("float32", options.threads))
    with torch.inference_mode():
        ids, mask = (torch.from_numpy(x).to(device) for x in pad(texts, rows[:batch]))
        theirs = module(input_ids=ids, attention_mask=mask).logits.cpu().numpy()

    def ours(precision: str) -> Callable[[], Any]:
        given = settings(precision, options.threads, updates=updates, batch_size=batch, clip=1.0)
        return lambda: fit(module, texts, rows, labels, given, RATE, 0, 0)

    longest = int(texts.lengths.max())
    sides = {
        "loop, padded to the longest of all": lambda: loop(
            module, texts, labels, batch, longest, device
        ),
        "loop, padded to a batch's longest": lambda: loop(module, texts, labels, batch, 0, device),
        "the same, grouped by length": lambda: loop(
            module, texts, labels, batch, 0, device, by_length(texts.lengths, batch)
        ),
        "float32": ours("float32"),
        "bfloat16": ours("bfloat16"),
    }
    loops, kinds = list(sides)[:3], ["float32", "bfloat16"]
    if options.padded:
        for kind in kinds[:2]:
            sides[f"{kind}, padded"] = padded(sides[kind])
        kinds = list(sides)[3:]
    times, gave = by_turns(sides | products(device), options.rounds, device)
    tokens, work = int(texts.lengths.sum()), 3 * operations(module.config, texts.lengths)
    done = 1 - left_out(module.config, texts.lengths)
    ceiling = {
        kind: product_rate(times[f"product {kind}"], gave[f"product {kind}"])
        for kind in ("float32", "bfloat16")
    }
    shares = {
        name: [
            work / s / c for s, c in zip(times[name], ceiling[name.partition(",")[0]], strict=True)
        ]
        for name in kinds
    }
    return {
        "texts": f"{batch} texts of {tokens / len(rows):.0f} tokens",
        "model": "KoBERT's shape" if options.kobert_shaped else options.model.name,
        "updates": updates,
        "logit_difference": float(np.abs(said - theirs).max()),
        "seconds_an_update": {n: spread([s / updates for s in times[n]]) for n in sides},
        "tokens_per_second": {n: spread([tokens / s for s in times[n]]) for n in sides},
        "share_of_ceiling": {name: spread(each) for name, each in shares.items()},
        "share_done": {
            name: spread([share * (1 if "padded" in name else done) for share in each])
            for name, each in shares.items()
        },
        "ceiling": {kind: spread(each) for kind, each in ceiling.items()},
        "ratios": {
            f"{kind} to {name}": ratios(times[name], times[kind])
            for kind in ("float32", "bfloat16")
            for name in loops
        },
        "parts": {kind: parts_of(sides[kind], updates) for kind in ceiling if options.profile},
    }


def show(found: dict[str, Any]) -> None:
    shares, done = found["share_of_ceiling"], found["share_done"]
    table(
        f"Fine-tuning {found['model']}, {found['updates']} updates of {found['texts']}",
        ("", "ms an update", "real tokens/s", "of the ceiling", "done"),
        [
            (
                name,
                f"{each['median'] * 1e3:.0f}",
                f"{found['tokens_per_second'][name]['median']:,.0f}",
                *(
                    f"{100 * share[name]['median']:.0f} %" if name in share else ""
                    for share in (shares, done)
                ),
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
    for kind, parts in found["parts"].items():
        whole = sum(parts.values())
        table(
            f"Where an update's time goes, {kind}",
            ("", "ms", "%"),
            [(name, f"{ms:.1f}", f"{100 * ms / whole:.0f}") for name, ms in parts.items()],
        )


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--updates", type=int, default=8, help="in a round; default: 8")
    parser.add_argument("--batch-size", type=int, default=12, help="default: 12")
    parser.add_argument("--longest", type=int, default=150, help="tokens; default: 150")
    parser.add_argument("--joined", type=int, help="texts of so many tokens, of the corpus's ids")
    parser.add_argument("--padded", action="store_true", help="al_ray's updates with padding, too")
    parser.add_argument("--profile", action="store_true", help="what an update's time goes into")
    parser.add_argument(
        "--kobert-shaped", action="store_true", help="random weights of KoBERT's shape"
    )


if __name__ == "__main__":
    main("fitting", __doc__, ("data", "model", "device"), arguments, measure, show)
