"""Every block of docs/tables.md runs, on a folder as it was written and after `compact`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parent / "analysis"))

from small_studies import name_of, noisy, predictions, study, write

from al_ray.results.compact import compact

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"
BLOCKS = re.findall(r"```(python|sql)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SEEDS, STEPS = range(5), range(3)
TRUTH = ["가", "나", "다"]


@pytest.fixture(scope="module", params=["as written", "merged"])
def out(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    names = [name_of(arm, seed) for arm in ("random", "margin") for seed in SEEDS]
    said = {
        (name, step): TRUTH[: step + 1] + ["가"] * (2 - step) for name in names for step in STEPS
    }
    picks, members = [], []
    for name in names:
        ranked = name.startswith("margin")
        for step in (-1, 0, 1):
            picks.append(
                pd.DataFrame(
                    {
                        "trajectory": name,
                        "step": step,
                        "rank": [0, 1],
                        "row_id": [f"r{2 * step + 2}", f"r{2 * step + 3}"],
                        "label": ["가", "나"],
                        "score": 1.0 if ranked and step >= 0 else None,
                        "prediction": "다" if ranked and step >= 0 else None,
                    }
                )
            )
        for step in (0, 1):
            members.append(
                {
                    "trajectory": name,
                    "step": step,
                    "member": 0,
                    "learning_rate": 1e-4,
                    "predicted_counts": [3, 0, 3],
                    "confusion": [[2, 0, 0], [1, 0, 1], [0, 0, 2]],
                }
            )
    arms = {"random": noisy([0.4, 0.5, 0.6], 5, 0.01), "margin": noisy([0.4, 0.6, 0.7], 5, 0.01, 1)}
    one = study(
        arms,
        [10, 20, 30],
        predictions=predictions(said, TRUTH),
        selections=pd.concat(picks, ignore_index=True),
        members=pd.DataFrame(members),
        status={("margin", 4): "failed"},
    )
    store = write(folder, one)
    rows = {"row_id": [f"r{i}" for i in range(6)], "split": "train", "label": TRUTH * 2}
    store.write("rows", {**rows, "text": ["글"] * 6, "tokens": 1}, "corpus")
    if request.param == "merged":
        compact(store)
    return folder


def answer(out, kind, code, capsys):
    code = code.replace("OUT", str(out))
    if kind == "sql":
        return duckdb.sql(code).df()
    exec(compile(code, str(PAGE), "exec"), {})
    return capsys.readouterr().out


def test_there_are_blocks():
    assert {kind for kind, _ in BLOCKS} == {"python", "sql"}
    assert len(BLOCKS) >= 10


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_a_block_runs_and_has_an_answer(out, block, capsys):
    assert len(answer(out, *BLOCKS[block], capsys)) > 0


def block_with(words):
    return next((kind, code) for kind, code in BLOCKS if words in code)


def test_recall_by_hand(out, capsys):
    found = answer(out, *block_with("AS recall"), capsys)
    at = found.set_index(["strategy", "n_labelled", "label"]).recall
    assert [at["margin", 10, label] for label in TRUTH] == [1, 0, 0]
    assert [at["margin", 20, label] for label in TRUTH] == [1, 1, 0]


def test_confusions_by_hand(out, capsys):
    found = answer(out, *block_with("m.confusion"), capsys)
    rows = found.set_index(["true_label", "predicted"]).rows
    assert rows["나", "가"] == rows["나", "다"] == 2 * 10  # twenty fits, one row each
    assert rows["가", "나"] == 0


def test_flips_by_hand(out, capsys):
    found = answer(out, *block_with("AS flips"), capsys).set_index("row_id").flips
    assert found.to_dict() == {"t0": 0, "t1": 10, "t2": 10}


def test_missing_by_hand(out, capsys):
    found = answer(out, *block_with("status <>"), capsys)
    assert found[["strategy", "seed", "status"]].to_numpy().tolist() == [["margin", 4, "failed"]]
