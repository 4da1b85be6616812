//! A right server is acquitted: what tells a failure passes on the reference server, in virtual time, in the framing that
//! is written with it. There nothing is measured, as in `replay`. What a target chooses where right servers differ is
//! measured of the very server that may be wrong, so what follows from such a choice is told only together with it.

use super::known::Known;
use super::run::Fuzzer;
use crate::framing::{Behaviour, Framing};
use crate::fuzzing::scenario_of;
use crate::oracle::judge;
use crate::peer::Settings;
use crate::profile::{Profile, Tempo};
use crate::scenario::{Context, Plan, Scenario};
use crate::session::Script;
use crate::transport::Simulator;

/// Whether a server that does what this framing declares passes.
fn acquits(framing: &Framing, scenario: &Scenario) -> bool {
    let (profile, tempo) = (&Profile::declared(framing), Tempo::PATIENT);
    let context = Context { thorough: true, ..Context::new(framing, profile, tempo) };
    let passes = |script: &Script| {
        let server = Simulator::new(Settings::new(framing.clone()));
        judge(script, &server.play(script.clone())).is_pass()
    };
    let cases = scenario.expand(&context);
    !cases.is_empty() && cases.iter().all(|case| matches!(&case.plan, Plan::Play(script) if passes(script)))
}

impl Known {
    /// The framings that may stand beside a finding: as it is fuzzed, then with what was measured, as little of it as
    /// possible.
    pub(super) fn statements(&self) -> Vec<Framing> {
        let (told, measured) = (self.framing.behaviour(), self.settings.framing.behaviour());
        let is_limited = self.settings.max < Settings::DEFAULT_MAX;
        let mut all: Vec<Behaviour> = Vec::new();
        let mut choices: Vec<u8> = (0..8).collect();
        choices.sort_by_key(|choice| choice.count_ones());
        for choice in choices {
            let mut behaviour = told.clone();
            if choice & 1 != 0 {
                behaviour.empty = measured.empty.or(told.empty);
            }
            if choice & 2 != 0 {
                behaviour.eof = measured.eof.or(told.eof);
            }
            if choice & 4 != 0 {
                behaviour.over = measured.over.or(told.over);
                behaviour.max = told.max.or(is_limited.then_some(self.settings.max));
            }
            if !all.contains(&behaviour) {
                all.push(behaviour);
            }
        }
        all.into_iter().map(|behaviour| self.framing.clone().with_behaviour(behaviour)).collect()
    }

    /// The framing in which a right server passes; nothing if there is none. Of what a client is told this is not asked.
    pub(super) fn stated(&self, scenario: &Scenario) -> Option<Framing> {
        if self.client.is_some() {
            return Some(self.framing.clone());
        }
        self.statements().into_iter().find(|framing| acquits(framing, scenario))
    }
}

impl<T, W> Fuzzer<'_, T, W> {
    /// How much of what was measured has to be stated so that a right server passes: the less the better; the most if it
    /// passes in no case.
    pub(super) fn burden(&self, script: &Script) -> usize {
        if self.known.client.is_some() {
            return 0;
        }
        let scenario = scenario_of(script, &self.known.framing, "");
        let statements = self.known.statements();
        statements.iter().position(|framing| acquits(framing, &scenario)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::campaign::Calibration;
    use crate::framing::Empty;
    use crate::scenario;

    /// What a server has shown that takes no empty messages and no more than 1000 bytes.
    fn measured() -> Known {
        let framing: Framing = "length:varint".parse().unwrap();
        let profile = Profile { empty: Some(Empty::Skip), limit: Some(1000), ..Profile::declared(&framing) };
        let (tempo, round_trip) = (Tempo::PATIENT, Duration::from_millis(1));
        let calibration = Calibration { profile, tempo, round_trip, sound: true, died_of: None, end: None };
        Known::new(&framing, &calibration, 66_000)
    }

    fn stated(steps: &str) -> Option<String> {
        let text = format!("title: t\nsteps:\n{steps}");
        let scenario = scenario::parse("told", "told.yaml", &text).unwrap_or_else(|error| panic!("{error}"));
        measured().stated(&scenario).map(|framing| framing.to_string())
    }

    #[test]
    fn as_little_as_possible_of_what_was_measured_is_stated() {
        let plain = "  - send: {message: a}\n  - expect: echo\n";
        assert_eq!(stated(plain).as_deref(), Some("length:varint"));
        let skips = "  - send: {raw: {hex: \"000161\"}, carries: [a]}\n  - expect: echo\n";
        assert_eq!(stated(skips).as_deref(), Some("length:varint,empty=skip"));
    }

    #[test]
    fn what_a_right_server_fails_whatever_it_is_told_is_not_explained() {
        assert_eq!(stated("  - send: {raw: {hex: \"0161\"}, carries: [b]}\n  - expect: echo\n"), None);
    }
}
