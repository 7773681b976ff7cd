//! Golden samples of bonuses: one of each of their events, and of every other event that has shares of awards.

use crate::goldens::{amount, compare, dir, record};
use ledger_core::stored::{
    BonusActivated, BonusCompleting, BonusConverted, BonusExpired, BonusForfeited, BonusIssued, BonusLost,
    BonusOffered, BonusReleased, BonusResumed, Event, EventRecord, ForfeitReason, PointsAdjusted,
    PointsEarned, PointsExpired, PointsSpent, ProgressChange, TransactionRef, WagerProgressUpdated,
    WagerReversalIgnored,
};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{BonusTerms, ContentHash, MaxConversion, OperationKind, PlayerCommand, Policy};

pub(crate) const DIGESTS: &str = "digests.bonuses.v1.json";
pub(crate) const FEATURE_DIGESTS: &str = "digests.bonuses.features.v1.json";

/// Terms with every field there.
fn terms() -> BonusTerms {
    let mut terms = BonusTerms {
        max_conversion: Some(MaxConversion::Times { times: commands::basis_points(50_000) }),
        min_to_terminate: [(commands::currency("EUR"), amount("0.10"))].into(),
        expires_after_secs: Some(604_800),
        ..commands::bonus_terms(35)
    };
    terms.funds = ledger_core::FundOrder::BonusFirst;
    terms.wagering.base = ledger_core::WageringBase::DepositAndBonus;
    terms.weights.excluded_games = [commands::game("coins")].into();
    terms.weights.excluded_types = [commands::game_type("poker")].into();
    terms.weights.games = [(commands::game("crash"), commands::basis_points(500))].into();
    terms.weights.types = [(commands::game_type("slots"), commands::basis_points(10_000))].into();
    terms.weights.others = Some(commands::basis_points(1_000));
    terms
}

/// One event of every type of bonuses, every optional field there.
pub(crate) fn samples() -> Vec<EventRecord> {
    let (stream, source, round) = ("bonus/p1/crm/A", commands::source("prov"), commands::round("R"));
    let at = Some("2026-01-08T00:00:00Z".parse().unwrap());
    let points = |id: &str, kind: OperationKind| TransactionRef {
        source: commands::source("crm"),
        kind,
        id: commands::txn(id),
    };
    let all = vec![
        Event::BonusIssued(BonusIssued {
            campaign: commands::sub_account("welcome"),
            name: commands::terms_name("welcome"),
            hash: ContentHash::of(b"terms"),
            terms: Box::new(terms()),
            currency: commands::currency("EUR"),
            amount: amount("50.00"),
            target: amount("5250.00"),
            max_bet: None,
            deposit: Some(commands::payment("D1")),
            deposited: Some(amount("100.00")),
            cashback: None,
            reactivates: Some(commands::award("A0")),
            queued: true,
            expires_at: at,
            entry: Some(2),
        }),
        Event::BonusActivated(BonusActivated { expires_at: at, entry: 3 }),
        Event::WagerProgressUpdated(WagerProgressUpdated {
            source: source.clone(),
            round: round.clone(),
            bet: commands::txn("T1"),
            change: ProgressChange::Counted,
            amount: amount("8.00"),
            progress: amount("8.00"),
        }),
        Event::WagerReversalIgnored(WagerReversalIgnored {
            award: commands::award("A"),
            source,
            round,
            bet: commands::txn("T1"),
            amount: amount("8.00"),
        }),
        Event::BonusCompleting(BonusCompleting { held: amount("4.00") }),
        Event::BonusResumed(BonusResumed { progress: amount("5242.00") }),
        Event::BonusConverted(BonusConverted {
            converted: amount("250.00"),
            forfeited: Some(amount("160.00")),
            entry: 9,
        }),
        Event::BonusLost(BonusLost { forfeited: Some(amount("0.09")), entry: Some(9) }),
        Event::BonusExpired(BonusExpired { amount: amount("30.00"), entry: Some(9) }),
        Event::BonusForfeited(BonusForfeited {
            txn: Some(TransactionRef {
                source: commands::source("crm"),
                kind: OperationKind::BonusForfeit,
                id: commands::txn("F1"),
            }),
            reason: ForfeitReason::Operator,
            by: Some(commands::person("ann")),
            amount: amount("30.00"),
            entry: Some(9),
        }),
        Event::BonusReleased(BonusReleased { amount: amount("2.00"), released: amount("8.00"), entry: 9 }),
        Event::BonusOffered(BonusOffered {
            campaign: commands::sub_account("welcome"),
            name: commands::terms_name("welcome"),
            hash: ContentHash::of(b"terms"),
            terms: Box::new(terms()),
            currency: commands::currency("EUR"),
            scale: 2,
            amount: Some(amount("50.00")),
            expires_at: at,
        }),
        Event::PointsEarned(PointsEarned {
            txn: points("gold@EUR@2025-12-01T00:00:00.000000Z", OperationKind::PointsEarn),
            programme: commands::programme("gold"),
            terms: ContentHash::of(b"terms"),
            currency: commands::currency("EUR"),
            base: ledger_core::stored::CashbackBase {
                from: "2025-12-01T00:00:00Z".parse().unwrap(),
                to: "2026-01-01T00:00:00Z".parse().unwrap(),
                lines: vec![ledger_core::stored::CashbackLine {
                    product: commands::game_type("slots"),
                    stakes: amount("1000.00"),
                    wins: amount("900.00"),
                    rounds: 12,
                }],
                bonus_wins: amount("5.00"),
            },
            points: 100,
            balance: 120,
        }),
        Event::PointsSpent(PointsSpent {
            txn: points("S1", OperationKind::PointsSpend),
            programme: commands::programme("gold"),
            points: 100,
            balance: 20,
            currency: commands::currency("EUR"),
            amount: amount("5.00"),
            award: commands::award("S1"),
        }),
        Event::PointsAdjusted(PointsAdjusted {
            txn: points("A1", OperationKind::PointsAdjust),
            programme: commands::programme("gold"),
            points: -5,
            balance: 15,
            by: commands::person("anna"),
            approved_by: commands::person("berta"),
            reason: ledger_core::Reason::new("counted twice").unwrap(),
        }),
        Event::PointsExpired(PointsExpired {
            txn: points("E1", OperationKind::PointsExpire),
            programme: commands::programme("gold"),
            points: 15,
        }),
    ];
    let versioned = (1..).zip(all);
    let stream = |event: &Event| {
        let of_player = matches!(
            event,
            Event::WagerReversalIgnored(_)
                | Event::PointsEarned(_)
                | Event::PointsSpent(_)
                | Event::PointsAdjusted(_)
                | Event::PointsExpired(_)
        );
        if of_player { "player/p1" } else { stream }
    };
    versioned.map(|(version, event)| record(stream(&event), version, event)).collect()
}

/// The last event of a type that a scenario recorded.
fn last(scenario: &Scenario, name: &str) -> EventRecord {
    let found = scenario.ledger().events().filter(|record| record.event.type_name() == name).last();
    found.unwrap_or_else(|| panic!("{name} was not recorded")).clone()
}

/// Events of before there were bonuses, with the shares of awards.
pub(crate) fn shares() -> Vec<EventRecord> {
    let mixed = || {
        let player = given().cash("6.00").terms("welcome", commands::bonus_terms(35));
        player.when(commands::grant_bonus("A", "20")).bet("T1", "R", "10").applied()
    };
    let forfeited = || mixed().when(commands::forfeit_bonus("F1", "A")).applied();
    let won = || mixed().win_close("W1", "R", "25");
    let lost = || won().when(commands::forfeit_bonus("F1", "A"));
    let capped = || {
        let mut terms = commands::bonus_terms(35);
        terms.max_bet.amounts = [(commands::currency("EUR"), amount("5.00"))].into();
        terms.max_bet.of_deposit = Some(commands::basis_points(1_000));
        terms.max_bet.above = ledger_core::AboveMaxBet::CashOnly;
        terms.buy_feature = true;
        let deposit = Some(commands::payment("D1"));
        let grant = ledger_core::GrantBonus { deposit, ..commands::grant_bonus("A", "20") };
        given().terms("welcome", terms).when(commands::deposit("D1", "33.33")).when(grant).applied()
    };
    let cases = vec![
        (capped(), "bonus.issued"),
        (mixed(), "entry.posted"),
        (mixed(), "bet.placed"),
        (forfeited().win("W1", "R", "25"), "win.credited"),
        (won(), "bet.settled"),
        (mixed().when(commands::cash_out_part("K1", "R", "T1", "6", "5")), "bet.cashed_out"),
        (mixed().when(commands::rollback_part("X1", "T1", "2.50")), "bet.returned"),
        (mixed().rollback("X1", "T1"), "bet.rolled_back"),
        (forfeited().void_bet("V1", "R", "T1"), "bet.voided"),
        (forfeited().void_round("V1", "R"), "round.voided"),
        (won().when(commands::resettle("S1", "R", "12.50")), "bet.resettled"),
        (won().when(commands::unsettle("U1", "R", "T1")), "bet.unsettled"),
        (lost().when(commands::void_settled_bet("V1", "R", "T1")), "settlement.voided"),
        (won().rollback_win("X1", "W1"), "win.rolled_back"),
        (won().rollback_win("X1", "W1"), "round.reopened"),
    ];
    cases.iter().map(|(scenario, name)| last(scenario, name)).collect()
}

pub(crate) fn file(record: &EventRecord) -> String {
    format!("{}.v{}.bonus.json", record.event.type_name(), record.event.schema())
}

#[test]
fn shares_of_awards_are_written_as_they_always_were() {
    for record in shares() {
        let path = dir("tests/golden").join(file(&record));
        compare(&path, &serde_json::to_string(&record).unwrap()).unwrap();
        let stored = std::fs::read_to_string(path).unwrap();
        assert_eq!(serde_json::from_str::<EventRecord>(&stored).unwrap(), record);
    }
}

#[test]
fn digests_of_bonuses_are_what_they_always_were() {
    let policy = Policy::default();
    let player = ledger_core::PlayerId::new("p1").unwrap();
    let deposit = Some(commands::payment("D1"));
    let reactivates = Some(commands::award("A0"));
    let typed = ledger_core::PlaceBet {
        game_type: Some(commands::game_type("slots")),
        ..commands::bet("T1", "R", "10")
    };
    let commands: [PlayerCommand; 5] = [
        commands::grant_bonus("A", "50.0").into(),
        ledger_core::GrantBonus { amount: None, deposit, reactivates, ..commands::grant_bonus("B", "1") }
            .into(),
        commands::forfeit_bonus("F1", "A").into(),
        commands::expire_bonus("E1", "A").into(),
        typed.into(),
    ];
    let print = |command: &PlayerCommand| {
        format!("fingerprint of {} {}", command.key(&player, &policy).unwrap(), command.fingerprint())
    };
    let lines: Vec<_> = commands.iter().map(print).collect();
    let text = serde_json::to_string_pretty(&lines).unwrap();
    compare(&dir("tests/golden").join(DIGESTS), &text).unwrap();
    let feature = ledger_core::PlaceBet { buys_feature: true, ..commands::bet("T1", "R", "10") };
    let lines = [print(&feature.into())];
    let text = serde_json::to_string_pretty(&lines).unwrap();
    compare(&dir("tests/golden").join(FEATURE_DIGESTS), &text).unwrap();
}
