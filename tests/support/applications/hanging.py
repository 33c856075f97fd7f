"""An application that never answers two of five requests, but is healthy: ``/health`` answers."""

from __future__ import annotations

import asyncio
import os

ANSWER = b"HTTP/1.1 200 OK\r\nx-version: 2\r\ncontent-length: 3\r\n\r\nok\n"


async def main() -> None:
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        while line := await reader.readline():
            while await reader.readline() not in (b"\r\n", b""):
                pass
            if b"/health" not in line:
                served += 1
                if served % 5 < 2:
                    await asyncio.sleep(3600)
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, os.environ["HOST"], int(os.environ["PORT"]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
