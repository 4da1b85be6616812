//! The command.
#![forbid(unsafe_code)]
#![forbid(unstable_features)]

use std::io;
use std::process::ExitCode;

use echospec::cli::{Console, Leftovers, run};

fn main() -> ExitCode {
    let _leftovers = Leftovers::default();
    let (mut out, mut err) = (io::stdout(), io::stderr());
    run(std::env::args_os(), &mut Console::standard(&mut out, &mut err)).into()
}
