"""What can go wrong, as one small tree; the user sees the message, never the traceback."""

from __future__ import annotations

from numbers import Real
from typing import Any

from al_ray.language import tr


class AlRayError(Exception):
    """Any error that al_ray raises on purpose; it is said in the language of who shows it.

    Args:
        message: English, with `{name}` for each value; see `language.tr`.
        values: by name; errors of al_ray among them are said in the same language.
    """

    def __init__(self, message: str = "", /, **values: Any) -> None:
        super().__init__(message)
        self.values = {name: _kept(value) for name, value in values.items()}

    def __reduce__(self) -> tuple[Any, ...]:
        """With its values, so that it survives pickling."""
        return _remade, (type(self), self.args, vars(self))

    def __str__(self) -> str:
        return tr(str(self.args[0]), **self.values)


def _kept(value: Any) -> Any:
    """What outlives the process: numbers, which a message may format, errors of ours, and texts."""
    return value if isinstance(value, Real | AlRayError) else str(value)


def _remade(kind: type[AlRayError], args: tuple[Any, ...], state: dict[str, Any]) -> AlRayError:
    made = kind.__new__(kind)
    made.args = args
    vars(made).update(state)
    return made


class UserError(AlRayError):
    """Bad input. The message is one line: the file, row or option, and the remedy. Exit code 2."""


class CorpusError(UserError):
    """The texts or labels cannot be used."""


class ModelError(UserError):
    """The encoder cannot be loaded or does not fit the task."""


class StudyConflict(UserError):
    """The results folder belongs to another study, or another process is writing to it."""


class StorageError(UserError):
    """Results cannot be read or written: no room, not reachable, or a file that is damaged."""


class Damaged(StorageError):
    """A file is not as it was written; `values` has its `path`."""


class Superseded(AlRayError):
    """Another attempt at the same trajectory has begun: this one may write no more."""


class TrainingDiverged(AlRayError):
    """A fit ended with a loss or weights that are not finite."""


class OutOfMemory(AlRayError):
    """A device's memory did not suffice for a batch; a smaller one may fit."""


class NotNumbers(AlRayError):
    """The model's outputs for some rows are not numbers.

    Attributes:
        rows: which, counted as the one who raises it counts them.
    """

    def __init__(self, message: str, rows: list[int]) -> None:
        super().__init__(message)
        self.message, self.rows = message, rows

    def __str__(self) -> str:
        return f"{self.message} that are not numbers"


class Stopped(KeyboardInterrupt):
    """The process was told to end, by Ctrl-C or another signal; no error, so none of the above.

    Attributes:
        code: what a shell expects of a process that this signal ended.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number
