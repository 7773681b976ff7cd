//! Corrections of rounds, at random.

use super::{
    Index, PlayerCommand, Strategy, a_bet, amounts, commands, currencies, earlier, option, prop_oneof,
    rounds, select, shortfalls, sources, txns,
};
use crate::ids::TransactionId;
use crate::round::{AdjustRound, CashOut, Resettle, Unsettle, VoidSettled, VoidTarget};
use crate::stored::Direction;
use proptest::prelude::*;

/// One correction of any kind.
pub(super) fn corrections() -> impl Strategy<Value = PlayerCommand> {
    let target = prop_oneof![1 => Just(VoidTarget::Round), 3 => txns().prop_map(VoidTarget::Bet)];
    let shortfall = || option::weighted(0.3, shortfalls());
    let voids = (txns(), rounds(), target, shortfall()).prop_map(|(id, round, target, on_shortfall)| {
        let void = commands::void_settled_round(id.as_str(), round.as_str());
        VoidSettled { target, on_shortfall, ..void }.into()
    });
    let named = option::weighted(0.4, txns());
    let results = (sources(), txns(), rounds(), named, amounts(), currencies(), shortfall()).prop_map(
        |(source, id, round, bet, amount, currency, on_shortfall)| {
            Resettle { source, id, round, bet, amount, currency, on_shortfall }.into()
        },
    );
    let reopenings = (sources(), txns(), rounds(), txns(), shortfall()).prop_map(
        |(source, id, round, bet, on_shortfall)| Unsettle { source, id, round, bet, on_shortfall }.into(),
    );
    let part = option::weighted(0.5, select(&["1", "2.50", "5", "0"][..]).prop_map(commands::decimal));
    let cash_outs = (sources(), txns(), rounds(), txns(), amounts(), part, currencies()).prop_map(
        |(source, id, round, bet, amount, principal, currency)| {
            CashOut { source, id, round, bet, amount, principal, currency }.into()
        },
    );
    let direction = select(&[Direction::Credit, Direction::Debit, Direction::Debit][..]);
    let adjustments =
        (sources(), txns(), option::of(rounds()), direction, amounts(), currencies(), shortfall()).prop_map(
            |(source, id, round, direction, amount, currency, on_shortfall)| {
                let adjust = commands::adjust(id.as_str(), direction, "1");
                AdjustRound { source, round, amount, currency, on_shortfall, ..adjust }.into()
            },
        );
    let messages = txns().prop_map(|id| commands::inform(id.as_str(), "better odds").into());
    prop_oneof![3 => voids, 4 => results, 3 => reopenings, 4 => cash_outs, 2 => adjustments, 1 => messages]
}

/// Aims a correction at an earlier bet.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: Index) {
    let Some(bet) = earlier(all, at, a_bet) else { return };
    match command {
        PlayerCommand::VoidSettled(c) => {
            c.round_source.clone_from(&bet.source);
            c.round.clone_from(&bet.round);
            if let VoidTarget::Bet(id) = &mut c.target {
                id.clone_from(&bet.id);
            }
        }
        PlayerCommand::Resettle(c) => {
            c.source.clone_from(&bet.source);
            c.round.clone_from(&bet.round);
            c.currency = bet.currency;
            c.bet = c.bet.as_ref().map(|_| bet.id.clone());
        }
        PlayerCommand::Unsettle(c) => {
            c.source.clone_from(&bet.source);
            c.round.clone_from(&bet.round);
            c.bet.clone_from(&bet.id);
        }
        PlayerCommand::CashOut(c) => {
            c.source.clone_from(&bet.source);
            c.round.clone_from(&bet.round);
            c.bet.clone_from(&bet.id);
            c.currency = bet.currency;
        }
        _ => {}
    }
}

/// The id of a correction.
pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    match command {
        PlayerCommand::VoidSettled(c) => Some(&mut c.id),
        PlayerCommand::Resettle(c) => Some(&mut c.id),
        PlayerCommand::Unsettle(c) => Some(&mut c.id),
        PlayerCommand::CashOut(c) => Some(&mut c.id),
        PlayerCommand::AdjustRound(c) => Some(&mut c.id),
        PlayerCommand::Inform(c) => Some(&mut c.id),
        _ => None,
    }
}
