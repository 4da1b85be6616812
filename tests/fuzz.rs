//! `echospec fuzz` over TCP: what it finds, what it writes, how it ends.

mod golden;
mod listening;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use golden::golden;
use listening::{Listening, run, said};
use tempfile::TempDir;

/// A folder for findings, and what was said when it was filled.
struct Fuzzed {
    folder: TempDir,
    output: Output,
}

impl Fuzzed {
    fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let findings = folder.path().join("findings");
        let findings = ["--findings", findings.to_str().expect("UTF-8")];
        let output = run(&[&["fuzz"], args, &findings].concat());
        Self { folder, output }
    }

    fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    fn said(&self) -> String {
        said(&self.output).replace(self.folder.path().to_str().expect("UTF-8"), "")
    }

    fn files(&self) -> Vec<PathBuf> {
        let listed = fs::read_dir(self.folder.path().join("findings"));
        listed.into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
    }
}

fn replayed(file: &Path, port: &str) -> (Option<i32>, String) {
    let output = run(&["replay", file.to_str().expect("UTF-8"), port]);
    (output.status.code(), said(&output))
}

/// Without what differs from run to run.
fn steady(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        words.push(if word.ends_with("/s),") { "(RATE/s),".into() } else { word.into() });
    }
    let at = words.iter().position(|word| word == "in").map_or(0, |at| at + 1);
    words[at] = "TIME".into();
    words.join(" ")
}

#[test]
fn what_is_found_over_tcp_fails_again_and_is_fixed_by_a_right_server() {
    let faults = [
        ("surplus-dropped", "length:u32be"),
        ("delimiter-within-a-read", "crlf"),
        ("length-signed-8", "length:u16be"),
        ("nul-ends-message", "raw"),
        ("previous-reply", "lf"),
        ("leading-zeros-taken", "netstring,max=99999"),
        ("fin-inside-hangs", "fixed:16"),
        ("resets-for-fin", "close"),
        ("group-of-254", "cobs"),
        ("varint-cut-behind-one-is-zero", "length:varint"),
    ];
    std::thread::scope(|scope| {
        for (fault, framing) in faults {
            scope.spawn(move || found_and_fixed(fault, framing));
        }
    });
}

fn found_and_fixed(fault: &str, framing: &str) {
    let (wrong, right) = (Listening::serving(framing, Some(fault)), Listening::serving(framing, None));
    let fuzzed = Fuzzed::new(&[&wrong.port, "--framing", framing, "--cases", "4000"]);
    assert_eq!(fuzzed.code(), Some(1), "{fault} in {framing}: {}", fuzzed.said());
    let files = fuzzed.files();
    let [file] = files.as_slice() else { panic!("{fault} in {framing}: {files:?}") };
    let text = fs::read_to_string(file).expect("a scenario");
    let (code, said) = replayed(file, &wrong.port);
    assert!(code == Some(1) && said.contains("FAILS\n"), "{fault} in {framing}: {said}\n{text}");
    let (code, said) = replayed(file, &right.port);
    assert!(code == Some(0) && said.contains("FIXED\n"), "{fault} in {framing}: {said}\n{text}");
}

#[test]
fn a_finding_is_told_and_written() {
    let serving = Listening::serving("length:u16be", Some("prefix-wraps-at-256"));
    let fuzzed = Fuzzed::new(&[&serving.port, "--framing", "length:u16be", "--jobs", "1", "--seed", "4f1d2c3"]);
    assert_eq!(fuzzed.code(), Some(1));
    let text = fs::read_to_string(&fuzzed.files()[0]).expect("a scenario");
    golden("fuzz-finding", &format!("{}\n{text}", steady(&fuzzed.said().replace(&serving.port, "PORT"))));
}

#[test]
fn a_right_server_is_accused_of_nothing() {
    for framing in ["length:u32be", "lines", "close", "fixed:16", "netstring", "cobs"] {
        let serving = Listening::serving(framing, None);
        let fuzzed = Fuzzed::new(&[&serving.port, "--framing", framing, "--cases", "400", "--seed", framing]);
        assert_eq!(fuzzed.code(), Some(0), "{framing}: {}", fuzzed.said());
        assert!(fuzzed.said().contains("400 cases") && fuzzed.files().is_empty(), "{}", fuzzed.said());
    }
}

#[test]
fn without_a_target_the_reference_server_is_fuzzed_in_each_strategy() {
    let fuzzed = Fuzzed::new(&["--cases", "50"]);
    assert_eq!(fuzzed.code(), Some(0), "{}", fuzzed.said());
    assert_eq!(fuzzed.said().lines().count(), 4, "{}", fuzzed.said());
}

#[test]
fn a_target_that_dies_is_started_again_and_its_death_pinned_on_a_case() {
    let command = format!(
        "{} serve --listen 127.0.0.1:{{port}} --framing length:u32be --fault nul-kills",
        env!("CARGO_BIN_EXE_echospec")
    );
    let fuzzed = Fuzzed::new(&["--exec", &command, "--framing", "length:u32be", "--cases", "2000"]);
    assert_eq!(fuzzed.code(), Some(1), "{}", fuzzed.said());
    assert!(fuzzed.said().contains("target-died: the target died in this case: exit code 1"), "{}", fuzzed.said());
    let text = fs::read_to_string(&fuzzed.files()[0]).expect("a scenario");
    assert!(text.contains("      hex: \"00\"\n"), "{text}");
}

/// Accepts, and does this with each client.
fn hostile(behaviour: fn(std::net::TcpStream, u32)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port().to_string();
    std::thread::spawn(move || {
        for (number, stream) in (0..).zip(listener.incoming().flatten()) {
            std::thread::spawn(move || behaviour(stream, number));
        }
    });
    port
}

/// An echo for as many clients as the calibration needs.
fn echo(mut stream: std::net::TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(len @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..len]).is_err() {
            return;
        }
    }
}

#[test]
fn a_hostile_target_costs_neither_the_run_nor_its_memory() {
    let flood = |mut stream: std::net::TcpStream, number| match number {
        0..60 => echo(stream),
        _ => while stream.write_all(&[b'x'; 4096]).is_ok() {},
    };
    let hang = |stream, number| match number {
        0..60 => echo(stream),
        _ => std::thread::sleep(Duration::from_secs(60)),
    };
    for behaviour in [flood, hang] {
        let (port, began) = (hostile(behaviour), Instant::now());
        let fuzzed = Fuzzed::new(&[&port, "--framing", "raw", "--cases", "100", "--jobs", "8", "--time-scale", "0.2"]);
        assert_eq!(fuzzed.code(), Some(1), "{}", fuzzed.said());
        assert!(began.elapsed() < Duration::from_secs(60), "{}", fuzzed.said());
    }
}

#[test]
fn what_cannot_be_fuzzed_is_refused_or_untested() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port().to_string();
    let unreachable = Fuzzed::new(&[&port, "--framing", "lines"]);
    assert_eq!(unreachable.code(), Some(3));
    assert!(unreachable.said().contains("was not fuzzed: no connection (refused)"), "{}", unreachable.said());
    for wrong in [
        vec!["7000"],
        vec!["--exec", "sleep 60", "--framing", "lines"],
        vec!["--cases", "0"],
        vec!["--max-size", "many"],
        vec!["--shard", "3/2"],
    ] {
        assert_eq!(Fuzzed::new(&wrong).code(), Some(2), "{wrong:?}");
    }
}

/// `cargo test --release --test fuzz -- --ignored --nocapture throughput`: cases a second beside a loop that does nothing but
/// connect, send, receive and close, as many at once against the same server, in turns.
#[test]
#[ignore = "measures"]
fn throughput() {
    const JOBS: usize = 32;
    let serving = Listening::serving("length:u32be", None);
    let address: std::net::SocketAddr = format!("127.0.0.1:{}", serving.port).parse().expect("an address");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut ratios = Vec::new();
    for round in 0..5 {
        let bare = runtime.block_on(bare_loop(address, JOBS, Duration::from_secs(6)));
        std::thread::sleep(Duration::from_secs(3)); // until its ports are free again
        let seed = round.to_string();
        let fuzzed = Fuzzed::new(&[&serving.port, "--framing", "length:u32be", "--time", "8s", "--seed", &seed]);
        let said = fuzzed.said();
        let rate = said.split(['(', '/']).find_map(|word| word.parse::<f64>().ok()).expect("a rate");
        println!("{rate:.0} cases/s, {bare:.0} bare sessions/s, ratio {:.2}: {said}", rate / bare);
        ratios.push(rate / bare);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[2]);
}

/// Sessions a second.
async fn bare_loop(address: std::net::SocketAddr, jobs: usize, time: Duration) -> f64 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (began, frame) = (Instant::now(), [&60_u32.to_be_bytes()[..], &[b'x'; 60]].concat());
    let one = || {
        let frame = frame.clone();
        tokio::spawn(async move {
            let mut sessions = 0_u64;
            while began.elapsed() < time {
                let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
                stream.write_all(&frame).await.expect("written");
                stream.read_exact(&mut vec![0; frame.len()]).await.expect("the reply");
                sessions += 1;
            }
            sessions
        })
    };
    let tasks: Vec<_> = (0..jobs).map(|_| one()).collect();
    let mut sessions = 0;
    for task in tasks {
        sessions += task.await.expect("it ends");
    }
    sessions as f64 / began.elapsed().as_secs_f64()
}

/// An echo with a length of four bytes that keeps a descriptor for each message with an `a` in it.
const LEAKS: &str = r#"
import os, socket, struct, sys, threading
kept = []

def read(conn, size):
    data = bytearray()
    while len(data) < size and (chunk := conn.recv(size - len(data))):
        data += chunk
    return bytes(data) if len(data) == size else None

def serve(conn):
    with conn:
        try:
            while (head := read(conn, 4)) is not None:
                size = struct.unpack(">I", head)[0]
                if size > 1 << 20 or (body := read(conn, size)) is None:
                    conn.shutdown(socket.SHUT_WR)
                    while conn.recv(65536):
                        pass
                    return
                if b"a" in body:
                    kept.append(os.open(os.devnull, os.O_RDONLY))
                conn.sendall(head + body)
        except OSError:
            pass

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

#[cfg(target_os = "linux")]
#[test]
fn descriptors_that_are_kept_are_pinned_on_a_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = folder.path().join("server.py");
    fs::write(&server, LEAKS).expect("the server is written");
    let command = format!("python3 {} {{port}}", server.display());
    let framing = "length:u32be,max=1MiB,over=close";
    let fuzzed = Fuzzed::new(&["--exec", &command, "--framing", framing, "--cases", "100"]);
    assert_eq!(fuzzed.code(), Some(1), "{}", fuzzed.said());
    assert!(fuzzed.said().contains("descriptors-kept: "), "{}", fuzzed.said());
    let file = fuzzed.files().pop().expect("a scenario");
    let text = fs::read_to_string(&file).expect("a scenario");
    assert!(text.contains("watch:\n  descriptors: ") && text.contains("message: a\n"), "{text}");
    let file = file.to_str().expect("UTF-8");
    let check = ["check", "--exec", &command, "--framing", framing, "--scenarios", file, "--only"];
    let output = run(&[&check[..], &["ses-10-descriptors-kept"]].concat());
    assert!(output.status.code() == Some(1) && said(&output).contains("descriptors-kept"), "{}", said(&output));
}
