//! The runs of an index in order, with as much of their filters in memory as the budget allows.

use std::sync::Arc;

use super::block::{self, Kind, Pointer};
use super::cache::Cache;
use super::filter::Hashed;
use super::posting::Placed;
use super::run::{Part, Run, Sought, Table};
use super::span::Span;
use crate::error::StoreError;
use crate::types::{Position, Shard};

type Plane = Option<Arc<[u8]>>;

/// A part of a filter, and which of its planes are in memory.
#[derive(Debug, Clone)]
struct Resident {
    part: Part,
    planes: [Plane; 2],
}

impl Resident {
    /// Whether a digest may be in the run, as far as memory can tell.
    fn may_hold(&self, digest: &Hashed) -> bool {
        let shape = match self.part {
            Part::Empty => return false,
            Part::Unfiltered => return true,
            Part::Filter { shape, .. } => shape,
        };
        let [Some(low), high] = &self.planes else { return true };
        let probe = shape.probe(digest);
        probe.in_low(low) && high.as_ref().is_none_or(|high| probe.in_high(high))
    }
}

/// A run with its filters.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub(super) run: Arc<Run>,
    /// Of keys, streams and partitions.
    filters: Arc<[Vec<Resident>; 3]>,
}

impl Layer {
    /// A run of whose filters nothing is in memory yet.
    pub(super) fn new(run: Arc<Run>) -> Self {
        let parts = |table: Sought| -> Vec<Resident> {
            let parts = &run.footer.tables[table.number()].parts;
            parts.iter().map(|part| Resident { part: *part, planes: [None, None] }).collect()
        };
        let filters = Arc::new(Sought::ALL.map(parts));
        Self { run, filters }
    }

    fn may_hold(&self, table: Sought, digest: &[u8; 16], hashed: &Hashed) -> bool {
        let bits = self.run.footer.tables[table.number()].bits;
        let part = self.filters[table.number()].get(Table::part_of(bits, digest));
        part.is_none_or(|part| part.may_hold(hashed))
    }

    /// Bytes of filters in memory, and of all its filters.
    fn filter_bytes(&self) -> (usize, usize) {
        let mut sum = (0, 0);
        for resident in self.filters.iter().flatten() {
            sum.0 += resident.planes.iter().flatten().map(|plane| plane.len()).sum::<usize>();
            sum.1 += plane_bytes(resident.part) * 2;
        }
        sum
    }
}

fn plane_bytes(part: Part) -> usize {
    if let Part::Filter { shape, .. } = part { shape.plane_bytes() } else { 0 }
}

/// The runs, oldest first, each beginning where the one before it ends.
#[derive(Debug, Clone)]
pub(in super::super) struct Runs {
    pub(super) layers: Vec<Layer>,
    pub(super) cache: Arc<Cache>,
}

impl Runs {
    pub(in super::super) fn none(cache_bytes: usize) -> Self {
        Self { layers: Vec::new(), cache: Arc::new(Cache::new(cache_bytes)) }
    }

    /// These runs instead, with what of their filters is in memory already and nothing more.
    pub(super) fn with(&self, layers: Vec<Layer>) -> Self {
        Self { layers, cache: Arc::clone(&self.cache) }
    }

    /// What the newest run covers, if there is one.
    pub(in super::super) fn newest(&self) -> Option<&Span> {
        self.layers.last().map(|layer| layer.run.span())
    }

    /// Whether every run begins exactly where the one before it ends, and the first behind `genesis`.
    pub(in super::super) fn is_without_gap(&self, genesis: &Span) -> bool {
        let spans = self.layers.iter().map(|layer| layer.run.span());
        let mut before = genesis;
        spans.into_iter().all(|span| std::mem::replace(&mut before, span).leads_to(span))
    }

    /// The first frames of all segments that the runs cover frames of, ascending.
    pub(in super::super) fn segments(&self) -> Vec<u64> {
        let all = self.layers.iter().flat_map(|layer| layer.run.span().segments.iter().copied());
        let mut segments: Vec<_> = all.collect();
        segments.dedup();
        segments
    }

    pub(in super::super) fn commits(&self) -> u64 {
        self.layers.iter().map(|layer| layer.run.span().commits).sum()
    }

    /// How many postings of this kind there are.
    pub(super) fn items(&self, table: Sought) -> u64 {
        self.layers.iter().map(|layer| layer.run.footer.tables[table.number()].items).sum()
    }

    pub(in super::super) fn recorded_at(&self) -> Option<ledger_core::Timestamp> {
        self.layers.iter().filter_map(|layer| layer.run.span().recorded_at).max()
    }

    /// Adds the positions of a digest after a position, ascending, until there are `limit` of them.
    pub(in super::super) fn find(
        &self,
        table: Sought,
        shard: Shard,
        digest: &[u8; 16],
        after: Position,
        limit: usize,
        found: &mut Vec<Position>,
    ) -> Result<(), StoreError> {
        let hashed = Hashed::of(digest);
        for layer in &self.layers {
            if !layer.may_hold(table, digest, &hashed) {
                continue;
            }
            let span = layer.run.span();
            let reaches = span.heads.get(shard.index()).is_some_and(|head| head.position > after);
            if reaches && found.len() < limit {
                layer.run.find(&self.cache, table, shard, digest, after, limit, found)?;
            }
        }
        Ok(())
    }

    /// Adds the places of up to `limit` commits of a shard from a position on, as far as the runs reach.
    pub(in super::super) fn places(
        &self,
        shard: Shard,
        from: Position,
        limit: usize,
        found: &mut Vec<Placed>,
    ) -> Result<(), StoreError> {
        let end =
            |layer: &Layer| layer.run.span().heads.get(shard.index()).map_or(Position::ZERO, |h| h.position);
        let first = self.layers.partition_point(|layer| end(layer) < from);
        let (mut next, target) = (from, found.len() + limit);
        for layer in &self.layers[first..] {
            if found.len() >= target || end(layer) < next {
                continue;
            }
            let count = found.len();
            layer.run.places(&self.cache, shard, next, target - count, found)?;
            let complete =
                found.len() == target || found.last().is_some_and(|last| last.position == end(layer));
            if !complete {
                return Err(layer.run.malformed());
            }
            next = Position(end(layer).0.saturating_add(1));
        }
        Ok(())
    }

    /// The runs with their filters in memory as far as so many bytes allow: first the low planes of all,
    /// small runs first, then the high planes. What was in memory stays if it fits.
    pub(in super::super) fn reside(&self, bytes_max: usize) -> Result<Self, StoreError> {
        let mut order: Vec<usize> = (0..self.layers.len()).collect();
        order.sort_by_key(|number| self.layers[*number].run.span().commits);
        let mut filters: Vec<[Vec<Resident>; 3]> =
            self.layers.iter().map(|layer| <[Vec<Resident>; 3]>::clone(&layer.filters)).collect();
        let mut left = bytes_max;
        for plane in 0..2 {
            for number in &order {
                let run = &self.layers[*number].run;
                for resident in filters[*number].iter_mut().flatten() {
                    let Some(at) = resident.part.planes() else { continue };
                    let bytes = plane_bytes(resident.part);
                    if bytes > left {
                        resident.planes[plane] = None;
                        continue;
                    }
                    left -= bytes;
                    if resident.planes[plane].is_none() {
                        resident.planes[plane] = Some(load(run, at[plane])?);
                    }
                }
            }
        }
        let layers = self.layers.iter().zip(filters);
        let layers =
            layers.map(|(layer, filters)| Layer { run: Arc::clone(&layer.run), filters: Arc::new(filters) });
        Ok(self.with(layers.collect()))
    }

    /// Bytes of filters in memory, and of all filters.
    pub(super) fn filter_bytes(&self) -> (usize, usize) {
        let each = self.layers.iter().map(Layer::filter_bytes);
        each.fold((0, 0), |sum, (resident, all)| (sum.0 + resident, sum.1 + all))
    }
}

fn load(run: &Run, at: Pointer) -> Result<Arc<[u8]>, StoreError> {
    Ok(block::read(&*run.file, run.number, at, Kind::Plane)?.into())
}
