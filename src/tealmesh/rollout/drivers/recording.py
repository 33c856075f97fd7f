"""Clients that note every change made through them: what `teal apply` did, or would do.

A plan is an apply whose changes are noted and not made, so both say the same. What a planned call
would have made is not there to be read afterwards: `_planned_answer` and `_Pages` stand in for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from tealmesh.model.status import Change
from tealmesh.rollout.drivers.differences import differences

if TYPE_CHECKING:
    from tealmesh.rollout.drivers.aws import MakeClient

_READS = ("describe", "list", "get", "discover")
_PLANNED = "planned"
"""Stands for an identifier that AWS gives."""

Request = Mapping[str, object]


class Recorder:
    """Makes recording clients. ``perform``: whether changes are made as well as noted."""

    def __init__(self, make_client: MakeClient, *, perform: bool) -> None:
        self._make_client = make_client
        self.perform = perform
        self.changes: list[Change] = []
        self.namespaces: list[str] = []
        """Namespaces that are planned."""

    def client(self, service: str) -> Any:
        """A boto3 client as `Aws` expects it."""
        return _RecordingClient(self, service, self._make_client(service))


class _RecordingClient:
    def __init__(self, recorder: Recorder, service: str, client: Any) -> None:
        self._recorder = recorder
        self._service = service
        self._client = client

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if self._recorder.perform and operation == "get_paginator":
            return partial(self._client.get_paginator)
        if operation == "get_paginator":
            return lambda name: _Pages(self._recorder, self._client.get_paginator(name), name)
        if operation.partition("_")[0] in _READS:
            return partial(self._read, operation)
        return partial(self._write, operation)

    def _read(self, operation: str, **request: Any) -> Any:
        if request.get("OperationId") == _PLANNED:
            return {"Operation": {"Status": "SUCCESS"}}
        return getattr(self._client, operation)(**request)

    def _write(self, operation: str, **request: Any) -> Any:
        change = _change(self._service, operation, request, self._client)
        if self._recorder.perform:
            answer = getattr(self._client, operation)(**request)
        else:
            answer = _planned_answer(self._recorder, self._service, operation, request)
        if change is not None:
            self._recorder.changes.append(change)
        return answer


class _Pages:
    """A paginator to which what is planned is no surprise."""

    def __init__(self, recorder: Recorder, paginator: Any, operation: str) -> None:
        self._recorder = recorder
        self._paginator = paginator
        self._operation = operation

    def paginate(self, **request: Any) -> Iterator[Any]:
        from botocore.exceptions import ClientError

        if self._operation == "list_namespaces":
            planned = self._recorder.namespaces
            yield {"Namespaces": [{"Name": name, "Id": _PLANNED} for name in planned]}
        try:
            yield from self._paginator.paginate(**request)
        except ClientError as error:
            # Its parent is planned too.
            code = error.response.get("Error", {}).get("Code", "")
            if not code.endswith(("NotFoundException", "NotFound")):
                raise


def _planned_answer(recorder: Recorder, service: str, operation: str, request: Request) -> object:
    """What a call that is not made would have answered, as far as a driver reads it."""
    if (service, operation) == ("ecs", "register_task_definition"):
        arn = f"arn:aws:ecs:::task-definition/{request['family']}:new"
        return {"taskDefinition": {"taskDefinitionArn": arn}}
    if service == "servicediscovery" and operation.endswith("namespace"):
        recorder.namespaces.append(str(request["Name"]))
        return {"OperationId": _PLANNED}
    if (service, operation) == ("servicediscovery", "create_service"):
        return {"Service": {"Arn": _PLANNED}}
    return {}


def _change(service: str, operation: str, request: Request, client: Any) -> Change | None:
    """What a call changes, with the old values read from ``client``; None if it changes nothing."""
    verb, _, noun = operation.partition("_")
    if service == "appmesh":
        return _mesh_change(verb, noun, request, client)
    if service == "ecs":
        return _ecs_change(operation, request, client)
    kind = {"create_service": "Cloud Map service", "delete_service": "Cloud Map service"}.get(
        operation, "namespace"
    )
    return Change(_action(verb), f"{kind} {request.get('Name') or request.get('Id')}")


def _mesh_change(verb: str, noun: str, request: Request, client: Any) -> Change | None:
    names = {member: value for member, value in request.items() if member.endswith("Name")}
    own, *parents = reversed(names.values())
    what = f"{noun.replace('_', ' ')} {own}"
    if noun == "route":
        what += f" of router {parents[0]}"
    elif noun == "gateway_route":
        what += f" of gateway {parents[0]}"
    if verb != "update":
        return Change(_action(verb), what)
    head, *tail = noun.split("_")
    payload = head + "".join(word.capitalize() for word in tail)
    before = getattr(client, f"describe_{noun}")(**names)[payload].get("spec", {})
    details = differences(before, request["spec"])
    return Change("change", what, tuple(details)) if details else None


def _ecs_change(operation: str, request: Request, client: Any) -> Change | None:
    verb, _, _ = operation.partition("_")
    if operation == "create_cluster":
        return Change("create", f"cluster {request['clusterName']}")
    if operation == "create_service":
        count = request["desiredCount"]
        tasks = "1 task" if count == 1 else f"{count} tasks"
        return Change("create", f"ECS service {request['serviceName']}", (tasks,))
    if operation == "update_service":
        return _updated_service(request, client)
    if operation == "register_task_definition":
        return _registered(request, client)
    if operation == "tag_resource":
        return _tagged(request, client)
    name = request.get("service") or request.get("taskDefinition") or ""
    kind = "task definition" if "task_definition" in operation else "ECS service"
    return Change(_action(verb), f"{kind} {str(name).rpartition('/')[2]}")


def _updated_service(request: Request, client: Any) -> Change:
    name = request["service"]
    services = client.describe_services(cluster=request["cluster"], services=[name])["services"]
    before = services[0] if services else {}
    details = []
    for member, label in (("desiredCount", "desired count"), ("taskDefinition", "task definition")):
        old, new = before.get(member), request.get(member)
        if new is not None and old != new:
            shown = [str(value).rpartition("/")[2] for value in (old, new)]
            details.append(f"{label}: {' → '.join(shown)}")
    if request.get("forceNewDeployment"):
        details.append("started again")
    return Change("change", f"ECS service {name}", tuple(details))


def _tagged(request: Any, client: Any) -> Change:
    before = client.list_tags_for_resource(resourceArn=request["resourceArn"])["tags"]
    old = {tag["key"]: tag["value"] for tag in before}
    details = [
        f"{tag['key']}: {old.get(tag['key'], '(not set)')} → {tag['value']}"
        for tag in request["tags"]
    ]
    name = request["resourceArn"].rpartition("/")[2]
    return Change("change", f"ECS service {name}", tuple(details))


def _registered(request: Request, client: Any) -> Change:
    family = str(request["family"])
    arns = client.list_task_definitions(familyPrefix=family, sort="DESC", maxResults=1)[
        "taskDefinitionArns"
    ]
    if not arns:
        return Change("create", f"task definition {family}")
    newest = client.describe_task_definition(taskDefinition=arns[0])["taskDefinition"]
    # AWS adds members to what it was sent: those are not changed.
    sent = {member: newest.get(member) for member in request}
    details = differences(sent, request, only_in_wanted=True)
    return Change("change", f"task definition {family}", tuple(details) or ("a new revision",))


def _action(verb: str) -> Any:
    return {"create": "create", "delete": "delete", "deregister": "delete"}.get(verb, "change")
