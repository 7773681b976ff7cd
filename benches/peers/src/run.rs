//! One run: every system is set up, then measured in turn, again and again, then checked.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::machine::Machine;
use crate::postgres::{CONNECTIONS, SETTINGS, Server};
use crate::report::{Checked, LeftOut, Measured, Report, Sample};
use crate::system::{FUNDS, STAKE, System, WIN};
use crate::systems::Candidate;

/// The part of a measurement's time that a system is warmed up for, once for every level.
const WARM_UP_DIVISOR: u32 = 3;
/// Between two measurements the disk and the server get this long to end what the one before has left behind.
const PAUSE: Duration = Duration::from_millis(100);

/// How much is measured.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) repetitions: usize,
    pub(crate) time: Duration,
    /// What has taken this long at one level is not repeated there any more: hundreds of slow operations under way at
    /// once end long after the time is up.
    pub(crate) level_time_max: Duration,
    pub(crate) players: usize,
}

/// A system with the place of its results.
struct Entrant {
    system: Box<dyn System>,
    measured: Vec<Measured>,
}

/// Runs the plan.
pub(crate) async fn run(
    plan: &Plan,
    wanted: &[Candidate],
    folder: &Path,
    server: Option<&Server>,
) -> Result<Report> {
    let machine = Machine::look(folder);
    if machine.load_before > 0.5 {
        eprintln!(
            "note: a load of {} before the run: other work will be in the figures",
            machine.load_before
        );
    }
    if machine.file_system == "tmpfs" {
        eprintln!("note: {} is in memory, where nothing is durable: give --folder", folder.display());
    }
    let (mut entrants, left_out) = set_up(plan, wanted, folder, server).await?;
    measure(&mut entrants, plan).await?;
    let mut checks = Vec::new();
    for entrant in &entrants {
        let name = entrant.system.name().to_owned();
        let found = entrant.system.check().await.with_context(|| format!("{name}: the check failed"))?;
        eprintln!("checked {name}: {found}");
        checks.push(Checked { system: name, found });
    }
    let mut settings = vec![
        format!("{} repetitions of {:?} at each level, interleaved", plan.repetitions, plan.time),
        format!("{} players with {FUNDS} minor units; stake {STAKE}, win {WIN}", plan.players),
    ];
    if let Some(server) = server {
        let version = server.version().await?;
        settings.push(format!("PostgreSQL {version}: {}", SETTINGS.join(" ")));
        settings.push(format!("{CONNECTIONS} connections a system, through a socket file"));
    }
    let measured = entrants.into_iter().flat_map(|entrant| entrant.measured).collect();
    Ok(Report { machine, settings, results: measured, checks, left_out })
}

async fn set_up(
    plan: &Plan,
    wanted: &[Candidate],
    folder: &Path,
    server: Option<&Server>,
) -> Result<(Vec<Entrant>, Vec<LeftOut>)> {
    let (mut entrants, mut left_out) = (Vec::new(), Vec::new());
    for candidate in wanted {
        let name = candidate.name();
        if let Some(reason) = candidate.missing() {
            eprintln!("left out {name}: {reason}");
            left_out.push(LeftOut { system: name.to_owned(), reason });
            continue;
        }
        eprintln!("setting up {name}");
        let system = candidate.set_up(plan.players, folder, server).await;
        let system = system.with_context(|| format!("setting up {name}"))?;
        let levels = system.levels().into_iter();
        let measured = levels.map(|in_flight| Measured::new(system.name(), in_flight)).collect();
        entrants.push(Entrant { system, measured });
    }
    Ok((entrants, left_out))
}

/// Goes round all systems and levels, first to warm up, then as often as planned. What disturbs the machine for
/// some seconds, or what slows down as tables grow, meets all of them alike.
async fn measure(entrants: &mut [Entrant], plan: &Plan) -> Result<()> {
    for repetition in 0..=plan.repetitions {
        let time = if repetition == 0 { plan.time / WARM_UP_DIVISOR } else { plan.time };
        for Entrant { system, measured } in &mut *entrants {
            for of_level in measured {
                let in_flight = of_level.in_flight;
                if !of_level.samples.is_empty() && of_level.spent > plan.level_time_max {
                    continue;
                }
                let slice = system.play(in_flight, time).await;
                let slice = slice.with_context(|| format!("{} at {in_flight} in flight", system.name()))?;
                of_level.spent += slice.took;
                if repetition > 0 {
                    let sample = Sample::of(&slice);
                    eprintln!(
                        "{repetition}/{} {}, {in_flight} in flight: {:.0} rounds/s",
                        plan.repetitions,
                        system.name(),
                        sample.rounds_per_second
                    );
                    of_level.samples.push(sample);
                }
                // What one system left to the disk is not the next one's.
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    Ok(())
}
