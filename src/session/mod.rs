//! A case in progress, sans-IO: script in, trace out.
//!
//! It has no socket and no clock. A driver asks three questions and reports what happened:
//!
//! - [`Session::command`]: what to do with connections now (open, half-close, close, reset);
//! - [`Session::outgoing`] and [`Session::reads`]: what may be written and read at this moment, on every connection
//!   at once: whoever writes a step to its end before reading deadlocks against an honest echo;
//! - [`Session::deadline`]: when to call again if nothing happens;
//! - [`Session::handle`]: something happened. A needless [`Input::Tick`] is harmless.
//!
//! After every call of `handle` all three must be asked again.

mod channel;
mod errand;
mod ledger;
mod script;
mod trace;
mod usage;
mod volume;

use std::time::Duration;

use bytes::Bytes;

use channel::Channel;
pub use errand::{Departure, Errand, Exit, Host, Report};
pub use ledger::{Ledger, Wrong};
pub use script::{Conn, Demand, Duty, Pace, Promise, Replies, Script, Segment, Step, Until};
pub use trace::{Event, Failure, Outcome, Proof, Record, Trace, TraceError};
pub use usage::{Disturbance, Limits, Usage};

/// So many waits in vain show what a target does; more of them would only cost time, and the script ends.
const ENOUGH: u32 = 5;

/// However slowly a reply comes, a step that waits for it lasts no longer than so many times its deadline, and the time
/// that what was sent takes.
const PATIENCE: u32 = 2;

/// For so long a target may go on taking bytes before it counts as one that has stalled.
const LONGEST_FLOOD: Duration = Duration::from_secs(12);

/// A script on its way.
#[derive(Debug)]
pub struct Session {
    script: Script,
    step: usize,
    /// When the current step began; `None` before it did.
    began: Option<Duration>,
    channels: Vec<Channel>,
    /// The client under test has left.
    left: bool,
    /// How many steps have waited until their time was up.
    in_vain: u32,
    trace: Trace,
}

/// What the driver must do at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Open a connection.
    Connect {
        /// Which.
        conn: Conn,
        /// `SO_RCVBUF` in bytes.
        receive_buffer: Option<u32>,
    },
    /// Find out whether the target has read what was written, and report [`Input::Apart`].
    Probe(Conn),
    /// Shut down the sending direction.
    Shutdown(Conn),
    /// Close both directions.
    Close(Conn),
    /// Close with RST.
    Reset(Conn),
    /// Send a byte of urgent data.
    Urgent(Conn),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The connection stands.
    Connected(Conn),
    /// It could not be opened.
    ConnectFailed(Conn, Failure),
    /// So many of the outgoing bytes were taken.
    Wrote(Conn, usize),
    /// Writing failed.
    WriteFailed(Conn, Failure),
    /// The answer to [`Command::Probe`].
    Apart(Conn, Proof),
    /// Bytes came.
    Received(Conn, Bytes),
    /// The target's FIN came.
    Fin(Conn),
    /// The target's RST came.
    Reset(Conn),
    /// The client under test has left.
    Left,
    /// Time went by.
    Tick,
}

/// What may be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The bytes.
    pub bytes: Bytes,
    /// Whether the FIN must share a packet with the last of them: hold the last packet back until the shutdown.
    pub hold: bool,
}

impl Session {
    /// Begins a script at time zero.
    pub fn new(script: Script) -> Self {
        let highest = script.steps.iter().filter_map(|step| match step {
            Step::Connect { conn, .. } => Some(conn.0),
            _ => None,
        });
        let count = highest.max().map_or(0, |conn| usize::from(conn) + 1);
        let channels = (0..count).map(|_| Channel::new(&script.replies)).collect();
        let mut session =
            Self { script, step: 0, began: None, channels, left: false, in_vain: 0, trace: Trace::default() };
        session.advance(Duration::ZERO);
        session
    }

    /// How many connections there can be.
    pub fn connections(&self) -> usize {
        self.channels.len()
    }

    /// The next thing to do with a connection, until `None`.
    pub fn command(&mut self, now: Duration) -> Option<Command> {
        for index in 0..self.channels.len() {
            let conn = Conn(index as u16);
            let Some((command, events)) = self.channels[index].command(conn) else { continue };
            for event in events {
                self.record(now, conn, event);
            }
            self.advance(now);
            return Some(command);
        }
        None
    }

    /// What may be written on a connection at this moment.
    pub fn outgoing(&self, conn: Conn) -> Option<Outgoing> {
        self.channels[usize::from(conn.0)].outgoing()
    }

    /// How many bytes may be read from a connection at this moment; `None`: do not read.
    pub fn reads(&self, conn: Conn) -> Option<usize> {
        self.channels[usize::from(conn.0)].reads()
    }

    /// When to call [`handle`](Self::handle) with a tick if nothing happens before.
    pub fn deadline(&self) -> Option<Duration> {
        if self.is_done() {
            return None;
        }
        let drips = self.channels.iter().filter_map(Channel::next_read);
        drips.chain(self.step_deadline()).chain([self.script.bound]).min()
    }

    /// Takes in what happened at `now` (since the start of the case; never falls).
    pub fn handle(&mut self, now: Duration, input: Input) {
        match input {
            Input::Connected(conn) => self.happened(now, conn, Event::Connected),
            Input::ConnectFailed(conn, why) => {
                self.happened(now, conn, Event::ConnectFailed(why));
                if why == Failure::Timeout {
                    self.step = self.script.steps.len(); // one handshake in vain is long enough
                }
            }
            Input::Wrote(conn, len) => {
                let bytes = self.channels[usize::from(conn.0)].take_written(len);
                self.happened(now, conn, Event::Sent(bytes));
            }
            Input::WriteFailed(conn, why) => self.happened(now, conn, Event::WriteFailed(why)),
            Input::Apart(conn, proof) => {
                let proof = self.channels[usize::from(conn.0)].meaning(proof);
                self.happened(now, conn, Event::Apart(proof));
            }
            Input::Received(conn, bytes) => {
                for piece in self.channels[usize::from(conn.0)].shared(&bytes) {
                    self.happened(now, conn, Event::Received(piece));
                }
                if self.channels[usize::from(conn.0)].is_newly_flooded() {
                    self.happened(now, conn, Event::Flood);
                }
            }
            Input::Fin(conn) => self.happened(now, conn, Event::Fin),
            Input::Reset(conn) => self.happened(now, conn, Event::Reset),
            Input::Left => self.left = true,
            Input::Tick => {}
        }
        for channel in &mut self.channels {
            channel.tick(now);
        }
        if !self.is_done() && now >= self.script.bound {
            self.record(now, Conn(0), Event::OutOfTime { step: self.step });
            self.step = self.script.steps.len();
        }
        self.advance(now);
    }

    /// Whether the script has come to its end.
    pub fn is_done(&self) -> bool {
        self.step >= self.script.steps.len()
    }

    /// What was done and seen.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    fn happened(&mut self, now: Duration, conn: Conn, event: Event) {
        self.channels[usize::from(conn.0)].apply(now, &event);
        self.record(now, conn, event);
    }

    fn record(&mut self, at: Duration, conn: Conn, event: Event) {
        self.trace.push(Record { at, conn, event });
    }

    /// Goes through the steps as far as they are complete.
    fn advance(&mut self, now: Duration) {
        while !self.is_done() {
            let began = if let Some(began) = self.began {
                began
            } else {
                self.begin(now);
                self.began = Some(now);
                now
            };
            let Some(outcome) = self.outcome(began, now) else { return };
            self.end_step(now, outcome);
        }
    }

    fn end_step(&mut self, now: Duration, outcome: Outcome) {
        let (step, conn) = (self.step, self.script.steps[self.step].conn());
        let waited = matches!(self.script.steps[step], Step::Await { .. });
        if waited || outcome != Outcome::Met {
            self.record(now, conn, Event::Step { step, outcome });
        }
        (self.step, self.began) = (step + 1, None);
        self.in_vain += u32::from(waited && outcome == Outcome::Overdue);
        if self.in_vain >= ENOUGH {
            self.step = self.script.steps.len();
        }
    }

    /// Starts the current step: hands what it asks for to its connection.
    fn begin(&mut self, now: Duration) {
        let at = |conn: &Conn| usize::from(conn.0);
        match &mut self.script.steps[self.step] {
            Step::Connect { conn, receive_buffer } => self.channels[at(conn)].connect(*receive_buffer),
            Step::Send { conn, promises, segments, within } => {
                // A step begins once: what it holds is handed over, not copied.
                let (conn, promises) = (*conn, std::mem::take(promises));
                self.channels[at(&conn)].send(std::mem::take(segments), within.is_none());
                for promise in promises {
                    self.happened(now, conn, Event::Promised(promise));
                }
            }
            Step::Read { conn, pace } => self.channels[at(conn)].read(now, *pace),
            Step::Shutdown(conn) => self.channels[at(conn)].shutdown(),
            Step::Close(conn) => self.channels[at(conn)].close(),
            Step::Reset(conn) => self.channels[at(conn)].reset(),
            Step::Urgent(conn) => self.channels[at(conn)].urgent(),
            Step::Await { conns, .. } => conns.iter().for_each(|conn| self.channels[at(conn)].begin_silence()),
            Step::Pause(_) => {}
        }
    }

    /// How the current step has ended, if it has.
    fn outcome(&self, began: Duration, now: Duration) -> Option<Outcome> {
        let of = |conn: &Conn| &self.channels[usize::from(conn.0)];
        match &self.script.steps[self.step] {
            Step::Connect { conn, .. } => of(conn).is_settled().then_some(Outcome::Met),
            Step::Send { conn, within, .. } => {
                let Some(within) = within else { return Some(Outcome::Met) };
                if of(conn).is_idle() {
                    return Some(Outcome::Met);
                }
                if of(conn).is_over() {
                    return Some(Outcome::Hopeless);
                }
                (now >= began.max(of(conn).moved_at()) + *within).then_some(Outcome::Overdue)
            }
            Step::Pause(length) => (now >= began + *length).then_some(Outcome::Met),
            Step::Read { .. } => Some(Outcome::Met),
            Step::Shutdown(conn) | Step::Close(conn) | Step::Reset(conn) | Step::Urgent(conn) => {
                let channel = of(conn);
                (channel.is_idle() || channel.is_over() || channel.is_sending_behind()).then_some(Outcome::Met)
            }
            Step::Await { conns, any, .. } => self.awaited(conns, any, began, now),
        }
    }

    fn awaited(&self, conns: &[Conn], any: &[Until], began: Duration, now: Duration) -> Option<Outcome> {
        let over = self.step_deadline().is_some_and(|deadline| now >= deadline);
        let outcomes = conns.iter().map(|conn| {
            let channel = &self.channels[usize::from(conn.0)];
            let states: Vec<_> = any.iter().map(|until| channel.check(until)).collect();
            debug_assert!(began <= now);
            if states.contains(&Some(Outcome::Met)) || self.left && any.contains(&Until::Left) {
                return Some(Outcome::Met);
            }
            if over {
                let quiet = any.iter().zip(&states).any(|(until, state)| until.is_still() && state.is_none());
                return Some(if quiet { Outcome::Met } else { Outcome::Overdue });
            }
            states.into_iter().reduce(Option::and).flatten()
        });
        let outcomes: Vec<_> = outcomes.collect();
        // One connection that can no longer succeed decides, but the others have their time: what is said of them must
        // not depend on which was first.
        let all = outcomes.iter().all(Option::is_some);
        let worst = |outcome| outcomes.contains(&Some(outcome)).then_some(outcome);
        let decided =
            || worst(Outcome::Broken).or_else(|| worst(Outcome::Hopeless)).or_else(|| worst(Outcome::Overdue));
        all.then(|| decided().unwrap_or(Outcome::Met))
    }

    fn step_deadline(&self) -> Option<Duration> {
        let began = self.began?;
        match &self.script.steps[self.step] {
            Step::Pause(length) => Some(began + *length),
            Step::Send { conn, within: Some(within), .. } => {
                Some(began.max(self.channels[usize::from(conn.0)].moved_at()) + *within)
            }
            Step::Await { any, within, .. } if any.contains(&Until::Silence) => Some(began + *within),
            Step::Await { conns, any, within } => {
                let channels = || conns.iter().map(|conn| &self.channels[usize::from(conn.0)]);
                let moved = channels().map(Channel::moved_at).max().unwrap_or_default();
                let still = began.max(moved) + *within;
                if any.contains(&Until::Stalled) {
                    return Some(still.min(began + LONGEST_FLOOD));
                }
                let still = still + channels().map(|channel| channel.volume().silence()).max().unwrap_or_default();
                if channels().any(Channel::is_read_slowly) {
                    return Some(still); // what takes so long is our own doing
                }
                if moved > began && channels().any(|channel| channel.keeps_pace(began)) {
                    return Some(still);
                }
                let transfer: Duration = channels().map(|channel| channel.volume().transfer(*within)).sum();
                Some(still.min(began + *within * PATIENCE + transfer))
            }
            _ => None,
        }
    }
}

impl Step {
    fn conn(&self) -> Conn {
        match self {
            Self::Connect { conn, .. }
            | Self::Send { conn, .. }
            | Self::Read { conn, .. }
            | Self::Shutdown(conn)
            | Self::Close(conn)
            | Self::Reset(conn)
            | Self::Urgent(conn) => *conn,
            Self::Await { conns, .. } => conns.first().copied().unwrap_or(Conn(0)),
            Self::Pause(_) => Conn(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How waiting for so many bytes ends when they come in pieces of `piece`, ten a second.
    fn waited_for(bytes: usize, piece: usize) -> Outcome {
        let (conn, within) = (Conn(0), Duration::from_millis(500));
        let whole = Bytes::from(vec![b'x'; bytes]);
        let steps = vec![
            Step::Connect { conn, receive_buffer: None },
            Step::Send {
                conn,
                promises: vec![Promise::once(whole.clone(), Duty::Echo)],
                segments: vec![Segment::once(whole.clone())],
                within: Some(within),
            },
            Step::Await { conns: vec![conn], any: vec![Until::Echo], within },
        ];
        let bound = Duration::from_secs(600);
        let mut session = Session::new(Script { steps, replies: Replies::Stream, bound, errand: None });
        while session.command(Duration::ZERO).is_some() {}
        session.handle(Duration::ZERO, Input::Connected(conn));
        while let Some(outgoing) = session.outgoing(conn) {
            session.handle(Duration::ZERO, Input::Wrote(conn, outgoing.bytes.len()));
        }
        let mut now = Duration::ZERO;
        while !session.is_done() {
            now += Duration::from_millis(100);
            session.handle(now, Input::Received(conn, whole.slice(..piece)));
        }
        let ended = session.trace.records.iter().find_map(|record| match record.event {
            Event::Step { outcome, .. } => Some(outcome),
            _ => None,
        });
        ended.expect("the waiting has ended")
    }

    #[test]
    fn whoever_comes_forward_is_waited_for_and_whoever_dribbles_is_not() {
        assert_eq!(waited_for(1 << 20, 8 * 1024), Outcome::Met); // 13 s
        assert_eq!(waited_for(1 << 20, 1024), Outcome::Overdue); // would take 102 s
    }

    #[test]
    fn a_script_that_waits_in_vain_again_and_again_ends() {
        let (conn, within) = (Conn(0), Duration::from_secs(1));
        let wait = Step::Await { conns: vec![conn], any: vec![Until::Bytes(1)], within };
        let steps = [vec![Step::Connect { conn, receive_buffer: None }], vec![wait; 20]].concat();
        let bound = Duration::from_secs(600);
        let mut session = Session::new(Script { steps, replies: Replies::Stream, bound, errand: None });
        while session.command(Duration::ZERO).is_some() {}
        session.handle(Duration::ZERO, Input::Connected(conn));
        while let Some(deadline) = session.deadline() {
            session.handle(deadline, Input::Tick);
        }
        let trace = session.into_trace();
        let vain = |record: &&Record| matches!(record.event, Event::Step { outcome: Outcome::Overdue, .. });
        assert_eq!(trace.records.iter().filter(vain).count(), ENOUGH as usize);
    }
}
