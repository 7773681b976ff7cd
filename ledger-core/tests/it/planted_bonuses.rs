//! Bugs planted in what bonuses recorded, each seen by the checker of its invariant.

use ledger_core::stored::{CommitBody, Event, EventRecord};
use ledger_core::testing::invariants::{self, journal};
use ledger_core::testing::{Scenario, commands, given};

fn mixed() -> Scenario {
    let player = given().cash("6.00").terms("welcome", commands::bonus_terms(1));
    player.when(commands::grant_bonus("A", "20")).bet("T1", "R", "10").applied()
}

fn commits(scenario: &Scenario) -> Vec<CommitBody> {
    scenario.ledger().commits().to_vec()
}

fn event<'a>(commits: &'a mut [CommitBody], name: &str) -> &'a mut EventRecord {
    let mut all = commits.iter_mut().rev().flat_map(|body| body.events.iter_mut());
    all.find(|record| record.event.type_name() == name).unwrap()
}

#[track_caller]
fn caught(result: Result<(), String>, id: &str) {
    let violation = result.expect_err("the planted bug was not noticed");
    assert!(violation.starts_with(id), "{violation}");
}

#[test]
fn i9_credits_that_go_back_as_cash() {
    let mut commits = commits(&mixed().rollback("X1", "T1"));
    invariants::i9_refunds_restore_their_funds(&commits).unwrap();
    if let Event::BetRolledBack(undone) = &mut event(&mut commits, "bet.rolled_back").event {
        undone.split = ledger_core::stored::Split::cash("10.00".parse().unwrap());
    }
    caught(invariants::i9_refunds_restore_their_funds(&commits), "I9");
}

#[test]
fn i10_a_share_that_is_missing() {
    let mut won = commits(&mixed().win("W1", "R", "25"));
    invariants::i10_shares_add_up_to_the_win(&won).unwrap();
    if let Event::WinCredited(win) = &mut event(&mut won, "win.credited").event {
        win.split.bonus.clear();
    }
    caught(invariants::i10_shares_add_up_to_the_win(&won), "I10");
    let mut undone = commits(&mixed().win("W1", "R", "25").rollback_win("X1", "W1"));
    invariants::i10_shares_add_up_to_the_win(&undone).unwrap();
    if let Event::WinRolledBack(win) = &mut event(&mut undone, "win.rolled_back").event {
        win.taken.clear();
    }
    caught(invariants::i10_shares_add_up_to_the_win(&undone), "I10");
}

#[test]
fn i11_a_step_that_no_bet_recorded() {
    let undone = commits(&mixed().rollback("X1", "T1"));
    invariants::i11_progress_is_what_bets_recorded(&undone).unwrap();
    // More than was recorded comes off.
    let mut more = undone.clone();
    if let Event::WagerProgressUpdated(step) = &mut event(&mut more, "wager.progress.updated").event {
        step.amount = "10.01".parse().unwrap();
    }
    caught(invariants::i11_progress_is_what_bets_recorded(&more), "I11");
    // A bet that recorded nothing counts.
    let mut unrecorded = undone.clone();
    if let Event::BetPlaced(bet) = &mut event(&mut unrecorded, "bet.placed").event {
        bet.counted = None;
    }
    caught(invariants::i11_progress_is_what_bets_recorded(&unrecorded), "I11");
    // It is not where the steps lead.
    let mut elsewhere = undone;
    if let Event::WagerProgressUpdated(step) = &mut event(&mut elsewhere, "wager.progress.updated").event {
        step.progress = "0.01".parse().unwrap();
    }
    caught(invariants::i11_progress_is_what_bets_recorded(&elsewhere), "I11");
}

#[test]
fn i12_credits_of_an_award_that_has_ended() {
    let ended = mixed().when(commands::forfeit_bonus("F1", "A")).cash("1");
    let ended = commits(&ended);
    invariants::i12_awards_that_are_over_stay_over(&ended).unwrap();
    let mut again = ended.clone();
    let grant = ended.iter().find(|body| body.events.iter().any(|r| r.event.type_name() == "bonus.issued"));
    let entry = grant.unwrap().events.first().unwrap().clone();
    again.last_mut().unwrap().events.push(entry);
    caught(invariants::i12_awards_that_are_over_stay_over(&again), "I12");
    let mut twice = ended;
    let end = event(&mut twice, "bonus.forfeited").clone();
    twice.last_mut().unwrap().events.push(end);
    caught(invariants::i12_awards_that_are_over_stay_over(&twice), "I12");
}

#[test]
fn i26_a_bet_above_the_most() {
    let mut terms = commands::bonus_terms(30);
    terms.max_bet.amounts = [(commands::currency("EUR"), "10.00".parse().unwrap())].into();
    let player =
        || given().cash("6.00").terms("welcome", terms.clone()).when(commands::grant_bonus("A", "20"));
    for (clear_shares, clear_counted) in [(false, true), (true, false)] {
        let mut commits = commits(&player().bet("T1", "R", "10").applied());
        invariants::i26_no_bet_above_the_most_touches_its_bonus(&commits).unwrap();
        if let Event::BetPlaced(bet) = &mut event(&mut commits, "bet.placed").event {
            bet.stake = "10.01".parse().unwrap();
            if clear_shares {
                bet.split.bonus.clear();
            }
            if clear_counted {
                bet.counted = None;
            }
        }
        caught(invariants::i26_no_bet_above_the_most_touches_its_bonus(&commits), "I26");
    }
}

#[test]
fn i13_a_release_that_says_less_than_it_was() {
    let mut terms = commands::bonus_terms(10);
    terms.release_every = Some(commands::basis_points(1_000));
    let player = given().cash("100.00").terms("welcome", terms).when(commands::grant_bonus("A", "20"));
    let mut commits = commits(&player.bet("T1", "R", "20").applied());
    invariants::i13_the_bonus_book_adds_up(&commits, &journal(&commits)).unwrap();
    if let Event::BonusReleased(released) = &mut event(&mut commits, "bonus.released").event {
        released.amount = "1.99".parse().unwrap();
    }
    caught(invariants::i13_the_bonus_book_adds_up(&commits, &journal(&commits)), "I13");
}

#[test]
fn i13_credits_that_become_cash_unnamed() {
    let done = mixed().win_close("W1", "R", "25").bet("T2", "Q", "15").win_close("W2", "Q", "1");
    let done = commits(&done);
    invariants::i13_the_bonus_book_adds_up(&done, &journal(&done)).unwrap();
    let mut unnamed = done.clone();
    let converted = |record: &EventRecord| record.event.type_name() == "bonus.converted";
    assert!(unnamed.iter().any(|body| body.events.iter().any(converted)));
    for body in &mut unnamed {
        body.events.retain(|record| !converted(record));
    }
    caught(invariants::i13_the_bonus_book_adds_up(&unnamed, &journal(&unnamed)), "I13");
    // A posting of the book is lost.
    let mut lines = journal(&done);
    let at = lines.iter().position(|line| line.account.code == ledger_core::AccountCode::BonusStakes);
    lines.remove(at.unwrap());
    caught(invariants::i13_the_bonus_book_adds_up(&done, &lines), "I13");
}
