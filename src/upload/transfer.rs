//! One file on its way in.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::files::{Files, Incoming, Store, StoreError, StoreFile};
use super::protocol::{Answer, Fault, Token};

/// Progress is reported after this many bytes at the earliest, and not before [`PROGRESS_TIME`] is over.
const PROGRESS_BYTES: u32 = 64 * 1024;
/// See [`PROGRESS_BYTES`].
const PROGRESS_TIME: Duration = Duration::from_millis(100);

/// A transfer that was accepted.
pub(super) struct Transfer<F> {
    pub(super) id: u32,
    pub(super) name: Box<str>,
    pub(super) who: Box<str>,
    pub(super) length: u32,
    pub(super) token: Option<Token>,
    incoming: Incoming<F>,
    /// The digest of the bytes that the store was given. So it is right when the rest is sent again.
    digest: Sha256,
    given: u32,
    /// The digest without the last batch, which is given again if it was not answered.
    settled: Sha256,
    /// How many of these bytes the store may not have written yet: those of the last batch.
    unsettled: u32,
    /// Why they are not written, once that is known.
    failed: Option<StoreError>,
    /// Bytes that the store was not given yet, less than a write batch.
    batch: Vec<u8>,
    /// What was reported last, and when.
    told: (u32, Duration),
}

impl<F: StoreFile> Transfer<F> {
    pub(super) fn new(
        id: u32,
        name: &str,
        who: &str,
        length: u32,
        token: Option<Token>,
        incoming: Incoming<F>,
        now: Duration,
    ) -> Self {
        Transfer {
            id,
            name: name.into(),
            who: who.into(),
            length,
            token,
            incoming,
            digest: Sha256::new(),
            settled: Sha256::new(),
            given: 0,
            unsettled: 0,
            failed: None,
            batch: Vec::new(),
            told: (0, now),
        }
    }

    /// Bytes that are in the store.
    pub(super) fn stored(&self) -> u32 {
        self.given - self.unsettled
    }

    /// Whether all bytes have come.
    pub(super) fn is_complete(&self) -> bool {
        self.missing() == 0
    }

    /// How many bytes have not come yet.
    fn missing(&self) -> usize {
        (self.length - self.given) as usize - self.batch.len()
    }

    /// Takes bytes, and writes whenever `size` of them are there. After an error the caller aborts the transfer.
    pub(super) fn take(&mut self, mut bytes: &[u8], size: usize) -> Result<(), Fault> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        if bytes.len() > self.missing() {
            return Err(Fault::TooLong);
        }
        while !bytes.is_empty() {
            if self.batch.is_empty()
                && let Some((batch, rest)) = bytes.split_at_checked(size)
            {
                self.write(batch)?;
                bytes = rest;
                continue;
            }
            if self.batch.capacity() == 0 {
                self.batch.reserve_exact(size.min(self.missing()));
            }
            let (now, rest) = bytes.split_at(bytes.len().min(size - self.batch.len()));
            self.batch.extend_from_slice(now);
            bytes = rest;
            if self.batch.len() == size {
                self.write_batch()?;
            }
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), StoreError> {
        let mut batch = std::mem::take(&mut self.batch);
        self.write(&batch)?;
        batch.clear();
        self.batch = batch;
        Ok(())
    }

    fn write(&mut self, data: &[u8]) -> Result<(), StoreError> {
        if let Err(error) = self.incoming.begin_write(self.given.into(), data) {
            self.lose(error);
            return Err(error);
        }
        self.settled.clone_from(&self.digest);
        // While it is written.
        self.digest.update(data);
        // All of it is at most `length`.
        self.unsettled = data.len() as u32;
        self.given += self.unsettled;
        Ok(())
    }

    /// The progress to report, if it is time.
    pub(super) fn progress(&mut self, now: Duration) -> Option<Answer<'static>> {
        let (bytes, at) = self.told;
        if self.stored().saturating_sub(bytes) < PROGRESS_BYTES
            || now.saturating_sub(at) < PROGRESS_TIME
            || self.is_complete()
        {
            return None;
        }
        self.told = (self.stored(), now);
        Some(Answer::Progress { id: self.id, bytes: self.stored(), length: self.length })
    }

    /// Gives the memory back, and drops the bytes that the store was not given.
    pub(super) fn pause(&mut self) {
        self.batch = Vec::new();
        self.finish_writes().ok();
    }

    /// Has the store write all that came.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        match self.failed {
            Some(error) => return Err(error),
            None if !self.batch.is_empty() => self.write_batch()?,
            None => (),
        }
        self.finish_writes()
    }

    fn finish_writes(&mut self) -> Result<(), StoreError> {
        match (self.incoming.finish_writes(), self.failed) {
            (Err(error), _) => {
                self.lose(error);
                Err(error)
            }
            (Ok(()), Some(error)) => Err(error),
            (Ok(()), None) => {
                self.unsettled = 0;
                Ok(())
            }
        }
    }

    /// A write has failed. One that was not answered may have been done, or may be done later, before anything else
    /// is: the same bytes are given again then, which changes nothing. So the transfer can go on behind what is settled.
    fn lose(&mut self, error: StoreError) {
        if error != StoreError::NoAnswer {
            self.failed = Some(error);
            return;
        }
        self.digest.clone_from(&self.settled);
        self.given = self.stored();
        self.unsettled = 0;
        self.batch = Vec::new();
    }

    /// Makes it a file, when all of it is settled. Returns name and digest.
    pub(super) fn finish<S: Store<File = F>>(
        mut self,
        files: &Files<S>,
    ) -> Result<(Box<str>, [u8; 32]), Fault> {
        let digest = self.digest.finalize().into();
        self.incoming.set_digest(digest);
        files.commit(self.incoming)?;
        Ok((self.name, digest))
    }

    /// Leaves its remains to recovery.
    pub(super) fn abandon<S: Store<File = F>>(self, files: &Files<S>) {
        files.abandon(self.incoming);
    }

    /// Deletes what there is of it.
    pub(super) fn abort<S: Store<File = F>>(self, files: &Files<S>) {
        files.abort(self.incoming);
    }
}
