//! The engine through its public face: real stores, real threads.

// The example's own code is what its test runs.
#[path = "../../examples/quickstart/drive.rs"]
mod drive;
#[allow(dead_code, reason = "the report shows more than the test needs")]
#[path = "../../examples/quickstart/prove.rs"]
mod prove;
#[path = "../../examples/quickstart/traffic.rs"]
mod traffic;

mod bad_input;
mod basics;
mod batches;
mod cluster;
mod cold;
mod disk;
mod documents;
mod extension;
mod faults;
mod histories;
mod house;
mod in_flight;
mod kill;
mod lanes;
mod life;
mod moved;
mod outage;
mod parallel;
mod past;
mod places;
mod play;
mod power;
mod privacy;
mod process_jackpots;
mod process_kit;
mod process_managers;
mod process_mass;
mod process_signals;
mod process_tournaments;
mod processes;
mod proofs;
mod puppet;
mod quickstart;
mod replica;
mod scripts;
mod shared;
mod standby;
mod stores;
mod support;
mod time;
mod verification;
mod verifier;
mod withdrawals;
mod witnesses;
