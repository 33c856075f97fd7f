"""Two real `teal serve` on one PostgreSQL, and what is in front of their ports."""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from tests.support.machine import free_port
from tests.support.meshes.article import Article
from tests.support.planes.control_plane import ControlPlane
from tests.support.planes.serving import ServePlane
from tests.support.programs.relay import Relay
from tests.support.waiting import until

NAMES = ("one", "two")


class Replicas:
    """Control planes with the keys of the first one, in ``directory``. ``front`` gives Envoys'
    connections to those that live, in turn, and ``api`` callers', as load balancers do.
    """

    def __init__(
        self,
        directory: Path,
        cloud: ControlPlane,
        database: str,
        options: Sequence[str] = (),
        names: Sequence[str] = NAMES,
    ) -> None:
        self.cloud = cloud
        self.database = sa.create_engine(database)
        url = database.replace("postgresql+psycopg", "postgresql")
        self.planes: list[ServePlane] = []
        for name in names:
            keys = self.planes[0].keys if self.planes else None
            plane = ServePlane(directory / name, cloud, url, keys=keys)
            plane.options = ["--advertise", f"127.0.0.1:{plane.port}", *options]
            self.planes.append(plane)
        self.front = Relay(*(plane.xds_port for plane in self.planes))
        self.api = Relay(*(plane.port for plane in self.planes))

    def start(self) -> None:
        for plane in self.planes:
            plane.start()

    def close(self) -> None:
        """Stop them; tasks of the cloud go on."""
        for plane in self.planes:
            plane.down()
        self.front.close()
        self.api.close()
        self.database.dispose()

    def lease(self) -> tuple[str, int]:
        """The replica that works on deployments, empty while none does, and its fencing number."""
        with self.database.connect() as connection:
            query = sa.text("SELECT holder, number FROM leases WHERE name = 'rollouts'")
            row = connection.execute(query).first()
        return (row.holder, row.number) if row is not None else ("", 0)

    def leader(self) -> ServePlane | None:
        """The one that works on deployments; None while none does."""
        holder, _ = self.lease()
        return next((plane for plane in self.planes if replica(plane) == holder), None)

    def has_been(self, deployments: int, state: str) -> bool:
        """Whether so many deployments have been in a state, by what is committed."""
        with self.database.connect() as connection:
            query = "SELECT body FROM documents WHERE collection = 'teal.journal'"
            bodies = [json.loads(row.body) for row in connection.execute(sa.text(query))]
        return [body["transition"] for body in bodies].count(state) >= deployments

    def other(self, plane: ServePlane) -> ServePlane:
        return next(each for each in self.planes if each is not plane)

    def article(self) -> Article:
        """The system of App Mesh users with its blue side and a route; its Envoys come to any
        replica.
        """
        article = Article(
            self.planes[0].client("appmesh"),
            self.cloud.client("ecs"),
            self.cloud.client("servicediscovery"),
            iam=self.cloud.client("iam"),
            xds=f"127.0.0.1:{self.front.port}",
            # The application shares this machine with all of them.
            patience=10,
        )
        article.foundation()
        article.start_side("blue")
        article.create_route(blue=1)
        return article


def edge(article: Article) -> str:
    """Put a gateway in front of ``article``, and wait until all answers; the gateway's URL."""
    # Its Envoy finds the side healthy at its first check, so that none of its requests fails.
    _await_stable(article, article.ecs_service("blue"))
    port = free_port()
    article.gateway(port, "127.0.0.1")
    _await_stable(article, "edge")
    url = f"http://127.0.0.1:{port}/"
    # ECS counts a task as running before callers elsewhere have discovered it.
    until(lambda: answers(url), pause=1)
    return url


def _await_stable(article: Article, service: str) -> None:
    article.ecs.get_waiter("services_stable").wait(
        cluster=article.cluster,
        services=[service],
        WaiterConfig={"Delay": 1, "MaxAttempts": 180},
    )


def answers(url: str) -> bool:
    """Whether a GET is answered 200."""
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def replica(plane: ServePlane) -> str:
    """A replica's id; empty while it does not answer."""
    try:
        with urllib.request.urlopen(f"{plane.endpoint}/_teal/health", timeout=5) as answer:
            return str(json.load(answer)["replica"])
    except OSError:
        return ""


@contextlib.contextmanager
def replicas(
    directory: Path, cloud: ControlPlane, database: str, options: Sequence[str] = ()
) -> Iterator[Replicas]:
    """Two replicas until the end of the block."""
    made = Replicas(directory, cloud, database, options)
    try:
        made.start()
        yield made
    finally:
        made.close()
