//! What a run makes of a target that is seen badly, over the simulator.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use echospec::campaign::{self, Calibration, FramingRun, Options, Selection, Watcher};
use echospec::framing::Framing;
use echospec::oracle::Verdict;
use echospec::peer::{Settings, fault};
use echospec::profile::Profile;
use echospec::scenario;
use echospec::session::{Event, Outcome, Proof, Script, Step, Trace};
use echospec::transport::{Simulator, Transport};

/// A right server that reads its segments one by one, which nobody sees while it is blurred.
struct Blurred<'a> {
    server: Simulator,
    is_blurred: &'a AtomicBool,
}

impl Transport for Blurred<'_> {
    async fn run(&self, script: Script) -> Trace {
        let mut trace = self.server.run(script).await;
        for record in &mut trace.records {
            if let (Event::Apart(proof), true) = (&mut record.event, self.is_blurred.load(Ordering::Relaxed)) {
                *proof = Proof::None;
            }
        }
        trace
    }
}

/// Wipes the glass when the run looks again, if it may.
struct Wiper<'a> {
    is_blurred: &'a AtomicBool,
    wipes: bool,
}

impl Watcher for Wiper<'_> {
    fn phase(&self, name: &str, _cases: usize) {
        if self.wipes && name.starts_with("looking again") {
            self.is_blurred.store(false, Ordering::Relaxed);
        }
    }
}

fn verdicts(wipes: bool) -> Vec<Verdict> {
    let framing: Framing = "length:u32be".parse().expect("a framing");
    let is_blurred = &AtomicBool::new(true);
    let target = Blurred { server: Simulator::new(Settings::new(framing.clone())), is_blurred };
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&["segmentation/byte-by-byte".into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let run = runtime.block_on(campaign::run(&target, &Wiper { is_blurred, wipes }, &framing, &scenarios, &options));
    run.outcomes.iter().map(|outcome| outcome.verdict).filter(|verdict| *verdict != Verdict::Skipped).collect()
}

#[test]
fn what_could_not_be_observed_at_first_is_looked_at_once_more() {
    let all = verdicts(true);
    assert!(!all.is_empty() && all.iter().all(|verdict| *verdict == Verdict::Pass), "{all:?}");
}

#[test]
fn what_cannot_be_observed_at_all_stays_open() {
    assert!(verdicts(false).contains(&Verdict::Inconclusive));
}

/// A server with one worker for all its connections: as many as are at work at once, so many times as long it takes.
struct OneWorker {
    server: Simulator,
    at_work: AtomicU32,
}

impl Transport for OneWorker {
    async fn run(&self, script: Script) -> Trace {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let mut trace = self.server.run(script).await;
        let times = self.at_work.fetch_sub(1, Ordering::Relaxed);
        trace.records.iter_mut().for_each(|record| record.at *= times);
        trace
    }
}

struct Nobody;

impl Watcher for Nobody {}

fn run(target: &impl Transport, framing: &Framing, only: &str) -> FramingRun {
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&[only.into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(campaign::run(target, &Nobody, framing, &scenarios, &options))
}

fn calibration(target: &impl Transport, framing: &Framing, only: &str) -> Calibration {
    run(target, framing, only).calibration.expect("it answers")
}

#[test]
fn a_delimiter_that_is_kept_is_judged_by_the_same_bytes() {
    let framing: Framing = "delimiter:lf,keep,max=100,over=close".parse().expect("a framing");
    let run = run(&Simulator::new(Settings::new(framing.clone())), &framing, "DEL-*");
    let of = |wanted| run.outcomes.iter().filter(|outcome| outcome.verdict == wanted).count();
    assert!(of(Verdict::Pass) > 50 && of(Verdict::Fail) + of(Verdict::NotRun) == 0, "{}", of(Verdict::Pass));
}

#[test]
fn wrong_bytes_break_a_must_also_where_it_was_a_should_that_was_asked() {
    let framing: Framing = "lf".parse().expect("a framing");
    for (name, only, broken) in [
        ("replies-out-of-order", "concurrency/order", ["CON-08", "SES-05"].as_slice()),
        ("idle-timeout-500ms", "session/stays-open", &["SES-09"]),
    ] {
        let settings = Settings::new(framing.clone()).with_fault(fault::find(name).expect("a fault"));
        let outcomes = run(&Simulator::new(settings), &framing, only).outcomes;
        let failed = outcomes.iter().find(|outcome| outcome.verdict == Verdict::Fail).expect("it is caught");
        assert_eq!(failed.case.requirements, broken, "{name}");
    }
}

#[test]
fn a_server_that_is_slow_on_each_connection_by_itself_keeps_nobody_waiting() {
    let framing: Framing = "length:u32be".parse().expect("a framing");
    let ticking = fault::find("ten-messages-a-tick").expect("a server that needs 10 ms for each of many");
    let server = || Simulator::new(Settings::new(framing.clone()).with_fault(ticking));
    let by_itself = calibration(&server(), &framing, "SES-02").tempo.effort;
    assert!(by_itself.in_a_batch <= Duration::from_millis(1), "{by_itself:?}");
    let one_worker = OneWorker { server: server(), at_work: AtomicU32::new(0) };
    let shared = calibration(&one_worker, &framing, "SES-02").tempo.effort;
    assert!(shared.in_a_batch >= Duration::from_millis(5), "{shared:?}");
}

#[test]
fn a_limit_that_nobody_declared_is_found_to_the_byte_however_small_it_is() {
    for (limited, max) in [
        ("lf,max=40,over=close", 40),
        ("lf,max=1000,over=close", 1000),
        ("lf,max=40,over=skip", 40),
        ("lf,max=1000,over=skip", 1000),
        ("lf,max=5000,over=skip", 5000),
    ] {
        let target = Simulator::new(Settings::new(limited.parse().expect("a framing")));
        let framing: Framing = "lf".parse().expect("a framing");
        assert_eq!(calibration(&target, &framing, "BYT-13").profile.max, Some(max), "{limited}");
    }
}

/// Lets nobody in while its first client is silent; and where it is serial, nobody but the first.
struct OneAtTheDoor {
    server: Simulator,
    is_serial: bool,
}

impl Transport for OneAtTheDoor {
    async fn run(&self, script: Script) -> Trace {
        let speaks = |step: &Step| matches!(step, Step::Send { conn, .. } if conn.0 == 0);
        let keeps_out = self.is_serial || !script.steps.iter().any(speaks);
        let mut trace = self.server.run(script).await;
        trace.records.retain(|record| !keeps_out || record.conn.0 == 0 || !matches!(record.event, Event::Received(_)));
        trace
    }
}

#[test]
fn whoever_lets_nobody_in_while_one_is_silent_is_no_server_of_one_client_at_a_time() {
    let framing: Framing = "lf".parse().expect("a framing");
    let conns = |is_serial| {
        let server = Simulator::new(Settings::new(framing.clone()));
        calibration(&OneAtTheDoor { server, is_serial }, &framing, "SES-01").profile.conns
    };
    assert_eq!((conns(true), conns(false)), (1, 2));
}

/// Notes the most bytes that a script has sent, and the most messages at once.
struct Noting {
    server: Simulator,
    most: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Noting {
    fn new(settings: Settings) -> Self {
        Self { server: Simulator::new(settings), most: AtomicUsize::new(0), most_at_once: AtomicUsize::new(0) }
    }
}

impl Transport for Noting {
    async fn run(&self, script: Script) -> Trace {
        self.most.fetch_max(script.weight(), Ordering::Relaxed);
        for step in &script.steps {
            if let Step::Send { promises, .. } = step {
                let copies = promises.iter().map(|promise| promise.copies as usize).sum();
                self.most_at_once.fetch_max(copies, Ordering::Relaxed);
            }
        }
        self.server.run(script).await
    }
}

#[test]
fn a_target_that_sends_something_else_back_is_not_measured_at_length() {
    let framing: Framing = "lf".parse().expect("a framing");
    let most = |settings: Settings| {
        let target = Noting::new(settings);
        calibration(&target, &framing, "session/quiet-start");
        target.most.into_inner()
    };
    let right = Settings::new(framing.clone());
    let wrong = right.clone().with_fault(fault::find("upper-case").expect("a fault"));
    let (right, wrong) = (most(right), most(wrong));
    assert!(right >= 4096 && wrong < 4096, "{right} and {wrong} bytes");
}

#[test]
fn what_one_of_many_messages_costs_is_measured_with_many_also_where_the_stream_has_no_frames() {
    for framing in ["raw", "lf", "fixed:16"] {
        let framing: Framing = framing.parse().expect("a framing");
        let target = Noting::new(Settings::new(framing.clone()));
        calibration(&target, &framing, "session/quiet-start");
        assert!(target.most_at_once.into_inner() >= 512, "{framing}");
    }
}

/// Large messages come back behind small ones that were sent after them.
struct Overtaking(Simulator);

impl Transport for Overtaking {
    async fn run(&self, script: Script) -> Trace {
        let goes_on = script.steps.iter().any(|step| matches!(step, Step::Pause(_)));
        let mut trace = self.0.run(script).await;
        let received = trace.records.iter().filter_map(|record| match &record.event {
            Event::Received(bytes) => Some(bytes.clone()),
            _ => None,
        });
        let all = received.collect::<Vec<_>>().concat();
        let lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
        if let [large, small] = lines[..]
            && large.len() > 10_000
        {
            // Nobody who has heard the small one waits for the large one, unless he is told to.
            let mut came = [small, if goes_on { large } else { b"" }].concat();
            for record in &mut trace.records {
                if let Event::Received(bytes) = &mut record.event {
                    *bytes = std::mem::take(&mut came).into();
                }
            }
        }
        trace
    }
}

#[test]
fn a_message_that_is_overtaken_is_no_limit() {
    let framing: Framing = "lf".parse().expect("a framing");
    let target = Overtaking(Simulator::new(Settings::new(framing.clone())));
    let profile = calibration(&target, &framing, "BYT-13").profile;
    assert_eq!((profile.max, profile.limit), (None, None));
}

#[test]
fn a_size_that_is_lost_while_larger_ones_are_not_is_no_limit() {
    let framing: Framing = "length:u32be".parse().expect("a framing");
    let (_, fault) = fault::all().find(|(_, fault)| fault.name == "size-65536-lost").expect("a fault");
    let target = Simulator::new(Settings { fault: Some(fault), ..Settings::new(framing.clone()) });
    let profile = calibration(&target, &framing, "BYT-13").profile;
    assert_eq!((profile.max, profile.limit), (None, None));
}

/// A right server, but that some connections of a script, by their number, are reset before they are answered.
struct Doorkeeper<T> {
    server: T,
    turns_away: fn(usize) -> bool,
}

impl<T: Transport> Transport for Doorkeeper<T> {
    async fn run(&self, script: Script) -> Trace {
        turned_away(self.server.run(script).await, self.turns_away)
    }
}

fn turned_away(mut trace: Trace, is_away: fn(usize) -> bool) -> Trace {
    for record in trace.records.iter_mut().filter(|record| is_away(usize::from(record.conn.0))) {
        match &mut record.event {
            Event::Received(_) | Event::Fin | Event::SentFin => record.event = Event::Reset,
            Event::Step { outcome, .. } => *outcome = Outcome::Hopeless,
            _ => {}
        }
    }
    trace
}

#[test]
fn connections_that_are_reset_above_a_number_are_a_limit_and_others_are_a_fault() {
    let conns = |turns_away| {
        let framing: Framing = "lf".parse().expect("a framing");
        let server = Simulator::new(Settings::new(framing.clone()));
        calibration(&Doorkeeper { server, turns_away }, &framing, "BYT-13").profile.conns
    };
    assert_eq!(conns(|conn| conn >= 100), 64);
    assert_eq!(conns(|conn| conn >= 50), 32);
    assert_eq!(conns(|conn| conn >= 10), 8);
    assert_eq!(conns(|conn| conn >= 2), 2);
    assert_eq!(conns(|conn| conn == 1), Profile::CONNS_TRIED);
    assert_eq!(conns(|conn| conn >= 1), Profile::CONNS_TRIED);
}

/// While it is judged, resets whoever comes with something that it has not heard before.
struct Hesitant<'a, T> {
    server: T,
    is_judged: &'a AtomicBool,
    heard: Mutex<BTreeSet<String>>,
}

impl<T: Transport> Transport for Hesitant<'_, T> {
    async fn run(&self, script: Script) -> Trace {
        let is_new = self.heard.lock().expect("nobody panics").insert(format!("{:?}", script.steps));
        let trace = self.server.run(script).await;
        if is_new && self.is_judged.load(Ordering::Relaxed) { turned_away(trace, |_| true) } else { trace }
    }
}

struct Judging<'a>(&'a AtomicBool);

impl Watcher for Judging<'_> {
    fn phase(&self, name: &str, _cases: usize) {
        self.0.fetch_or(name == "judging", Ordering::Relaxed);
    }
}

/// What becomes of the cases of a server that serves so few and hesitates.
fn hesitant(turns_away: fn(usize) -> bool, only: &str) -> Vec<Verdict> {
    let framing: Framing = "lf".parse().expect("a framing");
    let is_judged = &AtomicBool::new(false);
    let server = Doorkeeper { server: Simulator::new(Settings::new(framing.clone())), turns_away };
    let target = Hesitant { server, is_judged, heard: Mutex::default() };
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&[only.into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, jobs: 1, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let run = runtime.block_on(campaign::run(&target, &Judging(is_judged), &framing, &scenarios, &options));
    run.outcomes.iter().map(|outcome| outcome.verdict).collect()
}

#[test]
fn whoever_serves_few_may_turn_a_client_away_that_comes_too_soon_and_nobody_else() {
    let few = hesitant(|conn| conn >= 2, "bytes/blanks-kept");
    assert!(few.iter().all(|verdict| *verdict == Verdict::Pass), "{few:?}");
    let many = hesitant(|_| false, "bytes/blanks-kept");
    assert!(many.contains(&Verdict::Fail), "{many:?}");
}

/// Sleeps for a quarter of a second whenever it has read something.
struct Drowsy(Simulator);

impl Transport for Drowsy {
    async fn run(&self, script: Script) -> Trace {
        let mut trace = self.0.run(script).await;
        let (mut asleep, nap) = (Duration::ZERO, Duration::from_millis(250));
        for record in &mut trace.records {
            record.at += asleep;
            asleep += if matches!(record.event, Event::Apart(_)) { nap } else { Duration::ZERO };
            asleep += if matches!(record.event, Event::Sent(_)) && asleep.is_zero() { nap } else { Duration::ZERO };
        }
        trace
    }
}

#[test]
fn a_target_that_sleeps_behind_each_segment_is_not_sent_hundreds() {
    let framing: Framing = "length:u32be".parse().expect("a framing");
    let drowsy = calibration(&Drowsy(Simulator::new(Settings::new(framing.clone()))), &framing, "SEG-02");
    assert!(drowsy.tempo.effort.segment >= Duration::from_millis(200), "{drowsy:?}");
    let prompt = calibration(&Simulator::new(Settings::new(framing.clone())), &framing, "SEG-02");
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let skipped = |calibration: &Calibration| {
        let context = scenario::Context {
            framing: &framing,
            profile: &calibration.profile,
            tempo: calibration.tempo,
            time_scale: 1.0,
            seed: 0,
            thorough: false,
            patient: false,
        };
        let one = scenarios.iter().find(|one| one.id == "segmentation/byte-by-byte-longer").expect("it exists");
        one.expand(&context).iter().filter(|case| matches!(case.plan, scenario::Plan::Skip(_))).count()
    };
    assert!(skipped(&drowsy) > skipped(&prompt), "{} {}", skipped(&drowsy), skipped(&prompt));
}
