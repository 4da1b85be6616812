//! The input of `session`, played over TCP against ECHOSPEC_TARGET in ECHOSPEC_FRAMING.
#![no_main]
#![forbid(unstable_features)]

libfuzzer_sys::fuzz_target!(|data: &[u8]| echospec::fuzzing::live(data));
