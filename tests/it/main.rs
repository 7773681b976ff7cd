//! The engine through its public face: real stores, real threads.

mod basics;
mod faults;
mod in_flight;
mod life;
mod puppet;
mod shared;
mod support;
