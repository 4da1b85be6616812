//! What one connection brought: what the same bytes in other segments must bring again (SEG-12).

use super::excerpt::excerpt;
use super::verdict::{Breach, cut_dependent};
use crate::session::{Event, Trace};

/// What a connection brought, and how the target ended it, if it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    pub(super) bytes: Vec<u8>,
    pub(super) ending: Option<Ending>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Fin,
    Reset,
}

impl Transcript {
    /// Of a trace with one connection.
    pub fn of(trace: &Trace) -> Self {
        let mut transcript = Self { bytes: Vec::new(), ending: None };
        for record in &trace.records {
            match &record.event {
                Event::Received(bytes) => transcript.bytes.extend_from_slice(bytes),
                Event::Fin => transcript.ending = Some(Ending::Fin),
                Event::Reset => transcript.ending = Some(Ending::Reset),
                _ => {}
            }
        }
        transcript
    }

    /// All that came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the two may come of one decoder.
    pub fn agrees(&self, other: &Self) -> bool {
        self.brings_as_much(other) && self.ending.is_some() == other.ending.is_some()
    }

    /// Whether the same came, whether or not the connection ended. A reset takes along what had not been read yet, and whether
    /// bytes are left unread, so that a close becomes a reset, depends on when they come.
    pub(super) fn brings_as_much(&self, other: &Self) -> bool {
        let [shorter, longer] = if self.bytes.len() < other.bytes.len() { [self, other] } else { [other, self] };
        match shorter.ending {
            Some(Ending::Reset) => longer.bytes.starts_with(&shorter.bytes),
            _ => longer.bytes == shorter.bytes,
        }
    }

    /// What `pieces` brought, where this was to come.
    pub fn difference(&self, pieces: &Self) -> Breach {
        let same = self.bytes.iter().zip(&pieces.bytes).take_while(|(whole, cut)| whole == cut).count();
        Breach {
            expected: Some(self.told()),
            actual: Some(pieces.told()),
            differs_at: Some(same as u64),
            timing: self.bytes == pieces.bytes,
            ..cut_dependent()
        }
    }

    fn told(&self) -> String {
        let end = if self.ending.is_some() { "the connection ended" } else { "the connection stayed open" };
        format!("{}, then {end}", excerpt(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript(bytes: &[u8], ending: Option<Ending>) -> Transcript {
        Transcript { bytes: bytes.to_vec(), ending }
    }

    #[test]
    fn a_reset_may_take_a_part_of_the_reply_along_and_a_fin_may_not() {
        let whole = transcript(b"abcd", Some(Ending::Fin));
        assert!(whole.agrees(&transcript(b"ab", Some(Ending::Reset))));
        assert!(!whole.agrees(&transcript(b"ab", Some(Ending::Fin))));
        assert!(!whole.agrees(&transcript(b"ax", Some(Ending::Reset))));
        assert!(!whole.agrees(&transcript(b"abcd", None)));
    }
}
