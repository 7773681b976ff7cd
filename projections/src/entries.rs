//! What the views share about entries: which event an entry came of, which operation, and what it changes.

use ledger_core::stored::{Event, EventRecord, KeyRecord};
use ledger_core::{AccountCode, Amount, GameId, Posting, RoundId, SourceId, Stream};

use crate::commit::Commit;
use crate::total::Total;

/// Answers with the field `entry` of the events that have one: a number, or a number or nothing.
macro_rules! entry_of {
    ($event:expr; $($variant:ident),* $(,)?) => {
        match $event { $(Event::$variant(data) => data.entry.into(),)* _ => None }
    };
}

/// The entry that an event tells of: its number in the wallet of the player, or in the statement of the house.
/// Events that only follow from another one's entry are not asked.
pub(crate) fn entry_of(event: &Event) -> Option<u64> {
    entry_of!(event;
        DepositSucceeded, DepositSuspended, DepositReleased, DepositRefunded, DepositChargedBack, ChargebackReversed,
        DebtWrittenOff,
        BetPlaced, WinCredited, BetSettled, BetRolledBack, BetVoided, WinRolledBack, BetCashedOut, BetReturned,
        BetResettled, BetUnsettled, SettlementVoided, RoundVoided,
        CreditGranted, AdjustmentApplied, HostRecorded,
        CorrectionApplied, FeeCharged, DormantTransferred, DormantReclaimed, TaxWithheld, TaxReturned,
        ExchangeMade, ExchangeReversed,
        WithdrawalRequested, WithdrawalSplitOff, WithdrawalRejected, WithdrawalCancelled, WithdrawalExpired,
        WithdrawalSplit, WithdrawalSent, WithdrawalPaid, WithdrawalFailed, WithdrawalReturned, LatePayoutSettled,
        TipGiven, TipReturned, TournamentEntered, TournamentEntryReturned, TournamentPrizePaid,
        TransferRolledOut, TransferRolledIn, TransferRolledBack,
        BonusIssued, BonusActivated, BonusConverted, BonusReleased, BonusLost, BonusExpired, BonusForfeited,
        PspSettled, ChargebackLost, SuspenseCaptured, SuspenseReturned, ProviderFeesAccrued, ProviderSettled,
        DutyAccrued, AuthoritySettled, FundsTransferred, FundsExchanged, FxResultBooked, BadDebtRecovered,
        JackpotSeeded, JackpotSwept, JackpotStatusChanged, JackpotAwarded, JackpotPaid,
        TournamentClosed, TournamentEntryReleased, TournamentPrizeSettled, JournalPosted,
    )
}

/// The event of the same commit that an entry came of. (An entry without one is of a kind of event that this build
/// does not know to move money; it is told without a cause.)
pub(crate) fn cause(commit: &Commit, entry: u64) -> Option<&EventRecord> {
    commit.body.events.iter().find(|record| entry_of(&record.event) == Some(entry))
}

/// The operation that an event belongs to: of several in one commit each has so many of its events, in order.
pub(crate) fn operation<'a>(commit: &'a Commit, record: &EventRecord) -> Option<&'a KeyRecord> {
    let at = commit.body.events.iter().position(|own| own == record)?;
    let mut end = 0_usize;
    for key in &commit.body.keys {
        let Some(events) = key.events else { return Some(key) };
        end = end.saturating_add(usize::from(events));
        if at < end {
            return Some(key);
        }
    }
    None
}

/// The round an event is of.
pub(crate) fn round_of(record: &EventRecord) -> Option<(&SourceId, &RoundId)> {
    match &record.stream {
        Stream::Round(_, source, round) => Some((source, round)),
        _ => None,
    }
}

/// The game an event names.
pub(crate) fn game_of(event: &Event) -> Option<&GameId> {
    match event {
        Event::BetPlaced(event) => Some(&event.game),
        Event::TransferRolledOut(event) => Some(&event.game),
        Event::TransferRolledIn(event) => Some(&event.game),
        _ => None,
    }
}

/// The one game whose stakes or wins are among these postings; `None` if there is none, or several.
pub(crate) fn game_posted(postings: &[Posting]) -> Option<GameId> {
    let is_of_game = |posting: &&Posting| {
        use AccountCode::{BonusPayouts, BonusStakes, GamingPayouts, GamingStakes};
        matches!(posting.account, GamingStakes | GamingPayouts | BonusStakes | BonusPayouts)
    };
    let mut games = postings.iter().filter(is_of_game).filter_map(|posting| posting.of.as_ref());
    let first = games.next()?;
    if games.all(|game| game == first) { GameId::new(first.as_str()).ok() } else { None }
}

/// What a posting changes of its account, in the account's normal direction.
pub(crate) fn change(posting: &Posting) -> Option<Total> {
    let amount = Total::from(posting.amount);
    if posting.side == posting.account.class().normal_side() {
        Some(amount)
    } else {
        Total::default().minus(amount)
    }
}

/// A balance after a posting, at the finer of the two scales.
pub(crate) fn moved(before: Amount, posting: &Posting) -> Result<Amount, ledger_core::AmountError> {
    crate::balances::moved(before, posting.side, posting.account, posting.amount)
}
