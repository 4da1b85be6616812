//! Clients that somebody else starts, a device for one: each connection is a session, and its message is whatever comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::framing::{Deframer, Framing, Strategy};
use crate::session::{Conn, Departure, Event, Exit, Record, Script, Segment, Step, Trace};
use crate::transport::{Host, Preview, Tcp, Transport};

/// A client that somebody starts by hand may take so long to come, at a time scale of 1.
const VISITS_WITHIN: Duration = Duration::from_secs(60);

/// A message of up to so many bytes is seen before its session is played; a larger one has to be the same each time.
const SEEN: usize = 4 * 1024;

/// A message whose end shows is waited for as long as something of it comes within so long; else it ends with a silence.
const NEXT_BYTE: Duration = Duration::from_secs(2);
const SILENCE: Duration = Duration::from_millis(250);

/// Accepts clients that somebody else starts, one after another.
#[derive(Debug)]
pub(in crate::cli) struct Visitors {
    host: Arc<Host>,
    _never: watch::Sender<bool>,
}

impl Visitors {
    pub(in crate::cli) fn bind(address: SocketAddr, time_scale: f64) -> std::io::Result<Self> {
        let (never, left) = watch::channel(false);
        let host = Arc::new(Host::bind(address, None, left, VISITS_WITHIN.mul_f64(time_scale))?);
        Ok(Self { host, _never: never })
    }

    pub(in crate::cli) fn address(&self) -> std::io::Result<SocketAddr> {
        self.host.address()
    }

    /// As they come under one framing.
    pub(in crate::cli) fn speaking<'a>(&'a self, framing: &'a Framing) -> Speaking<'a> {
        Speaking { visitors: self, framing }
    }
}

/// Visitors whose messages are framed in this way.
#[derive(Debug)]
pub(in crate::cli) struct Speaking<'a> {
    visitors: &'a Visitors,
    framing: &'a Framing,
}

impl Speaking<'_> {
    /// The message of the next session, without taking it from the connection.
    async fn preview(&self) -> Option<Bytes> {
        let is_framed = !matches!(self.framing.strategy(), Strategy::Raw | Strategy::Close);
        let within = if is_framed { NEXT_BYTE } else { SILENCE };
        let first = |bytes: &[u8]| {
            let mut deframer = Deframer::new(self.framing);
            deframer.push(bytes);
            deframer.next_frame()
        };
        let preview = Preview { most: SEEN, within };
        let bytes = self.visitors.host.preview(preview, |bytes| is_framed && first(bytes).is_some()).await;
        match first(&bytes) {
            _ if !is_framed => Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()),
            frame => Some(frame?.ok()?.payload.into()),
        }
    }
}

impl Transport for Speaking<'_> {
    async fn run(&self, script: Script) -> Trace {
        let script = match self.preview().await {
            Some(message) => about(&script, self.framing, &message).unwrap_or(script),
            None => script, // it shows what is wrong
        };
        let (mut trace, held) = Tcp::from_client(Arc::clone(&self.visitors.host)).play(script).await;
        let left = Departure { held: Some(held.as_millis() as u64), ..Departure::of(Exit::Unseen) };
        trace.records.push(Record { at: trace.duration(), conn: Conn(0), event: Event::Left(left) });
        trace
    }
}

/// The script with this message in the place of its own; `None`: its own stands.
fn about(script: &Script, framing: &Framing, message: &Bytes) -> Option<Script> {
    let errand = script.errand.as_ref()?;
    let is_part = framing.strategy() == Strategy::Raw && errand.message.starts_with(message);
    if errand.message == *message || is_part {
        return None;
    }
    let reply = |message: &[u8]| {
        let mut frame = Vec::new();
        framing.reply().encode_unlimited(message, &mut frame).ok()?;
        Some(Bytes::from(frame))
    };
    let mut exchange = Exchange { from: reply(&errand.message)?, to: reply(message)?, at: 0 };
    let mut steps = script.steps.clone();
    for step in &mut steps {
        let Step::Send { promises, segments, .. } = step else { continue };
        for promise in promises.iter_mut().filter(|promise| promise.payload == errand.message) {
            promise.payload = message.clone();
        }
        for segment in segments.iter_mut() {
            exchange.segment(segment);
        }
        segments.retain(|segment| segment.fin || !segment.bytes.is_empty());
    }
    Some(Script { steps, ..script.clone() })
}

/// Puts one reply in the place of another, however it is cut.
struct Exchange {
    from: Bytes,
    to: Bytes,
    /// So many bytes of it have been sent.
    at: usize,
}

impl Exchange {
    fn segment(&mut self, segment: &mut Segment) {
        let len = segment.bytes.len().min(self.from.len() - self.at);
        let (known, behind) = segment.bytes.split_at(len);
        if known != &self.from[self.at..self.at + len] {
            return;
        }
        let range = self.place(self.at)..self.place(self.at + len);
        segment.bytes = [&self.to[range], behind].concat().into();
        self.at += len;
    }

    /// Where a cut falls: as far from the beginning, or in the second half from the end.
    fn place(&self, at: usize) -> usize {
        let (from, to) = (self.from.len(), self.to.len());
        let middle = (from / 2).min(to / 2);
        if at <= from / 2 { at.min(middle) } else { to.saturating_sub(from - at).max(middle) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchanged(from: &str, to: &str, pieces: &[&str]) -> Vec<Vec<u8>> {
        let mut exchange = Exchange { from: from.to_owned().into(), to: to.to_owned().into(), at: 0 };
        let pieces = pieces.iter().map(|piece| {
            let mut segment = Segment::once(piece.to_string().into());
            exchange.segment(&mut segment);
            segment.bytes.to_vec()
        });
        pieces.collect()
    }

    #[test]
    fn another_reply_is_cut_where_the_first_was_or_as_near_to_its_ends() {
        assert_eq!(exchanged("msg-1\n", "msg-2\n", &["m", "sg-", "1", "\n"]), [&b"m"[..], b"sg-", b"2", b"\n"]);
        assert_eq!(exchanged("msg-9\n", "msg-10\n", &["m", "sg-9", "\n"]), [&b"m"[..], b"sg-10", b"\n"]);
        assert_eq!(exchanged("long message\n", "ab\n", &["long message", "\n"]), [&b"ab"[..], b"\n"]);
        assert_eq!(exchanged("a\n", "b\n", &["a\nsurplus"]), [b"b\nsurplus"]);
    }

    #[test]
    fn every_cut_of_another_reply_brings_all_of_it_in_order() {
        let (from, to) = ("0123456789\n", "abcdefghijklmnop\n");
        for (from, to) in [(from, to), (to, from), (from, "\n"), ("\n", from)] {
            for cut in 0..=from.len() {
                let whole = exchanged(from, to, &[&from[..cut], &from[cut..]]).concat();
                assert_eq!(whole, to.as_bytes(), "{from:?} {to:?} {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_part_of_the_reply_stays() {
        assert_eq!(exchanged("msg-1\n", "msg-2\n", &["HTTP/1.1"]), [b"HTTP/1.1"]);
    }
}
