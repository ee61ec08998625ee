"""What argparse says, in both languages."""

from __future__ import annotations

import argparse

import pytest

from al_ray.commands.parser import Parser
from al_ray.commands.refusals import in_words


def parser():
    made = argparse.ArgumentParser(prog="p", allow_abbrev=True)
    made.add_argument("data")
    made.add_argument("--size", type=int)
    made.add_argument("--sizes", nargs="+")
    made.add_argument("--kind", choices=["a", "b"])
    either = made.add_mutually_exclusive_group()
    either.add_argument("--this", action="store_true")
    either.add_argument("--that", action="store_true")
    return made


WORDS = (
    *("", "x --size", "x --sizes", "x --size y", "x --kind c", "x --this --that"),
    *("x y --zzz", "x --siz 3", "x --this=3"),
)


@pytest.mark.parametrize("words", WORDS)
def test_argparse_is_understood_whatever_it_says(words, monkeypatch, korean):
    """The sentences of the Python that runs this: one of another form would stay English."""
    said = []

    def error(self, message):
        said.append(message)
        raise SystemExit(2)

    monkeypatch.setattr(argparse.ArgumentParser, "error", error)
    with pytest.raises(SystemExit):
        parser().parse_args(words.split())
    korean = in_words(said[0])
    assert korean != said[0]
    assert any("가" <= letter <= "힣" for letter in korean)
    assert ("--zzz" in korean) == ("--zzz" in words)


def test_what_is_not_known_stays_as_it_is_and_english_is_not_changed():
    assert in_words("a sentence of another Python") == "a sentence of another Python"
    for message in ("argument --x: expected one argument", "unrecognized arguments: --a b"):
        assert in_words(message) == message


def test_a_command_line_that_is_wrong_is_refused_in_korean(capsys, korean):
    made = Parser(prog="al-ray")
    made.add_argument("--size", type=int)
    with pytest.raises(SystemExit):
        made.parse_args(["--size", "많이"])
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "많이" in said
    assert "invalid" not in said
