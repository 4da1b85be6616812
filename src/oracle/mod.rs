//! Trace to verdicts, pure: no socket, no clock, no file. A stored trace can be judged again.
//!
//! Two kinds of things are looked at in every trace, whatever the scenario: that nothing came back but what was owed
//! (the ledger), and that every step that waited for something got it.

mod client;
mod desertion;
mod excerpt;
mod judge;
mod queue;
mod reply;
mod requirements;
mod rules;
mod transcript;
mod usage;
mod verdict;
mod wire;

pub use client::habitual;
pub use excerpt::{Log, excerpt, wire_log};
pub use judge::{Judgement, judge};
pub use queue::{has_turned_away, judge_of_few};
pub use requirements::{Requirement, all as requirements, find as requirement};
pub use rules::{RULES, Rule};
pub use transcript::Transcript;
pub use usage::{judge_usage, usage_details};
pub use verdict::{Breach, Level, Verdict, target_died, target_died_of, target_ended, target_not_back, unserved};
pub use wire::{WireEvent, WireKind, wire_events};
