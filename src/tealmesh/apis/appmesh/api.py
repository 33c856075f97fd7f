"""The App Mesh API, 2019-01-25: all 38 operations on documents in the store.

Create, describe, update, delete and list of the seven resources are one flow each over `Noun`s.
Every check of a change happens inside the one store transaction that makes it, so that two callers
cannot together break what each alone would keep: a reference always has its target, a quota holds,
a name is taken once. A specification is stored as sent (`appmesh_rules.filled` says what App Mesh
itself adds) and returned so.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from tealmesh.apis.appmesh import route_rules
from tealmesh.apis.appmesh import spec_rules as rules
from tealmesh.apis.appmesh.grace import linger, settle
from tealmesh.apis.appmesh.nouns import NOUNS, MeshContent, Noun, Resource
from tealmesh.apis.appmesh.quotas import Quotas, check_backends, check_room
from tealmesh.apis.appmesh.references import check_dependents, check_references, check_unused
from tealmesh.apis.appmesh.tokens import LIFETIME, expire, once
from tealmesh.apis.paging import Pager
from tealmesh.apis.requests import MAX_TAGS, merged_tags
from tealmesh.envoy.support import unsupported
from tealmesh.envoy.tls import arns_of_specs
from tealmesh.model.arn import Arn
from tealmesh.model.caller import Caller
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.errors import AwsError, CertificateError
from tealmesh.model.mesh import Kind
from tealmesh.store import Document, Store, Transaction, View

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import TagRefTypeDef

Request = Mapping[str, Any]
Answer = dict[str, Any]
Operation = Callable[[Caller, Request], Awaitable[Answer]]

_BAD_REQUEST = "BadRequestException"

_SPEC_RULES: Mapping[Kind, Callable[[rules.Spec], rules.Problems]] = {
    Kind.VIRTUAL_NODE: rules.virtual_node,
    Kind.VIRTUAL_ROUTER: rules.virtual_router,
    Kind.ROUTE: route_rules.route,
    Kind.VIRTUAL_GATEWAY: rules.virtual_gateway,
    Kind.GATEWAY_ROUTE: route_rules.gateway_route,
}


_WITH_TLS = frozenset({Kind.VIRTUAL_NODE, Kind.VIRTUAL_GATEWAY})

TakeCertificate = Callable[[str], Awaitable[None]]
"""Raises CertificateError when ACM does not give what Envoys need of an ARN."""


@dataclass(frozen=True)
class _Moment:
    """What a change needs from outside, taken before it runs: changes are pure."""

    now: float
    uid: str


class AppMesh:
    """The service. Operations are called as ``await service.create_mesh(caller, request)`` with a
    request that the codec has validated, and answer the operation's output structure.

    ``account`` is the one account that it answers for. A router's last route is served for
    ``route_grace`` seconds after it is deleted (`appmesh_grace`). Raises AwsError with the codes
    of the model.
    """

    def __init__(
        self,
        store: Store,
        account: str,
        clock: Clock,
        new_id: NewId,
        quotas: Quotas | None = None,
        route_grace: float = 0.0,
        take_certificate: TakeCertificate | None = None,
    ) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._new_id = new_id
        self._quotas = quotas or Quotas()
        self._take_certificate = take_certificate
        self._route_grace = route_grace
        self._expire_at = 0.0
        self._operations = self._resource_operations()

    def __getattr__(self, name: str) -> Operation:
        """The operations of the seven resources: ``create_mesh`` to ``list_gateway_routes``."""
        operation: Operation | None = self.__dict__.get("_operations", {}).get(name)
        if operation is None:
            raise AttributeError(f"{type(self).__name__} has no operation {name!r}")
        return operation

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._operations]

    async def tag_resource(self, caller: Caller, request: Request) -> Answer:
        """Set tags: https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_TagResource.html"""
        await self._retag(
            caller, "TagResource", request, lambda tags: _tagged(tags, request["tags"])
        )
        return {}

    async def untag_resource(self, caller: Caller, request: Request) -> Answer:
        """Remove tags by key; keys that are not set are no error."""
        gone = set(request["tagKeys"])
        await self._retag(
            caller,
            "UntagResource",
            request,
            lambda tags: {key: value for key, value in tags.items() if key not in gone},
        )
        return {}

    async def list_tags_for_resource(self, caller: Caller, request: Request) -> Answer:
        """The tags of a resource in the order of their keys, in pages."""
        arn = request["resourceArn"]
        tags = self._by_arn(self._store.view, arn)[1].body["tags"]
        pager = Pager(_BAD_REQUEST, ("tags", arn), largest=MAX_TAGS, limit_member="limit")
        keys, following = pager.page(list(tags), request.get("limit"), request.get("nextToken"))
        answer: Answer = {"tags": [{"key": key, "value": tags[key]} for key in keys]}
        return answer | ({"nextToken": following} if following else {})

    def _resource_operations(self) -> dict[str, Operation]:
        found: dict[str, Operation] = {}
        for noun in NOUNS.values():
            for verb, flow in (
                ("create", self._create),
                ("describe", self._describe),
                ("update", self._update),
                ("delete", self._delete),
            ):
                found[f"{verb}_{noun.verb_object}"] = _bound(flow, noun)
            found[f"list_{noun.verb_objects}"] = _bound(self._list, noun)
        return found

    async def _create(self, noun: Noun, caller: Caller, request: Request) -> Answer:
        await self._take_certificates(noun.kind, request)
        moment = self._moment()

        def change(tx: Transaction) -> Answer:
            names = noun.names(request)
            self._check_scope(tx, noun, request)
            if tx.get(noun.collection, *names) is not None:
                raise AwsError("ConflictException", f"{self._named(noun, names)} already exists")
            _refuse(rules.name_problems(noun.kind, noun.name_member, names[-1]))
            check_room(self._quotas, MeshContent(tx, names[0]), noun.kind, names[:-1])
            body = {
                "meshName": names[0],
                "name": names[-1],
                "parent": names[1] if noun.parent else "",
                "arn": noun.arn(caller.region, self._account, names),
                "uid": moment.uid,
                "version": 1,
                "createdAt": moment.now,
                "lastUpdatedAt": moment.now,
                "meshOwner": self._account,
                "resourceOwner": self._account,
                "spec": self._checked_spec(noun.kind, request),
                "tags": _tagged({}, request.get("tags", ())),
            }
            return self._put(tx, noun, names, body)

        return await self._write(caller, f"Create{noun.title}", request, moment, change)

    async def _describe(self, noun: Noun, caller: Caller, request: Request) -> Answer:
        document = self._existing(self._store.view, noun, request)
        return _answer(noun, document.body, "ACTIVE")

    async def _update(self, noun: Noun, caller: Caller, request: Request) -> Answer:
        await self._take_certificates(noun.kind, request)
        moment = self._moment()

        def change(tx: Transaction) -> Answer:
            names = noun.names(request)
            present = self._existing(tx, noun, request).body
            body = {
                **present,
                "version": present["version"] + 1,
                "lastUpdatedAt": moment.now,
                "spec": self._checked_spec(noun.kind, request),
            }
            answer = self._put(tx, noun, names, body)
            check_dependents(MeshContent(tx, names[0]), Resource(noun.kind, names, body["spec"]))
            return answer

        return await self._write(caller, f"Update{noun.title}", request, moment, change)

    async def _delete(self, noun: Noun, caller: Caller, request: Request) -> Answer:
        moment = self._moment()

        def change(tx: Transaction) -> Answer:
            names = noun.names(request)
            document = self._existing(tx, noun, request)
            resource = Resource(noun.kind, names, document.body["spec"])
            check_unused(MeshContent(tx, names[0]), resource, self._account)
            tx.delete(noun.collection, *names)
            if noun.kind is Kind.ROUTE:
                linger(tx, document.body, moment.now, self._route_grace)
            return _answer(noun, document.body, "DELETED")

        return await self._write(caller, f"Delete{noun.title}", request, moment, change)

    async def _list(self, noun: Noun, caller: Caller, request: Request) -> Answer:
        view = self._store.view
        self._check_scope(view, noun, request)
        scope = noun.scope(request)
        found = {d.body["name"]: d.body for d in view.list(noun.collection, *scope)}
        pager = Pager(_BAD_REQUEST, (noun.kind.value, *scope), limit_member="limit")
        bodies, following = pager.items(found, request.get("limit"), request.get("nextToken"))
        answer: Answer = {noun.list_member: [_reference(noun, body) for body in bodies]}
        return answer | ({"nextToken": following} if following else {})

    def _checked_spec(self, kind: Kind, request: Request) -> dict[str, Any]:
        """The request's spec as it will be stored, once it is known to be a right one."""
        spec = request.get("spec", {})
        check_backends(self._quotas, kind, spec)
        rule = _SPEC_RULES.get(kind)
        if rule:
            _refuse(rule(spec))
        paths = [f"spec.{path}" for path in unsupported(kind, spec)]
        if paths:
            raise AwsError(
                "BadRequestException",
                f"{_named_together(paths)}: not supported by this version of Tealmesh yet; leave"
                " it out",
            )
        return rules.filled(kind, spec)

    async def _take_certificates(self, kind: Kind, request: Request) -> None:
        """Have what Envoys will need of ACM: outside of the transaction, for it takes its time."""
        if self._take_certificate is None or kind not in _WITH_TLS:
            return
        spec = request.get("spec", {})
        _refuse(_SPEC_RULES[kind](spec))
        for path, arn in arns_of_specs([spec]):
            try:
                await self._take_certificate(arn)
            except CertificateError as error:
                raise AwsError("BadRequestException", f"spec.{path} = {error}") from error

    def _put(
        self, tx: Transaction, noun: Noun, names: tuple[str, ...], body: dict[str, Any]
    ) -> Answer:
        mesh = MeshContent(tx, names[0])
        check_references(mesh, Resource(noun.kind, names, body["spec"]))
        tx.put(noun.collection, *names, body=body)
        return _answer(noun, body, "ACTIVE")

    def _moment(self) -> _Moment:
        return _Moment(self._clock(), str(uuid.UUID(hex=self._new_id())))

    async def _write(
        self,
        caller: Caller,
        operation: str,
        request: Request,
        moment: _Moment,
        change: Callable[[Transaction], Answer],
    ) -> Answer:
        expiring = moment.now >= self._expire_at

        def checked(tx: Transaction) -> Answer:
            if expiring:
                expire(tx, moment.now)
            answer = once(tx, operation, request, moment.now, lambda: change(tx))
            settle(tx, request["meshName"])
            return answer

        answer = await self._store.write(caller.access_key, operation, checked)
        if expiring:
            self._expire_at = moment.now + LIFETIME / 12
        return answer

    async def _retag(
        self,
        caller: Caller,
        operation: str,
        request: Request,
        retagged: Callable[[Mapping[str, str]], dict[str, str]],
    ) -> None:
        def change(tx: Transaction) -> None:
            noun, document = self._by_arn(tx, request["resourceArn"])
            body = document.body
            tags = retagged(body["tags"])
            tx.put(noun.collection, *_names(noun, body), body={**body, "tags": tags})

        await self._store.write(caller.access_key, operation, change)

    def _by_arn(self, state: Transaction | View, text: str) -> tuple[Noun, Document]:
        try:
            arn = Arn.parse(text)
        except ValueError as error:
            raise AwsError("BadRequestException", f"resourceArn: {error}") from error
        segments = arn.resource.split("/")
        kinds, names = tuple(segments[::2]), tuple(segments[1::2])
        for noun in NOUNS.values():
            if kinds != tuple(m.removesuffix("Name") for m in noun.name_members):
                continue
            document = state.get(noun.collection, *names) if len(names) == len(kinds) else None
            if document is not None and document.body["arn"] == text:
                return noun, document
        raise AwsError("NotFoundException", f"Resource with arn {text} is not present")

    def _existing(self, state: Transaction | View, noun: Noun, request: Request) -> Document:
        self._check_scope(state, noun, request)
        names = noun.names(request)
        document = state.get(noun.collection, *names)
        if document is None:
            raise AwsError("NotFoundException", f"{self._named(noun, names)} is not present")
        return document

    def _check_scope(self, state: Transaction | View, noun: Noun, request: Request) -> None:
        """The owner, the mesh and the router or gateway that a request names."""
        owner = request.get("meshOwner", self._account)
        if owner != self._account:
            raise AwsError(
                "ForbiddenException",
                f"meshOwner = {owner!r}: must be {self._account}: no mesh of another account is"
                " shared with this one",
            )
        scope = noun.scope(request)
        if scope and state.get(NOUNS[Kind.MESH].collection, scope[0]) is None:
            named = self._named(NOUNS[Kind.MESH], scope[:1])
            raise AwsError("NotFoundException", f"{named} is not present")
        if noun.parent and state.get(NOUNS[noun.parent].collection, *scope) is None:
            named = self._named(NOUNS[noun.parent], scope)
            raise AwsError("NotFoundException", f"{named} is not present")

    def _named(self, noun: Noun, names: tuple[str, ...]) -> str:
        """``VirtualNode with name N under mesh M for account A``."""
        within = ""
        if noun.parent:
            within += f" under {NOUNS[noun.parent].title} {names[1]}"
        if noun.kind is not Kind.MESH:
            within += f" under mesh {names[0]}"
        return f"{noun.title} with name {names[-1]}{within} for account {self._account}"


def _bound(flow: Callable[[Noun, Caller, Request], Awaitable[Answer]], noun: Noun) -> Operation:
    def operation(caller: Caller, request: Request) -> Awaitable[Answer]:
        return flow(noun, caller, request)

    return operation


def _answer(noun: Noun, body: Mapping[str, Any], status: str) -> Answer:
    """The payload of Create, Describe, Update and Delete (API_VirtualNodeData and its like)."""
    names = dict(zip(noun.name_members, _names(noun, body), strict=True))
    metadata = ("arn", "uid", "version", "createdAt", "lastUpdatedAt", "meshOwner", "resourceOwner")
    data = {
        **names,
        "spec": body["spec"],
        "metadata": {member: body[member] for member in metadata},
        "status": {"status": status},
    }
    return {noun.kind.value: data}


def _reference(noun: Noun, body: Mapping[str, Any]) -> Answer:
    """One entry of List (API_VirtualNodeRef and its like)."""
    names = dict(zip(noun.name_members, _names(noun, body), strict=True))
    members = ("arn", "version", "createdAt", "lastUpdatedAt", "meshOwner", "resourceOwner")
    return {**names, **{member: body[member] for member in members}}


def _names(noun: Noun, body: Mapping[str, Any]) -> tuple[str, ...]:
    names = (body["meshName"], body["parent"], body["name"])
    return names[:1] if noun.kind is Kind.MESH else tuple(name for name in names if name)


def _tagged(present: Mapping[str, str], added: Iterable[TagRefTypeDef]) -> dict[str, str]:
    """``present`` with the tags of a request. Raises BadRequestException for a key that is
    reserved or given twice, and TooManyTagsException.
    """
    pairs = ((tag["key"], tag.get("value", "")) for tag in added)
    refuse = partial(AwsError, _BAD_REQUEST)
    return merged_tags(
        present, pairs, "tags.key", refuse, partial(AwsError, "TooManyTagsException")
    )


def _refuse(problems: rules.Problems) -> None:
    found = [str(problem) for problem in problems]
    if found:
        raise AwsError("BadRequestException", "; ".join(found[:5]))


def _named_together(paths: list[str]) -> str:
    """The members as one where they are all of one structure, else the first of them."""
    members = zip(*(path.split(".") for path in paths), strict=False)
    together = [one[0] for one in takewhile(lambda level: len(set(level)) == 1, members)]
    return ".".join(together) if len(together) > 1 else ", ".join(paths[:5])
