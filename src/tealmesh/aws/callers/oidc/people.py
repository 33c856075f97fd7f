"""People whom a proxy has asked who they are, by OpenID Connect. Design note 044.

What a proxy says counts where it listens beyond loopback, from the addresses that the owner has
named, and if its token is good. It begins a session of the page and nothing else: no request is
anybody's by such a header alone, since a browser sends it with every page's requests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tealmesh.aws.callers.oidc.issuers import IssuersKeys
from tealmesh.model.clock import Clock
from tealmesh.model.errors import AwsError, ProofRefused, ProofUnverified
from tealmesh.model.identity.caller import Principal
from tealmesh.model.identity.jwts import checked, key_id
from tealmesh.model.identity.oidc import Claims, Provider, Rule
from tealmesh.model.identity.sessions import OF_PROXIES, SessionBody

OF_LOAD_BALANCERS = "x-amzn-oidc-data"
_BEARER = "bearer "


@dataclass(frozen=True)
class Shown:
    """Somebody whom a proxy names."""

    name: str
    """As in the audit log."""
    who: Principal | None
    """None for who is not let in."""
    claims: dict[str, list[str]]
    """What decides that, kept with the session."""


class People:
    """Those of one control plane."""

    def __init__(self, provider: Callable[[], Provider], keys: IssuersKeys, wall: Clock) -> None:
        self._provider = provider
        self._keys = keys
        self._wall = wall

    async def shown(self, headers: Mapping[str, str], address: str, listened: bool) -> Shown | None:
        """Whom a proxy at ``address`` names; None where it names nobody. ``listened``: whether the
        connection came in beyond loopback. Raises AwsError.
        """
        provider = self._provider()
        token = _token(provider, headers)
        if not token:
            return None
        if not listened or not provider.is_proxy(address):
            raise AwsError(
                "AccessDenied",
                f"identities count from the proxies in the file of --oidc, at an address of "
                f"--listen: {address or 'this connection'} is none",
                status=403,
            )
        try:
            key = await self._keys.find(provider, key_id(token))
            claims = checked(token, provider, key, self._wall())
        except ProofRefused as error:
            raise AwsError("IdentityInvalid", str(error), status=401) from error
        except ProofUnverified as error:
            raise AwsError("ServiceUnavailable", str(error), status=503) from error
        return _shown(provider, claims)

    def present(self, session: SessionBody) -> Principal | None:
        """Who has a session that was begun so, by what the owner says now; None for nobody."""
        provider = self._provider()
        rule = provider.of(session.get("claims", {}))
        return None if rule is None else _principal(session["actor"], session["origin"], rule)


def _shown(provider: Provider, claims: Claims) -> Shown:
    name = provider.named(claims)
    if name is None:
        text = f"the token's {provider.name} is not a name: choose another claim by name"
        raise AwsError("IdentityInvalid", text, status=401)
    # Nobody is to pass for a Unix user, or for a key pair, in the audit log.
    shown = OF_PROXIES + name
    rule = provider.of(claims)
    who = None if rule is None else _principal(shown, shown, rule)
    return Shown(shown, who, provider.kept(claims))


def _token(provider: Provider, headers: Mapping[str, str]) -> str:
    if provider.signer:
        return headers.get(OF_LOAD_BALANCERS, "")
    given = headers.get("authorization", "")
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""


def _principal(name: str, origin: str, rule: Rule) -> Principal:
    return Principal(name, rule.access, rule.meshes, rule.services, origin=origin)
