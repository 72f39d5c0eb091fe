//! Where a conversation is disturbed, and how all of that is tried.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::proxy::{FAULTS, Plan, WAYS};
use crate::session::{LATE, Outcome};

/// How many are tried at a time. Each has a connection with the service, which lets a process have eleven, and a thread
/// that calls the kernel, of which a process has about thirty in its life.
pub(crate) const LANES: usize = 6;

/// For a test that disturbs every byte.
pub(crate) const LONG: Duration = Duration::from_secs(1800);

/// How closely it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Around each edge of a step, and in its midst.
    Stages,
    /// Each byte.
    Bytes,
}

/// Every fault at every place of a conversation, of which these are the edges by way, the beginning and the end among them.
pub(crate) fn plans(edges: &[Vec<usize>; 2], detail: Detail) -> Vec<Plan> {
    let mut plans = Vec::new();
    for way in WAYS {
        let edges = &edges[way as usize];
        let mut places: Vec<usize> = match detail {
            Detail::Bytes => (0..=edges.last().copied().unwrap_or(0)).collect(),
            Detail::Stages => {
                let within = edges.windows(2).flat_map(|edge| {
                    let [from, to] = [edge[0], edge[1]];
                    // Frame headers begin at an edge.
                    [from + 1, from + 3, (from + to) / 2, to - 1].into_iter().filter(move |&at| at < to)
                });
                edges.iter().copied().chain(within).collect()
            }
        };
        places.sort_unstable();
        places.dedup();
        for after in places {
            plans.extend(FAULTS.map(|fault| Plan { way, after, fault }));
        }
    }
    plans
}

/// Tries all of them, some at a time, and fails if one has not ended as it may. `attempt` is given its lane besides.
pub(crate) fn run(
    name: &str,
    plans: &[Plan],
    attempt: impl Fn(usize, Plan) -> Outcome + Sync,
    verdict: impl Fn(Plan, &Outcome) -> Result<(), String> + Sync,
) {
    let start = Instant::now();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let slowest = Mutex::new(Duration::ZERO);
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (next, wrong, slowest, attempt, verdict) = (&next, &wrong, &slowest, &attempt, &verdict);
            scope.spawn(move || {
                while let Some(&plan) = plans.get(next.fetch_add(1, Relaxed)) {
                    let outcome = attempt(lane, plan);
                    let mut slowest = slowest.lock().unwrap();
                    *slowest = outcome.slowest.max(*slowest);
                    drop(slowest);
                    let judged = match outcome.slowest {
                        time if time > LATE => Err("a call did not end in time".to_owned()),
                        _ => verdict(plan, &outcome),
                    };
                    if let Err(why) = judged {
                        wrong.lock().unwrap().push(format!("{plan:?}: {outcome:?}: {why}"));
                    }
                }
            });
        }
    });
    let (wrong, slowest) = (wrong.into_inner().unwrap(), slowest.into_inner().unwrap());
    println!("{name}: {} faults in {:?}, the slowest call took {slowest:?}", plans.len(), start.elapsed());
    assert!(wrong.is_empty(), "{name}: {} of {} are wrong:\n{}", wrong.len(), plans.len(), wrong.join("\n"));
}
