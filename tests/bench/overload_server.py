"""A dependency of limited capacity, as a program: it works on so many requests at once, in the order of their arrival.

It works on a request whose caller has left, as most servers do. A request is a line with a number, and its answer the
same line: many are on one connection at a time.
"""

from __future__ import annotations

import asyncio
import sys

SLOTS = 8
SECONDS = 0.04
"""For one request."""


async def main() -> None:
    slots = asyncio.Semaphore(SLOTS)
    tasks: set[asyncio.Task[None]] = set()

    async def work(line: bytes, writer: asyncio.StreamWriter) -> None:
        async with slots:
            await asyncio.sleep(SECONDS)
        writer.write(line)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            task = asyncio.create_task(work(line, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
