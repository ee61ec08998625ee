"""What Ray's dashboard and `deploy/grafana.json` show of a study while it runs.

Few series: labels are a strategy, a regime, a phase or a role, never a trial or step. Ray adds the
process. No histogram is among them: of these Ray exports sums that it guesses from the buckets.
Values reach a node's metrics port some seconds after they are told, and what a process
told last may be lost with it: the tables are the record, this is a view.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Literal

from ray.util.metrics import Counter, Gauge


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: as it is told; Ray exports `exported`.
        kind: of Prometheus.
        said: what it is, for people.
        labels: what tells its series apart.
    """

    name: str
    kind: Literal["counter", "gauge"]
    said: str
    labels: tuple[str, ...]

    @property
    def exported(self) -> str:
        """Name on the metrics port."""
        return f"ray_{self.name}{'_total' if self.kind == 'counter' else ''}"

    def make(self) -> Any:
        """Ray's own."""
        kind = Counter if self.kind == "counter" else Gauge
        return kind(self.name, self.said, tag_keys=self.labels)


_ARM = ("strategy", "regime")

ROWS = Metric("al_ray_rows_scored", "counter", "Rows of the pool scored", ("strategy",))
STEP = Metric("al_ray_step", "gauge", "Number of the newest step that is complete", _ARM)
LABELS = Metric("al_ray_labels", "gauge", "Labels at the newest step", _ARM)
ACCURACY = Metric("al_ray_test_accuracy", "gauge", "Accuracy on the main test, newest step", _ARM)
SECONDS = Metric("al_ray_phase_seconds", "counter", "Seconds of steps' phases", (*_ARM, "phase"))
PHASES = Metric("al_ray_phases", "counter", "Phases of steps that have ended", (*_ARM, "phase"))
RESTARTS = Metric("al_ray_restarts", "counter", "Deaths that were gone on from", ("role",))

METRICS = (ROWS, STEP, LABELS, ACCURACY, SECONDS, PHASES, RESTARTS)

_made: dict[Metric, Any] = {}
_log = logging.getLogger(__name__)


def tell(metric: Metric, value: float, **labels: str) -> None:
    """Add to a counter, or set a gauge.

    It never fails: no study may end for a number that nobody may be looking at.
    """
    try:
        if metric not in _made:
            _made[metric] = metric.make()
        made = _made[metric]
        if metric.kind == "gauge":
            made.set(value, tags=labels)
        elif value > 0:
            made.inc(value, tags=labels)
    except Exception as error:
        _log.debug("%s could not be told: %s", metric.name, error)
