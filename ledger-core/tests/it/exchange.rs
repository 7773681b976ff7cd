//! Exchange between a player's own purses (P39, P40, FX1 to FX3).

use ledger_core::testing::{Scenario, commands, given_nobody};
use ledger_core::{
    Exchange, FxPolicy, FxRate, NotAllowedReason, PlaceBet, PlayerCommand, Policy, RecordDeposit, Rejection,
    ReverseExchange, ShortfallPolicy,
};

/// The rate of the scenarios' first instant: 1.10 USD for one EUR.
fn rate() -> FxRate {
    commands::rate_at("EUR", "USD", "1.10", "2026-01-01T00:00:00Z".parse().unwrap())
}

fn to_euros(id: &str, dollars: &str) -> Exchange {
    commands::exchange(id, "USD", "EUR", dollars, rate())
}

fn dollars(amount: &str) -> RecordDeposit {
    RecordDeposit { currency: commands::currency("USD"), ..commands::deposit("D1", amount) }
}

fn rich() -> Scenario {
    given_nobody().when(commands::open(&["EUR", "USD"])).when(dollars("200.00")).applied()
}

fn not_allowed(scenario: Scenario, reason: NotAllowedReason) -> Scenario {
    scenario.rejected("not_allowed").refused_as(&Rejection::NotAllowed { reason })
}

const CLEARING: (&str, &str) = ("psp:clearing of psp in USD", "200.00");

#[test]
fn fx1_an_exchange_goes_back_at_its_own_rate() {
    let made =
        rich().when(to_euros("X1", "110.00")).applied().records(&["entry.posted", "exchange.made"]).accounts(
            &[
                CLEARING,
                ("player:cash in USD", "90.00"),
                ("fx:position in USD", "-110.000000"),
                ("fx:position", "100.000000"),
                ("player:cash", "100.00"),
            ],
        );
    // Hours later the rate is another; that of the exchange counts.
    made.when(to_euros("X1", "110.00"))
        .replayed("applied")
        .after_secs(36_000)
        .when(commands::reverse_exchange("V1", "X1"))
        .applied()
        .records(&["entry.posted", "exchange.reversed"])
        .accounts(&[CLEARING, ("player:cash in USD", "200.00")])
        .when(commands::reverse_exchange("V2", "X1"))
        .rejected("already_rolled_back")
        .when(commands::reverse_exchange("V1", "X1"))
        .replayed("applied")
        .accounts(&[CLEARING, ("player:cash in USD", "200.00")]);
}

#[test]
fn fx2_the_residual_of_an_exchange_is_booked_and_goes_back() {
    rich()
        .when(to_euros("X1", "100.01"))
        .applied()
        .accounts(&[
            CLEARING,
            ("player:cash in USD", "99.99"),
            ("fx:position in USD", "-100.010000"),
            ("fx:position", "90.918182"),
            ("rounding", "-0.001818"),
            ("player:cash", "90.92"),
        ])
        .when(commands::reverse_exchange("V1", "X1"))
        .accounts(&[CLEARING, ("player:cash in USD", "200.00")]);
}

#[test]
fn fx3_a_stale_quote_is_refused() {
    let fresh = rich().after_secs(60).when(to_euros("X1", "11.00")).applied();
    let stale = not_allowed(fresh.after_secs(1).when(to_euros("X2", "11.00")), NotAllowedReason::StaleRate);
    // The refusal stays: the player was shown it. A new quote has a new id.
    let stale = stale.when(to_euros("X2", "11.00")).replayed("rejected:not_allowed");
    let policy = Policy { fx: FxPolicy { max_age_secs: 600 }, ..Policy::default() };
    let late = stale.policy(policy).when(to_euros("X3", "11.00")).applied();
    late.accounts(&[
        CLEARING,
        ("player:cash in USD", "178.00"),
        ("fx:position in USD", "-22.000000"),
        ("fx:position", "20.000000"),
        ("player:cash", "20.00"),
    ]);
    let future = commands::rate_at("EUR", "USD", "1.10", "2026-01-01T00:01:00.000001Z".parse().unwrap());
    let ahead = commands::exchange("X1", "USD", "EUR", "11.00", future);
    let _ = not_allowed(rich().when(ahead), NotAllowedReason::StaleRate);
}

#[test]
fn an_exchange_is_checked_in_order() {
    let pound = commands::rate_at("EUR", "GBP", "0.85", "2026-01-01T00:00:00Z".parse().unwrap());
    let pounds = |id| commands::exchange(id, "EUR", "GBP", "1", pound.clone());
    let start = not_allowed(
        rich().when(Exchange { rate: pound.clone(), ..to_euros("X1", "-1") }),
        NotAllowedReason::OtherPair,
    );
    let same = commands::exchange("X2", "USD", "USD", "1", rate());
    let start = not_allowed(start.when(same), NotAllowedReason::OtherPair);
    start
        .when(pounds("X3"))
        .rejected("currency_mismatch")
        .when(to_euros("X4", "0"))
        .refused("invalid_amount")
        .when(to_euros("X4", "-1"))
        .refused("invalid_amount")
        .when(to_euros("X4", "1.001"))
        .refused("precision")
        .when(to_euros("X4", "200.01"))
        .rejected("insufficient_funds")
        .when(to_euros("X4", "200.01"))
        .replayed("rejected:insufficient_funds")
        .accounts(&[CLEARING, ("player:cash in USD", "200.00")]);
    // A cent that becomes nothing.
    let poor = commands::rate_at("EUR", "USD", "200", "2026-01-01T00:00:00Z".parse().unwrap());
    let _ = rich().when(commands::exchange("X1", "USD", "EUR", "0.01", poor)).refused("invalid_amount");
    let _ = not_allowed(rich().when(commands::reverse_exchange("V1", "X9")), NotAllowedReason::TargetUnknown);
}

#[test]
fn an_exchange_pays_what_is_owed_in_the_other_currency() {
    rich()
        .when(commands::propose_debit("C1", "40.00"))
        .when(commands::approve("A1", "C1"))
        .when(to_euros("X1", "110.00"))
        .accounts(&[
            CLEARING,
            ("player:cash in USD", "90.00"),
            ("adjustments of goodwill", "-40.00"),
            ("fx:position in USD", "-110.000000"),
            ("fx:position", "100.000000"),
            ("player:cash", "60.00"),
        ])
        // 60 are there, 100 go back.
        .when(commands::reverse_exchange("V1", "X1"))
        .rejected("insufficient_funds")
        .when(ReverseExchange {
            on_shortfall: Some(ShortfallPolicy::AllowNegative),
            ..commands::reverse_exchange("V1", "X1")
        })
        .applied()
        .accounts(&[
            CLEARING,
            ("player:cash in USD", "200.00"),
            ("adjustments of goodwill", "-40.00"),
            ("receivable:player", "40.00"),
        ]);
}

#[test]
fn a_spent_exchange_goes_back_as_the_command_says() {
    let spent = || {
        let all = commands::bet("T1", "R", "100");
        rich().when(to_euros("X1", "110.00")).when(PlaceBet { ..all }).applied()
    };
    let back =
        |policy| ReverseExchange { on_shortfall: Some(policy), ..commands::reverse_exchange("V1", "X1") };
    let before = spent().ledger().account_texts();
    let refused = spent().when(commands::reverse_exchange("V1", "X1")).rejected("insufficient_funds");
    assert_eq!(refused.ledger().account_texts(), before);
    let kept = spent().when(back(ShortfallPolicy::Retain)).noop();
    assert_eq!(kept.ledger().account_texts(), before);
    spent().when(back(ShortfallPolicy::ZeroOut)).applied().accounts(&[
        CLEARING,
        ("player:cash in USD", "200.00"),
        ("player:held of prov/R", "100.00"),
        ("bad_debt", "100.00"),
    ]);
}

/// Moving his own money is nothing new: a closed player may need it to be paid out.
#[test]
fn e45_a_closed_player_may_exchange_what_he_has() {
    let batch: Vec<PlayerCommand> =
        vec![to_euros("X1", "110.00").into(), commands::reverse_exchange("V1", "X1").into()];
    rich()
        .when(commands::close_player("Z1"))
        .when(commands::batch(batch))
        .applied()
        .accounts(&[CLEARING, ("player:cash in USD", "200.00")]);
}
