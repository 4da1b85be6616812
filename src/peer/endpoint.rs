//! One end of a connection, sans-IO: what a driver asks of a server's connection and of a client alike.

use std::time::Duration;

use super::client::Farewell;

/// How an end of a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Shut down the sending direction: FIN after everything written.
    Fin,
    /// Close both directions.
    Close,
    /// Close with RST.
    Reset,
}

/// A state machine at one end of a connection. `now` is the time since any fixed moment, and never falls.
pub trait Endpoint {
    /// Whether bytes may be read now.
    fn reads(&self) -> bool;
    /// Bytes came.
    fn received(&mut self, now: Duration, bytes: &[u8]);
    /// The other side's FIN came.
    fn received_fin(&mut self, now: Duration);
    /// The connection was reset, or writing failed.
    fn lost(&mut self, now: Duration);
    /// A byte of urgent data came. Those who do not heed it never see it.
    fn urgent(&mut self, _now: Duration) {}
    /// Whether urgent data is to be waited for.
    fn heeds_urgent(&self) -> bool {
        false
    }
    /// Whether it asks again at once where it should wait for something to happen.
    fn spins(&self) -> bool {
        false
    }
    /// What is to be written.
    fn outgoing(&self) -> &[u8];
    /// So much of it was written.
    fn wrote(&mut self, now: Duration, len: usize);
    /// What to do about the end, once nothing is left to be written.
    fn ending(&self) -> Option<Ending>;
    /// The FIN went out.
    fn sent_fin(&mut self, now: Duration);
    /// The connection was closed, or reset, as it asked for.
    fn closed(&mut self) {}
    /// When to call [`tick`](Self::tick) if nothing happens before.
    fn deadline(&self) -> Option<Duration>;
    /// Time went by.
    fn tick(&mut self, now: Duration);
    /// How a client has left, once it has.
    fn farewell(&self) -> Option<&Farewell> {
        None
    }
}
