"""What a server allows, by the names that gRPC's own options have.

https://grpc.github.io/grpc/core/group__grpc__arg__keys.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tealmesh.http2 import frames

_MILLISECONDS = 2**31 - 1
"""gRPC's way to say never."""
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


@dataclass(frozen=True)
class Options:
    """Times in seconds; None for never."""

    max_concurrent_streams: int = 100
    max_receive_message_length: int = 4 * 1024 * 1024
    max_metadata_size: int = 16 * 1024
    handshake: float = 10.0
    """Within which a connection must have begun."""
    idle: float | None = None
    """After which a connection without streams is closed."""
    age: float | None = None
    """After which a connection is told to begin anew, up to a tenth sooner or later."""
    grace: float | None = None
    """How long its streams may still go on then."""
    keepalive: float | None = None
    """How long a connection may be silent until it is asked whether it is still there."""
    keepalive_timeout: float = 20.0
    """How long the answer may take."""

    @staticmethod
    def of(given: Iterable[tuple[str, int]]) -> Options:
        """Those of ``grpc.…`` that make a difference here; there are no ports to share, and nothing
        is refused because much is pending.
        """
        known = dict(given)

        def seconds(name: str) -> float | None:
            value = known.get(f"grpc.{name}_ms", _MILLISECONDS)
            return None if value >= _MILLISECONDS else value / 1000

        default = Options()
        return Options(
            max_concurrent_streams=known.get(
                "grpc.max_concurrent_streams", default.max_concurrent_streams
            ),
            max_receive_message_length=known.get(
                "grpc.max_receive_message_length", default.max_receive_message_length
            ),
            max_metadata_size=known.get("grpc.max_metadata_size", default.max_metadata_size),
            handshake=seconds("server_handshake_timeout") or default.handshake,
            idle=seconds("max_connection_idle"),
            age=seconds("max_connection_age"),
            grace=seconds("max_connection_age_grace"),
            keepalive=seconds("keepalive_time"),
            keepalive_timeout=seconds("keepalive_timeout") or default.keepalive_timeout,
        )


def greeting(options: Options, window: int, all_windows: int) -> bytes:
    """The frames that a server begins with: what it allows, on each stream and on all together."""
    allowed = (
        frames.setting(frames.MAX_CONCURRENT_STREAMS, options.max_concurrent_streams)
        + frames.setting(frames.INITIAL_WINDOW_SIZE, window)
        + frames.setting(frames.MAX_HEADER_LIST_SIZE, options.max_metadata_size)
    )
    more = (all_windows - frames.FIRST_WINDOW).to_bytes(4)
    return frames.frame(frames.SETTINGS, 0, 0, allowed) + frames.frame(
        frames.WINDOW_UPDATE, 0, 0, more
    )


def seconds(timeout: str) -> float | None:
    """https://grpc.github.io/grpc/core/md_doc__p_r_o_t_o_c_o_l-_h_t_t_p2.html: ``100m``."""
    number, unit = timeout[:-1], timeout[-1:]
    if not number.isdigit() or len(number) > 8 or unit not in _UNITS:
        return None
    return int(number) * _UNITS[unit]
