"""From the hub: files at a pinned revision, and the corpora that have a name.

Caching, resuming what broke off and the address (`HF_ENDPOINT`) are the hub's own client's.
"""

from __future__ import annotations

import logging
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from al_ray.corpus.reading.read import read
from al_ray.corpus.rows import Corpus
from al_ray.errors import CorpusError
from al_ray.io.reading import open_regular
from al_ray.language import tr

PATIENCE = 10.0
"""Seconds that the hub is given to answer."""

ATTEMPTS = 4
BROKEN = "Connection broken"
"""What the client says where a download breaks off, which it does not go on with by itself."""

Kind = Literal["model", "dataset"]

Choose = Callable[[Sequence[str]], list[str]]
"""From the names of all files to those that are needed; raises `Unavailable` where one lacks."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Unavailable(Exception):
    """The hub does not give it.

    Attributes:
        reason: a phrase.
        remedy: another, which goes on with 'or ...'.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def fetch(repo: str, kind: Kind, revision: str | None, choose: Choose) -> Path:
    """A folder with the files of a repository that `choose` wants.

    A commit that is whole in the cache is used without asking. Of a branch, or of None for the
    main one, the hub is asked for the newest, and the cache is what there is while it cannot be
    reached.

    Raises:
        Unavailable: no such repository, no access to it, a file lacks, out of reach, disk full.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not sys.stderr.isatty():
        disable_progress_bars()
    cached = _cached(repo, kind, revision, choose)
    if cached is not None and revision is not None and _COMMIT.fullmatch(revision):
        return cached
    try:
        # Asked here and not left to snapshot_download, which waits for an answer without end.
        info = HfApi().repo_info(repo, repo_type=kind, revision=revision, timeout=PATIENCE)
        wanted = choose([file.rfilename for file in info.siblings or ()])
        for attempt in range(ATTEMPTS):
            try:
                folder = snapshot_download(
                    repo, repo_type=kind, revision=revision, allow_patterns=wanted
                )
                return Path(folder)
            except Exception as error:
                if BROKEN not in str(error) or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError
    except Unavailable:
        raise
    except Exception as error:  # the client raises many kinds, and wraps others
        if cached is not None:
            return cached
        raise _explain(error, repo, revision) from error


def _cached(repo: str, kind: Kind, revision: str | None, choose: Choose) -> Path | None:
    """The folder in the cache, if all that `choose` wants is in it."""
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(repo, repo_type=kind, revision=revision, local_files_only=True)
        )
        files = (path for path in folder.rglob("*") if path.is_file())
        choose([path.relative_to(folder).as_posix() for path in files])
    except (OSError, ValueError, Unavailable):
        return None
    return folder


def _explain(error: Exception, repo: str, revision: str | None) -> Unavailable:
    from huggingface_hub import constants, errors

    here = f"{constants.ENDPOINT}/{repo}"
    if isinstance(error, errors.GatedRepoError):
        return Unavailable(
            tr("it is gated"),
            tr("accept its terms at {where} and log in with 'hf auth login'", where=here),
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return Unavailable(
            tr("there is no such repository, or it is private"),
            tr("check its name, log in with 'hf auth login'"),
        )
    if isinstance(error, errors.HFValidationError):
        return Unavailable(tr("no repository can have this name"), tr("check it"))
    if isinstance(error, errors.RevisionNotFoundError):
        return Unavailable(
            tr("it has no revision {revision}", revision=revision), tr("get a newer al_ray")
        )
    if isinstance(error, errors.OfflineModeIsEnabled):
        return Unavailable(
            tr("HF_HUB_OFFLINE is set, and the cache lacks it"), tr("unset that once")
        )
    if isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        status = error.response.status_code
        return Unavailable(
            tr("{address} answers {status}", address=constants.ENDPOINT, status=status),
            tr("try again later"),
        )
    said = " ".join(str(error).split()) or type(error).__name__
    if BROKEN in said:
        return Unavailable(
            tr("the download broke off"), tr("give the same command, which goes on with it")
        )
    codes = re.findall(r"\[Errno -?\d+\] ([^'\"):]+)", said)
    why = codes[-1].strip() if codes else tr("no answer") if "timed out" in said else said[:120]
    on_disk = isinstance(error, OSError) and error.errno is not None
    if on_disk and not isinstance(error, (ConnectionError, TimeoutError)):
        return Unavailable(
            tr(
                "the cache {folder} cannot be written: {why}",
                folder=constants.HF_HUB_CACHE,
                why=why,
            ),
            tr("set HF_HOME to a folder that has room"),
        )
    return Unavailable(
        tr("{address} cannot be reached: {why}", address=constants.ENDPOINT, why=why),
        tr("connect to it once: it is kept then"),
    )


# --- corpora ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """Where a corpus is and what its columns are.

    Attributes:
        repo: its id.
        revision: a commit.
        files: split to the path of its Parquet file.
        text, label, id: columns.
        label_names: of the label's codes; None: the codes are the names.
    """

    repo: str
    revision: str
    files: dict[str, str]
    text: str
    label: str
    id: str
    label_names: tuple[str, ...] | None = None


SOURCES = {
    # The repository itself holds a program; this is a commit of the branch refs/convert/parquet,
    # on which the hub keeps what it made of it, as public programs pin it (the hub's own page of
    # it was not seen). That program undid CSV quoting, so that 856 texts of 200,000 differ from
    # those of ratings_train.txt and ratings_test.txt in quotation marks.
    "nsmc": Source(
        "e9t/nsmc",
        "153263700c285ac0997b3e2a2d80b826aaf672d6",
        {"train": "default/train/0000.parquet", "test": "default/test/0000.parquet"},
        "document",
        "label",
        "id",
    ),
    "ynat": Source(
        "klue/klue",
        "349481ec73fff722f88e0453ca05c77a447d967c",
        {
            "train": "ynat/train-00000-of-00001.parquet",
            "dev": "ynat/validation-00000-of-00001.parquet",
        },
        "title",
        "label",
        "guid",
        ("IT과학", "경제", "사회", "생활문화", "세계", "스포츠", "정치"),
    ),
}
"""The corpora that have a name."""


def load(name: str) -> Corpus:
    """The corpus of this name, as `read` would give it from a folder of files.

    Raises:
        CorpusError: it is not in the cache and cannot be had, or the cache is damaged.
    """
    source = SOURCES[name]
    try:
        folder = fetch(source.repo, "dataset", source.revision, source_files(source))
    except Unavailable as error:
        raise CorpusError(
            "--data {name}: {repo} cannot be had from the hub ({reason}); {remedy}, or "
            "download the corpus's files and give --data their folder",
            name=name,
            repo=source.repo,
            reason=error.reason,
            remedy=error.remedy,
        ) from error
    with tempfile.TemporaryDirectory(prefix="al-ray-") as temp:
        view = Path(temp) / name
        view.mkdir()
        for split, file in source.files.items():
            pq.write_table(_table(source, name, folder / file), view / f"{split}.parquet")
        corpus = read(view, source.text, source.label, source.id)
    note = tr(
        "From the hub: {repo} at {revision}.", repo=source.repo, revision=source.revision[:12]
    )
    return replace(corpus, notes=(note, *corpus.notes))


def source_files(source: Source) -> Choose:
    """Exactly the corpus's files."""

    def choose(names: Sequence[str]) -> list[str]:
        if missing := [file for file in source.files.values() if file not in names]:
            raise Unavailable(tr("{file} is not there", file=missing[0]), tr("get a newer al_ray"))
        return list(source.files.values())

    return choose


def _table(source: Source, name: str, path: Path) -> pa.Table:
    """Id, text and label of a Parquet file of the cache, the label by name."""
    try:
        with open_regular(path) as file:
            table = pq.read_table(
                file, columns=[source.id, source.text, source.label], partitioning=None
            ).replace_schema_metadata(None)
        if source.label_names is None:
            return table
        labels = pa.array(source.label_names).take(table.column(source.label))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise CorpusError(
            "--data {name}: {path} in the hub's cache is damaged ({reason}); delete it "
            "and the file it links to, and run this again",
            name=name,
            path=path,
            reason=reason,
        ) from error
    return table.set_column(table.schema.get_field_index(source.label), source.label, labels)
