"""Who sends a request: the one place where callers become known.

A key id that we issued is always verified and is then the caller. Any other stands for the Unix
user at the other end of the connection, whom the kernel names; where it cannot, keys are needed.
Design note 036.
"""

from __future__ import annotations

import hmac
import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tealmesh.aws.callers import signatures
from tealmesh.aws.callers.peers import Peer
from tealmesh.aws.callers.signatures import Key, Signed
from tealmesh.aws.signing import UNSIGNED
from tealmesh.aws.wire.codec import Request
from tealmesh.model.clock import Clock
from tealmesh.model.errors import AwsError
from tealmesh.model.identity.caller import OURSELVES, Access, Principal
from tealmesh.model.identity.exchanged import FORM, ExchangedKeys, without_path
from tealmesh.model.identity.iam_keys import IamKey
from tealmesh.model.identity.issued import FILE, KnownCaller, TaskKeys, load
from tealmesh.model.identity.watched import Watched

_ROOT = 0


@dataclass(frozen=True)
class Claim:
    """A caller before the body of the request is read."""

    principal: Principal
    """Verified, unless `verified` is false: then `finish` has to follow."""
    verified: bool
    finish: Callable[[bytes], None]
    """Raises AwsError unless the body is what was signed."""
    signed: bool = False
    """Whether a signature has been verified, or will be by `finish`."""


class Callers:
    """Those whom one control plane knows."""

    def __init__(
        self,
        data_dir: Path,
        our_secret: str,
        tasks: TaskKeys,
        clock: Clock,
        exchanged: ExchangedKeys | None = None,
    ) -> None:
        """``our_secret``: that of the control plane's own calls."""
        self._exchanged = exchanged
        self._ours = Key(OURSELVES, our_secret)
        self._tasks = tasks
        self._clock = clock
        self._known: Watched[list[KnownCaller]] = Watched(
            data_dir / FILE, lambda: load(data_dir), []
        )

    def identify(
        self,
        request: Request,
        key_id: str,
        peer: Peer,
        inside: bool,
        of_iam: IamKey | None = None,
    ) -> Claim:
        """The caller of a request without its body, whose key id is ``key_id``. ``of_iam``: the key
        of IAM or STS with that id, if there is one.

        ``inside``: whether our own process is at the other end, as for what comes from a container:
        then only keys count. Raises AwsError, in the codes of the query protocol, for a caller who
        is not known or whose signature is wrong.
        """
        found = self._issued(request, key_id)
        if found is None and of_iam is not None:
            found = self._of_iam(request, of_iam)
        if found is not None:
            return self._signed(request, *found)
        user = None if inside else self._unix_user(peer)
        if user is None:
            raise self._unknown(key_id, peer, inside)
        return Claim(user, verified=True, finish=lambda body: None)

    def _issued(self, request: Request, key_id: str) -> tuple[Key, Principal] | None:
        if key_id == OURSELVES:
            return self._ours, Principal(OURSELVES, "admin")
        known = next((one for one in self._callers() if one.key_id == key_id), None)
        if known is not None:
            return Key(key_id, known.secret), _principal(known)
        if FORM in _token(request) and (exchanged := self._by_exchange(request, key_id)):
            return exchanged
        signed = signatures.read(request) if "teal." in _token(request) else None
        task = self._tasks.find(key_id, signed.token) if signed else None
        if task is None:
            return None
        if task.expires < self._clock():
            text = "The security token included in the request is expired"
            raise AwsError("ExpiredToken", text, status=400)
        name = task.role.rpartition("/")[2]
        account = task.role.split(":")[4]
        assumed = f"arn:aws:sts::{account}:assumed-role/{name}/{task.session}"
        return Key(key_id, task.secret), Principal(
            assumed, "role", role=task.role, unique_id=task.unique_id
        )

    def _by_exchange(self, request: Request, key_id: str) -> tuple[Key, Principal] | None:
        """Whoever has proven an AWS identity, if the owner lets it in still."""
        signed = signatures.read(request)
        if signed is None or self._exchanged is None:
            return None
        key = self._exchanged.find(key_id, signed.token)
        if key is None:
            return None
        if key.expires < self._clock():
            text = "The security token included in the request is expired"
            raise AwsError("ExpiredToken", text, status=400)
        who = self.of_arn(key.arn, key.session)
        if who is None:
            text = f"{key.arn} is let in no more"
            raise AwsError("AccessDenied", text, status=403)
        return Key(key_id, key.secret), who

    def of_arn(self, arn: str, session: str) -> Principal | None:
        """Who the owner says an IAM role or user is; None if it is not let in. ``session`` is what
        assumed the role.
        """
        known = next((one for one in self._callers() if without_path(one.role) == arn), None)
        if known is None:
            return None
        name = f"{known.name}/{session}" if session else known.name
        return replace(_principal(known), name=name)

    def _of_iam(self, request: Request, key: IamKey) -> tuple[Key, Principal]:
        signed = signatures.read(request)
        shown = signed.token if signed else ""
        if key.status != "Active" or not hmac.compare_digest(shown.encode(), key.token.encode()):
            text = "The security token included in the request is invalid"
            raise AwsError("InvalidClientTokenId", text, status=403)
        if 0 < key.expires < self._clock():
            text = "The security token included in the request is expired"
            raise AwsError("ExpiredToken", text, status=400)
        access: Access = "role" if key.decides else "admin"
        who = Principal(key.arn, access, role=key.decides, tagged=key.tagged)
        return Key(key.key_id, key.secret), who

    def _signed(self, request: Request, key: Key, principal: Principal) -> Claim:
        signed = signatures.read(request)
        if signed is None:
            raise AwsError(
                "IncompleteSignature",
                f"the key {key.id} must sign with AWS4-HMAC-SHA256",
                status=403,
            )
        early = signatures.says_its_hash(request)
        if early:
            signatures.verify(request, signed, key, self._clock(), None)
        return Claim(principal, early, self._finish(request, signed, key, early), signed=True)

    def _finish(
        self, request: Request, signed: Signed, key: Key, early: bool
    ) -> Callable[[bytes], None]:
        def finish(body: bytes) -> None:
            if early:
                signatures.verify_body(request, signed, key, body)
            else:
                signatures.verify(request, signed, key, self._clock(), body)

        return finish

    def _unix_user(self, peer: Peer) -> Principal | None:
        if peer.uid is None:
            return None
        name = _login(peer.uid)
        if peer.uid in (_ROOT, os.geteuid()):
            # Nobody is to pass for us in the audit log by a login name.
            shown = f"user {name}" if name == OURSELVES else name
            return Principal(shown, "admin", origin=f"unix:{name}")
        known = next((one for one in self._callers() if one.unix_user == name), None)
        return _principal(known) if known is not None else None

    def present(self, origin: str) -> Principal | None:
        """Who is known at present by what `Principal.origin` says; None for nobody any more."""
        how, _, name = origin.partition(":")
        if how == "unix" and name in (_login(_ROOT), _login(os.geteuid())):
            return Principal(name, "admin", origin=origin)
        for one in self._callers():
            if name and name == (one.unix_user if how == "unix" else one.key_id):
                return _principal(one)
        return None

    def _callers(self) -> list[KnownCaller]:
        """Those of the file, which is read again when it has changed. Whom a damaged one named
        until now, it goes on naming.
        """
        return self._known.current()

    def _unknown(self, key_id: str, peer: Peer, inside: bool) -> AwsError:
        if inside:
            how = "a task calls with the credentials of its role (taskRoleArn)"
        elif peer.is_remote:
            how = (
                "who calls from elsewhere is known by signatures alone: sign with keys that the "
                "owner of this control plane issues by `teal credentials NAME --new`"
            )
        elif peer.uid is None:
            how = (
                "the kernel does not say whose connection this is, so it must be signed with keys "
                "from `teal credentials`, or exported by `teal env`"
            )
        else:
            how = (
                f"this control plane is of the Unix user {_login(os.geteuid())}, and this "
                f"connection of {_login(peer.uid)}: sign with keys that its owner issues by "
                f"`teal credentials --new NAME`"
            )
        if key_id == UNSIGNED:
            text = f"Request is missing Authentication Token: {how}"
            return AwsError("MissingAuthenticationToken", text, status=403)
        text = f"The security token included in the request is invalid: {how}"
        return AwsError("InvalidClientTokenId", text, status=403)


def _token(request: Request) -> str:
    return request.headers.get("x-amz-security-token", "") or (
        request.query if "X-Amz-Security-Token=" in request.query else ""
    )


def _principal(known: KnownCaller) -> Principal:
    origin = f"unix:{known.unix_user}" if known.unix_user else f"key:{known.key_id}"
    return Principal(known.name, known.access, known.meshes, known.services, origin=origin)


@lru_cache(64)
def _login(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"
