"""Tokens of OpenID Connect (JWT), and those that an Application Load Balancer signs. Pure.

The algorithm is that of the key, never that of the token (RFC 8725, 3.1). Design note 044.

https://www.rfc-editor.org/rfc/rfc8725
https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tealmesh.model.errors import ProofRefused
from tealmesh.model.identity.oidc import Claims, Provider

LONGEST_TOKEN = 16 * 1024
LEEWAY_SECONDS = 60
"""How far the issuer's clock may be from ours."""
_LEAST_RSA_BITS = 2048
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True)
class VerifyingKey:
    """A public key, with the one algorithm that it is used for."""

    algorithm: str
    """``RS256`` or ``ES256``."""
    public: RSAPublicKey | EllipticCurvePublicKey


def key_id(token: str) -> str:
    """The id of the key that a token says it is signed with; empty for none. Raises ProofRefused
    for what is no token.
    """
    found = _header(token).get("kid", "")
    if not isinstance(found, str):
        raise ProofRefused("the token's kid is not text")
    return found


def can_be_in_url(kid: str) -> bool:
    """Whether a key's id names a key, rather than another place at the same host."""
    return _KEY_ID.fullmatch(kid) is not None


def key_of_pem(pem: bytes) -> VerifyingKey:
    """The key in a PEM file. Raises ProofRefused for another kind of key."""
    try:
        found = _usable(load_pem_public_key(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProofRefused(f"the key is not usable: {error}") from error
    if found is None:
        raise ProofRefused("the key is neither of P-256 nor of RSA with 2048 bits")
    return found


def keys_of_set(given: object) -> dict[str, VerifyingKey]:
    """The usable keys of a JWK set, by their ids. Raises ProofRefused for what is none.

    https://www.rfc-editor.org/rfc/rfc7517
    """
    members = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(members, list):
        raise ProofRefused("the issuer's keys are not a JWK set")
    found = {}
    for one in members:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        try:
            key = _usable(jwt.PyJWK(one).key)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # of a kind that is not ours
        if key is not None and one.get("alg", key.algorithm) == key.algorithm:
            found[str(one.get("kid", ""))] = key
    return found


def checked(token: str, provider: Provider, key: VerifyingKey, now: float) -> Claims:
    """What a token says of somebody, if it is good at ``now``. Raises ProofRefused."""
    header = _header(token)
    if header.get("crit") is not None:
        raise ProofRefused("the token has extensions that are not understood")
    if header.get("alg") != key.algorithm:
        raise ProofRefused(f"the token's alg is not {key.algorithm}, as its key is")
    try:
        claims: Claims = jwt.decode(
            token,
            key.public,
            algorithms=[key.algorithm],
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
            },
        )
    except jwt.PyJWTError as error:
        raise ProofRefused(f"the token is not good: {error}") from error
    _check(header if provider.signer else {}, claims, provider, now)
    return claims


def _check(header: Mapping[str, object], claims: Claims, provider: Provider, now: float) -> None:
    """What a signature does not say. Of a load balancer the header is for whom, and until when."""
    if provider.signer:
        for name, wanted in (("signer", provider.signer), ("client", provider.audience)):
            if header.get(name) != wanted:
                raise ProofRefused(f"the token's {name} is not {wanted}")
    elif provider.audience not in _audience(claims.get("aud")):
        raise ProofRefused(f"the token is not for {provider.audience}")
    places = (header, claims) if provider.signer else (claims,)
    issuers = {place["iss"] for place in places if isinstance(place.get("iss"), str)}
    if issuers != {provider.issuer}:
        raise ProofRefused(f"the token's issuer is not {provider.issuer}")
    ends = [_time(place, "exp") for place in places if "exp" in place]
    if not ends:
        raise ProofRefused("the token has no end (exp)")
    if min(ends) <= now - LEEWAY_SECONDS:
        raise ProofRefused("the token has expired")
    if any(_time(one, "nbf") > now + LEEWAY_SECONDS for one in places if "nbf" in one):
        raise ProofRefused("the token is not good yet")


def _audience(found: object) -> Sequence[object]:
    return found if isinstance(found, list) else [found]


def _time(claims: Claims, name: str) -> float:
    found = claims[name]
    # A load balancer writes numbers; others may write them as texts, which are none.
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise ProofRefused(f"the token's {name} is not a time")
    return float(found)


def _header(token: str) -> Mapping[str, object]:
    if len(token) > LONGEST_TOKEN:
        raise ProofRefused("the token is too long")
    try:
        header: Mapping[str, object] = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise ProofRefused(f"this is not a token: {error}") from error
    return header


def _usable(public: object) -> VerifyingKey | None:
    if isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1):
        return VerifyingKey("ES256", public)
    if isinstance(public, RSAPublicKey) and public.key_size >= _LEAST_RSA_BITS:
        return VerifyingKey("RS256", public)
    return None
