"""Envoys that prove by STS which role they have: task A as node B, another node, an hour later."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest

from tealmesh.app.envoys.admission import task_of_session
from tealmesh.app.envoys.role_identity import AGAIN_SECONDS, RoleIdentities
from tealmesh.aws.callers.policies import Document
from tealmesh.aws.callers.proofs import Proofs
from tealmesh.aws.callers.roles import Role
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.errors import EnvoyForbidden, EnvoyUnknown, EnvoyUnverified
from tests.security.world import NODES, SHOP, WEB, World, attack, until
from tests.support.identity.sts import Session, Sts, reply, sts

PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
OURS = "teal-0123"
ROLE = "arn:aws:iam::123456789012:role/task"
WEB_NODE: Document = {
    "Statement": {
        "Effect": "Allow",
        "Action": "appmesh:StreamAggregatedResources",
        "Resource": f"arn:aws:appmesh:us-east-1:123456789012:{NODES[WEB]}",
    }
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sts]:
    with sts(tmp_path_factory.mktemp("sts")) as double:
        yield double


@pytest.fixture
def double(running: Sts) -> Iterator[Sts]:
    yield running
    running.instead = None


def knowing(world: World, double: Sts, session: Session, now: float | None = None) -> None:
    """Let it ask this STS, and an IAM that has the role of the session."""
    world.roles[ROLE] = [WEB_NODE]

    async def find(role: str) -> Role | None:
        return Role(ROLE, session.unique_id, world.roles[ROLE]) if role == ROLE else None

    async def find_task(role: str, session: str) -> tuple[str, str] | None:
        return task_of_session(world.store, role, session)

    world.admission.roles = RoleIdentities(
        Proofs(OURS, system_clock, steady_clock, double.endpoint, double.context),
        find,
        find_task,
        steady_clock if now is None else lambda: now,
    )


def test_it_may_be_what_its_role_may(tmp_path: Path, double: Sts) -> None:
    session = double.assume("task", "laptop")

    async def scenario(world: World) -> None:
        knowing(world, double, session)
        given = double.token(session, OURS)
        async with world.channel() as channel:
            call = await world.connect(channel, given, NODES[WEB])
            await until(lambda: any(one.connected for one in world.seen()))
            assert [one.id for one in world.seen()] == ["task/laptop"]
            call.cancel()
        assert await world.report(given, NODES[WEB]) is grpc.StatusCode.OK
        for node in (NODES[SHOP], "loadbalancer/edge"):
            assert (await world.refused(given, node))[0] is PERMISSION_DENIED
            # Neither does it count for another.
            assert await world.report(given, node) is PERMISSION_DENIED

    attack(tmp_path, scenario)


def test_task_a_as_node_b(tmp_path: Path, double: Sts) -> None:
    """The session is the task: it is that one, whatever else its role may."""
    session = double.assume("task", "shop-1")

    async def scenario(world: World) -> None:
        knowing(world, double, session)
        await world.put(SHOP, role=ROLE)
        code, why = await world.refused(double.token(session, OURS), NODES[WEB], WEB)
        assert code is PERMISSION_DENIED
        assert f"this Envoy belongs to {SHOP}" in why
        # A session of that name is no task of another role.
        await world.put(SHOP, role=f"{ROLE}-of-others")
        async with world.channel() as channel:
            call = await world.connect(channel, double.token(session, OURS), NODES[WEB])
            await until(lambda: any(one.connected for one in world.seen()))
            assert "task/shop-1" in [one.id for one in world.seen()]
            call.cancel()

    attack(tmp_path, scenario)


def test_a_role_deleted_and_made_anew(tmp_path: Path, double: Sts) -> None:
    before, after = double.assume("task", "laptop"), double.assume("task", "laptop", made=2)

    async def scenario(world: World) -> None:
        knowing(world, double, after)
        code, why = await world.refused(double.token(before, OURS), NODES[WEB])
        assert code is PERMISSION_DENIED
        assert "was deleted and created again" in why
        assert [one.note for one in world.seen()] == [f"refused: {why}"]

    attack(tmp_path, scenario)


def test_of_another_audience_and_sts_away(tmp_path: Path, double: Sts) -> None:
    session = double.assume("task", "laptop")

    async def scenario(world: World) -> None:
        knowing(world, double, session)
        code, _ = await world.refused(double.token(session, "teal-of-others"), NODES[WEB])
        assert code is grpc.StatusCode.UNAUTHENTICATED
        double.instead = lambda to: reply(to, 503, "")
        code, why = await world.refused(double.token(session, OURS), NODES[WEB])
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "STS answered 503" in why

    attack(tmp_path, scenario)


def test_after_an_hour_it_proves_itself_again(tmp_path: Path, double: Sts) -> None:
    session = double.assume("task", "laptop")

    async def scenario(world: World) -> None:
        now = 10_000.0
        knowing(world, double, session, now)
        given = f"Bearer {double.token(session, OURS)}"
        admit = partial(world.admission.admit, given, NODES[WEB], "")
        assert await admit() == "task/laptop"
        # Its token expires meanwhile, and STS is not asked about a stream that goes on.
        double.instead = lambda to: reply(to, 503, "")
        assert await admit(now - AGAIN_SECONDS) == "task/laptop"
        with pytest.raises(EnvoyUnknown, match="prove again"):
            await admit(now - AGAIN_SECONDS - 1)
        # What IAM says counts at once.
        world.roles[ROLE] = []
        world.admission.permissions.forget()
        with pytest.raises(EnvoyForbidden, match="no policy of the role allows it"):
            await admit(now)
        other = double.token(session, OURS, seconds=600)
        with pytest.raises(EnvoyUnverified):
            await world.admission.admit(f"Bearer {other}", NODES[WEB], "")

    attack(tmp_path, scenario)


def test_forged_tokens_are_refused_without_asking(tmp_path: Path, double: Sts) -> None:
    session = double.assume("task", "laptop")

    async def scenario(world: World) -> None:
        knowing(world, double, session)
        asked = len(double.asked)
        for given in ("teal-sts1.", "teal-sts1.aHR0cHM6Ly9ldmlsLmNvbS8_"):
            assert not world.admission.known(f"Bearer {given}")
            with pytest.raises(EnvoyUnknown):
                await world.admission.admit(f"Bearer {given}", NODES[WEB], "")
        assert len(double.asked) == asked

    attack(tmp_path, scenario)
