"""Services and gateways of teal.toml as the store keeps them."""

from __future__ import annotations

import json
from dataclasses import replace

from tealmesh.model.config.nouns import Additions, AdoptedConfig, GatewayConfig, TealConfig
from tealmesh.model.config.outside import Freeze, Hook
from tealmesh.model.config.strategies import Gates
from tealmesh.rollout.system import GatewaySystem, ServiceSystem, in_directory, with_former_times
from tests.rollout.world import system as service


def test_systems_come_back_from_the_store_as_they_were() -> None:
    one = service()
    assert ServiceSystem.from_json(json.loads(json.dumps(one.to_json()))) == one
    gateway = GatewaySystem("demo", "demo", GatewayConfig("edge", 9080, {"/": "web"}))
    assert GatewaySystem.from_json(json.loads(json.dumps(gateway.to_json()))) == gateway


def test_a_time_that_is_taken_out_again_is_app_meshs_default() -> None:
    """Left out, it would stay as it is: what a configuration never set belongs to somebody else."""
    one = service()
    timed = replace(one, config=replace(one.config, request_timeout=60.0))
    config = TealConfig(one.mesh, one.cluster, one.namespace, {one.name: one.config})
    after = with_former_times(config, [timed]).services[one.name]
    assert (after.request_timeout, after.idle_timeout) == (15.0, None)
    assert with_former_times(config, [one]) == config
    assert with_former_times(config, []) == config


def test_what_asks_others_knows_the_directory_of_its_file() -> None:
    hook = Hook("PRE_SCALE_UP", "smoke", command=("./smoke.sh",))
    asking, quiet = Gates(hooks=(hook,), freeze=(Freeze(("sat",)),)), Gates(min_requests=7)
    one = service(gates=asking)
    adopted = {
        "bank": AdoptedConfig("bank", gates=asking),
        "shop": AdoptedConfig("shop", gates=quiet),
        "door": AdoptedConfig("door"),
    }
    config = TealConfig(one.mesh, one.cluster, one.namespace, {one.name: one.config})
    placed = in_directory(replace(config, additions=Additions(adopted=adopted)), "/srv/shop")
    assert placed.services["web"].gates == replace(asking, directory="/srv/shop")
    assert placed.additions.adopted["bank"].gates == replace(asking, directory="/srv/shop")
    assert placed.additions.adopted["shop"].gates == quiet
    stored = replace(one, config=placed.services["web"])
    assert ServiceSystem.from_json(json.loads(json.dumps(stored.to_json()))) == stored
