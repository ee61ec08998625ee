"""`al-ray label` as a person gives it, some of them in processes that are killed."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from helpers import Inline

from al_ray.commands.study import main
from al_ray.corpus.embedded.news import generate
from al_ray.corpus.tokens import prepared
from al_ray.labelling.page.guard import HEADER
from al_ray.labelling.project import Project

CORPUS = generate(train=60, test=10)
GOLD = {
    text: CORPUS.labels[label]
    for text, label in zip(CORPUS.train.texts, CORPUS.train.labels, strict=True)
}
SMALL = ("--model", "mini", "--step-size", "20", "--epochs", "1", "--min-updates", "8",
         "--max-length", "24")  # fmt: skip


@pytest.fixture
def label(capsys, monkeypatch):
    """The command in this process: its code, and what it says and complains of."""
    monkeypatch.setattr(prepared, "ProcessPoolExecutor", Inline)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["label", *map(str, words)])
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return run


@pytest.fixture
def said(label):
    def run(*words):
        code, out, err = label(*words)
        assert code == 0, err
        return " ".join(out.split()) if words[0] != "status" else out

    return run


@pytest.fixture
def refused(label):
    def run(*words):
        code, out, err = label(*words)
        assert code == 2, out + err
        (line,) = err.splitlines()
        return line

    return run


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "texts.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([text] for text in CORPUS.train.texts)])
    return path


def fill(batch: Path, out: Path, who: str, leave: int = 0, wrong: int = 0) -> int:
    """Answer all rows of a batch but the last few, the first few wrongly; how many."""
    with open(batch, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for place, row in enumerate(rows[: len(rows) - leave]):
        right = GOLD[row["text"]]
        others = [label for label in CORPUS.labels if label != right]
        row |= {"label": others[0] if place < wrong else right, "annotator": who, "seconds": "3"}
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return len(rows) - leave


def killed(when, *words):
    """Give a command and end it as nothing can be refused, once something is so."""
    with subprocess.Popen(
        [sys.executable, "-m", "al_ray", "label", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        while not when():
            assert process.poll() is None or when(), process.stdout.read()
        os.killpg(process.pid, signal.SIGKILL)


def test_from_texts_to_a_model(texts, tmp_path, said, refused):
    project, batch, filled = tmp_path / "project", tmp_path / "batch.csv", tmp_path / "filled.csv"
    out = said("new", project, "--data", texts, "--labels", *CORPUS.labels, *SMALL)
    assert "60 texts, 7 labels; margin with mini, 20 labels a batch" in out
    assert "is a project already; go on with" in refused(
        "new", project, "--data", texts, "--labels", *CORPUS.labels, *SMALL
    )
    assert f"al-ray label batch {project} --to FILE" in out
    said("batch", project, "--to", batch)
    n = fill(batch, filled, "가람", leave=4, wrong=2)
    known = Project(project)
    # As soon as the answers are on disk the command is killed, before or in its fit.
    killed(lambda: any((project / "answers").glob("[!.]*.parquet")), "take", project, filled)
    out = said("take", project, filled)
    assert f"{n} answers and skips taken, 0 of them new." in out
    assert "CSV does not tell a changed answer" in out
    assert "4 left" in out
    out = said("next", project)
    assert f"al-ray label next {project} --now" in out
    # Killed in the fit: the claim of a step is there when its first table is.
    killed(lambda: any((project / "members").glob("*")) or known.steps_done > 0,
           "next", project, "--now")  # fmt: skip
    if known.steps_done == 0:
        assert "Model 1: learnt" in said("next", project, "--now")
    for name in (".jsonl", ".json"):
        said("batch", project, "--to", tmp_path / f"b{name}")
    tasks = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert len(tasks) == 20
    batch = tmp_path / "second.csv"
    said("batch", project, "--to", batch)
    fill(batch, filled, "가람")
    assert "Model 2: learnt" in said("take", project, filled)
    fill(batch, filled, "나래", wrong=3)
    said("take", project, filled)
    found = json.loads(said("status", project, "--json"))
    assert found["paid"] == n + 40
    assert len(found["conflicts"]) == 3
    assert [(p["alike"], p["rows"]) for p in found["pairs"]] == [(17, 20)]
    shown = said("status", project)
    assert "Project project" in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if line[:1] in "┏┃┡│└")
    assert "model (README.md says what opens it)" in said("finish", project)


def test_what_is_refused(texts, tmp_path, said, refused):
    new = ("new", tmp_path / "p", "--data", texts)
    assert "give two or more" in refused(*new, "--labels", "가", *SMALL)
    assert "there twice" in refused(*new, "--labels", "가", "가", *SMALL)
    assert "give 10 or more" in refused(*new, "--labels", "가", "나", "--step-size", "3")
    assert "only 60 texts" in refused(*new, "--labels", "가", "나", "--step-size", "50")
    assert not (tmp_path / "p" / "project.json").exists()
    assert "no project; begin one: al-ray label new" in refused("status", tmp_path / "p")
    assert "nope" in refused(*new, "--labels", "가", "나", *SMALL, "--strategy", "nope")
    project = tmp_path / "q"
    said("new", project, "--data", texts, "--labels", *CORPUS.labels, *SMALL)
    for name, content, why in (
        ("a.csv", "row_id,text\n1,가\n", "no column 'label'"),
        ("b.csv", "row_id,label\nnowhere,정치\n", "has not asked for it"),
        ("c.csv", "row_id,label,skipped\ntrain:1,,maybe\n", "write x, or leave it empty"),
        ("d.jsonl", "[1]\n", "is no JSON object"),
        ("e.json", "{", "no JSON"),
        ("f.txt", "", "give .csv, .jsonl"),
        ("g.csv", "row_id,label,time\ntrain:1,정치,gestern\n", "is no time"),
        ("h.csv", "row_id,label,seconds\ntrain:1,정치,nan\n", "no number of seconds"),
    ):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert why in refused("take", project, path)
    assert "al-ray label next" not in refused("batch", project, "--to", tmp_path / "x.doc")


def test_a_page_that_is_killed_has_what_it_was_told(texts, tmp_path, said):
    project = tmp_path / "project"
    said("new", project, "--data", texts, "--labels", *CORPUS.labels, *SMALL)
    known = Project(project)
    command = [sys.executable, "-u", "-m", "al_ray", "label", "serve", str(project), "--port", "0"]
    for times in (1, 2):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout is not None
            words = (word for line in process.stdout for word in line.split())
            address = next(word for word in words if word.startswith("http://127.0.0.1:"))
            with urllib.request.urlopen(address) as page:
                assert page.status == 200
            for row in known.ids(known.batches()[0].rows)[2 * times - 2 : 2 * times]:
                tell(address, row, GOLD[known.texts[row]])
            os.killpg(process.pid, signal.SIGKILL)
        assert len(Project(project).log.events()) == 2 * times


def tell(address, row, answer):
    """As the page does it."""
    event = {"row_id": row, "annotator": "가람", "state": "answered", "answer": answer,
             "note": "", "annotation": f"annotation-{row}", "seconds": 2.0}  # fmt: skip
    request = urllib.request.Request(
        f"{address.rstrip('/')}/api/say",
        json.dumps(event).encode(),
        {"Content-Type": "application/json", HEADER: "1"},
    )
    with urllib.request.urlopen(request) as answered:
        assert json.load(answered)["new"]


def test_a_first_batch_that_everybody_skips(texts, tmp_path, said, refused):
    """They are asked again: there would be no way on."""
    project, batch = tmp_path / "project", tmp_path / "batch.csv"
    said("new", project, "--data", texts, "--labels", *CORPUS.labels, *SMALL, "--updates", "7")
    said("batch", project, "--to", batch)
    lines = list(csv.reader(batch.open(encoding="utf-8-sig", newline="")))
    skipped = [lines[0], *([*line[:4], "x", *line[5:]] for line in lines[1:])]
    with batch.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(skipped)
    assert "The answers are kept" in said("take", project, batch)
    assert "has them again" in refused("next", project)
    assert "give 1 or more" in refused("batch", project, "--to", tmp_path / "2.csv", "--again", "0")
    again = tmp_path / "again.csv"
    assert "20 rows" in said("batch", project, "--to", again)
    fill(again, again, "annotator")
    assert "Batch 2" in said("take", project, again)
    said("finish", project)
    card = (project / "finished" / "README.md").read_text("utf-8")
    assert "in 7 updates of 16 texts" in card
    # Again it puts its own files in place of those of before, and nobody else's goes.
    theirs, ours = (project / "finished" / name for name in ("notes.txt", "README.md"))
    theirs.write_text("mine", "utf-8")
    ours.write_text("old", "utf-8")
    said("finish", project)
    assert theirs.read_text("utf-8") == "mine"
    assert ours.read_text("utf-8") == card
    assert not (project / ".finished").exists()


def test_files_that_people_and_their_programs_change(texts, tmp_path, said, refused):
    """Nothing filled in is written over; no two lines of a row; ids and texts belong."""
    project, batch = tmp_path / "project", tmp_path / "batch.csv"
    said("new", project, "--data", texts, "--labels", *CORPUS.labels, *SMALL)
    said("batch", project, "--to", batch)
    fill(batch, batch, "가람", leave=18)
    assert "batch.csv: is there already" in refused("batch", project, "--to", batch)
    for ending in ("json", "csv", "jsonl"):
        mine = tmp_path / f"mine.{ending}"
        for content in (
            "[]",
            '[{"data": {}, "predictions": []}]',
            "row_id,text,label,note\na,b,,왜\n",
        ):
            mine.write_text(content, encoding="utf-8")
            assert "give another name, or take it away" in refused("batch", project, "--to", mine)
            assert mine.read_text(encoding="utf-8") == content
        mine.unlink()  # which the message says
        for _ in range(2):  # what nobody has touched may be written again
            said("batch", project, "--to", mine)
    other = tmp_path / "other.json"
    other.with_suffix(".xml").write_text("<mine/>", encoding="utf-8")
    assert "other.xml: is there" in refused("batch", project, "--to", other)
    assert not other.exists()
    said("take", project, batch)
    known = Project(project)
    one, other = known.ids(known.batches()[0].rows)[:2]
    twice = f"row_id,label,annotator\n{one},정치,가\u1105\u1161\u11b7\n{one},경제,가람\n"
    (tmp_path / "x.csv").write_text(twice, "utf-8")
    assert "as '정치' and as '경제' by 가람" in refused("take", project, tmp_path / "x.csv")
    # As spreadsheets of some countries have it, and as "Unicode text".
    once = f"row_id;label;annotator\n{one};경제;가람\n"
    (tmp_path / "x.csv").write_text(once, "utf-8")
    assert "1 of them new" in said("take", project, tmp_path / "x.csv")
    (tmp_path / "x.csv").write_bytes(once.replace(";", "\t").encode("utf-16"))
    assert "0 of them new" in said("take", project, tmp_path / "x.csv")
    for whole, encoding in (
        (f"sep=;\n{once}", "utf-8"),
        (once, "utf-32"),
        (f"\ufeff\ufeff{once}", "utf-8"),
    ):
        (tmp_path / "x.csv").write_bytes(whole.encode(encoding))
        assert "0 of them new" in said("take", project, tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text(f"row_id,label,annotator,note\n{one},경제,가람,왜\n", "utf-8")
    assert "1 of them new" in said("take", project, tmp_path / "x.csv")
    (now,) = Project(project).word[one].items()
    assert (now[0], now[1].answer, now[1].note) == ("가람", "경제", "왜")
    (tmp_path / "y.csv").write_text(
        f"row_id,text,label\n{one},{known.texts[other]},정치\n", encoding="utf-8"
    )
    assert "take the column 'text' out" in refused("take", project, tmp_path / "y.csv")
    (tmp_path / "y.csv").write_text(
        f"Row_ID,TEXT ,label\n{one},{known.texts[other]},정치\n", encoding="utf-8"
    )
    assert "take the column 'text' out" in refused("take", project, tmp_path / "y.csv")
    (tmp_path / "y.csv").write_text(f"row_id,label\n{one},정치,경제\n", encoding="utf-8")
    assert "row 1 has more cells than columns" in refused("take", project, tmp_path / "y.csv")
    (tmp_path / "y.csv").write_text(f"row_id,label\n{one},정치 경제\n", encoding="utf-8")
    why = f"y.csv: row '{one}': '정치 경제' is none of the labels, of which one is meant"
    assert why in refused("take", project, tmp_path / "y.csv")
    half = json.dumps({"row_id": one, "label": "정치", "note": "\ud800"})
    (tmp_path / "y.jsonl").write_text(half, encoding="utf-8")
    assert "its note has half a character" in refused("take", project, tmp_path / "y.jsonl")
    (tmp_path / "y.csv").write_text(f"row_id,label\n{one},정치\n", encoding="utf-8")
    said("take", project, tmp_path / "y.csv")  # which the message says
    assert "cannot be written" in refused("batch", project, "--to", tmp_path / "no" / "x.json")
    for table in ("answers", "selections"):
        path = next((project / table).glob("[!.]*.parquet"))
        whole = path.read_bytes()
        path.write_bytes(whole[:-100])
        assert "put it back from a copy of the project" in refused("status", project)
        path.write_bytes(whole)  # which the message says
        said("status", project)
    facts = json.loads((project / "project.json").read_text(encoding="utf-8"))
    for changed in (
        {"version": 1, "labels": ["a"]},
        facts | {"task": "없는 과제"},
        facts | {"task": ["tagging"]},
        facts | {"size": "x"},
        facts | {"size": facts["size"] + 1},
        facts | {"labels": [1, 2]},
        facts | {"labels": ["\ud800", "가"]},
        facts | {"model": 5},
        facts | {"trajectory": "[" * 100_000},
        facts | {"trajectory": facts["trajectory"].replace('"seed": 0', '"seed": 1')},
        facts | {"trajectory": re.sub(r'("rates": )\[.*?\]', r"\1[]", facts["trajectory"])},
    ):
        (project / "project.json").write_text(json.dumps(changed), encoding="utf-8")
        assert "put it back from a copy" in refused("status", project)
    gone = json.dumps(facts | {"model": str(tmp_path / "gone")}, ensure_ascii=False)
    (project / "project.json").write_text(gone, encoding="utf-8")
    said_of_it = refused("next", project)
    assert f"{tmp_path / 'gone'}: the encoder that this project began with" in said_of_it
    assert "no such folder); put it back" in said_of_it
    (project / "project.json").write_text("[" * 100_000, encoding="utf-8")
    assert "put it back from a copy" in refused("status", project)
    (project / "project.json").write_text(json.dumps(facts | {"task": "tagging"}), "utf-8")
    assert "or task and labels in project.json" in refused("status", project)
