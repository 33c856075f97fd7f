"""The front of the sample: calls the service `web` through the mesh and returns its answer.

It calls the URL in BACKEND, whose host is the name of a virtual service, and does not know about
sides or versions. Requests go through the proxy in HTTP_PROXY: its own Envoy.
"""

from __future__ import annotations

import asyncio
import json
import os
from urllib.parse import urlsplit

from app import Answer, serve, task_name

TIMEOUT_SECONDS = 10.0
"""For one call."""


class Backend:
    """Calls one URL over persistent connections, through a proxy if there is one."""

    def __init__(self, url: str, proxy: str) -> None:
        target = urlsplit(url)
        server = urlsplit(proxy or url)
        self.address = (server.hostname or "127.0.0.1", server.port or 80)
        # A request to a proxy names the whole URL (RFC 9112, 3.2.2), one to a server the path.
        request_target = url if proxy else (target.path or "/")
        self.request = f"GET {request_target} HTTP/1.1\r\nhost: {target.netloc}\r\n\r\n".encode()
        self.idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def call(self) -> tuple[int, bytes]:
        """The status and body. Raises OSError, EOFError or TimeoutError if there is no answer."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            reader, writer = await self.connection()
            try:
                writer.write(self.request)
                status, body, keep = await self.answer(reader)
            except BaseException:
                writer.close()
                raise
            if keep:
                self.idle.append((reader, writer))
            else:
                writer.close()
            return status, body

    async def connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(*self.address)

    async def answer(self, reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        headers = dict(line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
        if "chunked" in headers.get("transfer-encoding", ""):
            body = await self.chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get("content-length", "0")))
        return status, body, headers.get("connection", "").strip() != "close"

    async def chunks(self, reader: asyncio.StreamReader) -> bytes:
        body = b""
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return body


def front(backend: Backend) -> Answer:
    async def answer(path: str) -> tuple[int, dict[str, str], bytes]:
        headers = {"content-type": "application/json"}
        if path == "/health":
            return 200, headers, b'{"status": "ok"}'
        try:
            status, body = await backend.call()
        except (OSError, EOFError, TimeoutError) as error:
            text = json.dumps({"error": f"{type(error).__name__}: {error}", "front": task_name()})
            return 502, headers, text.encode()
        return status, headers, body

    return answer


def main() -> None:
    url = os.environ.get("BACKEND", "http://web.sample.local:8080/")
    proxy = os.environ.get("HTTP_PROXY") or os.environ.get("http_proxy") or ""
    asyncio.run(serve(front(Backend(url, proxy))))


if __name__ == "__main__":
    main()
