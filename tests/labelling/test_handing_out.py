"""Who is asked what in a page, and the next batch that is chosen beside it."""

import sys

import pytest
from test_project import GOLD, SIZE, _inline, answers, begun, project  # noqa: F401
from written_studies import write_study

from al_ray.commands import replay
from al_ray.commands.like import winner
from al_ray.errors import UserError
from al_ray.labelling.advance import advance
from al_ray.labelling.answers.log import now
from al_ray.labelling.work import AGAIN, BUSY, HELD, Learning, Said, Work
from al_ray.results import Store
from al_ray.study.training import plain


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@pytest.fixture
def work(project):  # noqa: F811
    clock = Clock()
    return Work(project, Learning([sys.executable, "-c", ""], clock), clock)


def say(work, who, row, n=0):
    return work.say(Said(row, who, "answered", GOLD[row], now(), f"{who}-{row}-{n}"))


def ended(learning):
    """What running says, once the process is over."""
    if learning._process is not None:
        learning._process.wait()
    return learning.running()


def test_rows_are_handed_out_once_but_those_at_random(work):
    batch = work.project.batches()[0]
    ids, audit = work.project.ids(batch.rows), set(work.project.ids(batch.rows[batch.audit]))
    hers = [item.row_id for item in work.items("가람", 8)]
    his = [item.row_id for item in work.items("나래", 8)]
    assert hers == ids[:8]
    assert not set(hers) & set(his)  # also not those at random, while others are left
    for row in hers:
        assert say(work, "가람", row)
        assert not say(work, "가람", row)  # sent again
    work.clock.time = HELD  # whoever has gone away holds nothing for ever
    left = [item.row_id for item in work.items("나래", SIZE)]
    assert left == [row for row in ids if row not in hers or row in audit]
    assert work.suggestion(ids[0]) is None  # no model yet
    assert [said.row_id for said in work.said("가람", 3)] == hers[:-4:-1]
    assert work.item("nowhere") is None
    assert {item.row_id for item in work.found("", 100)} == set(ids)
    with pytest.raises(UserError, match="has not asked for it"):
        say(work, "가람", work.project.ids(work.project.reserve)[-1])


def test_drawn_rows_of_earlier_batches_are_asked_of_others_too(work):
    work.project.take(answers(work.project, 0))
    list(advance(work.project))
    first, second = work.project.batches()
    audit = work.project.ids(first.rows[first.audit])
    assert [item.row_id for item in work.items("나래", 99)] == [
        *work.project.ids(second.rows), *audit
    ]  # fmt: skip
    assert work.progress("가람").left == SIZE
    row = work.project.ids(second.rows[~second.audit])[0]
    assert work.suggestion(row) is not None
    assert work.suggestion(audit[0]) is None


def test_the_next_batch_is_begun_when_all_was_said(work):
    started = work.learning
    work.go_on()
    assert started._process is None
    assert not work.progress("가람").learning
    work.project.take(answers(work.project, 0))
    work.go_on()
    assert work.progress("가람").learning
    assert not ended(started)


@pytest.mark.parametrize(("code", "error"), [(BUSY, ""), (1, "al-ray: no room")])
def test_what_failed_is_tried_again_after_a_while(work, code, error):
    """Whoever is told of another process at it waits; what went wrong is said until it is tried."""
    command = f"import sys; print('al-ray: no room', file=sys.stderr); sys.exit({code})"
    work.learning.command = [sys.executable, "-c", command]
    work.project.take(answers(work.project, 0))
    work.go_on()
    ended(work.learning)
    told = work.progress("가람")
    assert (told.learning, told.error) == (not error, error)
    assert work.learning._process is None  # not at once
    work.clock.time += AGAIN
    work.learning.command = [sys.executable, "-c", ""]
    assert work.progress("가람").learning  # by itself
    ended(work.learning)
    assert work.progress("가람").error == ""


def test_a_replay_is_a_study_of_what_was_answered(project, monkeypatch):  # noqa: F811
    """The test is of the rows drawn at random, whatever their labels are."""
    for number in range(4):
        project.take(answers(project, number))
        list(advance(project))
    with pytest.raises(UserError, match="label more"):
        replay.written(project)
    monkeypatch.setattr(replay, "FEWEST", 50)
    folder, rows = replay.written(project)
    assert rows == 4 * (SIZE - SIZE // 10)
    test = (folder / "test.csv").read_text(encoding="utf-8-sig")
    drawn = project.ids(project.reserve)[: 4 * SIZE // 10]
    assert [line.partition(",")[0] for line in test.splitlines()[1:]] == sorted(drawn)
    given = []
    monkeypatch.setattr("al_ray.commands.run.main", given.extend)
    replay.main([str(project.folder), "--seeds", "3"])
    assert given[0] == str(folder)
    assert given[given.index("--test-split") + 1] == "given"
    assert given[-2:] == ["--seeds", "3"]
    assert "--budget" in given
    given.clear()
    replay.main([str(project.folder), "--step-size=5", "--steps", "3"])
    assert given.count("--step-size=5") == 1
    assert not {"--step-size", "--budget"} & {*given}


@pytest.mark.parametrize("gain", [0.3, 0.0])
def test_like_the_winner_of_a_study(tmp_path, gain):
    """Where nothing wins it is random, with what the study trained."""
    gains = {"random": 0.0, "margin": gain}
    out = write_study(
        tmp_path / "study", tuple(gains), step_sizes=(20,), controls=(), seeds=10,
        demonstration=False, gains=gains, tests=400,
    )  # fmt: skip
    here = tmp_path / "some" / "stub"
    said = f'model = "other"\n[[grid]]\nmodel = ["one/more", "{here}"]\n'
    for told in (None, said):
        if told is not None:
            (out / "study.toml").write_text(said, encoding="utf-8")
        with pytest.raises(UserError, match="its encoder stub is not here as the study was given"):
            winner(str(out))
        assert winner(str(out), "another")["model"] == "another"  # which the message says
    here.mkdir(parents=True)
    found = winner(str(out))
    assert found["won"] == (gain > 0)
    assert found["strategy"] == ("margin" if gain else "random")
    assert (found["size"], found["model"]) == (20, str(here))
    table = Store(out).read("trajectories").iloc[0]
    training = found["training"]
    assert training["recipe"] == table.recipe == "stable"
    assert training["learning_rate"] == table.learning_rate
    assert type(training["epochs"]) is int
    assert plain(**training).epochs == training["epochs"]
    with pytest.raises(UserError, match="no study"):
        winner(str(tmp_path / "nowhere"))


def test_like_a_frozen_winner(tmp_path):
    """Which was not trained as an encoder is, so that nothing says how one would be."""
    out = write_study(
        tmp_path / "study", (), step_sizes=(20,), controls=(), seeds=6, demonstration=False,
        frozen=("random", "margin"), gains={"margin": 0.3, "frozen": 0.0}, tests=200,
    )  # fmt: skip
    found = winner(str(out), "some/stub")
    assert (found["strategy"], found["head"]) == ("margin", "frozen")
    how = plain(**{"recipe": "stable", "learning_rate": 1e-4, **found["training"]})  # as `begin`
    assert how.learning_rate == 1e-4
