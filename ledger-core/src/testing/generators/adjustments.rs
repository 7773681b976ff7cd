//! What the back office does, at random.

use super::{
    Index, PlayerCommand, Strategy, amounts, commands, currencies, earlier, option, prop_oneof, select,
    shortfalls, txns,
};
use crate::adjustment::{
    ChargeInactivityFee, DecideCorrection, ProposeCorrection, ReclaimDormant, ReturnTax, TransferDormant,
    WithholdTax,
};
use crate::deposit::RecordDeposit;
use crate::exchange::{Exchange, ReverseExchange};
use crate::ids::{ActorId, JurisdictionId, SourceId, SubAccount, TransactionId};
use crate::player::{AddPurse, ClosePlayer, ReopenPlayer};
use crate::stored::Direction;
use proptest::prelude::*;

fn sources() -> impl Strategy<Value = SourceId> {
    prop_oneof![9 => Just("office"), 1 => Just("prov2")].prop_map(commands::source)
}

fn people() -> impl Strategy<Value = ActorId> {
    select(&["ann", "bob", "bob", "cem"][..]).prop_map(commands::person)
}

fn proposals() -> impl Strategy<Value = ProposeCorrection> {
    let direction = select(&[Direction::Credit, Direction::Debit, Direction::Debit][..]);
    let code = select(&["goodwill", "goodwill", "error"][..]);
    let code = code.prop_map(|code| SubAccount::new(code).expect("a sub-account"));
    let large = Just(commands::decimal("500"));
    let what = (
        prop_oneof![2 => amounts(), 1 => large],
        currencies(),
        people(),
        option::weighted(0.5, shortfalls()),
    );
    (sources(), txns(), direction, code, what).prop_map(
        |(source, id, direction, code, (amount, currency, by, on_shortfall))| ProposeCorrection {
            source,
            direction,
            code,
            amount,
            currency,
            by,
            on_shortfall,
            ..commands::propose_credit(id.as_str(), "1")
        },
    )
}

fn decisions() -> impl Strategy<Value = DecideCorrection> {
    (sources(), txns(), txns(), people(), prop::bool::weighted(0.8)).prop_map(
        |(source, id, proposal, by, approve)| DecideCorrection { source, id, proposal, by, approve },
    )
}

fn fees() -> impl Strategy<Value = ChargeInactivityFee> {
    (sources(), txns(), amounts(), currencies(), option::of(people())).prop_map(
        |(source, id, amount, currency, by)| ChargeInactivityFee { source, id, amount, currency, by },
    )
}

fn taxes() -> impl Strategy<Value = WithholdTax> {
    let jurisdiction = select(&["DE", "DE", "PT"][..]);
    let jurisdiction = jurisdiction.prop_map(|id| JurisdictionId::new(id).expect("an id"));
    let rest = (jurisdiction, option::of(txns()), option::weighted(0.4, shortfalls()));
    (sources(), txns(), amounts(), currencies(), rest).prop_map(
        |(source, id, amount, currency, (jurisdiction, on, on_shortfall))| WithholdTax {
            source,
            id,
            amount,
            currency,
            jurisdiction,
            on,
            on_shortfall,
        },
    )
}

fn returns() -> impl Strategy<Value = ReturnTax> {
    (sources(), txns(), txns(), amounts(), currencies())
        .prop_map(|(source, id, tax, amount, currency)| ReturnTax { source, id, tax, amount, currency })
}

fn exchanges() -> impl Strategy<Value = Exchange> {
    let pair = select(&[("EUR", "USD"), ("USD", "EUR"), ("EUR", "GBP"), ("EUR", "EUR")][..]);
    // Histories begin on 2026-01-01 and last minutes.
    let as_of = select(&["2026-01-01T00:00:00Z", "2026-01-01T00:00:20Z", "2025-12-31T23:00:00Z"][..]);
    let quote = (select(&["1.1", "1.25", "0.9"][..]), as_of, prop::bool::weighted(0.9));
    (sources(), txns(), pair, amounts(), quote).prop_map(|(source, id, (from, to), amount, quote)| {
        let (value, as_of, fits) = quote;
        let as_of = as_of.parse().expect("an instant");
        let rate = commands::rate_at(
            "EUR",
            if fits && (from, to) != ("EUR", "GBP") { "USD" } else { "GBP" },
            value,
            as_of,
        );
        Exchange { source, id, amount, ..commands::exchange("X", from, to, "1", rate) }
    })
}

fn reversals() -> impl Strategy<Value = ReverseExchange> {
    (sources(), txns(), txns(), option::weighted(0.5, shortfalls())).prop_map(
        |(source, id, exchange, on_shortfall)| ReverseExchange { source, id, exchange, on_shortfall },
    )
}

/// One command of the back office.
pub(super) fn office() -> impl Strategy<Value = PlayerCommand> {
    let dormant = || (sources(), txns(), currencies());
    // `XXX` is what ISO 4217 has for no currency: nobody registers it.
    let purse = select(&["EUR", "GBP", "GBP", "JPY", "XXX"][..]).prop_map(commands::currency);
    prop_oneof![
        6 => proposals().prop_map(PlayerCommand::from),
        8 => decisions().prop_map(PlayerCommand::from),
        2 => fees().prop_map(PlayerCommand::from),
        1 => dormant().prop_map(|(source, id, currency)| TransferDormant { source, id, currency }.into()),
        2 => dormant().prop_map(|(source, id, currency)| ReclaimDormant { source, id, currency }.into()),
        3 => taxes().prop_map(PlayerCommand::from),
        3 => exchanges().prop_map(PlayerCommand::from),
        2 => reversals().prop_map(PlayerCommand::from),
        3 => returns().prop_map(PlayerCommand::from),
        1 => (sources(), txns(), people()).prop_map(|(source, id, by)| {
            ClosePlayer { source, by, ..commands::close_player(id.as_str()) }.into()
        }),
        3 => (sources(), txns(), people(), people()).prop_map(|(source, id, by, approved_by)| {
            ReopenPlayer { source, id, by, approved_by }.into()
        }),
        1 => (sources(), txns(), purse).prop_map(|(source, id, currency)| {
            AddPurse { source, id, currency }.into()
        }),
    ]
}

/// Stories of the back office: a correction and its decisions, a tax and its returns, a sleep and a claim, a closed
/// player who bets.
pub(super) fn stories() -> impl Strategy<Value = Vec<PlayerCommand>> {
    let named = |id: &str| (commands::source("office"), commands::txn(id));
    let correction = (proposals(), decisions(), decisions()).prop_map(move |(proposal, first, second)| {
        let ((source, id), (_, d1), (_, d2)) = (named("OC"), named("OD1"), named("OD2"));
        let aimed = |id, decision| DecideCorrection {
            source: commands::source("office"),
            proposal: commands::txn("OC"),
            id,
            ..decision
        };
        vec![
            ProposeCorrection { source, id, ..proposal }.into(),
            aimed(d1, first).into(),
            aimed(d2, second).into(),
        ]
    });
    let tax = (taxes(), returns(), returns()).prop_map(move |(tax, first, second)| {
        let (source, id) = named("OT");
        let currency = tax.currency;
        let aimed = |id: &str, back| ReturnTax {
            source: commands::source("office"),
            tax: commands::txn("OT"),
            id: commands::txn(id),
            currency,
            ..back
        };
        vec![
            WithholdTax { source, id, ..tax }.into(),
            aimed("OR1", first).into(),
            aimed("OR2", second).into(),
        ]
    });
    let sleep = (currencies(), amounts()).prop_map(|(currency, amount)| {
        vec![
            TransferDormant { currency, ..commands::transfer_dormant("OS") }.into(),
            ChargeInactivityFee { amount, currency, ..commands::inactivity_fee("OF", "1") }.into(),
            ReclaimDormant { currency, ..commands::reclaim_dormant("OK") }.into(),
        ]
    });
    let closing = (people(), people()).prop_map(|(by, approved_by)| {
        vec![
            commands::close_player("OZ1").into(),
            commands::bet("OB", "OB", "2.50").into(),
            commands::add_purse("OU", "GBP").into(),
            ReopenPlayer { by, approved_by, ..commands::reopen_player("OZ2") }.into(),
        ]
    });
    let exchange = (exchanges(), reversals(), reversals()).prop_map(move |(exchange, first, second)| {
        let (source, id) = named("OX");
        let aimed = |id: &str, back| ReverseExchange {
            source: commands::source("office"),
            exchange: commands::txn("OX"),
            id: commands::txn(id),
            ..back
        };
        let dollars = RecordDeposit { currency: commands::currency("USD"), ..commands::deposit("OP", "100") };
        let exchange = Exchange { source, id, ..exchange };
        vec![
            dollars.into(),
            exchange.clone().into(),
            exchange.into(),
            aimed("OX1", first).into(),
            aimed("OX2", second).into(),
        ]
    });
    prop_oneof![3 => exchange, 4 => correction, 3 => tax, 1 => sleep, 1 => closing]
}

fn a_proposal(command: &PlayerCommand) -> Option<(&SourceId, &TransactionId)> {
    match command {
        PlayerCommand::ProposeCorrection(c) => Some((&c.source, &c.id)),
        _ => None,
    }
}

fn a_tax(command: &PlayerCommand) -> Option<&WithholdTax> {
    match command {
        PlayerCommand::WithholdTax(c) => Some(c),
        _ => None,
    }
}

fn an_exchange(command: &PlayerCommand) -> Option<(&SourceId, &TransactionId)> {
    match command {
        PlayerCommand::Exchange(c) => Some((&c.source, &c.id)),
        _ => None,
    }
}

/// Aims a decision at a proposal, a return at a tax, and a reversal at an exchange.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: Index) {
    match command {
        PlayerCommand::DecideCorrection(decision) => {
            if let Some((source, id)) = earlier(all, at, a_proposal) {
                decision.source.clone_from(source);
                decision.proposal.clone_from(id);
            }
        }
        PlayerCommand::ReturnTax(back) => {
            if let Some(tax) = earlier(all, at, a_tax) {
                back.source.clone_from(&tax.source);
                back.tax.clone_from(&tax.id);
                back.currency = tax.currency;
            }
        }
        PlayerCommand::ReverseExchange(back) => {
            if let Some((source, id)) = earlier(all, at, an_exchange) {
                back.source.clone_from(source);
                back.exchange.clone_from(id);
            }
        }
        _ => {}
    }
}

/// The id of a command of the back office.
pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    Some(match command {
        PlayerCommand::ProposeCorrection(c) => &mut c.id,
        PlayerCommand::DecideCorrection(c) => &mut c.id,
        PlayerCommand::ChargeInactivityFee(c) => &mut c.id,
        PlayerCommand::TransferDormant(c) => &mut c.id,
        PlayerCommand::ReclaimDormant(c) => &mut c.id,
        PlayerCommand::WithholdTax(c) => &mut c.id,
        PlayerCommand::ReturnTax(c) => &mut c.id,
        PlayerCommand::ClosePlayer(c) => &mut c.id,
        PlayerCommand::ReopenPlayer(c) => &mut c.id,
        PlayerCommand::AddPurse(c) => &mut c.id,
        PlayerCommand::Exchange(c) => &mut c.id,
        PlayerCommand::ReverseExchange(c) => &mut c.id,
        _ => return None,
    })
}
