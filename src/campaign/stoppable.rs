//! A run that is to end waits for nothing any longer.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::Watcher;
use crate::session::{Conn, Event, Failure, Record, Script, Trace};
use crate::transport::Transport;

/// A transport that gives up when the run is to end.
pub(crate) struct Stoppable<'a, T, W> {
    pub(crate) transport: &'a T,
    pub(crate) watcher: &'a W,
}

impl<T: Transport, W: Watcher> Transport for Stoppable<'_, T, W> {
    async fn run(&self, script: Script) -> Trace {
        let ended = pin!(self.watcher.ended());
        match select(ended, pin!(self.transport.run(script))).await {
            Either::Right((trace, _)) => trace,
            Either::Left(_) => {
                let event = Event::ConnectFailed(Failure::Ours);
                Trace { records: vec![Record { at: Duration::ZERO, conn: Conn(0), event }] }
            }
        }
    }
}
