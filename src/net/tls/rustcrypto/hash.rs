//! SHA-2 and HMAC (FIPS 180-4, RFC 2104).

use std::marker::PhantomData;

use hmac::{Mac, SimpleHmac};
use rustls::crypto::{hash, hmac as tls};
use sha2::digest::core_api::BlockSizeUser;
use sha2::{Digest, Sha256, Sha384};

pub(super) static SHA256: Sha<Sha256> = Sha(hash::HashAlgorithm::SHA256, PhantomData);
pub(super) static SHA384: Sha<Sha384> = Sha(hash::HashAlgorithm::SHA384, PhantomData);
pub(super) static HMAC_SHA256: HmacSha<Sha256> = HmacSha(PhantomData);
pub(super) static HMAC_SHA384: HmacSha<Sha384> = HmacSha(PhantomData);

/// What is asked of a hash function here.
pub(super) trait Function: Digest + BlockSizeUser + Clone + Send + Sync + 'static {}

impl<D: Digest + BlockSizeUser + Clone + Send + Sync + 'static> Function for D {}

pub(super) struct Sha<D>(hash::HashAlgorithm, PhantomData<D>);

impl<D: Function> hash::Hash for Sha<D> {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Context(D::new()))
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        hash::Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        self.0
    }
}

struct Context<D>(D);

impl<D: Function> hash::Context for Context<D> {
    fn fork_finish(&self) -> hash::Output {
        hash::Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Context(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> hash::Output {
        hash::Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

pub(super) struct HmacSha<D>(PhantomData<D>);

impl<D: Function> tls::Hmac for HmacSha<D> {
    fn with_key(&self, key: &[u8]) -> Box<dyn tls::Key> {
        Box::new(Key(SimpleHmac::<D>::new_from_slice(key).expect("HMAC takes keys of any length")))
    }

    fn hash_output_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}

struct Key<D: Function>(SimpleHmac<D>);

impl<D: Function> tls::Key for Key<D> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> tls::Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        middle.iter().for_each(|part| mac.update(part));
        mac.update(last);
        tls::Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        <D as Digest>::output_size()
    }
}
