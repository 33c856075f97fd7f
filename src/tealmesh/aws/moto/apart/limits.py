"""What moto's process may take and reach: applied once it has been forked, and never lifted.

moto is not hostile, but what it is given may be. So this bounds memory, and refuses connections
that leave the machine, names to be looked up, and other programs. It is no wall against code: who
can run code of their own in that process is its user.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import ipaddress
import os
import re
import resource
import signal
import sys
from collections.abc import Collection
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_FIRST_TO_GO = "500"
"""Of -1000 to 1000: rather this process than the control plane, if the machine has no memory left.
"""

_PROGRAMS = frozenset(
    {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "pty.spawn"}
    | {"subprocess.Popen"}
)
_NOT_OURS = re.compile(r"(AWS_\w+|\w+_proxy|PYTHON\w*)$", re.IGNORECASE)
"""Variables that are the user's credentials, or would send what is for loopback elsewhere."""


def named(name: str) -> None:
    """How `ps` and `top` call this process, up to 15 characters."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()))


def end_with(parent: int) -> None:
    """Let the kernel end this process with its parent, and end it now if that is gone already."""
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(0)


def alone(*kept: int) -> None:
    """Close what a fork has inherited, but standard streams and ``kept``; ignore the terminal's
    signals, which the parent answers.
    """
    # What nobody refers to any more must not close, later, what has its number by then.
    gc.collect()
    gc.freeze()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def apply(memory: int, ports: Collection[int]) -> None:
    """Bound this process: ``memory`` in bytes; no connection but to loopback, and none to the
    control plane's own ``ports``, where whatever this user sends would be its owner's.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    for name in [name for name in os.environ if _NOT_OURS.match(name)]:
        del os.environ[name]
    # The hook stays for as long as the process lives; it covers every thread.
    # https://docs.python.org/3/library/audit_events.html
    refused = frozenset(ports)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            check_address(arguments[1], refused)
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            check_name(arguments[0])
        elif event in _PROGRAMS:
            raise PermissionError(f"{event}: moto starts no programs")

    sys.addaudithook(hook)


def check_address(address: object, refused: Collection[int]) -> None:
    """Raise PermissionError for an address of a socket that moto may not reach."""
    if address is None:
        return  # a message on a socket that is connected already
    if not isinstance(address, tuple) or len(address) < 2:
        raise PermissionError("moto reaches loopback addresses only")
    if not _is_loopback(str(address[0])):
        raise PermissionError(f"{address[0]}: moto reaches loopback addresses only")
    if address[1] in refused:
        raise PermissionError(f"port {address[1]} is the control plane's own")


def check_name(name: object) -> None:
    """Raise PermissionError for a name that would have to be asked of other machines."""
    text = name.decode("latin-1") if isinstance(name, bytes) else str(name or "localhost")
    if text.lower().rstrip(".") not in ("localhost", "") and not _is_loopback(text):
        raise PermissionError(f"{text[:200]}: moto reaches loopback addresses only")


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True  # `connect` would look it up in /etc/hosts
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _prctl(option: int, argument: ctypes.c_char_p | ctypes.c_ulong) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, argument, 0, 0, 0)
