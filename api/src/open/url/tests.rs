use proptest::prelude::*;

use super::*;

#[test]
fn addresses_are_read_as_the_rfcs_have_them() {
    for (text, tls, host, port, path) in [
        ("ws://h", false, "h", 80, "/"),
        ("wss://h/a?b", true, "h", 443, "/a?b"),
        ("WS://h/", false, "h", 80, "/"),
        ("Wss://H:1", true, "H", 1, "/"),
        ("ws://h:18191?token=x", false, "h", 18191, "/?token=x"),
        ("ws://h?to=/x:1@y", false, "h", 80, "/?to=/x:1@y"),
        ("ws://h:/", false, "h", 80, "/"),
        ("wss://h:", true, "h", 443, "/"),
        ("ws://h:00081", false, "h", 81, "/"),
        ("ws://h?", false, "h", 80, "/?"),
        ("ws://[::1]/a:b", false, "::1", 80, "/a:b"),
        ("ws://[::1]:8080", false, "::1", 8080, "/"),
        ("ws://[::1]:", false, "::1", 80, "/"),
        ("wss://[2001:DB8::192.0.2.1]?a", true, "2001:DB8::192.0.2.1", 443, "/?a"),
        ("ws://[fe80::1%25eth0]:1", false, "fe80::1%eth0", 1, "/"),
        ("ws://[fe80::1%eth0]", false, "fe80::1%eth0", 80, "/"),
        ("ws://[fe80::1%25]", false, "fe80::1%25", 80, "/"),
        ("ws://h/@:[]", false, "h", 80, "/@:[]"),
        ("ws://h//a/../%2f", false, "h", 80, "//a/../%2f"),
        ("ws://@h", false, "h", 80, "/"),
        ("ws://192.0.2.1", false, "192.0.2.1", 80, "/"),
        ("ws://xn--bcher-kva.example", false, "xn--bcher-kva.example", 80, "/"),
    ] {
        let request = Request::from_url(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((&*request.host, request.port, &*request.path), (host, port, path), "{text}");
        assert_eq!((request.tls.is_some(), &request.credentials), (tls, &None), "{text}");
        let url: Url = text.parse().unwrap();
        assert_eq!(url.request(), request);
        assert_eq!((url.is_secure(), url.host(), url.port(), url.path()), (tls, host, port, path));
        assert_eq!(url.to_string().parse(), Ok(url), "{text}");
    }
}

#[test]
fn a_user_is_decoded_into_a_header() {
    for (user, name, password) in [
        ("me:pw", "me", "pw"),
        ("me", "me", ""),
        ("me:", "me", ""),
        (":pw", "", "pw"),
        ("me:a:b", "me", "a:b"),
        ("m%40e:%3A%2f%25", "m@e", ":/%"),
        ("b%C3%BCcher:x", "bücher", "x"),
        ("!$&'()*+,;=-._~:x", "!$&'()*+,;=-._~", "x"),
    ] {
        let text = format!("wss://{user}@h/a");
        let request = Request::from_url(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let expected = Request::new("h", 443).path("/a").tls(Tls::default());
        assert_eq!(request, expected.credentials(name, password, CredentialsForm::Basic));
        let url: Url = text.parse().unwrap();
        assert_eq!(url.request(), request);
        for shown in [format!("{url} {url:?}"), format!("{request:?}")] {
            assert!(password.is_empty() || !shown.contains(&format!("{password}@")), "{shown}");
        }
    }
    assert!(!format!("{:?}", Request::from_url("ws://a:secret@h")).contains("secret"));
}

#[test]
fn an_error_names_the_part_that_is_wrong() {
    for (text, error) in [
        ("", UrlError::Scheme),
        ("h", UrlError::Scheme),
        ("http://h/", UrlError::Scheme),
        ("ws:/h", UrlError::Scheme),
        ("//h", UrlError::Scheme),
        (" ws://h", UrlError::Scheme),
        ("w s://h", UrlError::Scheme),
        ("ws://", UrlError::Host),
        ("ws:///a", UrlError::Host),
        ("ws://:80", UrlError::Host),
        ("ws://[]", UrlError::Host),
        ("ws://::1/", UrlError::Host),
        ("ws://::1:80/", UrlError::Host),
        ("ws://[::1", UrlError::Host),
        ("ws://::1]", UrlError::Host),
        ("ws://[::1]x:1", UrlError::Host),
        ("ws://[1.2.3.4]", UrlError::Host),
        ("ws://[v1.x]", UrlError::Host),
        ("ws://[fe80::1%]", UrlError::Host),
        ("ws://[fe80::1%25a/b]", UrlError::Host),
        ("ws://[::1%25a b]", UrlError::Host),
        ("ws://a b", UrlError::Host),
        ("ws://h%41", UrlError::Host),
        #[cfg(not(feature = "idn"))]
        ("ws://b\u{fc}cher.example", UrlError::Host),
        ("ws://b\u{fc} cher.example", UrlError::Host),
        ("ws://\u{202e}a", UrlError::Host),
        ("ws://\u{ff0f}", UrlError::Host),
        ("ws://good.example\\@evil.example", UrlError::UserInfo),
        ("ws://h\\", UrlError::Host),
        ("ws://h\n", UrlError::Host),
        ("ws://h:x", UrlError::Port),
        ("ws://h:+1", UrlError::Port),
        ("ws://h:-1", UrlError::Port),
        ("ws://h:0", UrlError::Port),
        ("ws://h:65536", UrlError::Port),
        ("ws://h:99999999999999999999999", UrlError::Port),
        ("ws://h:1 /", UrlError::Port),
        ("ws://a@b@h/", UrlError::UserInfo),
        ("ws://a%@h", UrlError::UserInfo),
        ("ws://a%4@h", UrlError::UserInfo),
        ("ws://a%+1@h", UrlError::UserInfo),
        ("ws://a%zz@h", UrlError::UserInfo),
        ("ws://a%3Ab:c@h", UrlError::UserInfo),
        ("ws://a:%0d%0aX@h", UrlError::UserInfo),
        ("ws://a:%ff@h", UrlError::UserInfo),
        ("ws://a:\u{fc}@h", UrlError::UserInfo),
        ("ws://a b@h", UrlError::UserInfo),
        ("ws://h/a b", UrlError::Path { at: 9 }),
        ("ws://h/\u{fc}", UrlError::Path { at: 8 }),
        ("ws://h/a\r\nX: y", UrlError::Path { at: 9 }),
        ("ws://h/%", UrlError::Path { at: 8 }),
        ("ws://h?a=%4", UrlError::Path { at: 10 }),
        ("ws://h/%\u{fc}", UrlError::Path { at: 8 }),
        ("ws://m%C3%BC@h/\u{fc}/ ", UrlError::Path { at: 16 }),
        ("ws://h/#top", UrlError::Fragment),
        ("ws://h#", UrlError::Fragment),
        ("ws://h?a#b", UrlError::Fragment),
    ] {
        assert_eq!(Request::from_url(text), Err(error), "{text:?}");
        assert_eq!(text.parse::<Url>(), Err(error), "{text:?}");
    }
}

#[test]
#[cfg(feature = "idn")]
fn a_name_in_letters_beyond_ascii_is_read_as_dns_has_it() {
    let text = "wss://B\u{fc}cher.example:1/a";
    let request = Request::from_url(text).unwrap();
    assert_eq!((&*request.host, request.port, &*request.path), ("xn--bcher-kva.example", 1, "/a"));
    let url: Url = text.parse().unwrap();
    assert_eq!(url.to_string(), "wss://xn--bcher-kva.example:1/a");
}

/// Texts that are nearly addresses.
fn almost() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("ws://".to_owned()),
        Just("wss://".to_owned()),
        "[a-z]{0,3}",
        "[:@/?#\\[\\]%\\\\]{1,2}",
        "%[0-9a-f]{0,2}",
        "[0-9]{1,6}",
        "\\PC{0,2}",
        "[\\x00-\\x20]",
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| format!("ws://{}", parts.concat()))
}

proptest! {
    #[test]
    fn no_text_does_harm(text in prop_oneof![".{0,40}", almost()]) {
        let request = Request::from_url(&text);
        let url = text.parse::<Url>();
        prop_assert_eq!(request.is_ok(), url.is_ok());
        let (Ok(request), Ok(url)) = (request, url) else { return Ok(()) };
        prop_assert_eq!(&url.request(), &request);
        // What is sent cannot be taken for more than one line or host.
        let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        prop_assert!(is_visible(&request.path) && request.path.starts_with('/') && !request.path.contains('#'));
        prop_assert!(!request.host.is_empty() && is_visible(&request.host) && request.port != 0);
        prop_assert!(!request.host.contains(['/', '?', '@', '[', ']', '\\']));
        if let Some(credentials) = &request.credentials {
            prop_assert!(!credentials.username.contains(':'));
            let both = format!("{}{}", credentials.username, credentials.password);
            prop_assert!(!both.chars().any(char::is_control));
        }
        let mut page = vec![0; request.encoded_len()];
        let len = request.write(&mut page).unwrap();
        prop_assert_eq!(Request::parse(&page[..len]), Some(request));
    }

    #[test]
    fn what_is_put_together_is_taken_apart(
        secure: bool,
        host in "[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?",
        port in 1_u16..,
        path in "(/[a-z0-9:@!$&'()*+,;=._~-]{0,10}){1,3}(\\?[a-z=&?/]{0,10})?",
        name in "[^:\\p{Cc}]{1,10}",
        password in "\\P{Cc}{0,10}",
    ) {
        let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let scheme = if secure { "wss" } else { "ws" };
        let text = format!("{scheme}://{}:{}@{host}:{port}{path}", encode(&name), encode(&password));
        let request = Request::from_url(&text).unwrap();
        prop_assert_eq!((&*request.host, request.port, &*request.path), (&*host, port, &*path));
        let credentials = request.credentials.unwrap();
        prop_assert_eq!((&*credentials.username, &*credentials.password), (&*name, &*password));
        prop_assert_eq!(request.tls.is_some(), secure);
    }
}
