//! What a run makes of a target that is seen badly, over the simulator.

use std::sync::atomic::{AtomicUsize, Ordering};

use echospec::campaign::{self, Options, Selection, Unwatched};
use echospec::framing::Framing;
use echospec::oracle::Verdict;
use echospec::peer::Settings;
use echospec::scenario;
use echospec::session::{Event, Proof, Script, Trace};
use echospec::transport::{Simulator, Transport};

/// A right server that reads its segments one by one, which the first looks at a cut do not show.
struct Blurred {
    server: Simulator,
    looks: AtomicUsize,
    hidden: usize,
}

impl Transport for Blurred {
    async fn run(&self, script: Script) -> Trace {
        let mut trace = self.server.run(script).await;
        let proofs = trace.records.iter_mut().filter_map(|record| match &mut record.event {
            Event::Apart(proof) => Some(proof),
            _ => None,
        });
        let proofs: Vec<_> = proofs.collect();
        if !proofs.is_empty() && self.looks.fetch_add(1, Ordering::Relaxed) < self.hidden {
            for proof in proofs {
                *proof = Proof::None;
            }
        }
        trace
    }
}

fn verdicts(hidden: usize) -> Vec<Verdict> {
    let framing: Framing = "length:u32be".parse().expect("a framing");
    let server = Simulator::new(Settings::new(framing.clone()));
    let target = Blurred { server, looks: AtomicUsize::new(0), hidden };
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&["segmentation/byte-by-byte".into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let run = runtime.block_on(campaign::run(&target, &Unwatched, &framing, &scenarios, &options));
    run.outcomes.iter().map(|outcome| outcome.verdict).filter(|verdict| *verdict != Verdict::Skipped).collect()
}

#[test]
fn what_could_not_be_observed_at_first_is_looked_at_once_more() {
    let all = verdicts(0);
    assert!(all.len() > 1 && all.iter().all(|verdict| *verdict == Verdict::Pass), "{all:?}");
    assert_eq!(verdicts(all.len()), all);
}

#[test]
fn what_cannot_be_observed_at_all_stays_open() {
    assert!(verdicts(usize::MAX).contains(&Verdict::Inconclusive));
}
