//! What `echospec fuzz` says of a target is true of the target, and not of what was made of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use crate::fuzzed::{Fuzzed, written};
use crate::listening::{Listening, run, said};

/// An echo with a length of one byte that takes a first byte that comes alone for a sign of life, and so an empty message,
/// which the calibration takes for a choice.
const ALIVE: &str = r#"
import socket, sys, threading

def serve(conn):
    first, rest = True, b""
    with conn:
        while chunk := conn.recv(65536):
            if not (first and len(chunk) == 1):
                rest += chunk
            first = False
            while rest and len(rest) > rest[0]:
                conn.sendall(rest[: rest[0] + 1])
                rest = rest[rest[0] + 1 :]

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

#[test]
fn what_follows_from_a_measured_choice_is_told_with_it_and_a_right_server_passes() {
    let (_folder, command) = written(ALIVE, "");
    let fuzzed = Fuzzed::new(&["--exec", &command, "--framing", "length:u8", "--cases", "400", "--max-findings", "2"]);
    assert_eq!(fuzzed.code(), Some(1), "{}", fuzzed.said());
    for file in fuzzed.files() {
        let said = said(&run(&["replay", file.to_str().expect("UTF-8")]));
        assert_eq!(said, "FIXED\n", "{}", fs::read_to_string(&file).expect("a scenario"));
    }
    let texts = fuzzed.files().into_iter().map(|file| (fs::read_to_string(&file).expect("a scenario"), file));
    let is_measured = |text: &str| text.starts_with("# framing: length:u8,empty=skip\n");
    let (text, file) = texts.into_iter().find(|(text, _)| is_measured(text)).expect("one that rests on the choice");
    assert!(text.contains("where the target does as it did when it was measured: length:u8,empty=skip\n"), "{text}");
    let replayed = run(&["replay", file.to_str().expect("UTF-8"), "--exec", &command]);
    assert_eq!(replayed.status.code(), Some(1), "{text}");
}

/// A server that sends back what comes for so many clients, and then does this.
fn turning(clients: usize, behaviour: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port().to_string();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            std::thread::spawn(move || if number < clients { echo(stream) } else { behaviour(stream) });
        }
    });
    port
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..len]).is_err() {
            return;
        }
    }
}

/// More than the calibration needs.
const CLIENTS: usize = 500;

#[test]
fn a_run_without_a_case_is_no_pass() {
    let fuzzed = Fuzzed::new(&["--framing", "lf", "--time", "1ms"]);
    assert_eq!(fuzzed.code(), Some(3), "{}", fuzzed.said());
    assert!(fuzzed.said().contains("delimiter:lf was not fuzzed: the run was ended before"), "{}", fuzzed.said());
}

#[test]
fn a_target_that_is_silent_when_the_time_is_over_is_dead() {
    let port = turning(CLIENTS, |_stream| std::thread::sleep(Duration::from_secs(60)));
    let fuzzed = Fuzzed::new(&[&port, "--framing", "raw", "--time", "4s", "--time-scale", "0.5"]);
    assert_eq!(fuzzed.code(), Some(1), "{}", fuzzed.said());
    assert!(fuzzed.said().contains("; the target no longer answers"), "{}", fuzzed.said());
}

#[test]
fn a_target_of_which_nothing_can_be_judged_any_more_has_not_passed() {
    let dribble = |mut stream: TcpStream| {
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let port = turning(CLIENTS, dribble);
    let fuzzed = Fuzzed::new(&[&port, "--framing", "lf,partial=no", "--time", "5s", "--time-scale", "0.2"]);
    assert_eq!(fuzzed.code(), Some(4), "{}", fuzzed.said());
    assert!(fuzzed.said().contains("; nothing could be judged in the last "), "{}", fuzzed.said());
}

/// An echo that ends after a while, whatever is asked of it.
const MORTAL: &str = r#"
import os, socket, sys, threading

def serve(conn):
    with conn:
        try:
            while chunk := conn.recv(65536):
                conn.sendall(chunk)
        except OSError:
            pass

threading.Timer(1.5, os._exit, [3]).start()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

#[test]
fn a_death_that_no_case_explains_is_told_nevertheless() {
    let (_folder, command) = written(MORTAL, "");
    let fuzzed = Fuzzed::new(&["--exec", &command, "--framing", "raw", "--time", "6s"]);
    assert_eq!(fuzzed.code(), Some(1), "{}", fuzzed.said());
    assert!(fuzzed.said().contains("; the target "), "{}", fuzzed.said());
}

#[test]
fn the_framings_share_the_time() {
    // Far more than four targets need to be measured, on whatever machine: the others of this file run as long beside it.
    let fuzzed = Fuzzed::new(&["--time", "20s"]);
    assert_eq!(fuzzed.code(), Some(0), "{}", fuzzed.said());
    assert_eq!(fuzzed.said().matches(" cases in ").count(), 4, "{}", fuzzed.said());
}

#[test]
fn what_cannot_be_written_is_said() {
    let serving = Listening::serving("length:u16be", Some("prefix-wraps-at-256"));
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let findings = file.join("findings");
    let findings = findings.to_str().expect("UTF-8");
    let fuzzed = run(&["fuzz", &serving.port, "--framing", "length:u16be", "--jobs", "1", "--findings", findings]);
    let out = String::from_utf8_lossy(&fuzzed.stdout);
    assert_eq!(fuzzed.status.code(), Some(3), "{}", said(&fuzzed));
    assert!(out.contains("; 1 failure") && out.contains("# framing: length:u16be\n"), "{out}");
    assert!(out.contains("\nsteps:\n") && said(&fuzzed).contains("cannot write "), "{out}");
}

/// An echo in close framing whose FIN comes late.
const LATE: &str = r#"
import socket, sys, threading, time

def serve(conn):
    with conn:
        while chunk := conn.recv(65536):
            conn.sendall(chunk)
        time.sleep(3)

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

const LATE_FIN: &str = "\
# framing: close
title: the end comes in time
steps:
  - send: {message: a, fin: with}
  - expect: closed
";

#[test]
fn a_finding_is_replayed_with_the_deadlines_of_the_target_and_whoever_waits_is_told() {
    let (folder, command) = written(LATE, "");
    let file = folder.path().join("late.yaml");
    fs::write(&file, LATE_FIN).expect("written");
    let replayed = run(&["replay", file.to_str().expect("UTF-8"), "--exec", &command]);
    assert_eq!(replayed.status.code(), Some(1), "{}", said(&replayed));
    assert!(said(&replayed).contains("it is tried again with more time, 2 of 3\n"), "{}", said(&replayed));
}

/// An echo with a length of one byte that alters what is short, once it has seen something long.
const REMEMBERS: &str = r#"
import socket, sys, threading
seen = []

def read(conn, size):
    data = b""
    while len(data) < size and (chunk := conn.recv(size - len(data))):
        data += chunk
    return data if len(data) == size else None

def serve(conn):
    with conn:
        try:
            while head := read(conn, 1):
                if (body := read(conn, head[0])) is None:
                    return
                conn.sendall(head + (b"?" * len(body) if len(body) == 1 and seen else body))
                if len(body) > 4:
                    seen.append(True)
        except OSError:
            pass

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

#[test]
fn what_a_process_remembers_is_not_shrunk_away() {
    let (_folder, command) = written(REMEMBERS, "");
    let fuzzed = Fuzzed::new(&["--exec", &command, "--framing", "length:u8,empty=echo", "--jobs", "1"]);
    assert_eq!(fuzzed.code(), Some(1), "{}", fuzzed.said());
    let file = fuzzed.files().pop().expect("a scenario");
    let text = fs::read_to_string(&file).expect("a scenario");
    let replayed = run(&["replay", file.to_str().expect("UTF-8"), "--exec", &command]);
    match replayed.status.code() {
        Some(0) => assert!(text.contains("it needs what was played before"), "{text}"),
        code => assert_eq!(code, Some(1), "{}", said(&replayed)),
    }
}
