//! Whole sessions with the reference server on a simulated link in virtual time, judged by the oracle.
#![no_main]
#![forbid(unstable_features)]

libfuzzer_sys::fuzz_target!(|data: &[u8]| echospec::fuzzing::session(data));
