"""A TCP proxy that cuts the first video stream: `cutting_proxy.py PORT BYTES` prints its own port.

What the server sends for the first request with `preset=mp4` is passed on up to BYTES, then the client's
connection is closed, as by a server that aborts. Everything after that passes untouched.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

READ = 65536


class Cutter:
    def __init__(self, port: int, allowed: int) -> None:
        self.port = port
        self.allowed = allowed
        self.cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self.port)
        video = asyncio.Event()
        up = asyncio.create_task(self.pass_requests(reader, upstream, video))
        with contextlib.suppress(ConnectionError):
            await self.pass_responses(upstream_reader, writer, video)
        up.cancel()
        upstream.transport.abort()
        writer.close()  # not abort(): a reset would throw away what the client has not read yet

    async def pass_requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, video: asyncio.Event
    ) -> None:
        while block := await reader.read(READ):
            if b"preset=mp4" in block and not self.cut:
                self.cut = True
                video.set()
            writer.write(block)
            await writer.drain()

    async def pass_responses(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, video: asyncio.Event
    ) -> None:
        left = self.allowed
        while block := await reader.read(READ):
            if video.is_set():
                block = block[:left]
                left -= len(block)
            writer.write(block)
            await writer.drain()
            if left == 0:
                return


async def main() -> None:
    cutter = Cutter(int(sys.argv[1]), int(sys.argv[2]))
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
