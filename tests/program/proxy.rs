//! `echospec proxy` over TCP: without toxics nothing changes; with them, what they say.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::listening::{Listening, run, said};

fn proxied(to: &str, toxics: &[&str]) -> Listening {
    Listening::start(&[&["proxy", "--to", to], toxics].concat())
}

fn connected(port: &str) -> TcpStream {
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream
}

/// What comes until the end, and whether that is a reset.
fn rest(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (all, false),
            Ok(len) => all.extend(&buffer[..len]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return (all, true);
            }
        }
    }
}

#[test]
fn a_server_behind_a_proxy_that_does_nothing_conforms() {
    for framing in ["length:u32be", "close", "lines"] {
        let server = Listening::serving(framing, None);
        let proxy = proxied(&server.port, &[]);
        let only = ["SES-*", "SEG-0*", "CLS-*", "CLO-01", "CLO-06", "BYT-1*", "CON-01", "CON-05"];
        let only = only.iter().flat_map(|pattern| ["--only", pattern]);
        let args: Vec<_> = ["check", &proxy.port, "--framing", framing].into_iter().chain(only).collect();
        let output = run(&args);
        assert_eq!(output.status.code(), Some(0), "{framing}: {}", said(&output));
    }
}

#[test]
fn a_half_close_passes_and_the_reply_still_comes() {
    let server = Listening::serving("close", None);
    let proxy = proxied(&server.port, &[]);
    let mut client = connected(&proxy.port);
    client.write_all(b"hello").expect("written");
    client.shutdown(Shutdown::Write).expect("half-closed");
    assert_eq!(rest(&mut client), (b"hello".to_vec(), false));
}

#[test]
fn resets_pass_in_both_directions_and_nobody_listening_is_one() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port().to_string();
    let proxy = proxied(&port, &[]);
    let reset = |stream: TcpStream| {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
    };
    let mut client = connected(&proxy.port);
    client.write_all(b"x").expect("written");
    let mut server = listener.accept().expect("a client").0;
    server.read_exact(&mut [0]).expect("a byte");
    reset(server);
    assert_eq!(rest(&mut client), (Vec::new(), true));
    let client = connected(&proxy.port);
    let mut server = listener.accept().expect("a client").0;
    reset(client);
    assert_eq!(rest(&mut server), (Vec::new(), true));
    drop(listener);
    assert_eq!(rest(&mut connected(&proxy.port)), (Vec::new(), true));
}

#[test]
fn toxics_do_what_they_say() {
    let server = Listening::serving("raw", None);
    let echoed = |toxics: &[&str], message: &[u8]| {
        let proxy = proxied(&server.port, toxics);
        let mut client = connected(&proxy.port);
        let began = Instant::now();
        client.write_all(message).expect("written");
        client.shutdown(Shutdown::Write).expect("half-closed");
        let (came, reset) = rest(&mut client);
        (came, reset, began.elapsed())
    };
    let message: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let (came, _, took) = echoed(&["--upstream", "split=500/10ms,delay=50ms", "--downstream", "jitter=5ms"], &message);
    assert!(came == message && took >= Duration::from_millis(100), "{} bytes in {took:?}", came.len());
    let (came, reset, _) = echoed(&["--downstream", "cut=1000"], &message);
    assert!(came == message[..1000] && !reset, "{} bytes, {reset}", came.len());
    let (_, reset, _) = echoed(&["--upstream", "reset=1000"], &message);
    assert!(reset);
    let (came, _, _) = echoed(&["--upstream", "corrupt=1/30", "--seed", "7"], &message);
    let (again, _, _) = echoed(&["--upstream", "corrupt=1/30", "--seed", "7"], &message);
    assert!(came.len() == message.len() && came != message && came == again);
}

#[test]
fn what_a_proxy_spoils_is_found_by_check() {
    let server = Listening::serving("length:u32be", None);
    let proxy = proxied(&server.port, &["--downstream", "corrupt=1/3"]);
    let output = run(&["check", &proxy.port, "--framing", "length:u32be", "--only", "SES-05"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}

#[test]
fn it_ends_at_a_signal() {
    let mut proxy = proxied("7", &[]);
    let id = proxy.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    assert_eq!(proxy.process.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_is_no_toxic_is_refused_with_what_there_is() {
    let output = run(&["proxy", "--to", "7000", "--upstream", "lag=5ms"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("`lag` is no toxic; there are split, coalesce, delay"), "{}", said(&output));
    let listed = run(&["list", "toxics"]);
    assert!(said(&listed).lines().any(|line| line.starts_with("corrupt=1/N ")), "{}", said(&listed));
}
