//! From the text of a file to a scenario.

use super::error::{MAX_TEXT, ScenarioError};
use super::file::{Cover, Matrix, Repeat, Slot, Step};
use super::{MAX_CASES, Scenario, covering, variables};
use crate::complaint::{Kind, Source, bounded};

/// No step is repeated more often.
const MAX_ROUNDS: u32 = 20_000;

const KIND: Kind = Kind { noun: "a scenario", whole: "a mapping with at least `title` and `steps`" };

/// Reads the text of a scenario. `source_name` is what errors call it.
pub fn parse(id: &str, source_name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let source = Source { name: source_name, text, kind: KIND };
    if text.len() as u64 > MAX_TEXT {
        return Err(ScenarioError::TooLarge { file: source_name.to_owned(), bytes: text.len() as u64 });
    }
    let read: Result<Scenario, _> = serde_yaml::from_str_with_options(text, bounded());
    let scenario = read.map_err(|error| source.yaml(&error))?;
    variables::check(source, &scenario.matrix, &scenario.steps)?;
    check_cases(source, &scenario.matrix, scenario.cover)?;
    check_steps(source, &scenario.steps)?;
    Ok(Scenario { id: id.to_owned(), ..scenario })
}

fn check_cases(source: Source<'_>, matrix: &Matrix, cover: Cover) -> Result<(), ScenarioError> {
    let widths: Vec<_> = matrix.0.iter().map(|(_, values)| values.len()).collect();
    let cases = covering::least(&widths, cover);
    if cases <= MAX_CASES {
        return Ok(());
    }
    let right = format!("at most {MAX_CASES}; `cover: pairs` needs fewer");
    Err(source.complaint_at("matrix:", format!("the matrix makes {cases} cases"), Some(right)).into())
}

fn check_steps(source: Source<'_>, steps: &[Step]) -> Result<(), ScenarioError> {
    if steps.is_empty() {
        let right = Some("at least one step".to_owned());
        return Err(source.complaint_at("steps:", "no steps".to_owned(), right).into());
    }
    for step in steps {
        let Step::Repeat(Repeat { times, steps }) = step else { continue };
        if matches!(times, Slot::Given(times) if *times > MAX_ROUNDS) {
            let right = Some(format!("at most {MAX_ROUNDS}"));
            return Err(source.complaint_at("times:", "too many rounds".to_owned(), right).into());
        }
        check_steps(source, steps)?;
    }
    Ok(())
}
