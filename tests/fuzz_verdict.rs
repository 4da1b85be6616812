//! What `echospec fuzz` says of a target is true of the target, and not of what was made of it.

mod fuzzed;
mod listening;

use std::fs;

use fuzzed::{Fuzzed, written};
use listening::{run, said};

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
