//! What is known of the sending on a connection without holding what is sent.

use std::sync::Condvar;
use std::sync::atomic::AtomicBool;

use crate::link::address::Address;
use crate::link::lending::Lending;
use crate::link::moved::Places;

/// The part of a connection's sending that threads share which do not hold its
/// [`Outgoing`](crate::link::outgoing::Outgoing), and that the one which holds it keeps up to date.
pub(crate) struct Sending {
    pub(crate) address: Address,
    /// Messages are collected, or are on their way to the service.
    pub(crate) has_queued: AtomicBool,
    /// They are on their way.
    pub(crate) lending: Lending,
    /// Nothing needs to be collected any more, or for another time.
    pub(crate) given_up: Condvar,
    /// Room for messages that are moved.
    pub(crate) places: Places,
}

impl Sending {
    pub(crate) fn new(address: Address) -> Self {
        Sending {
            address,
            has_queued: AtomicBool::new(false),
            lending: Lending::default(),
            given_up: Condvar::new(),
            places: Places::default(),
        }
    }
}
