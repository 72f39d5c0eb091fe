//! Random numbers for `getrandom`, which knows no Xous: those that the kernel makes names of servers of.
#![allow(unsafe_code, reason = "the name of this function is how getrandom finds it")]

/// Fills `length` bytes from `to` on.
///
/// # Safety
/// They are the caller's to be written.
// SAFETY: nothing else has this name; getrandom's documentation asks for it, and for this signature.
#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(to: *mut u8, length: usize) -> Result<(), getrandom::Error> {
    let mut done = 0;
    while done < length {
        let words = xous::create_server_id().map_err(|_| getrandom::Error::UNEXPECTED)?.to_array();
        for byte in words.iter().flat_map(|word| word.to_le_bytes()).take(length - done) {
            // SAFETY: less than `length` bytes from `to` on, which the caller has given.
            unsafe { to.add(done).write(byte) };
            done += 1;
        }
    }
    Ok(())
}
