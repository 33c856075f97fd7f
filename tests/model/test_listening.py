"""What `teal up` says about addresses beyond loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import TealError
from tealmesh.model.listening import Address, listening

CERTIFICATE, KEY, CA = Path("cert.pem"), Path("key.pem"), Path("ca.pem")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", Address("10.0.0.5", 4566)),
        ("10.0.0.5:443", Address("10.0.0.5", 443)),
        ("0.0.0.0:4567", Address("0.0.0.0", 4567)),
        ("[::]:4567", Address("::", 4567)),
        ("fd00::5", Address("fd00::5", 4566)),
        ("[fd00::5]", Address("fd00::5", 4566)),
        ("127.0.0.2", Address("127.0.0.2", 4566)),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert listening(text, "", 4566, 18000, CERTIFICATE, KEY).api == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"api": "example.com"}, "--listen 'example.com': must be an IP address"),
        ({"api": "10.0.0.5:0"}, "the port must be from 1 to 65535"),
        ({"api": "10.0.0.5:70000"}, "the port must be from 1 to 65535"),
        ({"api": "0.0.0.0"}, "--port 4566 listens on 127.0.0.1 already"),
        ({"envoys": "0.0.0.0:18000"}, "such as 0.0.0.0:18001"),
        ({"api": "10.0.0.5"}, "--insecure-listen does without"),
        ({"envoys": "10.0.0.5"}, "--xds-listen 10.0.0.5:18000: what listens beyond loopback needs"),
        ({"api": "10.0.0.5", "certificate": CERTIFICATE}, "--tls-cert needs --tls-key"),
        ({"api": "10.0.0.5", "key": KEY}, "--tls-key needs --tls-cert"),
        ({"certificate": CERTIFICATE, "key": KEY}, "add --listen or --xds-listen"),
        ({"insecure": True}, "--insecure-listen is for what listens beyond loopback"),
        ({"api": "::1", "client_authority": CA}, "--client-ca is for Envoys"),
        ({"api": "10.0.0.5:9", "envoys": "10.0.0.5:9", "insecure": True}, "choose another port"),
    ],
)  # fmt: skip
def test_refused_in_words(options: dict[str, object], said: str) -> None:
    given: dict[str, object] = {"api": "", "envoys": "", "api_port": 4566, "envoy_port": 18000}
    with pytest.raises(TealError) as caught:
        listening(**{**given, **options})  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_loopback_and_whoever_says_so_may_be_plain() -> None:
    assert not listening("127.0.0.2:9", "", 4566, 18000).encrypted
    assert listening("10.0.0.5", "", 4566, 18000, insecure=True).in_words() == [
        "API at 10.0.0.5:4566 too, without TLS"
    ]


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        made = listening(text, "", 4566, 18000, insecure=bool(text))
    except TealError:
        return
    assert (made.api is None) == (text == "")
