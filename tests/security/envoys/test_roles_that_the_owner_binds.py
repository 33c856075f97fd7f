"""Where ``envoys.json`` has roles, nothing else says what an Envoy may be."""

from __future__ import annotations

from pathlib import Path

import grpc

from tealmesh.model.identity.bindings import Bindings, RoleLine
from tests.security.world import NODES, SHOP, WEB, World, attack

ROLE = "arn:aws:iam::123456789012:role/task"
EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}


async def refused(world: World) -> str:
    code, why = await world.refused(world.token_of(WEB), NODES[WEB])
    assert code is grpc.StatusCode.PERMISSION_DENIED
    return why


async def let_in(world: World) -> None:
    async with world.channel() as channel:
        call = await world.connect(channel, world.token_of(WEB), NODES[WEB])
        call.cancel()


def test_a_role_may_be_what_its_line_says_whatever_its_policies_say(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.put(WEB, role=ROLE)
        world.roles[ROLE] = [EVERYTHING]
        await let_in(world)
        world.bindings = Bindings(roles={f"{ROLE}-other": RoleLine((NODES[WEB],))})
        assert "envoys.json has no line for the role" in await refused(world)
        world.bindings = Bindings(roles={ROLE: RoleLine((NODES[SHOP],))})
        assert f"envoys.json binds it to {NODES[SHOP]}" in await refused(world)
        world.roles.clear()
        world.bindings = Bindings(roles={ROLE: RoleLine((NODES[SHOP], "mesh/m/virtualNode/w*"))})
        await let_in(world)

    attack(tmp_path, scenario)


def test_one_that_was_made_anew_is_not_the_one_that_was_bound_by_its_id(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.put(WEB, role=ROLE)
        world.roles[ROLE] = []
        world.bindings = Bindings(roles={ROLE: RoleLine((NODES[WEB],), "AROA1")})
        await let_in(world)
        world.bindings = Bindings(roles={ROLE: RoleLine((NODES[WEB],), "AROA0")})
        assert "deleted and created again: it is AROA1" in await refused(world)
        del world.roles[ROLE]
        world.bindings = Bindings(roles={ROLE: RoleLine((NODES[WEB],), "AROA1")})
        assert "IAM does not know the role" in await refused(world)

    attack(tmp_path, scenario)
