//! The part of a decision that cannot fail: building events on top of a state.

use smallvec::SmallVec;

use crate::adjustment::{self, Adjustment, AdjustmentRef};
use crate::bonus::{self, Award};
use crate::controls::Controls;
use crate::deposit::{self, Deposit, Intent};
use crate::entry::{Entry, EntryError, POSTINGS_MAX, Posting};
use crate::ids::{ActorId, TraceId};
use crate::key::{ContentHash, IdempotencyKey};
use crate::money::{Amount, AmountError, CurrencyCode};
use crate::partition::{Partition, Stream};
use crate::player_ledger::facts::balances_after;
use crate::player_ledger::{Fault, PlayerState};
use crate::rejection::{Capacity, NotAllowedReason, Rejection};
use crate::stored::{
    AwardRef, CommitBody, EVENTS_MAX, EntryPosted, Event, EventRecord, KeyRecord, NegativeBalanceCleared,
    NegativeBalanceRaised, Note, OutcomeKind, PurseBalance, Round, SealedFields, ShapeLevel, TombstoneRecord,
    TransactionRef, TxnNoted,
};
use crate::time::Timestamp;
use crate::wallet::{LotMoves, Purse, Wallet};
use crate::withdrawal::Withdrawal;

/// Who sends a command, for the record. Not part of the payload: a replay may come from another actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Who acts.
    pub actor: ActorId,
    /// The trace of the request.
    pub trace: Option<TraceId>,
    /// What caused the request: the id of an event or message.
    pub causation: Option<TraceId>,
    /// What the host remembers about the person, encrypted already.
    pub sealed: SealedFields,
}

impl Context {
    /// A context with an actor alone.
    pub fn of(actor: ActorId) -> Self {
        Self { actor, trace: None, causation: None, sealed: SealedFields::default() }
    }
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "almost every decision is a commit, and it is moved once")]
pub enum Decision {
    /// Something to append.
    Commit(Draft),
    /// The key is known with the same payload: [`super::FactsNeeded::known`] tells the answer.
    Replay,
    /// Refused, and nothing is recorded.
    Refuse(Rejection),
}

impl Decision {
    /// A commit in the shapes that are active; refused, with nothing recorded, if it cannot be said in them.
    pub(crate) fn commit_at(level: ShapeLevel, mut draft: Draft) -> Self {
        if level < ShapeLevel::NEWEST {
            for record in &mut draft.events {
                let Some(schema) = record.event.schema_at(level) else {
                    return Self::Refuse(Rejection::NotAllowed { reason: NotAllowedReason::NotActive });
                };
                record.schema = schema;
            }
        }
        Self::Commit(draft)
    }
}

/// What a decision appends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The keys it consumes.
    pub keys: Vec<KeyRecord>,
    /// The tombstones it sets.
    pub tombstones: Vec<TombstoneRecord>,
    /// What the operation came to.
    pub outcome: OutcomeKind,
    /// The refusal, if it was refused.
    pub rejection: Option<Rejection>,
    /// The entry it posts, if it does; of a batch the last.
    pub entry: Option<u64>,
    /// The purse of the operation's currency, where no entry tells it.
    pub balance: Option<PurseBalance>,
    /// What each operation of a batch came to, in order; empty for a single command.
    pub operations: Vec<DraftOperation>,
    /// The events, in order.
    pub events: Vec<EventRecord>,
}

/// What one operation of a batch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftOperation {
    /// Its key.
    pub key: IdempotencyKey,
    /// Whether it was known before, so that this is its first answer again.
    pub replayed: bool,
    /// What it came to.
    pub outcome: OutcomeKind,
    /// The entry it posted, if it did.
    pub entry: Option<u64>,
    /// The purses it concerns, as they were right after it.
    pub balances: Vec<PurseBalance>,
}

impl Draft {
    /// The balances after it, of the purses it concerns.
    pub fn balances(&self) -> Vec<PurseBalance> {
        balances_after(&self.events, self.balance.iter().cloned().collect())
    }

    /// The commit this draft becomes in a partition of the house.
    pub fn into_house_body(
        self,
        partition: Partition,
        context: Context,
        policy: ContentHash,
        engine: &'static str,
        recorded_at: Timestamp,
    ) -> CommitBody {
        CommitBody {
            partition,
            recorded_at,
            keys: self.keys,
            tombstones: self.tombstones,
            operator: None,
            brand: None,
            jurisdiction: None,
            actor: context.actor,
            trace: context.trace,
            causation: context.causation,
            sealed: context.sealed,
            policy,
            engine: engine.into(),
            writer: None,
            balance: self.balance,
            events: self.events,
        }
    }

    /// The commit this draft becomes. `state` is the player's state after it, for the envelope.
    pub fn into_body(
        self,
        state: &PlayerState,
        context: Context,
        policy: ContentHash,
        engine: &'static str,
        recorded_at: Timestamp,
    ) -> CommitBody {
        let profile = state.profile();
        CommitBody {
            partition: Partition::Player(state.player().clone()),
            recorded_at,
            keys: self.keys,
            tombstones: self.tombstones,
            operator: profile.map(|p| p.operator.clone()),
            brand: profile.map(|p| p.brand.clone()),
            jurisdiction: profile.map(|p| p.jurisdiction.clone()),
            actor: context.actor,
            trace: context.trace,
            causation: context.causation,
            sealed: context.sealed,
            policy,
            engine: engine.into(),
            writer: None,
            balance: self.balance,
            events: self.events,
        }
    }
}

/// Why a decision stops before its turning point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The rules refuse.
    Reject(Rejection),
    /// The code or the state contradicts itself.
    Fault(Fault),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Reject(rejection)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<AmountError> for Stop {
    fn from(error: AmountError) -> Self {
        match error {
            AmountError::AmountOverflow => Self::Reject(Rejection::AmountOverflow),
            error => Self::Fault(Fault::corrupted(error.to_string())),
        }
    }
}

/// How many events a commit has with one more draft, `before` without it. Too many are refused before anything is
/// sealed: what a caller sends must never be a fault.
///
/// # Errors
///
/// [`Rejection::CapacityExceeded`].
pub(super) fn check_events(before: usize, draft: &Draft) -> Result<usize, Rejection> {
    let after = before.saturating_add(draft.events.len());
    if after > EVENTS_MAX {
        let maximum = u32::try_from(EVENTS_MAX).unwrap_or(u32::MAX);
        return Err(Rejection::CapacityExceeded { what: Capacity::EventsInCommit, maximum });
    }
    Ok(after)
}

fn too_many_postings() -> Stop {
    let maximum = u32::try_from(POSTINGS_MAX).unwrap_or(u32::MAX);
    Rejection::CapacityExceeded { what: Capacity::PostingsInEntry, maximum }.into()
}

/// The wallet and the awards as they are after the events so far, of a decision that has to do with awards.
#[derive(Debug)]
struct Desk {
    wallet: Wallet,
    awards: Vec<Award>,
}

/// The events of a decision while they are built: versions are counted on from the state's.
#[derive(Debug)]
pub(crate) struct Workspace<'a> {
    state: &'a PlayerState,
    /// Made when it is first needed: without awards a decision pays nothing for it.
    desk: Option<Box<Desk>>,
    now: Timestamp,
    player_version: u64,
    events: Vec<EventRecord>,
    entry: Option<u64>,
    tombstones: Vec<TombstoneRecord>,
    outcome: OutcomeKind,
    /// The player's limits, where time or the policy changed them before this decision.
    controls: Option<Box<Controls>>,
}

impl<'a> Workspace<'a> {
    pub(crate) fn new(state: &'a PlayerState, now: Timestamp) -> Self {
        Self {
            state,
            desk: None,
            now,
            player_version: state.version(),
            events: Vec::with_capacity(4),
            entry: None,
            tombstones: Vec::new(),
            outcome: OutcomeKind::Applied,
            controls: None,
        }
    }

    pub(crate) fn state(&self) -> &'a PlayerState {
        self.state
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The player's limits as this decision finds them.
    pub(crate) fn controls(&self) -> Option<&Controls> {
        self.controls.as_deref().or(self.state.controls())
    }

    /// Time or the policy changed the player's limits; the events are pushed.
    pub(crate) fn begun(&mut self, controls: Controls) {
        self.controls = Some(Box::new(controls));
    }

    /// The events so far.
    pub(crate) fn events(&self) -> &[EventRecord] {
        &self.events
    }

    /// The awards after the events so far; those that ended by them too.
    pub(crate) fn awards(&self) -> &[Award] {
        self.desk.as_ref().map_or(self.state.awards(), |desk| &desk.awards)
    }

    /// An award after the events so far, if it is live.
    pub(crate) fn award(&self, of: &AwardRef) -> Option<&Award> {
        self.awards().iter().find(|award| award.of == *of && award.is_live())
    }

    /// From here on wallet and awards are looked at as they are after the events so far.
    pub(crate) fn look(&mut self) -> Result<(), Fault> {
        self.desk().map(|_| ())
    }

    /// The wallet after the entries so far, once [`Self::look`] was called; before the decision until then.
    pub(crate) fn wallet(&self) -> &Wallet {
        self.desk.as_ref().map_or(self.state.wallet(), |desk| &desk.wallet)
    }

    fn desk(&mut self) -> Result<&mut Desk, Fault> {
        if self.desk.is_none() {
            let mut wallet = self.state.wallet().clone();
            for record in &self.events {
                if let Event::EntryPosted(posted) = &record.event {
                    wallet.evolve(record.version, posted)?;
                }
            }
            self.desk = Some(Box::new(Desk { wallet, awards: self.state.awards().to_vec() }));
        }
        self.desk.as_deref_mut().ok_or_else(|| Fault::corrupted("there is no desk"))
    }

    /// Posts an entry that follows from the one of the decision: an award that ends by it, or begins.
    pub(crate) fn post_more(&mut self, postings: Vec<Posting>) -> Result<Option<u64>, Stop> {
        self.desk()?;
        self.post_entry(postings, &LotMoves::default())
    }

    /// Adds an event of an award's stream and folds it into the award.
    pub(crate) fn push_award(&mut self, of: &AwardRef, event: Event) -> Result<(), Fault> {
        let stream = Stream::Bonus(self.state.player().clone(), of.clone());
        let desk = self.desk()?;
        let index = desk.awards.iter().position(|award| award.of == *of);
        let mut award = index.and_then(|index| desk.awards.get(index)).cloned();
        let before = award.as_ref().map_or(0, |award| award.version);
        let version = before.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let record = EventRecord::new(stream, version, event);
        bonus::fold_award(&mut award, of, &record)?;
        match (index.and_then(|index| desk.awards.get_mut(index)), award) {
            (Some(old), Some(award)) => *old = award,
            (_, award) => desk.awards.extend(award),
        }
        self.events.push(record);
        Ok(())
    }

    pub(crate) fn outcome(&mut self, outcome: OutcomeKind) {
        self.outcome = outcome;
    }

    /// Records that the operation was accepted and nothing was done, and why.
    pub(crate) fn note(&mut self, txn: TransactionRef, note: Note) -> Result<(), Fault> {
        self.outcome(OutcomeKind::Noop);
        self.push_player(Event::TxnNoted(TxnNoted { txn, note }))
    }

    pub(crate) fn tombstones(&self) -> &[TombstoneRecord] {
        &self.tombstones
    }

    /// Lets an id never have an effect.
    pub(crate) fn tombstone(&mut self, record: TombstoneRecord) {
        self.tombstones.push(record);
    }

    /// Posts the one entry of this decision and answers its id; without postings there is no entry.
    pub(crate) fn post(&mut self, postings: Vec<Posting>) -> Result<Option<u64>, Stop> {
        self.post_with(postings, &LotMoves::default())
    }

    /// [`Self::post`] of an entry that says which lots of unplayed money it moves.
    pub(crate) fn post_with(
        &mut self,
        postings: Vec<Posting>,
        lots: &LotMoves<'_>,
    ) -> Result<Option<u64>, Stop> {
        if self.entry.is_some() && !postings.is_empty() {
            return Err(Fault::corrupted("a decision posts one entry").into());
        }
        self.post_entry(postings, lots)
    }

    fn post_entry(&mut self, postings: Vec<Posting>, lots: &LotMoves<'_>) -> Result<Option<u64>, Stop> {
        if postings.is_empty() {
            return Ok(None);
        }
        let profile = self.state.profile().ok_or(Rejection::PlayerUnknown)?;
        let wallet = self.wallet();
        let version =
            wallet.version().checked_add(1).ok_or_else(|| Fault::corrupted("entries have run out"))?;
        let entry = Entry::new(profile.kind, postings).map_err(|error| match error {
            EntryError::Amount(AmountError::AmountOverflow) => Stop::Reject(Rejection::AmountOverflow),
            EntryError::Count { count } if count > POSTINGS_MAX => too_many_postings(),
            error => Stop::Fault(Fault::corrupted(error.to_string())),
        })?;
        let refused = |error| match error {
            crate::wallet::PostError::Amount(AmountError::AmountOverflow) => {
                Stop::Reject(Rejection::AmountOverflow)
            }
            error => Stop::Fault(Fault::corrupted(error.to_string())),
        };
        let touched = wallet.after(&entry).map_err(refused)?;
        let bonus = wallet.bonus_told(&entry).map_err(refused)?;
        let lots = wallet.lots_after(version, &touched, lots)?;
        let after = touched.iter().map(Purse::balance).collect();
        let owed = |purse: &Purse| {
            wallet.purse(purse.currency().code()).map_or(purse.currency().zero(), Purse::receivable)
        };
        let owed: SmallVec<[Amount; 1]> = touched.iter().map(owed).collect();
        let stream = Stream::Wallet(self.state.player().clone());
        let posted = EntryPosted { entry, after, lots, bonus };
        if let Some(desk) = &mut self.desk {
            desk.wallet.evolve(version, &posted)?;
        }
        self.events.push(EventRecord::new(stream, version, Event::EntryPosted(posted)));
        self.entry = Some(version);
        for (purse, before) in touched.into_iter().zip(owed) {
            if purse.receivable().is_zero() && !before.is_zero() {
                self.push_player(Event::NegativeBalanceCleared(NegativeBalanceCleared {
                    entry: version,
                    currency: purse.currency().code(),
                }))?;
            }
            if purse.receivable() > before {
                self.push_player(Event::NegativeBalanceRaised(NegativeBalanceRaised {
                    entry: version,
                    currency: purse.currency().code(),
                    receivable: purse.receivable(),
                }))?;
            }
        }
        Ok(Some(version))
    }

    /// Adds an event of the player's own stream.
    pub(crate) fn push_player(&mut self, event: Event) -> Result<(), Fault> {
        self.player_version =
            self.player_version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let stream = Stream::Player(self.state.player().clone());
        self.events.push(EventRecord::new(stream, self.player_version, event));
        Ok(())
    }

    /// Adds an event of a round's stream and folds it into `round`.
    pub(crate) fn push_round(&mut self, round: &mut Round, event: Event) -> Result<(), Fault> {
        let version =
            round.version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let stream = Stream::Round(self.state.player().clone(), round.source.clone(), round.id.clone());
        let record = EventRecord::new(stream, version, event);
        crate::round::evolve(round, &record, self.now)?;
        self.events.push(record);
        Ok(())
    }

    /// Adds an event of any stream.
    pub(crate) fn push(&mut self, stream: Stream, version: u64, event: Event) {
        self.events.push(EventRecord::new(stream, version, event));
    }

    /// Adds an event of an adjustment's stream and folds it into `adjustment`; `None` before its first.
    pub(crate) fn push_adjustment(
        &mut self,
        adjustment: &mut Option<Adjustment>,
        of: &AdjustmentRef,
        event: Event,
    ) -> Result<(), Fault> {
        let before = adjustment.as_ref().map_or(0, Adjustment::version);
        let version = before.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let stream = Stream::Adjustment(self.state.player().clone(), of.clone());
        let record = EventRecord::new(stream, version, event);
        adjustment::evolve(adjustment, of, &record, self.now)?;
        self.events.push(record);
        Ok(())
    }

    /// Adds an event of an intent's stream and folds it into `intent`.
    pub(crate) fn push_intent(&mut self, intent: &mut Intent, event: Event) -> Result<(), Fault> {
        let version =
            intent.version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let (source, id) = (intent.of.source.clone(), intent.of.id.clone());
        let stream = Stream::Intent(self.state.player().clone(), source, id);
        let record = EventRecord::new(stream, version, event);
        intent.evolve(&record)?;
        self.events.push(record);
        Ok(())
    }

    /// Adds an event of a captured deposit's stream, one in a decision.
    pub(crate) fn push_deposit(&mut self, deposit: &Deposit, event: Event) -> Result<(), Fault> {
        let version =
            deposit.version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let (source, id) = (deposit.of.source.clone(), deposit.of.id.clone());
        let stream = Stream::Deposit(self.state.player().clone(), source, id);
        let record = EventRecord::new(stream, version, event);
        deposit::fold_deposit(&mut Some(deposit.clone()), &deposit.of, &record)?;
        self.events.push(record);
        Ok(())
    }

    /// Adds an event of a withdrawal's stream and folds it into `withdrawal`.
    pub(crate) fn push_withdrawal(&mut self, withdrawal: &mut Withdrawal, event: Event) -> Result<(), Fault> {
        let version =
            withdrawal.version.checked_add(1).ok_or_else(|| Fault::corrupted("versions have run out"))?;
        let (source, id) = (withdrawal.of.source.clone(), withdrawal.of.id.clone());
        let stream = Stream::Withdrawal(self.state.player().clone(), source, id);
        let record = EventRecord::new(stream, version, event);
        withdrawal.evolve(&record)?;
        self.events.push(record);
        Ok(())
    }

    /// Adds the first event of a stream.
    pub(crate) fn push_first(&mut self, stream: Stream, event: Event) {
        self.events.push(EventRecord::new(stream, 1, event));
    }

    /// The draft. `currency` tells whose purse the answer shows if no entry does.
    pub(crate) fn finish(self, key: Option<KeyRecord>, currency: Option<CurrencyCode>) -> Draft {
        let balance = match self.entry {
            Some(_) => None,
            None => currency
                .and_then(|currency| self.state.balance(currency))
                .or_else(|| self.state.wallet().purses().first().map(Purse::balance)),
        };
        Draft {
            keys: key.into_iter().map(|key| KeyRecord { outcome: self.outcome, ..key }).collect(),
            tombstones: self.tombstones,
            outcome: self.outcome,
            rejection: None,
            entry: self.entry,
            balance,
            operations: Vec::new(),
            events: self.events,
        }
    }
}
