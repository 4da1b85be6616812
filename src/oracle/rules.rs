//! The rules that a trace can break, whatever the scenario.

/// One rule: its stable name and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// As it stands in reports.
    pub name: &'static str,
    /// What a breach means.
    pub about: &'static str,
    /// Whether a slow machine could look the same, so that a breach must be confirmed before it counts.
    pub timing: bool,
}

pub(super) const ALTERED: Rule =
    Rule { name: "altered-reply", timing: false, about: "what came back is not what was sent" };
pub(super) const CLOSED_EARLY: Rule =
    Rule { name: "closed-early", timing: false, about: "the connection ended before everything owed had come back" };
pub(super) const CUT_DEPENDENT: Rule =
    Rule { name: "cut-dependent", timing: false, about: "the same bytes brought something else in other segments" };
pub(super) const DESCRIPTORS_KEPT: Rule = Rule {
    name: "descriptors-kept",
    timing: false,
    about: "the target did not give back the descriptors of its sessions",
};
pub(super) const MEMORY_KEPT: Rule =
    Rule { name: "memory-kept", timing: false, about: "the target did not give back the memory of its messages" };
pub(super) const MEMORY_TAKEN: Rule =
    Rule { name: "memory-taken", timing: false, about: "the target took more memory than what was sent can need" };
pub(super) const PROCESSOR_TIME: Rule =
    Rule { name: "processor-time", timing: false, about: "the target was busy while it had to wait" };
pub(super) const EARLY_CLOSE: Rule =
    Rule { name: "early-close", timing: false, about: "the connection ended where it had to stay open" };
pub(super) const EARLY_REPLY: Rule =
    Rule { name: "early-reply", timing: false, about: "bytes came back before they were due" };
pub(super) const FLOOD: Rule = Rule { name: "flood", timing: false, about: "more came back than was ever sent" };
pub(super) const FORBIDDEN: Rule =
    Rule { name: "forbidden-reply", timing: false, about: "a message came back that had to be refused" };
pub(super) const MALFORMED: Rule = Rule { name: "malformed-reply", timing: false, about: "what came back is no frame" };
pub(super) const NOT_CONNECTED: Rule =
    Rule { name: "not-connected", timing: false, about: "the connection was refused" };
pub(super) const NOT_BACK: Rule =
    Rule { name: "not-back", timing: false, about: "the target was ended, and could not be started again" };
pub(super) const NOT_CLOSED: Rule = Rule { name: "not-closed", timing: true, about: "the connection stayed open" };
pub(super) const NOT_READING: Rule =
    Rule { name: "not-reading", timing: true, about: "the target stopped reading while its replies were being read" };
pub(super) const NO_BACKPRESSURE: Rule = Rule {
    name: "no-backpressure",
    timing: false,
    about: "the target took all that was sent, although none of its replies were read",
};
pub(super) const NO_HANDSHAKE: Rule =
    Rule { name: "no-handshake", timing: true, about: "the connection was not accepted in time" };
pub(super) const NO_REPLY: Rule = Rule { name: "no-reply", timing: true, about: "no whole reply came in time" };
pub(super) const OUT_OF_TIME: Rule = Rule { name: "out-of-time", timing: true, about: "the case came to its bound" };
pub(super) const RESET: Rule =
    Rule { name: "reset", timing: false, about: "the connection was reset where it had to end with FIN" };
pub(super) const AGAIN: Rule = Rule {
    name: "another-connection",
    timing: false,
    about: "the client connected again, where a session is one connection",
};
pub(super) const CRASHED: Rule =
    Rule { name: "client-crashed", timing: false, about: "the client was ended by a signal" };
pub(super) const FALSE_FAILURE: Rule =
    Rule { name: "false-failure", timing: false, about: "the client reported a failure, although the reply was right" };
pub(super) const FALSE_SUCCESS: Rule = Rule {
    name: "false-success",
    timing: false,
    about: "the client reported success, although there was no right reply",
};
pub(super) const SPACE_TAKEN: Rule = Rule {
    name: "address-space-taken",
    timing: false,
    about: "the client reserved more memory than the reply can need",
};
pub(super) const STILL_THERE: Rule =
    Rule { name: "still-running", timing: true, about: "the client did not end after its session" };
pub(super) const WRONG_OUTPUT: Rule = Rule {
    name: "wrong-output",
    timing: false,
    about: "the client reported success, and what it printed is not the reply",
};
pub(super) const RESPELLED: Rule =
    Rule { name: "respelled-reply", timing: false, about: "the message came back in another spelling (compare=bytes)" };
pub(super) const DIED: Rule =
    Rule { name: "target-died", timing: false, about: "after this case the target no longer answered a plain message" };
pub(super) const SLOW_REPLIES: Rule =
    Rule { name: "slow-replies", timing: true, about: "the median reply to a small message took too long" };
pub(super) const UNASKED: Rule =
    Rule { name: "unasked-reply", timing: false, about: "something came back that nothing asked for" };
pub(super) const UNSERVED: Rule = Rule {
    name: "unserved",
    timing: false,
    about: "a connection got no reply, although those before it had ended and later ones were answered, again and again",
};
pub(super) const UNENDED: Rule =
    Rule { name: "unended-message", timing: true, about: "the client sends no FIN behind its message" };
pub(super) const UNFINISHED: Rule =
    Rule { name: "unfinished-reply", timing: false, about: "the connection ended inside a reply" };

/// All rules.
pub const RULES: &[Rule] = &[
    AGAIN,
    ALTERED,
    CLOSED_EARLY,
    CRASHED,
    CUT_DEPENDENT,
    DESCRIPTORS_KEPT,
    EARLY_CLOSE,
    EARLY_REPLY,
    FALSE_FAILURE,
    FALSE_SUCCESS,
    FLOOD,
    FORBIDDEN,
    MALFORMED,
    MEMORY_KEPT,
    MEMORY_TAKEN,
    NOT_CONNECTED,
    NOT_BACK,
    NOT_CLOSED,
    NOT_READING,
    NO_BACKPRESSURE,
    NO_HANDSHAKE,
    NO_REPLY,
    OUT_OF_TIME,
    PROCESSOR_TIME,
    RESET,
    RESPELLED,
    DIED,
    SLOW_REPLIES,
    SPACE_TAKEN,
    STILL_THERE,
    UNASKED,
    UNENDED,
    UNFINISHED,
    UNSERVED,
    WRONG_OUTPUT,
];
