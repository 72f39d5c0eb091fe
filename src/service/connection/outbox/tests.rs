//! The queue alone, without a connection.

use super::*;

#[test]
fn a_close_of_the_owner_begins_nothing_anew() {
    let outbox = Outbox::new(Role::Client);
    outbox.end();
    assert!(outbox.close_after_sends(None));
    assert!(outbox.next(false).is_none(), "the writer ends");
    let outbox = Outbox::new(Role::Client);
    assert!(outbox.transport_failed());
    assert!(outbox.close_after_sends(None));
    assert!(matches!(outbox.next(false), Some(Work::Flush)));
    assert!(outbox.next(false).is_none(), "last words are the last");
}

#[test]
fn who_brings_what_must_not_be_lost_is_told_of_room_or_of_the_end() {
    let outbox = Outbox::new(Role::Server);
    let frame: Arc<[u8]> = vec![0; 1].into();
    let told = Arc::new(AtomicU32::new(0));
    let share = || {
        let told = told.clone();
        outbox.share_or_tell(&frame, move || assert!(told.fetch_add(1, SeqCst) < 9))
    };
    (0..QUEUED_BROADCASTS).for_each(|_| share().unwrap());
    assert_eq!(share(), Err(ShareError::Full));
    outbox.ping();
    assert!(matches!(outbox.next(false), Some(Work::Ping)));
    assert_eq!((told.load(SeqCst), share()), (0, Err(ShareError::Full)), "no room yet");
    assert!(outbox.next(false).is_some());
    assert!(outbox.try_next(false).is_some());
    assert_eq!((told.load(SeqCst), share(), share()), (1, Ok(()), Ok(())), "once");
    assert_eq!(share(), Err(ShareError::Full));
    outbox.end();
    assert_eq!((told.load(SeqCst), share()), (2, Err(ShareError::Closed)));
}

#[test]
fn broadcasts_wait_up_to_a_number_and_up_to_so_many_bytes() {
    for (len, most) in [(1, QUEUED_BROADCASTS), (QUEUED_BROADCAST_BYTES / 2, 2)] {
        let outbox = Outbox::new(Role::Server);
        let frame: Arc<[u8]> = vec![0; len].into();
        for _ in 0..2 {
            (0..most).for_each(|_| outbox.share(frame.clone()).unwrap());
            assert_eq!(outbox.share(frame.clone()), Err(ShareError::Full));
            (0..most).for_each(|_| assert!(matches!(outbox.try_next(false), Some(Work::Share(_)))));
        }
    }
}
