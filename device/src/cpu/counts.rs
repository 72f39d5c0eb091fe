//! What each process has used: instructions by mode, system calls by number, and how it ended.

/// Number of the system call `TerminateProcess`.
const TERMINATE_PROCESS: u32 = 22;
/// System calls have numbers below this (`xous` 0.9: the highest is 48); a higher one is counted as the last.
pub(crate) const CALLS: usize = 64;

/// The use of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProcessCounts {
    /// Instructions in user mode.
    pub(crate) user: u64,
    /// Instructions in supervisor mode, in its address space.
    pub(crate) kernel: u64,
    /// System calls, by number; process 1 makes its own in supervisor mode.
    pub(crate) calls: [u64; CALLS],
    /// The exit code, and the instruction count at that time.
    pub(crate) exit: Option<(u32, u64)>,
}

impl Default for ProcessCounts {
    fn default() -> Self {
        ProcessCounts { user: 0, kernel: 0, calls: [0; CALLS], exit: None }
    }
}

/// The use of all processes, by process number.
pub(crate) struct Counts {
    since: u64,
    processes: Vec<ProcessCounts>,
    ended: usize,
    /// The instruction count at which a program's instructions were booked last.
    programs_until: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Counts { since: 0, processes: vec![ProcessCounts::default(); 256], ended: 0, programs_until: 0 }
    }
}

impl Counts {
    pub(crate) fn process(&self, pid: u8) -> &ProcessCounts {
        &self.processes[usize::from(pid)]
    }

    /// How many processes have ended; tells cheaply whether one has since the last look.
    pub(crate) fn ended(&self) -> usize {
        self.ended
    }

    /// The instruction count at the end of the last instructions in user mode that are booked; 0 if there are none.
    pub(crate) fn programs_until(&self) -> u64 {
        self.programs_until
    }

    /// Books the instructions since the last time, and gives their number.
    pub(super) fn book(&mut self, pid: u8, user: bool, count: u64) -> u64 {
        let process = &mut self.processes[usize::from(pid)];
        let sum = if user { &mut process.user } else { &mut process.kernel };
        let instructions = count - self.since;
        *sum += instructions;
        if user && instructions != 0 {
            self.programs_until = count;
        }
        self.since = count;
        instructions
    }

    pub(super) fn call(&mut self, pid: u8, number: u32, argument: u32, count: u64) {
        let process = &mut self.processes[usize::from(pid)];
        process.calls[(number as usize).min(CALLS - 1)] += 1;
        if number == TERMINATE_PROCESS && process.exit.is_none() {
            process.exit = Some((argument, count));
            self.ended += 1;
        }
    }
}
