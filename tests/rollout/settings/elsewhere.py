"""Settings without a row of their own, and what shows their effect."""

from __future__ import annotations

from tealmesh.model.config import nouns, strategies

ELSEWHERE = {
    (strategies.Gates, "directory"): "is that of the file",
    (nouns.ServiceConfig, "strategy"): "the fields of Strategy",
    (nouns.ServiceConfig, "gates"): "the fields of Gates",
    (nouns.TealConfig, "services"): "the fields of ServiceConfig",
    (nouns.TealConfig, "gateways"): "the fields of GatewayConfig",
    (nouns.TealConfig, "additions"): "images, adopted and terraform",
    (nouns.GatewayConfig, "desired_count"): "1 is all that is accepted",
    (nouns.GatewayConfig, "protocol"): "is that of its services",
}
