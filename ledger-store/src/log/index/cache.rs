//! Blocks of the index that were read, kept in memory within a bound.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::StoreError;

/// What a kept block costs beside its bytes, about.
const SLOT_BYTES: usize = 96;

/// A run's number and the offset of a block in it.
type Name = (u64, u64);

#[derive(Debug)]
struct Slot {
    payload: Arc<[u8]>,
    /// It was asked for since it was last passed over.
    used: bool,
}

#[derive(Debug, Default)]
struct Contents {
    slots: HashMap<Name, Slot>,
    order: VecDeque<Name>,
    bytes: usize,
}

/// Payloads of blocks whose checksums held. What was asked for twice stays longer.
#[derive(Debug)]
pub(super) struct Cache {
    contents: Mutex<Contents>,
    bytes_max: usize,
    read: AtomicU64,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { contents: Mutex::new(Contents::default()), bytes_max, read: AtomicU64::new(0) }
    }

    /// The payload of a block, read if it is not kept.
    pub(super) fn get_or_read(
        &self,
        run: u64,
        offset: u64,
        read: impl FnOnce() -> Result<Vec<u8>, StoreError>,
    ) -> Result<Arc<[u8]>, StoreError> {
        let name = (run, offset);
        if let Some(slot) = self.lock().slots.get_mut(&name) {
            slot.used = true;
            return Ok(Arc::clone(&slot.payload));
        }
        self.read.fetch_add(1, Ordering::Relaxed);
        let payload: Arc<[u8]> = read()?.into();
        self.lock().keep(name, Arc::clone(&payload), self.bytes_max);
        Ok(payload)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the blocks of runs that are no more.
    pub(super) fn retain(&self, is_kept: impl Fn(u64) -> bool) {
        let mut contents = self.lock();
        let Contents { slots, order, bytes } = &mut *contents;
        order.retain(|name| {
            let kept = is_kept(name.0);
            if !kept && let Some(slot) = slots.remove(name) {
                *bytes -= slot.payload.len() + SLOT_BYTES;
            }
            kept
        });
    }

    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// How many blocks were not kept and had to be read.
    pub(super) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl Contents {
    fn keep(&mut self, name: Name, payload: Arc<[u8]>, bytes_max: usize) {
        let bytes = payload.len() + SLOT_BYTES;
        if bytes > bytes_max || self.slots.contains_key(&name) {
            return;
        }
        while self.bytes + bytes > bytes_max
            && let Some(oldest) = self.order.pop_front()
        {
            let Some(slot) = self.slots.get_mut(&oldest) else { continue };
            if std::mem::take(&mut slot.used) {
                self.order.push_back(oldest);
            } else if let Some(slot) = self.slots.remove(&oldest) {
                self.bytes -= slot.payload.len() + SLOT_BYTES;
            }
        }
        self.bytes += bytes;
        self.slots.insert(name, Slot { payload, used: false });
        self.order.push_back(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_stays_within_its_bound_and_gives_what_was_read() {
        let cache = Cache::new(10_000);
        for number in 0..1_000_u64 {
            let byte = u8::try_from(number % 251).unwrap();
            for _ in 0..2 {
                let got = cache.get_or_read(number % 3, number, || Ok(vec![byte; 400])).unwrap();
                assert_eq!(got[..], [byte; 400]);
                assert!(cache.bytes() <= 10_000);
            }
            let hot = cache.get_or_read(9, 9, || Ok(vec![1; 50])).unwrap();
            assert_eq!(hot[..], [1; 50]);
        }
        let failed = cache.get_or_read(9, 9, || Err(StoreError::Corrupted("read again".to_owned())));
        assert!(failed.is_ok(), "what is asked for again and again stays");
        cache.retain(|run| run == 9);
        assert_eq!(cache.bytes(), 50 + SLOT_BYTES);
        assert!(cache.get_or_read(0, 999, || Err(StoreError::Corrupted("gone".to_owned()))).is_err());
    }
}
