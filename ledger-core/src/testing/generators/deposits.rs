//! Deposits: started, tried, captured, in suspense, refunded, disputed, given up.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rust_decimal::Decimal;

use super::{amounts, currencies, earlier, shortfalls, sources, txns};
use crate::account::AccountKind;
use crate::deposit::{
    AttemptDeposit, CancelDeposit, Chargeback, ExpireDeposit, FailDeposit, HouseItem, InitiateDeposit,
    RecordDeposit, RefundDeposit, RefuseAssignment, ReleaseSuspense, ReverseChargeback, WriteOffDebt,
};
use crate::ids::{SourceId, TransactionId};
use crate::money::FxRate;
use crate::player_ledger::PlayerCommand;
use crate::policy::{CapturePolicy, DepositPolicy, FailureRule};
use crate::stored::{PaymentRef, ReleasedTo};
use crate::testing::commands;

pub(super) fn policies() -> impl Strategy<Value = DepositPolicy> {
    let capture = || select(&[CapturePolicy::Credit, CapturePolicy::Suspend][..]);
    let ttl = select(&[0_u32, 5, 60][..]);
    let failures = option::weighted(0.2, (1..4_u8, select(&[3_u32, 600][..])));
    let failures =
        failures.prop_map(|rule| rule.map(|(count, within_secs)| FailureRule { count, within_secs }));
    let parts = (ttl, capture(), capture(), shortfalls(), failures);
    parts.prop_map(|(ttl, late, second, on_shortfall, failures)| DepositPolicy {
        intent_ttl_secs: ttl,
        late_capture: late,
        second_capture: second,
        on_shortfall,
        failures,
    })
}

fn psps() -> impl Strategy<Value = SourceId> {
    prop_oneof![6 => Just("psp"), 1 => Just("psp2")].prop_map(commands::source)
}

fn intents() -> impl Strategy<Value = PaymentRef> {
    txns().prop_map(|id| commands::intent(id.as_str()))
}

fn payments() -> impl Strategy<Value = PaymentRef> {
    (psps(), txns()).prop_map(|(source, id)| PaymentRef { source, id })
}

fn rates() -> impl Strategy<Value = Box<FxRate>> {
    let pairs = select(&[
        ("EUR", "USD", "1.10"),
        ("EUR", "USD", "1.1"),
        ("GBP", "EUR", "1.17"),
        ("USD", "JPY", "155"),
    ]);
    pairs.prop_map(|(base, quote, value)| Box::new(commands::rate(base, quote, value)))
}

fn parts() -> impl Strategy<Value = Option<Decimal>> {
    option::weighted(0.6, amounts())
}

fn fees() -> impl Strategy<Value = Option<Decimal>> {
    option::weighted(0.3, select(&["2", "0", "0.50", "15", "0.001"][..]).prop_map(commands::decimal))
}

fn initiations() -> impl Strategy<Value = InitiateDeposit> {
    (txns(), amounts(), currencies()).prop_map(|(id, amount, currency)| InitiateDeposit {
        id,
        amount,
        currency,
        ..commands::initiate("I", "1")
    })
}

fn attempts() -> impl Strategy<Value = AttemptDeposit> {
    (txns(), intents(), psps(), option::weighted(0.5, txns())).prop_map(|(id, intent, psp, reference)| {
        AttemptDeposit { source: commands::source("cashier"), id, intent, psp, reference }
    })
}

fn failures() -> impl Strategy<Value = FailDeposit> {
    let payment = option::weighted(0.4, payments());
    (txns(), intents(), option::weighted(0.5, txns()), payment).prop_map(|(id, intent, attempt, payment)| {
        FailDeposit { id, intent, attempt, payment, ..commands::fail("F", "I") }
    })
}

fn captures() -> impl Strategy<Value = RecordDeposit> {
    let source = prop_oneof![9 => psps(), 1 => sources()];
    let intent = option::weighted(0.5, intents());
    let instrument = option::weighted(0.6, select(&["iban", "card"][..]).prop_map(commands::instrument));
    let rest = (option::weighted(0.15, rates()), instrument);
    (source, txns(), amounts(), currencies(), intent, fees(), rest).prop_map(
        |(source, id, amount, currency, intent, fee, (rate, instrument))| RecordDeposit {
            source,
            id,
            amount,
            currency,
            authorisation: None,
            instrument,
            intent,
            fee,
            rate,
        },
    )
}

fn releases() -> impl Strategy<Value = ReleaseSuspense> {
    let to = select(&[ReleasedTo::Player, ReleasedTo::Player, ReleasedTo::Payer][..]);
    let kind = prop_oneof![9 => Just(AccountKind::Real), 1 => Just(AccountKind::Test)];
    let item = option::weighted(0.2, (kind, amounts(), currencies()));
    let approved_by = prop_oneof![9 => Just("boris"), 1 => Just("anna")].prop_map(commands::person);
    (txns(), payments(), to, item, option::weighted(0.3, rates()), approved_by).prop_map(
        |(id, of, to, item, rate, approved_by)| ReleaseSuspense {
            id,
            psp: of.source,
            reference: of.id,
            to,
            house_item: item.map(|(kind, amount, currency)| HouseItem { kind, amount, currency }),
            rate,
            approved_by,
            ..commands::release("L", "D")
        },
    )
}

fn refused_assignments() -> impl Strategy<Value = RefuseAssignment> {
    (payments(), prop_oneof![Just("anna"), Just("boris")].prop_map(commands::person)).prop_map(|(of, by)| {
        RefuseAssignment { psp: of.source, reference: of.id, by, ..commands::refuse_assignment("D") }
    })
}

fn refunds() -> impl Strategy<Value = RefundDeposit> {
    let shortfall = option::weighted(0.3, shortfalls());
    (txns(), payments(), parts(), currencies(), any::<bool>(), shortfall).prop_map(
        |(id, of, amount, currency, return_fee, on_shortfall)| RefundDeposit {
            source: of.source,
            id,
            deposit: of.id,
            amount,
            currency,
            return_fee,
            on_shortfall,
        },
    )
}

fn chargebacks() -> impl Strategy<Value = Chargeback> {
    (txns(), payments(), parts(), fees(), currencies()).prop_map(|(id, of, amount, fee, currency)| {
        Chargeback { source: of.source, id, deposit: of.id, amount, fee, currency }
    })
}

fn reversals() -> impl Strategy<Value = ReverseChargeback> {
    (txns(), payments(), txns(), parts(), fees(), currencies()).prop_map(
        |(id, of, chargeback, amount, fee, currency)| ReverseChargeback {
            source: of.source,
            id,
            deposit: of.id,
            chargeback,
            amount,
            fee,
            currency,
        },
    )
}

fn write_offs() -> impl Strategy<Value = WriteOffDebt> {
    let approved_by = prop_oneof![9 => Just("boris"), 1 => Just("anna")].prop_map(commands::person);
    (txns(), parts(), currencies(), approved_by).prop_map(|(id, amount, currency, approved_by)| {
        WriteOffDebt { id, currency, amount, approved_by, ..commands::write_off("O") }
    })
}

/// Messages on one deposit, from its start to its disputes; some of them, or all.
pub(super) fn tale() -> impl Strategy<Value = Vec<PlayerCommand>> {
    let of_attempt = |id: &str| FailDeposit {
        payment: Some(commands::payment("YD")),
        ..commands::fail_attempt(id, "YI", "YA")
    };
    let usd = commands::currency("USD");
    let all: Vec<PlayerCommand> = vec![
        commands::initiate("YI", "100").into(),
        AttemptDeposit { reference: Some(commands::txn("YD")), ..commands::attempt("YA", "YI") }.into(),
        FailDeposit { payment: Some(commands::payment("YE")), ..of_attempt("YF1") }.into(),
        commands::expire_deposit("YX", "YI").into(),
        commands::capture("YD", "YI", "95").into(),
        commands::cancel_deposit("YG", "YI").into(),
        of_attempt("YF2").into(),
        of_attempt("YF3").into(),
        // What is told last may have happened first.
        AttemptDeposit { reference: Some(commands::txn("YD")), ..commands::attempt("YA", "YI") }.into(),
        commands::capture("YE", "YI", "95").into(),
        commands::release("YL", "YE").into(),
        Chargeback { currency: usd, ..commands::chargeback("YC", "YD", "10") }.into(),
        commands::chargeback("YC", "YD", "95").into(),
        commands::write_off("YO").into(),
        commands::reverse_chargeback("YR", "YD", "YC").into(),
        commands::reverse_chargeback("YS", "YD", "YC").into(),
        commands::refund("YB", "YD").into(),
    ];
    let count = all.len();
    prop::sample::subsequence(all, count / 2..=count)
}

/// One command on deposits.
pub(super) fn single() -> impl Strategy<Value = PlayerCommand> {
    let ended = (txns(), intents(), any::<bool>()).prop_map(|(id, intent, expires)| {
        if expires {
            ExpireDeposit { source: commands::source("timers"), id, intent }.into()
        } else {
            CancelDeposit { id, intent, ..commands::cancel_deposit("C", "I") }.into()
        }
    });
    prop_oneof![
        6 => captures().prop_map(PlayerCommand::from),
        2 => initiations().prop_map(PlayerCommand::from),
        1 => attempts().prop_map(PlayerCommand::from),
        1 => failures().prop_map(PlayerCommand::from),
        1 => ended,
        2 => releases().prop_map(PlayerCommand::from),
        1 => refused_assignments().prop_map(PlayerCommand::from),
        2 => refunds().prop_map(PlayerCommand::from),
        2 => chargebacks().prop_map(PlayerCommand::from),
        1 => reversals().prop_map(PlayerCommand::from),
        1 => write_offs().prop_map(PlayerCommand::from),
    ]
}

/// The id of a command on deposits, to be changed.
pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    Some(match command {
        PlayerCommand::InitiateDeposit(c) => &mut c.id,
        PlayerCommand::AttemptDeposit(c) => &mut c.id,
        PlayerCommand::FailDeposit(c) => &mut c.id,
        PlayerCommand::CancelDeposit(c) => &mut c.id,
        PlayerCommand::ExpireDeposit(c) => &mut c.id,
        PlayerCommand::RecordDeposit(c) => &mut c.id,
        PlayerCommand::ReleaseSuspense(c) => &mut c.id,
        PlayerCommand::RefundDeposit(c) => &mut c.id,
        PlayerCommand::Chargeback(c) => &mut c.id,
        PlayerCommand::ReverseChargeback(c) => &mut c.id,
        PlayerCommand::WriteOffDebt(c) => &mut c.id,
        _ => return None,
    })
}

fn started(command: &PlayerCommand) -> Option<&InitiateDeposit> {
    match command {
        PlayerCommand::InitiateDeposit(c) => Some(c),
        _ => None,
    }
}

fn captured(command: &PlayerCommand) -> Option<&RecordDeposit> {
    match command {
        PlayerCommand::RecordDeposit(c) => Some(c),
        _ => None,
    }
}

/// Aims a command at a deposit that was started or captured before it.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: Index) {
    let deposit = || earlier(all, at, captured);
    let intent =
        || earlier(all, at, started).map(|c| PaymentRef { source: c.source.clone(), id: c.id.clone() });
    match command {
        PlayerCommand::AttemptDeposit(c) => c.intent = intent().unwrap_or(c.intent.clone()),
        PlayerCommand::CancelDeposit(c) => c.intent = intent().unwrap_or(c.intent.clone()),
        PlayerCommand::ExpireDeposit(c) => c.intent = intent().unwrap_or(c.intent.clone()),
        PlayerCommand::RecordDeposit(c) => c.intent = c.intent.take().map(|own| intent().unwrap_or(own)),
        PlayerCommand::FailDeposit(c) => {
            let attempts = |command: &'_ PlayerCommand| match command {
                PlayerCommand::AttemptDeposit(attempt) => Some(attempt.clone()),
                _ => None,
            };
            match (&mut c.attempt, earlier(all, at, attempts)) {
                (Some(id), Some(attempt)) => {
                    *id = attempt.id;
                    c.intent = attempt.intent;
                    if let Some(payment) = &mut c.payment {
                        payment.source = attempt.psp;
                        payment.id = attempt.reference.unwrap_or(payment.id.clone());
                    }
                }
                _ => c.intent = intent().unwrap_or(c.intent.clone()),
            }
        }
        PlayerCommand::ReleaseSuspense(c) if c.house_item.is_none() => {
            if let Some(deposit) = deposit() {
                c.psp.clone_from(&deposit.source);
                c.reference.clone_from(&deposit.id);
            }
        }
        PlayerCommand::RefuseAssignment(c) => {
            // At what the house released, sooner or later, or at what came by itself.
            let released = |command: &'_ PlayerCommand| match command {
                PlayerCommand::ReleaseSuspense(release) if release.house_item.is_some() => {
                    Some((release.psp.clone(), release.reference.clone()))
                }
                PlayerCommand::RecordDeposit(deposit) => Some((deposit.source.clone(), deposit.id.clone())),
                _ => None,
            };
            if let Some((psp, reference)) = earlier(all, at, released) {
                (c.psp, c.reference) = (psp, reference);
            }
        }
        PlayerCommand::RefundDeposit(c) => {
            if let Some(deposit) = deposit() {
                c.source.clone_from(&deposit.source);
                c.deposit.clone_from(&deposit.id);
                c.currency = deposit.currency;
            }
        }
        PlayerCommand::Chargeback(c) => {
            if let Some(deposit) = deposit() {
                c.source.clone_from(&deposit.source);
                c.deposit.clone_from(&deposit.id);
                c.currency = deposit.currency;
            }
        }
        PlayerCommand::ReverseChargeback(c) => {
            let disputed = |command: &'_ PlayerCommand| match command {
                PlayerCommand::Chargeback(chargeback) => Some(chargeback.clone()),
                _ => None,
            };
            if let Some(chargeback) = earlier(all, at, disputed) {
                c.source = chargeback.source;
                c.deposit = chargeback.deposit;
                c.chargeback = chargeback.id;
                c.currency = chargeback.currency;
            }
        }
        _ => {}
    }
}
