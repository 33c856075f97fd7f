"""The audit's entries as events for people. Pure.

An entry lists the documents that a change wrote or deleted, which is said in the words of the API
that they belong to. The last route of a router, which Envoys keep for a while after it is deleted
(`apis.appmesh.grace`), has sentences of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from tealmesh.apis.tealmesh.sentences import sentence
from tealmesh.model import wire
from tealmesh.model.arn import last_part
from tealmesh.model.traffic import windows
from tealmesh.store import AuditEntry, Reader, Store, tables

ENGINE_ACTORS = ("engine", "workloads", windows.ACTOR)
"""The actors that write what they observe, many times a second: left out unless ``all`` is set."""

DEFAULT_EVENTS = 100
_AT_ONCE = 500
_MOST_SEARCHED = 20_000
"""Entries that one search looks at."""

_NOUNS: dict[str, Callable[..., str]] = {
    tables.MESHES: lambda mesh: f"mesh {mesh}",
    tables.VIRTUAL_NODES: lambda mesh, name: f"virtual node {name} in mesh {mesh}",
    tables.VIRTUAL_SERVICES: lambda mesh, name: f"virtual service {name} in mesh {mesh}",
    tables.VIRTUAL_ROUTERS: lambda mesh, name: f"virtual router {name} in mesh {mesh}",
    tables.ROUTES: lambda mesh, router, name: f"route {name} of router {router} in mesh {mesh}",
    tables.VIRTUAL_GATEWAYS: lambda mesh, name: f"virtual gateway {name} in mesh {mesh}",
    tables.GATEWAY_ROUTES: lambda mesh, gateway, name: (
        f"gateway route {name} of gateway {gateway} in mesh {mesh}"
    ),
    tables.CERTIFICATES: lambda arn: f"certificate {last_part(arn)}",
    tables.NAMESPACES: lambda identity: f"Cloud Map namespace {identity}",
    tables.SD_SERVICES: lambda identity: f"Cloud Map service {identity}",
    tables.INSTANCES: lambda service, identity: (
        f"instance {identity} of Cloud Map service {service}"
    ),
    tables.DISCOVERED: lambda namespace, service, identity: (
        f"instance {identity} of {service} in the Cloud Map namespace {namespace}"
    ),
    tables.CLUSTERS: lambda name: f"cluster {name}",
    tables.TASK_DEFINITIONS: lambda family, revision: f"task definition {family}:{int(revision)}",
    tables.ECS_SERVICES: lambda cluster, name: f"ECS service {name} in cluster {cluster}",
    tables.TASKS: lambda cluster, identity: f"task {identity[:8]} in cluster {cluster}",
    tables.ACCOUNT_SETTINGS: lambda principal, name: f"account setting {name} of {principal}",
    tables.LOAD_BALANCERS: lambda arn: f"load balancer {_balancer(arn)}",
    tables.TARGET_GROUPS: lambda arn: f"target group {_target_group(arn)}",
    tables.TARGETS: lambda arn, target: f"target {target} of target group {_target_group(arn)}",
    tables.SCALABLE_TARGETS: lambda cluster, name: (
        f"automatic scaling of ECS service {name} in cluster {cluster}"
    ),
    tables.SCALING_POLICIES: lambda cluster, service, name: (
        f"scaling policy {name} of ECS service {service} in cluster {cluster}"
    ),
    tables.SCHEDULED_ACTIONS: lambda cluster, service, name: (
        f"scheduled action {name} of ECS service {service} in cluster {cluster}"
    ),
    tables.SYSTEMS: lambda name: f"service {name} of teal.toml",
    tables.GATEWAYS: lambda name: f"gateway {name} of teal.toml",
    tables.FREEZES: lambda service: f"the freezes of {service}",
    tables.REMOVALS: lambda name: f"the removal of {name}",
    tables.IMAGES: lambda pattern: f"image {pattern}",
    tables.LOCKS: lambda service: f"the lock of {service}",
    tables.KEPT: lambda service: f"the side of {service} that is kept for a way back",
    tables.HOOKS: lambda deployment, step, index: (
        f"hook {index.lstrip('0') or 0} at step {step.lstrip('0') or 0} of deployment {deployment}"
    ),
    tables.SESSIONS: lambda identity: f"session {identity[:8]} of the page",
    tables.DEPLOYMENTS: lambda service, identity: f"deployment {identity} of {service}",
}
"""What a document is, for people, from the parts of its key."""

_BOOKKEEPING = frozenset(
    {
        tables.CLIENT_TOKENS,
        tables.SD_OPERATIONS,
        tables.FAMILIES,
        tables.SERVICE_DEPLOYMENTS,
        tables.JOURNAL,
        tables.WINDOWS,
        tables.FAILED_TASKS,
        tables.ROUTER_EXTENSIONS,
        tables.WATCHED,
        tables.LOAD_BALANCER_PLACES,
        tables.LOAD_BALANCER_REGIONS,
        tables.SCALABLE_TARGETS,
        tables.SCALING_ACTIVITIES,
        tables.ENVOY_ROLES,
        tables.EVENT_REGIONS,
        tables.EVENTS_TOLD,
    }
)
"""Written along with what an event tells, and no news by themselves."""

_VERBS = (
    (("Create", "Run", "StartTask"), "created"),
    (("Open",), "opened"),
    (("Register",), "registered"),
    (("Update", "Put", "Modify"), "changed"),
    (("Tag", "Untag"), "tagged"),
    (("Deregister",), "deregistered"),
    (("Discover",), "discovered a change of"),
    (("Scale", "KeepBounds", "ScheduledAction"), "scaled"),
    (("PolicyWaits",), "found nothing to act on for"),
    (("PolicyWorks",), "found data again for"),
    (("Stop",), "asked to stop"),
    (("AskHook", "HookRuns"), "asked"),
    (("HookAnswered",), "noted the answer of"),
    # ECS deletes a service when its tasks have stopped, so its document is still there.
    (("Delete",), "is deleting"),
)
"""How the operations that begin with these words wrote a document."""


async def search(store: Store, request: wire.ListEventsInput) -> list[wire.Event]:
    """The events that ListEvents asks for, newest first."""
    limit, text = request.get("limit", DEFAULT_EVENTS), request.get("text", "").casefold()
    without = () if request.get("all") else ENGINE_ACTORS
    found: list[wire.Event] = []
    before, left = request.get("before"), _MOST_SEARCHED
    while len(found) < limit and left > 0:
        most = min(left, limit if not text else _AT_ONCE)
        entries = await store.history(most, without, before=before, actor=request.get("actor"))
        view = store.view
        found += [one for entry in entries if _has(one := event(entry, view), text)]
        if not text or len(entries) < most:
            break
        before, left = entries[-1].revision, left - most
    return found[:limit]


def _has(one: wire.Event, text: str) -> bool:
    """Whether the text is in what people read of an event."""
    said = (one["sentence"], one["operation"], one["actor"])
    return not text or any(text in part.casefold() for part in said)


def event(entry: AuditEntry, view: Reader) -> wire.Event:
    """The entry as ListEvents answers it. ``view``: what there is now."""
    messages = _describe(entry)
    return {
        "revision": entry.revision,
        "at": entry.at,
        "actor": entry.actor,
        "operation": entry.operation,
        "message": "; ".join(messages),
        "sentence": sentence(entry, messages, view),
    }


def _describe(entry: AuditEntry) -> list[str]:
    lingering = [c for c in entry.changes if c[0] == tables.LINGERING_ROUTES]
    plain = [c for c in entry.changes if c[0] != tables.LINGERING_ROUTES]
    plain = [c for c in plain if c[0] not in (tables.TROUBLES, tables.UNUSABLE, tables.REFUSALS)]
    unusable = [c for c in entry.changes if c[0] == tables.UNUSABLE]
    if unusable:
        # The service has an event of it.
        plain = [c for c in plain if c[0] != tables.ECS_SERVICES]
    troubles = [c for c in entry.changes if c[0] == tables.TROUBLES]
    told = [c for c in plain if c[0] not in _BOOKKEEPING] or plain
    messages = [
        f"{'deleted' if how == 'delete' else _written(entry.operation)} {_named(collection, key)}"
        for collection, key, how in told
    ]
    for _, key, how in troubles:
        worker, error = (unquote(part) for part in key.split("/"))
        messages.append(
            f"{worker} failed: {error}; it is tried again (`teal doctor`)"
            if how == "put"
            else f"{worker} no longer fails by: {error}"
        )
    messages += [_usable(key, how) for _, key, how in unusable]
    messages += [
        f"calls of {unquote(who)} were refused, the newest: {entry.operation.partition(':')[2]}"
        if how == "put"
        else f"that calls of {unquote(who)} were refused is no longer kept"
        for collection, who, how in entry.changes
        if collection == tables.REFUSALS
    ]
    for _, key, how in lingering:
        mesh, router, route = (unquote(part) for part in key.split("/"))
        name = f"route {route} of router {router} in mesh {mesh}"
        if how == "put":
            messages.append(f"{name} was the router's last: Envoys serve it a little longer")
        elif plain:
            messages.append(f"{name}, deleted earlier, is no longer served")
        else:
            messages.append(f"{name} was not replaced in time: its requests are refused now")
    return messages


def _usable(key: str, how: str) -> str:
    """What happened to a task as its callers see it."""
    _, service, task, why = (unquote(part) for part in key.split("/"))
    named = f"task {task[:8]} of {service}" if service else f"task {task[:8]}"
    if how == "put":
        return f"{named} can be used by none of its callers: {why}"
    return f"{named} can be used by its callers again"


def _written(operation: str) -> str:
    """The verb for a document that ``operation`` wrote."""
    action = operation.rpartition(":")[2]
    for beginnings, verb in _VERBS:
        if action.startswith(beginnings):
            return verb
    return "wrote"


def _named(collection: str, key: str) -> str:
    parts = [unquote(part) for part in key.split("/")]
    noun = _NOUNS.get(collection)
    return noun(*parts) if noun else f"{collection} {'/'.join(parts)}"


def _balancer(arn: str) -> str:
    """The name in ``…:loadbalancer/app/NAME/ID``."""
    parts = arn.split("/")
    return parts[-2] if len(parts) > 2 else arn


def _target_group(arn: str) -> str:
    """The name in ``…:targetgroup/NAME/ID``."""
    parts = arn.split("/")
    return parts[1] if len(parts) > 1 else arn
