//! The campaigns of docs/bonuses.md: terms that can be published, and what the page says of them.

use std::fs;

use ledger_core::testing::{Scenario, commands, given, given_house, given_nobody, house_commands};
use ledger_core::{
    AwardStatus, BonusRule, BonusTerms, CompleteMission, GrantBonus, NotAllowedReason, OpenPlayer, PlaceBet,
    Played, Policy, RecordDeposit, Rejection, ReportFreeRounds, RequestWithdrawal, Settle, SubAccount,
    TermsName, WithdrawalQuote,
};

use crate::goldens::dir;

/// The terms of a campaign, as the page has them.
fn written(campaign: &str) -> BonusTerms {
    let page = fs::read_to_string(dir("../docs").join("bonuses.md")).unwrap();
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let all = blocks.map(|text| {
        let terms: BonusTerms = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&terms).unwrap(), value, "nothing that is so by default is written");
        terms
    });
    let all: Vec<_> = all.collect();
    assert_eq!(all.len(), 4);
    all.into_iter().find(|terms| terms.campaign.as_str() == campaign).expect("a campaign of the page")
}

fn name(campaign: &str) -> TermsName {
    TermsName::new(campaign).unwrap()
}

/// A policy with a campaign, which can be published.
fn policy(campaign: &str) -> Policy {
    let mut policy = Policy { bonuses: [(name(campaign), written(campaign))].into(), ..Policy::default() };
    if campaign == "spins" {
        policy.free_round_bonuses = [(SubAccount::new("spins").unwrap(), name("spins"))].into();
    }
    let _ = given_house("configuration").when(house_commands::publish_policy("P1", &policy)).applied();
    policy
}

fn grant(campaign: &str) -> GrantBonus {
    GrantBonus {
        terms: name(campaign),
        amount: None,
        deposit: Some(commands::payment("D1")),
        ..commands::grant_bonus("A", "0")
    }
}

fn slots(bet: PlaceBet) -> PlaceBet {
    PlaceBet { game_type: Some(commands::game_type("slots")), ..bet }
}

#[test]
fn a_welcome_bonus_in_great_britain() {
    let pounds = commands::currency("GBP");
    let open = OpenPlayer { jurisdiction: commands::jurisdiction("GB"), ..commands::open(&["GBP"]) };
    let deposit = RecordDeposit { currency: pounds, ..commands::deposit("D1", "30") };
    let player = given_nobody().policy(policy("welcome-gb")).when(open).when(deposit).applied();
    let mut player = player.when(GrantBonus { currency: pounds, ..grant("welcome-gb") }).applied();
    for n in 0..20 {
        let id = format!("T{n}");
        let bet = slots(PlaceBet { currency: pounds, ..commands::bet(&id, &id, "5") });
        let win = Settle { currency: pounds, ..commands::win_close(&id, &id, "5") };
        player = player.when(bet).applied().when(win).applied();
    }
    let above = slots(PlaceBet { currency: pounds, ..commands::bet("X", "X", "5.01") });
    let player = player.when(above).refused_as(&Rejection::BonusRule { rule: BonusRule::MaxBet });
    let request =
        |id: &str, amount: &str| RequestWithdrawal { currency: pounds, ..commands::request(id, amount) };
    let player = player.wagered("A", "100.00", "300.00").when(request("W1", "10")).applied();
    let player = player.wagered("A", "100.00", "300.00").accounts(&[
        ("bonus:issued of welcome-gb in GBP", "30.00"),
        ("gaming:payouts of game in GBP", "100.00"),
        ("gaming:stakes of game in GBP", "100.00"),
        ("player:bonus of crm/A in GBP", "30.00"),
        ("player:cash in GBP", "20.00"),
        ("player:withdrawal_pending of cashier/W1 in GBP", "10.00"),
        ("psp:clearing of psp in GBP", "30.00"),
    ]);
    let ledger = player.ledger();
    let quote = WithdrawalQuote::of_all(ledger.state(), ledger.policy(), pounds, ledger.now()).unwrap();
    assert_eq!(
        (quote.amount.to_string(), quote.forfeits[0].credits.to_string()),
        ("20.00".into(), "30.00".into())
    );
    let _ = player.when(request("W2", "20")).applied().award_is("A", AwardStatus::Forfeited).accounts(&[
        ("bonus:forfeited of welcome-gb in GBP", "30.00"),
        ("bonus:issued of welcome-gb in GBP", "30.00"),
        ("gaming:payouts of game in GBP", "100.00"),
        ("gaming:stakes of game in GBP", "100.00"),
        ("player:withdrawal_pending of cashier/W1 in GBP", "10.00"),
        ("player:withdrawal_pending of cashier/W2 in GBP", "20.00"),
        ("psp:clearing of psp in GBP", "30.00"),
    ]);
}

/// So many bets of 10 that each win as much.
fn tens(mut player: Scenario, from: u32, to: u32) -> Scenario {
    for n in from..to {
        let id = format!("T{n}");
        player =
            player.when(slots(commands::bet(&id, &id, "10"))).applied().win_close(&id, &id, "10").applied();
    }
    player
}

#[test]
fn a_reload_that_is_released_in_shares() {
    let player = given().policy(policy("friday-reload")).when(commands::deposit("D1", "100"));
    let player = player.when(grant("friday-reload")).applied().wagered("A", "0.00", "3000.00");
    let above = Rejection::BonusRule { rule: BonusRule::MaxBet };
    let player = player.bet("X", "X", "10.01").refused_as(&above);
    let player = tens(player, 0, 29).available("100.00");
    let player = tens(player, 29, 30).available("105.00").wagered("A", "300.00", "3000.00");
    let player = tens(player, 30, 60).available("110.00");
    let _ =
        player.when(commands::request("W1", "1")).applied().award_is("A", AwardStatus::Forfeited).accounts(
            &[
                ("bonus:converted of friday-reload", "10.00"),
                ("bonus:cost of friday-reload", "10.00"),
                ("bonus:forfeited of friday-reload", "40.00"),
                ("bonus:issued of friday-reload", "50.00"),
                ("gaming:payouts of game", "600.00"),
                ("gaming:stakes of game", "600.00"),
                ("player:cash", "109.00"),
                ("player:withdrawal_pending of cashier/W1", "1.00"),
                ("psp:clearing of psp", "100.00"),
            ],
        );
}

#[test]
fn free_spins_into_a_bonus() {
    let report =
        ReportFreeRounds { campaign: commands::sub_account("spins"), ..commands::free_rounds("F1", "7.30") };
    let player = given().policy(policy("spins")).when(report).applied();
    // A lucky one: 7 bring 80, then small ones until the target is reached.
    let lucky = player.when(slots(commands::bet("T0", "T0", "7.30"))).win_close("T0", "T0", "80").applied();
    let mut player = lucky;
    for n in 1..22 {
        let id = format!("T{n}");
        player =
            player.when(slots(commands::bet(&id, &id, "10"))).applied().win_close(&id, &id, "10").applied();
    }
    let last = player.when(slots(commands::bet("T22", "T22", "1.70"))).applied();
    let _ = last.win_close("T22", "T22", "1.70").applied().accounts(&[
        ("bonus:converted of spins", "50.00"),
        ("bonus:cost of spins", "50.00"),
        ("bonus:forfeited of spins", "30.00"),
        ("bonus:issued of spins", "7.30"),
        ("bonus:payouts of game", "291.70"),
        ("bonus:stakes of game", "219.00"),
        ("player:cash", "50.00"),
    ]);
}

#[test]
fn a_mission_of_the_weekend() {
    let complete = |rounds: u32, stakes: &str| {
        let day = |day: &str| format!("2025-12-{day}T00:00:00Z").parse().unwrap();
        let played = commands::complete_mission(&[("slots", stakes, rounds)]).played;
        CompleteMission {
            mission: name("weekend"),
            played: Played { from: day("05"), to: day("08"), ..played },
            ..commands::complete_mission(&[])
        }
    };
    let player = || given().policy(policy("weekend"));
    let unmet = Rejection::NotAllowed { reason: NotAllowedReason::ConditionsUnmet };
    let _ = player().when(complete(49, "100.00")).refused_as(&unmet).accounts(&[]);
    let _ = player().when(complete(50, "99.99")).refused_as(&unmet).accounts(&[]);
    let done = player().when(complete(50, "100.00")).applied();
    let award = "player:bonus of crm/weekend@2025-12-05T00:00:00.000000Z";
    let done = done.accounts(&[("bonus:issued of weekend", "15.00"), (award, "15.00")]);
    assert_eq!(done.ledger().state().awards()[0].target.to_string(), "150.00");
}
