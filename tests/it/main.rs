//! The engine through its public face: real stores, real threads.

mod basics;
mod faults;
mod histories;
mod in_flight;
mod life;
mod parallel;
mod puppet;
mod shared;
mod support;
