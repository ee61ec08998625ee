"""`al_ray.load` on a study with two tests, as it is written and as earlier ones were."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
import two_tests
from test_layout import loaded
from two_tests import ARM

import al_ray
from al_ray import notebook
from al_ray.analysis.verdict import KINDS
from al_ray.corpus.reading.read import read
from al_ray.errors import UserError


@pytest.fixture(scope="module", params=["of now", "of before"])
def study(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    store = two_tests.write(folder)
    if request.param == "of before":
        two_tests.as_before_main(store)
    # A trajectory that nobody asked for, and rows of a step that is not complete.
    stray = store.read_one("steps", two_tests.name_of(next(iter(two_tests.CURVES)), 0), 0)
    columns = {name: stray[name].tolist() for name in (*ARM, "seed", "n_labelled", "test")}
    store.write("selections", {"rank": [], "row_id": []}, "stray", -1)
    store.write("steps", {**columns, "test_accuracy": 1.0}, "stray", 0)
    return al_ray.load(folder)


def by_arm(steps):
    found = steps.groupby([*ARM, "n_labelled"]).test_accuracy.agg(["mean", "std", "count"])
    return found.set_axis(["accuracy", "deviation", "seeds"], axis=1).reset_index()


@pytest.mark.parametrize("test", [None, "holdout", "test"])
def test_steps_are_of_one_test_and_the_main_one_is_known(study, test):
    steps = study.steps(test)
    assert set(steps.test) == {test or "holdout"}
    assert steps.main.dtype == bool
    assert steps.main.all() == (test != "test")
    assert not steps.duplicated(["trajectory", "step"]).any()
    pd.testing.assert_frame_equal(by_arm(steps), two_tests.expected(test or "holdout"))


def test_an_unknown_test_is_refused_in_a_line(study):
    with pytest.raises(UserError, match=r"no test 'dev'; it has holdout, test$"):
        study.steps("dev")


def test_a_chart_is_of_a_metric_and_a_test_that_there_are(study):
    chart = study.curve("macro_f1", "test").to_dict()
    assert {"metric": "macro_f1", "test": "test"}.items() <= {
        each["name"]: each.get("value") for each in chart["params"]
    }.items()
    for wrong in ({"metric": "f1"}, {"test": "none"}):
        with pytest.raises(UserError, match="choose from"):
            study.curve(**wrong)


def test_no_study_is_refused(tmp_path):
    with pytest.raises(UserError, match="no study there"):
        al_ray.load(tmp_path)


def test_the_verdict_is_of_every_arm_but_random(study):
    said = study.verdict()
    arms = [arm for arm in two_tests.CURVES if arm[-1] != "random"]
    assert {*said[[*ARM]].itertuples(index=False, name=None)} == {*arms}
    assert set(said.kind) <= set(KINDS)


def test_importing_al_ray_loads_next_to_nothing():
    assert loaded("al_ray").isdisjoint(["pandas", "numpy", "pyarrow", "ray"])
    assert "ray" not in loaded("al_ray.notebook")


def test_a_frame_as_sheets_bring_them_is_read(tmp_path):
    """A column of several kinds of values, which Parquet refuses, must not cost the study."""
    frame = pd.DataFrame(
        {
            "내용": [f"글 {i}" for i in range(6)],
            "감성": [True, "0", True, "0", True, "0"],
            "비고": ["메모", 1, None, ["a"], 2.5, {"b": 1}],
            3: range(6),
        },
        index=[5, 5, 1, 2, 3, 4],
    )
    path = tmp_path / "a.parquet"
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        frame.rename(columns=str).to_parquet(path)
    notebook._written(frame).to_parquet(path)
    corpus = read(path, text_column="내용", label_column="감성")
    assert corpus.labels == ("0", "True")
    assert [*corpus.train.texts] == frame["내용"].tolist()
    assert frame["비고"].tolist()[3] == ["a"]  # the caller's is as it was


def test_what_is_no_frame_of_texts_and_labels_is_refused_in_a_line():
    two = pd.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(UserError, match=r"^column 'text' is there twice; rename one$"):
        al_ray.run(two)
    with pytest.raises(UserError, match="give a path, or a frame of texts and labels"):
        al_ray.run(pd.Series(["a"] * 10000))
    gap = pd.DataFrame({"text": ["a", "b"], "label": ["x", None]})
    with pytest.raises(UserError, match=r"^frame: data row 2 has no label") as refused:
        al_ray.run(gap, model="mini")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["/tmp/x", "../x", "a/b", "", ".hidden", "x" * 200, "a\\b", "a\0"])
def test_a_name_is_no_path(name, tmp_path, monkeypatch):
    """A file is named after it, which a path in it would put elsewhere."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"text": ["가", "나"], "label": ["x", "y"]})
    with pytest.raises(UserError, match="is no plain name; give letters, digits"):
        al_ray.run(frame, name=name)
    assert list(tmp_path.iterdir()) == []


def test_columns_of_pandas_own_kinds_are_read():
    """Categories of intervals, sparse ones, and numbers that no table holds."""
    frame = pd.DataFrame(
        {
            "label": pd.cut([1, 5, 9], 3),
            "sparse": pd.arrays.SparseArray([1, 0, 0]),
            "large": [10**30, 1, 2],
        }
    )
    made = notebook._written(frame)
    assert made.label.tolist() == [str(each) for each in frame.label]
    assert made.large.tolist() == [str(10**30), "1", "2"]
    assert made["sparse"].tolist() == ["1", "0", "0"]
    with pytest.raises(UserError, match="column 'text': holds half a character"):
        notebook._written(pd.DataFrame({"text": ["\ud800"], "label": ["x"]}, dtype=object))
