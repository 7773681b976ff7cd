//! Loyalty points at random: programmes, and everything that is done with their points.

use std::collections::BTreeMap;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::bonuses::played;
use super::{PlayerCommand, commands, currencies, txns};
use crate::bonus::Played;
use crate::ids::{ProgrammeName, TransactionId};
use crate::loyalty::{AdjustPoints, EarnPoints, SpendPoints};
use crate::policy::{LoyaltyTerms, PointWorth};

fn programmes() -> impl Strategy<Value = ProgrammeName> {
    select(&["gold", "gold", "gold", "silver"][..]).prop_map(commands::programme)
}

/// The programmes of a policy.
pub(super) fn policies() -> BoxedStrategy<BTreeMap<ProgrammeName, LoyaltyTerms>> {
    let amount = |text: &str| text.parse().expect("an amount");
    let rate = || option::weighted(0.5, select(&[0_u32, 3_333, 20_000][..]).prop_map(commands::basis_points));
    let secs = option::weighted(0.4, select(&[0_u32, 1, 20][..]));
    let price = select(&["1.00", "0.07"][..]).prop_map(amount);
    let terms = (rate(), rate(), secs, price).prop_map(move |(slots, others, secs, price)| LoyaltyTerms {
        stake_per_point: [(commands::currency("EUR"), price)].into(),
        weights: slots.map(|rate| (commands::game_type("slots"), rate)).into_iter().collect(),
        others,
        worth: [(commands::currency("EUR"), PointWorth { points: 3, amount: amount("0.50") })].into(),
        expires_after_secs: secs,
        ..commands::loyalty_terms()
    });
    let some = prop::collection::vec(terms, 1..3).prop_map(|all| {
        ["gold", "silver"].into_iter().map(commands::programme).zip(all).collect::<BTreeMap<_, _>>()
    });
    prop_oneof![1 => Just(BTreeMap::new()), 3 => some].boxed()
}

/// One command on points.
pub(super) fn single() -> BoxedStrategy<PlayerCommand> {
    let from = select(&["2025-09-01", "2025-10-01", "2025-11-01", "2025-12-01"][..]);
    let to = select(&["2025-10-01", "2025-11-01", "2025-12-01", "2026-01-01"][..]);
    let midnight = |day: &str| format!("{day}T00:00:00Z").parse().expect("an instant");
    let earn = (programmes(), currencies(), played(), from, to).prop_map(
        move |(programme, currency, played, from, to)| EarnPoints {
            programme,
            currency,
            played: Played { from: midnight(from), to: midnight(to), ..played },
            ..commands::earn_points(&[])
        },
    );
    let spend = (txns(), programmes(), select(&[3_u64, 3, 6, 9, 4, 0][..]), currencies()).prop_map(
        |(id, programme, points, currency)| SpendPoints {
            programme,
            currency,
            ..commands::spend_points(id.as_str(), points)
        },
    );
    let expire = txns().prop_map(|id| commands::expire_points(id.as_str()));
    let adjust = (txns(), programmes(), select(&[7_i64, 20, -5, 0][..]), prop::bool::weighted(0.1));
    let adjust = adjust.prop_map(|(id, programme, points, alone)| {
        let adjust = commands::adjust_points(id.as_str(), points);
        let approved_by = if alone { adjust.by.clone() } else { adjust.approved_by.clone() };
        AdjustPoints { programme, approved_by, ..adjust }
    });
    prop_oneof![
        3 => earn.prop_map(PlayerCommand::from),
        3 => spend.prop_map(PlayerCommand::from),
        3 => expire.prop_map(PlayerCommand::from),
        2 => adjust.prop_map(PlayerCommand::from),
    ]
    .boxed()
}

/// Points of a player from their beginning to their end.
pub(super) fn tale() -> impl Strategy<Value = Vec<PlayerCommand>> {
    select(&["5", "50.05", "200"][..]).prop_map(|stakes| {
        vec![
            commands::earn_points(&[("slots", stakes, "1"), ("tables", "20", "0")]).into(),
            commands::adjust_points("QA", 20).into(),
            commands::spend_points("QB", 3).into(),
            commands::adjust_points("QC", -5).into(),
            commands::expire_points("QD").into(),
            commands::offer_bonus("QE", "5").into(),
            commands::claim_bonus("QF", "QE").into(),
        ]
    })
}

/// The id of such a command.
pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    match command {
        PlayerCommand::SpendPoints(c) => Some(&mut c.id),
        PlayerCommand::ExpirePoints(c) => Some(&mut c.id),
        PlayerCommand::AdjustPoints(c) => Some(&mut c.id),
        _ => None,
    }
}
