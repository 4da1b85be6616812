//! What is known of the target before the first case: declared, and measured.

use std::time::Duration;

use crate::campaign::{Calibration, plain};
use crate::framing::{After, Behaviour, Eof, Framing, Over, Partial, Strategy};
use crate::fuzzing::{Act, Damage, Harm, Message, Move, Plan, Stream};
use crate::oracle::Judgement;
use crate::peer::Settings;
use crate::profile::{ClientProfile, Profile, Tempo};

/// How long a silence is watched, at least and at most: thousands of cases wait for it.
const QUIET: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(60)];

/// What cases are drawn for.
#[derive(Clone, Debug)]
pub struct Known {
    /// As declared; where it decides how replies are compared, as measured.
    pub framing: Framing,
    /// A server that does what was declared and measured.
    pub settings: Settings,
    /// How long to wait.
    pub tempo: Tempo,
    /// A connection carries one message.
    pub once: bool,
    /// Connections of one case, at most.
    pub connections: usize,
    /// Cases at once, at most.
    pub cases_at_once: usize,
    /// The largest message, in bytes.
    pub largest: usize,
    /// What was measured, where the target is a client.
    pub client: Option<Profile>,
}

impl Known {
    /// What a calibration brought; no message is larger than `largest` bytes.
    pub fn new(framing: &Framing, calibration: &Calibration, largest: usize) -> Self {
        let Calibration { profile, tempo, round_trip, .. } = calibration;
        let mut settings = Settings::new(framing.clone().with_behaviour(measured(framing, profile)));
        settings.max = profile.limit.into_iter().chain(profile.max).fold(settings.max, u64::min);
        let [least, most] = QUIET;
        let tempo = Tempo { quiet: (*round_trip * 3).clamp(least, most.min(tempo.quiet)), ..*tempo };
        let behaviour = framing.behaviour();
        let compared = Behaviour {
            partial: behaviour.partial.or(profile.partial.then_some(Partial::Yes)),
            after: behaviour.after.or(profile.once.then_some(After::Close)),
            ..behaviour.clone()
        };
        Self {
            framing: framing.clone().with_behaviour(compared),
            settings,
            tempo,
            once: profile.once || framing.strategy() == Strategy::Close,
            connections: profile.share().clamp(1, 4),
            cases_at_once: profile.cases_at_once(),
            largest,
            client: None,
        }
    }

    /// What was measured of a client; no message is larger than `largest` bytes, or than what it takes back.
    pub fn of_client(framing: &Framing, calibration: &Calibration, largest: usize) -> Self {
        let profile = calibration.profile.clone();
        let limit = profile.limit.and_then(|limit| usize::try_from(limit).ok());
        Self {
            framing: framing.clone(),
            settings: Settings::new(framing.clone()),
            tempo: calibration.tempo,
            once: true,
            connections: 1,
            cases_at_once: usize::MAX,
            largest: limit.map_or(largest, |limit| largest.min(limit)),
            client: Some(profile),
        }
    }

    /// What is known of the client under test, if it is one.
    pub(super) fn client(&self) -> Option<&ClientProfile> {
        self.client.as_ref()?.client.as_deref()
    }

    /// Without what every session of a client shows.
    pub(super) fn without_habits(&self, mut judgement: Judgement) -> Judgement {
        let habitual = self.client().map(|client| client.habitual.as_slice()).unwrap_or_default();
        judgement.breaches.retain(|breach| !habitual.contains(&breach.rule));
        judgement
    }

    /// A declared limit that is within reach.
    pub(super) fn limit(&self) -> Option<usize> {
        let limit = self.framing.behaviour().max?;
        usize::try_from(limit).ok().filter(|limit| *limit <= self.largest)
    }

    /// How many cases may be played at once: each may open several connections.
    pub(super) fn jobs(&self, jobs: usize) -> usize {
        jobs.min(self.cases_at_once).max(1)
    }

    /// What some targets die of while they are measured. The last one is tried first: departures, in which nothing else is odd.
    /// The others may end in a reset, too, where nothing is known of what comes behind them.
    pub(super) fn dangers(&self) -> Vec<Plan> {
        let plan = |stream: Stream, acts: &[Act]| Plan {
            framing: self.settings.framing.clone(),
            streams: vec![stream],
            moves: acts.iter().map(|act| Move { on: 0, act: *act }).collect(),
        };
        let message = |bytes: Vec<u8>| Stream { messages: vec![Message::Bytes(bytes)], damage: Vec::new() };
        let usual = message(plain(&self.framing, 3));
        let unfinished = Damage { harm: Harm::Truncate, at: usual.messages[0].bytes().len() as u16 - 1, with: 0 };
        let oversize = self.limit().map_or(0, |limit| limit + 1);
        let departures: [&[Act]; 4] = [
            &[Act::Close],
            &[Act::Send(u8::MAX), Act::Echo, Act::Reset],
            &[Act::Send(u8::MAX), Act::Close],
            &[Act::Short(0), Act::Reset],
        ];
        let departures = departures.map(|acts| plan(usual.clone(), acts));
        let others = [message(vec![b'o'; oversize]), Stream { damage: vec![unfinished], ..usual }, message(Vec::new())];
        others.map(|stream| plan(stream, &[])).into_iter().chain(departures).collect()
    }

    /// Whether messages stand by themselves in a stream, and are answered when they are whole.
    pub(super) fn is_framed(&self) -> bool {
        self.framing.strategy() >= Strategy::Fixed && self.framing.behaviour().partial != Some(Partial::Yes)
    }
}

/// What is declared, completed by what was measured.
fn measured(framing: &Framing, profile: &Profile) -> Behaviour {
    let declared = framing.behaviour().clone();
    // A part of a counted message is no message (CATALOGUE D6), whoever delivers it.
    let eof = profile.eof.filter(|eof| *eof != Eof::Deliver || framing.strategy() != Strategy::Length);
    let is_once = profile.once && framing.strategy() != Strategy::Close;
    Behaviour {
        partial: if profile.partial { Some(Partial::Yes) } else { declared.partial },
        after: if is_once { Some(After::Close) } else { declared.after },
        empty: profile.empty.or(declared.empty),
        eof: eof.or(declared.eof),
        over: profile.over.or(declared.over).filter(|over| *over != Over::Any),
        ..declared
    }
}
