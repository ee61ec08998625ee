"""Reading ends: on pipes, on endless files, on JSON without end."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from al_ray.io.reading import open_regular, parse_json, read_small


def test_a_regular_file_and_a_link_to_it(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_small(tmp_path / "file", 5) == b"12345"
    assert read_small(tmp_path / "link") == b"12345"
    with open_regular(tmp_path / "link") as file:
        assert file.read(2) == b"12"


def test_what_is_no_regular_file_is_refused_and_does_not_hang(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path has to be short
    os.mkfifo("pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        for path in ("pipe", "link", "folder", "socket", "/dev/zero"):
            with pytest.raises(ValueError, match=r"^is no regular file$"):
                read_small(Path(path))


def test_a_pipe_that_comes_between_looking_and_opening(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    before = os.stat(tmp_path / "file")
    monkeypatch.setattr(os, "stat", lambda path: before)
    opened = len(os.listdir("/dev/fd"))
    with pytest.raises(ValueError, match=r"^is no regular file$"):
        open_regular(tmp_path / "pipe")
    assert len(os.listdir("/dev/fd")) == opened


def test_errors_of_the_system_are_its_own(tmp_path):
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    for name, error in (
        ("nosuch", FileNotFoundError),
        ("dangling", FileNotFoundError),
        ("loop", OSError),
        ("a" * 300, OSError),
    ):
        with pytest.raises(error):
            read_small(tmp_path / name)


def test_a_file_that_is_too_large(tmp_path):
    (tmp_path / "file").write_bytes(b"123456")
    with pytest.raises(ValueError, match=r"^has more than 5 bytes$"):
        read_small(tmp_path / "file", 5)


@pytest.mark.parametrize("value", [None, 0.5, "[" * 99, [], {"a": [1, {"b": []}]}, [[]] * 99])
def test_json_is_what_was_written(value):
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}"), ('[1,{"a":', "}]")])
def test_json_as_deep_as_it_may_be_and_deeper(start, end):
    per = start.count("[") + start.count("{")

    def nested(depth: int) -> bytes:
        return (start * (depth // per) + "0" + end * (depth // per)).encode()

    parse_json(nested(12), 12)
    for text in (nested(12 + per), nested(2_000), nested(200_000)):
        with pytest.raises(ValueError, match=r"^is nested more than 12 deep$"):
            parse_json(text, 12)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[" * 200_000, b"\xff", b"\xef\xbb\xbf{}", b"9" * 5000, "{}".encode("utf-16")],
)
def test_what_is_no_json(data):
    with pytest.raises(ValueError, match=r"."):
        parse_json(data)
