//! What an auditor asks for: rows of `docs/compliance.md` by their ids, the audit trail, and reconciliation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ledger_core::stored::{Event, EventRecord, ReleasedTo};
use ledger_core::{ActorId, Amount, CurrencyCode, Partition, PlayerId, SourceId, Timestamp};
use ledger_projections::audit::{AuditFilter, AuditRecord, AuditTrail, ReadAuditTrail, persons, reason};
use ledger_projections::reconciliation::{
    FeeTerms, LineStatus, Payment, PaymentKind, PaymentStatus, Payments, ReadPayments, Reconciliation,
    SettlementFile, Terms, reconcile,
};
use ledger_projections::revenue::RevenueSums;
use ledger_projections::testing::{History, history};
use ledger_projections::{Commit, Memory, Period, Total, View};
use rust_decimal::Decimal;

use crate::history::id;
use crate::naive::now;
use crate::property::block_on;

fn feed(view: &mut impl View, commits: &[Arc<Commit>]) {
    for batch in commits.chunks(31) {
        block_on(view.apply(batch)).unwrap();
    }
}

fn always() -> Period {
    Period::new("0001-01-01T00:00:00Z".parse().unwrap(), Timestamp::MAX).unwrap()
}

fn total(text: &str) -> Total {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// The month that the definitions of gaming revenue are worked out on (docs/scenarios.md, gaming revenue).
fn month() -> RevenueSums {
    RevenueSums {
        stakes: total("1000000"),
        payouts: total("955000"),
        bonus_stakes: total("80000"),
        bonus_payouts: total("76000"),
        conversions: total("12000"),
        free_round_wins: total("3000"),
        cashback: total("2500"),
        contributions: total("4000"),
        overlay: total("500"),
        psp_fees: total("5200"),
        chargebacks: total("800"),
        provider_fees: total("5400"),
        duty: total("9450"),
        ..RevenueSums::default()
    }
}

#[test]
fn the_worked_month_comes_out() {
    let month = month();
    assert_eq!(month.ggr_cash(), Some(total("45000")));
    assert_eq!(month.ggr_total(), Some(total("49000")));
    assert_eq!(month.hold(), Some(decimal("0.045")));
    assert_eq!(month.bonus_cost(), Some(total("18000")));
    assert_eq!(month.ngr_after_bonuses(), Some(total("23000")));
    assert_eq!(month.ngr_after_costs(), Some(total("2150")));
    let lost = RevenueSums { payouts: total("1010000"), ..month };
    assert_eq!(lost.hold(), Some(decimal("-0.01")), "players won more than they staked");
    assert_eq!(RevenueSums::default().hold(), None);
}

#[test]
fn e09_the_actual_return_is_told_beside_the_theoretical_one() {
    let month = RevenueSums { jackpot_wins: total("10000"), ..month() };
    assert_eq!(month.rtp(), Some(decimal("0.955")));
    assert_eq!(month.rtp_with_contributions(), Some(decimal("0.959")));
    assert_eq!(month.rtp_with_jackpots(), Some(decimal("0.965")));
    assert_eq!(month.rtp_deviation(decimal("0.96")), Some(decimal("-0.005")));
    let bonus = RevenueSums { bonus_stakes: total("1"), bonus_payouts: total("999999"), ..month };
    assert_eq!(bonus.rtp(), month.rtp(), "bonus credits do not distort it");
}

#[test]
fn e54_in_ontario_what_becomes_withdrawable_and_contributions_count_as_won() {
    // 1 000 000 less 955 000, 12 000, 3 000 and 4 000.
    assert_eq!(month().ggr_withdrawable(), Some(total("26000")));
    let won = RevenueSums { jackpot_wins: total("50000"), ..month() };
    assert_eq!(
        won.ggr_withdrawable(),
        month().ggr_withdrawable(),
        "a jackpot is paid by what was contributed"
    );
}

fn histories() -> Vec<History> {
    (40..46).map(|seed| history(4, 8, 40, seed)).collect()
}

/// The words in those fields of an event's data that name persons, as JSON has them.
fn named(record: &EventRecord) -> BTreeSet<String> {
    let value = serde_json::to_value(record).unwrap();
    let data = &value["data"];
    let mut names = vec!["by", "approved_by", "author", "edited_by"];
    // Elsewhere it is a day, or where money goes.
    names.extend((record.event.type_name() == "aml.case.assigned").then_some("to"));
    names.iter().filter_map(|name| data[name].as_str()).map(str::to_owned).collect()
}

/// Events whose `by` is no person, or not who acted: a part of a withdrawal tells who had asked for the whole.
const OTHERWISE: [&str; 2] = ["bet.settled", "withdrawal.split_off"];

/// Events whose `reason` is a code of the ledger's own, not someone's words.
const CODED: [&str; 6] = [
    "bonus.forfeited",
    "cashier.deposit.suspended",
    "credit.granted",
    "round.closed",
    "round.reopened",
    "session.ended",
];

/// Every event type that there is, by its golden file: a new one with a person in it is noticed here.
#[test]
fn e27_no_person_that_an_event_names_is_left_out() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ledger-core/tests/golden");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(record) = serde_json::from_str::<EventRecord>(&text) else { continue };
        let found: BTreeSet<String> = persons(&record.event).iter().map(ToString::to_string).collect();
        let expected = named(&record);
        if OTHERWISE.contains(&record.event.type_name()) {
            assert!(found.is_subset(&expected) || found.is_empty(), "{}", path.display());
        } else {
            assert_eq!(found, expected, "{}", path.display());
        }
        let has_reason = serde_json::to_value(&record).unwrap()["data"]["reason"].is_string();
        let is_worded = has_reason && !CODED.contains(&record.event.type_name());
        assert_eq!(reason(&record.event).is_some(), is_worded, "{}", path.display());
        seen += 1;
    }
    assert!(seen > 100, "only {seen} golden files");
}

fn all_records(reader: &dyn ReadAuditTrail, filter: &AuditFilter, newest_first: bool) -> Vec<AuditRecord> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = if newest_first {
            now(reader.latest(filter, always(), cursor.as_ref(), 2)).unwrap().value
        } else {
            now(reader.records(filter, always(), cursor.as_ref(), 3)).unwrap().value
        };
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

fn check_audit(reader: &dyn ReadAuditTrail, commits: &[Arc<Commit>]) -> usize {
    let mut expected = Vec::new();
    for commit in commits {
        for (index, record) in commit.body.events.iter().enumerate() {
            if !persons(&record.event).is_empty() || reason(&record.event).is_some() {
                expected.push((
                    commit.body.recorded_at,
                    commit.shard,
                    commit.position,
                    index,
                    record.clone(),
                ));
            }
        }
    }
    expected.sort_by_key(|(at, shard, position, index, _)| (*at, *shard, *position, *index));
    let found = all_records(reader, &AuditFilter::All, false);
    let plain = |record: &AuditRecord| {
        (record.at, record.shard, record.position, usize::from(record.index), record.event.clone())
    };
    assert_eq!(found.iter().map(plain).collect::<Vec<_>>(), expected);
    let mut backwards = all_records(reader, &AuditFilter::All, true);
    backwards.reverse();
    assert_eq!(backwards, found);
    let of =
        |keep: &dyn Fn(&AuditRecord) -> bool| found.iter().filter(|r| keep(r)).cloned().collect::<Vec<_>>();
    let partitions: BTreeSet<Partition> = found.iter().map(|record| record.partition.clone()).collect();
    for partition in partitions {
        let filter = AuditFilter::Partition(partition.clone());
        assert_eq!(all_records(reader, &filter, false), of(&|record| record.partition == partition));
    }
    let actors: BTreeSet<ActorId> = found.iter().flat_map(|record| record.by.clone()).collect();
    for actor in actors {
        let filter = AuditFilter::Actor(actor.clone());
        let own = of(&|record| record.actor == actor || record.by.contains(&actor));
        assert_eq!(all_records(reader, &filter, false), own);
    }
    let types: BTreeSet<&str> = found.iter().map(|record| record.event.event.type_name()).collect();
    for name in types {
        let filter = AuditFilter::Type(name.to_owned());
        assert_eq!(all_records(reader, &filter, false), of(&|record| record.event.event.type_name() == name));
    }
    // Money that was there before and is after it differs by what was posted.
    for record in &found {
        assert_eq!(record.purses_before.len(), record.purses_after.len());
        if let Event::CorrectionApplied(event) = &record.event.event {
            let change = |purses: &[ledger_core::stored::PurseBalance]| {
                purses.iter().map(|purse| purse.available().units()).sum::<i128>()
            };
            let moved = change(&record.purses_after) - change(&record.purses_before);
            let all = event.amount.units();
            assert!(moved.abs() <= all, "{record:?}");
        }
    }
    found.len()
}

#[test]
fn e66_the_audit_trail_has_who_did_what_and_why() {
    let mut records = 0;
    for history in histories() {
        let mut view = Memory::<AuditTrail>::new(&history.identity);
        feed(&mut view, &history.commits);
        records += check_audit(&view.reader(), &history.commits);
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("audit");
            let mut view =
                ledger_projections::sqlite::Sqlite::<AuditTrail>::open(path, &history.identity).unwrap();
            feed(&mut view, &history.commits);
            check_audit(&view.reader().unwrap(), &history.commits);
        }
    }
    assert!(records > 50, "only {records} records");
}

const HEADER: &str = "psp,batch_id,value_date,line_no,psp_ref,merchant_ref,type,gross,fee,net,currency,settle_currency,\
                      fx_rate,booked_at,status\n";

fn line(number: u64, reference: &str, kind: &str, gross: &str, fee: &str, rest: &str) -> String {
    let net = decimal(gross) - decimal(if fee.is_empty() { "0" } else { fee });
    format!("psp,B1,2026-01-05,{number},{reference},,{kind},{gross},{fee},{net},{rest}\n")
}

const SETTLED: &str = "EUR,,,2026-01-04T10:00:00Z,settled";

fn file(lines: &[String]) -> SettlementFile {
    SettlementFile::parse(format!("{HEADER}{}", lines.concat()).as_bytes()).unwrap()
}

fn payment(kind: PaymentKind, reference: &str, amount: &str) -> Payment {
    Payment {
        psp: id(SourceId::new, "psp"),
        kind,
        reference: reference.to_owned(),
        player: Some(id(PlayerId::new, "p1")),
        merchant: None,
        status: PaymentStatus::Booked,
        currency: CurrencyCode::new("EUR").unwrap(),
        amount: amount.parse::<Amount>().unwrap(),
        rate: None,
        at: "2026-01-02T10:00:00Z".parse().unwrap(),
        bookings: 1,
    }
}

fn terms() -> Terms {
    Terms {
        cut_off: "2026-01-05T00:00:00Z".parse().unwrap(),
        late_after: Duration::from_hours(48),
        fees: BTreeMap::new(),
        fx_tolerance: None,
        bank: None,
    }
}

fn names(found: &Reconciliation) -> Vec<&'static str> {
    found.breaks.iter().map(|found| found.what.name()).collect()
}

#[test]
fn c6_payments_that_agree_are_no_breaks() {
    let lines =
        [line(1, "P7", "payment", "50.00", "1.75", SETTLED), line(2, "F1", "fee", "-3.00", "", SETTLED)];
    let found = reconcile(&file(&lines), &[payment(PaymentKind::Payment, "P7", "50.00")], &terms());
    assert_eq!((found.matched, found.not_itemised, names(&found), found.open.len()), (1, 1, vec![], 0));
    assert_eq!(found.consistency(), Some(Decimal::ONE));
}

#[test]
fn c6_missing_in_ledger() {
    let found = reconcile(&file(&[line(1, "P7", "payment", "50.00", "", SETTLED)]), &[], &terms());
    assert_eq!(names(&found), ["missing_in_ledger"]);
    assert_eq!((found.breaks[0].reference.as_deref(), found.breaks[0].line_no), (Some("P7"), Some(1)));
    assert_eq!(found.consistency(), Some(Decimal::ZERO));
}

#[test]
fn c6_missing_at_psp_and_open_until_then() {
    let other = file(&[line(1, "P1", "payment", "1.00", "", SETTLED)]);
    let own = [payment(PaymentKind::Payment, "P1", "1.00"), payment(PaymentKind::Payment, "P7", "50.00")];
    let found = reconcile(&other, &own, &terms());
    assert_eq!(names(&found), ["missing_at_psp"]);
    assert_eq!(found.breaks[0].reference.as_deref(), Some("P7"));
    // Booked a minute before midnight, in the file of a later day: an open item, no break.
    let late = Payment { at: "2026-01-03T23:59:00Z".parse().unwrap(), ..own[1].clone() };
    let found = reconcile(&other, &[own[0].clone(), late.clone()], &terms());
    assert_eq!((names(&found), found.open), (vec![], vec![late]));
}

#[test]
fn c6_amount_and_currency_mismatch() {
    let own = [payment(PaymentKind::Payment, "P7", "100.00")];
    let found = reconcile(&file(&[line(1, "P7", "payment", "95.00", "", SETTLED)]), &own, &terms());
    assert_eq!(names(&found), ["amount_mismatch"]);
    let pounds = SETTLED.replace("EUR", "GBP");
    let found = reconcile(&file(&[line(1, "P7", "payment", "100.00", "", &pounds)]), &own, &terms());
    assert_eq!(names(&found), ["currency_mismatch"]);
    // M11: a file with two digits for a currency with three.
    let own = [Payment { amount: "10.120".parse().unwrap(), ..own[0].clone() }];
    let found = reconcile(&file(&[line(1, "P7", "payment", "10.12", "", SETTLED)]), &own, &terms());
    assert_eq!(names(&found), Vec::<&str>::new());
}

#[test]
fn c6_status_mismatch() {
    let failed =
        Payment { status: PaymentStatus::Failed, bookings: 0, ..payment(PaymentKind::Payment, "P7", "5.00") };
    let lines =
        |status: &str| file(&[line(1, "P7", "payment", "5.00", "", &SETTLED.replace("settled", status))]);
    let found = reconcile(&lines("settled"), std::slice::from_ref(&failed), &terms());
    assert_eq!(names(&found), ["status_mismatch"]);
    let what = &found.breaks[0].what;
    let expected = ledger_projections::reconciliation::Difference::Status {
        ledger: PaymentStatus::Failed,
        file: LineStatus::Settled,
    };
    assert_eq!(*what, expected);
    assert_eq!(names(&reconcile(&lines("failed"), &[failed], &terms())), Vec::<&str>::new());
}

#[test]
fn c6_duplicates_in_file_and_ledger() {
    let own = [payment(PaymentKind::Payment, "P7", "5.00")];
    let twice =
        [line(1, "P7", "payment", "5.00", "", SETTLED), line(2, "P7", "payment", "5.00", "", SETTLED)];
    let found = reconcile(&file(&twice), &own, &terms());
    assert_eq!((names(&found), found.breaks[0].line_no), (vec!["duplicate_in_file"], Some(2)));
    let own = [Payment { bookings: 2, ..own[0].clone() }];
    assert_eq!(names(&reconcile(&file(&twice[..1]), &own, &terms())), ["duplicate_in_ledger"]);
}

#[test]
fn c6_fee_mismatch() {
    let fee = FeeTerms { rate: decimal("0.029"), fixed: decimal("0.30") };
    let eur = CurrencyCode::new("EUR").unwrap();
    let terms = Terms { fees: BTreeMap::from([((PaymentKind::Payment, eur), fee)]), ..terms() };
    let own = [payment(PaymentKind::Payment, "P7", "100.00")];
    let found = reconcile(&file(&[line(1, "P7", "payment", "100.00", "3.40", SETTLED)]), &own, &terms);
    let expected = ledger_projections::reconciliation::Difference::Fee {
        expected: decimal("3.20"),
        file: decimal("3.40"),
    };
    assert_eq!((names(&found), &found.breaks[0].what), (vec!["fee_mismatch"], &expected));
    let found = reconcile(&file(&[line(1, "P7", "payment", "100.00", "3.20", SETTLED)]), &own, &terms);
    assert_eq!(names(&found), Vec::<&str>::new());
}

#[test]
fn c6_fx_mismatch() {
    let terms = Terms { fx_tolerance: Some(decimal("0.01")), ..terms() };
    let own = [Payment { rate: Some("1.10".to_owned()), ..payment(PaymentKind::Payment, "P7", "100.00") }];
    let lines = |rate: &str| {
        file(&[line(
            1,
            "P7",
            "payment",
            "100.00",
            "",
            &format!("EUR,USD,{rate},2026-01-04T10:00:00Z,settled"),
        )])
    };
    assert_eq!(names(&reconcile(&lines("1.12"), &own, &terms)), ["fx_mismatch"]);
    assert_eq!(names(&reconcile(&lines("1.111"), &own, &terms)), Vec::<&str>::new());
}

#[test]
fn c6_net_mismatch() {
    let eur = CurrencyCode::new("EUR").unwrap();
    let own = [payment(PaymentKind::Payment, "P7", "100.00")];
    let lines = file(&[line(1, "P7", "payment", "100.00", "2.90", SETTLED)]);
    let bank = |amount: &str| Terms { bank: Some(BTreeMap::from([(eur, decimal(amount))])), ..terms() };
    assert_eq!(names(&reconcile(&lines, &own, &bank("97.10"))), Vec::<&str>::new());
    assert_eq!(names(&reconcile(&lines, &own, &bank("97.00"))), ["net_mismatch"]);
    let mut odd = lines;
    odd.lines[0].net = decimal("97.00");
    assert_eq!(names(&reconcile(&odd, &own, &terms())), ["line_net_mismatch"]);
}

#[test]
fn c6_unknown_type_and_orphan_payout_return() {
    let found = reconcile(&file(&[line(1, "Z1", "moonshine", "1.00", "", SETTLED)]), &[], &terms());
    assert_eq!(names(&found), ["unknown_type"]);
    let paid = payment(PaymentKind::Payout, "O1", "20.00");
    let lines = file(&[
        line(1, "O1", "payout", "-20.00", "", SETTLED),
        line(2, "O1", "payout_return", "20.00", "", SETTLED),
    ]);
    let found = reconcile(&lines, std::slice::from_ref(&paid), &terms());
    assert_eq!(names(&found), ["orphan_payout_return"]);
    let returned = Payment { kind: PaymentKind::PayoutReturn, ..paid.clone() };
    assert_eq!(names(&reconcile(&lines, &[paid, returned], &terms())), Vec::<&str>::new());
}

/// The view has what happened at payment providers, each once and nothing else.
#[test]
fn c6_the_view_has_every_payment_once() {
    for history in histories() {
        let mut view = Memory::<Payments>::new(&history.identity);
        feed(&mut view, &history.commits);
        let reader = view.reader();
        // The players of a history share references, so one may be told of several times.
        let mut expected: BTreeMap<(PaymentKind, SourceId, String), u32> = BTreeMap::new();
        let mut payouts = BTreeMap::new();
        for record in history.commits.iter().flat_map(|commit| &commit.body.events) {
            if let ledger_core::Stream::Withdrawal(player, source, id) = &record.stream {
                let of = (player.clone(), source.clone(), id.clone());
                if let Event::WithdrawalSent(event) = &record.event {
                    payouts.insert(of.clone(), event.payout.clone());
                }
                let kind = match &record.event {
                    Event::WithdrawalPaid(_) => PaymentKind::Payout,
                    Event::WithdrawalReturned(_) => PaymentKind::PayoutReturn,
                    _ => continue,
                };
                let payout = &payouts[&of];
                *expected.entry((kind, payout.source.clone(), payout.id.to_string())).or_default() += 1;
                continue;
            }
            let ledger_core::Stream::Deposit(_, psp, reference) = &record.stream else { continue };
            let told = match &record.event {
                Event::DepositSucceeded(_) => (PaymentKind::Payment, reference.to_string()),
                Event::DepositSuspended(event)
                    if event.reason != ledger_core::stored::SuspenseReason::PayoutReturned =>
                {
                    (PaymentKind::Payment, reference.to_string())
                }
                Event::DepositReleased(event) if event.to == ReleasedTo::Payer => {
                    (PaymentKind::Refund, event.txn.id.to_string())
                }
                Event::DepositRefunded(event) => (PaymentKind::Refund, event.txn.to_string()),
                Event::DepositChargedBack(event) => (PaymentKind::Chargeback, event.txn.to_string()),
                Event::ChargebackReversed(event) => (PaymentKind::ChargebackReversal, event.txn.to_string()),
                _ => continue,
            };
            *expected.entry((told.0, psp.clone(), told.1)).or_default() += 1;
        }
        let psps: BTreeSet<SourceId> = expected.keys().map(|(_, psp, _)| psp.clone()).collect();
        for psp in psps {
            let all = now(reader.all(&psp)).unwrap().value;
            let of = |payment: &Payment| (payment.kind, payment.psp.clone(), payment.reference.clone());
            let known: BTreeSet<_> = all.iter().filter(|payment| payment.bookings > 0).map(of).collect();
            let told: BTreeMap<_, _> = expected.iter().filter(|((_, own, _), _)| *own == psp).collect();
            // A payout is sent under its own reference: of two under one the later stands.
            let is_payout = |of: &&(PaymentKind, SourceId, String)| of.0 == PaymentKind::Payout;
            assert!(known.iter().filter(is_payout).all(|of| told.contains_key(of)));
            let booked: BTreeSet<_> = known.iter().filter(|of| !is_payout(of)).collect();
            assert_eq!(booked, told.keys().copied().filter(|of| !is_payout(of)).collect());
            for ((kind, _, reference), count) in told.iter().filter(|(of, _)| !is_payout(of)) {
                let one = now(reader.payment(&psp, *kind, reference)).unwrap().value.unwrap();
                assert_eq!(one.bookings, **count, "{one:?}");
            }
            let (mut listed, mut cursor) = (Vec::new(), None::<(PaymentKind, String)>);
            loop {
                let after = cursor.as_ref().map(|(kind, reference)| (*kind, reference.as_str()));
                let page = now(reader.list(&psp, after, 2)).unwrap().value;
                listed.extend(page.rows);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(listed, all);
        }
    }
}
