//! The engine through its public face: real stores, real threads.

mod basics;
mod support;
