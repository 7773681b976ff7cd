//! Random histories: the core against the naive model, and invariants of every log. For each checker a
//! planted bug that it is seen to catch.

use crate::config;
use ledger_core::testing::{Model, TestLedger, commands, generators, given, given_nobody, invariants};
use ledger_core::{PlayerCommand, Policy};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;

fn ledger(policy: Policy) -> TestLedger {
    given_nobody().policy(policy).ledger().clone()
}

/// Runs a history on the core and the model side by side; answers with what differs.
fn differs(policy: &Policy, history: &[PlayerCommand], plant: bool) -> Result<TestLedger, String> {
    differs_at(policy, history, plant, |step| u32::try_from(step % 3).unwrap())
}

/// The same with so many seconds before each step.
fn differs_at(
    policy: &Policy,
    history: &[PlayerCommand],
    plant: bool,
    pace: impl Fn(usize) -> u32,
) -> Result<TestLedger, String> {
    let mut ledger = ledger(policy.clone());
    let registry = ledger_core::CurrencyRegistry::standard();
    let mut model = Model::new("p1", policy.clone(), registry);
    for (step, command) in history.iter().enumerate() {
        ledger.advance_secs(pace(step));
        let answer = ledger.execute(command).map_err(|fault| format!("step {step} {command:?}: {fault}"))?;
        model.set_now(ledger.now());
        let expected = model.execute(command);
        if plant && step == history.len() - 1 {
            model.plant("player:cash", commands::currency("EUR"), 1);
        }
        if answer.outcome.text() != expected {
            return Err(format!("step {step} {command:?}: core {:?}, model {expected}", answer.outcome));
        }
        let (ours, theirs) = (ledger.account_texts(), model.account_texts());
        if ours != theirs {
            return Err(format!("step {step} {command:?}: core {ours:?}, model {theirs:?}"));
        }
        if ledger.state().open_rounds() != model.live_rounds() {
            return Err(format!("step {step} {command:?}: live rounds differ"));
        }
        let closed = ledger.state().standing().closed_at.is_some();
        if (ledger.state().proposals().len(), closed) != (model.live_proposals(), model.is_closed()) {
            return Err(format!("step {step} {command:?}: proposals or standing differ"));
        }
        let sessions: Vec<_> =
            ledger.state().sessions().map(|s| (s.staked().units(), s.won().units())).collect();
        if sessions != model.session_totals() {
            return Err(format!(
                "step {step} {command:?}: core {sessions:?}, model {:?}",
                model.session_totals()
            ));
        }
        let left = ledger.state().limits_left(ledger.policy(), ledger.now());
        for (term, used) in model.limits_used() {
            let ours = left.iter().find(|left| left.term == term).map(|left| left.used.units());
            if ours != Some(used) {
                let what = format!("core {ours:?}, model {used} of {term:?}");
                return Err(format!("step {step} {command:?}: {what}"));
            }
        }
        let played = ledger.state().play_time_left(ledger.policy(), ledger.now());
        for (window, micros) in model.play_time_used() {
            let ours = played.iter().find(|left| left.window == window).map(|left| left.used.as_micros());
            if ours != Some(u128::try_from(micros).unwrap()) {
                let what = format!("core {ours:?}, model {micros} microseconds of {window:?}");
                return Err(format!("step {step} {command:?}: {what}"));
            }
        }
        let awards = ledger.state().awards().iter().map(|award| {
            let name = format!("{}/{}", award.of.source, award.of.id);
            (name, award.progress.units(), award.target.units())
        });
        if awards.collect::<Vec<_>>() != model.live_awards() {
            return Err(format!("step {step} {command:?}: awards differ: {:?}", model.live_awards()));
        }
        let points = ledger.state().rewards().map_or(&[][..], |rewards| rewards.programmes());
        let mut points: Vec<_> = points.iter().map(|of| (of.programme.to_string(), of.balance)).collect();
        points.sort();
        if points != model.points() {
            return Err(format!("step {step} {command:?}: points differ: {points:?}, {:?}", model.points()));
        }
        if ledger.state().jackpot_claims().len() != model.open_claims() {
            return Err(format!("step {step} {command:?}: open claims differ"));
        }
        if ledger.state().open_transfers() != model.open_transfers() {
            return Err(format!("step {step} {command:?}: open transfers differ"));
        }
        if ledger.state().open_intents() != model.open_intents() {
            return Err(format!("step {step} {command:?}: open deposits differ"));
        }
        if ledger.state().open_withdrawals() != model.open_withdrawals() {
            return Err(format!("step {step} {command:?}: open withdrawals differ"));
        }
        let mut unplayed: BTreeMap<_, Vec<i128>> = BTreeMap::new();
        for lot in ledger.state().wallet().lots() {
            unplayed.entry(lot.currency).or_default().push(lot.unplayed.units());
        }
        if unplayed != model.unplayed() {
            let theirs = model.unplayed();
            return Err(format!("step {step} {command:?}: lots are {unplayed:?}, of the model {theirs:?}"));
        }
    }
    Ok(ledger)
}

/// The outcomes of many histories, by text, and how often each came.
fn outcomes(cases: u32) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut runner =
        TestRunner::new_with_rng(config(cases), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for _ in 0..cases {
        let (policy, history) = generators::runs(1..40).new_tree(&mut runner).unwrap().current();
        let mut ledger = ledger(policy);
        for command in &history {
            let text = ledger.execute(command).unwrap().outcome.text();
            *counts.entry(format!("{} {text}", command.kind().as_str())).or_default() += 1;
        }
        for record in ledger.events() {
            *counts.entry(format!("event {}", record.event.type_name())).or_default() += 1;
        }
        let mut lots = BTreeMap::new();
        for record in ledger.events() {
            let ledger_core::stored::Event::EntryPosted(entry) = &record.event else { continue };
            for lot in &entry.lots {
                let before = lots.insert(lot.lot, lot.unplayed);
                let what = match before {
                    Some(before) if lot.unplayed < before => "drawn from lots",
                    Some(_) => "given back to lots",
                    None => "new lots",
                };
                *counts.entry(what.to_owned()).or_default() += 1;
            }
        }
    }
    counts
}

proptest! {
    #![proptest_config(config(2_000))]

    /// Where days pass between commands, windows move on: limits count what the model adds up.
    #[test]
    fn i17_limits_agree_with_the_model_over_days((policy, history) in generators::runs(1..60)) {
        let pace = |step: usize| [0, 600, 5 * 3_600, 1_200, 40_000, 3 * 86_400][step % 6];
        if let Err(difference) = differs_at(&policy, &history, false, pace) {
            prop_assert!(false, "{difference}");
        }
    }
}

#[test]
fn histories_reach_every_outcome() {
    let counts = outcomes(6_000);
    let reached = |text: &str| counts.get(text).copied().unwrap_or_default();
    let expected = [
        "bet applied",
        "bet refused:invalid_amount",
        "bet refused:key_reused",
        "bet refused:precision",
        "bet rejected:currency_mismatch",
        "bet rejected:insufficient_funds",
        "bet rejected:player_closed",
        "bet rejected:round_closed",
        "bet rejected:txn_cancelled",
        "bet rejected:limit_exceeded",
        "deposit_intent rejected:limit_exceeded",
        "roll_out rejected:limit_exceeded",
        "limit_set applied",
        "limit_set noop",
        "limit_set rejected:not_allowed",
        "limit_set rejected:currency_mismatch",
        "limit_confirm applied",
        "limit_confirm rejected:not_allowed",
        "event limit.raise_requested",
        "event limit.set",
        "event limit.warned",
        "event exclusion.started",
        "bet rejected:player_excluded",
        "exclusion applied",
        "alert applied",
        "alert_close applied",
        "alert_close rejected:not_allowed",
        "case applied",
        "case_assign applied",
        "case_close applied",
        "case_close rejected:not_allowed",
        "bet rejected:source_closed",
        "bet rejected:game_not_allowed",
        "bet rejected:stake_not_allowed",
        "session_start rejected:source_closed",
        "roll_out rejected:game_not_allowed",
        "limit_profile applied",
        "limit_profile noop",
        "limit_profile rejected:not_allowed",
        "bet rejected:register_needed",
        "bet rejected:kyc_required",
        "deposit_intent rejected:register_needed",
        "session_start rejected:register_needed",
        "roll_out rejected:register_needed",
        "tip rejected:register_needed",
        "withdrawal_kyc rejected:kyc_required",
        "register_answer applied",
        "register_answer noop",
        "tier applied",
        "tier noop",
        "tier rejected:not_allowed",
        "person applied",
        "person noop",
        "session_limit_set applied",
        "session_limit_set noop",
        "session_limit_confirm applied",
        "session_limit_confirm rejected:not_allowed",
        "event register.answered",
        "event player.kyc.status_changed",
        "event session_limit.raise_requested",
        "play_time_limit_set applied",
        "play_time_limit_set noop",
        "play_time_limit_set rejected:not_allowed",
        "play_time_limit_confirm applied",
        "play_time_limit_confirm rejected:not_allowed",
        "event play_time_limit.set",
        "event play_time_limit.raise_requested",
        "bet rejected:play_time_reached",
        "session_start rejected:play_time_reached",
        "exclusion rejected:not_allowed",
        "bet replayed:applied",
        "bet replayed:rejected:insufficient_funds",
        "adjustment applied",
        "adjustment noop",
        "cash_out applied",
        "cash_out rejected:already_settled",
        "cash_out rejected:mismatch",
        "close applied",
        "close noop",
        "correction applied",
        "correction replayed:applied",
        "correction rejected:currency_mismatch",
        "correction_decision applied",
        "correction_decision noop",
        "correction_decision rejected:insufficient_funds",
        "correction_decision rejected:not_allowed",
        "credit applied",
        "jackpot_claim applied",
        "jackpot_claim rejected:bet_not_found",
        "jackpot_claim rejected:currency_mismatch",
        "jackpot_claim rejected:txn_cancelled",
        "jackpot_payment applied",
        "jackpot_payment rejected:mismatch",
        "jackpot_payment rejected:not_allowed",
        "tournament_prize applied",
        "tournament_prize rejected:mismatch",
        "tournament_prize rejected:payment_not_found",
        "tournament_return applied",
        "tournament_return rejected:already_rolled_back",
        "tournament_return rejected:mismatch",
        "event tournament.prize_paid",
        "event jackpot.claim_withdrawn",
        "event jackpot.paid",
        "credit noop",
        "deposit applied",
        "information noop",
        "resettle applied",
        "resettle noop",
        "resettle rejected:not_allowed",
        "unsettle applied",
        "unsettle rejected:not_allowed",
        "void_settled applied",
        "void_settled rejected:already_rolled_back",
        "event bet.cashed_out",
        "event bet.returned",
        "event bet.resettled",
        "event bet.unsettled",
        "event settlement.voided",
        "deposit replayed:applied",
        "dormant_reclaim applied",
        "dormant_reclaim noop",
        "dormant_transfer applied",
        "dormant_transfer noop",
        "exchange applied",
        "exchange replayed:applied",
        "exchange rejected:insufficient_funds",
        "exchange rejected:not_allowed",
        "exchange_reversal applied",
        "exchange_reversal rejected:already_rolled_back",
        "exchange_reversal rejected:not_allowed",
        "inactivity_fee applied",
        "inactivity_fee noop",
        "chargeback applied",
        "chargeback rejected:exceeds_rest",
        "chargeback rejected:mismatch",
        "chargeback rejected:payment_not_found",
        "chargeback_reversal applied",
        "chargeback_reversal rejected:not_allowed",
        "chargeback_reversal rejected:payment_not_found",
        "debt_write_off applied",
        "debt_write_off rejected:not_allowed",
        "deposit refused:invalid_amount",
        "deposit rejected:mismatch",
        "deposit rejected:not_allowed",
        "deposit replayed:applied",
        "deposit_attempt applied",
        "deposit_attempt rejected:not_allowed",
        "deposit_attempt rejected:payment_not_found",
        "deposit_cancel applied",
        "deposit_cancel rejected:not_allowed",
        "deposit_expire applied",
        "deposit_expire rejected:not_allowed",
        "deposit_fail applied",
        "deposit_fail noop",
        "deposit_fail rejected:mismatch",
        "deposit_fail rejected:not_allowed",
        "deposit_intent applied",
        "deposit_intent rejected:currency_mismatch",
        "deposit_refund applied",
        "deposit_refund rejected:exceeds_rest",
        "deposit_refund rejected:insufficient_funds",
        "deposit_refund rejected:mismatch",
        "deposit_refund rejected:not_allowed",
        "deposit_refund rejected:payment_not_found",
        "event cashier.deposit.mismatch",
        "event suspense.refused",
        "suspense_release refused:key_reused",
        "event debt.written_off",
        "event negative_balance.cleared",
        "suspense_release applied",
        "suspense_release rejected:not_allowed",
        "suspense_release rejected:payment_not_found",
        "open replayed:applied",
        "event player.blocked",
        "event withdrawal.mismatch",
        "event withdrawal.split_off",
        "payout_failed applied",
        "payout_failed noop",
        "payout_failed rejected:mismatch",
        "payout_failed rejected:not_allowed",
        "payout_paid applied",
        "payout_paid noop",
        "payout_paid rejected:mismatch",
        "payout_paid rejected:not_allowed",
        "payout_return applied",
        "payout_return refused:invalid_amount",
        "payout_return rejected:not_allowed",
        "payout_send applied",
        "payout_send rejected:not_allowed",
        "payout_send rejected:player_blocked",
        "payout_settlement applied",
        "payout_settlement rejected:not_allowed",
        "payout_unknown applied",
        "payout_unknown noop",
        "player_block applied",
        "player_unblock applied",
        "player_unblock rejected:not_allowed",
        "withdrawal applied",
        "withdrawal refused:invalid_amount",
        "withdrawal rejected:destination_unproven",
        "withdrawal rejected:insufficient_funds",
        "withdrawal rejected:kyc_required",
        "withdrawal rejected:limit_exceeded",
        "withdrawal rejected:mismatch",
        "withdrawal rejected:payment_not_found",
        "withdrawal rejected:player_blocked",
        "withdrawal rejected:unplayed_deposits",
        "withdrawal replayed:applied",
        "withdrawal_approval applied",
        "withdrawal_approval rejected:not_allowed",
        "withdrawal_cancel applied",
        "withdrawal_cancel rejected:not_allowed",
        "withdrawal_cancel rejected:player_blocked",
        "withdrawal_expire applied",
        "withdrawal_expire rejected:not_allowed",
        "withdrawal_kyc applied",
        "withdrawal_kyc rejected:not_allowed",
        "withdrawal_rejection applied",
        "withdrawal_review applied",
        "withdrawal_split applied",
        "withdrawal_split rejected:mismatch",
        "withdrawal_split rejected:not_allowed",
        "player_close applied",
        "player_close rejected:not_allowed",
        "player_reopen applied",
        "player_reopen rejected:not_allowed",
        "purse applied",
        "purse refused:currency_unknown",
        "purse rejected:not_allowed",
        "purse rejected:player_closed",
        "rollback applied",
        "rollback noop",
        "rollback rejected:already_rolled_back",
        "rollback rejected:already_settled",
        "rollback rejected:insufficient_funds",
        "rollback rejected:mismatch",
        "rollback rejected:not_allowed",
        "rollback rejected:txn_cancelled",
        "rollback tombstoned",
        "tax applied",
        "tax noop",
        "tax rejected:insufficient_funds",
        "tax_return applied",
        "tax_return rejected:mismatch",
        "tax_return rejected:not_allowed",
        "void applied",
        "void rejected:already_rolled_back",
        "void rejected:already_settled",
        "void rejected:mismatch",
        "void tombstoned",
        "bonus_expire rejected:not_allowed",
        "bonus_forfeit applied",
        "bonus_forfeit rejected:not_allowed",
        "bonus_offer applied",
        "bonus_offer rejected:mismatch",
        "bonus_offer rejected:not_allowed",
        "bonus_claim applied",
        "bonus_claim rejected:not_allowed",
        "points_earn applied",
        "points_earn rejected:not_allowed",
        "points_spend applied",
        "points_spend rejected:mismatch",
        "points_spend rejected:not_allowed",
        "points_expire applied",
        "points_expire rejected:not_allowed",
        "points_adjust applied",
        "points_adjust noop",
        "points_adjust rejected:not_allowed",
        "event bonus.offered",
        "event points.expired",
        "bonus_grant applied",
        "bonus_grant rejected:mismatch",
        "bonus_grant rejected:not_allowed",
        "bonus_grant rejected:payment_not_found",
        "bonus_grant replayed:applied",
        "event bonus.activated",
        "event bonus.resumed",
        "event wager.reversal_ignored",
        "win applied",
        "win noop",
        "win rejected:already_settled",
        "win rejected:bet_not_found",
        "win rejected:round_closed",
        "win rejected:txn_cancelled",
    ];
    let missing: Vec<_> = expected.into_iter().filter(|text| reached(text) == 0).collect();
    assert!(missing.is_empty(), "never reached: {missing:?} of {counts:#?}");
    let often = [
        ("bet applied", 1_500),
        ("win applied", 500),
        ("rollback applied", 300),
        ("event bet.rolled_back", 100),
        ("event win.rolled_back", 50),
        ("event negative_balance.raised", 10),
        ("event round.reopened", 50),
        ("event win.retained", 1),
        ("event correction.applied", 40),
        ("event correction.declined", 20),
        ("event tax.returned", 10),
        ("event dormant.reclaimed", 5),
        ("event player.reopened", 5),
        ("event withdrawal.requested", 300),
        ("event withdrawal.approved", 100),
        ("event withdrawal.sent", 50),
        ("event withdrawal.paid", 30),
        ("event withdrawal.failed", 15),
        ("event withdrawal.cancelled", 10),
        ("event withdrawal.returned", 10),
        ("event withdrawal.split", 20),
        ("event bonus.issued", 300),
        ("event wager.progress.updated", 300),
        ("event bonus.completing", 30),
        ("event bonus.converted", 50),
        ("event bonus.expired", 20),
        ("event bonus.forfeited", 30),
        ("event bonus.lost", 5),
        ("drawn from lots", 500),
        ("given back to lots", 50),
    ];
    for (text, at_least) in often {
        assert!(reached(text) >= at_least, "{text} came {} times only: {counts:#?}", reached(text));
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn the_core_agrees_with_the_model((policy, history) in generators::runs(1..40)) {
        if let Err(difference) = differs(&policy, &history, false) {
            prop_assert!(false, "{}", difference);
        }
    }

    #[test]
    fn every_log_keeps_the_invariants((policy, history) in generators::runs(1..60)) {
        let mut ledger = ledger(policy);
        for command in &history {
            ledger.execute(command).unwrap();
        }
        prop_assert_eq!(ledger.check(), Ok(()));
    }
}

/// A history that has everything: a settled, an open, an undone and a lost bet, a debt, a tombstone.
fn rich() -> TestLedger {
    let scenario = given()
        .cash("100.00")
        .bet("T1", "R1", "10")
        .win_close("W1", "R1", "25")
        .bet("T2", "R2", "20")
        .rollback("X1", "T2")
        .bet("T3", "R3", "95")
        .rollback("X2", "W1")
        .rollback("X3", "T9")
        .bet("T9", "R4", "1")
        .rejected("txn_cancelled")
        .void_round("V1", "R9")
        .tombstoned();
    scenario.ledger().clone()
}

#[track_caller]
pub(crate) fn caught(result: Result<(), String>, name: &str) {
    let violation = result.expect_err("the planted bug is caught");
    assert!(violation.starts_with(name), "{violation}");
}

mod planted {
    //! Each checker passes on [`rich`] and fails on a bug planted in it.

    use super::*;
    use ledger_core::stored::{CommitBody, Event, EventRecord, KeyRecord, OutcomeKind, Split};
    use ledger_core::{AccountCode, AccountKind, Decision, Facts, PlayerId, PlayerLedger, PlayerState, Side};

    fn player() -> PlayerId {
        PlayerId::new("p1").unwrap()
    }

    /// The first event of a type, to be changed.
    fn event<'a>(commits: &'a mut [CommitBody], name: &str) -> &'a mut EventRecord {
        let mut all = commits.iter_mut().flat_map(|body| &mut body.events);
        all.find(|record| record.event.type_name() == name).unwrap()
    }

    #[test]
    fn nothing_is_found_where_nothing_is_planted() {
        rich().check().unwrap();
    }

    #[test]
    fn i1_a_posting_on_the_wrong_side() {
        let mut journal = invariants::journal(rich().commits());
        journal[3].side = if journal[3].side == Side::Debit { Side::Credit } else { Side::Debit };
        caught(invariants::i1_entries_balance(&journal), "I1");
    }

    #[test]
    fn i2_a_lost_commit() {
        let ledger = rich();
        // The live state has nothing of the last commit, a void of a round never seen: only the chain of
        // hashes would miss it.
        for lost in 0..ledger.commits().len() - 1 {
            let mut commits = ledger.commits().to_vec();
            commits.remove(lost);
            caught(invariants::i2_replay_is_live(&player(), &commits, ledger.state()), "I2");
        }
    }

    #[test]
    fn i3_an_overdraft() {
        let mut journal = invariants::journal(rich().commits());
        let cash = journal.iter_mut().find(|line| line.account.code == AccountCode::PlayerCash).unwrap();
        cash.amount = "1.00".parse().unwrap();
        caught(invariants::i3_no_overdraft(&journal), "I3");
    }

    #[test]
    fn i4_held_money_of_a_round_that_is_over() {
        let ledger = rich();
        let mut journal = invariants::journal(ledger.commits());
        let rounds = invariants::rounds(ledger.commits()).unwrap();
        // The settlement of R1 forgets to take the stake.
        journal.retain(|line| line.account.code != AccountCode::PlayerHeld || line.side == Side::Credit);
        caught(invariants::i4_held_is_what_open_bets_hold(&rounds, &[], &journal), "I4");
        // Money is held for a round that does not exist.
        let journal = invariants::journal(ledger.commits());
        caught(invariants::i4_held_is_what_open_bets_hold(&rounds[..0], &[], &journal), "I4");
    }

    #[test]
    fn i4_held_money_of_a_transfer_that_came_back() {
        let away = given().cash("10").when(commands::roll_out("T1", "10")).ledger().clone();
        let (rounds, journal) = (Vec::new(), invariants::journal(away.commits()));
        let mut transfers = invariants::transfers(away.commits()).unwrap();
        invariants::i4_held_is_what_open_bets_hold(&rounds, &transfers, &journal).unwrap();
        caught(invariants::i4_held_is_what_open_bets_hold(&rounds, &[], &journal), "I4");
        transfers[0].status = ledger_core::TransferStatus::Returned;
        caught(invariants::i4_held_is_what_open_bets_hold(&rounds, &transfers, &journal), "I4");
    }

    #[test]
    fn i5_a_key_used_twice() {
        let mut commits = rich().commits().to_vec();
        commits.push(commits[2].clone());
        caught(invariants::i5_keys_are_used_once(&commits), "I5");
    }

    #[test]
    fn i6_a_bet_undone_twice() {
        let mut commits = rich().commits().to_vec();
        let again = event(&mut commits, "bet.rolled_back").clone();
        commits.last_mut().unwrap().events.push(again);
        caught(invariants::i6_targets_are_undone_once(&commits), "I6");
    }

    #[test]
    fn i7_a_dead_id_that_posts() {
        let mut commits = rich().commits().to_vec();
        let dead = |record: &&mut KeyRecord| record.id.as_str() == "T9";
        commits.iter_mut().flat_map(|body| &mut body.keys).find(dead).unwrap().outcome = OutcomeKind::Applied;
        caught(invariants::i7_tombstoned_ids_never_post(&commits), "I7");
    }

    #[test]
    fn i8_an_order_that_matters() {
        // An engine that forgets tombstones applies the bet that came after its rollback.
        let ledger = given().cash("100.00").rollback("X1", "T1").ledger().clone();
        let bet = commands::bet("T1", "R", "10").into();
        let policy = Policy::default();
        let registry = ledger_core::CurrencyRegistry::standard();
        let facts = Facts::new(ledger_core::Found::NOTHING, &registry, &policy);
        let forgetful = PlayerLedger::decide(ledger.state(), &bet, &facts, ledger.now()).unwrap();
        let outcome = |decision| match decision {
            Decision::Commit(draft) => draft.outcome,
            decision => panic!("{decision:?}"),
        };
        assert_eq!(outcome(forgetful), OutcomeKind::Applied);
        assert_eq!(outcome(ledger.decide(&bet).unwrap()), OutcomeKind::Rejected);
    }

    #[test]
    fn i9_a_refund_to_other_funds() {
        let mut commits = rich().commits().to_vec();
        if let Event::BetRolledBack(undone) = &mut event(&mut commits, "bet.rolled_back").event {
            undone.split = Split::cash("19.99".parse().unwrap());
        }
        caught(invariants::i9_refunds_restore_their_funds(&commits), "I9");
    }

    #[test]
    fn i9_a_debt_that_goes_back_as_cash() {
        let flags = ledger_core::CallFlags { negative_debit: Some(true), ..Default::default() };
        let bet = ledger_core::PlaceBet { flags, ..commands::bet("T1", "R", "15") };
        let undone = given().cash("10").when(bet).rollback("X1", "T1");
        let mut commits = undone.ledger().commits().to_vec();
        invariants::i9_refunds_restore_their_funds(&commits).unwrap();
        if let Event::BetRolledBack(undone) = &mut event(&mut commits, "bet.rolled_back").event {
            undone.split = Split::cash("15.00".parse().unwrap());
        }
        caught(invariants::i9_refunds_restore_their_funds(&commits), "I9");
    }

    #[test]
    fn i12_a_win_in_a_round_that_is_over() {
        let mut commits =
            given().cash("9").bet("T1", "R", "1").win_close("W1", "R", "1").ledger().commits().to_vec();
        let late = event(&mut commits, "bet.settled").clone();
        commits.last_mut().unwrap().events.push(late);
        caught(invariants::i12_rounds_that_are_over_stay_over(&commits), "I12");
    }

    #[test]
    fn i12_a_win_after_a_rule_closed_is_paid_and_a_settlement_is_not() {
        let mut policy = Policy::default();
        policy.default.round_close = ledger_core::RoundClosePolicy::ImmediateLoss;
        let lost = given().cash("9").policy(policy).bet("T1", "R", "1");
        let won = lost.when(commands::result("W1", "R", "1")).ledger().commits().to_vec();
        invariants::i12_rounds_that_are_over_stay_over(&won).unwrap();
        let mut commits = won.clone();
        let again = event(&mut commits, "bet.settled").clone();
        commits.last_mut().unwrap().events.push(again);
        caught(invariants::i12_rounds_that_are_over_stay_over(&commits), "I12");
        // Had its source closed it, the win would be too late.
        let mut commits = won;
        if let Event::RoundClosed(closed) = &mut event(&mut commits, "round.closed").event {
            closed.reason = ledger_core::stored::CloseReason::Win;
        }
        caught(invariants::i12_rounds_that_are_over_stay_over(&commits), "I12");
    }

    #[test]
    fn i12_a_transfer_that_comes_back_twice() {
        let back = given()
            .cash("9")
            .when(commands::roll_out("T1", "5"))
            .when(commands::roll_in("I1", "T1", "5"))
            .when(commands::start_session("S1"))
            .when(commands::end_session("E1", "S1"))
            .when(commands::tip("T2", "1"))
            .rollback("X2", "T2")
            .when(commands::enter_tournament("T3", "1", "1"))
            .rollback("X3", "T3");
        let commits = back.ledger().commits();
        invariants::i12_others_that_are_over_stay_over(commits).unwrap();
        let ends = ["transfer.rolled_in", "session.ended", "tip.returned", "tournament.entry_returned"];
        for end in ends {
            let mut commits = commits.to_vec();
            let again = event(&mut commits, end).clone();
            commits.last_mut().unwrap().events.push(again);
            caught(invariants::i12_others_that_are_over_stay_over(&commits), "I12");
        }
    }

    #[test]
    fn i16_an_entry_of_another_player() {
        let mut commits = rich().commits().to_vec();
        event(&mut commits, "entry.posted").stream = "wallet/p2".parse().unwrap();
        caught(invariants::i16_one_player(&player(), &commits), "I16");
    }

    #[test]
    fn i19_a_test_entry_of_a_real_player() {
        let ledger = rich();
        let mut journal = invariants::journal(ledger.commits());
        journal[4].account.kind = AccountKind::Test;
        caught(invariants::i19_one_kind_of_account(ledger.commits(), &journal), "I19");
    }

    #[test]
    fn i22_a_leg_in_another_currency_or_scale() {
        let ledger = rich();
        let mut journal = invariants::journal(ledger.commits());
        journal[4].account.currency = commands::currency("JPY");
        caught(invariants::i22_legs_are_in_the_purse_currency(ledger.state(), &journal), "I22");
        let mut journal = invariants::journal(ledger.commits());
        journal[4].amount = "10.000".parse().unwrap();
        caught(invariants::i22_legs_are_in_the_purse_currency(ledger.state(), &journal), "I22");
    }

    #[test]
    fn a_balance_that_the_model_does_not_share() {
        let history = [commands::open(&["EUR"]).into(), commands::deposit("D1", "10").into()];
        differs(&Policy::default(), &history, false).unwrap();
        let difference = differs(&Policy::default(), &history, true).unwrap_err();
        assert!(difference.starts_with("step 1"), "{difference}");
    }

    #[test]
    fn a_snapshot_that_differs() {
        let ledger = rich();
        let text = String::from_utf8(ledger.state().to_snapshot().unwrap()).unwrap();
        let changed = text.replacen("95.00", "96.00", 1);
        assert_ne!(text, changed);
        assert_ne!(PlayerState::from_snapshot(changed.as_bytes()).unwrap(), *ledger.state());
    }
}

/// I8: any order of a bet and its rollbacks, with repeats, ends with the same accounts.
#[test]
fn i8_bet_and_rollback_commute() {
    let operations: [PlayerCommand; 4] = [
        commands::bet("T1", "R", "10").into(),
        commands::rollback("X1", "T1").into(),
        commands::rollback("X2", "T1").into(),
        commands::rollback_bet("X3", "T1").into(),
    ];
    // All sequences of up to five operations that hold both the bet and a rollback.
    let mut sequences: Vec<Vec<usize>> = vec![Vec::new()];
    let mut checked = 0;
    for _ in 0..5 {
        sequences =
            sequences.iter().flat_map(|s| (0..4).map(move |n| [&s[..], &[n]].concat())).collect::<Vec<_>>();
        for sequence in sequences.iter().filter(|s| s.contains(&0) && s.iter().any(|n| *n > 0)) {
            let start = given().cash("100.00");
            let end = sequence.iter().fold(start, |scenario, n| scenario.when(operations[*n].clone()));
            let _ = end
                .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")])
                .available("100.00");
            checked += 1;
        }
    }
    assert_eq!(checked, 996);
}

/// The win that ends the round comes before the rollback of the bet, in one commit: what is live before a batch
/// says nothing about what is live within it.
#[test]
fn a_batch_looks_for_its_targets_whatever_is_live() {
    let ledger = given().cash("100.00").bet("T1", "R1", "10").ledger().clone();
    let batch = commands::batch(vec![
        commands::win_close("T1", "R1", "10").into(),
        commands::rollback("X1", "T1").into(),
    ]);
    let (eager, lazy) = (ledger.decide(&batch.clone().into()), ledger.decide_lazily(&batch.into()));
    assert_eq!(eager, lazy);
    match eager.unwrap() {
        ledger_core::Decision::Commit(draft) => {
            assert_eq!(draft.rejection.map(|rejection| rejection.code()), Some("already_settled"));
        }
        decision => panic!("{decision:?}"),
    }
}

proptest! {
    #![proptest_config(config(300))]

    /// I8 at large: whatever else happens, a bet and its rollback swapped end with the same accounts.
    #[test]
    fn i8_bet_and_rollback_commute_within_any_history(
        (policy, history) in generators::runs(1..25),
        (bet_at, rollback_at) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let run = |first: PlayerCommand, second: PlayerCommand| {
            let mut ledger = ledger(policy.clone());
            let (a, b) = (bet_at.index(history.len()), rollback_at.index(history.len()));
            for (step, command) in history.iter().enumerate() {
                ledger.execute(command).unwrap();
                if step == a.min(b) {
                    ledger.execute(&first).unwrap();
                }
                if step == a.max(b) {
                    ledger.execute(&second).unwrap();
                }
            }
            let round = ledger.round_of("prov", "own").map(|round| round.open_bets().count());
            (ledger.account_texts().get("player:held of prov/own").cloned(), round.unwrap_or_default())
        };
        let bet: PlayerCommand = commands::bet("own", "own", "1").into();
        let rollback: PlayerCommand = commands::rollback("undo", "own").into();
        prop_assert_eq!(run(bet.clone(), rollback.clone()), (None, 0));
        prop_assert_eq!(run(rollback, bet), (None, 0));
    }

    /// Stored bytes are input: events lost, doubled or out of order are a fault or a state, never a panic.
    #[test]
    fn folding_damaged_histories_never_panics(
        (policy, history) in generators::runs(1..30),
        damage in prop::collection::vec((0..4_u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let mut ledger = ledger(policy);
        for command in &history {
            ledger.execute(command).unwrap();
        }
        let mut events: Vec<_> = ledger.events().cloned().collect();
        for (what, from, to) in damage {
            let (from, to) = (from.index(events.len()), to.index(events.len()));
            match what {
                0 => drop(events.remove(from)),
                1 => events.insert(to, events[from].clone()),
                2 => events.swap(from, to),
                _ => events[from].version = events[to].version,
            }
            if events.is_empty() {
                break;
            }
        }
        let mut state = ledger_core::PlayerState::new(ledger.state().player().clone());
        let _ = events.iter().try_for_each(|record| state.evolve(record, ledger.now()));
        for round in ["R1", "R2"] {
            let (source, round) = (commands::source("prov"), commands::round(round));
            let _ = ledger_core::stored::Round::fold(&source, &round, events.iter().map(|r| (r, ledger.now())));
        }
        // Without the events before it no event may find its place by luck in the wallet.
        for record in &events {
            let _ = ledger_core::PlayerState::new(ledger.state().player().clone()).evolve(record, ledger.now());
        }
    }

    /// The engine may skip looking for a target that stands in a live round: the decision is the same, and
    /// equal arguments give equal decisions.
    #[test]
    fn decisions_do_not_depend_on_how_facts_are_fetched((policy, history) in generators::runs(1..30)) {
        let mut ledger = ledger(policy);
        for command in &history {
            let decision = ledger.decide(command).unwrap();
            prop_assert_eq!(&decision, &ledger.decide(command).unwrap());
            prop_assert_eq!(&decision, &ledger.decide_lazily(command).unwrap());
            ledger.execute(command).unwrap();
        }
    }
}
