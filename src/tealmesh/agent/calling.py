"""`teal-envoy drain` and `teal-envoy health`: programs that ask the agent.

Both import next to nothing: the first waits beside each task, the second starts every few seconds.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Mapping

from tealmesh.agent.settings import Settings
from tealmesh.envoy.bootstrap.environment import number

DRAIN_SECONDS = 110.0
"""Below the longest ``stopTimeout`` of ECS, 120 s."""
_MARGIN_SECONDS = 5.0
_HEALTH_SECONDS = 5.0


def ask(chosen: Settings, method: str, target: str, seconds: float) -> tuple[int, str]:
    """Status and text of the agent's answer. Raises OSError, ValueError and IndexError."""
    request = f"{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    family, place = (
        (socket.AF_UNIX, chosen.socket)
        if chosen.socket
        else (socket.AF_INET, ("127.0.0.1", chosen.port))
    )
    with socket.socket(family) as connection:
        connection.settimeout(seconds)
        connection.connect(place)
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(maxsplit=2)[1]), body.decode(errors="replace")


def health(environment: Mapping[str, str]) -> int:
    """0 if Envoy may be given requests. Raises TealError for a variable that cannot be used."""
    try:
        status, text = ask(Settings.of(environment), "GET", "/health", _HEALTH_SECONDS)
    except (OSError, ValueError, IndexError) as error:
        status, text = 0, f"the agent does not answer: {error}"
    print(text.strip())
    return 0 if status == 200 else 1


def drain(environment: Mapping[str, str]) -> int:
    """Wait for SIGTERM, then have the task drained; 0 if nothing was lost by that. Raises TealError
    for a variable that cannot be used.
    """
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    chosen = Settings.of(environment)
    seconds = number(environment, "TEAL_DRAIN_SECONDS", DRAIN_SECONDS, (1, 7 * 24 * 3600))
    _said("waits until the task is stopped", 0)
    signal.sigwait(signals)
    # A second one, of somebody in a hurry, ends it.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    try:
        wait = seconds + _MARGIN_SECONDS
        status, text = ask(chosen, "POST", f"/drain?seconds={seconds:g}", wait)
        done = status == 200 and json.loads(text)["drained"]
    except (ConnectionRefusedError, FileNotFoundError):
        # As on `teal up`, which runs Envoy without an agent and drains tasks itself.
        return _said("no agent answers here: nothing to do", 0)
    except (OSError, ValueError, IndexError, KeyError) as error:
        return _said(f"the task was not drained: {error}", 1)
    return _said(text.strip(), 0 if done else 1)


def _said(text: str, code: int) -> int:
    print(f"teal-envoy drain: {text}", file=sys.stderr, flush=True)
    return code
