//! From a scenario to its cases for one target.

use serde_json::Value;

use super::choices::Choices;
use super::compile::{Compiled, Memo, Variant, compile};
use super::variables::{self, Binding};
use super::{Context, MAX_CASES, Scenario, covering, fit, seed};
use crate::session::{Limits, Script};

/// One case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The scenario's id and what tells the case from its siblings: `scenario[size=1,cut=3]`.
    pub id: String,
    /// The scenario's id.
    pub scenario: String,
    /// What is done.
    pub title: String,
    /// The requirements that a failure fails.
    pub requirements: Vec<String>,
    /// The requirement that wrong bytes fail, whatever else the case is about.
    pub wrong_bytes: Option<String>,
    /// What to do with it.
    pub plan: Plan,
    /// Whether it runs by itself.
    pub alone: bool,
    /// Whether it asks a fresh connection for service itself.
    pub expects_alive: bool,
    /// What it may cost the target's process.
    pub watch: Option<Limits>,
    /// One line a step.
    pub stimulus: Vec<String>,
}

/// What to do with a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// Play it.
    Play(Script),
    /// It does not apply, for this reason.
    Skip(String),
}

impl Scenario {
    /// Its cases for one target, always the same and in the same order. There is at least one.
    pub fn expand(&self, context: &Context<'_>) -> Vec<Case> {
        if let Some(reason) = fit::misfit(self, context) {
            return vec![self.skipped(&[], reason)];
        }
        let widths: Vec<_> = self.matrix.0.iter().map(|(_, values)| values.len()).collect();
        let mut cases = Vec::new();
        let mut rng = seed::generator(context.seed, &format!("{}/rows", self.id));
        for row in covering::drawn(&widths, self.cover, &mut rng) {
            cases.extend(self.variant(context, &row));
            if cases.len() > MAX_CASES {
                return vec![self.skipped(&[], format!("has more than {MAX_CASES} cases with this framing"))];
            }
        }
        cases
    }

    /// The cases for one row of the matrix.
    fn variant(&self, context: &Context<'_>, row: &[usize]) -> Vec<Case> {
        let variables = self.matrix.0.iter().zip(row);
        let declared = variables::declared(context);
        let known = declared.iter().map(|(name, value)| (*name, value));
        let bindings: Vec<Binding<'_>> =
            variables.clone().map(|((name, values), index)| (name.as_str(), &values[*index])).chain(known).collect();
        let labels: Vec<_> =
            variables.map(|((name, values), index)| format!("{name}={}", label(values, *index))).collect();
        let steps = match variables::bind(&self.steps, &bindings) {
            Ok(steps) => steps,
            Err(reason) => return vec![self.skipped(&labels, reason)],
        };
        let name = self.named(&labels);
        self.passes(&Variant { scenario: self, context, name: &name, steps: &steps }, &labels)
    }

    /// All passes over one row. Reasons not to play are told once.
    fn passes(&self, variant: &Variant<'_>, labels: &[String]) -> Vec<Case> {
        let (mut choices, mut memo) = (Choices::default(), Memo::default());
        let (mut cases, mut reasons) = (Vec::new(), Vec::new());
        // One more than allowed, so that `expand` sees that there are too many.
        for _ in 0..=MAX_CASES {
            match compile(variant, &mut choices, &mut memo) {
                Ok(compiled) => cases.push(Case {
                    watch: self.watch.map(|watch| watch.limits(variant.context.profile.max)),
                    ..self.playable(labels, &choices, compiled)
                }),
                Err(reason) if reasons.contains(&reason) => {}
                Err(reason) => reasons.push(reason),
            }
            if !choices.advance() {
                break;
            }
        }
        if !reasons.is_empty() {
            cases.push(self.skipped(labels, reasons.join("; ")));
        }
        cases
    }

    fn playable(&self, labels: &[String], choices: &Choices, compiled: Compiled) -> Case {
        let all = [labels.to_vec(), choices.labels()].concat();
        let details: Vec<_> = labels.iter().map(|label| label.replace('=', " ")).collect();
        let details: Vec<_> =
            details.iter().map(String::as_str).chain(choices.words()).filter(|w| !w.is_empty()).collect();
        let title =
            if details.is_empty() { self.title.clone() } else { format!("{}: {}", self.title, details.join(", ")) };
        let Compiled { script, stimulus, alive } = compiled;
        Case { title, plan: Plan::Play(script), expects_alive: alive, stimulus, ..self.skipped(&all, String::new()) }
    }

    fn skipped(&self, labels: &[String], reason: String) -> Case {
        Case {
            id: self.named(labels),
            scenario: self.id.clone(),
            title: self.title.clone(),
            requirements: self.requirements.clone(),
            wrong_bytes: self.wrong_bytes.clone(),
            plan: Plan::Skip(reason),
            alone: self.alone,
            expects_alive: false,
            watch: None,
            stimulus: Vec::new(),
        }
    }

    fn named(&self, labels: &[String]) -> String {
        if labels.is_empty() { self.id.clone() } else { format!("{}[{}]", self.id, labels.join(",")) }
    }
}

/// A value in an id: itself where it is short, plain and unlike the others; its place in the list otherwise.
fn label(values: &[Value], index: usize) -> String {
    let text = variables::plain(&values[index]);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-._%".contains(c);
    let is_unique = values.iter().filter(|value| variables::plain(value) == text).count() == 1;
    let is_short = !text.is_empty() && text.len() <= 24;
    if is_short && is_unique && text.chars().all(is_plain) { text } else { format!("#{}", index + 1) }
}
