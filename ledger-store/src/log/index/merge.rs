//! Makes one run out of several that follow each other.

use std::collections::BTreeMap;

use super::build::Source;
use super::posting::{Placed, Posting};
use super::run::{Run, Sought, Stream};
use super::span::Span;
use crate::error::StoreError;

/// Each run's stream of items, and its next one.
type Heads<'a, T> = Vec<(Stream<'a>, Option<T>)>;

/// The items of several runs, oldest first, in one order.
pub(super) struct Merge<'a> {
    runs: &'a [&'a Run],
    segments: BTreeMap<u64, u64>,
    /// The table that is being read, and each run's next item of it.
    postings: Option<(Sought, Heads<'a, Posting>)>,
    places: Option<Heads<'a, Placed>>,
}

/// What all of these runs cover together; `None` if one does not go on where the one before it ends.
pub(super) fn span_of(runs: &[&Run]) -> Option<Span> {
    let (first, rest) = runs.split_first()?;
    rest.iter().try_fold(first.span().clone(), |span, next| {
        span.leads_to(next.span()).then(|| span.join(next.span().clone()))
    })
}

impl<'a> Merge<'a> {
    pub(super) fn new(runs: &'a [&'a Run], span: &Span) -> Self {
        let segments = (0..).zip(&span.segments).map(|(number, first)| (*first, number)).collect();
        Self { runs, segments, postings: None, places: None }
    }
}

/// The stream with the least item, which there are only a few of.
fn least<T, K: Ord>(heads: &[(Stream<'_>, Option<T>)], key: impl Fn(&T) -> K) -> Option<usize> {
    let mut least: Option<(usize, K)> = None;
    for (number, (_, item)) in heads.iter().enumerate() {
        let Some(item) = item.as_ref().map(&key) else { continue };
        if least.as_ref().is_none_or(|(_, least)| item < *least) {
            least = Some((number, item));
        }
    }
    least.map(|(number, _)| number)
}

impl Source for Merge<'_> {
    fn next_posting(&mut self, table: Sought) -> Result<Option<Posting>, StoreError> {
        if self.postings.as_ref().is_none_or(|(current, _)| *current != table) {
            let mut heads = Vec::with_capacity(self.runs.len());
            for run in self.runs {
                let mut stream = Stream::postings(run, table);
                let first = stream.next_posting()?;
                heads.push((stream, first));
            }
            self.postings = Some((table, heads));
        }
        let Some((_, heads)) = &mut self.postings else { return Ok(None) };
        let Some(number) = least(heads, |posting| *posting) else { return Ok(None) };
        let (stream, head) = &mut heads[number];
        let next = stream.next_posting()?;
        Ok(std::mem::replace(head, next))
    }

    fn next_place(&mut self) -> Result<Option<(Placed, u64)>, StoreError> {
        if self.places.is_none() {
            self.postings = None;
            let mut heads = Vec::with_capacity(self.runs.len());
            for run in self.runs {
                let mut stream = Stream::places(run);
                let first = stream.next_place()?;
                heads.push((stream, first));
            }
            self.places = Some(heads);
        }
        let Some(heads) = &mut self.places else { return Ok(None) };
        let Some(number) = least(heads, |placed| (placed.shard, placed.position)) else { return Ok(None) };
        let (stream, head) = &mut heads[number];
        let next = stream.next_place()?;
        let Some(placed) = std::mem::replace(head, next) else { return Ok(None) };
        let segment = self.segments.get(&placed.place.segment).copied();
        let segment = segment.ok_or_else(|| self.runs[number].malformed())?;
        Ok(Some((placed, segment)))
    }

    fn digests_at_most(&self, table: Sought) -> u64 {
        self.runs.iter().map(|run| run.footer.tables[table.number()].digests).sum()
    }
}
