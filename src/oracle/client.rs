//! What the end of a client under test says of it, and what the rules say where the target is a client.

use bytes::Bytes;

use super::judge::Judgement;
use super::reply::difference;
use super::rules::{self, Rule};
use super::verdict::Breach;
use crate::session::{Departure, Errand, Event, Exit, Record, Report, Script, Until};

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
    (rules::PROCESSOR_TIME, "the client was busy while it had to wait"),
    (rules::RESET, "the client reset the connection where it had to end with FIN"),
    (rules::UNASKED, "the client sent something besides its message"),
    (rules::UNFINISHED, "the client ended the connection inside its message"),
];

/// What a breach of the rule means where the target is a client.
pub(super) fn of_client(rule: &Rule) -> &'static str {
    OF_CLIENT.iter().find(|(known, _)| known == rule).map_or(rule.about, |(_, sentence)| sentence)
}

/// What a client has not closed that has been sent nothing yet is its message.
pub(super) fn of_message<'a>(rule: &'a Rule, any: &[Until], script: &Script, before: &[Record]) -> &'a Rule {
    let is_answered = || before.iter().any(|record| matches!(record.event, Event::Sent(_) | Event::SentFin));
    let is_end = *any == [Until::End] && *rule == rules::NOT_CLOSED;
    if script.errand.is_some() && is_end && !is_answered() { &rules::UNENDED } else { rule }
}

/// What a client breaks in every session, by the name of its rule.
pub fn habitual(name: &str) -> Breach {
    let sentence = rules::RULES.iter().find(|rule| rule.name == name).map_or("", of_client);
    Breach { rule: name.to_owned(), sentence: sentence.into(), ..Breach::default() }
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
    if let (Some(due), Exit::Success(_), Some(printed)) = (&errand.prints, departure.how, printed)
        && !is_printed(due, printed)
    {
        add(&rules::WRONG_OUTPUT, difference(due, printed));
    }
    let over = |taken: Option<u64>, limit: Option<u64>| taken.zip(limit).is_some_and(|(taken, limit)| taken > limit);
    if over(departure.memory, errand.memory) {
        add(&rules::MEMORY_TAKEN, Breach::default());
    } else if over(departure.space, errand.space) {
        add(&rules::SPACE_TAKEN, Breach::default());
    }
    if over(departure.cpu, errand.cpu) {
        add(&rules::PROCESSOR_TIME, Breach::default());
    }
    wrong
}

/// Why a client that waits on proves nothing.
const PATIENT: &str = "it was still waiting; how long it does is its own choice (--thorough waits for 65 s)";

/// Leaves open what a client would have done that may wait as long as it likes. What it does when its server has left at
/// last says nothing of that; that it keeps the processor busy does.
pub(super) fn be_patient(errand: &Errand, judgement: &mut Judgement) {
    let has = |rule: &Rule| judgement.breaches.iter().any(|breach| breach.rule == rule.name);
    if errand.patient && has(&rules::STILL_THERE) && !has(&rules::PROCESSOR_TIME) {
        judgement.breaches.clear();
        judgement.inconclusive = Some(PATIENT.into());
    }
}

/// A server that was kept from its work for so long has let its client wait for longer than it meant to, in milliseconds.
const HELD: u64 = 500;

/// What a client makes of a server that is too slow for it.
const OF_SLOW_SERVERS: &[Rule] = &[rules::CLOSED_EARLY, rules::EARLY_CLOSE, rules::FALSE_FAILURE];

/// Leaves to be confirmed what may be a client's timeout, and the doing of a busy machine.
pub(super) fn be_slow(departure: &Departure, breaches: &mut [Breach]) {
    if departure.held.is_some_and(|millis| millis >= HELD) {
        let may_be_ours = |breach: &&mut Breach| OF_SLOW_SERVERS.iter().any(|rule| rule.name == breach.rule);
        breaches.iter_mut().filter(may_be_ours).for_each(|breach| breach.timing = true);
    }
}

fn status(code: i32) -> Breach {
    Breach { actual: Some(format!("exit code {code}")), ..Breach::default() }
}

/// What is due as it is, or as a line of its own.
fn is_printed(due: &[u8], printed: &[u8]) -> bool {
    let rest = printed.strip_prefix(due);
    rest.is_some_and(|rest| [&b""[..], b"\n", b"\r\n"].contains(&rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::Host;

    fn rules(report: Report, how: Exit, printed: &str) -> Vec<&'static str> {
        let errand = Errand {
            message: Bytes::from_static(b"hello"),
            host: Host::Listening,
            report,
            prints: Some(Bytes::from_static(b"hello")),
            half_closes: false,
            leaves_within: Duration::ZERO,
            memory: Some(100),
            space: Some(1000),
            cpu: Some(50),
            patient: false,
        };
        let departure = Departure { memory: Some(100), space: Some(1001), cpu: Some(50), ..Departure::of(how) };
        let printed = Bytes::copy_from_slice(printed.as_bytes());
        let all = departed(&errand, &departure, Some(&printed));
        all.into_iter().map(|(rule, _)| rule.name).filter(|name| *name != "address-space-taken").collect()
    }

    #[test]
    fn success_without_a_right_reply_is_false_and_failure_with_one_is_too() {
        assert_eq!(rules(Report::Success, Exit::Success(0), "hello"), [""; 0]);
        assert_eq!(rules(Report::Success, Exit::Failure(1), ""), ["false-failure"]);
        assert_eq!(rules(Report::Failure, Exit::Failure(1), ""), [""; 0]);
        assert_eq!(rules(Report::Failure, Exit::Success(0), "hello"), ["false-success"]);
        assert_eq!(rules(Report::Any, Exit::Unknown(7), "anything"), [""; 0]);
    }

    #[test]
    fn a_signal_is_a_crash_whatever_was_due() {
        for report in [Report::Success, Report::Failure, Report::Any] {
            assert_eq!(rules(report, Exit::Signal(11), ""), ["client-crashed"]);
            assert_eq!(rules(report, Exit::Ended, ""), ["still-running"]);
        }
    }

    #[test]
    fn a_reply_may_end_its_line_on_standard_output_and_nothing_else() {
        for printed in ["hello\n", "hello\r\n"] {
            assert_eq!(rules(Report::Success, Exit::Success(0), printed), [""; 0]);
        }
        for printed in ["hell", "hello ", "hello\n\n", ""] {
            assert_eq!(rules(Report::Success, Exit::Success(0), printed), ["wrong-output"], "{printed:?}");
        }
    }

    #[test]
    fn what_a_client_does_with_a_server_that_was_kept_from_its_work_is_to_be_confirmed() {
        let timing = |rule: &Rule, held| {
            let mut breaches = [Breach { rule: rule.name.into(), ..Breach::default() }];
            be_slow(&Departure { held, ..Departure::of(Exit::Failure(1)) }, &mut breaches);
            breaches[0].timing
        };
        assert!(timing(&rules::EARLY_CLOSE, Some(HELD)) && timing(&rules::FALSE_FAILURE, Some(HELD)));
        assert!(!timing(&rules::EARLY_CLOSE, Some(HELD - 1)) && !timing(&rules::EARLY_CLOSE, None));
        assert!(!timing(&rules::CRASHED, Some(HELD)));
    }

    #[test]
    fn address_space_counts_where_resident_memory_does_not_tell() {
        let errand = Errand {
            message: Bytes::new(),
            host: Host::Listening,
            report: Report::Any,
            prints: None,
            half_closes: false,
            leaves_within: Duration::ZERO,
            memory: Some(100),
            space: Some(1000),
            cpu: Some(50),
            patient: false,
        };
        let took = |memory, space| {
            let departure = Departure {
                memory: Some(memory),
                space: Some(space),
                cpu: Some(51),
                ..Departure::of(Exit::Success(0))
            };
            departed(&errand, &departure, None).into_iter().map(|(rule, _)| rule.name).collect::<Vec<_>>()
        };
        assert_eq!(took(100, 1000), ["processor-time"]);
        assert_eq!(took(101, 2000), ["memory-taken", "processor-time"]);
        assert_eq!(took(100, 1001), ["address-space-taken", "processor-time"]);
    }
}
