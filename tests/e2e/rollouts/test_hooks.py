"""A deployment that asks a command, a webhook, CloudWatch and Prometheus, under load."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.rollout.asking.receiver import Asked, receiver
from tests.support.planes.control_plane import control_plane
from tests.support.planes.sample import Sample, api, finished, weights
from tests.support.programs.traffic import traffic
from tests.support.waiting import until

COMMAND = (
    "import json, os, sys, pathlib; told = json.load(sys.stdin);"
    "pathlib.Path('told.json').write_text(json.dumps([told, os.environ['TEAL_SERVICE']]))"
)


def settings(url: str) -> str:
    return f"""
compare = false
hooks = [
  {{ stage = "PRE_SCALE_UP", name = "smoke", command = {json.dumps([sys.executable, "-c", COMMAND])} }},
  {{ stage = "POST_TEST_TRAFFIC_SHIFT", name = "tests", url = "{url}/tests", interval = "200ms" }},
  {{ stage = "PRODUCTION_TRAFFIC_SHIFT", name = "watch", url = "{url}/watch", interval = "200ms" }},
  {{ stage = "ROLLBACK", name = "page", url = "{url}/page" }},
]
prometheus = [
  {{ name = "errors", url = "{url}", query = 'errors{{node="{{{{node}}}}"}}', pass = "< 0.01", interval = "200ms" }},
]
cloudwatch = [
  {{ name = "orders", namespace = "Shop", metric = "Orders", dimensions = {{ Service = "{{{{service}}}}" }}, statistic = "Sum", pass = ">= 1", interval = "200ms" }},
]
"""  # noqa: E501 - a table of TOML is one line


def test_what_others_say_decides_and_no_request_is_lost(tmp_path: Path) -> None:
    sample = Sample(tmp_path)
    value = ["0.001"]
    asked: list[str] = []

    def answer(one: Asked) -> object:
        asked.append(one.path)
        if one.path == "/api/v1/query":
            orders = {"MetricName": "Orders", "Value": 3.0, "Dimensions": dimensions}
            cloudwatch.put_metric_data(Namespace="Shop", MetricData=[orders])
            result = [{"metric": {"node": one.form["query"]}, "value": [1.0, value[0]]}]
            return {"status": "success", "data": {"resultType": "vector", "result": result}}
        if one.path == "/tests" and asked.count("/tests") < 3:
            return {"hookStatus": "IN_PROGRESS", "callBackDelay": 0.1}
        if one.path == "/watch" and json.loads(one.body)["step"] == 1:
            value[0] = "0.5"
            return {"hookStatus": "IN_PROGRESS", "callBackDelay": 0.1}
        return {"hookStatus": "SUCCEEDED"}

    dimensions = [{"Name": "Service", "Value": "web"}]
    with receiver(answer) as server:
        text = sample.text().replace("steps = [100]", "steps = [50, 100]")
        sample.config.write_text(text.replace("[gateways", f"{settings(server.url)}\n[gateways"))
        with control_plane(tmp_path, sample.config) as plane:
            cloudwatch = plane.client("cloudwatch")
            sample.apply(plane)
            with traffic((sample.url, 200.0)) as load:
                plane.teal("deploy", "web", "--image", "example/sample:0.0.2", "--no-follow")
                done = finished(plane)
                assert done["status"] == "ROLLBACK_SUCCESSFUL", done
                until(lambda: "/page" in asked)
                ended = until(lambda: told_all(api(plane).get_deployment("web")))
                explained = plane.teal("explain", "web").stdout
                events = plane.teal("events").stdout
                tally = load.stop()
            assert weights(plane) == {"blue": 100, "green": 0}
    assert not tally.failures
    assert ended["status"] == "ROLLBACK_SUCCESSFUL"
    assert "prometheus errors: " in ended["reason"]
    assert "0.5, must be < 0.01" in ended["reason"]
    first = {verdict["gate"]: verdict for verdict in ended["evidence"][0]["verdicts"]}
    assert first["cloudwatch orders"]["verdict"] == "PASS"
    assert first["prometheus errors"]["verdict"] == "PASS"
    assert asked.count("/tests") == 3
    assert "POST_TEST_TRAFFIC_SHIFT: says SUCCEEDED (asked 3 times)" in " ".join(explained.split())
    assert "web: hook page at ROLLBACK: PASS, says SUCCEEDED" in " ".join(events.split())
    answered = {hook["name"]: hook for hook in ended["hooks"] if hook["step"] == 0}
    assert [hook.get("verdict") for hook in answered.values()] == ["PASS"] * 4
    assert (answered["tests"]["tries"], answered["tests"]["stage"]) == (
        3,
        "POST_TEST_TRAFFIC_SHIFT",
    )
    told, service = json.loads((tmp_path / "told.json").read_text())
    assert (told["newImage"], service) == ("example/sample:0.0.2", "web")


def told_all(deployment: Any) -> Any:
    told = [hook for hook in deployment["hooks"] if hook["stage"] == "ROLLBACK"]
    return told and "finishedAt" in told[0] and deployment
