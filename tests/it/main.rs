//! The engine through its public face: real stores, real threads.

mod bad_input;
mod basics;
mod cold;
mod faults;
mod histories;
mod in_flight;
mod kill;
mod lanes;
mod life;
mod moved;
mod parallel;
mod power;
mod puppet;
mod shared;
mod support;
mod time;
mod verification;
