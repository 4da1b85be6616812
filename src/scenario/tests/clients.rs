//! What the scenarios of clients come to in framings of every size.

use std::time::Duration;

use super::{expand_for, sent_bytes};
use crate::framing::{Deframer, Framing, Strategy};
use crate::profile::{ClientProfile, Profile, Tempo, Told};
use crate::scenario::{Case, Context, Plan, builtin};
use crate::session::{Pace, Report, Script, Step, Until};

/// Every case of every scenario of clients, with its script.
fn played(framing: &str) -> Vec<(Case, Script)> {
    let scenarios = builtin().unwrap().into_iter().filter(|scenario| scenario.id.starts_with("client/"));
    let cases = scenarios.flat_map(|scenario| {
        expand_for(&scenario, framing, |profile| {
            let client = ClientProfile::unknown(&framing.parse().unwrap(), Told::Bytes);
            profile.client = Some(Box::new(client));
        })
    });
    let script = |case: Case| match &case.plan {
        Plan::Play(script) => Some((case.clone(), script.clone())),
        Plan::Skip(_) => None,
    };
    cases.filter_map(script).collect()
}

/// As much of an altered reply as fits a short message may be the message.
#[test]
fn where_a_failure_is_due_no_reply_is_right() {
    let fixed = (1..=20).map(|size| format!("fixed:{size}"));
    for framing in fixed.chain(["lf", "length:u8", "close", "raw"].map(str::to_owned)) {
        let parsed: Framing = framing.parse().unwrap();
        for (case, script) in played(&framing) {
            let errand = script.errand.as_ref().unwrap();
            if errand.report != Report::Failure || errand.message.is_empty() {
                continue;
            }
            let sent = sent_bytes(&case).concat();
            let mut deframer = Deframer::new(&parsed);
            deframer.push(&sent);
            let first = match parsed.strategy() {
                Strategy::Raw | Strategy::Close => Some(sent),
                _ => deframer.next_frame().and_then(Result::ok).map(|frame| frame.payload),
            };
            assert_ne!(first.as_deref(), Some(&errand.message[..]), "{} in {framing}", case.id);
        }
    }
}

/// Each tick of a drip is looked after a little late on a busy machine: shorter ones would last many times as long.
#[test]
fn what_is_read_little_by_little_is_read_in_ticks_that_a_busy_machine_can_keep() {
    for (case, script) in played("length:u32be") {
        for step in &script.steps {
            if let Step::Read { pace: Pace::Drip { every, .. }, .. } = step {
                assert!(*every >= Duration::from_millis(10), "{}", case.id);
            }
        }
    }
}

/// A client is started once a case: what is played at every place must not grow with the message.
#[test]
fn a_run_stays_short_however_long_a_message_is() {
    let counts = ["fixed:64", "fixed:512", "fixed:4096"].map(|framing| played(framing).len());
    assert!(counts.iter().all(|count| *count < counts[0] + 60), "{counts:?}");
}

/// A client may have a deadline of its own, which no option of ours moves: a busy machine makes ours longer, not the reply late.
#[test]
fn what_a_client_has_to_wait_through_is_not_stretched() {
    let framing: Framing = "lf".parse().unwrap();
    let mut profile = Profile::declared(&framing);
    profile.client = Some(Box::new(ClientProfile::unknown(&framing, Told::Bytes)));
    for scenario in builtin().unwrap().iter().filter(|scenario| scenario.id.starts_with("client/")) {
        let waits = |time_scale: f64| {
            let tempo = Tempo::PATIENT;
            let context = Context { time_scale, thorough: true, ..Context::new(&framing, &profile, tempo) };
            let cases = scenario.expand(&context).into_iter().filter_map(|case| match case.plan {
                Plan::Play(script) => Some(script.steps),
                Plan::Skip(_) => None,
            });
            let waits = cases.flatten().filter_map(|step| match step {
                Step::Pause(time) => Some(time),
                Step::Await { any, within, .. } => any.contains(&Until::Silence).then_some(within),
                _ => None,
            });
            waits.collect::<Vec<_>>()
        };
        for (usual, scaled) in waits(1.0).into_iter().zip(waits(4.0)) {
            assert!(scaled <= usual.max(Duration::from_secs(1)), "{}: {usual:?} becomes {scaled:?}", scenario.id);
        }
    }
}
