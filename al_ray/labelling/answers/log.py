"""What people said of rows: an append-only log, and what it comes to.

The rules, which docs/labelling.md has for people:

1. Everything that is said is an event and stays in the log; nothing is erased. An event whose id is
   there already is the same one, so what is taken twice counts once.
2. What an annotator says of a row is the last event by time. An undo takes back the annotation
   that it names; where it names none that is there, all that the annotator has said of the row.
3. A skip is said, and paid for, and teaches nothing.
4. A row's answer is what most of its annotators say. Where no answer has most, it is in conflict,
   and teaches nothing until somebody says more.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import pyarrow as pa

from al_ray.errors import UserError
from al_ray.results import Store
from al_ray.results.schema import SCHEMAS
from al_ray.tasks import Task

State = Literal["answered", "skipped", "undone"]

TABLE = "answers"

LONGEST = 64
"""Letters of an annotator's name."""


LONGEST_SECONDS = 1e9
"""That an answer may have taken."""


def is_time(time: datetime) -> bool:
    """Whether people may have said something then."""
    return 2000 < time.year < 9999


@dataclass(frozen=True)
class Said:
    """An event: what somebody said of a row, or took back.

    Attributes:
        row_id: of the row.
        annotator: a name.
        state: an answer, a skip, or that what was said before is taken back.
        answer: as the task writes it; '' but where answered.
        time: when, with a time zone.
        annotation: what names the annotation where it was made; '' where nothing does.
        seconds: that it took; None: not known.
        note: of the annotator.
        source: where it came from: `page`, `csv`, `jsonl`, `label-studio`, `simulated`.
        text: that it was said of, where the source has it; not kept.
    """

    row_id: str
    annotator: str
    state: State
    answer: str
    time: datetime
    annotation: str = ""
    seconds: float | None = None
    note: str = ""
    source: str = ""
    text: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.state not in get_args(State):
            raise ValueError(f"state {self.state!r}")
        if (self.state == "answered") != bool(self.answer):
            raise ValueError(f"{self.row_id}: {self.state} with the answer {self.answer!r}")
        if self.time.tzinfo is None:
            raise ValueError(f"{self.row_id}: a time without a zone")

    @property
    def id(self) -> str:
        """16 hex digits that name the event."""
        facts = [self.row_id, self.annotator, self.annotation, self.state, self.answer, self.note]
        content = json.dumps([*facts, self.time.astimezone(UTC).isoformat()])
        return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    def says(self, other: Said | None) -> bool:
        """Whether it says no more than another did of the same row, by the same annotator."""
        if other is None or other.state == "undone":
            return self.state == "undone"
        same = (self.state, self.answer) == (other.state, other.answer)
        return same and self.note in ("", other.note)


class Log:
    """The table `answers` of a project: a file for whatever was taken at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events: dict[str, Said] = {}
        self._read: set[str] = set()

    def events(self) -> list[Said]:
        """Everything, by time and then by id; files that came since are read."""
        for name in self._store.files(TABLE):
            if name not in self._read:
                for row in self._store.get(name).to_pylist():
                    said = _said(row)
                    self._events.setdefault(said.id, said)
                self._read.add(name)
        return sorted(self._events.values(), key=lambda said: (said.time, said.id))

    def add(self, events: Iterable[Said]) -> list[Said]:
        """Write what is new, in one file that is there whole or not at all; answer with that."""
        known = {said.id for said in self.events()}
        new = {said.id: said for said in events if said.id not in known}
        if not new:
            return []
        schema = SCHEMAS[TABLE]
        rows = [{name: getattr(said, name) for name in schema.names} for said in new.values()]
        digest = hashlib.blake2b("".join(new).encode(), digest_size=8).hexdigest()
        table = pa.Table.from_pylist(rows, schema=schema)
        self._store.put(f"{TABLE}/{digest}.parquet", table, TABLE)
        return list(new.values())


def _said(row: Mapping[str, object]) -> Said:
    return Said(**{name: row[name] for name in SCHEMAS[TABLE].names})  # type: ignore[arg-type]


Word = Mapping[str, Mapping[str, Said]]
"""What each annotator says now of each row: by row id, then by annotator; nothing undone."""


def said_now(events: Sequence[Said]) -> dict[str, dict[str, Said]]:
    """Of events in their order (rule 2)."""
    found: dict[str, dict[str, Said]] = {}
    for (row, annotator), there in standing(events).items():
        found.setdefault(row, {})[annotator] = list(there.values())[-1]
    return found


def standing(events: Sequence[Said]) -> dict[tuple[str, str], dict[str, Said]]:
    """By row and annotator: what is not undone, by its name, the latest last; none is empty."""
    found: dict[tuple[str, str], dict[str, Said]] = {}
    for said in events:
        there = found.setdefault((said.row_id, said.annotator), {})
        known = there.pop(said.annotation, None) is not None
        if said.state != "undone":
            there[said.annotation] = said
        elif not known:
            there.clear()
    return {key: there for key, there in found.items() if there}


def consensus(word: Word) -> dict[str, str]:
    """The answer of every row that has one (rules 3 and 4)."""
    found = {}
    for row, by in word.items():
        counts = Counter(said.answer for said in by.values() if said.state == "answered")
        (first, n), *others = counts.most_common(2) or [("", 0)]
        if n and not (others and others[0][1] == n):
            found[row] = first
    return found


def measured_by(word: Word, drawn: Iterable[str]) -> dict[str, str]:
    """Answers to rows that were drawn at random: where no answer has most, whoever spoke first.

    These are asked of everybody, so that leaving out what people disagree on would leave out the
    hard ones of them alone.
    """
    agreed, found = consensus(word), {}
    for row in drawn:
        given = (said for said in word.get(row, {}).values() if said.state == "answered")
        first = min(given, key=lambda said: (said.time, said.id), default=None)
        if first is not None:
            found[row] = agreed.get(row, first.answer)
    return found


def conflicts(word: Word) -> list[str]:
    """Rows that were answered and have no answer, in the order of the log."""
    agreed = consensus(word)
    return [
        row
        for row, by in word.items()
        if row not in agreed and any(said.state == "answered" for said in by.values())
    ]


def paid(word: Word) -> int:
    """Answers and skips, of all annotators."""
    return sum(map(len, word.values()))


def reconciled(
    events: Sequence[Said], known: Sequence[Said], source: str, at: datetime
) -> list[Said]:
    """What the log lacks so that it says what a source says now, which has all its annotations.

    An annotation that is gone there is taken back; one that had been, and is there again, is said
    again.

    Args:
        events: all that the source has.
        known: the log.
        source: of the events; what came from elsewhere is not its to take back.
        at: when it was seen.
    """
    live = {
        (*key, name): said for key, there in standing(known).items() for name, said in there.items()
    }
    ids = {said.id for said in known}
    here = {(said.row_id, said.annotator, said.annotation) for said in events}
    found = []
    for said in events:
        if said.id not in ids:
            found.append(said)
        elif (said.row_id, said.annotator, said.annotation) not in live:
            found.append(replace(said, time=max(at, said.time)))
    for key, said in live.items():
        if said.source == source and key not in here:
            later = max(at, said.time + timedelta(microseconds=1))  # clocks differ
            found.append(replace(said, state="undone", answer="", time=later, seconds=None))
    return found


def new_words(events: Sequence[Said], known: Sequence[Said]) -> list[Said]:
    """Of events without times of their own, those that say something new.

    A file that has no times is taken again with the time of taking; what is in it already was
    said.
    """
    now = {
        (row, annotator): said
        for row, by in said_now(known).items()
        for annotator, said in by.items()
    }
    return [said for said in events if not said.says(now.get((said.row_id, said.annotator)))]


def check(
    events: Sequence[Said], asked: Mapping[str, str], labels: Sequence[str], task: type[Task]
) -> None:
    """Refuse what nobody asked for: rows that somebody picked stand for nothing.

    Args:
        events: to be taken.
        asked: texts by row id.
        labels: of the project.
        task: what answers are.

    Raises:
        UserError: a row that was not asked for, or an answer that cannot be; nothing of it is to
            be taken.
    """
    latest = now() + timedelta(days=1)
    for said in events:
        if not said.annotator.isprintable() or not 0 < len(said.annotator.strip()) <= LONGEST:
            raise UserError(
                "annotator {name!r}: give a name of at most {most} printable letters",
                name=said.annotator[:60],
                most=LONGEST,
            )
        if said.time > latest:
            raise UserError(
                "row {row!r}: said at {time}, which is still to come; correct the time",
                row=said.row_id[:60],
                time=said.time.isoformat(timespec="minutes"),
            )
        if said.row_id not in asked:
            raise UserError(
                "row {row!r}: this project has not asked for it; give what was labelled of its own "
                "batches",
                row=said.row_id[:60],
            )
        if any(0xD800 <= ord(letter) <= 0xDFFF for letter in said.note + said.annotation):
            raise UserError(
                "row {row!r}: its note has half a character, which no file can hold; correct it",
                row=said.row_id[:60],
            )
        if said.state != "answered":
            continue
        if why := task.refused(said.answer, asked[said.row_id], labels):
            raise UserError(
                "row {row!r}: {why}; correct it, or leave it empty", row=said.row_id[:60], why=why
            )


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)
