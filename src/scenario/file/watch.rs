//! What a case may cost the target's process, where that can be seen (`--exec`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::size::Size;
use crate::session::{Disturbance, Limits};

/// A case with limits is played by itself, after all others, and only where the target's process is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// So many more open descriptors afterwards, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptors: Option<u32>,
    /// So much more resident memory at the peak, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Afterwards at most twice the resident memory that there was before, and so much more; and not so much more each time
    /// that the case is played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Size>,
    /// So many percent of one processor over the whole case, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// What is done to the process while the case is played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disturb: Option<Disturbance>,
}

impl Watch {
    /// In numbers, for a target that must take messages of up to `max` bytes, if one is known.
    pub fn limits(&self, max: Option<u64>) -> Limits {
        let bytes = |size| match size {
            Size::Bytes(bytes) => bytes,
            Size::Max(more) => max.unwrap_or(0).saturating_add_signed(more),
            Size::Round(more) => 0_u64.saturating_add_signed(more), // outside of all rounds
        };
        Limits {
            descriptors: self.descriptors.map(u64::from),
            memory: self.memory.map(bytes),
            kept: self.kept.map(bytes),
            grown: None,
            cpu: self.cpu.map(u64::from),
            disturb: self.disturb,
        }
    }
}
