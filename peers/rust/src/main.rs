//! tokio and tokio-util's codecs: rust-echo NAME PORT

use std::error::Error;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::bytes::Bytes;
use tokio_util::codec::{AnyDelimiterCodec, Framed, LengthDelimitedCodec, LinesCodec};

type Failure = Box<dyn Error + Send + Sync>;

const LARGEST: usize = 64 << 20;

async fn copy(mut stream: TcpStream) -> Result<(), Failure> {
    let (mut reader, mut writer) = stream.split();
    tokio::io::copy(&mut reader, &mut writer).await?;
    Ok(writer.shutdown().await?)
}

async fn whole(mut stream: TcpStream) -> Result<(), Failure> {
    let mut data = Vec::new();
    stream.read_to_end(&mut data).await?;
    stream.write_all(&data).await?;
    Ok(stream.shutdown().await?)
}

async fn lengths(stream: TcpStream, codec: LengthDelimitedCodec) -> Result<(), Failure> {
    let mut framed = Framed::new(stream, codec);
    while let Some(frame) = framed.next().await {
        framed.send(frame?.freeze()).await?;
    }
    Ok(())
}

/// What is too long is skipped, as the codec does after its error.
async fn lines(stream: TcpStream, codec: LinesCodec) -> Result<(), Failure> {
    let mut framed = Framed::new(stream, codec);
    while let Some(line) = framed.next().await {
        framed.send(line?).await?;
    }
    Ok(())
}

async fn delimited(stream: TcpStream) -> Result<(), Failure> {
    let codec = AnyDelimiterCodec::new(b"\0".to_vec(), b"\0".to_vec());
    let mut framed = Framed::new(stream, codec);
    while let Some(chunk) = framed.next().await {
        let chunk: Bytes = chunk?;
        framed.send(String::from_utf8_lossy(&chunk).into_owned()).await?;
    }
    Ok(())
}

async fn session(name: &str, stream: TcpStream) -> Result<(), Failure> {
    let lengths_of = |bytes| LengthDelimitedCodec::builder().length_field_length(bytes).max_frame_length(LARGEST).new_codec();
    stream.set_nodelay(true)?;
    match name {
        "copy" => copy(stream).await,
        "whole" => whole(stream).await,
        "u8" => lengths(stream, lengths_of(1)).await,
        "u16be" => lengths(stream, lengths_of(2)).await,
        "u32be" => lengths(stream, lengths_of(4)).await,
        "u64be" => lengths(stream, lengths_of(8)).await,
        "u32be-short" => {
            lengths(stream, LengthDelimitedCodec::builder().max_frame_length(1000).new_codec()).await
        }
        "lines" => lines(stream, LinesCodec::new_with_max_length(LARGEST)).await,
        "lines-short" => lines(stream, LinesCodec::new_with_max_length(1000)).await,
        "any-delimiter" => delimited(stream).await,
        _ => panic!("there is no {name}"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let [_, name, port] = std::env::args().collect::<Vec<_>>().try_into().expect("NAME PORT");
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    let name: &'static str = name.leak();
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(session(name, stream));
    }
}
