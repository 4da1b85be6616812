"""Servers with one mistake each, as people make them: python3 wrong.py NAME PORT"""

import os
import resource
import select
import socket
import struct
import sys
import threading
import time

shared = bytearray()  # what some of them keep where each connection should have its own
leaked = []


def chunks(client, size=65536):
    while data := client.recv(size):
        yield data


def lines(client):
    with client.makefile("rb") as received:
        for line in received:
            if line.endswith(b"\n"):
                yield line


def frames(client):
    with client.makefile("rb") as received:
        while len(prefix := received.read(4)) == 4:
            length = struct.unpack(">I", prefix)[0]
            if length > 64 << 20 or len(data := received.read(length)) < length:
                return
            yield data


def framed(data):
    return struct.pack(">I", len(data)) + data


def one_recv(client):
    client.sendall(client.recv(1024))


def cut_at_4096(client):
    for line in lines(client):
        client.sendall(line if len(line) <= 4096 else line[:4095] + b"\n")


def loses_at_65536(client):
    seen = 0
    for data in chunks(client):
        keep = bytes(byte for place, byte in enumerate(data, seen) if place % 65536 != 65535) if seen + len(data) > 65535 else data
        seen += len(data)
        client.sendall(keep)


def altered(change):
    def echo(client):
        for data in chunks(client):
            client.sendall(change(data))

    return echo


def altered_line(change):
    def echo(client):
        for line in lines(client):
            client.sendall(change(line[:-1]) + b"\n")

    return echo


def stale(client):
    last = None
    for line in lines(client):
        client.sendall(last or line)
        last = line


def shares(client):
    """All connections fill one buffer."""
    for data in chunks(client):
        shared.extend(data)
        while (end := shared.find(b"\n")) >= 0:
            client.sendall(shared[: end + 1])
            del shared[: end + 1]


def little_endian(client):
    with client.makefile("rb") as received:
        while len(prefix := received.read(4)) == 4:
            client.sendall(prefix + received.read(min(struct.unpack("<I", prefix)[0], 64 << 20)))


def replies_little_endian(client):
    for data in frames(client):
        client.sendall(struct.pack("<I", len(data)) + data)


def counts_one_more(client):
    for data in frames(client):
        client.sendall(struct.pack(">I", len(data) + 1) + data)


def sixteen_bits(client):
    for data in frames(client):
        client.sendall(struct.pack(">I", len(data) & 0xFFFF) + data[: len(data) & 0xFFFF])


def signed_byte(client):
    with client.makefile("rb") as received:
        while prefix := received.read(1):
            length = struct.unpack("b", prefix)[0]
            client.sendall(prefix + received.read(max(length, 0)))


def body_in_one_recv(client):
    while len(prefix := client.recv(4, socket.MSG_WAITALL)) == 4:
        data = client.recv(min(struct.unpack(">I", prefix)[0], 64 << 20))
        client.sendall(framed(data))


def prefix_in_one_recv(client):
    while prefix := client.recv(4):
        length = int.from_bytes(prefix, "big")
        data = client.recv(min(length, 64 << 20), socket.MSG_WAITALL) if length else b""
        client.sendall(framed(data))


def one_frame_a_read(client):
    """What has come behind the first frame of a read is dropped."""
    pending = b""
    for data in chunks(client, 1 << 20):
        pending += data
        if len(pending) >= 4 and len(pending) >= 4 + (length := struct.unpack(">I", pending[:4])[0]):
            client.sendall(pending[: 4 + length])
            pending = b""


def last_of_read(client):
    """One line ending is cut from every read, not from every message."""
    pending = b""
    for data in chunks(client):
        pending += data
        if data.endswith(b"\r\n"):
            client.sendall(pending)
            pending = b""


def strips_each_read(client):
    pending = b""
    for data in chunks(client):
        pending += data.rstrip(b"\r\n") if not data.endswith(b"\r\n") else data
        *whole, pending = pending.split(b"\r\n")
        for line in whole:
            client.sendall(line + b"\r\n")


def naive_match(client):
    """Matches ]]>]]> byte by byte, and starts again from nothing when a byte does not fit."""
    mark, line, matched = b"]]>]]>", bytearray(), 0
    for data in chunks(client):
        for byte in data:
            line.append(byte)
            matched = matched + 1 if byte == mark[matched] else 0
            if matched == len(mark):
                client.sendall(line)
                line, matched = bytearray(), 0


def match_within_read(client):
    """Looks for the delimiter in each read by itself."""
    line = b""
    for data in chunks(client):
        while b"\r\n" in data:
            head, data = data.split(b"\r\n", 1)
            client.sendall(line + head + b"\r\n")
            line = b""
        line += data


def twice(client):
    for line in lines(client):
        client.sendall(line + line)


def drops_empty(client):
    for line in lines(client):
        if line != b"\n":
            client.sendall(line)


def one_message(client):
    for line in lines(client):
        client.sendall(line)
        return


def one_behind(client):
    """Answers a message when the next one begins."""
    held = b""
    for line in lines(client):
        client.sendall(held)
        held = line
    client.sendall(held)


def banner(client):
    client.sendall(b"220 ready\n")
    for line in lines(client):
        client.sendall(line)


def trailing_newline(client):
    for data in chunks(client):
        client.sendall(data + b"\n")


def adds_at_end(client):
    for data in chunks(client):
        client.sendall(data)
    client.sendall(b"bye\n")


def resets_at_end(client):
    for data in chunks(client):
        client.sendall(data)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def keeps_open(client):
    """Never closes after the client's FIN."""
    for data in chunks(client):
        client.sendall(data)
    leaked.append(client.dup())


def answers_unfinished(client):
    with client.makefile("rb") as received:
        while prefix := received.read(4):
            data = received.read(min(int.from_bytes(prefix, "big"), 64 << 20))
            client.sendall(framed(data))


def short_write(client):
    for data in chunks(client, 1 << 20):
        client.setblocking(False)
        try:
            client.send(data)
        except BlockingIOError:
            pass
        client.setblocking(True)


def unread_half(client):
    """Reads and replies, and takes a hang-up for the end of everything."""
    waiting = select.poll()
    waiting.register(client, select.POLLIN | select.POLLRDHUP)
    while not waiting.poll()[0][1] & select.POLLRDHUP:
        client.sendall(client.recv(65536))


def dies_of_nothing(client):
    data = client.recv(65536)
    if not data:
        os._exit(1)
    while data:
        client.sendall(data)
        data = client.recv(65536)


def dies_of_a_reset(client):
    try:
        for data in chunks(client):
            client.sendall(data)
    except OSError:
        os._exit(1)


def dies_of_a_huge_prefix(client):
    with client.makefile("rb") as received:
        while len(prefix := received.read(4)) == 4:
            try:
                room = bytearray(struct.unpack(">I", prefix)[0])
            except MemoryError:
                os._exit(1)
            if received.readinto(room) < len(room):
                return
            client.sendall(prefix + room)


def reserves(client):
    """Fills the memory that a prefix speaks of before anything has come."""
    with client.makefile("rb") as received:
        while len(prefix := received.read(4)) == 4:
            length = struct.unpack(">I", prefix)[0]
            room = bytearray(b"\1" * min(length, 256 << 20))
            if received.readinto(room) < length:
                return
            client.sendall(prefix + room)


def leaks(client):
    leaked.append(client.dup())
    for data in chunks(client):
        client.sendall(data)


def gives_up_inside(client):
    """A message must come within 200 ms of its first byte."""
    client.settimeout(0.2)
    line = b""
    while True:
        try:
            data = client.recv(65536)
        except TimeoutError:
            if line:
                return
            continue
        if not data:
            return
        *whole, line = (line + data).split(b"\n")
        for message in whole:
            client.sendall(message + b"\n")


def answers_parts(client):
    """Takes the end of a read for the end of a message."""
    for data in chunks(client, 1 << 20):
        client.sendall(framed(data[4:]))


def telnet(data):
    return data.replace(b"\xff\xff", b"\xff")


ECHOES = {
    "one-recv": one_recv,
    "cut-at-4096": cut_at_4096,
    "loses-at-65536": loses_at_65536,
    "upper": altered(bytes.upper),
    "seven-bits": altered(lambda data: bytes(byte & 0x7F for byte in data)),
    "text-replace": altered(lambda data: data.decode(errors="replace").encode()),
    "text-mode": altered(lambda data: data.replace(b"\r\n", b"\n")),
    "telnet": altered(telnet),
    "strlen": altered(lambda data: data.split(b"\0")[0]),
    "end-of-text": altered(lambda data: data.replace(b"\x04", b"")),
    "trims": altered_line(bytes.strip),
    "percent": altered_line(lambda data: data.replace(b"%%", b"%")),
    "stale": stale,
    "shares": shares,
    "little-endian": little_endian,
    "replies-little-endian": replies_little_endian,
    "counts-one-more": counts_one_more,
    "sixteen-bits": sixteen_bits,
    "signed-byte": signed_byte,
    "body-in-one-recv": body_in_one_recv,
    "prefix-in-one-recv": prefix_in_one_recv,
    "one-frame-a-read": one_frame_a_read,
    "last-of-read": last_of_read,
    "strips-each-read": strips_each_read,
    "naive-match": naive_match,
    "match-within-read": match_within_read,
    "twice": twice,
    "drops-empty": drops_empty,
    "one-message": one_message,
    "one-behind": one_behind,
    "banner": banner,
    "trailing-newline": trailing_newline,
    "adds-at-end": adds_at_end,
    "resets-at-end": resets_at_end,
    "keeps-open": keeps_open,
    "answers-unfinished": answers_unfinished,
    "short-write": short_write,
    "unread-half": unread_half,
    "dies-of-nothing": dies_of_nothing,
    "dies-of-a-reset": dies_of_a_reset,
    "dies-of-a-huge-prefix": dies_of_a_huge_prefix,
    "reserves": reserves,
    "leaks": leaks,
    "gives-up-inside": gives_up_inside,
    "answers-parts": answers_parts,
    "accept-once": one_recv,
}


def session(name, client):
    try:
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ECHOES[name](client)
    except OSError:
        pass


def main(name, port):
    if name == "dies-of-a-huge-prefix":
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        threading.stack_size(256 << 10)
    listener = socket.create_server(("127.0.0.1", port), backlog=128)
    while True:
        client, _ = listener.accept()
        if name == "accept-once":
            for data in chunks(client):
                client.sendall(data)
            time.sleep(3600)
        threading.Thread(target=session, args=(name, client), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
