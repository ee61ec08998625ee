"""The benchmarks of training measure what is there: they run, on a small encoder, and both sides do
the same work.
"""

from __future__ import annotations

import csv
import importlib
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import tiny_study

from al_ray.corpus.embedded.news import generate

BENCHMARKS = Path(__file__).parents[1] / "experiments" / "benchmarks"


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder of texts and an encoder with weights, in options."""
    folder = tmp_path_factory.mktemp("given")
    corpus = generate(train=60, test=10)
    with (folder / "train.csv").open("w", encoding="utf-8", newline="") as file:
        names = [corpus.labels[label] for label in corpus.train.labels]
        lines = zip(corpus.train.texts, names, strict=True)
        csv.writer(file).writerows([("text", "label"), *lines])
    model = tiny_study.pretrained(folder).folder
    return {"data": folder / "train.csv", "model": model, "threads": 1, "rounds": 1}


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return importlib.import_module


@pytest.mark.parametrize("joined", [None, 24])
def test_fitting(benchmark, given, joined):
    options = {"device": "cpu", "updates": 2, "batch_size": 4, "longest": 32, "profile": True}
    found = benchmark("fitting").measure(
        Namespace(**given, **options, joined=joined, kobert_shaped=False, padded=joined is None)
    )
    assert found["logit_difference"] < 1e-5
    assert {"float32", "bfloat16"} <= set(found["share_of_ceiling"])
    assert ("bfloat16, padded" in found["share_of_ceiling"]) == (joined is None)
    done, share = (found[name]["float32"]["median"] for name in ("share_done", "share_of_ceiling"))
    assert share / 2 < done < share  # of its two layers one is cut short
    for parts in found["parts"].values():
        assert parts["products of matrices"] > 0
        assert parts["AdamW, norm of the gradient"] > 0
    assert found["texts"].startswith("4 texts of 24" if joined else "4 texts of ")


@pytest.mark.parametrize("strategies", [("margin",), ("margin", "random")])
def test_our_side_of_a_trajectory(benchmark, given, tmp_path, strategies):
    module = benchmark("trajectory")
    corpus = module.corpus_of(given["data"], 40, 12)
    made = module.prepare(corpus, given["model"], "model", 32, tmp_path)
    rows = module.Rows.load(made.rows)
    work = module.Work(
        given["model"], rows, made.tokens, len(corpus.labels), steps=2, size=8, epochs=1, batch=4,
        strategies=strategies, threads=1, folder=tmp_path,
    )  # fmt: skip
    seconds, accuracies, first = module.al_ray(work, "float32", 0)
    assert seconds > 0
    assert [len(steps) for steps in accuracies] == [2] * len(strategies)
    assert len(first) == 8


def test_scoring(benchmark, given, monkeypatch):
    module = benchmark("scoring")
    monkeypatch.setattr(module, "kobert_shaped", lambda: module.load(given["model"], 2, 0))
    monkeypatch.setattr(module, "small_text", lambda *_: None)
    monkeypatch.setattr(
        module, "reviews", lambda _, rows: generate(train=60, test=10).train.texts[:rows]
    )
    options = {"device": "cpu", "tokenizer": given["model"], "rows": 20, "long": 2, "padded": True}
    found = module.measure(Namespace(**given | options | {"model": None}))["reviews"]
    assert found["logit_difference_loop"] < 1e-5
    assert set(found["sides"]) == {
        "loop", "float32", "bfloat16", "float32, padded", "bfloat16, padded"
    }  # fmt: skip
