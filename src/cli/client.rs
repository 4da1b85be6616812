//! A client under test: how it is started, told its message, and seen to leave.

mod launcher;
mod options;
mod placeholders;
mod process;
mod visitors;

use std::borrow::Cow;

use clap::ValueEnum;
use tempfile::NamedTempFile;

use super::exit::Failure;
use crate::campaign::Introduction;
use crate::profile::Told;
use crate::session::Exit;
pub(super) use launcher::{Launcher, has_two_families};
pub(super) use options::Options;
use process::Left;
pub(super) use visitors::Visitors;

/// What is written to the client's standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Stdin {
    /// the message
    Message,
    /// the message in its frame
    Frame,
    /// nothing: it is empty
    Nothing,
}

/// How the reply stands on the client's standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// as it is
    Raw,
    /// in hexadecimal digits
    Hex,
    /// not at all
    #[value(skip)]
    None,
}

/// So much of the standard output is kept in any case, in bytes.
const KEPT: usize = 64 * 1024;

impl Output {
    /// How many bytes of it can belong to a reply of so many. Digits may have white space between them, some of it in
    /// columns.
    fn most(self, reply: usize) -> usize {
        KEPT + reply * if self == Self::Hex { 8 } else { 2 }
    }
}

/// How to start a client.
#[derive(Clone, Debug)]
pub(super) struct ClientCommand {
    words: Vec<String>,
    stdin: Stdin,
    output: Output,
    ok: Vec<i32>,
    error: Vec<i32>,
}

impl ClientCommand {
    /// Refuses a command that cannot find its server, or that holds a placeholder that there is not.
    pub(super) fn new(
        words: Vec<String>,
        stdin: Stdin,
        output: Output,
        ok: Vec<i32>,
        error: Vec<i32>,
    ) -> Result<Self, Failure> {
        if let Some(name) = words.iter().find_map(|word| placeholders::unknown(word)) {
            return Err(Failure::usage(placeholders::complaint(name)));
        }
        let command = Self { words, stdin, output, ok, error };
        match command.words.first() {
            None => Err(Failure::usage("the command of the client is missing behind `--`")),
            Some(_) if !command.finds_server() => Err(Failure::usage(NO_PORT)),
            Some(_) => Ok(command),
        }
    }

    /// One that reads nothing from its standard input may read all from its environment.
    fn finds_server(&self) -> bool {
        self.stdin == Stdin::Nothing || self.holds("{port}") || self.holds("ECHOSPEC_PORT")
    }

    fn holds(&self, what: &str) -> bool {
        self.words.iter().any(|word| word.contains(what))
    }

    /// What it can be told.
    pub(super) fn told(&self) -> Told {
        match () {
            () if self.holds("{message-file}") => Told::Bytes,
            () if self.holds("{message-hex}") => Told::Hex,
            () if self.holds("{message}") => Told::Text,
            () if self.holds("ECHOSPEC_MESSAGE_HEX") => Told::Hex,
            () if self.holds("ECHOSPEC_MESSAGE") => Told::Text,
            () if self.stdin == Stdin::Nothing => Told::Environment,
            () => Told::Bytes,
        }
    }

    /// Whether its standard output is looked at.
    pub(super) fn prints(&self) -> bool {
        self.output != Output::None
    }

    /// What is known of it before it is measured.
    pub(super) fn introduction(&self) -> Introduction {
        let two_addresses = has_two_families().is_ok();
        Introduction { told: self.told(), prints: self.prints(), two_addresses }
    }

    /// As it would be typed behind `--`.
    pub(super) fn quoted(&self) -> String {
        shlex::try_join(self.words.iter().map(String::as_str)).unwrap_or_default()
    }

    /// The options that belong to it, as they would be typed.
    pub(super) fn options(&self) -> String {
        let list = |codes: &[i32]| codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut options = String::new();
        match self.stdin {
            Stdin::Message => {}
            Stdin::Frame => options.push_str(" --stdin frame"),
            Stdin::Nothing => options.push_str(" --stdin nothing"),
        }
        match self.output {
            Output::Raw => {}
            Output::Hex => options.push_str(" --output hex"),
            Output::None => options.push_str(" --no-output"),
        }
        if self.ok != [0] {
            options.extend([" --exit-ok ", &list(&self.ok)]);
        }
        if self.error.len() < 200 {
            options.extend([" --exit-error ", &list(&self.error)]);
        }
        options
    }

    fn words(&self, host: &str, port: u16, message: &[u8], file: Option<&NamedTempFile>) -> Vec<String> {
        let path = file.map(|file| file.path().display().to_string()).unwrap_or_default();
        let value = |name: &str| match name {
            "host" => Some(Cow::Borrowed(host)),
            "port" => Some(port.to_string().into()),
            "message" => Some(String::from_utf8_lossy(message)),
            "message-hex" => Some(hex(message).into()),
            "message-file" => Some(path.as_str().into()),
            _ => None,
        };
        self.words.iter().map(|word| placeholders::filled(word, value)).collect()
    }

    fn status(&self, left: Left) -> Exit {
        match left {
            Left::Code(code) if self.ok.contains(&code) => Exit::Success(code),
            Left::Code(code) if self.error.contains(&code) => Exit::Failure(code),
            Left::Code(code) => Exit::Unknown(code),
            Left::Signal(number) => Exit::Signal(number),
            Left::Ended => Exit::Ended,
        }
    }

    fn printed(&self, bytes: Vec<u8>) -> Vec<u8> {
        if self.output == Output::Hex { unhex(&bytes).unwrap_or(bytes) } else { bytes }
    }
}

const NO_PORT: &str = "\
nothing says how the client finds its server: write {port} in its command, and {host} where it takes a host

  for example  -- ./my-client {host} {port}
  or           --stdin nothing -- ./my-client
               for one that reads ECHOSPEC_HOST, ECHOSPEC_PORT and ECHOSPEC_MESSAGE_HEX from its environment";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('?'));
        }
        text
    })
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte).to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str], stdin: Stdin) -> ClientCommand {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        ClientCommand::new(words, stdin, Output::Raw, vec![0], vec![1]).unwrap()
    }

    #[test]
    fn what_a_message_holds_is_not_filled_in_again() {
        let command = command(&["client", "--to={host}:{port}", "{message}", "{a b}", "{message-hex}"], Stdin::Message);
        let words = command.words("::1", 7, b"{port}", None);
        assert_eq!(words, ["client", "--to=::1:7", "{port}", "{a b}", "7b706f72747d"]);
    }

    #[test]
    fn what_a_client_can_be_told_follows_from_its_command() {
        for (word, told) in [("{message}", Told::Text), ("{message-hex}", Told::Hex), ("{message-file}", Told::Bytes)] {
            assert_eq!(command(&["client", "{port}", word], Stdin::Message).told(), told);
        }
        assert_eq!(command(&["client", "{port}"], Stdin::Message).told(), Told::Bytes);
        assert_eq!(command(&["client"], Stdin::Nothing).told(), Told::Environment);
        let script = |script| command(&["sh", "-c", script, "{port}"], Stdin::Nothing).told();
        assert_eq!(script("client $ECHOSPEC_PORT $ECHOSPEC_MESSAGE"), Told::Text);
        assert_eq!(script("client ${ECHOSPEC_MESSAGE:-$ECHOSPEC_MESSAGE_HEX}"), Told::Hex);
        assert!(Told::Text.objection(b"a\0b").is_some() && Told::Hex.objection(b"a\0b").is_none());
    }

    #[test]
    fn a_status_in_neither_list_says_nothing() {
        let command = command(&["client", "{port}"], Stdin::Message);
        let exits = [0, 1, 2].map(|code| command.status(Left::Code(code)));
        assert_eq!(exits, [Exit::Success(0), Exit::Failure(1), Exit::Unknown(2)]);
    }

    #[test]
    fn hexadecimal_output_is_read_and_other_output_is_left() {
        assert_eq!(unhex(b"68 65\n6C"), Some(b"hel".to_vec()));
        assert_eq!((unhex(b"6"), unhex(b"xy")), (None, None));
        let columns = b"0000  6 8\n".repeat(1 << 17); // eight bytes a byte
        assert!(Output::Hex.most(1 << 17) >= columns.len() - 2 * (1 << 17) && Output::Raw.most(1 << 17) < 1 << 19);
        assert_eq!(hex(b"\x00\xfe"), "00fe");
    }
}
