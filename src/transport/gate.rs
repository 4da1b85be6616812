//! Has the target read what was written to it? Only then is the next segment sure to arrive apart from this one.
//!
//! A target on this host is proved to have read: all bytes written are in its socket (`tcpi_bytes_received`), and
//! after that its receive queue was seen empty. An empty queue alone proves nothing: the segment may still be on
//! its way, or wait in the backlog of a socket that is just being read. Of any other target nothing is known but that its
//! kernel has acknowledged: then a [`GAP`] is added (CATALOGUE E5).
//!
//! What listens on this host on behalf of a target elsewhere (a forwarding proxy, a container's port) reads in its
//! place; nothing that is seen from here can tell.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::diag::{Diag, Found, anybody};
use crate::session::Proof;

/// After an acknowledgement, how long to leave a target that cannot be looked at to read.
const GAP: Duration = Duration::from_millis(5);

/// The shortest time between two looks, doubled after each up to [`BACKOFF`].
const FIRST_WAIT: Duration = Duration::from_micros(20);

/// From here on the time between looks begins anew at [`REST`].
const BACKOFF: Duration = Duration::from_micros(160);

/// Between looks at a target that takes its time; long enough for a timer, so that nothing spins. It is doubled, too, up
/// to [`LONGEST_REST`]: looking costs the time of the processor that the target may need.
const REST: Duration = Duration::from_millis(2);
const LONGEST_REST: Duration = Duration::from_millis(16);

/// A queue of connections that has room for so many is never full of ours.
const MANY: u32 = 256;

/// One that reads on is given so many times the limit.
const PATIENCE: u32 = 10;

/// Looks at the sockets of any number of connections.
#[derive(Debug)]
pub(super) struct Gate {
    /// `None` where the kernel cannot be asked.
    diag: Option<Mutex<Diag>>,
    limit: Duration,
    /// The target's queue was seen to have room for [`MANY`], or cannot be seen.
    roomy: AtomicBool,
}

/// What the gate keeps of one connection.
#[derive(Debug)]
pub(super) struct Watch {
    ours: SocketAddr,
    theirs: SocketAddr,
    side: Side,
    /// How many segments of the case could not be proved.
    pub(super) unproved: u32,
    /// Something came from the target since it was last looked at: it is at work on what it had read before.
    heard: bool,
    look: Option<Look>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Unknown,
    /// The target's socket was seen on this host.
    Here,
    /// It is elsewhere, or hidden.
    Away,
}

/// One question on its way.
#[derive(Debug)]
struct Look {
    written: u64,
    began: Duration,
    next: Duration,
    wait: Duration,
    /// When the target was last seen to read on or to answer, or had yet to accept: what is slow is not late.
    moved: Duration,
    /// What it had not read by then, in bytes.
    unread: Option<u32>,
    /// All that was written was seen in the target's socket.
    arrived: bool,
    acked: Option<Duration>,
}

impl Watch {
    pub(super) fn new(ours: SocketAddr, theirs: SocketAddr) -> Self {
        Self { ours, theirs, side: Side::Unknown, unproved: 0, heard: false, look: None }
    }

    /// Our address.
    pub(super) fn ours(&self) -> SocketAddr {
        self.ours
    }

    /// The target's, as it was asked for.
    pub(super) fn theirs(&self) -> SocketAddr {
        self.theirs
    }

    /// Something came from the target.
    pub(super) fn hear(&mut self) {
        self.heard = true;
    }

    /// From now on the question is whether all of `written`, bytes since the connection stands, were read.
    pub(super) fn begin(&mut self, now: Duration, written: u64) {
        let wait = FIRST_WAIT;
        let (began, moved, unread) = (now, now, None);
        self.look = Some(Look { written, began, next: now, wait, moved, unread, arrived: false, acked: None });
    }

    /// When to look again, if a question is open.
    pub(super) fn next(&self) -> Option<Duration> {
        self.look.as_ref().map(|look| look.next)
    }
}

impl Gate {
    /// Gives up on a segment after `limit`; on the later ones of the same case sooner, by half each time: they
    /// cannot make good what is lost, and a target that does not read would cost all the time of its case.
    pub(super) fn new(limit: Duration) -> Self {
        Self { diag: Diag::open().ok().map(Mutex::new), limit, roomy: AtomicBool::new(false) }
    }

    /// Whether so many connections wait for the target to accept them that the kernel would drop another SYN, which it sends
    /// again after a second.
    pub(super) fn is_crowded(&self, target: SocketAddr) -> bool {
        if self.roomy.load(Ordering::Relaxed) {
            return false;
        }
        match self.find(target, anybody(target)) {
            Ok(Found::Listener { waiting, backlog }) if backlog < MANY => waiting > backlog,
            Ok(Found::Nothing) => false, // not there, or not yet
            _ => {
                self.roomy.store(true, Ordering::Relaxed);
                false
            }
        }
    }

    /// The answer to an open question, once there is one.
    pub(super) fn answer(&self, watch: &mut Watch, now: Duration) -> Option<Proof> {
        if watch.next().is_none_or(|next| now < next) {
            return None;
        }
        let heard = std::mem::take(&mut watch.heard);
        if let Some(look) = watch.look.as_mut().filter(|_| heard) {
            look.moved = now;
        }
        let proof = self.look(watch, now).or_else(|| self.is_late(watch, now).then_some(Proof::None));
        match proof {
            Some(proof) => {
                watch.look = None;
                watch.unproved += u32::from(proof == Proof::None);
            }
            None => watch.look.iter_mut().for_each(|look| look.back_off(now)),
        }
        proof
    }

    fn is_late(&self, watch: &Watch, now: Duration) -> bool {
        let limit = self.limit / (1 << watch.unproved.min(10));
        watch.look.as_ref().is_some_and(|look| now >= look.moved + limit || now >= look.began + limit * PATIENCE)
    }

    fn look(&self, watch: &mut Watch, now: Duration) -> Option<Proof> {
        if watch.side != Side::Away {
            match self.find(watch.theirs, watch.ours) {
                Ok(Found::Nothing | Found::Listener { .. }) if watch.side == Side::Here => return Some(Proof::Gone),
                Ok(Found::Nothing | Found::Listener { .. }) | Err(_) => watch.side = Side::Away,
                Ok(found) => {
                    watch.side = Side::Here;
                    return watch.look.as_mut()?.is_read(found, now).then_some(Proof::Read);
                }
            }
        }
        let found = self.find(watch.ours, watch.theirs);
        watch.look.as_mut()?.is_acked(&found, now)
    }

    fn find(&self, local: SocketAddr, remote: SocketAddr) -> io::Result<Found> {
        let diag = self.diag.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        diag.lock().unwrap_or_else(PoisonError::into_inner).find(local, remote)
    }
}

impl Look {
    /// By the target's own socket.
    fn is_read(&mut self, found: Found, now: Duration) -> bool {
        let Found::Socket { unread, received, owned, .. } = found else { return false };
        if !owned || self.unread.is_some_and(|before| unread < before) {
            self.moved = now;
        }
        self.unread = Some(unread);
        // The kernel takes the two numbers one after the other, so that they prove nothing together: the queue may
        // have been empty before the segment came. It must be seen empty once more.
        let read = self.arrived && unread == 0;
        self.arrived |= received >= self.written;
        read
    }

    /// By our own.
    fn is_acked(&mut self, found: &io::Result<Found>, now: Duration) -> Option<Proof> {
        match found {
            Ok(Found::Socket { unacked: 0, .. }) => {
                let acked = *self.acked.get_or_insert(now);
                (now >= acked + GAP).then_some(Proof::Acked)
            }
            Ok(Found::Socket { .. }) => None,
            Ok(_) => Some(Proof::None),
            // Nothing can be seen at all: the gap is the best there is.
            Err(_) => (now >= self.began + GAP).then_some(Proof::None),
        }
    }

    fn back_off(&mut self, now: Duration) {
        self.next = now + self.wait;
        self.wait = if self.wait < BACKOFF { self.wait * 2 } else { (self.wait * 2).clamp(REST, LONGEST_REST) };
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn pair() -> (TcpStream, TcpStream, Watch) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let theirs = listener.accept().unwrap().0;
        let watch = Watch::new(ours.local_addr().unwrap(), ours.peer_addr().unwrap());
        (ours, theirs, watch)
    }

    /// Looks until there is an answer.
    fn settle(gate: &Gate, watch: &mut Watch, written: u64) -> Proof {
        let began = Instant::now();
        watch.begin(Duration::ZERO, written);
        loop {
            if let Some(proof) = gate.answer(watch, began.elapsed()) {
                return proof;
            }
        }
    }

    #[test]
    fn unread_bytes_are_seen_and_read_ones_proved() {
        let (mut ours, mut theirs, mut watch) = pair();
        ours.write_all(b"hello").unwrap();
        assert_eq!(settle(&Gate::new(Duration::from_millis(20)), &mut watch, 5), Proof::None);
        theirs.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(settle(&Gate::new(Duration::from_millis(20)), &mut watch, 5), Proof::None);
        theirs.read_exact(&mut [0; 1]).unwrap();
        assert_eq!(settle(&Gate::new(LIMIT), &mut watch, 5), Proof::Read);
    }

    #[test]
    fn bytes_that_have_not_arrived_are_not_read() {
        let (_ours, _theirs, mut watch) = pair();
        assert_eq!(settle(&Gate::new(Duration::from_millis(20)), &mut watch, 1), Proof::None);
    }

    #[test]
    fn a_target_elsewhere_has_acknowledged() {
        let (mut ours, _theirs, mut watch) = pair();
        watch.side = Side::Away;
        ours.write_all(b"hello").unwrap();
        assert_eq!(settle(&Gate::new(LIMIT), &mut watch, 5), Proof::Acked);
    }

    #[test]
    fn a_target_that_is_gone_proves_nothing_more() {
        let (mut ours, mut theirs, mut watch) = pair();
        ours.write_all(b"a").unwrap();
        theirs.read_exact(&mut [0]).unwrap();
        assert_eq!(settle(&Gate::new(LIMIT), &mut watch, 1), Proof::Read);
        drop((ours, theirs));
        assert_eq!(settle(&Gate::new(LIMIT), &mut watch, 2), Proof::Gone);
    }

    #[test]
    fn where_the_kernel_cannot_be_asked_nothing_is_proved() {
        let (_ours, _theirs, mut watch) = pair();
        assert_eq!(settle(&Gate { diag: None, ..Gate::new(LIMIT) }, &mut watch, 0), Proof::None);
    }

    #[test]
    fn a_target_that_answers_meanwhile_is_given_more_time() {
        let (gate, (_ours, _theirs, mut watch)) = (Gate::new(Duration::from_secs(1)), pair());
        watch.begin(Duration::ZERO, 1);
        assert_eq!(gate.answer(&mut watch, Duration::from_millis(900)), None);
        watch.hear();
        assert_eq!(gate.answer(&mut watch, Duration::from_millis(1200)), None);
        assert_eq!(gate.answer(&mut watch, Duration::from_millis(2199)), None);
        assert_eq!(gate.answer(&mut watch, Duration::from_millis(2300)), Some(Proof::None));
    }

    #[test]
    fn what_waits_to_be_accepted_is_given_more_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut watch = Watch::new(ours.local_addr().unwrap(), ours.peer_addr().unwrap());
        let gate = Gate::new(Duration::from_secs(1));
        ours.write_all(b"hello").unwrap();
        watch.begin(Duration::ZERO, 5);
        assert_eq!(gate.answer(&mut watch, Duration::from_secs(4)), None);
        let _theirs = listener.accept().unwrap();
        assert_eq!(gate.answer(&mut watch, Duration::from_millis(4900)), None);
        assert_eq!(gate.answer(&mut watch, Duration::from_millis(5100)), Some(Proof::None));
    }

    #[test]
    fn a_small_queue_is_crowded_while_it_is_full() {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(1).unwrap();
        let (address, gate) = (listener.local_addr().unwrap().as_socket().unwrap(), Gate::new(LIMIT));
        assert!(!gate.is_crowded(address));
        let _clients = [(); 2].map(|()| TcpStream::connect(address).unwrap());
        assert!(gate.is_crowded(address));
        drop(listener.accept().unwrap());
        assert!(!gate.is_crowded(address));
    }

    #[test]
    fn each_segment_that_cannot_be_proved_halves_the_patience() {
        let (gate, (_ours, _theirs, mut watch)) = (Gate::new(Duration::from_secs(1)), pair());
        for millis in [1000, 500, 250, 125] {
            watch.begin(Duration::ZERO, 1);
            assert_eq!(gate.answer(&mut watch, Duration::from_millis(millis - 1)), None);
            assert_eq!(gate.answer(&mut watch, Duration::from_millis(millis)), Some(Proof::None));
        }
    }
}
