"""A real Prometheus that scrapes one control plane's OpenMetrics page.

`needs_prometheus` marks tests that need it; without it they are skipped, and the report says so.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.waiting import until

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None,
    reason="NO PROMETHEUS: install it (Debian: apt-get install prometheus)",
)

_CONFIG = """
global:
  scrape_interval: 250ms
scrape_configs:
  - job_name: tealmesh
    metrics_path: /_teal/metrics
    static_configs:
      - targets: ["{target}"]
"""


@contextmanager
def prometheus(directory: Path, port: int, endpoint: str) -> Iterator[str]:
    """Its URL, once it has scraped the page of the control plane at ``endpoint``. What it has
    stored in ``directory`` stays for the next one.
    """
    directory.mkdir(exist_ok=True)
    config = directory / "prometheus.yml"
    config.write_text(_CONFIG.format(target=endpoint.removeprefix("http://")))
    url = f"http://127.0.0.1:{port}"
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: _up(url))
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _up(url: str) -> bool:
    """Whether it has scraped the page with success."""
    try:
        answer = httpx.get(f"{url}/api/v1/query", params={"query": "up"}, trust_env=False)
        return [one["value"][1] for one in answer.json()["data"]["result"]] == ["1"]
    except (httpx.HTTPError, ValueError):
        return False
