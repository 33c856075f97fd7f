"""Services and gateways of teal.toml as the store keeps them."""

from __future__ import annotations

import json
from dataclasses import replace

from tealmesh.model.config.nouns import GatewayConfig, TealConfig
from tealmesh.rollout.system import GatewaySystem, ServiceSystem, with_former_times
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
