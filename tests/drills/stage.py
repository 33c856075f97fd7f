"""What a drill is played on, what is counted meanwhile, and what must be true in the end."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tealmesh.model.errors import TealError
from tests.drills.results import Row
from tests.drills.writing import Writer
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.replicas import edge, replica
from tests.support.planes.sample import FINISHED, api, finished
from tests.support.planes.serving import ServePlane
from tests.support.programs.relay import Relay
from tests.support.programs.traffic import Traffic
from tests.support.waiting import until

RATE = 100.0
"""Requests per second, throughout."""

SETTINGS = """[adopted.sample.strategy]
steps = [10, 50, 100]
step_time = "1s"
bake_time = "500ms"
step_timeout = "120s"

[adopted.sample.gates]
min_requests = 20
"""

PATIENCE = 180.0
"""Seconds: machines that run tests may be busy."""

SLACK_SECONDS = 2.0
"""A request belongs to the moment at which it was due, and is counted by an Envoy when it ends, of
which the control plane hears a second later.
"""


class Drill:
    """Replicas of `teal serve` with one ``cloud``, a system of it that runs, and its load."""

    def __init__(
        self,
        directory: Path,
        row: Row,
        cloud: ControlPlane,
        databases: Sequence[str],
        options: Sequence[str] = (),
        look: str = "",
    ) -> None:
        """``databases``: the URL of each replica. ``options``: of each. ``look``: the URL by which
        the drill looks at what is committed, if it is not that of the first.
        """
        self.row = row
        self.cloud = cloud
        self.planes: list[ServePlane] = []
        for number, database in enumerate(databases):
            keys = self.planes[0].keys if self.planes else None
            url = database.replace("postgresql+psycopg://", "postgresql://", 1)
            plane = ServePlane(directory / f"replica{number}", cloud, url, keys=keys)
            plane.options = [*options, "--advertise", f"127.0.0.1:{plane.port}"]
            self.planes.append(plane)
        self.database = sa.create_engine(look or databases[0], pool_pre_ping=True)
        self.front = Relay(*(plane.xds_port for plane in self.planes))
        """What Envoys connect to: their connections go to one replica after the other."""
        self.article: Article
        self.load: Traffic
        self.writer: Writer
        self._directory = directory
        self._deployments: list[str] = []
        self._newest = ""

    def begin(self) -> None:
        """Start the replicas, the system, its load and the writer."""
        for plane in self.planes:
            plane.start()
        url = self._system()
        settings = self._directory / "adopted.toml"
        settings.write_text(SETTINGS)
        self.planes[0].teal("apply", "--config", str(settings))
        endpoints = [plane.endpoint for plane in self.planes]
        self.writer = Writer(endpoints, self.article.mesh, "edge", "counter")
        self.writer.start()
        self.load = Traffic((url, RATE))
        until(lambda: self.load.total.sent)
        seen = self.load.watch(1.0)
        assert set(seen.versions) == {"1"}, seen

    def deploy(
        self, image: str = "", plane: ServePlane | None = None, *, judged: bool = True
    ) -> None:
        """Begin a deployment of another version, by a replica. ``judged``: it must succeed."""
        asked = plane or self.planes[0]
        image = image or f"example/sample:0.0.{2 - len(self._deployments) % 2}"
        asked.teal("deploy", "sample", "--image", image, "--no-follow")
        self._newest = str(api(asked).get_deployment("sample")["deploymentId"])
        if judged:
            self._deployments.append(self._newest)

    def reaches(self, transition: str, times: int = 1) -> None:
        """Wait until the newest deployment has made a transition so many times, by what is
        committed.
        """
        until(
            lambda: self.transitions().count(transition) >= times,
            lambda: f"not {transition}, but {self.transitions()}\n{self.planes[0].log()}",
            PATIENCE,
            pause=0.02,
        )

    def transitions(self) -> list[str]:
        """Those of the newest deployment, in order."""
        query = sa.text("SELECT body FROM documents WHERE collection = 'teal.journal'")
        with self.database.connect() as connection:
            bodies = [json.loads(row.body) for row in connection.execute(query)]
        mine = [body for body in bodies if body["deployment"] == self._newest]
        return [body["transition"] for body in sorted(mine, key=lambda body: body["sequence"])]

    def finished(self, plane: ServePlane | None = None, seconds: float = PATIENCE) -> Any:
        """Wait until the newest deployment has ended, and has succeeded; returns it."""
        ended = finished(plane or self.planes[0], "sample", seconds)
        assert ended["status"] == "SUCCESSFUL", ended
        return ended

    def leader(self) -> ServePlane:
        """The replica that works on deployments, once there is one."""
        return until(self._leader, lambda: "nobody works on deployments", PATIENCE)

    def other(self, plane: ServePlane) -> ServePlane:
        """A replica besides one."""
        return next(each for each in self.planes if each is not plane)

    def envoys(self, plane: ServePlane) -> int:
        """How many Envoys are connected to a replica."""
        return self.front.connections_to(plane.xds_port)

    def nodes(self, plane: ServePlane) -> set[str]:
        """The names of the virtual nodes, as a replica answers."""
        client = plane.client("appmesh")
        pages = client.get_paginator("list_virtual_nodes").paginate(meshName=self.article.mesh)
        return {node["virtualNodeName"] for page in pages for node in page["virtualNodes"]}

    @contextlib.contextmanager
    def fault(self) -> Iterator[None]:
        """Something is wrong within the context. Its end is when time to recover begins: then this
        waits until something is written again and all Envoys run with all that is written. Of
        several faults the longest time counts.
        """
        yield
        since = time.monotonic()
        first = until(
            lambda: self.writer.first_since(since), lambda: str(self.writer.errors), PATIENCE
        )
        for plane in self._there():
            until_converged(plane, self.article.mesh)
        row, converged = self.row, time.monotonic() - since
        row.first_write = round(max(row.first_write or 0.0, first - since), 2)
        row.converged = round(max(row.converged or 0.0, converged), 2)

    def note(self, text: str) -> None:
        """Something that its row of the table says besides."""
        self.row.notes.append(text)

    def end(self) -> None:
        """Stop what counts, and count. Raises AssertionError if anything was lost."""
        assert self.row.converged is not None, "a drill has a fault"
        self.load.watch(2.0)
        self.writer.stop()
        total = self.load.stop()
        for plane in self.planes:
            if plane not in self._there():
                plane.start()
            until_converged(plane, self.article.mesh)
        lost = self.writer.lost(self.database)
        row = self.row
        row.requests, row.lost = total.sent, sum(total.failures.values())
        row.writes, row.lost_writes = self.writer.writes, len(lost)
        row.refused = sum(self.writer.errors.values())
        judged = [wrong for each in self._deployments for wrong in self._judged(each)]
        row.deployments = len(self._deployments)
        assert not total.failures, total.failures
        assert not lost, lost
        assert not judged, judged

    def close(self) -> None:
        """End everything, in any state."""
        with contextlib.ExitStack() as ending:
            ending.callback(self.database.dispose)
            ending.callback(self.front.close)
            for plane in self.planes:
                ending.callback(plane.down)
            if hasattr(self, "load") and self.load.running:
                ending.callback(self.load.stop)
            if hasattr(self, "writer"):
                ending.callback(self.writer.abandon)

    def _system(self) -> str:
        """Blue, which serves, and a gateway, whose URL is returned."""
        plane = self.planes[0]
        self.article = Article(
            plane.client("appmesh"),
            plane.cloud.client("ecs"),
            plane.cloud.client("servicediscovery"),
            iam=plane.cloud.client("iam"),
            xds=f"127.0.0.1:{self.front.port}",
            # The application shares this machine with all of them.
            patience=10,
        )
        article = self.article
        article.foundation()
        article.start_side("blue")
        article.create_route(blue=1)
        return edge(article)

    def _leader(self) -> ServePlane | None:
        with self.database.connect() as connection:
            query = sa.text("SELECT holder FROM leases WHERE name = 'rollouts'")
            holder = connection.execute(query).scalar()
        return next((plane for plane in self.planes if replica(plane) == holder), None)

    def _there(self) -> list[ServePlane]:
        """The replicas that run."""
        return [p for p in self.planes if p.process is not None and p.process.poll() is None]

    def _judged(self, deployment: str) -> list[str]:
        """What is wrong with the judgement of a deployment of a version that is good: that it went
        back, that a step passed without its data, or by more requests than were sent.
        """
        found = api(self.planes[0]).get_deployment("sample", deployment)
        wrong = []
        if found["status"] in FINISHED and found["status"] != "SUCCESSFUL":
            wrong.append(f"it ended {found['status']}: {found.get('reason')}")
        for step in found.get("evidence", []):
            at = f"step {step['step']} of {deployment}"
            for verdict in step.get("verdicts", []):
                # Before the last step a comparison may still be open (docs/gates.md).
                if verdict["verdict"] in ("FAIL", "UNKNOWN") and "finishedAt" in step:
                    wrong.append(f"{at} was left with {verdict}")
            if "finishedAt" not in step or "startedAt" not in step:
                continue
            sent = self.load.between(
                step["startedAt"] - SLACK_SECONDS, step["finishedAt"] + SLACK_SECONDS
            ).sent
            if step.get("totalRequests", 0) > sent:
                wrong.append(f"{at} was judged by {step['totalRequests']}, {sent} were sent")
        return wrong


def until_converged(plane: ControlPlane, mesh: str) -> None:
    """Wait until all Envoys run with all that a control plane knows."""

    def converged() -> bool:
        with contextlib.suppress(TealError):
            return bool(api(plane).get_convergence(mesh, None, 2)["converged"])
        return False

    until(converged, lambda: f"not converged\n{plane.log()}", PATIENCE)
