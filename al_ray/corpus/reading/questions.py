"""Questions on texts, whose answers are spans of them: JSON of SQuAD, KorQuAD 1.0 and KLUE-MRC."""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from al_ray.corpus.reading.sources import find, listed
from al_ray.corpus.reading.tables import content, opened, split_name, too_large, utf8
from al_ray.corpus.rows import Corpus
from al_ray.corpus.spans import NO_ANSWER, written
from al_ray.errors import CorpusError
from al_ray.io.reading import open_regular, parse_json
from al_ray.language import tr

_HEAD = 2**16
_KEYS = (rb'[^"]{0,64}\{', rb'"data"\s*:\s*\[\s*\{', rb'"paragraphs"\s*:\s*\[')
_BREAKS = re.compile(r"[\r\n]+")


@dataclass(frozen=True, eq=False)
class Read:
    """A corpus of questions, and where each is from.

    Attributes:
        corpus: a row a question, of the task `reading`.
        articles: of each row id, the title; without one, split and number, as `train:1`.
        paragraphs: of each row id, the number of its context within the article, from 1.
    """

    corpus: Corpus
    articles: Mapping[str, str]
    paragraphs: Mapping[str, int]


def looks_like_questions(path: Path) -> bool:
    """Whether a file, or the train of a folder, begins as SQuAD's JSON does; it is not read on."""
    try:
        file = find(path)[0]["train"][0] if os.path.isdir(path) else path
        if split_name(file.name)[1].removesuffix(".gz") != ".json":
            return False
        with open_regular(file) as raw:
            packed = file.suffix.lower() == ".gz"
            with gzip.open(raw) if packed else nullcontext(raw) as source:
                head = source.read(_HEAD).replace(b"\0", b"")  # what UTF-16 has between letters
    except (CorpusError, OSError, EOFError, ValueError, zlib.error):
        return False
    if not re.match(_KEYS[0], head):
        return False
    data = re.search(_KEYS[1], head)
    return data is not None and re.search(_KEYS[2], head[data.end() :]) is not None


def read_questions(path: Path, test: Path | None = None) -> Corpus:
    """The corpus of `read_with_articles`."""
    return read_with_articles(path, test).corpus


def read_with_articles(path: Path, test: Path | None = None) -> Read:
    """The questions in a file, or in a folder of `train.json` and `test.json` or `dev.json`.

    A row's text is the question, a line break and its context; line breaks in the question are
    blanks, and all else is as it was. An answer has the spans of all gold answers within the
    context, see `spans.written`; one that is marked as impossible has none.

    Args:
        path: a file, a train without tests, or a folder.
        test: a file of the rows of the test, which `path` has not.

    Raises:
        CorpusError: one line that names the file, the question, and the remedy.
    """
    files, notes = find(path, test)
    name = path.resolve().name if os.path.isdir(path) else split_name(path.name)[0]
    questions: dict[str, list[_Question]] = {}
    for split, parts in files.items():
        questions[split] = [each for part in _articles(split, parts, notes) for each in part]
        if not questions[split]:
            raise CorpusError("{path}: holds no questions; give it some", path=parts[0])
    rows = [question for found in questions.values() for question in found]
    _refuse_repeated(rows)
    for split, found in questions.items():
        _refuse_misplaced(found)
        notes += _notes(split, found)
    articles = {question.row_id: question.article for question in rows}
    corpus = Corpus.of_answers(
        name,
        "reading",
        {
            split: [(q.row_id, q.text, q.answer) for q in found]
            for split, found in questions.items()
        },
        notes,
        groups=articles,
    )
    return Read(corpus, articles, {question.row_id: question.paragraph for question in rows})


@dataclass(frozen=True)
class _Question:
    """As it was given; `answers` are texts and where they are said to begin in the context."""

    path: Path
    row_id: str
    article: str
    paragraph: int
    asked: str
    context: str
    answers: tuple[tuple[str, int], ...]
    impossible: bool

    @property
    def text(self) -> str:
        return f"{_BREAKS.sub(' ', self.asked)}\n{self.context}"

    @property
    def answer(self) -> str:
        if self.impossible:
            return NO_ANSWER
        return written((at, at + len(text)) for text, at in self.answers)

    @property
    def misplaced(self) -> list[tuple[str, int]]:
        """The answers that are not where they are said to be."""
        answers, placed = () if self.impossible else self.answers, self.context.startswith
        return [(text, at) for text, at in answers if at < 0 or not placed(text, at)]


def _articles(split: str, parts: Sequence[Path], notes: list[str]) -> Iterator[list[_Question]]:
    """The questions of each article of a split's files, whose paragraphs are counted by title."""
    number = 0
    paragraphs: dict[str, int] = {}
    for path in parts:
        found, encoding = _json(path)
        if encoding != "UTF-8":
            notes.append(tr("Encoding: {encoding}.", encoding=tr(encoding)))
        for article in found:
            number += 1
            questions: list[_Question] = []
            title = article.get("title") if isinstance(article, dict) else None
            title = title if isinstance(title, str) and title.strip() else f"{split}:{number}"
            try:
                for paragraph in article["paragraphs"]:
                    paragraphs[title] = nth = paragraphs.get(title, 0) + 1
                    context = paragraph["context"]
                    questions += [
                        _question(path, title, nth, context, each) for each in paragraph["qas"]
                    ]
            except (KeyError, TypeError, AttributeError):
                after = [tr(" after question {row_id!r}", row_id=each.row_id) for each in questions]
                raise CorpusError(
                    "{path}: article {number:,} ({title}) is not as SQuAD has it{after}; give it "
                    "paragraphs of a context and qas, each with an id, a question and answers of "
                    "a text and a whole number answer_start",
                    path=path,
                    number=number,
                    title=listed([title]),
                    after="".join(after[-1:]),
                ) from None
            yield questions


def _json(path: Path) -> tuple[list[Any], str]:
    """The articles in a file, and its encoding."""
    if split_name(path.name)[1].removesuffix(".gz") != ".json":
        raise CorpusError(
            "{path}: questions are read from JSON as SQuAD has it; convert it, or remove it",
            path=path,
        )
    try:
        with opened(path) as file:
            data, encoding = utf8(path, content(path, file))
        found = parse_json(data)
    except MemoryError:
        raise too_large(path) from None
    except ValueError as error:
        said = " ".join(str(error).split())[:80]
        raise CorpusError(
            "{path}: not JSON, or damaged ({said}); write it again", path=path, said=said
        ) from None
    articles = found.get("data") if isinstance(found, dict) else None
    if not isinstance(articles, list):
        raise CorpusError(
            "{path}: not as SQuAD has it; write an object whose data are articles", path=path
        )
    return articles, encoding


def _question(
    path: Path, title: str, nth: int, context: str, found: Mapping[str, Any]
) -> _Question:
    """One of a paragraph; `KeyError`, `TypeError` or `AttributeError` where it is none."""
    given = found["id"] if "id" in found else found["guid"]
    answers = tuple((each["text"], each["answer_start"]) for each in found["answers"])
    if type(given) not in (str, int) or any(type(at) is not int for _, at in answers):
        raise TypeError
    row_id = str(given)
    texts = (("id", row_id), ("question", found["question"]), ("context", context))
    for name, text in (*texts, *(("text", text) for text, _ in answers)):
        half = any("\ud800" <= character <= "\udfff" for character in text)
        if half or not text.strip():
            raise CorpusError(
                "{path}: question {row_id!r}: its {name!r} {why}; correct it or leave it out",
                path=path,
                row_id=row_id.encode(errors="backslashreplace").decode(),
                name=name,
                why=tr("has half a character") if half else tr("is empty"),
            )
    impossible = found.get("is_impossible") is True
    return _Question(path, row_id, title, nth, found["question"], context, answers, impossible)


def _refuse_repeated(questions: Iterable[_Question]) -> None:
    seen: dict[str, _Question] = {}
    repeated = [each for each in questions if seen.setdefault(each.row_id, each) is not each]
    if repeated:
        raise CorpusError(
            "{path}: question {row_id!r} is there before, in {first}{more}; give each an id of its "
            "own",
            path=repeated[0].path,
            row_id=repeated[0].row_id,
            first=seen[repeated[0].row_id].path.name,
            more=_more(repeated),
        )


def _refuse_misplaced(questions: Iterable[_Question]) -> None:
    wrong = [each for each in questions if each.misplaced]
    if not wrong:
        return
    text, at = wrong[0].misplaced[0]
    place, last = wrong[0].context.find(text), wrong[0].context.rfind(text)
    once = tr("but at {place:,}", place=place)
    often = tr("but at {place:,} and elsewhere", place=place)
    where = tr("which does not hold it") if place < 0 else once if place == last else often
    raise CorpusError(
        "{path}: question {row_id!r} has an answer {text!r} that is not at character {at:,} of its "
        "context, {where}{more}; correct answer_start",
        path=wrong[0].path,
        row_id=wrong[0].row_id,
        text=text[:40],
        at=at,
        where=where,
        more=_more(wrong),
    )


def _more(wrong: Sequence[_Question]) -> str:
    others = len(wrong) - 1
    return tr(" (as are {n:,} more questions)", n=others) if others else ""


def _notes(split: str, questions: Sequence[_Question]) -> Iterator[str]:
    """What was changed of a split's questions."""
    if n := sum(_BREAKS.search(each.asked) is not None for each in questions):
        yield tr("{split}: {n:,} questions have line breaks, read as blanks.", split=split, n=n)
    if n := sum(each.impossible and bool(each.answers) for each in questions):
        yield tr(
            "{split}: {n:,} questions are marked as impossible; their answers are left out.",
            split=split,
            n=n,
        )
