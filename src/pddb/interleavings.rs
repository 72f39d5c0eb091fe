//! Models of callers who wait for the courier, which waits for the database, run with every schedule of so many
//! preemptions.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use shuttle::thread::spawn;

use super::courier::{Answer, Chain, Courier, Request, Ticket, Wait};
use super::error::PddbError;
use crate::sync::explore::{explore, spin};
use crate::sync::{Condvar, FOREVER, Instant, Mutex};

const LIMIT: Duration = Duration::from_secs(10);
/// How long they wait behind another one's request.
const BEHIND: Duration = LIMIT;
const WAIT: Wait = Wait { limit: LIMIT, behind: BEHIND };
/// Those that are patient.
const PATIENT: Wait = Wait { limit: FOREVER, behind: FOREVER };
/// The request that the database answers when it is told to.
const HELD: usize = 1;

/// The database of a model.
#[derive(Default)]
struct Database {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The held request is answered.
    released: bool,
    /// Requests that came.
    seen: Vec<usize>,
}

impl Database {
    fn release(&self) {
        self.state.lock().released = true;
        self.changed.notify_all();
    }

    fn serve(&self, id: usize) -> usize {
        let mut state = self.state.lock();
        state.seen.push(id);
        while id == HELD && !state.released {
            state = self.changed.wait(state);
        }
        id
    }
}

thread_local! {
    /// That of the model that this thread runs.
    static DATABASE: RefCell<Option<Arc<Database>>> = RefCell::default();
}

/// What the database answers the courier.
pub(super) fn serve(request: Request) -> Result<Answer, PddbError> {
    let database = DATABASE.with_borrow(Clone::clone).expect("the model has a database");
    match request {
        Request::Ask { id, arguments: [0, ..] } => Ok(Answer::One(database.serve(id))),
        Request::Ask { id, arguments: [more, ..] } => Ok(Answer::Two(database.serve(id), more)),
        Request::Lend { id, pages, valid, lent } => {
            assert!(valid <= lent);
            Ok(Answer::Lent { pages, offset: database.serve(id), valid })
        }
    }
}

fn courier() -> (Arc<Courier>, Arc<Database>) {
    let database = Arc::new(Database::default());
    DATABASE.set(Some(database.clone()));
    (Arc::new(Courier::new(Box::new(|| ()))), database)
}

fn send(courier: &Courier, id: usize) -> Result<Ticket, PddbError> {
    courier.send(Request::Ask { id, arguments: [0; 3] }, WAIT, None)
}

/// The number of the request that was answered.
fn call(courier: &Courier, id: usize) -> Result<usize, PddbError> {
    number(send(courier, id)?.wait())
}

fn number(answer: Result<Answer, PddbError>) -> Result<usize, PddbError> {
    match answer? {
        Answer::One(id) => Ok(id),
        _ => panic!("another kind of answer"),
    }
}

#[test]
fn callers_get_their_own_answers_or_none_in_time() {
    explore(2, || {
        let (courier, _database) = courier();
        let other = {
            let courier = courier.clone();
            spawn(move || call(&courier, 2))
        };
        let start = Instant::now();
        let own = call(&courier, 3);
        // Behind the other one's it gives up earlier.
        assert!(own.is_ok() || start.elapsed() >= BEHIND, "given up too early");
        for (answer, id) in [(own, 3), (other.join().unwrap(), 2)] {
            assert!(answer == Ok(id) || answer == Err(PddbError::NoAnswer), "{answer:?}");
        }
    });
}

#[test]
fn an_answer_ends_a_wait_without_a_limit() {
    explore(2, || {
        let (courier, _database) = courier();
        let calls = |id| {
            let courier = courier.clone();
            move || number(courier.send(Request::Ask { id, arguments: [0; 3] }, PATIENT, None)?.wait())
        };
        let other = spawn(calls(2));
        assert_eq!((calls(3)(), other.join().unwrap()), (Ok(3), Ok(2)));
    });
}

#[test]
fn a_database_that_hangs_holds_up_nobody() {
    explore(1, || {
        let (courier, database) = courier();
        let other = {
            let courier = courier.clone();
            spawn(move || call(&courier, 2))
        };
        assert!(matches!(call(&courier, HELD), Err(PddbError::NoAnswer)));
        let seen = database.state.lock().seen.clone();
        let other = other.join().unwrap();
        // It came before, or is behind the one that is held, or had not begun in time.
        assert!(
            other == Ok(2) && seen.first() != Some(&HELD) || other == Err(PddbError::NoAnswer),
            "{other:?}"
        );
        let start = Instant::now();
        let third = call(&courier, 3);
        if seen.contains(&HELD) {
            // At once if that one has been under way for so long by now.
            assert_eq!(third, Err(PddbError::NoAnswer));
            assert!(start.elapsed() <= BEHIND, "waited for longer than behind another one");
        } else {
            assert!(third == Ok(3) || third == Err(PddbError::NoAnswer), "{third:?}");
        }
    });
}

#[test]
fn a_database_that_answers_late_is_asked_again() {
    explore(2, || {
        let (courier, database) = courier();
        let releases = spawn(move || database.release());
        let held = call(&courier, HELD);
        assert!(held == Ok(HELD) || held == Err(PddbError::NoAnswer), "{held:?}");
        releases.join().unwrap();
        loop {
            let start = Instant::now();
            match call(&courier, 4) {
                Ok(id) => break assert_eq!(id, 4),
                Err(PddbError::NoAnswer) if start.elapsed() >= BEHIND => break,
                // The courier is not back yet.
                Err(PddbError::NoAnswer) => spin(),
                Err(error) => panic!("{error:?}"),
            }
        }
    });
}

#[test]
fn what_is_given_up_before_it_began_never_begins() {
    explore(2, || {
        let (courier, database) = courier();
        let held = send(&courier, HELD).unwrap();
        let behind = send(&courier, 2).unwrap();
        // Behind the one that is held it cannot have begun.
        assert!(matches!(behind.wait(), Err(PddbError::NoAnswer)));
        let releases = {
            let database = database.clone();
            spawn(move || database.release())
        };
        let first = held.wait();
        assert!(matches!(first, Ok(Answer::One(HELD)) | Err(PddbError::NoAnswer)));
        releases.join().unwrap();
        assert!(!database.state.lock().seen.contains(&2));
    });
}

#[test]
fn a_courier_that_is_dropped_does_what_was_sent() {
    explore(2, || {
        let (courier, database) = courier();
        let ticket = send(&courier, 2).unwrap();
        let drops = spawn(move || drop(courier));
        let answer = ticket.wait();
        drops.join().unwrap();
        if let Ok(Answer::One(id)) = answer {
            assert_eq!(id, 2);
            assert_eq!(database.state.lock().seen, [2]);
        } else {
            assert!(matches!(answer, Err(PddbError::NoAnswer)));
        }
    });
}

#[test]
fn who_is_patient_gets_an_answer_from_a_database_that_asked_its_user() {
    // With two preemptions its five threads have more schedules than are tried.
    explore(1, || {
        let (courier, database) = courier();
        let held = {
            let courier = courier.clone();
            let ask = Request::Ask { id: HELD, arguments: [0; 3] };
            spawn(move || number(courier.send(ask, PATIENT, None)?.wait()))
        };
        let behind = {
            let courier = courier.clone();
            let ask = Request::Ask { id: 2, arguments: [0; 3] };
            spawn(move || number(courier.send(ask, PATIENT, None)?.wait()))
        };
        let impatient = call(&courier, 3);
        assert!(impatient == Ok(3) || impatient == Err(PddbError::NoAnswer), "{impatient:?}");
        database.release();
        assert_eq!((held.join().unwrap(), behind.join().unwrap()), (Ok(HELD), Ok(2)));
    });
}

#[test]
fn what_is_behind_a_write_that_is_refused_is_not_sent() {
    explore(2, || {
        let (courier, database) = courier();
        let chain = Chain::default();
        let write = |id| {
            let lend = Request::Lend { id, pages: courier.pages(1), valid: 1, lent: 1 };
            courier.send(lend, PATIENT, Some(&chain)).unwrap()
        };
        // The model's database answers with the request's number, which is an error.
        let (first, second) = (write(5), write(6));
        let other = send(&courier, 7).unwrap();
        assert!(matches!(first.wait(), Ok(Answer::Lent { offset: 5, .. })));
        assert!(matches!(second.wait(), Err(PddbError::NotSent)));
        assert!(matches!(number(other.wait()), Ok(7) | Err(PddbError::NoAnswer)));
        assert!(!database.state.lock().seen.contains(&6));
    });
}
