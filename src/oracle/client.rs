//! What the end of a client under test says of it, and what the rules say where the target is a client.

use bytes::Bytes;

use super::excerpt::excerpt;
use super::rules::{self, Rule};
use super::verdict::Breach;
use crate::session::{Departure, Errand, Exit, Report};

/// The rules that say something else of a client: it connects, sends first, and closes.
const OF_CLIENT: &[(Rule, &str)] = &[
    (rules::ALTERED, "what the client sent is not its message"),
    (rules::CLOSED_EARLY, "the client ended the connection before everything was sent"),
    (rules::EARLY_CLOSE, "the client ended the connection before the whole reply had come"),
    (rules::EARLY_REPLY, "the client sent something where it had to wait"),
    (rules::FLOOD, "the client sent more than its message can be"),
    (rules::MALFORMED, "what the client sent is no frame"),
    (rules::MEMORY_TAKEN, "the client took more memory than the reply can need"),
    (rules::NOT_CONNECTED, "the client did not connect"),
    (rules::NO_HANDSHAKE, "the client did not connect in time"),
    (rules::NOT_CLOSED, "the client left the connection open"),
    (rules::NOT_READING, "the client stopped reading the reply"),
    (rules::NO_REPLY, "the client's message did not come whole in time"),
    (rules::RESET, "the client reset the connection where it had to end with FIN"),
    (rules::UNASKED, "the client sent something besides its message"),
    (rules::UNFINISHED, "the client ended the connection inside its message"),
];

/// What a breach of the rule means where the target is a client.
pub(super) fn of_client(rule: &Rule) -> &'static str {
    OF_CLIENT.iter().find(|(known, _)| known == rule).map_or(rule.about, |(_, sentence)| sentence)
}

/// How a client ended, behind "the client".
pub(super) fn told(how: Exit) -> String {
    match how {
        Exit::Success(code) | Exit::Failure(code) | Exit::Unknown(code) => format!("ended with exit code {code}"),
        Exit::Signal(number) => format!("was ended by signal {number}{}", name(number)),
        Exit::Ended => "had to be ended".into(),
        Exit::Unseen => "cannot be seen".into(),
    }
}

/// The signals that end programs (signal(7)).
const SIGNALS: &[(i32, &str)] = &[
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (4, "SIGILL"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (14, "SIGALRM"),
    (15, "SIGTERM"),
];

fn name(number: i32) -> String {
    SIGNALS.iter().find(|(known, _)| *known == number).map_or(String::new(), |(_, name)| format!(" ({name})"))
}

/// What was wrong with the way in which a client left.
pub(super) fn departed(
    errand: &Errand,
    departure: &Departure,
    printed: Option<&Bytes>,
) -> Vec<(&'static Rule, Breach)> {
    let mut wrong = Vec::new();
    let mut add = |rule, details| wrong.push((rule, details));
    match (departure.how, errand.report) {
        (Exit::Signal(_), _) => {
            add(&rules::CRASHED, Breach { actual: Some(told(departure.how)), ..Breach::default() });
        }
        (Exit::Ended, _) => add(&rules::STILL_THERE, Breach::default()),
        (Exit::Success(code), Report::Failure) => add(&rules::FALSE_SUCCESS, status(code)),
        (Exit::Failure(code), Report::Success) => add(&rules::FALSE_FAILURE, status(code)),
        _ => {}
    }
    if let (true, Exit::Success(_), Some(printed)) = (errand.prints, departure.how, printed)
        && !is_printed(&errand.message, printed)
    {
        let (expected, actual) = (Some(excerpt(&errand.message)), Some(excerpt(printed)));
        add(&rules::WRONG_OUTPUT, Breach { expected, actual, ..Breach::default() });
    }
    let over = |taken: Option<u64>, limit: Option<u64>| taken.zip(limit).is_some_and(|(taken, limit)| taken > limit);
    if over(departure.memory, errand.memory) {
        add(&rules::MEMORY_TAKEN, Breach::default());
    } else if over(departure.space, errand.space) {
        add(&rules::SPACE_TAKEN, Breach::default());
    }
    wrong
}

fn status(code: i32) -> Breach {
    Breach { actual: Some(format!("exit code {code}")), ..Breach::default() }
}

/// The message as it is, or as a line of its own.
fn is_printed(message: &[u8], printed: &[u8]) -> bool {
    let rest = printed.strip_prefix(message);
    rest.is_some_and(|rest| [&b""[..], b"\n", b"\r\n"].contains(&rest))
}
