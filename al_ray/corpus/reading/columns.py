"""Which columns of a corpus are its texts, labels and ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from al_ray.corpus.reading.labels import cleaned, integers
from al_ray.corpus.reading.sources import listed
from al_ray.corpus.reading.tables import Table
from al_ray.errors import CorpusError

# Known column names; compared without case, blanks, hyphens and underscores.
TEXT_COLUMNS = (
    "document documents title text texts sentence sentences content contents review reviews "
    "comment comments headline body utterance message article tweet "
    "본문 제목 문장 내용 텍스트 기사 리뷰 댓글 후기 발화 발화문 원문 문의 민원 문의내용 민원내용 "
    "상담내용 리뷰내용 댓글내용 기사내용"
)
LABEL_COLUMNS = (
    "label labels topic category section class sentiment emotion intent polarity target "
    "분류 라벨 레이블 카테고리 주제 섹션 감성 감정 의도 유형 범주 클래스 정답 대분류 중분류 소분류 "
    "감성분류 감정분류 감정대분류 감정소분류 문의유형 민원유형 의도분류 주제분류"
)
COMPANION_COLUMNS = f"{LABEL_COLUMNS} label_text label_name"
ID_COLUMNS = "id guid row_id uid doc_id 번호"


@dataclass(frozen=True)
class Columns:
    """Names of columns; `said` is what is told of them."""

    text: str
    label: str
    id: str | None
    said: tuple[str, ...]


def choose(tables: list[Table], text: str | None, label: str | None, row_id: str | None) -> Columns:
    """The columns that were asked for or, where none was, those of a known name in train.

    Raises:
        CorpusError: a column is not there, or none or several may be the text or the label.
    """
    train = tables[0]
    text, label, row_id = (name and cleaned(name) for name in (text, label, row_id))
    taken = {text, label, row_id}

    def detect(known: str) -> list[str]:
        names = {_folded(name): name for name in reversed(train.names) if name not in taken}
        return [names[name] for name in map(_folded, known.split()) if name in names]

    texts = [text] if text is not None else detect(TEXT_COLUMNS)
    labels = [label] if label is not None else _different(tables, detect(LABEL_COLUMNS))
    ids = [row_id] if row_id is not None else detect(ID_COLUMNS)
    asked_ids = ids if row_id is not None else []
    for role, found in (("text", texts), ("label", labels), ("id", asked_ids)):
        if not found and role != "id":
            raise CorpusError(
                f"{train.path}: which column holds the {role} is not clear; name it with "
                f"--{role}-column (the columns are: {listed(train.names)})"
            )
        if len(found) > 1:
            raise CorpusError(
                f"{train.path}: which column holds the {role} is not clear: it may be "
                f"{' or '.join(map(repr, found))}; name it with --{role}-column"
            )
        for table in tables:
            if found and found[0] not in table.names:
                raise CorpusError(
                    f"{table.path}: no column {found[0]!r} for --{role}-column; "
                    f"the columns are: {listed(table.names)}"
                )
    text, label = texts[0], labels[0]
    if text == label:
        raise CorpusError(f"--text-column and --label-column are both {text!r}; name two")
    row_id = next((name for name in ids if all(name in table.names for table in tables)), None)
    notes = []
    if label not in taken:
        taken |= {text, label, row_id}
        if readable := _readable(tables, label, detect(COMPANION_COLUMNS)):
            notes.append(f"Label names are from {readable!r}, one to one with {label!r}.")
            label = readable
    said = f"Columns: text {text!r}, label {label!r}, id {row_id!r}."
    return Columns(text, label, row_id, (said, *notes))


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]", "", unicodedata.normalize("NFKC", name).lower())


def _values(tables: Iterable[Table], name: str) -> list[str]:
    return [cleaned(value or "") for table in tables for value in table.column(name).values]


def _different(tables: list[Table], candidates: list[str]) -> list[str]:
    """The first candidate, and those that do not say the same in other words.

    What has one value throughout, or no values that could be labels, is none beside others.
    """
    if len(candidates) < 2:
        return candidates
    values: dict[str, list[str]] = {}
    for name in candidates:
        with suppress(CorpusError):  # lists, for example
            values[name] = _values(tables[:1], name)
    varied = [name for name in values if len(set(values[name])) > 1] or candidates[:1]
    return [
        varied[0],
        *(name for name in varied[1:] if not _one_to_one(values[varied[0]], values[name])),
    ]


def _one_to_one(some: Sequence[str], others: Sequence[str]) -> bool:
    return len(set(some)) == len(set(others)) == len(set(zip(some, others, strict=True)))


def _readable(tables: list[Table], label: str, companions: Sequence[str]) -> str | None:
    """The first companion that names the integer labels one to one in every file."""
    candidates = [name for name in companions if all(name in table.names for table in tables)]
    if not candidates:
        return None
    codes = _values(tables, label)
    if not integers(codes):
        return None
    for candidate in candidates:
        names = _values(tables, candidate)
        if all(set(names)) and not integers(names) and _one_to_one(codes, names):
            return candidate
    return None
