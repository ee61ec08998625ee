"""Every block of docs/tables.md and of the README, on a study with two tests.

Two step sizes, two heads and two regimes; the folder as it was written, and after `compact`. What
the blocks must answer is counted from the curves of `two_tests`, never by a block's own means.
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import two_tests
from two_tests import ARM, CURVES, SEEDS, TRUTH, n_labelled

from al_ray.results.compact import compact

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```(python|sql)\n(.*?)```", re.DOTALL)
DOCS = BLOCK.findall((ROOT / "docs" / "tables.md").read_text(encoding="utf-8"))
README = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
BLOCKS = [(kind, code.replace("results/news7", "OUT")) for kind, code in README + DOCS]


@pytest.fixture(scope="module", params=["as written", "merged"])
def out(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    store = two_tests.write(folder)
    if request.param == "merged":
        compact(store)
    return folder


def answer(out, kind, code):
    """A query's frame, or all that a program has named."""
    code = code.replace("OUT", str(out))
    if kind == "sql":
        return duckdb.sql(code).df()
    names = {}
    exec(compile(code, "a block", "exec"), names)
    return names


def blocks(words):
    found = [block for block in BLOCKS if words in block[1]]
    assert found, words
    return found


def only(words):
    (block,) = blocks(words)
    return block


def curves(found):
    """What is there of accuracy against labels, in the order of `two_tests.expected`."""
    ordered = found.sort_values([*ARM, "n_labelled"], ignore_index=True)
    return ordered.astype({"step_size": int, "initial": int, "n_labelled": int, "seeds": int})


def same(found, expected):
    pd.testing.assert_frame_equal(
        curves(found)[list(expected)], expected, check_dtype=False, check_exact=False
    )


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_a_block_runs_and_says_something(out, block, capsys):
    kind, code = BLOCKS[block]
    found = answer(out, kind, code)
    assert len(found if kind == "sql" else capsys.readouterr().out)


def test_accuracy_against_labels(out):
    """In DuckDB, and the way that needs no column `main`."""
    queries = blocks("AS deviation")
    assert len(queries) == 2
    for query in queries:
        same(answer(out, *query), two_tests.expected())
    named = answer(out, *only('agg(["mean"'))["accuracy"]
    same(
        named.set_axis(["accuracy", "deviation", "seeds"], axis=1).reset_index(),
        two_tests.expected(),
    )


def test_the_pivot_has_a_column_an_arm(out, capsys):
    names = answer(out, *only("study.steps().pivot_table"))
    pivot = (
        names["study"]
        .steps()
        .pivot_table(index="n_labelled", columns=names["arm"], values="test_accuracy")
    )
    assert pivot.to_string() in capsys.readouterr().out
    for arm, curve in CURVES.items():
        for step, right in enumerate(curve):
            assert pivot.loc[n_labelled(arm, step), arm] == pytest.approx(right / 20)


@pytest.mark.parametrize("older", ["all", "some"])
def test_a_folder_of_before_has_its_own_query(tmp_path, older):
    store = two_tests.write(tmp_path)
    two_tests.as_before_main(store, lambda file: older == "all" or "cold-frozen" in file)
    same(answer(tmp_path, *only("union_by_name")), two_tests.expected())
    for query in blocks("WHERE main"):  # it is refused there, never half an answer
        with pytest.raises(duckdb.Error, match="main"):
            answer(tmp_path, *query)


def test_arms_are_paired_with_random_of_their_setting(out):
    paired = answer(out, *only("last.pivot_table"))["paired"]
    for arm, curve in CURVES.items():
        random = CURVES[(*arm[:-1], "random")]
        for seed in SEEDS:
            found = paired.loc[(*arm[:-1], seed), arm[-1]]
            assert found == pytest.approx((curve[-1] - random[-1]) / 20)


def test_labels_bought(out):
    """Of 10 at the first draw 4, 3, 3; margin's later ones are 가 alone."""
    counts = answer(out, *only("AS labels")).set_index([*ARM, "label"]).labels
    shares = answer(out, *only("pd.crosstab"))["shares"]
    for head in ("fine-tuned", "frozen"):
        arm = (10, 10, "cold", head, "margin")
        assert [counts.get((*arm, label)) for label in "가나다"] == [24 * 5, 3 * 5, 3 * 5]
        assert shares[arm].tolist() == pytest.approx([0.8, 0.1, 0.1])
    assert counts.sum() == 5 * (6 * 30 + 2 * 60)
    assert shares["pool"].squeeze().tolist() == pytest.approx([1 / 3] * 3)


def test_recall(out):
    """The first k rows of 가, 나, 다 are right, with one more and one less at two seeds."""
    found = answer(out, *only("AS recall")).set_index([*ARM, "n_labelled", "label"])
    assert (found["rows"] == found.index.get_level_values("label").map(TRUTH.count) * 5).all()
    at = found.recall
    for size, n, expected in [
        (10, 20, [1, (3 + 4 + 4 + 4 + 5) / 35, 0]),  # 12 of 20
        (20, 20, [1, (1 + 2 + 2 + 2 + 3) / 35, 0]),  # 10
        (20, 60, [1, 1, (2 + 3 + 3 + 3 + 4) / 25]),  # 18
    ]:
        arm = (size, size, "cold", "fine-tuned", "margin")
        assert [at[(*arm, n, label)] for label in "가나다"] == pytest.approx(expected)


def test_flips(out):
    """A row flips once in a trajectory, when the number of right ones passes it."""
    found = answer(out, *only("AS flips")).set_index("row_id").flips
    times = {
        f"holdout-{row}": sum(
            curve[0] + more <= row < curve[-1] + more
            for curve in CURVES.values()
            for more in SEEDS.values()
        )
        for row in range(len(TRUTH))
    }
    ranked = sorted(times, key=lambda row: (-times[row], row))[:10]
    assert found.to_dict() == {row: times[row] for row in ranked}


def test_confusions(out):
    found = answer(out, *only("m.confusion")).set_index([*ARM, "true_label", "predicted"])["rows"]
    for arm in CURVES:  # 15 fits each
        assert found[(*arm, "나", "가")] == found[(*arm, "나", "다")] == 15
        assert found[(*arm, "가", "나")] == 0


def test_first_picks_are_of_arms_that_rank(out):
    found = answer(out, *only("r.text"))
    assert set(found.strategy) == {"margin"}
    assert len(found) == 4 * 5 * 2 * 3  # arms, seeds, steps that choose, ranks
    assert set(found.prediction) == {"나"}


def test_hours(out):
    """Two rows a step, one a test, are one step of ten seconds."""
    found = answer(out, *only("AS hours"))
    assert found.hours.tolist() == pytest.approx([15 * 10 / 3600] * len(CURVES))


def test_missing(out):
    found = answer(out, *only("status <>"))
    arm, seed = two_tests.FAILED
    expected = [two_tests.name_of(arm, seed), *arm, seed, "failed", "heat"]
    assert found.to_numpy().tolist() == [expected]
    names = answer(out, *only("study.missing()"))
    assert names["loaded"].study.missing().trajectory.tolist() == expected[:1]
    assert len(names["verdict"]) == len(CURVES) // 2
