"""Tokens of OpenID Connect that were forged, altered, or made for somebody else."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.app.dashboard.identity import identity_route
from tealmesh.aws.callers.front import LISTENED, PEER
from tealmesh.aws.callers.oidc.issuers import FRESH_SECONDS, PAUSE_SECONDS, IssuersKeys
from tealmesh.aws.callers.oidc.people import OF_LOAD_BALANCERS, People
from tealmesh.aws.callers.peers import Peer
from tealmesh.model.clock import Steady, Wall
from tealmesh.model.errors import AwsError, TealError
from tealmesh.model.identity.oidc import parse
from tests.support.identity.issuer import BALANCER, CLIENT, ISSUER, Issuer, claims, issuer

ANN = {"claim": "email", "value": "ann@example.com", "access": "deployer", "services": ["web"]}
SRE = {"claim": "groups", "value": "sre", "access": "admin"}
NOW = 1_800_000_000.0


class World:
    """A control plane's verifier, with the time in hand."""

    def __init__(self, double: Issuer, *, balancer: bool) -> None:
        self.double = double
        self.balancer = balancer
        self.at = 0.0
        more = {"signer": BALANCER, "keys": f"{double.url}/pem/"} if balancer else {}
        self.provider = parse(json.dumps({**CONFIG, "keys": f"{double.url}/jwks", **more}), "f")
        keys = IssuersKeys(Steady(lambda: self.at))
        self.people = People(lambda: self.provider, keys, Wall(lambda: NOW))

    def token(self, kid: str, header: dict[str, Any] | None = None, **changed: Any) -> str:
        said = claims(**{"exp": NOW + 300, **changed})
        make = self.double.of_balancer if self.balancer else self.double.token
        return make(kid, said, **(header or {}))

    def shown(self, token: str, address: str = "10.0.0.7", *, listened: bool = True) -> Any:
        name = OF_LOAD_BALANCERS if self.balancer else "authorization"
        shown = token if self.balancer else f"Bearer {token}"
        return asyncio.run(self.people.shown({name: shown}, address, listened))

    def refused(self, token: str, address: str = "10.0.0.7", *, listened: bool = True) -> str:
        with pytest.raises(AwsError) as caught:
            self.shown(token, address, listened=listened)
        return f"{caught.value.code}: {caught.value.message}"


CONFIG = {
    "issuer": ISSUER,
    "audience": CLIENT,
    "proxies": ["10.0.0.0/24"],
    "people": [SRE, ANN],
}


@pytest.fixture(params=["load balancer", "issuer"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with issuer() as double:
        double.elliptic("first")
        yield World(double, balancer=request.param == "load balancer")


def test_somebody_who_is_let_in(world: World) -> None:
    shown = world.shown(world.token("first"))
    assert (shown.who.name, shown.who.access) == ("oidc:ann@example.com", "deployer")
    assert (shown.who.services, shown.who.origin) == (("web",), "oidc:ann@example.com")
    assert shown.claims == {"email": ["ann@example.com"]}
    first = world.shown(world.token("first", groups=["dev", "sre"]))
    assert (first.who.access, first.claims["groups"]) == ("admin", ["sre"])
    assert len(world.double.asked) == 1


def test_with_the_padding_that_load_balancers_leave(world: World) -> None:
    if not world.balancer:
        return
    key = world.double.keys["first"]
    head = {"alg": "ES256", "kid": "first", "signer": BALANCER, "client": CLIENT, "iss": ISSUER}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode())
        for part in ({**head, "exp": NOW + 9}, {"email": "ann@example.com"})
    ]
    signature = jwt.get_algorithm_by_name("ES256").sign(b".".join(parts), key)
    token = b".".join([*parts, base64.urlsafe_b64encode(signature)]).decode()
    assert token.endswith("=")
    assert world.shown(token).who.name == "oidc:ann@example.com"


def test_forged(world: World) -> None:
    good = world.token("first")
    head, body, mac = good.split(".")
    other = Issuer(keys={"first": ec.generate_private_key(ec.SECP256R1())})
    world_of_other = replace_double(world, other)
    eve = base64.urlsafe_b64encode(json.dumps(claims(groups=["sre"])).encode()).decode()
    for forged in (
        world_of_other.token("first"),
        f"{head}.{eve.rstrip('=')}.{mac}",
        f"{head}.{body}.",
        f"{head}.{body}.{mac[:-4]}AAAA",
        f"{head}.{body}",
        "x" * 20_000,
        "é.é.é",
    ):
        assert world.refused(forged).startswith("IdentityInvalid"), forged


def replace_double(world: World, double: Issuer) -> World:
    made = World(double, balancer=world.balancer)
    made.provider = replace(made.provider, keys=world.provider.keys)
    return made


def test_without_a_signature_or_with_the_public_key_as_a_secret(world: World) -> None:
    said = claims(exp=NOW + 300, groups=["sre"])
    more = {"signer": BALANCER, "client": CLIENT, "iss": ISSUER, "exp": NOW + 300}
    header = {"kid": "first", **(more if world.balancer else {})}
    public = world.double.keys["first"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    hmac = jwt.get_algorithm_by_name("HS256")
    head = _part({**header, "alg": "HS256", "typ": "JWT"})
    text = f"{head}.{_part(said)}"
    signature = hmac.sign(text.encode(), pem)
    confused = f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
    assert "alg is not ES256" in world.refused(confused)
    for none in ("none", "None", "NONE", "ES384", ""):
        unsigned = f"{_part({**header, 'alg': none})}.{_part(said)}."
        assert world.refused(unsigned).startswith("IdentityInvalid"), none


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_expired_and_not_good_yet(world: World) -> None:
    assert "has expired" in world.refused(world.token("first", exp=NOW - 61))
    assert world.shown(world.token("first", exp=NOW - 59))
    assert "not good yet" in world.refused(world.token("first", nbf=NOW + 61))
    for wrong in ("soon", True, {}):
        assert "is not a time" in world.refused(world.token("first", exp=wrong))
    if not world.balancer:
        assert "no end" in world.refused(world.token("first", exp=None))


def test_of_another_audience_issuer_or_signer(world: World) -> None:
    if world.balancer:
        for name, wrong in (("client", "another"), ("signer", BALANCER[:-1] + "0")):
            said = {"signer": BALANCER, "client": CLIENT, "iss": ISSUER, name: wrong}
            token = world.double.token("first", claims(aud=None, exp=NOW + 9), **said)
            assert f"{name} is not" in world.refused(token)
    else:
        for wrong in ("another", ["a", "b"], None, CLIENT + "x"):
            assert "is not for teal-client" in world.refused(world.token("first", aud=wrong))
        assert world.shown(world.token("first", aud=["a", CLIENT]))
    for wrong in (ISSUER + "/", ISSUER.upper(), ""):
        assert "issuer is not" in world.refused(world.token("first", iss=wrong))


@pytest.mark.parametrize("kid", ["../first", "first/../first", "first?x", "a b", "%2e", "é", ""])
def test_a_key_id_that_leads_elsewhere(world: World, kid: str) -> None:
    world.double.elliptic("second")
    world.refused(world.token("first", {"kid": kid}))
    assert set(world.double.asked) <= {"/jwks"}


def test_a_header_that_somebody_else_sends(world: World) -> None:
    good = world.token("first")
    for address, listened in (("10.0.1.7", True), ("", True), ("10.0.0.7", False)):
        told = world.refused(good, address, listened=listened)
        assert told.startswith("AccessDenied: identities count from the proxies")
    assert not world.double.asked


def test_somebody_who_is_not_let_in(world: World) -> None:
    eve = world.shown(world.token("first", email="eve@example.com"))
    assert (eve.name, eve.who) == ("oidc:eve@example.com", None)
    # An address that anybody could have written proves nothing.
    assert world.shown(world.token("first", email_verified=False)).who is None
    for nameless in (None, "", "a\nb", " ann", ["ann"], "x" * 300):
        assert "is not a name" in world.refused(world.token("first", email=nameless))


def test_the_audit_log_is_told_who_was_refused(world: World) -> None:
    told: list[tuple[str, str]] = []

    class Front:
        def tell(self, who: str, request: object, error: AwsError) -> None:
            told.append((who, error.code))

    async def fresh() -> None:
        return

    route = identity_route(world.people, cast("Any", None), cast("Any", Front()), fresh)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        peer = Peer(None, address="10.0.0.7", is_remote=True)
        await route.app({**scope, "state": {PEER: peer, LISTENED: True}}, receive, send)

    async def ask(token: str) -> int:
        name = OF_LOAD_BALANCERS if world.balancer else "authorization"
        named = {name: token if world.balancer else f"Bearer {token}", "origin": "https://x"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://x") as client:
            return (await client.post("/_teal/session/identity", headers=named)).status_code

    assert asyncio.run(ask(world.token("first", email="eve@example.com"))) == 403
    assert asyncio.run(ask("forged")) == 401
    assert told == [
        ("oidc:eve@example.com", "AccessDenied"),
        ("a proxy at 10.0.0.7", "IdentityInvalid"),
    ]


def test_keys_change_and_end(world: World) -> None:
    assert world.shown(world.token("first"))
    world.double.elliptic("second")
    world.at += PAUSE_SECONDS
    assert world.shown(world.token("second"))
    second = world.token("second")
    del world.double.keys["second"]
    world.at += FRESH_SECONDS
    assert "no key of the issuer" in world.refused(second)


def test_the_place_of_the_keys_is_away(world: World) -> None:
    good = world.token("first")
    for wrong in (500, 302, b"x" * 300_000, b"no key", b"[]"):
        world.double.instead = wrong
        world.double.location = f"{world.double.url}/pem/first"
        assert world.refused(good).startswith("ServiceUnavailable")
        asked = len(world.double.asked)
        assert world.refused(good).startswith("ServiceUnavailable")
        assert len(world.double.asked) == asked, "it is asked again after a pause"
        world.at += PAUSE_SECONDS
    world.double.instead = None
    assert world.shown(good)
    # Whoever is known goes on being known.
    world.double.instead = 500
    world.at += FRESH_SECONDS
    assert world.shown(good)
    world.at += 86_400
    assert world.refused(good).startswith("ServiceUnavailable")


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
def test_rsa_of_enough_bits() -> None:
    with issuer() as double:
        for kid, bits in (("small", 1024), ("large", 2048)):
            double.keys[kid] = rsa.generate_private_key(65537, bits)
        world = World(double, balancer=False)
        assert world.shown(world.token("large"))
        assert "no key of the issuer" in world.refused(world.token("small"))


WRONG = {
    "issuer": [None, 1, ""],
    "audience": [None, []],
    "proxies": [None, [], "10.0.0.1", ["10.0.0.1/8"], ["0.0.0.0/0"], ["::/0"], ["host"]],
    "keys": ["http://keys.example.com", "ftp://x", "https://u:p@x", "https://[", "https://x#y"],
    "signer": ["arn:aws:iam::1:role/x", BALANCER + "/x", BALANCER.replace("app", "net")],
    "people": [
        None,
        [],
        [1],
        [{**SRE, "access": "root"}],
        [{**SRE, "claim": ""}],
        [{**SRE, "services": ["web"]}],
        [{**ANN, "services": []}],
        [{**ANN, "who": "x"}],
    ],
    "unknown": [1],
}


@pytest.mark.parametrize(("member", "value"), [(k, v) for k, vs in WRONG.items() for v in vs])
def test_a_file_that_says_too_much_or_too_little(member: str, value: object) -> None:
    given = {**CONFIG, "keys": "https://login.example.com/jwks", member: value}
    with pytest.raises(TealError, match=rf"^f: {member}"):
        parse(json.dumps({k: v for k, v in given.items() if v is not None}), "f")


def test_where_the_keys_of_load_balancers_are() -> None:
    def keys(signer: str) -> str:
        return parse(json.dumps({**CONFIG, "signer": signer}), "f").keys

    assert keys(BALANCER) == "https://public-keys.auth.elb.eu-central-1.amazonaws.com/"
    gov = BALANCER.replace(":aws:", ":aws-us-gov:").replace("eu-central", "us-gov-west")
    place = "aws-elb-public-keys-prod-us-gov-west-1"
    assert keys(gov) == f"https://s3-us-gov-west-1.amazonaws.com/{place}/"
    china = BALANCER.replace(":aws:", ":aws-cn:").replace("eu-central", "cn-north")
    with pytest.raises(TealError, match="keys"):
        keys(china)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["sre", CLIENT, "*"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*CONFIG, "signer", "keys", "name"]), JSON))
def test_any_file_is_read_or_refused_in_a_line(given: dict[str, Any]) -> None:
    told = "f: "
    try:
        parse(json.dumps({**CONFIG, **given}), "f")
    except TealError as error:
        told = str(error)
    assert told.startswith("f: ")
    assert "\n" not in told


@given(st.dictionaries(st.sampled_from(["email", "groups", "email_verified", "sub"]), JSON))
def test_what_is_kept_of_claims_decides_as_they_do(claims: dict[str, Any]) -> None:
    anybody = {"claim": "sub", "value": "*", "access": "viewer"}
    text = json.dumps({**CONFIG, "keys": "https://x", "people": [SRE, ANN, anybody]})
    provider = parse(text, "f")
    assert provider.of(provider.kept(claims)) == provider.of(claims)
