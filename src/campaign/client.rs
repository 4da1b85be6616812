//! A client under test: a few plain sessions measure it, and then the same engine plays its scenarios.

mod blame;
mod greeting;
mod limit;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::calibrate::Calibration;
use super::outcome::Outcome;
use super::probe::{plain, received};
use super::run::{Field, FramingRun};
use super::schedule::Schedule;
use super::stoppable::Stoppable;
use super::unfit::PlainFailure;
use super::{Options, Unfit, Watcher};
use crate::framing::{After, Deframer, Framing, Strategy};
use crate::oracle::{Judgement, judge};
use crate::profile::{ClientProfile, Profile, Tempo, Told};
use crate::scenario::Scenario;
use crate::session::{
    Conn, Departure, Duty, Errand, Event, Failure, Host, Promise, Replies, Report, Script, Segment, Step, Trace, Until,
};
use crate::transport::Transport;
pub(super) use blame::blame;
use blame::{HABITS, LATE, leave_to_the_message, leave_to_the_reply};
use greeting::{Greeting, closing, kept, pace};

/// So many plain sessions are played first.
const GREETINGS: usize = 3;

/// How long a client may take to close, at least.
const CLOSES: Duration = Duration::from_secs(1);

/// The bound on one session, but for what belongs to its scenario and its client.
const SESSION: Duration = Duration::from_secs(30);

/// How long a client may take to come at first: a virtual machine warms up.
const FIRST: Duration = Duration::from_secs(10);

/// For how many times the usual quiet a server waits for what a client does meanwhile, at most: the client has a deadline, too.
const LONGEST_QUIET: f64 = 4.0;

/// What is wrong with what a client sends; the rest of a session says nothing then.
const ABOUT_MESSAGE: &[&str] = &[
    "altered-reply",
    "closed-early",
    "flood",
    "malformed-reply",
    "no-handshake",
    "no-reply",
    "not-connected",
    "unasked-reply",
    "unended-message",
    "unfinished-reply",
];

/// What is known of a client before it is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Introduction {
    /// How it is told its message.
    pub told: Told,
    /// Whether what it prints is to be looked at.
    pub prints: bool,
    /// Whether there is a name with an address of either family, to send it to.
    pub two_addresses: bool,
}

impl Introduction {
    /// Nobody can speak to it: it comes by itself.
    pub const NONE: Self = Self { told: Told::Nothing, prints: false, two_addresses: false };
}

/// Judges a client under one framing. The transport accepts its connections and starts it once a script.
pub async fn run_client<T: Transport, W: Watcher>(
    transport: &T,
    watcher: &W,
    declared: &Framing,
    scenarios: &[Scenario],
    options: &Options,
    introduction: Introduction,
) -> FramingRun {
    let transport = &Stoppable { transport, watcher };
    let framing = &declared.without_keep();
    watcher.phase("measuring the client", 0);
    let lab = Lab { transport, framing, introduction, scale: options.time_scale };
    let mut calibration = match lab.calibrate().await {
        Ok(calibration) => calibration,
        Err(unfit) => {
            let outcomes = unfit_outcomes(&unfit, framing, scenarios, options, introduction);
            return FramingRun { framing: declared.clone(), calibration: Err(unfit), outcomes };
        }
    };
    let largest = Schedule::new(framing, &calibration, scenarios, options).largest;
    calibration.profile.limit = lab.limit(&calibration, largest).await;
    let schedule = Schedule::new(framing, &calibration, scenarios, options);
    watcher.phase("judging", schedule.cases);
    let field = Field::new(transport, watcher, framing, &calibration, options);
    let mut outcomes = field.play_all(&schedule).await;
    field.settle(scenarios, &mut outcomes).await;
    leave_to_the_message(&mut outcomes);
    leave_to_the_reply(&mut outcomes);
    FramingRun { framing: declared.clone(), calibration: Ok(calibration), outcomes }
}

/// Measures a client that is sent messages of up to `largest` bytes.
pub(crate) async fn measure_client(
    transport: &impl Transport,
    framing: &Framing,
    introduction: Introduction,
    scale: f64,
    largest: u64,
) -> Result<Calibration, Unfit> {
    let lab = Lab { transport, framing, introduction, scale };
    let mut calibration = lab.calibrate().await?;
    calibration.profile.limit = lab.limit(&calibration, largest).await;
    Ok(calibration)
}

struct Lab<'a, T> {
    transport: &'a T,
    framing: &'a Framing,
    introduction: Introduction,
    scale: f64,
}

impl<T: Transport> Lab<'_, T> {
    async fn calibrate(&self) -> Result<Calibration, Unfit> {
        let mut greetings = Vec::new();
        if self.introduction.told == Told::Nothing {
            for number in 0..GREETINGS {
                greetings.push(self.greet(number).await); // they come one after another
            }
        } else {
            greetings = join_all((0..GREETINGS).map(|number| self.greet(number))).await;
        }
        if greetings.iter().any(Greeting::is_ours) {
            return Err(Unfit::Unreachable(Failure::Ours));
        }
        let comes = self.introduction.told == Told::Nothing;
        let own = if comes { last_message(self.framing, &greetings) } else { own_message(self.framing, &greetings) };
        if let Some(own) = own.as_ref().filter(|_| !comes) {
            greetings = vec![self.greeted(own.to_vec(), Bytes::copy_from_slice(own)).await];
        }
        let misunderstood = greetings.iter().all(|greeting| is_about_message(&greeting.judgement));
        match greetings.pop_if(|_| misunderstood) {
            Some(last) => Err(last.unfit()),
            None => Ok(self.measured(&greetings, own, self.how_told().await)),
        }
    }

    /// How the client is told its message, by what it makes of one that is no text.
    async fn how_told(&self) -> Told {
        if self.introduction.told != Told::Environment {
            return self.introduction.told;
        }
        let mut message = plain(self.framing, 0);
        message.fill(0xfe);
        let reads_hex = self.framing.carries(&message)
            && self.greeted(message.clone(), message.into()).await.judgement.breaches.is_empty();
        if reads_hex { Told::Hex } else { Told::Text }
    }

    fn measured(&self, greetings: &[Greeting], own: Option<Bytes>, told: Told) -> Calibration {
        let all = |so: fn(&Greeting) -> bool| greetings.iter().all(so);
        let slowest = greetings.iter().map(|greeting| pace(&greeting.trace)).max().unwrap_or_default();
        let tempo = Tempo::for_round_trip(slowest);
        // Processes share the machine with each other, and a session's close is nobody's bottleneck.
        let reply = tempo.reply.max(CLOSES);
        let tempo = Tempo { reply, case: SESSION + reply * 10, ..tempo }.scaled(self.scale);
        let waits_for_end =
            all(Greeting::waits_for_end) && greetings.iter().all(|greeting| closing(&greeting.trace) <= tempo.reply);
        // It is declared that its server keeps the connection, and so the client has to close first.
        let is_kept = self.framing.behaviour().after == Some(After::Keep);
        let rules = |greeting: &Greeting| {
            let broken = greeting.judgement.breaches.iter().map(|breach| breach.rule.as_str());
            let is_late = closing(&greeting.trace) > tempo.reply || waits_for_end && is_kept;
            let late = if is_late { LATE } else { &[] };
            let rules = broken.chain(late.iter().copied());
            let rules = rules.filter(|rule| HABITS.contains(rule));
            rules.map(str::to_owned).collect::<Vec<_>>()
        };
        let habitual = greetings
            .iter()
            .map(rules)
            .reduce(|some, more| some.into_iter().filter(|rule| more.contains(rule)).collect());
        let mut printed = greetings.iter().map(Greeting::prints);
        let first = printed.next().flatten();
        let prints = first.filter(|first| printed.all(|other| other == Some(*first)));
        let most = |taken: fn(&Departure) -> Option<u64>| {
            greetings.iter().filter_map(|greeting| taken(greeting.trace.departure()?)).max()
        };
        let mut profile = Profile::declared(self.framing);
        profile.client = Some(Box::new(ClientProfile {
            requests: self.framing.clone(),
            replies: self.framing.reply().into_owned(),
            told,
            varies: own.is_some() && do_vary(self.framing, greetings),
            own,
            half_closes: self.framing.strategy() == Strategy::Close || all(Greeting::half_closes),
            // What comes later than it has to has another cause.
            waits_for_end: waits_for_end && !is_kept,
            closes_after: steady(greetings).filter(|kept| *kept > tempo.reply),
            prints: prints.filter(|_| self.introduction.prints).map(Bytes::from_static),
            memory: most(|departure| departure.memory),
            space: most(|departure| departure.space),
            cpu: most(|departure| departure.cpu),
            dawdles: all(Greeting::dawdles),
            habitual: habitual.unwrap_or_default(),
            two_addresses: self.introduction.two_addresses,
        }));
        Calibration { profile, tempo, round_trip: slowest, sound: true, died_of: None, end: None }
    }

    async fn greet(&self, number: usize) -> Greeting {
        let message = plain(self.framing, number);
        self.greeted(message.clone(), message.into()).await
    }

    async fn greeted(&self, message: Vec<u8>, due: Bytes) -> Greeting {
        self.hurried(message, due, Tempo::PATIENT.scaled(self.scale.min(LONGEST_QUIET)).quiet).await
    }

    /// `quiet`: how long the server waits to see which side ends first.
    async fn hurried(&self, message: Vec<u8>, due: Bytes, quiet: Duration) -> Greeting {
        let script = self.greeting(due, quiet);
        let trace = self.transport.run(script.clone()).await;
        let judgement = judge(&script, &trace);
        Greeting { message, script, trace, judgement }
    }

    /// A plain session in which either side may close first: the client is waited for, and then the server ends.
    fn greeting(&self, message: Bytes, quiet: Duration) -> Script {
        let tempo = Tempo::PATIENT.scaled(self.scale);
        let conn = Conn(0);
        let mut frame = Vec::new();
        // What cannot be encoded is not sent back: a plain message can.
        let _ = self.framing.reply().encode_unlimited(&message, &mut frame);
        let wait = |any: Vec<Until>, within| Step::Await { conns: vec![conn], any, within };
        let mut steps = vec![
            Step::Connect { conn, receive_buffer: None },
            Step::Send {
                conn,
                promises: vec![Promise::once(message.clone(), Duty::Echo)],
                segments: Vec::new(),
                within: None,
            },
            wait(vec![Until::Echo], tempo.reply),
            if self.framing.strategy() == Strategy::Close {
                wait(vec![Until::End], tempo.reply) // it ends the message
            } else {
                Step::Pause(quiet) // a FIN that follows the message at once belongs to it
            },
            Step::Send {
                conn,
                promises: Vec::new(),
                segments: vec![Segment::once(frame.into())],
                within: Some(tempo.reply),
            },
        ];
        if self.framing.strategy() != Strategy::Close {
            steps.push(Step::Pause(quiet * 2));
        }
        steps.push(Step::Shutdown(conn));
        steps.push(wait(vec![Until::End], tempo.reply));
        let payloads = matches!(self.framing.strategy(), Strategy::Raw | Strategy::Close);
        let replies = if payloads { Replies::Payloads } else { Replies::messages(self.framing, &steps) };
        let errand = Errand {
            message,
            host: Host::Listening,
            report: Report::Success,
            prints: None,
            half_closes: true, // perhaps
            leaves_within: tempo.reply,
            memory: None,
            space: None,
            cpu: None,
            patient: false,
        };
        Script { steps, replies, bound: tempo.case + FIRST, errand: Some(errand) }
    }
}

/// For how long the client keeps the connection behind every reply, where that is the same each time: a busy machine would not
/// be so steady.
fn steady(greetings: &[Greeting]) -> Option<Duration> {
    let kept: Option<Vec<_>> = greetings.iter().map(|greeting| kept(&greeting.trace)).collect();
    let kept = kept.filter(|kept| kept.len() == GREETINGS)?;
    let (least, most) = (*kept.iter().min()?, *kept.iter().max()?);
    (most.saturating_sub(least) < least / 20).then_some(least)
}

fn is_about_message(judgement: &Judgement) -> bool {
    judgement.breaches.iter().any(|breach| ABOUT_MESSAGE.contains(&breach.rule.as_str()))
}

/// The last message that came, where somebody else says what it is.
fn last_message(framing: &Framing, greetings: &[Greeting]) -> Option<Bytes> {
    greetings.iter().rev().find_map(|greeting| first_message(framing, &greeting.trace))
}

/// Whether the messages that came are not all the same.
fn do_vary(framing: &Framing, greetings: &[Greeting]) -> bool {
    let mut sent = greetings.iter().filter_map(|greeting| first_message(framing, &greeting.trace));
    sent.next().is_some_and(|first| sent.any(|other| other != first))
}

/// The message that the client sends whatever it is told, if it does.
fn own_message(framing: &Framing, greetings: &[Greeting]) -> Option<Bytes> {
    let mut sent = greetings.iter().map(|greeting| first_message(framing, &greeting.trace));
    let first = sent.next().flatten()?;
    let told = greetings.iter().any(|greeting| greeting.message == first);
    let always = sent.all(|other| other.as_deref() == Some(&first[..]));
    (always && !told).then_some(first)
}

fn first_message(framing: &Framing, trace: &Trace) -> Option<Bytes> {
    let bytes = received(trace, Conn(0)).map(Bytes::as_ref).collect::<Vec<_>>().concat();
    if framing.strategy() == Strategy::Raw || framing.strategy() == Strategy::Close {
        return Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty());
    }
    let mut deframer = Deframer::new(framing);
    deframer.push(&bytes);
    let frame = deframer.next_frame()?.ok()?.payload;
    deframer.rest().is_empty().then(|| frame.into())
}

/// A client that does not send a plain message rightly: nothing else can be said of it.
fn unfit_outcomes(
    unfit: &Unfit,
    framing: &Framing,
    scenarios: &[Scenario],
    options: &Options,
    introduction: Introduction,
) -> Vec<Outcome> {
    let Unfit::Mute { trace, judgement, .. } = unfit else { return Vec::new() };
    let has = |event: &Event| trace.records.iter().any(|record| record.event == *event);
    let (came, again) = (has(&Event::Connected), has(&Event::Again));
    let is_silent = received(trace, Conn(0)).next().is_none();
    let is_open = judgement.breaches.iter().any(|breach| breach.rule == "unended-message");
    let basic: &[&str] = match () {
        // What it has to say, it may say on the other one.
        () if !came || again && is_silent => &["CLI-01"],
        () if again => &["CLI-01", "CLI-03"],
        () if is_open => &["CLI-03", "CLI-20"],
        () => &["CLI-03"],
    };
    let failure = PlainFailure {
        trace,
        judgement,
        basic,
        stimulus: &["start the client with a plain message, and wait for it"],
        reason: &format!(
            "the client does not send a plain message rightly ({}){}",
            basic.join(", "),
            if came { "" } else { PLACE }
        ),
    };
    let mut profile = Profile::declared(framing);
    profile.client = Some(Box::new(ClientProfile::unknown(framing, introduction.told)));
    failure.outcomes(profile, framing, scenarios, options)
}

/// What is said of one that has not come, and may not know where to.
const PLACE: &str =
    "; {host} and {port} in its command, ECHOSPEC_HOST and ECHOSPEC_PORT in its environment say where its server is";
