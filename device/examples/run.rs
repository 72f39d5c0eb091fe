//! Runs a system by hand: `run KERNEL SERVICE... -- PROGRAM ARGUMENTS -- PROGRAM ARGUMENTS`.
//!
//! A service with arguments is one word: `"xous-stand-ins names"`. With `RUN_OUTSIDE` set, sockets reach the PC's loopback; with
//! `RUN_STRICT` they are as strict as xous-core's.
//! The log goes to standard error; at the end, what each process has used is printed.

use std::time::{Duration, Instant};

use device::{Machine, Network};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut groups = words.split(|word| word == "--");
    let servers = groups.next().unwrap_or_default();
    let (kernel, services) =
        servers.split_first().ok_or("usage: run KERNEL SERVICE... -- PROGRAM ARGUMENTS -- ...")?;
    let mut builder = Machine::builder(kernel).verbose(true).machine_limit(Duration::from_secs(10));
    if std::env::var_os("RUN_OUTSIDE").is_some() {
        builder = builder.network(Network::Loopback);
    }
    if std::env::var_os("RUN_STRICT").is_some() {
        builder = builder.strict_network();
    }
    for service in services {
        let words: Vec<&str> = service.split_whitespace().collect();
        let (path, arguments) = words.split_first().ok_or("an empty word is no service")?;
        builder = builder.service_with(path, arguments);
    }
    for group in groups {
        let (program, arguments) = group.split_first().ok_or("nothing behind --")?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        builder = builder.program(program, &arguments);
    }
    let start = Instant::now();
    let outcome = builder.run()?;
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{:?} after {} instructions, {:?} of machine time, {seconds:.3} s",
        outcome.end,
        outcome.instructions,
        outcome.machine_time()
    );
    for process in &outcome.processes {
        println!(
            "{:3} {:16} user {:11} kernel {:11} pages {:4} exit {:?}",
            process.pid,
            process.name,
            process.user_instructions,
            process.kernel_instructions,
            process.pages,
            process.exit_code
        );
    }
    Ok(())
}
