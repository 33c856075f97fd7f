"""People whom a proxy has asked who they are: what the owner says of it, and who of them may what.

The file of `teal up --oidc` names one issuer of identities, the proxies that pass them on, and who
is let in. Pure, but for `load`. Design note 044.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from tealmesh.model.errors import TealError
from tealmesh.model.identity.issued import ALL, PersonAccess

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Claims = Mapping[str, object]
"""What a verified token says of somebody."""

_ACCESS = ("viewer", "deployer", "admin")
_SIGNER = re.compile(
    r"arn:(aws|aws-us-gov|aws-cn):elasticloadbalancing:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}"
    r":loadbalancer/app/[A-Za-z0-9-]+/[0-9a-f]+"
)
_MEMBERS = ("issuer", "audience", "signer", "keys", "proxies", "name", "people")
_RULE = ("claim", "value", "access", "services", "meshes")
_NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,198}[^\s\x00-\x1f\x7f])?")


@dataclass(frozen=True)
class Rule:
    """Who has which access: those whose claim is, or contains, the value."""

    claim: str
    value: str
    """``*`` for any."""
    access: PersonAccess
    meshes: tuple[str, ...] = (ALL,)
    services: tuple[str, ...] = (ALL,)


@dataclass(frozen=True)
class Provider:
    """An issuer of identities, as one control plane believes it."""

    issuer: str
    audience: str
    """For whom tokens must be made: the client id."""
    keys: str
    """URL of the issuer's keys (JWKS); with `signer`, that which a key's id is added to."""
    proxies: tuple[Network, ...]
    """The addresses from which an identity counts."""
    people: tuple[Rule, ...]
    """The first that fits counts."""
    signer: str = ""
    """ARN of the Application Load Balancer that signs; empty where the issuer's tokens come."""
    name: str = "email"
    """The claim that is somebody's name."""

    def is_proxy(self, address: str) -> bool:
        """Whether identities may come from an address."""
        try:
            at = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(at in network for network in self.proxies)

    def of(self, claims: Claims) -> Rule | None:
        """What somebody may do; None for somebody who is not let in."""
        return next((one for one in self.people if _fits(one, claims)), None)

    def kept(self, claims: Claims) -> dict[str, list[str]]:
        """Of the claims, what decides: enough to ask `of` again later."""
        kept: dict[str, list[str]] = {}
        for rule in self.people:
            if _fits(rule, claims):
                value = _values(claims, rule.claim)[0] if rule.value == ALL else rule.value
                kept.setdefault(rule.claim, []).append(value)
        return kept

    def named(self, claims: Claims) -> str | None:
        """Somebody's name; None if the claims have none that can be shown."""
        name = claims.get(self.name)
        return name if isinstance(name, str) and _NAME.fullmatch(name) else None


def _fits(rule: Rule, claims: Claims) -> bool:
    if rule.claim == "email" and claims.get("email_verified") in (False, "false"):
        return False  # anybody could have written it
    values = _values(claims, rule.claim)
    return bool(values) if rule.value == ALL else rule.value in values


def _values(claims: Claims, claim: str) -> Sequence[str]:
    found = claims.get(claim)
    several = found if isinstance(found, list) else [found]
    return [one for one in several if isinstance(one, str) and one]


def load(file: Path) -> Provider:
    """What a file says. Raises TealError, also if it cannot be read."""
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise TealError(f"{file}: not UTF-8 text") from error
    except OSError as error:
        raise TealError(f"{file} cannot be read: {error.strerror}") from error


def parse(text: str, file: str) -> Provider:
    """What a file says. Raises TealError, which names the member and what is allowed."""

    def wrong(member: str, what: str) -> TealError:
        return TealError(f"{file}: {member}: {what}")

    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TealError(f"{file}: this is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise TealError(f"{file}: must be an object with {', '.join(_MEMBERS)}")
    read = _Reader(given, "", wrong)
    read.only(_MEMBERS)
    signer = read.text("signer", "")
    match = _SIGNER.fullmatch(signer)
    if signer and match is None:
        raise wrong("signer", f"{signer!r} must be the ARN of an Application Load Balancer")
    keys = read.text("keys", _keys_of(match) if match else "")
    if not keys:
        what = "the URL that keys of this load balancer are at" if signer else "the issuer's JWKS"
        raise wrong("keys", f"must be {what}, https://…")
    _check_url(keys, lambda what: wrong("keys", what))
    return Provider(
        read.text("issuer"),
        read.text("audience"),
        keys,
        tuple(_network(one, wrong) for one in read.texts("proxies")),
        tuple(_rules(given.get("people"), wrong)),
        signer,
        read.text("name", "email"),
    )


def _keys_of(signer: re.Match[str]) -> str:
    """Where AWS has the keys of load balancers. It names no place in China.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
    """
    partition, region = signer[1], signer[2]
    if partition == "aws-us-gov":
        return f"https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}/"
    return f"https://public-keys.auth.elb.{region}.amazonaws.com/" if partition == "aws" else ""


def _check_url(url: str, wrong: Callable[[str], TealError]) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise wrong(f"{url!r} is not a URL: {error}") from error
    if not host or parts.username or parts.password or parts.fragment:
        raise wrong(f"{url!r} must be an https URL without a user and without a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise wrong(f"{url!r} must be https: plain http is for loopback alone")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _network(text: str, wrong: Callable[[str, str], TealError]) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        what = f"{text!r} must be an address or a network, such as 10.0.0.7 or 10.0.0.0/24"
        raise wrong("proxies", what) from error
    if network.prefixlen == 0:
        raise wrong("proxies", f"{text!r} is everybody: name the proxies' addresses or networks")
    return network


def _rules(given: object, wrong: Callable[[str, str], TealError]) -> Sequence[Rule]:
    if not isinstance(given, list) or not given:
        what = 'must list who is let in: {"claim": "groups", "value": "sre", "access": "admin"}'
        raise wrong("people", what)
    rules = []
    for number, one in enumerate(given):
        if not isinstance(one, dict):
            raise wrong(f"people[{number}]", f"must have {', '.join(_RULE)}")
        read = _Reader(one, f"people[{number}].", wrong)
        read.only(_RULE)
        access = read.text("access")
        if access not in _ACCESS:
            raise wrong(f"people[{number}].access", f"{access!r} must be {', '.join(_ACCESS)}")
        for member in ("services", "meshes"):
            if member in one and access != "deployer":
                raise wrong(f"people[{number}].{member}", "is for deployers")
        rules.append(
            Rule(
                read.text("claim"),
                read.text("value"),
                cast("PersonAccess", access),
                tuple(read.texts("meshes", (ALL,))),
                tuple(read.texts("services", (ALL,))),
            )
        )
    return rules


@dataclass(frozen=True)
class _Reader:
    """Members of one object of the file."""

    given: Mapping[str, object]
    prefix: str
    wrong: Callable[[str, str], TealError]

    def only(self, known: Sequence[str]) -> None:
        for member in self.given:
            if member not in known:
                raise self.wrong(self.prefix + member, f"is unknown: use {', '.join(known)}")

    def text(self, member: str, default: str | None = None) -> str:
        found = self.given.get(member, default)
        if not isinstance(found, str) or (not found and default is None):
            raise self.wrong(self.prefix + member, "must be a string")
        return found

    def texts(self, member: str, default: Sequence[str] = ()) -> Sequence[str]:
        found = self.given.get(member, list(default))
        if not isinstance(found, list) or not found:
            raise self.wrong(self.prefix + member, "must be a list of strings")
        if not all(isinstance(one, str) and one for one in found):
            raise self.wrong(self.prefix + member, "must be a list of strings")
        return found
