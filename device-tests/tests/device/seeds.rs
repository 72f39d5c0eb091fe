//! Other orders of the threads' work: slices of processor time of other lengths.

use crate::common::{inside, programs};

const SEEDS: u64 = 20;

#[test]
fn a_client_and_a_server_talk_whatever_the_order() {
    let mut counts = Vec::new();
    for seed in 0..SEEDS {
        let client = programs().example("ws");
        let arguments = ["ws://127.0.0.1:8080/echo", "--send", "hello", "--count", "10"];
        let server = programs().example("echo_server");
        let machine = inside().service(server).program(client, &arguments).seed(seed).quantum_seed(seed);
        let outcome = machine.run().unwrap();
        assert!(outcome.succeeded(), "seed {seed}: {}", outcome.failure());
        assert!(outcome.log_text().contains("10 sent, 10 received"), "seed {seed}: {}", outcome.log_text());
        counts.push(outcome.instructions);
    }
    counts.sort_unstable();
    counts.dedup();
    assert!(counts.len() > 1, "the seeds make no difference");
}
