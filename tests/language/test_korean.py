"""The Korean catalogue is whole, and what people read first has no English left."""

from __future__ import annotations

import re
import string

import messages
import numpy as np
import pytest
from small_studies import alike, answered, study

from al_ray.analysis.conclusion import conclusion
from al_ray.analysis.verdict import sentences, verdict
from al_ray.language import tr

_NAMES = {
    # What is no word of English but a name, a command or a format.
    *("al", "ray", "al_ray", "random", "margin", "entropy", "frozen", "cold", "macro", "study"),
    *("Holm", "python", "experiments", "OUT", "FOLDER", "KoBERT", "BERT"),
}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_message_has_its_korean_and_none_is_left_over():
    known = {messages.id_of(each): each for each in messages.read() if each.id}
    said = {messages.id_of(each): each for each in messages.extracted() if each.id}
    assert [english for english in said if english not in known] == []
    assert [english for english in known if english not in said] == []
    for english, message in known.items():
        korean = message.string[0] if isinstance(message.id, tuple | list) else message.string
        assert korean, english
        assert not message.fuzzy
        if placeholders(english) or placeholders(korean):
            assert placeholders(korean) == placeholders(english), english


def test_a_catalogue_that_lacks_a_message_says_so(tmp_path):
    path = tmp_path / "ko.po"
    text = messages.KOREAN.read_text(encoding="utf-8")
    path.write_text(text.replace('msgstr "판단 불가"', 'msgstr ""'), encoding="utf-8")
    assert messages.update(path) == ["cannot tell"]
    path.write_text(text, encoding="utf-8")
    assert messages.update(path) == []
    assert path.read_text(encoding="utf-8") == text  # `make messages` has nothing to do


def english_in(text: str) -> list[str]:
    """Words of Latin letters that are no names, options or commands."""
    text = text.replace("training diverged", "")  # an error, as it is kept
    text = re.sub(r"--[\w-]+|https?://\S+|[\w./-]+\.(?:py|json|csv|html)\b", " ", text)
    return [word for word in re.findall(r"[A-Za-z][A-Za-z_]{2,}", text) if word not in _NAMES]


LABELS = [100, 200, 300, 400]
RISE = [0.5, 0.6, 0.66, 0.7]


def worlds():
    """A study for each kind of verdict."""
    rng = np.random.default_rng(5)
    better = [0.5, 0.68, 0.74, 0.77]
    yield (
        "saves",
        answered(
            dict(
                zip(
                    ("random", "margin"), alike(rng, [RISE, better], 20, 800, fit=0.02), strict=True
                )
            ),
            LABELS,
        ),
    )
    yield (
        "no difference",
        answered(
            dict(zip(("random", "margin"), alike(rng, [RISE, RISE], 8, 800, fit=0.3), strict=True)),
            LABELS,
        ),
    )
    worse = [0.5, 0.5, 0.52, 0.6]
    yield (
        "worse",
        answered(
            dict(zip(("random", "margin"), alike(rng, [RISE, worse], 10, 800), strict=True)), LABELS
        ),
    )
    few = dict.fromkeys(range(3), RISE)
    yield "cannot tell", study({"random": few, "margin": few}, LABELS)
    gone = {("margin", 0): "failed", ("margin", 1): None}
    many = dict.fromkeys(range(7), RISE)
    yield "missing", study({"random": many, "margin": many}, LABELS, status=gone)
    frozen = ("random", "cold", "frozen", 100, 100)
    low, high = alike(rng, [RISE, better], 8, 800)
    yield "undertrained", answered({"random": low, "margin": low, frozen: high}, LABELS)
    yield "generated", study({"random": many, "margin": many}, LABELS, demonstration=True)
    flat = alike(rng, [[0.6] * 4, [0.6] * 4], 8, 500)
    yield "flat", answered({"random": flat[0], "margin": flat[1]}, LABELS)


@pytest.mark.parametrize(("name", "made"), list(worlds()), ids=lambda each: str(each)[:15])
def test_verdict_and_answer_are_korean(korean, name, made):
    kinds = verdict(made).kind.tolist()
    if name in ("saves", "no difference", "worse", "cannot tell", "undertrained"):
        assert name in kinds  # a code in every language
    answer = conclusion(made)
    for line in (*sentences(made), answer.sentence, answer.next):
        assert re.search("[가-힣]", line)
        assert english_in(line) == []
        assert not re.search(r"[가-힣0-9](은\(는\)|이\(가\)|을\(를\)|과\(와\)|\(으\)로)", line)


def test_the_two_languages_say_the_same_numbers():
    from al_ray import language

    (made,) = (made for name, made in worlds() if name == "saves")
    numbers = []
    for spoken in language.LANGUAGES:
        language.use(spoken)
        lines = [conclusion(made).sentence, *verdict(made).sentence]
        numbers.append([sorted(re.findall(r"\d[\d,.]*\d|\d", line)) for line in lines])
    assert numbers[0] == numbers[1]


def test_what_is_kept_of_an_error_is_english_and_what_is_shown_is_not(korean):
    from al_ray.errors import CorpusError

    error = CorpusError("{path}: no such file or folder; check its path", path="없는.csv")
    assert english_in(str(error)) == []
    assert error.args == ("{path}: no such file or folder; check its path",)
    assert tr("saves") == "라벨 절약"
