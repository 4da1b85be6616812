//! What the syntax accepts, and how it says what it does not.

use insta::assert_snapshot;

use crate::framing::{
    Behaviour, Counts, Eof, FIELDS, Field, Framing, Idle, KEYS, Kind, Order, Over, Reply, Strategy, SyntaxError,
    VARIANTS,
};

fn framing(text: &str) -> Framing {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> SyntaxError {
    text.parse::<Framing>().expect_err("refused")
}

#[test]
fn ok_the_examples_of_the_catalogue() {
    let examples = [
        "length:u32be",
        "length:varint,max=64KiB,over=close",
        "delimiter:crlf/lf,max=8KiB,reply=crlf",
        "delimiter:crlf|lf,max=8KiB",
        "delimiter:\"$$\",max=512",
        "fixed:32",
        "fixed:4,last=short",
        "close",
        "netstring,max=99999",
        "length:u16be,off=2,incl=header,min=4",
        "length:dec,digits=4,sep=\"\"",
        "lines,enc=utf8,eof=deliver,over=skip",
    ];
    for text in examples {
        framing(text);
    }
}

#[test]
fn ok_what_is_parsed_stands_in_the_value() {
    let framing = framing("length:u16le,off=2,incl=field,max=64KiB,over=skip,eof=any,idle=1500ms");
    let Kind::Length(length) = framing.kind() else {
        panic!("a length framing");
    };
    let (bytes, order, signed) = (2, Order::Little, false);
    assert_eq!(length.field, Field::Binary { bytes, order, signed });
    assert_eq!((length.off, length.counts), (2, Counts::Field));
    let expected = Behaviour {
        max: Some(65536),
        over: Some(Over::Skip),
        eof: Some(Eof::Any),
        idle: Some(Idle::After(std::time::Duration::from_millis(1500))),
        ..Behaviour::default()
    };
    assert_eq!(framing.behaviour(), &expected);
}

#[test]
fn ok_what_an_alias_says_may_be_said_otherwise() {
    assert_eq!(framing("msgio,max=1MiB").behaviour().max, Some(1 << 20));
    assert_eq!(
        framing("netstring,digits=1-4,max=9").to_string(),
        "length:dec,digits=1-4,lead0=deny,sep=\":\",end=\",\",max=9"
    );
}

#[test]
fn ok_canonical_strings() {
    let shown = |text: &str| framing(text).to_string();
    assert_eq!(shown("length: u32be , max=1024"), "length:u32be,max=1KiB");
    assert_eq!(shown("delimiter:x'0d0a'|\"\\n\""), "delimiter:crlf/lf");
    assert_eq!(shown("delimiter:\"a\\\"b\\\\\""), "delimiter:\"a\\\"b\\\\\"");
    assert_eq!(shown("delimiter:\"\\x00\\x01\""), "delimiter:x'0001'");
    assert_eq!(shown("close:half"), "close");
    assert_eq!(shown("close,after=close"), "close:after=close");
    assert_eq!(shown("raw"), "raw");
    assert_eq!(shown("delimiter:lf,idle=120s,max=3000000"), "delimiter:lf,max=3000000,idle=2m");
}

#[test]
fn ok_replies_have_a_delimiter_or_a_framing_of_their_own() {
    let crlf = framing("delimiter:crlf/lf,max=8,reply=crlf");
    assert_eq!(crlf.behaviour().reply, Some(Reply::Delimiter(b"\r\n".to_vec())));
    assert_eq!(crlf.reply().as_ref(), &framing("delimiter:crlf,max=8"));
    let close = framing("netstring,reply=close");
    assert_eq!(close.reply().strategy(), Strategy::Close);
    let other = framing("dns,reply=(length:u16be,off=2)");
    assert_eq!(other.reply().as_ref(), &framing("length:u16be,off=2"));
    assert_eq!(framing("lines").reply().as_ref(), &framing("lines"));
}

#[test]
fn ok_a_mapping_is_what_its_string_is() {
    let from = |json: &str| serde_json::from_str::<Framing>(json).expect("a framing");
    let mapping = r#"{"kind": "length", "field": "u32be", "max": "8MiB", "over": "close"}"#;
    assert_eq!(from(mapping), framing("length:u32be,max=8MiB,over=close"));
    assert_eq!(from(r#"{"kind": "fixed", "size": 32}"#), framing("fixed:32"));
    assert_eq!(from(r#"{"set": "crlf/lf", "kind": "delimiter", "keep": true}"#), framing("delimiter:crlf/lf,keep"));
    assert_eq!(from(r#"{"kind": "delimiter", "set": "lf", "keep": false}"#), framing("delimiter:lf"));
    assert_eq!(from(r#"{"kind": "netstring", "max": 9}"#), framing("netstring,max=9"));
    assert_eq!(from(r#"{"kind": "dns", "reply": "length:u8,off=1"}"#), framing("dns,reply=(length:u8,off=1)"));
    assert_eq!(from(r#""lines""#), framing("lines"));
}

#[test]
fn err_a_mapping_with_an_unknown_key() {
    let error = serde_json::from_str::<Framing>(r#"{"kind": "fixed", "size": 3, "sze": 4}"#).unwrap_err();
    assert_snapshot!(error, @r#"
    fixed:size=3,sze=4
                 ^^^ unknown key `sze`, did you mean `size`?; possible: size pad side last max over eof empty partial after enc compare reply idle deadline at line 1 column 38
    "#);
}

#[test]
fn ok_yaml_takes_both_forms() {
    let yaml = "framing: {kind: length, field: u32be, max: 8MiB, over: close}";
    let read: std::collections::BTreeMap<String, Framing> = serde_yaml::from_str(yaml).expect("a framing");
    assert_eq!(read["framing"], framing("length:u32be,max=8MiB,over=close"));
    let read: Framing = serde_yaml::from_str("delimiter:\"$$\",max=512").expect("a framing");
    assert_eq!(read, framing("delimiter:\"$$\",max=512"));
}

#[test]
fn ok_yaml_may_take_yes_and_no_for_flags() {
    for text in ["{kind: dns, partial: no}", "{kind: dns, partial: false}"] {
        let read: Framing = serde_yaml::from_str(text).expect("a framing");
        assert_eq!(read, framing("dns,partial=no"));
    }
}

#[test]
fn ok_the_schema_knows_every_key() {
    let schema = schemars::schema_for!(Framing).to_value().to_string();
    for key in KEYS {
        assert!(schema.contains(&format!("\"{}\"", key.name)), "{}", key.name);
    }
}

#[test]
fn err_unknown_words() {
    assert_snapshot!(refused("length:u32xx,max=64KiB"), @r#"
    length:u32xx,max=64KiB
           ^^^^^ unknown field `u32xx`, did you mean `u32be`?; possible: u8 u16be u16le u24be u24le u32be u32le u32ne u64be u64le i8 i16be i16le i32be i32le i64be i64le varint vlq quic ber zmtp ws dec hex oct header chunked11 http-chunked
    "#);
    assert_snapshot!(refused("lenght:u32be"), @r#"
    lenght:u32be
    ^^^^^^ unknown framing `lenght`, did you mean `length`?; possible: raw close fixed length delimiter netstring lines crlf lf nul cr dns rtp pb delimited msgio erl1 erl2 erl4 rpc tpkt syslog syslog-lf lsp resp-bulk chunked11 http-chunked slip cobs hdlc smtp-data mllp json-seq native-msg postgres mysql grpc ws
    "#);
    assert_snapshot!(refused("length:u32be,mx=3"), @r#"
    length:u32be,mx=3
                 ^^ unknown key `mx`, did you mean `max`?; possible: field off magic skip incl adj mask more digits lead0 minimal sep name end min max over eof empty partial after enc compare reply idle deadline
    "#);
    assert_snapshot!(refused("length:u32be,over=clsoe"), @r#"
    length:u32be,over=clsoe
                      ^^^^^ unknown value `clsoe` of `over`, did you mean `close`?; possible: close reset skip split truncate reply any
    "#);
    assert_snapshot!(refused("close:both"), @r#"
    close:both
          ^^^^ unknown value `both` of `form`; possible: half full
    "#);
    assert_snapshot!(refused("raw:x"), @r#"
    raw:x
        ^ unknown argument `x`; possible: max over eof empty partial after enc compare reply idle deadline
    "#);
    let nothing = refused("").to_string();
    assert!(nothing.starts_with("\n^ unknown framing ``; possible: raw close"), "{nothing}");
}

#[test]
fn err_keys_that_do_not_belong() {
    assert_snapshot!(refused("length:u32be,pad=nul"), @r#"
    length:u32be,pad=nul
                 ^^^ `pad` belongs to `fixed`, not to `length`; possible: field off magic skip incl adj mask more digits lead0 minimal sep name end min max over eof empty partial after enc compare reply idle deadline
    "#);
    assert_snapshot!(refused("length:u32be,max=3,max=4"), @r#"
    length:u32be,max=3,max=4
                           ^ `max` is given twice
    "#);
    assert_snapshot!(refused("length:u32be,u16be"), @r#"
    length:u32be,u16be
                 ^^^^^ `field` is given twice
    "#);
    assert_snapshot!(refused("length:u32be,max"), @r#"
    length:u32be,max
                 ^^^ `max` needs a value: max=SIZE
    "#);
    assert_snapshot!(refused("delimiter:lf,keep=yes"), @r#"
    delimiter:lf,keep=yes
                      ^^^ `keep` takes no value
    "#);
    assert_snapshot!(refused("length:u32be,,max=3"), @r#"
    length:u32be,,max=3
                 ^ empty argument
    "#);
}

#[test]
fn err_values() {
    assert_snapshot!(refused("length:u32be,max=64Kib"), @r#"
    length:u32be,max=64Kib
                     ^^^^^ unknown unit `Kib`; possible: KiB MiB GiB kB MB
    "#);
    assert_snapshot!(refused("length:u32be,max=-1"), @r#"
    length:u32be,max=-1
                     ^^ expected a size such as 4096, 64KiB or 8MiB
    "#);
    assert_snapshot!(refused("length:u32be,max=99999999999GiB"), @r#"
    length:u32be,max=99999999999GiB
                     ^^^^^^^^^^^^^^ size over 64 bits
    "#);
    assert_snapshot!(refused("delimiter:newline"), @r#"
    delimiter:newline
              ^^^^^^^ unknown bytes `newline`; possible: lf crlf cr nul tab rs etx ff, x'0d0a', "text\r\n"
    "#);
    assert_snapshot!(refused("delimiter:x'0d0'"), @r#"
    delimiter:x'0d0'
              ^^^^^^ expected pairs of hexadecimal digits
    "#);
    assert_snapshot!(refused("delimiter:\"\\q\""), @r#"
    delimiter:"\q"
              ^^^^ unknown escape; possible: \n \r \t \0 \" \\ \xHH
    "#);
    assert_snapshot!(refused("delimiter:\"a,max=3"), @r#"
    delimiter:"a,max=3
              ^ never closed
    "#);
    assert_snapshot!(refused("delimiter:\"\""), @r#"
    delimiter:""
              ^^ must not be empty
    "#);
    assert_snapshot!(refused("fixed:0"), @r#"
    fixed:0
          ^ a frame has from 1 byte to 1GiB
    "#);
    assert_snapshot!(refused("lines,idle=fast"), @r#"
    lines,idle=fast
               ^^^^ expected a duration such as 500ms, 10s or 2m; or none, any
    "#);
    assert_snapshot!(refused("length:u32be,mask=0xzz"), @r#"
    length:u32be,mask=0xzz
                      ^^^^ expected bits such as 0x7fffffff
    "#);
    assert_snapshot!(refused("netstring,reply=(lines,reply=lf)"), @r#"
    netstring,reply=(lines,reply=lf)
                    ^^^^^^^^^^^^^^^^ a reply's framing has no `reply` of its own
    "#);
}

#[test]
fn err_missing_parts() {
    assert_snapshot!(refused("length"), @r#"
    length
    ^^^^^^ `length` needs a field: length:u32be
    "#);
    assert_snapshot!(refused("fixed:pad=nul"), @r#"
    fixed:pad=nul
    ^^^^^ `fixed` needs a size: fixed:32
    "#);
    assert_snapshot!(refused("delimiter:keep"), @r#"
    delimiter:keep
    ^^^^^^^^^ `delimiter` needs a delimiter: delimiter:lf
    "#);
    assert_snapshot!(refused("length:dec"), @r#"
    length:dec
           ^^^ digits need an end: sep=":", or digits=4
    "#);
    assert_snapshot!(refused("length:header,name=Content-Length"), @r#"
    length:header,name=Content-Length
    ^^^^^^ a header block ends in an empty line: sep=x'0d0a0d0a' or sep=x'0a0a'
    "#);
}

#[test]
fn err_combinations_without_a_meaning() {
    assert_snapshot!(refused("length:u32be,digits=4"), @r#"
    length:u32be,digits=4
                        ^ `digits` needs a text field, varint or vlq
    "#);
    assert_snapshot!(refused("length:varint,incl=field"), @r#"
    length:varint,incl=field
                       ^^^^^ needs a field of one width: a binary one, or digits=N
    "#);
    assert_snapshot!(refused("length:varint,more=msb"), @r#"
    length:varint,more=msb
                       ^^^ needs an unsigned binary field
    "#);
    assert_snapshot!(refused("length:u8,incl=field,adj=3"), @r#"
    length:u8,incl=field,adj=3
                             ^ `adj` and `incl` say the same in two ways: give one
    "#);
    assert_snapshot!(refused("length:u8,off=1,magic=\"ab\""), @r#"
    length:u8,off=1,magic="ab"
                          ^^^^ longer than off=1
    "#);
    assert_snapshot!(refused("length:u8,adj=-255"), @r#"
    length:u8,adj=-255
           ^^ no payload fits into this length field
    "#);
    assert_snapshot!(refused("fixed:8,max=4"), @r#"
    fixed:8,max=4
                ^ `max` is below the size of every frame
    "#);
    assert_snapshot!(refused("cobs,keep"), @r#"
    cobs,keep
         ^^^^ an escaped payload has no delimiter in it
    "#);
    assert_snapshot!(refused("delimiter:lf,escape=slip"), @r#"
    delimiter:lf,escape=slip
              ^^ this escape goes with one delimiter: x'c0'
    "#);
    assert_snapshot!(refused("delimiter:lf,escape=backslash"), @r#"
    delimiter:lf,escape=backslash
                        ^^^^^^^^^ not supported; possible: slip cobs hdlc dot
    "#);
    assert_snapshot!(refused("delimiter:crlf,chomp=cr"), @r#"
    delimiter:crlf,chomp=cr
                         ^^ an optional CR needs lf among the delimiters
    "#);
}

#[test]
fn err_delimiters_whose_end_would_depend_on_the_cuts() {
    assert_snapshot!(refused("delimiter:cr/crlf"), @r#"
    delimiter:cr/crlf
              ^^^^^^^ `cr` is a part of `crlf`: where a frame ends would depend on how the stream is cut; leave one out
    "#);
    assert_snapshot!(refused("delimiter:lf/\"\\n\\n\""), @r#"
    delimiter:lf/"\n\n"
              ^^^^^^^^^ `lf` is a part of `"\n\n"`: where a frame ends would depend on how the stream is cut; leave one out
    "#);
    assert_snapshot!(refused("delimiter:\"b\"/\"abc\""), @r#"
    delimiter:"b"/"abc"
              ^^^^^^^^^ `"b"` is a part of `"abc"`: where a frame ends would depend on how the stream is cut; leave one out
    "#);
    assert_snapshot!(refused("delimiter:cr/lf,chomp=cr"), @r#"
    delimiter:cr/lf,chomp=cr
              ^^^^^ `cr` is a part of `crlf`: where a frame ends would depend on how the stream is cut; leave one out
    "#);
    framing("delimiter:crlf/lf");
    framing("delimiter:lf/crlf");
}

#[test]
fn err_texts_of_any_kind_never_panic_and_point_into_the_text() {
    for text in VARIANTS {
        for (at, _) in text.char_indices() {
            for change in ["", "é", "\n", "\"", "(", "'", ",", "=", "/", "99999999999999999999"] {
                let text = format!("{}{change}{}", &text[..at], &text[at + 1..]);
                match text.parse::<Framing>() {
                    Ok(framing) => assert_eq!(framing.to_string().parse(), Ok(framing), "{text}"),
                    Err(error) => {
                        assert!(text.get(error.span()).is_some(), "{text}: {:?}", error.span());
                        assert_eq!(error.to_string().lines().count(), 2, "{text}");
                    }
                }
            }
        }
    }
}

#[test]
fn fields_have_one_name_each() {
    for (i, row) in FIELDS.iter().enumerate() {
        assert!(FIELDS[..i].iter().all(|other| other.field != row.field && other.name != row.name));
    }
}
