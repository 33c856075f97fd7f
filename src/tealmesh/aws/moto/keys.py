"""Access keys of IAM and STS: whose they are, with their secrets, for the front to verify.

moto issues keys and verifies none. Those of GetSessionToken are the same for everybody in moto;
here they are made, for the user who asks, or for the account's root if no user does.
GetFederationToken is left as it is: nobody can sign with what it answers. moto has no types: hence
Any.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from tealmesh.aws.moto.instead import instead_of
from tealmesh.model.arn import DEFAULT_ACCOUNT
from tealmesh.model.identity.iam_keys import IamKey

_PARTITION = "aws"
_SESSION_SECONDS = 43200


@dataclass(frozen=True)
class _Session:
    """What GetSessionToken has given."""

    key: Any
    token: str
    expiration: datetime.datetime
    user: str
    """The name of the user; empty for the account's root."""


_sessions: dict[str, _Session] = {}
"""By the id of their key."""


def find(key_id: str) -> IamKey | None:
    """The key with this id, of a user or a role that there is. moto must be loaded."""
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    iam: Any = iam_backends[DEFAULT_ACCOUNT][_PARTITION]
    for user in list(iam.users.values()):
        for key in list(user.access_keys):
            if key.access_key_id == key_id:
                return IamKey(key_id, key.secret_access_key, user.arn, user.arn, status=key.status)
    if (session := _sessions.get(key_id)) is not None:
        return _of_session(iam, session)
    for role in list(sts_backends[DEFAULT_ACCOUNT][_PARTITION].assumed_roles):
        if role.access_key_id == key_id and _is_there(iam, role.role_arn):
            expires = _epoch(role.expiration)
            secret, token = role.secret_access_key, role.session_token
            tagged = getattr(role, "tagged", False)
            return IamKey(key_id, secret, role.arn, role.role_arn, token, expires, tagged=tagged)
    return None


def correct_models(module: Any) -> None:
    """Correct ``moto.sts.models``: who asks with keys of a session is its user, and what has ended
    is forgotten.
    """

    @instead_of(module.STSBackend, "get_caller_identity")
    def identity(original: Any, self: Any, access_key_id: str, region: str) -> Any:
        session = _sessions.get(access_key_id)
        if session is None:
            return original(self, access_key_id, region)
        if not session.user:
            return self.account_id, _root(self.account_id), self.account_id
        user = _iam().get_user(session.user)
        return user.id, user.arn, user.account_id

    @instead_of(module.STSBackend, "_create_access_key")
    def create(original: Any, self: Any, *arguments: Any, **named: Any) -> Any:
        forget(module.utcnow())
        return original(self, *arguments, **named)


def correct_responses(module: Any) -> None:
    """Correct ``moto.sts.responses``."""

    def get_session_token(self: Any) -> Any:
        from moto.core.utils import utcnow
        from moto.sts.utils import random_session_token

        forget(utcnow())
        seconds = self._get_int_param("DurationSeconds", _SESSION_SECONDS)
        user = _iam().get_user_from_access_key_id(self.get_access_key())
        key = _iam().create_temp_access_key()
        end = utcnow() + datetime.timedelta(seconds=seconds)
        session = _Session(key, random_session_token(), end, user.name if user else "")
        _sessions[key.access_key_id] = session
        shown = {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "SessionToken": session.token,
            "Expiration": session.expiration,
        }
        return module.ActionResult({"Credentials": shown})

    module.TokenResponse.get_session_token = get_session_token

    @instead_of(module.TokenResponse, "assume_role")
    def assume(original: Any, self: Any) -> Any:
        answer = original(self)
        role = answer.result["Credentials"]
        role.tagged = bool(self._get_param("Tags")) or _is_tagged(self)
        return answer

    for name in ("assume_role_with_web_identity", "assume_role_with_saml"):

        @instead_of(module.TokenResponse, name)
        def assume_by(original: Any, self: Any) -> Any:
            answer = original(self)
            # What has tags in it is the identity, which nobody reads here.
            answer.result["Credentials"].tagged = True
            return answer


def forget(now: datetime.datetime) -> None:
    """Forget credentials that have ended: moto keeps them for ever."""
    from moto.sts.models import sts_backends

    for key_id in [key_id for key_id, one in list(_sessions.items()) if one.expiration < now]:
        _sessions.pop(key_id, None)
        _iam().access_keys.pop(key_id, None)
    backend: Any = sts_backends[DEFAULT_ACCOUNT][_PARTITION]
    for role in [role for role in backend.assumed_roles if role.expiration < now]:
        backend.assumed_roles.remove(role)
        _iam().access_keys.pop(role.access_key_id, None)


def _is_tagged(request: Any) -> bool:
    """Whether somebody asks whose session has tags, which may go on to the next one."""
    key_id, roles = request.get_access_key(), request.backend.assumed_roles
    return any(getattr(one, "tagged", False) for one in roles if one.access_key_id == key_id)


def _of_session(iam: Any, session: _Session) -> IamKey | None:
    if session.user and session.user not in iam.users:
        return None
    arn = iam.users[session.user].arn if session.user else _root(DEFAULT_ACCOUNT)
    key, expires = session.key, _epoch(session.expiration)
    decides = arn if session.user else ""
    return IamKey(key.access_key_id, key.secret_access_key, arn, decides, session.token, expires)


def _is_there(iam: Any, arn: str) -> bool:
    return any(role.arn == arn for role in list(iam.roles.values()))


def _iam() -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[DEFAULT_ACCOUNT][_PARTITION]


def _root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


def _epoch(at: datetime.datetime) -> float:
    return (at if at.tzinfo is not None else at.replace(tzinfo=datetime.UTC)).timestamp()
