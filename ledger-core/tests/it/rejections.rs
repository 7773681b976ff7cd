//! Every rejection, and which is told where two apply (the order of the enum; docs/scenarios.md).

use ledger_core::stored::{
    CreditKind, ExclusionKind, JackpotKind, LimitBasis, LimitPeriod, LimitSide, LimitWindow,
};
use ledger_core::testing::{Scenario, commands, given, given_nobody};
use ledger_core::{
    AccountKind, Amount, BETS_MAX, Block, BonusRule, Capacity, Currency, Finality, GAMES_MAX, GrantCredit,
    HostName, HostNamespace, InitiateDeposit, JACKPOTS_MAX, JACKPOTS_OF_BET_MAX, JackpotShare, KeyScope,
    Limit, MismatchField, NotAllowedReason, OPEN_ROUNDS_MAX, OpenPlayer, OperatorId, PlaceBet, PlayerCommand,
    RecordDeposit, RegisterGap, RegisterName, Rejection, Rollback, Settle, ShortfallPolicy, SourceSwitch,
    WINS_MAX,
};

/// The variants in order of precedence.
pub(crate) const CODES: &[&str] = &[
    "player_unknown",
    "wrong_partition",
    "key_reused",
    "partly_known",
    "batch_refused",
    "txn_cancelled",
    "round_closed",
    "already_settled",
    "already_rolled_back",
    "bet_not_found",
    "payment_not_found",
    "document_version",
    "not_allowed",
    "mismatch",
    "currency_mismatch",
    "currency_unknown",
    "zone_unknown",
    "session_expired",
    "invalid_amount",
    "precision",
    "player_closed",
    "player_excluded",
    "player_blocked",
    "register_needed",
    "kyc_required",
    "source_closed",
    "game_not_allowed",
    "destination_unproven",
    "session_time_reached",
    "play_time_reached",
    "reality_check_due",
    "round_too_soon",
    "stake_not_allowed",
    "limit_exceeded",
    "bonus_rule",
    "exceeds_rest",
    "host_refused",
    "host_version",
    "document_invalid",
    "capacity_exceeded",
    "amount_overflow",
    "unplayed_deposits",
    "insufficient_funds",
];

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// One of each variant, in the order of the enum.
pub(crate) fn one_of_each() -> Vec<Rejection> {
    let txn = || commands::txn("T1");
    let currency = commands::currency("EUR");
    vec![
        Rejection::PlayerUnknown,
        Rejection::WrongPartition,
        Rejection::KeyReused,
        Rejection::PartlyKnown { ids: vec![txn()] },
        Rejection::BatchRefused { txn: txn() },
        Rejection::TxnCancelled,
        Rejection::RoundClosed { round: commands::round("R") },
        Rejection::AlreadySettled { txn: txn() },
        Rejection::AlreadyRolledBack { txn: txn() },
        Rejection::BetNotFound { round: commands::round("R") },
        Rejection::PaymentNotFound { id: txn() },
        Rejection::DocumentVersion { version: 3 },
        Rejection::NotAllowed { reason: NotAllowedReason::RollbackOfRollback },
        Rejection::Mismatch { field: MismatchField::Round },
        Rejection::CurrencyMismatch { currency },
        Rejection::CurrencyUnknown { currency },
        Rejection::ZoneUnknown { zone: "Mars/Olympus".to_owned() },
        Rejection::SessionExpired,
        Rejection::InvalidAmount { amount: "-1".to_owned() },
        Rejection::Precision { amount: "0.005".to_owned(), scale: 2 },
        Rejection::PlayerClosed,
        Rejection::PlayerExcluded {
            kind: ExclusionKind::TimeOut,
            until: Some("2026-01-02T00:00:00Z".parse().unwrap()),
            register: None,
        },
        Rejection::PlayerBlocked { block: Block::PayoutsFrozen },
        Rejection::RegisterNeeded {
            register: RegisterName::new("cruks").unwrap(),
            why: RegisterGap::Missing,
        },
        Rejection::KycRequired { tier: None },
        Rejection::SourceClosed { of: commands::source("prov"), switch: SourceSwitch::Maintenance },
        Rejection::GameNotAllowed { game: commands::game("game") },
        Rejection::DestinationUnproven,
        Rejection::SessionTimeReached { limit_secs: 7_200 },
        Rejection::PlayTimeReached {
            window: LimitWindow { period: LimitPeriod::Day, basis: LimitBasis::Rolling },
            side: LimitSide::Player,
            limit_secs: 7_200,
        },
        Rejection::RealityCheckDue { staked: amount("5.00"), won: amount("1.00") },
        Rejection::RoundTooSoon { allowed_at: "2026-01-01T00:00:05Z".parse().unwrap() },
        Rejection::StakeNotAllowed { stake: amount("3.00"), currency },
        Rejection::LimitExceeded { limit: Limit::WithdrawalsPerDay, left: Some(amount("1.00")) },
        Rejection::BonusRule { rule: BonusRule::NoBonus },
        Rejection::ExceedsRest { left: amount("1.00"), currency },
        Rejection::HostRefused {
            check: HostName::new("acme.lounge").unwrap(),
            version: 1,
            refusal: HostName::new("vip_only").unwrap(),
        },
        Rejection::HostVersion { namespace: HostNamespace::new("acme").unwrap(), version: 7 },
        Rejection::DocumentInvalid { what: "nobody knows this kind of document".to_owned() },
        Rejection::CapacityExceeded { what: Capacity::BetsInRound, maximum: 240 },
        Rejection::AmountOverflow,
        Rejection::UnplayedDeposits { withdrawable: amount("1.00"), currency },
        Rejection::InsufficientFunds { available: amount("1.00"), currency },
    ]
}

#[test]
fn codes_are_stable_and_stored() {
    let all = one_of_each();
    assert_eq!(all.iter().map(Rejection::code).collect::<Vec<_>>(), CODES);
    for rejection in all {
        let json = serde_json::to_value(&rejection).unwrap();
        assert_eq!(json["code"], rejection.code(), "the stored tag is the code");
        assert_eq!(serde_json::from_value::<Rejection>(json).unwrap(), rejection);
        assert!(!rejection.to_string().ends_with('.'), "{rejection}");
    }
}

// Each variant, by what brings it.

#[test]
fn player_unknown() {
    let all: [PlayerCommand; 7] = [
        commands::deposit("D1", "1").into(),
        commands::bet("T1", "R", "1").into(),
        commands::win("W1", "R", "1").into(),
        commands::close("C1", "R").into(),
        commands::void_round("V1", "R").into(),
        commands::rollback("X1", "T1").into(),
        commands::credit("K1", CreditKind::Cashback, "1").into(),
    ];
    for command in all {
        given_nobody().when(command).refused("player_unknown").accounts(&[]);
    }
}

#[test]
fn key_reused_for_every_kind() {
    let pairs: [(PlayerCommand, PlayerCommand); 8] = [
        (
            commands::open(&["EUR"]).into(),
            OpenPlayer { kind: AccountKind::Test, ..commands::open(&["EUR"]) }.into(),
        ),
        (commands::deposit("D1", "1").into(), commands::deposit("D1", "2").into()),
        (commands::bet("T1", "R", "1").into(), commands::bet("T1", "R", "2").into()),
        (commands::win("W1", "R", "1").into(), commands::win_close("W1", "R", "1").into()),
        (commands::close("C1", "R").into(), commands::close("C1", "R2").into()),
        (commands::void_round("V1", "R").into(), commands::void_bet("V1", "R", "T1").into()),
        (commands::rollback("X1", "T1").into(), commands::rollback_win("X1", "T1").into()),
        (
            commands::credit("K1", CreditKind::Cashback, "1").into(),
            commands::credit("K1", CreditKind::FreeRound, "1").into(),
        ),
    ];
    for (first, second) in pairs {
        let ready = given().cash("9").bet("T0", "R", "1").when(first.clone());
        ready.when(first).when(second).refused("key_reused");
    }
}

#[test]
fn txn_cancelled_for_every_kind() {
    let all: [PlayerCommand; 6] = [
        commands::bet("T9", "R", "1").into(),
        commands::win("T9", "R", "1").into(),
        commands::close("T9", "R").into(),
        commands::rollback("T9", "T1").into(),
        commands::credit("T9", CreditKind::Cashback, "1").into(),
        RecordDeposit { source: commands::source("prov"), ..commands::deposit("T9", "1") }.into(),
    ];
    for command in all {
        given().rollback("X1", "T9").tombstoned().when(command).rejected("txn_cancelled").accounts(&[]);
    }
    // A tombstone is its source's: another may use the id.
    given()
        .cash("1")
        .rollback("X1", "T9")
        .when(PlaceBet { source: commands::source("prov2"), ..commands::bet("T9", "R", "1") })
        .applied();
}

#[test]
fn not_allowed_for_what_has_no_rollback() {
    let not_reversible = Rejection::NotAllowed { reason: NotAllowedReason::NotReversible };
    given()
        .cash("9")
        .bet("T1", "R", "1")
        .close("C1", "R")
        .rollback("X1", "C1")
        .refused_as(&not_reversible)
        .when(commands::credit("K1", CreditKind::Cashback, "1"))
        .rollback("X2", "K1")
        .refused_as(&not_reversible)
        .when(Rollback { source: commands::source("psp"), ..commands::rollback("X3", "cash-1") })
        .refused_as(&not_reversible)
        .void_round("V1", "R9")
        .when(Rollback { source: commands::source("office"), ..commands::rollback("X4", "V1") })
        .refused_as(&not_reversible)
        .rollback("X5", "T7")
        .tombstoned()
        .rollback("X6", "X5")
        .refused_as(&Rejection::NotAllowed { reason: NotAllowedReason::RollbackOfRollback });
}

#[test]
fn not_allowed_at_the_opening() {
    given()
        .when(OpenPlayer { operator: OperatorId::new("other").unwrap(), ..commands::open(&["EUR"]) })
        .refused_as(&Rejection::NotAllowed { reason: NotAllowedReason::AlreadyOpen });
    for currencies in [&[][..], &["EUR", "EUR"][..]] {
        given_nobody()
            .when(commands::open(currencies))
            .refused("not_allowed")
            .refused_as(&Rejection::NotAllowed { reason: NotAllowedReason::Currencies })
            .when(commands::open(&["EUR"]))
            .applied();
    }
}

#[test]
fn a_currency_is_registered_once_and_for_ever() {
    let mut ledger = given_nobody().ledger().clone();
    let code = commands::currency("EUR");
    let before = ledger.register_commits().len();
    let known = *ledger_core::CurrencyRegistry::standard().get(code).unwrap();
    assert_eq!(ledger.register(known), Ok(()), "the same again is a replay");
    let differs = Err(Rejection::NotAllowed { reason: NotAllowedReason::CurrencyDiffers });
    assert_eq!(ledger.register(Currency::new(code, 3, amount("1.000")).unwrap()), differs);
    assert_eq!(ledger.register(Currency::new(code, 2, amount("1.00")).unwrap()), differs);
    assert_eq!(ledger.register_commits().len(), before);
}

#[test]
fn currency_and_zone_of_the_opening() {
    let zone = |zone: &str| OpenPlayer { zone: zone.to_owned(), ..commands::open(&["EUR"]) };
    let absurd = "Z".repeat(100_000);
    given_nobody()
        .when(commands::open(&["EUR", "XXX"]))
        .refused("currency_unknown")
        .refused_as(&Rejection::CurrencyUnknown { currency: commands::currency("XXX") })
        .when(zone("Mars/Olympus"))
        .refused("zone_unknown")
        .when(zone(""))
        .refused("zone_unknown")
        .when(zone(&absurd))
        .refused_as(&Rejection::ZoneUnknown { zone: absurd[..64].to_owned() })
        .when(zone("UTC"))
        .applied();
}

#[test]
fn currency_mismatch_for_every_kind_that_names_one() {
    let usd = commands::currency("USD");
    let cases: [PlayerCommand; 4] = [
        InitiateDeposit { currency: usd, ..commands::initiate("I1", "1") }.into(),
        PlaceBet { currency: usd, ..commands::bet("T2", "R2", "1") }.into(),
        Settle { currency: usd, ..commands::win("W1", "R", "1") }.into(),
        GrantCredit { currency: usd, ..commands::credit("K1", CreditKind::Cashback, "1") }.into(),
    ];
    for command in cases {
        given().cash("9").bet("T1", "R", "1").when(command).rejected("currency_mismatch");
    }
    // The player has both, the round has one.
    let both = || {
        given_nobody()
            .when(commands::open(&["EUR", "USD"]))
            .cash("9")
            .when(RecordDeposit { currency: commands::currency("USD"), ..commands::deposit("D1", "9") })
            .bet("T1", "R", "1")
    };
    both()
        .when(PlaceBet { currency: usd, ..commands::bet("T2", "R", "1") })
        .rejected("currency_mismatch")
        .when(Settle { currency: usd, ..commands::win("W1", "R", "1") })
        .rejected("currency_mismatch")
        .when(PlaceBet { currency: usd, ..commands::bet("T3", "R2", "1") })
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "9.00"),
            ("psp:clearing of psp in USD", "9.00"),
            ("player:cash", "8.00"),
            ("player:held of prov/R", "1.00"),
            ("player:cash in USD", "8.00"),
            ("player:held of prov/R2 in USD", "1.00"),
        ]);
}

#[test]
fn amounts_of_every_kind_are_checked() {
    let with = |amount: &str| -> [PlayerCommand; 4] {
        [
            commands::deposit("D1", amount).into(),
            commands::bet("T2", "R", amount).into(),
            commands::win("W1", "R", amount).into(),
            commands::credit("K1", CreditKind::Cashback, amount).into(),
        ]
    };
    for (amount, code) in [
        ("-0.01", "invalid_amount"),
        ("1000000000000.01", "invalid_amount"),
        ("79228162514264337593543950335", "invalid_amount"),
        ("0.001", "precision"),
        ("0.0000000000000000000000000001", "precision"),
    ] {
        for command in with(amount) {
            given().cash("9").bet("T1", "R", "1").when(command).refused(code);
        }
    }
    given().when(commands::deposit("D1", "0")).refused("invalid_amount");
    for command in with("1000000000000.00").into_iter().filter(|c| !matches!(c, PlayerCommand::PlaceBet(_))) {
        given().cash("9").bet("T1", "R", "1").when(command).applied();
    }
}

fn of_eth(scenario: Scenario, command: impl Into<PlayerCommand>) -> Scenario {
    let eth = commands::currency("ETH");
    let command = match command.into() {
        PlayerCommand::RecordDeposit(c) => RecordDeposit { currency: eth, ..c }.into(),
        PlayerCommand::PlaceBet(c) => PlaceBet { currency: eth, ..c }.into(),
        PlayerCommand::Settle(c) => Settle { currency: eth, ..c }.into(),
        command => command,
    };
    scenario.when(command)
}

/// 7 * 10^28 of the 7.9 * 10^28 units that a balance of ETH can hold.
fn rich_in_eth() -> Scenario {
    let start = given_nobody().when(commands::open(&["ETH"]));
    (0..7).fold(start, |s, n| of_eth(s, commands::deposit(&format!("D{n}"), "10000000000")).applied())
}

#[test]
fn amount_overflow() {
    // Cash beyond 96 bits.
    let full = of_eth(rich_in_eth(), commands::deposit("D7", "9000000000")).applied();
    of_eth(full.clone(), commands::deposit("D8", "1000000000")).refused("amount_overflow");
    // The same by a win, whose key stays free.
    let full = of_eth(full, commands::bet("T1", "R", "0"));
    of_eth(full, commands::win("W1", "R", "1000000000")).refused("amount_overflow").accounts(&[
        ("psp:clearing of psp in ETH", "79000000000.000000000000000000"),
        ("player:cash in ETH", "79000000000.000000000000000000"),
    ]);
}

#[test]
fn capacity_of_bets_wins_and_rounds() {
    let bets =
        (0..BETS_MAX).fold(given().cash("9"), |s, n| s.when(commands::bet(&format!("T{n}"), "R", "0")));
    let full = u32::try_from(BETS_MAX).unwrap();
    bets.bet("T", "R", "0")
        .refused("capacity_exceeded")
        .refused_as(&Rejection::CapacityExceeded { what: Capacity::BetsInRound, maximum: full })
        // Each bet of its own game: the largest entry.
        .close("C1", "R")
        .applied();
    let mut ledger = given().cash("9").bet("T1", "R", "1").ledger().clone();
    for n in 0..WINS_MAX {
        ledger.execute(&commands::win(&format!("W{n}"), "R", "0").into()).unwrap();
    }
    let answer = ledger.execute(&commands::win("W", "R", "0").into()).unwrap();
    assert_eq!(answer.outcome.text(), "refused:capacity_exceeded");
    assert_eq!(ledger.execute(&commands::close("C1", "R").into()).unwrap().outcome.text(), "applied");

    let mut ledger = given().cash("9").ledger().clone();
    for n in 0..OPEN_ROUNDS_MAX {
        ledger.execute(&commands::bet("T", &format!("R{n}"), "0").into()).unwrap();
        let bet = commands::bet(&format!("T{n}"), &format!("R{n}"), "0");
        ledger.execute(&bet.into()).unwrap();
    }
    let answer = ledger.execute(&commands::bet("TX", "RX", "0").into()).unwrap();
    assert_eq!(answer.outcome.text(), "refused:capacity_exceeded");
    let answer = ledger.execute(&commands::bet("TY", "R0", "0").into()).unwrap();
    assert_eq!(answer.outcome.text(), "applied", "an open round takes bets");
    ledger.check().unwrap();
}

#[test]
fn the_largest_settlement_fits_one_entry() {
    // As many games and jackpots as a round may have, a win of each, and everything called off.
    let start = given().cash("1000");
    let bet = |n: usize| {
        let share = |m: usize| JackpotShare {
            jackpot: commands::sub_account(&format!("J{}", (n * JACKPOTS_OF_BET_MAX + m) % JACKPOTS_MAX)),
            kind: JackpotKind::Local,
            amount: commands::decimal("0.01"),
        };
        PlaceBet {
            game: commands::game(&format!("G{}", n % GAMES_MAX)),
            contributions: (0..JACKPOTS_OF_BET_MAX).map(share).collect(),
            ..commands::bet(&format!("T{n}"), "R", "1")
        }
    };
    let bets = (0..BETS_MAX).fold(start, |s, n| s.when(bet(n)).applied());
    let more = |game: &str| PlaceBet { game: commands::game(game), ..commands::bet("TX", "R", "1") };
    let bets = bets.when(more("G0")).refused("capacity_exceeded");
    let won = (0..GAMES_MAX).fold(bets, |s, n| {
        let bet = Some(commands::txn(&format!("T{n}")));
        s.when(Settle { bet, ..commands::win(&format!("W{n}"), "R", "1") }).applied()
    });
    let settled = won.win_close("WX", "R", "5").applied().held("0.00").available("865.00");
    settled.when(commands::void_settled_round("V1", "R")).applied().available("1000.00");
}

#[test]
fn a_round_has_room_for_so_many_games_and_jackpots() {
    let refused = |what, maximum| Rejection::CapacityExceeded { what, maximum };
    let game = |n: usize| PlaceBet {
        game: commands::game(&format!("G{n}")),
        ..commands::bet(&format!("T{n}"), "R", "0")
    };
    let full = (0..GAMES_MAX).fold(given(), |s, n| s.when(game(n)).applied());
    let _ = full
        .clone()
        .when(game(GAMES_MAX))
        .refused_as(&refused(Capacity::GamesInRound, 100))
        .when(commands::free_bet("F1", "R", "1"))
        .refused_as(&refused(Capacity::GamesInRound, 100))
        .when(PlaceBet { game: commands::game("G7"), ..commands::bet("F2", "R", "0") })
        .applied();
    let jackpots = |id: &str, from: usize, count: usize| PlaceBet {
        contributions: (from..from + count)
            .map(|n| JackpotShare {
                jackpot: commands::sub_account(&format!("J{n}")),
                kind: JackpotKind::Network,
                amount: commands::decimal("0.01"),
            })
            .collect(),
        ..commands::bet(id, "R", "1")
    };
    let of_bet = JACKPOTS_OF_BET_MAX;
    let _ = given()
        .cash("9")
        .when(jackpots("T1", 0, of_bet + 1))
        .refused_as(&refused(Capacity::JackpotsOfBet, 8))
        .when(jackpots("T1", 0, of_bet))
        .when(jackpots("T2", of_bet, of_bet))
        .applied()
        .when(jackpots("T3", JACKPOTS_MAX, 1))
        .refused_as(&refused(Capacity::JackpotsInRound, 16))
        .when(jackpots("T3", 3, 1))
        .applied();
}

// Precedence: pairs that can apply at once.

#[test]
fn a_known_key_is_told_before_anything_else() {
    // Over a tombstone, a closed round, another currency, an absurd amount and missing funds.
    let known =
        given().cash("5").bet("T1", "R", "5").rollback("X1", "T1").rollback_win("X2", "T1").tombstoned();
    known
        .clone()
        .bet("T1", "R", "5")
        .replayed("applied")
        .bet("T1", "R", "-5")
        .refused("key_reused")
        .bet("T1", "R", "0.005")
        .refused("key_reused")
        .when(PlaceBet { currency: commands::currency("USD"), ..commands::bet("T1", "R", "5") })
        .refused("key_reused");
    known.close("C1", "R").bet("T1", "R", "50000000000000").refused("key_reused");
}

#[test]
fn txn_cancelled_before_the_rest() {
    let odd = [
        commands::bet("T9", "R", "-1"),
        commands::bet("T9", "R", "0.001"),
        commands::bet("T9", "R", "1000"),
        PlaceBet { currency: commands::currency("USD"), ..commands::bet("T9", "R", "1") },
    ];
    for command in odd {
        // A tombstone over a closed round, a form and funds.
        given()
            .cash("1")
            .bet("T1", "R", "1")
            .close("C1", "R")
            .rollback("X1", "T9")
            .when(command.clone())
            .rejected("txn_cancelled");
        given().cash("1").void_round("V1", "R").when(command).rejected("txn_cancelled");
    }
    // An undone bet over the end of its round, and over another currency.
    let undone = given().cash("9").bet("T1", "R", "1").bet("T2", "R", "1").rollback("X1", "T1");
    undone
        .when(Settle { currency: commands::currency("USD"), ..commands::win_bet("W1", "R", "T1", "-5") })
        .rejected("txn_cancelled")
        .close("C1", "R")
        .win_bet("W1", "R", "T1", "5")
        .rejected("txn_cancelled");
}

#[test]
fn round_closed_before_the_rest() {
    let closed = given().cash("9").bet("T1", "R", "1").win_close("W1", "R", "0");
    closed
        .when(PlaceBet { currency: commands::currency("USD"), ..commands::bet("T2", "R", "1") })
        .rejected("round_closed")
        .bet("T3", "R", "-1")
        .rejected("round_closed")
        .bet("T4", "R", "1000")
        .rejected("round_closed")
        // Over a bet that is settled, one that is not there, and a form.
        .win_bet("W2", "R", "T1", "5")
        .rejected("round_closed")
        .win_bet("W3", "R", "T7", "5")
        .rejected("round_closed")
        .win("W4", "R", "0.001")
        .rejected("round_closed");
}

#[test]
fn already_settled_and_already_rolled_back_before_mismatch() {
    let wrong = |id: &str, target: &str| Rollback {
        round: Some(commands::round("R7")),
        amount: Some(commands::decimal("7")),
        ..commands::rollback(id, target)
    };
    given()
        .cash("9")
        .bet("T1", "R", "1")
        .bet("T2", "R", "1")
        .rollback("X1", "T1")
        .when(wrong("X2", "T1"))
        .rejected("already_rolled_back")
        .win_close("W1", "R", "2")
        .when(wrong("X3", "T2"))
        .rejected("already_settled")
        .rollback("X4", "W1")
        .when(wrong("X5", "W1"))
        .rejected("already_rolled_back");
    // A bet that is settled, over a win's currency and form.
    given()
        .cash("9")
        .bet("T1", "R", "1")
        .bet("T2", "R", "1")
        .win_bet("W1", "R", "T1", "5")
        .when(Settle { currency: commands::currency("USD"), ..commands::win_bet("W2", "R", "T1", "-5") })
        .rejected("already_settled");
}

#[test]
fn bet_not_found_before_currency_and_form() {
    given()
        .cash("9")
        .when(Settle { currency: commands::currency("USD"), ..commands::win("W1", "R", "-5") })
        .rejected("bet_not_found")
        .bet("T1", "R", "1")
        .when(Settle { currency: commands::currency("USD"), ..commands::win_bet("W2", "R", "T7", "0.001") })
        .rejected("bet_not_found");
}

#[test]
fn mismatch_before_funds() {
    given()
        .on_shortfall(ShortfallPolicy::Reject)
        .cash("1")
        .bet("T1", "R", "1")
        .win_close("W1", "R", "5")
        .bet("T2", "R2", "5")
        .when(Rollback { amount: Some(commands::decimal("4")), ..commands::rollback("X1", "W1") })
        .refused_as(&Rejection::Mismatch { field: MismatchField::Amount })
        .rollback("X2", "W1")
        .rejected("insufficient_funds");
}

#[test]
fn a_rollback_names_the_first_field_that_differs() {
    let all = Rollback {
        round: Some(commands::round("R7")),
        currency: Some(commands::currency("USD")),
        amount: Some(commands::decimal("7")),
        ..commands::rollback("X1", "T1")
    };
    let held = given().cash("9").bet("T1", "R", "1");
    let second = Rollback { round: None, ..all.clone() };
    held.when(all)
        .refused_as(&Rejection::Mismatch { field: MismatchField::Round })
        .when(second)
        .refused_as(&Rejection::Mismatch { field: MismatchField::Currency });
}

#[test]
fn currency_before_form_before_funds() {
    let usd = commands::currency("USD");
    given()
        .when(PlaceBet { currency: usd, ..commands::bet("T1", "R", "-1") })
        .rejected("currency_mismatch")
        .when(InitiateDeposit { currency: usd, ..commands::initiate("I1", "0.001") })
        .rejected("currency_mismatch")
        .bet("T2", "R", "1000000000000.001")
        .refused("invalid_amount")
        .bet("T3", "R", "-0.001")
        .refused("invalid_amount")
        .bet("T4", "R", "100.001")
        .refused("precision");
}

#[test]
fn capacity_before_funds_and_form_before_capacity() {
    let full = (0..BETS_MAX).fold(given(), |s, n| s.when(commands::bet(&format!("T{n}"), "R", "0")));
    full.bet("T", "R", "1000").refused("capacity_exceeded").bet("T", "R", "0.001").refused("precision");
}

#[test]
fn amount_overflow_before_funds() {
    // 7 * 10^28 units are held, 5 * 10^27 are there: a stake of 10^28 is beyond both.
    let held = (0..7)
        .fold(rich_in_eth(), |s, n| of_eth(s, commands::bet(&format!("T{n}"), "R", "10000000000")).applied());
    let held = of_eth(held, commands::deposit("D8", "5000000000")).applied();
    let over = of_eth(held, commands::bet("T8", "R", "10000000000")).refused("amount_overflow");
    of_eth(over, commands::bet("T9", "R", "6000000000")).rejected("insufficient_funds");
}

#[test]
fn the_opening_tells_in_order() {
    let many: Vec<String> = (0..40).map(|n| format!("XX{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let bad_zone = |currencies: &[&str]| OpenPlayer { zone: "?".to_owned(), ..commands::open(currencies) };
    given_nobody()
        .when(bad_zone(&["XXX", "XXX"]))
        .refused("not_allowed")
        .when(bad_zone(&many))
        .refused("currency_unknown")
        .when(bad_zone(&["EUR"]))
        .refused("zone_unknown");
    // An open player, over everything else.
    given()
        .when(OpenPlayer { operator: OperatorId::new("other").unwrap(), ..bad_zone(&["XXX", "XXX"]) })
        .rejected("not_allowed");
}

#[test]
fn too_many_currencies() {
    let standard = ledger_core::CurrencyRegistry::standard();
    let mut ledger = given_nobody().ledger().clone();
    for currency in standard.iter() {
        let _ = ledger.register(*currency);
    }
    let codes: Vec<String> = standard.iter().map(|currency| currency.code().to_string()).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let answer = ledger.execute(&commands::open(&codes[..33]).into()).unwrap();
    assert_eq!(answer.outcome.text(), "refused:capacity_exceeded");
    let answer = ledger.execute(&commands::open(&codes[..32]).into()).unwrap();
    assert_eq!(answer.outcome.text(), "applied");
}

// What a refusal leaves behind.

#[test]
fn only_refused_bets_and_deposits_at_the_cashier_consume_their_key() {
    let usd = commands::currency("USD");
    let cases: [(PlayerCommand, &str); 6] = [
        (commands::win("W1", "R9", "1").into(), "bet_not_found"),
        (commands::rollback("X9", "X0").into(), "not_allowed"),
        (commands::void_round("V1", "R").into(), "already_settled"),
        (commands::refund("B1", "D1").into(), "payment_not_found"),
        (
            GrantCredit { currency: usd, ..commands::credit("K1", CreditKind::Cashback, "1") }.into(),
            "currency_mismatch",
        ),
        (Settle { finality: Finality::Bet, ..commands::win("W1", "R", "1") }.into(), "round_closed"),
    ];
    for (command, code) in cases {
        let closed = given().cash("9").bet("T1", "R", "1").close("C1", "R").rollback("X0", "T8");
        let refused = closed.when(command.clone()).rejected(code);
        assert!(refused.ledger().commits().last().unwrap().keys.is_empty());
        let _ = refused.when(command).rejected(code);
    }
    let refused = given().bet("T1", "R", "1").rejected("insufficient_funds");
    assert_eq!(refused.ledger().commits().last().unwrap().keys.len(), 1);
    let refused = given()
        .when(InitiateDeposit { currency: usd, ..commands::initiate("I1", "1") })
        .rejected("currency_mismatch");
    assert_eq!(refused.ledger().commits().last().unwrap().keys.len(), 1);
}

#[test]
fn malformed_requests_leave_nothing_for_any_scope_of_keys() {
    for scope in [KeyScope::PerKind, KeyScope::AnyKind] {
        let start = given().scope(scope).cash("9");
        let commits = start.ledger().commits().len();
        let after = start.bet("T1", "R", "-1").bet("T1", "R", "0.001").bet("T1", "R", "50000000000000");
        assert_eq!(after.ledger().commits().len(), commits);
        let _ = after.bet("T1", "R", "1").applied();
    }
}

#[test]
fn the_clock_never_runs_backwards() {
    let ledger = given().after_secs(10).cash("1").ledger().clone();
    let mut state = ledger_core::PlayerState::new(ledger.state().player().clone());
    for body in ledger.commits() {
        state.evolve_commit(body).unwrap();
    }
    let policy = ledger_core::Policy::default();
    let registry = ledger_core::CurrencyRegistry::standard();
    let facts = ledger_core::Facts::new(ledger_core::Found::NOTHING, &registry, &policy);
    let early = "2026-01-01T00:00:09.999999Z".parse().unwrap();
    let command = commands::bet("T1", "R", "1").into();
    assert!(ledger_core::PlayerLedger::decide(&state, &command, &facts, early).is_err());
    assert!(ledger_core::PlayerLedger::decide(&state, &command, &facts, ledger.now()).is_ok());
}
