"""`teal apply` while deployments run: only their services are locked."""

from __future__ import annotations

from tealmesh.model.config.parse import parse
from tealmesh.model.rollout import Deployment
from tealmesh.rollout import system
from tealmesh.rollout.applying.locked import unlocked
from tests.rollout.machine.walking import created

CONFIG = """
[mesh]
name = "demo"
[services.web]
port = 8080
image = "web:1"
[services.shop]
port = 8080
image = "shop:1"
[gateways.edge]
port = 9080
routes = { "/" = "web" }
"""
RUNNING: dict[str, Deployment] = {"web": created()}


def test_what_is_not_locked_is_applied() -> None:
    config = parse(CONFIG)
    part = unlocked(config, system.services(config), RUNNING)
    assert set(part.config.services) == {"shop"}
    assert set(part.config.gateways) == {"edge"}


def test_a_locked_service_that_does_not_change_is_no_error() -> None:
    config = parse(CONFIG)
    part = unlocked(config, system.services(config), RUNNING)
    assert part.refused == ()
    assert part.notes == ("web: left as it is while its deployment of web:2 is running",)


def test_a_change_of_a_locked_service_is_refused_by_name() -> None:
    before = parse(CONFIG)
    wanted = parse(CONFIG.replace('image = "web:1"', 'image = "web:1"\ncpu = 512'))
    (line,) = unlocked(wanted, system.services(before), RUNNING).refused
    assert line.startswith("web: not applied, as its deployment of web:2 is running")
    new = unlocked(wanted, [], {})
    assert (new.refused, new.notes, set(new.config.services)) == ((), (), {"web", "shop"})


def test_freezes_hold_for_a_deployment_that_runs_which_is_said() -> None:
    freeze = '[services.web.gates]\nfreeze = [{ days = ["fri"], from = "16:00", to = "24:00" }]\n'
    wanted = parse(CONFIG.replace("[services.shop]", f"{freeze}[services.shop]"))
    (line,) = unlocked(wanted, system.services(parse(CONFIG)), RUNNING).refused
    assert line.endswith("; its freezes hold from now on, for that deployment too")
