"""The policies of a task's role decide whether its Envoy gets the configuration of its node."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from tealmesh.aws.callers.policies import Document
from tealmesh.model.errors import EnvoyForbidden
from tealmesh.model.identity.envoys import SCHEME
from tests.security.world import NODES, WEB, World, attack, until

PERMISSION_DENIED = grpc.StatusCode.PERMISSION_DENIED
ROLE = "arn:aws:iam::123456789012:role/task"
ACTION = "appmesh:StreamAggregatedResources"
WEB_NODE = f"arn:aws:appmesh:us-east-1:123456789012:{NODES[WEB]}"


def policy(effect: str, resource: Any, action: Any = ACTION, **more: Any) -> Document:
    statement: Any = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return {"Statement": [statement]}


ALLOWED: list[list[Document]] = [
    [policy("Allow", WEB_NODE)],
    [policy("Allow", "*", "appmesh:*")],
    [policy("Allow", ["arn:aws:appmesh:*:*:mesh/m/virtualNode/other", WEB_NODE], ["x:y", ACTION])],
    [policy("Allow", "arn:aws:appmesh:*:123456789012:mesh/m/virtualNode/w*", "appmesh:Stream*")],
]
_ITS_ROLE = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/t*"}}
ALLOWED += [
    [policy("Allow", WEB_NODE, Condition=_ITS_ROLE)],
    [policy("Allow", "*"), policy("Deny", "*", Condition={"Bool": {"aws:ViaAWSService": "true"}})],
]
REFUSED: list[list[Document]] = [
    [],
    [policy("Allow", WEB_NODE.replace("/web", "/shop"))],
    [policy("Allow", WEB_NODE, "appmesh:DescribeVirtualNode")],
    [policy("Allow", "arn:aws:appmesh:eu-west-1:*:mesh/m/virtualNode/*")],
    [policy("Allow", WEB_NODE, Condition={"Bool": {"aws:SecureTransport": "true"}})],
    [policy("Allow", "*"), policy("Deny", WEB_NODE)],
    [policy("Allow", "*"), policy("Deny", WEB_NODE, Condition={"Bool": {"x": "true"}})],
]


async def read_all(call: Any) -> None:
    """Until the stream ends."""
    while await call.read() is not grpc.aio.EOF:
        pass


@pytest.mark.parametrize("documents", ALLOWED)
def test_what_allows_it(tmp_path: Path, documents: list[Document]) -> None:
    async def scenario(world: World) -> None:
        world.roles[ROLE] = documents
        await world.put(WEB, role=ROLE)
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), NODES[WEB])
            await until(lambda: any(one.connected for one in world.seen()))
            call.cancel()

    attack(tmp_path, scenario)


@pytest.mark.parametrize("documents", REFUSED)
def test_a_node_that_the_policy_does_not_name(tmp_path: Path, documents: list[Document]) -> None:
    async def scenario(world: World) -> None:
        world.roles[ROLE] = documents
        await world.put(WEB, role=ROLE)
        code, why = await world.refused(world.token_of(WEB), NODES[WEB])
        assert code is PERMISSION_DENIED
        assert why.startswith(f"{ROLE} may not {ACTION} on {WEB_NODE}: ")
        (seen,) = world.seen()
        assert (seen.id, seen.connected, seen.note) == (WEB, False, f"refused: {why}")
        assert world.told == [("fails", f"the Envoy of {WEB}", why)]
        assert world.admission.barred(WEB) == why
        # While it sends, it is waited for; when it drains, nobody waits.
        assert not world.admission.cut_off(WEB)
        await world.put(WEB, role=ROLE, phase="DRAIN")
        assert world.admission.cut_off(WEB)
        # What it counts is still its own: it goes on sending with what it has.
        assert await world.report(world.token_of(WEB), NODES[WEB]) is grpc.StatusCode.OK

    attack(tmp_path, scenario)


@pytest.mark.parametrize("documents", [ALLOWED[0], REFUSED[0]], ids=["allowed", "refused"])
def test_what_was_asked_counts_for_who_comes_next(
    tmp_path: Path, documents: list[Document]
) -> None:
    async def scenario(world: World) -> None:
        world.roles[ROLE] = documents
        await world.put(WEB, role=ROLE)

        def at_once() -> str | None:
            given = f"{SCHEME}{world.token_of(WEB)}"
            return world.admission.admit_at_once(given, NODES[WEB], "")

        assert at_once() is None
        assert world.asked == 0
        why = await world.admission.permissions.why_not(ROLE, NODES[WEB])
        asked = world.asked
        if why:
            for _ in range(2):
                assert await world.refused(world.token_of(WEB), NODES[WEB]) == (
                    PERMISSION_DENIED,
                    why,
                )
            with pytest.raises(EnvoyForbidden):
                at_once()
            assert world.told == [("fails", f"the Envoy of {WEB}", why)]
        else:
            assert at_once() == WEB
        assert world.asked == asked
        world.admission.permissions.forget()
        assert at_once() is None

    attack(tmp_path, scenario)


@pytest.mark.parametrize("bounded", ["*", WEB_NODE, f"{WEB_NODE}-green"])
def test_a_permissions_boundary(tmp_path: Path, bounded: str) -> None:
    async def scenario(world: World) -> None:
        world.roles[ROLE] = [policy("Allow", WEB_NODE)]
        world.boundaries[ROLE] = policy("Allow", bounded)
        why = await world.admission.permissions.why_not(ROLE, NODES[WEB])
        refused = "the permissions boundary does not allow it" in why
        assert refused == bounded.endswith("-green")
        assert bool(why) == refused

    attack(tmp_path, scenario)


def test_a_permission_that_goes_ends_the_stream_and_one_that_comes_counts_at_once(
    tmp_path: Path,
) -> None:
    async def scenario(world: World) -> None:
        world.roles[ROLE] = [policy("Allow", WEB_NODE)]
        await world.put(WEB, role=ROLE)
        permissions = world.admission.permissions
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), NODES[WEB])
            await until(lambda: any(one.connected for one in world.seen()))
            world.roles[ROLE] = []
            permissions.forget()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await asyncio.wait_for(read_all(call), 20)
            assert ended.value.code() is PERMISSION_DENIED
            assert world.cache.envoys("m") == []  # nobody waits for it
            assert "no policy of the role allows it" in world.seen()[0].note
            world.roles[ROLE] = [policy("Allow", WEB_NODE)]
            permissions.forget()
            again = await world.connect(channel, world.token_of(WEB), NODES[WEB])
            await until(lambda: any(one.connected for one in world.seen()))
            assert [how for how, *_ in world.told] == ["fails", "works"]
            assert not world.admission.barred(WEB)
            again.cancel()

    attack(tmp_path, scenario)


def test_a_role_that_is_deleted_and_one_that_never_was(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.put(WEB, role=ROLE)
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), NODES[WEB])
            await until(lambda: any(one.connected for one in world.seen()))
            (seen,) = world.seen()
            assert seen.note == f"IAM does not know its role {ROLE}: what it may is not asked"
            call.cancel()
        world.roles[ROLE] = [policy("Allow", "*")]
        world.admission.permissions.forget()
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), NODES[WEB])
            await until(lambda: [one.note for one in world.seen() if one.connected] == [""])
            call.cancel()
        del world.roles[ROLE]
        world.admission.permissions.forget()
        code, why = await world.refused(world.token_of(WEB), NODES[WEB])
        assert (code, why) == (
            PERMISSION_DENIED,
            f"{ROLE}, the role of its task, has been deleted",
        )

    attack(tmp_path, scenario)


def test_an_iam_that_does_not_answer_lets_nobody_in_and_throws_nobody_out(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        world.away = True
        await world.put(WEB, role=ROLE)
        code, why = await world.refused(world.token_of(WEB), NODES[WEB])
        assert code is grpc.StatusCode.UNAVAILABLE
        assert why.startswith(f"IAM cannot be asked whether {ROLE} may {ACTION} on {NODES[WEB]}: ")
        assert not world.admission.barred(WEB)  # it is still waited for
        world.away, world.roles[ROLE] = False, [policy("Allow", "*")]
        async with world.channel() as channel:
            call = await world.connect(channel, world.token_of(WEB), NODES[WEB])
            await until(lambda: any(one.connected for one in world.seen()))
            world.away, before = True, world.asked
            world.admission.permissions.forget()
            await until(lambda: world.asked > before)
            await asyncio.sleep(0)
            assert any(one.connected for one in world.seen())
            call.cancel()

    attack(tmp_path, scenario)
