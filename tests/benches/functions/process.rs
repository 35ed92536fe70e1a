//! What a process has spent and holds, as the system counts it.

use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

/// The processor's time of all threads of a process, also of those that are over. The clock is the scheduler's own: what
/// `/proc` tells is behind by whatever a thread has run since it was last put aside.
pub(crate) fn processor_time(process: u32) -> Duration {
    let process = Pid::from_raw(process.try_into().unwrap());
    let clock = ClockId::pid_cpu_clock_id(process).unwrap();
    clock.now().unwrap().into()
}

/// The memory that a process has now, in KiB.
pub(crate) fn resident(process: u32) -> u64 {
    status(process, "VmRSS:")
}

/// The most memory that a process ever had, in KiB.
pub(crate) fn peak_resident(process: u32) -> u64 {
    status(process, "VmHWM:")
}

/// How many pages of memory a process has touched for the first time, without the disk being asked.
pub(crate) fn page_faults(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Behind the program's name, which may hold anything, it is the eighth.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}

/// How many files, sockets and the like a process holds open.
pub(crate) fn handles(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

fn status(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
