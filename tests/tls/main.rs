//! TLS end to end: the service against OpenSSL, and against peers that want it to fail.

mod authority;
mod certificates;
mod closing;
mod open;
mod openssl;
mod recorder;
mod s_server;
mod streams;
mod suites;
mod support;
mod wire;
