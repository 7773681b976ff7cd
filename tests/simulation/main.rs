//! The real engine in a simulated world: its threads, its time and its store follow a seed. [docs/testing.md](../../docs/testing.md)
//! says what is simulated, what is checked and how a seed is replayed.

mod host;
mod oracle;
mod scheduler;
mod seeds;
mod stale_cache;
mod weather;
mod wire;
