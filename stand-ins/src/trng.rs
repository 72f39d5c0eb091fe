//! TRNG stand-in: the host's entropy, or the device's, under the name and the opcodes of the Precursor's TRNG service.
//!
//! Only `GetTrng` is served. `FillTrng` needs a type signature that the real server and its own client library
//! compute differently, which stops the real server; here it gets its page back cleared, with a length of 0.

use std::convert::Infallible;

use xous::{Message, MessageEnvelope};
use xous_api_names::XousNames;

use crate::raw;

/// The name that clients ask the name server for.
const NAME: &str = "_TRNG manager_";
/// `GetTrng`, a blocking scalar: answered by two 32-bit words.
const GET_TRNG: usize = 0;

/// Serves until the process is killed.
pub(crate) fn serve() -> Result<Infallible, xous::Error> {
    let names = XousNames::new()?;
    let server = names.register_name(NAME, None)?;
    loop {
        answer(xous::receive_message(server)?);
    }
}

fn answer(mut envelope: MessageEnvelope) {
    let replied = match &envelope.body {
        Message::BlockingScalar(request) if request.id == GET_TRNG => match word_pair() {
            Ok([first, second]) => xous::return_scalar2(envelope.sender, first, second),
            Err(error) => {
                eprintln!("trng: there is no entropy: {error:?}");
                xous::return_scalar(envelope.sender, 0)
            }
        },
        Message::BlockingScalar(request) => {
            eprintln!("trng: opcode {} is not served", request.id);
            xous::return_scalar(envelope.sender, 0)
        }
        _ => Ok(()),
    };
    if let Err(error) = replied {
        eprintln!("trng: a reply was not delivered: {error:?}");
    }
    if let Some(mut lent) = raw::lent_mut(&mut envelope) {
        lent.bytes().fill(0);
        lent.answer(0, 0);
    }
}

/// Two words of 32 bits, as the hardware gives them.
#[cfg(not(target_os = "xous"))]
fn word_pair() -> Result<[usize; 2], getrandom::Error> {
    Ok([getrandom::u32()? as usize, getrandom::u32()? as usize])
}

/// See above: of the kernel's generator, whose numbers are what servers' addresses are made of.
#[cfg(target_os = "xous")]
fn word_pair() -> Result<[usize; 2], xous::Error> {
    let [first, second, ..] = xous::create_server_id()?.to_array();
    Ok([first as usize, second as usize])
}
