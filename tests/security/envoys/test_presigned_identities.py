"""Tokens of STS: forged, expired, of another audience, with unsigned headers, redirected, replayed,
and what a STS that misbehaves can do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.aws.callers.proofs import Proofs
from tealmesh.model.clock import steady_clock, system_clock
from tealmesh.model.errors import ProofRefused, ProofUnverified
from tealmesh.model.identity.base64url import decoded
from tealmesh.model.identity.presigned import FORM, AwsIdentity, answered, checked, token
from tests.support.identity.sts import Session, Sts, identity, reply, sts

OURS = "teal-0123"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sts]:
    with sts(tmp_path_factory.mktemp("sts")) as double:
        yield double


@pytest.fixture
def double(running: Sts) -> Iterator[Sts]:
    running.asked.clear()
    yield running
    running.instead = None


@pytest.fixture
def session(double: Sts) -> Session:
    return double.assume("shop-task", "0af1")


def proofs(double: Sts, server_id: str = OURS) -> Proofs:
    return Proofs(server_id, system_clock, steady_clock, double.endpoint, double.context)


def verify(double: Sts, given: str, server_id: str = OURS) -> AwsIdentity:
    return asyncio.run(proofs(double, server_id).verify(given))


def url_of(given: str) -> str:
    return decoded(given.removeprefix(f"{FORM}.")).decode()


def test_a_token_proves_role_unique_id_and_session(double: Sts, session: Session) -> None:
    who = verify(double, double.token(session, OURS))
    assert (who.role, who.session, who.unique_id) == ("shop-task", "0af1", session.unique_id)
    assert who.arn == "arn:aws:iam::123456789012:role/shop-task"


def test_forged(double: Sts, session: Session) -> None:
    other = Session(session.role, session.session, session.unique_id, session.key_id, "x" * 40)
    with pytest.raises(ProofRefused, match="STS refused the token"):
        verify(double, double.token(other, OURS))


def test_of_another_audience(double: Sts, session: Session) -> None:
    with pytest.raises(ProofRefused, match="STS refused the token"):
        verify(double, double.token(session, "teal-of-others"))
    assert len(double.asked) == 1


def test_expired_or_good_for_too_long(double: Sts, session: Session) -> None:
    good = double.token(session, OURS)
    host = urlsplit(double.endpoint).netloc
    with pytest.raises(ProofRefused, match="expired"):
        checked(good, time.time() + 901, [host])
    with pytest.raises(ProofRefused, match="later than now"):
        checked(good, time.time() - 400, [host])
    with pytest.raises(ProofRefused, match="X-Amz-Expires"):
        verify(double, double.token(session, OURS, seconds=3600))
    assert double.asked == []


CHANGES = {
    "unsigned audience": ("host%3Bx-teal-server-id", "host"),
    "further signed header": ("host%3B", "host%3Bx-other%3B"),
    "another action": ("GetCallerIdentity", "AssumeRole"),
    "an action twice": ("?Action=", "?Action=AssumeRole&Action="),
    "an action in lower case": ("?Action=", "?action=AssumeRole&Action="),
    "a parameter of another service": ("?Action=", "?Bucket=x&Action="),
    "http": ("https://", "http://"),
    "a path": ("/?", "/x/../?"),
    "no path": ("/?", "?"),
    "a user": ("https://", "https://sts.amazonaws.com@"),
    "a fragment": ("&X-Amz-Date", "#&X-Amz-Date"),
    "another service": ("%2Fsts%2F", "%2Fiam%2F"),
    "a line break": ("?Action=", "?Action=%0A"),
    "a raw line break": ("/?Action", "/\n?Action"),
    "no signature": ("&X-Amz-Signature=", "&X-Amz-Signature=zz"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_no_honest_token_has_is_never_sent(double: Sts, session: Session, what: str) -> None:
    before, after = CHANGES[what]
    url = url_of(double.token(session, OURS))
    assert before in url
    with pytest.raises(ProofRefused):
        verify(double, token(url.replace(before, after, 1)))
    assert double.asked == []


HOSTS = {
    "sts.amazonaws.com": True,
    "sts.eu-central-1.amazonaws.com": True,
    "sts-fips.us-gov-west-1.amazonaws.com": True,
    "sts.cn-north-1.amazonaws.com.cn": True,
    "sts.eu-west-1.api.aws": True,
    "sts.eu-central-1.amazonaws.com.evil.com": False,
    "evil.com": False,
    "sts.eu-central-1.amazonaws.com:8443": False,
    "sts.bucket.s3.amazonaws.com": False,
    "sts.evil.elb.amazonaws.com": False,
    "sts.eu-central-1.amazonaws.com.": False,
    "169.254.169.254": False,
    "xsts.amazonaws.com": False,
}


@pytest.mark.parametrize(("host", "known"), HOSTS.items())
def test_only_hosts_of_sts_are_asked(double: Sts, session: Session, host: str, known: bool) -> None:
    url = url_of(double.token(session, OURS)).replace(urlsplit(double.endpoint).netloc, host)
    if known:
        assert checked(token(url), time.time()).url == url
    else:
        with pytest.raises(ProofRefused, match="not a host of STS"):
            checked(token(url), time.time())
    with pytest.raises(ProofRefused):
        verify(double, token(url))  # it asks its own alone


@given(st.text() | st.binary().map(lambda b: token(b.decode("latin-1"))))
def test_anything_else_is_refused_in_words(given: str) -> None:
    for one in (given, f"{FORM}.{given}", token(f"https://sts.amazonaws.com/?{given}")):
        with pytest.raises(ProofRefused):
            checked(one, time.time())


def test_redirected(double: Sts, session: Session) -> None:
    double.instead = lambda to: reply(to, 302, "", location="https://localhost:1/stolen")
    with pytest.raises(ProofUnverified, match="STS answered 302"):
        verify(double, double.token(session, OURS))
    assert len(double.asked) == 1


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no XML",
        BOMB + identity("shop-task", "0af1", "AROAEXAMPLEEXAMPLE12"),
        identity("shop-task", "0af1", "AROAEXAMPLEEXAMPLE12") + " " * 100_000,
        identity("shop-task", "0af1", "AROAEXAMPLEEXAMPLE12").replace("<UserId>", "<UserId>x"),
        identity("shop-task", "0af1", "AROAEXAMPLEEXAMPLE12").replace(":0af1<", ":other<"),
        identity("shop/task", "0af1", "AROAEXAMPLEEXAMPLE12"),
        identity("a", "b", "AROAEXAMPLEEXAMPLE12").replace("GetCallerIdentityR", "AssumeRoleR"),
    ],
)
def test_an_answer_that_is_no_identity(double: Sts, session: Session, body: str) -> None:
    double.instead = lambda to: reply(to, 200, body)
    with pytest.raises(ProofRefused):
        verify(double, double.token(session, OURS))


def test_sts_away(double: Sts, session: Session) -> None:
    """Nobody new is let in; a token that was proven is good until its end."""
    now = 0.0
    given = double.token(session, OURS)
    verifier = Proofs(OURS, system_clock, lambda: now, double.endpoint, double.context)

    async def scenario() -> None:
        nonlocal now
        proven = await verifier.verify(given)
        double.instead = lambda to: reply(to, 503, "")
        now = 100.0
        assert await verifier.verify(given) == proven
        assert len(double.asked) == 2
        with pytest.raises(ProofUnverified, match="STS answered 503"):
            await verifier.verify(double.token(session, OURS, seconds=800))
        late = Proofs(OURS, lambda: time.time() + 1000, steady_clock, double.endpoint)
        with pytest.raises(ProofRefused, match="expired"):
            await late.verify(given)

    asyncio.run(scenario())


def test_a_sts_with_another_certificate(double: Sts, session: Session) -> None:
    async def scenario() -> None:
        with pytest.raises(ProofUnverified, match="CERTIFICATE_VERIFY_FAILED"):
            await Proofs(OURS, system_clock, steady_clock, double.endpoint).verify(
                double.token(session, OURS)
            )

    asyncio.run(scenario())


def test_users_are_told_from_roles() -> None:
    body = identity("x", "y", "AIDAEXAMPLEEXAMPLE12").replace(":y<", "<")
    who = answered(
        body.replace("sts::", "iam::").replace("assumed-role/x/y", "user/ci/ann").encode()
    )
    assert (who.arn, who.session) == ("arn:aws:iam::123456789012:user/ci/ann", "")
