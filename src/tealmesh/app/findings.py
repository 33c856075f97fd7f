"""What several parts together know to have no effect, or to be impossible, on this machine."""

from __future__ import annotations

from pathlib import Path

from tealmesh.apis.appmesh.unreachable import unreachable_targets
from tealmesh.apis.ecs.without_effect import without_effect
from tealmesh.app.seams import unscaled_sides, waiting_policies
from tealmesh.engine.runtimes.process.addresses import Gateway, lasting_problem
from tealmesh.model.wire import MemberWithoutEffect
from tealmesh.rollout.system import GatewaySystem
from tealmesh.store import View


def every_member_without_effect(view: View) -> list[MemberWithoutEffect]:
    """The members of what is stored that change nothing here."""
    return [
        *without_effect(view),
        *unreachable_targets(view),
        *waiting_policies(view),
        *unscaled_sides(view),
    ]


def port_problem(data_dir: Path, gateway: GatewaySystem) -> str:
    """Why a gateway can never listen where teal.toml says; empty if it can, or if another program
    is in the way, which may end.
    """
    resource = f"mesh/{gateway.mesh}/virtualGateway/{gateway.name}"
    address, port = gateway.config.address, gateway.config.port
    return lasting_problem(address, port, Gateway(data_dir, resource))
