//! Every renderer on reports that no run would give.
#![no_main]
#![forbid(unstable_features)]

libfuzzer_sys::fuzz_target!(|data: &[u8]| echospec::fuzzing::report(data));
