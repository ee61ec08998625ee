"""Damage that hides other damage: what mends must not stumble over it, nor forget it."""

from __future__ import annotations

import pytest
from loop_stub import World, assert_same, config_of, ended, go, tables

from al_ray.corpus.embedded.news import generate
from al_ray.errors import ModelError, Superseded
from al_ray.learners.encoder import mini
from al_ray.loop.record import all_told
from al_ray.results import Store
from al_ray.results.damage.inputs import damaged_inputs, distrust, trust
from al_ray.results.damage.mend import mend


def test_a_damaged_row_of_trajectories_beside_a_checkpoint(tmp_path):
    """It says which checkpoints are still needed, and is looked at before it is set aside."""
    world, config = World(), config_of(retrain="warm")
    store, _, _ = go(tmp_path / "out", world, config)
    store.write("trajectories", {"status": "complete", "steps": 4}, config.id)
    store.path("trajectories", config.id).write_bytes(b"PAR1")
    said: list[str] = []
    assert mend(store, said.append) == 1
    assert f"{config.id}.parquet" in said[0]
    assert mend(store, said.append) == 0
    assert store.read("trajectories").empty


def test_an_input_that_was_replaced_before_anybody_looked_is_remembered(tmp_path):
    """The command makes `mini` before it holds the study, and so before it looks at the inputs."""
    world, config = World(), config_of()
    store, _, _ = go(tmp_path / "out", world, ended(config, 2))
    corpus = generate(train=60, test=20)
    encoder = mini.build(corpus, store.cache)
    trust(store)
    (encoder / "config.json").write_text("{}")
    go(tmp_path / "out", world, config)  # with what is damaged
    assert mini.build(corpus, store.cache) == encoder
    assert (encoder / "config.json").read_text() != "{}"
    assert damaged_inputs(store) == [encoder]
    said: list[str] = []
    distrust(store, said.append)
    assert str(encoder) in said[0]
    assert set(store.read("steps").step) == {0, 1}
    trust(store)
    assert damaged_inputs(store) == []
    go(tmp_path / "out", world, config)
    whole, _, _ = go(tmp_path / "whole", world, config)
    assert_same(tables(whole), tables(store))


def test_who_still_works_with_a_damaged_input_writes_nothing_more(tmp_path):
    """Its driver was killed, and it has not noticed: it would add a step that nobody distrusts."""
    world, config = World(), config_of()
    store = Store(tmp_path / "out")
    old = Store(tmp_path / "out", attempt="old")
    old.claims.take([config.id])
    go(tmp_path / "out", world, ended(config, 2), store=old)
    encoder = mini.build(generate(train=60, test=20), store.cache)
    trust(store)
    (encoder / "config.json").write_text("{}")
    distrust(store, print)
    with pytest.raises(Superseded):
        go(tmp_path / "out", world, config, store=old)
    assert set(store.read("steps").step) == {0, 1}


@pytest.mark.parametrize("table", ["rows", "trajectories", "steps"])
def test_what_no_other_file_names_is_missed(tmp_path, table):
    world, config = World(), config_of()
    corpus = generate(train=20, test=10)
    store, _, _ = go(tmp_path / "out", world, config)
    store.write("rows", {"row_id": ["a"]}, corpus.digest[:20])
    store.write("trajectories", {"status": "complete", "steps": config.schedule.steps}, config.id)
    assert all_told(store, corpus, [config])
    store.storage.remove(store.files(table)[-1])
    assert mend(store, print) == 0
    assert not all_told(store, corpus, [config])


def test_a_trajectory_that_failed_is_not_missed(tmp_path):
    world, config = World(), config_of()
    corpus = generate(train=20, test=10)
    store, _, _ = go(tmp_path / "out", world, ended(config, 2))
    store.write("rows", {"row_id": ["a"]}, corpus.digest[:20])
    store.write("trajectories", {"status": "failed"}, config.id)
    assert all_told(store, corpus, [config])


def test_mini_without_room_ends_in_one_line(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mini, "note_digest", full)
    with pytest.raises(ModelError, match=r"No space left on device.*make room there") as refused:
        mini.build(generate(train=60, test=20), tmp_path / "cache")
    assert "\n" not in str(refused.value)
    assert list((tmp_path / "cache").iterdir()) == []
