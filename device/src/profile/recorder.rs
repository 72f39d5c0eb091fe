//! Takes down what the processor does.

use std::collections::{BTreeMap, HashMap};

use super::{
    account::{Account, Cost, Entry, Function, Message, Reason},
    code::{Code, Symbols},
    connections::Connections,
    reason::{Cause, Entered, Sent},
};
use crate::cpu::{CALL, Trapped};

/// What each process's code and each entry into the kernel has taken so far.
pub(crate) struct Recorder {
    /// Of the processes, the kernel's first.
    symbols: Vec<Symbols>,
    code: Code,
    entries: HashMap<Entered, usize>,
    costs: Vec<Cost>,
    /// Of these, the one that the kernel works for.
    current: usize,
    connections: Connections,
}

impl Recorder {
    pub(crate) fn new(symbols: Vec<Symbols>) -> Self {
        let mut recorder = Self {
            symbols,
            code: Code::default(),
            entries: HashMap::new(),
            costs: Vec::new(),
            current: 0,
            connections: Connections::default(),
        };
        recorder.work_for(Entered { pid: 1, cause: Cause::Scheduler });
        recorder
    }

    /// Supervisor mode is entered.
    pub(crate) fn enter(&mut self, trapped: &Trapped<'_>) {
        let cause = Cause::of(trapped, |connection| self.connections.receiver(trapped.pid, connection));
        if CALL.contains(&trapped.cause) {
            self.connections.call(trapped.pid, trapped.registers);
        }
        // Which process an interrupt meets is chance.
        let pid = if matches!(cause, Cause::Interrupt(_)) { 1 } else { trapped.pid };
        self.work_for(Entered { pid, cause });
        self.costs[self.current].count += 1;
    }

    /// Supervisor mode is left for a program, or for the scheduler, which is in it too.
    pub(crate) fn leave(&mut self, pid: u8, user: bool, registers: &[u32; 32]) {
        self.connections.back(pid, registers);
        if !user {
            self.work_for(Entered { pid: 1, cause: Cause::Scheduler });
        }
    }

    fn work_for(&mut self, entered: Entered) {
        let costs = &mut self.costs;
        self.current = *self.entries.entry(entered).or_insert_with(|| {
            costs.push(Cost::default());
            costs.len() - 1
        });
    }

    /// The kernel has executed so many instructions.
    pub(crate) fn book(&mut self, instructions: u64) {
        self.costs[self.current].instructions += instructions;
    }

    /// All translations of addresses are forgotten.
    pub(crate) fn flush(&mut self) {
        self.costs[self.current].flushes += 1;
    }

    pub(crate) fn enter_page(&mut self, pid: u8, user: bool, address: u32) {
        self.code.enter_page(if user { pid } else { 1 }, address);
    }

    #[inline(always)]
    pub(crate) fn step(&mut self, address: u32) {
        self.code.step(address);
    }

    /// What has been taken down, with the processes' names, the kernel's first.
    pub(crate) fn account(&self, names: &[String]) -> Account {
        let name = |pid: u8| unique_name(names, pid);
        let mut entries = BTreeMap::<Entry, Cost>::new();
        for (entered, index) in &self.entries {
            let entry = Entry { process: name(entered.pid), reason: reason(*entered, &name) };
            *entries.entry(entry).or_default() += self.costs[*index];
        }
        let functions = self.code.by_function(&self.symbols).into_iter();
        let functions =
            functions.map(|((pid, symbol), count)| (Function { process: name(pid), symbol }, count));
        Account { entries, functions: functions.collect() }
    }
}

fn reason(entered: Entered, name: &impl Fn(u8) -> String) -> Reason {
    match entered.cause {
        Cause::Scheduler => Reason::Scheduler,
        Cause::Call(number) => Reason::Call(number),
        Cause::Send(Sent { call, to, kind, pages, opcode }) => {
            Reason::Send(call, Message { kind, pages, to: to.map(name), opcode })
        }
        Cause::Interrupt(lines) => Reason::Interrupt(lines),
        Cause::HandlerEnd => Reason::HandlerEnd,
        Cause::ThreadEnd => Reason::ThreadEnd,
        Cause::Fault(cause) => Reason::Fault(cause),
    }
}

/// The name of a process, with its number if there are others of that name.
fn unique_name(names: &[String], pid: u8) -> String {
    let Some(name) = usize::from(pid).checked_sub(1).and_then(|index| names.get(index)) else {
        return pid.to_string();
    };
    let is_unique = names.iter().filter(|other| *other == name).count() == 1;
    if is_unique { name.clone() } else { format!("{name} ({pid})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(arguments: &[u32]) -> [u32; 32] {
        let mut registers = [0; 32];
        registers[10..][..arguments.len()].copy_from_slice(arguments);
        registers
    }

    fn enter(recorder: &mut Recorder, pid: u8, arguments: &[u32]) {
        let registers = registers(arguments);
        recorder.enter(&Trapped { pid, cause: 8, value: 0, registers: &registers, lines: 0 });
    }

    #[test]
    fn a_message_is_put_down_to_who_sends_it_with_who_receives_it() {
        let mut recorder = Recorder::new(Vec::new());
        // The receiver makes a server, and the sender connects to it.
        enter(&mut recorder, 2, &[29]);
        recorder.leave(2, true, &registers(&[8, 11, 12, 13, 14, 2]));
        enter(&mut recorder, 3, &[17, 11, 12, 13, 14]);
        recorder.leave(3, true, &registers(&[7, 5]));
        enter(&mut recorder, 3, &[16, 5, 2, 0x1_0003, 0x4000_0000, 4096]);
        recorder.book(100);
        recorder.flush();
        recorder.leave(2, true, &registers(&[9, 3 << 24 | 7, 2, 0x1_0003]));
        recorder.enter(&Trapped { pid: 1, cause: 9, value: 0, registers: &registers(&[7]), lines: 0 });
        recorder.book(10);
        recorder.leave(1, false, &registers(&[]));
        recorder.book(5);
        let account = recorder.account(&["kernel", "receiver", "sender"].map(str::to_owned));
        let message = Message { kind: 2, pages: 1, to: Some("receiver".to_owned()), opcode: 3 };
        let cost = |process: &str, reason| account.entries[&Entry { process: process.to_owned(), reason }];
        let sent = Cost { count: 1, instructions: 100, flushes: 1 };
        assert_eq!(cost("sender", Reason::Send(16, message)), sent);
        assert_eq!(cost("kernel", Reason::Call(7)), Cost { count: 1, instructions: 10, flushes: 0 });
        assert_eq!(cost("kernel", Reason::Scheduler).instructions, 5);
        assert_eq!(account.entries.len(), 5);
    }

    #[test]
    fn a_connection_that_is_made_anew_has_another_receiver() {
        let mut recorder = Recorder::new(Vec::new());
        for pid in [2, 3] {
            let server = u32::from(pid);
            enter(&mut recorder, pid, &[14, server, 0, 0, 0]);
            recorder.leave(pid, true, &registers(&[8, server, 0, 0, 0, 1]));
        }
        for (server, times) in [(2, 1), (3, 2)] {
            enter(&mut recorder, 4, &[25, server, 0, 0, 0]);
            recorder.leave(4, true, &registers(&[7, 5]));
            for _ in 0..times {
                enter(&mut recorder, 4, &[16, 5, 4, 7]);
                recorder.leave(4, true, &registers(&[0]));
            }
            enter(&mut recorder, 4, &[35, 5]);
            recorder.leave(4, true, &registers(&[0]));
        }
        let account = recorder.account(&["kernel", "first", "second", "sender"].map(str::to_owned));
        let count = |to: &str| {
            let message = Message { kind: 4, pages: 0, to: Some(to.to_owned()), opcode: 7 };
            let entry = Entry { process: "sender".to_owned(), reason: Reason::Send(16, message) };
            account.entries.get(&entry).map_or(0, |cost| cost.count)
        };
        assert_eq!((count("first"), count("second")), (1, 2));
    }

    #[test]
    fn processes_of_one_name_have_an_account_each() {
        let mut recorder = Recorder::new(Vec::new());
        for (pid, instructions) in [(2, 10), (3, 100), (4, 1000)] {
            recorder.enter_page(pid, true, 0x1000);
            recorder.step(0x1000);
            enter(&mut recorder, pid, &[3]);
            recorder.book(instructions);
            recorder.leave(pid, true, &registers(&[]));
        }
        let account = recorder.account(&["kernel", "ws", "other", "ws"].map(str::to_owned));
        let of = |process: &str| {
            let entry = Entry { process: process.to_owned(), reason: Reason::Call(3) };
            account.entries.get(&entry).map_or(0, |cost| cost.instructions)
        };
        assert_eq!([of("ws (2)"), of("other"), of("ws (4)"), of("ws")], [10, 100, 1000, 0]);
        let functions = account.functions.keys().map(|function| function.process.as_str());
        assert_eq!(functions.collect::<Vec<_>>(), ["other", "ws (2)", "ws (4)"]);
    }
}
