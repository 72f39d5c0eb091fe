//! Who gives way, and who is waited for, without clients that do anything.

use std::net::{Ipv4Addr, TcpListener};

use super::super::accept_queue::AcceptQueue;
use super::*;

const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const NEXT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// A port that serves and tells nobody.
struct Port(Arc<Places>);

impl Host for Port {
    fn places(&self) -> &Arc<Places> {
        &self.0
    }

    fn serve(&self, _: TcpStream, _: SocketAddr, _: Arc<ClientSlot>, _: &mut Permit) {}

    fn refuse(&self, _: TcpStream, _: SocketAddr, _: Full) {}

    fn refuse_now(&self, _: TcpStream, _: SocketAddr, _: Full) -> Option<TcpStream> {
        None
    }
}

fn admission() -> Arc<Admission> {
    Admission::new(Timer::start().unwrap(), Pool::new(4))
}

/// A client that is served.
fn client(admission: &Arc<Admission>, places: &Arc<Places>, stage: Stage) -> ClientSlot {
    places.count(STRANGER).unwrap();
    let mut state = admission.state.lock();
    state.last += 1;
    let id = state.last;
    state.active.push(Active { stage, ..Active::new(id, places.clone(), STRANGER) });
    ClientSlot { admission: admission.clone(), id }
}

/// Somebody who is asked to go and is taken all the same stays for as long as it likes.
#[test]
fn nobody_waits_for_the_place_of_a_client_that_a_program_has_taken() {
    let (admission, places) = (admission(), Places::new(2, 2));
    let queue = Arc::new(AcceptQueue::new());
    let [first, _second] = [(); 2].map(|()| client(&admission, &places, Stage::Queued(queue.clone())));
    let makes_room = || admission.state.lock().make_room(Full::Port, Some((&places, NEXT))).is_some();
    assert!(makes_room());
    assert!(!makes_room(), "the one that goes is enough");
    assert!(!first.is(Stage::Answered));
    first.is(Stage::Taken);
    assert!(makes_room(), "it does not go");
}

#[test]
fn a_listener_that_is_given_up_ends_what_is_about_to_be_its_upload() {
    let (admission, places) = (admission(), Places::new(2, 2));
    let [own, other] = [1, 2].map(|slot| {
        let client = client(&admission, &places, Stage::Answered);
        client.comes_by(Handle::new(slot, 1));
        client
    });
    admission.close_uploads(Handle::new(1, 1));
    assert_eq!([own, other].map(|client| client.is(Stage::IdleUpload(Weak::new()))), [false, true]);
}

/// However many come.
#[test]
fn who_does_not_wait_has_no_deadline() {
    let (admission, places) = (admission(), Places::new(1, 1));
    let _answered = client(&admission, &places, Stage::Answered);
    let host: Arc<dyn Host> = Arc::new(Port(places));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for port in 0..10 * WAITING {
        let address = SocketAddr::from((NEXT, u16::try_from(port).unwrap()));
        admission.arrive(&host, stream.try_clone().unwrap(), address);
        let waiting = admission.state.lock().waiting.len();
        assert!(admission.timer.len() <= waiting + 1, "{} of {waiting}", admission.timer.len());
    }
    assert!(admission.timer.len() > 0);
}
