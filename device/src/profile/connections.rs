//! Whose server a connection leads to.
//!
//! Connections have numbers of each process's own, so that it is seen who makes which server, and which server each
//! connection is opened to, when the kernel comes back from the call.

use std::collections::HashMap;

/// Numbers of system calls (`xous` 0.9, `SysCallNumber`).
const CREATE_SERVER_WITH_ADDRESS: u32 = 14;
const CONNECT: u32 = 17;
const TRY_CONNECT: u32 = 25;
const CREATE_SERVER: u32 = 29;
const CONNECT_FOR_PROCESS: u32 = 30;
const DESTROY_SERVER: u32 = 34;
const DISCONNECT: u32 = 35;
/// The kernel's answers with the number of a connection, and with a new server's address and a connection to it.
const CONNECTION: u32 = 7;
const NEW_SERVER: u32 = 8;

/// The address of a server.
type ServerId = [u32; 4];

/// Servers and connections that are known.
#[derive(Default)]
pub(super) struct Connections {
    servers: HashMap<ServerId, u8>,
    /// Each process's, by number.
    connections: HashMap<(u8, u32), ServerId>,
    /// The call that the kernel is working on, if its answer tells something. One that has to wait is made again.
    call: Option<Call>,
}

struct Call {
    pid: u8,
    makes: Makes,
}

enum Makes {
    Server,
    /// A connection, for a process, to a server.
    Connection(u8, ServerId),
}

impl Connections {
    /// The process whose server a process's connection leads to.
    pub(super) fn receiver(&self, pid: u8, connection: u32) -> Option<u8> {
        self.servers.get(self.connections.get(&(pid, connection))?).copied()
    }

    /// Looks at a system call.
    pub(super) fn call(&mut self, pid: u8, registers: &[u32; 32]) {
        let makes = match registers[10..18] {
            [CREATE_SERVER | CREATE_SERVER_WITH_ADDRESS, ..] => Makes::Server,
            [CONNECT | TRY_CONNECT, a, b, c, d, ..] => Makes::Connection(pid, [a, b, c, d]),
            [CONNECT_FOR_PROCESS, other, a, b, c, d, ..] => Makes::Connection(other as u8, [a, b, c, d]),
            [DESTROY_SERVER, a, b, c, d, ..] => {
                self.servers.remove(&[a, b, c, d]);
                return;
            }
            [DISCONNECT, closed, ..] => {
                self.connections.remove(&(pid, closed));
                return;
            }
            _ => return,
        };
        self.call = Some(Call { pid, makes });
    }

    /// Looks at what the kernel comes back with.
    pub(super) fn back(&mut self, pid: u8, registers: &[u32; 32]) {
        let Some(call) = self.call.take().filter(|call| call.pid == pid) else { return };
        match (call.makes, &registers[10..16]) {
            (Makes::Server, &[NEW_SERVER, a, b, c, d, connection]) => {
                self.servers.insert([a, b, c, d], pid);
                self.connections.insert((pid, connection), [a, b, c, d]);
            }
            (Makes::Connection(owner, server), &[CONNECTION, connection, ..]) => {
                self.connections.insert((owner, connection), server);
            }
            _ => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ServerId = [1, 2, 3, 4];

    fn registers(arguments: &[u32]) -> [u32; 32] {
        let mut registers = [0; 32];
        registers[10..][..arguments.len()].copy_from_slice(arguments);
        registers
    }

    /// Process 2 has a server, whose own connection is 9.
    fn served() -> Connections {
        let mut connections = Connections::default();
        connections.call(2, &registers(&[CREATE_SERVER_WITH_ADDRESS, 1, 2, 3, 4]));
        connections.back(2, &registers(&[NEW_SERVER, 1, 2, 3, 4, 9]));
        connections
    }

    #[test]
    fn a_connection_leads_to_who_has_made_the_server() {
        let mut connections = served();
        assert_eq!(connections.receiver(2, 9), Some(2));
        assert_eq!(connections.receiver(3, 9), None, "another process's");
        // The name server connects others.
        let [a, b, c, d] = SERVER;
        connections.call(4, &registers(&[CONNECT_FOR_PROCESS, 3, a, b, c, d]));
        connections.back(4, &registers(&[CONNECTION, 9]));
        assert_eq!((connections.receiver(3, 9), connections.receiver(4, 9)), (Some(2), None));
        connections.call(3, &registers(&[DISCONNECT, 9]));
        assert_eq!(connections.receiver(3, 9), None);
        connections.call(2, &registers(&[DESTROY_SERVER, a, b, c, d]));
        assert_eq!(connections.receiver(2, 9), None);
    }

    #[test]
    fn a_call_counts_when_it_has_succeeded() {
        for (pid, answer) in [(3, 1), (5, CONNECTION)] {
            let mut connections = served();
            connections.call(3, &registers(&[CONNECT, 1, 2, 3, 4]));
            connections.back(pid, &registers(&[answer, 6]));
            connections.back(3, &registers(&[CONNECTION, 6]));
            assert_eq!(connections.receiver(3, 6), None);
        }
    }
}
