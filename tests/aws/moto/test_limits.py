"""What moto's process may reach."""

from __future__ import annotations

import pytest

from tealmesh.aws.moto.apart.limits import check_address, check_name

OURS = frozenset({4566})


@pytest.mark.parametrize(
    "address",
    [
        ("192.0.2.1", 80),
        ("169.254.169.254", 80),
        ("0.0.0.0", 80),
        ("::", 80, 0, 0),
        ("::ffff:192.0.2.1", 80, 0, 0),
        ("fe80::1%lo", 80, 0, 1),
        ("example.com", 80),
        ("127.0.0.1.example.com", 80),
        ("127.0.0.1", 4566),
        ("::1", 4566, 0, 0),
        "/var/run/docker.sock",
        b"\0abstract",
        (16, 0),
    ],
)
def test_nothing_but_loopback_and_not_the_control_plane(address: object) -> None:
    with pytest.raises(PermissionError):
        check_address(address, OURS)


@pytest.mark.parametrize(
    "address",
    [("127.0.0.1", 80), ("127.8.9.10", 8080), ("::1", 80, 0, 0), ("::ffff:127.0.0.1", 80, 0, 0),
     ("localhost", 80), None],
)  # fmt: skip
def test_loopback(address: object) -> None:
    check_address(address, OURS)


@pytest.mark.parametrize(
    "name", ["example.com", b"example.com", "localhost.example.com", "1.2.3.4"]
)
def test_no_name_is_asked_of_others(name: object) -> None:
    with pytest.raises(PermissionError, match="loopback"):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["localhost", b"localhost", "LOCALHOST.", "127.0.0.1", "::1", None]
)
def test_names_of_loopback(name: object) -> None:
    check_name(name)
