"""A Label Studio server: a project there, rows into it, and what was said of them back.

Made for Label Studio 1.23.2, community edition; `label_studio` has the formats.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from al_ray.errors import UserError
from al_ray.labelling.label_studio.formats import ROW, config
from al_ray.labelling.label_studio.http import Server
from al_ray.tasks.classification import Classification

SAMPLING: Final = "Uncertainty sampling"
"""Its name there; the interface does not offer it in the community edition, the server has it."""

_TITLE: Final = (3, 50)
"""How many characters a title may have there."""

_AT_ONCE: Final = 200
"""Tasks in a request: few enough for an address with all their ids, and for a slow server."""

# All of them, or the versions of predictions are not filled in.
_FIELDS: Final = {
    "fields": "all",
    "include": "id,data,total_annotations,cancelled_annotations,draft_exists,"
    "predictions_model_versions",
}

T = TypeVar("T")


class Studio:
    """A server, as one of its users.

    Args:
        url: as a browser has it, such as `http://127.0.0.1:8080`.
        token: of the user: a personal access token, or one of the old kind where the server still
            takes these. No message has it.

    All methods raise UserError, in one line with the remedy: the server cannot be reached, does
    not take the token or has no such project.
    """

    def __init__(self, url: str, token: str) -> None:
        self._server = Server(url, token)

    def make(
        self,
        title: str,
        labels: Sequence[str],
        guideline: str = "",
        task: str = Classification.name,
    ) -> int:
        """A new project: one choice of these labels for each text, or marks in it; its id.

        Args:
            title: made to fit the 3 to 50 characters that a title has there.
            labels: in the order of the number keys.
            guideline: shown as text to annotators before they begin; may be empty.
            task: what an answer is.
        """
        shortest, longest = _TITLE
        made = self._server.call(
            "POST",
            "/api/projects/",
            {
                "title": (title if len(title) >= shortest else f"al_ray {title}")[:longest],
                "label_config": config(labels, task),
                # Its page shows HTML, and the server drops styles.
                "expert_instruction": html.escape(guideline).replace("\n", "<br>"),
                "show_instruction": bool(guideline),
                "enable_empty_annotation": False,
                "sampling": SAMPLING,
            },
        )
        return int(made["id"])

    def check(self, project: int, labels: Sequence[str], task: str = Classification.name) -> None:
        """Refuse a project that is not there, or that asks for something else.

        Raises:
            UserError: also where its configuration is not the one for these labels.
        """
        found = self._server.call("GET", f"/api/projects/{project}/", of=project)
        if found.get("label_config") != config(labels, task):
            raise UserError(
                "Label Studio {url}: project {project} has another labelling configuration than "
                "these labels need; name another project, or have a new one made",
                url=self._server.url,
                project=project,
            )

    def push(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> int:
        """Have rows asked about in the order of their scores; how many were new there.

        A row that is there is not made again, so this may be broken off anywhere and repeated.
        Where a request of the first time is still carried out meanwhile, a row may come to be there
        twice: then the later ones are deleted that nobody has touched.

        Args:
            project: its id.
            tasks: of `label_studio.tasks`, all of one model version, which becomes the project's.
        """
        wanted = {str(task["data"][ROW]): task for task in tasks}
        there = {task.row for task in self._tasks(project)}
        new = [task for row, task in wanted.items() if row not in there]
        for some in _parts(new):
            self._server.call("POST", f"/api/projects/{project}/import", some, of=project)
        lacking = [
            {"task": task.id, **prediction}
            for task in self._once_each(project)
            for prediction in wanted.get(task.row, {}).get("predictions", ())
            if not task.has(prediction["model_version"])
        ]
        for some in _parts(lacking):
            self._server.call(
                "POST", f"/api/projects/{project}/import/predictions", some, of=project
            )
        for version in {each["model_version"] for task in tasks for each in task["predictions"]}:
            # After the tasks: the server refuses a version of which it has no prediction.
            order = {"sampling": SAMPLING, "model_version": version}
            self._server.call("PATCH", f"/api/projects/{project}/", order, of=project)
        return len(new)

    def pull(self, project: int) -> list[dict[str, Any]]:
        """The full export of a project, for `label_studio.answers`.

        It has all tasks, those too that nobody answered; who answered is {'id', 'email'} where the
        server still lists that user, and the number alone where it does not.
        """
        ids = [task.id for task in self._tasks(project)]
        exported: list[dict[str, Any]] = []
        for some in _parts(ids):
            query = {"exportType": "JSON", "download_all_tasks": "true", "ids[]": some}
            exported += self._server.call(
                "GET", f"/api/projects/{project}/export", query=query, of=project
            )
        emails = {user["id"]: user["email"] for user in self._server.call("GET", "/api/users")}
        for task in exported:
            for annotation in task["annotations"]:
                user = annotation["completed_by"]
                if isinstance(user, int) and user in emails:
                    annotation["completed_by"] = {"id": user, "email": emails[user]}
        return exported

    def _tasks(self, project: int) -> list[_Task]:
        """All tasks of a project, by id."""
        found: dict[int, _Task] = {}
        page, seen, total = 0, 0, 1
        while seen < total:
            page += 1
            query = {"project": project, "page": page, "page_size": 1000, **_FIELDS}
            answer = self._server.call("GET", "/api/tasks", query=query, of=project)
            found |= {task["id"]: _Task.of(task) for task in answer["tasks"]}
            if not answer["tasks"]:
                break
            seen, total = seen + len(answer["tasks"]), answer["total"]
        return [found[id] for id in sorted(found)]

    def _once_each(self, project: int) -> list[_Task]:
        """Delete what is there twice, but for the first of a row and what somebody has touched."""
        kept: dict[str, _Task] = {}
        for task in sorted(self._tasks(project), key=lambda task: (not task.touched, task.id)):
            if task.row and kept.setdefault(task.row, task) is not task and not task.touched:
                self._server.call("DELETE", f"/api/tasks/{task.id}/", gone=True)
        return list(kept.values())


@dataclass(frozen=True)
class _Task:
    """What is there already.

    Attributes:
        id: its number.
        row: '' where it is none of ours.
        touched: whether somebody has answered, skipped or begun it.
        versions: of its predictions, with a comma between two.
    """

    id: int
    row: str
    touched: bool
    versions: str

    @classmethod
    def of(cls, task: Mapping[str, Any]) -> _Task:
        """Of the server's list."""
        counts = ("total_annotations", "cancelled_annotations", "draft_exists")
        touched = any(task.get(name) for name in counts)
        versions = task.get("predictions_model_versions") or ""
        return cls(task["id"], str(task["data"].get(ROW, "")), touched, versions)

    def has(self, version: str) -> bool:
        """Whether it has a prediction of this version."""
        return f",{version}," in f",{self.versions},"


def _parts(whole: Sequence[T]) -> list[Sequence[T]]:
    return [whole[i : i + _AT_ONCE] for i in range(0, len(whole), _AT_ONCE)]
