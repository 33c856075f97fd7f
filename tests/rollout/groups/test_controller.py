"""Group deployments with a store, a controller and a member that others made."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from tealmesh.model.config.strategies import Gates
from tealmesh.model.errors import AwsError
from tealmesh.model.extensions import RouterExtension
from tealmesh.model.rollout import GroupDeployment, GroupState, JournalEntry, State
from tealmesh.rollout.controller import Controller
from tealmesh.store import Store, tables
from tests.rollout.groups.shop import SAMPLE, WEB, Shop, ended, play, quick

NEW = {WEB: "web:2", SAMPLE: "sample:2"}


def test_both_succeed_and_what_is_called_takes_weight_first(tmp_path: Path) -> None:
    async def scenario(shop: Shop, store: Store, controller: Controller) -> GroupDeployment:
        await controller.groups.deploy("ann", "shop", NEW, "token")
        again = await controller.groups.deploy("ann", "shop", NEW, "token")
        assert again.number == 1
        return await ended(store, controller)

    shop = Shop(tmp_path)
    g = play(shop, scenario)
    assert (g.state, g.reason) == (GroupState.SUCCEEDED, "")
    assert shop.images() == NEW
    shifts = [(name, w) for name, w in shop.order if w.get("green" if name == WEB else "blue")]
    assert [name for name, _ in shifts] == [SAMPLE] * 3 + [WEB] * 3
    assert not shop.worlds[WEB].lost
    assert not shop.worlds[SAMPLE].lost
    assert [entry.transition for entry in g.journal] == [
        "PREPARING", "SHIFTING", "FINISHING", "SUCCEEDED",
    ]  # fmt: skip


def test_a_bad_caller_takes_back_what_it_calls_and_nothing_was_stopped_before(
    tmp_path: Path,
) -> None:
    async def scenario(shop: Shop, store: Store, controller: Controller) -> GroupDeployment:
        shop.worlds[WEB].failure_rates = {"web:2": 0.5}
        await controller.groups.deploy("ann", "shop", NEW)
        return await ended(store, controller)

    shop = Shop(tmp_path)
    g = play(shop, scenario)
    assert g.state is GroupState.ROLLED_BACK
    assert g.reason.startswith("web: success-rate")
    assert shop.images() == {WEB: "web:1", SAMPLE: "sample:1"}
    assert not shop.worlds[WEB].lost
    assert not shop.worlds[SAMPLE].lost
    back = [n for n, w in shop.order[-2:]]
    assert back == [WEB, SAMPLE]
    assert ("stop_side", "green") not in shop.worlds[SAMPLE].calls


def test_one_preview_value_reaches_all_new_sides(tmp_path: Path) -> None:
    """The new sides are web's green and sample's blue."""

    async def scenario(
        shop: Shop, store: Store, controller: Controller
    ) -> dict[str, RouterExtension]:
        await controller.groups.deploy("ann", "shop", NEW)
        await controller.groups.pause("ann", "shop")
        async for view in store.watch():
            stored = [
                RouterExtension.from_json(d.body) for d in view.list(tables.ROUTER_EXTENSIONS)
            ]
            if len(found := {one.service: one for one in stored if one.preview}) == 2:
                break
        await controller.groups.abort("ann", "shop")
        await ended(store, controller)
        return found

    found = play(Shop(tmp_path), scenario)
    assert (found[WEB].side, set(found[WEB].called)) == ("green", {"shop", "blue"})
    assert (found[SAMPLE].side, set(found[SAMPLE].called)) == ("blue", {"shop", "green"})


def test_what_stands_against_one_member_refuses_the_group_and_nothing_changes(
    tmp_path: Path,
) -> None:
    async def scenario(shop: Shop, store: Store, controller: Controller) -> None:
        groups = controller.groups
        with pytest.raises(AwsError, match="'cart' must be a service of group shop"):
            await groups.deploy("ann", "shop", {"cart": "cart:2"})
        with pytest.raises(AwsError, match="group 'shup'"):
            await groups.deploy("ann", "shup", NEW)
        await controller.lock("bob", SAMPLE, "because")
        with pytest.raises(AwsError, match=r"sample is locked .* by bob"):
            await groups.deploy("ann", "shop", NEW)
        await controller.unlock("bob", SAMPLE)
        await controller.deploy("bob", WEB, "web:3")
        with pytest.raises(AwsError, match="a deployment of web to web:3 is running"):
            await groups.deploy("ann", "shop", NEW)
        assert groups.history("shop") == []
        assert store.view.list(tables.DEPLOYMENTS, SAMPLE) == []
        with pytest.raises(AwsError, match="no deployment of group shop is running"):
            await groups.abort("ann", "shop")

    play(Shop(tmp_path), scenario)


def test_while_a_group_runs_its_members_are_refused_and_named(tmp_path: Path) -> None:
    async def scenario(shop: Shop, store: Store, controller: Controller) -> GroupDeployment:
        await controller.groups.deploy("ann", "shop", NEW)
        for instead in (False, True):
            with pytest.raises(AwsError, match=r"with group shop: .*`teal abort --group shop`"):
                await controller.deploy("bob", WEB, "web:3", None, "", instead)
        with pytest.raises(AwsError, match="a deployment of group shop is running"):
            await controller.groups.deploy("bob", "shop", NEW)
        await controller.abort("bob", SAMPLE)
        return await ended(store, controller)

    g = play(Shop(tmp_path), scenario)
    assert (g.state, g.reason) == (GroupState.ROLLED_BACK, "sample: aborted by bob")


def test_approvals_pauses_and_promotion_of_the_group(tmp_path: Path) -> None:
    long = quick(step_time=1e6, bake_time=1e6)

    async def scenario(shop: Shop, store: Store, controller: Controller) -> GroupDeployment:
        groups = controller.groups
        await groups.deploy("ann", "shop", NEW)
        with pytest.raises(AwsError, match="is not paused"):
            await groups.resume("ann", "shop")
        await until_state(controller, WEB, State.AWAITING_APPROVAL)
        await groups.approve("ann", "shop")
        with pytest.raises(AwsError, match="needs approval"):
            await groups.approve("ann", "shop")
        await until_state(controller, SAMPLE, State.MEASURING)
        assert controller.running(WEB).state is State.VERIFYING  # type: ignore[union-attr]
        await groups.pause("ann", "shop")
        await groups.promote("ann", "shop", full=True)
        sample = controller.running(SAMPLE)
        assert sample is not None
        assert sample.weights == {"green": 90, "blue": 10}
        await groups.resume("ann", "shop")
        return await ended(store, controller)

    shop = Shop(tmp_path, long, Gates(approval=True))
    g = play(shop, scenario)
    assert g.state is GroupState.SUCCEEDED
    assert {"PAUSED", "UNPAUSED"} <= {entry.transition for entry in g.journal}


def test_a_group_goes_back_callers_first_and_only_once(tmp_path: Path) -> None:
    async def scenario(shop: Shop, store: Store, controller: Controller) -> str:
        groups = controller.groups
        with pytest.raises(AwsError, match="has not been deployed yet"):
            await groups.rollback("ann", "shop")
        await groups.deploy("ann", "shop", NEW)
        await ended(store, controller)
        shop.order.clear()
        back, message = await groups.rollback("ann", "shop")
        assert (back.kind, message) == ("ROLLBACK", "")
        g = await ended(store, controller)
        assert g.state is GroupState.SUCCEEDED
        _, message = await groups.rollback("ann", "shop")
        return message

    shop = Shop(tmp_path)
    assert play(shop, scenario) == "group shop is already back"
    assert shop.images() == {WEB: "web:1", SAMPLE: "sample:1"}
    full = [name for name, w in shop.order if 100 in w.values()]
    assert full.index(WEB) < len(full) - 1 - full[::-1].index(SAMPLE)


def test_killed_at_every_third_transition_the_group_ends_as_it_would(tmp_path: Path) -> None:
    transitions = itertools.count(1)
    died: list[asyncio.Event] = []

    def transition(entry: JournalEntry) -> None:
        if entry.transition != "RESUMED" and next(transitions) % 3 == 0:
            died[-1].set()

    async def life(shop: Shop, store: Store, controller: Controller) -> GroupDeployment | None:
        died.append(asyncio.Event())
        if not store.view.list(tables.GROUP_DEPLOYMENTS):
            await controller.groups.deploy("ann", "shop", NEW)
        end = asyncio.create_task(ended(store, controller))
        death = asyncio.create_task(died[-1].wait())
        await asyncio.wait((end, death), return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if end.done():
            return end.result()
        end.cancel()
        return None

    shop = Shop(tmp_path, on_transition=transition)
    found = play(shop, life)
    while found is None:
        found = play(shop, life, first=False)
    assert found.state is GroupState.SUCCEEDED
    assert len(died) > 3
    assert shop.images() == NEW
    assert not shop.worlds[WEB].lost
    assert not shop.worlds[SAMPLE].lost


def test_killed_when_it_turns_back_while_old_sides_stop_the_group_goes_back_all_the_same(
    tmp_path: Path,
) -> None:
    died = asyncio.Event()

    def transition(entry: JournalEntry) -> None:
        if turning:
            died.set()

    async def life(shop: Shop, store: Store, controller: Controller) -> None:
        await controller.groups.deploy("ann", "shop", NEW)
        for service in NEW:
            await until_state(controller, service, State.CLEANING_UP)
        turning.append(True)
        rollback = asyncio.create_task(controller.groups.rollback("ann", "shop"))
        await died.wait()
        rollback.cancel()

    async def next_life(shop: Shop, store: Store, controller: Controller) -> list[GroupDeployment]:
        await ended(store, controller)
        return controller.groups.history("shop")

    turning: list[bool] = []
    shop = Shop(tmp_path, on_transition=transition, stops=False)
    play(shop, life)
    shop.stops = True
    back, forth = play(shop, next_life, first=False)
    assert (back.kind, back.state) == ("ROLLBACK", GroupState.SUCCEEDED)
    assert forth.state is GroupState.SUCCEEDED
    assert shop.images() == {WEB: "web:1", SAMPLE: "sample:1"}
    assert not shop.worlds[WEB].lost
    assert not shop.worlds[SAMPLE].lost


async def until_state(controller: Controller, service: str, state: State) -> None:
    while (d := controller.running(service)) is None or d.state is not state:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
