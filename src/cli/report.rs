//! `echospec report`: renders a stored report.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Console;
use super::exit::{Exit, Failure};
use super::output::{Destination, Destinations, destination};
use crate::report::{Report, parse};

/// Render a stored JSON report in another format
///
/// The exit code says whether it was rendered, not what the report says.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A report that `--report json=FILE` wrote; `-` is standard input
    file: PathBuf,

    /// A report to write, by default the text report to standard output; may be repeated
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = destination)]
    report: Vec<Destination>,
}

const EXAMPLES: &str = "\
Examples:
  echospec report run.json
  echospec report run.json --report markdown=report.md --report junit=report.xml";

/// A larger file is no report of ours.
const LARGEST: u64 = 1024 * 1024 * 1024;

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let destinations = Destinations::new(&args.report)?;
    let report = read(&args.file)?;
    destinations.write(&report, console)?;
    Ok(Exit::Conforms)
}

fn read(path: &Path) -> Result<Report, Failure> {
    let wrong = |why: String| Failure::Input(path.display().to_string(), why);
    let source: io::Result<Box<dyn Read>> = match path {
        path if path == Path::new("-") => Ok(Box::new(io::stdin().lock())),
        path => File::open(path).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut json = Vec::new();
    let read = source.and_then(|source| source.take(LARGEST).read_to_end(&mut json));
    read.map_err(|error| wrong(error.to_string()))?;
    parse(&json).map_err(|error| wrong(error.to_string()))
}
