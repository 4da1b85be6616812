//! The table of requirements: what a right server or client does, one row each, one file a topic.
//!
//! Sentences are normative: they say what is so for a target that conforms. [`Level`] says how binding they are.

mod bytes;
mod client;
mod close;
mod concurrency;
mod delimiter;
mod endings;
mod escape;
mod fixed;
mod length;
mod resources;
mod segmentation;
mod session;
mod text_length;
mod timing;
mod unplayed;
mod varint;

use super::Level;

/// One requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Three letters of the topic and a number: `SEG-02`. Never reused.
    pub id: &'static str,
    /// How binding it is.
    pub level: Level,
    /// Which of the seven steps of a session it belongs to, ascending.
    pub steps: &'static [u8],
    /// The framing strategy that it belongs to, by name; `None`: all.
    pub strategy: Option<&'static str>,
    /// Whether it holds for a plain byte stream too.
    pub raw: Raw,
    /// What is required, in one sentence.
    pub sentence: &'static str,
    /// The rule that it follows from.
    pub why: &'static str,
    /// What real implementations do that break it.
    pub breaks: &'static str,
    /// Where that was seen: `project#issue`, `project@commit`, or a CVE number.
    pub seen_in: &'static [&'static str],
}

impl Requirement {
    /// Why no scenario judges it, if none does.
    pub fn unplayed(&self) -> Option<&'static str> {
        unplayed::UNPLAYED.iter().find(|(id, _)| *id == self.id).map(|(_, why)| *why)
    }
}

/// Whether a requirement holds for an RFC 862 server, which sends bytes back as they come and knows no messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raw {
    /// As it stands.
    Holds,
    /// With bytes in place of messages: the reply stream equals the request stream.
    BytesOnly,
    /// Only for targets that are silent until a message is complete.
    Framed,
}

/// The topics, in the order in which reports list them.
const TOPICS: &[&[Requirement]] = &[
    session::ROWS,
    bytes::ROWS,
    segmentation::ROWS,
    close::ROWS,
    fixed::ROWS,
    length::ROWS,
    varint::ROWS,
    text_length::ROWS,
    delimiter::ROWS,
    escape::ROWS,
    endings::ROWS,
    concurrency::ROWS,
    resources::ROWS,
    timing::ROWS,
    client::ROWS,
];

/// All requirements, topic by topic.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    TOPICS.iter().copied().flatten()
}

/// The requirement of this id.
pub fn find(id: &str) -> Option<&'static Requirement> {
    all().find(|requirement| requirement.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn count(level: Level) -> usize {
        all().filter(|requirement| requirement.level == level).count()
    }

    #[test]
    fn there_are_as_many_as_the_catalogue_counts() {
        assert_eq!(all().count(), 220);
        assert_eq!((count(Level::Must), count(Level::Should), count(Level::May)), (137, 75, 8));
        assert_eq!(all().filter(|requirement| requirement.raw == Raw::Framed).count(), 84);
    }

    #[test]
    fn ids_are_unique_and_numbered_without_gaps() {
        let ids: BTreeSet<_> = all().map(|requirement| requirement.id).collect();
        assert_eq!(ids.len(), all().count());
        for topic in TOPICS {
            let prefix = &topic[0].id[..4];
            for (index, row) in topic.iter().enumerate() {
                assert_eq!(row.id, format!("{prefix}{:02}", index + 1));
            }
        }
    }

    #[test]
    fn steps_and_strategies_exist() {
        for row in all() {
            assert!(!row.steps.is_empty() && row.steps.is_sorted(), "{}", row.id);
            assert!(row.steps.iter().all(|step| (1..=7).contains(step)), "{}", row.id);
            let known = [None, Some("close"), Some("fixed"), Some("length"), Some("delimiter")];
            assert!(known.contains(&row.strategy), "{}", row.id);
        }
    }

    #[test]
    fn texts_are_sentences() {
        let mut seen = BTreeSet::new();
        for row in all() {
            for text in [row.sentence, row.why, row.breaks] {
                assert!(seen.insert(text), "{}: says the same twice: {text}", row.id);
                assert!(text.ends_with('.') && !text.contains("  ") && text.is_ascii(), "{}: {text}", row.id);
            }
            assert!(row.sentence.starts_with(|c: char| c.is_ascii_uppercase()), "{}", row.id);
            assert!(!row.sentence.contains(". "), "{}: more than one sentence", row.id);
            assert!(row.sentence.len() <= 200, "{}: {} bytes", row.id, row.sentence.len());
        }
    }

    #[test]
    fn references_have_a_form_that_can_be_followed() {
        for row in all() {
            for seen in row.seen_in {
                let ok = seen.starts_with("CVE-") || seen.contains(['#', '@', '-']);
                assert!(ok && !seen.contains(' '), "{}: {seen}", row.id);
            }
        }
    }

    #[test]
    fn one_is_found_by_its_id() {
        assert_eq!(find("SEG-02").map(|row| row.id), Some("SEG-02"));
        assert_eq!(find("SEG-99"), None);
    }
}
