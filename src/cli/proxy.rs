//! `echospec proxy`: stands between a client and a server.

use tokio::sync::watch;

use super::Console;
use super::ending::asked_to_end;
use super::engine::runtime;
use super::exit::{Exit, Failure};
use super::seed::Seed;
use super::target::{PLACES, Target};
use crate::proxy::Toxic;
use crate::transport::{Proxy, Ways};

/// Stand between a client and a server, and split, delay, corrupt, cut
///
/// Without toxics it passes everything on as it comes: bytes, half-closes and resets, in both directions. With them it
/// does to each connection what networks and middleboxes do. A toxic is NAME=VALUE (see `echospec list toxics`); several
/// take effect one after another, in the order in which they are given. It prints `listening on ADDRESS` when clients
/// can connect, and ends at Ctrl-C or SIGTERM.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The server
    #[arg(long, value_name = "TARGET", value_parser = Target::to_connect, help = format!("The server: {PLACES}"))]
    to: Target,

    /// Where to listen: an address, or a port of this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7001")]
    listen: Target,

    /// What happens from the client to the server; several are separated by commas, or the option is repeated
    #[arg(long, value_name = "TOXIC", value_delimiter = ',')]
    upstream: Vec<Toxic>,

    /// What happens from the server to the client, likewise
    #[arg(long, value_name = "TOXIC", value_delimiter = ',')]
    downstream: Vec<Toxic>,

    /// Everything random follows from it and the number of the connection; a number, or any text
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    seed: String,
}

const EXAMPLES: &str = "\
Examples:
  echospec proxy --to 7000                                     on port 7001, changing nothing
  echospec proxy --to 7000 --upstream split=every-byte/1ms --downstream jitter=20ms
  echospec proxy --to 7000 --downstream delay=40ms,cut=1000    FIN after 1000 bytes of replies
  echospec check 7001 --framing lines                          judge what is behind it";

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    runtime()?.block_on(serve(args, console))
}

async fn serve(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let refused = |error| Failure::System(format!("cannot listen on {}", args.listen), error);
    let ways = Ways { up: args.upstream.clone(), down: args.downstream.clone(), seed: Seed::new(&args.seed).number };
    let proxy = Proxy::bind(args.listen.resolve()?, args.to.resolve()?, ways).await.map_err(refused)?;
    let address = proxy.address().map_err(refused)?;
    let ended = asked_to_end(); // whoever reads the line may end it at once
    console.print(format!("listening on {address}\n").as_bytes())?;
    let (stop, stopped) = watch::channel(false);
    tokio::select! {
        () = proxy.serve(stopped) => {}
        () = ended => {}
    }
    drop(stop);
    Ok(Exit::Conforms)
}
