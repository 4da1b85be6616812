//! What all connections of one server share: its settings, who is connected, and what a fault keeps across them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::fault::{Act, Decode, Fault, Machine};
use super::server::Connection;
use super::settings::Settings;

/// A server, apart from its port.
#[derive(Clone, Debug)]
pub struct Service {
    settings: Arc<Settings>,
    shared: Arc<Mutex<Shared>>,
}

/// What connections have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Connections accepted so far.
    pub(super) accepted: u64,
    /// Connections that have not ended.
    pub(super) open: usize,
    /// The server has ended: nobody listens.
    pub(super) gone: bool,
    /// The server accepts no more: further clients stay in the backlog.
    pub(super) deaf: bool,
    /// The connection that keeps all others waiting.
    pub(super) holder: Option<u64>,
    /// Bytes that a fault keeps from one connection to another.
    pub(super) kept: Vec<u8>,
    /// Replies for other connections than those that asked.
    pub(super) mail: BTreeMap<u64, Vec<u8>>,
    /// A decoder for all connections.
    pub(super) decoder: Option<Arc<Mutex<Box<dyn Decode>>>>,
}

impl Service {
    /// A server with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings: Arc::new(settings), shared: Arc::default() }
    }

    /// Takes in a client at `now`.
    pub fn accept(&self, now: Duration) -> Connection {
        let mut shared = self.shared();
        shared.accepted += 1;
        shared.open += 1;
        let seat = Seat { number: shared.accepted, service: self.clone() };
        drop(shared);
        Connection::new(Arc::clone(&self.settings), seat, now)
    }

    /// What it gets wrong with the system that it runs on.
    pub fn machine(&self) -> Option<Machine> {
        match self.settings.fault.map(|fault| fault.act) {
            Some(Act::Machine(machine)) => Some(machine),
            _ => None,
        }
    }

    /// How many clients are served at once, where the fault says so.
    pub fn capacity(&self) -> Option<usize> {
        match self.settings.fault.map(|fault| fault.act) {
            Some(Act::Capacity(clients)) => Some(clients),
            _ => None,
        }
    }

    /// Whether a client may be taken in now; those who must wait stay in the backlog.
    pub fn accepts(&self) -> bool {
        let shared = self.shared();
        !shared.gone && !shared.deaf && self.capacity().is_none_or(|clients| shared.open < clients)
    }

    /// Whether the server has ended, of its fault.
    pub fn is_gone(&self) -> bool {
        self.shared().gone
    }

    /// Whether the server may end or fall silent by itself.
    pub fn fault(&self) -> Option<&'static Fault> {
        self.settings.fault
    }

    pub(super) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's place in the server, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    /// The connection's number, from 1.
    pub(super) number: u64,
    pub(super) service: Service,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut shared = self.service.shared();
        shared.open -= 1;
        shared.mail.remove(&self.number);
        if shared.holder == Some(self.number) {
            shared.holder = None;
        }
    }
}
