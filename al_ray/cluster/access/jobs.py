"""A study as a job of a cluster elsewhere: it is submitted, followed, and picked up again.

The job is the same script with the same options, so that all that holds of a study holds of it:
killed, it goes on where its tables end. Nothing is kept here: which job belongs to which study is
in the job's metadata, on the cluster.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import ray.exceptions
import requests
from ray.job_submission import JobDetails, JobStatus, JobSubmissionClient
from rich.console import Console

import al_ray
from al_ray.cluster import private
from al_ray.cluster.access.connect import NoToken, authenticate, one_line, refuse_versions
from al_ray.cluster.access.tunnel import tunnel
from al_ray.errors import AlRayError, StudyConflict, UserError
from al_ray.io.terminal import plain, say
from al_ray.language import tr

MOST_BYTES: Final = 100 * 2**20
"""Of corpus and model that travel with the code; Ray's own limit is 512 MiB, zipped."""

_HOME: Final = "$HOME/al_ray"
"""Where a relative --out lies on the cluster: the job's own folder goes with the job."""

_TRIES: Final = 5
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


@dataclass(frozen=True)
class Submission:
    """A study that is to run as a job.

    Attributes:
        script: of the experiment, in the repository's `experiments`.
        options: of its command line.
        out: results folder, as given.
        carried: options whose value may be a path of this machine, and that value.
        cluster: a cluster's YAML file, reached by ssh; or
        address: http address of its dashboard, and
        said: what named that.
        leaves_tables: whether there is anything to bring back.
    """

    script: str
    options: tuple[str, ...]
    out: str
    carried: tuple[tuple[str, str], ...]
    cluster: str | None
    address: str
    said: str
    leaves_tables: bool = True


def submit(study: Submission, console: Console) -> int:
    """Run a study as a job, or follow the one that runs it, to its end; answers its exit code.

    Raises:
        UserError: no cluster there, or none that will have us; something too large to send.
        StudyConflict: a job with other options is at this study.
        AlRayError: the connection was lost; the job goes on.
    """
    if study.cluster is None:
        return _submit(study, study.address, console)
    if not Path(study.cluster).is_file():
        raise UserError(
            "{said}: no such file; give the one that `ray up` was given", said=study.said
        )
    with tunnel(study.cluster) as address:
        code = _submit(study, address, console)
    if study.leaves_tables and code in (0, 1) and "://" not in study.out:
        _bring_back(study, console)
    return code


def _submit(study: Submission, address: str, console: Console) -> int:
    client = _client(address, study.said)
    out = _out(study.out)
    command = shlex.join([study.script, *study.options])
    job = _running(client, out, command)
    if job:
        say(console, tr("Job {job} runs this study already: following it.", job=job))
    else:
        with tempfile.TemporaryDirectory(prefix="al_ray-") as folder:
            options = _stage(study, Path(folder), console)
            # RAY_ADDRESS is the cluster's own inside a job; a shell there expands $HOME.
            entrypoint = (
                f"python experiments/{study.script} {shlex.join([*options, '--address', 'auto'])} "
                f'--out "{out}"'
            )
            try:
                job = client.submit_job(
                    entrypoint=entrypoint,
                    runtime_env={"working_dir": folder},
                    metadata={"al_ray_out": out, "al_ray_command": command},
                )
            except (RuntimeError, ValueError, requests.RequestException) as error:
                raise UserError(
                    "{said}: the job was refused ({error})", said=study.said, error=one_line(error)
                ) from None
        say(console, tr("Job {job} is submitted.", job=job))
    line = tr(
        "It goes on without this terminal: the same command follows it again, and `ray job stop "
        "{job}` ends it.",
        job=job,
    )
    say(console, line)
    try:
        details = _follow(client, job)
    except KeyboardInterrupt:
        say(console, tr("Stopped following; the job goes on."))
        raise
    if details.status == JobStatus.STOPPED:
        line = tr("Job {job} was stopped; the same command goes on with its study.", job=job)
        say(console, line)
        return 1
    if details.status == JobStatus.FAILED and not details.driver_exit_code:
        raise AlRayError(
            "job {job} failed: {reason}",
            job=job,
            reason=(details.message or "?").strip().splitlines()[0],
        )
    code: int = details.driver_exit_code or 0
    if study.leaves_tables and study.cluster is None and "://" not in out and code != 2:
        say(console, tr("Its tables are on the cluster's head, in {out}.", out=out))
    return code


# The job server


def _client(address: str, said: str) -> JobSubmissionClient:
    """A client of the job server at an address that we may talk to."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    for name in ("sdk", "dashboard_sdk"):  # these two set a level of their own
        where = "ray.dashboard.modules." + ("job.sdk" if name == "sdk" else name)
        logging.getLogger(where).setLevel(logging.ERROR)
    found: list[JobSubmissionClient] = []

    def ask() -> None:
        try:
            with _without("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):  # they would go before ours
                client = JobSubmissionClient(address)
                client.list_jobs()
        except ray.exceptions.AuthenticationError:
            raise NoToken from None
        except (OSError, RuntimeError, requests.RequestException) as error:
            raise UserError(
                "{said}: no Ray job server answers there ({error}); give the http "
                "address of the dashboard of a cluster that runs",
                said=said,
                error=one_line(error),
            ) from None
        found.append(client)

    authenticate(ask, said)
    client = found[-1]
    refuse_versions({"ray_version": private.server_version(client) or ray.__version__}, said)
    return client


@contextmanager
def _without(*names: str) -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


def _running(client: JobSubmissionClient, out: str, command: str) -> str:
    """The job that is at the study in `out`, or ''."""
    for job in client.list_jobs():
        metadata = job.metadata or {}
        if metadata.get("al_ray_out") != out or job.status.is_terminal():
            continue
        if metadata.get("al_ray_command") != command:
            raise StudyConflict(
                "--out {out}: job {job} is at this study with other options "
                "({command}); wait for it, or give another --out",
                out=out,
                job=job.submission_id,
                command=metadata.get("al_ray_command"),
            )
        return str(job.submission_id)
    return ""


def _follow(client: JobSubmissionClient, job: str) -> JobDetails:
    """Print what a job says from its beginning until its end, over lost connections."""
    seen = 0

    async def tail() -> None:
        nonlocal seen
        begin = 0
        async for text in client.tail_job_logs(job):  # from the beginning, each time
            new = text[max(0, seen - begin) :]
            begin += len(text)
            seen = max(seen, begin)
            sys.stdout.write(plain(new))
            sys.stdout.flush()

    failures = 0
    while True:
        before = seen
        try:
            asyncio.run(tail())
            details = client.get_job_info(job)
            if details.status.is_terminal():
                return details
        except (OSError, RuntimeError, aiohttp.ClientError, requests.RequestException) as error:
            failures = failures + 1 if seen == before else 1
            if failures > _TRIES:
                raise AlRayError(
                    "the connection was lost ({error}); job {job} goes on, and the same "
                    "command follows it again",
                    error=one_line(error),
                    job=job,
                ) from None
        time.sleep(1)


# What travels


def _out(out: str) -> str:
    """Where a results folder lies on the cluster."""
    if "://" in out or Path(out).is_absolute():
        return out
    if out.startswith("~/"):
        return f"$HOME/{out[2:]}"
    return f"{_HOME}/{Path(out).as_posix()}"


def _stage(study: Submission, folder: Path, console: Console) -> list[str]:
    """Put the code, and the files that options name, into a folder; answers the options there."""
    root = Path(al_ray.__file__).resolve().parents[1]
    if not (root / "experiments" / study.script).is_file():
        raise UserError(
            "{said}: experiments/{script} is not beside al_ray in {root}; run it from a "
            "checkout of the repository",
            said=study.said,
            script=study.script,
            root=root,
        )
    for name in ("al_ray", "experiments"):
        shutil.copytree(root / name, folder / name, ignore=_LEFT_OUT)
    options = list(study.options)
    for option, value in study.carried:
        path = Path(value).expanduser()
        if "://" in value or not path.exists():
            continue
        size = sum(p.stat().st_size for p in [path, *path.rglob("*")] if p.is_file())
        if size > MOST_BYTES and path.is_absolute():
            say(
                console,
                tr(
                    "{option} {value}: {size:,.0f} MB are too much to send along, so all of the "
                    "cluster's machines must have it at this path; or put it into a bucket.",
                    option=option,
                    value=value,
                    size=size / 1e6,
                ),
            )
            continue
        if size > MOST_BYTES:
            raise UserError(
                "{option} {value}: {size:,.0f} MB are too much to send along (at most "
                "{most:,.0f} MB); put it into a bucket, or into a folder that all "
                "of the cluster's machines share, and give that",
                option=option,
                value=value,
                size=size / 1e6,
                most=MOST_BYTES / 1e6,
            )
        target = Path("sent", option.lstrip("-"), path.resolve().name)
        (folder / target.parent).mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, folder / target, ignore=_LEFT_OUT)
        else:
            shutil.copy(path, folder / target)
        options = moved(options, option, value, str(target))
        line = tr(
            "{option} {value}: sent along, {size:,.1f} MB.",
            option=option,
            value=value,
            size=size / 1e6,
        )
        say(console, line)
    return options


def without(options: Sequence[str], option: str) -> list[str]:
    """The options but for one that takes a value."""
    made: list[str] = []
    rest = iter(options)
    for word in rest:
        if word == option:
            next(rest, None)
        elif not word.startswith(f"{option}="):
            made.append(word)
    return made


def moved(options: Sequence[str], option: str, path: str, target: str) -> list[str]:
    """The options with another path in place of one that this option is given."""
    made, under = [], ""
    for word in options:
        if word.startswith("--"):
            under = word.partition("=")[0]
        at = under == option
        same = {path: target, f"{option}={path}": f"{option}={target}"}
        made.append(same.get(word, word) if at else word)
    return made


# A cluster of a YAML file, by ssh


def _bring_back(study: Submission, console: Console) -> None:
    """Copy the tables from the cluster's head to the folder of the same name here."""
    there = _out(study.out).replace("$HOME", "~", 1)
    here = Path(study.out).expanduser()
    here.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ray.scripts.scripts", "rsync-down", str(study.cluster)]
    ended = subprocess.run(
        [*command, f"{there}/", f"{here}/"], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        words = (ended.stderr or ended.stdout).strip().splitlines()
        raise AlRayError(
            "the tables are on the cluster's head in {there}, and could not be copied "
            "({reason}); the same command tries again",
            there=there,
            reason=words[-1] if words else tr("rsync failed"),
        )
    say(console, tr("Its tables are here, in {folder}.", folder=here))
