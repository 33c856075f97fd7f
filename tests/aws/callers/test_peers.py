"""Whose connection it is, as the kernel says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tealmesh.aws.callers import peers
from tests.support.waiting import until


def test_our_own_connection_is_ours() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as near,
    ):
        accepted, theirs = listener.accept()
        with accepted:
            peer = peers.ask(accepted.getsockname(), theirs)
            assert peer.uid == os.geteuid()
            assert peer.inode == os.fstat(near.fileno()).st_ino
            assert peers.is_ours(peer)


def test_another_process_is_not_us() -> None:
    code = (
        "import socket,sys; s=socket.create_connection(('127.0.0.1',int(sys.argv[1]))); s.recv(1)"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with subprocess.Popen([sys.executable, "-c", code, str(port)]):
            accepted, theirs = listener.accept()
            with accepted:
                peer = peers.ask(accepted.getsockname(), theirs)
                assert peer.uid == os.geteuid()
                assert not peers.is_ours(peer)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_who_sends_and_closes_at_once_is_nobody(sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as near:
            near.sendall(sent)
        accepted, theirs = listener.accept()
        with accepted:
            until(lambda: peers.ask(accepted.getsockname(), theirs).uid is None)


def test_a_connection_that_does_not_exist_is_nobodys() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert peers.ask(listener.getsockname(), ("127.0.0.1", 9)) == peers.Peer(
            None, address="127.0.0.1"
        )
