"""The App Mesh API, 2019-01-25: all 38 operations on documents in the store.

Create, describe, update, delete and list of the seven resources are one flow each over `Noun`s;
`operations.OPERATIONS` says which operation is which. Every check of a change is made inside the
one store transaction that makes it, so two callers cannot together break what each alone would
keep: a reference always has its target, a quota holds, a name is taken once. A specification is
stored as sent, with what App Mesh itself adds (`Noun.filled`), and returned so.

https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from tealmesh.apis.appmesh.calls import Call, read_call, resource_data, resource_list
from tealmesh.apis.appmesh.grace import drop_stale_routes, keep_last_route
from tealmesh.apis.appmesh.nouns import MESH, NOUNS, MeshContent, Noun, Resource
from tealmesh.apis.appmesh.operations import OPERATIONS, Verb
from tealmesh.apis.appmesh.quotas import Quotas, check_backends, check_room
from tealmesh.apis.appmesh.references import check_dependents, check_references, check_unused
from tealmesh.apis.appmesh.spec_rules import Problems, name_problems
from tealmesh.apis.appmesh.tokens import LIFETIME_SECONDS, expire, once
from tealmesh.apis.paging import Pager
from tealmesh.apis.requests import MAX_TAGS, merged_tags
from tealmesh.envoy.support import unsupported
from tealmesh.model.appmesh import ResourceBody, ResourceData, ResourceRef, S
from tealmesh.model.arn import Arn
from tealmesh.model.clock import Clock, NewId
from tealmesh.model.errors import AwsError, CertificateError
from tealmesh.model.identity.caller import Caller
from tealmesh.model.mesh import Kind
from tealmesh.store import Document, Reader, Store, Transaction, tables

if TYPE_CHECKING:
    from types_boto3_appmesh.type_defs import (
        ListTagsForResourceInputTypeDef,
        TagRefTypeDef,
        TagResourceInputTypeDef,
        UntagResourceInputTypeDef,
    )

_BAD_REQUEST = "BadRequestException"

TakeCertificate = Callable[[str], Awaitable[None]]
"""Raises CertificateError if ACM does not give what Envoys need of an ARN."""

Data = dict[str, ResourceData]
"""The answer of Create, Describe, Update and Delete."""

Listed = dict[str, list[ResourceRef] | str]
"""The answer of List."""


class Empty(TypedDict):
    """The answer of an operation that returns nothing."""


class ListTags(TypedDict):
    """The answer of ListTagsForResource."""

    tags: list[TagRefTypeDef]
    nextToken: NotRequired[str]


@dataclass(frozen=True)
class _Moment:
    """What a change needs from outside, taken before it runs: changes are pure."""

    now: float
    uid: str


class AppMesh:
    """The service: ``await service.create_mesh(caller, request)`` takes a validated request and
    returns the operation's output structure.

    ``account`` is the account that it answers for. Envoys keep a router's last route for
    ``route_grace`` seconds after it is deleted (`grace`). Operations raise AwsError with the codes
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

    async def tag_resource(self, caller: Caller, request: TagResourceInputTypeDef) -> Empty:
        """Set tags: https://docs.aws.amazon.com/app-mesh/latest/APIReference/API_TagResource.html"""
        return await self._retag(
            caller,
            "TagResource",
            request["resourceArn"],
            lambda tags: _tagged(tags, request["tags"]),
        )

    async def untag_resource(self, caller: Caller, request: UntagResourceInputTypeDef) -> Empty:
        """Remove tags by key; keys that are not set are no error."""
        removed = set(request["tagKeys"])
        return await self._retag(
            caller,
            "UntagResource",
            request["resourceArn"],
            lambda tags: {key: value for key, value in tags.items() if key not in removed},
        )

    async def list_tags_for_resource(
        self, caller: Caller, request: ListTagsForResourceInputTypeDef
    ) -> ListTags:
        """List the tags of a resource in the order of their keys, in pages."""
        arn = request["resourceArn"]
        tags = self._by_arn(self._store.view, arn)[1].body["tags"]
        pager = Pager(_BAD_REQUEST, ("tags", arn), largest=MAX_TAGS, limit_member="limit")
        keys, token = pager.page(list(tags), request.get("limit"), request.get("nextToken"))
        answer: ListTags = {"tags": [{"key": key, "value": tags[key]} for key in keys]}
        return {**answer, "nextToken": token} if token else answer

    async def _create(self, noun: Noun[S], caller: Caller, call: Call[S]) -> Data:
        await self._take_certificates(noun, call.spec)
        moment = self._moment()

        def change(tx: Transaction) -> Data:
            names = call.names
            self._check_scope(tx, noun, call)
            if tx.get(noun.collection, *names) is not None:
                raise AwsError("ConflictException", f"{self._named(noun, names)} already exists")
            _refuse(name_problems(noun.kind, noun.name_member, names[-1]))
            check_room(self._quotas, MeshContent(tx, names[0]), noun, names[:-1])
            body: ResourceBody[S] = {
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
                "spec": self._checked_spec(noun, call.spec),
                "tags": _tagged({}, call.tags),
            }
            return self._put(tx, noun, body)

        return await self._write(caller, f"Create{noun.title}", call, change)

    async def _describe(self, noun: Noun[S], caller: Caller, call: Call[S]) -> Data:
        document = self._existing(self._store.view, noun, call)
        return resource_data(noun, document.body, "ACTIVE")

    async def _update(self, noun: Noun[S], caller: Caller, call: Call[S]) -> Data:
        await self._take_certificates(noun, call.spec)
        moment = self._moment()

        def change(tx: Transaction) -> Data:
            body = self._existing(tx, noun, call).body.copy()
            self._check_version(noun, caller, call, body["version"])
            body["version"] += 1
            body["lastUpdatedAt"] = moment.now
            body["spec"] = self._checked_spec(noun, call.spec)
            answer = self._put(tx, noun, body)
            mesh = MeshContent(tx, call.names[0])
            check_dependents(mesh, Resource(noun, call.names, body["spec"]))
            return answer

        return await self._write(caller, f"Update{noun.title}", call, change)

    async def _delete(self, noun: Noun[S], caller: Caller, call: Call[S]) -> Data:
        def change(tx: Transaction) -> Data:
            names = call.names
            body = self._existing(tx, noun, call).body
            self._check_version(noun, caller, call, body["version"])
            mesh = MeshContent(tx, names[0])
            check_unused(mesh, Resource(noun, names, body["spec"]), self._account)
            route = tx.get(tables.ROUTES, *names) if noun.kind is Kind.ROUTE else None
            tx.delete(noun.collection, *names)
            if route is not None:
                keep_last_route(tx, route.body, self._route_grace)
            return resource_data(noun, body, "DELETED")

        return await self._write(caller, f"Delete{noun.title}", call, change)

    async def _list(self, noun: Noun[S], caller: Caller, call: Call[S]) -> Listed:
        view = self._store.view
        self._check_scope(view, noun, call)
        scope = call.names[: len(noun.name_members) - 1]
        bodies = {d.body["name"]: d.body for d in view.list(noun.collection, *scope)}
        pager = Pager(_BAD_REQUEST, (noun.kind.value, *scope), limit_member="limit")
        page, token = pager.items(bodies, call.limit, call.next_token)
        return resource_list(noun, page, token)

    def _checked_spec(self, noun: Noun[S], spec: S) -> S:
        """The specification to store. Raises AwsError if it breaks a rule."""
        check_backends(self._quotas, noun, spec)
        _refuse(noun.problems(spec))
        paths = [f"spec.{path}" for path in unsupported(noun.kind, spec)]
        if paths:
            raise AwsError(
                _BAD_REQUEST,
                f"{_named_together(paths)}: not supported by this version of Tealmesh yet; leave"
                " it out",
            )
        return noun.filled(spec)

    async def _take_certificates(self, noun: Noun[S], spec: S) -> None:
        """Fetch from ACM what Envoys will need: before the transaction, since it takes a while."""
        if self._take_certificate is None or noun.acm_arns is None:
            return
        _refuse(noun.problems(spec))
        for path, arn in noun.acm_arns(spec):
            try:
                await self._take_certificate(arn)
            except CertificateError as error:
                raise AwsError(_BAD_REQUEST, f"spec.{path} = {error}") from error

    def _put(self, tx: Transaction, noun: Noun[S], body: ResourceBody[S]) -> Data:
        names = noun.names(body)
        check_references(MeshContent(tx, names[0]), Resource(noun, names, body["spec"]))
        tx.put(noun.collection, *names, body=body)
        return resource_data(noun, body, "ACTIVE")

    def _moment(self) -> _Moment:
        return _Moment(self._clock(), str(uuid.UUID(hex=self._new_id())))

    async def _write(
        self,
        caller: Caller,
        operation: str,
        call: Call[S],
        change: Callable[[Transaction], Data],
    ) -> Data:
        present = self._store.now().at
        expiring = present >= self._expire_at

        def change_once(tx: Transaction) -> Data:
            if expiring:
                expire(tx)
            answer = once(tx, operation, call, lambda: change(tx))
            drop_stale_routes(tx, call.names[0])
            return answer

        answer = await self._store.write(caller.actor, operation, change_once)
        if expiring:
            self._expire_at = present + LIFETIME_SECONDS / 12
        return answer

    async def _retag(
        self,
        caller: Caller,
        operation: str,
        arn: str,
        retagged: Callable[[Mapping[str, str]], dict[str, str]],
    ) -> Empty:
        def change(tx: Transaction) -> None:
            _, document = self._by_arn(tx, arn)
            body = document.body.copy()
            body["tags"] = retagged(body["tags"])
            tx.replace(document, body)

        await self._store.write(caller.actor, operation, change)
        return {}

    # Any: an ARN may name a resource of each kind.
    def _by_arn(self, state: Reader, text: str) -> tuple[Noun[Any], Document[ResourceBody[Any]]]:
        try:
            arn = Arn.parse(text)
        except ValueError as error:
            raise AwsError(_BAD_REQUEST, f"resourceArn: {error}") from error
        segments = arn.resource.split("/")
        kinds, names = tuple(segments[::2]), tuple(segments[1::2])
        for noun in NOUNS.values():
            if kinds != tuple(m.removesuffix("Name") for m in noun.name_members):
                continue
            document = state.get(noun.collection, *names) if len(names) == len(kinds) else None
            if document is not None and document.body["arn"] == text:
                return noun, document
        raise AwsError("NotFoundException", f"Resource with arn {text} is not present")

    def _existing(self, state: Reader, noun: Noun[S], call: Call[S]) -> Document[ResourceBody[S]]:
        """The resource of a request. Raises NotFoundException and ForbiddenException."""
        self._check_scope(state, noun, call)
        document = state.get(noun.collection, *call.names)
        if document is None:
            raise AwsError("NotFoundException", f"{self._named(noun, call.names)} is not present")
        return document

    def _check_version(self, noun: Noun[S], caller: Caller, call: Call[S], present: int) -> None:
        """Refuse a change that was made from another version than the present one."""
        if caller.if_match not in ("", "*", str(present)):
            raise AwsError(
                "ConflictException",
                f"{self._named(noun, call.names)} has version {present}, not {caller.if_match} "
                "(If-Match): it has changed in the meantime; read it again",
            )

    def _check_scope(self, state: Reader, noun: Noun[S], call: Call[S]) -> None:
        """Check the owner, the mesh and the router or gateway of a request."""
        if call.owner is not None and call.owner != self._account:
            raise AwsError(
                "ForbiddenException",
                f"meshOwner = {call.owner!r}: must be {self._account}: no mesh of another account"
                " is shared with this one",
            )
        scope = call.names[: len(noun.name_members) - 1]
        if scope and state.get(MESH.collection, scope[0]) is None:
            named = self._named(MESH, scope[:1])
            raise AwsError("NotFoundException", f"{named} is not present")
        if noun.parent and state.get(NOUNS[noun.parent].collection, *scope) is None:
            named = self._named(NOUNS[noun.parent], scope)
            raise AwsError("NotFoundException", f"{named} is not present")

    def _named(self, noun: Noun[S], names: tuple[str, ...]) -> str:
        """``VirtualNode with name N under mesh M for account A``."""
        within = ""
        if noun.parent:
            within += f" under {NOUNS[noun.parent].title} {names[1]}"
        if noun.kind is not Kind.MESH:
            within += f" under mesh {names[0]}"
        return f"{noun.title} with name {names[-1]}{within} for account {self._account}"


def _tagged(present: Mapping[str, str], added: Iterable[TagRefTypeDef]) -> dict[str, str]:
    """``present`` with the tags of a request. Raises BadRequestException for a key that is
    reserved or given twice, and TooManyTagsException.
    """
    pairs = ((tag["key"], tag.get("value", "")) for tag in added)
    refuse, refuse_number = (partial(AwsError, c) for c in (_BAD_REQUEST, "TooManyTagsException"))
    return merged_tags(present, pairs, "tags.key", refuse, refuse_number)


def _refuse(problems: Problems) -> None:
    """Raise BadRequestException for the first five problems, if there are any."""
    messages = [str(problem) for problem in problems]
    if messages:
        raise AwsError(_BAD_REQUEST, "; ".join(messages[:5]))


def _named_together(paths: list[str]) -> str:
    """The structure that holds all these members if there is one, else the first few members."""
    members = zip(*(path.split(".") for path in paths), strict=False)
    common = [level[0] for level in takewhile(lambda level: len(set(level)) == 1, members)]
    return ".".join(common) if len(common) > 1 else ", ".join(paths[:5])


# Any: each operation reads and answers the specification of its own noun.
_FLOWS: Mapping[Verb, Callable[[AppMesh, Noun[Any], Caller, Call[Any]], Awaitable[Data | Listed]]]
_FLOWS = {
    Verb.CREATE: AppMesh._create,
    Verb.DESCRIBE: AppMesh._describe,
    Verb.UPDATE: AppMesh._update,
    Verb.DELETE: AppMesh._delete,
    Verb.LIST: AppMesh._list,
}


def _add_operation(name: str, verb: Verb, noun: Noun[S]) -> None:
    """Give `AppMesh` the method ``name``."""
    flow = _FLOWS[verb]

    async def operation(self: AppMesh, caller: Caller, request: Mapping[str, Any]) -> Data | Listed:
        return await flow(self, noun, caller, read_call(noun, request))

    operation.__name__, operation.__qualname__ = name, f"AppMesh.{name}"
    operation.__doc__ = f"{verb} {noun.plural if verb is Verb.LIST else noun.title}."
    setattr(AppMesh, name, operation)


for _name, (_verb, _noun) in OPERATIONS.items():
    _add_operation(_name, _verb, _noun)
