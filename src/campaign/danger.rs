//! What some targets die of, tried one after the other while they are measured, so that it is known which it was; and what
//! they do with it if they live.

use std::time::Duration;

use bytes::Bytes;

use super::calibrate::Lab;
use super::probe::{plain, plain_time, survives, was_answered, was_closed};
use crate::framing::{Empty, Eof, Over};
use crate::session::{Duty, Event, Step, Until};
use crate::transport::Transport;

/// So many plain sessions are tried, or as many as take so long.
const SESSIONS_MOST: usize = 20;
const SESSIONS_LEAST: usize = 4;
const BRIEF: Duration = Duration::from_millis(400);

/// What some targets die of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Danger {
    /// In words.
    pub what: &'static str,
    /// The requirements that are about it, each a MUST, at least one for each strategy.
    pub requirements: &'static [&'static str],
}

const SESSIONS: Danger = Danger { what: "plain sessions, one after the other", requirements: &["SES-03"] };
const MUTE: Danger = Danger { what: "a client that left without a word", requirements: &["SES-12"] };
const RESET: Danger = Danger { what: "a client that reset its connection", requirements: &["CLO-03", "CLO-01"] };
const UNREAD: Danger = Danger { what: "a client that left without reading its reply", requirements: &["CLO-02"] };
const BEGUN: Danger = Danger { what: "a client that reset its connection inside a message", requirements: &["CLO-01"] };
const CROWD: Danger = Danger { what: "several connections at once", requirements: &["SES-03"] };
const BURST: Danger = Danger { what: "many messages at once", requirements: &["DEL-27", "SEG-04"] };
const EMPTY: Danger = Danger { what: "an empty message", requirements: &["LEN-05", "ASC-08", "DEL-06"] };
const UNFINISHED: Danger = Danger { what: "FIN inside a message", requirements: &["LEN-21", "FIX-08", "DEL-21"] };
const OVERSIZE: Danger = Danger { what: "an oversize message", requirements: &["LEN-10", "DEL-10"] };

/// What a target does with messages that are not ordinary.
#[derive(Debug, Default)]
pub(super) struct Endured {
    pub(super) empty: Option<Empty>,
    pub(super) eof: Option<Eof>,
    pub(super) over: Option<Over>,
    pub(super) died_of: Option<Danger>,
}

impl<T: Transport> Lab<'_, T> {
    /// Plain sessions, one after the other: as many as take no time, and some in any case. One that serves so many and no
    /// more has not died of what comes next.
    async fn dies_of_sessions(&self) -> Option<Danger> {
        let affordable = BRIEF.as_nanos() / self.round_trip.as_nanos().max(1);
        let sessions = usize::try_from(affordable).unwrap_or(SESSIONS_MOST).clamp(SESSIONS_LEAST, SESSIONS_MOST);
        for _ in 0..sessions {
            if plain_time(self.transport, self.framing, self.tempo).await.is_none() {
                return self.dead_of(SESSIONS).await;
            }
        }
        None
    }

    /// Clients that come and go, as ours do that measure it.
    pub(super) async fn dies_of_visits(&self) -> Option<Danger> {
        match self.dies_of_sessions().await {
            None => self.dies_of_departures().await,
            danger => danger,
        }
    }

    /// Clients that leave rudely.
    async fn dies_of_departures(&self) -> Option<Danger> {
        for (speaks, leave, danger) in
            [(false, Step::Close as fn(_) -> _, MUTE), (true, Step::Reset, RESET), (true, Step::Close, UNREAD)]
        {
            let mut probe = self.probe();
            let conn = probe.open();
            if speaks {
                probe.say(conn, plain(self.framing, 0), Duty::May);
            }
            probe.step(leave(conn));
            self.transport.run(probe.script()).await;
            if let Some(danger) = self.dead_of(danger).await {
                return Some(danger);
            }
        }
        None
    }

    /// Whether the target lives after several connections at once, which it has just had.
    pub(super) async fn dies_of_a_crowd(&self) -> Option<Danger> {
        self.dead_of(CROWD).await
    }

    /// Whether the target lives after many messages at once, which it has just had.
    pub(super) async fn dies_of_a_burst(&self) -> Option<Danger> {
        self.dead_of(BURST).await
    }

    /// What it does with messages that some targets die of, one after the other, so that it is known which it was. The last
    /// that it had was a part of one; nothing is tried where it has died already.
    pub(super) async fn endures(&self, died_of: Option<Danger>) -> Endured {
        let mut endured = Endured { died_of, ..Endured::default() };
        if endured.died_of.is_none() {
            endured.died_of = self.dead_of(BEGUN).await;
        }
        if endured.died_of.is_none() {
            endured.empty = self.empty().await;
            endured.died_of = self.dead_of(EMPTY).await;
        }
        if endured.died_of.is_none() {
            endured.eof = self.eof().await;
            endured.died_of = self.dead_of(UNFINISHED).await;
        }
        if endured.died_of.is_none() {
            endured.over = self.over().await;
            endured.died_of = self.dead_of(OVERSIZE).await;
        }
        endured
    }

    async fn dead_of(&self, danger: Danger) -> Option<Danger> {
        (!survives(self.transport, self.framing, self.tempo).await).then_some(danger)
    }

    /// D4: what an empty message brings.
    async fn empty(&self) -> Option<Empty> {
        if !self.is_framed() || !self.framing.carries(b"") {
            return None;
        }
        let mut probe = self.probe();
        let conn = probe.open();
        let after = plain(self.framing, 1);
        probe.say(conn, Bytes::new(), Duty::May);
        probe.say(conn, after.clone(), Duty::Echo);
        probe.hear(&[conn], &[Until::Echo, Until::Closed]);
        let trace = self.transport.run(probe.script()).await;
        match self.messages(&trace, conn).as_slice() {
            [first, ..] if first.is_empty() => Some(Empty::Echo),
            [first, ..] if *first == after => Some(Empty::Skip),
            _ if was_closed(&trace, conn) => Some(Empty::Close),
            _ => None,
        }
    }

    /// D6, D7: what becomes of an unfinished message at the end of the stream.
    async fn eof(&self) -> Option<Eof> {
        if !self.is_framed() {
            return None;
        }
        let mut probe = self.probe();
        let conn = probe.open();
        let message = plain(self.framing, 3);
        let frame = probe.frame(&message);
        let most = frame.len().saturating_sub(self.framing.terminator().map_or(1, <[u8]>::len));
        if most == 0 {
            return None;
        }
        probe.send(conn, frame[..most].to_vec(), None);
        probe.step(Step::Shutdown(conn));
        probe.hear(&[conn], &[Until::Closed]);
        let trace = self.transport.run(probe.script()).await;
        let ended = trace.of(conn).any(|(_, record)| matches!(record.event, Event::Fin | Event::Reset));
        match (was_answered(&trace, conn), ended) {
            (true, _) => Some(Eof::Deliver),
            (false, true) => Some(Eof::Drop),
            (false, false) => None,
        }
    }

    /// D5: what an oversize message brings, where the limit is declared.
    async fn over(&self) -> Option<Over> {
        let max = self.framing.behaviour().max.filter(|max| self.is_framed() && *max < 64 * 1024 * 1024)?;
        let mut probe = self.probe();
        let conn = probe.open();
        let after = plain(self.framing, 1);
        let oversize = vec![b'o'; max as usize + 1];
        if !self.framing.carries(&after) || self.framing.largest().is_some_and(|most| most <= max) {
            return None;
        }
        probe.say(conn, oversize, Duty::Never);
        probe.say(conn, after.clone(), Duty::Echo);
        probe.hear(&[conn], &[Until::Echo, Until::Closed]);
        let trace = self.transport.run(probe.script()).await;
        let ending = trace.of(conn).find_map(|(_, record)| match record.event {
            Event::Fin => Some(Over::Close),
            Event::Reset => Some(Over::Reset),
            _ => None,
        });
        match self.messages(&trace, conn).as_slice() {
            [first] if *first == after => Some(Over::Skip),
            [] => ending,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Framing;
    use crate::oracle::{Level, requirement};

    #[test]
    fn a_death_is_pinned_on_a_must_whatever_the_framing() {
        let dangers = [SESSIONS, MUTE, RESET, UNREAD, BEGUN, CROWD, BURST, EMPTY, UNFINISHED, OVERSIZE];
        for id in dangers.iter().flat_map(|danger| danger.requirements) {
            assert_eq!(requirement(id).unwrap().level, Level::Must, "{id}");
        }
        for framing in ["raw", "close", "fixed:16", "length:u32be", "lf"] {
            let strategy = framing.parse::<Framing>().unwrap().strategy().to_string();
            for danger in [MUTE, RESET, UNREAD, BEGUN] {
                let holds = |id: &&str| requirement(id).unwrap().strategy.is_none_or(|only| only == strategy);
                assert!(danger.requirements.iter().any(holds), "{} in {framing}", danger.what);
            }
        }
    }
}
