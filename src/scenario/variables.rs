//! Puts the values of a matrix into steps.
//!
//! Steps are taken apart into plain data, `$name` is replaced there, wherever it stands, and the result is read as
//! steps again: so a variable can stand for anything.

use std::time::Duration;

use serde_json::Value;

use super::Context;
use super::error::ScenarioError;
use super::file::{Matrix, Step, names_in};
use crate::complaint::{Complaint, Source};
use crate::framing::Behaviour;

/// A time that follows from what the target declares.
type Declared = fn(&Behaviour) -> Option<Duration>;

/// The variables that follow from what the target declares: their names, and the times that they stand for.
const DECLARED: &[(&str, Declared)] = &[
    ("before_idle", |behaviour| Some(behaviour.idle?.time()?.mul_f64(0.75))),
    ("after_idle", |behaviour| Some(behaviour.idle?.time()? + AFTERWARDS)),
    ("drip", |behaviour| Some(behaviour.deadline?.time()? / 5)),
    ("after_deadline", |behaviour| Some(behaviour.deadline?.time()? + AFTERWARDS)),
];

/// A time that was declared may pass by so much.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What the target declares, as values. The times are the target's own: the scale of the run does not lengthen them.
pub(super) fn declared(context: &Context<'_>) -> Vec<(&'static str, Value)> {
    let spelled = |time: Duration| format!("{}ms", (time.as_secs_f64() * 1000.0 / context.time_scale).ceil());
    let time = |of: Declared| of(context.framing.behaviour());
    DECLARED.iter().filter_map(|(name, of)| Some((*name, Value::String(spelled(time(*of)?))))).collect()
}

/// A name and its value.
pub(super) type Binding<'a> = (&'a str, &'a Value);

/// The steps with every variable replaced that has a value.
pub(super) fn bind(steps: &[Step], bindings: &[Binding<'_>]) -> Result<Vec<Step>, String> {
    if bindings.is_empty() {
        return Ok(steps.to_vec());
    }
    let mut data = serde_json::to_value(steps).map_err(|error| error.to_string())?;
    replace(&mut data, bindings);
    serde_json::from_value(data).map_err(|error| error.to_string())
}

fn replace(data: &mut Value, bindings: &[Binding<'_>]) {
    match data {
        Value::String(text) => {
            if let Some(value) = filled(text, bindings) {
                *data = value;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, bindings)),
        Value::Object(entries) => entries.values_mut().for_each(|item| replace(item, bindings)),
        _ => {}
    }
}

/// The text with its variables filled in; a text that is nothing but a variable becomes its value.
fn filled(text: &str, bindings: &[Binding<'_>]) -> Option<Value> {
    let value_of = |name: &str| bindings.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let names = names_in(text);
    if let [(0, name)] = names[..]
        && name.len() + 1 == text.len()
    {
        return value_of(name).cloned();
    }
    let mut out = String::new();
    let mut from = 0;
    for (at, name) in names {
        let Some(value) = value_of(name) else { continue };
        out.push_str(&text[from..at]);
        out.push_str(&plain(value));
        from = at + 1 + name.len();
    }
    (from > 0).then(|| Value::String(out + &text[from..]))
}

/// A value as it stands within a text or an id.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Every variable has values, every value fits wherever its variable stands, and every variable is used.
pub(super) fn check(source: Source<'_>, matrix: &Matrix, steps: &[Step]) -> Result<(), ScenarioError> {
    let data = serde_json::to_value(steps).unwrap_or_default();
    let mut used = Vec::new();
    collect(&data, &mut used);
    let is_declared = |name: &str| DECLARED.iter().any(|(known, _)| *known == name);
    if let Some(name) = used.iter().find(|name| matrix.values(name).is_none() && !is_declared(name)) {
        return Err(unknown(source, matrix, name).into());
    }
    for (name, values) in &matrix.0 {
        if !used.contains(name) {
            let wrong = format!("the variable `{name}` is not used");
            let right = Some(format!("`${name}` somewhere in the steps"));
            return Err(source.complaint_at(&format!("{name}:"), wrong, right).into());
        }
        for value in values {
            bind(steps, &[(name, value)]).map_err(|message| misfit(source, name, value, &message))?;
        }
    }
    Ok(())
}

fn collect(data: &Value, used: &mut Vec<String>) {
    match data {
        Value::String(text) => used.extend(names_in(text).into_iter().map(|(_, name)| name.to_owned())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, used)),
        Value::Object(entries) => entries.values().for_each(|item| collect(item, used)),
        _ => {}
    }
}

fn unknown(source: Source<'_>, matrix: &Matrix, name: &str) -> Complaint {
    let known: Vec<_> = matrix.0.iter().map(|(name, _)| format!("${name}")).collect();
    let right = match known.as_slice() {
        [] => format!("a `matrix` with `{name}`, or `$${name}` for a dollar"),
        known => format!("one of {}, or `$${name}` for a dollar", known.join(", ")),
    };
    source.complaint_at(&format!("${name}"), format!("unknown variable `${name}`"), Some(right))
}

fn misfit(source: Source<'_>, name: &str, value: &Value, message: &str) -> Complaint {
    let (wrong, right) = message.split_once('\n').unwrap_or((message, ""));
    let wrong = format!("the value {value} of `${name}` does not fit here: {wrong}");
    source.complaint_at(&format!("${name}"), wrong, Some(right.to_owned()).filter(|right| !right.is_empty()))
}
