"""MLflow, through Ray's callback: what the tables say of each step, in a run per trajectory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from ray.air.integrations.mlflow import MLflowLoggerCallback
from rich.console import Console

from al_ray.cluster.observe.tensorboard import OF_A_STEP, Told, configs_of, told_of
from al_ray.errors import UserError
from al_ray.io.storage import reason, said
from al_ray.language import tr
from al_ray.loop.record import steps_done
from al_ray.results import Store
from al_ray.study.knobs import knobs
from al_ray.study.training import Training
from al_ray.study.trajectory import TrajectoryConfig


class MLflow(MLflowLoggerCallback):  # type: ignore[misc]
    """Ray's callback, with a run for each trajectory that a continued study finds again."""

    def __init__(self, uri: str, store: Store, say: Callable[[str], None]) -> None:
        super().__init__(tracking_uri=uri, experiment_name=store.pages.name)
        self._told = Told(store)
        self._store = store
        self._say = say
        self._runs: dict[str, str] = {}
        self._gone = False
        self.setup()  # here, so that a server that is not there is told of before the study

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks into a folder that we never read."""
        return {}

    def setup(self, *_: Any, **__: Any) -> None:
        """Find or make the experiment, once."""
        if self.mlflow_util.experiment_id is None:
            super().setup()

    def begin(self, configs: Sequence[TrajectoryConfig]) -> None:
        """Tell what is on disk of these and was not told yet."""
        begun = [c for c in configs if self._store.read_one("steps", c.id, 0) is not None]
        self._tell(begun, ended=True)

    def log_trial_start(self, trial: Any) -> None:
        """Nothing: a run is made with its first step."""

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        """Steps are on disk."""
        self._tell(told_of(trial, result))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """The trial has ended."""
        self._tell(configs_of(trial), ended=True)

    def _tell(self, configs: Sequence[TrajectoryConfig], ended: bool = False) -> None:
        """A server that goes away costs a study nothing but this."""
        if self._gone:
            return
        try:
            for config in configs:
                run = self._run(config)
                for n_labelled, values in self._told.new(config.id):
                    self.mlflow_util.log_metrics(n_labelled, values, run_id=run)
                if ended:
                    whole = steps_done(self._store, config) == config.schedule.steps
                    self.mlflow_util.end_run("FINISHED" if whole else "FAILED", run)
        except Exception as error:
            self._gone = True
            self._say(
                tr(
                    "MLflow is not told any more ({error}); the tables are whole, and the same "
                    "command tells it the rest.",
                    error=reason(error),
                )
            )

    def _run(self, config: TrajectoryConfig) -> str:
        """The trajectory's run, found or made."""
        if config.id in self._runs:
            return self._runs[config.id]
        from mlflow import MlflowClient

        client = MlflowClient()
        study = f"{self._store.pages.name} {self._store.study_json.get()['begun_at']}"
        wanted = f"tags.study = '{study}' and tags.trajectory = '{config.id}'"
        found = client.search_runs([self.mlflow_util.experiment_id], wanted, max_results=1)
        if found:
            run: str = found[0].info.run_id
            told = client.get_metric_history(run, OF_A_STEP[-1])
            self._told.skip(config.id, len({metric.step for metric in told}))
            client.update_run(run, status="RUNNING")
        else:
            tags = {"study": study, "trajectory": config.id}
            run = self.mlflow_util.start_run(run_name=config.id, tags=tags).info.run_id
            training = {name: getattr(config.learner.training, name) for name in knobs(Training)}
            params = {**config.arm, **training}
            given = {name: value for name, value in params.items() if value is not None}
            self.mlflow_util.log_params(given, run_id=run)
        self._runs[config.id] = run
        return run


def connect(uri: str, store: Store, console: Console) -> MLflow:
    """The callback for `--mlflow URI`.

    Raises:
        UserError: the extra is not installed, or nobody answers there.
    """
    # Its own default goes on for many minutes where nobody listens.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    try:
        return MLflow(uri, store, lambda text: console.print(text, markup=False, soft_wrap=True))
    except Exception as error:
        raise UserError(
            "--mlflow {uri}: cannot be used ({error}); start a server there, or leave "
            "the option out",
            uri=said(uri),
            error=reason(error),
        ) from error
