//! What a decision needs beside the live state: facts of the log that the engine fetches.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::adjustment::{self, Adjustment, AdjustmentRef};
use crate::bonus::{self, Award};
use crate::deposit::{self, Deposit, Intent};
use crate::host::PreCheck;
use crate::house::{DocumentCheck, HouseAggregate, HouseAggregateRef, HouseCommand};
use crate::ids::{HouseId, PlayerId, RoundId, SourceId, TransactionId};
use crate::key::{Fingerprint, IdempotencyKey, OperationKind};
use crate::money::CurrencyRegistry;
use crate::partition::{Partition, Stream};
use crate::player_ledger::{Draft, Fault, Needs, PlayerCommand, PlayerState};
use crate::policy::Policy;
use crate::purchase::{self, Purchase, PurchaseRef};
use crate::rejection::Rejection;
use crate::round;
use crate::stored::{
    AwardRef, CommitBody, Event, EventRecord, KeyRecord, OutcomeKind, PaymentRef, PurseBalance, Round,
    SessionRef, SettledBy, ShapeLevel, TombstoneRecord,
};
use crate::time::Timestamp;
use crate::transfer::{self, Transfer, TransferRef};
use crate::withdrawal::{Withdrawal, fold_withdrawal};

/// A round of some source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoundRef {
    /// The source.
    pub source: SourceId,
    /// The round.
    pub round: RoundId,
}

/// Something of a player, or of the house, that has a stream of its own. While it is live the state has it; afterwards
/// it is folded from its stream when a command names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AggregateRef {
    /// A round.
    Round(RoundRef),
    /// A correction, a withheld tax or the like.
    Adjustment(AdjustmentRef),
    /// A deposit as the cashier started it.
    Intent(PaymentRef),
    /// A deposit as a payment provider captured it.
    Deposit(PaymentRef),
    /// Something of a partition of the house.
    House(HouseId, HouseAggregateRef),
    /// A withdrawal, or a part of one that was split.
    Withdrawal(PaymentRef),
    /// A session.
    Session(SessionRef),
    /// A tip, or an entry to a tournament.
    Purchase(PurchaseRef),
    /// Money that plays elsewhere.
    Transfer(TransferRef),
    /// A bonus award.
    Award(AwardRef),
}

impl From<RoundRef> for AggregateRef {
    fn from(round: RoundRef) -> Self {
        Self::Round(round)
    }
}

impl From<AdjustmentRef> for AggregateRef {
    fn from(adjustment: AdjustmentRef) -> Self {
        Self::Adjustment(adjustment)
    }
}

impl From<SessionRef> for AggregateRef {
    fn from(session: SessionRef) -> Self {
        Self::Session(session)
    }
}

impl From<PurchaseRef> for AggregateRef {
    fn from(purchase: PurchaseRef) -> Self {
        Self::Purchase(purchase)
    }
}

impl From<TransferRef> for AggregateRef {
    fn from(transfer: TransferRef) -> Self {
        Self::Transfer(transfer)
    }
}

impl AggregateRef {
    /// Its stream in a partition; `None` if nothing of its kind is there.
    pub fn stream_in(&self, partition: &Partition) -> Option<Stream> {
        match (self, partition) {
            (Self::House(own, _), Partition::House(house)) if own != house => None,
            (Self::House(own, of), Partition::House(_)) => Some(of.stream(own)),
            (Self::House(..), Partition::Player(_)) | (_, Partition::House(_)) => None,
            (_, Partition::Player(player)) => Some(self.stream(player)),
        }
    }

    /// Its stream, of what is a player's. What is the house's names its partition itself.
    pub fn stream(&self, player: &PlayerId) -> Stream {
        match self {
            Self::House(house, of) => of.stream(house),
            Self::Round(round) => Stream::Round(player.clone(), round.source.clone(), round.round.clone()),
            Self::Adjustment(adjustment) => Stream::Adjustment(player.clone(), adjustment.clone()),
            Self::Intent(of) => Stream::Intent(player.clone(), of.source.clone(), of.id.clone()),
            Self::Deposit(of) => Stream::Deposit(player.clone(), of.source.clone(), of.id.clone()),
            Self::Withdrawal(of) => Stream::Withdrawal(player.clone(), of.source.clone(), of.id.clone()),
            Self::Session(of) => Stream::Session(player.clone(), of.clone()),
            Self::Purchase(of) => Stream::Purchase(player.clone(), of.clone()),
            Self::Transfer(of) => Stream::Transfer(player.clone(), of.clone()),
            Self::Award(of) => Stream::Bonus(player.clone(), of.clone()),
        }
    }
}

/// What a known operation was about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A bet of a round.
    Bet(RoundRef),
    /// A win of a round.
    Win(RoundRef),
    /// A tip, or an entry to a tournament.
    Purchase(PurchaseRef),
    /// Money that plays elsewhere.
    Transfer(TransferRef),
    /// A rollback.
    Rollback,
    /// Anything else.
    Other,
}

impl Subject {
    /// What has the subject's stream.
    pub fn aggregate(&self) -> Option<AggregateRef> {
        match self {
            Self::Bet(round) | Self::Win(round) => Some(round.clone().into()),
            Self::Purchase(of) => Some(of.clone().into()),
            Self::Transfer(of) => Some(of.clone().into()),
            Self::Rollback | Self::Other => None,
        }
    }
}

/// An operation whose key the log knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOperation {
    /// The key, its fingerprint and outcome.
    pub record: KeyRecord,
    /// What it was about.
    pub subject: Subject,
    /// The refusal, if it was refused.
    pub rejection: Option<Rejection>,
    /// The balances after it.
    pub balances: Vec<PurseBalance>,
    /// The entry it posted, if it did.
    pub entry: Option<u64>,
}

impl KnownOperation {
    /// Finds an operation in the commit that consumed its key.
    pub fn find(body: &CommitBody, key: &IdempotencyKey) -> Option<Self> {
        let mut balances: Vec<PurseBalance> = body.balance.iter().cloned().collect();
        for (record, events) in operations(&body.keys, &body.events) {
            balances = balances_after(events, balances);
            if record.source == key.source && record.kind == key.kind && record.id == key.id {
                return Some(Self::read(record, events, balances));
            }
        }
        None
    }

    fn read(record: &KeyRecord, events: &[EventRecord], balances: Vec<PurseBalance>) -> Self {
        let mut known =
            Self { record: record.clone(), subject: Subject::Other, rejection: None, balances, entry: None };
        let id = &record.id;
        for record in events {
            let round = match &record.stream {
                Stream::Round(_, source, round) => {
                    Some(RoundRef { source: source.clone(), round: round.clone() })
                }
                _ => None,
            };
            match (&record.event, round) {
                (Event::BetPlaced(e), Some(round)) if e.bet == *id && !e.made_up => {
                    known.subject = Subject::Bet(round);
                }
                (Event::WinCredited(e), Some(round)) if e.win == *id => {
                    known.subject = Subject::Win(round);
                }
                (Event::BetSettled(e), Some(round)) if e.txn == *id && e.by == SettledBy::Win => {
                    known.subject = Subject::Win(round);
                }
                (
                    Event::BetRolledBack(_)
                    | Event::BetReturned(_)
                    | Event::WinRolledBack(_)
                    | Event::WinRetained(_)
                    | Event::TipReturned(_)
                    | Event::TournamentEntryReturned(_)
                    | Event::TransferRolledBack(_),
                    _,
                ) => known.subject = Subject::Rollback,
                (Event::TipGiven(_) | Event::TournamentEntered(_) | Event::TransferRolledOut(_), _) => {
                    known.subject = match &record.stream {
                        Stream::Purchase(_, of) => Subject::Purchase(of.clone()),
                        Stream::Transfer(_, of) => Subject::Transfer(of.clone()),
                        _ => Subject::Other,
                    };
                }
                (Event::SettlementVoided(e), _) if e.txn.kind == OperationKind::Rollback => {
                    known.subject = Subject::Rollback;
                }
                (Event::TxnNoted(e), _) if e.txn.kind == OperationKind::Rollback => {
                    known.subject = Subject::Rollback;
                }
                (Event::TxnTombstoned(e), _) if e.txn.kind == OperationKind::Rollback => {
                    known.subject = Subject::Rollback;
                }
                (Event::TxnRejected(e), _) if e.txn.id == *id => {
                    known.rejection = Some(e.rejection.clone());
                }
                (Event::EntryPosted(_), _) => known.entry = Some(record.version),
                _ => {}
            }
        }
        known
    }

    /// Whether the operation was refused.
    pub fn is_rejected(&self) -> bool {
        self.record.outcome == OutcomeKind::Rejected
    }
}

/// The operations of a commit, each with the events that are its own.
pub(crate) fn operations<'a>(
    keys: &'a [KeyRecord],
    events: &'a [EventRecord],
) -> impl Iterator<Item = (&'a KeyRecord, &'a [EventRecord])> {
    let mut rest = events;
    keys.iter().map(move |key| {
        let count = key.events.map_or(rest.len(), usize::from);
        let (own, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        rest = later;
        (key, own)
    })
}

/// The balances an operation's answer shows: those after its entry or in its closing of the player, or else what
/// was shown before.
pub(crate) fn balances_after(events: &[EventRecord], before: Vec<PurseBalance>) -> Vec<PurseBalance> {
    let posted = events.iter().rev().find_map(|record| match &record.event {
        Event::EntryPosted(event) => Some(event.after.clone()),
        Event::PlayerClosed(event) => Some(event.purses.clone()),
        _ => None,
    });
    posted.unwrap_or(before)
}

/// What was found in the log for a command. Whatever [`FactsNeeded`] names and is not here is not in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    operations: Vec<KnownOperation>,
    tombstones: Vec<TombstoneRecord>,
    rounds: Vec<Round>,
    adjustments: Vec<Adjustment>,
    intents: Vec<Intent>,
    deposits: Vec<Deposit>,
    house: Vec<HouseAggregate>,
    withdrawals: Vec<Withdrawal>,
    sessions: Vec<SessionRef>,
    purchases: Vec<Purchase>,
    transfers: Vec<Transfer>,
    awards: Vec<Award>,
}

/// Takes what has this name out of a list.
fn take<T>(all: &mut Vec<T>, is: impl Fn(&T) -> bool) -> Option<T> {
    all.iter().position(is).map(|index| all.swap_remove(index))
}

impl Found {
    /// Nothing was found: the usual case.
    pub const NOTHING: &'static Self = &Self {
        operations: Vec::new(),
        tombstones: Vec::new(),
        rounds: Vec::new(),
        adjustments: Vec::new(),
        intents: Vec::new(),
        deposits: Vec::new(),
        house: Vec::new(),
        withdrawals: Vec::new(),
        sessions: Vec::new(),
        purchases: Vec::new(),
        transfers: Vec::new(),
        awards: Vec::new(),
    };

    /// Adds an operation.
    pub fn add_operation(&mut self, known: KnownOperation) {
        self.operations.push(known);
    }

    /// Adds a tombstone.
    pub fn add_tombstone(&mut self, tombstone: TombstoneRecord) {
        self.tombstones.push(tombstone);
    }

    /// Folds a stream, oldest event first, each with the instant of its commit. Without events there is nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the events do not follow each other.
    pub fn add_stream(
        &mut self,
        aggregate: &AggregateRef,
        events: &[(EventRecord, Timestamp)],
    ) -> Result<(), Fault> {
        let mut events = events.iter().map(|(record, at)| (record, *at));
        match aggregate {
            AggregateRef::Round(round) => {
                self.rounds.extend(Round::fold(&round.source, &round.round, events)?);
            }
            AggregateRef::Adjustment(adjustment) => {
                self.adjustments.extend(Adjustment::fold(adjustment, events)?);
            }
            AggregateRef::Intent(of) => {
                let mut intent = None;
                events.try_for_each(|(record, at)| deposit::fold_intent(&mut intent, of, record, at))?;
                self.intents.extend(intent);
            }
            AggregateRef::Deposit(of) => {
                let mut deposit = None;
                events.try_for_each(|(record, _)| deposit::fold_deposit(&mut deposit, of, record))?;
                self.deposits.extend(deposit);
            }
            AggregateRef::House(_, of) => {
                self.house.extend(HouseAggregate::fold(of, events.map(|(record, _)| record))?);
            }
            AggregateRef::Withdrawal(of) => {
                let mut withdrawal = None;
                events.try_for_each(|(record, at)| fold_withdrawal(&mut withdrawal, of, record, at))?;
                self.withdrawals.extend(withdrawal);
            }
            // That there was one is all that is asked of a session that is over.
            AggregateRef::Session(of) => self.sessions.extend(events.next().map(|_| of.clone())),
            AggregateRef::Purchase(of) => {
                let mut purchase = None;
                events.try_for_each(|(record, _)| purchase::evolve(&mut purchase, of, record))?;
                self.purchases.extend(purchase);
            }
            AggregateRef::Transfer(of) => {
                let mut transfer = None;
                events.try_for_each(|(record, at)| transfer::evolve(&mut transfer, of, record, at))?;
                self.transfers.extend(transfer);
            }
            AggregateRef::Award(of) => {
                let mut award = None;
                events.try_for_each(|(record, _)| bonus::fold_award(&mut award, of, record))?;
                self.awards.extend(award);
            }
        }
        Ok(())
    }

    /// Adds what a decision will append, so that the next one of the same commit finds it: what was live before it
    /// may not be live after it.
    pub(crate) fn follow(
        &mut self,
        before: &PlayerState,
        draft: &Draft,
        now: Timestamp,
    ) -> Result<(), Fault> {
        for (record, events) in operations(&draft.keys, &draft.events) {
            self.operations.push(KnownOperation::read(record, events, Vec::new()));
        }
        self.tombstones.extend(draft.tombstones.iter().cloned());
        for record in &draft.events {
            if let Stream::Round(_, source, round) = &record.stream {
                let of = RoundRef { source: source.clone(), round: round.clone() };
                let mut round = match self
                    .rounds
                    .iter()
                    .position(|found| found.id == of.round && found.source == of.source)
                {
                    Some(index) => self.rounds.swap_remove(index),
                    None => before.round(&of).cloned().unwrap_or_else(|| round::empty(source, round)),
                };
                round::evolve(&mut round, record, now)?;
                self.rounds.push(round);
            }
            if let Stream::Adjustment(_, of) = &record.stream {
                let at = self.adjustments.iter().position(|found| found.reference() == *of);
                let mut adjustment = match at {
                    Some(index) => Some(self.adjustments.swap_remove(index)),
                    None => before.proposal(&of.source, &of.id).cloned().map(Adjustment::Correction),
                };
                adjustment = adjustment.filter(|known| known.reference() == *of);
                adjustment::evolve(&mut adjustment, of, record, now)?;
                self.adjustments.extend(adjustment);
            }
            self.follow_others(before, record, now)?;
        }
        Ok(())
    }

    fn follow_others(
        &mut self,
        before: &PlayerState,
        record: &EventRecord,
        now: Timestamp,
    ) -> Result<(), Fault> {
        match &record.stream {
            Stream::Intent(_, source, id) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                let found = take(&mut self.intents, |intent| intent.of == of);
                let mut intent = found.or_else(|| before.intent(&of).cloned());
                deposit::fold_intent(&mut intent, &of, record, now)?;
                self.intents.extend(intent);
            }
            Stream::Deposit(_, source, id) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                let mut deposit = take(&mut self.deposits, |deposit| deposit.of == of);
                deposit::fold_deposit(&mut deposit, &of, record)?;
                self.deposits.extend(deposit);
            }
            Stream::Withdrawal(_, source, id) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                let found = take(&mut self.withdrawals, |withdrawal| withdrawal.of == of);
                let mut withdrawal = found.or_else(|| before.withdrawal(&of).cloned());
                fold_withdrawal(&mut withdrawal, &of, record, now)?;
                self.withdrawals.extend(withdrawal);
            }
            Stream::Session(_, of) => self.sessions.push(of.clone()),
            Stream::Purchase(_, of) => {
                let mut purchase = take(&mut self.purchases, |purchase| purchase.of() == of);
                purchase::evolve(&mut purchase, of, record)?;
                self.purchases.extend(purchase);
            }
            Stream::Transfer(_, of) => {
                let found = take(&mut self.transfers, |transfer| transfer.of == *of);
                let mut transfer = found.or_else(|| before.transfer(of).cloned());
                transfer::evolve(&mut transfer, of, record, now)?;
                self.transfers.extend(transfer);
            }
            Stream::Bonus(_, of) => {
                let found = take(&mut self.awards, |award| award.of == *of);
                let mut award = found.or_else(|| before.award(of).cloned());
                bonus::fold_award(&mut award, of, record)?;
                self.awards.extend(award);
            }
            _ => {}
        }
        Ok(())
    }

    /// An operation by its key.
    pub fn operation(&self, key: &IdempotencyKey) -> Option<&KnownOperation> {
        self.operations.iter().find(|known| {
            known.record.source == key.source && known.record.kind == key.kind && known.record.id == key.id
        })
    }

    /// The first of these that was not refused: a refused bet was never placed, and must not hide a win of its
    /// id.
    pub fn target(&self, keys: &[IdempotencyKey]) -> Option<&KnownOperation> {
        keys.iter().filter_map(|key| self.operation(key)).find(|known| !known.is_rejected())
    }

    /// Whether the id of a source is dead.
    pub fn is_tombstoned(&self, source: &SourceId, id: &TransactionId) -> bool {
        self.tombstones.iter().any(|tombstone| tombstone.source == *source && tombstone.id == *id)
    }

    /// A deposit at the cashier that is not live.
    pub fn intent(&self, of: &PaymentRef) -> Option<&Intent> {
        self.intents.iter().find(|found| found.of == *of)
    }

    /// A captured deposit.
    pub fn deposit(&self, of: &PaymentRef) -> Option<&Deposit> {
        self.deposits.iter().find(|found| found.of == *of)
    }

    /// Something of the house that is not live.
    pub fn house_aggregate(&self, of: &HouseAggregateRef) -> Option<&HouseAggregate> {
        self.house.iter().find(|found| found.reference() == *of)
    }

    /// A withdrawal that is not live.
    pub fn withdrawal(&self, of: &PaymentRef) -> Option<&Withdrawal> {
        self.withdrawals.iter().find(|found| found.of == *of)
    }

    /// Whether there is or was such a session.
    pub fn has_session(&self, of: &SessionRef) -> bool {
        self.sessions.contains(of)
    }

    /// A tip, or an entry to a tournament.
    pub fn purchase(&self, of: &PurchaseRef) -> Option<&Purchase> {
        self.purchases.iter().find(|found| found.of() == of)
    }

    /// Money that plays elsewhere, or did.
    pub fn transfer(&self, of: &TransferRef) -> Option<&Transfer> {
        self.transfers.iter().find(|found| found.of == *of)
    }

    /// A bonus award that has ended.
    pub fn award(&self, of: &AwardRef) -> Option<&Award> {
        self.awards.iter().find(|found| found.of == *of)
    }

    /// A round that is not live.
    pub fn round(&self, round: &RoundRef) -> Option<&Round> {
        self.rounds.iter().find(|found| found.id == round.round && found.source == round.source)
    }

    /// A correction that is decided, a withheld tax, or the like.
    pub fn adjustment(&self, adjustment: &AdjustmentRef) -> Option<&Adjustment> {
        self.adjustments.iter().find(|found| found.reference() == *adjustment)
    }
}

/// What one command is decided on, beside the state.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What was found in the log.
    pub found: &'a Found,
    /// The currencies recorded by this ledger.
    pub currencies: &'a CurrencyRegistry,
    /// The policy in force.
    pub policy: &'a Policy,
    /// The host's checks, in the order they are asked.
    pub checks: &'a [Arc<dyn PreCheck>],
    /// The host's checks of documents that are to be published.
    pub documents: &'a [Arc<dyn DocumentCheck>],
    /// The level of the shapes that are active in this ledger.
    pub level: ShapeLevel,
}

impl<'a> Facts<'a> {
    /// Facts without checks of the host, in a ledger that writes the newest shapes.
    pub fn new(found: &'a Found, currencies: &'a CurrencyRegistry, policy: &'a Policy) -> Self {
        Self { found, currencies, policy, checks: &[], documents: &[], level: ShapeLevel::NEWEST }
    }
}

/// What the engine must look for before a command can be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactsNeeded {
    /// The command's own key; its source and id are also those of the tombstone to look for.
    pub key: IdempotencyKey,
    /// The fingerprint that is compared if the key is known.
    pub print: Fingerprint,
    /// What it names, to be fetched if it is not live.
    pub aggregates: SmallVec<[AggregateRef; 1]>,
    /// The keys under which its target may stand, in order of preference. What a found target is about
    /// ([`Subject::aggregate`]) is to be fetched as well. A single command's need not be looked for if the target
    /// is live ([`PlayerState::has_live_target`]); a batch's always, for it may be over when its turn comes.
    pub targets: Vec<IdempotencyKey>,
    /// Tombstones to look for beside its own.
    pub tombstones: Vec<TombstoneRecord>,
    /// The same for each command of a batch; empty for a single command. Then the fields above are the first's.
    pub batch: Vec<FactsNeeded>,
}

impl FactsNeeded {
    /// What must be looked for to decide a command under a policy.
    ///
    /// # Errors
    ///
    /// None in practice: see [`PlayerCommand::sender`].
    pub fn of(
        command: &PlayerCommand,
        player: &PlayerId,
        policy: &Policy,
    ) -> Result<Self, crate::ids::IdError> {
        let Needs { aggregates, targets, tombstones } = command.needs(policy);
        let batch = match command {
            PlayerCommand::Batch(batch) => batch
                .commands()
                .iter()
                .map(|command| Self::of(command, player, policy))
                .collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        Ok(Self {
            key: command.key(player, policy)?,
            print: command.fingerprint(),
            aggregates,
            targets,
            tombstones,
            batch,
        })
    }

    /// What must be looked for to decide a command of the house.
    ///
    /// # Errors
    ///
    /// None in practice: see [`HouseCommand::sender`].
    pub fn of_house(command: &HouseCommand, house: &HouseId) -> Result<Self, crate::ids::IdError> {
        let named = command.needs().map(|of| AggregateRef::House(house.clone(), of));
        Ok(Self {
            key: command.key(house)?,
            print: command.fingerprint(),
            aggregates: named.into_iter().collect(),
            targets: Vec::new(),
            tombstones: Vec::new(),
            batch: Vec::new(),
        })
    }

    /// The needs of each operation: its own, or those of the commands of the batch.
    pub fn operations(&self) -> &[Self] {
        if self.batch.is_empty() { std::slice::from_ref(self) } else { &self.batch }
    }

    /// The ids whose tombstones must be looked for: its own, and others.
    pub fn dead_ids(&self) -> impl Iterator<Item = (&SourceId, &TransactionId)> {
        let others = self.tombstones.iter().map(|tombstone| (&tombstone.source, &tombstone.id));
        std::iter::once((&self.key.source, &self.key.id)).chain(others)
    }

    /// The partition of a player.
    pub fn partition(player: &PlayerId) -> Partition {
        Partition::Player(player.clone())
    }
}
