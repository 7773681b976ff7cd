//! Bonuses: the formulas and examples of docs/bonuses.md (B01 to B35), the postings P09 to P14, and what becomes of
//! stakes and wins that bonus credits had a part in. Every case asserts both books.

use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    AboveMaxBet, AwardStatus, BonusRule, BonusTerms, FundOrder, Funds, GrantBonus, MaxConversion,
    NotAllowedReason, PlaceBet, Rejection, Reward, ShortfallPolicy, WageringBase, WageringCount,
};

use WageringCount::{AllBets, BonusBets, RealBets};

use AwardStatus::{Active, Completed, Completing, Expired, Forfeited, Lost, Queued};

/// A player with cash and a bonus under these terms.
fn with(cash: &str, bonus: &str, terms: BonusTerms) -> Scenario {
    let player = if cash == "0" { given() } else { given().cash(cash) };
    player.terms("welcome", terms).when(commands::grant_bonus("A", bonus)).applied()
}

fn matching(rate: u32, most: &str) -> BonusTerms {
    let most = [(commands::currency("EUR"), most.parse().unwrap())].into();
    BonusTerms {
        reward: Reward::Match { rate: commands::basis_points(rate), most },
        ..commands::bonus_terms(30)
    }
}

fn for_deposit(deposit: &str) -> GrantBonus {
    let deposit = Some(commands::payment(deposit));
    GrantBonus { amount: None, deposit, ..commands::grant_bonus("A", "0") }
}

/// A player who deposited so much and got a bonus for it.
fn matched(deposit: &str, terms: BonusTerms) -> Scenario {
    given().terms("welcome", terms).when(commands::deposit("D1", deposit)).when(for_deposit("D1")).applied()
}

fn weighted(weight: u32, counts: WageringCount) -> BonusTerms {
    let mut terms = commands::bonus_terms(35);
    terms.weights.others = Some(commands::basis_points(weight));
    terms.wagering.counts = counts;
    terms
}

fn bonus_first(times: u32) -> BonusTerms {
    BonusTerms { funds: FundOrder::BonusFirst, ..commands::bonus_terms(times) }
}

// Grants.

#[test]
fn p09_a_grant_issues_credits() {
    let granted = with("0", "100.00", commands::bonus_terms(30));
    let _ = granted
        .records(&["entry.posted", "bonus.issued"])
        .accounts(&[("bonus:issued of welcome", "100.00"), ("player:bonus of crm/A", "100.00")])
        .available("0.00")
        .wagered("A", "0.00", "3000.00")
        .when(commands::grant_bonus("A", "100"))
        .replayed("applied")
        .when(commands::grant_bonus("A", "101"))
        .refused("key_reused");
}

#[test]
fn b01_a_deposit_match_is_rounded_down_and_capped() {
    for (deposit, rate, given, clearing) in [
        ("150.00", 10_000, "150.00", "150.00"),
        ("333.33", 5_000, "166.66", "333.33"),
        ("500.00", 10_000, "200.00", "500.00"),
    ] {
        let _ = matched(deposit, matching(rate, "200.00")).accounts(&[
            ("bonus:issued of welcome", given),
            ("player:bonus of crm/A", given),
            ("player:cash", deposit),
            ("psp:clearing of psp", clearing),
        ]);
    }
}

#[test]
fn b03_the_target_is_a_multiple_of_the_bonus_or_of_both() {
    let _ = matched("50.00", matching(5_000, "200")).wagered("A", "0.00", "750.00");
    let _ = matched("100.00", matching(10_000, "200")).wagered("A", "0.00", "3000.00");
    let mut terms = matching(10_000, "200");
    terms.wagering.base = WageringBase::DepositAndBonus;
    let _ = matched("100.00", terms).wagered("A", "0.00", "6000.00");
    let _ = with("0", "10", commands::bonus_terms(10)).wagered("A", "0.00", "100.00");
}

#[test]
fn what_a_grant_may_not_say_is_refused() {
    let refused = |reason| Rejection::NotAllowed { reason };
    let player = || given().terms("welcome", matching(10_000, "200"));
    let _ = player()
        .when(for_deposit("D1"))
        .rejected("payment_not_found")
        .when(commands::grant_bonus("A", "10"))
        .refused_as(&refused(NotAllowedReason::DepositNeeded));
    let unknown = GrantBonus { terms: commands::terms_name("other"), ..commands::grant_bonus("A", "1") };
    let _ = player().when(unknown).refused_as(&refused(NotAllowedReason::TermsUnknown));
    let other = GrantBonus { amount: Some(commands::decimal("99")), ..for_deposit("D1") };
    let _ = player().when(commands::deposit("D1", "100")).when(other).rejected("mismatch");
    let dollars = GrantBonus { currency: commands::currency("USD"), ..commands::grant_bonus("A", "1") };
    let _ = player().when(dollars).rejected("currency_mismatch");
    let most =
        player().terms("welcome", commands::bonus_terms(30)).when(commands::grant_bonus("A", "1000.01"));
    let _ = most.rejected("mismatch").when(commands::grant_bonus("B", "0")).noop().accounts(&[]);
    let fine = BonusTerms {
        reward: Reward::Fixed { amounts: [(commands::currency("EUR"), "0.001".parse().unwrap())].into() },
        ..commands::bonus_terms(1)
    };
    let fixed = GrantBonus { amount: None, ..commands::grant_bonus("A", "1") };
    let _ = player().terms("welcome", fine).when(fixed).refused_as(&refused(NotAllowedReason::TermsAmounts));
    let closed = player().terms("welcome", commands::bonus_terms(1)).when(commands::close_player("Z"));
    let _ = closed.when(commands::grant_bonus("A", "1")).rejected("player_closed");
}

// Stakes.

#[test]
fn b14_a_stake_takes_its_funds_in_the_order_of_the_terms() {
    let cash = with("5.00", "20.00", commands::bonus_terms(30)).bet("T1", "R", "8.00").applied();
    let _ = cash
        .records(&["entry.posted", "bet.placed", "wager.progress.updated"])
        .accounts(&[
            ("bonus:issued of welcome", "20.00"),
            ("player:bonus of crm/A", "17.00"),
            ("player:bonus_held of prov/R/crm/A", "3.00"),
            ("player:held of prov/R", "5.00"),
            ("psp:clearing of psp", "5.00"),
        ])
        .wagered("A", "8.00", "600.00");
    let _ = with("5.00", "20.00", bonus_first(30)).bet("T1", "R", "8.00").accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "12.00"),
        ("player:bonus_held of prov/R/crm/A", "8.00"),
        ("player:cash", "5.00"),
        ("psp:clearing of psp", "5.00"),
    ]);
}

#[test]
fn a6_19_named_funds_go_before_the_order_of_the_terms() {
    let of = |funds, amount: &str| PlaceBet { funds, ..commands::bet("T1", "R", amount) };
    let player = || with("5.00", "20.00", commands::bonus_terms(30));
    let _ = player().when(of(Funds::Bonus, "8")).applied().available("5.00");
    let _ = player().when(of(Funds::Bonus, "20.01")).rejected("insufficient_funds");
    let _ = player().when(of(Funds::Cash, "5.01")).rejected("insufficient_funds");
    let all = Rejection::InsufficientFunds {
        available: "25.00".parse().unwrap(),
        currency: commands::currency("EUR"),
    };
    let _ = player().bet("T1", "R", "25.01").rejected("insufficient_funds").refused_as(&all);
    let _ = player().bet("T1", "R", "25.00").applied().available("0.00");
}

#[test]
fn b06_what_counts_is_weighted_and_rounded_down() {
    let mut terms = commands::bonus_terms(20);
    let rate = commands::basis_points;
    terms.weights.types =
        [(commands::game_type("slots"), rate(5_000)), (commands::game_type("tables"), rate(500))].into();
    let of = |id: &str, kind: &str| PlaceBet {
        game_type: Some(commands::game_type(kind)),
        ..commands::bet(id, id, "1.00")
    };
    let slots = with("50", "10.00", terms).when(of("T1", "slots")).wagered("A", "0.50", "200.00");
    let _ = slots.when(of("T2", "tables")).wagered("A", "0.55", "200.00");

    let mut many = with("1000", "100", commands::bonus_terms(30));
    for n in 0..50 {
        let id = format!("S{n}");
        many = many.bet(&id, &id, "10.00").applied();
    }
    let mut terms = commands::bonus_terms(30);
    terms.weights.games = [(commands::game("game"), rate(1_000))].into();
    let _ = many.wagered("A", "500.00", "3000.00");
    let _ = with("1000", "100", terms).bet("T1", "R", "20").wagered("A", "2.00", "3000.00");

    for (counts, progress) in [(AllBets, "5.00"), (RealBets, "3.00"), (BonusBets, "2.00")] {
        let _ = with("6.00", "20.00", weighted(5_000, counts))
            .bet("T1", "R", "10")
            .wagered("A", progress, "700.00");
    }
}

#[test]
fn a_game_that_does_not_count_takes_no_bonus_credits() {
    let refusal = Rejection::BonusRule { rule: BonusRule::NotStakeable };
    let mut terms = commands::bonus_terms(30);
    terms.weights.excluded_games = [commands::game("game")].into();
    let player = || with("5.00", "20.00", terms.clone());
    let _ = player().bet("T1", "R", "8").rejected("bonus_rule").refused_as(&refusal);
    let bonus = PlaceBet { funds: Funds::Bonus, ..commands::bet("T1", "R", "2") };
    let _ = player().when(bonus).rejected("bonus_rule").refused_as(&refusal);
    let _ = player().bet("T1", "R", "25.01").rejected("insufficient_funds");
    let _ = player().bet("T1", "R", "5").applied().wagered("A", "0.00", "600.00").available("0.00");
    // Nor does a source that never reports a loss: no one would know when the round is over.
    let mut policy = ledger_core::Policy::default();
    policy.default.round_close = ledger_core::RoundClosePolicy::ImmediateLoss;
    policy.bonuses.insert(commands::terms_name("welcome"), commands::bonus_terms(30));
    let player = given().cash("5").policy(policy).when(commands::grant_bonus("A", "20"));
    let _ = player
        .bet("T1", "R", "8")
        .refused_as(&refusal)
        .bet("T2", "R", "5")
        .applied()
        .wagered("A", "5.00", "600.00");
}

// The most that one bet may stake, and bought features.

fn capped(most: &str, above: AboveMaxBet) -> BonusTerms {
    let mut terms = commands::bonus_terms(30);
    terms.max_bet.amounts = [(commands::currency("EUR"), most.parse().unwrap())].into();
    terms.max_bet.above = above;
    terms
}

fn rule(rule: BonusRule) -> Rejection {
    Rejection::BonusRule { rule }
}

/// A bonus of 20 of which nothing is staked, and so much cash.
fn untouched(cash: &str) -> Vec<(&str, &str)> {
    let own = [("player:cash", cash), ("psp:clearing of psp", cash)];
    let all = [("bonus:issued of welcome", "20.00"), ("player:bonus of crm/A", "20.00")];
    all.into_iter().chain(own.into_iter().filter(|_| cash != "0")).collect()
}

#[test]
fn b29_a_bet_above_the_most_is_refused() {
    let above = rule(BonusRule::MaxBet);
    let player = |cash: &str| with(cash, "20.00", capped("5.00", AboveMaxBet::Refuse));
    let of = |funds, amount: &str| PlaceBet { funds, ..commands::bet("T2", "Q", amount) };
    // From credits, from both, and from cash alone, which would count: there is no way around it.
    for cash in ["0", "1.00", "5.01", "100.00"] {
        let refused = player(cash).bet("T1", "R", "5.01").rejected("bonus_rule").refused_as(&above);
        let _ = refused.records(&["txn.rejected"]).accounts(&untouched(cash)).wagered("A", "0.00", "600.00");
    }
    for funds in [Funds::Cash, Funds::Bonus] {
        let _ = player("100.00").when(of(funds, "5.01")).refused_as(&above).accounts(&untouched("100.00"));
    }
    // The most itself may be staked, and nothing is.
    let most = player("1.00").bet("T1", "R", "5.00").applied();
    let _ = most.wagered("A", "5.00", "600.00").accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "16.00"),
        ("player:bonus_held of prov/R/crm/A", "4.00"),
        ("player:held of prov/R", "1.00"),
        ("psp:clearing of psp", "1.00"),
    ]);
    let free = player("0").when(commands::free_bet("T1", "R", "9.00")).applied();
    let _ = free.accounts(&untouched("0"));
    // What cannot be paid is above it all the same.
    let _ = player("0").bet("T1", "R", "50").refused_as(&above);
    // Another bonus has terms of its own, and a currency that is not named has no limit.
    let mut other = capped("5.00", AboveMaxBet::Refuse);
    other.max_bet.amounts = [(commands::currency("USD"), "5.00".parse().unwrap())].into();
    let _ = with("0", "20.00", other).bet("T1", "R", "20").applied();
}

#[test]
fn b29_the_most_is_nothing_to_a_bet_that_does_not_touch_the_bonus() {
    let in_cash = &[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "20.00"),
        ("player:cash", "91.00"),
        ("player:held of prov/R", "9.00"),
        ("psp:clearing of psp", "100.00"),
    ];
    // Cash does not count, or the game does not.
    let mut counts = capped("5.00", AboveMaxBet::Refuse);
    counts.wagering.counts = WageringCount::BonusBets;
    let mut game = capped("5.00", AboveMaxBet::Refuse);
    game.weights.excluded_games = [commands::game("game")].into();
    for terms in [counts.clone(), game] {
        let placed = with("100.00", "20.00", terms).bet("T1", "R", "9").applied();
        let _ = placed.accounts(in_cash).wagered("A", "0.00", "600.00");
    }
    let above = rule(BonusRule::MaxBet);
    let _ = with("8.99", "20.00", counts.clone()).bet("T1", "R", "9").refused_as(&above);
    let cash = PlaceBet { funds: Funds::Cash, ..commands::bet("T1", "R", "9") };
    let _ = with("8.99", "20.00", counts).when(cash).rejected("insufficient_funds");
    // A source that never reports a loss has no credits staked, but its stakes count.
    let mut policy = ledger_core::Policy::default();
    policy.default.round_close = ledger_core::RoundClosePolicy::ImmediateLoss;
    policy.bonuses.insert(commands::terms_name("welcome"), capped("5.00", AboveMaxBet::Refuse));
    let player = given().cash("100.00").policy(policy).when(commands::grant_bonus("A", "20"));
    let _ = player.bet("T1", "R", "9").refused_as(&above).accounts(&untouched("100.00"));
    // When all is wagered there is nothing to touch.
    let mut terms = capped("5.00", AboveMaxBet::Refuse);
    terms.wagering.times = commands::basis_points(2_500);
    let done = with("0", "20.00", terms).bet("T1", "R", "5").applied().when(commands::deposit("D1", "100"));
    let _ = done.bet("T2", "Q", "100").applied().accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "15.00"),
        ("player:bonus_held of prov/R/crm/A", "5.00"),
        ("player:held of prov/Q", "100.00"),
        ("psp:clearing of psp", "100.00"),
    ]);
}

#[test]
fn b29_terms_may_pay_a_bet_above_the_most_from_cash_alone() {
    let above = rule(BonusRule::MaxBet);
    let mut terms = capped("5.00", AboveMaxBet::CashOnly);
    terms.funds = FundOrder::BonusFirst;
    let player = |cash: &str| with(cash, "20.00", terms.clone());
    let _ = player("100.00").bet("T1", "R", "5.01").applied().wagered("A", "0.00", "600.00").accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "20.00"),
        ("player:cash", "94.99"),
        ("player:held of prov/R", "5.01"),
        ("psp:clearing of psp", "100.00"),
    ]);
    let _ = player("100.00").bet("T1", "R", "5.00").applied().wagered("A", "5.00", "600.00");
    let _ = player("5.00").bet("T1", "R", "5.01").refused_as(&above).accounts(&untouched("5.00"));
    let bonus = PlaceBet { funds: Funds::Bonus, ..commands::bet("T1", "R", "5.01") };
    let _ = player("100.00").when(bonus).refused_as(&above).accounts(&untouched("100.00"));
    let _ = player("5.00").bet("T1", "R", "25.01").rejected("insufficient_funds");
}

#[test]
fn b29_the_most_may_be_a_share_of_the_deposit() {
    let above = rule(BonusRule::MaxBet);
    let share = |fixed: Option<&str>| {
        let mut terms = matching(10_000, "200");
        terms.max_bet.of_deposit = Some(commands::basis_points(1_000));
        terms.max_bet.amounts =
            fixed.map(|fixed| (commands::currency("EUR"), fixed.parse().unwrap())).into_iter().collect();
        terms
    };
    // A tenth of 33.39, rounded down; and the lower of two.
    for (fixed, most, more) in
        [(None, "3.33", "3.34"), (Some("5.00"), "3.33", "3.34"), (Some("2.5"), "2.50", "2.51")]
    {
        let player = matched("33.39", share(fixed));
        let _ = player.bet("T1", "R", more).refused_as(&above).bet("T2", "R", most).applied();
    }
    let needed = Rejection::NotAllowed { reason: NotAllowedReason::DepositNeeded };
    let mut terms = commands::bonus_terms(30);
    terms.max_bet.of_deposit = Some(commands::basis_points(1_000));
    let player = given().terms("welcome", terms);
    let _ = player.when(commands::grant_bonus("A", "20")).refused_as(&needed).accounts(&[]);
    let fine = capped("0.001", AboveMaxBet::Refuse);
    let fine = given().terms("welcome", fine).when(commands::grant_bonus("A", "20"));
    let _ = fine.refused_as(&Rejection::NotAllowed { reason: NotAllowedReason::TermsAmounts });
}

#[test]
fn b29_an_award_keeps_the_most_it_was_granted_under() {
    let player = with("0", "20.00", capped("5.00", AboveMaxBet::Refuse));
    let later = player.terms("welcome", capped("1.00", AboveMaxBet::Refuse));
    let _ = later.bet("T1", "R", "5").applied().bet("T2", "R", "5.01").refused_as(&rule(BonusRule::MaxBet));
}

#[test]
fn s105_a_feature_is_not_bought_with_bonus_credits() {
    let refusal = rule(BonusRule::BuyFeature);
    let feature = |amount: &str| PlaceBet { buys_feature: true, ..commands::bet("T1", "R", amount) };
    let player = |cash: &str| with(cash, "20.00", bonus_first(30));
    // From credits alone, or from both: only credits would do.
    for cash in ["0", "5.00"] {
        let refused = player(cash).when(feature("8")).rejected("bonus_rule").refused_as(&refusal);
        let _ = refused.accounts(&untouched(cash)).wagered("A", "0.00", "600.00");
    }
    let bonus = PlaceBet { funds: Funds::Bonus, ..feature("8") };
    let _ = player("100.00").when(bonus).refused_as(&refusal).accounts(&untouched("100.00"));
    // Cash buys it, and counts as any stake does.
    let _ = player("100.00").when(feature("8")).applied().wagered("A", "8.00", "600.00").accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "20.00"),
        ("player:cash", "92.00"),
        ("player:held of prov/R", "8.00"),
        ("psp:clearing of psp", "100.00"),
    ]);
    let _ = player("5.00").when(feature("25.01")).rejected("insufficient_funds");
    // The terms may allow it. A game that does not count is told first.
    let allowed = BonusTerms { buy_feature: true, ..bonus_first(30) };
    let _ = with("0", "20.00", allowed).when(feature("8")).applied().accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "12.00"),
        ("player:bonus_held of prov/R/crm/A", "8.00"),
    ]);
    let _ = with("0", "20.00", weighted(0, AllBets))
        .when(feature("8"))
        .refused_as(&rule(BonusRule::NotStakeable));
    // Without a bonus it is a bet as any other, and what it says is part of its key.
    let bought = given().cash("100.00").when(feature("8")).applied();
    let again = bought.when(feature("8")).replayed("applied").bet("T1", "R", "8").refused("key_reused");
    let _ = again.accounts(&[
        ("player:cash", "92.00"),
        ("player:held of prov/R", "8.00"),
        ("psp:clearing of psp", "100.00"),
    ]);
    let plain = serde_json::to_string(&commands::bet("T1", "R", "8")).unwrap();
    assert!(!plain.contains("buys_feature"), "{plain}");
}

// Wins.

const MIXED: &[(&str, &str)] = &[
    ("bonus:issued of welcome", "20.00"),
    ("player:bonus of crm/A", "16.00"),
    ("player:bonus_held of prov/R/crm/A", "4.00"),
    ("player:held of prov/R", "6.00"),
    ("psp:clearing of psp", "6.00"),
];

/// A bet of 10 from 6 of cash and 4 of bonus credits.
fn mixed() -> Scenario {
    with("6.00", "20.00", commands::bonus_terms(35)).bet("T1", "R", "10.00").applied().accounts(MIXED)
}

#[test]
fn p10_a_win_comes_back_by_the_sources_of_the_stake() {
    let _ = mixed().win_close("W1", "R", "25.00").applied().accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "10.00"),
        ("bonus:stakes of game", "4.00"),
        ("gaming:payouts of game", "15.00"),
        ("gaming:stakes of game", "6.00"),
        ("player:bonus of crm/A", "26.00"),
        ("player:cash", "15.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
}

#[test]
fn b11_what_rounding_leaves_is_cash() {
    let staked = with("1.00", "10.00", commands::bonus_terms(35)).bet("T1", "R", "3.00");
    let _ = staked.win("W1", "R", "33.33").applied().accounts(&[
        ("bonus:issued of welcome", "10.00"),
        ("bonus:payouts of game", "22.22"),
        ("gaming:payouts of game", "11.11"),
        ("player:bonus of crm/A", "30.22"),
        ("player:bonus_held of prov/R/crm/A", "2.00"),
        ("player:cash", "11.11"),
        ("player:held of prov/R", "1.00"),
        ("psp:clearing of psp", "1.00"),
    ]);
    let odd = with("1.00", "10.00", commands::bonus_terms(35)).bet("T1", "R", "3.00").win("W1", "R", "0.01");
    let _ = odd.available("0.01");
    // Without cash in the stake nothing of it becomes cash.
    let all = with("0", "10.00", commands::bonus_terms(35)).bet("T1", "R", "3.00").win("W1", "R", "0.01");
    let _ = all.available("0.00").accounts(&[
        ("bonus:issued of welcome", "10.00"),
        ("bonus:payouts of game", "0.01"),
        ("player:bonus of crm/A", "7.01"),
        ("player:bonus_held of prov/R/crm/A", "3.00"),
    ]);
}

#[test]
fn several_bets_share_a_win_by_the_sum_of_their_sources() {
    // 6 of cash and 4 of credits, then 10 of credits: a win of both is 6 of 20 in cash, one of the second none.
    let both = || mixed().bet("T2", "R", "10.00").applied();
    let _ = both().win("W1", "R", "10.00").available("3.00").accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "7.00"),
        ("gaming:payouts of game", "3.00"),
        ("player:bonus of crm/A", "13.00"),
        ("player:bonus_held of prov/R/crm/A", "14.00"),
        ("player:cash", "3.00"),
        ("player:held of prov/R", "6.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
    let _ = both().win_bet("W1", "R", "T2", "10.00").available("0.00");
    // A bet that was undone is no source.
    let _ = both().rollback("X1", "T1").win("W1", "R", "10.00").available("6.00");
}

#[test]
fn p12_a_mixed_stake_is_lost() {
    let _ = mixed().close("C1", "R").applied().accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("bonus:stakes of game", "4.00"),
        ("gaming:stakes of game", "6.00"),
        ("player:bonus of crm/A", "16.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
}

// Undoing.

const BEFORE: &[(&str, &str)] = &[
    ("bonus:issued of welcome", "20.00"),
    ("player:bonus of crm/A", "20.00"),
    ("player:cash", "6.00"),
    ("psp:clearing of psp", "6.00"),
];

#[test]
fn s48_a_refund_goes_where_the_stake_came_from() {
    let undone = vec![
        mixed().rollback("X1", "T1"),
        mixed().void_bet("V1", "R", "T1"),
        mixed().void_round("V1", "R"),
        mixed().close("C1", "R").when(commands::void_settled_bet("V1", "R", "T1")),
        mixed().win_close("W1", "R", "25").when(commands::void_settled_round("V1", "R")),
        mixed().win_bet("W1", "R", "T1", "25").when(commands::unsettle("U1", "R", "T1")).rollback("X1", "T1"),
        mixed().when(commands::rollback_part("X1", "T1", "3.33")).rollback("X2", "T1"),
    ];
    for scenario in undone {
        let _ = scenario.applied().accounts(BEFORE).wagered("A", "0.00", "700.00");
    }
}

#[test]
fn b21_a_void_reverses_what_was_recorded() {
    let player = || with("6.00", "20.00", weighted(8_000, WageringCount::AllBets)).bet("T1", "R", "10");
    let _ = player()
        .wagered("A", "8.00", "700.00")
        .void_bet("V1", "R", "T1")
        .records(&["entry.posted", "bet.voided", "wager.progress.updated"])
        .accounts(BEFORE)
        .wagered("A", "0.00", "700.00");
    let low = with("6.00", "20.00", weighted(1_000, WageringCount::AllBets)).bet("T1", "R", "10");
    let _ = low.wagered("A", "1.00", "700.00").rollback("X1", "T1").wagered("A", "0.00", "700.00");
}

#[test]
fn b23_a_part_reverses_its_share_and_the_last_one_the_rest() {
    let player = with("6.00", "20.00", weighted(8_000, WageringCount::AllBets)).bet("T1", "R", "10");
    let part = player.when(commands::rollback_part("X1", "T1", "2.50")).applied();
    let _ = part
        .wagered("A", "6.00", "700.00")
        .accounts(&[
            ("bonus:issued of welcome", "20.00"),
            ("player:bonus of crm/A", "17.00"),
            ("player:bonus_held of prov/R/crm/A", "3.00"),
            ("player:cash", "1.50"),
            ("player:held of prov/R", "4.50"),
            ("psp:clearing of psp", "6.00"),
        ])
        .when(commands::rollback_part("X2", "T1", "0.01"))
        .wagered("A", "6.00", "700.00")
        .rollback("X3", "T1")
        .accounts(BEFORE)
        .wagered("A", "0.00", "700.00");
}

#[test]
fn a_win_that_is_rolled_back_leaves_both_funds() {
    let won = || mixed().win("W1", "R", "25.00");
    let _ = won().rollback_win("X1", "W1").applied().accounts(MIXED).wagered("A", "10.00", "700.00");
    // What the player has spent of it no other fund makes good.
    let bonus = |amount: &str| PlaceBet { funds: Funds::Bonus, ..commands::bet("T2", "Q", amount) };
    let spent = || won().when(bonus("20.00")).applied();
    let _ = spent().rollback_win("X1", "W1").applied().accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "4.00"),
        ("player:bonus_held of prov/Q/crm/A", "20.00"),
        ("player:bonus_held of prov/R/crm/A", "4.00"),
        ("player:held of prov/R", "6.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
    let _ = spent().on_shortfall(ShortfallPolicy::Reject);
    for (policy, code) in [(ShortfallPolicy::Reject, "insufficient_funds"), (ShortfallPolicy::Retain, "noop")]
    {
        let mut terms = spent().ledger().policy().clone();
        terms.default.on_shortfall = policy;
        let undone = spent().policy(terms).rollback_win("X1", "W1");
        let _ = if code == "noop" { undone.noop() } else { undone.rejected(code) };
    }
}

#[test]
fn a_result_is_corrected_in_the_ratio_of_the_stake() {
    let won = || mixed().win_close("W1", "R", "25.00");
    let of = |payouts: (&str, &str), has: (&str, &str)| {
        vec![
            ("bonus:issued of welcome".to_owned(), "20.00".to_owned()),
            ("bonus:payouts of game".to_owned(), payouts.1.to_owned()),
            ("bonus:stakes of game".to_owned(), "4.00".to_owned()),
            ("gaming:payouts of game".to_owned(), payouts.0.to_owned()),
            ("gaming:stakes of game".to_owned(), "6.00".to_owned()),
            ("player:bonus of crm/A".to_owned(), has.1.to_owned()),
            ("player:cash".to_owned(), has.0.to_owned()),
            ("psp:clearing of psp".to_owned(), "6.00".to_owned()),
        ]
    };
    for (amount, payouts, has) in
        [("50.00", ("30.00", "20.00"), ("30.00", "36.00")), ("12.50", ("7.50", "5.00"), ("7.50", "21.00"))]
    {
        let resettled = won().when(commands::resettle("S1", "R", amount)).applied();
        let expected = of(payouts, has);
        let expected: Vec<_> = expected.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let _ = resettled.accounts(&expected).wagered("A", "10.00", "700.00");
    }
    // A lost bet that won after all is paid by its sources too.
    let _ = mixed().close("C1", "R").when(commands::resettle("S1", "R", "10")).applied().available("6.00");
}

#[test]
fn a_cash_out_takes_and_pays_by_the_sources() {
    let part = mixed().when(commands::cash_out_part("K1", "R", "T1", "6.00", "5.00")).applied();
    let _ = part.accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "2.40"),
        ("bonus:stakes of game", "2.00"),
        ("gaming:payouts of game", "3.60"),
        ("gaming:stakes of game", "3.00"),
        ("player:bonus of crm/A", "18.40"),
        ("player:bonus_held of prov/R/crm/A", "2.00"),
        ("player:cash", "3.60"),
        ("player:held of prov/R", "3.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
    // Called off, all of it goes back.
    let sold = mixed().when(commands::cash_out_part("K1", "R", "T1", "6.00", "5.00"));
    let off = sold.when(commands::void_settled_bet("V1", "R", "T1")).applied();
    let _ = off.accounts(BEFORE).wagered("A", "0.00", "700.00");
    let _ = mixed().when(commands::cash_out("K1", "R", "T1", "10.00")).applied().available("6.00");
}

#[test]
fn w04_bonus_credits_cannot_be_withdrawn() {
    let player = with("40.00", "60.00", commands::bonus_terms(30));
    let left = Rejection::InsufficientFunds {
        available: "40.00".parse().unwrap(),
        currency: commands::currency("EUR"),
    };
    let _ = player.when(commands::request("W1", "50")).rejected("insufficient_funds").refused_as(&left);
}

// Ends.

#[test]
fn b15_a_completed_award_is_cash_up_to_its_cap() {
    let terms = BonusTerms {
        max_conversion: Some(MaxConversion::Times { times: commands::basis_points(50_000) }),
        ..bonus_first(1)
    };
    let played = with("0", "50.00", terms).bet("T1", "R", "40.00").win_close("W1", "R", "400.00");
    let done = played.bet("T2", "Q", "10.00").win_close("W2", "Q", "10.00").applied();
    let _ = done
        .records(&["entry.posted", "bet.settled", "round.closed", "entry.posted", "bonus.converted"])
        .award_is("A", Completed)
        .accounts(&[
            ("bonus:converted of welcome", "250.00"),
            ("bonus:cost of welcome", "250.00"),
            ("bonus:forfeited of welcome", "160.00"),
            ("bonus:issued of welcome", "50.00"),
            ("bonus:payouts of game", "410.00"),
            ("bonus:stakes of game", "50.00"),
            ("player:cash", "250.00"),
        ])
        .available("250.00")
        .answered("250.00");
}

#[test]
fn b16_without_a_cap_all_of_it_is_converted() {
    let terms = bonus_first(1);
    let played = with("0", "100.00", terms).bet("T1", "R", "99.63").close("C1", "R");
    let _ = played
        .award_is("A", Active)
        .bet("T2", "Q", "0.37")
        .win_close("W2", "Q", "0.37")
        .award_is("A", Completed)
        .accounts(&[
            ("bonus:converted of welcome", "0.37"),
            ("bonus:cost of welcome", "0.37"),
            ("bonus:issued of welcome", "100.00"),
            ("bonus:payouts of game", "0.37"),
            ("bonus:stakes of game", "100.00"),
            ("player:cash", "0.37"),
        ]);
}

#[test]
fn a_conversion_pays_what_the_player_owes_first() {
    let owing = given().cash("10").bet("E1", "E", "10").win_close("E2", "E", "30").bet("E3", "F", "30");
    let owing = owing.rollback_win("E4", "E2").terms("welcome", bonus_first(1));
    let done = owing.when(commands::grant_bonus("A", "40")).bet("T1", "R", "40").win_close("W1", "R", "50");
    let _ = done.award_is("A", Completed).available("20.00");
}

#[test]
fn b31_an_award_is_not_lost_while_a_round_has_stakes_of_it() {
    let staked = with("0", "4.00", commands::bonus_terms(30)).bet("T1", "R", "4.00").applied();
    let _ =
        staked.clone().award_is("A", Active).win_close("W1", "R", "6.00").award_is("A", Active).accounts(&[
            ("bonus:issued of welcome", "4.00"),
            ("bonus:payouts of game", "6.00"),
            ("bonus:stakes of game", "4.00"),
            ("player:bonus of crm/A", "6.00"),
        ]);
    // A6.20: what is played away is lost, not finished.
    let _ = staked
        .close("C1", "R")
        .records(&["entry.posted", "bet.settled", "round.closed", "bonus.lost"])
        .award_is("A", Lost)
        .accounts(&[("bonus:issued of welcome", "4.00"), ("bonus:stakes of game", "4.00")]);
}

#[test]
fn a6_20_an_award_that_is_wagered_and_played_away_is_lost() {
    let lost = with("0", "4.00", commands::bonus_terms(1)).bet("T1", "R", "4.00").close("C1", "R");
    let _ = lost.award_is("A", Lost).wins_nothing();
}

#[test]
fn b32_completion_waits_for_open_rounds_with_its_stakes() {
    let staked = with("6.00", "10.00", commands::bonus_terms(1)).bet("T1", "R", "10.00").applied();
    let _ = staked
        .records(&["entry.posted", "bet.placed", "wager.progress.updated", "bonus.completing"])
        .award_is("A", Completing)
        // Its credits are not staked any more.
        .bet("T2", "Q", "1.00")
        .rejected("insufficient_funds")
        .win_close("W1", "R", "50.00")
        .award_is("A", Completed)
        .accounts(&[
            ("bonus:converted of welcome", "26.00"),
            ("bonus:cost of welcome", "26.00"),
            ("bonus:issued of welcome", "10.00"),
            ("bonus:payouts of game", "20.00"),
            ("bonus:stakes of game", "4.00"),
            ("gaming:payouts of game", "30.00"),
            ("gaming:stakes of game", "6.00"),
            ("player:cash", "56.00"),
            ("psp:clearing of psp", "6.00"),
        ]);
}

#[test]
fn a_stake_that_goes_back_while_it_completes_resumes_wagering() {
    let staked = with("6.00", "10.00", commands::bonus_terms(1)).bet("T1", "R", "10.00");
    let back = staked.rollback("X1", "T1").applied();
    let _ = back
        .records(&["entry.posted", "bet.rolled_back", "wager.progress.updated", "bonus.resumed"])
        .award_is("A", Active)
        .wagered("A", "0.00", "10.00")
        .available("6.00");
    // What counts beyond the target is not recorded, so it is not reversed either.
    let beyond = with("6.00", "10.00", commands::bonus_terms(1)).bet("T1", "R", "4").bet("T2", "Q", "12");
    let _ = beyond.wagered("A", "10.00", "10.00").rollback("X1", "T2").wagered("A", "4.00", "10.00");
}

#[test]
fn after_its_end_nothing_goes_to_an_award() {
    // B.8: a stake of an award that has ended is forfeited when it comes back, and so is its part of a win.
    let forfeited = || mixed().when(commands::forfeit_bonus("F1", "A")).applied().award_is("A", Forfeited);
    let _ = forfeited()
        .records(&["entry.posted", "bonus.forfeited"])
        .rollback("X1", "T1")
        .records(&["entry.posted", "bet.rolled_back", "wager.reversal_ignored"])
        .accounts(&[
            ("bonus:forfeited of welcome", "20.00"),
            ("bonus:issued of welcome", "20.00"),
            ("player:cash", "6.00"),
            ("psp:clearing of psp", "6.00"),
        ]);
    let won = forfeited().win("W1", "R", "25.00").applied();
    let _ = won.clone().accounts(&[
        ("bonus:forfeited of welcome", "26.00"),
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "10.00"),
        ("gaming:payouts of game", "15.00"),
        ("player:bonus_held of prov/R/crm/A", "4.00"),
        ("player:cash", "15.00"),
        ("player:held of prov/R", "6.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
    let _ = won.rollback_win("X1", "W1").applied().accounts(&[
        ("bonus:forfeited of welcome", "16.00"),
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus_held of prov/R/crm/A", "4.00"),
        ("player:held of prov/R", "6.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
    // A win that an award got before its end is not asked of anything else.
    let ended = mixed().win("W1", "R", "25.00").when(commands::forfeit_bonus("F1", "A"));
    let _ = ended.rollback_win("X1", "W1").applied().accounts(&[
        ("bonus:forfeited of welcome", "26.00"),
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "10.00"),
        ("player:bonus_held of prov/R/crm/A", "4.00"),
        ("player:held of prov/R", "6.00"),
        ("psp:clearing of psp", "6.00"),
    ]);
}

#[test]
fn p14_an_award_is_forfeited_or_expires() {
    let player = || with("0", "30.00", commands::bonus_terms(30));
    let _ = player()
        .when(commands::forfeit_bonus("F1", "A"))
        .award_is("A", Forfeited)
        .accounts(&[("bonus:forfeited of welcome", "30.00"), ("bonus:issued of welcome", "30.00")]);
    let ended = Rejection::NotAllowed { reason: NotAllowedReason::AwardEnded };
    let over = player().when(commands::forfeit_bonus("F1", "A")).when(commands::forfeit_bonus("F2", "A"));
    let _ = over.rejected("not_allowed").refused_as(&ended);
    let unknown = Rejection::NotAllowed { reason: NotAllowedReason::TargetUnknown };
    let _ = player().when(commands::forfeit_bonus("F1", "B")).refused_as(&unknown);

    let short = BonusTerms { expires_after_secs: Some(60), ..commands::bonus_terms(30) };
    let early = Rejection::NotAllowed { reason: NotAllowedReason::NotExpired };
    let _ = with("0", "30.00", short.clone())
        .after_secs(59)
        .when(commands::expire_bonus("E1", "A"))
        .refused_as(&early)
        .after_secs(1)
        .when(commands::expire_bonus("E2", "A"))
        .applied()
        .records(&["entry.posted", "bonus.expired"])
        .award_is("A", Expired)
        .accounts(&[("bonus:expired of welcome", "30.00"), ("bonus:issued of welcome", "30.00")]);
    // Whatever comes after that time ends it, and a bet finds it gone.
    let _ =
        with("0", "30.00", short.clone()).after_secs(60).bet("T1", "R", "5").rejected("insufficient_funds");
    let _ = with("0", "30.00", short).after_secs(60).cash("5").award_is("A", Expired);
}

#[test]
fn b30_what_is_too_little_to_be_played_is_lost() {
    let least = [(commands::currency("EUR"), "0.10".parse().unwrap())].into();
    let terms = BonusTerms { min_to_terminate: least, ..commands::bonus_terms(30) };
    let _ = with("0", "10.00", terms)
        .bet("T1", "R", "9.91")
        .award_is("A", Active)
        .close("C1", "R")
        .award_is("A", Lost)
        .accounts(&[
            ("bonus:forfeited of welcome", "0.09"),
            ("bonus:issued of welcome", "10.00"),
            ("bonus:stakes of game", "9.91"),
        ]);
}

#[test]
fn without_wagering_a_bonus_is_cash_at_once() {
    let _ = with("0", "5.00", commands::bonus_terms(0)).award_is("A", Completed).accounts(&[
        ("bonus:converted of welcome", "5.00"),
        ("bonus:cost of welcome", "5.00"),
        ("bonus:issued of welcome", "5.00"),
        ("player:cash", "5.00"),
    ]);
}

// Several.

#[test]
fn b34_awards_wait_for_each_other() {
    let first = with("1.00", "3.00", commands::bonus_terms(30));
    let both = first.when(commands::grant_bonus("B", "10.00")).applied().records(&["bonus.issued"]);
    let both = both.award_is("B", Queued).accounts(&[
        ("bonus:issued of welcome", "3.00"),
        ("player:bonus of crm/A", "3.00"),
        ("player:cash", "1.00"),
        ("psp:clearing of psp", "1.00"),
    ]);
    // The stake is limited to the first one's credits and cash.
    let _ = both.clone().bet("T1", "R", "5.00").rejected("insufficient_funds");
    // When it ends, the next one begins, in the same commit.
    let ended = both.bet("T1", "R", "4.00").close("C1", "R");
    let _ = ended
        .records(&[
            "entry.posted",
            "bet.settled",
            "round.closed",
            "bonus.lost",
            "entry.posted",
            "bonus.activated",
        ])
        .award_is("A", Lost)
        .award_is("B", Active)
        .wagered("B", "0.00", "300.00")
        .accounts(&[
            ("bonus:issued of welcome", "13.00"),
            ("bonus:stakes of game", "3.00"),
            ("gaming:stakes of game", "1.00"),
            ("player:bonus of crm/B", "10.00"),
            ("psp:clearing of psp", "1.00"),
        ]);
    // One that waits can be given up: nothing was booked.
    let waiting = with("0", "3.00", commands::bonus_terms(30)).when(commands::grant_bonus("B", "10"));
    let _ = waiting
        .when(commands::forfeit_bonus("F1", "B"))
        .records(&["bonus.forfeited"])
        .award_is("B", Forfeited);
}

#[test]
fn a_new_award_may_replace_one_that_has_ended() {
    let again =
        |of: &str| GrantBonus { reactivates: Some(commands::award(of)), ..commands::grant_bonus("B", "5") };
    let player = || with("0", "3.00", commands::bonus_terms(30));
    let _ =
        player().when(commands::forfeit_bonus("F1", "A")).when(again("A")).applied().award_is("B", Active);
    let live = Rejection::NotAllowed { reason: NotAllowedReason::AwardLive };
    let _ = player().when(again("A")).refused_as(&live);
    let _ = player().when(again("C")).rejected("not_allowed");
}

#[test]
fn x06_a_bonus_goes_with_its_deposit() {
    let matched = || matched("100.00", matching(10_000, "200"));
    let _ = matched()
        .when(commands::refund("F1", "D1"))
        .applied()
        .award_is("A", Forfeited)
        .accounts(&[("bonus:forfeited of welcome", "100.00"), ("bonus:issued of welcome", "100.00")]);
    let charged = matched().when(commands::chargeback("X1", "D1", "100")).applied();
    let _ = charged.award_is("A", Forfeited);
    // Another deposit's is not.
    let other = matched().when(commands::deposit("D2", "50")).when(commands::refund("F1", "D2"));
    let _ = other.applied().award_is("A", Active);
}

#[test]
fn a_player_who_is_closed_has_no_bonus_left() {
    let closed = with("0", "3.00", commands::bonus_terms(30)).when(commands::close_player("Z1")).applied();
    let _ = closed
        .award_is("A", Forfeited)
        .accounts(&[("bonus:forfeited of welcome", "3.00"), ("bonus:issued of welcome", "3.00")]);
}

#[test]
fn a_bonus_win_does_not_pay_for_a_bet_of_its_batch() {
    let staked = || with("0", "10.00", commands::bonus_terms(30)).bet("T1", "R", "10.00");
    let win = || commands::win_close("W1", "R", "25");
    let both = commands::batch(vec![win().into(), commands::bet("T2", "Q", "5").into()]);
    let _ = staked().when(both).rejected("insufficient_funds");
    let back =
        commands::batch(vec![commands::rollback("X1", "T1").into(), commands::bet("T2", "Q", "5").into()]);
    let _ = staked().when(back).applied();
}

trait Nothing {
    fn wins_nothing(self) -> Self;
}

impl Nothing for Scenario {
    /// Nothing became cash.
    fn wins_nothing(self) -> Self {
        let texts = self.ledger().account_texts();
        assert!(!texts.contains_key("bonus:cost of welcome"), "{texts:?}");
        self
    }
}

/// What goes back of the stake covers the wins that are taken together, once: three wins cannot take it three times.
#[test]
fn wins_that_are_taken_together_take_what_there_is_once() {
    with("0", "20", bonus_first(30))
        .bet("T1", "R", "5")
        .when(commands::win("W1", "R", "5"))
        .when(commands::win("W2", "R", "20"))
        .win_close("W3", "R", "10")
        .bet("T2", "R2", "45")
        .accounts(&[
            ("bonus:issued of welcome", "20.00"),
            ("bonus:stakes of game", "5.00"),
            ("bonus:payouts of game", "35.00"),
            ("player:bonus of crm/A", "5.00"),
            ("player:bonus_held of prov/R2/crm/A", "45.00"),
        ])
        .when(commands::void_settled_bet("V1", "R", "T1"))
        .applied()
        .accounts(&[
            ("bonus:issued of welcome", "20.00"),
            ("bonus:payouts of game", "25.00"),
            ("player:bonus_held of prov/R2/crm/A", "45.00"),
        ]);
}
