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
fn a_frame_that_must_not_be_lost_waits_for_room_or_the_end() {
    let outbox = Outbox::new(Role::Server);
    let frame: Arc<[u8]> = vec![0; 1].into();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let sent = (0..3 * QUEUED_BROADCASTS).map_while(|_| outbox.share_in_time(&frame).ok()).count();
            (sent, outbox.share_in_time(&frame))
        });
        let taken = (0..QUEUED_BROADCASTS).filter(|_| outbox.next(false).is_some()).count();
        while outbox.state.lock().items.len() < QUEUED_BROADCASTS || !outbox.state.lock().wants_room {
            std::thread::yield_now();
        }
        outbox.end();
        assert_eq!(reader.join().unwrap(), (taken + QUEUED_BROADCASTS, Err(ShareError::Closed)));
    });
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
