"""Under earlier versions all Envoys had one token. What still runs with it goes on; nobody else
gets anywhere with it, and it ends with the last of them.
"""

from __future__ import annotations

import stat
from pathlib import Path

import grpc

from tealmesh.app.host import FORMER_TOKEN, OWNER_TOKEN, forget_former, keys
from tealmesh.model.identity.rings import MASTER_KEY
from tests.security.world import NODES, SHOP, WEB, World, attack, until

FORMER = "the token that all had"


def test_only_a_task_of_that_time_is_let_in_and_only_as_itself(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        await world.put(WEB, keyed=False)
        for declared, node, code in (
            (SHOP, NODES[SHOP], grpc.StatusCode.UNAUTHENTICATED),
            ("", NODES[WEB], grpc.StatusCode.UNAUTHENTICATED),
            ("invented", NODES[WEB], grpc.StatusCode.UNAUTHENTICATED),
            (WEB, NODES[SHOP], grpc.StatusCode.PERMISSION_DENIED),
        ):
            assert (await world.refused(FORMER, node, declared))[0] is code
        async with world.channel() as channel:
            call = await world.connect(channel, FORMER, NODES[WEB], WEB)
            await until(lambda: any(one.connected for one in world.seen()))
            call.cancel()

    attack(tmp_path, scenario, FORMER)


def test_a_data_directory_of_that_time_goes_on(tmp_path: Path) -> None:
    (tmp_path / OWNER_TOKEN).write_text(FORMER)
    first = keys(tmp_path)
    assert first.former == FORMER
    assert FORMER not in (first.owners[0], (tmp_path / MASTER_KEY).read_text())
    again = keys(tmp_path)
    assert (again.id, again.owners[0], again.former) == (first.id, first.owners[0], FORMER)
    assert stat.S_IMODE((tmp_path / MASTER_KEY).stat().st_mode) == 0o600
    forget_former(tmp_path)
    assert keys(tmp_path).former == ""
    assert keys(tmp_path).envoys == first.envoys


def test_an_interrupted_migration_is_repeated(tmp_path: Path) -> None:
    (tmp_path / FORMER_TOKEN).write_text(FORMER)
    assert keys(tmp_path).former == FORMER


def test_a_new_data_directory_has_no_such_token(tmp_path: Path) -> None:
    made = keys(tmp_path)
    assert made.former == ""
    secrets = {*made.envoys, *made.owned, *made.credentials, made.owners[0].encode()}
    assert len(secrets) == 4
    assert not any(repr(secret) in repr(made) for secret in secrets)
