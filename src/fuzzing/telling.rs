//! From what a fuzzer found to a scenario that people read and `check` plays.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::account::Trust;
use super::cursor::Code;
use super::framing::{Cutting, MOST_BYTES, places};
use super::plan::{Act, Move, Plan};
use super::staging::script;
use crate::framing::{Deframer, Framing};
use crate::peer::Settings;
use crate::profile::Tempo;
use crate::scenario::file::{
    Connect, Content, Cut, Drip, Expect, Fin, Owed, Payload, Place, Read, Reading, Send, Size, Slot, Span, Step, What,
};
use crate::scenario::{MAX_TEXT, Scenario, pattern, plain};
use crate::session::{Conn, Duty, Pace, Promise, Script, Segment, Step as Action, Until};

/// From this length on a payload is told by its rule.
const LONG: usize = 33;

/// Whose input it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// An input of the target `framing`.
    Framing,
    /// An input of the target `session`.
    Session,
    /// An input of the target `live`.
    Live,
}

/// A target whose inputs stand for no session.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("inputs of `{0}` stand for no session; possible: framing, session, live")]
pub struct NoSession(String);

impl FromStr for Artifact {
    type Err = NoSession;

    fn from_str(name: &str) -> Result<Self, NoSession> {
        match name {
            "framing" => Ok(Self::Framing),
            "session" => Ok(Self::Session),
            "live" => Ok(Self::Live),
            other => Err(NoSession(other.to_owned())),
        }
    }
}

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Framing => "framing",
            Self::Session => "session",
            Self::Live => "live",
        })
    }
}

impl Artifact {
    /// The session that an input stands for: of `framing`, the first segmentation of its stream.
    pub fn plan(self, data: &[u8]) -> Plan {
        match self {
            Self::Session | Self::Live => Plan::decode(data),
            Self::Framing => {
                let Cutting { framing, stream, first, .. } = Cutting::decode(data);
                let mut from = 0;
                let cuts = places(&first, stream.sent(&framing, MOST_BYTES).wire.len());
                let moves = cuts.into_iter().flat_map(|cut| {
                    let len = cut - from;
                    from = cut;
                    segments(len)
                });
                let moves = moves.map(|act| Move { on: 0, act }).collect();
                Plan { framing, streams: vec![stream], moves }
            }
        }
    }

    /// The session as a scenario, and the framing in which it is one. What right servers treat differently is left
    /// open in an input of `live`.
    pub fn scenario(self, data: &[u8]) -> (Scenario, Framing) {
        let plan = self.plan(data);
        let trust = if self == Self::Live { Trust::Declared } else { Trust::Reference };
        let script = script(&plan, &Settings::new(plan.framing.clone()), trust, Tempo::PATIENT);
        (scenario_of(&script, &plan.framing, &format!("what the fuzz target {self} found")), plan.framing)
    }
}

/// Acts that send so many bytes; 256 are the most that one can say.
fn segments(len: usize) -> impl Iterator<Item = Act> {
    let whole = std::iter::repeat_n(Act::Send(u8::MAX), len / 256);
    whole.chain((len % 256).checked_sub(1).map(|rest| Act::Send(rest as u8)))
}

/// A scenario that compiles to this script in this framing.
///
/// What is whole is told as messages; where a send completes messages whose frames began before or are not as we would
/// write them, as raw bytes with the messages that they carry.
pub fn scenario_of(script: &Script, framing: &Framing, title: &str) -> Scenario {
    let script = &in_order(script);
    let steps = script.steps.iter().enumerate().filter(|(at, _)| !is_implied(&script.steps[*at..]));
    let mut steps: Vec<_> = steps.map(|(_, step)| told(step, framing)).collect();
    if script.connections() == 1 {
        steps.iter_mut().for_each(unnamed);
    }
    Scenario { steps, ..plain(title) }
}

/// The same script with its connections numbered as they are opened.
fn in_order(script: &Script) -> Script {
    let opened = script.steps.iter().filter_map(|step| match step {
        Action::Connect { conn, .. } => Some(*conn),
        _ => None,
    });
    let opened: Vec<Conn> = opened.collect();
    let number = |conn: &mut Conn| {
        let place = opened.iter().position(|one| one == conn);
        *conn = Conn(place.unwrap_or(usize::from(conn.0)) as u16);
    };
    let mut script = script.clone();
    for step in &mut script.steps {
        match step {
            Action::Connect { conn, .. }
            | Action::Send { conn, .. }
            | Action::Read { conn, .. }
            | Action::Shutdown(conn)
            | Action::Close(conn)
            | Action::Reset(conn)
            | Action::Urgent(conn) => number(conn),
            Action::Await { conns, .. } => conns.iter_mut().for_each(&number),
            Action::Pause(_) => {}
        }
    }
    script
}

/// Whether the first of these opens a connection that the second would open by itself.
fn is_implied(steps: &[Action]) -> bool {
    match steps {
        [Action::Connect { conn, receive_buffer: None }, Action::Send { conn: next, .. }, ..] => conn == next,
        _ => false,
    }
}

/// Leaves out the name of the connection that is meant if none is named.
fn unnamed(step: &mut Step) {
    match step {
        Step::Send(send) => send.on = None,
        Step::Read(read) => read.on = None,
        Step::Expect(expect) => expect.on.clear(),
        _ => {}
    }
}

/// The text of a scenario file, with a comment above it; `None` if it is longer than a file may be.
pub fn commented(scenario: &Scenario, comment: &[String]) -> Option<String> {
    let comment: Vec<String> = comment.iter().map(|line| format!("# {line}\n")).collect();
    let text = comment.concat() + &scenario.to_yaml();
    (text.len() as u64 <= MAX_TEXT).then_some(text)
}

fn told(action: &Action, framing: &Framing) -> Step {
    match action {
        Action::Connect { conn, .. } => {
            Step::Connect(Connect { on: conn.to_string(), receive_buffer: None, count: None })
        }
        Action::Send { conn, promises, segments, within } => {
            Step::Send(Box::new(sent(*conn, promises, segments, within.is_some(), framing)))
        }
        Action::Pause(length) => Step::Pause(Slot::Given(Span::exactly(*length))),
        Action::Read { conn, pace } => {
            Step::Read(Read { on: Some(conn.to_string()), pace: Slot::Given(reading(*pace)) })
        }
        Action::Shutdown(conn) => Step::HalfClose(conn.to_string()),
        Action::Close(conn) => Step::Close(conn.to_string()),
        Action::Reset(conn) => Step::Reset(conn.to_string()),
        Action::Urgent(conn) => Step::Urgent(conn.to_string()),
        Action::Await { conns, any, .. } => Step::Expect(Expect {
            on: conns.iter().map(Conn::to_string).collect(),
            any: any.iter().map(|until| Slot::Given(what(until))).collect(),
            within: None,
        }),
    }
}

fn sent(conn: Conn, promises: &[Promise], segments: &[Segment], waits: bool, framing: &Framing) -> Send {
    let bytes: Vec<u8> = segments.iter().flat_map(|segment| segment.bytes.iter().copied()).collect();
    let payload = |promise: &Promise| Slot::Given(told_payload(&promise.payload, framing));
    let (content, carries) = match promises {
        _ if !is_whole(promises, &bytes, framing) => {
            let raw = Content::Raw(Slot::Given(Payload::bytes(&bytes)));
            (raw, promises.iter().map(payload).collect())
        }
        [one] => (Content::Message(payload(one)), Vec::new()),
        many => (Content::Messages(many.iter().map(payload).collect()), Vec::new()),
    };
    let mut cuts = Vec::new();
    let mut end = 0;
    for segment in segments.iter().filter(|segment| !segment.bytes.is_empty()) {
        cuts.extend((end > 0).then_some(Slot::Given(Place::At(end as i64))));
        end += segment.bytes.len();
    }
    let cut = if cuts.is_empty() { Cut::Whole } else { Cut::AllOf(cuts) };
    let fin = segments.last().is_some_and(|segment| segment.fin).then_some(Slot::Given(Fin::With));
    let on = Some(conn.to_string());
    let duty = duty(promises, &bytes, framing).map(Slot::Given);
    Send { on, duty, carries, cut: cut.into(), fin, wait: waits.into(), ..content.into() }
}

/// What has to be said of a send, where it is neither the echo of its messages nor nothing.
fn duty(promises: &[Promise], bytes: &[u8], framing: &Framing) -> Option<Owed> {
    let has_frame = || {
        let mut deframer = Deframer::new(framing);
        deframer.push(bytes);
        deframer.next_frame().is_some_and(|frame| frame.is_ok())
    };
    match promises {
        [] => has_frame().then_some(Owed::Never),
        _ => promises.iter().all(|promise| promise.duty == Duty::May).then_some(Owed::May),
    }
}

/// A payload as it is; a long one by its rule, if it has one.
pub(crate) fn told_payload(bytes: &[u8], framing: &Framing) -> Payload {
    match bytes.first() {
        Some(_) if bytes.len() < LONG => Payload::bytes(bytes),
        Some(first) if bytes.iter().all(|byte| byte == first) => {
            Payload::Repeat(Box::new(Slot::Given(Payload::bytes(&[*first]))), Slot::Given(bytes.len() as u32))
        }
        Some(_) if bytes == pattern(framing, bytes.len()) => {
            Payload::Fill(Slot::Given(Size::Bytes(bytes.len() as u64)))
        }
        _ => Payload::bytes(bytes),
    }
}

/// Whether these bytes are nothing but the frames of these messages, none of them empty.
fn is_whole(promises: &[Promise], bytes: &[u8], framing: &Framing) -> bool {
    let mut frames = Vec::new();
    let all = promises
        .iter()
        .all(|promise| !promise.payload.is_empty() && framing.encode(&promise.payload, &mut frames).is_ok());
    all && !promises.is_empty() && frames == bytes
}

fn reading(pace: Pace) -> Reading {
    match pace {
        Pace::Eager => Reading::Eager,
        Pace::Stopped => Reading::Stopped,
        Pace::Drip { bytes, every } => {
            Reading::Drip(Drip { bytes: (bytes as u32).into(), every: Span::exactly(every).into() })
        }
    }
}

fn what(until: &Until) -> What {
    match until {
        Until::Echo => What::Echo,
        Until::Bytes(count) => What::Bytes(*count),
        Until::Silence => What::Silence,
        Until::End => What::End,
        Until::Closed => What::Closed,
        Until::Refused => What::Refused,
        Until::Left => What::Left,
        Until::Stalled => What::Stalled,
        Until::Prompt(_) => What::Prompt,
        Until::Same => What::Same,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::Profile;
    use crate::scenario::{self, Context};

    /// The script that a scenario compiles to, read from its text.
    fn compiled(scenario: &Scenario, framing: &Framing) -> Script {
        let text = commented(scenario, &["a comment".into()]).expect("short enough");
        let read = scenario::parse("told", "told.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let profile = Profile { once: false, ..Profile::declared(framing) };
        let context = Context { thorough: true, ..Context::new(framing, &profile, Tempo::PATIENT) };
        match read.expand(&context).pop().expect("a case").plan {
            scenario::Plan::Play(script) => script,
            scenario::Plan::Skip(reason) => panic!("{reason}\n{text}"),
        }
    }

    /// Without what the file cannot say: segments without bytes.
    fn plain(script: &Script) -> Vec<Action> {
        let mut steps = in_order(script).steps;
        for step in &mut steps {
            if let Action::Send { segments, .. } = step {
                let last_ends = segments.last().is_some_and(|segment| segment.fin);
                segments.retain(|segment| !segment.bytes.is_empty());
                match segments.last_mut() {
                    Some(last) => last.fin = last_ends,
                    None if last_ends => segments.push(Segment { fin: true, ..Segment::once(bytes::Bytes::new()) }),
                    None => {}
                }
            }
        }
        steps
    }

    proptest! {
        #[test]
        fn what_is_told_compiles_to_what_was_played(data in proptest::collection::vec(any::<u8>(), 0..120)) {
            let plan = Plan::decode(&data);
            for trust in [Trust::Reference, Trust::Declared] {
                let script = script(&plan, &Settings::new(plan.framing.clone()), trust, Tempo::PATIENT);
                if script.weight() < 20_000 && !script.steps.is_empty() {
                    let scenario = scenario_of(&script, &plan.framing, "told");
                    prop_assert_eq!(plain(&compiled(&scenario, &plan.framing)), plain(&script), "{}", scenario.to_yaml());
                }
            }
        }
    }
}
