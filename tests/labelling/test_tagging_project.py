"""A project of marks from nothing to a model that marks: files, disagreement, what it comes to."""

from __future__ import annotations

import csv
import json
import re
import shutil
import unicodedata

import numpy as np
import pytest
from helpers import Inline
from hypothesis import given
from hypothesis import strategies as st

from al_ray.commands import replay
from al_ray.corpus.embedded.entities import generate
from al_ray.corpus.entities import Entity, bare, moved, parse
from al_ray.corpus.reading.read import read
from al_ray.corpus.rows import Split
from al_ray.corpus.tokens import prepared
from al_ray.errors import ModelError, UserError
from al_ray.labelling import finish as finish_module
from al_ray.labelling.advance import advance
from al_ray.labelling.begin import begin
from al_ray.labelling.exchange import hand_out, take
from al_ray.labelling.finish import finish
from al_ray.labelling.label_studio.exports import answers
from al_ray.labelling.label_studio.formats import config, tasks
from al_ray.labelling.project import Project
from al_ray.labelling.status import Measured, gained, status
from al_ray.labelling.tagger import Tagger
from al_ray.labelling.work import suggestions

SIZE = 20
CORPUS = generate(train=80, test=10)
GOLD = {
    row: CORPUS.labels[label]
    for row, label in zip(CORPUS.train.row_ids, CORPUS.train.labels, strict=True)
}
KINDS = sorted({mark.kind for answer in GOLD.values() for mark in parse(answer)}, reverse=True)


@pytest.fixture(autouse=True)
def _inline(monkeypatch):
    monkeypatch.setattr(prepared, "ProcessPoolExecutor", Inline)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Two batches are answered rightly, by CSV; the third is asked."""
    folder = tmp_path_factory.mktemp("marks") / "project"
    train = Split("train", CORPUS.train.row_ids, CORPUS.train.texts, np.full(80, -1, np.int32))
    small = {"epochs": 1, "min_updates": 60, "max_length": 48, "learning_rate": 2e-3}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "ProcessPoolExecutor", Inline)
        project = begin(folder, train, KINDS, "mini", size=SIZE, training=small, task="tagging")
        assert list(advance(project)) == []
        for number in range(2):
            path = folder.parent / f"{number}.csv"
            hand_out(project, str(path), None, None)
            filled(path)
            assert "20 of them new" in take(project, str(path), "가람")[-1]
            (step,) = advance(project)
            assert step.n_labelled == (number + 1) * 18
    return folder


def filled(path, said=GOLD):
    lines = list(csv.reader(path.open(encoding="utf-8-sig", newline="")))
    for line in lines[1:]:
        line[2] = said[line[0]]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows(lines)


@pytest.fixture
def project(begun, tmp_path):
    return Project(shutil.copytree(begun, tmp_path / "project"))


def test_what_it_is(project):
    assert project.facts.labels == tuple(KINDS)  # in the order of the number keys
    assert project.task.kinds == tuple(sorted(KINDS))
    assert project.config.spec == "mnlp"
    assert project.config.learner.head == "fine-tuned"


def test_suggestions_are_marks_of_the_text(project):
    given = suggestions(project)
    batch = project.batches()[-1]
    asked = set(project.ids(batch.rows[~batch.audit]))
    assert asked <= set(given)
    assert not set(project.ids(batch.rows[batch.audit])) & set(given)
    for row in asked:
        assert not project.task.refused(given[row].answer, project.texts[row], KINDS)


def test_a_label_studio_s_file_and_back(project, tmp_path):
    path = tmp_path / "batch.json"
    hand_out(project, str(path), None, None)
    told = json.loads(path.read_text(encoding="utf-8"))
    marked = next(each for each in told if each["predictions"][0]["result"])
    for part in marked["predictions"][0]["result"]:
        value = part["value"]
        text = marked["data"]["text"]
        assert text[value["start"] : value["end"]] == value["text"]
    for number, each in enumerate(told):
        row, text = each["data"]["row_id"], each["data"]["text"]
        marks = [] if number == 3 else parse(GOLD[row])
        each["annotations"] = [
            {
                "id": number,
                "completed_by": {"id": 7, "email": "na@example.org"},
                "was_cancelled": number == 0,
                "created_at": "2026-01-02T03:04:05Z",
                "result": [
                    {
                        **{"from_name": "label", "to_name": "text", "type": "labels"},
                        "value": {"start": m.start, "end": m.end, "labels": [m.kind],
                                  "text": text[m.start : m.end]},
                    }
                    for m in marks
                ],
            }
        ]  # fmt: skip
    path.write_text(json.dumps(told), encoding="utf-8")
    assert "20 answers and skips taken, 20 of them new" in take(project, str(path), "")[-1]
    word = project.word
    for number, each in enumerate(told):
        row = each["data"]["row_id"]
        expected = "" if number == 0 else "O" if number == 3 else GOLD[row]
        assert word[row]["na@example.org"].answer == expected


def test_places_as_a_browser_counts_them_and_back():
    """An emoji is one character here and two there."""
    from al_ray.labelling.desk import Item, Suggestion

    text = "😀 김철수 👍🏽 서울"
    (told,) = tasks([Item("1", text)], {"1": Suggestion("2-5:PS 9-11:LC", 0.9)}, "v", "tagging")
    (one, other) = told["predictions"][0]["result"]
    assert [(p["value"]["start"], p["value"]["end"]) for p in (one, other)] == [(3, 6), (12, 14)]

    def export(result):
        annotation = {"id": 1, "completed_by": 3, "created_at": "2026-01-02T03:04:05Z"}
        return [{**told, "annotations": [{**annotation, "result": result}]}]

    (said,), _ = answers(export([other, one]), "tagging")
    assert said.answer == "2-5:PS 9-11:LC"
    by_characters = {**one, "value": {**one["value"], "start": 2, "end": 5, "text": "김철수"}}
    (said,), _ = answers(export([by_characters]), "tagging")
    assert said.answer == "2-5:PS"
    (said,), _ = answers(export([]), "tagging")
    assert (said.state, said.answer) == ("answered", "O")
    for value in (
        {"start": 1, "text": "x"},  # within the emoji
        {"end": 99, "text": "김철수 👍🏽 서울"},  # behind the text
        {"end": 3},
        {"labels": ["PS", "LC"]},
    ):
        with pytest.raises(UserError, match="is no part of the text with one label"):
            answers(export([{**one, "value": one["value"] | value}]), "tagging")
    with pytest.raises(UserError, match="the configuration that al_ray made"):
        answers(export([{**one, "type": "choices", "value": {"choices": ["PS"]}}]), "tagging")
    apart = one["value"] | {"labels": [unicodedata.normalize("NFD", "감정")]}
    (said,) = answers(export([{**one, "value": apart}]), "tagging")[0]
    assert said.answer == "2-5:감정"
    assert "<Labels " in config(["PS", "LC"], "tagging")
    assert "<Choices " in config(["PS", "LC"])


@pytest.mark.parametrize(("before", "blank"), [("", "\r\n"), ("  ", " "), ("\n", ""), ("", " ")])
@pytest.mark.parametrize("kind", [".csv", ".jsonl", ".json"])
def test_marks_of_a_copy_whose_blanks_a_program_changed(project, tmp_path, before, blank, kind):
    path, row = tmp_path / f"said{kind}", most_marked(project)
    copy, at = before, []
    for letter in project.texts[row]:
        at.append(len(copy))
        copy += blank if letter == " " else letter
    marks = [(at[m.start], at[m.end - 1] + 1, m.kind) for m in parse(GOLD[row])]
    if kind == ".json":  # its page writes an escape where a line ends
        parts = [
            {"start": a, "end": b, "labels": [tag],
             "text": re.sub("[\n\r]", r"\\n", copy[a:b])} for a, b, tag in marks
        ]  # fmt: skip
        result = [{"from_name": "label", "type": "labels", "value": part} for part in parts]
        note = {"id": 1, "completed_by": 3, "created_at": "2026-01-02T03:04:05Z", "result": result}
        task = {"data": {"row_id": row, "text": copy}, "annotations": [note]}
        path.write_text(json.dumps([task]), encoding="utf-8")
    else:
        label = " ".join(f"{a}-{b}:{tag}" for a, b, tag in marks)
        line = {"row_id": row, "text": copy, "label": label}
        if kind == ".jsonl":
            path.write_text(json.dumps(line), encoding="utf-8")
        else:
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([line.keys(), line.values()])
    take(project, str(path), "가람")
    (said,) = project.word[row].values()
    assert said.answer == GOLD[row]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", [".json", ".jsonl"])
def test_each_is_read_by_the_copy_that_it_was_said_of(project, tmp_path, kind, turned):
    """Two people, and a copy each: one with blanks before it."""
    row, path = most_marked(project), tmp_path / f"x{kind}"
    marks, lines, tasks = parse(GOLD[row]), [], []
    for who, blanks in ((5, ""), (6, "  ")):
        text, n = blanks + project.texts[row], len(blanks)
        label = " ".join(f"{m.start + n}-{m.end + n}:{m.kind}" for m in marks)
        lines.append({"row_id": row, "text": text, "label": label, "annotator": str(who)})
        parts = [{"start": m.start + n, "end": m.end + n, "labels": [m.kind]} for m in marks]
        result = [{"from_name": "label", "type": "labels", "value": part} for part in parts]
        note = {"id": who, "completed_by": who, "created_at": "2026-01-02T03:04:05Z"}
        note["result"] = result
        tasks.append({"data": {"row_id": row, "text": text}, "annotations": [note]})
    if turned:
        lines, tasks = lines[::-1], tasks[::-1]
    said = json.dumps(tasks) if kind == ".json" else "\n".join(map(json.dumps, lines))
    path.write_text(said, encoding="utf-8")
    take(project, str(path), "가람")
    assert [project.word[row][who].answer for who in ("5", "6")] == [GOLD[row]] * 2


def test_an_answer_to_another_text_does_not_hide_behind_one_to_this(project, tmp_path):
    row = project.ids(project.batches()[-1].rows)[0]
    lines = [
        {"row_id": row, "text": "다른 글", "label": "O", "annotator": "가"},
        {"row_id": row, "text": project.texts[row], "label": "O", "annotator": "나"},
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    with pytest.raises(UserError, match="has another text than the project"):
        take(project, str(tmp_path / "x.jsonl"), "가람")


def most_marked(project):
    """Of the rows that are asked now."""
    rows = project.ids(project.batches()[-1].rows)
    return max(rows, key=lambda row: len(parse(GOLD[row])))


def test_another_text_has_no_marks_of_ours(project, tmp_path):
    row = project.ids(project.batches()[-1].rows)[0]
    line = {"row_id": row, "text": "다른 글", "label": "0-2:PS"}
    (tmp_path / "x.jsonl").write_text(json.dumps(line), encoding="utf-8")
    with pytest.raises(UserError, match="label the row anew"):
        take(project, str(tmp_path / "x.jsonl"), "가람")
    blank = {**line, "text": f"  {project.texts[row]}", "label": "0-2:PS"}
    (tmp_path / "x.jsonl").write_text(json.dumps(blank), encoding="utf-8")
    with pytest.raises(UserError, match="cannot be placed in its text"):
        take(project, str(tmp_path / "x.jsonl"), "가람")
    fresh = {"row_id": row, "label": "O"}  # which both messages say
    (tmp_path / "x.jsonl").write_text(json.dumps(fresh), encoding="utf-8")
    take(project, str(tmp_path / "x.jsonl"), "가람")


@given(st.text("가나 \n", max_size=12), st.data())
def test_moved_marks_have_the_same_letters(text, data):
    blanks = st.text(" \n", max_size=2)
    copy = "".join(data.draw(blanks) + letter for letter in text if not letter.isspace())
    spans = [Entity(a, b, "PS") for a in range(len(copy)) for b in range(a + 1, len(copy) + 1)]
    for span in spans:
        letters = bare(copy[span.start : span.end])
        if letters:
            (found,) = moved([span], copy, text)
            assert bare(text[found.start : found.end]) == letters
            assert bare(text[: found.start]) == bare(copy[: span.start])
        else:
            with pytest.raises(ValueError, match="marks nothing"):
                moved([span], copy, text)


def test_people_who_disagree(project, tmp_path):
    path = tmp_path / "b.csv"
    hand_out(project, str(path), None, None)
    filled(path)
    take(project, str(path), "가람")
    batch = project.batches()[-1]
    (row, *_) = (r for r in project.ids(batch.rows) if GOLD[r] != "O")
    filled(path, dict.fromkeys(GOLD, "O"))
    take(project, str(path), "나래")
    found = status(project)
    assert row in found.conflicts
    assert found.doubts is None
    assert found.shared == SIZE
    (pair,) = found.pairs
    assert pair.alike == sum(GOLD[r] == "O" for r in project.ids(batch.rows))


def test_what_it_comes_to(project):
    found = finish(project)
    with (found.folder / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    with (found.folder / "labelled.csv").open(encoding="utf-8-sig", newline="") as file:
        labelled = {line["row_id"]: line["label"] for line in csv.DictReader(file)}
    assert labelled.keys().isdisjoint(line["row_id"] for line in lines)
    assert len(labelled) + len(lines) == 80
    assert labelled == {row: GOLD[row] for row in labelled}
    assert found.learnt == 36
    tagger = Tagger(found.folder / "model")
    texts = [line["text"] for line in lines]
    assert tagger.answers(texts) == [line["prediction"] for line in lines]
    for text, line, marks in zip(texts, lines, tagger(texts), strict=True):
        said = [(m["start"], m["end"], m["entity_group"]) for m in marks]
        assert said == [(m.start, m.end, m.kind) for m in parse(line["prediction"])]
        assert all(text[m["start"] : m["end"]] == m["word"] for m in marks)
    # As good as it says: the mean F1 of entities over the random rows, counted anew.
    drawn = [row for batch in project.batches()[:2] for row in project.ids(batch.rows[batch.audit])]
    given = tagger.answers([project.texts[row] for row in drawn])
    scores = []
    for row, answer in zip(drawn, given, strict=True):
        gold, made = (set(each.split()) - {"O"} for each in (GOLD[row], answer))
        found_and_right = len(gold & made)
        scores.append(2 * found_and_right / (len(gold) + len(made)) if gold | made else 1)
    assert found.measured.rows == len(drawn) == 4
    assert found.measured.accuracy == pytest.approx(np.mean(scores))
    assert tagger([]) == []
    assert tagger.answers(["", texts[0]]) == ["O", lines[0]["prediction"]]
    with pytest.raises(TypeError, match="give a list"):
        tagger(texts[0])


def test_refusals(tmp_path):
    train = Split("train", CORPUS.train.row_ids, CORPUS.train.texts, np.full(80, -1, np.int32))
    with pytest.raises(UserError, match="has a blank or a colon"):
        begin(tmp_path / "p", train, ["PS", "L C"], "mini", size=SIZE, task="tagging")
    with pytest.raises(UserError, match="give one of these"):
        begin(tmp_path / "p", train, ["PS"], "mini", size=SIZE, task="reading")
    with pytest.raises(ModelError, match=r"no model that marks .* folder finished/model"):
        Tagger(tmp_path)


def test_where_nothing_is_marked(project, monkeypatch):
    nothing = dict.fromkeys(project.word, "O")
    monkeypatch.setattr(finish_module, "consensus", lambda _: nothing)
    monkeypatch.setattr(finish_module, "measured_by", lambda *_: {})
    with pytest.raises(UserError, match="no answer marks anything"):
        finish(project)


def test_of_marks_what_is_in_conflict_alone_is_asked_again(project, tmp_path):
    with pytest.raises(UserError, match="go on with: al-ray label batch"):
        hand_out(project, str(tmp_path / "again.csv"), None, 5)
    row = next(row for row, told in project.word.items() if told["가람"].answer != "O")
    (tmp_path / "x.jsonl").write_text(json.dumps({"row_id": row, "label": "O"}), encoding="utf-8")
    take(project, str(tmp_path / "x.jsonl"), "나래")
    hand_out(project, str(tmp_path / "again.csv"), None, 5)
    assert f"\n{row}," in (tmp_path / "again.csv").read_text(encoding="utf-8-sig")


def test_answers_are_a_corpus_again(project, tmp_path, monkeypatch):
    """Read by the reader of KLUE's files, they are what was said."""
    monkeypatch.setattr(replay, "FEWEST", 20)
    folder, rows = replay.written(project)
    assert rows == 36
    corpus = read(folder)
    assert corpus.task == "tagging"
    for split in corpus.splits:
        for row, text, label in zip(split.row_ids, split.texts, split.labels, strict=True):
            assert corpus.labels[label] == GOLD[row]
            assert text == project.texts[row]
    assert [len(split) for split in corpus.splits] == [36, 4]


def test_what_the_last_batch_brought(project):
    """Newcombe's own example: 56 of 70 against 48 of 80 (Newcombe 1998, table II, method 10)."""
    before, after = (
        Measured(n, rows, right / rows, 0, 1) for n, right, rows in ((1, 48, 80), (2, 56, 70))
    )
    found = gained([before, after])
    assert found.difference == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-4)
    assert gained([after]) is None
    assert gained([before, Measured(3, 0, float("nan"), 0, 1)]) is None
    assert status(project).gained is not None
