"""What a benchmark ran on, what all of them are asked, and how they answer."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PACKAGES = ("torch", "transformers", "small-text", "ray", "numpy")


def machine(*packages: str) -> str:
    """Processor, cores, system, the versions of these packages, and the load at this moment."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    facts = [name, f"{os.cpu_count()} cores", platform.system()]
    facts.append(f"Python {platform.python_version()}")
    for package in packages:
        try:
            facts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            facts.append(f"no {package}")
    if hasattr(os, "getloadavg"):
        facts.append(f"load {os.getloadavg()[0]:.1f}")
    return ", ".join(facts)


def add_options(parser: argparse.ArgumentParser, *wanted: str) -> None:
    """Options that benchmarks have in common; `wanted` names those that are not for all."""
    if "data" in wanted:
        parser.add_argument("--data", type=Path, required=True, help="NSMC: ratings_train.txt")
    if "tokenizer" in wanted:
        parser.add_argument("--tokenizer", type=Path, required=True, help="KoBERT's folder")
    if "model" in wanted:
        parser.add_argument("--model", type=Path, required=True, help="an encoder's folder")
    if "device" in wanted:
        parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    cores = os.cpu_count() or 1
    parser.add_argument("--threads", type=int, default=cores, help=f"default: {cores}, all cores")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--json", action="store_true", help="for machines")


def main(
    name: str,
    doc: str | None,
    wanted: Sequence[str],
    arguments: Callable[[argparse.ArgumentParser], None],
    measure: Callable[[argparse.Namespace], dict[str, Any]],
    show: Callable[[dict[str, Any]], None],
) -> None:
    """Parse, measure, and print what was found.

    Args:
        name: of the benchmark, in JSON.
        doc: its page, whose first line is the help's.
        wanted: see `add_options`.
        arguments: adds options of its own.
        measure: gives what JSON can hold.
        show: prints that as tables.
    """
    parser = argparse.ArgumentParser(description=str(doc).split("\n")[0])
    add_options(parser, *wanted)
    arguments(parser)
    options = parser.parse_args()
    found = measure(options)
    if options.json:
        print(json.dumps({"machine": machine(*PACKAGES), name: found}, indent=2, default=str))
        return
    show(found)
    print(machine(*PACKAGES))


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first column is words, the others are figures."""
    made = Table(title=title)
    for place, head in enumerate(heads):
        made.add_column(head, justify="right" if place else "left")
    for row in rows:
        made.add_row(*row)
    Console().print(made)
