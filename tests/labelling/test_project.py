"""A project from nothing to a model: simulated annotators, late, wrong, skipping and changing."""

import csv
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from helpers import Inline, tables
from loop_stub import FragileStore

from al_ray.corpus.embedded.news import generate
from al_ray.corpus.rows import Split
from al_ray.corpus.tokens import prepared
from al_ray.errors import UserError
from al_ray.labelling import status as how_it_stands
from al_ray.labelling.advance import advance, alone
from al_ray.labelling.answers.log import Log, Said
from al_ray.labelling.asked.batches import batch_of, reserve_of
from al_ray.labelling.asked.first import diverse
from al_ray.labelling.begin import begin
from al_ray.labelling.finish import finish, temperature_of
from al_ray.labelling.project import Project
from al_ray.labelling.status import status
from al_ray.randomness import row_hashes
from al_ray.results import Store

SIZE = 20
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CORPUS = generate(train=90, test=10)
GOLD = {
    row: CORPUS.labels[label]
    for row, label in zip(CORPUS.train.row_ids, CORPUS.train.labels, strict=True)
}


@pytest.fixture(autouse=True)
def _inline(monkeypatch):
    monkeypatch.setattr(prepared, "ProcessPoolExecutor", Inline)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A project that nobody has answered; to be copied."""
    folder = tmp_path_factory.mktemp("begun") / "project"
    train = Split("train", CORPUS.train.row_ids, CORPUS.train.texts, np.full(90, -1, np.int32))
    small = {"epochs": 1, "min_updates": 8, "max_length": 24, "learning_rate": 2e-3}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "ProcessPoolExecutor", Inline)
        project = begin(folder, train, CORPUS.labels, "mini", size=SIZE, training=small)
        assert list(advance(project)) == []
    return folder


@pytest.fixture
def project(begun, tmp_path):
    return Project(shutil.copytree(begun, tmp_path / "project"))


def answers(project, number, who="가람", wrong=(), skips=(), leave=()):
    """What somebody says of a batch: right but for these places in it."""
    batch = project.batches()[number]
    found = []
    for place, row in enumerate(project.ids(batch.rows)):
        if place in leave:
            continue
        time = NOON + timedelta(hours=number, seconds=place)
        others = [label for label in CORPUS.labels if label != GOLD[row]]
        answer = others[0] if place in wrong else GOLD[row]
        state = "skipped" if place in skips else "answered"
        annotation = f"{who}-{number}-{place}"
        found.append(
            Said(row, who, state, answer if state == "answered" else "", time, annotation, 4.0)
        )
    return found


def test_batches_are_a_tenth_at_random_and_never_learnt(project):
    """Over all batches every row is asked once, and those at random are the far end of the draw."""
    asked, audited = [], []
    for number in range(4):
        batch = project.batches()[number]
        assert len(batch) == SIZE
        assert batch.audit.sum() == SIZE // 10
        asked += project.ids(batch.rows)
        audited += project.ids(batch.rows[batch.audit])
        project.take(answers(project, number))
        steps = list(advance(project))
        assert len(steps) == 1
        assert steps[0].n_labelled == (number + 1) * (SIZE - SIZE // 10)
    assert len(set(asked)) == len(asked)
    assert audited == project.ids(project.reserve)[: len(audited)]
    assert project.finished
    chosen = project.store.read("selections")
    assert set(chosen.row_id).isdisjoint(audited)
    assert chosen.label.isna().all()  # nobody knew
    steps = project.store.read("steps")
    assert steps.n_validation.tolist() == [2, 4, 6, 8]
    assert steps.n_labels_paid.tolist() == [20, 40, 60, 80]
    assert steps.answers_digest.nunique() == 4


def test_a_guideline_is_read_however_it_was_saved(project):
    for encoding in ("utf-8", "cp949", "utf-16"):
        (project.folder / "guideline.md").write_text("기사의 주제를 고르세요", encoding)
        assert project.guideline == "기사의 주제를 고르세요"


def test_the_reserve_lasts_to_the_end():
    for rows in (40, 90, 300, 1005):
        for size in (10, 20, 33, 50):
            if rows < 2 * size:
                continue
            reserve = np.arange(reserve_of(rows, size))
            assert len(reserve) <= -(-rows // 10)
            seen = [
                batch_of(n, np.arange(1000, 1000 + size), reserve, size, 0)
                for n in range(rows // size)
            ]
            drawn = np.concatenate([batch.rows[batch.audit] for batch in seen])
            assert drawn.tolist() == reserve.tolist()  # each once


def test_it_waits_and_late_answers_count_at_the_next_step(project):
    project.take(answers(project, 0, leave=range(5), skips=(6,)))
    assert list(advance(project)) == []
    assert project.steps_done == 0
    (step,) = advance(project, early=True)
    first = project.store.read("steps").iloc[0]
    learnt = step.n_labelled
    assert first.n_labels_paid == 15
    project.take(answers(project, 0, skips=(6,)))  # five are late
    project.take(answers(project, 1))
    fitted, scored = [], []
    (step,) = advance(
        project, fitting=lambda *x: fitted.append(x), scoring=lambda *x: scored.append(x)
    )
    assert fitted == [(n, 8) for n in range(1, 9)]
    pool = 90 - len(project.reserve) - 2 * (SIZE - SIZE // 10)
    assert scored[-1] == (pool, pool)
    steps = project.store.read("steps")
    assert steps.n_labels_paid.tolist() == [15, 40]
    audit = project.batches()[0].audit[:5].sum()
    assert step.n_labelled == learnt + 5 - audit + 18
    assert status(project).skipped == 1


def test_where_nothing_can_be_learnt_no_step_is_done(project):
    """Nobody has answered, all is skipped, or those alone that no model learns are answered."""
    batch = project.batches()[0]
    with pytest.raises(UserError, match="none of the chosen texts has an answer"):
        list(advance(project, early=True))
    chosen = [place for place, audit in enumerate(batch.audit) if not audit]
    project.take(answers(project, 0, skips=chosen))
    for early in (False, True):
        with pytest.raises(UserError, match="none of the chosen texts has an answer"):
            list(advance(project, early))
    assert project.steps_done == 0


def test_killed_at_any_write_it_ends_the_same(begun, tmp_path):
    """Tables and answers, whatever was being written; answers of the batch are taken again."""

    def go(folder, store):
        project = Project(folder)
        project.store = store
        project.log = Log(store)
        if not project.batches():
            list(advance(project))
        for number in (0, 1):
            if project.steps_done <= number:
                project.take(answers(project, number, wrong=(3,), skips=(5,)))
                list(advance(project))

    whole = shutil.copytree(begun, tmp_path / "whole")
    go(whole, Store(whole))
    expected = tables(whole)
    for k in range(1, 14):
        folder = shutil.copytree(begun, tmp_path / str(k))
        try:
            go(folder, FragileStore(folder, k))
        except InterruptedError:
            go(folder, Store(folder))
        else:
            break
        found = tables(folder)
        for name, table in expected.items():
            assert found[name].equals(table), (k, name)
        shutil.rmtree(folder)
    assert k > 8


def test_what_is_measured_can_be_counted_again(project):
    """`predictions` has each model's answers to the texts drawn at random, and people's."""
    for number in range(2):
        project.take(answers(project, number, wrong=(2, 3)))
        list(advance(project))
    steps = project.store.read("steps").set_index("step")
    told = project.store.read("predictions")
    drawn = {row for batch in project.batches()[:2] for row in project.ids(batch.rows[batch.audit])}
    for step, rows in told.groupby("step"):
        assert set(rows.row_id) <= drawn
        assert len(rows) == steps.n_validation[step]
        assert (rows.prediction == rows.label).mean() == steps.validation_accuracy[step]
        said = {row: next(iter(project.word[row].values())).answer for row in rows.row_id}
        assert rows.label.tolist() == [said[row] for row in rows.row_id]
    assert told.test.unique().tolist() == ["validation"]


def test_time_of_answers_that_were_changed_counts(project):
    first, second, third = project.ids(project.batches()[0].rows)[:3]

    def said(row, answer, minute, annotation, seconds):
        time = NOON + timedelta(minutes=minute)
        return Said(row, "가람", "answered", answer, time, annotation, seconds)

    one, other = CORPUS.labels[:2]
    project.take([said(first, one, 0, "a", 4.0), said(first, other, 1, "b", 6.0)])
    # A server's annotation that was changed has all of its time; nobody measured the third.
    project.take([said(second, one, 0, "7", 5.0), said(second, other, 1, "7", 8.0)])
    project.take([said(third, one, 2, "c", None)])
    (person,) = status(project).people
    assert person.answers == 3
    assert person.hours == pytest.approx((4 + 6 + 8) / 2 * 3 / 3600)


def test_agreement_is_of_texts_drawn_at_random_where_these_are_enough(project, monkeypatch):
    batch = project.batches()[0]
    places = [place for place, drawn in enumerate(batch.audit) if drawn]
    project.take(answers(project, 0, "가람"))
    project.take(answers(project, 0, "나래", wrong=[places[0]]))
    assert (status(project).shared, status(project).shared_drawn) == (SIZE, 2)
    monkeypatch.setattr(how_it_stands, "ENOUGH", 2)
    found = status(project)
    assert found.shared == found.shared_drawn == 2
    assert [(pair.alike, pair.rows) for pair in found.pairs] == [(1, 2)]


def test_two_annotators_who_differ(project):
    batch = project.batches()[0]
    project.take(answers(project, 0, "가람"))
    project.take(answers(project, 0, "나래", wrong=(0, 1)))
    found = status(project)
    ids = project.ids(batch.rows)
    assert set(found.conflicts) == {ids[0], ids[1]}
    assert found.labelled == SIZE - 2
    assert found.paid == 2 * SIZE
    assert [(p.alike, p.rows) for p in found.pairs] == [(SIZE - 2, SIZE)]
    assert found.people[0].an_hour == pytest.approx(900)  # four seconds each
    (step,) = advance(project)
    assert step.n_labelled == (~batch.audit[2:]).sum()
    project.take([Said(ids[0], "다솜", "answered", GOLD[ids[0]], NOON, "d1")])
    assert set(status(project).conflicts) == {ids[1]}


def test_what_was_not_asked_for_is_not_taken(project):
    reserve = project.ids(project.reserve)[-1]
    event = Said(reserve, "가람", "answered", GOLD[reserve], NOON)
    good = answers(project, 0)
    with pytest.raises(UserError, match="has not asked for it"):
        project.take([*good, event])
    assert project.log.events() == []


def test_another_process_at_it_is_refused(project):
    with alone(project), pytest.raises(UserError, match="another process"):
        list(advance(Project(project.folder)))


def test_finish(project, tmp_path):
    """What is written opens in another library and is as right as it says."""
    transformers = pytest.importorskip("transformers")
    for number in (0, 1):
        project.take(answers(project, number))
        list(advance(project))
    found = finish(project)
    out = found.folder
    classify = transformers.pipeline("text-classification", model=str(out / "model"))
    audit = [row for b in project.batches()[:2] for row in project.ids(b.rows[b.audit])]
    said = [classify(project.texts[row], truncation=True, max_length=24)[0] for row in audit]
    right = np.mean([each["label"] == GOLD[row] for each, row in zip(said, audit, strict=True)])
    assert found.measured.accuracy == pytest.approx(right)
    assert found.measured.rows == 4
    labelled = read(out / "labelled.csv")
    assert {line["row_id"]: line["label"] for line in labelled} == {
        row: GOLD[row] for row in project.word
    }
    predictions = read(out / "predictions.csv")
    assert len(predictions) == 90 - len(labelled)
    assert all(0 < float(line["confidence"]) <= 1 for line in predictions)
    card = (out / "model" / "README.md").read_text(encoding="utf-8")
    assert f"{100 * right:.1f} % of 4 texts" in card
    config = json.loads((out / "model" / "config.json").read_text())
    assert set(config["label2id"]) == set(CORPUS.labels)


def read(path: Path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_temperature_is_that_of_a_search():
    random = np.random.default_rng(0)
    logits = random.normal(size=(400, 3)) * 6
    shares = np.exp(logits / 3) / np.exp(logits / 3).sum(axis=1, keepdims=True)
    codes = np.array([random.choice(3, p=p) for p in shares], np.int32)

    def loss(t):
        logs = logits / t - np.log(np.exp(logits / t).sum(axis=1, keepdims=True))
        return np.log(t) ** 2 / (2 * 0.4**2) - logs[np.arange(400), codes].sum()

    grid = np.linspace(0.3, 9, 2000)
    assert temperature_of(logits, codes) == pytest.approx(
        grid[np.argmin([loss(t) for t in grid])], abs=0.02
    )
    assert temperature_of(logits[:0], codes[:0]) == pytest.approx(1.0, abs=1e-3)
    right = np.eye(3)[[0, 1, 2, 0, 1]] * 4
    assert temperature_of(right, np.array([0, 1, 2, 0, 1], np.int32)) > 0.7  # all are right


def test_the_first_batch_has_every_cluster():
    """Eight far heaps of very unequal size: one of each, and the rest of the largest."""
    random = np.random.default_rng(1)
    centres = random.normal(size=(8, 5)) * 100
    sizes = [200, 100, 50, 30, 20, 10, 8, 6]
    heaps = zip(centres, sizes, strict=True)
    vectors = np.concatenate([centre + random.normal(size=(n, 5)) for centre, n in heaps])
    hashes = row_hashes([str(row) for row in range(len(vectors))])
    chosen = diverse(vectors.astype(np.float32), hashes, 8, 0)
    heap = np.repeat(np.arange(8), sizes)
    assert len(set(chosen.tolist())) == 8
    assert len(set(heap[chosen].tolist())) >= 7
    assert diverse(vectors.astype(np.float32), hashes, 8, 0).tolist() == chosen.tolist()
    same = np.ones((30, 4), np.float32)
    assert len(set(diverse(same, hashes[:30], 5, 0).tolist())) == 5


def test_going_on_early_needs_an_answer_of_this_batch(project):
    project.take(answers(project, 0))
    list(advance(project))
    with pytest.raises(UserError, match="nothing of this batch was answered yet"):
        list(advance(project, early=True))


def test_what_is_drawn_at_random_is_asked_of_everybody(project):
    batch = project.batches()[0]
    project.take(answers(project, 0, "가람", leave=(0,)))
    ids, audit = project.ids(batch.rows), project.ids(batch.rows[batch.audit])
    assert project.left(batch, project.word) == ids[:1]
    expected = [row for row in ids if row == ids[0] or row in audit]
    assert project.left(batch, project.word, "나래") == expected
    assert project.left(batch, project.word, "가람") == ids[:1]
