//! The checkers of withdrawals, of unplayed money and of the statement: each passes on a rich log and fails on a bug
//! planted in it.

use crate::model::caught;
use ledger_core::stored::{Bearer, CommitBody, Event, EventRecord};
use ledger_core::testing::{commands, given, invariants};
use ledger_core::{
    AccountCode, Amount, BasisPoints, JurisdictionProfile, LatePayoutPolicy, Policy, Side, UnplayedMoney,
    WithdrawalPolicy,
};

/// Withdrawals that are held, on their way, paid, failed, returned, split, cancelled and paid late; deposits that are
/// unplayed; and the rest of what a statement has.
fn rich() -> Vec<CommitBody> {
    let unplayed = UnplayedMoney::Fee { rate: BasisPoints::new(2_000).unwrap() };
    let policy = Policy {
        withdrawals: WithdrawalPolicy {
            late_payout: LatePayoutPolicy::Suspense,
            ..WithdrawalPolicy::default()
        },
        default_jurisdiction: JurisdictionProfile { unplayed, ..JurisdictionProfile::default() },
        ..Policy::default()
    };
    let mut scenario = given().policy(policy).cash("1000").cash("50");
    scenario = scenario.bet("T1", "R1", "100").bet("T2", "R2", "20").rollback("X1", "T2");
    for id in ["W1", "W2", "W3", "W4", "W5", "W6"] {
        scenario = scenario.when(commands::request(id, "40")).applied();
    }
    scenario = scenario.when(commands::split_withdrawal("S1", "W1", &[("W7", "30"), ("W8", "10")])).applied();
    for id in ["W2", "W3", "W4", "W5", "W7"] {
        scenario = scenario.when(commands::approve_withdrawal(id, id, "ann")).applied();
    }
    for id in ["W2", "W3", "W4", "W5"] {
        scenario = scenario.when(commands::send(id, id)).applied();
    }
    scenario
        .when(commands::mark_paid_part("M2", "W2", "35"))
        .applied()
        .when(commands::mark_paid("M3", "W3"))
        .applied()
        .when(commands::mark_returned("B3", "W3"))
        .applied()
        .when(commands::mark_failed("F4", "W4"))
        .applied()
        .when(commands::mark_paid("M4", "W4"))
        .applied()
        .when(commands::settle_late("L4", "W4", Bearer::House))
        .applied()
        .when(commands::cancel_withdrawal("C8", "W8"))
        .applied()
        .win_close("V1", "R1", "30")
        .when(commands::refund_part("D1", "cash-2", "5"))
        .applied()
        .ledger()
        .commits()
        .to_vec()
}

fn changed(name: &str, change: impl Fn(&mut EventRecord)) -> Vec<CommitBody> {
    let mut commits = rich();
    let mut all = commits.iter_mut().flat_map(|body| &mut body.events);
    change(all.find(|record| record.event.type_name() == name).unwrap());
    commits
}

fn cent(amount: &mut Amount) {
    *amount = amount.checked_add("0.01".parse().unwrap()).unwrap();
}

fn check(commits: &[CommitBody]) -> Result<(), String> {
    let (journal, all) = (invariants::journal(commits), invariants::withdrawals(commits)?);
    invariants::i4_pending_is_what_open_withdrawals_hold(&all, &journal)?;
    invariants::i9_unplayed_money_goes_back_to_its_lots(commits)?;
    invariants::i12_withdrawals_that_are_over_stay_over(commits)?;
    invariants::i14_the_statement_adds_up(commits)
}

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    check(&rich()).unwrap();
}

#[test]
fn i4_pending_money_of_a_withdrawal_that_is_over() {
    let commits = rich();
    let all = invariants::withdrawals(&commits).unwrap();
    // A cancellation that forgets to give the money back; a payment that leaves it in transit; money of no withdrawal.
    for (code, side) in
        [(AccountCode::WithdrawalPending, Side::Debit), (AccountCode::PayoutsInTransit, Side::Debit)]
    {
        let mut journal = invariants::journal(&commits);
        let last = journal.iter().rposition(|line| line.account.code == code && line.side == side).unwrap();
        journal.remove(last);
        caught(invariants::i4_pending_is_what_open_withdrawals_hold(&all, &journal), "I4");
    }
    let journal = invariants::journal(&commits);
    for open in ["W5", "W6", "W7"] {
        let mut others = all.clone();
        others.retain(|withdrawal| withdrawal.of.id.as_str() != open);
        assert_eq!(others.len() + 1, all.len());
        caught(invariants::i4_pending_is_what_open_withdrawals_hold(&others, &journal), "I4");
    }
    caught(invariants::i4_pending_is_what_open_withdrawals_hold(&all, &journal[..20]), "I4");
}

#[test]
fn i9_unplayed_money_that_becomes_played() {
    // A cancelled withdrawal goes back to cash alone (A6.10), a bet forgets what it drew, a lot has more than there is.
    let planted = |cause: &str, change: &dyn Fn(&mut EventRecord)| {
        let mut commits = rich();
        let body = commits
            .iter_mut()
            .find(|body| body.events.iter().any(|record| record.event.type_name() == cause))
            .unwrap();
        body.events.iter_mut().for_each(change);
        caught(invariants::i9_unplayed_money_goes_back_to_its_lots(&commits), "I9");
    };
    let forget = |record: &mut EventRecord| {
        if let Event::EntryPosted(entry) = &mut record.event {
            entry.lots.clear();
        }
    };
    for cause in
        ["withdrawal.cancelled", "withdrawal.requested", "withdrawal.failed", "bet.placed", "bet.rolled_back"]
    {
        planted(cause, &forget);
    }
    planted("withdrawal.paid", &forget);
    planted("cashier.deposit.succeeded", &|record| {
        if let Event::EntryPosted(entry) = &mut record.event {
            cent(&mut entry.lots[0].unplayed);
        }
    });
}

#[test]
fn i12_a_withdrawal_that_posts_after_its_end() {
    for (end, late) in [
        ("withdrawal.cancelled", "withdrawal.sent"),
        ("withdrawal.returned", "withdrawal.failed"),
        ("withdrawal.paid", "withdrawal.failed"),
        ("withdrawal.failed", "withdrawal.cancelled"),
        ("withdrawal.split", "withdrawal.approved"),
        ("withdrawal.returned", "withdrawal.returned"),
        ("withdrawal.late_payout_settled", "withdrawal.late_payout_settled"),
    ] {
        let mut commits = rich();
        let find = |name: &str| {
            let mut all = commits.iter().flat_map(|body| &body.events);
            all.find(|record| record.event.type_name() == name).unwrap().clone()
        };
        let again = EventRecord { stream: find(end).stream, ..find(late) };
        commits.last_mut().unwrap().events.push(again);
        caught(invariants::i12_withdrawals_that_are_over_stay_over(&commits), "I12");
    }
}

#[test]
fn i14_an_event_and_its_entry_disagree() {
    let planted = |name: &str, change: &dyn Fn(&mut Event)| {
        let commits = changed(name, |record| change(&mut record.event));
        caught(invariants::i14_the_statement_adds_up(&commits), "I14");
    };
    planted("cashier.deposit.succeeded", &|event| {
        if let Event::DepositSucceeded(event) = event {
            cent(&mut event.amount);
        }
    });
    planted("bet.settled", &|event| {
        if let Event::BetSettled(event) = event {
            cent(&mut event.win);
        }
    });
    planted("withdrawal.sent", &|event| {
        if let Event::WithdrawalSent(event) = event {
            cent(&mut event.amount);
        }
    });
    planted("withdrawal.returned", &|event| {
        if let Event::WithdrawalReturned(event) = event {
            cent(&mut event.credited);
        }
    });
    planted("withdrawal.cancelled", &|event| {
        if let Event::WithdrawalCancelled(event) = event {
            cent(&mut event.amount);
        }
    });
    planted("withdrawal.paid", &|event| {
        if let Event::WithdrawalPaid(event) = event {
            event.rest = None;
        }
    });
    // Money that moved and no event tells of it.
    let mut commits = rich();
    let refund = |record: &EventRecord| record.event.type_name() != "cashier.deposit.refunded";
    for body in &mut commits {
        body.events.retain(refund);
    }
    caught(invariants::i14_the_statement_adds_up(&commits), "I14");
}
