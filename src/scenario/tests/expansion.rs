use std::time::Duration;

use super::{expand, expand_for, scenario, sent_bytes};
use crate::framing::{Empty, Framing, Over};
use crate::profile::{Profile, Tempo};
use crate::scenario::{Case, Context, Plan};
use crate::session::{Conn, Duty, Pace, Replies, Step, Until};

fn ids(cases: &[Case]) -> Vec<&str> {
    cases.iter().map(|case| case.id.as_str()).collect()
}

fn steps(case: &Case) -> &[Step] {
    let Plan::Play(script) = &case.plan else { panic!("{}: {:?}", case.id, case.plan) };
    &script.steps
}

fn reason(case: &Case) -> &str {
    let Plan::Skip(reason) = &case.plan else { panic!("{} is played", case.id) };
    reason
}

/// The duties of the promises, send by send.
fn duties(case: &Case) -> Vec<Vec<Duty>> {
    let sends = steps(case).iter().filter_map(|step| match step {
        Step::Send { promises, .. } => Some(promises.iter().map(|promise| promise.duty).collect()),
        _ => None,
    });
    sends.collect()
}

const ECHO: &str = "steps:\n  - send: {message: hello}\n  - expect: echo\n";

#[test]
fn a_message_is_framed_promised_and_awaited() {
    let cases = expand(&scenario(ECHO), "length:u16be");
    let [Step::Connect { conn, .. }, Step::Send { promises, segments, .. }, Step::Await { any, .. }] = steps(&cases[0])
    else {
        panic!("{:?}", cases[0])
    };
    assert_eq!((*conn, any.as_slice()), (Conn(0), &[Until::Echo][..]));
    assert_eq!(segments[0].bytes, b"\x00\x05hello"[..]);
    assert_eq!((&promises[0].payload[..], promises[0].duty), (&b"hello"[..], Duty::Echo));
}

#[test]
fn a_payload_that_stands_in_its_frame_is_not_copied() {
    let cases = expand(&scenario(ECHO), "length:u16be");
    let Step::Send { promises, segments, .. } = &steps(&cases[0])[1] else { panic!() };
    assert_eq!(promises[0].payload.as_ptr(), segments[0].bytes[2..].as_ptr());
}

#[test]
fn replies_are_compared_as_messages_only_where_there_are_messages() {
    let replies = |framing| {
        let cases = expand(&scenario(ECHO), framing);
        let Plan::Play(script) = &cases[0].plan else { panic!() };
        script.replies.clone()
    };
    assert_eq!(replies("raw"), Replies::Stream);
    assert_eq!(replies("close"), Replies::Stream);
    assert_eq!(replies("length:u8,partial=yes"), Replies::Stream);
    assert_eq!(replies("length:u8"), Replies::Framed(Box::new("length:u8,max=4KiB".parse().unwrap())));
}

#[test]
fn every_offset_is_a_case_of_its_own() {
    let scenario = scenario("steps:\n  - send: {message: hi, cut: every-offset}\n");
    let cases = expand(&scenario, "length:u16be");
    assert_eq!(ids(&cases), ["demo[cut=1]", "demo[cut=2]", "demo[cut=3]"]);
    assert_eq!(sent_bytes(&cases[1]), [b"\x00\x02".to_vec(), b"hi".to_vec()]);
    let titles: Vec<_> = cases.iter().map(|case| case.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "demo: cut after 1 of 4 bytes (inside the prefix)",
            "demo: cut after 2 of 4 bytes (after the prefix)",
            "demo: cut after 3 of 4 bytes (inside the payload)",
        ]
    );
}

#[test]
fn every_pair_is_a_case_of_its_own() {
    let cases = expand(&scenario("steps:\n  - send: {message: abcd, cut: every-pair}\n"), "raw");
    assert_eq!(ids(&cases), ["demo[cut=1+2]", "demo[cut=1+3]", "demo[cut=2+3]"]);
}

#[test]
fn too_many_pairs_are_drawn_from_the_seed_and_none_twice() {
    let cases = expand(&scenario("steps:\n  - send: {message: {fill: 200}, cut: every-pair}\n"), "raw");
    let distinct: std::collections::BTreeSet<_> = ids(&cases).into_iter().collect();
    assert_eq!((cases.len(), distinct.len()), (500, 500));
}

#[test]
fn two_families_make_all_combinations() {
    let text = "steps:\n  - send: {message: abc, cut: every-offset}\n  - send: {message: abc, cut: every-offset}\n";
    let cases = expand(&scenario(text), "raw");
    assert_eq!(ids(&cases), ["demo[cut=1,cut2=1]", "demo[cut=1,cut2=2]", "demo[cut=2,cut2=1]", "demo[cut=2,cut2=2]"]);
}

#[test]
fn a_family_in_a_repetition_makes_the_same_choice_in_every_round() {
    let text = "steps:\n  - repeat:\n      times: 3\n      steps:\n        - send: {message: abc, cut: every-offset}\n        - expect: echo\n";
    let cases = expand(&scenario(text), "raw");
    assert_eq!(ids(&cases), ["demo[cut=1]", "demo[cut=2]"]);
    assert_eq!(sent_bytes(&cases[1]).len(), 6);
}

#[test]
fn places_that_a_framing_does_not_have_are_no_cases() {
    let scenario = scenario("steps:\n  - send: {message: abc, cut: {each-of: [inside-prefix]}}\n");
    assert_eq!(ids(&expand(&scenario, "length:u32be")), ["demo[cut=1]", "demo[cut=2]", "demo[cut=3]"]);
    let cases = expand(&scenario, "delimiter:lf");
    assert_eq!((cases.len(), reason(&cases[0])), (1, "what is sent has no place inside-prefix"));
}

#[test]
fn places_know_delimiters_and_trailers() {
    let cases = |framing| {
        let text = "steps:\n  - send: {messages: [ab, c], cut: {all-of: [before-terminator, inside-terminator]}}\n";
        sent_bytes(&expand(&scenario(text), framing)[0])
    };
    assert_eq!(cases("delimiter:crlf"), [&b"ab"[..], b"\r", b"\nc", b"\r", b"\n"]);
    assert_eq!(cases("netstring"), [&b"2:ab"[..], b",1:c", b","]);
}

#[test]
fn drawn_segmentations_depend_on_the_seed_alone() {
    let scenario = scenario("steps:\n  - send: {message: {random: 100}, cut: {seeded: 3}}\n");
    let (once, again) = (expand(&scenario, "raw"), expand(&scenario, "raw"));
    assert_eq!(once, again);
    assert_eq!(ids(&once), ["demo[cut=seeded-1]", "demo[cut=seeded-2]", "demo[cut=seeded-3]"]);
    let whole: Vec<_> = once.iter().map(|case| sent_bytes(case).concat()).collect();
    assert!(whole.windows(2).all(|pair| pair[0] == pair[1]), "the same bytes under other cuts");
    assert_ne!(sent_bytes(&once[0]), sent_bytes(&once[1]));
}

#[test]
fn the_matrix_is_put_in_wherever_its_names_stand() {
    let text = "matrix: {size: [1, 2], text: [x, \"y z\"]}\nsteps:\n  - send: {messages: [{fill: $size}, \"<$text$$>\"], cut: messages}\n";
    let cases = expand(&scenario(text), "raw");
    assert_eq!(
        ids(&cases),
        ["demo[size=1,text=x]", "demo[size=1,text=#2]", "demo[size=2,text=x]", "demo[size=2,text=#2]"]
    );
    assert_eq!(sent_bytes(&cases[3]), [b"ab".to_vec(), b"<y z$>".to_vec()]);
}

#[test]
fn pairs_of_values_need_fewer_cases() {
    let text = "matrix: {a: [1, 2, 3], b: [1, 2, 3], c: [1, 2, 3]}\nsteps:\n  - send: {message: \"$a $b $c\"}\n";
    assert_eq!(expand(&scenario(text), "raw").len(), 27);
    assert!(expand(&scenario(&format!("cover: pairs\n{text}")), "raw").len() < 15);
}

#[test]
fn the_rest_carries_the_promise_of_the_message_that_it_completes() {
    let text = "steps:\n  - send: {messages: [a, b], until: before-last}\n  - expect: silence\n  - send: {rest: true}\n  - expect: echo\n";
    let cases = expand(&scenario(text), "length:u8");
    assert_eq!(sent_bytes(&cases[0]), [b"\x01a\x01".to_vec(), b"b".to_vec()]);
    assert_eq!(duties(&cases[0]), [vec![Duty::Echo], vec![Duty::Echo]]);
}

#[test]
fn what_is_cut_off_for_good_is_owed_only_if_the_file_says_so() {
    let duties_with = |duty: &str| {
        let text = format!("steps:\n  - send: {{messages: [a, bcd], until: -1{duty}}}\n  - half-close: a\n");
        let cases = expand(&scenario(&text), "length:u8");
        let Step::Send { promises, .. } = &steps(&cases[0])[1] else { panic!() };
        promises.iter().map(|promise| (promise.payload.to_vec(), promise.duty)).collect::<Vec<_>>()
    };
    assert_eq!(duties_with(""), [(b"a".to_vec(), Duty::Echo)]);
    assert_eq!(duties_with(", duty: may"), [(b"a".to_vec(), Duty::May), (b"bc".to_vec(), Duty::May)]);
}

#[test]
fn close_framing_ends_each_message_with_fin_and_carries_one() {
    let cases = expand(&scenario(ECHO), "close");
    assert!(matches!(steps(&cases[0])[2], Step::Shutdown(Conn(0))));
    let two = expand(&scenario("steps:\n  - send: {messages: [a, b]}\n"), "close");
    assert_eq!(reason(&two[0]), "a connection carries one message");
    let held = expand(&scenario("steps:\n  - send: {message: ab, until: 1}\n  - send: {rest: true}\n"), "close");
    let is_fin = |step: &Step| matches!(step, Step::Shutdown(_));
    assert_eq!(steps(&held[0]).iter().position(is_fin), Some(3));
}

#[test]
fn fin_travels_with_the_last_byte_or_by_itself() {
    let text = "matrix: {fin: [no, with, after]}\nsteps:\n  - send: {message: ab, cut: each-byte, fin: $fin}\n";
    let text = text.replace("[no, with, after]", "[\"no\", with, after]");
    let shapes: Vec<_> = expand(&scenario(&text), "raw")
        .iter()
        .map(|case| {
            let Step::Send { segments, .. } = &steps(case)[1] else { panic!() };
            (segments.iter().map(|segment| segment.fin).collect::<Vec<_>>(), steps(case).len())
        })
        .collect();
    assert_eq!(shapes, [(vec![false, false], 2), (vec![false, true], 2), (vec![false, false], 3)]);
}

#[test]
fn fixed_messages_are_filled_and_split_and_end_in_the_payload_where_there_is_room() {
    let cases = expand(&scenario("steps:\n  - send: {messages: [a, abcdef]}\n"), "fixed:4");
    assert_eq!(sent_bytes(&cases[0]), [b"a..aabcdefef".to_vec()]);
    assert_eq!(duties(&cases[0]), [[Duty::Echo; 3]]);
}

#[test]
fn a_message_over_the_maximum_must_not_come_back() {
    let text = "steps:\n  - send: {messages: [{fill: max}, {fill: max+1}, z]}\n";
    let with = |over| duties(&expand_for(&scenario(text), "length:u16be,max=10", |profile| profile.over = over)[0]);
    assert_eq!(with(Some(Over::Skip)), [[Duty::Echo, Duty::Never, Duty::Echo]]);
    assert_eq!(with(Some(Over::Close)), [[Duty::Echo, Duty::Never, Duty::May]]);
    let split = expand_for(&scenario(text), "length:u16be,max=10", |profile| profile.over = Some(Over::Split));
    assert!(reason(&split[0]).starts_with("over=split"));
}

#[test]
fn an_empty_message_is_owed_as_measured() {
    let text = "steps:\n  - send: {message: \"\"}\n";
    let with = |empty| duties(&expand_for(&scenario(text), "length:u8", |profile| profile.empty = empty)[0]);
    assert_eq!(with(Some(Empty::Echo)), [[Duty::Echo]]);
    assert_eq!(with(Some(Empty::Skip)), [[Duty::Never]]);
    assert_eq!(with(None), [[Duty::May]]);
}

#[test]
fn what_the_target_cannot_take_is_skipped_with_the_reason() {
    let large = scenario("steps:\n  - send: {message: {fill: 100}}\n");
    let cases = expand_for(&large, "length:u16be", |profile| profile.limit = Some(50));
    assert_eq!(reason(&cases[0]), "needs a message of 100 bytes; the largest that this target took is 50");
    let twice = scenario("steps:\n  - send: {messages: [a, b]}\n");
    let cases = expand_for(&twice, "length:u16be", |profile| profile.once = true);
    assert_eq!(reason(&cases[0]), "the target closes a connection after one reply");
    let both = scenario("steps:\n  - send: {on: a, message: a}\n  - send: {on: b, message: b}\n");
    let cases = expand_for(&both, "length:u16be", |profile| profile.conns = 1);
    assert_eq!(reason(&cases[0]), "needs several connections at once; the target serves one at a time");
}

#[test]
fn needs_that_are_not_met_are_told() {
    let told = |needs: &str, framing: &str| {
        let cases = expand(&scenario(&format!("applies: {needs}\n{ECHO}")), framing);
        reason(&cases[0]).to_owned()
    };
    assert_eq!(told("{needs: [terminator2]}", "delimiter:lf"), "there is no delimiter or trailer of two bytes");
    assert_eq!(told("{needs: [prefix]}", "length:u8"), "there is no length prefix to cut inside");
    assert_eq!(told("{needs: [max]}", "length:u8"), "no max is declared");
    assert_eq!(told("{needs: [empty-legal]}", "fixed:4"), "the framing has no empty message");
    assert_eq!(told("{strategies: [length, delimiter]}", "raw"), "is about length, delimiter framing");
    assert_eq!(told("{fields: [varint]}", "length:u8"), "is about length fields of varint");
}

#[test]
fn payloads_that_cannot_be_sent_are_skipped_or_stripped() {
    let text = "steps:\n  - send: {message: {hex: \"610a62\"}}\n";
    assert!(reason(&expand(&scenario(text), "delimiter:lf")[0]).contains("delimiter"));
    let stripped = expand(&scenario(&format!("unsendable: strip\n{text}")), "delimiter:lf");
    assert_eq!(sent_bytes(&stripped[0]), [b"ab\n".to_vec()]);
}

#[test]
fn headers_can_claim_what_nothing_backs() {
    let header = |claim: &str, framing: &str| {
        let cases = expand(&scenario(&format!("steps:\n  - send: {{claim: {claim}}}\n")), framing);
        match &cases[0].plan {
            Plan::Play(_) => sent_bytes(&cases[0]).concat(),
            Plan::Skip(reason) => reason.clone().into_bytes(),
        }
    };
    assert_eq!(header("{value: all-ones, body: x}", "length:u16be"), b"\xff\xffx");
    assert_eq!(header("{value: sign-bit}", "length:u16be"), b"\x80\x00");
    assert_eq!(header("{value: all-ones-3}", "length:u16be"), b"\xff\xfc");
    assert_eq!(header("{value: max+1}", "length:u16be,incl=field,max=4"), b"\x00\x07");
    assert_eq!(header("{field: \"8100\", body: a}", "length:varint"), b"\x81\x00a");
    assert_eq!(header("{value: 70000}", "length:u16be"), b"the length field cannot hold this value");
    assert_eq!(header("{value: 1}", "delimiter:lf"), b"there is no length field");
}

#[test]
fn another_trailer_makes_a_damaged_message() {
    let cases = expand(&scenario("steps:\n  - send: {message: a, trailer: \"21\"}\n"), "netstring");
    assert_eq!(sent_bytes(&cases[0]), [b"1:a!".to_vec()]);
    assert_eq!(duties(&cases[0]), [[Duty::Never]]);
}

#[test]
fn groups_act_as_one_and_number_their_messages() {
    let text = "steps:\n  - connect: {on: b, count: 3}\n  - send: {on: b, message: \"no {n}\"}\n  - expect: {on: b, is: echo}\n";
    let cases = expand(&scenario(text), "raw");
    assert_eq!(sent_bytes(&cases[0]), [b"no 1".to_vec(), b"no 2".to_vec(), b"no 3".to_vec()]);
    let Some(Step::Await { conns, .. }) = steps(&cases[0]).last() else { panic!() };
    assert_eq!(conns, &[Conn(0), Conn(1), Conn(2)]);
}

#[test]
fn connections_of_a_round_are_fresh_in_the_next() {
    let text = "steps:\n  - repeat:\n      times: 2\n      steps:\n        - send: {message: \"{i}\"}\n        - expect: echo\n";
    let cases = expand_for(&scenario(text), "raw", |profile| profile.conns = 1);
    let opened = steps(&cases[0]).iter().filter(|step| matches!(step, Step::Connect { .. })).count();
    let closed = steps(&cases[0]).iter().filter(|step| matches!(step, Step::Close(_))).count();
    assert_eq!((opened, closed), (2, 2));
    assert_eq!(sent_bytes(&cases[0]), [b"1".to_vec(), b"2".to_vec()]);
    assert_eq!(cases[0].stimulus, ["up to 2 times:", "  a: send \"{i}\" as 1 byte", "  a: expect everything back"]);
}

#[test]
fn a_serial_target_is_asked_for_service_when_the_others_are_closed() {
    let text = "steps:\n  - send: {raw: x}\n  - expect: alive\n";
    let cases = expand_for(&scenario(text), "length:u8", |profile| profile.conns = 1);
    assert!(cases[0].expects_alive);
    let closed = steps(&cases[0]).iter().position(|step| matches!(step, Step::Close(Conn(0))));
    let opened = steps(&cases[0]).iter().position(|step| matches!(step, Step::Connect { conn: Conn(1), .. }));
    assert!(closed < opened);
}

#[test]
fn gaps_are_pauses_between_segments() {
    let text = "steps:\n  - send: {messages: [a, b], cut: messages, gap: 5ms}\n";
    let cases = expand(&scenario(text), "length:u8");
    assert_eq!(duties(&cases[0]), [[Duty::Echo], [Duty::Echo]]);
    assert!(steps(&cases[0]).contains(&Step::Pause(Duration::from_millis(5))));
}

#[test]
fn reading_can_be_slow() {
    let cases = expand(&scenario("steps:\n  - read: {pace: {bytes: 2, every: 3ms}}\n  - expect: echo\n"), "raw");
    let pace = Pace::Drip { bytes: 2, every: Duration::from_millis(3) };
    assert!(steps(&cases[0]).contains(&Step::Read { conn: Conn(0), pace }));
}

#[test]
fn a_range_of_time_is_silence_and_then_the_expectation() {
    let cases = expand(&scenario("steps:\n  - expect: {is: end, within: 1s..3s}\n"), "raw");
    let [_, Step::Await { any: first, within: least, .. }, Step::Await { any: then, within: rest, .. }] =
        steps(&cases[0])
    else {
        panic!()
    };
    assert_eq!((first.as_slice(), least.as_secs()), (&[Until::Silence][..], 1));
    assert_eq!((then.as_slice(), rest.as_secs()), (&[Until::End][..], 2));
}

#[test]
fn more_cases_than_allowed_are_none() {
    let text = "steps:\n  - send: {message: {fill: 100}, cut: every-offset}\n  - send: {message: {fill: 100}, cut: every-offset}\n";
    let cases = expand(&scenario(text), "raw");
    assert_eq!(reason(&cases[0]), "has more than 5000 cases with this framing");
}

#[test]
fn bytes_that_happen_to_be_a_frame_may_be_answered() {
    let raw = scenario("steps:\n  - send: {raw: {hex: \"000161\"}}\n");
    assert_eq!(duties(&expand(&raw, "length:u16be")[0]), [[Duty::May]]);
    assert_eq!(duties(&expand(&raw, "length:u32be")[0]), [[]]);
    let claim = scenario("steps:\n  - send: {claim: {value: 2}}\n");
    assert_eq!(duties(&expand(&claim, "length:u16be,incl=field")[0]), [[Duty::May]]);
    assert_eq!(duties(&expand(&claim, "length:u32be,incl=field")[0]), [[]]);
}

#[test]
fn a_pause_is_scaled_up_to_a_second_and_a_longer_one_is_as_long_as_it_says() {
    let framing: Framing = "raw".parse().unwrap();
    let profile = Profile::declared(&framing);
    let waits = |pause: &str, time_scale: f64| {
        let tempo = Tempo::PATIENT;
        let context = Context { time_scale, ..Context::new(&framing, &profile, tempo) };
        let cases = scenario(&format!("steps:\n  - send: {{message: a}}\n  - pause: {pause}\n")).expand(&context);
        let Plan::Play(script) = &cases[0].plan else { panic!("{:?}", cases[0].plan) };
        script.waits().as_millis()
    };
    assert_eq!((waits("200ms", 4.0), waits("300ms", 4.0), waits("3s", 4.0)), (800, 1000, 3000));
    assert_eq!(waits("3s", 0.5), 1500);
}
