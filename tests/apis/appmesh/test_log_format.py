"""Access log formats: we accept what a real Envoy accepts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tealmesh.apis.appmesh.log_format import log_format_problem
from tests.support.programs.envoy import ENVOY

TAKEN = (
    "plain", "100 %%", "%START_TIME%", "%START_TIME(%s.%3f)%", "%REQ(:METHOD)%",
    "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):20% %PROTOCOL%", "%RESPONSE_CODE_DETAILS%",
    "%DYNAMIC_METADATA(a:b)%", "%DURATION% %UPSTREAM_HOST% %BYTES_SENT%",
)  # fmt: skip
REFUSED = (
    "100 %", "%FOO%", "%REQ%", "%REQ()%", "%REQ(a b)%", "%REQ(a?b?c)%", "%DURATION(x)%",
    "%DURATION:3%", "%DYNAMIC_METADATA()%", "%duration%",
)  # fmt: skip


@pytest.mark.parametrize("text", TAKEN)
def test_taken(text: str, tmp_path: Path) -> None:
    assert log_format_problem(text) is None
    assert _envoy_takes(text, tmp_path)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str, tmp_path: Path) -> None:
    assert log_format_problem(text) is not None
    assert not _envoy_takes(text, tmp_path)


def _envoy_takes(text: str, directory: Path) -> bool:
    types = "type.googleapis.com/envoy.extensions"
    log = {
        "@type": f"{types}.access_loggers.file.v3.FileAccessLog",
        "path": "/dev/null",
        "log_format": {"text_format_source": {"inline_string": text}},
    }
    proxy = {
        "@type": f"{types}.filters.network.tcp_proxy.v3.TcpProxy",
        "stat_prefix": "x",
        "cluster": "c",
        "access_log": [{"name": "log", "typed_config": log}],
    }
    listener = {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "tcp", "typed_config": proxy}]}],
    }
    path = directory / "envoy.json"
    path.write_text(
        json.dumps({"static_resources": {"listeners": [listener], "clusters": [{"name": "c"}]}})
    )
    done = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", str(path), "-l", "off"],
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
