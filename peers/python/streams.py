"""asyncio's streams, also on uvloop: python3 streams.py NAME PORT"""

import asyncio
import struct
import sys


async def raw(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def whole(reader, writer):
    writer.write(await reader.read())
    await writer.drain()


def until(delimiter):
    async def echo(reader, writer):
        while True:
            writer.write(await reader.readuntil(delimiter))
            await writer.drain()

    return echo


async def line(reader, writer):
    while (data := await reader.readline()).endswith(b"\n"):
        writer.write(data)
        await writer.drain()


async def line_goes_on(reader, writer):
    """Skips what readline calls too long, and goes on."""
    while True:
        try:
            if not (data := await reader.readline()).endswith(b"\n"):
                return
        except ValueError:
            continue
        writer.write(data)
        await writer.drain()


def fixed(size):
    async def echo(reader, writer):
        while True:
            writer.write(await reader.readexactly(size))
            await writer.drain()

    return echo


def prefixed(layout):
    async def echo(reader, writer):
        while True:
            prefix = await reader.readexactly(struct.calcsize(layout))
            writer.write(prefix + await reader.readexactly(struct.unpack(layout, prefix)[0]))
            await writer.drain()

    return echo


class Unpaced(asyncio.Protocol):
    """Writes whatever comes, and never asks whether anybody reads."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)

    def eof_received(self):
        return False


ECHOES = {
    "raw": raw,
    "whole": whole,
    "nul": until(b"\0"),
    "crlf": until(b"\r\n"),
    "line": line,
    "line-goes-on": line_goes_on,
    "fixed": fixed(16),
    "u16be": prefixed(">H"),
    "u32be": prefixed(">I"),
    "u64le": prefixed("<Q"),
}


async def main(name, port):
    async def session(reader, writer):
        try:
            await ECHOES[name](reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, OSError):
            pass
        finally:
            writer.close()

    if name == "unpaced":
        server = await asyncio.get_running_loop().create_server(Unpaced, "127.0.0.1", port, backlog=1024)
    else:
        limit = 2**22 if name in ("nul", "crlf") else 2**16
        server = await asyncio.start_server(session, "127.0.0.1", port, limit=limit, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1].startswith("uvloop-"):
        import uvloop

        sys.argv[1] = sys.argv[1].removeprefix("uvloop-")
        uvloop.run(main(sys.argv[1], int(sys.argv[2])))
    else:
        asyncio.run(main(sys.argv[1], int(sys.argv[2])))
