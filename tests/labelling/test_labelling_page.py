"""What the page's server answers, and whom."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from small_desk import LABELS, TOKEN, SmallDesk

from al_ray.errors import StorageError, UserError
from al_ray.labelling.page import Server, app

OURS = {"content-type": "application/json", "x-al-ray": "page"}


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(server, path, method="GET", body=None, headers=None, host=None) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    sent = {"host": host or f"127.0.0.1:{server.port}", **(headers or {})}
    if body is not None:
        sent["content-length"] = str(len(body))
    for name, value in sent.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    found = Answer(response.status, response.headers, response.read())
    connection.close()
    return found


def api(server, name, **facts) -> Answer:
    query = "&".join(f"{key}={quote(str(value))}" for key, value in facts.items())
    return ask(server, f"/{TOKEN}/api/{name}?{query}")


def event(**facts) -> dict[str, Any]:
    usual = {"row_id": "r0", "annotator": "김라벨", "state": "answered", "answer": LABELS[0]}
    return {**usual, "annotation": "a-1", "seconds": 1.5, "note": "", **facts}


def say(server, facts, **changed) -> Answer:
    body = facts if isinstance(facts, bytes) else json.dumps(facts).encode()
    return ask(
        server, f"/{TOKEN}/api/say", "POST", body, {**OURS, **changed.pop("headers", {})}, **changed
    )


@pytest.fixture
def desk():
    return SmallDesk()


@pytest.fixture
def server(desk):
    with Server(desk, token=TOKEN) as server:
        yield server


def test_the_page_and_all_it_asks_for(server):
    page = ask(server, f"/{TOKEN}/")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert b"http" not in page.body.replace(b"http-equiv", b"")  # nothing from elsewhere
    scripts = ("page", "ask", "marks", "outbox", "rows", "stopwatch", "tagging", "words")
    for name in ("page.css", *(f"{script}.js" for script in scripts)):
        found = ask(server, f"/{TOKEN}/{name}")
        assert found.status == 200, name
        assert b"innerHTML" not in found.body, name
        assert b"://" not in found.body, name
    project = api(server, "project").json
    assert project["labels"] == list(LABELS)
    assert TOKEN not in json.dumps(project)
    assert ask(server, f"/{TOKEN}/icon.svg").headers["content-type"].startswith("image/svg")


def test_every_answer_has_the_headers(server):
    for found in (
        ask(server, f"/{TOKEN}/"),
        api(server, "items", annotator="a"),
        ask(server, f"/{TOKEN}/nothing"),
        ask(server, "/"),
        ask(server, "/", host="evil.example"),
        ask(server, f"/{TOKEN}/api/say", "POST", b""),
    ):
        assert found.headers["content-security-policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in found.headers["content-security-policy"]
        assert found.headers["cache-control"] == "no-store"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["referrer-policy"] == "no-referrer"
        assert "server" not in found.headers


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/{TOKEN[:-1]}/",
        f"/{TOKEN}x/",
        "/api/project",
        "/page.js",
        "/%ff%fe/",
        "/favicon.ico",
        f"//{TOKEN}/",
        f"/x/../{TOKEN}/",
    ],
)
def test_without_the_token_there_is_nothing(server, path):
    for method in ("GET", "POST", "OPTIONS"):
        found = ask(server, path, method, headers=OURS)
        assert (found.status, found.body) == (404, b"Not Found")


def test_the_token_does_not_open_other_files(server):
    for path in ("page.html", "../server.py", "..%2fserver.py", "%2e%2e/routes.py", "api/", "api"):
        assert ask(server, f"/{TOKEN}/{path}").status == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0", "a@127.0.0.1"]
)
def test_another_host_is_refused(server, host):
    """A name that somebody has made to point here."""
    found = ask(server, f"/{TOKEN}/", host=f"{host}:{server.port}")
    assert (found.status, found.body) == (403, b"Forbidden")
    assert ask(server, f"/{TOKEN}/", host=f"localhost:{server.port}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"x-al-ray": None},
    ],
)
def test_a_post_from_elsewhere_is_refused(server, desk, headers):
    sent = {name: value for name, value in {**OURS, **headers}.items() if value is not None}
    body = json.dumps(event()).encode()
    assert ask(server, f"/{TOKEN}/api/say", "POST", body, sent).status == 403
    assert desk.events == []
    same = {"origin": f"http://127.0.0.1:{server.port}", "sec-fetch-site": "same-origin"}
    assert say(server, event(), headers=same).status == 200


def test_it_listens_on_this_machine_alone(server):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=5)


def test_what_is_said_is_kept_once(server, desk):
    first = say(server, event(note="헷갈림 🤔"))
    assert first.status == 200
    assert first.json["new"]
    assert first.json["progress"]["own"] == 1
    assert not say(server, event(note="헷갈림 🤔")).json["new"]
    (kept,) = desk.events
    assert (kept.row_id, kept.answer, kept.annotation) == ("r0", LABELS[0], "a-1")
    assert (kept.seconds, kept.note, kept.source) == (1.5, "헷갈림 🤔", "page")
    assert kept.time.tzinfo is not None
    assert say(server, event(state="undone", answer="", annotation="a-2", seconds=None)).json["new"]
    assert [item["row_id"] for item in api(server, "items", annotator="김라벨", n=1).json["items"]]
    assert desk.answers("김라벨") == {}


def test_the_same_sent_at_once_is_kept_once(server, desk):
    threads = [threading.Thread(target=say, args=(server, event())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.events) == 1


@pytest.mark.parametrize(
    "facts",
    [
        event(row_id="r999"),
        event(answer="스포츠신문"),
        event(answer=""),
        event(state="skipped"),
        event(state="gone", answer=""),
        event(state=["answered"]),
        event(annotation=""),
        event(annotation="x" * 65),
        event(annotation="ㄱ"),
        event(annotator=" "),
        event(annotator="x" * 61),
        event(annotator="a\nb"),
        event(annotator=7),
        event(seconds=-1),
        event(seconds="1"),
        event(seconds=True),
        event(seconds=float("nan")),
        event(seconds=1e9),
        event(note="x" * 2001),
        event(note=None),
        event(row_id={"a": 1}),
        [],
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"note": "' + b"x" * 300_000 + b'"}',
    ],
)
def test_what_is_wrong_is_refused_for_good(server, desk, facts):
    found = say(server, facts)
    assert found.status == 422
    assert found.json["error"]
    assert desk.events == []


def test_only_json_is_taken(server, desk):
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        assert say(server, event(), headers={"content-type": kind}).status == 422
    assert desk.events == []
    assert ask(server, f"/{TOKEN}/api/say", headers=OURS).status == 405


def test_what_may_go_well_later_is_told_apart(server, desk):
    desk.failure = StorageError("no room")
    found = say(server, event())
    assert (found.status, found.json) == (503, {"error": "no room"})
    desk.failure = OSError("the disk is gone")
    found = say(server, event())
    assert (found.status, found.json) == (500, {"error": "OSError: the disk is gone"})
    desk.failure = None
    assert say(server, event()).json["new"]


def test_names_that_are_known(desk):
    with Server(desk, token=TOKEN, names=["김라벨"]) as server:
        assert api(server, "project").json["names"] == ["김라벨"]
        assert say(server, event(annotator="Lee")).status == 422
        assert api(server, "items", annotator="Lee").status == 422
        decomposed = (
            "\u1100\u1175\u11b7\u1105\u1161\u1107\u1166\u11af"  # 김라벨, as macOS may type it
        )
        assert say(server, event(annotator=decomposed)).status == 200
    assert {said.annotator for said in desk.events} == {"김라벨"}


def test_the_next_batch_is_wanted_after_what_is_new(desk):
    wanted = threading.Semaphore(0)
    with Server(desk, token=TOKEN, wanted=wanted.release) as server:
        say(server, event())
        assert wanted.acquire(timeout=20)
        say(server, event())
        say(server, event(row_id="r999"))
    assert not wanted.acquire(blocking=False)


def test_items_what_was_said_and_what_is_found(server):
    items = api(server, "items", annotator="a", n=3).json
    assert [item["row_id"] for item in items["items"]] == ["r0", "r1", "r2"]
    assert items["progress"]["left"] == 20
    assert len(api(server, "items", annotator="a", n="many").json["items"]) == 20
    assert len(api(server, "items", annotator="a", n=-4).json["items"]) == 1
    say(server, event(annotator="a", row_id="r2", state="skipped", answer="", note="?"))
    (said,) = api(server, "said", annotator="a").json["said"]
    assert said == {
        "row_id": "r2", "text": "2. 서울 지하철 2호선이 신호 장애로 30분가량 멈춰 섰다",
        "state": "skipped", "answer": "", "note": "?",
    }  # fmt: skip
    assert api(server, "said", annotator="b").json == {"said": []}
    say(server, event(annotator="a", row_id="r5", annotation="a-2"))
    found = api(server, "found", annotator="a", query="반도체", n=2).json["items"]
    assert [item["row_id"] for item in found] == ["r5", "r12"]
    assert found[0]["was"] == {"state": "answered", "answer": LABELS[0], "note": ""}
    assert "was" not in found[1]
    assert api(server, "found", annotator="a", query=" ").json == {"items": []}
    assert api(server, "suggestion", row_id="r0").json["suggestion"]["answer"] == LABELS[0]
    assert api(server, "suggestion", row_id="r1").json == {"suggestion": None}
    assert api(server, "suggestion", row_id="r999").json == {"suggestion": None}


def test_any_text_arrives_as_it_is():
    texts = [
        "<script>1</script>",
        "</textarea>",
        "a\0b\x1b",
        "\u202eab\u2067",
        "\ud83d",
        "긴" * 10**6,
    ]
    with Server(SmallDesk(texts), token=TOKEN) as server:
        found = api(server, "items", annotator="a")
        assert found.headers["content-type"] == "application/json"
        assert [item["text"] for item in found.json["items"]] == texts
        half = say(server, event(note="half \ud83d"))
        assert half.status == 200


def test_a_restart_keeps_the_address(desk):
    with Server(desk, token=TOKEN) as first:
        say(first, event())
        with pytest.raises(UserError, match=str(first.port)):
            Server(desk, TOKEN, first.port).start()
    with Server(desk, TOKEN, first.port) as again:
        assert again.address == first.address
        assert not say(again, event()).json["new"]


def test_tokens():
    for token in ("short", "with/a/slash/and/more", "../../../../../../", "", "가" * 20):
        with pytest.raises(ValueError, match="token"):
            app(SmallDesk(), token)


PROGRAM = """
import sys
from small_desk import TOKEN, SmallDesk
from al_ray.labelling.page import Server
try:
    Server(SmallDesk(), TOKEN, listening=lambda address: print(address, flush=True)).run()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_signal_ends_it_after_what_is_under_way(number, code):
    here = Path(__file__).parent
    paths = [str(here), str(here.parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        _, _, where, token, _ = address.split("/")
        connection = http.client.HTTPConnection(where, timeout=20)
        connection.request("GET", f"/{token}/api/project")
        assert connection.getresponse().status == 200  # and is kept open
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (code, "", "")
