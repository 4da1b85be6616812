//! YAML: what loads is printed and loads again to the same.
#![no_main]
#![forbid(unstable_features)]

libfuzzer_sys::fuzz_target!(|data: &[u8]| echospec::fuzzing::scenario(data));
