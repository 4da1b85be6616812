//! `echospec report`: renders stored reports; puts parts together; sets implementations side by side.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Console;
use super::ending::heed;
use super::exit::{Exit, Failure};
use super::output::{Destination, Destinations, Files, check_place, destination, write_whole};
use super::review::{self, Extent, Review};
use crate::report::{COMPARISONS, Comparison, Merged, Report, merge, parse};

/// Render a stored JSON report in another format; merge several, or compare them
///
/// Several files are parts of one run, such as its shards, and become one report. With --compare they are
/// implementations, and become a table with a column for each.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A report that `--report json=FILE` wrote; `-` is standard input. With --compare also NAME=FILE
    #[arg(required = true)]
    file: Vec<PathBuf>,

    /// A report to write, by default the text report to standard output; may be repeated
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = destination)]
    report: Vec<Destination>,

    /// A table with a column for each file, named after it; as text, json, markdown or html
    #[arg(long, conflicts_with_all = ["exit_code", "snapshot", "expect", "expect_write"])]
    compare: bool,

    /// End with the exit code of the run, not with 0
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    review: review::Args,

    /// Further scenario files or folders that the run had, whose ids --expect may name; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Review")]
    scenarios: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  echospec report run.json
  echospec report run.json --report markdown=report.md --report junit=report.xml
  echospec report shard-*.json --report html=report.html --snapshot echospec.snap
  echospec report --compare mine=a.json theirs=b.json --report html=comparison.html";

/// A larger file is no report of ours.
const LARGEST: u64 = 1024 * 1024 * 1024;

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    heed()?;
    if args.compare {
        return compare(args, console);
    }
    let mut files = args.review.files();
    files.read.extend(args.file.iter().map(|file| ("FILE", file.clone())));
    let destinations = Destinations::new(&args.report, &files)?;
    let review = Review::new(&args.review, &args.scenarios)?;
    let reports = args.file.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let Merged { mut report, doubts, complete } = match <[Report; 1]>::try_from(reports) {
        Ok([report]) => Merged { complete: !report.is_partial(), report, doubts: Vec::new() },
        Err(several) => merge(several).map_err(Failure::usage)?,
    };
    for doubt in &doubts {
        console.remark(doubt);
    }
    if !args.review.is_given() {
        destinations.write(&report, console)?;
        let ended = Exit::from_code(report.exit_code()).unwrap_or(report.verdict.into());
        return Ok(if args.exit_code { ended } else { Exit::Conforms });
    }
    let extent = Extent { finished: complete, all_cases: report.parts.is_empty() };
    let mut outcome = review.judge(&mut report, extent)?;
    if !complete {
        outcome.partial("not all was judged");
    }
    let exit = outcome.note(&mut report, &[]);
    destinations.write(&report, console)?;
    outcome.show(console);
    Ok(exit)
}

fn compare(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let inputs: Vec<_> = args.file.iter().map(|file| named(file)).collect();
    let files = Files { read: inputs.iter().map(|(_, file)| ("FILE", file.clone())).collect(), ..Files::default() };
    files.keep_apart(&args.report)?;
    let mut seen = BTreeSet::new();
    if let Some((name, _)) = inputs.iter().find(|(name, _)| !seen.insert(name)) {
        return Err(Failure::usage(format!("two reports are called {name}: give one another name, as in other=FILE")));
    }
    let mut outputs = Vec::new();
    for one in &args.report {
        one.path().map_or(Ok(()), check_place)?;
        let format = COMPARISONS.iter().find(|format| format.name == one.format());
        let known = || COMPARISONS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
        let format = format.ok_or_else(|| {
            Failure::usage(format!("a comparison cannot be written as {}; there are {}", one.format(), known()))
        })?;
        outputs.push((format, one.path()));
    }
    if outputs.is_empty() {
        outputs.push((&COMPARISONS[0], None));
    }
    let reports =
        inputs.into_iter().map(|(name, file)| Ok((name, read(&file)?))).collect::<Result<Vec<_>, Failure>>()?;
    let comparison = Comparison::new(&reports);
    for (format, path) in outputs {
        let bytes = (format.render)(&comparison);
        match path {
            None => console.print(&bytes)?,
            Some(path) => {
                write_whole(path, &bytes).map_err(|error| Failure::Output(path.display().to_string(), error))?;
            }
        }
    }
    Ok(Exit::Conforms)
}

/// `NAME=FILE`, or a file that is called as its stem says.
fn named(file: &Path) -> (String, PathBuf) {
    match file.to_str().and_then(|text| text.split_once('=')).filter(|_| !file.exists()) {
        Some((name, file)) => (name.to_owned(), file.into()),
        None => (file.file_stem().unwrap_or_default().to_string_lossy().into_owned(), file.to_owned()),
    }
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
