"""Run all benchmarks, or some, each in a process of its own; or compare two earlier runs.

python experiments/benchmarks/run.py --data NSMC --tokenizer KOBERT --model ENCODER --out FILE.json
python experiments/benchmarks/run.py scoring tokens --data NSMC --tokenizer KOBERT
python experiments/benchmarks/run.py --compare OLD.json NEW.json

Peers are an extra (`pip install -c constraints.txt -e '.[peers]'`). What a benchmark needs and is
not given is left out, and said. Every median of two runs can be compared; a ratio within one run
says more than a time, so look at those first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machine import machine, table

HERE = Path(__file__).resolve().parent
NEEDS = {
    "scoring": ("--data", "--tokenizer"),
    "fitting": ("--data", "--model"),
    "trajectory": ("--data", "--model"),
    "selection": (),
    "core_set": (),
    "tokens": ("--data", "--tokenizer"),
    "share": (),
    "growth": ("--data", "--tokenizer"),
    "start_up": (),
    "frozen": ("--data", "--model"),
    "at_rest": (),
}
MORE = {"scoring": ("--model",)}
"""What is used where it is given."""


def run(name: str, given: dict[str, str], rest: list[str]) -> dict[str, Any] | None:
    """What one says with --json, or None where it failed or something is missing."""
    if lacking := [option for option in NEEDS[name] if option not in given]:
        print(f"{name}: left out, for want of {' and '.join(lacking)}", file=sys.stderr)
        return None
    wanted = [option for option in (*NEEDS[name], *MORE.get(name, ())) if option in given]
    command = [sys.executable, str(HERE / f"{name}.py"), "--json", *rest]
    for option in wanted:
        command += [option, given[option]]
    print(f"{name} …", file=sys.stderr, flush=True)
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    if done.returncode:
        print(f"{name}: failed with {done.returncode}", file=sys.stderr)
        return None
    # Ray may have said something before.
    said: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    return said.get(name, said) | {"machine": said["machine"]}


def figures(facts: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Names and values of all figures: medians, and what has none."""
    if isinstance(facts, dict) and "median" in facts:
        yield path, float(facts["median"])
    elif isinstance(facts, dict):
        for key, value in facts.items():
            yield from figures(value, f"{path}/{key}" if path else str(key))
    elif isinstance(facts, list):
        for place, value in enumerate(facts):
            yield from figures(value, f"{path}/{place}")
    elif isinstance(facts, int | float) and not isinstance(facts, bool):
        yield path, float(facts)


def compare(old: Path, new: Path) -> None:
    before, after = (dict(figures(json.loads(path.read_text()))) for path in (old, new))
    rows = [
        (name, f"{before[name]:.4g}", f"{value:.4g}", f"{value / before[name]:.2f}")
        for name, value in after.items()
        if before.get(name)
    ]
    table(f"{old.name} and {new.name}", ("", "old", "new", "new to old"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NEEDS)}")
    parser.add_argument("--data", help="folder of NSMC, with ratings_train.txt")
    parser.add_argument("--tokenizer", help="folder of KoBERT's tokenizer")
    parser.add_argument("--model", help="folder of an encoder that is trained")
    parser.add_argument("--out", type=Path, help="JSON file that is written")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("OLD", "NEW"))
    options, rest = parser.parse_known_args()
    if options.compare:
        compare(*options.compare)
        return
    if unknown := [name for name in options.names if name not in NEEDS]:
        parser.error(f"{unknown[0]}: no such benchmark; there are {', '.join(NEEDS)}")
    if rest and len(options.names) != 1:
        parser.error(f"{rest[0]}: options of one benchmark are for one benchmark; name it")
    given = {
        f"--{name}": str(Path(value).resolve())
        for name in ("data", "tokenizer", "model")
        if (value := getattr(options, name))
    }
    found: dict[str, Any] = {"machine": machine("torch", "transformers", "ray", "small-text")}
    for name in options.names or NEEDS:
        if (said := run(name, given, rest)) is not None:
            found[name] = said
        if options.out:  # after each, so that little is lost
            options.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    rows = [(name, f"{value:.4g}") for name, value in figures(found)]
    table("Medians", ("", ""), rows)
    print(found["machine"])
    if len(found) == 1:
        sys.exit(1)


if __name__ == "__main__":
    main()
