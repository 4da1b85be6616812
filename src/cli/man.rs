//! `echospec man`: manual pages.

use clap_mangen::Man;

use super::exit::{Exit, Failure};
use super::{Console, command};

/// Print a manual page, for `man -l -`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  echospec man | man -l -\n  echospec man check > echospec-check.1")]
pub(super) struct Args {
    /// Of one command; without it, of echospec itself
    command: Option<String>,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let failed = |error| Failure::Output("the manual page".into(), error);
    Man::new(subject(args.command.as_deref())?).render(&mut page).map_err(failed)?;
    console.print(&page)?;
    Ok(Exit::Conforms)
}

/// The command that the page is about.
fn subject(name: Option<&str>) -> Result<clap::Command, Failure> {
    let mut all = command();
    all.build();
    let Some(name) = name else { return Ok(all) };
    match all.find_subcommand(name) {
        Some(found) => Ok(found.clone()),
        None => Err(Failure::usage(format!("there is no command `{name}`; `echospec --help` shows all"))),
    }
}
