//! TLS end to end: the service against OpenSSL, and against peers that want it to fail.

mod algorithms;
mod asking;
mod authority;
mod certificates;
mod client;
mod clock;
mod closing;
mod device_store;
mod keys;
mod open;
mod openssl;
mod recorder;
mod s_client;
mod s_server;
mod server;
mod stored;
mod streams;
mod stunnel;
mod suites;
mod support;
mod trust;
mod ways;
mod wire;
