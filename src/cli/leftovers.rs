//! What a target leaves behind: whoever has left its process group, and lives on, is known by its environment.

use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The variable by which the processes of a run know each other.
const NAME: &str = "ECHOSPEC_RUN";

/// This run's; nothing as long as none was started.
static RUN: OnceLock<String> = OnceLock::new();

/// Makes the process known as one of this run, and all that it starts.
pub(super) fn mark(command: &mut Command) {
    let run = RUN.get_or_init(|| {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        format!("{}-{}", std::process::id(), since.as_nanos()) // a process id is given again
    });
    command.env(NAME, run);
}

/// Ends, when it goes out of scope, what the targets of the run have left behind.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Leftovers;

impl Drop for Leftovers {
    fn drop(&mut self) {
        if let Some(run) = RUN.get() {
            end(run);
        }
    }
}

#[cfg(target_os = "linux")]
fn end(run: &str) {
    use std::ffi::OsStr;
    use std::time::Duration;

    use rustix::process::{Pid, Signal, kill_process};
    // They may start others while they are looked for, and take a moment to be gone.
    const LOOKS: usize = 50;
    const LOOK: Duration = Duration::from_millis(10);
    let is_known = |process: &procfs::process::Process| {
        let environment = process.environ().unwrap_or_default(); // that of others cannot be read
        environment.get(OsStr::new(NAME)).is_some_and(|value| value == run)
    };
    let living = || {
        let all = procfs::process::all_processes().into_iter().flatten().flatten();
        all.filter(is_known).filter_map(|process| Pid::from_raw(process.pid)).collect::<Vec<_>>()
    };
    for look in 0..LOOKS {
        let mut left = living();
        if look == 0 && !left.is_empty() {
            std::thread::sleep(LOOK); // what was ended with its case is gone in a moment
            left = living();
            if !left.is_empty() {
                eprintln!("echospec: the target has left {} behind, which the run has ended", processes(left.len()));
            }
        }
        if left.is_empty() {
            return;
        }
        for id in left {
            let _ = kill_process(id, Signal::KILL); // it may have ended meanwhile
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(target_os = "linux")]
fn processes(count: usize) -> String {
    if count == 1 { "a process".into() } else { format!("{count} processes") }
}

#[cfg(not(target_os = "linux"))]
fn end(run: &str) {
    let _ = run; // nothing can be seen
}
