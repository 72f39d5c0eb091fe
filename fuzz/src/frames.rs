//! Any bytes as the frames of a peer.

use websocket::proto::{CloseStep, Limits, Role};

use super::endpoint::{Echo, Endpoint};
use super::trace::Trace;

/// The first byte chooses limits, the second how the rest is cut; the rest is what the peer sends.
pub fn check(role: Role, data: &[u8]) {
    let &[limits, cut, ref input @ ..] = data else { return };
    let limits = limits_of(limits);
    let expected = Trace::of(role, limits, input, []);
    let cuts = cuts_of(cut, input.len());
    assert_eq!(Trace::of(role, limits, input, cuts.iter().copied()), expected);
    assert_eq!(Trace::by_byte(role, limits, input), expected);

    let whole = echoed(role, limits, input, &[input.len()]);
    let in_pieces = echoed(role, limits, input, &cuts);
    assert_eq!(whole.out, in_pieces.out);
    check_output(role, &whole);
}

/// What an endpoint sends must please the decoder of the other side, and close if and only if it has to.
fn check_output(role: Role, endpoint: &Endpoint) {
    let output = Trace::at_once(role.peer(), &endpoint.out);
    assert_eq!((output.fault, output.mid_message), (None, false));
    let closing = endpoint.closing();
    assert_ne!(endpoint.next(), CloseStep::Send);
    let has_ended = closing.failure().is_some() || closing.peer().is_some();
    assert_eq!(closing.is_open(), !has_ended);
}

fn echoed(role: Role, limits: Limits, input: &[u8], cuts: &[usize]) -> Endpoint {
    let mut endpoint = Endpoint::new(role, limits, Echo::Whole);
    let mut input = input.to_vec();
    let mut rest = &mut input[..];
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (piece, behind) = rest.split_at_mut(cut.min(rest.len()));
        endpoint.receive(piece, |_| ());
        rest = behind;
    }
    endpoint
}

fn limits_of(choice: u8) -> Limits {
    let size = 1u64 << (choice >> 3 & 0x0f);
    match choice & 7 {
        0 => Limits { max_frame: size, ..Limits::NONE },
        1 => Limits { max_message: size, ..Limits::NONE },
        2 => Limits { max_fragments: size as u32, ..Limits::NONE },
        3 => Limits { max_frame: size, max_message: 2 * size, max_fragments: 3 },
        _ => Limits::NONE,
    }
}

/// Lengths of pieces from a seed of one byte: mostly short ones, which cut headers.
fn cuts_of(seed: u8, len: usize) -> Vec<usize> {
    let mut state = u32::from(seed).wrapping_mul(0x9e37_79b9) | 1;
    let mut cuts = Vec::new();
    let mut covered = 0;
    while covered < len {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let cut = if state & 0x700 == 0 { state as u8 as usize } else { state as usize & 7 };
        covered += cut;
        cuts.push(cut);
    }
    cuts
}
