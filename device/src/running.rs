//! A machine that runs beside those who take part in it from outside: peers, browsers, tests.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use crate::{Builder, Line, Outcome, Process, StartError};

/// A machine on a thread of its own. It is stopped when this is dropped.
pub struct Running {
    lines: Receiver<Line>,
    control: Arc<Control>,
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
        let control = builder.control();
        // The machine is made where it runs: it cannot go from one thread to another.
        let (started, answer) = channel();
        let end = Ending(control.clone());
        let thread = std::thread::spawn(move || {
            let _end = end;
            match builder.start() {
                Ok(machine) => {
                    started.send(Ok(())).ok();
                    Some(machine.run())
                }
                Err(error) => {
                    started.send(Err(error)).ok();
                    None
                }
            }
        });
        answer.recv().unwrap_or(Ok(()))?;
        Ok(Self { lines, control, thread: Some(thread) })
    }

    /// Waits for the next line of the log that contains this text. Lines that another call has passed over are not
    /// looked at again.
    ///
    /// # Errors
    /// How the machine ended, if it did before: its limits bound the wait.
    ///
    /// # Panics
    /// When the emulator has panicked.
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

    /// What each process uses at this moment.
    ///
    /// # Errors
    /// How the machine ended, if it did before.
    ///
    /// # Panics
    /// When the emulator has panicked.
    pub fn processes(&mut self) -> Result<Vec<Process>, String> {
        self.look().map(|look| look.processes)
    }

    /// Machine time at this moment: what a wait is measured by that must not depend on how busy the PC is.
    ///
    /// # Errors
    /// How the machine ended, if it did before.
    ///
    /// # Panics
    /// When the emulator has panicked.
    pub fn machine_time(&mut self) -> Result<Duration, String> {
        self.look().map(|look| look.time)
    }

    fn look(&mut self) -> Result<Look, String> {
        self.control.ask().recv().map_err(|_| {
            self.join().map_or_else(|| "the machine has ended".to_owned(), |outcome| outcome.failure())
        })
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
        self.control.stop();
        self.wait()
    }

    fn join(&mut self) -> Option<Outcome> {
        self.thread.take().and_then(|thread| thread.join().expect("the emulator has panicked"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The machine at one moment.
pub(crate) struct Look {
    pub(crate) time: Duration,
    pub(crate) processes: Vec<Process>,
}

/// What the machine is asked for from another thread; it looks in each round.
#[derive(Default)]
pub(crate) struct Control {
    /// Something of the rest is set.
    call: AtomicBool,
    stop: AtomicBool,
    question: Mutex<Question>,
}

/// Ends the control with the machine's thread, by a panic too: nobody waits for a machine that is no more.
struct Ending(Arc<Control>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The question how it is.
#[derive(Default)]
enum Question {
    #[default]
    None,
    /// Who waits for the answer.
    By(Sender<Look>),
    /// The machine has ended, and nobody is to wait for an answer that will not come.
    TooLate,
}

impl Control {
    fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.call.store(true, Ordering::Release);
    }

    /// Where the answer comes, if the machine has not ended.
    fn ask(&self) -> Receiver<Look> {
        let (sender, answer) = channel();
        let mut question = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*question, Question::TooLate) {
            *question = Question::By(sender);
            self.call.store(true, Ordering::Release);
        }
        answer
    }

    /// Whether there may be something to see to.
    pub(crate) fn is_called(&self) -> bool {
        self.call.swap(false, Ordering::Acquire)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Who waits to be told how it is.
    pub(crate) fn asked(&self) -> Option<Sender<Look>> {
        let mut question = self.question.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut *question) {
            Question::By(sender) => Some(sender),
            Question::None | Question::TooLate => None,
        }
    }

    /// The machine answers no more.
    pub(crate) fn end(&self) {
        *self.question.lock().unwrap_or_else(PoisonError::into_inner) = Question::TooLate;
    }
}
