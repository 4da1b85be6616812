//! The reference client: steps 2, 4, 5 and 7 of the session, sans-IO.
//!
//! It sends its message while it listens, takes the reply however it is cut, compares it, and closes. Memory is bounded: a
//! reply that claims more than the message can be is refused on its header. What a [`ClientFault`] does wrong are other
//! [`Habits`], or other bytes.

pub mod fault;
mod habits;

use std::time::Duration;

use crate::framing::{AtEnd, Deframer, Framing, Malformed, Reason, Strategy, Unencodable};
use crate::session::{Exit, Replies};

use super::endpoint::{Ending, Endpoint};
pub use fault::ClientFault;
pub use habits::{Closing, Habits, Reaction, Sending, Whole};

/// A reply of up to so many bytes is looked at, whatever was sent: what came instead should be seen.
const ROOM: u64 = 4 * 1024;

/// What is said where nothing else was.
const LOST: &str = "the connection was lost";

/// What a client is told.
#[derive(Clone, Debug)]
pub struct Task {
    /// How messages are framed.
    pub framing: Framing,
    /// What is sent.
    pub message: Vec<u8>,
    /// How long nothing may move while the reply is due.
    pub patience: Duration,
    /// What it does wrong, if it is to do something wrong.
    pub fault: Option<&'static ClientFault>,
}

/// How a session ended, for whoever started the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// What its process does.
    pub exit: Exit,
    /// What it prints: the reply.
    pub output: Vec<u8>,
    /// What was wrong, if anything.
    pub why: Option<String>,
    /// Whether it connects once more.
    pub again: bool,
}

/// One session of a client.
#[derive(Debug)]
pub struct Client {
    task: Task,
    habits: Habits,
    deframer: Deframer,
    out: Vec<u8>,
    written: usize,
    /// Every byte of the reply, where the reply is no frame.
    received: Vec<u8>,
    total: u64,
    state: State,
    moved_at: Duration,
    /// When it closes, if that is not at once.
    closes_at: Option<Duration>,
    farewell: Option<Farewell>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Sends and listens.
    Open,
    /// Its FIN is out, and it listens.
    Finished,
    /// The reply is here or cannot come: it closes as soon as it may.
    Leaving,
    /// It does nothing any more.
    Hanging,
    /// It is gone.
    Gone,
}

impl Client {
    /// A client that has just connected. Errs where the framing cannot carry the message; nothing is sent then.
    pub fn new(task: Task) -> Result<Self, Unencodable> {
        let mut habits = Habits::right(&task.framing);
        let out = request(&task, &mut habits)?;
        let mut replies = task.framing.reply().into_owned();
        let mut behaviour = replies.behaviour().clone();
        behaviour.max = Some((task.message.len() as u64).max(ROOM));
        if habits.lines_end_anyhow {
            replies = "delimiter:crlf/lf".parse().unwrap_or(replies);
        }
        let deframer = Deframer::new(&replies.with_behaviour(behaviour));
        let (state, moved_at) = (State::Open, Duration::ZERO);
        let (received, farewell) = (Vec::new(), None);
        Ok(Self {
            task,
            habits,
            deframer,
            out,
            written: 0,
            received,
            total: 0,
            state,
            moved_at,
            closes_at: None,
            farewell,
        })
    }

    /// What a client does that could not connect.
    pub fn refused(task: &Task) -> Option<Farewell> {
        let mut habits = Habits::right(&task.framing);
        let _ = request(task, &mut habits); // for what the fault makes of the habits
        habits.on_refused.farewell(&habits, Vec::new(), "the connection was refused")
    }

    /// Whether a client tries all addresses of a name, and not the first alone.
    pub fn tries_all(task: &Task) -> bool {
        let mut habits = Habits::right(&task.framing);
        let _ = request(task, &mut habits); // for what the fault makes of the habits
        !habits.one_address
    }

    /// What a client does whose message its framing cannot carry.
    pub fn unsendable(error: &Unencodable) -> Farewell {
        Farewell { exit: Exit::Failure(1), output: Vec::new(), why: Some(error.to_string()), again: false }
    }

    /// How the session ended, now that the connection is gone.
    pub fn leave_taken(mut self) -> Farewell {
        self.state = State::Gone;
        let lost = || Farewell { exit: Exit::Failure(1), output: Vec::new(), why: Some(LOST.into()), again: false };
        self.farewell.take().unwrap_or_else(lost)
    }

    fn is_all_written(&self) -> bool {
        self.written >= self.out.len()
    }

    /// The reply is whole.
    fn complete(&mut self, now: Duration, reply: Vec<u8>) {
        let reply = (self.habits.takes)(reply);
        let right = reply == self.task.message;
        let reaction = if right { Reaction::Succeed } else { self.habits.on_mismatch };
        let why = if right { "" } else { "what came back is not what was sent" };
        self.leave(now, reaction, reply, why);
    }

    fn fail(&mut self, now: Duration, reaction: Reaction, why: &str) {
        let rest = if self.received.is_empty() { self.deframer.rest().to_vec() } else { self.received.clone() };
        self.leave(now, reaction, rest, why);
    }

    fn leave(&mut self, now: Duration, reaction: Reaction, reply: Vec<u8>, why: &str) {
        if self.farewell.is_some() {
            return;
        }
        match reaction.farewell(&self.habits, reply, why) {
            None => self.state = State::Hanging,
            Some(farewell) => {
                let delay = if matches!(farewell.exit, Exit::Signal(_)) { Duration::ZERO } else { self.habits.delay };
                (self.state, self.moved_at, self.closes_at) = (State::Leaving, now, Some(now + delay));
                self.farewell = Some(farewell);
            }
        }
    }

    /// What came, where the reply is a byte stream.
    fn take_stream(&mut self, now: Duration, bytes: &[u8]) {
        let most = self.task.message.len().max(ROOM as usize) + 1;
        let room = most.saturating_sub(self.received.len());
        self.received.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let due = self.habits.counted.unwrap_or(self.task.message.len());
        let whole = match self.habits.whole {
            Whole::Count => self.received.len() >= due.max(1) || due == 0,
            Whole::FirstRead => true,
            Whole::Framing | Whole::End => self.received.len() >= most,
        };
        if whole {
            let mut reply = std::mem::take(&mut self.received);
            if self.habits.drops_surplus {
                reply.truncate(due);
            }
            self.complete(now, reply);
        }
    }

    fn take_frames(&mut self, now: Duration, bytes: &[u8]) {
        self.deframer.push(match bytes {
            [rest @ .., 0xdb | 0x7d] if self.habits.loses_cut_escapes => rest,
            _ => bytes,
        });
        match self.deframer.next_frame() {
            None => {}
            Some(Ok(frame)) if !self.deframer.rest().is_empty() && self.habits.on_surplus != Reaction::Succeed => {
                self.leave(now, self.habits.on_surplus, frame.payload, "bytes stand behind the reply");
            }
            Some(Ok(frame)) => self.complete(now, frame.payload),
            Some(Err(Malformed { reason: Reason::BadTrailer, .. })) => {
                self.leave(now, self.habits.on_trailer, self.task.message.clone(), "the trailer of the reply is wrong");
            }
            Some(Err(error)) => {
                self.fail(now, self.habits.on_malformed, &format!("what came back is no frame: {error}"));
            }
        }
    }
}

/// The bytes that are sent, and what the fault makes of the habits.
fn request(task: &Task, habits: &mut Habits) -> Result<Vec<u8>, Unencodable> {
    use fault::Act;
    let act = task.fault.map(|fault| fault.act);
    let mut message = task.message.clone();
    match act {
        Some(Act::Habit(change)) => change(habits, &task.message),
        Some(Act::Message(alter)) => message = alter(message),
        _ => {}
    }
    let mut frame = Vec::new();
    match act {
        Some(Act::Frame(write)) => frame = write(&task.framing, &message),
        _ => task.framing.encode(&message, &mut frame)?,
    }
    Ok(match act {
        Some(Act::Request(alter)) => alter(&task.framing, frame),
        _ => frame,
    })
}

impl Endpoint for Client {
    fn spins(&self) -> bool {
        self.habits.spins
    }

    fn reads(&self) -> bool {
        let listens = matches!(self.state, State::Open | State::Finished);
        let waits = self.habits.sending == Sending::BeforeReading && !self.is_all_written();
        listens && !waits || self.state == State::Leaving && self.habits.closing == Closing::AfterFin
    }

    fn received(&mut self, now: Duration, bytes: &[u8]) {
        self.moved_at = now;
        self.total += bytes.len() as u64;
        if self.farewell.is_some() {
            return;
        }
        let framed = !matches!(self.task.framing.strategy(), Strategy::Raw | Strategy::Close);
        match self.habits.whole {
            Whole::Framing => self.take_frames(now, bytes),
            Whole::FirstRead if framed => {
                self.take_frames(now, bytes);
                let rest = self.deframer.rest().to_vec();
                self.complete(now, rest); // nothing if there was a frame
            }
            _ => self.take_stream(now, bytes),
        }
    }

    fn received_fin(&mut self, now: Duration) {
        self.moved_at = now;
        if self.farewell.is_some() {
            if self.habits.closing == Closing::AfterFin {
                (self.closes_at, self.habits.closing) = (Some(now), Closing::Fin);
            }
            return;
        }
        if self.habits.whole == Whole::End {
            let reply = std::mem::take(&mut self.received);
            return self.complete(now, reply);
        }
        if let AtEnd::Message(payload) = self.deframer.finish()
            && self.habits.whole == Whole::Framing
        {
            return self.complete(now, payload);
        }
        let reaction = if self.total == 0 { self.habits.on_no_reply } else { self.habits.on_early_end };
        self.fail(now, reaction, "the connection ended before the whole reply had come");
    }

    fn lost(&mut self, now: Duration) {
        if self.farewell.is_none() {
            self.fail(now, self.habits.on_reset, "the connection was reset");
        }
    }

    fn outgoing(&self) -> &[u8] {
        if self.state == State::Hanging {
            return &[];
        }
        let waiting = &self.out[self.written.min(self.out.len())..];
        &waiting[..waiting.len().min(self.habits.write_at_once)]
    }

    fn wrote(&mut self, now: Duration, len: usize) {
        self.moved_at = now;
        self.written += if self.habits.ignores_short_writes { self.out.len() } else { len };
        if self.is_all_written() && self.habits.sending == Sending::AndLeaves {
            self.leave(now, Reaction::Succeed, Vec::new(), "");
        }
    }

    fn ending(&self) -> Option<Ending> {
        match self.state {
            State::Open if self.is_all_written() && self.habits.half_closes => Some(Ending::Fin),
            State::Leaving => match self.habits.closing {
                Closing::Fin => Some(Ending::Close),
                Closing::Reset => Some(Ending::Reset),
                Closing::AfterFin | Closing::Never => None,
            }
            .filter(|_| self.closes_at.is_none_or(|at| at <= self.moved_at)),
            _ => None,
        }
    }

    fn sent_fin(&mut self, now: Duration) {
        (self.moved_at, self.state) = (now, State::Finished);
    }

    fn closed(&mut self) {
        self.state = State::Gone;
    }

    fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Open | State::Finished => Some(self.moved_at + self.habits.patience.unwrap_or(self.task.patience)),
            State::Leaving => self.closes_at.filter(|at| *at > self.moved_at),
            State::Hanging | State::Gone => None,
        }
    }

    fn tick(&mut self, now: Duration) {
        let patience = self.habits.patience.unwrap_or(self.task.patience);
        match self.state {
            State::Open | State::Finished if now >= self.moved_at + patience => {
                self.fail(now, self.habits.on_timeout, "no whole reply came in time");
            }
            State::Leaving if self.closes_at.is_some_and(|at| now >= at) => self.moved_at = now,
            _ => {}
        }
    }

    fn farewell(&self) -> Option<&Farewell> {
        self.farewell.as_ref().filter(|_| self.state == State::Gone)
    }
}

/// How the replies of a framed target compare.
pub(crate) fn replies(framing: &Framing) -> Replies {
    match framing.strategy() {
        Strategy::Raw | Strategy::Close => Replies::Stream,
        _ => Replies::Framed(Box::new(framing.reply().into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn client(framing: &str, message: &[u8]) -> Client {
        let (framing, message) = (framing.parse().unwrap(), message.to_vec());
        Client::new(Task { framing, message, patience: Duration::from_secs(10), fault: None }).unwrap()
    }

    /// Writes everything, and hears these pieces.
    fn after(mut client: Client, pieces: &[&[u8]]) -> Client {
        let len = client.outgoing().len();
        client.wrote(NOW, len);
        for piece in pieces {
            client.received(NOW, piece);
        }
        client
    }

    fn exit(client: Client) -> Exit {
        assert_eq!(client.ending(), Some(Ending::Close));
        client.leave_taken().exit
    }

    #[test]
    fn a_reply_is_whole_however_it_is_cut() {
        let reply = b"\0\x05hello";
        for cut in 1..reply.len() {
            let client = after(client("length:u16be", b"hello"), &[&reply[..cut]]);
            assert_eq!(client.ending(), None, "cut at {cut}");
            assert_eq!(exit(after(client, &[&reply[cut..]])), Exit::Success(0));
        }
    }

    #[test]
    fn a_hostile_length_is_refused_on_its_header() {
        let client = after(client("length:u32be", b"hello"), &[b"\xff\xff\xff\xff"]);
        assert_eq!(exit(client), Exit::Failure(1));
    }

    #[test]
    fn the_end_inside_a_reply_is_a_failure_and_the_end_of_a_close_framed_one_is_not() {
        let mut cut_off = after(client("lf", b"hello"), &[b"hel"]);
        cut_off.received_fin(NOW);
        assert_eq!(exit(cut_off), Exit::Failure(1));
        let mut whole = after(client("close", b"hello"), &[b"hello"]);
        assert_eq!(whole.ending(), Some(Ending::Fin));
        whole.sent_fin(NOW);
        whole.received_fin(NOW);
        assert_eq!(exit(whole), Exit::Success(0));
    }

    #[test]
    fn a_reply_that_does_not_come_is_waited_for_and_no_longer() {
        let mut client = after(client("lf", b"hello"), &[]);
        assert_eq!(client.deadline(), Some(Duration::from_secs(10)));
        client.tick(Duration::from_secs(9));
        assert_eq!(client.ending(), None);
        client.tick(Duration::from_secs(10));
        assert_eq!(exit(client), Exit::Failure(1));
    }

    #[test]
    fn it_listens_while_it_sends() {
        let client = client("raw", &[b'x'; 1000]);
        assert!(client.reads() && !client.outgoing().is_empty());
    }
}
