"""Which formats are read, and what to do with others."""

from __future__ import annotations

from pathlib import Path

from al_ray.corpus.reading.arrow import parquet, stream
from al_ray.corpus.reading.records import json_file, json_lines
from al_ray.corpus.reading.sources import foreign
from al_ray.corpus.reading.tables import (
    BINARY,
    Table,
    content,
    delimited,
    opened,
    split_name,
    too_large,
    utf8,
)
from al_ray.corpus.reading.workbook import workbook
from al_ray.errors import CorpusError


def open_table(path: Path) -> Table:
    """The table in a file, told by its suffix; `.tsv` and `.csv` have quoting, `.txt` has none.

    Text is UTF-8, CP949, or UTF-16 or UTF-32 with a byte order mark, and may be gzipped.

    Raises:
        CorpusError: not a format that is read, not readable, or not well-formed.
    """
    suffix = split_name(path.name)[1].removesuffix(".gz")
    if not suffix:
        raise CorpusError("{path}: {why}", path=path, why=foreign(path))
    try:
        with opened(path) as file:
            if suffix in BINARY:
                return {".parquet": parquet, ".arrow": stream, ".xlsx": workbook}[suffix](
                    path, file
                )
            data, encoding = utf8(path, content(path, file))
        if suffix == ".jsonl":
            return json_lines(path, data, encoding)
        if suffix == ".json":
            return json_file(path, data, encoding)
        return delimited(path, data, encoding, suffix)
    except MemoryError:
        raise too_large(path) from None
