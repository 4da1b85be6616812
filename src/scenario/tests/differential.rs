//! What is compared between connections must have been sent on each of them.

use std::collections::BTreeMap;

use super::expand_for;
use crate::scenario::{Case, Plan, builtin};
use crate::session::{Conn, Step, Until};

const FRAMINGS: [&str; 9] = [
    "lf",
    "crlf",
    "slip",
    "cobs",
    "length:varint,max=1000,over=close",
    "length:vlq",
    "length:u32be,max=1000,over=skip",
    "netstring,max=1000,over=close",
    "length:quic",
];

/// What each connection was sent, where a step compares them.
fn compared(case: &Case) -> Option<Vec<Vec<u8>>> {
    let Plan::Play(script) = &case.plan else { return None };
    let mut sent: BTreeMap<Conn, Vec<u8>> = BTreeMap::new();
    for step in &script.steps {
        match step {
            Step::Send { conn, segments, .. } => {
                let bytes = segments.iter().flat_map(|segment| segment.bytes.iter().copied());
                sent.entry(*conn).or_default().extend(bytes);
            }
            Step::Await { conns, any, .. } if any.contains(&Until::Same) => {
                return Some(conns.iter().map(|conn| sent[conn].clone()).collect());
            }
            _ => {}
        }
    }
    None
}

#[test]
fn connections_that_must_bring_the_same_were_sent_the_same() {
    let mut compares = BTreeMap::new();
    for framing in FRAMINGS {
        for scenario in builtin().unwrap() {
            for case in expand_for(&scenario, framing, |_| {}) {
                let Some(sent) = compared(&case) else { continue };
                assert!(sent.iter().all(|bytes| *bytes == sent[0]), "{} in {framing}: {sent:x?}", case.id);
                *compares.entry(case.scenario).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(compares.len(), 6, "{compares:?}");
}
