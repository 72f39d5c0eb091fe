//! Connections that bring no files, and somebody else who does.

use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use xous_api_websocket::{
    Deadlines, Kind, Listen, Listener, Part, Route, Upload, Websocket,
    serve::{ListenLimits, Login},
};

use crate::by_hand::{Client, masked, upgrade_request};
use crate::common::elsewhere::connect_from;
use crate::common::raw::{CLOSE, PING, PONG, expect_close};
use crate::common::{nothing_is_left, peers, request, stats_when, system};
use crate::sender::{DICT, Sender, UPLOAD, get, listen, pddb_cid};

const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn idle_from(address: Ipv4Addr, port: u16) -> Client {
    let mut client = Client::over(connect_from(address, port).unwrap());
    client.send(upgrade_request(UPLOAD, ""));
    client.opened();
    // It has its place among those that are idle before the next one comes.
    client.send_frame(PING, b"");
    assert_eq!(client.frame().first, PONG);
    client
}

/// Brings a file as somebody who means well.
fn upload(port: u16, name: &str) {
    let mut sender = Sender::connect(port);
    sender.file(1, name, name.as_bytes());
    sender.accepted(1);
    sender.stored(1, name.as_bytes());
    sender.close();
}

#[test]
fn idle_connections_of_one_address_keep_nobody_from_uploading() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let idle: Vec<_> = (0..8).map(|_| idle_from(STRANGER, listener.port())).collect();
        let (peer, _reports) = peers::by_hand::<()>(|mut stream, _| drop(expect_close(&mut stream)));
        for round in 0..10 {
            upload(listener.port(), &format!("of {round}"));
            Websocket::open(&request(&peer)).unwrap().close(1000, "").unwrap();
        }
        drop(idle);
        nothing_is_left();
    });
}

/// They send as slowly as they may, on two ports, which would suffice for all workers that strangers have.
#[test]
fn files_of_one_address_that_come_slowly_keep_nobody_from_uploading() {
    system!().time_limit(Duration::from_secs(120)).run(|| {
        let ports = [(); 2].map(|()| listen(Upload::new(DICT)));
        // The database's client has its thread from now on.
        upload(ports[0].port(), "first");
        let begun = |(number, port): (usize, u16)| {
            let mut client = Client::over(connect_from(STRANGER, port).unwrap());
            client.send(upgrade_request(UPLOAD, ""));
            if client.answer_to_head().status != 101 {
                return None;
            }
            let name = format!("slow {number}\0");
            client.send_frame(
                0x82,
                &[&1_u32.to_le_bytes()[..], name.as_bytes(), &(1_u32 << 30).to_le_bytes(), b"half"].concat(),
            );
            assert!(client.text_frame().1.contains("accepted"));
            Some(client)
        };
        let both = ports.iter().flat_map(|listener| [listener.port(); 8]);
        let slow: Vec<_> = both.enumerate().filter_map(begun).collect();
        assert!(slow.len() >= 6, "{}", slow.len());
        for round in 0..10 {
            upload(ports[round % 2].port(), &format!("of {round}"));
        }
        drop(slow);
        // What has come of the files is kept for a while.
        stats_when(|figures| figures.connections == 0 && figures.workers_busy == 0);
    });
}

/// The limits let them: they have all that strangers may have, until somebody comes who does something.
#[test]
fn idle_connections_make_room_for_files() {
    system!().run(|| {
        pddb_cid();
        let limits = ListenLimits::new().connections(64).per_peer(64);
        // No pings, however long it takes.
        let deadlines = Deadlines::new().keepalive(Duration::from_secs(3600));
        let listener =
            Listener::listen(&Listen::new("127.0.0.1", 0).limits(limits).options(deadlines)).unwrap();
        listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT))).unwrap();
        let idle: Vec<_> = (0..8).map(|_| idle_from(STRANGER, listener.port())).collect();
        // One that is busy stays.
        let mut busy = Sender::connect(listener.port());
        busy.begin(1, "busy", 8, b"half");
        busy.accepted(1);
        let (peer, _reports) = peers::by_hand::<()>(|mut stream, _| drop(expect_close(&mut stream)));
        for round in 0..10 {
            upload(listener.port(), &format!("of {round}"));
            Websocket::open(&request(&peer)).unwrap().close(1000, "").unwrap();
        }
        let mut idle = idle.into_iter();
        let close = idle.next().unwrap().frame();
        assert_eq!((close.first, close.close()), (CLOSE, (1013, "others wait".into())));
        busy.part(1, b"half");
        busy.stored(1, b"halfhalf");
        busy.close();
        drop(idle);
        nothing_is_left();
    });
}

/// Uploads and files are guarded as pages are.
#[test]
fn files_come_and_go_for_those_who_show_a_login() {
    const LOGIN: &str = "Authorization: Bearer right\r\n";
    system!().run(|| {
        pddb_cid();
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0)).unwrap();
        let right = Login::bearer("right");
        listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT)).credentials(right)).unwrap();
        listener.add_route(&Route::files("/files/", DICT).credentials(right)).unwrap();
        for path in ["/files/", "/files/a"] {
            assert_eq!(get(listener.port(), path, "").status, 401, "{path}");
        }
        assert_eq!(get(listener.port(), "/files/", LOGIN).status, 200);
        assert_eq!(get(listener.port(), "/files/a", LOGIN).status, 404);
        let mut stranger = Client::with(listener.port(), upgrade_request(UPLOAD, ""));
        assert_eq!(stranger.answer().status, 401);
        let mut known = Client::with(listener.port(), upgrade_request(UPLOAD, LOGIN));
        known.opened();
        known.close();
        nothing_is_left();
    });
}

#[test]
fn a_listener_that_is_given_up_ends_its_uploads() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let idle = idle_from(STRANGER, listener.port());
        let mut busy = Sender::connect(listener.port());
        busy.begin(1, "busy", 8, b"half");
        busy.accepted(1);
        drop(listener);
        assert_eq!(idle.closed(), (1001, "the route is gone".into()));
        // Whoever is at it may finish.
        busy.part(1, b"half");
        busy.stored(1, b"halfhalf");
        busy.ended_with(1001);
        nothing_is_left();
    });
}

/// It answers pings and sends nothing of its file.
#[test]
fn a_file_that_does_not_come_is_not_waited_for() {
    system!().time_limit(Duration::from_secs(120)).run(|| {
        pddb_cid();
        let deadlines = Deadlines::new().keepalive(Duration::from_secs(5));
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).options(deadlines)).unwrap();
        listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT))).unwrap();
        let mut stuck = idle_from(STRANGER, listener.port());
        stuck.send_frame(
            0x82,
            &[&1_u32.to_le_bytes()[..], b"stuck\0", &8_u32.to_le_bytes(), b"half"].concat(),
        );
        let close = loop {
            let frame = stuck.frame();
            match frame.first {
                PING => stuck.send_frame(PONG, &frame.payload),
                CLOSE => break frame.close(),
                _ => (),
            }
        };
        assert_eq!(close, (1001, "the file does not come".into()));
        drop(stuck);
    });
}

/// Its program has the handle, so as to close it. To begin a message there would keep the service's own answers.
#[test]
fn a_connection_that_brings_files_is_no_program_s() {
    system!().run(|| {
        let listener = listen(Upload::new(DICT));
        let mut sender = Sender::connect(listener.port());
        let client = listener.clients().unwrap()[0].connection;
        let ws = Websocket::from_granted(client).unwrap();
        assert!(ws.send_fragment(Kind::Binary, Part::First, b"x").is_err());
        assert!(ws.send_text("x").is_err());
        assert!(ws.receive_text(9).is_err());
        assert!(ws.set_keepalive(None, Duration::from_secs(1)).is_err());
        // It just has no member.
        let _ = listener.join(&ws, "all");
        assert_eq!(listener.broadcast("all", Kind::Text, b"x").unwrap_or_default(), 0);
        assert!(ws.clone().grant(xous::current_pid().unwrap()).is_err());
        drop(ws);
        sender.file(1, "a", b"a");
        sender.accepted(1);
        sender.stored(1, b"a");
        listener.close_client(client, 1008).unwrap();
        sender.ended_with(1008);
        nothing_is_left();
    });
}

/// Who waits for such a sender is a deadline, not a thread.
#[test]
fn answers_that_a_sender_does_not_take_hold_no_worker() {
    system!().time_limit(Duration::from_secs(120)).run(|| {
        pddb_cid();
        let deadlines = Deadlines::new().write(Duration::from_secs(500)).keepalive(Duration::from_secs(500));
        let listener = Listener::listen(&Listen::new("127.0.0.1", 0).options(deadlines)).unwrap();
        listener.add_route(&Route::upload(UPLOAD, Upload::new(DICT))).unwrap();
        upload(listener.port(), "first");
        stats_when(|stats| stats.workers_busy == 0);
        let unread = || {
            let stream = connect_from(STRANGER, listener.port()).unwrap();
            let mut out = stream.try_clone().unwrap();
            let mut client = Client::over(stream);
            client.send(upgrade_request(UPLOAD, ""));
            client.opened();
            out.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
            let many = masked(0x81, b"x").repeat(500);
            let mut sent = 0;
            while out.write_all(&many).is_ok() {
                sent += 500;
            }
            (client, sent)
        };
        let mut all = [(); 2].map(|()| unread());
        stats_when(|stats| stats.workers_busy == 2 * 2);
        // None is lost.
        for (client, sent) in &mut all {
            for _ in 0..*sent {
                let (first, text) = client.text_frame();
                assert!(first == 0x81 && text.contains("malformed"), "{text}");
            }
        }
        drop(all);
        nothing_is_left();
    });
}
