//! Round trips.
use super::link::Way;
use super::system::{Running, service};
use crate::Failure;
use crate::report::Spread;

pub(crate) fn tables() -> Result<(), Failure> {
    let mut system = Running::in_system(service()?)?;
    let mut plain = Running::plain()?;
    let mut peers = Vec::new();
    for way in Way::ALL {
        let home = if way.is_xous() { &mut system } else { &mut plain };
        peers.push((way, home.connect(way)?, Vec::new(), Vec::new()));
    }
    for size in [32, 4096] {
        for round in 0..60 {
            for (_, peer, blocks, all) in &mut peers {
                if round == 0 { blocks.clear(); all.clear(); peer.echo(size, 50)?; }
                let times: Vec<f64> = peer.echo(size, 20)?.into_iter().map(|t| t.as_nanos() as f64 / 1000.0).collect();
                blocks.push(Spread::of(times.iter().copied()).median);
                all.extend(times);
            }
        }
        for (way, _, blocks, all) in &peers {
            let r = Spread::of_ratios(blocks, &peers[1].2);
            let s = Spread::of(all.iter().copied());
            let mut sorted = all.clone(); sorted.sort_by(f64::total_cmp);
            println!("{size} {:28} p50 {:.1} p99 {:.1} ratio {:.3} ({:.2}..{:.2})", way.name(), s.median, sorted[sorted.len()*99/100], r.median, r.low, r.high);
        }
    }
    for size in [4096usize, 16384] {
        for dir in ["in", "out"] {
            let n = (8 << 20) / size;
            let mut s = vec![Vec::new(); 4];
            for _ in 0..7 {
                for (i, (_, peer, ..)) in peers.iter_mut().enumerate() {
                    let t = if dir == "in" { peer.send(size, n)? } else { peer.take(size, n)? };
                    s[i].push((size * n) as f64 / t.as_secs_f64() / 1e6);
                }
            }
            for i in 0..4 {
                let r = Spread::of_ratios(&s[i], &s[1]);
                println!("{dir} {size} {:28} {:.1} MB/s ratio {:.3} ({:.2}..{:.2})", peers[i].0.name(), Spread::of(s[i].iter().copied()).median, r.median, r.low, r.high);
            }
        }
    }
    Ok(())
}
