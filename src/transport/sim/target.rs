//! Who stands at the other end of a simulated link: a server that accepts, or a client that comes by itself.

use std::time::Duration;

use super::{Peer, World};
use crate::peer::{Client, Endpoint, Farewell, Service, Task};
use crate::session::{Command, Conn, Departure, Errand, Event, Exit, Host, Input, Record, Script, Trace};

/// How long a client of the simulator waits for a reply.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) enum Target {
    Server(Service),
    /// A client on its way to its server; `None` when it has connected, or does not.
    Client {
        comes: Option<Box<Client>>,
        goes: Option<Farewell>,
    },
}

impl Target {
    pub(super) fn new(peer: &Peer, script: &Script) -> Self {
        let (framing, fault) = match peer {
            Peer::Server(service) => return Self::Server(service.clone()),
            Peer::Client(framing, fault) => (framing.as_ref().clone(), *fault),
        };
        let Some(errand) = &script.errand else { return Self::Client { comes: None, goes: None } };
        let task = Task { framing, message: errand.message.to_vec(), patience: PATIENCE, fault };
        let refused = match errand.host {
            Host::Listening => false,
            Host::Refusing => true,
            Host::SecondFamily => !Client::tries_all(&task),
        };
        if refused {
            let goes = Client::refused(&task);
            return Self::Client { comes: None, goes };
        }
        match Client::new(task) {
            Ok(client) => Self::Client { comes: Some(Box::new(client)), goes: None },
            Err(error) => Self::Client { comes: None, goes: Some(Client::unsendable(&error)) },
        }
    }

    /// Nobody is there to connect to, or to come.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Server(service) => service.is_gone(),
            Self::Client { comes, .. } => comes.is_none(),
        }
    }

    /// A server that has ended, and its connections with it.
    pub(super) fn is_down(&self) -> bool {
        matches!(self, Self::Server(service) if service.is_gone())
    }

    /// A client that makes the connection.
    pub(super) fn connects(&mut self) -> Option<Box<dyn Endpoint + Send>> {
        match self {
            Self::Server(_) => None,
            Self::Client { comes, .. } => comes.take().map(|client| client as Box<dyn Endpoint + Send>),
        }
    }

    /// A server that takes the next client in.
    pub(super) fn accept(&self, now: Duration) -> Option<Box<dyn Endpoint + Send>> {
        match self {
            Self::Server(service) if service.accepts() => Some(Box::new(service.accept(now))),
            _ => None,
        }
    }
}

impl World {
    /// A client that does not come has left before anything happens.
    pub(super) fn begin(&mut self) {
        if let Target::Client { goes, .. } = &mut self.target {
            self.farewell = goes.take().map(|farewell| (self.now, farewell));
            if self.farewell.is_some() {
                self.session.handle(self.now, Input::Left);
            }
        }
    }

    /// The script is over: closes what is open, and watches the client leave.
    pub(super) fn see_off(mut self, errand: &Errand) -> Trace {
        let until = self.now + errand.leaves_within;
        for index in 0..self.links.len() {
            if self.links[index].as_ref().is_some_and(|link| !link.client_gone) {
                self.obey(Command::Close(Conn(index as u16)));
            }
        }
        while self.farewell.is_none() && self.now <= until {
            if !self.step() && !self.jump() {
                break;
            }
        }
        let (at, farewell) = match self.farewell.take() {
            Some((at, farewell)) => (at, Some(farewell)),
            None => (self.now, None),
        };
        let mut trace = self.session.into_trace();
        let mut add = |event| trace.insert(Record { at, conn: Conn(0), event });
        if farewell.as_ref().is_some_and(|farewell| farewell.again) && errand.host != Host::Refusing {
            add(Event::Again);
        }
        let how = farewell.as_ref().map_or(Exit::Ended, |farewell| farewell.exit);
        add(Event::Output(farewell.map_or_else(Vec::new, |farewell| farewell.output).into()));
        add(Event::Left(Departure::of(how)));
        trace
    }
}
