//! Name resolution and connection.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use super::TcpStream;
use crate::platform::{HAS_ONE_NETWORK, has_resolver};
use crate::starting::Starting;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum DialError {
    /// The name has no address.
    Resolve(std::io::Error),
    /// No address answers; the error is that of the last.
    Connect(std::io::Error),
}

/// How long each of several addresses is tried in the first pass. A handshake takes longer only on the slowest links,
/// and nobody gives up before the second address is tried.
const FIRST_SHARE: Duration = Duration::from_millis(500);

/// How much longer an address is tried in each pass than in the one before.
const GROWTH: u32 = 3;

/// No wait is shorter. The device counts the limit of a connection in this unit.
const SHORTEST: Duration = Duration::from_millis(1);

/// How many addresses of a name are tried at most. The name server says how many there are, and is not trusted.
const MAX_ADDRESSES: usize = 16;

/// Connects to the first address of `host` that answers. All attempts together take at most the time that is `left`;
/// [`try_each`] shares it out. When nothing is left any more, no other address is tried. The look-up itself cannot be cut
/// short: the open deadline answers the caller, and the thread stays busy until the look-up returns.
///
/// # Errors
/// Nothing answers in time, or the name has no address.
pub(crate) fn dial(host: &str, port: u16, left: impl Fn() -> Duration) -> Result<TcpStream, DialError> {
    let addresses = match literal(host, port) {
        Some(address) => vec![address],
        None => interleaved(resolve(host, port).map_err(DialError::Resolve)?),
    };
    if addresses.is_empty() {
        return Err(DialError::Resolve(io::ErrorKind::NotFound.into()));
    }
    try_each(addresses, left, connect).map_err(DialError::Connect)
}

/// Tries one address after the other until one answers. RFC 8305 section 5 makes the attempts side by side, but that
/// takes a thread for each, or sockets that std can wait for together.
///
/// In each pass but the last an address gets half a second, and three times as much in each pass that follows. So a
/// dead address delays the others by half a second, and a slow one is reached in a later pass. The last pass is the one
/// behind which none of that length would fit: it shares out all the time that is left, which is two thirds of an equal
/// share of the whole or more, in one piece that a slow handshake fits into. An address that refuses is not tried again.
fn try_each<T>(
    mut addresses: Vec<SocketAddr>,
    left: impl Fn() -> Duration,
    mut connect: impl FnMut(&SocketAddr, Duration) -> io::Result<T>,
) -> io::Result<T> {
    let mut most = FIRST_SHARE;
    let mut failure = io::Error::from(io::ErrorKind::TimedOut);
    while !addresses.is_empty() {
        let mut waiting = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        // So two thirds of the time are left for the last pass: those before this one took half as long as it.
        let behind = if most == FIRST_SHARE { 2 } else { GROWTH };
        let pass = most.saturating_mul(waiting);
        let is_last = waiting == 1 || left() < pass.saturating_mul(1 + behind);
        let mut silent = Vec::new();
        for address in addresses {
            let left = left();
            if left < SHORTEST {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let share = if is_last { left / waiting.max(1) } else { most };
            match connect(&address, share.max(SHORTEST)) {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    if error.kind() == io::ErrorKind::TimedOut {
                        silent.push(address);
                    }
                    failure = error;
                }
            }
            waiting = waiting.saturating_sub(1);
        }
        // Also where a system says sooner than it was asked to that nobody answers.
        if is_last {
            break;
        }
        addresses = silent;
        most = most.saturating_mul(GROWTH);
    }
    Err(failure)
}

/// Puts the addresses in the resolver's order, except that the families take turns (RFC 8305 section 4), as often one
/// family is dead as a whole.
fn interleaved(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut rest: Vec<_> = addresses.collect();
    let mut turns = Vec::new();
    let mut is_v4 = rest.first().is_some_and(SocketAddr::is_ipv4);
    while !rest.is_empty() && turns.len() < MAX_ADDRESSES {
        let next = rest.iter().position(|address| address.is_ipv4() == is_v4);
        turns.push(rest.remove(next.unwrap_or(0)));
        is_v4 = !is_v4;
    }
    turns
}

// The device's std keeps whole pages on the stack: 40 KiB to resolve, 16 KiB to connect. Not inlined, they are there
// one after the other, and none of it for the life of the connection.

/// The address, if `host` is one. It needs no look-up, whose stack is large. The index of a zone (RFC 4007 section 11)
/// is known to a PC's look-up.
#[inline(never)]
fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    let host = if HAS_ONE_NETWORK { without_zone(host) } else { host };
    host.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, port))
}

/// An IPv6 address without its zone, which is nobody else's concern (RFC 6874 section 1); anything else as it is.
pub(crate) fn without_zone(host: &str) -> &str {
    host.split_once('%').filter(|(address, _)| address.contains(':')).map_or(host, |(address, _)| address)
}

#[inline(never)]
fn resolve(host: &str, port: u16) -> io::Result<std::vec::IntoIter<SocketAddr>> {
    if !awaits_resolver() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the device has no name service (dns) yet"));
    }
    (host, port).to_socket_addrs()
}

#[inline(never)]
fn awaits_resolver() -> bool {
    static RESOLVER: Starting = Starting::new();
    RESOLVER.wait_for(|| has_resolver().then_some(())).is_some()
}

#[inline(never)]
fn connect(address: &SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(address, limit)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::TcpListener;
    use std::time::Instant;

    use hosted::peer::Silent;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 80))
    }

    /// Who is reached and after how long, if the address `192.0.2.N` answers after `answers[N]`: never if that is
    /// `None`.
    fn reached(answers: &[Option<u64>], limit: Duration) -> (io::Result<SocketAddr>, Duration) {
        let clock = Cell::new(Duration::ZERO);
        let connect = |address: &SocketAddr, share: Duration| {
            let IpAddr::V4(ip) = address.ip() else { unreachable!() };
            match answers[usize::from(ip.octets()[3])].map(Duration::from_millis) {
                Some(time) if time <= share => {
                    clock.set(clock.get() + time);
                    Ok(*address)
                }
                _ => {
                    clock.set(clock.get() + share);
                    Err(io::ErrorKind::TimedOut.into())
                }
            }
        };
        let addresses = (0..answers.len() as u8).map(address).collect();
        let result = try_each(addresses, || limit.saturating_sub(clock.get()), connect);
        (result, clock.get())
    }

    #[test]
    fn a_dead_first_address_costs_half_a_second() {
        let (result, time) = reached(&[None, Some(20)], LIMIT);
        assert_eq!(result.unwrap(), address(1));
        assert!(time < Duration::from_secs(1), "{time:?}");
        // And a share where there is no half second.
        let (result, time) = reached(&[None, None, None, Some(20)], Duration::from_millis(400));
        assert_eq!((result.unwrap(), time), (address(3), Duration::from_millis(320)));
    }

    #[test]
    fn a_slow_address_is_reached_in_a_later_pass() {
        for rtt in [600, 1_500, 3_500, 7_000] {
            let (result, time) = reached(&[None, Some(rtt)], LIMIT);
            assert_eq!(result.unwrap(), address(1), "{rtt} ms");
            assert!(time < Duration::from_millis(6 * rtt), "{rtt} ms: {time:?}");
        }
        let (result, time) = reached(&[Some(29_000)], LIMIT);
        assert_eq!((result.unwrap(), time), (address(0), Duration::from_secs(29)));
    }

    /// A SYN that is lost costs a second, and three when its second is lost, too (RFC 6298).
    #[test]
    fn each_address_gets_two_thirds_of_its_share_in_one_piece() {
        for limit in [2_000, 5_000, 10_000, 30_000, 120_000] {
            for dead in 0..MAX_ADDRESSES {
                let share = limit / (dead as u64 + 1);
                let mut answers = vec![None; dead];
                answers.push(Some(share * 2 / 3));
                let (result, time) = reached(&answers, Duration::from_millis(limit));
                assert!(
                    result.is_ok(),
                    "{dead} dead, {limit} ms, answers after {} ms: {time:?}",
                    share * 2 / 3
                );
            }
        }
        for (dead, answers) in [(1, 7_000), (2, 7_000), (4, 3_000), (12, 1_100)] {
            let answers = [vec![None; dead], vec![Some(answers)]].concat();
            assert!(reached(&answers, LIMIT).0.is_ok(), "{answers:?}");
        }
    }

    #[test]
    fn the_limit_is_used_and_not_exceeded() {
        for dead in 1..=MAX_ADDRESSES {
            for limit in [3, 400, 2_000, 30_000].map(Duration::from_millis) {
                let (result, time) = reached(&vec![None; dead], limit);
                assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
                assert!(time <= limit && time >= limit * 9 / 10, "{dead} addresses, {limit:?}: {time:?}");
            }
        }
    }

    #[test]
    fn an_address_that_refuses_is_not_tried_again_and_leaves_its_time_to_others() {
        let mut tried = Vec::new();
        let mut connect = |address: &SocketAddr, share: Duration| {
            tried.push((*address, share));
            let refuses = *address == self::address(0);
            Err::<(), _>(
                if refuses { io::ErrorKind::ConnectionRefused } else { io::ErrorKind::TimedOut }.into(),
            )
        };
        try_each(vec![address(0), address(1)], || LIMIT, &mut connect).unwrap_err();
        assert_eq!(tried, [(address(0), FIRST_SHARE), (address(1), FIRST_SHARE), (address(1), LIMIT)]);
        // A system that says at once that nobody answers is not asked without end.
        let mut times = 0;
        let silent = |_: &SocketAddr, _| {
            times += 1;
            Err::<(), _>(io::ErrorKind::TimedOut.into())
        };
        try_each(vec![address(0), address(1)], || LIMIT, silent).unwrap_err();
        assert!(times < 20, "{times}");
    }

    #[test]
    fn families_take_turns() {
        let v6 = |last: u16| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, last], 80));
        let v4 = address;
        let turns = |addresses: &[SocketAddr]| interleaved(addresses.iter().copied());
        assert_eq!(turns(&[v6(1), v6(2), v6(3), v4(1), v4(2)]), [v6(1), v4(1), v6(2), v4(2), v6(3)]);
        assert_eq!(turns(&[v4(1), v6(1), v6(2)]), [v4(1), v6(1), v6(2)]);
        assert_eq!(turns(&[v4(1), v4(2)]), [v4(1), v4(2)]);
        assert!(turns(&[]).is_empty());
    }

    #[test]
    fn an_address_is_not_looked_up() {
        assert_eq!(literal("192.0.2.7", 80), Some(address(7)));
        assert_eq!(literal("::1", 80), Some(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 80))));
        assert_eq!(literal("localhost", 80), None);
        for (host, without) in [("fe80::1%eth0", "fe80::1"), ("::1", "::1"), ("a%41", "a%41"), ("%", "%")] {
            assert_eq!(without_zone(host), without);
        }
    }

    #[test]
    fn a_zone_is_part_of_an_address() {
        let listener = TcpListener::bind(("::1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        // Loopback is the first interface.
        assert!(dial("::1%1", port, || LIMIT).is_ok());
        assert!(matches!(dial("fe80::1%nowhere", port, || LIMIT), Err(DialError::Resolve(_))));
    }

    #[test]
    fn the_second_address_is_reached_within_a_second_when_the_first_is_dead() {
        let silent = Silent::start().unwrap();
        let alive = TcpListener::bind(("127.0.0.2", silent.address().port())).unwrap();
        let addresses = vec![silent.address(), alive.local_addr().unwrap()];
        let took = || {
            let start = Instant::now();
            let stream =
                try_each(addresses.clone(), || LIMIT.saturating_sub(start.elapsed()), connect).unwrap();
            let took = start.elapsed();
            assert_eq!(stream.peer_addr().unwrap(), alive.local_addr().unwrap());
            assert!(took >= FIRST_SHARE, "the first address answers: {took:?}");
            took
        };
        // Not each time on a machine that has no time for it.
        assert!((0..20).any(|_| took() < Duration::from_secs(1)));
    }
}
