//! echospec judges echo servers and clients: does an implementation cut a TCP byte stream into messages rightly, and
//! keep the seven steps of an echo session, however the stream is split, delayed, corrupted, closed or reset?
//!
//! The core has no socket, no clock and no file. A scenario becomes a script of concrete bytes; a session plays it
//! and appends events to a trace; a transport carries bytes and time between the session and the target; the oracle
//! judges the trace; the campaign gathers verdicts into a report; a renderer writes it.
//!
//! - [`framing`]: bytes to frames and back: the syntax that names a framing, one deframer for all of them
//! - [`mutation`]: frames spelled otherwise or damaged in a named way
//! - [`session`]: script in, trace out; the ledger of what is owed and what came back
//! - [`profile`]: what is declared or measured of a target, and how long to wait for it
//! - [`scenario`]: YAML files, their errors, their expansion into scripts
//! - [`transport`]: TCP with enforced segmentation, and a simulator in virtual time
//! - [`peer`]: the reference server and client
//! - [`oracle`]: the table of requirements, and traces to verdicts
//! - [`campaign`]: calibration, what runs when, confirmation of what rests on time
//! - [`fuzzing`]: what the fuzz targets check, and the encoding of their inputs
//! - [`hunt`]: the network fuzzer: cases from a seed, failures confirmed, shrunk and told
//! - [`report`]: one model, a file for each format
//! - [`proxy`]: what a proxy does to the bytes that pass through it
//! - [`complaint`]: what is wrong in a YAML file, with line, column and caret
//! - `cli`, which is a feature: one file for each command; exit codes
#![forbid(unsafe_code)]
#![forbid(unstable_features)]

pub mod campaign;
#[cfg(feature = "cli")]
pub mod cli;
pub mod complaint;
pub mod framing;
pub mod fuzzing;
pub mod hunt;
pub mod mutation;
pub mod oracle;
pub mod peer;
pub mod profile;
pub mod proxy;
pub mod report;
pub mod scenario;
pub mod session;
pub mod transport;
