//! `cargo bench`: what a case costs that has nothing to wait for, beside a loop that does nothing but connect, send, receive
//! and close, as many at once against the same server, in turns. Each such case opens one connection and sends one message in
//! two or three segments, each of which the server is seen to have read before the next leaves.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[path = "../tests/program/listening.rs"]
mod listening;

use listening::{Listening, run, said};

const ROUNDS: usize = 5;
const JOBS: usize = 32;
const FRAMING: &str = "length:u32be";

fn main() {
    let serving = Listening::serving(FRAMING, None);
    let few = ["--only", "SEG-01"].as_slice();
    let many = &["--only", "segmentation/one-cut-every-offset-of-4000", "--only", "SEG-03", "--thorough"];
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let bare = bare_sessions(&serving.port, Duration::from_secs(3));
        // What measuring the target and starting the program take is taken off.
        let [few, many] = [few, many].map(|only| judged(&serving.port, only));
        let (cases, took) = (many.0 - few.0, many.1.saturating_sub(few.1));
        let each = took.as_secs_f64() * 1e3 / cases as f64;
        let ratio = 1e3 / each / bare;
        println!("{cases} cases, {each:.3} ms each; {bare:.0} bare sessions/s, {ratio:.2} cases for each");
        ratios.push((ratio, each));
    }
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, each) = ratios[ROUNDS / 2];
    println!("median: {each:.3} ms a case, {ratio:.2} cases for each bare session");
    assert!(each < 1.0, "a case that has nothing to wait for takes at most 1 ms");
}

/// How many cases passed, and how long the run took.
fn judged(port: &str, only: &[&str]) -> (usize, Duration) {
    let began = Instant::now();
    let output = run(&[&["check", port, "--framing", FRAMING, "--report", "json"], only].concat());
    let took = began.elapsed();
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    let passed = report["summary"]["cases"]["pass"].as_u64().expect("cases that passed");
    (passed as usize, took)
}

/// Sessions a second.
fn bare_sessions(port: &str, time: Duration) -> f64 {
    let (address, began) = (format!("127.0.0.1:{port}"), Instant::now());
    let frame = [&60_u32.to_be_bytes()[..], &[b'x'; 60]].concat();
    let one = || {
        let (mut sessions, mut reply) = (0_usize, vec![0; frame.len()]);
        while began.elapsed() < time {
            let mut stream = TcpStream::connect(&address).expect("a connection");
            stream.write_all(&frame).expect("written");
            stream.read_exact(&mut reply).expect("the reply");
            sessions += 1;
        }
        sessions
    };
    let sessions: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (0..JOBS).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| thread.join().expect("it ends")).sum()
    });
    sessions as f64 / began.elapsed().as_secs_f64()
}
