//! A machine that runs beside those who take part in it from outside: peers, browsers, tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    thread::JoinHandle,
};

use crate::{Builder, Line, Outcome, StartError};

/// A machine on a thread of its own. It is stopped when this is dropped.
pub struct Running {
    lines: Receiver<Line>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Option<Outcome>>>,
}

impl Running {
    pub(crate) fn start(mut builder: Builder) -> Result<Self, StartError> {
        let (sender, lines) = channel();
        let mut first = builder.take_watcher();
        let builder = builder.watch(move |line| {
            if let Some(first) = &mut first {
                first(line);
            }
            sender.send(line.clone()).ok();
        });
        let stop = builder.stop_flag();
        // The machine is made where it runs: it cannot go from one thread to another.
        let (started, answer) = channel();
        let thread = std::thread::spawn(move || match builder.start() {
            Ok(machine) => {
                started.send(Ok(())).ok();
                Some(machine.run())
            }
            Err(error) => {
                started.send(Err(error)).ok();
                None
            }
        });
        answer.recv().unwrap_or(Ok(()))?;
        Ok(Self { lines, stop, thread: Some(thread) })
    }

    /// Waits for the next line of the log that contains this text. Lines that another call has passed over are not
    /// looked at again.
    ///
    /// # Errors
    /// How the machine ended, if it did before: its limits bound the wait.
    pub fn wait_for(&mut self, text: &str) -> Result<Line, String> {
        loop {
            match self.lines.recv() {
                Ok(line) if line.text.contains(text) => return Ok(line),
                Ok(_) => (),
                Err(_) => {
                    let end =
                        self.join().map_or_else(|| "it has ended".to_owned(), |outcome| outcome.failure());
                    return Err(format!("no line of the log contains {text:?}; {end}"));
                }
            }
        }
    }

    /// Waits for the end of the programs, or of a limit.
    ///
    /// # Panics
    /// When a call of [`Self::wait_for`] has told the end already, and when the emulator has panicked.
    pub fn wait(mut self) -> Outcome {
        self.join().expect("the machine's end was told already")
    }

    /// Stops the machine within 100 ms, if it has not ended yet.
    ///
    /// # Panics
    /// Those of [`Self::wait`].
    pub fn stop(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        self.wait()
    }

    fn join(&mut self) -> Option<Outcome> {
        self.thread.take().and_then(|thread| thread.join().expect("the emulator has panicked"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
