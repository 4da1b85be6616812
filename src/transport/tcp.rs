//! The real network: one task drives all connections of a session, and looks at a clock.

use std::future::{Future, poll_fn};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::Transport;
use super::gate::Gate;
use super::host::Host;
use super::line::{self, Line};
use crate::session::{Command, Conn, Failure, Input, Proof, Script, Session, Trace};

/// How long to look whether a segment was read, unless [`Tcp::gate_limit`] says otherwise.
const GATE_LIMIT: Duration = Duration::from_secs(1);

/// At most so many bytes are read in one go. Half of what makes glibc tidy its heap when it is given back.
const READ_AT_ONCE: usize = 32 * 1024;

/// So often is every connection read and written before other tasks get their turn.
const ROUNDS: usize = 16;

/// The timer cannot wait for less.
const TICK: Duration = Duration::from_millis(1);

/// So many of them a connection waits for room in the queue of a target.
const PATIENT_TICKS: u32 = 100;

/// A target at a TCP address, or one that comes to us.
#[derive(Debug)]
pub struct Tcp {
    way: Way,
    gate: Arc<Gate>,
    unhurried: bool,
}

/// How a connection comes about.
#[derive(Debug)]
enum Way {
    /// It is opened to a server.
    To(SocketAddr),
    /// A client opens it.
    From(Arc<Host>),
}

impl Tcp {
    /// The target that listens at `address`. Does not connect yet.
    pub fn new(address: SocketAddr) -> Self {
        Self { way: Way::To(address), gate: Arc::new(Gate::new(GATE_LIMIT)), unhurried: false }
    }

    /// A client that connects to `host`.
    pub fn from_client(host: Arc<Host>) -> Self {
        Self { way: Way::From(host), gate: Arc::new(Gate::new(GATE_LIMIT)), unhurried: false }
    }

    /// Leaves the processor to others while a target has not read a segment, although that costs a millisecond each time:
    /// for many sessions at once, of which none is in a hurry.
    #[must_use]
    pub fn unhurried(self) -> Self {
        Self { unhurried: true, ..self }
    }

    /// How long to look whether a segment was read before the next one goes out unproved; 1 s if not said.
    #[must_use]
    pub fn gate_limit(self, limit: Duration) -> Self {
        Self { gate: Arc::new(Gate::new(limit)), ..self }
    }
}

impl Tcp {
    /// Plays a script; says also for how long its clock stood still.
    pub async fn play(&self, script: Script) -> (Trace, Duration) {
        let mut drive = Drive::new(self, script);
        poll_fn(|cx| drive.poll(cx)).await;
        (drive.session.into_trace(), drive.lost)
    }
}

impl Transport for Tcp {
    async fn run(&self, script: Script) -> Trace {
        self.play(script).await.0
    }
}

/// Being looked after so much late is no lateness.
const PUNCTUAL: Duration = Duration::from_millis(5);

/// A session on its way over sockets.
///
/// Its clock stands still while nobody looks after it: on a busy machine our own work may keep us from reading a reply that came
/// in time, and that is no fault of the target.
struct Drive<'a> {
    tcp: &'a Tcp,
    session: Session,
    started: Instant,
    /// When somebody should look again, since the start.
    due: Option<Duration>,
    /// For how long nobody did.
    lost: Duration,
    /// By number of the connection.
    ends: Vec<End>,
    /// Whether acknowledgements come as late as they do for an ordinary client, because the script measures what that costs.
    timed: bool,
    /// How many segments could not be proved to have been read apart.
    unproved: u32,
    /// Ready when the client under test leaves; `None` where there is none, or it has.
    leaving: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    alarm: Option<Alarm>,
    buffer: Box<[MaybeUninit<u8>]>,
}

type Opening = Pin<Box<dyn Future<Output = Result<Line, Failure>> + Send>>;

/// Our end of a connection.
#[expect(clippy::large_enum_variant, reason = "one for each connection, and most are open")]
enum End {
    Closed,
    Opening(Opening),
    Open(Line),
}

/// A timer and when it rings, since the start. It may ring too soon, never too late.
struct Alarm {
    at: Option<Duration>,
    sleep: Pin<Box<Sleep>>,
}

impl<'a> Drive<'a> {
    fn new(tcp: &'a Tcp, script: Script) -> Self {
        let timed = script.is_timed();
        let session = Session::new(script);
        let ends = (0..session.connections()).map(|_| End::Closed).collect();
        Self {
            tcp,
            session,
            started: Instant::now(),
            due: None,
            lost: Duration::ZERO,
            ends,
            timed,
            unproved: 0,
            leaving: match &tcp.way {
                Way::To(_) => None,
                Way::From(host) => Some(Box::pin(Arc::clone(host).client_left())),
            },
            alarm: None,
            buffer: Box::new_uninit_slice(READ_AT_ONCE),
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed().saturating_sub(self.lost)
    }

    /// Sets the clock back by what was lost since it was due.
    fn catch_up(&mut self) {
        let late = self.due.take().map_or(Duration::ZERO, |due| self.started.elapsed().saturating_sub(due));
        if late > PUNCTUAL {
            self.lost += late;
        }
    }

    fn expect_again(&mut self, at: Duration) {
        self.due = Some(at + self.lost);
    }

    fn tell(&mut self, input: Input) {
        self.session.handle(self.now(), input);
    }

    /// Does all that can be done now, but for a bounded time.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.catch_up();
        if self.leaving.as_mut().is_some_and(|leaving| leaving.as_mut().poll(cx).is_ready()) {
            self.leaving = None;
            self.tell(Input::Left);
        }
        for _ in 0..ROUNDS {
            while let Some(command) = self.session.command(self.now()) {
                self.obey(command);
            }
            if self.session.is_done() {
                return Poll::Ready(());
            }
            let mut moved = false;
            for index in 0..self.ends.len() {
                moved |= self.serve(Conn(index as u16), cx);
            }
            // What has come by now counts, however late we are to look: only then has the time run out.
            if !moved && !self.is_overdue() {
                return self.rest(cx);
            }
            if !moved {
                self.tell(Input::Tick);
            }
        }
        if self.is_overdue() {
            self.tell(Input::Tick); // whoever sends without end does not stop the clock
        }
        self.expect_again(self.now());
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn is_overdue(&self) -> bool {
        self.session.deadline().is_some_and(|deadline| deadline <= self.now())
    }

    fn obey(&mut self, command: Command) {
        let now = self.now();
        match command {
            Command::Connect { conn, receive_buffer } => {
                let opening: Opening = match &self.tcp.way {
                    Way::To(address) => Box::pin(enter(Arc::clone(&self.tcp.gate), conn, *address, receive_buffer)),
                    Way::From(host) => Box::pin(line::accept(conn, Arc::clone(host))),
                };
                *self.end(conn) = End::Opening(opening);
            }
            Command::Probe(conn) => match self.end(conn) {
                End::Open(line) => line.watch.begin(now, line.written),
                _ => self.tell(Input::Apart(conn, Proof::None)),
            },
            Command::Shutdown(conn) => {
                if let End::Open(line) = self.end(conn) {
                    line.shutdown();
                }
            }
            Command::Urgent(conn) => {
                if let End::Open(line) = self.end(conn) {
                    line.urgent();
                }
            }
            Command::Close(conn) => *self.end(conn) = End::Closed,
            Command::Reset(conn) => {
                if let End::Open(line) = std::mem::replace(self.end(conn), End::Closed) {
                    line.reset();
                }
            }
        }
    }

    fn end(&mut self, conn: Conn) -> &mut End {
        &mut self.ends[usize::from(conn.0)]
    }

    /// Gives one connection its turn; says whether anything happened.
    fn serve(&mut self, conn: Conn, cx: &mut Context<'_>) -> bool {
        match self.end(conn) {
            End::Closed => false,
            End::Opening(_) => self.open(conn, cx),
            // Each of the three may change what the next may do. All of them get their turn.
            End::Open(_) => self.read(conn, cx) | self.write(conn, cx) | self.prove(conn),
        }
    }

    fn open(&mut self, conn: Conn, cx: &mut Context<'_>) -> bool {
        let End::Opening(opening) = self.end(conn) else { return false };
        let Poll::Ready(opened) = opening.as_mut().poll(cx) else { return false };
        let (end, input) = match opened {
            Ok(mut line) => {
                line.watch.unproved = self.unproved;
                (End::Open(line), Input::Connected(conn))
            }
            Err(why) => (End::Closed, Input::ConnectFailed(conn, why)),
        };
        *self.end(conn) = end;
        self.tell(input);
        true
    }

    fn read(&mut self, conn: Conn, cx: &mut Context<'_>) -> bool {
        let Some(most) = self.session.reads(conn) else { return false };
        let (now, overdue) = (self.now(), self.is_overdue());
        let buffer = &mut self.buffer[..most.clamp(1, READ_AT_ONCE)];
        let End::Open(line) = &mut self.ends[usize::from(conn.0)] else { return false };
        if !overdue && line.gathers().is_some_and(|until| now < until) {
            return false;
        }
        let Poll::Ready(input) = line.read(cx, buffer, now) else { return false };
        self.tell(input);
        true
    }

    fn write(&mut self, conn: Conn, cx: &mut Context<'_>) -> bool {
        let Some(outgoing) = self.session.outgoing(conn) else { return false };
        let End::Open(line) = self.end(conn) else { return false };
        let Poll::Ready(input) = line.write(cx, &outgoing) else { return false };
        self.tell(input);
        true
    }

    fn prove(&mut self, conn: Conn) -> bool {
        let (gate, now) = (&self.tcp.gate, self.now());
        let End::Open(line) = self.end(conn) else { return false };
        let Some(proof) = gate.answer(&mut line.watch, now) else { return false };
        self.unproved += u32::from(proof == Proof::None);
        self.tell(Input::Apart(conn, proof));
        true
    }

    /// Nothing can be done now: waits for the sockets, the deadline or the next look at the target.
    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.timed {
            self.acknowledge();
        }
        let looks = self.ends.iter().filter_map(|end| match end {
            End::Open(line) => line.watch.next(),
            _ => None,
        });
        let now = self.now();
        let look = looks.min().map(|look| if self.tcp.unhurried { look.max(now + TICK) } else { look });
        if look.is_some_and(|look| look < now + TICK) {
            // Too short for the timer. The target may need this very processor to read.
            thread::yield_now();
            self.expect_again(self.now());
            cx.waker().wake_by_ref();
        } else if let Some(at) = self.session.deadline().into_iter().chain(look).chain(self.gathering(now)).min() {
            self.expect_again(at);
            self.ring(at, cx);
        }
        Poll::Pending
    }

    /// When what comes in crumbs has gathered.
    fn gathering(&self, now: Duration) -> Option<Duration> {
        let gathers = |end: &End| match end {
            End::Open(line) => line.gathers().filter(|until| *until > now),
            _ => None,
        };
        self.ends.iter().filter_map(gathers).min()
    }

    fn acknowledge(&mut self) {
        for end in &mut self.ends {
            if let End::Open(line) = end {
                line.acknowledge();
            }
        }
    }

    fn ring(&mut self, at: Duration, cx: &mut Context<'_>) {
        let due = self.started + self.lost + at;
        let alarm = self.alarm.get_or_insert_with(|| Alarm { at: None, sleep: Box::pin(sleep_until(due)) });
        // Deadlines move away with every byte; setting the timer again each time would cost more than an early ring.
        if alarm.at.is_none_or(|rings| at < rings) {
            alarm.sleep.as_mut().reset(due);
            alarm.at = Some(at);
        }
        if alarm.sleep.as_mut().poll(cx).is_ready() {
            alarm.at = None;
            cx.waker().wake_by_ref();
        }
    }
}

/// Opens a connection when there is room for it in the queue of the target, or none was for too long.
async fn enter(gate: Arc<Gate>, conn: Conn, target: SocketAddr, receive_buffer: Option<u32>) -> Result<Line, Failure> {
    for _ in 0..PATIENT_TICKS {
        if !gate.is_crowded(target) {
            break;
        }
        tokio::time::sleep(TICK).await;
    }
    line::open(conn, target, receive_buffer).await
}

#[cfg(test)]
mod tests;
