//! Which events the audit trail has, and what it says of them.

use ledger_core::stored::{Event, EventRecord, PurseBalance, TransactionRef};
use ledger_core::{AccountCode, ActorId, Amount, Posting, Reason};

use super::row::{AuditCursor, AuditRecord, AuditRow};
use super::{AuditFilter, AuditTrail};
use crate::commit::Commit;
use crate::entries::{entry_of, operation};
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};

/// The key of a record in the list of a filter.
pub(super) fn list_key(filter: &AuditFilter, cursor: AuditCursor) -> KeyParts {
    let AuditCursor { at, shard, position, index } = cursor;
    let [list, of] = list(filter);
    let (shard, index) = (KeyParts::number(shard.0.into()), KeyParts::number(index.into()));
    key![list, of, at, shard, KeyParts::number(position.0), index]
}

/// The list of a filter: its first two parts.
pub(super) fn list(filter: &AuditFilter) -> [String; 2] {
    match filter {
        AuditFilter::All => ["all".to_owned(), String::new()],
        AuditFilter::Actor(actor) => ["actor".to_owned(), actor.to_string()],
        AuditFilter::Partition(partition) => ["partition".to_owned(), partition.to_string()],
        AuditFilter::Type(name) => ["type".to_owned(), name.clone()],
    }
}

pub(super) fn fold(
    rows: &mut Rows<'_, AuditTrail>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let by: Vec<ActorId> = persons(&record.event).into_iter().cloned().collect();
    let reason = reason(&record.event);
    if by.is_empty() && reason.is_none() {
        return Ok(());
    }
    let body = &commit.body;
    let index = body.events.iter().position(|own| own == record).and_then(|index| u16::try_from(index).ok());
    let (before, after) = change(&record.event);
    let posted = entry_of(&record.event).and_then(|entry| posted(commit, entry));
    let (purses_before, purses_after) = posted.unwrap_or_default();
    let found = AuditRecord {
        at: body.recorded_at,
        shard: commit.shard,
        position: commit.position,
        // A commit has at most 256 events.
        index: index.unwrap_or(u16::MAX),
        partition: body.partition.clone(),
        operator: body.operator.clone(),
        brand: body.brand.clone(),
        by,
        actor: body.actor.clone(),
        operation: operation(commit, record).map(|key| TransactionRef {
            source: key.source.clone(),
            kind: key.kind,
            id: key.id.clone(),
        }),
        reason: reason.cloned(),
        trace: body.trace.clone(),
        causation: body.causation.clone(),
        before,
        after,
        purses_before,
        purses_after,
        event: record.clone(),
    };
    let mut lists = vec![
        AuditFilter::All,
        AuditFilter::Partition(body.partition.clone()),
        AuditFilter::Type(record.event.type_name().to_owned()),
    ];
    let mut actors: Vec<&ActorId> = found.by.iter().chain([&found.actor]).collect();
    actors.sort();
    actors.dedup();
    lists.extend(actors.into_iter().cloned().map(AuditFilter::Actor));
    let row = AuditRow(Some(Box::new(found.clone())));
    lists.iter().try_for_each(|list| rows.put(&list_key(list, found.cursor()), row.clone()))
}

/// The purses that an entry of the commit touched, before and after it.
fn posted(commit: &Commit, entry: u64) -> Option<(Vec<PurseBalance>, Vec<PurseBalance>)> {
    let posted = commit.body.events.iter().find_map(|record| match &record.event {
        Event::EntryPosted(event) if record.version == entry => Some(event),
        _ => None,
    })?;
    let before = posted.after.iter().map(|after| without(after, posted.entry.postings()));
    Some((before.collect::<Option<_>>()?, posted.after.clone()))
}

/// A purse without what some postings did to it.
fn without(after: &PurseBalance, postings: &[Posting]) -> Option<PurseBalance> {
    let back = |code: AccountCode, balance: Amount| {
        let own = |posting: &&Posting| posting.account == code && posting.currency == after.currency;
        postings.iter().filter(own).try_fold(balance, |balance, posting| {
            let grew = posting.side == code.class().normal_side();
            if grew {
                balance.checked_sub(posting.amount).ok()
            } else {
                balance.checked_add(posting.amount).ok()
            }
        })
    };
    let zero = Amount::zero(after.cash.scale());
    let optional = |code: AccountCode, balance: Option<Amount>| {
        back(code, balance.unwrap_or(zero)).map(|balance| (!balance.is_zero()).then_some(balance))
    };
    Some(PurseBalance {
        currency: after.currency,
        cash: back(AccountCode::PlayerCash, after.cash)?,
        held: back(AccountCode::PlayerHeld, after.held)?,
        pending: optional(AccountCode::WithdrawalPending, after.pending)?,
        receivable: optional(AccountCode::PlayerReceivable, after.receivable)?,
        dormant: optional(AccountCode::PlayerDormant, after.dormant)?,
    })
}

/// The persons of some events, by the fields that name them.
macro_rules! people {
    ($event:expr; $($variant:ident: $($field:ident),+;)*) => {
        match $event {
            $(Event::$variant(data) => {
                let mut all: Vec<&ActorId> = Vec::new();
                $(all.extend(&Named::named(&data.$field));)+
                all
            })*
            _ => Vec::new(),
        }
    };
}

/// A field that names persons.
trait Named {
    fn named(&self) -> Vec<&ActorId>;
}

impl Named for ActorId {
    fn named(&self) -> Vec<&ActorId> {
        vec![self]
    }
}

impl Named for Option<ActorId> {
    fn named(&self) -> Vec<&ActorId> {
        self.iter().collect()
    }
}

/// Who acted by an event, as it names them: who did it, who approved it.
pub fn persons(event: &Event) -> Vec<&ActorId> {
    people!(event;
        CorrectionProposed: by;
        CorrectionApplied: by;
        CorrectionDeclined: by;
        FeeCharged: by;
        BonusForfeited: by;
        DepositReleased: by, approved_by;
        DebtWrittenOff: by, approved_by;
        SuspenseRefused: by;
        ExclusionStarted: by;
        PspSettled: by;
        ChargebackLost: by;
        SuspenseAssigned: by, approved_by;
        SuspenseAssignmentCancelled: by, approved_by;
        SuspenseReturned: by, approved_by;
        ProviderFeesAccrued: by;
        ProviderSettled: by, approved_by;
        DutyAccrued: by;
        AuthoritySettled: by, approved_by;
        FundsTransferred: by, approved_by;
        FundsExchanged: by, approved_by;
        FxResultBooked: by;
        BadDebtRecovered: by;
        JackpotSeeded: by, approved_by;
        JournalProposed: by;
        JournalPosted: by;
        JournalDeclined: by;
        DocumentPublished: author, approved_by;
        LimitSet: by;
        LimitRaiseRequested: by;
        LimitProfileAssigned: by;
        SessionLimitSet: by;
        SessionLimitRaiseRequested: by;
        PlayTimeLimitSet: by;
        PlayTimeRaiseRequested: by;
        PlayerClosed: by;
        PlayerReopened: by, approved_by;
        PlayerBlocked: by;
        PlayerUnblocked: by, approved_by;
        RegisterAnswered: by;
        AlertRaised: by;
        AlertClosed: by;
        CaseOpened: by;
        CaseAssigned: by, to;
        CaseClosed: by;
        KycStatusChanged: by;
        PersonChanged: by;
        WithdrawalRequested: by;
        WithdrawalKycPassed: by;
        WithdrawalReviewStarted: by;
        WithdrawalApproved: by;
        WithdrawalRejected: by;
        WithdrawalSplit: by;
        WithdrawalSplitOff: edited_by;
        WithdrawalSent: by;
        LatePayoutSettled: by, approved_by;
        JackpotConfigured: by, approved_by;
        JackpotStatusChanged: by, approved_by;
        TournamentConfigured: by, approved_by;
        TournamentOpened: by;
        TournamentCancelled: by, approved_by;
        JackpotClaimWithdrawn: by;
        PointsAdjusted: by, approved_by;
    )
}

/// The reason an event gives in someone's words.
pub fn reason(event: &Event) -> Option<&Reason> {
    match event {
        Event::CorrectionProposed(event) => Some(&event.reason),
        Event::AdjustmentApplied(event) => Some(&event.reason),
        Event::DepositFailed(event) => event.reason.as_ref(),
        Event::DepositCancelled(event) => event.reason.as_ref(),
        Event::DebtWrittenOff(event) => Some(&event.reason),
        Event::SuspenseRefused(event) => Some(&event.reason),
        Event::ShapesActivated(event) => Some(&event.reason),
        Event::ChargebackLost(event) => Some(&event.reason),
        Event::BadDebtRecovered(event) => Some(&event.reason),
        Event::JournalProposed(event) => Some(&event.reason),
        Event::DocumentPublished(event) => Some(&event.reason),
        Event::LimitProfileAssigned(event) => Some(&event.reason),
        Event::PlayerClosed(event) => Some(&event.reason),
        Event::PlayerBlocked(event) => event.reason.as_ref(),
        Event::PlayerUnblocked(event) => Some(&event.reason),
        Event::AlertRaised(event) => Some(&event.reason),
        Event::AlertClosed(event) => Some(&event.reason),
        Event::CaseOpened(event) => event.reason.as_ref(),
        Event::CaseClosed(event) => Some(&event.reason),
        Event::SettlementVoided(event) => Some(&event.reason),
        Event::BetVoided(event) => Some(&event.reason),
        Event::RoundVoided(event) => Some(&event.reason),
        Event::KycStatusChanged(event) => Some(&event.reason),
        Event::PersonChanged(event) => Some(&event.reason),
        Event::WithdrawalRejected(event) => Some(&event.reason),
        Event::WithdrawalFailed(event) => event.reason.as_ref(),
        Event::JackpotConfigured(event) => Some(&event.reason),
        Event::JackpotStatusChanged(event) => Some(&event.reason),
        Event::TournamentConfigured(event) => Some(&event.reason),
        Event::TournamentCancelled(event) => Some(&event.reason),
        Event::JackpotClaimWithdrawn(event) => event.reason.as_ref(),
        Event::PointsAdjusted(event) => Some(&event.reason),
        _ => None,
    }
}

/// What an event says that something was, and is.
fn change(event: &Event) -> (Option<String>, Option<String>) {
    fn texts<T: ToString>(before: Option<&T>, after: Option<&T>) -> (Option<String>, Option<String>) {
        (before.map(ToString::to_string), after.map(ToString::to_string))
    }
    match event {
        Event::LimitSet(event) => texts(event.previous.as_ref(), event.amount.as_ref()),
        Event::SessionLimitSet(event) => texts(event.previous.as_ref(), event.max_secs.as_ref()),
        Event::PlayTimeLimitSet(event) => texts(event.previous.as_ref(), event.max_secs.as_ref()),
        Event::LimitProfileAssigned(event) => texts(event.previous.as_ref(), event.profile.as_ref()),
        Event::KycStatusChanged(event) => texts(event.previous.as_ref(), event.tier.as_ref()),
        Event::PersonChanged(event) => texts(event.previous.as_ref(), event.person.as_ref()),
        Event::DocumentPublished(event) => texts(event.previous.as_ref(), Some(&event.hash)),
        _ => (None, None),
    }
}
