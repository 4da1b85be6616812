//! One connection of the reference server: bytes in, bytes out, and how it ends (R3, R6).
//!
//! Memory is bounded: a message may have [`Settings::max`] bytes, and nothing is read while replies wait to be written.
//!
//! Bytes pass through few places: [`read`](Connection::received), the decoder, the message, the reply, the moments of
//! the session. A [`Fault`](super::Fault) takes the place of what is right at one of them; without one, all of them do
//! nothing.

use std::sync::Arc;
use std::time::Duration;

use super::endpoint::{Ending, Endpoint};
use super::fault::{Act, BREATH, Decode, Desk, Heard, Moment, Order, Spin, Turn, right_decoder};
use super::held::Held;
use super::service::Seat;
use super::settings::Settings;
use crate::framing::{After, Empty, Idle};

/// Nothing is read while more than this waits to be written.
const BACKLOG: usize = 256 * 1024;

/// How long and how much is read and thrown away after a refusal, so that the reply and the FIN before it are not lost
/// to a reset (RFC 1122 4.2.2.13: closing with unread data resets).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 4 * 1024 * 1024;

/// How often a connection that waits for others looks whether it is its turn.
const LOOK: Duration = Duration::from_millis(10);

/// One connection.
#[derive(Debug)]
pub struct Connection {
    settings: Arc<Settings>,
    decoder: Box<dyn Decode>,
    out: Vec<u8>,
    written: usize,
    /// What is to be written later, and when.
    held: Held,
    state: State,
    moved_at: Duration,
    /// Bytes that came without a pause between them.
    flood: usize,
    /// When the message that it is inside of must be whole, if there is a limit.
    due: Option<Duration>,
    discarded: u64,
    desk: Desk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Takes messages and answers them.
    Serving,
    /// Answers what it has, then FIN; what comes is thrown away.
    Refusing,
    /// FIN is out; what comes is thrown away until the client's FIN.
    Draining { since: Duration },
    /// The client's FIN is here; answers what it has, then closes.
    Finishing,
    /// Neither reads nor writes, and does not close.
    Hanging,
    /// Over.
    Closed,
    /// Over, with RST.
    Broken,
}

impl Connection {
    /// A connection accepted at `now`.
    pub(super) fn new(settings: Arc<Settings>, seat: Seat, now: Duration) -> Self {
        let mut desk = Desk::new(Arc::clone(&settings), seat);
        desk.now = now;
        let decoder = match settings.fault.map(|fault| fault.act) {
            Some(Act::Decode(decoder)) => decoder(&desk),
            _ => right_decoder(&settings.framing),
        };
        if let Some(Act::Flow(flow)) = settings.fault.map(|fault| fault.act) {
            desk.flow = flow;
        }
        let (out, held) = (Vec::new(), Held::default());
        let (written, state, discarded) = (0, State::Serving, 0);
        let mut new =
            Self { settings, decoder, out, written, held, state, moved_at: now, flood: 0, due: None, discarded, desk };
        new.moment(Moment::Accepted);
        new
    }

    fn take(&mut self, bytes: &[u8]) {
        let altered = match self.act() {
            Some(Act::Read(alter)) => Some(alter(&mut self.desk, bytes)),
            _ => None,
        };
        self.moment(Moment::Read(bytes));
        if self.state != State::Serving {
            return;
        }
        let bytes = altered.as_deref().unwrap_or(bytes);
        if self.is_stream() {
            if !bytes.is_empty() {
                self.answer_message(bytes.to_vec());
            }
            return;
        }
        self.decoder.push(bytes);
        self.answer();
        let limit = || self.settings.framing.behaviour().deadline.and_then(Idle::time);
        self.due = if self.decoder.is_inside() { self.due.or_else(|| Some(self.desk.now + limit()?)) } else { None };
    }

    fn discard(&mut self, len: usize) {
        self.discarded += len as u64;
        if self.discarded > LINGER_BYTES && !matches!(self.state, State::Hanging | State::Broken) {
            self.state = State::Closed;
        }
    }

    fn received_end(&mut self) {
        match self.state {
            State::Serving => {
                self.state = State::Finishing;
                self.answer_rest();
            }
            State::Refusing => self.state = State::Finishing,
            State::Draining { .. } => self.state = State::Closed,
            State::Finishing | State::Hanging | State::Closed | State::Broken => {}
        }
    }

    fn waiting(&self) -> usize {
        self.out.len() - self.written + self.held.len()
    }
}

impl Endpoint for Connection {
    /// Whether bytes may be read now. Not while replies wait: this is the backpressure.
    fn reads(&self) -> bool {
        match self.state {
            State::Serving => (self.waiting() < BACKLOG || self.desk.flow.reads_always) && self.is_its_turn(),
            State::Refusing | State::Draining { .. } => true,
            State::Finishing | State::Hanging | State::Closed | State::Broken => false,
        }
    }

    /// Bytes came.
    fn received(&mut self, now: Duration, bytes: &[u8]) {
        self.flood = bytes.len() + if now < self.moved_at + BREATH { self.flood } else { 0 };
        self.moved_at = now;
        self.desk.now = now;
        for piece in bytes.chunks(self.desk.flow.read_at_once) {
            if self.state == State::Serving {
                self.take(piece);
            } else {
                self.discard(piece.len());
            }
        }
        self.yield_turn();
    }

    /// The client's FIN came.
    fn received_fin(&mut self, now: Duration) {
        self.moved_at = now;
        self.desk.now = now;
        if !self.moment(Moment::Fin) {
            self.received_end();
        }
    }

    /// The connection was reset or writing failed.
    fn lost(&mut self, now: Duration) {
        self.desk.now = now;
        self.moment(Moment::Reset);
        self.state = State::Closed;
    }

    /// A byte of urgent data came.
    fn urgent(&mut self, now: Duration) {
        self.desk.now = now;
        self.moment(Moment::Urgent);
    }

    fn heeds_urgent(&self) -> bool {
        self.desk.flow.heeds_urgent
    }

    fn spins(&self) -> bool {
        match self.desk.flow.spins {
            Spin::Never => false,
            Spin::Always => true,
            Spin::WhileUnsent => !self.outgoing().is_empty(),
        }
    }

    /// What is to be written.
    fn outgoing(&self) -> &[u8] {
        if self.state == State::Hanging {
            return &[];
        }
        let waiting = &self.out[self.written..];
        &waiting[..waiting.len().min(self.desk.flow.write_at_once)]
    }

    /// So much of it was written.
    fn wrote(&mut self, now: Duration, len: usize) {
        self.moved_at = now;
        self.desk.now = now;
        self.written += if self.desk.flow.ignores_short_writes { self.outgoing().len() } else { len };
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
            if self.out.capacity() > BACKLOG * 4 {
                self.out = Vec::new();
            }
        }
        self.yield_turn();
        self.moment(Moment::Wrote { left: self.out.len() - self.written });
    }

    /// What to do about the end, once nothing is left to be written.
    fn ending(&self) -> Option<Ending> {
        match self.state {
            State::Closed => Some(Ending::Close),
            State::Broken => Some(Ending::Reset),
            _ if self.waiting() > 0 => None,
            State::Refusing => Some(Ending::Fin),
            State::Finishing if !self.desk.flow.keeps_open => Some(Ending::Close),
            _ => None,
        }
    }

    /// The FIN went out.
    fn sent_fin(&mut self, now: Duration) {
        self.state = State::Draining { since: now };
    }

    /// When to call [`tick`](Self::tick) if nothing happens before.
    fn deadline(&self) -> Option<Duration> {
        let own = match self.state {
            State::Draining { since } => Some(since + LINGER),
            State::Serving => self.settings.idle.map(|idle| self.moved_at + idle),
            _ => None,
        };
        let held = self.held.next();
        let turn = (self.desk.flow.turn != Turn::Free).then(|| self.desk.now + LOOK);
        let due = self.due.filter(|_| self.state == State::Serving);
        [own, held, self.desk.wake, turn, due].into_iter().flatten().min()
    }

    /// Time went by.
    fn tick(&mut self, now: Duration) {
        self.desk.now = now;
        while let Some(bytes) = self.held.due(now) {
            self.out.extend_from_slice(&bytes);
        }
        if self.desk.wake.is_some_and(|at| now >= at) {
            self.desk.wake = None;
            self.moment(Moment::Woken);
        }
        if self.due.is_some_and(|due| now >= due) && self.state == State::Serving {
            self.due = None;
            if !self.moment(Moment::Overdue) {
                self.state = State::Refusing;
            }
        }
        if now >= self.moved_at + BREATH {
            self.flood = 0;
            self.yield_turn();
        }
        match self.state {
            State::Draining { since } if now >= since + LINGER => self.state = State::Closed,
            State::Serving if self.settings.idle.is_some_and(|idle| now >= self.moved_at + idle) => {
                self.state = State::Refusing;
            }
            _ => {}
        }
    }
}

impl Connection {
    fn is_stream(&self) -> bool {
        self.settings.framing.echoes_at_once()
    }

    /// Answers every whole message in the buffer.
    fn answer(&mut self) {
        while self.state == State::Serving {
            match self.decoder.next() {
                None => return,
                Some(Heard::Message(payload)) => self.answer_message(payload),
                Some(Heard::PassedOver) => {}
                Some(Heard::Refused) => {
                    if !self.moment(Moment::Refused) {
                        self.state = State::Refusing;
                    }
                    return;
                }
            }
        }
    }

    fn answer_message(&mut self, payload: Vec<u8>) {
        let behaviour = self.settings.framing.behaviour();
        if payload.is_empty() {
            match behaviour.empty {
                Some(Empty::Skip) => return,
                Some(Empty::Close | Empty::End) => {
                    self.state = State::Refusing;
                    return;
                }
                _ => {}
            }
        }
        let once = behaviour.after == Some(After::Close) && !self.is_stream(); // a stream has no last message
        if !self.moment(Moment::Message(&payload)) {
            self.reply(payload);
        }
        if once && self.state == State::Serving {
            self.state = State::Refusing;
        }
    }

    fn reply(&mut self, payload: Vec<u8>) {
        let payload = match self.act() {
            Some(Act::Message(alter)) => alter(&mut self.desk, payload),
            _ => payload,
        };
        let mut frame = Vec::new();
        if self.is_stream() {
            frame = payload;
        } else if self.settings.framing.reply().encode_unlimited(&payload, &mut frame).is_err() {
            if self.state == State::Serving {
                self.state = State::Refusing;
            }
            return;
        }
        let frame = match self.act() {
            Some(Act::Reply(alter)) => alter(&mut self.desk, frame),
            _ => frame,
        };
        self.put(frame);
        self.moment(Moment::Replied);
    }

    /// Queues what is to be written, behind what waits.
    fn put(&mut self, frame: Vec<u8>) {
        let behind = self.held.last().unwrap_or_default();
        let mut at = behind.max(self.desk.now + self.desk.flow.delay);
        if at == self.desk.now {
            self.out.extend(frame);
        } else {
            self.held.push(at, frame);
        }
        for (pause, part) in std::mem::take(&mut self.desk.later) {
            at += pause;
            self.held.push(at, part);
        }
    }

    /// The stream ended: close framing has its message now, an unfinished one is dropped unless declared otherwise.
    fn answer_rest(&mut self) {
        if self.is_stream() {
            return;
        }
        for payload in self.decoder.finish() {
            if !self.moment(Moment::Message(&payload)) {
                self.reply(payload);
            }
        }
    }

    fn act(&self) -> Option<Act> {
        self.settings.fault.map(|fault| fault.act)
    }

    /// Tells the fault what happens; says whether it has done something else instead.
    fn moment(&mut self, moment: Moment<'_>) -> bool {
        if let Some(Act::Session(act)) = self.act() {
            (self.desk.inside, self.desk.waiting) = (self.decoder.is_inside(), self.waiting());
            act(&mut self.desk, moment);
        }
        for (pause, bytes) in std::mem::take(&mut self.desk.later) {
            if pause.is_zero() && self.held.is_empty() {
                self.out.extend(bytes);
            } else {
                self.held.push(self.desk.now + pause, bytes);
            }
        }
        match self.desk.take_order() {
            None => false,
            Some(order) => {
                self.obey(order);
                true
            }
        }
    }

    fn obey(&mut self, order: Order) {
        if matches!(order, Order::Close | Order::Reset | Order::Drop | Order::Die) {
            self.out.clear();
            self.held.clear();
            self.written = 0;
        }
        if order == Order::End {
            self.received_end();
        }
        self.state = match order {
            Order::Finish => State::Refusing,
            Order::Close | Order::Drop => State::Closed,
            Order::Reset | Order::Die => State::Broken,
            Order::Hang => State::Hanging,
            Order::End | Order::Ignore => self.state,
        };
    }

    fn is_its_turn(&self) -> bool {
        self.desk.flow.turn == Turn::Free || self.desk.shared().holder.is_none_or(|holder| holder == self.desk.number())
    }

    /// Says whether others must wait for this connection from now on.
    fn yield_turn(&mut self) {
        let holds = match self.desk.flow.turn {
            Turn::Free => return,
            Turn::WhileUnfinished => self.decoder.is_inside(),
            Turn::WhileUnsent => !self.outgoing().is_empty(),
            Turn::WhileFlooded(bytes) => self.flood >= bytes,
        };
        let number = self.desk.number();
        let mut shared = self.desk.shared();
        if holds {
            shared.holder.get_or_insert(number);
        } else if shared.holder == Some(number) {
            shared.holder = None;
        }
    }
}
