"""gevent, eventlet, trio, anyio and tornado: python3 coroutines.py LIBRARY-ECHO PORT"""

import sys


def gevent_raw(port):
    from gevent.server import StreamServer

    def echo(client, _):
        try:
            while data := client.recv(65536):
                client.sendall(data)
        except OSError:
            pass

    StreamServer(("127.0.0.1", port), echo, backlog=1024).serve_forever()


def gevent_line(port):
    from gevent.server import StreamServer

    def echo(client, _):
        try:
            for line in client.makefile("rb"):
                if line.endswith(b"\n"):
                    client.sendall(line)
        except OSError:
            pass

    StreamServer(("127.0.0.1", port), echo, backlog=1024).serve_forever()


def eventlet_raw(port):
    """As in eventlet's documentation: what the handler raises ends the server."""
    import eventlet

    def echo(client, _):
        while data := client.recv(65536):
            client.sendall(data)

    eventlet.serve(eventlet.listen(("127.0.0.1", port), backlog=128), echo)


def trio_echo(port, echo):
    import trio

    trio.run(trio.serve_tcp, echo, port)


def trio_raw(port):
    import trio

    async def echo(stream):
        try:
            async for data in stream:
                await stream.send_all(data)
        except trio.BrokenResourceError:
            pass

    trio_echo(port, echo)


def trio_bare(port):
    """As in trio's tutorial: what the handler raises ends the server."""

    async def echo(stream):
        async for data in stream:
            await stream.send_all(data)

    trio_echo(port, echo)


def anyio_echo(port, echo):
    import anyio

    async def guarded(stream):
        try:
            await echo(stream)
        except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound, OSError):
            pass
        finally:
            await stream.aclose()

    async def main():
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port, backlog=1024)
        await listener.serve(guarded)

    anyio.run(main)


def anyio_raw(port):
    async def echo(stream):
        async for data in stream:
            await stream.send(data)

    anyio_echo(port, echo)


def anyio_u32be(port):
    from anyio.streams.buffered import BufferedByteReceiveStream

    async def echo(stream):
        received = BufferedByteReceiveStream(stream)
        while True:
            prefix = await received.receive_exactly(4)
            length = int.from_bytes(prefix, "big")
            await stream.send(prefix + (await received.receive_exactly(length) if length else b""))

    anyio_echo(port, echo)


def anyio_crlf(port):
    from anyio.streams.buffered import BufferedByteReceiveStream

    async def echo(stream):
        received = BufferedByteReceiveStream(stream)
        while True:
            await stream.send(await received.receive_until(b"\r\n", 1000) + b"\r\n")

    anyio_echo(port, echo)


def tornado_serve(port, echo):
    import asyncio

    from tornado.iostream import StreamClosedError
    from tornado.tcpserver import TCPServer

    class Echo(TCPServer):
        async def handle_stream(self, stream, address):
            try:
                await echo(stream)
            except (StreamClosedError, OSError):
                pass

    async def main():
        Echo(max_buffer_size=1 << 28).listen(port, "127.0.0.1", backlog=1024)
        await asyncio.Event().wait()

    asyncio.run(main())


def tornado_raw(port):
    async def echo(stream):
        while True:
            await stream.write(await stream.read_bytes(65536, partial=True))

    tornado_serve(port, echo)


def tornado_crlf(port):
    async def echo(stream):
        while True:
            await stream.write(await stream.read_until(b"\r\n"))

    tornado_serve(port, echo)


def tornado_u32be(port):
    async def echo(stream):
        while True:
            prefix = await stream.read_bytes(4)
            await stream.write(prefix + await stream.read_bytes(int.from_bytes(prefix, "big")))

    tornado_serve(port, echo)


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](int(sys.argv[2]))
