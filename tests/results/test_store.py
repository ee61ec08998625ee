"""Tables, checkpoints and leftovers on disk."""

import json
import os
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from al_ray.errors import StudyConflict
from al_ray.io.files import atomic
from al_ray.results import SCHEMAS, VERSION, Store
from al_ray.results.folder import own, sweep_ours


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def write_steps(store, trajectory, *steps):
    for step in steps:
        store.write("steps", {"test": ["test"], "test_accuracy": [0.5]}, trajectory, step)


# Tables


@pytest.mark.parametrize("table", SCHEMAS)
def test_the_schema_on_disk_is_the_schema(store, table):
    """Even where no value says of what type a column is."""
    step = 0 if "step" in SCHEMAS[table].names else None
    store.write(table, {}, "t", step)
    file = store.path(table, "t", step)
    on_disk = pq.read_schema(file)
    assert on_disk.equals(SCHEMAS[table], check_metadata=False)
    assert on_disk.metadata[b"al_ray_schema"] == str(VERSION).encode()
    (row,) = pq.read_table(file).to_pylist()
    here = {"trajectory": "t"} | ({"step": 0} if step == 0 else {})
    assert row == {name: here.get(name) for name in SCHEMAS[table].names}


def test_there_and_back(store):
    columns = {
        "rank": [0, 1],
        "row_id": ["ㄱ\x00", "train-1"],
        "label": ["긍정", "부정"],
        "score": np.array([-0.25, np.inf]),
        "prediction": ["부정", None],
        "confidence": [0.5, None],
    }
    store.write("selections", columns, "가-cold-s0", 3)
    frame = store.read_one("selections", "가-cold-s0", 3)
    assert frame.trajectory.tolist() == ["가-cold-s0"] * 2
    assert frame.step.tolist() == [3, 3]
    for name in ("rank", "row_id", "label"):
        assert frame[name].tolist() == columns[name]
    assert frame.score.tolist() == [-0.25, np.inf]
    assert frame.prediction[0] == "부정"
    assert frame.prediction.isna().tolist() == [False, True]
    assert frame.confidence.isna().tolist() == [False, True]
    assert store.path("selections", "가-cold-s0", 3).name == "가-cold-s0-0003.parquet"


def test_one_value_is_repeated(store):
    now = datetime(2026, 11, 22, 10, 26, 3, 7, UTC)
    columns = {"seed": 4, "strategy": "margin", "finished_at": now, "test": ["a", "b"]}
    store.write("steps", columns, "t", 0)
    frame = store.read("steps")
    assert frame.seed.tolist() == [4, 4]
    assert frame.strategy.tolist() == ["margin"] * 2
    assert frame.finished_at.tolist() == [pd.Timestamp(now)] * 2
    assert frame.test.tolist() == ["a", "b"]


def test_list_columns(store):
    confusion = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    columns = {
        "member": [0, 1],
        "predicted_counts": [[4, 6], [12, 14]],
        "confusion": confusion,
    }
    store.write("members", columns, "t", 0)
    raw = pq.read_table(store.path("members", "t", 0))
    assert raw.column("confusion").to_pylist() == confusion
    frame = store.read_one("members", "t", 0)
    assert [list(counts) for counts in frame.predicted_counts] == [[4, 6], [12, 14]]
    store.write("trajectories", {"rates": [[5e-4, 2e-5]], "status": "complete"}, "t")
    (rates,) = store.read("trajectories").rates
    assert rates.tolist() == [5e-4, 2e-5]


def test_no_rows(store):
    store.write("selections", {"rank": [], "row_id": [], "label": []}, "t", -1)
    assert len(store.read_one("selections", "t", -1)) == 0
    assert len(store.read("selections")) == 0


def test_unknown_column(store):
    with pytest.raises(KeyError, match="sead"):
        store.write("steps", {"sead": 1}, "t", 0)
    with pytest.raises(KeyError, match="step"):
        store.write("trajectories", {}, "t", 0)
    with pytest.raises(KeyError):
        store.write("moods", {}, "t", 0)
    assert not any(store.folder.rglob("*.parquet"))


def test_writing_again_replaces(store):
    for value in (0.25, 0.75):
        store.write("steps", {"test": ["test"], "test_accuracy": [value]}, "t", 0)
    frame = store.read("steps")
    assert frame.test_accuracy.tolist() == [0.75]
    assert len(list((store.folder / "steps").iterdir())) == 1


def test_rows_without_steps_do_not_count(store):
    for step in (-1, 0, 1):
        store.write("selections", {"row_id": ["a"], "rank": [0]}, "t", step)
    assert store.read("selections").step.tolist() == [-1]
    write_steps(store, "other", 0, 1)
    assert store.read("selections").step.tolist() == [-1]
    write_steps(store, "t", 0)
    assert store.read("selections").step.tolist() == [-1, 0]
    write_steps(store, "t", 1)
    assert store.read("selections").step.tolist() == [-1, 0, 1]


def test_order_and_choice_of_trajectories(store):
    for name, step in [("b", 1), ("a", 10), ("a", 9), ("b", 0)]:
        write_steps(store, name, step)
        store.write("selections", {"rank": [1, 0], "row_id": ["second", "first"]}, name, step)
    frame = store.read("selections")
    keys = list(zip(frame.trajectory, frame.step, frame["rank"], strict=True))
    assert keys == sorted(keys)
    assert set(store.read("selections", ["b"]).trajectory) == {"b"}
    assert len(store.read("selections", [])) == 0


def test_several_tests_stay_in_their_order(store):
    for step in range(3):
        store.write("steps", {"test": ["z", "a", "m"]}, "t", step)
    assert store.read("steps").test.tolist() == ["z", "a", "m"] * 3


@pytest.mark.parametrize("table", SCHEMAS)
def test_an_empty_folder_reads_as_an_empty_table(store, table):
    frame = store.read(table)
    assert len(frame) == 0
    assert list(frame.columns) == SCHEMAS[table].names
    assert store.read_one(table, "t", 0) is None


def test_types_do_not_depend_on_the_first_file(store):
    store.write("steps", {"test": ["test"], "tie_share": None, "picks_digest": None}, "a", 0)
    columns = {"test": ["test"], "tie_share": 0.5, "picks_digest": "ab", "n_labelled": 7}
    store.write("steps", columns, "b", 0)
    frame = store.read("steps")
    assert frame.tie_share[1] == 0.5
    assert frame.picks_digest[1] == "ab"
    assert frame.picks_digest.isna().tolist() == [True, False]
    other = pd.read_parquet(store.folder / "steps")
    assert other.n_labelled.tolist()[1] == 7
    assert pq.read_table(store.folder / "steps").schema.equals(SCHEMAS["steps"])


def test_leftovers_are_passed_over(store):
    write_steps(store, "t", 0)
    folder = store.folder / "steps"
    (folder / ".t-0001.parquet-x7f").write_bytes(b"half")
    (folder / ".t-0002.parquet").write_bytes(b"half")
    assert store.read("steps").step.tolist() == [0]
    assert pd.read_parquet(folder).step.tolist() == [0]


def test_copy(store):
    columns = {
        "rank": [0, 1],
        "row_id": ["a", "b"],
        "score": [0.5, 0.25],
        "confidence": [0.75, None],
    }
    store.write("selections", columns, "t", 0)
    store.copy("t", "u", 0, "selections", score=np.array([1.0, 2.0]))
    frame = store.read_one("selections", "u", 0)
    assert frame.trajectory.tolist() == ["u", "u"]
    assert frame.score.tolist() == [1.0, 2.0]
    assert frame.row_id.tolist() == ["a", "b"]
    assert store.read_one("selections", "t", 0).score.tolist() == [0.5, 0.25]
    store.write("members", {"member": [0], "confusion": [[[1, 0], [0, 1]]]}, "t", 0)
    store.copy("t", "u", 0, "members")
    left, right = (pq.read_table(store.path("members", name, 0)) for name in "tu")
    assert left.drop(["trajectory"]).equals(right.drop(["trajectory"]))
    assert right.schema.equals(left.schema, check_metadata=True)


# Whole or not at all


def test_a_crash_leaves_nothing(tmp_path):
    target = tmp_path / "folder" / "file.bin"
    target.parent.mkdir()

    def crash():
        with atomic(target) as temp:
            with open(temp, "wb") as file:
                file.write(b"half")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        crash()
    assert list(target.parent.iterdir()) == []
    target.write_bytes(b"before")
    with pytest.raises(InterruptedError):
        crash()
    assert target.read_bytes() == b"before"
    assert list(target.parent.iterdir()) == [target]


def test_values_that_do_not_fit_leave_what_was_there(store):
    write_steps(store, "t", 0)
    with pytest.raises(pa.ArrowInvalid):
        store.write("steps", {"test": ["a", "b"], "test_accuracy": [0.5]}, "t", 0)
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        store.write("steps", {"seed": "one"}, "t", 0)
    assert store.read("steps").test.tolist() == ["test"]
    assert len(list((store.folder / "steps").iterdir())) == 1


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_is_what_the_umask_leaves(store, umask, mode):
    before = os.umask(umask)
    try:
        write_steps(store, "t", 0)
        store.checkpoints.write("t", 0, [{"w": np.ones(2)}])
        store.study_json.write({"schema_version": VERSION})
    finally:
        os.umask(before)
    files = [path for path in store.folder.rglob("*") if path.is_file()]
    assert len(files) == 4
    assert {path.stat().st_mode & 0o777 for path in files} == {mode}


def leave_behind(target):
    """What a process that is killed inside `atomic` leaves: its clean-up never runs."""
    context = atomic(target)
    temp = context.__enter__()
    with open(temp, "wb") as file:
        file.write(b"half")
    # Kept from being collected, which would clean up after all.
    return context, temp


@pytest.mark.parametrize(
    "file",
    ["steps/t-0000.parquet", "checkpoints/t-0000.safetensors", "cache/x.arrow", "study.json"],
)
def test_sweep(store, file):
    write_steps(store, "t", 0)
    store.study_json.write({"a": 1})
    store.checkpoints.write("t", 0, [{"w": np.ones(2)}])
    store.cache.mkdir()
    before = sorted(store.folder.rglob("*"))
    context, temp = leave_behind(store.folder / file)
    # Names that begin and end alike in somebody's folder are not ours.
    others = [store.folder / ".env.production-eu", store.folder / "steps" / ".al_ray-notes"]
    for path in others:
        path.write_text("kept")
    before = sorted([*before, *others])
    sweep_ours(store.folder)
    assert not os.path.exists(temp)
    after = sorted(store.folder.rglob("*"))
    assert [path for path in after if path.is_file()] == [p for p in before if p.is_file()]
    assert store.read("steps").step.tolist() == [0]
    context.gen.close()


# Description and checkpoints


def test_description(store):
    assert store.study_json.read() is None
    store.study_json.write({"schema_version": 1, "이름": "뉴스", "rates": [2e-5]})
    assert store.study_json.read() == {"schema_version": 1, "이름": "뉴스", "rates": [2e-5]}
    copy = store.folder / ".al_ray" / "study.json"
    for content in ("{", "", "[1]", '{"schema_version": 1}', "[" * 10**6, None):
        path = store.folder / "study.json"
        path.unlink() if content is None else path.write_text(content, encoding="utf-8")
        if content != '{"schema_version": 1}':  # which somebody may have written so
            assert store.study_json.read()["이름"] == "뉴스"
    store.study_json.mend()
    assert store.study_json.read()["이름"] == "뉴스"
    copy.write_text("{", encoding="utf-8")
    assert store.study_json.read()["이름"] == "뉴스"
    (store.folder / "study.json").write_text("{", encoding="utf-8")
    with pytest.raises(StudyConflict) as refused:
        store.study_json.read()
    assert "study.json" in str(refused.value)
    assert "\n" not in str(refused.value)
    own(store.storage)
    with pytest.raises(StudyConflict, match="remove it, and give the study's command again"):
        store.study_json.read()
    (store.folder / "study.json").unlink()  # which is the remedy
    assert store.study_json.read() is None


@pytest.mark.parametrize(
    "part",
    [
        {"schema_version": "2"},
        {"schema_version": None},
        {"trajectories": {"t": "4"}},
        {"trajectories": {"t": None}},
        {"tests": {"test": "x"}},
        {"labels": 5},
        {"labels": [{}]},
        {"notes": 5},
        {"run": ["x"]},
        {"corpus": {"name": ["x"]}},
        {"models": [1]},
        {"arms": {"t": 1}},
        {"labels_per_day": "x"},
    ],
    ids=str,
)
def test_a_description_of_other_kinds(store, part):
    """Written by hand, and so without a seal."""
    data = json.dumps({"schema_version": VERSION, **part})
    (store.folder / "study.json").write_text(data, encoding="utf-8")
    with pytest.raises(StudyConflict, match="lacks what one holds"):
        store.study_json.get()


def weights(seed):
    random = np.random.default_rng(seed)
    return {
        "encoder.layer/0.weight": random.normal(size=(3, 2)).astype(np.float32),
        "turned": random.normal(size=(4, 3)).astype(np.float32).T,
        "positions": np.arange(5),
    }


def test_checkpoints_there_and_back(store):
    members = [weights(seed) for seed in range(12)]  # 10 sorts before 2 as text
    store.checkpoints.write("t", 0, members)
    assert store.checkpoints.has("t", 0)
    back = store.checkpoints.read("t", 0)
    assert len(back) == 12
    for ours, theirs in zip(members, back, strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert ours[name].dtype == theirs[name].dtype
            assert ours[name].shape == theirs[name].shape
            assert np.array_equal(ours[name], theirs[name])


def test_a_scalar_keeps_its_shape(store):
    """Such as a learnt temperature."""
    store.checkpoints.write("t", 0, [{"scale": np.array(2.5, np.float32)}])
    (back,) = store.checkpoints.read("t", 0)
    assert back["scale"].shape == ()


def test_the_two_newest_are_kept(store):
    assert store.checkpoints.read("t", 0) is None
    store.checkpoints.write("other", 0, [weights(0)])
    for step in range(5):
        store.checkpoints.write("t", step, [weights(step)])
        kept = [n for n in range(5) if store.checkpoints.has("t", n)]
        assert kept == [n for n in (step - 1, step) if n >= 0]
    assert store.checkpoints.has("other", 0)
    assert np.array_equal(store.checkpoints.read("t", 3)[0]["turned"], weights(3)["turned"])
