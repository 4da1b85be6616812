"""Blocking servers around socketserver and small codecs: python3 blocking.py NAME PORT"""

import socketserver
import struct
import sys
import time

LARGEST = 64 << 20


def raw(received, reply):
    while data := received.read1(65536):
        reply(data)


def whole(received, reply):
    reply(received.read())


def line(received, reply):
    for data in received:
        if data.endswith(b"\n"):
            reply(data)


def line_short(received, reply):
    """Lines of up to 1000 bytes; longer ones are skipped up to their end."""
    while data := received.readline(1001):
        if data.endswith(b"\n"):
            reply(data)
            continue
        while data and not data.endswith(b"\n"):
            data = received.readline(65536)


def slow_line(received, reply):
    for data in received:
        if data.endswith(b"\n"):
            time.sleep(0.3)
            reply(data)


def fixed(received, reply):
    while len(data := received.read(16)) == 16:
        reply(data)


def prefixed(layout, largest=LARGEST, skips=False):
    def echo(received, reply):
        size = struct.calcsize(layout)
        while len(prefix := received.read(size)) == size:
            length = struct.unpack(layout, prefix)[0]
            if length > largest and not skips:
                return
            if length > largest:
                while length and (data := received.read(min(length, 65536))):
                    length -= len(data)
                continue
            data = received.read(length)
            if len(data) < length:
                return
            reply(prefix + data)

    return echo


def varint(received, reply):
    while True:
        length, shift, byte = 0, 0, b"\x80"
        while byte[0] & 0x80:
            if not (byte := received.read(1)) or shift > 28:
                return
            length |= (byte[0] & 0x7F) << shift
            shift += 7
        if length > LARGEST or len(data := received.read(length)) < length:
            return
        rest, prefix = length, b""
        while rest > 0x7F:
            prefix, rest = prefix + bytes([rest & 0x7F | 0x80]), rest >> 7
        reply(prefix + bytes([rest]) + data)


def netstring(received, reply):
    import pynetstring

    decoder = pynetstring.Decoder()
    while data := received.read1(65536):
        for message in decoder.feed(data):
            reply(pynetstring.encode(message))


def cobs(received, reply):
    from cobs import cobs as codec

    pending = b""
    while data := received.read1(65536):
        *frames, pending = (pending + data).split(b"\0")
        for frame in filter(None, frames):
            try:
                reply(codec.encode(codec.decode(frame)) + b"\0")
            except codec.DecodeError:
                pass


def slip(received, reply):
    import sliplib

    driver = sliplib.Driver()
    while data := received.read1(65536):
        driver.receive(data)
        message = True
        while message:
            try:
                message = driver.get(block=False)
            except sliplib.ProtocolError:
                continue
            if message:
                reply(driver.send(message))


def byte_by_byte(received, reply):
    for data in iter(lambda: received.read1(4096), b""):
        for byte in data:
            reply(bytes([byte]))


class Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class Small(Threads):
    request_queue_size = 1


class Serial(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128


class Forks(socketserver.ForkingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    max_children = 2000


SERVERS = {
    "raw": (Threads, raw),
    "whole": (Threads, whole),
    "line": (Threads, line),
    "fixed": (Threads, fixed),
    "u8": (Threads, prefixed(">B")),
    "u16le": (Threads, prefixed("<H")),
    "u32le": (Threads, prefixed("<I")),
    "u32be-closes": (Threads, prefixed(">I", 1000)),
    "u32be-skips": (Threads, prefixed(">I", 1000, skips=True)),
    "line-skips": (Threads, line_short),
    "slow-line": (Threads, slow_line),
    "varint": (Threads, varint),
    "netstring": (Threads, netstring),
    "cobs": (Threads, cobs),
    "slip": (Threads, slip),
    "byte-by-byte": (Threads, byte_by_byte),
    "backlog-raw": (Small, raw),
    "serial-raw": (Serial, raw),
    "serial-line": (Serial, line),
    "serial-u32le": (Serial, prefixed("<I")),
    "fork-raw": (Forks, raw),
    "fork-whole": (Forks, whole),
}


def main(name, port):
    server, echo = SERVERS[name]

    class Session(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self):
            try:
                echo(self.rfile, self.request.sendall)
            except OSError:
                pass

    server(("127.0.0.1", port), Session).serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
