//! `echospec fuzz` over TCP: what it finds, what it writes, how it ends.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::fuzzed::{Fuzzed, written};
use crate::golden::golden;
use crate::listening::{Listening, run, said};
use tempfile::TempDir;

fn replayed(file: &Path, port: &str) -> (Option<i32>, String) {
    let output = run(&["replay", file.to_str().expect("UTF-8"), port]);
    (output.status.code(), said(&output))
}

/// Without what differs from run to run.
fn steady(text: &str) -> String {
    let (head, rest) = text.split_once(" in ").expect("how long it took");
    let (_, tail) = rest.split_once("), ").expect("rates");
    format!("{head} in TIME s (RATES), {tail}")
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
    let fuzzed = Fuzzed::new(&[&wrong.port, "--framing", framing, "--cases", "4000", "--level", "should"]);
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

/// `cargo test --release --test program -- --ignored --nocapture throughput`: rates beside a loop that does nothing but
/// connect, send, receive and close, as many at once against the same server, in turns. A case may be several sessions of
/// several segments, so these are compared, too.
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
        let rates: Vec<f64> =
            said.split(['(', '/', ' ']).filter_map(|word| word.parse().ok()).skip(2).take(3).collect();
        let [cases, sessions, segments] = rates[..] else { panic!("no rates: {said}") };
        let ratio = [cases, sessions, segments].map(|rate| rate / bare);
        println!(
            "{bare:.0} bare sessions/s; {cases:.0} cases/s ({:.2}), {sessions:.0} sessions/s ({:.2}), \
             {segments:.0} segments/s ({:.2})",
            ratio[0], ratio[1], ratio[2]
        );
        ratios.push(ratio);
    }
    for (at, what) in ["cases", "sessions", "segments"].iter().enumerate() {
        let mut all: Vec<f64> = ratios.iter().map(|ratio| ratio[at]).collect();
        all.sort_by(f64::total_cmp);
        println!("{what}: median ratio {:.2}", all[2]);
    }
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

/// An echo with a length of four bytes that has a weakness for messages that begin with an `x`.
const WEAK: &str = r#"
import hashlib, os, socket, struct, sys, threading
weakness, kept, lock = sys.argv[2], [], threading.Lock()

def spin():
    while True:  # without the interpreter's lock: several threads are sure to get their share of a busy machine
        hashlib.pbkdf2_hmac("sha256", b"x", b"x", 1_000_000)

def suffer():
    if weakness == "keeps-descriptors":
        kept.append(os.open(os.devnull, os.O_RDONLY))
    elif weakness == "keeps-memory":
        kept.append(bytearray(3 << 20))
    elif weakness == "spins" and not kept:
        kept.extend(threading.Thread(target=spin, daemon=True) for _ in range(4))
        for thread in kept:
            thread.start()
    elif weakness == "hangs":
        lock.acquire()
    elif weakness == "aborts":
        os.abort()

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
                with lock:
                    pass
                if body.startswith(b"x"):
                    suffer()
                conn.sendall(head + body)
        except ConnectionResetError:
            if weakness == "dies-of-resets":
                os.abort()
        except OSError:
            pass

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

const WEAKLY_FRAMED: &str = "length:u32be,max=1MiB,over=close";

/// Its folder, its command line, and what `fuzz` finds.
fn fuzzed_weak(weakness: &str) -> (TempDir, String, Fuzzed) {
    let (folder, command) = written(WEAK, weakness);
    let options = ["--exec", &command, "--framing", WEAKLY_FRAMED, "--cases", "400", "--level", "should"];
    let fuzzed = Fuzzed::new(&[&options, patience(weakness)].concat());
    assert_eq!(fuzzed.code(), Some(1), "{weakness}: {}", fuzzed.said());
    (folder, command, fuzzed)
}

/// One that is silent for good is asked with 37 times its deadline before it counts as dead, each time.
fn patience(weakness: &str) -> &'static [&'static str] {
    if weakness == "hangs" { &["--time-scale", "0.3"] } else { &[] }
}

/// What is wrong with a process shows only in the process: `--exec` sees it, pins it on a case, and that case shows it again.
fn weak(weakness: &str, said: &[&str], shown: &str) {
    let (_folder, command, fuzzed) = fuzzed_weak(weakness);
    assert!(said.iter().all(|said| fuzzed.said().contains(said)), "{weakness}: {}", fuzzed.said());
    let file = fuzzed.files().pop().expect("a scenario");
    let text = fs::read_to_string(&file).expect("a scenario");
    assert!(text.contains(shown) && text.contains("message: x"), "{weakness}: {text}");
    let (file, id) = (file.to_str().expect("UTF-8"), file.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8"));
    let check = [
        "check",
        "--exec",
        &command,
        "--framing",
        WEAKLY_FRAMED,
        "--scenarios",
        file,
        "--level",
        "should",
        "--only",
        id,
    ];
    let output = run(&[&check, patience(weakness)].concat());
    assert_eq!(output.status.code(), Some(1), "{weakness}: {}\n{text}", self::said(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_is_told_how_to_see_a_finding_again_sees_it_again() {
    for weakness in ["keeps-descriptors", "aborts"] {
        let (_folder, command, fuzzed) = fuzzed_weak(weakness);
        let (said, file) = (fuzzed.said(), fuzzed.files().pop().expect("a scenario"));
        let path = file.to_str().expect("UTF-8");
        let again = said.lines().find_map(|line| line.trim().strip_prefix("again: echospec "));
        let words = shlex::split(again.expect("how to see it again")).expect("a command line");
        // Its folder was taken out of what it said.
        let is_file = |word: &str| Path::new(word).file_name().is_some_and(|name| Some(name) == file.file_name());
        let words: Vec<_> = words.iter().map(|word| if is_file(word) { path } else { word }).collect();
        assert_eq!(run(&words).status.code(), Some(1), "{weakness}: {words:?}");
        let replayed = run(&["replay", path, "--exec", &command]);
        // What its process takes is not seen there.
        let expected = if weakness == "aborts" { 1 } else { 4 };
        assert_eq!(replayed.status.code(), Some(expected), "{weakness}: {}", self::said(&replayed));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn descriptors_that_are_kept_are_pinned_on_a_case() {
    weak("keeps-descriptors", &["descriptors-kept: "], "watch:\n  descriptors: ");
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_is_kept_is_pinned_on_a_case() {
    weak("keeps-memory", &["memory-kept: "], "kept: ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_processor_that_is_kept_busy_is_pinned_on_a_case() {
    weak("spins", &["processor-time: "], "cpu: ");
}

#[test]
fn a_crash_is_pinned_on_a_case() {
    weak("aborts", &["target-died: the target died in this case: killed by signal"], "target-died");
}

#[test]
fn a_death_while_it_is_measured_is_pinned_on_how_a_client_left() {
    let (_folder, _command, fuzzed) = fuzzed_weak("dies-of-resets");
    let said = fuzzed.said();
    assert!(said.contains("CLO-01") && said.contains("target-died: ") && !said.contains("none of them"), "{said}");
}

#[test]
fn a_target_that_is_silent_for_good_is_started_again_and_its_silence_pinned_on_a_case() {
    weak("hangs", &["target-died: "], "target-died");
}

#[test]
fn what_was_found_in_libraries_is_still_replayed() {
    let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings")).expect("the folder");
    let files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let output = run(&["replay", file.to_str().expect("UTF-8")]);
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), "FIXED\n"), "{}", file.display());
    }
}

/// The command of the reference client.
fn client<'a>(framing: &'a str, fault: Option<&'a str>) -> Vec<&'a str> {
    let command = [env!("CARGO_BIN_EXE_echospec"), "send", "{host}:{port}", "--framing", framing];
    command.into_iter().chain(fault.into_iter().flat_map(|fault| ["--fault", fault])).collect()
}

#[test]
fn faults_of_clients_are_found_fail_again_and_are_fixed_by_a_right_client() {
    let faults = [
        ("stops-at-nul", "length:u32be", "cli-17-altered-reply"),
        ("partial-is-success", "lf", "cli-09-false-success"),
        ("dies-of-reset", "netstring", "cli-11-client-crashed"),
        ("nothing-is-success", "length:u32be", "cli-10-false-success"),
        ("resets", "fixed:16", "cli-07-reset"),
    ];
    std::thread::scope(|scope| {
        for (fault, framing, name) in faults {
            scope.spawn(move || {
                let (wrong, right) = (client(framing, Some(fault)), client(framing, None));
                let options = ["--client", "--framing", framing, "--cases", "400", "--"];
                let fuzzed = Fuzzed::of_client(&options, &wrong);
                assert_eq!(fuzzed.code(), Some(1), "{fault} in {framing}: {}", fuzzed.said());
                let file = fuzzed.files().pop().expect("a scenario");
                assert_eq!(file.file_stem().and_then(|stem| stem.to_str()), Some(name), "{}", fuzzed.said());
                for (command, code, verdict) in [(wrong, 1, "FAILS\n"), (right, 0, "FIXED\n")] {
                    let output = run(&[&["replay", file.to_str().expect("UTF-8"), "--"], &command[..]].concat());
                    let said = said(&output);
                    assert!(
                        output.status.code() == Some(code) && said.contains(verdict),
                        "{fault} in {framing}: {said}"
                    );
                }
            });
        }
    });
}

#[test]
fn a_right_client_is_accused_of_nothing() {
    for framing in ["length:u32be", "lines", "close"] {
        let options = ["--client", "--framing", framing, "--cases", "150", "--level", "may", "--"];
        let fuzzed = Fuzzed::of_client(&options, &client(framing, None));
        assert_eq!(fuzzed.code(), Some(0), "{framing}: {}", fuzzed.said());
        assert!(fuzzed.said().contains("150 cases"), "{}", fuzzed.said());
    }
}

#[test]
fn a_client_that_is_not_told_how_to_find_its_server_is_refused() {
    for wrong in [
        vec!["--client", "--framing", "lf"],
        vec!["--client", "--", "cat", "{port}"],
        vec!["--client", "--framing", "lf", "--", "cat"],
        vec!["7000", "--client", "--framing", "lf", "--", "cat", "{port}"],
        vec!["--framing", "lf", "--", "cat", "{port}"],
    ] {
        assert_eq!(run(&[&["fuzz"], &wrong[..]].concat()).status.code(), Some(2), "{wrong:?}");
    }
}
