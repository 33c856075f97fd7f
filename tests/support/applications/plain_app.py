"""A web application that binds 0.0.0.0:8080 (or ``PORTS``) and knows nothing of meshes.

``/`` answers ``VERSION n``, or passes on the answer of ``BACKEND``, an ordinary URL. Others show
what an application sees: ``/connect/HOST/PORT`` the first bytes of a TCP connection,
``/resolve/NAME`` the addresses of a name, ``/dns/NAME`` the answer of the first name server
(``/dns-tcp/NAME`` over TCP), ``/fetch?URL`` the answer of a URL and ``/env/NAME`` a variable. It
needs only the standard library.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

_idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []


async def _ask_backend() -> tuple[int, bytes]:
    """GET over kept connections, as HTTP libraries do."""
    url = urlsplit(os.environ["BACKEND"])
    while True:
        fresh = not _idle
        if fresh:
            reader, writer = await asyncio.open_connection(url.hostname, url.port or 80)
        else:
            reader, writer = _idle.pop()
        try:
            request = f"GET {url.path or '/'} HTTP/1.1\r\nhost: {url.netloc}\r\n\r\n"
            writer.write(request.encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            if fresh:
                raise
            continue
        length = next(
            int(line.split(":")[1]) for line in head.split("\r\n") if "content-length:" in line
        )
        body = await reader.readexactly(length)
        if "connection: close" in head:
            writer.close()
        else:
            _idle.append((reader, writer))
        return int(head.split()[1]), body


async def _first_bytes(host: str, port: str) -> bytes:
    try:
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(f"GET / HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
                return await reader.read(4096) or b"closed"
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        return type(error).__name__.encode()


def _ask_dns(name: str, tcp: bool) -> bytes:
    """Response code and IPv4 addresses of a name, by a query of our own, as c-ares and Go do."""
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    server = next(line.split()[1] for line in lines if line.startswith("nameserver"))
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = b"\7\7\1\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.connect((server, 53))
        asking.sendall((len(question).to_bytes(2) if tcp else b"") + question)
        answer = asking.recv(4096)[2 if tcp else 0 :]
    rest, count = answer[len(question) :], int.from_bytes(answer[6:8])
    addresses = [socket.inet_ntoa(rest[n * 16 + 12 : n * 16 + 16]) for n in range(count)]
    return " ".join([str(answer[3] & 15), *sorted(addresses)]).encode()


def _fetch(url: str) -> bytes:
    with urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def _hosts() -> bytes:
    return Path("/etc/hosts").read_bytes().rstrip(b"\n")


async def _answer(path: str) -> tuple[int, bytes]:
    parts = path.split("/")
    try:
        match parts[1].partition("?")[0]:
            case "" if "BACKEND" in os.environ:
                return await _ask_backend()
            case "connect":
                return 200, await _first_bytes(parts[2], parts[3])
            case "resolve":
                return 200, socket.gethostbyname(parts[2]).encode()
            case "dns" | "dns-tcp":
                return 200, await asyncio.to_thread(_ask_dns, parts[2], parts[1] == "dns-tcp")
            case "fetch":
                return 200, await asyncio.to_thread(_fetch, path.partition("?")[2])
            case "env":
                return 200, os.environ.get(parts[2], "").encode()
            case "die":
                os._exit(7)
            case "eat":
                return 200, str(len(bytearray(os.urandom(1)) * (1 << 30))).encode()
            case "hosts":
                return 200, await asyncio.to_thread(_hosts)
    except OSError as error:
        return 502, f"{type(error).__name__}: {error}".encode()
    return 200, f"VERSION {os.environ.get('VERSION', '0')}".encode()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            status, body = await _answer(head.split(b" ", 2)[1].decode())
            top = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(top.encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    ports = [int(port) for port in os.environ.get("PORTS", "8080").split(",")]
    servers = [await asyncio.start_server(_serve, "0.0.0.0", port) for port in ports]
    ending = asyncio.Event()
    # Signals have no default action for the first process of a container.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    print(f"listening on {ports}", flush=True)
    await ending.wait()
    for server in servers:
        server.close()


asyncio.run(_main())
