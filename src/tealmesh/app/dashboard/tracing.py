"""The traces of a control plane: who takes them, and who shows them."""

from __future__ import annotations

from tealmesh.apis.xray.api import XRay
from tealmesh.app.settings import CommonConfig
from tealmesh.model.clock import system_clock
from tealmesh.model.identity.envoys import Admit
from tealmesh.traces.collector import TraceServicer
from tealmesh.traces.ring import Traces


class Tracing:
    """One ring of traces, filled by X-Ray's API and by Envoys."""

    def __init__(self, config: CommonConfig, admit: Admit) -> None:
        self.traces = Traces()
        self.xray = XRay(self.traces, config.region, config.account, system_clock)
        self.servicer = TraceServicer(self.traces, admit, system_clock)
