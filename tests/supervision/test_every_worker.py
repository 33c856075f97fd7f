"""No worker is outside supervision: a walk through the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src/tealmesh"

SPAWNS = {"create_task", "ensure_future", "run_coroutine_threadsafe", "Thread"}
"""What begins something that nobody waits for at once."""

SHORT = {
    "apis/appmesh/grace.py": {"_end": "a child of the supervised end_grace, which it ends"},
    "apis/elasticloadbalancing/api.py": {"_end": "a child of the supervised end_draining"},
    "apis/servicediscovery/dns_server.py": {"_answer": "one question; contains its errors"},
    "app/dashboard/stream.py": {"wait": "awaited by the stream, whose page asks again"},
    "app/envoys/ecs_tasks.py": {
        "_ask": "tells its errors to the streams that wait, and begins anew with the next",
        "to_thread": "awaited at once, and its error is told",
    },
    "app/envoys/current.py": {
        "_ask": "awaited by the streams that connect, whose Envoys connect again"
    },
    "app/envoys/server.py": {"stop": "awaited at the end of close"},
    "app/host.py": {
        "run": "accepts beyond loopback until the HTTP server ends; contains its errors"
    },
    "app/observing/following.py": {"_follow": "one change; contains its errors"},
    "app/parts/plane.py": {
        "give_up": "awaited once at the end; what is not given up runs out",
        "drain": "awaited once at the end, whose Envoys connect again",
    },
    "app/running.py": {
        "run_until_stopped": "the HTTP server: without it the control plane ends",
        "work": "is one call of keep",
    },
    "app/transport/acceptor.py": {"_begin": "one connection, whose errors are its peer's"},
    "app/troubles.py": {
        "_write": "awaited by the supervised run",
        "_forget_the_gone": "awaited by the supervised run",
    },
    "aws/moto/apart/front.py": {
        "_watch": "awaited by the supervised run",
        "_work": "awaited by the supervised run",
    },
    "aws/moto/apart/worker.py": {"Thread": "an error that nobody foresaw ends the process"},
    "discovery/worker.py": {
        "_forget": "a child of the supervised run, which it ends",
        "answering": "a child of the supervised run; contains its errors",
    },
    "engine/engine.py": {
        "_work_on_task": "is one call of keep",
        "_work_on_service": "is one call of keep",
        "write": "one event, whose failure is logged",
    },
    "engine/load_balancers/fleet.py": {"_work": "is one call of keep"},
    "engine/load_balancers/worker.py": {
        "wait": "awaited by the supervised worker",
        "work": "awaited by the supervised worker",
    },
    "engine/runtimes/docker/network/netns.py": {
        "Thread": "one call in another namespace, waited for"
    },
    "engine/runtimes/docker/network/resolver.py": {"work": "one question; contains its errors"},
    "engine/runtimes/process/processes.py": {"wait": "awaited at once"},
    "engine/task/pod.py": {"coroutine": "its error is raised by the supervised task worker"},
    "engine/task/log_shipping.py": {"Thread": "a loop that ends the errors of each file"},
    "engine/task/task.py": {"start_due": "awaited by the supervised task worker"},
    "engine/task/worker.py": {
        "work": "awaited by the supervised task worker",
        "wait": "awaited by the supervised task worker",
    },
    "http2/server.py": {
        "_begin": "one connection, whose errors are its peer's",
        "_sweep": "closes connections that are silent, and waits for nothing",
    },
    "http2/serving.py": {"_run": "one stream, which its Envoy begins again"},
    "replicas/leases/holder.py": {
        "_keep": "a loop that ends its errors; who waits for the lease is supervised",
        "_run": "awaited by the supervised worker under the lease",
        "wait": "awaited by the supervised worker under the lease",
    },
    "replicas/presence/presence.py": {
        "_beat": "awaited by the supervised run",
        "_question": "awaited by the supervised run",
    },
    "rollout/asking/command.py": {
        "_end": "awaited at once, also by who is cancelled",
        "_keep_end": "the output of one command, read until it ends",
    },
    "rollout/asking/hooks.py": {"_ask": "contains its errors, and begins anew at the next look"},
    "rollout/asking/queries.py": {"_keep_asking": "contains its errors, which its verdict tells"},
    "rollout/running/keeping.py": {"_keep": "a child of the supervised keep; contains its errors"},
    "rollout/metrics/servicer.py": {"_read": "one stream, which its Envoy begins again"},
    "store/database/limits.py": {"Thread": "looks at a clock and shuts sockets, which cannot fail"},
    "store/listening.py": {"Thread": "a loop that ends its errors, told as the database's outage"},
    "xds/streams/waking.py": {"_wake_all": "if it fails, each stream is woken by itself"},
    "xds/streams/conversation.py": {"_read": "one stream, which its Envoy begins again"},
}
"""What need not be supervised, and why, by module and by what is begun."""


def spawned(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a module begins."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if called == "Thread":
            yield node.lineno, called
        elif called in SPAWNS:
            argument = node.args[0]
            what = argument.func if isinstance(argument, ast.Call) else argument
            yield node.lineno, what.attr if isinstance(what, ast.Attribute) else ast.unparse(what)


def test_every_worker_is_kept_or_needs_no_keeping() -> None:
    outside, used = [], set()
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        if module.startswith(("agent/", "cli/")):
            continue  # a program that ends: its user sees how, and ECS starts the agent's anew
        text = path.read_text()
        if not any(called in text for called in SPAWNS):
            continue
        for line, name in spawned(ast.parse(text)):
            if name in SHORT.get(module, {}):
                used.add((module, name))
            elif name != "keep":
                outside.append(f"{module}:{line}: {name}")
    assert outside == [], "begin it by Supervisor.keep, or say here why it needs none"
    assert used == {(module, name) for module, names in SHORT.items() for name in names}
