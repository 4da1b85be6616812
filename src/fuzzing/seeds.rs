//! Inputs made from the scenarios, so that a fuzzer begins with what people thought of.

use super::cursor::Code;
use super::framing::Cutting;
use super::plan::{Act, Move, Plan};
use super::stream::{Message, Stream};
use crate::framing::Framing;
use crate::profile::{Profile, Tempo};
use crate::scenario::{self, Context, Scenario};
use crate::session::{Pace, Script, Segment, Step};

/// Seeds are made in these framings: one or two of each strategy.
const FRAMINGS: &[&str] =
    &["raw", "close", "fixed:4", "length:u32be,max=64", "length:varint", "netstring", "lines,max=64", "crlf", "cobs"];

/// Longer inputs are no seeds, in bytes.
const LONGEST: usize = 400;

/// No scenario gives more seeds in one framing.
const CASES: usize = 2;

/// Inputs of the targets `session` (and `live`) and `framing` that are what the scenarios do, as far as a plan can say
/// it; each with a name that tells where it is from.
pub fn seeds(scenarios: &[Scenario]) -> Vec<Seed> {
    let framings = FRAMINGS.iter().map(|text| text.parse().expect("a framing"));
    framings.flat_map(|framing: Framing| scenarios.iter().flat_map(move |one| of(one, &framing))).collect()
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The scenario and the framing, as a file name.
    pub name: String,
    /// For `session`.
    pub session: Vec<u8>,
    /// For `framing`: the first connection, cut as the scenario cuts it, and whole.
    pub framing: Vec<u8>,
}

fn of(scenario: &Scenario, framing: &Framing) -> Vec<Seed> {
    let profile = Profile::declared(framing);
    let context = Context::new(framing, &profile, Tempo::PATIENT);
    let scripts = scenario.expand(&context).into_iter().filter_map(|case| match case.plan {
        scenario::Plan::Play(script) => Some(script),
        scenario::Plan::Skip(_) => None,
    });
    let plans = scripts.take(CASES).map(|script| plan(&script, framing)).filter(|plan| !plan.moves.is_empty());
    let seeds = plans.enumerate().map(|(index, plan)| {
        let name = format!("{}-{}-{index}", scenario.id, framing);
        let name = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        Seed { name, session: plan.encode(), framing: cutting(&plan).encode() }
    });
    seeds.filter(|seed| seed.session.len() <= LONGEST && seed.framing.len() <= LONGEST).collect()
}

/// What a script does, as far as a plan can say it.
fn plan(script: &Script, framing: &Framing) -> Plan {
    let count = script.connections().clamp(1, 4);
    let mut plan = Plan { framing: framing.clone(), streams: vec![Stream::default(); count], moves: Vec::new() };
    for step in &script.steps {
        let (on, acts) = acts(step, &mut plan, framing);
        if usize::from(on) < count {
            plan.moves.extend(acts.into_iter().map(|act| Move { on: on as u8, act }));
        }
    }
    plan.moves.truncate(64);
    plan
}

fn acts(step: &Step, plan: &mut Plan, framing: &Framing) -> (u16, Vec<Act>) {
    match step {
        Step::Send { conn, promises, segments, .. } => {
            if let Some(stream) = plan.streams.get_mut(usize::from(conn.0)) {
                let bytes: Vec<u8> = segments.iter().flat_map(|segment| segment.bytes.iter().copied()).collect();
                let mut frames = Vec::new();
                let whole = promises.iter().all(|one| framing.encode_unlimited(&one.payload, &mut frames).is_ok());
                if whole && promises.iter().all(|one| one.copies == 1) && !promises.is_empty() && frames == bytes {
                    stream.messages.extend(promises.iter().map(|one| Message::holding(&one.payload)));
                } else {
                    stream.messages.extend(Message::raw(&bytes));
                }
                stream.messages.truncate(24);
            }
            (conn.0, segments.iter().map(sent).collect())
        }
        // A plan has no urgent data.
        Step::Connect { conn, .. } | Step::Read { conn, pace: Pace::Eager } | Step::Urgent(conn) => {
            (conn.0, Vec::new())
        }
        Step::Read { conn, pace: Pace::Stopped } => (conn.0, vec![Act::Read(0)]),
        Step::Read { conn, pace: Pace::Drip { bytes, .. } } => (conn.0, vec![Act::Read((*bytes).clamp(1, 255) as u8)]),
        Step::Pause(length) => (0, vec![Act::Pause((length.as_millis() / 20).min(255) as u8)]),
        Step::Shutdown(conn) => (conn.0, vec![Act::HalfClose]),
        Step::Close(conn) => (conn.0, vec![Act::Close]),
        Step::Reset(conn) => (conn.0, vec![Act::Reset]),
        Step::Await { conns, .. } => (conns.first().map_or(0, |conn| conn.0), vec![Act::Echo]),
    }
}

fn sent(segment: &Segment) -> Act {
    match segment.bytes.len() {
        _ if segment.fin => Act::SendFin,
        len @ 1..=256 => Act::Send((len - 1) as u8),
        _ => Act::Finish(0),
    }
}

fn cutting(plan: &Plan) -> Cutting {
    let stream = plan.streams.first().cloned().unwrap_or_default();
    let mut at = 0_u16;
    let cuts = plan.moves.iter().filter(|one| one.on == 0).filter_map(|one| match one.act {
        Act::Send(len) => {
            at = at.saturating_add(u16::from(len) + 1);
            Some(at)
        }
        _ => None,
    });
    let first: Vec<u16> = cuts.take(16).collect();
    Cutting { framing: plan.framing.clone(), stream, first, second: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::fuzzing::{self, Damage};

    type Law = fn(&[u8]);

    fn folder(target: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
    }

    /// What each target makes of its corpus: seeds that were made from scenarios, and what a fuzzer found and kept.
    #[test]
    fn the_laws_hold_on_the_corpora() {
        let targets: [(&str, Law); 5] = [
            ("framing", fuzzing::framing),
            ("session", fuzzing::session),
            ("scenario", fuzzing::scenario),
            ("trace", fuzzing::trace),
            ("report", fuzzing::report),
        ];
        for (target, law) in targets {
            let mut files: Vec<_> =
                fs::read_dir(folder(target)).expect(target).map(|one| one.unwrap().path()).collect();
            files.sort();
            assert!(!files.is_empty(), "no corpus of {target}");
            for file in files {
                let data = fs::read(&file).unwrap();
                let outcome = std::panic::catch_unwind(|| law(&data));
                assert!(outcome.is_ok(), "{}", file.display());
            }
        }
    }

    #[test]
    fn a_seed_is_an_input_that_stands_for_itself() {
        let scenarios = scenario::builtin().unwrap();
        let seeds = seeds(&scenarios);
        assert!(seeds.len() > 300, "{}", seeds.len());
        for seed in &seeds {
            let plan = Plan::decode(&seed.session);
            assert_eq!(plan.encode(), seed.session, "{}", seed.name);
            assert!(!plan.moves.is_empty(), "{}", seed.name);
        }
    }

    /// `cargo test --lib -- --ignored seeds`: writes the seeds into fuzz/corpus; `cargo fuzz cmin` then thins them out.
    #[test]
    #[ignore = "writes files; run it when scenarios or the encoding have changed"]
    fn write_the_seeds() {
        let scenarios = scenario::builtin().unwrap();
        let mut files: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
        for Seed { name, session, framing } in seeds(&scenarios) {
            let mut damaged = Cutting::decode(&framing);
            damaged.stream.damage.push(Damage::decode(&[name.len() as u8, 0, 3, 1]));
            files.insert(folder("framing").join(format!("{name}-damaged")), damaged.encode());
            files.insert(folder("trace").join(&name), session.clone());
            files.insert(folder("session").join(&name), session);
            files.insert(folder("framing").join(&name), framing);
        }
        for scenario in &scenarios {
            let name = scenario.id.replace('/', "-");
            files.insert(folder("scenario").join(format!("{name}.yaml")), scenario.to_yaml().into_bytes());
        }
        for (index, length) in [0, 8, 60, 200].into_iter().enumerate() {
            let bytes = (0..length).map(|at| (at * 7 + index * 13) as u8).collect();
            files.insert(folder("report").join(format!("row-{length}")), bytes);
        }
        for (path, bytes) in files {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}
