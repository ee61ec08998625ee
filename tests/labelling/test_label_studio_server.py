"""A real Label Studio, of an environment of its own, which wants other versions than al_ray does.

python3 -m venv LS && LS/bin/pip install label-studio==1.23.2
AL_RAY_LABEL_STUDIO=LS/bin/label-studio pytest tests/labelling/test_label_studio_server.py
"""

from __future__ import annotations

import html
import http.cookiejar
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

import pytest

from al_ray.errors import UserError
from al_ray.labelling.answers.log import said_now
from al_ray.labelling.desk import Item, Suggestion
from al_ray.labelling.label_studio.api import Studio
from al_ray.labelling.label_studio.exports import answers
from al_ray.labelling.label_studio.formats import config, tasks

PROGRAM = os.environ.get("AL_RAY_LABEL_STUDIO", "")

pytestmark = pytest.mark.skipif(
    not PROGRAM, reason="AL_RAY_LABEL_STUDIO does not name the program of a Label Studio"
)

PASSWORD = "only-for-tests-1"
LABELS = ["경제", "사회", '<b> & "정치", 등', "US$100 $text"]


def _until(deadline: float, what: str, ready: Any, *, alive: Any = lambda: True) -> None:
    """Ask until it is so; a tenth of a second between, so that the server gets to work."""
    while not ready():
        assert alive(), f"ended before {what}"
        assert time.monotonic() < deadline, f"no {what} in time"
        time.sleep(0.1)


def _healthy(url: str) -> bool:
    with suppress(OSError), urlopen(f"{url}/health", timeout=5) as answer:
        return bool(json.load(answer)["status"] == "UP")
    return False


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a data base of its own, and its first user."""
    folder = tmp_path_factory.mktemp("label_studio")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [PROGRAM, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", port]
    user = ["--username", "owner@example.com", "--password", PASSWORD]
    told = {"COLLECT_ANALYTICS": "False", "LATEST_VERSION_CHECK": "False", "HOME": str(folder)}
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*command, *user, "--data-dir", str(folder / "data")],
            env=kept | told,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 400  # its data base is made first
        _until(deadline, "answer", lambda: _healthy(url), alive=lambda: server.poll() is None)
        yield url
    finally:
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(server.pid, sign)
                server.wait(timeout=20)


class Person:
    """Somebody who has logged in, or signed up by an invitation, as by the pages."""

    def __init__(self, url: str, email: str, page: str = "/user/login/") -> None:
        self.email, self._url, self._jar = email, url, http.cookiejar.CookieJar()
        self._opener = build_opener(HTTPCookieProcessor(self._jar))
        with self._opener.open(url + page) as shown:
            hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown.read().decode())
        assert hidden is not None
        form = {"csrfmiddlewaretoken": hidden[1], "email": email, "password": PASSWORD}
        if "signup" in page:
            form |= {"allow_newsletters": "false", "how_find_us": ""}
        self._opener.open(
            Request(url + page, urlencode(form).encode(), {"Referer": url + page})
        ).close()
        self.id: int = self("GET", "/api/current-user/whoami")["id"]

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        cookies = {cookie.name: cookie.value or "" for cookie in self._jar}
        headers = {
            "Content-Type": "application/json",
            "X-CSRFToken": cookies.get("csrftoken", ""),
            "Referer": self._url + "/",
        }
        data = None if body is None else json.dumps(body).encode()
        with self._opener.open(Request(self._url + path, data, headers, method=method)) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def raw(self, path: str) -> str:
        with self._opener.open(self._url + path) as answer:
            return str(answer.read().decode())

    def next(self, project: int) -> dict[str, Any] | None:
        """The task that they are asked about next; None: there is none."""
        try:
            return dict(self("GET", f"/api/projects/{project}/next"))
        except HTTPError as error:
            if error.code == 404:
                return None
            raise

    def says(self, task: dict[str, Any], label: str | None, **facts: Any) -> int:
        """Answer it; None: with nothing."""
        chosen = [] if label is None else [_chosen(label)]
        said = {"result": chosen, **facts}
        return int(self("POST", f"/api/tasks/{task['id']}/annotations/", said)["id"])

    def served(self, project: int, n: int) -> list[str]:
        """The next rows, each of which they answer."""
        rows = []
        for _ in range(n):
            task = self.next(project)
            assert task is not None
            rows.append(task["data"]["row_id"])
            self.says(task, LABELS[0])
        return rows


def _chosen(label: str) -> dict[str, Any]:
    value = {"choices": [label]}
    return {"from_name": "label", "to_name": "text", "type": "choices", "value": value}


@pytest.fixture(scope="module")
def owner(url: str) -> Person:
    return Person(url, "owner@example.com")


@pytest.fixture(scope="module")
def second(url: str, owner: Person) -> Person:
    return Person(url, "second@example.com", owner("GET", "/api/invite")["invite_url"])


@pytest.fixture(scope="module")
def token(owner: Person) -> str:
    """A personal access token."""
    return str(owner("POST", "/api/token/", {})["token"])


@pytest.fixture
def studio(url: str, token: str) -> Studio:
    return Studio(url, token)


def _items(n: int, first: int = 0) -> list[Item]:
    """Rows in an order that is not that of their ids."""
    rows = list(range(first, first + n))
    random.Random(n).shuffle(rows)
    return [Item(f"r{i}", f"문장 {i}") for i in rows]


def _rows(items: list[Item]) -> list[str]:
    return [item.row_id for item in items]


def test_version(owner: Person) -> None:
    # What is written of Label Studio was seen in this one; another may do otherwise.
    assert owner("GET", "/api/version")["release"] == "1.23.2"


def test_rows_are_served_in_our_order_with_a_suggestion_or_without(
    studio: Studio, owner: Person
) -> None:
    project = studio.make("뉴스", LABELS)
    studio.check(project, LABELS)
    items = _items(9)
    some = {item.row_id: Suggestion(LABELS[2], 0.5) for item in items[::2]}
    made = tasks(items, some, "m1")
    # The server's own order is that of making, which is not to be what puts them in order here.
    assert studio.push(project, sorted(made, key=lambda task: task["data"]["row_id"])) == 9
    settings = owner("GET", f"/api/projects/{project}/")
    assert (settings["sampling"], settings["model_version"]) == ("Uncertainty sampling", "m1")
    task = owner.next(project)
    assert task is not None
    assert [each["result"] for each in task["predictions"]] == [[_chosen(LABELS[2])]]
    assert owner.served(project, 9) == _rows(items)
    assert owner.next(project) is None


def test_marks_go_there_and_come_back(studio: Studio, owner: Person) -> None:
    text, kinds = "김철수가 서울에 갔다", ["PS", "LC"]
    project = studio.make("개체명", kinds, task="tagging")
    studio.check(project, kinds, "tagging")
    items = [Item("r1", text), Item("r2", "아무도 없다"), Item("r3", text)]
    given = {"r1": Suggestion("0-3:PS 5-7:LC", 0.5)}
    studio.push(project, tasks(items, given, "m1", "tagging"))
    for expected in _rows(items):
        task = owner.next(project)
        assert task is not None
        assert task["data"]["row_id"] == expected
        (suggested,) = task["predictions"]
        marks = suggested["result"] if expected == "r1" else []
        owner("POST", f"/api/tasks/{task['id']}/annotations/", {"result": marks})
    said, _ = answers(studio.pull(project), "tagging")
    assert {each.row_id: each.answer for each in said} == {
        "r1": "0-3:PS 5-7:LC",
        "r2": "O",
        "r3": "O",
    }


def test_two_people_are_served_in_our_order_by_turns(
    studio: Studio, owner: Person, second: Person
) -> None:
    project = studio.make("뉴스 주제", LABELS)
    items = _items(8)
    studio.push(project, tasks(items, {}, "m1"))
    served = [who.served(project, 1)[0] for _ in range(4) for who in (owner, second)]
    assert served == _rows(items)


def test_the_next_batch_comes_first_with_what_is_chosen_again(
    studio: Studio, owner: Person
) -> None:
    project = studio.make("뉴스 주제", LABELS)
    first, new = _items(6), _items(5, first=10)
    studio.push(project, tasks(first, {}, "m1"))
    assert owner.served(project, 2) == _rows(first)[:2]
    again = [*new[:2], first[4], *new[2:]]
    assert studio.push(project, tasks(again, {}, "m2")) == 5
    assert owner.served(project, 6) == _rows(again)
    left = owner.served(project, 3)  # without a prediction of m2: at random, and last
    assert sorted(left) == sorted(_rows([first[2], first[3], first[5]]))


def test_what_is_said_comes_back_exactly(studio: Studio, owner: Person, second: Person) -> None:
    project = studio.make("뉴스 주제", LABELS, "# 기준\n<b>굵게</b>")
    items = _items(6)
    studio.push(project, tasks(items, {}, "m1"))
    begun = datetime.now(UTC) - timedelta(seconds=5)
    task = {each["data"]["row_id"]: each for each in studio.pull(project)}
    rows = _rows(items)
    by = {
        "answered": owner.says(task[rows[0]], LABELS[0], lead_time=3.5),
        "second": second.says(task[rows[0]], LABELS[3], lead_time=1.25),
        "skipped": owner.says(task[rows[1]], LABELS[0], was_cancelled=True, lead_time=2),
        "changed": second.says(task[rows[2]], LABELS[1]),
        "empty": owner.says(task[rows[3]], None),
        "truth": second.says(task[rows[4]], LABELS[2], ground_truth=True),
        "deleted": owner.says(task[rows[5]], LABELS[1]),
    }
    owner("POST", f"/api/tasks/{task[rows[5]]['id']}/drafts", {"result": [_chosen(LABELS[0])]})
    before, _ = answers(studio.pull(project))
    second("PATCH", f"/api/annotations/{by['changed']}/", {"result": [_chosen(LABELS[2])]})
    owner("DELETE", f"/api/annotations/{by['deleted']}/")

    events, notes = answers(studio.pull(project))

    o, s = owner.email, second.email
    found = {
        (said.row_id, said.annotator, said.state, said.answer, said.annotation, said.note)
        for said in events
    }
    assert found == {
        (rows[0], o, "answered", LABELS[0], str(by["answered"]), ""),
        (rows[0], s, "answered", LABELS[3], str(by["second"]), ""),
        (rows[1], o, "skipped", "", str(by["skipped"]), ""),
        (rows[2], s, "answered", LABELS[2], str(by["changed"]), ""),
        (rows[3], o, "skipped", "", str(by["empty"]), "empty submission"),
        (rows[4], s, "answered", LABELS[2], str(by["truth"]), "ground truth"),
    }
    assert len(events) == 6
    seconds = {said.annotation: said.seconds for said in events}
    assert [seconds[str(by[name])] for name in ("answered", "second", "skipped")] == [3.5, 1.25, 2]
    assert all(begun < said.time < datetime.now(UTC) + timedelta(seconds=5) for said in events)
    assert len(notes) == 4  # one untouched, a draft, an empty one, ground truth

    # Whatever was taken before stays; the changed one is new, and what is deleted is not seen.
    known = {said.id for said in before}
    assert [said.annotation for said in events if said.id not in known] == [str(by["changed"])]
    log = sorted({said.id: said for said in before + events}.values(), key=lambda said: said.time)
    assert said_now(log)[rows[2]][s].answer == LABELS[2]
    assert said_now(log)[rows[5]][o].answer == LABELS[1]

    shown = owner("GET", f"/api/projects/{project}/")["expert_instruction"]
    assert html.unescape(shown) == "# 기준<br><b>굵게</b>"
    assert "<b>" not in shown

    # A file from the page has numbers for people, and says the same else.
    file = json.loads(owner.raw(f"/api/projects/{project}/export?exportType=JSON"))
    assert {(said.annotation, said.answer) for said in answers(file)[0]} == {
        (said.annotation, said.answer) for said in events
    }
    assert {said.annotator for said in answers(file)[0]} == {str(owner.id), str(second.id)}
    snapshot = owner("POST", f"/api/projects/{project}/exports/", {})
    path = f"/api/projects/{project}/exports/{snapshot['id']}/download"
    assert {said.id for said in answers(json.loads(owner.raw(path)))[0]} == {
        said.id for said in answers(file)[0]
    }


def test_its_other_exports_are_refused(studio: Studio, owner: Person) -> None:
    project = studio.make("뉴스 주제", LABELS)
    studio.push(project, tasks(_items(2), {}, "m1"))
    owner.served(project, 1)
    path = f"/api/projects/{project}/export?exportType="
    with pytest.raises(UserError, match="JSON-MIN"):
        answers(json.loads(owner.raw(path + "JSON_MIN")))
    for kind in ("CSV", "CONLL2003"):
        with pytest.raises(UserError, match="no list"):
            answers(owner.raw(path + kind))  # type: ignore[arg-type]


def test_it_reads_the_labels_as_they_are(studio: Studio, owner: Person) -> None:
    labels = ["<b>", "a&b", "'q\"", "가, 나", " lead", "two\nlines", "$100", "{{x}}", "]]>"]
    project = studio.make("뉴스 주제", labels)
    studio.check(project, labels)
    found = owner("GET", f"/api/projects/{project}/")
    assert found["label_config"] == config(labels)
    assert found["parsed_label_config"]["label"]["labels"] == labels
    items = [Item(f"r{i}", label) for i, label in enumerate(labels)]
    studio.push(project, tasks(items, {}, "m1"))
    for task in studio.pull(project):
        owner.says(task, task["data"]["text"])
    assert [said.answer for said in answers(studio.pull(project))[0]] == labels


def test_killed_in_the_middle_and_pushed_again_each_row_is_there_once(
    studio: Studio, url: str, token: str, owner: Person
) -> None:
    project = studio.make("뉴스 주제", LABELS)
    n = 1500
    program = textwrap.dedent(f"""
        import os
        from al_ray.labelling.desk import Item
        from al_ray.labelling.label_studio.formats import tasks
        from al_ray.labelling.label_studio.api import Studio
        items = [Item(f"r{{i}}", "문장") for i in range({n})]
        Studio({url!r}, os.environ["TOKEN"]).push({project}, tasks(items, {{}}, "m1"))
    """)
    pushing = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "TOKEN": token})

    def there() -> int:
        return int(owner("GET", f"/api/projects/{project}/")["task_number"] or 0)

    try:
        _until(time.monotonic() + 60, "first rows", there, alive=lambda: pushing.poll() is None)
    finally:
        pushing.kill()
        pushing.wait()
    assert 0 < there() < n
    made = tasks([Item(f"r{i}", "문장") for i in range(n)], {}, "m1")
    studio.push(project, made)
    assert studio.push(project, made) == 0
    exported = studio.pull(project)
    assert Counter(task["data"]["row_id"] for task in exported) == Counter(
        f"r{i}" for i in range(n)
    )
    assert owner.served(project, 3) == ["r0", "r1", "r2"]


def test_an_empty_project_and_one_that_is_not_there(studio: Studio) -> None:
    project = studio.make("x" * 80, LABELS)
    assert studio.pull(project) == []
    assert studio.push(project, []) == 0
    for ask in (lambda: studio.pull(99_999), lambda: studio.check(99_999, LABELS)):
        with pytest.raises(UserError, match="has no project 99999"):
            ask()
    with pytest.raises(UserError, match="another labelling configuration"):
        studio.check(project, LABELS[:2])


def test_tokens(url: str, token: str, owner: Person) -> None:
    cut = token[:-4] + "AAAA"
    old = str(owner("GET", "/api/current-user/token")["token"])
    for wrong in (cut, old, "0" * 40):  # tokens of the old kind are off in a new server
        with pytest.raises(UserError, match="does not take the token") as refused:
            Studio(url, wrong).pull(1)
        assert wrong not in str(refused.value)
        assert "\n" not in str(refused.value)
    settings = {"api_tokens_enabled": True, "legacy_api_tokens_enabled": True}
    owner("POST", "/api/jwt/settings", settings)
    assert Studio(url, old).make("뉴스 주제", LABELS) > 0
