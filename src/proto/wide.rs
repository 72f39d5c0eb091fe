//! Loops that are compiled for the vectors of the machine that they run on, where those are known only at run time.

/// Runs `work`, which is to be inlined with all that it calls. From a few hundred bytes on it is worth the call.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(super) fn widely<R>(work: impl FnOnce() -> R) -> R {
    use fearless_simd::{Level, dispatch};
    static LEVEL: std::sync::LazyLock<Level> = std::sync::LazyLock::new(Level::new);
    dispatch!(*LEVEL, _simd => work())
}

/// As above. Other targets, the device among them, have one kind of vectors or none.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
pub(super) fn widely<R>(work: impl FnOnce() -> R) -> R {
    work()
}
