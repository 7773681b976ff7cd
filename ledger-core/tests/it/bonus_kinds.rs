//! Kinds of bonuses: sticky and phantom (B17, B18), paid in the end, released in shares (F14), one per product, from free
//! rounds (B25, S94), cashback (F15, F16), prizes. Every case asserts both books.

use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    AwardStatus, BonusRule, BonusTerms, CashbackOf, CompleteMission, FreeRoundPayment, FundOrder, Funds,
    GrantBonus, MaxConversion, MissionCondition, NotAllowedReason, PlaceBet, Played, Policy, Principal,
    Rejection, Reward,
};

use AwardStatus::{Active, Completed, Forfeited, Lost, Queued};

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

fn euros(text: &str) -> std::collections::BTreeMap<ledger_core::CurrencyCode, ledger_core::Amount> {
    [(commands::currency("EUR"), text.parse().unwrap())].into()
}

/// A player with cash and a bonus under these terms.
fn with(cash: &str, bonus: &str, terms: BonusTerms) -> Scenario {
    let player = if cash == "0" { given() } else { given().cash(cash) };
    player.terms("welcome", terms).when(commands::grant_bonus("A", bonus)).applied()
}

/// A round of so much that brings so much.
fn round(player: Scenario, name: &str, stake: &str, win: &str) -> Scenario {
    player.bet(name, name, stake).applied().win_close(name, name, win).applied()
}

// Sticky and phantom.

fn sticky(times: u32) -> BonusTerms {
    BonusTerms { principal: Principal::Removed, ..commands::bonus_terms(times) }
}

#[test]
fn b17_a_sticky_bonus_is_removed_and_what_was_won_with_it_stays() {
    // 100 and 100: cash and credits are staked together and bring 260, half of it each.
    let done = round(with("100.00", "100", sticky(2)), "T1", "200", "260");
    let _ = done
        .records(&["entry.posted", "bet.settled", "round.closed", "entry.posted", "bonus.converted"])
        .award_is("A", Completed)
        .accounts(&[
            ("bonus:converted of welcome", "30.00"),
            ("bonus:cost of welcome", "30.00"),
            ("bonus:forfeited of welcome", "100.00"),
            ("bonus:issued of welcome", "100.00"),
            ("bonus:payouts of game", "130.00"),
            ("bonus:stakes of game", "100.00"),
            ("gaming:payouts of game", "130.00"),
            ("gaming:stakes of game", "100.00"),
            ("player:cash", "160.00"),
            ("psp:clearing of psp", "100.00"),
        ])
        .when(commands::request("Z1", "160"))
        .applied();
    // Untouched credits bring nothing, and neither do fewer than were given.
    let untouched = round(with("100.00", "10", sticky(5)), "T1", "50", "50");
    let _ = untouched.award_is("A", Completed).available("100.00");
    let mut first = sticky(1);
    first.funds = FundOrder::BonusFirst;
    let less = round(with("0", "10", first), "T1", "10", "9.99");
    let _ = less.award_is("A", Completed).accounts(&[
        ("bonus:forfeited of welcome", "9.99"),
        ("bonus:issued of welcome", "10.00"),
        ("bonus:payouts of game", "9.99"),
        ("bonus:stakes of game", "10.00"),
    ]);
}

#[test]
fn b18_a_phantom_bonus_is_deducted_in_the_end() {
    let done = round(with("20.00", "20", sticky(2)), "T1", "40", "50");
    let _ = done.award_is("A", Completed).accounts(&[
        ("bonus:converted of welcome", "5.00"),
        ("bonus:cost of welcome", "5.00"),
        ("bonus:forfeited of welcome", "20.00"),
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "25.00"),
        ("bonus:stakes of game", "20.00"),
        ("gaming:payouts of game", "25.00"),
        ("gaming:stakes of game", "20.00"),
        ("player:cash", "30.00"),
        ("psp:clearing of psp", "20.00"),
    ]);
    // What may be converted at most is of what was won.
    let mut capped = sticky(2);
    capped.max_conversion = Some(MaxConversion::Fixed { amounts: euros("3.00") });
    let _ = round(with("20.00", "20", capped), "T1", "40", "50").available("28.00");
}

#[test]
fn b18_a_bonus_that_is_paid_in_the_end_is_never_staked() {
    let mut terms = commands::bonus_terms(2);
    (terms.post_paid, terms.funds) = (true, FundOrder::BonusFirst);
    let player = || with("20.00", "20", terms.clone());
    let rule = Rejection::BonusRule { rule: BonusRule::NotStakeable };
    let untouched = &[
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "20.00"),
        ("player:cash", "20.00"),
        ("psp:clearing of psp", "20.00"),
    ];
    let _ = player().bet("T1", "R", "20.01").refused_as(&rule).accounts(untouched);
    let bonus = PlaceBet { funds: Funds::Bonus, ..commands::bet("T1", "R", "5") };
    let _ = player().when(bonus).refused_as(&rule).accounts(untouched);
    let half = round(player(), "T1", "20", "30").wagered("A", "20.00", "40.00").available("30.00");
    let _ = half.bet("T2", "Q", "20").award_is("A", Completed).accounts(&[
        ("bonus:converted of welcome", "20.00"),
        ("bonus:cost of welcome", "20.00"),
        ("bonus:issued of welcome", "20.00"),
        ("gaming:payouts of game", "30.00"),
        ("gaming:stakes of game", "20.00"),
        ("player:cash", "30.00"),
        ("player:held of prov/Q", "20.00"),
        ("psp:clearing of psp", "20.00"),
    ]);
}

// Released in shares.

fn released(times: u32, share: u32) -> BonusTerms {
    let release_every = Some(commands::basis_points(share));
    BonusTerms { release_every, ..commands::bonus_terms(times) }
}

#[test]
fn f14_every_share_of_the_target_releases_the_same_share_of_the_bonus() {
    // A tenth of 200 to be wagered releases 2 of 20.
    let player = || with("500.00", "20", released(10, 1_000));
    let _ = round(player(), "T1", "19.99", "19.99").wagered("A", "19.99", "200.00").available("500.00");
    let first = player().bet("T1", "R", "20").applied();
    let first = first.records(&[
        "entry.posted",
        "bet.placed",
        "wager.progress.updated",
        "entry.posted",
        "bonus.released",
    ]);
    let first = first.wagered("A", "20.00", "200.00").accounts(&[
        ("bonus:converted of welcome", "2.00"),
        ("bonus:cost of welcome", "2.00"),
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "18.00"),
        ("player:cash", "482.00"),
        ("player:held of prov/R", "20.00"),
        ("psp:clearing of psp", "500.00"),
    ]);
    // Steps are whole; several at once are one release.
    let more = first.bet("T2", "Q", "79.99").applied().available("408.01");
    let _ = more.clone().bet("T3", "P", "100").applied().award_is("A", Active).available("318.01");
    // What was released stays when a stake goes back, and is not released again.
    let back = more.rollback("X1", "T2").applied().wagered("A", "20.00", "200.00").available("488.00");
    let again = back.bet("T4", "O", "60").applied().wagered("A", "80.00", "200.00");
    let _ = again.accounts(&[
        ("bonus:converted of welcome", "8.00"),
        ("bonus:cost of welcome", "8.00"),
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "12.00"),
        ("player:cash", "428.00"),
        ("player:held of prov/O", "60.00"),
        ("player:held of prov/R", "20.00"),
        ("psp:clearing of psp", "500.00"),
    ]);
}

#[test]
fn f14_only_credits_that_are_there_are_released() {
    let mut terms = released(10, 5_000);
    terms.funds = FundOrder::BonusFirst;
    // All of 20 is staked when half of 200 is wagered: nothing is there, until it wins.
    let mut player = with("500.00", "20", terms);
    for name in ["T1", "T2", "T3", "T4"] {
        player = round(player, name, "20", "20");
    }
    let staked = player.wagered("A", "80.00", "200.00").bet("T5", "R", "20").wagered("A", "100.00", "200.00");
    let staked = staked.available("500.00");
    let won = staked.win_close("W5", "R", "7").records(&[
        "entry.posted",
        "bet.settled",
        "round.closed",
        "entry.posted",
        "bonus.released",
        "bonus.lost",
    ]);
    let _ = won.award_is("A", Lost).accounts(&[
        ("bonus:converted of welcome", "7.00"),
        ("bonus:cost of welcome", "7.00"),
        ("bonus:issued of welcome", "20.00"),
        ("bonus:payouts of game", "87.00"),
        ("bonus:stakes of game", "100.00"),
        ("player:cash", "507.00"),
        ("psp:clearing of psp", "500.00"),
    ]);
}

#[test]
fn f14_what_is_released_counts_towards_the_most_that_is_converted() {
    let mut terms = released(10, 2_500);
    terms.max_conversion = Some(MaxConversion::Fixed { amounts: euros("12.00") });
    let player = with("500.00", "20", terms).bet("T1", "R", "150").applied();
    // Three quarters would be 15.
    let player = player.accounts(&[
        ("bonus:converted of welcome", "12.00"),
        ("bonus:cost of welcome", "12.00"),
        ("bonus:issued of welcome", "20.00"),
        ("player:bonus of crm/A", "8.00"),
        ("player:cash", "362.00"),
        ("player:held of prov/R", "150.00"),
        ("psp:clearing of psp", "500.00"),
    ]);
    let _ = player.bet("T2", "Q", "50").award_is("A", Completed).accounts(&[
        ("bonus:converted of welcome", "12.00"),
        ("bonus:cost of welcome", "12.00"),
        ("bonus:forfeited of welcome", "8.00"),
        ("bonus:issued of welcome", "20.00"),
        ("player:cash", "312.00"),
        ("player:held of prov/Q", "50.00"),
        ("player:held of prov/R", "150.00"),
        ("psp:clearing of psp", "500.00"),
    ]);
}

// One per product.

#[test]
fn awards_of_different_products_are_played_beside_each_other() {
    let of = |product: Option<&str>| BonusTerms {
        product: product.map(commands::game_type),
        funds: FundOrder::BonusFirst,
        ..commands::bonus_terms(30)
    };
    let grant = |id: &str, terms: &str, amount: &str| GrantBonus {
        terms: commands::terms_name(terms),
        ..commands::grant_bonus(id, amount)
    };
    let bet = |id: &str, kind: Option<&str>| PlaceBet {
        game_type: kind.map(commands::game_type),
        ..commands::bet(id, id, "5")
    };
    let player =
        given().terms("slots", of(Some("slots"))).terms("all", of(None)).terms("live", of(Some("live")));
    let player = player.when(grant("A", "slots", "10")).when(grant("B", "all", "20"));
    let player = player.when(grant("C", "live", "30")).when(grant("D", "slots", "40")).applied();
    // The second of a product waits, the others do not.
    let player =
        player.award_is("A", Active).award_is("B", Active).award_is("C", Active).award_is("D", Queued);
    let player = player.when(bet("T1", Some("slots"))).when(bet("T2", Some("live")));
    let player = player.when(bet("T3", Some("poker"))).when(bet("T4", None)).applied();
    let player = player.accounts(&[
        ("bonus:issued of welcome", "60.00"),
        ("player:bonus of crm/A", "5.00"),
        ("player:bonus of crm/B", "10.00"),
        ("player:bonus of crm/C", "25.00"),
        ("player:bonus_held of prov/T1/crm/A", "5.00"),
        ("player:bonus_held of prov/T2/crm/C", "5.00"),
        ("player:bonus_held of prov/T3/crm/B", "5.00"),
        ("player:bonus_held of prov/T4/crm/B", "5.00"),
    ]);
    let player = player.wagered("A", "5.00", "300.00").wagered("B", "10.00", "600.00");
    let ended =
        player.when(commands::forfeit_bonus("F1", "A")).award_is("A", Forfeited).award_is("D", Active);
    // A product's own award goes first, also where it has too little.
    let big = PlaceBet { game_type: Some(commands::game_type("slots")), ..commands::bet("T5", "T5", "41") };
    let _ = ended.when(big).rejected("insufficient_funds");
}

// Free rounds.

fn spins(terms: BonusTerms, payment: FreeRoundPayment) -> Scenario {
    let mut policy = Policy::default();
    policy.default.free_rounds = payment;
    policy.bonuses.insert(commands::terms_name("spins"), terms);
    policy.free_round_bonuses = [(commands::sub_account("campaign"), commands::terms_name("spins"))].into();
    given().policy(policy)
}

#[test]
fn b25_what_free_rounds_won_is_a_bonus() {
    let mut terms = commands::bonus_terms(30);
    terms.max_conversion = Some(MaxConversion::Fixed { amounts: euros("50.00") });
    for payment in [FreeRoundPayment::Each, FreeRoundPayment::Total] {
        let mut player = spins(terms.clone(), payment);
        // 20 rounds worth 0.20 each, of which two win: each win is news, whatever the source does otherwise.
        for n in 0..20 {
            let name = format!("S{n}");
            let win = match n {
                3 => "7.00",
                11 => "0.30",
                _ => "0",
            };
            player = player.when(commands::free_bet(&name, &name, "0.20")).applied();
            player = player.win_close(&name, &name, win).applied().accounts(&[]);
        }
        let total = player.when(commands::free_rounds("F1", "7.30")).applied();
        let total = total
            .records(&["entry.posted", "bonus.issued"])
            .accounts(&[("bonus:issued of welcome", "7.30"), ("player:bonus of prov/F1", "7.30")]);
        let award = total.ledger().state().awards()[0].clone();
        assert_eq!((award.target.to_string(), award.progress.to_string()), ("219.00".into(), "0.00".into()));
        // Never twice.
        let again = total.when(commands::free_rounds("F1", "7.30")).replayed("applied");
        let _ = again.when(commands::free_rounds("F2", "0")).noop();
    }
}

#[test]
fn p16_what_free_rounds_won_is_issued_as_credits() {
    let won =
        spins(commands::bonus_terms(30), FreeRoundPayment::Total).when(commands::free_rounds("F1", "7.30"));
    let _ =
        won.applied().accounts(&[("bonus:issued of welcome", "7.30"), ("player:bonus of prov/F1", "7.30")]);
}

#[test]
fn p18_a_cashback_is_issued_as_credits() {
    let mut terms = cashback(CashbackOf::Turnover, None, "100.00");
    terms.wagering.times = commands::basis_points(10_000);
    let player = given().terms("welcome", terms).when(back(commands::played(&[("slots", "200", "0")], "0")));
    let _ = player
        .applied()
        .accounts(&[("bonus:issued of welcome", "20.00"), ("player:bonus of crm/A", "20.00")]);
}

#[test]
fn s94_a_campaign_decides_whether_free_rounds_pay_cash_or_a_bonus() {
    // No more than the terms give; under terms that are not there nothing is lost: the report may come again.
    let mut small = commands::bonus_terms(30);
    small.reward = Reward::Given { most: euros("5.00") };
    let _ = spins(small, FreeRoundPayment::Each)
        .when(commands::free_rounds("F1", "7.30"))
        .accounts(&[("bonus:issued of welcome", "5.00"), ("player:bonus of prov/F1", "5.00")]);
    let campaigns = [(commands::sub_account("campaign"), commands::terms_name("spins"))];
    let policy = Policy { free_round_bonuses: campaigns.into(), ..Policy::default() };
    let unknown = given().policy(policy).when(commands::free_rounds("F1", "7.30"));
    let unknown = unknown.rejected("not_allowed").refused_as(&no(NotAllowedReason::TermsUnknown));
    let _ =
        unknown.terms("spins", commands::bonus_terms(30)).when(commands::free_rounds("F1", "7.30")).applied();
    // Another campaign pays cash as its source does.
    let other = ledger_core::ReportFreeRounds {
        campaign: commands::sub_account("friday"),
        ..commands::free_rounds("F1", "7.30")
    };
    let _ = spins(commands::bonus_terms(30), FreeRoundPayment::Total)
        .when(other)
        .applied()
        .accounts(&[("freespin:cost of friday", "7.30"), ("player:cash", "7.30")]);
    // A win that is corrected is news as well.
    let won = spins(commands::bonus_terms(30), FreeRoundPayment::Each);
    let won = won.when(commands::free_bet("T1", "R", "0.20")).win_close("W1", "R", "7");
    let _ = won.when(commands::resettle("S1", "R", "9")).noop().accounts(&[]);
}

// Cashback.

fn cashback(of: CashbackOf, least: Option<&str>, most: &str) -> BonusTerms {
    let reward = Reward::Cashback {
        of,
        rates: [
            (commands::game_type("slots"), commands::basis_points(1_000)),
            (commands::game_type("live"), commands::basis_points(333)),
        ]
        .into(),
        others: None,
        least: least.map(euros).unwrap_or_default(),
        most: euros(most),
    };
    BonusTerms { reward, ..commands::bonus_terms(0) }
}

fn back(played: Played) -> GrantBonus {
    GrantBonus { amount: None, played: Some(played), ..commands::grant_bonus("A", "0") }
}

/// What a cashback is, as cash: without wagering it is converted at once.
#[track_caller]
fn pays(terms: BonusTerms, played: Played, amount: &str) {
    let player = given().terms("welcome", terms).when(back(played)).applied();
    let _ = player.records(&["entry.posted", "bonus.issued", "entry.posted", "bonus.converted"]).accounts(&[
        ("bonus:converted of welcome", amount),
        ("bonus:cost of welcome", amount),
        ("bonus:issued of welcome", amount),
        ("player:cash", amount),
    ]);
}

#[test]
fn f15_a_cashback_is_a_share_of_what_was_lost_by_product() {
    let terms = |least, most| cashback(CashbackOf::Ggr, least, most);
    // 10 % of 123.45 is 12.34, 3.33 % of 50 is 1.66, poker gives nothing.
    let played =
        || commands::played(&[("slots", "523.45", "400"), ("live", "100", "50"), ("poker", "90", "0")], "0");
    pays(terms(None, "100.00"), played(), "14.00");
    pays(terms(None, "10.00"), played(), "10.00");
    pays(terms(Some("14.00"), "100.00"), played(), "14.00");
    // What bonuses brought is less of it, and so is a product on which the player won.
    pays(terms(None, "100"), commands::played(&[("slots", "523.45", "400")], "2.34"), "10.00");
    let won = commands::played(&[("slots", "523.45", "400"), ("live", "0", "100.01")], "0");
    pays(terms(None, "100"), won, "9.01");
    // Nothing below the least, and nothing of a win.
    let none = |terms: BonusTerms, played: Played| {
        let _ = given().terms("welcome", terms).when(back(played)).noop().accounts(&[]);
    };
    none(terms(Some("14.01"), "100.00"), played());
    none(terms(None, "100"), commands::played(&[("slots", "100", "500")], "0"));
    none(terms(None, "100"), commands::played(&[("slots", "100", "0")], "10"));
    none(terms(None, "100"), commands::played(&[], "0"));
}

#[test]
fn f16_a_cashback_may_be_a_share_of_what_was_staked() {
    let terms = cashback(CashbackOf::Turnover, None, "60.00");
    let played = |slots: &str| commands::played(&[("slots", slots, "9999"), ("live", "100", "0")], "7");
    pays(terms.clone(), played("523.45"), "55.67");
    pays(terms, played("600"), "60.00");
}

#[test]
fn f15_a_cashback_may_have_to_be_wagered_and_says_what_it_is_for() {
    let mut terms = cashback(CashbackOf::Ggr, None, "100.00");
    terms.wagering.times = commands::basis_points(10_000);
    let player = given().terms("welcome", terms);
    let granted = player.when(back(commands::played(&[("slots", "200.0", "100")], "0"))).applied();
    let granted = granted
        .award_is("A", Active)
        .wagered("A", "0.00", "10.00")
        .accounts(&[("bonus:issued of welcome", "10.00"), ("player:bonus of crm/A", "10.00")]);
    // The same figures are the same grant, others are not.
    let same = back(commands::played(&[("slots", "200", "100.00")], "0.00"));
    let other = back(commands::played(&[("slots", "200", "100")], "0.01"));
    let _ = granted.when(same).replayed("applied").when(other).refused("key_reused");
}

#[test]
fn f15_a_cashback_needs_what_was_played_in_a_period_that_is_over() {
    let player = || given().terms("welcome", cashback(CashbackOf::Ggr, None, "100.00"));
    let played = || commands::played(&[("slots", "200", "100")], "0");
    let none = GrantBonus { played: None, ..back(played()) };
    let _ = player().when(none).refused_as(&no(NotAllowedReason::BaseNeeded)).accounts(&[]);
    let fixed = given().terms("welcome", commands::bonus_terms(1));
    let _ = fixed.when(back(played())).refused_as(&no(NotAllowedReason::BaseNeeded));
    let period = no(NotAllowedReason::Period);
    let open = Played { to: "2026-02-01T00:00:00Z".parse().unwrap(), ..played() };
    let backwards = Played { from: played().to, ..played() };
    for wrong in [open, backwards] {
        let _ = player().when(back(wrong)).refused_as(&period).accounts(&[]);
    }
    let twice = commands::played(&[("slots", "1", "0"), ("slots", "1", "0")], "0");
    let _ = player().when(back(twice)).refused_as(&no(NotAllowedReason::Lines));
    let stated = GrantBonus { amount: Some(commands::decimal("9.99")), ..back(played()) };
    let _ = player().when(stated).rejected("mismatch");
    let stated = GrantBonus { amount: Some(commands::decimal("10")), ..back(played()) };
    let _ = player().when(stated).applied();
    let many: Vec<String> = (0..65).map(|n| format!("P{n}")).collect();
    let many: Vec<_> = many.iter().map(|name| (name.as_str(), "1", "0")).collect();
    let _ = player().when(back(commands::played(&many, "0"))).refused("capacity_exceeded");
    let _ = player().when(back(commands::played(&many[1..], "0"))).noop();
    let _ = player().when(back(commands::played(&[("slots", "-1", "0")], "0"))).refused("invalid_amount");
    let _ = player().when(back(commands::played(&[("slots", "1", "0.001")], "0"))).refused("precision");
}

// Missions.

fn mission(conditions: Vec<MissionCondition>) -> Scenario {
    let reward = Reward::Mission { conditions, amounts: euros("15.00") };
    given().terms("welcome", BonusTerms { reward, ..commands::bonus_terms(10) })
}

fn condition(product: Option<&str>, rounds: u32, stakes: Option<&str>) -> MissionCondition {
    let product = product.map(commands::game_type);
    MissionCondition { product, rounds, stakes: stakes.map(euros).unwrap_or_default() }
}

#[test]
fn a_mission_is_rewarded_once_for_each_completion() {
    let player = mission(vec![condition(Some("slots"), 50, None)]);
    let done = player.when(commands::complete_mission(&[("slots", "10", 50)])).applied();
    let name = "crm/welcome@2025-12-01T00:00:00.000000Z";
    let account = format!("player:bonus of {name}");
    let rewarded = &[("bonus:issued of welcome", "15.00"), (account.as_str(), "15.00")];
    let done = done.records(&["entry.posted", "bonus.issued"]).accounts(rewarded);
    let target = done.ledger().state().awards()[0].target.to_string();
    assert_eq!(target, "150.00");
    // The same completion with the same figures is a replay, and with others the key's.
    let done = done.when(commands::complete_mission(&[("slots", "10.00", 50)])).replayed("applied");
    let done = done.when(commands::complete_mission(&[("slots", "10", 51)])).refused("key_reused");
    let in_period = |from: &str, to: &str| CompleteMission {
        played: Played {
            from: format!("{from}T00:00:00Z").parse().unwrap(),
            to: format!("{to}T00:00:00Z").parse().unwrap(),
            ..commands::complete_mission(&[("slots", "10", 50)]).played
        },
        ..commands::complete_mission(&[])
    };
    // A period that reaches into it would count the same play twice.
    let done = done.when(in_period("2025-12-08", "2026-01-01"));
    let done = done.refused_as(&no(NotAllowedReason::PeriodCounted)).accounts(rewarded);
    assert_eq!(done.ledger().state().awards().len(), 1);
    // Another period is another completion.
    let player =
        mission(vec![condition(Some("slots"), 50, None)]).when(in_period("2025-11-01", "2025-12-01"));
    let twice = player.applied().when(in_period("2025-12-01", "2026-01-01")).applied();
    assert_eq!(twice.ledger().state().awards().len(), 2, "the second waits");
}

#[test]
fn a_mission_asks_for_all_of_its_conditions() {
    let conditions = || {
        vec![
            condition(Some("slots"), 10, Some("100.00")),
            condition(None, 15, None),
            condition(None, 0, Some("150.00")),
        ]
    };
    let unmet = no(NotAllowedReason::ConditionsUnmet);
    for (products, passes) in [
        (&[("slots", "100", 10), ("live", "50", 5)][..], true),
        (&[("slots", "150", 15)], true),
        (&[("slots", "99.99", 10), ("live", "60", 5)], false),
        (&[("slots", "100", 9), ("live", "60", 6)], false),
        (&[("slots", "100", 10), ("live", "50", 4)], false),
        (&[("slots", "100", 10), ("live", "49.99", 5)], false),
        (&[("live", "1000", 1000)], false),
        (&[], false),
    ] {
        let told = mission(conditions()).when(commands::complete_mission(products));
        let _ = if passes {
            told.applied()
        } else {
            told.rejected("not_allowed").refused_as(&unmet).accounts(&[])
        };
    }
    // A refusal leaves the completion free.
    let early = mission(conditions()).when(commands::complete_mission(&[("slots", "100", 10)]));
    let _ = early.refused_as(&unmet).when(commands::complete_mission(&[("slots", "150", 15)])).applied();
}

#[test]
fn a_mission_is_completed_and_everything_else_is_granted() {
    let one = || mission(vec![condition(None, 1, None)]);
    let other = no(NotAllowedReason::OtherReward);
    let grant = GrantBonus { amount: None, ..commands::grant_bonus("A", "0") };
    let _ = one().when(grant.clone()).rejected("not_allowed").refused_as(&other).accounts(&[]);
    let played = commands::complete_mission(&[("slots", "1", 1)]).played;
    let _ = one().when(GrantBonus { played: Some(played), ..grant }).refused_as(&other);
    let fixed = given().terms("welcome", commands::bonus_terms(1));
    let _ = fixed.when(commands::complete_mission(&[("slots", "1", 1)])).refused_as(&other).accounts(&[]);
    let open = CompleteMission {
        played: Played {
            to: "2026-02-01T00:00:00Z".parse().unwrap(),
            ..commands::complete_mission(&[("slots", "1", 1)]).played
        },
        ..commands::complete_mission(&[])
    };
    let _ = one().when(open).refused_as(&no(NotAllowedReason::Period));
    // None and too many conditions make no mission, and fractions of a cent are no amount.
    for count in [0, 17] {
        let contradictory = mission(vec![condition(None, 0, None); count]);
        let refused = no(NotAllowedReason::TermsContradictory);
        let _ = contradictory.when(commands::complete_mission(&[])).refused_as(&refused);
    }
    let _ = mission(vec![condition(None, 0, None); 16]).when(commands::complete_mission(&[])).applied();
    let fine = mission(vec![condition(None, 0, Some("0.001"))]).when(commands::complete_mission(&[]));
    let _ = fine.refused_as(&no(NotAllowedReason::TermsAmounts));
}

// Prizes.

#[test]
fn a_prize_of_a_tournament_may_be_a_bonus() {
    let terms = BonusTerms { campaign: commands::sub_account("autumn-cup"), ..commands::bonus_terms(5) };
    let won = given().terms("cup", terms);
    let prize = GrantBonus { terms: commands::terms_name("cup"), ..commands::grant_bonus("rank-3", "250") };
    let _ = won
        .when(prize.clone())
        .applied()
        .wagered("rank-3", "0.00", "1250.00")
        .accounts(&[("bonus:issued of autumn-cup", "250.00"), ("player:bonus of crm/rank-3", "250.00")])
        .when(prize)
        .replayed("applied");
}
