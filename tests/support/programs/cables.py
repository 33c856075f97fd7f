"""A network of its own for a program, with cables that a test pulls: a network namespace and pairs
of virtual Ethernet devices, which only root may make.

What is sent into a pulled cable is lost in silence, as it is where a switch or a firewall drops it:
neither end is told.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("setpriv"),
    reason="network namespaces need root, ip and setpriv",
)

_numbers = itertools.count(os.getpid() % 4000 * 8)


@dataclass(frozen=True)
class Cable:
    """From this machine into a namespace."""

    namespace: str
    inner: str
    """The name of its device in the namespace."""
    address: str
    """Where the program in the namespace is reached through it."""

    def cut(self) -> None:
        _ip("-n", self.namespace, "link", "set", self.inner, "down")

    def mend(self) -> None:
        _ip("-n", self.namespace, "link", "set", self.inner, "up")


@dataclass(frozen=True)
class Network:
    """A namespace with its cables."""

    namespace: str
    cables: tuple[Cable, ...]

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command begins with that runs in it, as nobody."""
        enter = ("ip", "netns", "exec", self.namespace)
        return (*enter, "setpriv", "--reuid=nobody", "--clear-groups", "--")


@contextlib.contextmanager
def network(cables: int) -> Iterator[Network]:
    """A namespace until the end of the context; its processes must have ended then."""
    name = f"teal{os.getpid()}-{next(_numbers)}"
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield Network(name, tuple(_cable(name) for _ in range(cables)))
    finally:
        # Its devices go with it.
        _ip("netns", "delete", name)


def _cable(namespace: str) -> Cable:
    """Addresses are of 198.18.0.0/15, for tests of networks (RFC 2544)."""
    number = next(_numbers) % 32000
    outer, inner = f"tealo{number}", f"teali{number}"
    base = f"198.{18 + number // 16384}.{number % 16384 // 64}.{number % 64 * 4}"
    first = base.rpartition(".")[0]
    last = int(base.rpartition(".")[2])
    near, far = f"{first}.{last + 1}", f"{first}.{last + 2}"
    _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", namespace)
    _ip("address", "add", f"{near}/30", "dev", outer)
    _ip("-n", namespace, "address", "add", f"{far}/30", "dev", inner)
    _ip("link", "set", outer, "up")
    _ip("-n", namespace, "link", "set", inner, "up")
    # Else the kernel would notice, by ARP, that nobody is there.
    _ip(
        "neighbour",
        "replace",
        far,
        "lladdr",
        _mac(namespace, inner),
        "dev",
        outer,
        "nud",
        "permanent",
    )
    return Cable(namespace, inner, far)


def _mac(namespace: str, device: str) -> str:
    shown = _ip("-json", "-n", namespace, "link", "show", device)
    return str(json.loads(shown)[0]["address"])


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout
