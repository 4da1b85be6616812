//! What a run makes of a target that is seen badly, over the simulator.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use echospec::campaign::{self, Calibration, Options, Selection, Watcher};
use echospec::framing::Framing;
use echospec::oracle::Verdict;
use echospec::peer::{Settings, fault};
use echospec::scenario;
use echospec::session::{Event, Proof, Script, Trace};
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

fn calibration(target: &impl Transport, framing: &Framing, only: &str) -> Calibration {
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&[only.into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let run = runtime.block_on(campaign::run(target, &Nobody, framing, &scenarios, &options));
    run.calibration.expect("it answers")
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
    for (limited, max) in
        [("lf,max=40,over=close", 40), ("lf,max=1000,over=close", 1000), ("lf,max=5000,over=skip", 5000)]
    {
        let target = Simulator::new(Settings::new(limited.parse().expect("a framing")));
        let framing: Framing = "lf".parse().expect("a framing");
        assert_eq!(calibration(&target, &framing, "BYT-13").profile.max, Some(max), "{limited}");
    }
}
