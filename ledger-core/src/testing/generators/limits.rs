//! Limits of players, and policies that set some.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{currencies, txns};
use crate::controls::{ConfirmLimit, ExcludePlayer, ReturnFromExclusion, SetLimit};
use crate::ids::TransactionId;
use crate::player_ledger::PlayerCommand;
use crate::policy::{ControlPolicy, LimitRule, WeekStart};
use crate::stored::{ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow};
use crate::testing::commands;

fn windows() -> impl Strategy<Value = LimitWindow> {
    let periods = select(&[LimitPeriod::Day, LimitPeriod::Day, LimitPeriod::Week, LimitPeriod::Month][..]);
    let bases = select(&[LimitBasis::Rolling, LimitBasis::Calendar, LimitBasis::Anniversary][..]);
    (periods, bases).prop_map(|(period, basis)| LimitWindow { period, basis })
}

fn terms() -> impl Strategy<Value = LimitTerm> {
    use LimitKind::{Deposit, Loss, NetDeposit, NetLoss, SingleBet, Stake};
    let kinds = select(&[Deposit, NetDeposit, Stake, Loss, NetLoss, SingleBet][..]);
    (kinds, windows(), currencies()).prop_map(|(kind, window, currency)| LimitTerm {
        kind,
        currency,
        window: Some(window).filter(|_| kind != SingleBet),
    })
}

fn odd_terms() -> impl Strategy<Value = LimitTerm> {
    (terms(), option::of(windows())).prop_map(|(term, window)| LimitTerm { window, ..term })
}

fn sides() -> impl Strategy<Value = LimitSide> {
    use LimitSide::{Jurisdiction, Operator, Player};
    prop_oneof![12 => Just(Player), 4 => Just(Operator), 1 => Just(Jurisdiction)]
}

/// A command on limits.
pub(super) fn single() -> impl Strategy<Value = PlayerCommand> {
    let terms = || prop_oneof![20 => terms(), 1 => odd_terms()];
    let amounts = option::weighted(0.85, select(&["0", "10", "25", "100", "100", "250", "500", "0.005"][..]));
    let set = (txns(), sides(), terms(), amounts).prop_map(|(id, side, term, amount)| {
        let amount = amount.map(commands::decimal);
        SetLimit { id, side, amount, ..commands::limit("L", term, "0") }.into()
    });
    let confirm = (txns(), terms())
        .prop_map(|(id, term)| ConfirmLimit { id, ..commands::confirm_limit("L", term) }.into());
    // Clocks of tests begin in 2026; a time-out of a second is over soon.
    let ends =
        ["2026-01-01T00:00:08Z", "2026-01-01T00:00:30Z", "2026-01-20T00:00:00Z", "2026-08-01T00:00:00Z"];
    let ends = option::weighted(0.95, select(ends.to_vec()));
    let kinds = select(&[ExclusionKind::TimeOut, ExclusionKind::TimeOut, ExclusionKind::SelfExclusion][..]);
    let exclude = (txns(), kinds, ends).prop_map(|(id, kind, until)| {
        let until = until.map(|until| until.parse().expect("an instant"));
        ExcludePlayer { id, ..commands::exclude("E", kind, until) }.into()
    });
    let back = txns().prop_map(|id| ReturnFromExclusion { id, ..commands::come_back("B") }.into());
    prop_oneof![30 => set, 10 => confirm, 2 => exclude, 2 => back]
}

/// A limit is set, made higher, lower or lifted, and confirmed.
pub(super) fn tale() -> impl Strategy<Value = Vec<PlayerCommand>> {
    let amounts = || option::weighted(0.8, select(&["50", "100", "250"][..]));
    (terms(), amounts(), amounts()).prop_map(|(term, then, last)| {
        let set = |id: &str, amount: Option<&str>| -> PlayerCommand {
            let amount = amount.map(commands::decimal);
            SetLimit { amount, ..commands::limit(id, term, "0") }.into()
        };
        vec![
            set("YA", Some("100")),
            set("YB", then),
            commands::confirm_limit("YC", term).into(),
            set("YD", last),
            commands::confirm_limit("YE", term).into(),
        ]
    })
}

/// Aims a command at a limit that an earlier one set.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: prop::sample::Index) {
    let set = |command: &PlayerCommand| match command {
        PlayerCommand::SetLimit(c) => Some((c.side, c.term)),
        _ => None,
    };
    let Some((side, term)) = super::earlier(all, at, set) else { return };
    match command {
        PlayerCommand::SetLimit(c) => (c.side, c.term) = (side, term),
        PlayerCommand::ConfirmLimit(c) => c.term = term,
        _ => {}
    }
}

pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    match command {
        PlayerCommand::SetLimit(c) => Some(&mut c.id),
        PlayerCommand::ConfirmLimit(c) => Some(&mut c.id),
        PlayerCommand::ExcludePlayer(c) => Some(&mut c.id),
        PlayerCommand::ReturnFromExclusion(c) => Some(&mut c.id),
        _ => None,
    }
}

/// How limits are kept.
pub(super) fn policies() -> impl Strategy<Value = ControlPolicy> {
    let rules = (terms(), select(&["50", "100", "1000.009"][..]))
        .prop_map(|(term, amount)| LimitRule { term, amount: commands::decimal(amount) });
    // What is counted of the policy's limits begins with the player's first command; so does an anniversary of the model.
    let rules = rules.prop_filter("no anniversaries", |rule| {
        rule.term.window.is_none_or(|window| window.basis != LimitBasis::Anniversary)
    });
    let starts = select(&[WeekStart::Monday, WeekStart::Saturday, WeekStart::Sunday][..]);
    let raises = (select(&[0_u32, 3_600, 86_400][..]), any::<bool>(), any::<bool>());
    let rules = prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(rules, 1..3)];
    let card = crate::ids::MethodId::new("card").expect("an id");
    let others = (
        select(&[0_u8, 6][..]),
        option::weighted(0.1, 1..20_u32),
        prop_oneof![4 => Just(Vec::new()), 1 => Just(vec![card])],
    );
    (starts, raises, rules, others).prop_map(
        |(week_starts, (raise_after_secs, raise_after_window, raise_needs_confirmation), limits, others)| {
            let (months, seconds, forbidden_methods) = others;
            ControlPolicy {
                week_starts,
                raise_after_secs,
                raise_after_window,
                raise_needs_confirmation,
                limits,
                self_exclusion_min_months: months,
                return_after_secs: raise_after_secs,
                session_max_secs: seconds.map(|secs| secs * 4),
                reality_check_secs: seconds,
                forbidden_methods,
                ..ControlPolicy::DEFAULT
            }
        },
    )
}
