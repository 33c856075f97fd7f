"""A certificate in files that others renew."""

from __future__ import annotations

import datetime
import logging
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from tealmesh.app.transport.certificates import Certificates, is_named
from tealmesh.model.clock import Wall, system_clock
from tealmesh.model.errors import TealError
from tealmesh.model.plane.listening import Address, Listening
from tests.support.certificates import Authority, Leaf


def _certificates(leaf: Leaf, later: float = 0.0) -> Certificates:
    at = Listening(Address("10.0.0.5", 443), None, leaf.chain_file, leaf.key_file)
    return Certificates(at, lambda: Wall(system_clock() + later))


def test_a_renewed_pair_is_used_and_a_bad_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority.make(tmp_path)
    first = authority.issue("server", "one.example", "10.0.0.5")
    found = _certificates(first)
    assert found.current().names == ("one.example", "10.0.0.5")
    assert found.current() is found.current()
    authority.issue("server", "two.example")
    assert found.current().names == ("two.example",)
    used = found.current()
    # The key of another certificate, as between the two files of a renewal.
    other = authority.issue("other")
    first.key_file.write_bytes(other.key_file.read_bytes())
    with caplog.at_level(logging.ERROR):
        assert found.current() is used
        assert found.current() is used
    [record] = caplog.records
    assert "is not the key of the certificate" in record.getMessage()
    assert "the former certificate stays in use" in record.getMessage()
    first.key_file.unlink()
    assert found.current() is used
    authority.issue("server", "three.example")
    assert found.current().names == ("three.example",)


def test_the_key_shows_in_no_log(tmp_path: Path) -> None:
    assert "PRIVATE" not in repr(_certificates(Authority.make(tmp_path).issue("server")).current())


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    authority = Authority.make(tmp_path)
    leaf = authority.issue("server")
    days = datetime.timedelta(days=31).total_seconds()
    with pytest.raises(TealError, match=r"--tls-cert .*server.crt: good from .* only, and it is"):
        _certificates(leaf, later=days)
    key = load_pem_private_key(leaf.key_file.read_bytes(), None)
    encrypted = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    leaf.key_file.write_bytes(encrypted)
    with pytest.raises(TealError, match="is encrypted"):
        _certificates(leaf)
    leaf.key_file.write_text("no key")
    with pytest.raises(TealError, match="has no private key in PEM form"):
        _certificates(leaf)
    leaf.chain_file.write_text("no certificate")
    with pytest.raises(TealError, match="has no certificate in PEM form"):
        _certificates(leaf)
    leaf.chain_file.unlink()
    with pytest.raises(TealError, match=r"--tls-cert .*: No such file"):
        _certificates(leaf)


def test_a_key_that_others_can_read_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leaf = Authority.make(tmp_path).issue("server")
    leaf.key_file.chmod(0o644)
    _certificates(leaf)
    assert "can be read by others (mode 644)" in caplog.text


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("api.example", True),
        ("API.example", True),
        ("one.cp.example", True),
        ("a.one.cp.example", False),
        ("cp.example", False),
        ("evil.example", False),
        ("10.0.0.5", True),
        ("[fd00::5]", True),
        ("", False),
    ],
)
def test_names(host: str, named: bool) -> None:
    assert is_named(host, ("api.example", "*.cp.example", "10.0.0.5", "fd00::5")) == named
