//! One connection of a session: what is still to be written, what was seen, and how far the account is settled.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::ledger::Ledger;
use super::script::{Conn, Pace, Replies, Segment, Until};
use super::trace::{Event, Failure, Outcome, Proof};
use super::volume::Volume;
use super::{Command, Outgoing};

/// At most so many bytes are read in one go: a bound on memory, not on what may come.
const READ_AT_ONCE: usize = 64 * 1024;

/// So much of a send that has not begun goes out before the connection is left.
const PARTING: usize = 16 * 1024;

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one connection, not a state machine")]
pub(super) struct Channel {
    state: State,
    queue: VecDeque<Item>,
    /// Bytes were written since they were last known to have been read.
    unproved: bool,
    probing: bool,
    /// A send that nobody waited for may still be in the queue.
    behind: bool,
    pace: Pace,
    next_read: Option<Duration>,
    ledger: Ledger,
    /// What was sent and has not come back byte for byte so far; `None` once something else came.
    outstanding: Option<VecDeque<Bytes>>,
    moved_at: Duration,
    volume: Volume,
    /// Bytes and endings seen when the current step began.
    seen: u64,
    seen_at_step: u64,
    flood_told: bool,
    receive_buffer: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Unborn,
    Wanted,
    Opening,
    Failed(Failure),
    Open,
    /// The target's FIN came.
    Ended,
    /// RST, or writing failed with nothing left to read.
    Dead,
    /// We closed or reset it.
    Gone,
}

#[derive(Debug)]
enum Item {
    /// `whole` follows so many more times.
    Bytes {
        bytes: Bytes,
        whole: Bytes,
        more: u32,
        fin: bool,
        /// Must arrive apart from what came before; the other kind does so if it is not in a hurry.
        cut: bool,
        hurried: bool,
    },
    Fin {
        apart: bool,
    },
    Close,
    Reset,
    Urgent,
}

impl Channel {
    pub(super) fn new(replies: &Replies) -> Self {
        Self {
            state: State::Unborn,
            queue: VecDeque::new(),
            unproved: false,
            probing: false,
            behind: false,
            pace: Pace::Eager,
            next_read: None,
            ledger: Ledger::new(replies),
            outstanding: Some(VecDeque::new()),
            moved_at: Duration::ZERO,
            volume: Volume::new(replies),
            seen: 0,
            seen_at_step: 0,
            flood_told: false,
            receive_buffer: None,
        }
    }

    pub(super) fn connect(&mut self, receive_buffer: Option<u32>) {
        (self.state, self.receive_buffer) = (State::Wanted, receive_buffer);
    }

    pub(super) fn send(&mut self, segments: Vec<Segment>, behind: bool) {
        self.behind = behind;
        self.volume.segments += segments.len() as u32;
        let items = segments.into_iter().filter(|segment| !segment.bytes.is_empty() || segment.fin);
        self.queue.extend(items.map(|Segment { bytes, times, cut, fin }| {
            if bytes.is_empty() {
                return Item::Fin { apart: true };
            }
            let (whole, more) = (bytes.clone(), times.saturating_sub(1));
            Item::Bytes { bytes, whole, more, fin, cut, hurried: behind }
        }));
    }

    pub(super) fn shutdown(&mut self) {
        // After a reset nothing can be sent, so no FIN may be recorded.
        if !self.is_over() {
            self.queue.push_back(Item::Fin { apart: true });
        }
    }

    pub(super) fn close(&mut self) {
        self.give_up();
        self.queue.push_back(Item::Close);
    }

    pub(super) fn reset(&mut self) {
        self.give_up();
        self.queue.push_back(Item::Reset);
    }

    /// Leaving does not wait for what nobody waited for: of a send that has begun the rest stays here, of one that has
    /// not a part goes out, which fits the buffers on the way.
    fn give_up(&mut self) {
        if !self.behind {
            return;
        }
        if let Some(Item::Bytes { bytes, whole, more, .. }) = self.queue.front_mut() {
            let begun = bytes.len() < whole.len();
            (*more, *bytes) = (0, if begun { Bytes::new() } else { bytes.slice(..bytes.len().min(PARTING)) });
            let empty = bytes.is_empty();
            self.queue.truncate(usize::from(!empty));
        }
    }

    pub(super) fn urgent(&mut self) {
        self.queue.push_back(Item::Urgent);
    }

    pub(super) fn read(&mut self, now: Duration, pace: Pace) {
        self.pace = pace;
        self.next_read = matches!(pace, Pace::Drip { .. }).then_some(now);
    }

    pub(super) fn begin_silence(&mut self) {
        self.seen_at_step = self.seen;
    }

    /// What the driver must do for this connection now, and what is to be recorded of it.
    pub(super) fn command(&mut self, conn: Conn) -> Option<(Command, Vec<Event>)> {
        if self.state == State::Wanted {
            self.state = State::Opening;
            return Some((Command::Connect { conn, receive_buffer: self.receive_buffer }, Vec::new()));
        }
        if !matches!(self.state, State::Open | State::Ended | State::Dead) || self.probing {
            return None;
        }
        if self.must_be_apart() {
            self.probing = true;
            return Some((Command::Probe(conn), Vec::new()));
        }
        let (command, event) = match self.queue.front()? {
            Item::Bytes { .. } => return None,
            Item::Fin { .. } => (Command::Shutdown(conn), Event::SentFin),
            Item::Close => (Command::Close(conn), Event::Closed),
            Item::Reset => (Command::Reset(conn), Event::SentReset),
            Item::Urgent => (Command::Urgent(conn), Event::SentUrgent),
        };
        self.queue.pop_front();
        if event == Event::SentUrgent {
            self.ledger.forgive();
        } else if event != Event::SentFin {
            (self.state, self.next_read) = (State::Gone, None);
            self.queue.clear();
        }
        Some((command, vec![event]))
    }

    /// Whether the next thing to send has to wait until what was sent before has been read.
    fn must_be_apart(&self) -> bool {
        let apart = match self.queue.front() {
            Some(Item::Bytes { cut, hurried, .. }) => *cut || !hurried,
            Some(Item::Reset) => !self.behind,
            Some(Item::Fin { apart }) => *apart,
            Some(Item::Close | Item::Urgent) | None => false,
        };
        // Urgent data stays where it is until it is asked for: whether the rest was read cannot be seen.
        apart && self.unproved && !self.is_over() && !self.ledger.is_forgiven()
    }

    pub(super) fn outgoing(&self) -> Option<Outgoing> {
        if !matches!(self.state, State::Open | State::Ended) || self.probing || self.must_be_apart() {
            return None;
        }
        match self.queue.front()? {
            Item::Bytes { bytes, more, fin, .. } => Some(Outgoing { bytes: bytes.clone(), hold: *fin && *more == 0 }),
            _ => None,
        }
    }

    /// Takes what was written off the queue and says what it was.
    pub(super) fn take_written(&mut self, len: usize) -> Bytes {
        let Some(Item::Bytes { bytes, whole, more, fin, .. }) = self.queue.front_mut() else { return Bytes::new() };
        let (written, fin) = (bytes.split_to(len.min(bytes.len())), *fin);
        if bytes.is_empty() && *more > 0 {
            (*bytes, *more) = (whole.clone(), *more - 1);
        } else if bytes.is_empty() {
            self.queue.pop_front();
            self.unproved = true;
            if fin {
                self.queue.push_front(Item::Fin { apart: false });
            }
        }
        written
    }

    /// What a probe's answer means for what is to be written next.
    pub(super) fn meaning(&self, proof: Proof) -> Proof {
        let is_cut = matches!(self.queue.front(), Some(Item::Bytes { cut: true, .. }));
        if proof == Proof::None && !is_cut { Proof::Moot } else { proof }
    }

    pub(super) fn reads(&self) -> Option<usize> {
        if self.state != State::Open || self.flood_told {
            return None;
        }
        match self.pace {
            Pace::Eager => Some(usize::try_from(self.ledger.worth_reading()).unwrap_or(READ_AT_ONCE).min(READ_AT_ONCE)),
            Pace::Stopped => None,
            Pace::Drip { bytes, .. } => self.next_read.is_none().then_some(bytes),
        }
    }

    pub(super) fn next_read(&self) -> Option<Duration> {
        self.next_read.filter(|_| self.state == State::Open)
    }

    pub(super) fn tick(&mut self, now: Duration) {
        if self.next_read.is_some_and(|at| now >= at) {
            self.next_read = None;
        }
    }

    /// Takes in an event that is about to be recorded.
    pub(super) fn apply(&mut self, now: Duration, event: &Event) {
        match event {
            Event::Connected => self.state = State::Open,
            Event::ConnectFailed(why) => self.state = State::Failed(*why),
            Event::Promised(promise) => {
                self.volume.promise(promise);
                self.ledger.promise(promise);
            }
            Event::Sent(bytes) => {
                self.volume.sent += bytes.len() as u64;
                self.ledger.sent(bytes);
                if let Some(outstanding) = &mut self.outstanding {
                    outstanding.push_back(bytes.clone());
                }
            }
            Event::Apart(_) => (self.probing, self.unproved) = (false, false),
            Event::Received(bytes) => self.take_in(now, bytes),
            Event::Fin => {
                self.ledger.ended();
                self.end(State::Ended);
            }
            Event::Reset => {
                self.ledger.ended();
                self.end(State::Dead);
            }
            // What the target sent before it went can still be read.
            Event::WriteFailed(_) => {
                self.ledger.cut_off();
                self.queue.retain(|item| matches!(item, Item::Close | Item::Reset));
            }
            Event::SentFin => return self.volume.end(),
            _ => return,
        }
        self.moved_at = now;
    }

    /// What came, as parts of what was sent as long as it is the same: so an echo costs no memory of its own.
    pub(super) fn shared(&mut self, bytes: &Bytes) -> Vec<Bytes> {
        let (mut pieces, mut rest) = (Vec::new(), bytes.clone());
        while let Some(sent) = self.outstanding.as_mut().and_then(VecDeque::front_mut) {
            let len = sent.len().min(rest.len());
            if sent[..len] != rest[..len] {
                break;
            }
            pieces.push(sent.split_to(len));
            rest = rest.slice(len..);
            if sent.is_empty() {
                self.outstanding.as_mut().map(VecDeque::pop_front);
            }
            if rest.is_empty() {
                return pieces;
            }
        }
        self.outstanding = None;
        pieces.push(rest);
        pieces
    }

    fn take_in(&mut self, now: Duration, bytes: &Bytes) {
        self.seen += bytes.len() as u64;
        self.ledger.received(bytes);
        if let Pace::Drip { every, .. } = self.pace {
            self.next_read = Some(now + every);
        }
        if self.ledger.is_settled() && self.queue.is_empty() {
            self.unproved = false; // the whole reply is here, so all of it was read
        }
    }

    fn end(&mut self, state: State) {
        self.seen += 1;
        self.state = state;
        if state == State::Dead {
            self.queue.retain(|item| matches!(item, Item::Close | Item::Reset));
        }
    }

    /// True once, when more has come than can ever be right.
    pub(super) fn is_newly_flooded(&mut self) -> bool {
        let flooded = !self.flood_told && self.ledger.is_flooded();
        self.flood_told |= flooded;
        flooded
    }

    /// Whether the connection stands or has failed to.
    pub(super) fn is_settled(&self) -> bool {
        !matches!(self.state, State::Unborn | State::Wanted | State::Opening)
    }

    /// Whether nothing is left to be written or done.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether nothing more can be written.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Failed(_) | State::Dead | State::Gone)
    }

    pub(super) fn is_sending_behind(&self) -> bool {
        self.behind
    }

    /// What was sent, and is due to come.
    pub(super) fn volume(&self) -> &Volume {
        &self.volume
    }

    /// Whether what is due has come at such a pace since `began` that the rest is worth waiting for.
    pub(super) fn keeps_pace(&self, began: Duration) -> bool {
        let came = self.seen - self.seen_at_step;
        self.volume.keeps_pace(self.seen, came, self.moved_at.saturating_sub(began))
    }

    /// Whether the script itself slows the replies down.
    pub(super) fn is_read_slowly(&self) -> bool {
        self.pace != Pace::Eager
    }

    pub(super) fn moved_at(&self) -> Duration {
        self.moved_at
    }

    /// Whether this is so by now (`Met`), cannot become so (`Hopeless`, `Broken`), or may still (`None`).
    pub(super) fn check(&self, until: &Until) -> Option<Outcome> {
        let over =
            self.flood_told || !matches!(self.state, State::Unborn | State::Wanted | State::Opening | State::Open);
        let hopeless = over.then_some(Outcome::Hopeless);
        let met = |so: bool| so.then_some(Outcome::Met);
        match until {
            Until::Echo if self.ledger.wrong().is_some() => Some(Outcome::Hopeless),
            Until::Echo => met(self.is_all_sent() && self.ledger.is_settled()).or(hopeless),
            Until::Bytes(count) => met(self.ledger.total() >= *count).or(hopeless),
            Until::Silence if self.seen > self.seen_at_step => Some(Outcome::Broken),
            // The latter is decided by what becomes of the process, not of the connection.
            Until::Silence | Until::Left => None,
            Until::End => met(self.state == State::Ended).or(hopeless),
            Until::Closed => met(matches!(self.state, State::Ended | State::Dead)).or(hopeless),
            // What is left is not decided by what comes now.
            Until::Stalled => (self.queue.is_empty() || over).then_some(Outcome::Hopeless),
            Until::Prompt(_) | Until::Same => Some(Outcome::Met),
            Until::Refused => {
                met(matches!(self.state, State::Failed(_))).or((self.state == State::Open).then_some(Outcome::Hopeless))
            }
        }
    }

    fn is_all_sent(&self) -> bool {
        matches!(self.state, State::Open | State::Ended)
            && !self.queue.iter().any(|item| matches!(item, Item::Bytes { .. }))
    }
}
