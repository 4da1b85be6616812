//! `echospec send`: the reference client.

use std::io::{self, Read};
use std::time::Duration;

use bytes::Bytes;

use super::Console;
use super::engine::runtime;
use super::exit::{Exit, Failure};
use super::parse;
use super::target::{PLACES, Target};
use crate::framing::{Deframer, Framing, Strategy};
use crate::oracle::{Judgement, judge};
use crate::peer::{Conversation, conversation};
use crate::session::{Event, Failure as Refusal, Script, Trace};
use crate::transport::{Tcp, Transport};

/// Send one message as the reference client does, and print what comes back
///
/// It connects, sends, listens for the reply and closes. The payload of the reply goes to standard output as it is. Exit code 0: it is the message; 1: it is not; 3: nobody
/// could be connected to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[arg(value_parser = Target::to_connect, help = PLACES)]
    target: Target,

    /// The message; without it, or as `-`, standard input is the message
    message: Option<String>,

    /// How messages are framed (see `echospec list framings`)
    #[arg(long, value_name = "F", value_parser = parse::framing)]
    framing: Framing,

    /// How long nothing may come while the reply is due
    #[arg(long, value_name = "D", default_value = "10s", value_parser = parse::duration)]
    timeout: Duration,
}

const EXAMPLES: &str = "\
Examples:
  echospec send 7000 hello --framing lines
  head -c 1000000 /dev/urandom | echospec send 7000 --framing length:u32be > reply";

/// The largest message, in bytes: what the reference server takes.
const LARGEST: u64 = crate::peer::Settings::DEFAULT_MAX;

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let message = message(args)?;
    let plan = Conversation { framing: &args.framing, messages: &[message], within: args.timeout };
    let no_message = |error| Failure::usage(format!("{} cannot carry this message: {error}", args.framing));
    let script = Script { bound: args.timeout * 10, ..conversation(&plan).map_err(no_message)? };
    let tcp = Tcp::new(args.target.resolve()?);
    let trace = runtime()?.block_on(tcp.run(script.clone()));
    if let Some(why) = refusal(&trace) {
        return Err(Failure::Untested(format!("cannot connect to {}: {why}", args.target)));
    }
    console.print(&payload(&args.framing, &trace))?;
    Ok(say(&judge(&script, &trace), console))
}

fn message(args: &Args) -> Result<Bytes, Failure> {
    let mut bytes = Vec::new();
    match args.message.as_deref() {
        Some(text) if text != "-" => bytes.extend_from_slice(text.as_bytes()),
        _ => {
            let read = io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes);
            read.map_err(|error| Failure::System("cannot read standard input".into(), error))?;
        }
    }
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::usage(format!("a message has at most {LARGEST} bytes")));
    }
    Ok(bytes.into())
}

fn refusal(trace: &Trace) -> Option<Refusal> {
    trace.records.iter().find_map(|record| match record.event {
        Event::ConnectFailed(why) => Some(why),
        _ => None,
    })
}

/// What came back: the payload of each message, or the bytes themselves where there are no messages.
fn payload(framing: &Framing, trace: &Trace) -> Vec<u8> {
    let received = trace.records.iter().filter_map(|record| match &record.event {
        Event::Received(bytes) => Some(bytes.as_ref()),
        _ => None,
    });
    let received = received.collect::<Vec<_>>().concat();
    if matches!(framing.strategy(), Strategy::Raw | Strategy::Close) {
        return received;
    }
    let mut deframer = Deframer::new(&framing.reply());
    deframer.push(&received);
    let frames = std::iter::from_fn(|| deframer.next_frame()?.ok());
    frames.flat_map(|frame| frame.payload).collect()
}

/// Says on standard error what was wrong with the reply.
fn say(judgement: &Judgement, console: &mut Console<'_>) -> Exit {
    for breach in &judgement.breaches {
        console.remark(&format!("{}: {}", breach.rule, breach.sentence));
        for (name, text) in [("expected", &breach.expected), ("actual  ", &breach.actual)] {
            if let Some(text) = text {
                console.remark(&format!("  {name} {text}"));
            }
        }
    }
    if judgement.breaches.is_empty() { Exit::Conforms } else { Exit::Nonconforming }
}
