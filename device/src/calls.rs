//! Names of Xous's system calls.

/// By number, as `xous` 0.9 has them (`SysCallNumber` in its `src/syscall.rs`).
const NAMES: [&str; 47] = [
    "Invalid",
    "",
    "MapMemory",
    "Yield",
    "ReturnToParent",
    "ClaimInterrupt",
    "FreeInterrupt",
    "SwitchTo",
    "ReadyThreads",
    "WaitEvent",
    "IncreaseHeap",
    "DecreaseHeap",
    "UpdateMemoryFlags",
    "SetMemRegion",
    "CreateServerWithAddress",
    "ReceiveMessage",
    "SendMessage",
    "Connect",
    "CreateThread",
    "UnmapMemory",
    "ReturnMemory",
    "CreateProcess",
    "TerminateProcess",
    "Shutdown",
    "TrySendMessage",
    "TryConnect",
    "ReturnScalar1",
    "ReturnScalar2",
    "TryReceiveMessage",
    "CreateServer",
    "ConnectForProcess",
    "CreateServerId",
    "GetThreadId",
    "GetProcessId",
    "DestroyServer",
    "Disconnect",
    "JoinThread",
    "SetExceptionHandler",
    "AdjustProcessLimit",
    "VirtToPhys",
    "ReturnScalar5",
    "ReplyAndReceiveNext",
    "VirtToPhysPid",
    "RegisterSwapper",
    "SwapOp",
    "RawTrng",
    "PlatformSpecific",
];

/// The name of a system call, or "?" for an unknown number.
pub fn call_name(number: u8) -> &'static str {
    NAMES.get(usize::from(number)).copied().filter(|name| !name.is_empty()).unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_their_names() {
        let names =
            [(2, "MapMemory"), (16, "SendMessage"), (22, "TerminateProcess"), (46, "PlatformSpecific")];
        for (number, name) in names {
            assert_eq!(call_name(number), name);
        }
        assert_eq!((call_name(1), call_name(63)), ("?", "?"));
    }
}
