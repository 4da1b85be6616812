"""Listeners that no client deserves: python3 hostile.py NAME PORT

Bounded by themselves, so that one which is forgotten does no harm: 64 connections at once, ten minutes.
"""

import os
import signal
import socket
import struct
import sys
import threading
import time

answered = 0  # by all connections together


def chunks(client, size=65536):
    while data := client.recv(size):
        yield data


def mute(client):
    for _ in chunks(client):
        pass


def deaf(client):
    time.sleep(600)


def closes(client):
    pass


def resets(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def floods(client):
    while True:
        client.sendall(b"\xa5" * 65536)


def floods_when_asked(client):
    client.recv(65536)
    floods(client)


def dribbles(client):
    """A true echo, a byte a second."""
    for data in chunks(client):
        for byte in data:
            client.sendall(bytes([byte]))
            time.sleep(1)


def dribbles_garbage(client):
    try:
        while True:
            client.sendall(os.urandom(1))
            time.sleep(0.05)
    except OSError:
        pass


def half(client):
    data = client.recv(65536)
    client.sendall(data[: max(1, len(data) // 2)])
    deaf(client)


def half_and_close(client):
    data = client.recv(65536)
    client.sendall(data[: len(data) // 2])


def reads_slowly(client):
    """256 bytes in 250 ms, which is right, and tedious."""
    while data := client.recv(256):
        time.sleep(0.25)
        client.sendall(data)


def endless_frames(client):
    client.recv(65536)
    while True:
        client.sendall(struct.pack(">I", 5) + b"wrong")


def huge_frame(client):
    client.recv(65536)
    client.sendall(struct.pack(">I", 0xFFFFFFFF))
    floods(client)


def no_end_mark(client):
    client.recv(65536)
    while True:
        client.sendall(b"x" * 65536)


def answers_first(client):
    client.sendall(b"hello\n")
    for data in chunks(client):
        client.sendall(data)


def garbage(client):
    for data in chunks(client):
        client.sendall(os.urandom(len(data)))


def endless_reply(client):
    """A true echo, with garbage between the replies."""
    threading.Thread(target=dribbles_garbage, args=(client,), daemon=True).start()
    for data in chunks(client):
        client.sendall(data)


def crashes_later(client):
    global answered
    for data in chunks(client):
        answered += 1
        if answered > 50:
            os._exit(1)
        client.sendall(data)


def stops_later(client):
    """Serves 50 reads, and then only holds what comes."""
    global answered
    for data in chunks(client):
        answered += 1
        if answered > 50:
            deaf(client)
        client.sendall(data)


def mute_later(client):
    global answered
    for data in chunks(client):
        answered += 1
        if answered <= 50:
            client.sendall(data)


SESSIONS = {
    "mute": mute,
    "deaf": deaf,
    "closes": closes,
    "resets": resets,
    "floods": floods,
    "floods-when-asked": floods_when_asked,
    "dribbles": dribbles,
    "dribbles-garbage": dribbles_garbage,
    "half": half,
    "half-and-close": half_and_close,
    "reads-slowly": reads_slowly,
    "endless-frames": endless_frames,
    "huge-frame": huge_frame,
    "no-end-mark": no_end_mark,
    "answers-first": answers_first,
    "garbage": garbage,
    "endless-reply": endless_reply,
    "crashes-later": crashes_later,
    "stops-later": stops_later,
    "mute-later": mute_later,
}


def session(name, client, places):
    try:
        with client:
            SESSIONS[name](client)
    except OSError:
        pass
    finally:
        places.release()


def main(name, port):
    signal.alarm(600)
    listener = socket.create_server(("127.0.0.1", port), backlog=0 if name == "backlog-full" else 128)
    if name == "never-accepts":
        time.sleep(600)
    if name == "backlog-full":
        held = [socket.socket() for _ in range(4)]
        for client in held:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        time.sleep(600)
    places = threading.Semaphore(64)
    while True:
        places.acquire()
        client, _ = listener.accept()
        if name == "stops-listening":
            client.close()
            os._exit(0)
        if name == "deaf-but-one":
            for data in chunks(client):
                client.sendall(data)
            time.sleep(600)
        threading.Thread(target=session, args=(name, client, places), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
