//! What a process takes of its machine, and how much of it a case allows.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a process and its children take at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// When, since any fixed moment.
    pub at: Duration,
    /// Resident memory in bytes.
    pub memory: u64,
    /// The most resident memory since the case began, in bytes.
    pub peak: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Processor time so far, of all threads.
    pub cpu: Duration,
}

/// What a case may cost the target. `None`: it does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// So many more descriptors afterwards.
    pub descriptors: Option<u64>,
    /// So many more bytes of memory at the peak.
    pub memory: Option<u64>,
    /// Afterwards twice the memory as before, and so many bytes more.
    pub kept: Option<u64>,
    /// So many more bytes of memory afterwards, however much it had before: what shows when a case is played many times.
    pub grown: Option<u64>,
    /// So many percent of one processor, over the whole case.
    pub cpu: Option<u64>,
    /// What is done to the process meanwhile.
    pub disturb: Option<Disturbance>,
}

/// What is done to the target's process while a case is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Disturbance {
    /// A hundred signals a second that nobody has to handle.
    Signals,
    /// It is ended, and started again at the same address.
    Restart,
}
