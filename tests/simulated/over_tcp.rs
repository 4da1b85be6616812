//! What only the target's process shows, and so only a run that has started it.

/// A fault that fails a requirement over TCP, under `check --exec`.
pub(crate) struct Seen {
    pub(crate) requirement: &'static str,
    pub(crate) fault: &'static str,
    pub(crate) framing: &'static str,
    /// The rules of which it breaks one.
    pub(crate) rules: &'static [&'static str],
}

const fn seen(
    requirement: &'static str,
    fault: &'static str,
    framing: &'static str,
    rules: &'static [&'static str],
) -> Seen {
    Seen { requirement, fault, framing, rules }
}

/// `tests/program/kill_over_tcp.rs` plays each of them.
pub(crate) const SEEN: &[Seen] = &[
    seen("LEN-16", "prefix-reserves-memory", "length:u32be,max=1MiB", &["memory-taken"]),
    seen("CLO-12", "address-not-reused", "lf", &["not-back"]),
    seen("RES-06", "buffers-kept", "lf", &["memory-kept"]),
    seen("RES-07", "spins", "lf", &["processor-time"]),
    seen("RES-10", "signals-end-streams", "lf", &["closed-early", "unfinished-reply", "reset"]),
    seen("RES-12", "spins-when-stalled", "lf", &["processor-time"]),
];
