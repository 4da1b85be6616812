//! From steps in messages to a script in bytes.
//!
//! One pass makes one case. Where a step stands for a family the pass asks [`Choices`]; a reason for which the case
//! cannot be played is the error.

mod composing;
mod connections;
mod cutting;
mod describe;
mod expecting;
mod launching;
mod sending;

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::choices::Choices;
use super::file::{Drip, LARGEST, Read, Reading, Repeat, Span, Step};
use super::material::Setting;
use super::wire::Wire;
use super::{Context, Scenario, seed};
use crate::framing::{Idle, Strategy};
use crate::session::{Conn, Errand, Pace, Replies, Script, Step as Action};
use connections::Connections;

/// A case writes at most so many bytes.
const MOST_BYTES: usize = 2 * LARGEST as usize;
/// A case has at most so many steps and segments.
const MOST_PIECES: usize = 200_000;

/// What is to happen meanwhile takes longer on a slow machine; a pause of so long is enough for it on any, and as long as
/// it is meant to be.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// What one pass makes.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) script: Script,
    pub(super) stimulus: Vec<String>,
    pub(super) alive: bool,
}

/// What stays the same from pass to pass.
#[derive(Debug)]
pub(super) struct Variant<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) context: &'a Context<'a>,
    /// The scenario's id with the values of its matrix: what payloads are drawn from.
    pub(super) name: &'a str,
    /// The steps with all variables put in. Passes tell them apart by their addresses.
    pub(super) steps: &'a [Step],
}

/// What passes share: families of cuts send the same bytes.
#[derive(Debug, Default)]
pub(super) struct Memo {
    wires: Vec<Rc<Wire>>,
}

/// One pass.
#[derive(Debug)]
struct Compiler<'a> {
    variant: &'a Variant<'a>,
    choices: &'a mut Choices,
    memo: &'a mut Memo,
    /// How many wires and random numbers this pass has used.
    wires: usize,
    draws: usize,
    connections: Connections,
    actions: Vec<Action>,
    stimulus: Vec<String>,
    /// The round of the innermost repetition, from 1, and how many repetitions there are around.
    round: u32,
    depth: usize,
    /// Inside a later round: what is done was described in the first.
    silent: bool,
    /// How much longer than usual the case may last.
    patience: Duration,
    weight: usize,
    pieces: usize,
    /// The most messages that one step sends.
    batch: u32,
    alive: bool,
    /// In which way a mutation has rewritten what.
    ways: Vec<(&'static str, Bytes, usize)>,
    /// What the client under test is started for, if it is one.
    errand: Option<Errand>,
}

/// Makes one case.
pub(super) fn compile(variant: &Variant<'_>, choices: &mut Choices, memo: &mut Memo) -> Result<Compiled, String> {
    let mut compiler = Compiler {
        variant,
        choices,
        memo,
        wires: 0,
        draws: 0,
        connections: Connections::default(),
        actions: Vec::new(),
        stimulus: Vec::new(),
        round: 1,
        depth: 0,
        silent: false,
        patience: Duration::ZERO,
        weight: 0,
        pieces: 0,
        batch: 0,
        alive: false,
        ways: Vec::new(),
        errand: None,
    };
    compiler.steps(variant.steps)?;
    compiler.finish()
}

/// Of the time for which a target is declared to wait a pause may last so much (D16).
const LONGEST_IDLE: f64 = 0.8;

/// What a slow target would be busy with for so long is left to thorough runs; where reports are compared, only what a
/// quick one on a busy machine never is.
const TOO_LONG: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];

/// What is read in drops for longer than this is left out: a fixed length may be a mebibyte.
const TOO_MANY_DROPS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(20)];

/// Why a case would keep even a quick target for too long.
fn too_many_drops(script: &Script, context: &Context<'_>) -> Option<String> {
    let awaits = |step: &Action, conn: Conn| matches!(step, Action::Await { conns, .. } if conns.contains(&conn));
    let is_awaited = |conn: Conn| script.steps.iter().any(|step| awaits(step, conn));
    let demands = script.demands().into_iter().filter(|(conn, _)| is_awaited(*conn));
    let drops = demands.map(|(_, demand)| demand.read_in).max()?;
    let most = TOO_MANY_DROPS[usize::from(context.thorough)].mul_f64(context.time_scale.max(1.0));
    let seconds = drops.as_secs();
    (drops > most).then(|| format!("messages of this framing would be read in drops for {seconds} s"))
}

/// Why a case is not worth the time of so slow a target.
fn too_long(script: &Script, context: &Context<'_>) -> Option<String> {
    let effort = context.tempo.effort.of_the_slow(context.time_scale);
    let replies = script.demands().into_values().map(|demand| effort.on_one(demand.messages, demand.bytes)).max();
    let segments = script.segments().into_values().max().unwrap_or(0);
    let lasts = replies?.max(effort.segment.saturating_mul(segments));
    let too_long = TOO_LONG[usize::from(context.patient)].mul_f64(context.time_scale);
    let is_too_long = !context.thorough && lasts > too_long;
    is_too_long.then(|| "takes too long with a target that is so slow; --thorough plays it".to_owned())
}

impl<'a> Compiler<'a> {
    fn finish(self) -> Result<Compiled, String> {
        let Self { actions, stimulus, alive, errand, .. } = self;
        let context = self.variant.context;
        let client = context.profile.client.as_deref().filter(|_| errand.is_some());
        if context.profile.once && self.connections.most_echoes() > 1 {
            return Err("the target closes a connection after one reply".to_owned());
        }
        let framing = client.map_or(context.framing, |client| &client.requests);
        let streams = matches!(framing.strategy(), Strategy::Raw | Strategy::Close) || context.profile.partial;
        let replies = match client {
            Some(_) if streams => Replies::Payloads,
            Some(_) => Replies::messages(framing, &actions),
            None if streams => Replies::Stream,
            None => Replies::framed(framing, &actions),
        };
        // A MiB a second there and back, and 10 ms for each segment, come on top.
        let transfer = Duration::from_millis((self.weight / 1024 * 2 + self.pieces * 10) as u64);
        let bound = context.tempo.case + self.patience + transfer;
        let script = Script { steps: actions, replies, bound, errand };
        match too_long(&script, context).or_else(|| too_many_drops(&script, context)) {
            Some(reason) => Err(reason),
            None => Ok(Compiled { script, stimulus, alive }),
        }
    }

    fn steps(&mut self, steps: &'a [Step]) -> Result<(), String> {
        for (index, step) in steps.iter().enumerate() {
            self.step(step, &steps[index + 1..])?;
        }
        Ok(())
    }

    fn step(&mut self, step: &'a Step, later: &'a [Step]) -> Result<(), String> {
        match step {
            Step::Launch(launch) => self.launch(launch),
            Step::Connect(connect) => self.connect(connect),
            Step::Send(send) => self.send(send, later),
            Step::Pause(span) => self.pause(*span.given()?),
            Step::Read(read) => self.read(read),
            Step::HalfClose(name) => self.half_close(name),
            Step::Close(name) => self.close(name),
            Step::Reset(name) => self.reset(name),
            Step::Urgent(name) => self.urgent(name),
            Step::Expect(expect) => self.expect(expect),
            Step::Repeat(repeat) => self.repeat(repeat),
        }
    }

    fn pause(&mut self, span: Span) -> Result<(), String> {
        let length = self.drawn(span);
        let behaviour = self.variant.context.framing.behaviour();
        let limits = behaviour.idle.into_iter().chain(behaviour.deadline).filter_map(Idle::time);
        let longest = limits.min().map_or(Duration::MAX, |limit| limit.mul_f64(LONGEST_IDLE));
        if length > longest {
            return Err(format!(
                "a pause of {span} is too long for a target that ends a connection sooner (idle=, deadline=)"
            ));
        }
        let length = self.lasting(length).min(longest);
        self.say(&format!("pause {span}"));
        self.patience += length;
        self.act(Action::Pause(length))
    }

    fn read(&mut self, read: &Read) -> Result<(), String> {
        let pace = match read.pace.given()? {
            Reading::Eager => Pace::Eager,
            Reading::Stopped => Pace::Stopped,
            Reading::Drip(Drip { bytes, every }) => {
                let every = self.drawn(*every.given()?);
                let (bytes, every) = (*bytes.given()? as usize, self.scaled(every));
                Pace::Drip { bytes: bytes.max(1), every }
            }
        };
        let name = read.on.as_deref().unwrap_or(connections::FIRST);
        let found = self.open_or_find(name)?;
        self.say(&format!("{name}: {}", describe::pace(pace)));
        found.into_iter().try_for_each(|live| {
            let conn = self.connections.live(live).conn;
            self.connections.live_mut(live).pace = pace;
            self.act(Action::Read { conn, pace })
        })
    }

    fn repeat(&mut self, repeat: &'a Repeat) -> Result<(), String> {
        let waits = repeat.steps.iter().any(|step| matches!(step, Step::Expect(_)));
        let rounds = if waits { self.variant.context.tempo.rounds } else { u32::MAX };
        let times = (*repeat.times.given()?).min(rounds);
        let most = *repeat.times.given()?;
        // How many fewer a slow target gets varies from run to run.
        self.say(&if waits { format!("up to {most} times:") } else { format!("{most} times:") });
        let (round, silent) = (self.round, self.silent);
        self.depth += 1;
        for number in 1..=times {
            self.round = number;
            let names = self.connections.names();
            self.steps(&repeat.steps)?;
            self.close_fresh(&names)?;
            self.silent = true;
        }
        self.depth -= 1;
        (self.round, self.silent) = (round, silent);
        Ok(())
    }

    /// Adds a step to the script.
    fn act(&mut self, action: Action) -> Result<(), String> {
        self.pieces += match &action {
            Action::Send { segments, .. } => segments.len() + 1,
            _ => 1,
        };
        if self.pieces > MOST_PIECES {
            return Err(format!("the case has more than {MOST_PIECES} steps and segments"));
        }
        self.actions.push(action);
        Ok(())
    }

    /// Adds a line to the description.
    fn say(&mut self, line: &str) {
        if !self.silent {
            self.stimulus.push(format!("{}{line}", "  ".repeat(self.depth)));
        }
    }

    /// A time in the file, drawn where it is a range.
    fn drawn(&mut self, span: Span) -> Duration {
        if span.from == span.to { span.from } else { seed::time(&mut self.generator(), span) }
    }

    fn scaled(&self, time: Duration) -> Duration {
        time.mul_f64(self.variant.context.time_scale)
    }

    /// A time that is part of what is done to the target: whoever waits for it may have a deadline that is not ours to scale.
    fn lasting(&self, time: Duration) -> Duration {
        self.scaled(time).min(time.max(LONG_PAUSE))
    }

    /// A generator that no other place in no other case has.
    fn generator(&mut self) -> rand_chacha::ChaCha8Rng {
        self.draws += 1;
        let name = format!("{}[{}]/{}", self.variant.name, self.choices.labels().join(","), self.draws);
        seed::generator(self.variant.context.seed, &name)
    }

    /// The wire that this pass needs next: made in the first pass, the same in all others.
    fn wire(
        &mut self,
        make: impl FnOnce(&Self, Setting<'_>) -> Result<Wire, String>,
        number: usize,
    ) -> Result<Rc<Wire>, String> {
        let index = self.wires;
        self.wires += 1;
        if let Some(wire) = self.memo.wires.get(index) {
            return Ok(Rc::clone(wire));
        }
        let name = format!("{}/bytes/{index}", self.variant.name);
        let setting = Setting { context: self.variant.context, number, round: self.round, name: &name };
        let wire = Rc::new(make(self, setting)?);
        self.memo.wires.push(Rc::clone(&wire));
        Ok(wire)
    }
}
