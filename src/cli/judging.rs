//! What `check` and `check-client` have in common: which cases, how they are run, what becomes of the report.

use std::path::PathBuf;
use std::time::Duration;

use super::exit::{Exit, Failure};
use super::output::{Destination, Destinations, destination};
use super::parse::{self, LevelName};
use super::progress::{Progress, Stop};
use super::review::{self, Extent, Review};
use super::seed::Seed;
use super::subject::Subject;
use super::{Console, engine};
use crate::campaign::Shard;
use crate::framing::Framing;
use crate::oracle::Level;
use engine::Judged;

/// Options of every judgement.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Only scenarios or requirements whose id matches, such as SEG-* or segmentation/*; may be repeated
    #[arg(long, value_name = "PATTERN", help_heading = "Which cases")]
    only: Vec<String>,

    /// All but those; may be repeated
    #[arg(long, value_name = "PATTERN", help_heading = "Which cases")]
    skip: Vec<String>,

    /// Further scenario files or folders; one that has a built-in's id replaces it; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Which cases")]
    scenarios: Vec<PathBuf>,

    /// Also what takes long
    #[arg(long, help_heading = "Which cases")]
    thorough: bool,

    /// A stable part of the cases, for several machines: 1/4 is the first of four parts
    #[arg(long, value_name = "K/N", value_parser = parse::shard, help_heading = "Which cases")]
    shard: Option<Shard>,

    /// Which levels count as failures; what fails below them is a warning
    #[arg(long, value_enum, default_value = "must", help_heading = "Verdict and reports")]
    level: LevelName,

    /// A report to write, by default the text report to standard output; may be repeated
    ///
    /// `echospec list formats` shows the formats. With no PATH a report goes to standard output; where none does, the
    /// text report does. Files are written whole or not at all.
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = destination, help_heading = "Verdict and reports")]
    report: Vec<Destination>,

    #[command(flatten)]
    review: review::Args,

    /// Everything random follows from it; a number, or any text such as a commit hash
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "How it is run")]
    seed: String,

    /// Play each case so many times; it passes if it always does
    #[arg(long, value_name = "N", default_value = "1", value_parser = count, help_heading = "How it is run")]
    repeat: usize,

    /// Cases at once, at most: 32, or 8 clients; a target that serves fewer connections gets fewer
    #[arg(long, value_name = "N", value_parser = count, help_heading = "How it is run")]
    jobs: Option<usize>,

    /// Multiply every deadline and window, for a slow machine or a long way
    #[arg(long, value_name = "X", default_value = "1", value_parser = parse::time_scale, allow_negative_numbers = true, help_heading = "How it is run")]
    time_scale: f64,

    /// End the run after so long, as in 5m; the partial report is still written
    #[arg(long, value_name = "D", value_parser = parse::duration, help_heading = "How it is run")]
    timeout: Option<Duration>,
}

/// From 1 to 10,000.
fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| "a count is a number from 1 to 10000".into())
}

/// A checked command line.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// Who is judged.
    pub(super) subject: Subject,
    /// At least one.
    pub(super) framings: Vec<Framing>,
    /// Patterns of ids.
    pub(super) only: Vec<String>,
    /// Patterns of ids.
    pub(super) skip: Vec<String>,
    /// Further scenario files and folders.
    pub(super) scenarios: Vec<PathBuf>,
    /// Which levels count.
    pub(super) level: Level,
    /// What everything random follows from.
    pub(super) seed: Seed,
    /// How often each case is played.
    pub(super) repeat: usize,
    /// A part of the cases.
    pub(super) shard: Option<Shard>,
    /// Cases at once.
    pub(super) jobs: usize,
    /// Multiplies deadlines.
    pub(super) time_scale: f64,
    /// The bound of the run.
    pub(super) timeout: Option<Duration>,
    /// Also what takes long.
    pub(super) thorough: bool,
    /// Not ended early when the target has failed: the report is compared with another one.
    pub(super) patient: bool,
}

impl Trial {
    pub(super) fn new(subject: Subject, framings: Vec<Framing>, args: &Args) -> Self {
        Self {
            framings,
            only: args.only.clone(),
            skip: args.skip.clone(),
            scenarios: args.scenarios.clone(),
            level: args.level.into(),
            seed: Seed::new(&args.seed),
            repeat: args.repeat,
            shard: args.shard,
            jobs: args.jobs.unwrap_or(subject.jobs()),
            time_scale: args.time_scale,
            timeout: args.timeout,
            thorough: args.thorough,
            patient: args.review.is_given(),
            subject,
        }
    }
}

/// Judges, writes the reports, and says how the run ends.
pub(super) fn run(trial: &Trial, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let destinations = Destinations::new(&args.report, &args.review.files())?;
    let review = Review::new(&args.review, &args.scenarios)?;
    let progress = Progress::new(console, destinations.events()?);
    let judged = engine::check(trial, &progress);
    let stopped = progress.why_stopped();
    let events = progress.finish();
    let Judged { mut report, untested } = judged?;
    let mut outcome = match review.judge(&mut report, extent(trial, &untested, stopped)) {
        Ok(outcome) => outcome,
        Err(failure) => {
            // What was to be reviewed cannot be written; what was found is told nevertheless.
            destinations.write_beside(&events, &report, console)?;
            events.finish()?;
            return Err(failure);
        }
    };
    let mut others: Vec<Exit> = untested.iter().map(Failure::exit).collect();
    others.extend(stopped.filter(|stop| *stop == Stop::Interrupted).map(|_| Exit::Interrupted));
    if let Some(stop) = stopped {
        outcome.partial(stop.words());
    }
    let exit = outcome.note(&mut report, &others);
    destinations.write_beside(&events, &report, console)?;
    events.finish()?;
    for untested in &untested {
        console.complain(untested);
    }
    if stopped == Some(Stop::OutOfTime) {
        console.remark("the run was ended by --timeout; the report is partial");
    }
    outcome.show(console);
    Ok(exit)
}

/// How much of what can be asked of the target this run asked.
fn extent(trial: &Trial, untested: &[Failure], stopped: Option<Stop>) -> Extent {
    let all_cases = trial.only.is_empty() && trial.skip.is_empty() && trial.shard.is_none();
    Extent { finished: stopped.is_none() && untested.is_empty(), all_cases }
}
