//! Stored shapes are frozen: what the code writes is compared byte by byte with `tests/golden`, and its
//! JSON Schemas with `schemas`.
//!
//! A released file is never edited. A new event type or version gets new files:
//! `LEDGER_BLESS_NEW=1 cargo nextest run -p ledger-core --features testing,schema goldens` writes those that
//! are missing and refuses to touch those that are there (the first run may still fail where a test came before its file).
//! Files of older versions stay, and must be read for ever.

use ledger_core::stored::{
    AdjustmentApplied, Bet, BetCashedOut, BetPlaced, BetResettled, BetReturned, BetRolledBack, BetSettled,
    BetStatus, BetUnsettled, BetVoided, ChargebackReversed, CloseReason, CommitBody, Contribution, Converted,
    CorrectionApplied, CorrectionDeclined, CorrectionProposed, CountedShare, CreditGranted, CreditKind,
    CurrencyRegistered, DebtWrittenOff, DeclineCause, DepositAttempted, DepositBreak, DepositCancelled,
    DepositChargedBack, DepositCompleted, DepositExpired, DepositFailed, DepositInitiated, DepositMismatch,
    DepositRefunded, DepositReleased, DepositSucceeded, DepositSuspended, Direction, DormantReclaimed,
    DormantTransferred, EntryPosted, Event, EventRecord, ExchangeMade, ExchangeReversed, FeeCharged, FeeKind,
    FreeBet, HostRecorded, JackpotKind, Money, NegativeBalanceCleared, NegativeBalanceRaised, Note,
    PlayerClosed, PlayerOpened, PlayerReopened, PurseBalance, PurseOpened, RealityCheckAcknowledged,
    Recovery, ReleasedTo, ReopenReason, Round, RoundClosed, RoundReopened, RoundStatus, RoundVoided,
    SessionEndReason, SessionEnded, SessionStarted, SettledBy, SettlementVoided, Split, SuspenseReason,
    SuspenseRefused, TaxReturned, TaxWithheld, TipGiven, TipReturned, TournamentEntered,
    TournamentEntryReturned, TransactionRef, TransferRolledBack, TransferRolledIn, TransferRolledOut,
    TxnNoted, TxnRejected, TxnTombstoned, Win, WinCredited, WinRetained, WinRolledBack, WinStatus,
};
use ledger_core::stored::{ClaimEnd, JackpotClaimWithdrawn, JackpotClaimed, JackpotPaid, PaymentRef};
use ledger_core::stored::{ForfeitCause, TournamentPrizeForfeited, TournamentPrizePaid};
use ledger_core::testing::{commands, given};
use ledger_core::{
    AccountCode, AccountKind, Amount, Authorisation, ContentHash, Currency, DeviceId, Entry,
    FingerprintBuilder, HostData, HostName, JackpotId, JurisdictionId, MethodId, OpenPlayer, OperationKind,
    PlayerCommand, Posting, Reason, Rejection, Rollback, RollbackKind, ShortfallPolicy, SourceId, SubAccount,
    TournamentId, WithholdTax,
};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(crate) fn record(stream: &str, version: u64, event: Event) -> EventRecord {
    EventRecord::new(stream.parse().unwrap(), version, event)
}

pub(crate) fn txn_ref(source: &str, kind: OperationKind, id: &str) -> TransactionRef {
    TransactionRef { source: commands::source(source), kind, id: commands::txn(id) }
}

fn payment(source: &str, id: &str) -> PaymentRef {
    PaymentRef { source: commands::source(source), id: commands::txn(id) }
}

fn the_round() -> Round {
    Round {
        source: commands::source("prov"),
        id: commands::round("R"),
        currency: Some(commands::currency("EUR")),
        status: RoundStatus::Closed,
        version: 4,
        opened_at: None,
        last_at: None,
        by_rule: None,
        session: None,
        bets: vec![Bet {
            id: commands::txn("T1"),
            game: commands::game("game"),
            stake: amount("10.00"),
            split: Split::cash(amount("10.00")),
            // Joined later: commit.unplayed has it.
            unplayed: Vec::new(),
            cashed_out: None,
            returned: None,
            free: None,
            contributions: Vec::new(),
            made_up: false,
            by_rule: false,
            entry: None,
            status: BetStatus::Settled,
            version: 1,
            cashed_bonus: Vec::new(),
            returned_bonus: Vec::new(),
            counted: None,
            uncounted: None,
        }],
        wins: vec![Win {
            id: commands::txn("W1"),
            bet: Some(commands::txn("T1")),
            amount: amount("25.00"),
            cash_out: false,
            by_resettlement: false,
            reported: None,
            entry: None,
            status: WinStatus::Paid,
            version: 2,
            bonus: Vec::new(),
            forfeited: Vec::new(),
        }],
    }
}

fn recovery3(cash: &str, receivable: &str, written_off: &str) -> Recovery {
    Recovery { cash: amount(cash), receivable: amount(receivable), written_off: amount(written_off) }
}

fn recovery() -> Recovery {
    Recovery { cash: amount("10.00"), receivable: amount("15.00"), written_off: amount("0.00") }
}

/// Dollars of deposit D2 in euros.
fn converted(euros: &str, exact: &str) -> Converted {
    Converted {
        rate: commands::rate("EUR", "USD", "1.10"),
        currency: commands::currency("EUR"),
        amount: amount(euros),
        exact: amount(exact),
    }
}

/// From cash, but for one cent that he owes.
fn recovered(cash: &str) -> Recovery {
    Recovery { cash: amount(cash), receivable: amount("0.01"), written_off: amount("0.00") }
}

/// One event of every type, every optional field there.
pub(crate) fn samples() -> Vec<EventRecord> {
    [samples_but_bonuses(), crate::goldens_bonuses::samples()].concat()
}

fn samples_but_bonuses() -> Vec<EventRecord> {
    let eur = commands::currency("EUR");
    let currency = |code: &str, scale, maximum: &str| {
        Currency::new(commands::currency(code), scale, amount(maximum)).unwrap()
    };
    let round = "round/p1/prov/R";
    let split = |text: &str| Split::cash(amount(text));
    let intent = "intent/p1/cashier/I1";
    let open: OpenPlayer = commands::open(&["EUR", "JPY"]);
    vec![
        record(
            "player/p1",
            1,
            Event::PlayerOpened(PlayerOpened {
                person: None,
                operator: open.operator,
                brand: open.brand,
                jurisdiction: open.jurisdiction,
                zone: open.zone,
                kind: AccountKind::Real,
                currencies: vec![currency("EUR", 2, "1000000000000.00"), currency("JPY", 0, "1000000000000")],
            }),
        ),
        record(
            "player/p1",
            2,
            Event::TxnRejected(TxnRejected {
                txn: txn_ref("prov", OperationKind::Bet, "T1"),
                rejection: Rejection::InsufficientFunds { available: amount("-25.00"), currency: eur },
                print: Some(FingerprintBuilder::new("golden").finish()),
            }),
        ),
        record(
            "player/p1",
            3,
            Event::TxnTombstoned(TxnTombstoned {
                txn: txn_ref("prov", OperationKind::Rollback, "X1"),
                target: commands::txn("T9"),
            }),
        ),
        record(
            "player/p1",
            4,
            Event::TxnNoted(TxnNoted {
                txn: txn_ref("prov", OperationKind::Close, "C1"),
                note: Note::RoundUnknown,
            }),
        ),
        record(
            "player/p1",
            5,
            Event::NegativeBalanceRaised(NegativeBalanceRaised {
                entry: 7,
                currency: eur,
                receivable: amount("25.00"),
            }),
        ),
        record(
            "player/p1",
            6,
            Event::NegativeBalanceCleared(NegativeBalanceCleared { entry: 8, currency: eur }),
        ),
        record(
            "player/p1",
            7,
            Event::DebtWrittenOff(DebtWrittenOff {
                txn: txn_ref("office", OperationKind::DebtWriteOff, "O1"),
                currency: eur,
                amount: amount("60.00"),
                reason: Reason::new("180 days").unwrap(),
                by: commands::person("anna"),
                approved_by: commands::person("boris"),
                entry: 9,
            }),
        ),
        record(
            "wallet/p1",
            2,
            Event::EntryPosted(EntryPosted {
                entry: Entry::new(
                    AccountKind::Real,
                    vec![
                        Posting::debit(AccountCode::PlayerCash, None, amount("10.00"), eur),
                        Posting::credit(
                            AccountCode::PlayerHeld,
                            Some(SubAccount::round(
                                &SourceId::new("prov/a~b").unwrap(),
                                &commands::round("R"),
                            )),
                            amount("10.00"),
                            eur,
                        ),
                    ],
                )
                .unwrap(),
                after: vec![PurseBalance {
                    currency: eur,
                    cash: amount("90.00"),
                    held: amount("10.00"),
                    pending: Some(amount("5.00")),
                    receivable: Some(amount("1.00")),
                    // Joined later: commit.dormant has it.
                    dormant: None,
                }],
                // Joined later: commit.unplayed has them.
                lots: Vec::new(),
                bonus: Vec::new(),
            }),
        ),
        record(
            intent,
            1,
            Event::DepositInitiated(DepositInitiated {
                currency: eur,
                amount: amount("100.00"),
                method: Some(MethodId::new("card").unwrap()),
            }),
        ),
        record(
            intent,
            2,
            Event::DepositAttempted(DepositAttempted {
                attempt: commands::txn("A1"),
                psp: commands::source("psp"),
                reference: Some(commands::txn("D1")),
            }),
        ),
        record(
            intent,
            3,
            Event::DepositFailed(DepositFailed {
                txn: txn_ref("cashier", OperationKind::DepositFail, "F1"),
                attempt: Some(commands::txn("A1")),
                payment: Some(commands::payment("D1")),
                reason: Some(Reason::new("declined").unwrap()),
            }),
        ),
        record(
            intent,
            4,
            Event::DepositCancelled(DepositCancelled {
                txn: txn_ref("cashier", OperationKind::DepositCancel, "C1"),
                reason: Some(Reason::new("changed his mind").unwrap()),
            }),
        ),
        record(
            intent,
            4,
            Event::DepositExpired(DepositExpired {
                txn: txn_ref("timers", OperationKind::DepositExpire, "E1"),
                due_at: "2026-01-02T00:00:00Z".parse().unwrap(),
            }),
        ),
        record(
            intent,
            5,
            Event::DepositCompleted(DepositCompleted { capture: commands::payment("D1"), suspended: false }),
        ),
        record(
            intent,
            6,
            Event::DepositMismatch(DepositMismatch {
                what: DepositBreak::Amount,
                capture: commands::payment("D1"),
                asked: Money { currency: eur, amount: amount("100.00") },
                captured: Some(Money { currency: eur, amount: amount("95.00") }),
            }),
        ),
        record(
            "deposit/p1/psp/D1",
            1,
            Event::DepositSucceeded(DepositSucceeded {
                currency: eur,
                amount: amount("100.00"),
                authorisation: Some(Authorisation::new("AUTH-1").unwrap()),
                intent: None,
                fee: None,
                converted: None,
                after: None,
                instrument: None,
                entry: 1,
            }),
        ),
        record(
            "deposit/p1/psp/D2",
            1,
            Event::DepositSuspended(DepositSuspended {
                reason: SuspenseReason::UnknownIntent,
                currency: commands::currency("USD"),
                amount: amount("110.00"),
                authorisation: Some(Authorisation::new("AUTH-2").unwrap()),
                intent: Some(commands::intent("I2")),
                instrument: None,
                entry: 2,
            }),
        ),
        record(
            "deposit/p1/psp/D2",
            2,
            Event::DepositReleased(DepositReleased {
                txn: txn_ref("office", OperationKind::SuspenseRelease, "L1"),
                to: ReleasedTo::Player,
                house_item: false,
                currency: commands::currency("USD"),
                amount: amount("110.00"),
                converted: Some(converted("100.00", "100.000000")),
                by: commands::person("anna"),
                approved_by: commands::person("boris"),
                entry: 3,
            }),
        ),
        record(
            "deposit/p1/psp/D2",
            3,
            Event::DepositRefunded(DepositRefunded {
                txn: commands::txn("B1"),
                currency: commands::currency("USD"),
                amount: amount("10.00"),
                fee: Some(amount("2.00")),
                recovery: recovered("9.09"),
                converted: Some(converted("9.09", "9.090909")),
                entry: 4,
                counted: None,
            }),
        ),
        record(
            "deposit/p1/psp/D2",
            4,
            Event::DepositChargedBack(DepositChargedBack {
                txn: commands::txn("CB1"),
                currency: commands::currency("USD"),
                amount: amount("100.00"),
                fee: Some(amount("15.00")),
                recovery: Some(recovered("90.91")),
                converted: Some(converted("90.91", "90.909091")),
                unplayed: Vec::new(),
                entry: 5,
            }),
        ),
        record(
            "deposit/p1/psp/D2",
            5,
            Event::ChargebackReversed(ChargebackReversed {
                txn: commands::txn("CR1"),
                chargeback: commands::txn("CB1"),
                currency: commands::currency("USD"),
                amount: amount("100.00"),
                fee: Some(amount("15.00")),
                converted: Some(converted("90.91", "90.909091")),
                unplayed: Vec::new(),
                entry: 6,
            }),
        ),
        record(
            "player/p1",
            8,
            Event::SuspenseRefused(SuspenseRefused {
                capture: commands::payment("D1"),
                reason: Reason::new("it was another player's").unwrap(),
                by: commands::person("anna"),
            }),
        ),
        record(
            round,
            1,
            Event::BetPlaced(BetPlaced {
                bet: commands::txn("T1"),
                game: commands::game("game"),
                currency: eur,
                stake: amount("10.00"),
                split: split("10.00"),
                unplayed: Vec::new(),
                entry: Some(2),
                session: None,
                free: None,
                contributions: Vec::new(),
                made_up: false,
                counted: None,
            }),
        ),
        record(
            round,
            2,
            Event::WinCredited(WinCredited {
                win: commands::txn("W1"),
                bet: Some(commands::txn("T1")),
                currency: eur,
                amount: amount("25.00"),
                split: split("25.00"),
                entry: Some(3),
                reported: None,
                session: None,
            }),
        ),
        record(
            round,
            3,
            Event::BetSettled(BetSettled {
                txn: commands::txn("W2"),
                bets: vec![commands::txn("T1"), commands::txn("T2")],
                bet: Some(commands::txn("T1")),
                currency: eur,
                stake: amount("10.00"),
                win: amount("36.40"),
                split: split("36.40"),
                by: SettledBy::Win,
                entry: Some(4),
                reported: None,
            }),
        ),
        record(
            round,
            4,
            Event::BetRolledBack(BetRolledBack {
                txn: commands::txn("X1"),
                bet: commands::txn("T1"),
                currency: eur,
                stake: amount("10.00"),
                split: split("10.00"),
                entry: Some(5),
            }),
        ),
        record(
            round,
            5,
            Event::BetVoided(BetVoided {
                txn: txn_ref("office", OperationKind::Void, "V1"),
                bet: commands::txn("T2"),
                reason: Reason::new("table \"7\" fault, Ж").unwrap(),
                currency: eur,
                stake: amount("5.00"),
                split: split("5.00"),
                entry: Some(6),
            }),
        ),
        record(
            round,
            6,
            Event::WinRolledBack(WinRolledBack {
                txn: commands::txn("X2"),
                win: commands::txn("W1"),
                currency: eur,
                amount: amount("25.00"),
                recovery: Recovery {
                    cash: amount("5.00"),
                    receivable: amount("20.00"),
                    written_off: amount("0.00"),
                },
                entry: Some(7),
                taken: Vec::new(),
            }),
        ),
        record(
            round,
            7,
            Event::WinRetained(WinRetained {
                txn: commands::txn("X3"),
                win: commands::txn("W2"),
                currency: eur,
                amount: amount("36.40"),
            }),
        ),
        record(
            round,
            20,
            Event::BetCashedOut(BetCashedOut {
                txn: commands::txn("K1"),
                bet: commands::txn("T1"),
                currency: eur,
                principal: amount("5.00"),
                amount: amount("8.00"),
                split: split("8.00"),
                entry: Some(20),
                taken: Vec::new(),
            }),
        ),
        record(
            round,
            21,
            Event::BetReturned(BetReturned {
                txn: commands::txn("X1"),
                bet: commands::txn("T1"),
                currency: eur,
                stake: amount("5.00"),
                split: split("5.00"),
                unplayed: Vec::new(),
                entry: 21,
                uncounted: None,
            }),
        ),
        record(
            round,
            22,
            Event::BetResettled(BetResettled {
                txn: commands::txn("W1:2"),
                bet: Some(commands::txn("T1")),
                win: Some(commands::txn("W1")),
                currency: eur,
                previous: amount("150.00"),
                amount: amount("75.00"),
                recovery: Some(recovery()),
                entry: Some(22),
                session: None,
                counted: None,
                bonus: Vec::new(),
                forfeited: Vec::new(),
                taken: Vec::new(),
            }),
        ),
        record(
            round,
            23,
            Event::BetUnsettled(BetUnsettled {
                txn: commands::txn("U1"),
                bet: commands::txn("T1"),
                wins: vec![commands::txn("W1")],
                currency: eur,
                stake: amount("10.00"),
                win: amount("25.00"),
                recovery: Some(recovery()),
                entry: Some(23),
                taken: Vec::new(),
            }),
        ),
        record(
            round,
            24,
            Event::SettlementVoided(SettlementVoided {
                txn: txn_ref("office", OperationKind::VoidSettled, "V1"),
                reason: Reason::new("table fault").unwrap(),
                round: false,
                bets: vec![commands::txn("T1")],
                wins: vec![commands::txn("W1")],
                currency: eur,
                stake: amount("10.00"),
                win: amount("25.00"),
                recovery: Some(recovery()),
                entry: Some(24),
                session: None,
                counted: Vec::new(),
                bonus: Vec::new(),
                forfeited: Vec::new(),
                taken: Vec::new(),
            }),
        ),
        record(
            "player/p1",
            25,
            Event::AdjustmentApplied(AdjustmentApplied {
                txn: txn_ref("prov", OperationKind::Adjustment, "A1"),
                round: Some(commands::round("R")),
                direction: Direction::Debit,
                currency: eur,
                amount: amount("25.00"),
                reason: Reason::new("misdealt").unwrap(),
                recovery: Some(recovery()),
                entry: 25,
            }),
        ),
        record(
            round,
            8,
            Event::RoundClosed(RoundClosed { txn: commands::txn("C1"), reason: CloseReason::Close }),
        ),
        record(
            round,
            1,
            Event::RoundVoided(RoundVoided {
                txn: txn_ref("office", OperationKind::Void, "V2"),
                reason: Reason::new("table fault").unwrap(),
                bets: vec![commands::txn("T1")],
                entry: Some(8),
                forfeited: Vec::new(),
            }),
        ),
        record(
            round,
            5,
            Event::RoundReopened(RoundReopened { reason: ReopenReason::WinRollback, round: the_round() }),
        ),
        record(
            round,
            9,
            Event::CreditGranted(CreditGranted {
                credit: txn_ref("prov", OperationKind::Credit, "K1"),
                reason: CreditKind::ProviderPromo,
                of: SubAccount::new("campaign").unwrap(),
                round: Some(commands::round("R")),
                currency: eur,
                amount: amount("5.00"),
                entry: 9,
            }),
        ),
        record(
            "player/p1",
            5,
            Event::JackpotClaimed(JackpotClaimed {
                claim: payment("prov", "J1"),
                kind: AccountKind::Real,
                jackpot: JackpotId::new("mega").unwrap(),
                round: commands::round("R"),
                currency: eur,
            }),
        ),
        record(
            "player/p1",
            6,
            Event::JackpotClaimWithdrawn(JackpotClaimWithdrawn {
                claim: payment("prov", "J2"),
                cause: ClaimEnd::Withdrawn,
                reason: Some(Reason::new("the game was at fault").unwrap()),
                by: Some(commands::person("anna")),
            }),
        ),
        record(
            "player/p1",
            7,
            Event::JackpotPaid(JackpotPaid {
                claim: payment("prov", "J1"),
                jackpot: JackpotId::new("mega").unwrap(),
                award: 3,
                currency: eur,
                amount: amount("1234.56"),
                entry: 9,
            }),
        ),
        record(
            "host/p1/acme",
            1,
            Event::HostRecorded(HostRecorded {
                source: commands::source("acme"),
                txn: commands::txn("H1"),
                name: HostName::new("points.earned").unwrap(),
                version: 1,
                data: HostData::new(r#"{"to":10}"#).unwrap(),
                state: Some(HostData::new("10").unwrap()),
                entry: Some(10),
            }),
        ),
        record(
            "house/currencies",
            1,
            Event::CurrencyRegistered(CurrencyRegistered {
                currency: currency("ETH", 18, "10000000000.000000000000000000"),
            }),
        ),
    ]
    .into_iter()
    .chain(crate::house_goldens::samples())
    .chain(office_samples())
    .chain(crate::goldens_withdrawals::samples())
    .chain(crate::goldens_limits::samples())
    .chain(play_samples())
    .collect()
}

/// The events of the back office.
fn office_samples() -> Vec<EventRecord> {
    let eur = commands::currency("EUR");
    let (correction, tax, player) = ("correction/p1/office/C1", "tax/p1/office/T1", "player/p1");
    let rate = || commands::rate_at("EUR", "USD", "1.1", "2026-11-20T12:00:00Z".parse().unwrap());
    vec![
        record(
            correction,
            1,
            Event::CorrectionProposed(CorrectionProposed {
                direction: Direction::Debit,
                code: SubAccount::new("goodwill").unwrap(),
                currency: eur,
                amount: amount("5.00"),
                reason: Reason::new("paid \"twice\", Ж").unwrap(),
                by: commands::person("ann"),
                on_shortfall: Some(ShortfallPolicy::AllowNegative),
            }),
        ),
        record(
            correction,
            2,
            Event::CorrectionApplied(CorrectionApplied {
                txn: commands::txn("A1"),
                by: commands::person("bob"),
                direction: Direction::Debit,
                currency: eur,
                amount: amount("5.00"),
                recovery: Some(recovery3("3.00", "2.00", "0.00")),
                entry: 10,
            }),
        ),
        record(
            "correction/p1/office/C2",
            2,
            Event::CorrectionDeclined(CorrectionDeclined {
                txn: commands::txn("A2"),
                by: commands::person("bob"),
                cause: DeclineCause::Decided,
            }),
        ),
        record(
            player,
            6,
            Event::FeeCharged(FeeCharged {
                txn: txn_ref("office", OperationKind::InactivityFee, "F1"),
                kind: FeeKind::Inactivity,
                currency: eur,
                asked: amount("5.00"),
                amount: amount("3.00"),
                by: Some(commands::person("ann")),
                entry: 11,
            }),
        ),
        record(
            player,
            7,
            Event::DormantTransferred(DormantTransferred {
                txn: txn_ref("office", OperationKind::DormantTransfer, "S1"),
                currency: eur,
                amount: amount("40.00"),
                entry: 12,
            }),
        ),
        record(
            player,
            8,
            Event::DormantReclaimed(DormantReclaimed {
                txn: txn_ref("office", OperationKind::DormantReclaim, "S2"),
                currency: eur,
                amount: amount("40.00"),
                entry: 13,
            }),
        ),
        record(
            tax,
            1,
            Event::TaxWithheld(TaxWithheld {
                currency: eur,
                amount: amount("20.00"),
                jurisdiction: JurisdictionId::new("DE").unwrap(),
                on: Some(commands::txn("W1")),
                recovery: recovery3("15.00", "0.00", "5.00"),
                entry: 14,
            }),
        ),
        record(
            tax,
            2,
            Event::TaxReturned(TaxReturned {
                txn: commands::txn("T2"),
                currency: eur,
                amount: amount("16.00"),
                to_player: amount("15.00"),
                entry: 15,
            }),
        ),
        record(
            player,
            9,
            Event::PlayerClosed(PlayerClosed {
                txn: txn_ref("office", OperationKind::PlayerClose, "Z1"),
                by: commands::person("ann"),
                reason: Reason::new("his wish").unwrap(),
                purses: vec![PurseBalance {
                    currency: eur,
                    cash: amount("90.00"),
                    held: amount("10.00"),
                    pending: Some(amount("5.00")),
                    receivable: Some(amount("1.00")),
                    dormant: Some(amount("2.00")),
                }],
            }),
        ),
        record(
            player,
            10,
            Event::PlayerReopened(PlayerReopened {
                txn: txn_ref("office", OperationKind::PlayerReopen, "Z2"),
                by: commands::person("ann"),
                approved_by: commands::person("bob"),
            }),
        ),
        record(
            player,
            11,
            Event::PurseOpened(PurseOpened {
                txn: txn_ref("office", OperationKind::Purse, "U1"),
                currency: Currency::new(commands::currency("USD"), 2, amount("1000000000000.00")).unwrap(),
            }),
        ),
        record(
            "exchange/p1/office/X1",
            1,
            Event::ExchangeMade(ExchangeMade {
                from: commands::currency("USD"),
                given: amount("100.01"),
                to: eur,
                received: amount("90.92"),
                exact: amount("90.918182"),
                rate: rate(),
                unplayed: Vec::new(),
                entry: 16,
            }),
        ),
        record(
            "exchange/p1/office/X1",
            2,
            Event::ExchangeReversed(ExchangeReversed {
                txn: commands::txn("X2"),
                rate: rate(),
                recovery: recovery3("90.92", "0.00", "0.00"),
                entry: 17,
            }),
        ),
    ]
}

fn play_samples() -> Vec<EventRecord> {
    let eur = commands::currency("EUR");
    vec![
        record(
            "session/p1/prov/S1",
            1,
            Event::SessionStarted(SessionStarted {
                game: commands::game("game"),
                currency: eur,
                device: Some(DeviceId::new("device-1").unwrap()),
                launch: Some(commands::txn("L1")),
            }),
        ),
        record(
            "session/p1/prov/S1",
            3,
            Event::SessionEnded(SessionEnded {
                txn: txn_ref("prov", OperationKind::SessionEnd, "E1"),
                reason: SessionEndReason::Ended,
                staked: amount("10.00"),
                won: amount("36.40"),
            }),
        ),
        record(
            "session/p1/prov/S1",
            2,
            Event::RealityCheckAcknowledged(RealityCheckAcknowledged {
                txn: txn_ref("prov", OperationKind::RealityCheck, "A1"),
                staked: amount("10.00"),
                won: amount("36.40"),
            }),
        ),
        record(
            "tip/p1/prov/T5",
            1,
            Event::TipGiven(TipGiven {
                unplayed: Vec::new(),
                currency: eur,
                amount: amount("2.00"),
                round: Some(commands::round("R")),
                entry: 18,
            }),
        ),
        record(
            "tip/p1/prov/T5",
            2,
            Event::TipReturned(TipReturned {
                txn: commands::txn("X5"),
                currency: eur,
                amount: amount("2.00"),
                entry: 19,
            }),
        ),
        record(
            "tournament/p1/prov/T6",
            1,
            Event::TournamentEntered(TournamentEntered {
                unplayed: Vec::new(),
                tournament: commands::sub_account("cup"),
                currency: eur,
                buy_in: amount("10.00"),
                fee: amount("1.00"),
                entry: Some(20),
                kind: None,
            }),
        ),
        record(
            "tournament/p1/prov/T6",
            2,
            Event::TournamentEntryReturned(TournamentEntryReturned {
                txn: commands::txn("X6"),
                currency: eur,
                amount: amount("11.00"),
                entry: Some(21),
                tournament: None,
                kind: None,
            }),
        ),
        record("player/p1", 40, Event::TournamentPrizePaid(prize_paid())),
        record("player/p1", 41, Event::TournamentPrizeForfeited(prize_forfeited())),
        record(
            "transfer/p1/prov/T7",
            1,
            Event::TransferRolledOut(TransferRolledOut {
                unplayed: Vec::new(),
                game: commands::game("table"),
                currency: eur,
                amount: amount("100.00"),
                session: Some(commands::session("S1")),
                entry: Some(25),
            }),
        ),
        record(
            "transfer/p1/prov/T7",
            2,
            Event::TransferRolledIn(TransferRolledIn {
                txn: commands::txn("I7"),
                game: commands::game("blackjack"),
                currency: eur,
                amount: amount("130.00"),
                staked: amount("500.00"),
                won: amount("530.00"),
                entry: Some(26),
            }),
        ),
        record(
            "transfer/p1/prov/T8",
            2,
            Event::TransferRolledBack(TransferRolledBack {
                txn: commands::txn("X8"),
                currency: eur,
                amount: amount("100.00"),
                entry: Some(27),
            }),
        ),
    ]
}

/// What of tournaments came after their first samples.
fn grown_tournaments() -> Vec<EventRecord> {
    let (stream, eur) = ("tournament/p1/prov/T9", commands::currency("EUR"));
    let (cup, kind) = (commands::sub_account("cup"), Some(AccountKind::Test));
    let entered = TournamentEntered {
        unplayed: Vec::new(),
        tournament: cup.clone(),
        currency: eur,
        buy_in: amount("0.00"),
        fee: amount("0.00"),
        entry: None,
        kind,
    };
    let returned = TournamentEntryReturned {
        txn: commands::txn("X9"),
        currency: eur,
        amount: amount("0.00"),
        entry: None,
        tournament: Some(cup),
        kind,
    };
    vec![
        record(stream, 1, Event::TournamentEntered(entered)),
        record(stream, 2, Event::TournamentEntryReturned(returned)),
    ]
}

/// A prize of a tournament, paid.
fn prize_paid() -> TournamentPrizePaid {
    TournamentPrizePaid {
        of: PaymentRef { source: commands::source("prov"), id: commands::txn("T6") },
        tournament: TournamentId::new("cup").unwrap(),
        prize: 1,
        place: 2,
        currency: commands::currency("EUR"),
        amount: amount("40.00"),
        entry: 22,
    }
}

/// A prize of a tournament that its player does not get.
fn prize_forfeited() -> TournamentPrizeForfeited {
    TournamentPrizeForfeited {
        of: PaymentRef { source: commands::source("prov"), id: commands::txn("T6") },
        kind: AccountKind::Real,
        tournament: TournamentId::new("cup").unwrap(),
        prize: 1,
        place: 2,
        currency: commands::currency("EUR"),
        amount: amount("40.00"),
        cause: ForfeitCause::Excluded,
    }
}

/// Events whose first samples are older than some of their optional fields, with those.
fn grown() -> Vec<EventRecord> {
    [grown_tournaments(), grown_before()].concat()
}

fn grown_before() -> Vec<EventRecord> {
    let (round, eur) = ("round/p1/prov/R", commands::currency("EUR"));
    let free = FreeBet { campaign: commands::sub_account("campaign"), nominal: amount("0.20") };
    let contribution = |kind, share: &str| Contribution {
        jackpot: commands::sub_account("grand"),
        kind,
        amount: amount(share),
    };
    let owed = Split { owed: Some(amount("4.00")), ..Split::cash(amount("6.00")) };
    let session = Some(commands::session("S1"));
    let mut known = the_round();
    known.by_rule = Some(CloseReason::TimeOut);
    known.session.clone_from(&session);
    known.bets[0] = Bet {
        split: owed.clone(),
        free: Some(free.clone()),
        contributions: vec![contribution(JackpotKind::Network, "0.050000")],
        made_up: true,
        by_rule: true,
        entry: Some(2),
        ..known.bets[0].clone()
    };
    known.wins[0].reported = Some(amount("7.30"));
    known.wins[0].entry = Some(3);
    vec![
        record(
            round,
            1,
            Event::BetPlaced(BetPlaced {
                unplayed: Vec::new(),
                bet: commands::txn("T1"),
                game: commands::game("game"),
                currency: eur,
                stake: amount("10.00"),
                split: owed.clone(),
                entry: Some(2),
                session: session.clone(),
                free: Some(free),
                contributions: vec![
                    contribution(JackpotKind::Local, "0.012500"),
                    contribution(JackpotKind::Network, "0.050000"),
                ],
                made_up: true,
                counted: None,
            }),
        ),
        record(
            round,
            2,
            Event::WinCredited(WinCredited {
                win: commands::txn("W1"),
                bet: None,
                currency: eur,
                amount: amount("0.00"),
                split: Split::cash(amount("0.00")),
                entry: None,
                reported: Some(amount("7.30")),
                session: session.clone(),
            }),
        ),
        record(
            round,
            2,
            Event::BetSettled(BetSettled {
                txn: commands::txn("E1"),
                bets: vec![commands::txn("T1")],
                bet: None,
                currency: eur,
                stake: amount("10.00"),
                win: amount("0.00"),
                split: Split::cash(amount("0.00")),
                by: SettledBy::Rule,
                entry: Some(3),
                reported: Some(amount("7.30")),
            }),
        ),
        record(
            round,
            5,
            Event::RoundReopened(RoundReopened { reason: ReopenReason::BetUndone, round: known }),
        ),
        record(
            round,
            6,
            Event::BetRolledBack(BetRolledBack {
                txn: commands::txn("X1"),
                bet: commands::txn("T1"),
                currency: eur,
                stake: amount("10.00"),
                split: owed,
                entry: Some(5),
            }),
        ),
        record(
            round,
            7,
            Event::BetResettled(BetResettled {
                txn: commands::txn("W1:2"),
                bet: None,
                win: None,
                currency: eur,
                previous: amount("0.00"),
                amount: amount("75.00"),
                recovery: None,
                entry: Some(6),
                session: session.clone(),
                counted: Some(3),
                bonus: Vec::new(),
                forfeited: Vec::new(),
                taken: Vec::new(),
            }),
        ),
        record(
            round,
            8,
            Event::SettlementVoided(SettlementVoided {
                txn: txn_ref("office", OperationKind::VoidSettled, "V1"),
                reason: Reason::new("table fault").unwrap(),
                round: true,
                bets: vec![commands::txn("T1")],
                wins: Vec::new(),
                currency: eur,
                stake: amount("10.00"),
                win: amount("0.00"),
                recovery: None,
                entry: Some(7),
                session,
                counted: vec![
                    CountedShare {
                        entry: 2,
                        stake: Some(amount("10.00")),
                        win: None,
                        bonus_stake: None,
                        bonus_win: None,
                    },
                    CountedShare {
                        entry: 3,
                        stake: None,
                        win: Some(amount("75.00")),
                        bonus_stake: None,
                        bonus_win: None,
                    },
                ],
                bonus: Vec::new(),
                forfeited: Vec::new(),
                taken: Vec::new(),
            }),
        ),
        record(
            "deposit/p1/psp/D2",
            3,
            Event::DepositRefunded(DepositRefunded {
                txn: commands::txn("B1"),
                currency: eur,
                amount: amount("10.00"),
                fee: None,
                recovery: recovered("10.00"),
                converted: None,
                entry: 4,
                counted: Some(2),
            }),
        ),
    ]
}

/// Whole commits as the reference engine writes them.
fn commits() -> Vec<(&'static str, CommitBody)> {
    // The policy document will grow; the shape of a commit must not change with it.
    let last = |scenario: &ledger_core::testing::Scenario| CommitBody {
        policy: ContentHash::of(b"policy"),
        ..scenario.ledger().commits().last().unwrap().clone()
    };
    let placed = given().cash("100.00").trace("trace-1").after_secs(1).bet("T1", "R", "10").applied();
    let settled = placed.clone().after_secs(2).win_close("W1", "R", "36.40").applied();
    let undone = placed.clone().rollback("X1", "T9").tombstoned();
    let dormant = placed.clone().when(commands::transfer_dormant("S1")).applied();
    let refused = placed.clone().bet("T2", "R", "1000").rejected("insufficient_funds");
    vec![
        ("commit.place", last(&placed)),
        ("commit.settle", last(&settled)),
        ("commit.tombstone", last(&undone)),
        ("commit.refuse", last(&refused)),
        ("commit.dormant", last(&dormant)),
        ("commit.sealed", CommitBody { sealed: crate::sealed::fields(), ..last(&placed) }),
        ("commit.unplayed", crate::goldens_withdrawals::unplayed_bet()),
        ("commit.withdrawal", crate::goldens_withdrawals::withdrawal()),
    ]
}

pub(crate) fn dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a file with what it should hold (and a line end); writes it if it is missing and that is asked for.
pub(crate) fn compare(path: &Path, expected: &str) -> Result<(), String> {
    let bless = std::env::var_os("LEDGER_BLESS_NEW").is_some();
    match fs::read_to_string(path) {
        Ok(found) if found.strip_suffix('\n') == Some(expected) => Ok(()),
        Ok(found) => Err(format!("{} is frozen.\n  stored: {found}\n  code:   {expected}", path.display())),
        Err(_) if bless => fs::write(path, format!("{expected}\n")).map_err(|error| error.to_string()),
        Err(_) => Err(format!("{} is missing: bless it with LEDGER_BLESS_NEW=1", path.display())),
    }
}

const DIGESTS: &str = "digests.v1.json";
const OFFICE_DIGESTS: &str = "digests.office.v1.json";
pub(crate) const WITHDRAWAL_DIGESTS: &str = "digests.withdrawals.v1.json";
/// Values that events are made of and that have a golden of their own, compared by the tests of each.
const VALUES: &[&str] = &["fx_rate.v1.json"];

fn names(of: &Path) -> BTreeSet<String> {
    let all = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    all.filter(|name| !name.starts_with('.')).collect()
}

fn event_file(record: &EventRecord) -> String {
    format!("{}.v{}.json", record.event.type_name(), record.event.schema())
}

fn encoded(body: &CommitBody) -> String {
    let mut bytes = Vec::new();
    body.encode(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn there_is_a_sample_of_every_event_type() {
    let found: Vec<_> = samples().iter().map(|r| (r.event.type_name(), r.event.schema())).collect();
    assert_eq!(found, Event::TYPES);
}

#[test]
fn events_are_written_as_they_always_were() {
    for record in samples() {
        let path = dir("tests/golden").join(event_file(&record));
        compare(&path, &serde_json::to_string(&record).unwrap()).unwrap();
        let stored = fs::read_to_string(path).unwrap();
        assert_eq!(serde_json::from_str::<EventRecord>(&stored).unwrap(), record);
    }
}

fn grown_file(record: &EventRecord) -> String {
    format!("{}.v{}.grown.json", record.event.type_name(), record.event.schema())
}

#[test]
fn later_fields_are_written_as_they_always_were() {
    for record in grown() {
        let path = dir("tests/golden").join(grown_file(&record));
        compare(&path, &serde_json::to_string(&record).unwrap()).unwrap();
        let stored = fs::read_to_string(path).unwrap();
        assert_eq!(serde_json::from_str::<EventRecord>(&stored).unwrap(), record);
    }
}

#[test]
fn commits_are_written_as_they_always_were() {
    for (name, body) in commits() {
        let path = dir("tests/golden").join(format!("{name}.v1.json"));
        compare(&path, &encoded(&body)).unwrap();
        assert_eq!(CommitBody::decode(&fs::read(path).unwrap()).unwrap(), body);
    }
}

/// What is found again by its digest must have the same digest for ever: a fingerprint that changed would
/// turn every replay into `key_reused`, a key digest that changed would hide every known key.
#[test]
fn digests_are_what_they_always_were() {
    let policy = ledger_core::Policy::default();
    let player = ledger_core::PlayerId::new("p1").unwrap();
    let partition = ledger_core::Partition::Player(player.clone()).digest();
    let commands: [PlayerCommand; 9] = [
        commands::open(&["EUR", "JPY"]).into(),
        commands::deposit("D1", "100.00").into(),
        commands::bet("T1", "R", "10").into(),
        commands::win_bet("W1", "R", "T1", "36.40").into(),
        commands::close("C1", "R").into(),
        commands::void_round("V1", "R").into(),
        commands::void_bet("V2", "R", "T1").into(),
        Rollback {
            kind: Some(RollbackKind::Win),
            round: Some(commands::round("R")),
            currency: Some(commands::currency("EUR")),
            amount: Some(commands::decimal("36.4")),
            ..commands::rollback("X1", "W1")
        }
        .into(),
        commands::credit("K1", CreditKind::LocalJackpot, "5").into(),
    ];
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
    };
    let mut lines = vec![format!("partition {}", hex(partition.as_bytes()))];
    for command in &commands {
        let key = command.key(&player, &policy).unwrap();
        lines.push(format!("fingerprint of {key} {}", command.fingerprint()));
        lines.push(format!("key {key} {}", hex(key.digest(&partition).as_bytes())));
    }
    let tombstone =
        ledger_core::tombstone_digest(&partition, &commands::source("prov"), &commands::txn("T9"));
    lines.push(format!("tombstone prov:T9 {}", hex(tombstone.as_bytes())));
    let stream: ledger_core::Stream = "round/p1/prov/R".parse().unwrap();
    lines.push(format!("stream {stream} {}", hex(stream.digest().as_bytes())));
    let text = serde_json::to_string_pretty(&lines).unwrap();
    compare(&dir("tests/golden").join(DIGESTS), &text).unwrap();
}

/// The same of the commands of the back office.
#[test]
fn digests_of_the_back_office_are_what_they_always_were() {
    let policy = ledger_core::Policy::default();
    let player = ledger_core::PlayerId::new("p1").unwrap();
    let rate = commands::rate_at("EUR", "USD", "1.1", "2026-11-20T12:00:00Z".parse().unwrap());
    let commands: [PlayerCommand; 12] = [
        commands::propose_debit("C1", "5.00").into(),
        commands::approve("A1", "C1").into(),
        commands::inactivity_fee("F1", "5").into(),
        commands::transfer_dormant("S1").into(),
        commands::reclaim_dormant("S2").into(),
        WithholdTax { on: Some(commands::txn("W1")), ..commands::withhold_tax("T1", "20") }.into(),
        commands::return_tax("T2", "T1", "5").into(),
        commands::close_player("Z1").into(),
        commands::reopen_player("Z2").into(),
        commands::add_purse("U1", "USD").into(),
        commands::exchange("X1", "USD", "EUR", "100.01", rate).into(),
        commands::reverse_exchange("X2", "X1").into(),
    ];
    let print = |command: &PlayerCommand| {
        format!("fingerprint of {} {}", command.key(&player, &policy).unwrap(), command.fingerprint())
    };
    let lines: Vec<_> = commands.iter().map(print).collect();
    let text = serde_json::to_string_pretty(&lines).unwrap();
    compare(&dir("tests/golden").join(OFFICE_DIGESTS), &text).unwrap();
}

#[test]
fn every_golden_file_is_known_and_read() {
    let newest: BTreeSet<String> = samples()
        .iter()
        .map(event_file)
        .chain(grown().iter().map(grown_file))
        .chain(crate::goldens_bonuses::shares().iter().map(crate::goldens_bonuses::file))
        .chain(commits().iter().map(|(name, _)| format!("{name}.v1.json")))
        .collect();
    for file in names(&dir("tests/golden")) {
        if newest.contains(&file)
            || [
                DIGESTS,
                OFFICE_DIGESTS,
                WITHDRAWAL_DIGESTS,
                crate::goldens_bonuses::DIGESTS,
                crate::goldens_bonuses::FEATURE_DIGESTS,
                crate::house_goldens::DIGESTS,
            ]
            .contains(&file.as_str())
            || VALUES.contains(&file.as_str())
        {
            continue;
        }
        // An older version of a type that is still known: it must be read, by an upcaster.
        let known = Event::TYPES.iter().any(|(name, version)| {
            let of_version = |v: u16| file == format!("{name}.v{v}.json");
            (1..*version).any(of_version)
        });
        assert!(known, "{file} belongs to no event type of this build");
        let stored = fs::read_to_string(dir("tests/golden").join(&file)).unwrap();
        serde_json::from_str::<EventRecord>(&stored).unwrap();
    }
}

#[test]
fn a_frozen_file_is_not_overwritten() {
    assert!(compare(&dir("Cargo.toml"), "{}").unwrap_err().contains("is frozen"), "also when blessing");
}

#[test]
fn unknown_types_versions_and_shapes_are_refused() {
    let stored = fs::read_to_string(dir("tests/golden").join("bet.placed.v1.json")).unwrap();
    for (from, to, word) in [
        ("\"bet.placed\"", "\"bet.imagined\"", "unknown"),
        ("\"schema\":1", "\"schema\":2", "unknown"),
        ("\"stake\":\"10.00\",", "", "shape"),
        ("\"stake\":\"10.00\"", "\"stake\":10.00", "shape"),
        ("\"version\":1", "\"version\":-1", ""),
        ("round/p1", "ground/p1", ""),
    ] {
        let changed = stored.replacen(from, to, 1);
        assert_ne!(changed, stored, "{from}");
        let error = serde_json::from_str::<EventRecord>(&changed).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn fields_of_later_builds_are_ignored() {
    let stored = fs::read_to_string(dir("tests/golden").join("bet.placed.v1.json")).unwrap();
    let later = stored.replacen("\"stake\"", "\"mood\":\"fair\",\"stake\"", 1);
    let read = serde_json::from_str::<EventRecord>(&later).unwrap();
    assert_eq!(read, serde_json::from_str::<EventRecord>(&stored).unwrap());
}

#[cfg(feature = "schema")]
mod schemas {
    use super::{compare, dir, grown, names, samples};
    use crate::json_schema;
    use serde_json::Value;
    use std::fs;

    fn stored(name: &str, version: u16) -> Value {
        let path = dir("schemas").join(format!("{name}.v{version}.json"));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    }

    /// Descriptions may be bettered; only what a value may be is frozen.
    fn forget_words(schema: &mut Value) {
        match schema {
            Value::Object(words) => {
                words.retain(|word, value| !(word == "description" && value.is_string()));
                words.values_mut().for_each(forget_words);
            }
            Value::Array(all) => all.iter_mut().for_each(forget_words),
            _ => {}
        }
    }

    /// Whether a schema only grew: by optional fields, and by words of a choice. Until the first release that is
    /// allowed, and blessed like a new file; whatever was stored before is read as before.
    fn grows(old: &Value, new: &Value) -> bool {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => old.iter().all(|(word, old)| match new.get(word) {
                _ if word == "description" => true,
                Some(new) if word == "required" => old == new,
                Some(new) => grows(old, new),
                None => false,
            }),
            (Value::Array(old), Value::Array(new)) => {
                old.iter().all(|old| new.iter().any(|new| grows(old, new)))
            }
            (old, new) => old == new,
        }
    }

    #[test]
    fn a_schema_that_shrinks_or_demands_more_does_not_grow() {
        let schema = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let old =
            schema(r#"{"properties":{"a":{"type":"string"}},"required":["a"],"oneOf":[{"const":"x"}]}"#);
        let more = r#"{"properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"],
            "oneOf":[{"const":"y"},{"const":"x","description":"new words"}]}"#;
        assert!(grows(&old, &schema(more)));
        assert!(!grows(&schema(more), &old), "a field and a word are gone");
        assert!(!grows(&old, &schema(&more.replace(r#"["a"]"#, r#"["a","b"]"#))), "a new field is demanded");
        assert!(!grows(
            &old,
            &schema(&more.replace(r#"{"a":{"type":"string"}"#, r#"{"a":{"type":"integer"}"#))
        ));
    }

    #[test]
    fn schemas_are_what_they_always_were() {
        let all = ledger_core::stored::event_schemas();
        for (name, version, schema) in &all {
            let path = dir("schemas").join(format!("{name}.v{version}.json"));
            let value = serde_json::to_value(schema).unwrap();
            if !path.exists() {
                compare(&path, &serde_json::to_string_pretty(&value).unwrap()).unwrap();
            } else if std::env::var_os("LEDGER_BLESS_NEW").is_some() && grows(&stored(name, *version), &value)
            {
                fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&value).unwrap())).unwrap();
            }
            let (mut stored, mut value) = (stored(name, *version), value);
            forget_words(&mut stored);
            forget_words(&mut value);
            assert_eq!(stored, value, "{} is frozen", path.display());
        }
        let known = |file: &String| {
            all.iter().any(|(name, version, _)| (1..=*version).any(|v| *file == format!("{name}.v{v}.json")))
        };
        let extra: Vec<_> = names(&dir("schemas")).into_iter().filter(|file| !known(file)).collect();
        assert!(extra.is_empty(), "{extra:?} belong to no event type of this build");
    }

    #[test]
    fn every_golden_fits_its_schema() {
        let shares = crate::goldens_bonuses::shares();
        for record in samples().into_iter().chain(grown()).chain(shares) {
            let (name, version) = (record.event.type_name(), record.event.schema());
            let data = serde_json::to_value(&record).unwrap()["data"].clone();
            json_schema::check(&stored(name, version), &data)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn a_golden_without_a_field_or_with_another_type_does_not_fit() {
        for record in samples() {
            let schema = stored(record.event.type_name(), record.event.schema());
            let data = serde_json::to_value(&record).unwrap()["data"].clone();
            for field in schema["required"].as_array().into_iter().flatten() {
                let field = field.as_str().unwrap();
                let mut less = data.clone();
                less.as_object_mut().unwrap().remove(field);
                assert!(json_schema::check(&schema, &less).is_err(), "{field} is required");
                let mut other = data.clone();
                other[field] = Value::from(7.5);
                assert!(json_schema::check(&schema, &other).is_err(), "{field} is no fraction");
                other[field] = if data[field].is_boolean() { Value::from(7) } else { Value::Bool(true) };
                assert!(json_schema::check(&schema, &other).is_err(), "{field} has another type");
            }
        }
    }

    /// Whatever histories write fits the schemas too, not only the samples.
    #[test]
    fn what_histories_write_fits_the_schemas() {
        use ledger_core::testing::{generators, given_nobody};
        use proptest::strategy::{Strategy as _, ValueTree as _};
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..60 {
            let (policy, history) = generators::runs(30..60).new_tree(&mut runner).unwrap().current();
            let mut ledger = given_nobody().policy(policy).ledger().clone();
            for command in &history {
                ledger.execute(command).unwrap();
            }
            for record in ledger.events() {
                let name = record.event.type_name();
                let data = serde_json::to_value(record).unwrap()["data"].clone();
                json_schema::check(&stored(name, record.event.schema()), &data)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                seen.insert(name);
            }
        }
        assert!(seen.len() >= 16, "{seen:?}");
    }
}
