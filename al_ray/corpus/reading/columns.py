"""Which columns of a corpus are its texts, labels and ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from al_ray.corpus.reading.divided import word
from al_ray.corpus.reading.labels import cleaned, integers
from al_ray.corpus.reading.sources import listed
from al_ray.corpus.reading.tables import Table
from al_ray.errors import CorpusError
from al_ray.language import mark, tr

# Known column names; compared without case, and those of texts, labels and splits also without
# blanks, hyphens and underscores. A new one of ids or companions would change corpora that are
# read as they are already, so there is none.
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
COMPANION_COLUMNS = (
    "label topic category section class sentiment 분류 라벨 레이블 카테고리 주제 섹션 "
    "label_text label_name"
)
ID_COLUMNS = "id guid row_id uid doc_id 번호"
SPLIT_COLUMNS = "split set subset partition dataset_split 분할 데이터구분 데이터셋 구분 용도"


@dataclass(frozen=True)
class Columns:
    """Names of columns, in all files but for `split`; `said` is what is told of them."""

    text: tuple[str, ...]
    label: str
    id: str | None
    split: str | None
    said: tuple[str, ...]


def has_known_text(columns: Columns) -> bool:
    """Whether a text's column is called as texts are: the line it is from is one of names."""
    known = set(map(folded, TEXT_COLUMNS.split()))
    return any(folded(name) in known for name in columns.text)


def choose(
    tables: list[Table],
    text: str | Sequence[str] | None,
    label: str | None,
    row_id: str | None,
    split: str | None,
) -> Columns:
    """The columns that were asked for or, where none was, those of a known name in train.

    Args:
        tables: of all files, train's first.
        text: one column, or several whose texts are joined.
        label, row_id, split: columns.

    Raises:
        CorpusError: a column is not there, or none or several may be the text or the label.
    """
    train = tables[0]
    texts = [named(name) for name in ([text] if isinstance(text, str) else text or ())]
    label, row_id, split = (name and named(name) for name in (label, row_id, split))
    taken = {*texts, label, row_id, split}
    given = [("text", name) for name in texts]
    given += [(role, name) for role, name in (("label", label), ("id", row_id)) if name is not None]
    for role, name in given:
        for table in tables:
            _check_there(table, role, name)
    if split is not None:
        _check_there(train, "split", split)

    def detect(known: str, fold: Callable[[str], str] = folded) -> list[str]:
        names = {fold(name): name for name in reversed(train.names) if name not in taken}
        return [names[name] for name in map(fold, known.split()) if name in names]

    def only(role: str, known: str) -> str:
        found = _different(tables, detect(known)) if role == "label" else detect(known)
        if len(found) == 1:
            return found[0]
        if not found:
            message = mark(
                "{path}: which column holds the {what} is not clear; name it with "
                "--{role}-column (the columns are: {names})"
            )
        elif role == "label":
            message = mark(
                "{path}: which column holds the {what} is not clear: it may be {found}; name it "
                "with --{role}-column (the columns are: {names})"
            )
        else:
            message = mark(
                "{path}: which column holds the {what} is not clear: it may be {found}; name it "
                "with --{role}-column, or several to join them (the columns are: {names})"
            )
        raise CorpusError(
            message,
            path=train.path,
            what=tr(role),
            found=tr(" or ").join(map(repr, found)),
            role=role,
            names=listed(train.names),
        )

    asked = label
    texts = texts or [only(mark("text"), TEXT_COLUMNS)]
    label = only(mark("label"), LABEL_COLUMNS) if label is None else label
    for role, name in [*(("text", name) for name in texts), ("label", label)]:
        for table in tables:
            _check_there(table, role, name)
    if label in texts:
        raise CorpusError(
            "--text-column and --label-column are both {label!r}; name two", label=label
        )
    notes: list[str] = []
    ids = [row_id] if row_id is not None else detect(ID_COLUMNS, str.lower)
    row_id = next((name for name in ids if all(name in table.names for table in tables)), None)
    taken |= {*texts, label, row_id}
    if split is None:
        split = next((each for each in detect(SPLIT_COLUMNS) if _divides(train, each, notes)), None)
    if asked is None and (
        readable := _readable(tables, label, detect(COMPANION_COLUMNS, str.lower))
    ):
        note = tr(
            "Label names are from {names!r}, one to one with {codes!r}.",
            names=readable,
            codes=label,
        )
        notes.append(note)
        label = readable
    joined = tr(" and ").join(map(repr, texts))
    if len(texts) > 1:
        joined = tr("{columns} (joined by a blank)", columns=joined)
    said = tr(
        "Columns: text {text}, label {label!r}, id {id}.",
        text=joined,
        label=label,
        id=tr("None") if row_id is None else repr(row_id),
    )
    return Columns(tuple(texts), label, row_id, split, (said, *notes))


def named(name: str) -> str:
    """A column's name in one line, as it is listed and asked for."""
    return " ".join(cleaned(name).split())


def _check_there(table: Table, role: str, name: str) -> None:
    if name not in table.names:
        raise CorpusError(
            "{path}: no column {name!r} for --{role}-column; the columns are: {names}",
            path=table.path,
            name=name,
            role=role,
            names=listed(table.names),
        )


def _divides(table: Table, name: str, notes: list[str]) -> bool:
    """Whether a column names splits; one that does so in part or is called split is spoken of.

    One that has nothing but these and gaps does: what is refused is better than test rows in train.
    """
    try:
        values = set(table.column(name).values)
    except CorpusError:
        return False
    other = [value for value in values if word(value) is None]
    if len(other) < len(values) and not any(cleaned(value or "") for value in other):
        return True
    if other and (len(other) < len(values) or folded(name) == "split"):
        note = tr(
            "Column {name!r} is not read: {values} in it names no split; --split-column {name} has "
            "it read.",
            name=name,
            values=listed(sorted(map(repr, other)), 3),
        )
        notes.append(note)
    return not other


def folded(name: str) -> str:
    """A name as names are compared: without case, blanks, hyphens and underscores."""
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
