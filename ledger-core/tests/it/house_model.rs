//! Random histories of partitions of the house: the core against the naive model, and invariants of every log. For
//! each checker a planted bug that it is seen to catch.

use std::collections::BTreeMap;

use crate::config;
use ledger_core::stored::{CommitBody, Event, OutcomeKind};
use ledger_core::testing::generators::{self, HOUSES, HouseStep};
use ledger_core::testing::invariants::{self, Line, check_house};
use ledger_core::testing::{HouseModel, TestHouse, given_house, house_commands as commands};
use ledger_core::{AccountCode, AccountKind, CurrencyRegistry, HouseCommand, HouseState, Policy, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

/// Runs a history on the core and the model side by side; answers with what differs.
fn differs(house: &str, policy: &Policy, history: &[HouseStep], plant: bool) -> Result<TestHouse, String> {
    let mut core = TestHouse::new(house);
    core.set_policy(policy.clone());
    let mut model = HouseModel::new(house, policy.clone(), CurrencyRegistry::standard());
    for (at, step) in history.iter().enumerate() {
        let command = match step {
            HouseStep::Wait(secs) => {
                core.advance_secs(*secs);
                continue;
            }
            HouseStep::Command(command) => command.as_ref(),
        };
        model.set_now(core.now());
        let lazily = core.decide_lazily(command);
        assert_eq!(core.decide(command), lazily, "step {at} {command:?}");
        let answer = core.execute(command).map_err(|fault| format!("step {at} {command:?}: {fault}"))?;
        let expected = model.execute(command);
        if plant && at == history.len() - 1 {
            model.plant("bad_debt", ledger_core::testing::commands::currency("EUR"), 1 << 60);
        }
        if answer.outcome.text() != expected {
            return Err(format!("step {at} {command:?}: core {:?}, model {expected}", answer.outcome));
        }
        let (ours, theirs) = (core.account_texts(), model.account_texts());
        if ours != theirs {
            return Err(format!("step {at} {command:?}: core {ours:?}, model {theirs:?}"));
        }
        let live = (core.state().open_items(), core.state().proposals().len());
        let pool = core.state().jackpot();
        let held = pool.map_or(&[][..], ledger_core::JackpotPool::amounts);
        let held = held.iter().filter(|held| !held.amount.is_zero()).map(|held| {
            let finer = 18 - u32::from(held.amount.scale());
            (held.currency, held.amount.units() * 10_i128.pow(finer))
        });
        let open = pool.map_or(&[][..], ledger_core::JackpotPool::open_awards);
        let of_pool = (held.collect(), open.iter().map(|award| award.number).collect());
        if of_pool != model.pool() {
            return Err(format!(
                "step {at} {command:?}: {of_pool:?} is in the pool, {:?} in the model",
                model.pool()
            ));
        }
        let ours = core.state().tournament().map_or_else(|| vec!["draft".to_owned()], lines_of);
        if ours != model.tournament() {
            return Err(format!("step {at} {command:?}: {ours:?}, in the model {:?}", model.tournament()));
        }
        if live != (model.live_items(), model.live_journals()) {
            return Err(format!("step {at} {command:?}: {live:?} are live"));
        }
        let (kind, name) = ("policy".parse_as_kind(), "default".parse_as_name());
        let in_force = core.state().configuration().in_force(&kind, &name, core.now());
        if in_force.map(|(_, content)| content.as_str()) != model.in_force("policy", "default") {
            return Err(format!("step {at} {command:?}: another policy is in force"));
        }
    }
    Ok(core)
}

/// What a tournament has come to, as the model tells it.
fn lines_of(of: &ledger_core::Tournament) -> Vec<String> {
    let fine = |amount: ledger_core::Amount| amount.units() * 10_i128.pow(18 - u32::from(amount.scale()));
    let mut lines = vec![format!("{:?}", of.status()).to_lowercase()];
    for (player, entrant) in of.entrants() {
        let what = if entrant.released { "late" } else { "in" };
        let score = entrant.score.map(|score| (score.up_to, fine(score.points), score.bets));
        lines.push(format!("{} {player} {what} {score:?}", entrant.number));
    }
    let nothing: Option<(u64, i128, u32)> = None;
    lines
        .extend(of.returns().map(|(number, entry)| format!("{number} {} back {nothing:?}", entry.of.player)));
    lines.extend(of.prizes().map(|(number, prize)| format!("prize {number} {}", fine(prize.amount))));
    lines.sort();
    lines
}

trait AsIds {
    fn parse_as_kind(&self) -> ledger_core::DocumentKind;
    fn parse_as_name(&self) -> ledger_core::DocumentName;
}

impl AsIds for str {
    fn parse_as_kind(&self) -> ledger_core::DocumentKind {
        ledger_core::DocumentKind::new(self).unwrap()
    }
    fn parse_as_name(&self) -> ledger_core::DocumentName {
        ledger_core::DocumentName::new(self).unwrap()
    }
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn the_house_agrees_with_its_model((house, policy, history) in generators::house_runs(1..40)) {
        let core = differs(house, &policy, &history, false);
        prop_assert!(core.is_ok(), "{house}: {}", core.unwrap_err());
    }

    #[test]
    fn every_log_of_the_house_keeps_the_invariants(
        (house, policy, history) in generators::house_runs(1..60)
    ) {
        let mut core = TestHouse::new(house);
        core.set_policy(policy);
        for step in &history {
            match step {
                HouseStep::Wait(secs) => core.advance_secs(*secs),
                HouseStep::Command(command) => {
                    core.execute(command).unwrap();
                }
            }
        }
        let checked = core.check();
        prop_assert!(checked.is_ok(), "{house}: {}", checked.unwrap_err());
    }
}

#[test]
fn a_model_that_errs_is_noticed() {
    let mut runner = TestRunner::new_with_rng(config(1), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for house in ["psp/acme", "treasury"] {
        let history = generators::house_histories(house, 8..20).new_tree(&mut runner).unwrap().current();
        assert!(differs(house, &Policy::default(), &history, false).is_ok());
        assert!(differs(house, &Policy::default(), &history, true).is_err());
    }
}

#[test]
fn histories_of_the_house_reach_every_outcome() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut runner = TestRunner::new_with_rng(config(1), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    // What becomes of a tournament takes many steps in their order.
    for house in HOUSES.into_iter().chain(["tournament/cup"; 3]) {
        for _ in 0..200 {
            let history = generators::house_histories(house, 1..40).new_tree(&mut runner).unwrap().current();
            let mut core = TestHouse::new(house);
            for step in &history {
                let command = match step {
                    HouseStep::Wait(secs) => {
                        core.advance_secs(*secs);
                        continue;
                    }
                    HouseStep::Command(command) => command.as_ref(),
                };
                let text = core.execute(command).unwrap().outcome.text();
                *counts.entry(format!("{} {text}", command.kind().as_str())).or_default() += 1;
            }
            for record in core.events() {
                *counts.entry(format!("event {}", record.event.type_name())).or_default() += 1;
            }
        }
    }
    let reached = |text: &str| counts.get(text).copied().unwrap_or_default();
    let each = [
        "psp_settlement",
        "chargeback_loss",
        "suspense_capture",
        "suspense_assignment",
        "suspense_landing",
        "assignment_cancel",
        "suspense_return",
        "provider_fee_accrual",
        "provider_settlement",
        "duty_accrual",
        "authority_settlement",
        "funds_transfer",
        "funds_exchange",
        "fx_result",
        "debt_recovery",
        "jackpot_seed",
        "jackpot_configuration",
        "jackpot_status",
        "jackpot_sweep",
        "jackpot_award",
        "jackpot_award_settlement",
        "tournament_configuration",
        "tournament_opening",
        "tournament_cancel",
        "tournament_entry_taking",
        "tournament_entry_release",
        "tournament_score",
        "tournament_end",
        "tournament_closing",
        "tournament_page",
        "tournament_prize_settlement",
        "journal",
        "journal_decision",
        "document",
        "currency",
    ];
    let applied = each.iter().flat_map(|kind| {
        ["applied", "replayed:applied", "refused:wrong_partition"].map(|text| format!("{kind} {text}"))
    });
    let others = [
        "psp_settlement refused:currency_unknown",
        "psp_settlement refused:invalid_amount",
        "psp_settlement refused:key_reused",
        "psp_settlement refused:precision",
        "psp_settlement rejected:exceeds_rest",
        "psp_settlement rejected:mismatch",
        "psp_settlement rejected:not_allowed",
        "chargeback_loss rejected:exceeds_rest",
        "suspense_assignment rejected:not_allowed",
        "suspense_assignment rejected:payment_not_found",
        "suspense_landing rejected:not_allowed",
        "suspense_landing rejected:mismatch",
        "assignment_cancel rejected:not_allowed",
        "suspense_return rejected:not_allowed",
        "provider_fee_accrual rejected:exceeds_rest",
        "provider_fee_accrual rejected:not_allowed",
        "provider_settlement rejected:exceeds_rest",
        "provider_settlement rejected:not_allowed",
        "duty_accrual rejected:exceeds_rest",
        "authority_settlement rejected:exceeds_rest",
        "funds_transfer rejected:not_allowed",
        "funds_exchange rejected:mismatch",
        "jackpot_seed rejected:exceeds_rest",
        "jackpot_seed rejected:not_allowed",
        "jackpot_configuration rejected:mismatch",
        "jackpot_configuration rejected:not_allowed",
        "jackpot_status rejected:not_allowed",
        "jackpot_sweep refused:key_reused",
        "jackpot_sweep refused:precision",
        "jackpot_sweep refused:invalid_amount",
        "jackpot_sweep rejected:not_allowed",
        "jackpot_award rejected:currency_mismatch",
        "jackpot_award rejected:exceeds_rest",
        "jackpot_award rejected:not_allowed",
        "jackpot_award_settlement refused:key_reused",
        "jackpot_award_settlement rejected:not_allowed",
        "tournament_configuration rejected:not_allowed",
        "tournament_opening rejected:mismatch",
        "tournament_opening rejected:not_allowed",
        "tournament_cancel rejected:not_allowed",
        "tournament_entry_taking refused:currency_unknown",
        "tournament_entry_taking refused:invalid_amount",
        "tournament_entry_taking refused:key_reused",
        "tournament_entry_release rejected:not_allowed",
        "tournament_score refused:precision",
        "tournament_score rejected:not_allowed",
        "tournament_end rejected:not_allowed",
        "tournament_closing rejected:not_allowed",
        "tournament_page rejected:not_allowed",
        "tournament_prize_settlement rejected:not_allowed",
        "journal rejected:not_allowed",
        "journal_decision rejected:not_allowed",
        "document refused:document_invalid",
        "document rejected:document_version",
        "document rejected:not_allowed",
        "currency refused:not_allowed",
        "event journal.declined",
        "event journal.posted",
        "event suspense.assignment_cancelled",
        "event suspense.landed",
        "event suspense.returned",
    ];
    let all: Vec<String> = applied.chain(others.map(str::to_owned)).collect();
    let missing: Vec<&String> = all.iter().filter(|text| reached(text) == 0).collect();
    assert!(missing.is_empty(), "never reached: {missing:?}\n{counts:#?}");
}

/// A log with something of everything a payment provider's partition has.
fn staged() -> TestHouse {
    use ledger_core::stored::PspLine;
    given_house("psp/acme")
        .when(commands::capture_unknown("D1", "100"))
        .applied()
        .when(commands::capture_unknown("D2", "50"))
        .applied()
        .when(commands::assign("A1", "D1", "p1"))
        .applied()
        .when(commands::settle_psp("B1", &[(PspLine::Payments, "40"), (PspLine::ReserveHeld, "4")], "36"))
        .applied()
        .when(commands::return_item("R1", "D2"))
        .applied()
        .house()
        .clone()
}

fn checked(plant: impl FnOnce(&mut Vec<CommitBody>)) -> Result<(), String> {
    let house = staged();
    let mut commits = house.commits().to_vec();
    plant(&mut commits);
    check_house(house.state().house(), &commits, house.state())
}

fn lines(plant: impl FnOnce(&mut Vec<Line>)) -> Vec<Line> {
    let mut lines = invariants::journal(staged().commits());
    plant(&mut lines);
    lines
}

#[test]
fn the_staged_log_is_sound() {
    assert_eq!(checked(|_| {}), Ok(()));
}

#[test]
fn i2_a_lost_commit_of_the_house() {
    let error = checked(|commits| {
        commits.remove(3);
    });
    assert!(error.unwrap_err().starts_with("I2"));
}

#[test]
fn i5_a_key_of_the_house_used_twice() {
    let error = checked(|commits| {
        let key = commits[0].keys[0].clone();
        commits[2].keys.push(key);
    });
    assert!(error.unwrap_err().starts_with("I5"));
}

#[test]
fn i16_an_entry_of_the_house_on_an_account_of_a_player() {
    let house = commands::house("psp/acme");
    let commits = staged().commits().to_vec();
    let planted = lines(|lines| lines[1].account.code = AccountCode::PlayerCash);
    assert!(
        invariants::i16_house_touches_no_player(&house, &commits, &planted).unwrap_err().starts_with("I16")
    );
    let sound = lines(|_| {});
    assert_eq!(invariants::i16_house_touches_no_player(&house, &commits, &sound), Ok(()));
    for plant in [
        |commits: &mut Vec<CommitBody>| commits[0].partition = "house/psp/other".parse().unwrap(),
        |commits: &mut Vec<CommitBody>| commits[0].events[0].stream = "wallet/p1".parse().unwrap(),
    ] {
        let mut commits = commits.clone();
        plant(&mut commits);
        assert!(invariants::i16_house_touches_no_player(&house, &commits, &sound).is_err());
    }
}

#[test]
fn i19_a_test_entry_of_a_real_partition() {
    let house = commands::house("psp/acme");
    let planted = lines(|lines| lines[1].account.kind = AccountKind::Test);
    assert!(invariants::i19_house_has_one_kind(&house, &planted).unwrap_err().starts_with("I19"));
    assert_eq!(invariants::i19_house_has_one_kind(&house, &lines(|_| {})), Ok(()));
}

#[test]
fn i23_an_item_in_suspense_that_is_nowhere() {
    let house = staged();
    let sound = lines(|_| {});
    let check = |commits: &[CommitBody], live: &HouseState, journal: &[Line]| {
        invariants::i23_suspense_adds_up(commits, live, journal)
    };
    assert_eq!(check(house.commits(), house.state(), &sound), Ok(()));
    let planted = |plant: &dyn Fn(&mut Vec<CommitBody>)| {
        let mut commits = house.commits().to_vec();
        plant(&mut commits);
        check(&commits, house.state(), &sound).unwrap_err()
    };
    // Assigned twice.
    assert!(planted(&|commits| commits.push(commits[2].clone())).starts_with("I23"));
    // Came in twice.
    assert!(planted(&|commits| commits.push(commits[0].clone())).starts_with("I23"));
    // Returned, and the state does not know.
    assert!(planted(&|commits| drop(commits.remove(2))).starts_with("I23"));
    // Another amount than was booked.
    let units = |lines: &mut Vec<Line>| {
        let line = lines.iter_mut().find(|line| line.account.code == AccountCode::Suspense).unwrap();
        line.amount = line.amount.checked_add("0.01".parse().unwrap()).unwrap();
    };
    assert!(check(house.commits(), house.state(), &lines(units)).unwrap_err().starts_with("I23"));
}

#[test]
fn i24_a_kept_balance_that_entries_do_not_say() {
    let (house, state) = (commands::house("psp/acme"), staged());
    let check =
        |journal: &[Line]| invariants::i24_kept_balances_are_what_entries_say(&house, state.state(), journal);
    assert_eq!(check(&lines(|_| {})), Ok(()));
    let reserve = |line: &&mut Line| line.account.code == AccountCode::PspReserve;
    let more = lines(|lines| {
        let line = lines.iter_mut().find(reserve).unwrap();
        line.amount = "5.00".parse().unwrap();
    });
    assert!(check(&more).unwrap_err().starts_with("I24"));
    let below = lines(|lines| {
        lines.iter_mut().find(reserve).unwrap().side = ledger_core::Side::Credit;
    });
    assert!(check(&below).unwrap_err().contains("-4.00"));
}

/// Whatever events come in whatever order, the state goes on or says no; it never panics, and what it takes can be
/// kept.
#[test]
fn the_fold_of_the_house_is_total() {
    let samples = crate::goldens::samples();
    let mut runner = TestRunner::new_with_rng(config(1), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut taken = 0;
    for house in HOUSES {
        let history = generators::house_histories(house, 20..40).new_tree(&mut runner).unwrap().current();
        let mut core = TestHouse::new(house);
        for step in &history {
            if let HouseStep::Command(command) = step {
                core.execute(command).unwrap();
            }
        }
        let own: Vec<_> = core.events().cloned().collect();
        for record in samples.iter().chain(&own) {
            for mut state in [HouseState::new(commands::house(house)), core.state().clone()] {
                if state.evolve(record, Timestamp::EPOCH).is_ok() {
                    taken += 1;
                    let kept = state.to_snapshot().unwrap();
                    assert_eq!(HouseState::from_snapshot(&kept).unwrap(), state);
                }
            }
        }
    }
    assert!(taken > 20, "{taken}");
}

/// No command can make an entry that touches a player's account, and no stored one is taken.
#[test]
fn the_house_never_touches_a_players_account() {
    for code in AccountCode::ALL {
        assert!(!(code.is_player() && (code.is_free() || code.is_kept())), "{code}");
    }
    let proposal = |account: &str, of: &str| -> HouseCommand {
        let legs =
            vec![commands::leg("dr", "bank:operating", "main", "5"), commands::leg("cr", account, of, "5")];
        commands::propose_journal("J1", legs).into()
    };
    for code in AccountCode::ALL.iter().filter(|code| code.is_player()) {
        let of = code.per().map_or("", |_| "x");
        given_house("journal").when(proposal(code.name(), of)).refused("not_allowed").accounts(&[]);
    }
    // A commit that somebody else wrote.
    let house = staged();
    let mut state = HouseState::new(commands::house("psp/acme"));
    let mut body = house.commits()[0].clone();
    if let Event::EntryPosted(posted) = &mut body.events[0].event {
        let mut postings = posted.entry.postings().to_vec();
        (postings[1].account, postings[1].of) = (AccountCode::PlayerCash, None);
        let entry = ledger_core::Entry::new(AccountKind::Real, postings.clone()).unwrap();
        assert!(ledger_core::Entry::of_house(AccountKind::Real, postings).is_err());
        posted.entry = entry;
    }
    assert_eq!(body.keys[0].outcome, OutcomeKind::Applied);
    let fault = state.evolve_commit(&body).unwrap_err();
    assert!(fault.to_string().contains("player:cash"), "{fault}");
}
