//! How the stand-ins are told what to do: variables of their environment, and opcodes that the real servers do not have.

/// PDDB: the directory for the keys; hosted mode only. Without it they are in the system's own.
pub const PDDB_DIRECTORY: &str = "PDDB_DIRECTORY";
/// PDDB: room for so many bytes, in all keys together.
pub const PDDB_FULL_AT: &str = "PDDB_FULL_AT";
/// PDDB: the name of a second basis, which is open whenever the first is.
pub const PDDB_SECOND_BASIS: &str = "PDDB_SECOND_BASIS";
/// PDDB: starts without an open basis, until it is told [`PDDB_MOUNT`].
pub const PDDB_UNMOUNTED: &str = "PDDB_UNMOUNTED";
/// PDDB: is registered only so many microseconds after its start.
pub const PDDB_LATE: &str = "PDDB_LATE";
/// PDDB: takes at least so many microseconds over every request.
pub const PDDB_SLOW: &str = "PDDB_SLOW";
/// PDDB: serves nobody any more from the change with this number on; the first is 1.
pub const PDDB_HANGS_AT: &str = "PDDB_HANGS_AT";
/// PDDB: ends in the middle of the change with this number, with exit code [`PDDB_DIED`].
pub const PDDB_DIES_AT: &str = "PDDB_DIES_AT";
/// PDDB: so many free pages are at hand. When they do not suffice, the user is asked ([`PDDB_USER`]); Yes finds as many
/// again, as long as there is room.
pub const PDDB_POOL: &str = "PDDB_POOL";
/// PDDB: no free pages are at hand from the change with this number on, until the user has said Yes once. That change
/// asks whatever it is.
pub const PDDB_ASKS_AT: &str = "PDDB_ASKS_AT";
/// PDDB: has data on the disk before it answers; hosted mode only.
pub const PDDB_SYNCED: &str = "PDDB_SYNCED";

/// The name of the server that suspends the device.
pub const SUSRES: &str = "_Suspend/resume manager_";
/// Opcode of [`SUSRES`]: a blocking scalar that suspends the device, answered with 1 when it has woken, and with 0 if somebody
/// was not ready within 5 s.
pub const SUSPEND_NOW: usize = 0;

/// Name server: a name stays taken when its server has gone, until the next start of the system, as with the real one.
pub const NAMES_STAY: &str = "NAMES_STAY";

/// Opcode of the PDDB stand-in that the real one does not have: a blocking scalar that opens an unmounted basis, as a
/// user would. Answered with one word.
pub const PDDB_MOUNT: usize = 0xff00;
/// Opcode of the PDDB that the real one has as well (`TryUnmount`): a blocking scalar that closes all bases. Answered with
/// 1.
pub const PDDB_UNMOUNT: usize = 49;
/// The server that answers dialogs for the user of the PDDB stand-in.
pub const PDDB_USER: &str = "_PDDB Stand-in User_";
/// Opcode of [`PDDB_USER`]: a blocking scalar with the answer to the dialog that is shown, or else to the next one: 1 for
/// Yes, 0 for No. Answered with 1.
pub const PDDB_ANSWER: usize = 1;
/// Opcode of [`PDDB_USER`]: a blocking scalar, answered with the number of dialogs when there have been as many as the first
/// argument says.
pub const PDDB_ASKED: usize = 2;
/// The exit code of a PDDB stand-in that died as it was told, or of what would stop the real server.
pub const PDDB_DIED: i32 = 77;
