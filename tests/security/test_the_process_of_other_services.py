"""What callers of the other AWS services (moto) tried: each froze, filled or left the process of
the control plane.
"""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.programs.server import serve
from tests.support.waiting import until

ARN = "arn:aws:{}:us-east-1:123456789012:{}"
_OPTIONS = ("--moto-seconds", "3", "--moto-memory", "384")
"""More than the least that is allowed: what is forked has all that tests import, too."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("apart"), options=_OPTIONS) as started:
        started.client("sns").create_topic(Name="kept")
        yield started


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    return [int(one) for task in tasks.iterdir() for one in (task / "children").read_text().split()]


def named(pid: int, name: str) -> int:
    """The child of a process with this name."""
    (found,) = [one for one in children(pid) if _name(one) == name]
    return found


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _runs(pid: int) -> bool:
    """Not one that has ended, and that nobody has waited for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def processes(plane: ControlPlane) -> tuple[int, int]:
    """The keeper, and moto."""
    assert plane.process is not None
    keeper = named(plane.process.pid, "teal-keeper")
    return keeper, named(keeper, "teal-moto")


def answered(plane: ControlPlane) -> list[str]:
    """The topics, once there is a process again; what fails until then is a 503."""

    def ask() -> list[str] | None:
        try:
            return [one["TopicArn"] for one in plane.client("sns").list_topics()["Topics"]]
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 503:
                raise
            return None

    return until(ask)


@pytest.mark.parametrize("which", [0, 1])
def test_kill_it(plane: ControlPlane, which: int) -> None:
    """moto, and the keeper that starts it: both are there again, with everything."""
    before = processes(plane)
    os.kill(before[which], signal.SIGKILL)
    until(lambda: not Path(f"/proc/{before[1]}").exists() or _name(before[1]) != "teal-moto")
    assert answered(plane) == [ARN.format("sns", "kept")]
    assert not set(before[which:]) & set(processes(plane))


def test_stop_it(plane: ControlPlane) -> None:
    """Whatever it hangs in, it is ended once a call takes too long, and nothing else waits."""
    _, moto = processes(plane)
    os.kill(moto, signal.SIGSTOP)
    with pytest.raises(ClientError, match="took longer than 3 s") as caught:
        plane.client("sns").list_topics()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert plane.client("ecs").list_clusters()["clusterArns"] == []
    assert answered(plane) == [ARN.format("sns", "kept")]
    assert "moto's process" in plane.teal("events", "--all").stdout


def test_leave_it_behind(plane: ControlPlane) -> None:
    """The kernel ends the keeper and moto with the control plane, even where both hang."""
    left = processes(plane)
    for one in left:
        os.kill(one, signal.SIGSTOP)
    plane.kill9()
    until(lambda: not any(_runs(one) for one in left))
    plane.start()
    assert answered(plane) == [ARN.format("sns", "kept")]


def test_match_a_pattern_of_many_wildcards(plane: ControlPlane) -> None:
    events = plane.client("events")
    pattern = {"detail": {"text": [{"wildcard": "*a" * 12 + "b"}]}}
    events.put_rule(Name="evil", EventPattern=json.dumps(pattern))
    entry = {"Source": "x", "DetailType": "y", "Detail": json.dumps({"text": "a" * 5000})}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_unpack_a_little_to_very_much(plane: ControlPlane) -> None:
    scope = "Credential=test/20261123/us-east-1/logs/aws4_request"
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0",
        "content-encoding": "gzip",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Logs_20140328.PutLogEvents",
    }
    answer = httpx.post(plane.endpoint, headers=headers, content=gzip.compress(bytes(64 << 20), 1))
    assert answer.status_code == 413


def test_fill_the_memory(plane: ControlPlane) -> None:
    """The call fails, and says why; those before it and after it do not."""
    names = plane.client("ssm")
    with pytest.raises(ClientError, match=r"--moto-memory|ended") as caught:
        names.put_parameter(Name="/much", Value="x" * (90 << 20), Type="String")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (501, 503)
    assert answered(plane) == [ARN.format("sns", "kept")]


def test_post_to_other_machines_and_to_the_control_plane(plane: ControlPlane) -> None:
    """A message to them is not sent, which is no error of the publisher's; one to a program of this
    machine is.
    """
    got: list[bytes] = []

    async def subscriber(scope: Any, receive: Any, send: Any) -> None:
        got.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sns = plane.client("sns")
    with serve(subscriber) as url:
        topic = sns.create_topic(Name="posts")["TopicArn"]
        others = ("http://192.0.2.1/a", "http://example.com/b", f"{plane.endpoint}/c")
        for endpoint in (*others, url):
            sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)
        sns.publish(TopicArn=topic, Message="hello")
        (posted,) = until(lambda: got)
    assert json.loads(posted)["Message"] == "hello"
    sns.delete_topic(TopicArn=topic)
    lines = [line for line in until(lambda: _told(plane)) if "SNS cannot send" in line]
    said = ["192.0.2.1: moto reaches", "example.com: moto reaches", "is the control plane's own"]
    assert [part for part in said if not any(part in line for line in lines)] == []


def _told(plane: ControlPlane) -> list[str]:
    lines = [line for line in plane.log().splitlines() if "SNS cannot send" in line]
    return lines if len(lines) >= 3 else []
