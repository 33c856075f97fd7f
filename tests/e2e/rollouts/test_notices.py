"""People and programs are told of a deployment, decide by a link, and see it all as metrics."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.support.planes.control_plane import ControlPlane, control_plane
from tests.support.planes.sample import Sample, api, finished
from tests.support.programs.server import serve
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

SECRET = "a secret of this test alone"


class Receiver:
    """Takes notices; refuses the first of each path."""

    def __init__(self) -> None:
        self.taken: dict[str, list[tuple[dict[str, str], bytes]]] = {}
        self.refused: set[str] = set()

    async def take(self, request: Request) -> Response:
        path, body = request.url.path, await request.body()
        if path not in self.refused:
            self.refused.add(path)
            return Response("not yet", 503)
        self.taken.setdefault(path, []).append((dict(request.headers), body))
        return Response()

    def types(self) -> list[str]:
        bodies = [json.loads(body) for _, body in self.taken.get("/hook", [])]
        return [body["type"].rpartition(".")[2] for body in bodies]

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self.take, methods=["POST"])])


@pytest.mark.scenario
def test_a_deployment_is_told_decided_by_links_and_shown_as_metrics(tmp_path: Path) -> None:
    sample, receiver = Sample(tmp_path, approval=True), Receiver()
    with serve(receiver.app()) as url, control_plane(tmp_path, sample.config) as plane:
        (tmp_path / "slack.url").write_text(f"{url}/slack\n")
        (tmp_path / "hook.secret").write_text(SECRET)
        sample.config.write_text(sample.text() + _notices(url))
        queue = _queue(plane)
        sample.apply(plane)
        with traffic((sample.url, 100.0)):
            plane.teal("deploy", "web", "--image", "example/sample:0.0.2", "--no-follow")
            until(lambda: "approval_wanted" in receiver.types(), plane.log)
            plane.kill9()
            plane.start()
            link = _links(receiver)["approve"]
            _opened(link, 200, "Approve the deployment of web?")
            assert api(plane).get_deployment("web")["state"] == "AWAITING_APPROVAL", "only asked"
            _opened(link[:-2] + "xx", 403, "not from this control plane")
            until(lambda: "AWAITING" in api(plane).get_deployment("web")["state"], plane.log)
            assert "is approved" in _decided(link)
            assert finished(plane)["status"] == "SUCCESSFUL"
            until(lambda: receiver.types()[-1:] == ["succeeded"], plane.log)
            _opened(link, 409, "does not wait for approval")
            metrics = _metrics(plane)
            assert "web goes back" in _decided(_links(receiver)["roll-back"])
            until(lambda: receiver.types()[-2:] == ["started", "succeeded"], plane.log)
        _is_signed(*receiver.taken["/hook"][0])
        told = until(lambda: _events(plane, queue), plane.log)
        assert told["source"] == "tealmesh"
        assert told["detail"]["eventName"] == "STARTED"
    state = {s.labels["tealmesh_deployment_state"]: s.value for s in metrics["deployment_state"]}
    assert state["SUCCEEDED"] == 1
    assert sum(state.values()) == 1
    assert sum(s.value for s in metrics["requests"] if s.name.endswith("_total")) > 50
    assert all(s.value == 1 for s in metrics["envoy_connected"])
    assert metrics["request_duration_seconds"]
    assert metrics["gate_verdict"]


def _notices(url: str) -> str:
    return f"""
[notices.hook]
url = "{url}/hook"
secret_file = "hook.secret"

[notices.chat]
shape = "slack"
url_file = "slack.url"
on = ["APPROVAL_WANTED", "SUCCEEDED"]

[notices.bus]
shape = "eventbridge"
on = ["STARTED"]
"""


def _queue(plane: ControlPlane) -> str:
    """A queue that gets every event of ours on the default bus."""
    sqs, events = plane.client("sqs"), plane.client("events")
    queue: str = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    events.put_rule(Name="ours", EventPattern=json.dumps({"source": ["tealmesh"]}))
    events.put_targets(Rule="ours", Targets=[{"Id": "1", "Arn": arn["QueueArn"]}])
    return queue


def _events(plane: ControlPlane, queue: str) -> Any:
    messages = plane.client("sqs").receive_message(QueueUrl=queue).get("Messages", [])
    return json.loads(messages[0]["Body"]) if messages else None


def _links(receiver: Receiver) -> dict[str, str]:
    """The links of the newest notice."""
    links: dict[str, str] = json.loads(receiver.taken["/hook"][-1][1])["data"]["links"]
    return links


def _opened(url: str, status: int, words: str) -> str:
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"
    return answer.text


def _decided(url: str) -> str:
    """The answer to the form of the page that the link opens, as a browser sends it."""
    shown = httpx.get(url, trust_env=False).text
    token = re.search(r'name="token" value="([^"]+)"', shown)
    assert token, shown
    page = httpx.URL(url).copy_with(query=None)
    origin = f"{page.scheme}://{page.host}:{page.port}"
    elsewhere = httpx.post(page, headers={"origin": "https://evil.example"}, trust_env=False)
    assert elsewhere.status_code == 403, "a form on another site decides nothing"
    answer = httpx.post(page, data={"token": token[1]}, headers={"origin": origin}, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.text


def _is_signed(headers: dict[str, str], body: bytes) -> None:
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


def _metrics(plane: ControlPlane) -> dict[str, list[Any]]:
    """The samples of the OpenMetrics page, by the name of the family."""
    answer = httpx.get(f"{plane.endpoint}/_teal/metrics", trust_env=False)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families = text_string_to_metric_families(answer.text)
    return {family.name.removeprefix("tealmesh_"): family.samples for family in families}
