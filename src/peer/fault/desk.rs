//! What a fault works with in one connection: scratch, the clock, and what it may order.

use std::sync::Arc;
use std::sync::MutexGuard;
use std::time::Duration;

use crate::framing::Framing;
use crate::peer::Settings;
use crate::peer::service::{Seat, Shared};

/// One connection, as its fault sees it.
#[derive(Debug)]
pub struct Desk {
    /// Since the server began.
    pub(in crate::peer) now: Duration,
    /// How many times something happened; what, is the fault's business.
    pub(super) count: u64,
    /// Bytes that the fault keeps.
    pub(super) kept: Vec<u8>,
    /// Bytes that wait to be written.
    pub(in crate::peer) waiting: usize,
    /// Whether the decoder stands inside a message.
    pub(in crate::peer) inside: bool,
    /// How bytes flow.
    pub(in crate::peer) flow: Flow,
    /// Parts of the reply that leave later, each so long after the one before.
    pub(in crate::peer) later: Vec<(Duration, Vec<u8>)>,
    /// When the fault wants to be woken.
    pub(in crate::peer) wake: Option<Duration>,
    order: Option<Order>,
    settings: Arc<Settings>,
    seat: Seat,
}

/// How bytes flow through a connection; the default is what a right server does.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each of which a fault changes by itself")]
pub struct Flow {
    /// Bytes taken from a read at once.
    pub read_at_once: usize,
    /// Bytes of a reply written at once.
    pub write_at_once: usize,
    /// How long every reply waits.
    pub delay: Duration,
    /// Reads even while replies wait to be written.
    pub reads_always: bool,
    /// Believes that a write takes everything.
    pub ignores_short_writes: bool,
    /// Does not close after the client's FIN.
    pub keeps_open: bool,
    /// Is told of urgent data.
    pub heeds_urgent: bool,
    /// When it asks again at once instead of waiting; only a process's time shows it.
    pub spins: Spin,
    /// When others must wait for this connection.
    pub turn: Turn,
}

impl Flow {
    pub(super) const RIGHT: Self = Self {
        read_at_once: usize::MAX,
        write_at_once: usize::MAX,
        delay: Duration::ZERO,
        reads_always: false,
        ignores_short_writes: false,
        keeps_open: false,
        heeds_urgent: false,
        spins: Spin::Never,
        turn: Turn::Free,
    };
}

/// When a connection that has nothing to do asks again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spin {
    /// Never.
    Never,
    /// Whenever it waits.
    Always,
    /// While it has something to write that nobody takes.
    WhileUnsent,
}

/// When one connection keeps the others waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Never.
    Free,
    /// While it is inside a message.
    WhileUnfinished,
    /// While it does not read its replies.
    WhileUnsent,
    /// From so many bytes without a pause of twenty seconds on, until it pauses.
    WhileFlooded(usize),
}

/// A pause after which a flood is over.
pub(in crate::peer) const BREATH: Duration = Duration::from_secs(20);

/// What a fault makes the server do, in place of what a right one would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Take no more messages, answer what there is, then FIN.
    Finish,
    /// Close now: what was not written is lost.
    Close,
    /// Reset now.
    Reset,
    /// Keep the connection, and neither read nor answer any more.
    Hang,
    /// As if the client's FIN had come.
    End,
    /// Forget what was not written, then as at the client's FIN: close.
    Drop,
    /// Do nothing about it.
    Ignore,
    /// End the whole server.
    Die,
}

impl Desk {
    pub(in crate::peer) fn new(settings: Arc<Settings>, seat: Seat) -> Self {
        Self {
            now: Duration::ZERO,
            count: 0,
            kept: Vec::new(),
            waiting: 0,
            inside: false,
            flow: Flow::RIGHT,
            later: Vec::new(),
            wake: None,
            order: None,
            settings,
            seat,
        }
    }

    /// How messages are framed.
    pub(super) fn framing(&self) -> &Framing {
        &self.settings.framing
    }

    /// The connection's number, from 1.
    pub(in crate::peer) fn number(&self) -> u64 {
        self.seat.number
    }

    pub(in crate::peer) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.seat.service.shared()
    }

    pub(in crate::peer) fn service(&self) -> &crate::peer::service::Service {
        &self.seat.service
    }

    /// Makes the server do this.
    pub(super) fn order(&mut self, order: Order) {
        if order == Order::Die {
            self.shared().gone = true;
        }
        self.order = Some(order);
    }

    pub(in crate::peer) fn take_order(&mut self) -> Option<Order> {
        self.order.take()
    }

    /// Wakes the fault after so long.
    pub(super) fn wake_in(&mut self, length: Duration) {
        self.wake = Some(self.now + length);
    }

    /// The next number, from 1.
    pub(super) fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}
