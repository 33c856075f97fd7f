"""Services and gateways of teal.toml as the store keeps them."""

from __future__ import annotations

import json

from tealmesh.model.config.nouns import GatewayConfig
from tealmesh.rollout.system import GatewaySystem, ServiceSystem
from tests.rollout.world import system as service


def test_systems_come_back_from_the_store_as_they_were() -> None:
    one = service()
    assert ServiceSystem.from_json(json.loads(json.dumps(one.to_json()))) == one
    gateway = GatewaySystem("demo", "demo", GatewayConfig("edge", 9080, {"/": "web"}))
    assert GatewaySystem.from_json(json.loads(json.dumps(gateway.to_json()))) == gateway
