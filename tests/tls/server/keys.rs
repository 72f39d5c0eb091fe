//! Keys that the client renews while messages pass (RFC 8446 section 4.6.3).

use crate::authority::Authority;
use crate::s_client::SClient;
use crate::support::system;

use super::{listen, listener, tls};

#[test]
fn keys_are_renewed_when_the_client_asks_or_says_so() {
    system!().run(|| {
        let ca = Authority::new("root");
        let leaf = ca.server(&["localhost"]);
        let listener = listener(&listen(tls(&leaf)));
        let mut client = SClient::start(listener.port(), &ca.pem, &["-tls1_3"]);
        let ws = listener.accept().unwrap().websocket;
        client.opened();
        // `K` wants ours renewed as well, which goes out with what we say next.
        for command in ["K", "k", "K", "K", "k", "k"] {
            client.renew_keys(command);
            ws.send_text("before anything was read").unwrap();
            assert_eq!(client.frame(), b"before anything was read", "{command}");
            client.send_text(command);
            assert_eq!(ws.receive_text(10).unwrap(), command);
            ws.send_text("under new keys").unwrap();
            assert_eq!(client.frame(), b"under new keys", "{command}");
        }
        // Several of them with nothing in between.
        (0..20).for_each(|_| client.renew_keys("K"));
        client.send_text("twenty");
        assert_eq!(ws.receive_text(10).unwrap(), "twenty");
        ws.send_text("answer").unwrap();
        assert_eq!(client.frame(), b"answer");
    });
}
