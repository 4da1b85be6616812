//! When a command is told to end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use super::engine::playing;
use super::exit::{Exit, Failure};

/// What asks a process to end and can be heard. Ctrl-C is the first of them; the third, a terminal that is closed, is
/// none to a process that was told to outlive it.
const ENDINGS: [fn() -> SignalKind; 4] =
    [SignalKind::interrupt, SignalKind::terminate, SignalKind::hangup, SignalKind::quit];

/// Done at Ctrl-C, or when a supervisor asks for the end: what was started here must not outlive it. From the call on, whether it
/// is awaited yet or not, nothing of that kind kills the process; it expects a runtime around it.
pub(super) fn asked_to_end() -> impl Future<Output = ()> {
    let heard = ENDINGS.map(|kind| {
        let is_heard = kind() != SignalKind::hangup() || !outlives_its_terminal();
        let signal = is_heard.then(|| signal(kind()));
        Box::pin(async move {
            match signal {
                Some(Ok(mut signal)) => _ = signal.recv().await,
                _ => std::future::pending().await,
            }
        })
    });
    async { _ = futures_util::future::select_all(heard).await }
}

/// Whether `nohup` has started this process: SIGHUP was ignored when it began.
fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    ignored.is_some_and(|ignored| ignored & 1 << (SignalKind::hangup().as_raw_value() - 1) != 0)
}

static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// Whether this process was asked to end, if it [heeds](heed) that: then nothing more is put in its place.
pub(super) fn is_asked_to_end() -> bool {
    IS_ASKED.load(Ordering::Relaxed)
}

/// For a command that reads and writes files: what it has begun to write is taken away before it ends, and what lies
/// there stays. At a second signal it ends at once.
pub(super) fn heed() -> Result<(), Failure> {
    let runtime = playing()?;
    thread::spawn(move || {
        runtime.block_on(async {
            asked_to_end().await;
            IS_ASKED.store(true, Ordering::Relaxed);
            asked_to_end().await;
            std::process::exit(Exit::Interrupted as i32);
        });
    });
    Ok(())
}
