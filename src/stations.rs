//! The stations of the hot path, for the bench `budget`: what it sees when it looks on.
//!
//! Without the feature `stations` every mark is nothing at all. With it each costs a call of the observer,
//! so hosts leave it off.

/// A station of a command's way through the engine. Stations nest: what [`Station::Seal`] costs without
/// [`Station::Encode`] within it is for the observer to subtract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(feature = "stations"), expect(unreachable_pub, reason = "public with the feature alone"))]
#[non_exhaustive]
pub enum Station {
    /// On the caller's task: key, fingerprint, needs and their digests.
    Prepare,
    /// On the caller's task: into the inbox, with waking the writer.
    Push,
    /// The writer takes what waits, without the waiting.
    Take,
    /// The keys, tombstones and rounds of a batch are looked up in the index.
    KeyCheck,
    /// The player's cached state is looked up, and whether anything keeps the job from being decided.
    Player,
    /// The decision.
    Decide,
    /// Its events are folded into the state.
    Fold,
    /// The body of the commit, its receipt and its place in the cache.
    Commit,
    /// The commit is sealed into the batch.
    Seal,
    /// The body is encoded.
    Encode,
    /// The commit is hashed.
    Hash,
    /// The batch goes out: to the write thread, or to the store on the writer's own.
    Dispatch,
    /// The store appends.
    Append,
    /// The callers are answered.
    Answer,
    /// The writer takes note of what became of the batch, and tidies its cache.
    Finish,
}

#[cfg(feature = "stations")]
impl Station {
    /// All of them, in the order in which a command meets them.
    pub const ALL: [Self; 15] = [
        Self::Prepare,
        Self::Push,
        Self::Take,
        Self::KeyCheck,
        Self::Player,
        Self::Decide,
        Self::Fold,
        Self::Commit,
        Self::Seal,
        Self::Encode,
        Self::Hash,
        Self::Dispatch,
        Self::Append,
        Self::Answer,
        Self::Finish,
    ];

    /// Its place among [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What is handed from thread to thread and moved on the way, with its size in bytes, without what it points to.
#[cfg(feature = "stations")]
pub fn sizes() -> [(&'static str, usize); 4] {
    [
        ("Job", size_of::<crate::job::Job>()),
        ("Prepared, behind a pointer of the job", size_of::<crate::job::Prepared>()),
        ("Entry, a job with its answer", size_of::<crate::job::Entry>()),
        ("Receipt, behind a pointer of the answer", size_of::<crate::request::Receipt>()),
    ]
}

#[cfg(not(feature = "stations"))]
mod marks {
    /// Nothing; dropped where a station ends, as the mark that is something.
    #[derive(Debug)]
    pub(crate) struct Mark;

    impl Drop for Mark {
        #[inline]
        fn drop(&mut self) {}
    }

    /// Does nothing.
    #[inline]
    pub(crate) const fn enter(_: super::Station) -> Mark {
        Mark
    }
}

#[cfg(feature = "stations")]
mod marks {
    use std::sync::OnceLock;

    use super::Station;

    /// Told whenever a thread enters a station and leaves it again.
    pub trait Observer: Send + Sync {
        /// A thread enters a station, perhaps within another.
        fn enter(&self, station: Station);

        /// It leaves the station it entered last.
        fn leave(&self, station: Station);
    }

    static OBSERVER: OnceLock<&'static dyn Observer> = OnceLock::new();

    /// Has an observer told from now on, of every ledger of the process. Only the first one counts.
    pub fn observe(observer: &'static dyn Observer) {
        let _ = OBSERVER.set(observer);
    }

    /// A station that was entered, until it is dropped.
    #[derive(Debug)]
    pub(crate) struct Mark(Station);

    pub(crate) fn enter(station: Station) -> Mark {
        if let Some(observer) = OBSERVER.get() {
            observer.enter(station);
        }
        Mark(station)
    }

    impl Drop for Mark {
        fn drop(&mut self) {
            if let Some(observer) = OBSERVER.get() {
                observer.leave(self.0);
            }
        }
    }
}

pub(crate) use marks::enter;
#[cfg(feature = "stations")]
pub use marks::{Observer, observe};
