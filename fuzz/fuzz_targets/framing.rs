//! A stream of messages, damaged, cut in two ways.
#![no_main]
#![forbid(unstable_features)]

libfuzzer_sys::fuzz_target!(|data: &[u8]| echospec::fuzzing::framing(data));
