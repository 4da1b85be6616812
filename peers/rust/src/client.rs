//! tokio-util's LengthDelimitedCodec, sending and receiving at once: rust-client HOST PORT, the message on standard input

use std::error::Error;
use std::io::{Read, Write, stdin, stdout};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::bytes::Bytes;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

const LARGEST: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(8);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, host, port] = std::env::args().collect::<Vec<_>>().try_into().expect("HOST PORT");
    let mut message = Vec::new();
    stdin().read_to_end(&mut message)?;
    let message = Bytes::from(message);
    let stream = TcpStream::connect((host.as_str(), port.parse()?)).await?;
    let (reader, writer) = stream.into_split();
    let codec = LengthDelimitedCodec::builder().max_frame_length(LARGEST).new_codec();
    let (mut replies, mut sink) = (FramedRead::new(reader, codec.clone()), FramedWrite::new(writer, codec));
    let exchange = async { tokio::join!(sink.send(message.clone()), replies.next()) };
    let (sent, reply) = timeout(PATIENCE, exchange).await?;
    sent?;
    let reply = reply.ok_or("closed without a reply")??;
    stdout().write_all(&reply)?;
    if reply == message { Ok(()) } else { Err("the reply is not the message".into()) }
}
