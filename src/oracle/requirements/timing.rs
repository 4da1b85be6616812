//! Timing: an echo answers when it can.

use super::{
    Level::{May, Should},
    Raw::{BytesOnly, Holds},
    Requirement,
};

/// The rows of this topic.
pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "TIM-01",
        level: Should,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "A small message is answered within milliseconds, not after a delayed acknowledgement.",
        why: "A reply written in two parts waits for an ACK when Nagle's algorithm meets delayed ACK (RFC 1122 \
            4.2.3.2).",
        breaks: "Header and body go out in two writes without TCP_NODELAY, and each reply takes some 40 ms longer.",
        seen_in: &["seastar#968", "async-h1#199", "Rocket#2062", "helidon#6491", "memcached-rs#7"],
    },
    Requirement {
        id: "TIM-02",
        level: Should,
        steps: &[4, 6],
        strategy: None,
        raw: Holds,
        sentence: "A message that is sent in two writes is answered as fast as one that is sent in one.",
        why: "The client's way of writing must not cost it a timer of the server.",
        breaks: "The server's acknowledgement is delayed, since it has nothing to send before the second part.",
        seen_in: &["reflector-cpp#63"],
    },
    Requirement {
        id: "TIM-03",
        level: Should,
        steps: &[6],
        strategy: None,
        raw: BytesOnly,
        sentence: "A batch of messages is answered in far less time than as many round trips.",
        why: "What is already in the buffer needs no further event.",
        breaks: "One message is handled for each wake-up or each tick of a timer.",
        seen_in: &[],
    },
    Requirement {
        id: "TIM-04",
        level: May,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "Replies do not wait for the tick of a timer.",
        why: "Readiness is an event; polling it at intervals adds half an interval to each reply.",
        breaks: "A loop sleeps between two looks at the socket.",
        seen_in: &[],
    },
    Requirement {
        id: "TIM-05",
        level: Should,
        steps: &[6],
        strategy: None,
        raw: Holds,
        sentence: "The reply to a large message begins when a server of its kind can begin: at once for a stream, \
            after the last byte for one that frames.",
        why: "When the first byte comes back tells the two kinds apart.",
        breaks: "A server that is said to frame streams large messages, or one that is said to stream gathers them.",
        seen_in: &[],
    },
];
