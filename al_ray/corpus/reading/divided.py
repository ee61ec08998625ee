"""A column that says of which split each row is."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from al_ray.corpus.reading.sources import IN_ORDER, WORDS, listed
from al_ray.corpus.reading.tables import Table
from al_ray.errors import CorpusError
from al_ray.language import tr

_AFTER = re.compile(r"(?<=.)(용|데이터|세트|셋|set|data)+$")

Members = tuple[str, set[int] | None]
"""Under which split's files rows are, and which data rows of them; None: all."""


def word(value: str | None) -> str | None:
    """The split that a value names, if any."""
    folded = re.sub(r"[\s_-]", "", unicodedata.normalize("NFKC", value or "").lower())
    return WORDS.get(folded) or WORDS.get(_AFTER.sub("", folded))


def divided(
    tables: Mapping[str, Sequence[Table]], column: str | None, notes: list[str]
) -> dict[str, Members]:
    """The rows of each split, train first: those of its files, but where the column says otherwise.

    Raises:
        CorpusError: a row of no split, rows of train in none, or rows of a split in two files.
    """
    found: dict[str, Members] = {split: (split, None) for split in tables}
    for split, parts in tables.items():
        if column is None or not all(column in table.names for table in parts):
            continue
        values = [value for table in parts for value in table.column(column).values]
        names = [word(value) for value in values]
        path = parts[0].path
        if other := Counter(value or "" for value in values if word(value) is None):
            raise CorpusError(
                "{path}: column {column!r} has {other} in {n:,} rows, which names no "
                "split; write train, test or dev there, or rename the column",
                path=path,
                column=column,
                other=listed([repr(value) for value in other], 3),
                n=other.total(),
            )
        counts = Counter(names)
        if set(counts) == {split}:
            continue
        del found[split]
        for name in counts:
            if name in found or (name in tables and name != split):
                raise CorpusError(
                    "{path}: column {column!r} says that {n:,} rows are of {split}, "
                    "and there is a file of {split} too; remove either, or rename the "
                    "column",
                    path=path,
                    column=column,
                    n=counts[name],
                    split=name,
                )
            if name is not None:
                found[name] = split, {n for n, each in enumerate(names, 1) if each == name}
        words = Counter(values)
        said = [
            tr("{value} is {split} ({n:,} rows)", value=each, split=word(each), n=count)
            for each, count in words.items()
        ]
        note = tr(
            "Column {column!r} divides {file}: {values}.",
            column=column,
            file=path.name,
            values=listed(said),
        )
        notes.append(note)
    if "train" not in found:
        raise CorpusError(
            "{path}: column {column!r} says that no row is of train; write train there, "
            "or rename the column",
            path=next(iter(tables["train"])).path,
            column=column,
        )
    return {name: found[name] for name in IN_ORDER if name in found}
