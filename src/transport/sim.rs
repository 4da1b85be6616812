//! A link in virtual time: deliver what is due, else jump to the next wake-up. No socket, no clock, no thread.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::framing::Framing;
use crate::peer::{ClientFault, Ending, Endpoint, Farewell, Service, Settings};
use crate::session::{Command, Conn, Failure, Input, Proof, Script, Session, Trace};

use super::Transport;
use target::Target;

mod target;

/// Bytes that a direction of a connection holds before its writer must wait.
const CAPACITY: usize = 64 * 1024;

/// How long anything takes from one side to the other.
const LATENCY: Duration = Duration::from_micros(50);

/// The reference server, or the reference client, behind a simulated link. Clones lead to the same server; a client is
/// a new one for each script.
#[derive(Clone, Debug)]
pub struct Simulator {
    peer: Peer,
}

#[derive(Clone, Debug)]
enum Peer {
    Server(Service),
    Client(Box<Framing>, Option<&'static ClientFault>),
}

impl Simulator {
    /// A server with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { peer: Peer::Server(Service::new(settings)) }
    }

    /// A client, with a known fault or without one. What it sends stands in the script's errand.
    pub fn of_client(framing: Framing, fault: Option<&'static ClientFault>) -> Self {
        Self { peer: Peer::Client(Box::new(framing), fault) }
    }

    /// Whether the server has ended, of its fault.
    pub fn is_gone(&self) -> bool {
        matches!(&self.peer, Peer::Server(service) if service.is_gone())
    }

    /// Plays a script to its end.
    pub fn play(&self, script: Script) -> Trace {
        let target = Target::new(&self.peer, &script);
        let errand = script.errand.clone();
        let session = Session::new(script);
        let links = (0..session.connections()).map(|_| None).collect();
        let mut world = World { session, links, now: Duration::ZERO, target, farewell: None };
        world.begin();
        while !world.session.is_done() {
            if !world.step() && !world.jump() {
                break;
            }
        }
        match errand {
            Some(errand) => world.see_off(&errand),
            None => world.session.into_trace(),
        }
    }
}

impl Transport for Simulator {
    async fn run(&self, script: Script) -> Trace {
        self.play(script)
    }
}

struct World {
    session: Session,
    links: Vec<Option<Link>>,
    now: Duration,
    target: Target,
    /// When and how the client has left, where the target is one.
    farewell: Option<(Duration, Farewell)>,
}

/// One connection with both its directions.
#[expect(clippy::struct_excessive_bools, reason = "each end may be gone by itself, and the other not know of it yet")]
struct Link {
    /// The target's end; `None` while a client of a server waits in the backlog.
    server: Option<Box<dyn Endpoint + Send>>,
    up: Pipe,
    down: Pipe,
    server_gone: bool,
    client_gone: bool,
    /// A reset is on its way to the client, or there.
    broken: bool,
    probing: bool,
    farewell: Option<Farewell>,
}

#[derive(Default)]
struct Pipe {
    parcels: VecDeque<(Duration, Parcel)>,
    held: usize,
}

enum Parcel {
    Data(Bytes),
    Urgent,
    Fin,
    Reset,
}

impl Pipe {
    fn send(&mut self, now: Duration, parcel: Parcel) {
        if let Parcel::Data(bytes) = &parcel {
            self.held += bytes.len();
        }
        self.parcels.push_back((now + LATENCY, parcel));
    }

    fn room(&self) -> usize {
        CAPACITY.saturating_sub(self.held)
    }

    fn due(&self, now: Duration) -> bool {
        self.parcels.front().is_some_and(|(at, _)| *at <= now)
    }

    fn is_reset(&self, now: Duration) -> bool {
        self.parcels.iter().any(|(at, parcel)| *at <= now && matches!(parcel, Parcel::Reset))
    }

    /// Takes the next parcel, data up to `limit` bytes.
    fn take(&mut self, now: Duration, limit: usize) -> Option<Parcel> {
        if !self.due(now) {
            return None;
        }
        if let (_, Parcel::Data(bytes)) = self.parcels.front_mut()? {
            if bytes.len() > limit {
                self.held -= limit;
                return Some(Parcel::Data(bytes.split_to(limit)));
            }
            self.held -= bytes.len();
        }
        self.parcels.pop_front().map(|(_, parcel)| parcel)
    }

    /// Adds what else is due, as a read does.
    fn join(&mut self, now: Duration, first: Bytes, limit: usize) -> Bytes {
        let mut all = Vec::new();
        while all.len() + first.len() < limit && matches!(self.parcels.front(), Some((_, Parcel::Data(_)))) {
            match self.take(now, limit - all.len() - first.len()) {
                Some(Parcel::Data(bytes)) => all.extend_from_slice(&bytes),
                _ => break,
            }
        }
        if all.is_empty() { first } else { [&first[..], &all].concat().into() }
    }

    fn next(&self) -> Option<Duration> {
        self.parcels.front().map(|(at, _)| *at)
    }
}

impl World {
    /// Does everything that can be done now; says whether anything was.
    fn step(&mut self) -> bool {
        let mut moved = false;
        while let Some(command) = self.session.command(self.now) {
            self.obey(command);
            moved = true;
        }
        for index in 0..self.links.len() {
            let conn = Conn(index as u16);
            moved |= self.client_writes(conn) | self.server_side(index) | self.client_reads(conn) | self.probe(conn);
        }
        moved
    }

    /// Nothing can be done now: on to the next moment at which something can.
    fn jump(&mut self) -> bool {
        let links = self.links.iter().flatten();
        let wake = links.flat_map(|link| {
            let server = link.server.as_ref();
            let reset =
                || link.up.parcels.iter().find(|(_, parcel)| matches!(parcel, Parcel::Reset)).map(|(at, _)| *at);
            let up = if server.is_some_and(|server| server.reads()) { link.up.next() } else { reset() };
            [up, link.down.next(), server.and_then(|server| server.deadline())]
        });
        let wake = wake.flatten().filter(|at| *at > self.now);
        let Some(next) = wake.chain(self.session.deadline()).min() else { return false };
        self.now = self.now.max(next);
        for server in self.links.iter_mut().flatten().filter_map(|link| link.server.as_mut()) {
            server.tick(self.now);
        }
        self.session.handle(self.now, Input::Tick);
        true
    }

    fn obey(&mut self, command: Command) {
        let now = self.now;
        match command {
            Command::Connect { conn, .. } if self.target.is_gone() => {
                self.session.handle(now, Input::ConnectFailed(conn, Failure::Refused));
            }
            Command::Connect { conn, .. } => {
                let (up, down) = (Pipe::default(), Pipe::default());
                let link = Link {
                    server: self.target.connects(),
                    up,
                    down,
                    server_gone: false,
                    client_gone: false,
                    broken: false,
                    probing: false,
                    farewell: None,
                };
                self.links[usize::from(conn.0)] = Some(link);
                self.session.handle(now, Input::Connected(conn));
            }
            Command::Urgent(conn) => self.with(conn, |link| link.up.send(now, Parcel::Urgent)),
            Command::Probe(conn) => self.with(conn, |link| link.probing = true),
            Command::Shutdown(conn) => self.with(conn, |link| link.up.send(now, Parcel::Fin)),
            Command::Close(conn) | Command::Reset(conn) => self.with(conn, |link| {
                let unread = !link.down.parcels.is_empty();
                let reset = matches!(command, Command::Reset(_)) || unread;
                link.up.send(now, if reset { Parcel::Reset } else { Parcel::Fin });
                link.client_gone = true;
                link.down.parcels.clear(); // what they held stays held: nobody makes room any more
            }),
        }
    }

    fn with(&mut self, conn: Conn, act: impl FnOnce(&mut Link)) {
        if let Some(link) = &mut self.links[usize::from(conn.0)] {
            act(link);
        }
    }

    fn client_writes(&mut self, conn: Conn) -> bool {
        let Some(link) = &mut self.links[usize::from(conn.0)] else { return false };
        let Some(outgoing) = self.session.outgoing(conn) else { return false };
        if link.broken {
            self.session.handle(self.now, Input::WriteFailed(conn, Failure::Broken));
            return true;
        }
        if link.server_gone {
            // Nobody is there any more, which the writer learns from the answer to what he wrote.
            link.broken = true;
            link.down.send(self.now, Parcel::Reset);
            self.session.handle(self.now, Input::Wrote(conn, outgoing.bytes.len()));
            return true;
        }
        let len = outgoing.bytes.len().min(link.up.room());
        if len == 0 {
            return false;
        }
        link.up.send(self.now, Parcel::Data(outgoing.bytes.slice(..len)));
        self.session.handle(self.now, Input::Wrote(conn, len));
        true
    }

    fn server_side(&mut self, index: usize) -> bool {
        let now = self.now;
        let Some(link) = self.links[index].as_mut().filter(|link| !link.server_gone) else { return false };
        if self.target.is_down() {
            link.sever(now, Parcel::Reset);
            return true;
        }
        let accepted = if link.server.is_none() { self.target.accept(now) } else { None };
        let moved = accepted.is_some();
        link.server = accepted.or(link.server.take());
        let moved = moved | link.serve(now);
        if let Some(farewell) = link.farewell.take() {
            self.farewell = Some((now, farewell));
            self.session.handle(now, Input::Left);
        }
        moved
    }

    fn client_reads(&mut self, conn: Conn) -> bool {
        let Some(link) = &mut self.links[usize::from(conn.0)] else { return false };
        let Some(limit) = self.session.reads(conn) else { return false };
        let input = match link.down.take(self.now, limit) {
            None => return false,
            Some(Parcel::Data(bytes)) => Input::Received(conn, link.down.join(self.now, bytes, limit)),
            Some(Parcel::Urgent) => return true, // no target sends any
            Some(Parcel::Fin) => Input::Fin(conn),
            Some(Parcel::Reset) => Input::Reset(conn),
        };
        self.session.handle(self.now, input);
        true
    }

    /// A segment has been read when nothing is left in the upward pipe.
    fn probe(&mut self, conn: Conn) -> bool {
        let Some(link) = &mut self.links[usize::from(conn.0)] else { return false };
        if !link.probing || !(link.up.parcels.is_empty() || link.server_gone) {
            return false;
        }
        link.probing = false;
        let proof = if link.up.parcels.is_empty() { Proof::Read } else { Proof::None };
        self.session.handle(self.now, Input::Apart(conn, proof));
        true
    }
}

impl Link {
    /// Lets the server take one parcel, and write what there is room for.
    fn serve(&mut self, now: Duration) -> bool {
        let Some(server) = &mut self.server else { return false };
        let mut moved = false;
        if !server.reads() && self.up.is_reset(now) {
            self.up.parcels.clear(); // whoever writes hears of a reset before he has read what came before it
            server.lost(now);
        }
        let takes = server.reads() || !matches!(self.up.parcels.front(), Some((_, Parcel::Data(_))));
        if let Some(parcel) = takes.then(|| self.up.take(now, CAPACITY)).flatten() {
            moved = true;
            match parcel {
                Parcel::Data(bytes) => server.received(now, &bytes),
                Parcel::Urgent => server.urgent(now),
                Parcel::Fin => server.received_fin(now),
                Parcel::Reset => server.lost(now),
            }
        }
        let len = server.outgoing().len().min(self.down.room());
        if len > 0 {
            let bytes = Bytes::copy_from_slice(&server.outgoing()[..len]);
            server.wrote(now, len);
            if self.client_gone {
                self.up.send(now, Parcel::Reset); // nobody is there who could take it
            } else {
                self.down.send(now, Parcel::Data(bytes));
            }
            moved = true;
        }
        moved | self.end(now)
    }

    fn end(&mut self, now: Duration) -> bool {
        let Some(server) = &mut self.server else { return false };
        match server.ending() {
            None => return false,
            Some(Ending::Fin) => {
                server.sent_fin(now);
                self.down.send(now, Parcel::Fin);
            }
            Some(Ending::Close) => {
                let unread = self.up.parcels.iter().any(|(_, parcel)| matches!(parcel, Parcel::Data(_)));
                self.sever(now, if unread { Parcel::Reset } else { Parcel::Fin });
            }
            Some(Ending::Reset) => self.sever(now, Parcel::Reset),
        }
        true
    }

    /// The server's end is no more.
    fn sever(&mut self, now: Duration, last: Parcel) {
        self.broken = matches!(last, Parcel::Reset);
        self.down.send(now, last);
        if let Some(mut server) = self.server.take() {
            server.closed();
            self.farewell = server.farewell().cloned();
        }
        self.server_gone = true;
    }
}
