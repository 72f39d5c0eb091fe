//! Messages that nobody in his right mind sends: any opcode, kind, handle, word and page. Half of them are nearly right,
//! or they would not get far.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use xous_api_websocket::wire::{Handle, Opcode, Packer};
use xous_api_websocket::{
    Deadlines, Kind as MessageKind, Lease, Listen, Request, Route, ServerTls, Tls, Upload, serve::Decision,
    tls::Identity,
};

use crate::common::pages::RawPages;
use crate::common::random::Random;

/// Opcodes of pages that are lent to be read,
const READ: [Opcode; 8] = [
    Opcode::Close,
    Opcode::Send,
    Opcode::AddRoute,
    Opcode::Join,
    Opcode::Leave,
    Opcode::Broadcast,
    Opcode::Renew,
    Opcode::Decide,
];
/// of those to be written,
const WRITTEN: [Opcode; 7] = [
    Opcode::Open,
    Opcode::Receive,
    Opcode::Stats,
    Opcode::Listen,
    Opcode::Accept,
    Opcode::Pair,
    Opcode::SendSeveral,
];
/// and of scalars.
const SCALAR: [Opcode; 8] = [
    Opcode::Close,
    Opcode::State,
    Opcode::Quit,
    Opcode::Grant,
    Opcode::Unlisten,
    Opcode::RemoveRoute,
    Opcode::ListenerState,
    Opcode::Room,
];
/// Whom it connects to. Strangers elsewhere are not to be bothered.
const HOSTS: [&str; 3] = ["127.0.0.1", "::1", ""];
/// As long as anything may be held, so that the test ends.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Pages of the longest message, and of the first that is too long.
const MANY_PAGES: [usize; 2] = [64, 65];

/// How a message goes out.
pub(super) enum Kind {
    /// Five words; the sender waits or does not.
    Scalar { waits: bool, words: [usize; 4] },
    /// Pages that come back as they were.
    Lend(Paged),
    /// Pages to be written.
    LendMut(Paged),
    /// Pages that are given away.
    Give(Paged),
}

/// Pages with their two words.
pub(super) struct Paged {
    pub(super) pages: RawPages,
    pub(super) offset: usize,
    pub(super) valid: usize,
}

/// What messages are made from.
pub(super) struct Forge {
    /// The port of a peer that echoes, and one where nobody listens.
    pub(super) peers: [u16; 2],
    /// Ports of innocents.
    pub(super) ports: Vec<u16>,
    /// Handles of innocents.
    pub(super) foreign: Vec<Handle>,
    /// Handles that the attackers have been given.
    own: Mutex<Vec<Handle>>,
}

impl Forge {
    pub(super) fn new(peers: [u16; 2], ports: Vec<u16>, foreign: Vec<Handle>) -> Self {
        Forge { peers, ports, foreign, own: Mutex::default() }
    }

    /// The attackers' handles.
    pub(super) fn own(&self) -> MutexGuard<'_, Vec<Handle>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message's id and the rest of it, with pages or without.
    pub(super) fn message(&self, random: &mut Random, paged: bool) -> (usize, Kind) {
        let opcode = match (random.below(10), paged) {
            (0, _) => random.below(256) as usize,
            (1, _) | (2.., false) => random.one_of(&SCALAR) as usize,
            (2..=5, true) => random.one_of(&READ) as usize,
            (6.., true) => random.one_of(&WRITTEN) as usize,
        };
        let beyond = if random.once_in(16) { (random.number() as usize) << 32 } else { 0 };
        let id = ((self.handle(random).to_raw() as usize) << 8) | opcode | beyond;
        if !paged {
            let words = [(); 4].map(|()| self.word(random));
            return (id, Kind::Scalar { waits: random.once_in(2), words });
        }
        let paged = self.paged(opcode, random);
        let is_read = READ.iter().any(|&read| read as usize == opcode);
        let kind = match random.below(8) {
            0 => Kind::Give(paged),
            1 => Kind::Lend(paged),
            2 => Kind::LendMut(paged),
            _ if is_read => Kind::Lend(paged),
            _ => Kind::LendMut(paged),
        };
        (id, kind)
    }

    fn handle(&self, random: &mut Random) -> Handle {
        let any = |random: &mut Random| Handle::from_raw(random.below(1 << 24) as u32);
        let handle = match random.below(10) {
            0 => any(random),
            1 => Some(Handle::SOLE),
            2 => Some(Handle::new(random.below(33) as u8, random.below(1000) as u16)),
            3 | 4 => Some(random.one_of(&self.foreign)),
            _ => {
                let own = self.own();
                own.get(random.place(own.len())).copied()
            }
        };
        handle.unwrap_or(Handle::SOLE)
    }

    fn word(&self, random: &mut Random) -> usize {
        match random.below(8) {
            0 => random.number() as usize,
            1 => random.one_of(&[1000, 1001, 1005, 1006, 3000, 4999, 5000]),
            2 => self.handle(random).to_raw() as usize,
            3 => random.one_of(&[usize::MAX, u32::MAX as usize, 1 << 31, 1 << 16, 4096, 4097]),
            _ => random.below(20) as usize,
        }
    }

    /// Pages with something that fits the opcode more or less.
    fn paged(&self, opcode: usize, random: &mut Random) -> Paged {
        let fitting = if random.once_in(8) { random.one_of(&WRITTEN) as usize } else { opcode };
        let mut data = self.data(fitting, random);
        let mut good = data.clone();
        if random.once_in(2) {
            mutate(&mut data, random);
        }
        let (pages, valid) = match random.below(40) {
            0 => (random.one_of(&MANY_PAGES), data.len()),
            1 => (1, self.word(random)),
            2 => (1, random.place(data.len())),
            _ => (data.len().div_ceil(4096).max(1), data.len()),
        };
        let offset = match random.below(3) {
            0 => self.word(random),
            // The opcodes that have a handle or a code there.
            _ if [Opcode::Join as usize, Opcode::Leave as usize].contains(&fitting) => {
                self.handle(random).to_raw() as usize
            }
            _ if fitting == Opcode::SendSeveral as usize => random.one_of(&[1, 3, 8, 600, 1024, 4096]),
            _ if fitting == Opcode::Close as usize => random.one_of(&[0, 1000, 3000]),
            _ => 0,
        };
        if !self.is_harmless(data.get(..valid).unwrap_or_default()) {
            std::mem::swap(&mut data, &mut good);
        }
        let mut lent = RawPages::new(pages.max(data.len().div_ceil(4096)));
        lent.bytes_mut()[..data.len()].copy_from_slice(&data);
        let valid = if self.is_harmless(lent.bytes().get(..valid).unwrap_or_default()) { valid } else { 0 };
        Paged { pages: lent, offset, valid }
    }

    /// What would be right for an opcode.
    fn data(&self, opcode: usize, random: &mut Random) -> Vec<u8> {
        let is = |wanted: Opcode| opcode == wanted as usize;
        if is(Opcode::Open) {
            return self.request(random);
        }
        if is(Opcode::Listen) {
            return self.listen(random);
        }
        if is(Opcode::AddRoute) {
            return route(random);
        }
        if is(Opcode::Renew) {
            let tls = ServerTls::new(Identity::in_pddb("tls", "chain", "key"));
            let mut page = vec![0; tls.encoded_len()];
            tls.write(&mut page).unwrap();
            return page;
        }
        if is(Opcode::Decide) {
            let decision = match random.below(3) {
                0 => Decision::refuse(random.below(700) as u16, "no"),
                1 => Decision::accept().sub_protocol("one").header("X-One", "1"),
                _ => Decision::accept(),
            };
            let mut page = vec![0; decision.encoded_len()];
            decision.write(&mut page).unwrap();
            return page;
        }
        if is(Opcode::Join) || is(Opcode::Leave) {
            return channel(random).into();
        }
        if is(Opcode::Broadcast) {
            let name = channel(random);
            return [&(name.len() as u16).to_le_bytes(), name.as_bytes(), b"to all"].concat();
        }
        if is(Opcode::SendSeveral) {
            let (mut page, mut packer) = (vec![0; 4096], Packer::new());
            for _ in 0..8 {
                let kind = if random.once_in(2) { MessageKind::Text } else { MessageKind::Binary };
                packer.put(&mut page, kind, &vec![b'h'; random.one_of(&[0, 1, 5, 126, 400])]);
            }
            return page;
        }
        vec![b'h'; random.one_of(&[0, 1, 5, 123, 124, 125, 126, 4096, 5000])]
    }

    fn request(&self, random: &mut Random) -> Vec<u8> {
        let deadlines = Deadlines::new()
            .open(MAX_WAIT)
            .write(MAX_WAIT)
            .close(MAX_WAIT)
            .stall(MAX_WAIT)
            .keepalive(random.once_in(4).then_some(Duration::from_millis(50)))
            .pong(MAX_WAIT);
        let mut request = Request::new(HOSTS[0], random.one_of(&self.peers)).options(deadlines);
        match random.below(6) {
            0 => {
                let options = request.options.fragment_size(100);
                request = request.sub_protocol("one").header("X-One", "1").options(options);
            }
            1 => request = request.tls(Tls::default()),
            2 => request = request.lease(Lease::new().answers(false).silence(Duration::from_secs(1))),
            _ => (),
        }
        let mut page = vec![0; request.encoded_len()];
        request.write(&mut page).unwrap();
        page
    }

    fn listen(&self, random: &mut Random) -> Vec<u8> {
        let port = if random.once_in(2) { 0 } else { random.one_of(&self.ports) };
        let deadlines = Deadlines::new().write(MAX_WAIT).close(MAX_WAIT).stall(MAX_WAIT);
        let mut listen = Listen::new(HOSTS[0], port).options(deadlines);
        match random.below(5) {
            0 => listen = listen.as_it_is(),
            1 => listen = listen.pairing().alone(),
            2 => listen = listen.tls(ServerTls::new(Identity::in_pddb("tls", "chain", "key"))),
            _ => (),
        }
        let mut page = vec![0; listen.encoded_len()];
        listen.write(&mut page).unwrap();
        page
    }

    /// It bothers nobody outside of this system, and everything that comes of it ends soon.
    fn is_harmless(&self, data: &[u8]) -> bool {
        let ends = |waits: &Deadlines| {
            [waits.open, waits.write, waits.close, waits.stall].iter().all(|&wait| wait <= MAX_WAIT)
        };
        let is_short = |lease: Lease| lease.silence.is_none_or(|silence| silence <= MAX_WAIT);
        if let Some(request) = Request::parse(data) {
            let known = HOSTS.contains(&&*request.host) && self.peers.contains(&request.port);
            return known && ends(&request.options.deadlines) && is_short(request.lease);
        }
        if let Some(listen) = Listen::parse(data) {
            let here = listen.address.parse().map_or(true, |address: IpAddr| address.is_loopback());
            let known = listen.port == 0 || self.ports.contains(&listen.port);
            let ends = ends(&listen.options.deadlines.open(Duration::ZERO));
            return here && known && ends && is_short(listen.lease);
        }
        true
    }
}

fn route(random: &mut Random) -> Vec<u8> {
    let path = random.one_of(&["/", "/a", "/ws", "/a/b/", "/%65", "relative", ""]);
    let route = match random.below(6) {
        0 => Route::page(path, "text/plain", b"a page"),
        1 => Route::files("/files/", "uploads"),
        2 => Route::upload(path, Upload::new("uploads")),
        3 => Route::receiver(path).shared_prefix().sub_protocol("one"),
        4 => Route::receiver(path).decides(),
        _ => Route::receiver(path),
    };
    let mut page = vec![0; route.encoded_len()];
    route.write(&mut page).unwrap();
    page
}

fn channel(random: &mut Random) -> &'static str {
    random.one_of(&[
        "room",
        "another room",
        "",
        "a name that is longer than any name of a channel can be, by some letters",
    ])
}

/// Changes some of it: bytes, two or four at a time, or the length.
fn mutate(data: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.place(data.len());
        let with = match random.below(6) {
            0 => random.number() as u8,
            _ => random.one_of(&[0, 1, 0x7f, 0x80, 0xff]),
        };
        let count = random.one_of(&[1, 1, 2, 4]);
        data.iter_mut().skip(at).take(count).for_each(|byte| *byte = with);
    }
    match random.below(6) {
        0 => data.truncate(random.place(data.len())),
        1 => data.extend([random.number() as u8; 100]),
        _ => (),
    }
}
