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
from tealmesh.model.ecs import reasons
from tealmesh.model.said import listed, say
from tealmesh.model.traffic import windows
from tealmesh.store import AuditEntry, Reader, Store, tables

ENGINE_ACTORS = ("engine", "workloads", windows.ACTOR)
"""The actors that write what they observe, many times a second: left out unless ``all`` is set."""

DEFAULT_EVENTS = 100
_AT_ONCE = 500
_MOST_SEARCHED = 20_000
"""Entries that one search looks at."""

_NOUNS: dict[str, Callable[..., str]] = {
    tables.MESHES: lambda mesh: say("mesh {mesh}", mesh=mesh),
    tables.VIRTUAL_NODES: lambda mesh, name: say(
        "virtual node {name} in mesh {mesh}", name=name, mesh=mesh
    ),
    tables.VIRTUAL_SERVICES: lambda mesh, name: say(
        "virtual service {name} in mesh {mesh}", name=name, mesh=mesh
    ),
    tables.VIRTUAL_ROUTERS: lambda mesh, name: say(
        "virtual router {name} in mesh {mesh}", name=name, mesh=mesh
    ),
    tables.ROUTES: lambda mesh, router, name: say(
        "route {name} of router {router} in mesh {mesh}", name=name, router=router, mesh=mesh
    ),
    tables.VIRTUAL_GATEWAYS: lambda mesh, name: say(
        "virtual gateway {name} in mesh {mesh}", name=name, mesh=mesh
    ),
    tables.GATEWAY_ROUTES: lambda mesh, gateway, name: say(
        "gateway route {name} of gateway {gateway} in mesh {mesh}",
        name=name,
        gateway=gateway,
        mesh=mesh,
    ),
    tables.CERTIFICATES: lambda arn: say("certificate {name}", name=last_part(arn)),
    tables.NAMESPACES: lambda identity: say("Cloud Map namespace {identity}", identity=identity),
    tables.SD_SERVICES: lambda identity: say("Cloud Map service {identity}", identity=identity),
    tables.INSTANCES: lambda service, identity: say(
        "instance {identity} of Cloud Map service {service}", identity=identity, service=service
    ),
    tables.DISCOVERED: lambda namespace, service, identity: say(
        "instance {identity} of {service} in the Cloud Map namespace {namespace}",
        identity=identity,
        service=service,
        namespace=namespace,
    ),
    tables.CLUSTERS: lambda name: say("cluster {name}", name=name),
    tables.TASK_DEFINITIONS: lambda family, revision: say(
        "task definition {family}:{revision}", family=family, revision=int(revision)
    ),
    tables.ECS_SERVICES: lambda cluster, name: say(
        "ECS service {name} in cluster {cluster}", name=name, cluster=cluster
    ),
    tables.TASKS: lambda cluster, identity: say(
        "task {identity} in cluster {cluster}", identity=identity[:8], cluster=cluster
    ),
    tables.ACCOUNT_SETTINGS: lambda principal, name: say(
        "account setting {name} of {principal}", name=name, principal=principal
    ),
    tables.LOAD_BALANCERS: lambda arn: say("load balancer {name}", name=_balancer(arn)),
    tables.TARGET_GROUPS: lambda arn: say("target group {name}", name=_target_group(arn)),
    tables.TARGETS: lambda arn, target: say(
        "target {target} of target group {group}",
        target=target,
        group=_target_group(arn),
    ),
    tables.SCALABLE_TARGETS: lambda cluster, name: say(
        "automatic scaling of ECS service {name} in cluster {cluster}", name=name, cluster=cluster
    ),
    tables.SCALING_POLICIES: lambda cluster, service, name: say(
        "scaling policy {name} of ECS service {service} in cluster {cluster}",
        name=name,
        service=service,
        cluster=cluster,
    ),
    tables.SCHEDULED_ACTIONS: lambda cluster, service, name: say(
        "scheduled action {name} of ECS service {service} in cluster {cluster}",
        name=name,
        service=service,
        cluster=cluster,
    ),
    tables.SYSTEMS: lambda name: say("service {name} of teal.toml", name=name),
    tables.GATEWAYS: lambda name: say("gateway {name} of teal.toml", name=name),
    tables.FREEZES: lambda service: say("the freezes of {service}", service=service),
    tables.REMOVALS: lambda name: say("the removal of {name}", name=name),
    tables.IMAGES: lambda pattern: say("image {pattern}", pattern=pattern),
    tables.LOCKS: lambda service: say("the lock of {service}", service=service),
    tables.KEPT: lambda service: say(
        "the side of {service} that is kept for a way back", service=service
    ),
    tables.HOOKS: lambda deployment, step, index: say(
        "hook {hook} at step {step} of deployment {deployment}",
        hook=index.lstrip("0") or 0,
        step=step.lstrip("0") or 0,
        deployment=deployment,
    ),
    tables.SESSIONS: lambda identity: say("session {identity} of the page", identity=identity[:8]),
    tables.CODES: lambda _: say("a code that opens the page"),
    tables.DEPLOYMENTS: lambda service, identity: say(
        "deployment {identity} of {service}", identity=identity, service=service
    ),
}
"""What a document is, for people, from the parts of its key."""

_BOOKKEEPING = frozenset(
    {
        tables.CLIENT_TOKENS,
        tables.CODES,
        tables.SD_OPERATIONS,
        tables.INSTANCES_REVISIONS,
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

_VERBS: tuple[tuple[tuple[str, ...], Callable[[str], str]], ...] = (
    (("Create", "Run", "StartTask"), lambda what: say("created {what}", what=what)),
    (("Open",), lambda what: say("opened {what}", what=what)),
    (("Register",), lambda what: say("registered {what}", what=what)),
    (("Update", "Put", "Modify"), lambda what: say("changed {what}", what=what)),
    (("Tag", "Untag"), lambda what: say("tagged {what}", what=what)),
    (("Discover",), lambda what: say("discovered a change of {what}", what=what)),
    (("Deregister",), lambda what: say("deregistered {what}", what=what)),
    (("Scale", "KeepBounds", "ScheduledAction"), lambda what: say("scaled {what}", what=what)),
    (("PolicyWaits",), lambda what: say("found nothing to act on for {what}", what=what)),
    (("PolicyWorks",), lambda what: say("found data again for {what}", what=what)),
    (("Stop",), lambda what: say("asked to stop {what}", what=what)),
    (("GetPageCode",), lambda what: say("asked for {what}", what=what)),
    (("AskHook", "HookRuns"), lambda what: say("asked {what}", what=what)),
    (("HookAnswered",), lambda what: say("noted the answer of {what}", what=what)),
    # ECS deletes a service when its tasks have stopped, so its document is still there.
    (("Delete",), lambda what: say("is deleting {what}", what=what)),
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
        "message": listed(messages, "; "),
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
        say("deleted {what}", what=_named(collection, key))
        if how == "delete"
        else _written(entry.operation, _named(collection, key))
        for collection, key, how in told
    ]
    messages += [_failed(key, how) for _, key, how in troubles]
    messages += [_usable(key, how) for _, key, how in unusable]
    messages += [
        say(
            "calls of {who} were refused, the newest: {operation}",
            who=unquote(who),
            operation=entry.operation.partition(":")[2],
        )
        if how == "put"
        else say("that calls of {who} were refused is no longer kept", who=unquote(who))
        for collection, who, how in entry.changes
        if collection == tables.REFUSALS
    ]
    messages += [_lingered(key, how, replaced=bool(plain)) for _, key, how in lingering]
    return messages


def _failed(key: str, how: str) -> str:
    """What happened to a worker."""
    worker, error = (unquote(part) for part in key.split("/"))
    if how == "put":
        return say(
            "{worker} failed: {error}; it is tried again (`teal doctor`)",
            worker=worker,
            error=reasons.told(error),
        )
    return say("{worker} no longer fails by: {error}", worker=worker, error=reasons.told(error))


def _lingered(key: str, how: str, *, replaced: bool) -> str:
    """What happened to a router's last route. ``replaced``: something else was written with it."""
    mesh, router, route = (unquote(part) for part in key.split("/"))
    name = say(
        "route {route} of router {router} in mesh {mesh}", route=route, router=router, mesh=mesh
    )
    if how == "put":
        return say("{name} was the router's last: Envoys serve it a little longer", name=name)
    if replaced:
        return say("{name}, deleted earlier, is no longer served", name=name)
    return say("{name} was not replaced in time: its requests are refused now", name=name)


def _usable(key: str, how: str) -> str:
    """What happened to a task as its callers see it."""
    _, service, task, why = (unquote(part) for part in key.split("/"))
    named = (
        say("task {task} of {service}", task=task[:8], service=service)
        if service
        else say("task {task}", task=task[:8])
    )
    if how == "put":
        return say("{named} can be used by none of its callers: {why}", named=named, why=why)
    return say("{named} can be used by its callers again", named=named)


def _written(operation: str, what: str) -> str:
    """That ``operation`` wrote a document."""
    action = operation.rpartition(":")[2]
    for beginnings, verb in _VERBS:
        if action.startswith(beginnings):
            return verb(what)
    return say("wrote {what}", what=what)


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
