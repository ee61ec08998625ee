"""Pictures, fonts, the command and what it refuses; no browser."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from pages import Shown
from written_studies import SEVEN, write_study

from al_ray.analysis.study import load
from al_ray.commands import report as report_command
from al_ray.commands import study as cli
from al_ray.errors import StudyConflict
from al_ray.io.files import digest_of
from al_ray.report import build, files, fonts
from al_ray.report.build import write_report
from al_ray.results import Store


def pixels(path):
    """Width, height and the decompressed rows of a PNG."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    place, packed, size = 8, b"", (0, 0)
    while place < len(content):
        (length,), kind = struct.unpack(">I", content[place : place + 4]), content[place + 4 :][:4]
        body = content[place + 8 :][:length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        packed += body * (kind == b"IDAT")
        place += 12 + length
    return *size, zlib.decompress(packed)


def test_every_figure_is_an_svg_and_a_png_that_is_not_blank(written):
    names = {path.stem for path in written.figures}
    assert len(names) >= 12
    assert {path.suffix for path in written.figures} == {".svg", ".png"}
    assert len(written.figures) == 2 * len(names)
    for path in written.figures:
        if path.suffix == ".png":
            width, height, rows = pixels(path)
            assert min(width, height) > 200, path
            changes = len(rows) - rows.count(0)  # a row of one colour is filtered to zeros
            assert changes > 0.005 * len(rows), path
        else:
            svg = path.read_text(encoding="utf-8")
            assert svg.startswith("<svg")
            assert "var(--" not in svg
            assert "DEMONSTRATION" in svg


def test_svg_keeps_korean(written):
    svg = (written.page.parent / "figures" / "label-mix.svg").read_text(encoding="utf-8")
    assert all(label in svg for label in SEVEN)


def test_pictures_show_korean_where_there_is_a_font():
    if not fonts.draws_korean():
        pytest.skip("no Korean font here; install one (Debian: apt-get install fonts-nanum)")
    assert fonts.stand_ins(SEVEN) == {}
    assert fonts._drawn("정치") != fonts._drawn("경제")


def test_without_a_font_it_is_said_and_no_box_is_drawn(tmp_path, few, monkeypatch):
    monkeypatch.setattr(fonts, "draws_korean", lambda: False)
    assert fonts.stand_ins(["정치", "IT", "부"]) == {"정치": "label 1", "부": "label 3"}
    drawn = []
    real = files.vl_convert.svg_to_png
    monkeypatch.setattr(
        files.vl_convert, "svg_to_png", lambda svg, **facts: drawn.append(svg) or real(svg, **facts)
    )
    out = write_study(tmp_path, ("random", "margin"), ("부정", "긍정"), 2, 2, (20,), controls=())
    written = write_report(out)
    assert written.notes == (fonts.REMEDY,)
    assert "\n" not in fonts.REMEDY
    assert drawn
    assert not any("부정" in svg or "긍정" in svg for svg in drawn)
    assert any("label 2" in svg for svg in drawn)
    kept = (out / "report" / "figures" / "label-mix.svg").read_text(encoding="utf-8")
    assert "긍정" in kept
    assert fonts.REMEDY.split(":")[0] in written.page.read_text(encoding="utf-8")


def ran(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    return Shown(ended.value.code, *capsys.readouterr())


def test_the_command(small, few, capsys):
    page = small / "report" / "index.html"
    said = ran(["report", str(small), "--no-pictures"], capsys)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Report: {page} (")
    logo, old = (small / "report" / "figures" / name for name in ("logo.svg", "old.png"))
    old.parent.mkdir()
    for path in (logo, old):
        path.write_bytes(b"")
    written = {"old.png": digest_of(old), "../index.html": digest_of(page)}
    (old.parent / ".al_ray.json").write_text(json.dumps(written))
    said = ran(["report", str(small), "--json"], capsys)
    answer = json.loads(said.out)
    # Where no font has Korean, that is said.
    assert [note for note in answer["notes"] if "No font for Korean" not in note] == []
    assert answer["page"] == {"path": str(page), "bytes": page.stat().st_size}
    for figure in answer["figures"]:
        assert Path(figure["path"]).stat().st_size == figure["bytes"]
    assert not old.exists()  # of a figure that is no more
    assert logo.exists()  # not ours
    assert page.exists()


def test_several_studies_have_a_page_of_their_own(small, few, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    facts = {"seeds": 2, "steps": 2, "step_sizes": (20,), "controls": (), "pool": 120}
    other = write_study(
        tmp_path / "two",
        ("random", "qbc"),
        ("부정", "긍정"),
        demonstration=False,
        name="영화",
        **facts,
    )
    assert ran(["report", str(other), str(small), "--no-pictures"], capsys).code == 0
    own = {out: (out / "report" / "index.html").read_bytes() for out in (other, small)}
    into = tmp_path / "beside"
    said = ran(["compare", str(other), str(small), "--into", str(into)], capsys)
    assert (said.code, said.err) == (0, "")
    page = into / "index.html"
    assert said.out.splitlines()[-1] == f"Page: {page}"
    assert {out: (out / "report" / "index.html").read_bytes() for out in own} == own
    html = page.read_text(encoding="utf-8")
    table = html[html.index('<section id="arms">') :]
    table = table[: table.index("</section>")]
    assert "<td>two</td>" in table
    assert f"<td>{small.name}</td>" in table
    assert "lacks predictions of the test" in table
    assert table.count("? cannot tell") == 2  # of two seeds each: points without intervals
    assert re.findall(r"<td>[+−]\d+\.\d</td>", table)
    assert not re.search(r"<td>[+−]\d+\.\d \(", table)
    differing = html[html.index('id="differing"') :]
    for name in ("영화", "embedded", ">labels</th>"):
        assert name in differing
    answer = json.loads(ran(["compare", str(other), str(small), "--json"], capsys).out)
    assert [each["name"] for each in answer["studies"]] == ["two", small.name]
    again = Path("reports") / f"two+{small.name}" / "index.html"
    assert answer["page"] == str(again)
    assert again.exists()
    for kind in ("notes.txt", "index.html", "report/index.html"):
        foreign = tmp_path / kind.replace("/", "-") / kind
        foreign.parent.mkdir(parents=True)
        foreign.write_text("mine")
        root = tmp_path / kind.replace("/", "-")
        said = ran(["compare", str(other), str(small), "--into", str(root)], capsys)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert "holds files that are not al_ray's" in said.err
        assert foreign.read_text() == "mine"
    marked = tmp_path / "marked"
    (marked / ".al_ray").mkdir(parents=True)  # a folder of this name is not yet ours
    (marked / "index.html").write_text("mine")
    file = tmp_path / "file"
    file.write_text("mine")
    for into_, why in (
        (str(marked), "holds files that are not al_ray's (index.html)"),
        (str(file), "cannot be made or written to"),
        (str(file / "below"), "cannot be made or written to"),
        (str(tmp_path / ("x" * 300)), "cannot be made or written to"),
        ("s3://bucket/path", "give a folder of this machine"),
        ("file:///tmp/path", "give a folder of this machine"),
        ("~/page", "give a folder of this machine"),
    ):
        said = ran(["compare", str(other), str(small), "--into", into_], capsys)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert why in said.err
    assert ((marked / "index.html").read_text(), file.read_text()) == ("mine", "mine")
    assert not Path("s3:").exists()
    for inside in (small, small / "sub", small / "report"):
        said = ran(["compare", str(other), str(small), "--into", str(inside)], capsys)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert "is in the results folder of a study" in said.err
    assert not (small / "sub").exists()
    (tmp_path / "link").symlink_to(other)
    said = ran(["compare", str(other), str(tmp_path / "link")], capsys)
    assert (said.code, "is given twice" in said.err) == (2, True)
    page.unlink()
    page.symlink_to(own_page := other / "report" / "index.html")
    said = ran(["compare", str(other), str(small), "--into", str(into)], capsys)
    assert (said.code, "is a link" in said.err) == (2, True)
    assert {out: (out / "report" / "index.html").read_bytes() for out in own} == own
    assert not own_page.is_symlink()
    assert ran(["compare", str(other)], capsys).code == 2


@pytest.mark.parametrize("what", ["removed", "another"])
def test_a_study_that_goes_while_its_page_is_drawn_gets_none(small, few, monkeypatch, what):
    """As where a process of its own draws it: the folder is no study any more, or is a new one."""
    real = build.gallery

    def meanwhile(*given):
        drawn = real(*given)
        if what == "removed":
            shutil.rmtree(small)
        else:
            store = Store(small)
            store.study_json.write({**store.study_json.read(), "begun_at": "later"})
        return drawn

    monkeypatch.setattr(build, "gallery", meanwhile)
    with pytest.raises(StudyConflict, match="was removed or begun anew meanwhile"):
        build.write_report(small)
    assert small.exists() == (what == "another")
    assert not (small / "report").exists()


@pytest.mark.parametrize("kind", ["nothing", "not begun", "a file"])
def test_an_empty_study_is_refused_in_one_line(tmp_path, capsys, kind):
    out = tmp_path / "out"
    if kind == "a file":
        out.write_text("")
    if kind == "not begun":
        made = write_study(tmp_path / "made", ("random",), seeds=1, steps=1, step_sizes=(20,))
        out.mkdir()
        (out / "study.json").write_text((made / "study.json").read_text())
    said = ran(["report", str(out)], capsys)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("al-ray: ")
    assert str(out) in said.err
    assert said.err.count("\n") == 1
    assert not (out / "report").exists()


def test_a_report_that_fails_does_not_fail_the_study(tmp_path, monkeypatch):
    from rich.console import Console

    def broken(*_, **__):
        raise RuntimeError("first line\nsecond line")

    monkeypatch.setattr("al_ray.report.build.write_report", broken)
    console = Console(width=40, record=True)
    report_command.after_study(str(tmp_path), console)
    said = console.export_text().strip()
    assert said.count("\n") == 0
    assert "first line" in said
    assert f"al-ray report {tmp_path}" in said


def test_no_page_is_made_unless_wanted_and_what_makes_it_is_said(small, few, capsys):
    from rich.console import Console

    store = Store(small)
    described = store.study_json.get()
    asked = {name: steps + 1 for name, steps in described["trajectories"].items()}
    store.study_json.write({**described, "trajectories": asked})
    console = Console(width=40, record=True)
    report_command.after_study(str(small), console, asked=False)
    said = console.export_text().strip()
    assert not (small / "report").exists()
    remedy = shlex.split(said[said.index("al-ray report") :])
    assert ran([*remedy[1:], "--no-pictures"], capsys).code == 0
    html = (small / "report" / "index.html").read_text(encoding="utf-8")
    assert "This study has stopped" in html
    assert load(small).state.line in html


def test_whoever_sits_at_a_terminal_has_it_back_and_the_page_comes(small, few, monkeypatch):
    from rich.console import Console

    made = []

    def begun(out):
        made.append(in_background(out))

    in_background = report_command.in_background
    monkeypatch.setattr(report_command, "in_background", begun)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    console = Console(width=40, record=True)
    report_command.after_study(str(small), console)
    (process,) = made
    page = small / "report" / "index.html"
    assert str(page) in console.export_text(clear=False)
    assert os.getsid(process.pid) == process.pid  # the terminal's end is not its own
    assert process.wait() == 0
    assert "<h1>" in page.read_text(encoding="utf-8")
    page.unlink()
    report_command.after_study(str(small), console, asked=True)  # is waited for
    assert len(made) == 1
    assert page.exists()


def test_one_figure_that_fails_costs_that_figure_alone(small, few, monkeypatch):
    from al_ray.report import gallery

    def broken(*_):
        raise ValueError("no such thing")

    makers = tuple(
        (title, broken if title == "Time and cost" else maker) for title, maker in gallery._MAKERS
    )
    monkeypatch.setattr(gallery, "_MAKERS", makers)
    written = write_report(small, pictures=False)
    assert written.notes == ("Time and cost: could not be drawn (ValueError: no such thing)",)
    html = written.page.read_text(encoding="utf-8")
    assert 'data-figure="label-mix"' in html
    assert 'data-figure="costs"' not in html


def test_disagreements_stand_above_the_verdict_and_warnings_below(small, few, monkeypatch):
    monkeypatch.setattr("al_ray.report.build.disagreements", lambda _: ["metrics <disagree>"])
    monkeypatch.setattr("al_ray.report.build.warnings", lambda _: ["random has not learnt"])
    html = write_report(small, pictures=False).page.read_text(encoding="utf-8")
    places = [
        html.index(text)
        for text in (
            '<h2 id="verdict-title">',
            '<p class="notice first">metrics &lt;disagree&gt;.</p>',
            '<li class="verdict"',
            '<p class="notice">Random has not learnt.</p>',
            '<h2 id="figures-title">',
        )
    ]
    assert places == sorted(places)


def test_the_command_that_runs_the_study_again(written):
    html = written.page.read_text(encoding="utf-8")
    command = re.search(r"<pre[^>]*><code>(.*?)</code>", html)[1]
    assert command.startswith("python experiments/EXPERIMENT.py --data embedded")
    assert "--seeds 0 1 2 3 4" in command


def test_drawing_needs_neither_torch_nor_ray():
    program = (
        "import sys; import al_ray.report.build\n"
        "print({'torch', 'transformers', 'ray'} & set(sys.modules))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "set()"
