//! What goes wrong on a connection while the target is measured is told, over the simulator.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use echospec::campaign::{self, Options, Process, Restarted, Selection, Watcher};
use echospec::framing::Framing;
use echospec::oracle::Verdict;
use echospec::peer::{Settings, fault};
use echospec::scenario;
use echospec::session::{Event, Script, Trace, Usage};
use echospec::transport::{Simulator, Transport};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

struct Nobody;

impl Watcher for Nobody {}

/// A server that never serves its client of one number.
struct MuteOnce {
    server: Simulator,
    number: u32,
    accepted: AtomicU32,
    lives: AtomicU32,
}

impl MuteOnce {
    fn new(number: u32) -> Self {
        let framing: Framing = "lf".parse().expect("a framing");
        let (accepted, lives) = (AtomicU32::new(0), AtomicU32::new(1));
        Self { server: Simulator::new(Settings::new(framing)), number, accepted, lives }
    }
}

impl Transport for MuteOnce {
    async fn run(&self, script: Script) -> Trace {
        let mut trace = self.server.run(script).await;
        let connected = trace.records.iter().filter(|record| record.event == Event::Connected);
        let conns: Vec<_> = connected.map(|record| record.conn).collect();
        for conn in conns {
            if self.accepted.fetch_add(1, Ordering::Relaxed) + 1 == self.number {
                let comes = |event: &Event| matches!(event, Event::Received(_) | Event::Fin | Event::Reset);
                trace.records.retain(|record| record.conn != conn || !comes(&record.event));
            }
        }
        trace
    }
}

impl Process for MuteOnce {
    fn ended(&self) -> bool {
        false
    }
    fn restart(&self) -> BoxFuture<'_, Restarted> {
        self.accepted.store(0, Ordering::Relaxed);
        self.lives.fetch_add(1, Ordering::Relaxed);
        async { Restarted { how: "ended".into(), last_words: Vec::new(), again: Ok(()) } }.boxed()
    }
    fn watch(&self) -> Option<Usage> {
        None
    }
    fn usage(&self) -> Option<Usage> {
        None
    }
}

/// The verdicts that are no pass, and of which requirements.
fn told(target: &impl Transport, process: Option<&dyn Process>) -> (BTreeSet<(String, Verdict)>, usize) {
    let framing: Framing = "lf".parse().expect("a framing");
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&["SES-02".into(), "SES-03".into()], &[], &scenarios).expect("they exist");
    let options = Options { selection, jobs: 1, ..Options::default() };
    let run = campaign::run_owned(target, &Nobody, process, &framing, &scenarios, &options);
    let run = tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run);
    let bad = run.outcomes.iter().filter(|outcome| outcome.verdict != Verdict::Pass);
    let bad = bad.flat_map(|outcome| outcome.case.requirements.iter().map(|id| (id.clone(), outcome.verdict)));
    (bad.collect(), run.calibration.expect("it answers").profile.conns)
}

fn one(id: &str, verdict: Verdict) -> BTreeSet<(String, Verdict)> {
    BTreeSet::from([(id.to_owned(), verdict)])
}

/// The first, some of those by which it is asked whether it lives, and some among others at once.
const NUMBERS: [u32; 9] = [1, 2, 3, 7, 20, 31, 50, 60, 90];

#[test]
fn one_connection_without_a_reply_is_seen_again_in_another_life() {
    for number in NUMBERS {
        let target = MuteOnce::new(number);
        let (told, conns) = told(&target, Some(&target));
        assert_eq!(told, one("SES-03", Verdict::Fail), "{number}");
        assert!(conns >= 128, "{number}: {conns} connections");
        assert_eq!(target.lives.load(Ordering::Relaxed), 4, "{number}");
    }
}

#[test]
fn where_it_cannot_be_started_again_it_is_told_as_something_that_was_seen_once() {
    for number in NUMBERS {
        let (told, conns) = told(&MuteOnce::new(number), None);
        assert_eq!(told, one("SES-03", Verdict::Flaky), "{number}");
        assert!(conns >= 128, "{number}: {conns} connections");
    }
}

#[test]
fn a_wrong_reply_is_evidence_however_rare_and_whoever_serves_few_has_failed_nothing() {
    let judged = |name: &str| {
        let settings = Settings::new("lf".parse().expect("a framing"));
        told(&Simulator::new(settings.with_fault(fault::find(name).expect("a fault"))), None)
    };
    for name in ["third-connection-cut", "tenth-connection-cut"] {
        assert_eq!(judged(name).0, one("SES-02", Verdict::Fail), "{name}");
    }
    for (name, most) in [("one-client-at-a-time", 1), ("fifty-clients", 50), ("slow", usize::MAX)] {
        let (told, conns) = judged(name);
        assert!(told.is_empty() && conns <= most, "{name}: {told:?}, {conns} connections");
    }
}

/// Serves so many sessions and then nobody, and keeps listening.
struct ServesSoMany(Simulator, u32, Mutex<u32>);

impl Transport for ServesSoMany {
    async fn run(&self, script: Script) -> Trace {
        let mut trace = self.0.run(script).await;
        let mut accepted = self.2.lock().expect("nobody panics");
        *accepted +=
            u32::try_from(trace.records.iter().filter(|it| it.event == Event::Connected).count()).expect("few");
        let comes = |event: &Event| matches!(event, Event::Received(_) | Event::Fin | Event::Reset);
        trace.records.retain(|record| *accepted <= self.1 || !comes(&record.event));
        trace
    }
}

#[test]
fn whoever_serves_so_many_sessions_and_no_more_died_of_nothing_else() {
    for sessions in [3, 5, 12] {
        let server = Simulator::new(Settings::new("lf".parse().expect("a framing")));
        let target = ServesSoMany(server, sessions, Mutex::default());
        let framing: Framing = "lf".parse().expect("a framing");
        let scenarios = scenario::builtin().expect("the built-in scenarios");
        let options = Options::default();
        let run = campaign::run(&target, &Nobody, &framing, &scenarios, &options);
        let run = tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run);
        let failed = run.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail);
        let failed: BTreeSet<_> = failed.flat_map(|outcome| &outcome.case.requirements).map(String::as_str).collect();
        assert_eq!(failed, BTreeSet::from(["SES-03"]), "{sessions}");
    }
}
