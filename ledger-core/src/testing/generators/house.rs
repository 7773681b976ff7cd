//! Histories of partitions of the house. Pools of ids are small, so that copies, reused keys, decisions on what is
//! decided and assignments of what is gone come by themselves.

use proptest::collection::{SizeRange, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::tournaments::Begun;
use crate::account::{AccountCode, Side};
use crate::house::{
    AccrueDuty, AccrueProviderFees, ActivateShapes, AssignSuspense, BookFxResult, CancelAssignment,
    ConfirmAssignment, ConvertedNet, DecideJournal, ExchangeFunds, HouseCommand, JournalPosting,
    ProposeJournal, PublishDocument, RecordChargebackLoss, RecoverBadDebt, RegisterCurrency, ReturnSuspense,
    SeedJackpot, SettleAuthority, SettleProvider, SettlePsp, SettlementLine, SuspendCapture, TransferFunds,
};
use crate::house::{
    AwardJackpot, ChangeJackpotStatus, ConfigureJackpot, SettleJackpotAward, SweepJackpot, SweepPart,
};
use crate::ids::{ActorId, SubAccount, TransactionId};
use crate::money::{Amount, BasisPoints, Currency, CurrencyCode, CurrencyRegistry};
use crate::policy::Policy;
use crate::stored::{
    AccrualDirection, AuthorityLine, BankAccount, Funds, FxDirection, LossDirection, PaymentRef,
    ProviderLine, PspLine, SeedMovement, SuspenseOrigin,
};
use crate::stored::{JackpotRate, JackpotStatus, JackpotTerms, SweepOrigin};
use crate::testing::{commands, house_commands};
use crate::time::{Day, Timestamp};

/// A step of a history: time passes, or a command comes.
#[derive(Debug, Clone)]
pub enum HouseStep {
    /// So many seconds pass.
    Wait(u32),
    /// A command comes.
    Command(Box<HouseCommand>),
}

/// The partitions that histories are about, one of each purpose and one for test money.
pub const HOUSES: [&str; 10] = [
    "psp/acme",
    "provider/prov",
    "authority/MT",
    "jackpot/mega",
    "tournament/cup",
    "treasury",
    "journal",
    "configuration",
    "currencies",
    "test/psp/acme",
];

pub(super) fn txns() -> impl Strategy<Value = TransactionId> {
    (1..=9_u8).prop_map(|n| commands::txn(&format!("H{n}")))
}

fn amounts() -> impl Strategy<Value = rust_decimal::Decimal> {
    let usual = select(&["10", "10.00", "5", "2.50", "25", "100", "7.77"][..]);
    let odd = select(&["0", "0.00", "0.005", "-1", "2000000000000", "1000000000000.001", "-0.00"][..]);
    prop_oneof![24 => usual, 2 => odd].prop_map(commands::decimal)
}

fn currencies() -> impl Strategy<Value = CurrencyCode> {
    // `XXX` is what ISO 4217 has for no currency: nobody registers it.
    prop_oneof![20 => Just("EUR"), 6 => Just("USD"), 2 => Just("JPY"), 1 => Just("XXX")]
        .prop_map(commands::currency)
}

pub(super) fn persons() -> impl Strategy<Value = ActorId> {
    prop_oneof![5 => Just("boris"), 1 => Just("anna")].prop_map(commands::person)
}

fn approvals() -> impl Strategy<Value = Option<ActorId>> {
    option::weighted(0.7, persons())
}

fn banks() -> impl Strategy<Value = BankAccount> {
    (select(&[Funds::Operating, Funds::Players][..]), select(&["main", "second"][..])).prop_map(
        |(funds, account)| BankAccount { funds, account: SubAccount::new(account).expect("a sub-account") },
    )
}

fn days() -> impl Strategy<Value = Day> {
    select(&["2026-01-01", "2026-01-31", "2026-02-28"][..]).prop_map(house_commands::day)
}

/// Lines, and what they come to, or nearly so.
fn settlements<L: Copy + std::fmt::Debug + 'static>(
    kinds: &'static [(L, i64)],
) -> impl Strategy<Value = (Vec<SettlementLine<L>>, rust_decimal::Decimal)> {
    let lines = vec((select(kinds), amounts()), 0..4);
    (lines, prop::bool::weighted(0.9)).prop_map(|(lines, fits)| {
        let sum = lines.iter().fold(rust_decimal::Decimal::ZERO, |sum, ((_, sign), amount)| {
            sum + rust_decimal::Decimal::from(*sign) * *amount
        });
        let lines = lines.into_iter().map(|((line, _), amount)| SettlementLine { line, amount }).collect();
        (lines, if fits { sum } else { sum + rust_decimal::Decimal::ONE })
    })
}

fn converted() -> impl Strategy<Value = Option<ConvertedNet>> {
    option::weighted(
        0.2,
        (amounts(), currencies()).prop_map(|(amount, currency)| ConvertedNet { amount, currency }),
    )
}

fn psp_settlements() -> impl Strategy<Value = SettlePsp> {
    const LINES: &[(PspLine, i64)] = &[
        (PspLine::Payments, 1),
        (PspLine::Payments, 1),
        (PspLine::PayoutReturns, 1),
        (PspLine::ChargebackReversals, 1),
        (PspLine::ReserveReleased, 1),
        (PspLine::Refunds, -1),
        (PspLine::Payouts, -1),
        (PspLine::Chargebacks, -1),
        (PspLine::ChargebackFees, -1),
        (PspLine::Fees, -1),
        (PspLine::ReserveHeld, -1),
        (PspLine::ReserveHeld, -1),
    ];
    (txns(), days(), banks(), currencies(), settlements(LINES), converted(), persons()).prop_map(
        |(batch, value_date, bank, currency, (lines, net), converted, by)| SettlePsp {
            batch,
            value_date,
            bank,
            currency,
            lines,
            net,
            converted,
            by,
        },
    )
}

fn losses() -> impl Strategy<Value = RecordChargebackLoss> {
    let direction = select(&[LossDirection::Taken, LossDirection::Taken, LossDirection::Returned][..]);
    (txns(), direction, amounts(), currencies(), option::weighted(0.3, amounts())).prop_map(
        |(reference, direction, amount, currency, fee)| RecordChargebackLoss {
            reference,
            direction,
            amount,
            currency,
            fee,
            ..house_commands::lose_chargeback("-", "1")
        },
    )
}

fn captures() -> impl Strategy<Value = SuspendCapture> {
    let origin = select(&[SuspenseOrigin::Capture, SuspenseOrigin::PayoutReturn][..]);
    (txns(), origin, amounts(), currencies()).prop_map(|(reference, origin, amount, currency)| {
        SuspendCapture { reference, origin, amount, currency, authorisation: None }
    })
}

fn assignments() -> impl Strategy<Value = AssignSuspense> {
    (txns(), txns(), select(&["p1", "p2"][..]), persons()).prop_map(|(id, reference, player, approved_by)| {
        AssignSuspense { id, reference, approved_by, ..house_commands::assign("-", "-", player) }
    })
}

fn assigned() -> impl Strategy<Value = PaymentRef> {
    txns().prop_map(|id| house_commands::assignment(id.as_str()))
}

fn confirmations() -> impl Strategy<Value = ConfirmAssignment> {
    (txns(), txns(), assigned()).prop_map(|(id, reference, assignment)| ConfirmAssignment {
        id,
        reference,
        assignment,
        ..house_commands::confirm("-", "-", "-")
    })
}

fn cancellations() -> impl Strategy<Value = CancelAssignment> {
    (txns(), txns(), assigned(), persons()).prop_map(|(id, reference, assignment, approved_by)| {
        CancelAssignment {
            id,
            reference,
            assignment,
            approved_by,
            ..house_commands::cancel_assignment("-", "-", "-")
        }
    })
}

fn returns() -> impl Strategy<Value = ReturnSuspense> {
    (txns(), txns(), persons()).prop_map(|(id, reference, approved_by)| ReturnSuspense {
        id,
        reference,
        approved_by,
        ..house_commands::return_item("-", "-")
    })
}

fn directions() -> impl Strategy<Value = AccrualDirection> {
    select(&[AccrualDirection::Charge, AccrualDirection::Charge, AccrualDirection::Credit][..])
}

fn fee_accruals() -> impl Strategy<Value = AccrueProviderFees> {
    (txns(), directions(), days(), days(), amounts(), currencies()).prop_map(
        |(id, direction, from, to, amount, currency)| AccrueProviderFees {
            id,
            direction,
            from,
            to,
            amount,
            currency,
            ..house_commands::accrue_fees("-", "1")
        },
    )
}

fn provider_settlements() -> impl Strategy<Value = SettleProvider> {
    const LINES: &[(ProviderLine, i64)] = &[
        (ProviderLine::Jackpots, 1),
        (ProviderLine::Promotions, 1),
        (ProviderLine::Fees, -1),
        (ProviderLine::Contributions, -1),
        (ProviderLine::Tips, -1),
    ];
    (txns(), banks(), currencies(), settlements(LINES), converted(), approvals()).prop_map(
        |(statement, bank, currency, (lines, net), converted, approved_by)| SettleProvider {
            statement,
            bank,
            currency,
            lines,
            net,
            converted,
            approved_by,
            ..house_commands::settle_provider("-", &[], "0")
        },
    )
}

fn duty_accruals() -> impl Strategy<Value = AccrueDuty> {
    (txns(), directions(), days(), days(), amounts(), currencies()).prop_map(
        |(id, direction, from, to, amount, currency)| AccrueDuty {
            id,
            direction,
            from,
            to,
            amount,
            currency,
            ..house_commands::accrue_duty("-", "1")
        },
    )
}

fn authority_settlements() -> impl Strategy<Value = SettleAuthority> {
    const LINES: &[(AuthorityLine, i64)] =
        &[(AuthorityLine::DutyRefunds, 1), (AuthorityLine::Duty, -1), (AuthorityLine::WithheldTax, -1)];
    (txns(), banks(), currencies(), settlements(LINES), converted(), approvals()).prop_map(
        |(statement, bank, currency, (lines, net), converted, approved_by)| SettleAuthority {
            statement,
            bank,
            currency,
            lines,
            net,
            converted,
            approved_by,
            ..house_commands::settle_authority("-", &[], "0")
        },
    )
}

fn treasury() -> impl Strategy<Value = HouseCommand> {
    let transfers = (txns(), banks(), banks(), amounts(), currencies(), approvals()).prop_map(
        |(id, from, to, amount, currency, approved_by)| TransferFunds {
            id,
            from,
            to,
            amount,
            currency,
            approved_by,
            ..house_commands::cover("-", "1")
        },
    );
    let exchanges = (txns(), amounts(), currencies(), amounts(), currencies(), persons()).prop_map(
        |(id, given, given_currency, received, received_currency, approved_by)| ExchangeFunds {
            id,
            given,
            given_currency,
            received,
            received_currency,
            approved_by,
            ..house_commands::exchange_funds("-", "1", "1")
        },
    );
    let results = (txns(), select(&[FxDirection::Gain, FxDirection::Loss][..]), amounts(), currencies())
        .prop_map(|(id, direction, amount, currency)| BookFxResult {
            id,
            amount,
            currency,
            ..house_commands::fx_result("-", direction, "1")
        });
    let recoveries = (txns(), banks(), amounts(), currencies()).prop_map(|(id, bank, amount, currency)| {
        RecoverBadDebt { id, bank, amount, currency, ..house_commands::recover_debt("-", "1") }
    });
    prop_oneof![
        transfers.prop_map(HouseCommand::from),
        exchanges.prop_map(HouseCommand::from),
        results.prop_map(HouseCommand::from),
        recoveries.prop_map(HouseCommand::from),
    ]
}

fn seeds() -> impl Strategy<Value = SeedJackpot> {
    let movement =
        select(&[SeedMovement::CostToPool, SeedMovement::CostToReserve, SeedMovement::ReserveToPool][..]);
    (txns(), movement, amounts(), currencies(), persons()).prop_map(
        |(id, movement, amount, currency, approved_by)| SeedJackpot {
            id,
            amount,
            currency,
            approved_by,
            ..house_commands::seed("-", movement, "1")
        },
    )
}

fn fine_amounts() -> impl Strategy<Value = rust_decimal::Decimal> {
    let usual = select(&["10", "0.0025", "333.333333", "1000", "-5.5", "25.999999", "0"][..]);
    let odd = select(&["0.0000001", "-1000", "2000000000000"][..]);
    prop_oneof![24 => usual, 1 => odd].prop_map(commands::decimal)
}

fn rates() -> impl Strategy<Value = JackpotRate> {
    let share = |points| JackpotRate::Share(BasisPoints::new(points).expect("few"));
    let fixed = |text: &str| JackpotRate::Fixed(text.parse().expect("an amount"));
    select(vec![share(100), share(1), share(10_000), share(10_001), fixed("0.005000"), fixed("1.00")])
}

fn jackpot_terms() -> impl Strategy<Value = JackpotTerms> {
    let whole = |text: &str| text.parse::<Amount>().expect("an amount");
    let limit = |texts: &'static [&'static str]| option::weighted(0.5, select(texts).prop_map(whole));
    let seeds = select(&["100.00", "100.00", "5.00", "0.00", "1000.00", "1.000", "-1.00"][..]);
    let overflow = option::weighted(0.5, select(&["mini", "mini", "mega"][..]));
    let diversion = select(&[0_u32, 0, 2_500, 10_000, 10_001][..]);
    let limits = (limit(&["500.00", "2000.00", "50.00"]), limit(&["300.00", "1500.00"]));
    (limits, seeds, overflow, diversion, rates(), option::weighted(0.1, rates())).prop_map(
        move |((must_hit_by, ceiling), seed, overflow, diversion, rate, own)| JackpotTerms {
            seed: whole(seed),
            must_hit_by,
            ceiling,
            // Mostly it is there only where it may be.
            overflow: overflow
                .filter(|_| ceiling.is_some() || diversion == 10_000)
                .map(house_commands::jackpot),
            diversion: BasisPoints::new(diversion).expect("few"),
            rate,
            games: own.map(|rate| (commands::game("game"), rate)).into_iter().collect(),
            ..house_commands::jackpot_terms("1.00")
        },
    )
}

fn configurations() -> impl Strategy<Value = ConfigureJackpot> {
    let usual =
        prop_oneof![20 => Just("EUR"), 1 => Just("USD"), 1 => Just("XXX")].prop_map(commands::currency);
    (txns(), jackpot_terms(), usual, persons()).prop_map(|(id, terms, currency, approved_by)| {
        ConfigureJackpot {
            approved_by,
            ..house_commands::configure(id.as_str(), JackpotTerms { currency, ..terms })
        }
    })
}

fn jackpot_changes() -> impl Strategy<Value = ChangeJackpotStatus> {
    use JackpotStatus::{Closed, Open, Suspended};
    let status = select(&[Open, Open, Open, Open, Open, Suspended, Suspended, Suspended, Closed][..]);
    let target = option::weighted(0.9, select(&["mini", "mini", "mini", "mega"][..]));
    (txns(), status, target, prop::bool::weighted(0.05), persons()).prop_map(
        |(id, status, target, odd, approved_by)| ChangeJackpotStatus {
            moves_to: target.filter(|_| (status == Closed) != odd).map(house_commands::jackpot),
            approved_by,
            ..house_commands::jackpot_status(id.as_str(), status)
        },
    )
}

fn sweeps() -> impl Strategy<Value = SweepJackpot> {
    let origin = prop_oneof![
        3 => (0..3_u16).prop_map(SweepOrigin::Shard),
        1 => Just(SweepOrigin::Jackpot(house_commands::jackpot("mini"))),
    ];
    let drawn = prop_oneof![6 => Just("0"), 1 => Just("12.50"), 1 => Just("-1")].prop_map(commands::decimal);
    let part = (currencies(), fine_amounts(), drawn);
    let part = part.prop_map(|(currency, contributed, drawn)| SweepPart { currency, contributed, drawn });
    (origin, 0..2_u64, 0..3_u64, vec(part, 0..3)).prop_map(|(origin, after, more, parts)| SweepJackpot {
        origin,
        after,
        up_to: after + more,
        parts,
    })
}

fn jackpot_awards() -> impl Strategy<Value = AwardJackpot> {
    (select(&["p1", "p2"][..]), txns(), currencies()).prop_map(|(player, claim, currency)| AwardJackpot {
        currency,
        ..house_commands::award(player, claim.as_str())
    })
}

fn award_settlements() -> impl Strategy<Value = SettleJackpotAward> {
    (1..6_u64, prop::bool::weighted(0.6)).prop_map(|(award, paid)| {
        if paid { house_commands::award_paid(award, 7) } else { house_commands::award_refused(award) }
    })
}

fn jackpot_commands() -> impl Strategy<Value = HouseCommand> {
    prop_oneof![
        3 => seeds().prop_map(HouseCommand::from),
        4 => configurations().prop_map(HouseCommand::from),
        2 => jackpot_changes().prop_map(HouseCommand::from),
        9 => sweeps().prop_map(HouseCommand::from),
        6 => jackpot_awards().prop_map(HouseCommand::from),
        4 => award_settlements().prop_map(HouseCommand::from),
    ]
}

/// Two legs that mostly balance, on any accounts.
fn journals() -> impl Strategy<Value = ProposeJournal> {
    let free: Vec<AccountCode> = AccountCode::ALL.iter().copied().filter(|code| code.is_free()).collect();
    let account = prop_oneof![9 => select(free), 1 => select(AccountCode::ALL)];
    let leg = |side: Side| {
        let of = option::weighted(0.03, Just(()));
        (account.clone(), of).prop_map(move |(account, odd)| {
            let of = account.per().is_some() != odd.is_some();
            let of = of.then(|| SubAccount::new("main").expect("a sub-account"));
            JournalPosting {
                side,
                account,
                of,
                amount: rust_decimal::Decimal::ONE,
                currency: commands::currency("EUR"),
            }
        })
    };
    let legs = (leg(Side::Debit), leg(Side::Credit), amounts(), currencies(), prop::bool::weighted(0.95));
    (txns(), legs, persons()).prop_map(|(id, (debit, credit, amount, currency, fits), by)| {
        let mut postings = vec![debit, credit];
        for posting in &mut postings {
            (posting.amount, posting.currency) = (amount, currency);
        }
        if !fits {
            postings.truncate(1);
        }
        ProposeJournal { id, postings, by, ..house_commands::propose_journal("-", Vec::new()) }
    })
}

fn journal_decisions() -> impl Strategy<Value = DecideJournal> {
    (txns(), txns(), persons(), prop::bool::weighted(0.7)).prop_map(|(id, proposal, by, approve)| {
        DecideJournal { id, proposal, by, approve, ..house_commands::approve_journal("-", "-") }
    })
}

fn registrations() -> impl Strategy<Value = RegisterCurrency> {
    let registry = CurrencyRegistry::standard();
    (select(&["EUR", "USD", "JPY"][..]), prop::bool::weighted(0.8)).prop_map(move |(code, usual)| {
        let code = commands::currency(code);
        let currency = *registry.get(code).expect("a standard currency");
        let other = Amount::new(1, currency.scale()).expect("an amount");
        let odd = Currency::new(code, currency.scale(), other).expect("a currency");
        RegisterCurrency { currency: if usual { currency } else { odd } }
    })
}

fn publications() -> impl Strategy<Value = PublishDocument> {
    let from = option::weighted(0.6, select(&[0_i64, 30, 60, 90, 3_600][..]));
    let kinds = prop_oneof![12 => Just(("policy", "default")), 1 => Just(("policy", "other")), 1 => Just(("terms", "a"))];
    (txns(), kinds, super::policies(), from, option::weighted(0.2, 0..4_u64), persons()).prop_map(
        |(id, (kind, name), mut policy, from, expected, approved_by)| {
            // Scopes of keys that change are refused; mostly they do not.
            if policy.deposits.intent_ttl_secs % 3 != 0 {
                policy.default.key_scope = crate::policy::KeyScope::PerKind;
                policy.sources.clear();
            }
            let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
            let at =
                |secs: i64| Timestamp::from_micros(start.as_micros() + secs * 1_000_000).expect("an instant");
            let of_policy = house_commands::publish_policy("-", &policy);
            let content = of_policy.content.as_str().to_owned();
            PublishDocument {
                id,
                effective_from: from.map(at),
                expected,
                approved_by,
                ..house_commands::publish("-", kind, name, &content)
            }
        },
    )
}

/// Of levels that are active already, of those to come, and of those that no build knows.
fn activations() -> impl Strategy<Value = ActivateShapes> {
    (0_u16..4).prop_map(house_commands::activate)
}

fn psp_commands() -> impl Strategy<Value = HouseCommand> {
    prop_oneof![
        4 => psp_settlements().prop_map(HouseCommand::from),
        2 => losses().prop_map(HouseCommand::from),
        4 => captures().prop_map(HouseCommand::from),
        5 => assignments().prop_map(HouseCommand::from),
        3 => confirmations().prop_map(HouseCommand::from),
        4 => cancellations().prop_map(HouseCommand::from),
        2 => returns().prop_map(HouseCommand::from),
    ]
}

fn any_command() -> impl Strategy<Value = HouseCommand> {
    prop_oneof![
        psp_commands(),
        fee_accruals().prop_map(HouseCommand::from),
        provider_settlements().prop_map(HouseCommand::from),
        duty_accruals().prop_map(HouseCommand::from),
        authority_settlements().prop_map(HouseCommand::from),
        jackpot_commands(),
        super::tournaments::tournament_commands(),
        treasury(),
        journals().prop_map(HouseCommand::from),
        journal_decisions().prop_map(HouseCommand::from),
        publications().prop_map(HouseCommand::from),
        activations().prop_map(HouseCommand::from),
        registrations().prop_map(HouseCommand::from),
    ]
}

/// The commands of one partition.
fn commands_of(house: &str) -> BoxedStrategy<HouseCommand> {
    let name = house.trim_start_matches("test/");
    match name.split('/').next().unwrap_or_default() {
        "psp" => psp_commands().boxed(),
        "provider" => prop_oneof![
            3 => fee_accruals().prop_map(HouseCommand::from),
            4 => provider_settlements().prop_map(HouseCommand::from),
        ]
        .boxed(),
        "authority" => prop_oneof![
            3 => duty_accruals().prop_map(HouseCommand::from),
            4 => authority_settlements().prop_map(HouseCommand::from),
        ]
        .boxed(),
        "jackpot" => jackpot_commands().boxed(),
        "tournament" => super::tournaments::tournament_commands().boxed(),
        "treasury" => treasury().boxed(),
        "journal" => prop_oneof![
            journals().prop_map(HouseCommand::from),
            journal_decisions().prop_map(HouseCommand::from),
        ]
        .boxed(),
        "configuration" => prop_oneof![
            12 => publications().prop_map(HouseCommand::from),
            1 => activations().prop_map(HouseCommand::from),
        ]
        .boxed(),
        _ => registrations().prop_map(HouseCommand::from).boxed(),
    }
}

/// One of the earlier commands that `pick` finds something in.
pub(super) fn earlier<T>(
    all: &[HouseCommand],
    at: Index,
    pick: impl Fn(&HouseCommand) -> Option<T>,
) -> Option<T> {
    let mut found: Vec<T> = all.iter().filter_map(pick).collect();
    if found.is_empty() { None } else { Some(found.swap_remove(at.index(found.len()))) }
}

fn captured(command: &HouseCommand) -> Option<TransactionId> {
    match command {
        HouseCommand::SuspendCapture(c) => Some(c.reference.clone()),
        _ => None,
    }
}

fn assigned_by(command: &HouseCommand) -> Option<(TransactionId, TransactionId)> {
    match command {
        HouseCommand::AssignSuspense(c) => Some((c.id.clone(), c.reference.clone())),
        _ => None,
    }
}

/// Aims a command at something that came before it.
fn aim(command: &mut HouseCommand, all: &[HouseCommand], at: Index) {
    let proposed = |command: &HouseCommand| match command {
        HouseCommand::ProposeJournal(c) => Some(c.id.clone()),
        _ => None,
    };
    match command {
        HouseCommand::AssignSuspense(c) => {
            c.reference = earlier(all, at, captured).unwrap_or(c.reference.clone());
        }
        HouseCommand::ReturnSuspense(c) => {
            c.reference = earlier(all, at, captured).unwrap_or(c.reference.clone());
        }
        HouseCommand::ConfirmAssignment(c) => {
            if let Some((id, reference)) = earlier(all, at, assigned_by) {
                (c.reference, c.assignment) = (reference, house_commands::assignment(id.as_str()));
            }
        }
        HouseCommand::CancelAssignment(c) => {
            if let Some((id, reference)) = earlier(all, at, assigned_by) {
                (c.reference, c.assignment) = (reference, house_commands::assignment(id.as_str()));
            }
        }
        // A sweep goes on where one before it ended.
        HouseCommand::SweepJackpot(c) => {
            let swept = |command: &HouseCommand| match command {
                HouseCommand::SweepJackpot(c) => Some((c.origin.clone(), c.up_to)),
                _ => None,
            };
            if let Some((origin, up_to)) = earlier(all, at, swept) {
                let more = c.up_to - c.after;
                (c.origin, c.after, c.up_to) = (origin, up_to, up_to + more);
            }
        }
        HouseCommand::OpenTournament(_)
        | HouseCommand::ReleaseTournamentEntry(_)
        | HouseCommand::ScoreTournament(_) => super::tournaments::aim(command, all, at),
        HouseCommand::DecideJournal(c) => {
            c.proposal = earlier(all, at, proposed).unwrap_or(c.proposal.clone());
        }
        _ => {}
    }
}

fn fresh_id(command: &mut HouseCommand) -> Option<&mut TransactionId> {
    Some(match command {
        HouseCommand::RegisterCurrency(_)
        | HouseCommand::ActivateShapes(_)
        | HouseCommand::SweepJackpot(_)
        | HouseCommand::SettleJackpotAward(_)
        | HouseCommand::ReleaseTournamentEntry(_)
        | HouseCommand::ScoreTournament(_)
        | HouseCommand::EndTournament(_)
        | HouseCommand::CloseTournament(_)
        | HouseCommand::RankTournament(_)
        | HouseCommand::SettleTournamentPrize(_) => return None,
        HouseCommand::ConfigureTournament(c) => &mut c.id,
        HouseCommand::OpenTournament(c) => &mut c.id,
        HouseCommand::CancelTournament(c) => &mut c.id,
        HouseCommand::TakeTournamentEntry(c) => &mut c.of.id,
        HouseCommand::ConfigureJackpot(c) => &mut c.id,
        HouseCommand::ChangeJackpotStatus(c) => &mut c.id,
        HouseCommand::AwardJackpot(c) => &mut c.claim.id,
        HouseCommand::PublishDocument(c) => &mut c.id,
        HouseCommand::SettlePsp(c) => &mut c.batch,
        HouseCommand::RecordChargebackLoss(c) => &mut c.reference,
        HouseCommand::SuspendCapture(c) => &mut c.reference,
        HouseCommand::AssignSuspense(c) => &mut c.id,
        HouseCommand::ConfirmAssignment(c) => &mut c.id,
        HouseCommand::CancelAssignment(c) => &mut c.id,
        HouseCommand::ReturnSuspense(c) => &mut c.id,
        HouseCommand::AccrueProviderFees(c) => &mut c.id,
        HouseCommand::SettleProvider(c) => &mut c.statement,
        HouseCommand::AccrueDuty(c) => &mut c.id,
        HouseCommand::SettleAuthority(c) => &mut c.statement,
        HouseCommand::TransferFunds(c) => &mut c.id,
        HouseCommand::ExchangeFunds(c) => &mut c.id,
        HouseCommand::BookFxResult(c) => &mut c.id,
        HouseCommand::RecoverBadDebt(c) => &mut c.id,
        HouseCommand::SeedJackpot(c) => &mut c.id,
        HouseCommand::ProposeJournal(c) => &mut c.id,
        HouseCommand::DecideJournal(c) => &mut c.id,
    })
}

/// Histories of one partition of the house: mostly commands that are its own, many of them aimed at what came
/// before, about one in eight an earlier one again. Time passes now and then.
pub fn house_histories(
    house: &'static str,
    len: impl Into<SizeRange>,
) -> impl Strategy<Value = Vec<HouseStep>> {
    let command = prop_oneof![19 => commands_of(house), 1 => any_command().boxed()];
    // A tournament takes hours.
    let longest = if house.contains("tournament/") { 3_700_u32 } else { 39 };
    let waits = prop_oneof![2 => 1..40_u32, 1 => Just(longest)];
    let bend = (
        option::weighted(0.12, any::<Index>()),
        option::weighted(0.8, any::<Index>()),
        prop::bool::weighted(0.7),
        option::weighted(0.2, waits),
    );
    let far = select(&[Begun::Open, Begun::Open, Begun::Played, Begun::Closed][..]);
    let begun = (option::weighted(0.8, jackpot_terms()), super::tournaments::sound_terms(), far);
    (begun, vec((command, bend), len)).prop_map(move |((begun, cup, far), steps)| {
        let sent = |command| HouseStep::Command(Box::new(command));
        // Most jackpots and tournaments are there before anything comes.
        let mut history: Vec<HouseStep> = match begun {
            Some(_) if house.contains("tournament/") => super::tournaments::begun(&cup, far),
            Some(terms) if house.contains("jackpot/") => vec![
                sent(house_commands::seed("B1", SeedMovement::CostToPool, "1000").into()),
                sent(house_commands::configure("B2", terms).into()),
            ],
            _ => Vec::new(),
        };
        let commands = history.iter().filter_map(|step| match step {
            HouseStep::Command(command) => Some(command.as_ref().clone()),
            HouseStep::Wait(_) => None,
        });
        let mut all: Vec<HouseCommand> = commands.collect();
        for (step, (mut command, (again, target, fresh, wait))) in steps.into_iter().enumerate() {
            if let Some(at) = target {
                aim(&mut command, &all, at);
            }
            if let Some(id) = fresh_id(&mut command).filter(|_| fresh) {
                *id = commands::txn(&format!("N{step}"));
            }
            let repeated =
                again.filter(|_| !all.is_empty()).and_then(|at| all.get(at.index(all.len())).cloned());
            let command = repeated.unwrap_or(command);
            all.push(command.clone());
            history.extend(wait.map(HouseStep::Wait));
            history.push(sent(command));
        }
        history
    })
}

/// A partition of the house with a history of it, and the policy of the settings.
pub fn house_runs(
    len: impl Into<SizeRange> + Clone,
) -> impl Strategy<Value = (&'static str, Policy, Vec<HouseStep>)> {
    let len: SizeRange = len.into();
    select(&HOUSES[..]).prop_flat_map(move |house| {
        (Just(house), Just(Policy::default()), house_histories(house, len.clone()))
    })
}
