//! Programs' shares of ports: their routes, their channels, and their accept queues.

use std::sync::Arc;
use std::time::Instant;

use xous::PID;
use xous_api_websocket::state::PortState;
use xous_api_websocket::wire::Handle;
use xous_api_websocket::{Code, Lease, Listen, Route};

use super::acceptors::Acceptors;
use super::admission::accept_queue::AcceptQueue;
use super::certificates::{load, renew};
use super::channels::Channels;
use super::files::file_events::FileEvents;
use super::jobs::Place;
use super::pairing::CODE_CHARS;
use super::port::{Fingerprint, NotBound, OnBound, Port, Settings};
use super::shared::Shared;
use super::target::{Target, TargetKind};
use crate::entropy::fill;
use crate::http::{AddError, Logins, NormalPath, Router};
use crate::net::{ServerTls, keeps_promise, wake_accept};
use crate::service::connection::{Tally, tls_code};
use crate::service::limits::{
    GUEST_BYTES, GUESTS_BYTES, KEPT_LISTENERS, LINGER, LISTENERS, PORT_BYTES, PORTS, PORTS_PER_PROCESS,
    REQUEST_BYTES, ROUTES_OF_GUESTS, ROUTES_PER_GUEST,
};
use crate::service::message::{Asked, Lent};
use crate::sync::{Mutex, MutexGuard};

/// All listeners.
#[derive(Clone)]
pub(crate) struct Listeners {
    shared: Arc<Shared>,
    acceptors: Arc<Acceptors>,
    slots: Arc<Mutex<Vec<Slot>>>,
    /// Held from the search for a port to the change of who listens on it. Nothing waits meanwhile.
    change: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Slot {
    generation: u16,
    listener: Option<Arc<Listener>>,
}

/// What a program asks for that wants to listen.
struct Plan {
    settings: Settings,
    tls: Option<(ServerTls, Fingerprint)>,
    lease: Lease,
    as_it_is: bool,
    alone: bool,
}

/// One program's share of a port.
pub(crate) struct Listener {
    pub(super) handle: Handle,
    pub(crate) owner: PID,
    pub(crate) lease: Lease,
    pub(super) port: Arc<Port>,
    queue: Arc<AcceptQueue>,
    pub(super) events: Arc<FileEvents>,
    pub(super) channels: Channels,
    pub(super) shared: Arc<Shared>,
    pub(super) tally: Arc<Tally>,
}

impl Listeners {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Listeners { shared, acceptors: Acceptors::new(PORTS), slots: Arc::default(), change: Arc::default() }
    }

    /// The listener, if it is `asker`'s.
    pub(crate) fn find(&self, handle: Handle, asker: Option<PID>) -> Option<Arc<Listener>> {
        let slots = self.slots.lock();
        let slot = slots.get(handle.slot()).filter(|slot| slot.generation == handle.generation())?;
        slot.listener.as_ref().filter(|listener| Some(listener.owner) == asker).cloned()
    }

    /// Listens on a port, or joins the programs that do. Answers `page` when the result is known.
    pub(crate) fn listen(&self, owner: PID, page: Lent) {
        if !page.is_writable() {
            return page.answer(Code::Malformed as usize, 0);
        }
        let Some(listen) = request(&page).and_then(Listen::parse) else {
            return page.refuse(Code::Malformed, "the page does not hold a request");
        };
        if listen.tls.is_none() {
            return self.listen_now(owner, page, None);
        }
        let own = self.clone();
        let loads = &self.shared.loads;
        loads.run(owner, page, move |page, place| own.listen_now(owner, page, Some(place)));
    }

    /// Refuses for want of something that a process may hold which has ended.
    fn refuse(&self, owner: PID, page: Lent, code: Code, text: &str) {
        page.refuse(code, text);
        self.shared.look_for_the_gone(Some(owner));
    }

    /// The processes that have a listener, as often as they have one.
    pub(crate) fn owners(&self) -> Vec<PID> {
        let slots = self.slots.lock();
        slots.iter().filter_map(|slot| slot.listener.as_ref()).map(|listener| listener.owner).collect()
    }

    /// When the first certificate of a port expires, in seconds since 1970; 0 if there is none.
    pub(crate) fn certificate_expires(&self) -> u32 {
        let slots = self.slots.lock();
        let listeners = slots.iter().filter_map(|slot| slot.listener.as_ref());
        let first = listeners.filter_map(|listener| listener.port.expires()).min();
        first.map_or(0, |first| u32::try_from(first).unwrap_or(u32::MAX))
    }

    /// The listeners of a process.
    pub(crate) fn of(&self, owner: PID) -> Vec<Arc<Listener>> {
        let slots = self.slots.lock();
        let listeners = slots.iter().filter_map(|slot| slot.listener.as_ref());
        listeners.filter(|listener| listener.owner == owner).cloned().collect()
    }

    /// Loads the certificate, if the port shall have one.
    fn listen_now(&self, owner: PID, mut page: Lent, place: Option<Place>) {
        let plan = self.plan(&page);
        drop(place);
        let plan = match plan {
            Ok(plan) => plan,
            Err((code, text)) => return page.refuse(code, &text),
        };
        let (lease, as_it_is) = (plan.lease, plan.as_it_is);
        let _change = self.change();
        let joined = self.port(&plan.settings);
        let opens = joined.is_none();
        let port = match joined {
            Some(port) => plan.joins(owner, &port).map(|()| port),
            None if !self.may_open(owner) => {
                Err((Code::NoListener, "the process has opened as many ports as it may"))
            }
            None => Ok(Port::new(plan.settings, owner, plan.alone, plan.tls)),
        };
        let port = match port {
            Ok(port) => port,
            Err((code, text)) => return self.refuse(owner, page, code, text),
        };
        let may_open = !as_it_is && self.may_open(owner);
        let Some(listener) = self.enter(owner, &port, lease) else {
            return self.refuse(owner, page, Code::NoListener, "there are too many listeners");
        };
        port.joined_by(owner, may_open);
        page.answer_on_drop(Code::NoListener as usize);
        port.when_bound(self.answer(listener, page));
        if opens {
            self.acceptors.start(&self.shared, port);
        }
    }

    /// What `page` asks for, or why that cannot be had.
    fn plan(&self, page: &Lent) -> Result<Plan, (Code, String)> {
        let malformed = || (Code::Malformed, "the page does not hold a request".to_owned());
        let listen = page.data().and_then(Listen::parse).ok_or_else(malformed)?;
        let settings = Settings::new(&listen).map_err(|text| (Code::BadRequest, text))?;
        keeps_promise(settings.address, listen.exposed).map_err(|text| (Code::BadRequest, text))?;
        let tls = listen.tls.as_ref().map(|tls| load(tls, &self.shared)).transpose();
        let tls = tls.map_err(|error| (tls_code::code(&error), error.to_string()))?;
        Ok(Plan { settings, tls, lease: listen.lease, as_it_is: listen.as_it_is, alone: listen.alone })
    }

    /// A process may have one more port: of those on which it listens, others' count for them as long as they listen, too.
    fn may_open(&self, owner: PID) -> bool {
        let own = self.of(owner);
        let counts = |(at, one): &(usize, &Arc<Listener>)| {
            let again = own.iter().take(*at).any(|other| Arc::ptr_eq(&other.port, &one.port));
            !again && one.port.opener().is_none_or(|opener| opener == owner)
        };
        own.iter().enumerate().filter(counts).count() < PORTS_PER_PROCESS
    }

    /// Gives a listener's port another certificate.
    pub(crate) fn renew(&self, listener: Arc<Listener>, page: Lent) {
        if request(&page).and_then(xous_api_websocket::ServerTls::parse).is_none() {
            return page.answer(Code::Malformed as usize, 0);
        }
        if !listener.may_renew() {
            return page.answer(Code::NotPermitted as usize, 0);
        }
        // So that one which takes longer to load does not take the place of a later one.
        let turn = listener.port.next_renewal();
        let shared = self.shared.clone();
        self.shared.loads.run(listener.owner, page, move |page, place| {
            let code = renew(&listener.port, &page, &shared, turn);
            drop(place);
            page.answer(code, 0);
        });
    }

    /// Answers with a new code of the listener's port.
    pub(crate) fn pair(&self, listener: Arc<Listener>, page: Lent) {
        // The generator of random numbers is another process.
        self.shared.loads.run(listener.owner, page, move |mut page, place| {
            let code = pair(&listener, page.pages_mut());
            drop(place);
            match code {
                Ok(()) => page.answer(0, CODE_CHARS),
                Err(code) => page.answer(code as usize, 0),
            }
        });
    }

    /// Gives up a listener. The last one of a port closes the port.
    pub(crate) fn unlisten(&self, listener: &Arc<Listener>) {
        let _change = self.change();
        remove(&self.slots, listener);
        let port = &listener.port;
        router(port).retain(|_, target| target.listener != listener.handle);
        listener.queue.close();
        listener.events.close();
        self.shared.admission.close_uploads(listener.handle);
        let listens = |whose: &dyn Fn(PID) -> bool| {
            let slots = self.slots.lock();
            let mut listeners = slots.iter().filter_map(|slot| slot.listener.as_ref());
            listeners.any(|other| Arc::ptr_eq(&other.port, port) && whose(other.owner))
        };
        if !listens(&|owner| owner == listener.owner) {
            port.left_by(listener.owner);
        }
        if listens(&|_| true) {
            return;
        }
        // The port's thread waits for a client.
        let address = port.close();
        self.shared.admission.close_port(&port.places);
        let Some(address) = address else { return };
        if !self.shared.pool.try_spawn(move || wake_accept(address, LINGER)) {
            // Refused clients may hold it up.
            self.shared.lingering.wake_accept(address);
        }
    }

    /// Answers a `Listen` when it is known whether the port is bound.
    fn answer(&self, listener: Arc<Listener>, page: Lent) -> OnBound {
        let slots = self.slots.clone();
        Box::new(move |bound| {
            let refused = match bound {
                Ok(number) => return listening(page, &listener, number),
                Err(NotBound::Retrying) => return listening(page, &listener, 0),
                Err(refused) => refused,
            };
            remove(&slots, &listener);
            match refused {
                NotBound::NoThread => {
                    listener.shared.look_for_the_gone(Some(listener.owner));
                    page.refuse(Code::NoListener, "all threads that can listen are in use")
                }
                _ => {
                    let text = format!("port {} is in use", listener.port.settings.port);
                    page.refuse(Code::PortInUse, &text);
                }
            }
        })
    }

    fn port(&self, settings: &Settings) -> Option<Arc<Port>> {
        let slots = self.slots.lock();
        let ports = slots.iter().filter_map(|slot| slot.listener.as_ref()).map(|listener| &listener.port);
        ports.filter(|port| !port.is_closed()).find(|port| port.is_at(settings)).cloned()
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.change.lock()
    }

    fn enter(&self, owner: PID, port: &Arc<Port>, lease: Lease) -> Option<Arc<Listener>> {
        let mut slots = self.slots.lock();
        let listeners = || slots.iter().filter_map(|slot| slot.listener.as_ref());
        if listeners().count() + KEPT_LISTENERS >= LISTENERS && listeners().any(|one| one.owner == owner) {
            return None;
        }
        let at = match slots.iter().position(|slot| slot.listener.is_none()) {
            Some(at) => at,
            None if slots.len() >= LISTENERS => return None,
            None => {
                slots.push(Slot::default());
                slots.len() - 1
            }
        };
        let slot = slots.get_mut(at)?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(1);
        let listener = Arc::new(Listener {
            handle: Handle::new(u8::try_from(at).ok()?, slot.generation),
            owner,
            lease,
            port: port.clone(),
            queue: Arc::new(AcceptQueue::new()),
            events: Arc::default(),
            channels: Channels::default(),
            shared: self.shared.clone(),
            tally: Arc::default(),
        });
        slot.listener = Some(listener.clone());
        Some(listener)
    }
}

impl Plan {
    /// Whether `owner` may join this port: it gets what it asks for, or is refused.
    fn joins(&self, owner: PID, port: &Port) -> Result<(), (Code, &'static str)> {
        let refuse = |text| Err((Code::BadRequest, text));
        if port.is_kept_from(owner) {
            return Err((Code::PortInUse, "another program keeps the port for itself"));
        }
        if self.alone && !port.is_alone() {
            return Err((Code::PortInUse, "the port is open to other programs already"));
        }
        if port.is_secure() != self.tls.is_some() {
            return refuse("the port is open already, with TLS where none was asked for or without");
        }
        if self.as_it_is {
            return Ok(());
        }
        if let Some(what) = self.settings.differs_from(&port.settings) {
            return refuse(what);
        }
        match &self.tls {
            Some((_, fingerprint)) if !port.shows(fingerprint) => match self.settings.checks_clients {
                true => refuse(
                    "the port is open already: the program that opened it says which clients it lets in",
                ),
                false => refuse("the port is open already, with another certificate"),
            },
            _ => Ok(()),
        }
    }
}

impl Listener {
    /// Adds a route. Answers with its number.
    pub(crate) fn add_route(&self, page: Lent) {
        let data = page.data().unwrap_or_default();
        let (code, number) = match Route::parse(data).map(|route| self.route(&route, data.len())) {
            None => (Code::Malformed as usize, 0),
            Some(Ok(number)) => (0, usize::from(number)),
            Some(Err(code)) => {
                if matches!(code, Code::RouteExists | Code::NoRoute) {
                    self.shared.look_for_the_gone(Some(self.owner));
                }
                (code as usize, 0)
            }
        };
        page.answer(code, number);
    }

    /// Removes a route, if there is one with that number.
    pub(crate) fn remove_route(&self, number: usize) -> Result<(), Code> {
        let others = |at: u16, target: &Target| usize::from(at) != number || target.listener != self.handle;
        if router(&self.port).retain(others) == 0 { Err(Code::NoRoute) } else { Ok(()) }
    }

    /// The port's certificate is its.
    fn may_renew(&self) -> bool {
        self.is_openers() && self.port.is_secure()
    }

    /// The port is its owner's.
    fn is_openers(&self) -> bool {
        self.port.opener() == Some(self.owner)
    }

    /// Gives a page back, if there is one, so that the owner shows that it is there.
    pub(crate) fn ask(&self) -> Asked {
        match self.queue.ask() {
            Asked::Nothing => self.events.ask(),
            asked => asked,
        }
    }

    /// A page of the owner is here.
    pub(crate) fn waits(&self) -> bool {
        self.queue.waits() || self.events.waits()
    }

    /// Keeps a page for the next client.
    pub(crate) fn accept(&self, mut page: Lent) {
        if page.pages_mut().is_empty() {
            return page.answer(Code::Malformed as usize, 0);
        }
        self.queue.park(page.offset(), page);
    }

    /// Where the port stands, and its clients.
    pub(crate) fn state(&self) -> (PortState, usize) {
        self.port.state()
    }

    /// A route to `new` fits beside the others. The port's opener has all of it; others have shares.
    fn has_room(&self, router: &Router<Target>, new: &Target) -> bool {
        let opener = self.port.opener();
        let of = |wanted: &dyn Fn(PID) -> bool| -> Vec<_> {
            router.targets().chain([new]).filter(|target| wanted(target.owner)).collect()
        };
        is_within(&of(&|_| true), usize::MAX, PORT_BYTES)
            && (opener == Some(self.owner)
                || (is_within(&of(&|owner| owner == self.owner), ROUTES_PER_GUEST, GUEST_BYTES)
                    && is_within(&of(&|owner| opener != Some(owner)), ROUTES_OF_GUESTS, GUESTS_BYTES)))
    }

    /// Adds one that was asked for with so many bytes.
    fn route(&self, route: &Route<'_>, bytes: usize) -> Result<u16, Code> {
        let kind = TargetKind::new(route, &self.queue, &self.events, &self.shared, &self.tally)?;
        let logins = if route.credentials.is_empty() {
            None
        } else {
            Some(Arc::new(Logins::new(&route.credentials).ok_or(Code::BadRequest)?))
        };
        let (listener, owner) = (self.handle, self.owner);
        let (lease, shared, tally) = (self.lease, route.shared, self.tally.clone());
        // All of it is kept, but for logins, of which there are digests.
        let bytes = bytes + 32 * route.credentials.len();
        let target = Target { listener, owner, lease, shared, logins, tally, bytes, kind };
        // Every path of the port that has no route yet would be its own, the opener's later ones too.
        let takes_all = route.prefix && NormalPath::of(route.path).as_str() == "/";
        if takes_all && !self.is_openers() {
            return Err(Code::NotPermitted);
        }
        let mut router = router(&self.port);
        if router.prefixes_of(route.path).any(|other| other.owner != owner && !other.shared) {
            return Err(Code::RouteExists);
        }
        if !self.has_room(&router, &target) {
            return Err(Code::NoRoute);
        }
        router.add(route.path, route.prefix, target).map_err(|error| match error {
            AddError::Path => Code::BadRequest,
            AddError::Exists => Code::RouteExists,
            AddError::Full => Code::NoRoute,
        })
    }
}

fn is_within(targets: &[&Target], routes: usize, bytes: usize) -> bool {
    targets.len() <= routes && targets.iter().map(|target| target.bytes).sum::<usize>() <= bytes
}

/// What a page holds that asks for something which is kept.
fn request(page: &Lent) -> Option<&[u8]> {
    page.data().filter(|data| data.len() <= REQUEST_BYTES)
}

/// A new code, at the beginning of `page`.
fn pair(listener: &Listener, page: &mut [u8]) -> Result<(), Code> {
    let pairing = listener.port.pairing.as_ref().filter(|_| listener.is_openers());
    let pairing = pairing.ok_or(Code::NotPermitted)?;
    let mut random = [0; CODE_CHARS];
    fill(&mut random).map_err(|_| Code::Entropy)?;
    let space = page.get_mut(..CODE_CHARS).ok_or(Code::Malformed)?;
    space.copy_from_slice(pairing.new_code(random, Instant::now()).as_bytes());
    Ok(())
}

fn remove(slots: &Mutex<Vec<Slot>>, listener: &Arc<Listener>) {
    let mut slots = slots.lock();
    let slot = slots.get_mut(listener.handle.slot());
    if let Some(slot) = slot.filter(|slot| slot.generation == listener.handle.generation()) {
        slot.listener = None;
    }
}

fn listening(mut page: Lent, listener: &Listener, port: u16) {
    let mut answer = [0; 6];
    answer[..4].copy_from_slice(&listener.handle.to_raw().to_le_bytes());
    answer[4..].copy_from_slice(&port.to_le_bytes());
    match page.pages_mut().get_mut(..answer.len()) {
        Some(space) => {
            space.copy_from_slice(&answer);
            page.answer(0, answer.len());
        }
        None => page.answer(Code::Malformed as usize, 0),
    }
}

pub(super) fn router(port: &Port) -> MutexGuard<'_, Router<Target>> {
    port.router.lock()
}
