//! Models of the workers, and of the timer and those who wait, run with every schedule of so many preemptions.

mod pool;
mod timer;
