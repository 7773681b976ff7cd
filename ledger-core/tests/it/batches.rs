//! Several operations in one commit: S78 to S92 in docs/scenarios.md.

use ledger_core::stored::{CreditKind, Direction, KEYS_MAX, OutcomeKind, RoundStatus};
use ledger_core::testing::{Scenario, TestAnswer, commands, given, given_nobody};
use ledger_core::{
    Batch, BatchError, Decision, GrantCredit, HostAccountClass, HostOperation, KnownOperations, PlaceBet,
    PlayerCommand, Policy, Rejection, ShortfallPolicy, WithholdTax,
};

fn batch<const N: usize>(commands: [PlayerCommand; N]) -> Batch {
    commands::batch(commands.into())
}

fn outcomes(answer: &TestAnswer) -> Vec<String> {
    answer.operations.iter().map(|(key, outcome)| format!("{} {}", key.id, outcome.text())).collect()
}

/// 743,220.01 EUR: the balance of the published samples, 74322001 subunits.
fn sampled() -> Scenario {
    given().cash("743220.01")
}

const DEPOSITED: (&str, &str) = ("psp:clearing of psp", "743220.01");

#[test]
fn s78_a_stake_and_its_result_in_one_call() {
    let round = batch([
        commands::bet("534123666", "R", "1.00").into(),
        commands::win_close("534123667", "R", "0.00").into(),
    ]);
    let done = given().cash("10012.00").when(round).applied().accounts(&[
        ("psp:clearing of psp", "10012.00"),
        ("player:cash", "10011.00"),
        ("gaming:stakes of game", "1.00"),
    ]);
    assert_eq!(outcomes(done.answer()), ["534123666 applied", "534123667 applied"], "two ids");
    let _ = done.round_is("R", RoundStatus::Closed);
}

#[test]
fn s79_the_same_call_again_is_a_replay_of_both() {
    let round =
        || batch([commands::bet("T1", "R", "1.00").into(), commands::win_close("W1", "R", "0.00").into()]);
    let again =
        given().cash("10012.00").when(round()).bet("T2", "R2", "10").when(round()).replayed("applied");
    assert_eq!(outcomes(again.answer()), ["T1 replayed:applied", "W1 replayed:applied"]);
    let _ = again.answered("10011.00").available("10001.00");
}

#[test]
fn s80_no_operations_are_no_batch_and_the_balance_is_read() {
    for known in [KnownOperations::Refuse, KnownOperations::Replay] {
        assert_eq!(Batch::new(Vec::new(), known), Err(BatchError::Count { count: 0 }));
    }
    let _ = sampled().available("743220.01").accounts(&[DEPOSITED, ("player:cash", "743220.01")]);
}

#[test]
fn s81_one_operation_is_a_batch_too() {
    let _ = sampled().when(batch([commands::bet("T1", "R", "1.00").into()])).applied().accounts(&[
        DEPOSITED,
        ("player:cash", "743219.01"),
        ("player:held of prov/R", "1.00"),
    ]);
}

#[test]
fn s82_a_bet_and_its_win() {
    let play =
        batch([commands::bet("T1", "R", "1.00").into(), commands::win_close("W1", "R", "2.50").into()]);
    let _ = sampled()
        .when(play)
        .applied()
        .records(&["entry.posted", "bet.placed", "entry.posted", "bet.settled", "round.closed"])
        .accounts(&[
            DEPOSITED,
            ("player:cash", "743221.51"),
            ("gaming:stakes of game", "1.00"),
            ("gaming:payouts of game", "2.50"),
        ]);
}

#[test]
fn s83_the_win_comes_in_a_later_call() {
    let _ = sampled()
        .when(batch([commands::bet("T1", "R", "1.00").into()]))
        .when(batch([commands::win_close("W1", "R", "7.00").into()]))
        .applied()
        .accounts(&[
            DEPOSITED,
            ("player:cash", "743226.01"),
            ("gaming:stakes of game", "1.00"),
            ("gaming:payouts of game", "7.00"),
        ]);
}

const FIFTY: &[(&str, &str)] = &[("psp:clearing of psp", "50.00"), ("player:cash", "50.00")];

fn short(available: &str) -> Rejection {
    Rejection::InsufficientFunds {
        available: available.parse().unwrap(),
        currency: commands::currency("EUR"),
    }
}

#[test]
fn s84_a_win_does_not_pay_for_its_own_bet() {
    let bet: PlayerCommand = commands::bet("T1", "R", "100").into();
    let win: PlayerCommand = commands::win_close("W1", "R", "250").into();
    let _ = given()
        .cash("50.00")
        .when(batch([bet.clone(), win.clone()]))
        .rejected("insufficient_funds")
        .refused_as(&short("50.00"))
        .accounts(FIFTY);
    // The bet's key is gone, that of the win is not: it comes again when there is a bet.
    let _ = given()
        .cash("50.00")
        .when(batch([bet.clone(), win.clone()]))
        .cash("50.00")
        .when(bet)
        .replayed("rejected:insufficient_funds")
        .bet("T2", "R", "100")
        .when(win)
        .applied()
        .available("250.00");
}

/// 50.00 of cash, and an open round E with a stake of 10 that a win can be paid for.
fn with_an_open_round() -> Scenario {
    given().cash("60.00").bet("E1", "E", "10").applied()
}

#[test]
fn s84_nor_does_any_other_new_money_of_the_same_call() {
    let held: &[(&str, &str)] =
        &[("psp:clearing of psp", "60.00"), ("player:cash", "50.00"), ("player:held of prov/E", "10.00")];
    let mut to_player = commands::host("H1", "points", "{}");
    to_player.movement = Some(commands::host_movement(HostAccountClass::Expense, "points", true, "100"));
    let bearers: [PlayerCommand; 6] = [
        commands::win("W1", "E", "100").into(),
        commands::win_close("W1", "E", "100").into(),
        commands::deposit("D1", "100").into(),
        commands::credit("K1", CreditKind::Cashback, "100").into(),
        commands::adjust("A1", Direction::Credit, "100").into(),
        to_player.into(),
    ];
    for new_money in bearers {
        // Covered by what was there before: 50, not a cent more.
        let bet = |amount: &str| commands::bet("T1", "R", amount).into();
        let _ = with_an_open_round()
            .when(batch([new_money.clone(), bet("50.01")]))
            .rejected("insufficient_funds")
            .refused_as(&short("50.00"))
            .accounts(held);
        let _ =
            with_an_open_round().when(batch([new_money.clone(), bet("50")])).applied().available("100.00");
        // The same, the other way round and in three.
        let _ = with_an_open_round()
            .when(batch([bet("50"), new_money.clone(), commands::bet("T2", "R", "0.01").into()]))
            .rejected("insufficient_funds")
            .refused_as(&short("0.00"))
            .accounts(held);
    }
}

#[test]
fn s84_a_debt_that_the_win_pays_is_still_a_debt_for_its_bets() {
    // 25 is owed, and E is open.
    let owes = given()
        .cash("20")
        .bet("E1", "E", "10")
        .bet("F1", "F", "10")
        .win_close("F2", "F", "25")
        .bet("G1", "G", "25")
        .rollback_win("X1", "F2")
        .applied()
        .available("-25.00");
    let before = owes.ledger().account_texts();
    for (win, bet) in [("40", "1"), ("25", "0.01"), ("1000", "15")] {
        let call = batch([commands::win("W1", "E", win).into(), commands::bet("T1", "R", bet).into()]);
        let refused = owes.clone().when(call).rejected("insufficient_funds").refused_as(&short("-25.00"));
        assert_eq!(refused.ledger().account_texts(), before);
    }
    // In a call of its own the same win is the player's own money.
    let _ =
        owes.when(commands::win("W1", "E", "40")).applied().bet("T1", "R", "15").applied().available("0.00");
}

#[test]
fn s84_stakes_that_go_back_are_the_players_own() {
    let back: [PlayerCommand; 3] = [
        commands::rollback("X1", "E1").into(),
        commands::void_bet("V1", "E", "E1").into(),
        commands::void_round("V1", "E").into(),
    ];
    for back in back {
        let moved = batch([back, commands::bet("T1", "R", "60").into()]);
        let _ = with_an_open_round()
            .when(moved)
            .applied()
            .accounts(&[("psp:clearing of psp", "60.00"), ("player:held of prov/R", "60.00")]);
    }
    let part =
        batch([commands::rollback_part("X1", "E1", "4").into(), commands::bet("T1", "R", "54").into()]);
    let _ = with_an_open_round().when(part).applied().available("0.00").held("60.00");
    // Not a stake that was taken: it was the house's before the call.
    let lost = given().cash("60").bet("E1", "E", "10").close("C1", "E");
    let again =
        batch([commands::void_settled_bet("V1", "E", "E1").into(), commands::bet("T1", "R", "60").into()]);
    let _ = lost.when(again).rejected("insufficient_funds").refused_as(&short("50.00"));
}

#[test]
fn s84_what_is_taken_back_of_a_win_is_not_taken_from_the_players_own() {
    // A win that comes and goes leaves what was there before to be bet.
    let call = batch([
        commands::win("W1", "E", "40").into(),
        commands::rollback_win("X1", "W1").into(),
        commands::bet("T1", "R", "50").into(),
    ]);
    let _ = with_an_open_round().when(call).applied().available("0.00");
    // But what is taken beyond the win is his own.
    let call = batch([
        commands::win("W1", "E", "40").into(),
        commands::adjust("A1", Direction::Debit, "60").into(),
        commands::bet("T1", "R", "31").into(),
    ]);
    let _ = with_an_open_round().when(call).rejected("insufficient_funds").refused_as(&short("30.00"));
}

#[test]
fn s84_holds_for_everything_that_takes_money() {
    let mut fee = commands::host("H1", "fee", "{}");
    fee.movement = Some(commands::host_movement(HostAccountClass::Income, "fee", false, "50.01"));
    let taking: [PlayerCommand; 1] = [HostOperation { ..fee }.into()];
    for take in taking {
        let call = batch([commands::win("W1", "E", "100").into(), take]);
        let _ = with_an_open_round()
            .when(call)
            .rejected("insufficient_funds")
            .refused_as(&short("50.00"))
            .available("50.00");
    }
    // A tax is taken of the win itself, and is no wager.
    let tax = WithholdTax { on: Some(commands::txn("W1")), ..commands::withhold_tax("T1", "80") };
    let call = batch([commands::win("W1", "E", "100").into(), tax.into()]);
    let _ = with_an_open_round().when(call).applied().available("70.00");
}

#[test]
fn s84_an_exchange_does_not_pay_for_a_bet_of_the_same_call() {
    let rate = || commands::rate_at("EUR", "USD", "1.1", "2026-01-01T00:00:00Z".parse().unwrap());
    let opened = given_nobody().when(commands::open(&["EUR", "USD"])).cash("100");
    let dollars =
        |amount: &str| PlaceBet { currency: commands::currency("USD"), ..commands::bet("T1", "R", amount) };
    let call = batch([commands::exchange("X1", "EUR", "USD", "50", rate()).into(), dollars("1").into()]);
    let _ = opened.clone().when(call).rejected("insufficient_funds").available("100.00");
    let two = batch([
        commands::exchange("X1", "EUR", "USD", "60", rate()).into(),
        commands::bet("T1", "R", "41").into(),
    ]);
    let _ = opened.when(two).rejected("insufficient_funds").refused_as(&short("40.00")).available("100.00");
}

#[test]
fn s85_of_two_bets_that_are_too_much_together_none_is_placed() {
    let call = batch([commands::bet("T1", "R1", "60").into(), commands::bet("T2", "R2", "60").into()]);
    let refused = given()
        .cash("100")
        .when(call.clone())
        .rejected("insufficient_funds")
        .refused_as(&short("40.00"))
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
    // Both ids are gone: the call as a whole must come under new ones.
    let _ = refused
        .clone()
        .when(call)
        .replayed("rejected:insufficient_funds")
        .bet("T1", "R1", "60")
        .replayed("rejected:batch_refused")
        .bet("T2", "R2", "60")
        .replayed("rejected:insufficient_funds");
    assert!(refused.ledger().round_of("prov", "R1").is_none());
}

#[test]
fn s88_bets_of_a_table_and_one_payout() {
    let spot = |id: &str, game: &str, amount: &str| PlaceBet {
        game: commands::game(game),
        ..commands::bet(id, "hand-1", amount)
    };
    let call = batch([
        spot("T1", "BAC_Player", "10").into(),
        spot("T2", "BAC_Tie", "5").into(),
        commands::win_close("W1", "hand-1", "20").into(),
    ]);
    let done = given().cash("100").when(call).applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "105.00"),
        ("gaming:stakes of BAC_Player", "10.00"),
        ("gaming:stakes of BAC_Tie", "5.00"),
        ("gaming:payouts of BAC_Player", "20.00"),
    ]);
    let settled = done.ledger().events().filter(|record| record.event.type_name() == "bet.settled").count();
    assert_eq!(settled, 1, "one settlement");
}

#[test]
fn s89_a_combination_is_one_bet_under_its_own_id() {
    // Its selections are the provider's: the ledger sees one stake and one result.
    let combination = given().cash("100").bet("combination-1", "combination-1", "10").applied().held("10.00");
    let _ = combination
        .clone()
        .bet("combination-1", "combination-1", "10")
        .replayed("applied")
        .win_close("combination-1", "combination-1", "85")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "175.00"),
            ("gaming:stakes of game", "10.00"),
            ("gaming:payouts of game", "85.00"),
        ]);
}

#[test]
fn s90_a_subscription_holds_a_stake_for_every_draw() {
    let draws = |amount: &str| {
        let bet = |n: u32| commands::bet(&format!("sub-1/{n}"), &format!("draw-{n}"), amount).into();
        commands::batch((1..=4).map(bet).collect())
    };
    let paid = given().cash("100").when(draws("2.50")).applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "90.00"),
        ("player:held of prov/draw-1", "2.50"),
        ("player:held of prov/draw-2", "2.50"),
        ("player:held of prov/draw-3", "2.50"),
        ("player:held of prov/draw-4", "2.50"),
    ]);
    assert_eq!(paid.ledger().commits().len(), 3, "one commit for all draws");
    // Each draw is settled alone; all are paid for, or none.
    let _ = paid.win_close("W1", "draw-1", "9").applied().available("99.00").held("7.50");
    let _ = given().cash("9.99").when(draws("2.50")).rejected("insufficient_funds").held("0.00");
}

#[test]
fn s92_bet_and_win_of_one_call_are_replayed_together() {
    let call = || batch([commands::bet("T1", "R", "10").into(), commands::win_close("W1", "R", "25").into()]);
    let played = given().cash("100").when(call()).applied().available("115.00");
    let again = played.clone().when(call()).replayed("applied").available("115.00");
    assert_eq!(outcomes(again.answer()), ["T1 replayed:applied", "W1 replayed:applied"]);
    // Each is known by itself too, and another payload is refused.
    let _ = played
        .clone()
        .bet("T1", "R", "10")
        .replayed("applied")
        .win_close("W1", "R", "25")
        .replayed("applied");
    let other = batch([commands::bet("T1", "R", "10").into(), commands::win_close("W1", "R", "26").into()]);
    let _ = played.when(other).refused("key_reused").available("115.00");
}

// Known operations, limits.

#[test]
fn of_a_partly_known_batch_the_known_are_listed_or_replayed() {
    let placed = given().cash("100").bet("T1", "R", "10").win("W1", "R", "5");
    let commands = || {
        vec![
            commands::bet("T1", "R", "10").into(),
            commands::bet("T2", "R", "20").into(),
            commands::win("W1", "R", "5").into(),
        ]
    };
    let ids = vec![commands::txn("T1"), commands::txn("W1")];
    let _ = placed
        .clone()
        .when(commands::batch(commands()))
        .refused("partly_known")
        .refused_as(&Rejection::PartlyKnown { ids })
        .available("95.00");
    let done = placed.when(commands::batch_of_new(commands())).applied().available("75.00").held("30.00");
    assert_eq!(outcomes(done.answer()), ["T1 replayed:applied", "T2 applied", "W1 replayed:applied"]);
    let _ = done.when(commands::batch_of_new(commands())).replayed("applied");
}

#[test]
fn known_keys_answer_without_state_and_time() {
    let placed = given().cash("100").bet("T1", "R", "10");
    let ledger = placed.ledger();
    let answered = |command: PlayerCommand| {
        let needed =
            ledger_core::FactsNeeded::of(&command, ledger.state().player(), ledger.policy()).unwrap();
        let found =
            ledger_core::testing::find_facts(ledger.state().player(), &needed, ledger.commits()).unwrap();
        needed.answered(&command, &found)
    };
    let (known, new) = (commands::bet("T1", "R", "10"), commands::bet("T2", "R", "10"));
    let both = vec![known.clone().into(), new.clone().into()];
    assert_eq!(answered(known.clone().into()), Some(Decision::Replay));
    assert_eq!(answered(commands::bet("T1", "R", "11").into()), Some(Decision::Refuse(Rejection::KeyReused)));
    assert_eq!(answered(new.into()), None, "this one must be decided");
    assert_eq!(answered(batch([known.into()]).into()), Some(Decision::Replay));
    assert_eq!(answered(commands::batch_of_new(both.clone()).into()), None, "the rest must be decided");
    let listed = Rejection::PartlyKnown { ids: vec![commands::txn("T1")] };
    assert_eq!(answered(commands::batch(both).into()), Some(Decision::Refuse(listed)));
}

#[test]
fn a_batch_has_at_most_as_many_commands_as_a_commit_has_keys() {
    let bets = |count: usize| -> Vec<PlayerCommand> {
        (0..count).map(|n| commands::bet(&format!("T{n}"), "R", "1").into()).collect()
    };
    assert_eq!(
        Batch::new(bets(KEYS_MAX + 1), KnownOperations::Refuse),
        Err(BatchError::Count { count: KEYS_MAX + 1 })
    );
    let text = serde_json::to_string(&commands::batch(bets(KEYS_MAX))).unwrap();
    let one_more = text.replacen(
        "\"commands\":[",
        &format!("\"commands\":[{},", {
            serde_json::to_string(&PlayerCommand::from(commands::bet("TX", "R", "1"))).unwrap()
        }),
        1,
    );
    assert!(serde_json::from_str::<Batch>(&text).is_ok());
    assert!(serde_json::from_str::<Batch>(&one_more).is_err(), "also where it is read");
    let _ = given().cash("16").when(commands::batch(bets(KEYS_MAX))).applied().available("0.00");
}

#[test]
fn credits_of_a_batch_keep_their_round() {
    // S98: the first of two deposits is the round's win, the last is the jackpot.
    let jackpot = GrantCredit {
        round: Some(commands::round("R")),
        ..commands::credit("J1", CreditKind::LocalJackpot, "1000")
    };
    let call = batch([commands::win_close("W1", "R", "5").into(), jackpot.into()]);
    let done = given().cash("10").bet("T1", "R", "10").when(call).applied();
    assert_eq!(done.answer().operations.len(), 2);
    let _ = done.accounts(&[
        ("psp:clearing of psp", "10.00"),
        ("player:cash", "1005.00"),
        ("gaming:stakes of game", "10.00"),
        ("gaming:payouts of game", "5.00"),
        ("jackpot:liability of campaign", "-1000.000000"),
    ]);
}

#[test]
fn a_refused_batch_is_kept_by_the_policy_of_its_sources() {
    let call = || batch([commands::bet("T1", "R", "60").into(), commands::bet("T2", "R", "60").into()]);
    let mut policy = Policy::default();
    policy.default.sticky_rejections = false;
    policy.default.on_shortfall = ShortfallPolicy::Reject;
    let refused = given().cash("100").policy(policy).when(call()).rejected("insufficient_funds");
    let last = refused.ledger().commits().last().unwrap();
    assert!(last.keys.is_empty());
    let _ = refused.cash("20").when(call()).applied().available("0.00");
    let kept = given().cash("100").when(call()).ledger().commits().last().unwrap().clone();
    assert!(kept.keys.iter().all(|key| key.outcome == OutcomeKind::Rejected));
}

/// A withdrawal is money that leaves: nothing new of its batch pays for it. What is called off in the batch was the
/// player's before, and may be staked.
#[test]
fn s84_withdrawals_are_covered_by_what_was_there_and_cover_when_called_off() {
    let held = given().cash("100").bet("T1", "R", "50");
    let asked = held
        .when(batch([commands::win_close("W1", "R", "250").into(), commands::request("W2", "60").into()]));
    let _ = asked.rejected("insufficient_funds").available("50.00");
    let pending = given().cash("100").when(commands::request("W1", "90")).applied();
    let rejected =
        batch([commands::reject_withdrawal("X1", "W1").into(), commands::bet("T1", "R", "100").into()]);
    let _ = pending
        .when(rejected)
        .applied()
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:held of prov/R", "100.00")]);
}
