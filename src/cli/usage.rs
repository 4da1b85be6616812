//! What a process and its children take, as `/proc` says (`proc(5)`). Elsewhere than on Linux it is not known.

use std::time::Instant;

use rustix::process::Pid;

use crate::session::Usage;

/// The processes of the target at one moment. Children that come later are not counted: a server that starts one for
/// each connection shares most of its memory with them.
#[derive(Debug)]
pub(super) struct Tree {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing can be asked about them"))]
    processes: Vec<i32>,
    began: Instant,
}

#[cfg(target_os = "linux")]
impl Tree {
    /// The group's processes, from now on.
    pub(super) fn of(group: Pid) -> Self {
        let group = group.as_raw_nonzero().get();
        let all = procfs::process::all_processes().into_iter().flatten().flatten();
        let of_group = all.filter_map(|process| process.stat().ok()).filter(|stat| stat.pgrp == group);
        let processes: Vec<_> = of_group.map(|stat| stat.pid).collect();
        for pid in &processes {
            // Begins the peak anew. Where it cannot be, growth is judged by what it was before.
            _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
        Self { processes, began: Instant::now() }
    }

    /// What they take now; `None` if that cannot be seen.
    pub(super) fn usage(&self) -> Option<Usage> {
        let mut sum = Usage { at: self.began.elapsed(), ..Usage::default() };
        let mut seen = false;
        for process in self.processes.iter().filter_map(|pid| procfs::process::Process::new(*pid).ok()) {
            seen |= add(&mut sum, &process).is_some();
        }
        seen.then_some(sum)
    }
}

#[cfg(target_os = "linux")]
fn add(sum: &mut Usage, process: &procfs::process::Process) -> Option<()> {
    let (status, stat) = (process.status().ok()?, process.stat().ok()?);
    let descriptors = process.fd_count().ok()?;
    let ticks = stat.utime + stat.stime;
    sum.memory += status.vmrss? * 1024;
    sum.peak += status.vmhwm? * 1024;
    sum.descriptors += descriptors as u64;
    sum.cpu += std::time::Duration::from_millis(ticks * 1000 / procfs::ticks_per_second());
    Some(())
}

#[cfg(not(target_os = "linux"))]
impl Tree {
    pub(super) fn of(_group: Pid) -> Self {
        Self { processes: Vec::new(), began: Instant::now() }
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        let _ = self.began;
        None
    }
}
