"""Clients: python3 clients.py NAME HOST PORT, the message on standard input

`streams` and `lines` are asyncio's streams, sending and receiving at once. The others are wrong, as people write them.
"""

import asyncio
import socket
import struct
import sys
import time

LARGEST = 64 << 20
PATIENCE = 8  # seconds


async def read_prefixed(reader):
    length = struct.unpack(">I", await reader.readexactly(4))[0]
    if length > LARGEST:
        raise ValueError("too long")
    return await reader.readexactly(length)


async def read_line(reader):
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    return line[:-1]


def prefixed(message):
    return struct.pack(">I", len(message)) + message


async def exchange(host, port, frame, read, limit):
    reader, writer = await asyncio.open_connection(host, port, limit=limit)

    async def send():
        writer.write(frame)
        await writer.drain()

    sending = asyncio.create_task(send())
    reply = await asyncio.wait_for(read(reader), PATIENCE)
    await sending
    writer.close()
    await writer.wait_closed()
    return reply


def streams(host, port, message):
    return asyncio.run(exchange(host, port, prefixed(message), read_prefixed, 1 << 16))


def lines(host, port, message):
    return asyncio.run(exchange(host, port, message + b"\n", read_line, 1 << 16))


def connected(host, port, message):
    connection = socket.create_connection((host, port), PATIENCE)
    connection.sendall(prefixed(message))
    return connection


def read_once(connection):
    """Whatever the first recv of the body returns is the reply."""
    length = struct.unpack(">I", connection.recv(4))[0]
    return connection.recv(length)


def read_all(connection):
    received = connection.makefile("rb")
    length = struct.unpack(">I", received.read(4))[0]
    if length > LARGEST or len(reply := received.read(length)) < length:
        raise EOFError
    return reply


def reads_once(host, port, message):
    with connected(host, port, message) as connection:
        return read_once(connection)


def trusts_the_prefix(host, port, message):
    """Reserves what the prefix says before any of it has come."""
    with connected(host, port, message) as connection:
        received = connection.makefile("rb")
        reply = bytearray(struct.unpack(">I", received.read(4))[0])
        if received.readinto(reply) < len(reply):
            raise EOFError
        return reply


def never_closes(host, port, message):
    """Says its reply, and stays."""
    connection = connected(host, port, message)
    sys.stdout.buffer.write(read_all(connection))
    sys.stdout.buffer.flush()
    time.sleep(3600)


def resets(host, port, message):
    with connected(host, port, message) as connection:
        reply = read_all(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return reply


def takes_what_comes(host, port, message):
    """A reply that is cut off is a reply, too."""
    with connected(host, port, message) as connection:
        received = connection.makefile("rb")
        length = struct.unpack(">I", received.read(4).ljust(4, b"\0"))[0]
        return received.read(min(length, LARGEST))


CLIENTS = {
    "streams": streams,
    "lines": lines,
    "reads-once": reads_once,
    "trusts-the-prefix": trusts_the_prefix,
    "never-closes": never_closes,
    "resets": resets,
    "takes-what-comes": takes_what_comes,
}

if __name__ == "__main__":
    name, host, port = sys.argv[1:]
    sent = sys.stdin.buffer.read()
    try:
        received = CLIENTS[name](host, int(port), sent)
    except (OSError, EOFError, ValueError, TimeoutError, struct.error) as error:
        sys.exit(repr(error))
    sys.stdout.buffer.write(received)
    if name in ("streams", "lines") and received != sent:
        sys.exit("the reply is not the message")
