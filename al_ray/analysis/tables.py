"""What a study found, as frames: what `al_ray.load` answers with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from al_ray.analysis.study import Study, load
from al_ray.errors import UserError


@dataclass(frozen=True)
class Tables:
    """A study's tables.

    Attributes:
        study: all frames of it, which `al_ray.analysis` starts from.
    """

    study: Study

    @classmethod
    def of(cls, out: str | Path) -> Tables:
        """Read a study's folder; see `al_ray.load`."""
        return cls(load(out))

    def steps(self, test: str | None = None) -> pd.DataFrame:
        """A row per step of every trajectory that was asked for, on one test.

        Args:
            test: its name; None: the main one, which is not called the same in every study.

        Returns:
            The columns of `steps`, sorted by trajectory and step; `main` and `head` are filled in
            where an earlier al_ray has written none. Controls and replays are strategies of these
            names.

        Raises:
            UserError: no such test.
        """
        study = self.study
        wanted = study.test if test is None else test
        if wanted not in study.tests:
            raise UserError(f"{study.out}: no test {wanted!r}; it has {', '.join(study.tests)}")
        found = study.steps[study.steps.test == wanted]
        return found.assign(main=wanted == study.test).reset_index(drop=True)

    def verdict(self) -> pd.DataFrame:
        """What may be said of each arm; see `al_ray.analysis.verdict.verdict`."""
        from al_ray.analysis.verdict import verdict  # loads SciPy

        return verdict(self.study)
