"""What `teal up` says about addresses beyond loopback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tealmesh.model.errors import TealError
from tealmesh.model.plane.listening import Address, ListenOptions

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
    options = ListenOptions(listen=text, tls_cert=CERTIFICATE, tls_key=KEY)
    assert options.listening().api == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"listen": "example.com"}, "--listen 'example.com': must be an IP address"),
        ({"listen": "10.0.0.5:0"}, "the port must be from 1 to 65535"),
        ({"listen": "10.0.0.5:70000"}, "the port must be from 1 to 65535"),
        ({"listen": "0.0.0.0"}, "--port 4566 listens on 127.0.0.1 already"),
        ({"xds_listen": "0.0.0.0:18000"}, "such as 0.0.0.0:18001"),
        ({"listen": "10.0.0.5"}, "--insecure-listen does without"),
        ({"xds_listen": "10.0.0.5"}, "--xds-listen 10.0.0.5:18000: what listens beyond"),
        ({"listen": "10.0.0.5", "tls_cert": CERTIFICATE}, "--tls-cert needs --tls-key"),
        ({"listen": "10.0.0.5", "tls_key": KEY}, "--tls-key needs --tls-cert"),
        ({"tls_cert": CERTIFICATE, "tls_key": KEY}, "add --listen or --xds-listen"),
        ({"insecure_listen": True}, "--insecure-listen is for what listens beyond loopback"),
        ({"listen": "::1", "client_ca": CA}, "--client-ca is for Envoys"),
        ({"listen": "10.0.0.5:9", "xds_listen": "10.0.0.5:9", "insecure_listen": True}, "choose"),
    ],
)  # fmt: skip
def test_refused_in_words(options: dict[str, object], said: str) -> None:
    with pytest.raises(TealError) as caught:
        ListenOptions(**options).listening()  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_loopback_and_whoever_says_so_may_be_plain() -> None:
    assert not ListenOptions(listen="127.0.0.2:9").listening().encrypted
    assert ListenOptions(listen="10.0.0.5", insecure_listen=True).listening().in_words() == [
        "API at 10.0.0.5:4566 too, without TLS"
    ]


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        made = ListenOptions(listen=text, insecure_listen=bool(text)).listening()
    except TealError:
        return
    assert (made.api is None) == (text == "")
