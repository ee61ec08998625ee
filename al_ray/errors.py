"""What can go wrong, as one small tree; the user sees the message, never the traceback."""


class AlRayError(Exception):
    """Any error that al_ray raises on purpose."""


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
        super().__init__(message, rows)  # both, so that it survives pickling
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
