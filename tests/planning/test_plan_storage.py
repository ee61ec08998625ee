"""Sizes of tables, against tables that are written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from al_ray.corpus.embedded.news import generate
from al_ray.corpus.tokens.mapped import Rows
from al_ray.corpus.tokens.prepared import _write_rows
from al_ray.planning import Facts, Left, Speed, Tokens, storage_of
from al_ray.results import Store
from al_ray.study.config import StudyConfig
from al_ray.study.grid import Encoder, Trial, trajectories
from al_ray.study.learner import Source
from al_ray.study.training import RECIPES, Training

FACTS = Facts(
    pool=2000,
    tests={"test": 700},
    train=Tokens(20.0, 30.0, 10.0),
    tested={"test": 10.0},
    labels=7,
    width=64,
    packs=True,
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Rows:
    path = tmp_path_factory.mktemp("rows") / "rows.arrow"
    _write_rows(generate(train=2000, test=700), path)
    return Rows.load(path)


def trial(**options) -> Trial:
    training = Training(
        recipe="seed", **RECIPES["seed"], learning_rate=2e-5, batch_size=8, max_length=32
    )
    study = StudyConfig(
        strategies=("qbc",),
        training=training,
        rates=(2e-5, 1e-5),
        seeds=(0,),
        **{"step_sizes": (100,), "steps": 4, **options},
    )
    nothing = Source(name="", digest="")
    return Trial(trajectories(study, nothing, Encoder(nothing), 2000)[0])


def left(of, first=0):
    return Left(of, first, FACTS, Speed(0, 0, 0, 0, 0, 0, parameters=1000), 1.0)


def found(rows, first=0, ledger=False, **options):
    return storage_of([left(trial(**options), first)], rows, (), ledger, 0)


def test_predictions_of_more_steps(rows, tmp_path: Path):
    """One step more: a file of predictions, of steps, of members and of what was selected."""
    store, draw = Store(tmp_path), np.random.default_rng(0)
    test, train = rows.tests["test"], rows.train[:100]
    name = trial().leader.id
    labels = np.array(rows.label_names, object)

    def columns(which):
        return {
            "row_id": rows.ids_of(which),
            "label": labels[rows.labels[which]].tolist(),
            "prediction": labels[draw.integers(0, 7, len(which))].tolist(),
            "confidence": draw.random(len(which)),
        }

    store.write("predictions", {"test": ["test"] * len(test), **columns(test)}, name, 0)
    ranks = {"rank": list(range(100)), "score": draw.random(100)}
    store.write("selections", {**columns(train), **ranks}, name, 0)
    written = sum(path.stat().st_size for path in tmp_path.rglob("*.parquet"))
    more = found(rows, steps=5).tables - found(rows).tables
    fixed = 15_000  # one row each of `steps` and `members`: the columns' names, more or less
    assert written < more < written + 2 * fixed


def test_only_what_is_left(rows):
    assert found(rows, first=2).tables < found(rows).tables
    assert found(rows, first=3).files < found(rows, first=2).files


def test_a_ledger_has_every_row_scored(rows):
    """1,900, 1,800 and 1,700 rows: a score of 8 bytes, an id and a label each."""
    more = found(rows, ledger=True).tables - found(rows).tables
    assert 5400 * 9 < more < 5400 * 40


def test_two_checkpoints_of_every_member_are_kept(rows):
    assert found(rows).checkpoints == 0
    assert found(rows, retrain=("warm",)).checkpoints == 2 * 2 * 1000
    assert found(rows, retrain=("warm-new",), steps=1).checkpoints == 2 * 1000
    assert found(rows, first=1, retrain=("warm",)).checkpoints == 2 * 1000
    assert found(rows, first=3, retrain=("warm",)).checkpoints == 0
    assert found(rows, retrain=("warm",), heads=("fine-tuned",)).cache == 0


def test_those_that_are_given_rows_have_files_of_their_own(rows):
    leader = trial()
    follower = replace(leader.leader, chooser=replace(leader.leader.query, strategy="margin"))
    both = Trial(leader.leader, (follower,))
    alone, shared = (storage_of([left(each)], rows, (), False, 0) for each in (leader, both))
    assert shared.files == 2 * alone.files - 1
    assert shared.checkpoints == alone.checkpoints
