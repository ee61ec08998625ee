"""Label Studio's formats, by hand-made exports, and its server, by a small one that fails."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from al_ray.errors import UserError
from al_ray.labelling.answers.log import said_now
from al_ray.labelling.desk import Item, Suggestion
from al_ray.labelling.label_studio import api
from al_ray.labelling.label_studio.api import Studio
from al_ray.labelling.label_studio.exports import answers
from al_ray.labelling.label_studio.formats import config, tasks

HOSTILE = ["<b>", "a&b", "'q\"", "가, 나", " lead", "two\nlines", "$100", "US$text", "{{x}}", "]]>"]


def _choices(xml: str) -> list[ET.Element]:
    return list(ET.fromstring(xml).iter("Choice"))


# --- the configuration --------------------------------------------------------------------------


def test_a_configuration_has_the_labels_as_they_are_whatever_they_hold() -> None:
    found = _choices(config(HOSTILE))
    assert [each.get("alias", each.get("value")) for each in found] == HOSTILE


def test_nothing_in_a_label_is_a_field_of_the_task() -> None:
    # Its page puts the task's text where a value says `$text`.
    assert not any("$" in str(each.get("value")) for each in _choices(config(HOSTILE)))


def test_number_keys_in_the_order_of_the_labels() -> None:
    keys = [each.get("hotkey") for each in _choices(config([f"l{i}" for i in range(12)]))]
    assert keys == ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", None, None]


@pytest.mark.parametrize("label", ["a\x00b", "\x1b[1m", "\ud800", "\ufffe"])
def test_a_label_that_xml_cannot_hold_is_refused(label: str) -> None:
    with pytest.raises(UserError, match="rename the label"):
        config(["good", label])


# --- tasks --------------------------------------------------------------------------------------


def test_scores_rise_in_our_order_within_what_is_allowed() -> None:
    items = [Item(f"r{i}", f"문장 {i}") for i in (3, 1, 2)]
    made = tasks(items, {"r1": Suggestion("경제", 0.4)}, "batch-2")
    assert [each["data"] for each in made] == [
        {"text": "문장 3", "row_id": "r3"},
        {"text": "문장 1", "row_id": "r1"},
        {"text": "문장 2", "row_id": "r2"},
    ]
    predictions = [each["predictions"] for each in made]
    assert [len(each) for each in predictions] == [1, 1, 1]
    scores = [each["score"] for (each,) in predictions]
    assert scores == sorted(set(scores))
    assert min(scores) > 0
    assert max(scores) < 1
    assert {each["model_version"] for (each,) in predictions} == {"batch-2"}
    assert [each["result"] for (each,) in predictions] == [[], [_chosen("경제")], []]


def test_a_hundred_thousand_rows_have_scores_of_their_own() -> None:
    made = tasks([Item(str(i), "") for i in range(100_000)], {}, "m")
    assert len({each["predictions"][0]["score"] for each in made}) == 100_000


def test_what_is_suggested_is_read_back_as_the_same_answer() -> None:
    (made,) = tasks([Item("r", "t")], {"r": Suggestion("경제", 0.4)}, "m")
    (event,), _ = answers([_task("r", _annotation(result=made["predictions"][0]["result"]))])
    assert event.answer == "경제"


# --- exports ------------------------------------------------------------------------------------

TIME = "2026-11-30T02:01:15.535012Z"
LATER = "2026-11-30T02:02:07.958847Z"
AT = datetime(2026, 11, 30, 2, 1, 15, 535012, UTC)


def _chosen(*labels: str) -> dict[str, Any]:
    value = {"choices": list(labels)}
    return {"from_name": "label", "to_name": "text", "type": "choices", "value": value}


def _annotation(**facts: Any) -> dict[str, Any]:
    """As version 1.23.2 writes it, but for fields that nobody reads."""
    return {
        "id": 7,
        "completed_by": 1,
        "result": [_chosen("경제")],
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": TIME,
        "updated_at": TIME,
        "lead_time": 3.5,
        "prediction": {"id": 1, "result": [_chosen("사회")]},
        **facts,
    }


def _task(row: str, *annotations: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {
        "id": 4,
        "annotations": list(annotations),
        "drafts": [],
        "predictions": [1],
        "data": {"text": "문장", "row_id": row},
        **facts,
    }


def test_an_annotation_is_an_event() -> None:
    (event,), notes = answers([_task("r1", _annotation())])
    assert (event.row_id, event.annotator, event.state, event.answer) == (
        "r1",
        "1",
        "answered",
        "경제",
    )
    assert (event.annotation, event.seconds, event.time) == ("7", 3.5, AT)
    assert (event.note, event.source) == ("", "label-studio")
    assert notes == []


@pytest.mark.parametrize(
    ("by", "name"),
    [
        (12, "12"),
        ({"id": 12, "email": "a@example.com", "first_name": ""}, "a@example.com"),
        ({"id": 12}, "12"),
        ("a@example.com", "a@example.com"),
    ],
)
def test_who_answered(by: Any, name: str) -> None:
    (event,), _ = answers([_task("r1", _annotation(completed_by=by))])
    assert event.annotator == name


def test_an_annotation_of_nobody_is_left_out() -> None:
    events, notes = answers([_task("r1", _annotation(completed_by=None))])
    assert events == []
    assert notes == ["1 annotation is left out: its annotator is no more"]


def test_a_skip_is_one_whatever_was_chosen_before_it() -> None:
    (event,), notes = answers([_task("r1", _annotation(was_cancelled=True))])
    assert (event.state, event.answer, event.note) == ("skipped", "", "")
    assert notes == []


@pytest.mark.parametrize("result", [[], None, [_chosen()], [_chosen("")]])
def test_an_empty_submission_is_a_skip_that_says_so(result: Any) -> None:
    (event,), notes = answers([_task("r1", _annotation(result=result))])
    assert (event.state, event.answer, event.note) == ("skipped", "", "empty submission")
    assert notes == ["1 submission without a choice counts as skipped"]


def test_ground_truth_is_flagged() -> None:
    (event,), notes = answers([_task("r1", _annotation(ground_truth=True))])
    assert (event.answer, event.note) == ("경제", "ground truth")
    assert notes == ["1 annotation is marked as ground truth, and counts as any other"]


def test_what_nobody_touched_and_drafts_say_nothing() -> None:
    events, notes = answers([_task("r1"), _task("r2", drafts=[{"result": [_chosen("사회")]}, 5])])
    assert events == []
    assert notes == [
        "2 tasks have no answer yet",
        "2 drafts are left out: they were not submitted",
    ]


def test_a_task_without_drafts_in_the_export_is_one_without() -> None:
    task = _task("r1", _annotation())
    del task["drafts"], task["predictions"]
    assert len(answers([task])[0]) == 1


def test_several_annotators_of_a_row() -> None:
    both = [_annotation(), _annotation(id=8, completed_by=2, result=[_chosen("사회")])]
    word = said_now(answers([_task("r1", *both)])[0])
    assert {name: said.answer for name, said in word["r1"].items()} == {"1": "경제", "2": "사회"}


def test_a_changed_annotation_is_a_new_event_of_the_same_annotation() -> None:
    (before,), _ = answers([_task("r1", _annotation())])
    (after,), _ = answers([_task("r1", _annotation(result=[_chosen("사회")], updated_at=LATER))])
    assert before.annotation == after.annotation
    assert before.id != after.id
    assert said_now([before, after])["r1"]["1"].answer == "사회"


def test_the_same_export_has_the_same_events_and_repeated_annotations_count_once() -> None:
    export = [_task("r1", _annotation(), _annotation()), _task("r1", _annotation())]
    events, _ = answers(export)
    assert [event.id for event in events] == [answers(export)[0][0].id]


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ({"updated_at": None}, AT),
        ({"updated_at": "2026-11-30T11:01:15+09:00"}, AT.replace(microsecond=0)),
        ({"updated_at": "2026-11-30T02:01:15"}, AT.replace(microsecond=0)),
    ],
)
def test_times(written: dict[str, Any], time: datetime) -> None:
    (event,), _ = answers([_task("r1", _annotation(**written))])
    assert event.time == time
    assert event.time.utcoffset() in (timedelta(0), timezone(timedelta(hours=9)).utcoffset(None))


@pytest.mark.parametrize("lead_time", [None, True, "3", -1.0, float("nan"), float("inf")])
def test_seconds_that_cannot_be_are_not_known(lead_time: Any) -> None:
    (event,), _ = answers([_task("r1", _annotation(lead_time=lead_time))])
    assert event.seconds is None


def test_a_row_that_is_a_number_there_is_its_digits() -> None:
    (event,), _ = answers([_task("", _annotation(), data={"row_id": 17})])
    assert event.row_id == "17"


JSON_MIN = {
    "text": "문장",
    "row_id": "r4",
    "id": 1,
    "label": "경제",
    "annotator": 1,
    "annotation_id": 7,
    "created_at": TIME,
    "updated_at": TIME,
    "lead_time": 3.5,
}
NAMED = {"from_name": "topic", "to_name": "text", "type": "choices", "value": {"choices": ["a"]}}
SPANS = {"from_name": "label", "to_name": "text", "type": "labels", "value": {"labels": ["OG"]}}


@pytest.mark.parametrize(
    ("export", "says"),
    [
        ([JSON_MIN], ["entry 1", "JSON-MIN"]),
        ([_task("r1"), JSON_MIN], ["entry 2", "JSON-MIN"]),
        ([{"id": 1, "data": {"row_id": "r"}, "completions": []}], ["entry 1"]),
        (["row_id,label"], ["entry 1"]),
        ([None], ["entry 1"]),
        ("row_id,label\nr1,경제\n", ["no list", "CSV"]),
        (b"-DOCSTART- -X- O\n", ["no list", "CoNLL"]),
        (_task("r1"), ["no list"]),
        (None, ["no list"]),
        (3, ["no list"]),
        ([_task("r1", data={"text": "문장"})], ["task 4", "row_id"]),
        ([_task("")], ["task 4", "row_id"]),
        ([_task("r1", data={"row_id": True})], ["task 4", "row_id"]),
        ([_task("r1", data={"row_id": ["r"]})], ["task 4", "row_id"]),
        ([_task("r1", _annotation(result=[NAMED]))], ["'r1'", "annotation 7", "'topic'"]),
        ([_task("r1", _annotation(result=[SPANS]))], ["'r1'", "annotation 7", "(labels)"]),
        ([_task("r1", _annotation(result=[_chosen("a"), NAMED]))], ["'topic'"]),
        ([_task("r1", _annotation(result=["가"]))], ["'r1'", "'가'"]),
        ([_task("r1", _annotation(result=[_chosen("a", "b")]))], ["'r1'", "2 choices"]),
        ([_task("r1", _annotation(result=[_chosen(["a"])]))], ["'r1'"]),  # type: ignore[arg-type]
        ([_task("r1", "경제")], ["'r1'"]),  # type: ignore[arg-type]
        ([_task("r1", _annotation(updated_at="gestern"))], ["'r1'", "'gestern'"]),
        ([_task("r1", _annotation(updated_at=None, created_at=None))], ["'r1'", "no time"]),
        ([_task("r1", _annotation(updated_at=7))], ["'r1'", "no time"]),
    ],
)
def test_what_is_no_such_export_is_refused_in_a_line(export: Any, says: list[str]) -> None:
    with pytest.raises(UserError) as refused:
        answers(export)
    message = str(refused.value)
    assert "\n" not in message
    assert [part for part in says if part not in message] == []


# --- a server -----------------------------------------------------------------------------------

OLD = "113d881941eee42e3db2f02f18a8786dbde84b8d"
PERSONAL = "head.body.signature"


@dataclass
class Small:
    """As much of a Label Studio as al_ray asks of it, and how it fails.

    Attributes:
        tasks: by id.
        asked: method and path of every request.
        answering: for how many more requests an access token is taken.
        lost: imports, by number, that are carried out and never answered.
        late: imports, by number, never answered, and carried out when the next one comes.
        status: answered to everything, where it is set, with `content`.
    """

    tasks: dict[int, dict[str, Any]] = field(default_factory=dict)
    project: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    answering: int = 1_000_000
    lost: set[int] = field(default_factory=set)
    late: set[int] = field(default_factory=set)
    status: int | None = None
    content: bytes = b""
    location: str = ""
    url: str = ""
    imports: int = 0
    access: str = ""
    waiting: list[Any] = field(default_factory=list)

    def rows(self) -> Counter[str]:
        return Counter(task["data"]["row_id"] for task in self.tasks.values())

    def served(self) -> list[str]:
        """Rows in the order of 'Uncertainty sampling'; the others last, as the real one has it."""
        version = self.project["model_version"]
        score = {
            task["data"]["row_id"]: each["score"]
            for task in self.tasks.values()
            for each in task["predictions"]
            if each["model_version"] == version
        }
        return sorted(score, key=lambda row: score[row])

    def add(self, given: list[dict[str, Any]]) -> None:
        for task in given:
            number = max(self.tasks, default=0) + 1
            self.tasks[number] = {"id": number, "annotations": [], "drafts": [], **task}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> Any:
        """What is answered as JSON; None: the connection breaks; a number: that status."""
        if path == "/api/users":
            return [{"id": 1, "email": "a@example.com"}]
        if path == "/api/projects/":
            self.project = {"id": 5, "model_version": "", **body}
            return self.project
        if path.startswith("/api/tasks/") and method == "DELETE":
            return {} if self.tasks.pop(int(path.split("/")[3]), None) else 404
        if path == "/api/tasks":
            if query["project"] != ["5"]:
                return 404
            page, size = int(query["page"][0]), min(3, int(query["page_size"][0]))
            some = sorted(self.tasks)[(page - 1) * size : page * size]
            if page > 1 and not some:
                return 404
            return {"total": len(self.tasks), "tasks": [self._listed(i) for i in some]}
        if not path.startswith("/api/projects/5/"):
            return 404
        if path.endswith("/import"):
            self.imports += 1
            self.add(self.waiting)
            self.waiting = []
            if self.imports in self.late:
                self.waiting = body
                return None
            self.add(body)
            return None if self.imports in self.lost else {"task_count": len(body)}
        if path.endswith("/import/predictions"):
            for each in body:
                self.tasks[each.pop("task")]["predictions"].append(each)
            return {"created": len(body)}
        if path.endswith("/export"):
            return [self.tasks[int(i)] for i in query["ids[]"]]
        if method == "PATCH":
            versions = {p["model_version"] for t in self.tasks.values() for p in t["predictions"]}
            if body.get("model_version") not in versions:
                return 400
            self.project |= body
        return self.project

    def _listed(self, number: int) -> dict[str, Any]:
        task = self.tasks[number]
        skipped = sum(each["was_cancelled"] for each in task["annotations"])
        return {
            "id": number,
            "data": task["data"],
            "total_annotations": len(task["annotations"]) - skipped,
            "cancelled_annotations": skipped,
            "draft_exists": bool(task["drafts"]),
            "predictions_model_versions": ",".join(
                each["model_version"] for each in task["predictions"]
            ),
        }

    def allowed(self, header: str) -> bool:
        if header == f"Token {OLD}":
            return True
        self.answering -= 1
        return header == f"Bearer {self.access}" and self.answering >= 0


class _Handler(BaseHTTPRequestHandler):
    small: Small
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        small, address = self.small, urlsplit(self.path)
        small.asked.append((self.command, address.path))
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(content) if content else None
        if small.status is not None:
            self._send(small.status, small.content)
        elif address.path == "/api/token/refresh":
            if body != {"refresh": PERSONAL}:
                self._send(401, json.dumps({"detail": f"{body} is invalid"}).encode())
                return
            small.access, small.answering = f"access-{len(small.asked)}", small.answering or 3
            self._send(200, json.dumps({"access": small.access}).encode())
        elif not small.allowed(self.headers["Authorization"]):
            small.answering = 0
            self._send(401, b'{"detail": "Given token not valid"}')
        else:
            answer = small.answer(self.command, address.path, parse_qs(address.query), body)
            if answer is None:
                self.close_connection = True
            elif isinstance(answer, int):
                self._send(answer, b'{"detail": "No Project matches"}')
            else:
                self._send(200, json.dumps(answer).encode())

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if self.small.location:
            self.send_header("Location", self.small.location)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def _serving(small: Small) -> Iterator[None]:
    handler = type("Handler", (_Handler,), {"small": small})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    small.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    monkeypatch.setattr(api, "_AT_ONCE", 2)
    found = Small()
    with _serving(found):
        yield found


def _tasks(n: int, version: str = "m1", first: int = 0) -> list[dict[str, Any]]:
    return tasks([Item(f"r{i}", f"문장 {i}") for i in range(first, first + n)], {}, version)


@pytest.mark.parametrize("token", [OLD, PERSONAL, f" {PERSONAL}\n"])
def test_a_project_is_filled_and_read(small: Small, token: str) -> None:
    studio = Studio(small.url, token)
    project = studio.make("뉴스", ["경제", "사회"], "첫 줄 <b>\n둘째 줄")
    assert small.project["title"] == "al_ray 뉴스"  # it takes none of two characters
    assert small.project["label_config"] == config(["경제", "사회"])
    assert small.project["expert_instruction"] == "첫 줄 &lt;b&gt;<br>둘째 줄"
    assert studio.push(project, _tasks(7)) == 7
    assert small.project["model_version"] == "m1"
    assert small.project["sampling"] == "Uncertainty sampling"
    small.tasks[3]["annotations"] = [_annotation(), _annotation(id=8, completed_by=9)]
    events, _ = answers(studio.pull(project))
    assert [(event.row_id, event.annotator) for event in events] == [
        ("r2", "a@example.com"),
        ("r2", "9"),
    ]


def test_an_empty_project(small: Small) -> None:
    studio = Studio(small.url, OLD)
    project = studio.make("뉴스 주제", ["경제"])
    assert studio.pull(project) == []
    assert studio.push(project, []) == 0


def test_an_access_token_that_ends_is_renewed(small: Small) -> None:
    small.answering = 2
    studio = Studio(small.url, PERSONAL)
    project = studio.make("뉴스 주제", ["경제"])
    studio.push(project, _tasks(7))
    assert small.rows() == Counter(f"r{i}" for i in range(7))
    assert [path for _, path in small.asked].count("/api/token/refresh") > 2


def test_pushed_again_there_is_nothing_new(small: Small) -> None:
    studio = Studio(small.url, OLD)
    project = studio.make("뉴스 주제", ["경제"])
    studio.push(project, _tasks(5))
    before = json.dumps(small.tasks)
    assert studio.push(project, _tasks(5)) == 0
    assert json.dumps(small.tasks) == before


@pytest.mark.parametrize("at", [1, 2, 3, 4])
@pytest.mark.parametrize("how", ["lost", "late"])
def test_broken_off_in_the_middle_and_repeated_each_row_is_there_once(
    small: Small, how: str, at: int
) -> None:
    setattr(small, how, {at})
    studio = Studio(small.url, OLD)
    project = studio.make("뉴스 주제", ["경제"])
    with pytest.raises(UserError, match="cannot be reached"):
        studio.push(project, _tasks(7))
    studio.push(project, _tasks(7))
    assert small.rows() == Counter(f"r{i}" for i in range(7))
    assert small.served() == [f"r{i}" for i in range(7)]


def test_of_what_is_there_twice_nothing_is_lost_that_somebody_touched(small: Small) -> None:
    studio = Studio(small.url, OLD)
    project = studio.make("뉴스 주제", ["경제"])
    small.add(_tasks(2) + _tasks(2) + _tasks(2) + [{"data": {}, "predictions": []}] * 2)
    small.tasks[3]["annotations"] = [_annotation()]  # r0, the second
    small.tasks[4]["annotations"] = [_annotation(was_cancelled=True)]  # r1, the second
    small.tasks[6]["drafts"] = [1]  # r1, the third
    studio.push(project, _tasks(3))
    assert {i: task["data"].get("row_id") for i, task in small.tasks.items()} == {
        3: "r0",
        4: "r1",
        6: "r1",
        7: None,
        8: None,
        9: "r2",
    }


def test_what_is_left_of_a_batch_takes_its_place_in_the_next(small: Small) -> None:
    studio = Studio(small.url, OLD)
    project = studio.make("뉴스 주제", ["경제"])
    studio.push(project, _tasks(3))
    studio.push(project, [*_tasks(3, "m2", first=2)])
    assert small.served() == ["r2", "r3", "r4"]
    assert len(small.tasks) == 5


def test_a_project_of_other_labels_is_refused(small: Small) -> None:
    studio = Studio(small.url, OLD)
    project = studio.make("뉴스 주제", ["경제", "사회"])
    studio.check(project, ["경제", "사회"])
    with pytest.raises(UserError, match="another labelling configuration"):
        studio.check(project, ["경제"])


@pytest.mark.parametrize("token", [OLD, PERSONAL])
def test_no_such_project(small: Small, token: str) -> None:
    studio = Studio(small.url, token)
    studio.make("뉴스 주제", ["경제"])
    for ask in (lambda: studio.check(6, []), lambda: studio.push(6, []), lambda: studio.pull(6)):
        with pytest.raises(UserError, match="has no project 6"):
            ask()


@pytest.mark.parametrize("token", ["wrong-secret", "wrong.secret.jwt"])
def test_a_token_that_is_refused_is_not_said(small: Small, token: str) -> None:
    with pytest.raises(UserError, match="does not take the token") as refused:
        Studio(small.url, token).pull(5)
    _in_a_line_without(refused.value, token)


@pytest.mark.parametrize("token", ["", " ", "two\nlines", "비밀", "a\x00b"])
def test_what_can_be_no_token_is_refused_at_once(token: str) -> None:
    with pytest.raises(UserError, match="copy it again") as refused:
        Studio("http://127.0.0.1:1", token)
    _in_a_line_without(refused.value, token.strip() or "never")


@pytest.mark.parametrize(
    "url", ["", "http://", "127.0.0.1:8080", "ftp://a.example", "file:///etc/passwd"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is no address"):
        Studio(url, OLD)


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:99999999"])
def test_an_address_that_cannot_be_is_refused_in_a_line(url: str) -> None:
    with pytest.raises(UserError, match="give the address") as refused:
        Studio(url, OLD).pull(5)
    _in_a_line_without(refused.value, OLD)


def test_a_server_that_is_not_there() -> None:
    small = Small()
    with _serving(small):
        pass
    with pytest.raises(UserError, match="cannot be reached") as refused:
        Studio(small.url, PERSONAL).pull(5)
    assert small.url in _in_a_line_without(refused.value, PERSONAL)


@pytest.mark.parametrize("token", [OLD, PERSONAL])
@pytest.mark.parametrize(
    ("status", "content", "says"),
    [
        (200, b"<html>hello</html>", "is no Label Studio"),
        (200, b"\xff\xfe", "is no Label Studio"),
        (400, b'{"validation_errors": {"title": ["too\\n short"]}}', "too"),
        (403, b'{"detail": "You may not"}', "You may not"),
        (500, b"<html>" + b"x" * 5000, "Internal Server Error"),
        (502, OLD.encode(), "Bad Gateway"),
        (400, b'{"detail": "bad %s %s"}' % (OLD.encode(), PERSONAL.encode()), "bad …"),
    ],
)
def test_what_a_server_says_is_said_in_a_line(
    small: Small, token: str, status: int, content: bytes, says: str
) -> None:
    small.status, small.content = status, content
    with pytest.raises(UserError) as refused:
        Studio(small.url, token).make("뉴스 주제", ["경제"])
    if b"bad" not in content or token == OLD:
        assert says in str(refused.value)
    _in_a_line_without(refused.value, token)


@pytest.mark.parametrize("token", [OLD, PERSONAL])
def test_a_token_does_not_follow_to_another_address(small: Small, token: str) -> None:
    other = Small()
    with _serving(other):
        small.status, small.location = 302, f"{other.url}/api/projects/"
        with pytest.raises(UserError, match="leads to another address"):
            Studio(small.url, token).pull(5)
    assert other.asked == []


def _in_a_line_without(error: UserError, secret: str) -> str:
    message = str(error)
    assert "\n" not in message
    assert secret not in message
    assert len(message) < 500
    return message
