//! RFC 6455, sans-IO: bytes go in, events and bytes come out.
