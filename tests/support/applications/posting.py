"""An application whose every third POST is answered with 500; anything else with 200."""

from __future__ import annotations

import asyncio
import os


async def main() -> None:
    posts = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal posts
        while line := await reader.readline():
            while await reader.readline() not in (b"\r\n", b""):
                pass
            posts += line.startswith(b"POST ")
            failed = line.startswith(b"POST ") and posts % 3 == 0
            status = "500 Internal Server Error" if failed else "200 OK"
            writer.write(f"HTTP/1.1 {status}\r\nx-version: 2\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, os.environ["HOST"], int(os.environ["PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
