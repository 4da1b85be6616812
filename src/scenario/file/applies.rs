//! To which targets a scenario applies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::framing::Strategy;

/// What a target must be for a scenario to apply; otherwise it is skipped, with the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Applies {
    /// The strategies; all if nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<Strategy>,
    /// Only these length fields, such as `u16be` or `varint`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Only these escapes of a delimiter, such as `slip` or `cobs`; `none`: plain bytes up to a delimiter, if there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escapes: Vec<String>,
    /// What the target must have or do: all of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
}

/// Something that a target must have or do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It stays silent until a message is complete.
    Framed,
    /// Replies may begin before a message is complete (`raw`, `partial=yes`).
    Stream,
    /// It keeps the connection after a reply.
    Many,
    /// It serves several connections at once.
    Parallel,
    /// A largest message is declared.
    Max,
    /// There is a length prefix with something to cut inside.
    Prefix,
    /// There is a delimiter or trailer.
    Terminator,
    /// There is a delimiter or trailer of two bytes or more.
    Terminator2,
    /// The length is written in as many digits as it takes.
    OpenDigits,
    /// A carriage return before the delimiter belongs to it (`chomp=cr`).
    Chomp,
    /// The length counts the header or the field too.
    CountsHeader,
    /// A message may be empty.
    EmptyLegal,
    /// A message may hold any bytes.
    Binary,
    /// It closes the connection on an oversize message.
    OverClose,
    /// It skips an oversize message.
    OverSkip,
    /// It is declared that an unfinished message at the end of the stream is a message (`eof=deliver`, `last=short`).
    EofDeliver,
    /// It is declared that it is not (`eof=drop`).
    EofDrop,
    /// No short record is declared for the end of the stream (`last=short`).
    WholeRecords,
    /// It is declared when a silent connection is ended: `$before_idle`, `$after_idle`.
    Idle,
    /// It is declared when an unfinished message is given up: `$drip`, `$after_deadline`.
    Deadline,
}
