"""Progress through rows, with the time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from al_ray.language import mark, tr


@contextmanager
def row_bar(
    console: Console, title: str, done_of: str = mark("{title}: {n:,} texts")
) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left while all rows are gone through; nothing where that is done.

    Args:
        console: that it is on.
        title: of what is done.
        done_of: what is said at the end, to be translated; '': nothing.
    """
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("", total=None)
    said = 0

    def progress(done: int, total: int) -> None:
        nonlocal said
        said = total
        if console.is_terminal:
            bar.start()
            bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()
    if said and done_of:
        console.print(tr(done_of, title=title, n=said), highlight=False)
