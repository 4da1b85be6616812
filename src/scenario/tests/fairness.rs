//! What is not asked, or not held against a target, because right implementations differ in it (CATALOGUE D).

use std::time::Duration;

use super::{expand, expand_for, scenario};
use crate::framing::{Framing, Over};
use crate::profile::{Effort, Profile, Tempo};
use crate::scenario::{Case, Context, Plan};
use crate::session::{Duty, Promise, Script, Step, Until};

fn script(case: &Case) -> &Script {
    let Plan::Play(script) = &case.plan else { panic!("{}: {:?}", case.id, case.plan) };
    script
}

fn promises(case: &Case) -> Vec<&Promise> {
    let sends = script(case).steps.iter().filter_map(|step| match step {
        Step::Send { promises, .. } => Some(promises),
        _ => None,
    });
    sends.flatten().collect()
}

fn duties(case: &Case) -> Vec<Duty> {
    promises(case).iter().map(|promise| promise.duty).collect()
}

fn is_played(text: &str, framing: &str) -> bool {
    matches!(expand(&scenario(text), framing)[0].plan, Plan::Play(_))
}

/// D5, D20.
#[test]
fn whoever_refuses_with_a_text_may_do_so_behind_all_that_is_refused_and_nothing_else() {
    let duties_of = |send: &str| {
        let text = format!("steps:\n  - send: {{{send}}}\n");
        duties(&expand(&scenario(&text), "resp-bulk,max=10,over=reply")[0])
    };
    assert_eq!(duties_of("messages: [good, {fill: max+1}, z]"), [Duty::Echo, Duty::Text, Duty::May]);
    assert_eq!(duties_of("claim: {value: 99, body: four}"), [Duty::Text]);
    assert_eq!(duties_of("message: bad, trailer: \"5858\", duty: never"), [Duty::Never, Duty::Text]);
    assert_eq!(duties_of("message: bad, mutation: wrong-magic"), [Duty::Never, Duty::Text]);
    assert_eq!(duties_of("message: \"\", mutation: odd-digits"), [Duty::May, Duty::Text], "00 may be a length");
    assert_eq!(duties_of("message: good"), [Duty::Echo]);
}

/// D15.
#[test]
fn what_is_refused_may_end_in_a_reset_where_that_is_declared_and_what_is_good_may_not() {
    let awaited = |size: &str, over: &str| {
        let text = format!("steps:\n  - send: {{message: {{fill: {size}}}}}\n  - expect: end\n");
        let cases = expand(&scenario(&text), &format!("length:u16be,max=10,over={over}"));
        let Some(Step::Await { any, .. }) = script(&cases[0]).steps.last() else { panic!("{:?}", cases[0]) };
        any.clone()
    };
    assert_eq!(awaited("max+1", "reset"), [Until::Closed]);
    assert_eq!(awaited("max+1", "close"), [Until::End]);
    assert_eq!(awaited("max", "reset"), [Until::End]);
}

/// D12.
#[test]
fn a_length_in_more_bytes_than_it_needs_may_be_taken_by_whoever_may_not_send_it() {
    let text = "steps:\n  - send: {message: hello, mutation: long-length}\n";
    let carried = |framing| {
        let cases = expand(&scenario(text), framing);
        promises(&cases[0]).iter().map(|promise| (promise.payload.to_vec(), promise.duty)).collect::<Vec<_>>()
    };
    assert_eq!(carried("ws"), [(b"hello".to_vec(), Duty::May)]);
    assert_eq!(carried("length:varint"), [(b"hello".to_vec(), Duty::May)]);
    assert_eq!(carried("length:varint,minimal=deny"), []);
}

/// D16.
#[test]
fn nobody_is_kept_waiting_for_longer_than_it_says_that_it_waits() {
    let pause = |length: &str, framing: &str| {
        is_played(&format!("steps:\n  - send: {{message: a}}\n  - pause: {length}\n"), framing)
    };
    assert!(pause("3200ms", "lf") && pause("3200ms", "lf,idle=5s") && pause("1s", "lf,idle=2s"));
    assert!(!pause("3200ms", "lf,idle=2s") && !pause("3200ms", "lf,deadline=2s"));
}

#[test]
fn a_pause_that_is_scaled_stays_below_the_time_for_which_a_target_waits() {
    let framing: Framing = "lf,idle=1s".parse().unwrap();
    let profile = Profile::declared(&framing);
    let tempo = Tempo::PATIENT;
    let context = Context { time_scale: 4.0, ..Context::new(&framing, &profile, tempo) };
    let cases = scenario("steps:\n  - send: {message: a}\n  - pause: 700ms\n").expand(&context);
    assert_eq!(script(&cases[0]).waits(), Duration::from_millis(800));
}

#[test]
fn digits_overflow_only_where_a_length_has_as_many_as_it_takes() {
    let text = "applies: {needs: [open-digits]}\nsteps:\n  - send: {raw: \"99999\"}\n";
    assert!(is_played(text, "netstring") && is_played(text, "length:dec,digits=4,sep=\":\""));
    assert!(!is_played(text, "length:dec,digits=4") && !is_played(text, "length:u16be"));
}

#[test]
fn replies_are_prompt_only_where_a_message_is_one() {
    let text = "steps:\n  - send: {message: x}\n  - expect: echo\n  - expect: prompt\n";
    assert!(is_played(text, "fixed:16") && is_played(text, "length:u8") && is_played(text, "lf,max=8"));
    assert!(!is_played(text, "fixed:1"));
}

/// D31.
#[test]
fn whoever_is_asked_behind_many_has_the_time_that_each_of_them_takes() {
    let within = |connections: u32, message: Duration| {
        let text = format!(
            "steps:\n  - repeat:\n      times: {connections}\n      steps:\n        - connect: a\n        - close: a\n  - expect: alive\n"
        );
        let framing: Framing = "lf".parse().unwrap();
        let profile = Profile::declared(&framing);
        let tempo = Tempo { effort: Effort { message, ..Effort::default() }, ..Tempo::PATIENT };
        let context = Context::new(&framing, &profile, tempo);
        let cases = scenario(&text).expand(&context);
        let awaited = script(&cases[0]).steps.iter().find_map(|step| match step {
            Step::Await { within, .. } => Some(*within),
            _ => None,
        });
        awaited.unwrap()
    };
    let plain = within(10, Duration::ZERO);
    assert_eq!(within(10, Duration::from_millis(20)), plain + 11 * Duration::from_millis(20));
}

#[test]
fn a_target_of_one_reply_is_not_asked_whether_it_stops_reading() {
    let text = "applies: {needs: [many]}\nsteps:\n  - send: {message: a, duty: may}\n";
    let once = expand_for(&scenario(text), "lf", |profile| profile.once = true);
    assert!(matches!(once[0].plan, Plan::Skip(_)));
    let builtin = crate::scenario::builtin().unwrap();
    let about = builtin.iter().filter(|scenario| scenario.requirements.iter().any(|id| id == "RES-01"));
    for scenario in about {
        let cases = expand_for(scenario, "lf", |profile| (profile.once, profile.watched) = (true, true));
        assert!(cases.iter().all(|case| matches!(case.plan, Plan::Skip(_))), "{}", scenario.id);
    }
}

#[test]
fn only_the_over_policy_of_the_target_decides_about_a_text() {
    let text = "steps:\n  - send: {message: {fill: max+1}}\n";
    let with = |over| duties(&expand_for(&scenario(text), "lf,max=10", |profile| profile.over = over)[0]);
    assert_eq!(with(Some(Over::Reply)), [Duty::Text]);
    assert_eq!(with(Some(Over::Close)), [Duty::Never]);
}
