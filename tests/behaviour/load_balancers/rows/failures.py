"""What clients get when targets do not answer as they should."""

from __future__ import annotations

from tests.behaviour.load_balancers.rows.conditions import BLUE
from tests.behaviour.load_balancers.table import Call, Row

OWN = {"server": "awselb/2.0", "content-type": "text/html"}
QUICK = {"idle_timeout.timeout_seconds": "1"}


def _failing(name: str, says: str, status: int, title: str, **more: object) -> Row:
    headers = more.pop("headers", {})
    call = Call({"status": status}, headers=headers, answer=OWN, body=f"<h1>{status} {title}</h1>")
    return Row(name, says, (), (call,), **more)


ROWS = (
    _failing(
        "no-targets",
        "503 when the target group has no targets",
        503,
        "Service Temporarily Unavailable",
        targets={"blue": ()},
    ),
    _failing(
        "all-deregistered",
        "503 when all targets are being deregistered",
        503,
        "Service Temporarily Unavailable",
        targets={"blue": (("blue", {"draining": True}),)},
    ),
    Row(
        "deregistered",
        "a target that is being deregistered gets no requests, even if the others are unhealthy",
        (),
        (Call({"status": 200, "node": "sick"}, times=20, until=10),),
        targets={"blue": ("sick", ("blue", {"draining": True}))},
    ),
    _failing(
        "connection-refused",
        "502 when the target refuses the connection",
        502,
        "Bad Gateway",
        targets={"blue": ("dead",)},
    ),
    _failing(
        "target-closes",
        "502 when the target closes the connection instead of answering",
        502,
        "Bad Gateway",
        headers={"x-close": "1"},
    ),
    _failing(
        "target-garbage",
        "502 when the target's answer is not HTTP",
        502,
        "Bad Gateway",
        headers={"x-garbage": "1"},
    ),
    _failing(
        "target-idle",
        "504 when the target does not answer within the idle timeout",
        504,
        "Gateway Time-out",
        headers={"x-delay": "3"},
        attributes=QUICK,
    ),
    Row(
        "target-slow",
        "within the idle timeout a target may take its time",
        ("idle_timeout.timeout_seconds",),
        (Call(BLUE, headers={"x-delay": "1.5"}),),
        attributes={"idle_timeout.timeout_seconds": "10"},
    ),
    Row(
        "target-status",
        "a target's own errors are passed on as they are",
        (),
        (Call({"status": 503, "node": "blue"}, headers={"x-status": "503"}),),
    ),
)
