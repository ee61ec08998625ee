"""What Ray's dashboard and `deploy/grafana.json` show of a study while it runs.

Few series: labels are a strategy, a regime, a phase or a role, never a trial or step. Ray adds the
process. Values reach a node's metrics port some seconds after they are told, and what a process
told last may be lost with it: the tables are the record, this is a view.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Literal

from ray.util.metrics import Counter, Gauge, Histogram

_SECONDS = [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000]
"""Upper ends of the histogram's buckets."""


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
    kind: Literal["counter", "gauge", "histogram"]
    said: str
    labels: tuple[str, ...]

    @property
    def exported(self) -> tuple[str, ...]:
        """Names on the metrics port."""
        name = f"ray_{self.name}"
        if self.kind == "counter":
            return (f"{name}_total",)
        if self.kind == "histogram":
            return tuple(f"{name}_{part}" for part in ("bucket", "sum", "count"))
        return (name,)

    def make(self) -> Any:
        """Ray's own."""
        if self.kind == "histogram":
            return Histogram(self.name, self.said, boundaries=_SECONDS, tag_keys=self.labels)
        kind = Counter if self.kind == "counter" else Gauge
        return kind(self.name, self.said, tag_keys=self.labels)


_ARM = ("strategy", "regime")

ROWS = Metric("al_ray_rows_scored", "counter", "Rows of the pool scored", ("strategy",))
STEP = Metric("al_ray_step", "gauge", "Number of the newest step that is complete", _ARM)
LABELS = Metric("al_ray_labels", "gauge", "Labels at the newest step", _ARM)
ACCURACY = Metric("al_ray_test_accuracy", "gauge", "Accuracy on the main test, newest step", _ARM)
SECONDS = Metric("al_ray_phase_seconds", "histogram", "Seconds of a step's phase", (*_ARM, "phase"))
RESTARTS = Metric("al_ray_restarts", "counter", "Deaths that were gone on from", ("role",))

METRICS = (ROWS, STEP, LABELS, ACCURACY, SECONDS, RESTARTS)

_made: dict[Metric, Any] = {}
_log = logging.getLogger(__name__)


def tell(metric: Metric, value: float, **labels: str) -> None:
    """Add to a counter, set a gauge, or put into a histogram.

    It never fails: no study may end for a number that nobody may be looking at.
    """
    try:
        if metric not in _made:
            _made[metric] = metric.make()
        made = _made[metric]
        if metric.kind == "histogram":
            made.observe(value, tags=labels)
        elif metric.kind == "gauge":
            made.set(value, tags=labels)
        elif value > 0:
            made.inc(value, tags=labels)
    except Exception as error:
        _log.debug("%s could not be told: %s", metric.name, error)
