//! The program as its users start it: over sockets of this machine, with processes of its own.

mod action;
mod check_client;
mod cli;
mod ended_early;
mod exec;
mod fuzz;
mod fuzz_verdict;
mod fuzzed;
mod golden;
mod kill_over_tcp;
mod listening;
#[path = "../simulated/over_tcp.rs"]
mod over_tcp;
mod proxy;
mod review;
mod stored_reports;
