"""Questions: SQuAD's JSON as its authors write it, read by hand and by loops over the real file."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from al_ray.corpus.reading.questions import (
    looks_like_questions,
    read_questions,
    read_with_articles,
)
from al_ray.corpus.spans import context_of, parse, written
from al_ray.errors import CorpusError

KORQUAD = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "korquad"
CONTEXT = "임수경은 1989년 6월 30일\r\n평양에 갔다. 😀 평양은 넓다."


def question(row_id: object, asked: object, *answers: tuple[object, object], **more: Any) -> Any:
    found = [{"text": text, "answer_start": start} for text, start in answers]
    return {"id": row_id, "question": asked, "answers": found, **more}


def article(*questions: Any, title: str | None = "임수경", context: object = CONTEXT) -> Any:
    paragraphs = [{"context": context, "qas": list(questions)}]
    return {"paragraphs": paragraphs} | ({} if title is None else {"title": title})


def write(path: Path, *articles: Any, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(exist_ok=True)
    document = {"version": "KorQuAD_v1.0_dev", "data": list(articles)}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding=encoding)
    return path


def refusal(path: Path, *articles: Any) -> str:
    if articles:
        write(path, *articles)
    with pytest.raises(CorpusError) as caught:
        read_questions(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_a_row_is_a_question_and_its_context_and_an_answer_the_spans_in_both(
    tmp_path: Path,
) -> None:
    path = write(
        tmp_path / "독해.json",
        article(
            question("1-0", "누구인가?", ("임수경", 0)),
            question(
                "1-1", "어디로\r\n갔나?\n", ("평양", 29), ("평양", 19), ("평양에", 19), ("평양", 19)
            ),
            question("1-2", "왜?", is_impossible=True, plausible_answers=[{"text": "평양"}]),
        ),
    )
    corpus = read_questions(path)
    assert (corpus.name, corpus.task, corpus.tests) == ("독해", "reading", ())
    assert corpus.train.row_ids == ("1-0", "1-1", "1-2")
    assert corpus.train.texts == (
        f"누구인가?\n{CONTEXT}",
        f"어디로 갔나? \n{CONTEXT}",
        f"왜?\n{CONTEXT}",
    )
    assert corpus.labels == ("-", "0-3", "19-21 19-22 29-31")
    assert corpus.train.labels.tolist() == [1, 2, 0]
    assert corpus.train.labels.dtype == np.int32
    context = context_of(corpus.train.texts[1])
    said = [context[start:end] for start, end in parse("19-21 19-22 29-31")]
    assert said == ["평양", "평양에", "평양"]
    assert corpus.notes == ("train: 1 questions have line breaks, read as blanks.",)


def test_what_is_written_is_parsed() -> None:
    assert written([(10, 12), (9, 11), (10, 12), (100, 101)]) == "9-11 10-12 100-101"
    assert parse("9-11 10-12 100-101") == ((9, 11), (10, 12), (100, 101))
    assert (written([]), parse("-")) == ("-", ())
    for wrong in ("", "3", "3-4-5", "a-b", "3-4  5-6"):
        with pytest.raises(ValueError, match=r"\w"):
            parse(wrong)


def test_splits_articles_and_paragraphs(tmp_path: Path) -> None:
    two = article(question("a", "?", ("임", 0)))
    two["paragraphs"].append({"context": "둘", "qas": [question("b", "?", ("둘", 0))]})
    untitled = article(question("c", "?", ("임", 0)), title=None)
    again = article(question("d", "?", ("임", 0)))
    write(tmp_path / "train.json", two, untitled, again)
    mrc = {"guid": "klue-1", "question": "?", "answers": [], "is_impossible": True}
    write(tmp_path / "dev.json", article(mrc, title=None), article(question(7, "?", ("임", 0))))
    read = read_with_articles(tmp_path)
    assert [split.name for split in read.corpus.splits] == ["train", "dev"]
    assert read.articles == {
        "a": "임수경",
        "b": "임수경",
        "c": "train:2",
        "d": "임수경",
        "klue-1": "dev:1",
        "7": "임수경",
    }
    assert read.paragraphs == {"a": 1, "b": 2, "c": 1, "d": 3, "klue-1": 1, "7": 1}
    assert read.corpus.labels == ("-", "0-1")
    other = write(tmp_path / "o" / "x.json", article(question("e", "?", ("임", 0))))
    assert [s.name for s in read_questions(tmp_path / "dev.json", other).splits] == [
        "train",
        "test",
    ]


def test_other_encodings_and_gzip_are_the_same_corpus(tmp_path: Path) -> None:
    asked = article(question("a", "누구?", ("임수경", 0)), context="임수경은 갔다.")
    plain = write(tmp_path / "a.json", asked)
    cp949 = write(tmp_path / "b.json", asked, encoding="cp949")
    wide = write(tmp_path / "c.json", asked, encoding="utf-16")
    packed = tmp_path / "d.json.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    corpus = read_questions(plain)
    for path in (cp949, wide, packed):
        assert read_questions(path).digest == corpus.digest
        assert looks_like_questions(path)
    assert read_questions(cp949).notes == ("Encoding: CP949 (EUC-KR).",)


@pytest.mark.parametrize(
    ("text", "start", "said"),
    [
        ("임수경", 1, "is not at character 1 of its context, but at 0;"),
        ("평양", 20, "is not at character 20 of its context, but at 19 and elsewhere;"),
        ("서울", 3, "is not at character 3 of its context, which does not hold it;"),
        ("평양", -7, "is not at character -7 of its context, but at 19 and elsewhere;"),
        ("다.", len(CONTEXT) - 1, "but at 24 and elsewhere"),
        ("임수경", 10**30, "but at 0;"),
    ],
)
def test_an_answer_that_is_elsewhere(tmp_path: Path, text: str, start: int, said: str) -> None:
    right = question("a", "?", ("임", 0))
    message = refusal(tmp_path / "a.json", article(right, question("b-7", "?", (text, start))))
    assert f"question 'b-7' has an answer {text!r} that" in message
    assert said in message
    assert message.endswith("correct answer_start")


def test_how_many_are_elsewhere_and_what_is_marked_as_impossible(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    wrong = [question(row_id, "?", ("임", 1)) for row_id in "abc"]
    assert "but at 0 (as are 2 more questions);" in refusal(path, article(*wrong))
    marked = [{**each, "is_impossible": True} for each in wrong]
    corpus = read_questions(write(path, article(*marked)))
    assert corpus.labels == ("-",)
    assert corpus.notes == (
        "train: 3 questions are marked as impossible; their answers are left out.",
    )


def test_ids_that_are_there_twice(tmp_path: Path) -> None:
    one = article(question("a", "?", ("임", 0)))
    assert "question 'a' is there before, in a.json" in refusal(tmp_path / "a.json", one, one)
    write(tmp_path / "f" / "train.json", one)
    write(tmp_path / "f" / "test.json", one)
    with pytest.raises(CorpusError, match=r"test\.json: question 'a' is there before, in train"):
        read_questions(tmp_path / "f")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (article(question("a", " \n", ("임", 0))), "question 'a': its 'question' is empty"),
        (article(question("a", "?", ("", 0))), "question 'a': its 'text' is empty"),
        (article(question("a", "?"), context=" "), "question 'a': its 'context' is empty"),
        (article(question("", "?")), "question '': its 'id' is empty"),
        (article(question("a", "\ud83d?")), "'question' has half a character"),
        (article(question("a", "?", ("임", "0"))), "article 1 (임수경) is not as SQuAD has it;"),
        (article(question("a", "?", ("임", 0.0))), "is not as SQuAD has it"),
        (article(question("a", "?", ("임", True))), "is not as SQuAD has it"),
        (article(question("a", "?", (3, 0))), "is not as SQuAD has it"),
        (article(question(["a"], "?")), "is not as SQuAD has it"),
        (article(question("a", None)), "is not as SQuAD has it"),
        (article(question("a", "?"), context=["?"]), "is not as SQuAD has it"),
        (article({"id": "a", "question": "?"}), "is not as SQuAD has it"),
        (article({"question": "?", "answers": []}), "is not as SQuAD has it"),
        ({"title": "가", "qas": []}, "article 1 (가) is not as SQuAD has it"),
        ({"paragraphs": {"a": 1}}, "article 1 (train:1) is not as SQuAD has it"),
        ("가", "article 1 (train:1) is not as SQuAD has it"),
        (article(), "holds no questions"),
    ],
)
def test_what_is_no_question(tmp_path: Path, made: Any, said: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"data": [made]}))
    assert said in refusal(path)


def test_the_question_after_which_it_goes_wrong_is_said(tmp_path: Path) -> None:
    made = article(question("a", "?", ("임", 0)))
    made["paragraphs"].append({"qas": []})
    assert "(임수경) is not as SQuAD has it after question 'a';" in refusal(
        tmp_path / "a.json", made
    )


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for content, said in (
        ('{"data": {}}', "write an object whose data are articles"),
        ("[]", "write an object whose data are articles"),
        ('{"data": []}', "holds no questions"),
        ('{"data": [', "not JSON, or damaged"),
        ("[" * 200 + "]" * 200, "nested more than"),
    ):
        path.write_text(content)
        assert said in refusal(path)
        assert not looks_like_questions(path)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert "questions are read from JSON" in refusal(tmp_path / "a.csv")
    assert not looks_like_questions(tmp_path / "a.csv")


def test_what_looks_like_questions(tmp_path: Path) -> None:
    asked = article(question("a", "?", ("임", 0)))
    assert looks_like_questions(write(tmp_path / "한" / "무엇이든.json", asked))
    assert looks_like_questions(tmp_path / "한")
    other = tmp_path / "b.json"
    rows = [{"text": '{"data": [{"paragraphs": [', "label": "가"}]
    assert not looks_like_questions(write(other, *rows))
    for rest in (
        json.dumps(rows),
        '{"paragraphs": [{}], "data": [{"a": 1}]}',
        '{"a": "{\\"data\\": [{", "paragraphs": []}',
    ):
        other.write_text(rest)
        assert not looks_like_questions(other)
    packed = tmp_path / "c.json.gz"
    packed.write_bytes(gzip.compress(b'{"data": [{"paragraphs": [')[:-12])
    pipe = tmp_path / "d.json"
    os.mkfifo(pipe)
    (tmp_path / "e").mkdir()
    for path in (packed, pipe, tmp_path / "e", tmp_path / "f.json", tmp_path):
        assert not looks_like_questions(path)


@pytest.mark.parametrize("made", [lambda n: b'{"data": [{' * n, lambda n: b'"data"' + b" " * n])
def test_a_file_that_only_begins_so_takes_no_time(
    tmp_path: Path, made: Callable[[int], bytes]
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"{" + made(2**20))
    assert not looks_like_questions(path)


@pytest.mark.shared
@pytest.mark.skipif(not KORQUAD.exists(), reason="no KorQuAD beside the project")
def test_the_file_of_korquad() -> None:
    assert looks_like_questions(KORQUAD)
    read = read_with_articles(KORQUAD)
    document = json.loads((KORQUAD / "KorQuAD_v1.0_dev.json").read_text(encoding="utf-8"))
    paragraphs = [(a["title"], p) for a in document["data"] for p in a["paragraphs"]]
    asked = [(title, p["context"], each) for title, p in paragraphs for each in p["qas"]]
    assert (len(document["data"]), len(paragraphs), len(asked)) == (140, 964, 5774)
    train = read.corpus.train
    assert train.row_ids == tuple(each["id"] for _, _, each in asked)
    assert [read.articles[row_id] for row_id in train.row_ids] == [title for title, _, _ in asked]
    for text, label, (_, context, each) in zip(train.texts, train.labels, asked, strict=True):
        ((start, end),) = parse(read.corpus.labels[label])
        assert text.split("\n", 1)[1] == context
        assert context[start:end] == each["answers"][0]["text"]
