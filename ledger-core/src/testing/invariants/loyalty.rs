//! What must hold of loyalty points: I27.

use std::collections::BTreeMap;

use crate::ids::ProgrammeName;
use crate::money::CurrencyCode;
use crate::player_ledger::PlayerState;
use crate::stored::{CommitBody, Event};
use crate::time::Timestamp;

/// I27: the points of a programme are what was earned and adjusted less what was spent and is over, they are never below
/// zero, and no instant of play earned twice.
///
/// # Errors
///
/// The programme.
pub fn i27_points_add_up(commits: &[CommitBody], live: &PlayerState) -> Result<(), String> {
    let mut sums: BTreeMap<&ProgrammeName, i128> = BTreeMap::new();
    let mut given_to: BTreeMap<(&ProgrammeName, CurrencyCode), Timestamp> = BTreeMap::new();
    for record in commits.iter().flat_map(|body| &body.events) {
        let (programme, change, after) = match &record.event {
            Event::PointsEarned(e) => {
                let before = given_to.insert((&e.programme, e.currency), e.base.to);
                if before.is_some_and(|before| e.base.from < before) {
                    return Err(format!("I27: {} earned twice from {}", e.programme, e.base.from));
                }
                (&e.programme, i128::from(e.points), Some(e.balance))
            }
            Event::PointsSpent(e) => (&e.programme, -i128::from(e.points), Some(e.balance)),
            Event::PointsAdjusted(e) => (&e.programme, i128::from(e.points), Some(e.balance)),
            Event::PointsExpired(e) => (&e.programme, -i128::from(e.points), None),
            _ => continue,
        };
        let sum = sums.entry(programme).or_default();
        *sum += change;
        if *sum < 0 || after.is_some_and(|after| i128::from(after) != *sum) {
            return Err(format!("I27: {programme} has {sum}, and says {after:?}"));
        }
    }
    let kept = live.rewards().map_or(&[][..], |rewards| rewards.programmes());
    let kept: BTreeMap<_, _> = kept.iter().map(|of| (&of.programme, i128::from(of.balance))).collect();
    if kept == sums { Ok(()) } else { Err(format!("I27: {kept:?} are live, {sums:?} are in the log")) }
}
