//! What a run makes of a target that is seen badly, over the simulator.

use std::sync::atomic::{AtomicBool, Ordering};

use echospec::campaign::{self, Options, Selection, Watcher};
use echospec::framing::Framing;
use echospec::oracle::Verdict;
use echospec::peer::Settings;
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
