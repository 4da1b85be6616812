//! One process of a client: its standard streams, what it takes, how it ends. It does not outlive its case.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::cli::leftovers;

/// So much of the end of its standard error is kept, in bytes.
const SAID: usize = 4 * 1024;
/// Between two looks at what it takes, at first and at most.
const LOOK: Duration = Duration::from_millis(1);
const LOOKS: Duration = Duration::from_millis(20);
/// Whoever has inherited its standard output may hold it open: that is not waited for longer.
const DRAINED: Duration = Duration::from_millis(200);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Code(i32),
    Signal(i32),
    /// It had to be ended.
    Ended,
}

/// What is known of a process that is gone.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) how: Left,
    /// What it printed, if all of it could be seen.
    pub(super) output: Option<Vec<u8>>,
    /// The end of its standard error.
    pub(super) errors: Vec<u8>,
    /// Its most resident memory, in bytes.
    pub(super) memory: Option<u64>,
    /// Its most address space, in bytes.
    pub(super) space: Option<u64>,
    /// Its processor time, in milliseconds.
    pub(super) cpu: Option<u64>,
}

/// A process with its group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    output: JoinHandle<Vec<u8>>,
    errors: JoinHandle<Vec<u8>>,
    input: JoinHandle<()>,
    how: Option<Left>,
    memory: Option<u64>,
    space: Option<u64>,
    cpu: Option<u64>,
    /// Its message; gone with it.
    _file: Option<NamedTempFile>,
}

impl Process {
    /// `most`: so much of its standard output is kept, in bytes.
    pub(super) fn start(
        words: &[String],
        environment: Vec<(&'static str, String)>,
        input: Vec<u8>,
        most: usize,
        file: Option<NamedTempFile>,
    ) -> io::Result<Self> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).envs(environment).process_group(0).kill_on_drop(true);
        leftovers::mark(command.as_std_mut());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id as i32));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let errors = tokio::spawn(async move {
            match stderr {
                Some(stderr) => last(stderr, SAID).await,
                None => Vec::new(),
            }
        });
        let input = tokio::spawn(async move {
            let Some(mut stdin) = stdin else { return };
            let _ = stdin.write_all(&input).await; // it need not read it
        });
        let output = tokio::spawn(async move {
            match stdout {
                Some(stdout) => kept(stdout, most).await,
                None => Vec::new(),
            }
        });
        Ok(Self { child, group, output, errors, input, how: None, memory: None, space: None, cpu: None, _file: file })
    }

    /// Until it has left by itself.
    pub(super) async fn watch_until_left(&mut self) {
        let mut pause = LOOK;
        while self.how.is_none() {
            self.look();
            tokio::select! {
                status = self.child.wait() => {
                    let signal = |status: std::process::ExitStatus| status.signal().map_or(Left::Ended, Left::Signal);
                    let how = |status: std::process::ExitStatus| status.code().map_or_else(|| signal(status), Left::Code);
                    self.how = Some(status.map_or(Left::Ended, how));
                }
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LOOKS),
            }
        }
    }

    /// Ends what is left of it.
    pub(super) async fn end(mut self) -> Ended {
        self.look();
        if let Some(group) = self.group {
            let _ = kill_process_group(group, Signal::KILL); // it may be gone already
        }
        let _ = self.child.wait().await;
        self.input.abort();
        let both = futures_util::future::join(&mut self.output, &mut self.errors);
        let (output, errors) = match tokio::time::timeout(DRAINED, both).await {
            Ok((output, errors)) => (output.ok(), errors.unwrap_or_default()),
            Err(_) => (None, Vec::new()), // somebody who has left the group holds them open
        };
        self.output.abort();
        self.errors.abort();
        let Self { how, memory, space, cpu, .. } = &self;
        Ended { how: how.unwrap_or(Left::Ended), output, errors, memory: *memory, space: *space, cpu: *cpu }
    }

    #[cfg(target_os = "linux")]
    fn look(&mut self) {
        let Some(id) = self.child.id() else { return };
        let (mut memory, mut space, mut ticks) = (0, 0, 0);
        for process in family(id as i32) {
            let Ok(status) = process.status() else { continue };
            memory += status.vmhwm.unwrap_or(0) * 1024;
            space += status.vmpeak.unwrap_or(0) * 1024;
            ticks += process.stat().map_or(0, |stat| stat.utime + stat.stime);
        }
        self.memory = self.memory.max(Some(memory).filter(|bytes| *bytes > 0));
        self.space = self.space.max(Some(space).filter(|bytes| *bytes > 0));
        self.cpu = self.cpu.max(Some(ticks * 1000 / procfs::ticks_per_second()));
    }

    #[cfg(not(target_os = "linux"))]
    fn look(&mut self) {
        let _ = self; // nothing can be seen
    }
}

/// The process and its children: a shell or a launcher may stand before the client itself.
#[cfg(target_os = "linux")]
fn family(id: i32) -> Vec<procfs::process::Process> {
    let Ok(first) = procfs::process::Process::new(id) else { return Vec::new() };
    let mut all = vec![first];
    let mut next = 0;
    while next < all.len() && all.len() < 16 {
        let children = all[next].task_main_thread().ok().and_then(|task| task.children().ok()).unwrap_or_default();
        all.extend(children.into_iter().filter_map(|child| procfs::process::Process::new(child as i32).ok()));
        next += 1;
    }
    all
}

impl Drop for Process {
    fn drop(&mut self) {
        // A run that is stopped takes its clients with it, and what they have started.
        if let (Some(group), None) = (self.group, self.how) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// The last bytes that come, so many at most.
async fn last(mut from: impl AsyncRead + Unpin, most: usize) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 4 * 1024]);
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..count]);
        kept.drain(..kept.len().saturating_sub(most));
    }
    kept
}

/// The first bytes that come, so many at most; the others are read and dropped.
async fn kept(mut from: impl AsyncRead + Unpin, most: usize) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let room = most.saturating_sub(kept.len());
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
    kept
}
