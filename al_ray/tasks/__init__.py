"""What is learnt: a file a task."""

from __future__ import annotations

from collections.abc import Sequence

from al_ray.tasks.base import Answers, Evaluation, Targets, Task
from al_ray.tasks.classification import Classification
from al_ray.tasks.reading import Reading
from al_ray.tasks.tagging import Tagging

TASKS: dict[str, type[Task]] = {task.name: task for task in (Classification, Tagging, Reading)}

__all__ = ["TASKS", "Answers", "Evaluation", "Targets", "Task", "task_of"]


def task_of(name: str, answers: Sequence[str]) -> Task:
    """The task of a corpus with these distinct answers."""
    task = TASKS[name]
    return task(task.classes_of(answers))
