"""What the page reads of a control plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tealmesh.envoy.resources import ResourceSet
from tealmesh.model import wire
from tealmesh.model.convergence import Convergence, EnvoyStatus
from tealmesh.model.health import TaskHealth
from tealmesh.model.mesh import Proxy
from tealmesh.model.rollout import Deployment
from tealmesh.rollout.metrics.rates import Grown
from tealmesh.store import Store


@dataclass(frozen=True)
class Sources:
    """What the sections are read from."""

    store: Store
    latest: Callable[[str], Deployment | None]
    """The latest deployment of a service, as it stands."""
    grown: Callable[[float], Sequence[Grown]]
    envoys: Callable[[str], Sequence[EnvoyStatus]]
    unmoved: Callable[[str], object | None]
    """As of `SeenEnvoys.unmoved`: the same while ``envoys`` and ``convergence`` tell the same."""
    convergence: Callable[[str, int], Convergence]
    held: Callable[[str], Sequence[tuple[Proxy, Sequence[str], ResourceSet]]]
    """What was made for the Envoys of a mesh, with their ids."""
    health: Callable[[], Sequence[TaskHealth]]
    troubles: Callable[[], Sequence[wire.WorkerTrouble]]
    about: Mapping[str, str | float]
    """What never changes: version, startedAt, dataDir, runtime."""
    page: Callable[[], str] = lambda: ""
    """The name of the script of the page that is served now; empty without a page."""
