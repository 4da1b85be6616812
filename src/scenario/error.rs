//! Why a scenario cannot be used.

use std::io;

use crate::complaint::Complaint;

/// The largest file that is read, in bytes.
pub const MAX_TEXT: u64 = 1024 * 1024;

/// A scenario that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file says something that it must not.
    #[error(transparent)]
    Wrong(Box<Complaint>),
    /// The file is larger than [`MAX_TEXT`]; nothing of it was read.
    #[error("{file}: {bytes} bytes are too many for a file of YAML (at most 1MiB)")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size in bytes.
        bytes: u64,
    },
    /// The file or folder could not be read.
    #[error("{file}: {source}")]
    Unreadable {
        /// The file or folder.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A folder without any scenario.
    #[error("{folder}: no scenario in this folder (*.yaml, *.yml)")]
    Nothing {
        /// The folder.
        folder: String,
    },
}

impl From<Complaint> for ScenarioError {
    fn from(complaint: Complaint) -> Self {
        Self::Wrong(Box::new(complaint))
    }
}
