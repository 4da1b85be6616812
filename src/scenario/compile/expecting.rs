//! The step that waits.

use std::time::Duration;

use super::super::file::{Expect, Span, What};
use super::super::material::pattern;
use super::super::wire::Wire;
use super::connections::FIRST;
use super::{Compiler, describe};
use crate::framing::{Over, Strategy};
use crate::session::{Duty, Pace, Promise, Segment, Step as Action, Until};

/// Messages of a fixed length of at least so many bytes hold what a scenario says in a few words.
const SHORTEST: u64 = 16;

impl Compiler<'_> {
    pub(super) fn expect(&mut self, expect: &Expect) -> Result<(), String> {
        if expect.any == [super::super::file::Slot::Given(What::Message)] {
            return self.expect_message(expect);
        }
        let any: Vec<_> = expect.any.iter().map(|what| what.given().copied()).collect::<Result<_, _>>()?;
        let within = expect.within.as_ref().map(|span| span.given().copied()).transpose()?;
        if any == [What::Alive] {
            self.say("expect that a fresh connection is served");
            return self.expect_alive(within);
        }
        let names = if expect.on.is_empty() { vec![FIRST.to_owned()] } else { expect.on.clone() };
        self.say(&describe::expect(&names, &any, within));
        let prompt = self.prompt(within);
        if self.is_never_closed(&any) {
            return Ok(());
        }
        if any.contains(&What::Left) && self.errand.is_none() {
            return Err("`left` without a `launch` before it".to_owned());
        }
        let framing = self.variant.context.framing;
        let is_short = framing.strategy() == Strategy::Fixed && framing.largest().is_some_and(|size| size < SHORTEST);
        if any.contains(&What::Prompt) && is_short {
            return Err("a message of this scenario is several of this length, answered one by one".to_owned());
        }
        let mut any = any.into_iter().map(|what| until(what, prompt)).collect::<Result<Vec<_>, _>>()?;
        let lives: Vec<_> = names.iter().map(|name| self.open_or_find(name)).collect::<Result<_, _>>()?;
        let lives = lives.concat();
        // What is refused may be refused with RST where that is declared (D15).
        let resets = self.variant.context.profile.over == Some(Over::Reset);
        if resets && lives.iter().all(|live| self.connections.live(*live).oversize) {
            any.iter_mut().filter(|until| **until == Until::End).for_each(|until| *until = Until::Closed);
        }
        self.await_all(&lives, any, within)?;
        Ok(())
    }

    pub(super) fn await_all(&mut self, lives: &[usize], any: Vec<Until>, within: Option<Span>) -> Result<(), String> {
        let conns: Vec<_> = lives.iter().map(|live| self.connections.live(*live).conn).collect();
        let least = within.filter(|span| span.from < span.to).map(|span| self.scaled(span.from));
        if let Some(least) = least.filter(|least| *least > Duration::ZERO) {
            self.patience += least;
            self.act(Action::Await { conns: conns.clone(), any: vec![Until::Silence], within: least })?;
        }
        let within = match within {
            // A client waits through the silence of its server.
            Some(span) if self.errand.is_some() && any.contains(&Until::Silence) => self.lasting(span.to),
            Some(span) => self.scaled(span.to).saturating_sub(least.unwrap_or_default()),
            None => self.usual(&any),
        };
        self.patience += within + self.reading_time(lives);
        self.act(Action::Await { conns, any, within })
    }

    /// What a round trip may take: a batch as many times longer as there are messages in it, where each costs something.
    fn prompt(&self, within: Option<Span>) -> Duration {
        let tempo = self.variant.context.tempo;
        let work = tempo.effort.on_one(self.batch.saturating_sub(1), self.weight as u64);
        within.map_or(Duration::ZERO, |span| self.scaled(span.to)).max(tempo.prompt) + work
    }

    /// How long to wait where the file does not say.
    fn usual(&self, any: &[Until]) -> Duration {
        let tempo = self.variant.context.tempo;
        match () {
            () if any.contains(&Until::Silence) => tempo.quiet,
            // Longer than any pause of a busy machine, shorter than what a case may cost.
            () if any.contains(&Until::Stalled) => tempo.quiet * 2,
            () => tempo.reply_to(self.weight as u64),
        }
    }

    /// How long it takes to read what was sent where reading is slow on purpose.
    fn reading_time(&self, lives: &[usize]) -> Duration {
        let slow = lives.iter().map(|live| match self.connections.live(*live).pace {
            Pace::Drip { bytes, every } => every * u32::try_from(self.weight / bytes + 1).unwrap_or(u32::MAX),
            _ => Duration::ZERO,
        });
        slow.max().unwrap_or_default().min(Duration::from_secs(3600))
    }

    /// A fresh connection gets a plain message back.
    fn expect_alive(&mut self, within: Option<Span>) -> Result<(), String> {
        self.alive = true;
        self.make_room()?;
        let context = self.variant.context;
        let wire = self.wire(|_, _| alive(context), 0)?;
        let live = self.open_one(None)?;
        let conn = self.connections.live(live).conn;
        let promises = wire.messages.iter().map(|message| Promise::once(message.payload.clone(), Duty::Echo)).collect();
        let segments = vec![Segment::once(wire.bytes.clone())];
        // Those that came before may still wait to be accepted, one after another.
        let queue = context.tempo.effort.message.saturating_mul(self.connections.count() as u32);
        let reply = context.tempo.reply + queue;
        self.act(Action::Send { conn, promises, segments, within: Some(reply) })?;
        if context.framing.strategy() == Strategy::Close {
            self.shut_down(live)?;
        }
        let within = within.map_or(reply, |span| self.scaled(span.to) + queue);
        self.patience += within;
        self.act(Action::Await { conns: vec![conn], any: vec![Until::Echo], within })?;
        self.close_one(live)
    }
}

fn until(what: What, prompt: Duration) -> Result<Until, String> {
    Ok(match what {
        What::Echo | What::Message => Until::Echo,
        What::Silence => Until::Silence,
        What::End => Until::End,
        What::Closed => Until::Closed,
        What::Refused => Until::Refused,
        What::Left => Until::Left,
        What::Stalled => Until::Stalled,
        What::Prompt => Until::Prompt(prompt),
        What::Same => Until::Same,
        What::Bytes(count) => Until::Bytes(count),
        What::Alive => return Err("`alive` among others".to_owned()),
    })
}

/// A plain message that every framing carries.
fn alive(context: &super::Context<'_>) -> Result<Wire, String> {
    let text = b"alive?".to_vec();
    if context.framing.carries(&text) && context.profile.limit.is_none_or(|limit| limit >= text.len() as u64) {
        return Wire::messages(context, vec![text], false);
    }
    let sample = Wire::sample(context, text.len() as u64);
    sample.or_else(|_| {
        Wire::messages(context, vec![pattern(context.framing, context.framing.smallest() as usize)], false)
    })
}
