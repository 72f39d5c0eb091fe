//! The PDDB as a store.

use std::time::Duration;

use super::store::{Store, StoreError, StoreFile};
use crate::pddb::{self, Create, DictPath, KeyPath, Pddb, PddbError};

impl From<PddbError> for StoreError {
    fn from(error: PddbError) -> Self {
        match error {
            PddbError::NotFound => StoreError::NotFound,
            PddbError::Exists => StoreError::Exists,
            PddbError::Full => StoreError::Full,
            PddbError::NoServer | PddbError::NotMounted => StoreError::Unmounted,
            PddbError::NoAnswer => StoreError::NoAnswer,
            // It looks like an answer, but nobody knows what the server did.
            PddbError::Malformed => StoreError::NoAnswer,
            PddbError::NotSent
            | PddbError::NotEmpty
            | PddbError::Stale
            | PddbError::TooLong
            | PddbError::Refused(_) => {
                log::warn!("the PDDB: {error}");
                StoreError::Failed
            }
        }
    }
}

impl Store for Pddb {
    type File = pddb::File;

    fn open(&self, key: &KeyPath) -> Result<pddb::File, StoreError> {
        Ok(Pddb::open(self, key)?)
    }

    fn create(&self, key: &KeyPath, room: u32) -> Result<pddb::File, StoreError> {
        Ok(Pddb::create(self, key, Create { new: true, room })?)
    }

    fn delete(&self, key: &KeyPath) -> Result<(), StoreError> {
        Ok(Pddb::delete(self, key)?)
    }

    fn keys(&self, dict: &DictPath) -> Result<Vec<String>, StoreError> {
        match Pddb::keys(self, dict) {
            Err(PddbError::NotFound) => Ok(Vec::new()),
            keys => Ok(keys?),
        }
    }

    fn dicts(&self, basis: &str) -> Result<Vec<String>, StoreError> {
        Ok(Pddb::dicts(self, basis)?)
    }

    fn is_silent(&self) -> bool {
        Pddb::is_silent(self)
    }

    fn patience(&self) -> Duration {
        Pddb::patience(self)
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(Pddb::flush(self)?)
    }
}

impl StoreFile for pddb::File {
    fn length(&self) -> u64 {
        pddb::File::length(self)
    }

    fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, StoreError> {
        Ok(pddb::File::read_at(self, position, buffer)?)
    }

    fn write_at(&mut self, position: u64, data: &[u8]) -> Result<(), StoreError> {
        StoreFile::begin_write(self, position, data)?;
        StoreFile::finish_writes(self)
    }

    fn begin_write(&mut self, mut position: u64, mut data: &[u8]) -> Result<(), StoreError> {
        while !data.is_empty() {
            let written = pddb::File::begin_write(self, position, data)?;
            position += written as u64;
            data = data.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    fn finish_writes(&mut self) -> Result<(), StoreError> {
        Ok(pddb::File::finish_writes(self)?)
    }
}
