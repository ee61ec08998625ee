"""`al-ray run DATA`: which studies it asks for, in which order, and what it refuses."""

from __future__ import annotations

import shlex
import subprocess
import sys
from types import SimpleNamespace

import pytest

from al_ray import __version__
from al_ray.commands import run, start

pytestmark = pytest.mark.usefixtures("no_ray_no_hub_no_child")


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [f"{i}번째 리뷰 입니다\t{'가나'[i % 2]}" for i in range(300)]
    (tmp_path / "리뷰.tsv").write_text("\n".join(["text\tlabel", *lines]) + "\n")
    return "리뷰.tsv"


@pytest.fixture
def ran(monkeypatch):
    """What is carried out by `al-ray run` with these words: heads, strategies, seeds, planned; and,
    as `words.pages`, after how many studies a page was made.
    """
    done = []

    def carried_out(study, where, options, corpus, plans, console, page):
        part = (*study.heads, study.strategies, len(study.seeds), options.plan)
        done.append((where.out, *part))
        plans.append(SimpleNamespace(measured={"model": 1}))
        if page and not options.plan:
            words.pages.append(len(done))
        return 0

    monkeypatch.setattr(run, "carried_out", carried_out)
    monkeypatch.setattr(run, "after_study", lambda *_: words.pages.append(len(done)))

    def words(*given):
        done.clear()
        words.pages = []
        monkeypatch.setattr(sys, "argv", ["al-ray", "run", *given])
        with pytest.raises(SystemExit) as ended:
            start.main()
        assert not ended.value.code
        return list(done)

    return words


FROZEN = ("frozen", ("random", "margin", "entropy", "core-set"), 50)
TUNED = ("fine-tuned", ("random", "margin"), 10)


def test_first_frozen_then_what_fine_tuning_takes_and_then_that(ran, data, capsys):
    out = "results/리뷰"
    assert ran(data, "--model", "some/id") == [(out, *FROZEN, False), (out, *TUNED, True)]
    assert ran.pages == [2]  # not while the speed is measured
    (last,) = [line for line in capsys.readouterr().out.splitlines() if "To fine-tune" in line]
    again = shlex.split(last.partition(": ")[2])
    assert again[:2] == ["al-ray", "run"]
    assert ran(*again[2:])[2:] == [(out, *TUNED, False)]
    assert ran.pages == [3]


@pytest.mark.parametrize(
    ("answer", "studies"), [("y", 3), ("예", 3), ("네", 3), ("", 2), ("n", 2), ("아니요", 2)]
)
def test_somebody_at_a_terminal_is_asked(ran, data, monkeypatch, answer, studies):
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert len(ran(data, "--model", "some/id")) == studies


def test_what_is_given_takes_the_place_of_a_default(ran, data):
    words = ("--model", "some/id", "--strategies", "random", "qbc", "--seeds", "0", "1")
    first, then = ran(data, *words, "--out=else")
    assert first == ("else", "frozen", ("random",), 2, False)  # which has no committee
    assert then == ("else", "fine-tuned", ("random", "qbc"), 2, True)
    assert [planned for *_, planned in ran(data, "--model", "some/id", "--plan")] == [True, True]
    assert ran.pages == []


def test_the_language_may_stand_before_the_command(data, capsys, monkeypatch):
    for words in (["--lang", "ko"], ["--lang=ko"]):
        monkeypatch.setattr(sys, "argv", ["al-ray", *words, "run", data, "--steps", "0"])
        with pytest.raises(SystemExit) as ended:
            start.main()
        assert ended.value.code == 2
        assert capsys.readouterr().err == "al-ray run: --steps 0: 1 이상을 주세요\n"


def test_what_fine_tunes_again_is_the_command_that_did(monkeypatch, data, ran):
    commands = []

    def asked(experiment, options, command):
        commands.append(command)
        return study_of(experiment, options, command)

    study_of = run.asked
    monkeypatch.setattr(run, "asked", asked)
    ran(data, "--model", "some/id", "--fine-tune")
    assert commands[-1] == f"al-ray run {shlex.quote(data)} --model some/id --fine-tune"
    assert commands[-2] == f"al-ray run {shlex.quote(data)} --model some/id"


def test_what_has_no_pretrained_weights_is_not_frozen(ran, data):
    assert ran("embedded") == [("results/embedded", *TUNED[:2], 5, False)]
    assert ran(data, "--model", "mini") == [("results/리뷰", *TUNED, False)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "no DATA; give a file"),
        (["--model", "x"], "no DATA; give a file"),
        (["리뷰.tsv", "--head", "frozen"], "--head is not for this command; leave it out"),
        (["none.csv"], "none.csv: no such file or folder"),
        (["리뷰.tsv", "--steps", "0"], "--steps 0: give 1 or more"),
        (["리뷰.tsv", "--labels-per-day", "0"], "--labels-per-day 0"),
        (["리뷰.tsv", "--patience", "0"], "--patience 0: give minutes above 0"),
        (["리뷰.tsv", "--step-size", "400"], "--step-size 400: the pool has only"),
        (
            ["embedded-entities", "--model", "x/y"],
            "give python experiments/ner.py --data embedded-",
        ),
        (["리뷰.tsv", "--address", "http://127.0.0.1:1"], "use python experiments/news7.py"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(data, capsys, monkeypatch, words, says):
    monkeypatch.setattr(sys, "argv", ["al-ray", "run", *words])
    with pytest.raises(SystemExit) as ended:
        start.main()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (2, 1)
    assert said.startswith("al-ray run: ")
    assert says in said


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("리뷰_2026.csv", "리뷰_2026"),
        ("a/b.jsonl.gz", "b"),
        ("s3://bucket/folder/", "folder"),
        ("nsmc", "nsmc"),
        (".", "here"),
    ],
)
def test_a_folder_is_called_as_the_corpus_is(data, name, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run.name_of(data) == name


def test_as_a_module():
    command = [sys.executable, "-m", "al_ray", "--version"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout == f"al_ray {__version__}\n"
