//! Who lives, and who gives and takes what: pure, so that it can be tested without waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::MemberId;
use crate::types::{Shard, ShardCount};

/// A shard's lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) shard: Shard,
    pub(super) holder: MemberId,
    /// How often it changed hands.
    pub(super) epoch: i64,
}

/// When the beats of each member were last seen to change.
#[derive(Debug, Default)]
pub(super) struct Beats(BTreeMap<MemberId, (i64, Instant)>);

impl Beats {
    /// Takes note of counts. A member that is seen for the first time counts as having just beaten.
    pub(super) fn note(&mut self, counts: &BTreeMap<MemberId, i64>, now: Instant) {
        self.0.retain(|id, _| counts.contains_key(id));
        for (id, count) in counts {
            let seen = self.0.entry(*id).or_insert((*count, now));
            if seen.0 != *count {
                *seen = (*count, now);
            }
        }
    }

    /// The members that live, this one always among them.
    pub(super) fn alive(&self, me: MemberId, now: Instant, still_max: Duration) -> BTreeSet<MemberId> {
        let lives = |since: Instant| now.saturating_duration_since(since) <= still_max;
        let living = self.0.iter().filter(|(_, (_, since))| lives(*since)).map(|(id, _)| *id);
        living.chain([me]).collect()
    }
}

/// What a member does with a beat.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Shards beyond its share, so that others may take them.
    pub(super) give: Vec<Shard>,
    /// Shards that nobody holds.
    pub(super) take: Vec<Shard>,
    /// Shards of the dead.
    pub(super) take_over: Vec<Lease>,
}

/// Gives what is beyond an even share, rounded up; takes what is free up to it.
pub(super) fn plan(me: MemberId, shards: ShardCount, leases: &[Lease], alive: &BTreeSet<MemberId>) -> Plan {
    let by_shard: BTreeMap<Shard, &Lease> = leases.iter().map(|lease| (lease.shard, lease)).collect();
    let share = usize::from(shards.get()).div_ceil(alive.len().max(1));
    let mut held: Vec<Shard> =
        leases.iter().filter(|lease| lease.holder == me).map(|lease| lease.shard).collect();
    let mut plan = Plan::default();
    if held.len() > share {
        plan.give = held.split_off(share);
        return plan;
    }
    // Members begin to take at different places, so that they seldom want the same.
    let place = alive.iter().position(|id| *id == me).unwrap_or(0);
    let start = usize::from(shards.get()) * place / alive.len().max(1);
    let all: Vec<Shard> = shards.all().collect();
    let in_turn = all.iter().cycle().skip(start).take(all.len());
    for shard in in_turn {
        if held.len() + plan.take.len() + plan.take_over.len() >= share {
            break;
        }
        match by_shard.get(shard) {
            None => plan.take.push(*shard),
            Some(lease) if !alive.contains(&lease.holder) => plan.take_over.push(**lease),
            Some(_) => {}
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn member(n: u128) -> MemberId {
        MemberId(Uuid::from_u128(n))
    }

    /// Lets every living member act in turn until nothing changes.
    fn settled(shards: ShardCount, leases: &mut Vec<Lease>, alive: &BTreeSet<MemberId>) {
        for _ in 0..20 {
            let before = leases.clone();
            for me in alive {
                let Plan { give, take, take_over } = plan(*me, shards, leases, alive);
                leases.retain(|lease| !give.contains(&lease.shard));
                leases.extend(take.iter().map(|shard| Lease { shard: *shard, holder: *me, epoch: 1 }));
                for over in take_over {
                    let lease = leases.iter_mut().find(|lease| lease.shard == over.shard).expect("a lease");
                    (lease.holder, lease.epoch) = (*me, lease.epoch + 1);
                }
            }
            if *leases == before {
                return;
            }
        }
        panic!("members never agree: {leases:?}");
    }

    #[test]
    fn members_share_evenly_whoever_comes_and_goes() {
        let shards = ShardCount::DEFAULT;
        let mut leases = Vec::new();
        let worlds: [&[u128]; 7] = [&[1], &[1, 2], &[1, 2, 3], &[2, 3], &[3], &[3, 4, 5, 6, 7], &[9]];
        for world in worlds {
            let alive: BTreeSet<MemberId> = world.iter().map(|n| member(*n)).collect();
            settled(shards, &mut leases, &alive);
            let share = usize::from(shards.get()).div_ceil(alive.len());
            let mut seen = BTreeSet::new();
            for lease in &leases {
                assert!(alive.contains(&lease.holder) && seen.insert(lease.shard), "{world:?}: {lease:?}");
            }
            assert_eq!(seen.len(), usize::from(shards.get()), "{world:?}: every shard is held");
            for me in &alive {
                let held = leases.iter().filter(|lease| lease.holder == *me).count();
                assert!(held <= share, "{world:?}: {me} holds {held} of {share}");
            }
        }
    }

    #[test]
    fn a_member_lives_while_its_count_changes() {
        let (start, still_max) = (Instant::now(), Duration::from_secs(5));
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let (me, other) = (member(1), member(2));
        let mut beats = Beats::default();
        let mut counts = BTreeMap::from([(other, 7)]);
        beats.note(&counts, at(0));
        assert!(beats.alive(me, at(5), still_max).contains(&other));
        assert!(!beats.alive(me, at(6), still_max).contains(&other), "its count stood still");
        counts.insert(other, 8);
        beats.note(&counts, at(6));
        assert!(beats.alive(me, at(11), still_max).contains(&other));
        // Gone and back under the same id: seen for the first time again.
        beats.note(&BTreeMap::new(), at(12));
        assert_eq!(beats.alive(me, at(12), still_max), BTreeSet::from([me]));
        beats.note(&counts, at(20));
        assert!(beats.alive(me, at(21), still_max).contains(&other));
    }
}
