//! The service in a hosted system as the system under test.

use std::net::TcpListener;

use crate::Failure;

/// As [`super::core::run_client`], by a Xous program that opens its connections through the service.
pub(super) fn run_client(_url: &str) -> Result<(), Failure> {
    Err(Failure::Other("the client cannot be tested through the service yet".into()))
}

/// As [`super::core::run_server`], by a Xous program that listens through the service.
pub(super) fn run_server(_listener: TcpListener) -> Result<(), Failure> {
    Err(Failure::Other("the server cannot be tested through the service yet".into()))
}
