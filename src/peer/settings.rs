//! What a reference server is told: how messages are framed, and which limits it keeps.

use std::time::Duration;

use super::fault::{Act, Fault};
use crate::framing::{Framing, Idle};

/// What a server serves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How messages are framed, with the behaviour declared there.
    pub framing: Framing,
    /// The largest payload taken, in bytes.
    pub max: u64,
    /// A connection that moves nothing for so long is closed.
    pub idle: Option<Duration>,
    /// What it does wrong, if it is to do something wrong.
    pub fault: Option<&'static Fault>,
}

impl Settings {
    /// Payloads are bounded at 64 MiB where the framing declares no maximum.
    pub const DEFAULT_MAX: u64 = 64 * 1024 * 1024;

    /// Serves a framing as it declares itself.
    pub fn new(framing: Framing) -> Self {
        let max = framing.behaviour().max.unwrap_or(Self::DEFAULT_MAX);
        let mut behaviour = framing.behaviour().clone();
        behaviour.max = Some(max);
        let idle = framing.behaviour().idle.and_then(Idle::time);
        Self { framing: framing.with_behaviour(behaviour), max, idle, fault: None }
    }

    /// The same server with one known fault.
    #[must_use]
    pub fn with_fault(self, fault: &'static Fault) -> Self {
        let settings = match fault.act {
            Act::Settings(alter) => alter(self),
            _ => self,
        };
        Self { fault: Some(fault), ..settings }
    }
}
