//! Models of what the threads of a connection do at the same time, run with every schedule of so many preemptions. The
//! kernel's part is played by [`Caller`](crate::service::message::Caller); there is no socket.

mod ending;
mod hand_over;
mod inbox;
mod outbox;
mod succession;
mod watch;
