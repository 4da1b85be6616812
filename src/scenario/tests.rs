use super::*;

/// What `parse` complains about.
fn complaint(text: &str) -> String {
    parse("demo", "demo.yaml", text).unwrap_err().to_string()
}

mod errors {
    use super::*;

    #[test]
    fn err_unknown_key() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {massage: hello}\n"), @"
        demo.yaml:3:12: unknown key `massage`
         3 |   - send: {massage: hello}
           |            ^
           = right: `message`? one of on, message, copies, messages, raw, claim, rest, echo, behind, cut, gap, until, fin, wait, duty, trailer, mutation, carries
        ");
    }

    #[test]
    fn err_unknown_key_of_the_file() {
        insta::assert_snapshot!(complaint("title: x\nstep: []\nsteps:\n  - expect: echo\n"), @r#"
        demo.yaml:2:1: unknown key `step`
         2 | step: []
           | ^
           = right: `steps`? one of title, requirements, wrong-bytes, applies, unsendable, alone, thorough, watch, matrix, cover, steps
        "#);
    }

    #[test]
    fn err_missing_key() {
        insta::assert_snapshot!(complaint("# purpose\nsteps:\n  - expect: echo\n"), @r#"
        demo.yaml:2:1: the key `title` is missing
         2 | steps:
           | ^
        "#);
    }

    #[test]
    fn err_key_twice() {
        insta::assert_snapshot!(complaint("title: x\ntitle: y\nsteps:\n  - expect: echo\n"), @r#"
        demo.yaml:2:1: the key `title` stands twice
         2 | title: y
           | ^
        "#);
    }

    #[test]
    fn err_wrong_type() {
        insta::assert_snapshot!(complaint("title: x\nsteps: 5\n"), @r#"
        demo.yaml:2:8: no list stands here
         2 | steps: 5
           |        ^
           = right: a list: lines that begin with `- `, or [one, another]
        "#);
    }

    #[test]
    fn err_a_number_where_a_text_belongs() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: 5}\n"), @r#"
        demo.yaml:3:21: 5 is no text here
         3 |   - send: {message: 5}
           |                     ^
           = right: "5" in quotes, or a mapping
        "#);
    }

    #[test]
    fn err_unknown_step() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - sent: {message: hello}\n"), @"
        demo.yaml:3:5: unknown `sent`
         3 |   - sent: {message: hello}
           |     ^
           = right: `send`? one of launch, connect, send, pause, read, half-close, close, reset, urgent, expect, repeat
        ");
    }

    #[test]
    fn err_bad_size() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: {fill: 12q}}\n"), @r#"
        demo.yaml:3:28: `12q` is no size
         3 |   - send: {message: {fill: 12q}}
           |                            ^
           = right: a whole number, "64KiB", "64KiB-3", max, max+1, max-1 or "{i}", the number of the round
        "#);
    }

    #[test]
    fn err_too_large() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: {fill: 1000MiB}}\n"), @r#"
        demo.yaml:3:28: 1048576000 bytes are too many
         3 |   - send: {message: {fill: 1000MiB}}
           |                            ^
           = right: at most 64MiB
        "#);
    }

    #[test]
    fn err_bad_hexadecimal() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: {hex: 0g}}\n"), @r#"
        demo.yaml:3:27: `0g` is not hexadecimal
         3 |   - send: {message: {hex: 0g}}
           |                           ^
           = right: pairs of digits in quotes, such as "00ff 0a"
        "#);
    }

    #[test]
    fn err_bad_duration() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - pause: 300\n"), @r#"
        demo.yaml:3:12: `300` is no duration
         3 |   - pause: 300
           |            ^
           = right: a time with its unit such as 300ms or 3s, or a range such as 100ms..300ms
        "#);
    }

    #[test]
    fn err_bad_cut() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: a, cut: every}\n"), @r#"
        demo.yaml:3:29: `every` is no cut
         3 |   - send: {message: a, cut: every}
           |                             ^
           = right: whole, each-byte, every-offset, every-pair, messages, or a mapping with one of all-of, each-of, every, seeded
        "#);
    }

    #[test]
    fn err_bad_place() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send:\n      message: a\n      cut: {each-of: [3, prefix]}\n"), @r#"
        demo.yaml:5:26: `prefix` is no place
         5 |       cut: {each-of: [3, prefix]}
           |                          ^
           = right: an offset in bytes (negative: from the end), or inside-prefix, after-prefix, inside-terminator, before-terminator, before-last, after-first, middle, every, boundaries
        "#);
    }

    #[test]
    fn err_bad_expectation() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - expect: {is: eco}\n"), @"
        demo.yaml:3:18: `eco` is nothing to expect
         3 |   - expect: {is: eco}
           |                  ^
           = right: echo, message, silence, end, closed, refused, left, alive, stalled, prompt, same, or {bytes: 5}
        ");
    }

    #[test]
    fn err_two_contents() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: a, raw: b}\n"), @"
        demo.yaml:3:11: `message` and `raw` together
         3 |   - send: {message: a, raw: b}
           |           ^
           = right: exactly one of message, messages, raw, claim, rest, echo
        ");
    }

    #[test]
    fn err_no_content() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {on: b}\n"), @"
        demo.yaml:3:11: none of the keys that say what
         3 |   - send: {on: b}
           |           ^
           = right: exactly one of message, messages, raw, claim, rest, echo
        ");
    }

    #[test]
    fn err_two_steps_in_one() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: a}\n    expect: echo\n"), @r#"
        demo.yaml:4:5: a second key in one step
         4 |     expect: echo
           |     ^
           = right: each step in an item of its own, with `-` before it
        "#);
    }

    #[test]
    fn err_unknown_need() {
        insta::assert_snapshot!(complaint("title: x\napplies: {needs: [frame]}\nsteps:\n  - expect: echo\n"), @r#"
        demo.yaml:2:19: unknown `frame`
         2 | applies: {needs: [frame]}
           |                   ^
           = right: `framed`? one of framed, stream, many, parallel, max, prefix, terminator, terminator2, open-digits, chomp, counts-header, empty-legal, binary, over-close, over-skip, eof-deliver, eof-drop, whole-records, idle, deadline
        "#);
    }

    #[test]
    fn err_unknown_variable() {
        insta::assert_snapshot!(complaint("title: x\nmatrix: {size: [1]}\nsteps:\n  - send: {message: {fill: $sise}}\n  - pause: 1ms\n"), @r#"
        demo.yaml:4:28: unknown variable `$sise`
         4 |   - send: {message: {fill: $sise}}
           |                            ^
           = right: one of $size, or `$$sise` for a dollar
        "#);
    }

    #[test]
    fn err_unknown_variable_in_a_text() {
        insta::assert_snapshot!(complaint("title: x\nsteps:\n  - send: {message: costs $price}\n"), @r#"
        demo.yaml:3:27: unknown variable `$price`
         3 |   - send: {message: costs $price}
           |                           ^
           = right: a `matrix` with `price`, or `$$price` for a dollar
        "#);
    }

    #[test]
    fn err_value_that_does_not_fit() {
        insta::assert_snapshot!(complaint("title: x\nmatrix: {size: [1, 2q]}\nsteps:\n  - send: {message: {fill: $size}}\n"), @r#"
        demo.yaml:4:28: the value "2q" of `$size` does not fit here: `2q` is no size
         4 |   - send: {message: {fill: $size}}
           |                            ^
           = right: a whole number, "64KiB", "64KiB-3", max, max+1, max-1 or "{i}", the number of the round
        "#);
    }

    #[test]
    fn err_unused_variable() {
        insta::assert_snapshot!(complaint("title: x\nmatrix: {size: [1]}\nsteps:\n  - expect: echo\n"), @r#"
        demo.yaml:2:10: the variable `size` is not used
         2 | matrix: {size: [1]}
           |          ^
           = right: `$size` somewhere in the steps
        "#);
    }

    #[test]
    fn err_too_many_cases() {
        let values = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
        let text =
            format!("title: x\nmatrix:\n  a: [{values}]\n  b: [{values}]\nsteps:\n  - send: {{message: \"$a $b\"}}\n");
        insta::assert_snapshot!(complaint(&text), @r#"
        demo.yaml:2:1: the matrix makes 10000 cases
         2 | matrix:
           | ^
           = right: at most 5000; `cover: pairs` needs fewer
        "#);
    }

    #[test]
    fn err_no_steps() {
        insta::assert_snapshot!(complaint("title: x\nsteps: []\n"), @r#"
        demo.yaml:2:1: no steps
         2 | steps: []
           | ^
           = right: at least one step
        "#);
    }

    #[test]
    fn err_broken_yaml() {
        insta::assert_snapshot!(complaint("title: [x\nsteps: 1\n"), @r#"
        demo.yaml:1:8: no text stands here
         1 | title: [x
           |        ^
           = right: a text, in quotes where it holds one of `:#{}[],`
        "#);
    }

    #[test]
    fn err_nothing_at_all() {
        insta::assert_snapshot!(complaint(""), @r#"
        demo.yaml:1:1: the text ends here
         1 | 
           | ^
           = right: a mapping with at least `title` and `steps`
        "#);
    }

    #[test]
    fn err_billion_laughs() {
        let below = |level: usize| format!("*l{}, ", level - 1).repeat(10);
        let laughs: Vec<_> = (1..12).map(|level| format!("    - &l{level} [{}]\n", below(level))).collect();
        let laughs = laughs.concat();
        let text =
            format!("title: x\nmatrix:\n  ha:\n    - &l0 [ha, ha]\n{laughs}steps:\n  - send: {{message: $ha}}\n");
        insta::assert_snapshot!(complaint(&text), @r#"
        demo.yaml:8:17: too much for a scenario, or aliases that grow beyond bounds
         8 |     - &l4 [*l3, *l3, *l3, *l3, *l3, *l3, *l3, *l3, *l3, *l3, ]
           |                 ^
           = right: fewer nodes and aliases
        "#);
    }

    #[test]
    fn err_deep_nesting() {
        let deep = format!(
            "title: x\nmatrix:\n  deep: {}{}\nsteps:\n  - send: {{message: $deep}}\n",
            "[".repeat(100),
            "]".repeat(100)
        );
        insta::assert_snapshot!(complaint(&deep), @r#"
        demo.yaml:3:39: nested too deeply
         3 |   deep: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
           |                                       ^
           = right: at most 32 levels
        "#);
    }

    #[test]
    fn err_ten_thousand_levels() {
        let complaint = complaint(&format!("title: {}\n", "[".repeat(10_000)));
        assert!(complaint.starts_with("demo.yaml:1:8: no text stands here"), "{complaint}");
    }

    #[test]
    fn err_deep_repetition() {
        let mut steps = "- expect: echo".to_owned();
        for _ in 0..100 {
            steps = format!("[{{repeat: {{times: 2, steps: {steps}}}}}]").replace("- expect: echo", "[expect: echo]");
        }
        let complaint = complaint(&format!("title: x\nsteps: {steps}\n"));
        assert!(complaint.contains("nested too deeply"), "{complaint}");
    }

    #[test]
    fn err_too_long() {
        let text = format!("title: {}\n", "x".repeat(1024 * 1024));
        insta::assert_snapshot!(complaint(&text), @r#"
        demo.yaml: 1048584 bytes are too many for a file of YAML (at most 1MiB)
        "#);
    }
}

#[test]
fn what_is_written_is_read_back() {
    let text = include_str!("tests/everything.yaml");
    let scenario = parse("all", "everything.yaml", text).unwrap();
    let written = serde_yaml::to_string(&scenario).unwrap();
    assert_eq!(parse("all", "written.yaml", &written).unwrap(), scenario, "{written}");
}

#[test]
fn bytes_are_written_as_readable_as_they_are() {
    for bytes in
        [&b"hello"[..], b"", b"costs $5 {n}", b"\r\n", b"\xff\x00", "€".as_bytes(), b" a ", b"5", b"null", b"$$"]
    {
        let send = file::Send::from(file::Content::Message(file::Payload::bytes(bytes).into()));
        let steps = vec![Step::Send(Box::new(send)), Step::Expect(file::What::Echo.into())];
        let scenario = Scenario { steps, ..parse("x", "x", "title: x\nsteps:\n  - expect: echo\n").unwrap() };
        let written = serde_yaml::to_string(&scenario).unwrap();
        let read = parse("x", "written.yaml", &written).unwrap();
        let segments = sent_bytes(&expand(&read, "close")[0]);
        assert_eq!(segments, [bytes.to_vec()].into_iter().filter(|b| !b.is_empty()).collect::<Vec<_>>(), "{written}");
    }
}

#[test]
fn the_schema_knows_every_step() {
    let schema = schema().to_string();
    for word in ["half-close", "receive-buffer", "all-of", "over-skip", "repeat", "unsendable", "delimiter"] {
        assert!(schema.contains(&format!("\"{word}\"")), "{word}");
    }
}

#[test]
fn the_embedded_scenarios_are_right_for_every_framing() {
    let scenarios = builtin().unwrap();
    let mistakes = ["opened twice", "closed already", "without an earlier", "has no value", "more than"];
    for framing in ["raw", "close", "fixed:64", "length:u32be,max=1000", "delimiter:crlf"] {
        for scenario in &scenarios {
            let cases = expand(scenario, framing);
            assert!(!cases.is_empty());
            let mut ids = std::collections::HashSet::new();
            for case in &cases {
                assert!(ids.insert(&case.id), "{} twice with {framing}", case.id);
                let Plan::Skip(reason) = &case.plan else { continue };
                assert!(
                    !mistakes.iter().any(|mistake| reason.contains(mistake)),
                    "{} with {framing}: {reason}",
                    case.id
                );
            }
        }
    }
}

#[test]
fn no_text_makes_the_loader_panic() {
    let text = include_str!("tests/everything.yaml").replace("thorough: true", "thorough: false");
    let mut rng = seed::generator(1, "texts");
    for _ in 0..200 {
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=seed::below(&mut rng, 3) {
            let (at, from) = (seed::below(&mut rng, bytes.len()), seed::below(&mut rng, bytes.len()));
            let length = seed::below(&mut rng, 12).min(bytes.len() - from);
            let piece = bytes[from..from + length].to_vec();
            let end = (at + seed::below(&mut rng, 12)).min(bytes.len());
            bytes.splice(at..end, piece);
        }
        match parse("x", "mutated.yaml", &String::from_utf8_lossy(&bytes)) {
            Ok(scenario) => assert!(!expand(&scenario, "length:u32be,max=10,over=close").is_empty()),
            Err(error) => assert!(error.to_string().starts_with("mutated.yaml:"), "{error}"),
        }
    }
}

fn scenario(rest: &str) -> Scenario {
    parse("demo", "demo.yaml", &format!("title: demo\n{rest}")).unwrap_or_else(|error| panic!("{error}"))
}

fn expand(scenario: &Scenario, framing: &str) -> Vec<Case> {
    expand_for(scenario, framing, |_| {})
}

fn expand_for(scenario: &Scenario, framing: &str, change: impl FnOnce(&mut Profile)) -> Vec<Case> {
    let framing: Framing = framing.parse().unwrap();
    let mut profile = Profile::declared(&framing);
    change(&mut profile);
    let context = Context::new(&framing, &profile, Tempo::PATIENT);
    scenario.expand(&context)
}

/// What a case sends, segment by segment.
fn sent_bytes(case: &Case) -> Vec<Vec<u8>> {
    let Plan::Play(script) = &case.plan else { panic!("{}: {:?}", case.id, case.plan) };
    let segments = script.steps.iter().flat_map(|step| match step {
        crate::session::Step::Send { segments, .. } => segments.as_slice(),
        _ => &[],
    });
    segments.map(|segment| segment.bytes.to_vec()).collect()
}

mod clients;
mod differential;
mod expansion;
mod fairness;
