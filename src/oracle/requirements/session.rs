//! The session itself: its seven steps, from the connection to the close.

use super::{
    Level::{May, Must, Should},
    Raw::{BytesOnly, Holds},
    Requirement,
};

/// The rows of this topic.
pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "SES-01",
        level: Must,
        steps: &[1, 2],
        strategy: None,
        raw: Holds,
        sentence: "A client that connects is accepted in time and is sent nothing before it has sent something \
            itself.",
        why: "RFC 862 runs over TCP and lets the client begin; a server that speaks first puts bytes into the reply \
            that nobody asked for.",
        breaks: "A greeting, a prompt or a banner of another protocol on the port lands in front of the first reply.",
        seen_in: &["tarpc#306"],
    },
    Requirement {
        id: "SES-02",
        level: Must,
        steps: &[2, 3],
        strategy: None,
        raw: Holds,
        sentence: "A message on a fresh connection is answered.",
        why: "Accepting a connection means serving it: without an answer to the first message there is no session at \
            all.",
        breaks: "The connection is accepted by the kernel and never picked up, or it is picked up and never read.",
        seen_in: &["vanilla#103"],
    },
    Requirement {
        id: "SES-03",
        level: Must,
        steps: &[3],
        strategy: None,
        raw: Holds,
        sentence: "A server goes on accepting after a session has ended, so that sessions can follow one another \
            without end.",
        why: "The server listens, it does not take one call; the end of a session concerns that session only.",
        breaks: "Programs that call accept once serve one client and leave every later one in the backlog.",
        seen_in: &[],
    },
    Requirement {
        id: "SES-04",
        level: Must,
        steps: &[4, 6],
        strategy: None,
        raw: Holds,
        sentence: "A server stays silent until the client has sent something, and then answers a message however \
            small.",
        why: "The reply is made of what the client sent, so it cannot begin before; and one byte is a message too.",
        breaks: "A read that waits for a full buffer never answers a short message.",
        seen_in: &["libmill#138"],
    },
    Requirement {
        id: "SES-05",
        level: Must,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "Each reply carries the message that it answers, with nothing left over from earlier ones.",
        why: "The seven steps send back the bytes string that was received, and a later message is a new bytes \
            string.",
        breaks: "A buffer that is not cleared, or an index that is not moved, repeats earlier lines in front of the \
            new one or leaves the tail of a longer one behind it.",
        seen_in: &["eventmachine@10fb0c4"],
    },
    Requirement {
        id: "SES-06",
        level: Must,
        steps: &[6],
        strategy: None,
        raw: BytesOnly,
        sentence: "A message is answered exactly once.",
        why: "One bytes string received is one bytes string sent back; a second copy would pair with the next \
            message.",
        breaks: "A reader that walks its buffer again, or that both forwards and flushes, hands the same message on \
            twice.",
        seen_in: &["node-byline#12", "eventmachine@10fb0c4"],
    },
    Requirement {
        id: "SES-07",
        level: Must,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "A reply goes to the connection that its message came from and to no other.",
        why: "A session belongs to one connection (RFC 9293 names it by both ends' addresses and ports), so bytes \
            that cross over reach a stranger.",
        breaks: "A buffer that is static or shared, or a map keyed by the wrong thing, hands one client the bytes of \
            another.",
        seen_in: &["open-mt2#76"],
    },
    Requirement {
        id: "SES-08",
        level: Must,
        steps: &[5, 6],
        strategy: None,
        raw: Holds,
        sentence: "A complete message is answered without any further input: no more bytes and no FIN are needed.",
        why: "Having sent its message the client listens; a server that waits for more while the client waits too is \
            a deadlock.",
        breaks: "A read with MSG_WAITALL, a buffered fread, or a mix of two readers over one socket holds the message \
            back until more arrives.",
        seen_in: &["asio#113"],
    },
    Requirement {
        id: "SES-09",
        level: Should,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "A connection stays open after a reply, also when it is idle for a while, and serves the next \
            message.",
        why: "Only the client ends the session (step 7); opening a new connection for each message costs a round trip \
            and a port.",
        breaks: "Servers written after a one-shot example close once they have answered, or drop the connection after \
            a second of quiet.",
        seen_in: &[],
    },
    Requirement {
        id: "SES-10",
        level: Must,
        steps: &[7],
        strategy: None,
        raw: Holds,
        sentence: "When the client closes, the server frees what the session held.",
        why: "A descriptor kept for each past session ends in a server that can accept no more.",
        breaks: "End of stream is noticed and nothing is closed, so that sockets gather in CLOSE_WAIT.",
        seen_in: &["haproxy#1362", "sniproxy#6", "twisted#3037"],
    },
    Requirement {
        id: "SES-11",
        level: Should,
        steps: &[7],
        strategy: None,
        raw: Holds,
        sentence: "After the client's FIN the server ends its own direction too, and sends nothing beyond what it \
            owed.",
        why: "A half-closed connection lasts until the other half is closed (RFC 9293 3.6); nothing can be asked on \
            it any more.",
        breaks: "A stack told to allow half-open connections never ends them, or the loop spins on reads that return \
            zero bytes.",
        seen_in: &[],
    },
    Requirement {
        id: "SES-12",
        level: Must,
        steps: &[2, 7],
        strategy: None,
        raw: Holds,
        sentence: "A connection that ends without having carried a byte does no harm.",
        why: "Health checks, port scans and clients that change their mind all connect and leave; none of them is an \
            error.",
        breaks: "Code that looks at the last byte of what was read crashes when nothing was read.",
        seen_in: &["tokio#7912"],
    },
    Requirement {
        id: "SES-13",
        level: Must,
        steps: &[2, 7],
        strategy: None,
        raw: Holds,
        sentence: "Connections that are closed at once, many in a row, cost the server nothing that lasts.",
        why: "Whoever may connect may also leave; if that leaks, anybody can stop the service.",
        breaks: "The descriptor is lost when the peer has gone between accept and the first read.",
        seen_in: &["CVE-2017-15133", "miekg/dns@43913f2f"],
    },
    Requirement {
        id: "SES-14",
        level: Must,
        steps: &[2, 3],
        strategy: None,
        raw: Holds,
        sentence: "Bytes that arrive before the server has accepted the connection are served like any others.",
        why: "TCP completes the handshake and takes data on the listener's behalf, before the application knows of \
            the client.",
        breaks: "Interest in reading is registered only after a while, with edge-triggered events, so that the edge \
            has already passed.",
        seen_in: &["kecho#1"],
    },
    Requirement {
        id: "SES-15",
        level: Should,
        steps: &[3],
        strategy: None,
        raw: Holds,
        sentence: "A burst of connections is accepted and served whole.",
        why: "Clients do not take turns at connecting; the backlog exists to hold those who come together.",
        breaks: "With a backlog of one, handshakes are dropped and repeated after a second, or refused.",
        seen_in: &[],
    },
    Requirement {
        id: "SES-16",
        level: May,
        steps: &[1],
        strategy: None,
        raw: Holds,
        sentence: "The service can be reached over IPv4 and over IPv6.",
        why: "A name such as localhost stands for both, and clients try either first.",
        breaks: "The listener is bound to one family or to one address by mistake.",
        seen_in: &[],
    },
];
