"""A swarm for control planes that run: its Envoys are the owner's own, so that nothing has to run
for them. Each has a name, by which it is known wherever it connects.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.swarm.processes import Process, process
from tealmesh.model.identity.envoys import Identity, Owner, token
from tealmesh.model.identity.keys import owned_key


@contextlib.contextmanager
def owned(
    count: int, ports: Sequence[int], keys: Path, resources: Sequence[str], *, delta: bool = True
) -> Iterator[Process]:
    """So many Envoys until the end of the block, which connect once they are told ``storm``: to the
    control planes at these ``ports`` in turn, each as one of ``resources``, such as
    ``mesh/M/virtualNode/N``. ``keys``: the directory with the control planes' secrets.
    """
    key = owned_key((keys / "xds-token").read_text().strip())
    envoys = []
    for number in range(count):
        name, resource = f"swarm-{number}", resources[number % len(resources)]
        signed = token(Identity(Owner.USER, name, resource), key)
        envoys.append((resource, name, signed, ""))
    with process("bench.swarm.envoys") as swarm:
        config = {"ports": list(ports), "delta": delta, "flush": 0.0, "envoys": envoys}
        swarm.say(json.dumps(config))
        yield swarm
