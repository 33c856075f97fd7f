"""status, history, events, logs and envoys: what they request and print."""

from __future__ import annotations

import json
import time
from typing import Any

from tealmesh.cli.commands.logs import _new_lines, _overlap, _text
from tests.cli.command_line import DEPLOYMENT, STATUS, assert_one_line, teal
from tests.cli.teal_api import TealApi


def test_status(api: TealApi) -> None:
    done = teal("status", endpoint=api.endpoint)
    assert done.returncode == 0, done.stderr
    assert api.requests("GetStatus") == [{"windowSeconds": 10}]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1] == (
        "web blue x/web:1 1 100.0 % 3/3 100 2 1.2 ms 123 ms".split()  # noqa: SIM905
    )
    assert rows[2][:3] == ["green", "-", "0"]
    assert "web: SUCCESSFUL  x/web:1 → x/web:2 on green" in done.stdout
    assert "gateway edge  http://127.0.0.1:9080/" in done.stdout
    assert "\x1b" not in done.stdout


def test_status_of_nothing(api: TealApi) -> None:
    api.operations["GetStatus"] = lambda _: {"revision": 0, "services": [], "gateways": []}
    assert "`teal apply`" in teal("status", endpoint=api.endpoint).stdout


def test_status_as_json(api: TealApi) -> None:
    done = teal("status", "--json", "--window", "60", endpoint=api.endpoint)
    assert json.loads(done.stdout) == STATUS
    assert api.requests("GetStatus") == [{"windowSeconds": 60}]


def test_status_of_a_mesh(api: TealApi) -> None:
    teal("status", "--mesh", "shop", endpoint=api.endpoint)
    assert api.requests("GetStatus") == [{"windowSeconds": 10, "mesh": "shop"}]


def test_history(api: TealApi) -> None:
    entry = {"sequence": 1, "at": 1.0, "transition": "CREATED", "status": "IN_PROGRESS"}
    api.operations["ListDeployments"] = lambda _: {"deployments": [DEPLOYMENT] * 9}
    api.operations["ListJournal"] = lambda _: {"deploymentId": "d1", "entries": [entry]}
    done = teal("history", "-n", "2", endpoint=api.endpoint)
    assert done.stdout.count("SUCCESSFUL") == 2
    assert "CREATED" not in done.stdout
    assert "12.5 s" in done.stdout
    assert api.requests("ListDeployments") == [{"service": "web"}]
    done = teal("history", "web", "--journal", endpoint=api.endpoint)
    assert done.stdout.count("CREATED") == 9
    done = teal("history", "web", "d1", endpoint=api.endpoint)
    assert "success-rate: PASS 3 of 1234" in done.stdout
    done = teal("history", "web", "x", endpoint=api.endpoint)
    assert_one_line(done, "web has no deployment x: see `teal history web`")
    done = teal("history", "web", "-n", "1", "--json", endpoint=api.endpoint)
    assert json.loads(done.stdout) == [{**DEPLOYMENT, "journal": [entry]}]


def test_events(api: TealApi) -> None:
    event = {"revision": 7, "at": 1.0, "actor": "me", "operation": "appmesh:DeleteRoute"}
    late, early = {**event, "message": "second"}, {**event, "message": "first"}
    api.operations["ListEvents"] = lambda _: {"events": [late, early]}
    lines = teal("events", "-n", "2", endpoint=api.endpoint).stdout.splitlines()
    # With the day, as they are not of today.
    assert [line.split(" ", 2)[2] for line in lines] == [
        "me appmesh:DeleteRoute: first",
        "me appmesh:DeleteRoute: second",
    ]
    done = teal("events", "--all", "--json", endpoint=api.endpoint)
    assert json.loads(done.stdout) == [early, late]
    assert api.requests("ListEvents") == [
        {"limit": 2, "all": False},
        {"limit": 20, "all": True},
    ]


def test_events_are_searched_page_by_page(api: TealApi) -> None:
    now = time.time()
    base = {"actor": "ada", "operation": "x:Y", "message": "", "sentence": "ada did it"}
    events = [{**base, "revision": n, "at": now - 4000 + n} for n in range(1000, 0, -1)]

    def page(request: dict[str, Any]) -> dict[str, Any]:
        earlier = [e for e in events if e["revision"] < request.get("before", 1001)]
        return {"events": earlier[: request["limit"]]}

    api.operations["ListEvents"] = page
    command = ["events", "--search", "web", "--by", "ada", "--json"]
    done = teal(*command, "--since", "1h", endpoint=api.endpoint)
    # The oldest of them was an hour and 400 s ago.
    assert 590 <= len(json.loads(done.stdout)) <= 601
    first, second = api.requests("ListEvents")
    assert (first["text"], first["actor"], second["before"]) == ("web", "ada", 501)
    # Number and time, whichever is less.
    done = teal(*command, "--since", "2h", "-n", "700", endpoint=api.endpoint)
    assert [e["revision"] for e in json.loads(done.stdout)] == list(range(301, 1001))
    done = teal(*command, "--since", "2100-01-01", endpoint=api.endpoint)
    assert json.loads(done.stdout) == []
    refused = teal("events", "--since", "yesterday", endpoint=api.endpoint)
    assert refused.returncode == 2
    assert '--since yesterday: must be a time such as "30m"' in refused.stderr


def test_logs(api: TealApi) -> None:
    line = {"task": "arn:aws:ecs:r:1:task/c/0123456789ab", "side": "blue", "container": "app"}
    api.operations["GetLogs"] = lambda _: {"lines": [{**line, "line": "hello"}]}
    done = teal("logs", "web", "--side", "blue", "-n", "5", endpoint=api.endpoint)
    assert (done.stdout, done.stderr) == ("[blue 01234567 app] hello\n", "")
    teal("logs", "c/web", "--envoy", "--stopped", endpoint=api.endpoint)
    assert api.requests("GetLogs") == [
        {
            "service": "web",
            "side": "blue",
            "lines": 5,
            "runningOnly": True,
            "applicationsOnly": True,
        },
        {"service": "c/web", "lines": 100},
    ]
    api.operations["GetLogs"] = lambda _: {"lines": [{**line, "line": "bye", "stopped": True}]}
    done = teal("logs", "web", endpoint=api.endpoint)
    assert done.stderr == "no task of web runs: this is the log of the last one\n"
    assert teal("logs", "web", "--stopped", endpoint=api.endpoint).stderr == ""
    api.operations["GetLogs"] = lambda _: {"lines": []}
    assert "web has written nothing" in teal("logs", "web", endpoint=api.endpoint).stderr


def test_envoys(api: TealApi) -> None:
    arn = "arn:aws:ecs:us-east-1:123456789012:task/c/39bfa63b45624ab19dec"
    api.operations["ListEnvoys"] = lambda _: {
        "envoys": [
            {
                "id": arn,
                "resource": "mesh/shop/virtualNode/web-green",
                "connected": True,
                "callers": 3,
                "usableBy": 1,
                "version": "1.36.2",
            },
            {
                "id": "mesh/bank/virtualGateway/edge@ipv4:127.0.0.1:5000",
                "resource": "mesh/bank/virtualGateway/edge",
                "connected": False,
                "message": "bad",
                "revision": 7,
            },
        ]
    }
    done = teal("envoys", endpoint=api.endpoint)
    assert api.requests("ListEnvoys") == [{}]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1:] == [
        ["mesh", "bank"],
        ["edge", "ipv4:127.0.0.1:5000", "gateway", "-", "no", "7", "-"],
        ["mesh", "shop"],
        ["web-green", "39bfa63b", "node", "1.36.2", "yes", "-", "1", "of", "3"],
        ["edge", "ipv4:127.0.0.1:5000", "rejected", "its", "configuration:", "bad"],
    ]
    teal("envoys", "--mesh", "bank", endpoint=api.endpoint)
    teal("envoys", "web", endpoint=api.endpoint)
    assert api.requests("ListEnvoys")[1:] == [{"mesh": "bank"}, {"mesh": "shop"}]


def test_what_is_not_there_is_said_with_what_is(api: TealApi) -> None:
    done = teal("envoys", "wbe", endpoint=api.endpoint)
    assert_one_line(done, "no service 'wbe' (known: web); did you mean web?")


def shown(lines: Any, seen: dict[tuple[str, str], list[str]]) -> list[str]:
    return [_text(line) for line in _new_lines(lines, seen)]


def test_new_lines_of_logs() -> None:
    def look(*texts: str) -> list[dict[str, str]]:
        return [{"task": "t", "container": "app", "line": text} for text in texts]

    seen: dict[tuple[str, str], list[str]] = {}
    assert shown(look("a", "b"), seen) == ["[t app] a", "[t app] b"]
    assert shown(look("a", "b"), seen) == []
    assert shown(look("b", "c"), seen) == ["[t app] c"]
    assert shown(look("x", "y"), seen) == ["[t app] x", "[t app] y"]


def test_lines_of_several_containers_are_in_the_order_of_time() -> None:
    lines = [
        {"task": task, "container": "app", "line": line, "at": at}
        for task, line, at in (("t", "one", 1.0), ("t", "three", 3.0), ("u", "two", 2.0))
    ]
    assert shown(lines, {}) == ["[t app] one", "[u app] two", "[t app] three"]


def test_overlap() -> None:
    assert _overlap([], ["a"]) == 0
    assert _overlap(["a", "b", "a"], ["b", "a", "c"]) == 2
    assert _overlap(["a"], ["b"]) == 0
