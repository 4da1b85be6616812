//! `echospec schema`: JSON Schema of what is read and written.

use clap::ValueEnum;

use super::Console;
use super::exit::{Exit, Failure};
use crate::{report, scenario};

/// Print the JSON Schema of what is read and written
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  echospec schema scenario > scenario.schema.json")]
pub(super) struct Args {
    /// Of what
    what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// scenario files
    Scenario,
    /// the JSON report
    Report,
    /// files of expected failures
    Expectations,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let text = match args.what {
        What::Scenario => format!("{:#}\n", scenario::schema()),
        What::Report => report::schema(),
        What::Expectations => format!("{:#}\n", report::expectation_schema()),
    };
    console.print(text.as_bytes())?;
    Ok(Exit::Conforms)
}
