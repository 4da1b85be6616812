//! Concurrency: what one client does, the others do not feel.

use super::{
    Level::{Must, Should},
    Raw::{BytesOnly, Holds},
    Requirement,
};

/// The rows of this topic.
pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "CON-01",
        level: Must,
        steps: &[3],
        strategy: None,
        raw: Holds,
        sentence: "A client that connects and says nothing does not keep others from being served.",
        why: "Whoever may connect could otherwise stop the service without sending a byte.",
        breaks: "One loop accepts, reads and answers, so that the first silent client holds it; a prefix read in the \
            accept loop does the same.",
        seen_in: &["CVE-2017-15133"],
    },
    Requirement {
        id: "CON-02",
        level: Must,
        steps: &[3, 6],
        strategy: None,
        raw: Holds,
        sentence: "A client that stops in the middle of a message does not keep others from being served.",
        why: "The rest of a message may take any time, and it is the business of its own connection.",
        breaks: "The read of a body blocks the only thread there is.",
        seen_in: &["CVE-2017-15133"],
    },
    Requirement {
        id: "CON-03",
        level: Must,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "A client that does not read its replies does not keep others from being served.",
        why: "Flow control stops one connection, not the server.",
        breaks: "A blocking write on the common thread waits for the slowest reader.",
        seen_in: &["cuberite#592", "IXWebSocket#575"],
    },
    Requirement {
        id: "CON-04",
        level: Should,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "A client that sends without pause leaves others their share.",
        why: "A loop that always finds more to read has to yield.",
        breaks: "The worker stays with the connection until it would block, which never happens.",
        seen_in: &["rsyslog@34e72ced5"],
    },
    Requirement {
        id: "CON-05",
        level: Must,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "Many connections at once, each with a stream of its own under its own cuts, all get their own \
            streams back.",
        why: "The sessions are independent, however their events interleave.",
        breaks: "Buffers or parser states are shared, and under load the streams mix.",
        seen_in: &[],
    },
    Requirement {
        id: "CON-06",
        level: Should,
        steps: &[3],
        strategy: None,
        raw: Holds,
        sentence: "A thousand connections can be held at once and served, or are cleanly refused.",
        why: "A limit on connections is fair; a limit that hangs or crashes is not.",
        breaks: "A thread for each client, or a select over more than 1024 descriptors, breaks at a number nobody \
            chose.",
        seen_in: &[],
    },
    Requirement {
        id: "CON-07",
        level: Should,
        steps: &[3],
        strategy: None,
        raw: Holds,
        sentence: "A server that runs out of descriptors recovers as soon as clients leave, and does not spin \
            meanwhile.",
        why: "accept fails while none is free (EMFILE), and the pending connection stays pending.",
        breaks: "The event loop is woken for the same connection for ever, or accepting is given up for good.",
        seen_in: &["joyent/libuv#690", "ranch#36", "oven-sh/bun#32705", "libmill#182"],
    },
    Requirement {
        id: "CON-08",
        level: Should,
        steps: &[6],
        strategy: None,
        raw: BytesOnly,
        sentence: "Replies to messages sent without waiting come back in the order of the messages.",
        why: "The reply has no number; its place in the stream is all that pairs it with its message.",
        breaks: "Each message is handed to a pool of workers, and the quickest answers first.",
        seen_in: &["vscode-languageserver-node#1133"],
    },
];
