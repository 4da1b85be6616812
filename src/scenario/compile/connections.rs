//! The connections of a case: names and groups, what is open, what each has carried.

use std::rc::Rc;

use super::super::file::{Connect, Size};
use super::super::wire::Wire;
use super::{Compiler, describe};
use crate::session::{Conn, Pace, Step as Action};

/// The connection that is meant if none is named.
pub(super) const FIRST: &str = "a";

/// All connections that the pass has opened.
#[derive(Debug, Default)]
pub(super) struct Connections {
    lives: Vec<Live>,
    /// Names and groups in use.
    names: Vec<(String, Vec<usize>)>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) conn: Conn,
    state: State,
    /// How it is read.
    pub(super) pace: Pace,
    /// How many messages on it must come back.
    pub(super) echoes: usize,
    /// Whether it has carried a message; close framing carries one.
    pub(super) spoken: bool,
    /// Whether it has carried a message over the maximum.
    pub(super) oversize: bool,
    pub(super) held: Option<Held>,
}

/// What an `until` holds back.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) wire: Rc<Wire>,
    pub(super) from: usize,
    /// Whether it ends a message that FIN must follow.
    pub(super) ends_with_fin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Our FIN was sent: the target has nothing more to wait for.
    Finished,
    Gone,
}

impl Connections {
    /// How many were opened so far.
    pub(super) fn count(&self) -> usize {
        self.lives.len()
    }

    pub(super) fn live(&self, index: usize) -> &Live {
        &self.lives[index]
    }

    pub(super) fn live_mut(&mut self, index: usize) -> &mut Live {
        &mut self.lives[index]
    }

    pub(super) fn most_echoes(&self) -> usize {
        self.lives.iter().map(|live| live.echoes).max().unwrap_or(0)
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<Vec<usize>> {
        self.names.iter().find(|(known, _)| known == name).map(|(_, lives)| lives.clone())
    }

    fn open(&self) -> Vec<usize> {
        (0..self.lives.len()).filter(|index| self.lives[*index].state == State::Open).collect()
    }

    fn not_gone(&self) -> Vec<usize> {
        (0..self.lives.len()).filter(|index| self.lives[*index].state != State::Gone).collect()
    }

    pub(super) fn finish(&mut self, index: usize) {
        if self.lives[index].state == State::Open {
            self.lives[index].state = State::Finished;
        }
    }
}

impl Compiler<'_> {
    pub(super) fn connect(&mut self, connect: &Connect) -> Result<(), String> {
        let count = connect.count.as_ref().map_or(Ok(&1), |count| count.given())?;
        let buffer = connect.receive_buffer.as_ref().map(|size| size.given()).transpose()?;
        let receive_buffer = match buffer {
            None => None,
            Some(Size::Bytes(bytes)) => u32::try_from(*bytes).ok(),
            Some(size) => return Err(format!("{size} is no size for a receive buffer")),
        };
        self.say(&describe::connect(&connect.on, *count, receive_buffer));
        self.open_group(&connect.on, *count, receive_buffer)
    }

    pub(super) fn open_group(&mut self, name: &str, count: u32, receive_buffer: Option<u32>) -> Result<(), String> {
        if self.connections.find(name).is_some_and(|lives| lives.iter().any(|live| !self.is_gone(*live))) {
            return Err(format!("the connection `{name}` is opened twice"));
        }
        let group: Result<Vec<_>, _> = (0..count.max(1)).map(|_| self.open_one(receive_buffer)).collect();
        self.connections.names.retain(|(known, _)| known != name);
        self.connections.names.push((name.to_owned(), group?));
        Ok(())
    }

    pub(super) fn open_one(&mut self, receive_buffer: Option<u32>) -> Result<usize, String> {
        let (open, profile) = (self.connections.open().len(), self.variant.context.profile);
        if open + 1 > profile.share() {
            return Err(match profile.share() {
                1 => "needs several connections at once; the target serves one at a time".to_owned(),
                share => format!(
                    "needs more than {share} connections at once, the share of one case with a target that serves {}",
                    profile.conns
                ),
            });
        }
        let index = self.connections.lives.len();
        let conn = Conn(u16::try_from(index).map_err(|_| "the case opens more than 65536 connections")?);
        self.connections.lives.push(Live {
            conn,
            state: State::Open,
            pace: Pace::Eager,
            echoes: 0,
            spoken: false,
            oversize: false,
            held: None,
        });
        self.act(Action::Connect { conn, receive_buffer })?;
        Ok(index)
    }

    pub(super) fn is_serial(&self) -> bool {
        self.variant.context.profile.conns <= 1
    }

    fn is_gone(&self, live: usize) -> bool {
        self.connections.lives[live].state == State::Gone
    }

    /// The connections of a name, opened now if this is its first use.
    pub(super) fn open_or_find(&mut self, name: &str) -> Result<Vec<usize>, String> {
        if self.connections.find(name).is_none() {
            self.open_group(name, 1, None)?;
        }
        let found = self.connections.find(name).unwrap_or_default();
        if found.iter().any(|live| self.is_gone(*live)) {
            return Err(format!(
                "the connection `{name}` is closed already (or had to be, as the target serves one at a time)"
            ));
        }
        Ok(found)
    }

    pub(super) fn half_close(&mut self, name: &str) -> Result<(), String> {
        let found = self.open_or_find(name)?;
        self.say(&format!("{name}: half-close"));
        found.into_iter().try_for_each(|live| self.shut_down(live))
    }

    pub(super) fn shut_down(&mut self, live: usize) -> Result<(), String> {
        self.connections.finish(live);
        self.act(Action::Shutdown(self.connections.live(live).conn))
    }

    pub(super) fn urgent(&mut self, name: &str) -> Result<(), String> {
        let found = self.open_or_find(name)?;
        self.say(&format!("{name}: send a byte of urgent data"));
        found.into_iter().try_for_each(|live| self.act(Action::Urgent(self.connections.live(live).conn)))
    }

    pub(super) fn close(&mut self, name: &str) -> Result<(), String> {
        self.end(name, "close", Action::Close)
    }

    pub(super) fn reset(&mut self, name: &str) -> Result<(), String> {
        self.end(name, "reset", Action::Reset)
    }

    fn end(&mut self, name: &str, verb: &str, action: fn(Conn) -> Action) -> Result<(), String> {
        let found = self.open_or_find(name)?;
        self.say(&format!("{name}: {verb}"));
        found.into_iter().try_for_each(|live| self.part(live, action))
    }

    fn part(&mut self, live: usize, action: fn(Conn) -> Action) -> Result<(), String> {
        self.connections.lives[live].state = State::Gone;
        self.act(action(self.connections.live(live).conn))
    }

    /// Closes one connection without a word.
    pub(super) fn close_one(&mut self, live: usize) -> Result<(), String> {
        if self.is_gone(live) { Ok(()) } else { self.part(live, Action::Close) }
    }

    /// A target that serves one connection at a time can serve the next only when the others are closed.
    pub(super) fn make_room(&mut self) -> Result<(), String> {
        if !self.is_serial() {
            return Ok(());
        }
        self.connections.not_gone().into_iter().try_for_each(|live| self.close_one(live))
    }

    /// At the end of a round: closes and forgets the connections that were opened in it.
    pub(super) fn close_fresh(&mut self, names: &[String]) -> Result<(), String> {
        let known = |name: &String| names.contains(name);
        let (kept, fresh): (Vec<_>, Vec<_>) = self.connections.names.drain(..).partition(|(name, _)| known(name));
        self.connections.names = kept;
        fresh.into_iter().flat_map(|(_, lives)| lives).try_for_each(|live| self.close_one(live))
    }
}
