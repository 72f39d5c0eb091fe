//! Records sealed with AES-GCM and ChaCha20-Poly1305 (RFC 8446 section 5.2, RFC 5288, RFC 7905).

use std::marker::PhantomData;

use aes_gcm::aead::{AeadInPlace, KeyInit, KeySizeUser, consts};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, NONCE_LEN, Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError, make_tls12_aad, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

pub(super) static AES_128_GCM: Aead<Aes128Gcm> = Aead { explicit: 8, cipher: PhantomData };
pub(super) static AES_256_GCM: Aead<Aes256Gcm> = Aead { explicit: 8, cipher: PhantomData };
pub(super) static CHACHA20_POLY1305: Aead<ChaCha20Poly1305> = Aead { explicit: 0, cipher: PhantomData };

/// Bytes of a tag.
const TAG: usize = 16;
/// Most bytes that a record may hold (RFC 8446 section 5.1).
const MAX_FRAGMENT: usize = 1 << 14;

/// A cipher with a nonce of 12 bytes and a tag of 16.
pub(super) trait Cipher:
    AeadInPlace<NonceSize = consts::U12, TagSize = consts::U16> + KeyInit + Send + Sync + 'static
{
}

impl<A> Cipher for A where
    A: AeadInPlace<NonceSize = consts::U12, TagSize = consts::U16> + KeyInit + Send + Sync + 'static
{
}

/// An algorithm, and how many bytes of its nonce stand in a TLS 1.2 record.
pub(super) struct Aead<A> {
    explicit: usize,
    cipher: PhantomData<fn() -> A>,
}

fn cipher<A: Cipher>(key: &AeadKey) -> A {
    A::new_from_slice(key.as_ref()).expect("a key has the length that key_len or key_block_shape asks for")
}

impl<A: Cipher> Tls13AeadAlgorithm for Aead<A> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Tls13::<A> { cipher: cipher(&key), iv })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Tls13::<A> { cipher: cipher(&key), iv })
    }

    fn key_len(&self) -> usize {
        <A as KeySizeUser>::key_size()
    }

    fn extract_keys(&self, _: AeadKey, _: Iv) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Tls13<A> {
    cipher: A,
    iv: Iv,
}

impl<A: Cipher> MessageEncrypter for Tls13<A> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let len = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(len);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&message.typ.to_array());
        let nonce = Nonce::new(&self.iv, seq).0;
        let tag = self
            .cipher
            .encrypt_in_place_detached(&nonce.into(), &make_tls13_aad(len), payload.as_mut())
            .map_err(|_| Error::EncryptError)?;
        payload.extend_from_slice(&tag);
        // RFC 8446 section 5.2: sealed records all look like this.
        Ok(OutboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        len + 1 + TAG
    }
}

impl<A: Cipher> MessageDecrypter for Tls13<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let aad = make_tls13_aad(message.payload.len());
        let nonce = Nonce::new(&self.iv, seq).0;
        let len = open(&self.cipher, nonce, &aad, &mut message.payload)?;
        message.payload.truncate(len);
        message.into_tls13_unpadded_message()
    }
}

impl<A: Cipher> Tls12AeadAlgorithm for Aead<A> {
    fn encrypter(&self, key: AeadKey, iv: &[u8], extra: &[u8]) -> Box<dyn MessageEncrypter> {
        let mut whole = [0; NONCE_LEN];
        whole.iter_mut().zip(iv.iter().chain(extra)).for_each(|(byte, &from)| *byte = from);
        Box::new(Tls12::<A> { cipher: cipher(&key), iv: whole.into(), explicit: self.explicit })
    }

    fn decrypter(&self, key: AeadKey, iv: &[u8]) -> Box<dyn MessageDecrypter> {
        let mut whole = [0; NONCE_LEN];
        whole.iter_mut().zip(iv).for_each(|(byte, &from)| *byte = from);
        Box::new(Tls12::<A> { cipher: cipher(&key), iv: whole.into(), explicit: self.explicit })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: <A as KeySizeUser>::key_size(),
            fixed_iv_len: NONCE_LEN - self.explicit,
            explicit_nonce_len: self.explicit,
        }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Tls12<A> {
    cipher: A,
    iv: Iv,
    explicit: usize,
}

impl<A: Cipher> MessageEncrypter for Tls12<A> {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let len = message.payload.len();
        // Unique per record, as the sequence number is; a peer takes the explicit part as it comes.
        let nonce = Nonce::new(&self.iv, seq).0;
        let mut payload = PrefixedPayload::with_capacity(self.encrypted_payload_len(len));
        payload.extend_from_slice(&nonce[NONCE_LEN - self.explicit..]);
        payload.extend_from_chunks(&message.payload);
        let aad = make_tls12_aad(seq, message.typ, message.version, len);
        let tag = self
            .cipher
            .encrypt_in_place_detached(&nonce.into(), &aad, &mut payload.as_mut()[self.explicit..])
            .map_err(|_| Error::EncryptError)?;
        payload.extend_from_slice(&tag);
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, len: usize) -> usize {
        self.explicit + len + TAG
    }
}

impl<A: Cipher> MessageDecrypter for Tls12<A> {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let (typ, version) = (message.typ, message.version);
        let (explicit, sealed) =
            message.payload.split_at_mut_checked(self.explicit).ok_or(Error::DecryptError)?;
        let mut nonce = Nonce::new(&self.iv, seq).0;
        nonce[NONCE_LEN - self.explicit..].copy_from_slice(explicit);
        let len = sealed.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
        let len = open(&self.cipher, nonce, &make_tls12_aad(seq, typ, version, len), sealed)?;
        if len > MAX_FRAGMENT {
            return Err(Error::PeerSentOversizedRecord);
        }
        Ok(message.into_plain_message_range(self.explicit..self.explicit + len))
    }
}

/// Decrypts in place what stands before the tag, if the tag is right; its length.
fn open<A: Cipher>(
    cipher: &A,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    sealed: &mut [u8],
) -> Result<usize, Error> {
    let len = sealed.len().checked_sub(TAG).ok_or(Error::DecryptError)?;
    let (text, tag) = sealed.split_at_mut(len);
    let tag: [u8; TAG] = (&*tag).try_into().map_err(|_| Error::DecryptError)?;
    cipher
        .decrypt_in_place_detached(&nonce.into(), aad, text, &tag.into())
        .map_err(|_| Error::DecryptError)?;
    Ok(len)
}
