"""A hostile corpus stays data: it steers no terminal, names no file, and is no formula."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pytest
from loop_stub import World, config_of, go
from rich.table import Table
from rich.text import Text
from written_studies import write_study

from al_ray.commands import study as cli
from al_ray.commands.experiment import Experiment
from al_ray.io import terminal
from al_ray.randomness import row_hashes

ESC = "\x1b"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
RED = f"{ESC}[31m{ESC}]0;owned\x07{ESC}[2J \x9b2J \u202egnp.exe\b\b\b"
HUGE = "가" * 1_700_000  # 5 MB
LABELS = ("../x", "a\nb", f"빨강{RED}", "=1+1", "<img src=x onerror=alert(1)>", "[bold]마크업[/]")
IDS = ("../../x", "/etc/passwd", "con", f"id{RED}", "=cmd|' /C calc'!A0", "..")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Twelve rows of each label; texts, ids and labels steer, escape, compute and are huge."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    texts = [f"{RED} 문장", '=HYPERLINK("http://x")', "<script>alert(1)</script>", HUGE]
    for split in ("train", "test"):
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
            for i in range(12 * len(LABELS)):
                name = IDS[i] if i < len(IDS) else f"{split}-{i}"
                text = texts[i] if i < len(texts) else f"{RED} 문장 {i} {split}"
                row = {"id": f"{split}{name}", "text": text, "label": LABELS[i % len(LABELS)]}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return folder


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[str, int]:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(argv))
    captured = capsys.readouterr()
    return captured.out + captured.err, int(ended.value.code or 0)


def test_check_shows_a_hostile_corpus_and_is_not_steered(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, code = run(capsys, "check", str(corpus))
    assert code == 0
    assert not STEERING.search(said)
    assert "\\u001b[31m" in said  # it is shown, as what it is
    assert "[bold]마크업[/]" in said
    assert len(said) < 50_000  # of a text of 5 MB


def test_check_for_machines_is_json_and_does_not_steer(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, code = run(capsys, "check", str(corpus), "--json")
    assert code == 0
    assert not STEERING.search(said)
    assert set(json.loads(said)["labels"]) == set(LABELS)


def test_a_refusal_of_a_hostile_name_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, code = run(capsys, "check", str(tmp_path / f"no{RED}\nsuch"))
    assert code == 2
    assert said.count("\n") == 1
    assert not STEERING.search(said)


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "{}"],
        ["verdict", "{}"],
        ["report", "{}"],
        ["compact", "{}"],
        ["show", "x", "{}"],
        ["{}"],
        ["show", "x", "--every", "{}"],
    ],
)
def test_no_argument_steers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    said, code = run(capsys, *(each.format(tmp_path / f"no{RED}\nsuch") for each in argv))
    assert code == 2
    assert said.count("\n") == 1
    assert not STEERING.search(said)
    assert "owned" in said


def test_no_option_of_an_experiment_steers(capsys: pytest.CaptureFixture[str]) -> None:
    experiment = Experiment("made", "Made.", ("random",), (10,), 0.5, 16, 64)
    for argv in ([f"--no{RED}\n"], ["--committee", RED], ["--steps", RED], ["--data", RED]):
        with pytest.raises(SystemExit) as ended:
            cli.study_main(experiment, argv)
        captured = capsys.readouterr()
        assert ended.value.code == 2
        assert captured.err.count("\n") == 1
        assert not STEERING.search(captured.out + captured.err)
        assert "owned" in captured.err


def test_what_a_job_says_does_not_steer(capsys: pytest.CaptureFixture[str]) -> None:
    from ray.job_submission import JobStatus

    from al_ray.cluster.access.jobs import _follow

    class Client:
        async def tail_job_logs(self, _: str) -> AsyncIterator[str]:
            yield f"said {RED}\n"

        def get_job_info(self, _: str) -> SimpleNamespace:
            return SimpleNamespace(status=JobStatus.SUCCEEDED)

    _follow(Client(), "job")  # type: ignore[arg-type]
    said = capsys.readouterr().out
    assert "owned" in said
    assert not STEERING.search(said)


def test_names_of_files_do_not_steer_where_they_are_merged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = write_study(tmp_path)
    (out / "predictions" / f"x{RED}-0000.parquet").write_bytes(b"cut short")
    said, code = run(capsys, "compact", str(out))
    assert code == 0
    assert "owned" in said
    assert not STEERING.search(said)


@pytest.mark.parametrize("command", ["show", "verdict"])
def test_a_hostile_study_is_shown_and_does_not_steer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """As somebody else may have made the folder: names of arms and errors are theirs."""
    out = write_study(tmp_path, strategies=("random", f"own:{RED}"), missing=(f"own:{RED}",))
    for path in (out / "trajectories").glob("*.parquet"):
        frame = pd.read_parquet(path)
        assert frame.trajectory.notna().all()
    for argv in ([command, str(out)], [command, str(out), "--json"]):
        said, code = run(capsys, *argv)
        assert code == 0
        assert not STEERING.search(said)
        assert "own:" in said


def test_plain_is_what_a_terminal_shows(capsys: pytest.CaptureFixture[str]) -> None:
    """Colours of our own still are colours, and Korean is left alone."""
    assert terminal.plain("한국어\t😀 e\u0301\n") == "한국어\t😀 e\u0301\n"
    assert terminal.plain("\ud800").encode() == b"\\ud800"
    shown = terminal.PlainConsole(force_terminal=True, color_system="standard", width=80)
    with shown.capture() as captured:
        shown.print(Text(f"a{ESC}[2Jb", style="red"))
    assert captured.get() == f"{ESC}[31ma\\u001b[2Jb{ESC}[0m\n"


def test_a_text_brings_no_link_and_no_colour_along() -> None:
    """Nor does a lone [/], which is no markup of anything, end a command."""
    shown = terminal.PlainConsole(force_terminal=True, color_system="standard", width=80)
    table = Table("a", title="[/b] :boom:")
    table.add_row("[link=http://x][red]text[/]")
    with shown.capture() as captured:
        shown.print("[link=http://x][red]text[/]", table)
    said = captured.get()
    assert "]8;" not in said
    assert f"{ESC}[31m" not in said
    assert said.count("[link=http://x][red]text[/]") == 2
    assert "[/b] :boom:" in said


def test_ids_and_labels_name_no_file(tmp_path: Path) -> None:
    """A loop over path-like ids and labels writes into its own folder, under names of its own."""
    world = World()
    ids = [f"{IDS[i % len(IDS)]}{i}" for i in range(len(world.rows.ids))]
    world.rows = replace(
        world.rows, ids=pa.array(ids), hashes=row_hashes(ids), label_names=LABELS[:3]
    )
    out = tmp_path / "deep" / "out"
    store = go(out, world, config_of())[0]
    assert set(store.read("selections").row_id) <= set(ids)
    made = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]
    assert any(path.endswith(".parquet") for path in made)
    assert all(re.fullmatch(r"deep(/out(/[a-z]+(/[a-z0-9.-]+)?)?)?", path) for path in made)
