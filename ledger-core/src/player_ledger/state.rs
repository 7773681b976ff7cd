//! The live state of one player and its fold. Used keys, tombstones and rounds that are over are not in
//! it: they stay in the log, and the engine fetches what a command names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::adjustment::{self, Adjustment, AdjustmentKind, AdjustmentRef, Correction, CorrectionStatus};
use crate::bonus::{self, Award};
use crate::controls::{self, Controls, Exclusion};
use crate::deposit::{self, Intent};
use crate::host::HostData;
use crate::ids::{
    BrandId, HostNamespace, JurisdictionId, OperatorId, PlayerId, RoundId, SourceId, TransactionId,
};
use crate::money::CurrencyCode;
use crate::partition::Stream;
use crate::player::Block;
use crate::player_ledger::{AggregateRef, PlayerCommand, RoundRef};
use crate::policy::{AfterChargeback, JurisdictionProfile, Policy, UnplayedMoney};
use crate::rejection::Rejection;
use crate::round::{self, RollbackKind};
use crate::session::Session;
use crate::stored::{
    AwardRef, CommitBody, Event, EventRecord, PaymentRef, PurseBalance, ReopenReason, Round, RoundStatus,
    SessionRef,
};
use crate::time::Timestamp;
use crate::transfer::{self, Transfer, TransferRef, TransferStatus};
use crate::wallet::{Purse, Wallet};
use crate::withdrawal::{self, Recent, Withdrawal};

/// The version of this fold; a snapshot made by another is ignored. Raise it with every change to what
/// `evolve` makes of events or to how the state is encoded.
pub const FOLD_VERSION: u32 = 6;

/// The most rounds a player may have open at once.
pub const OPEN_ROUNDS_MAX: usize = 1_000;

/// Stored bytes and state contradict each other, or the code contradicts itself. Never an answer to a
/// command: the player stops until the store was verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger is inconsistent: {what}")]
pub struct Fault {
    what: String,
}

impl Fault {
    /// A contradiction, in words.
    pub fn corrupted(what: impl Into<String>) -> Self {
        Self { what: what.into() }
    }
}

/// What a player was opened with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The operator.
    pub operator: OperatorId,
    /// The brand.
    pub brand: BrandId,
    /// The jurisdiction whose rules hold.
    pub jurisdiction: JurisdictionId,
    /// The time zone of his periods.
    pub zone: String,
    /// Real or test.
    pub kind: AccountKind,
}

/// Whether a player is closed, dormant or blocked, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// When he was closed, if he is.
    pub closed_at: Option<Timestamp>,
    /// When the first of his purses became dormant, if one did since he last came back.
    pub dormant_since: Option<Timestamp>,
    /// What he is blocked for, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub blocks: BTreeMap<Block, Timestamp>,
    /// His last exclusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<Exclusion>,
    /// When deposits of his failed, the last [`FAILED_DEPOSITS_MAX`], since a block for it was lifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_deposits: Vec<Timestamp>,
}

/// How many failed deposits of a player are remembered (D12).
pub const FAILED_DEPOSITS_MAX: usize = 20;

impl Standing {
    /// Since when he is blocked for something, if he is.
    pub fn since(&self, block: Block) -> Option<Timestamp> {
        self.blocks.get(&block).copied()
    }
}

/// The live state of one player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerState {
    player: PlayerId,
    profile: Option<Profile>,
    version: u64,
    wallet: Wallet,
    /// In the order they became live; few, so that a search is quicker than a map.
    rounds: Vec<Round>,
    /// What the host keeps, by namespace.
    host: BTreeMap<HostNamespace, HostKept>,
    /// Corrections that wait for a decision, in the order they were proposed.
    proposals: Vec<Correction>,
    standing: Standing,
    /// In the order they were started.
    intents: Vec<Intent>,
    /// In the order they were requested or split off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withdrawals: Vec<Withdrawal>,
    #[serde(default, skip_serializing_if = "Recent::is_empty")]
    recent: Recent,
    /// In the order they were started.
    sessions: Vec<Session>,
    /// In the order they went.
    transfers: Vec<Transfer>,
    /// When the last round of his began.
    last_round_at: Option<Timestamp>,
    /// His limits and what they count; nothing of a player who has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    controls: Option<Box<Controls>>,
    /// In the order they were granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    awards: Vec<Award>,
    recorded_at: Option<Timestamp>,
}

/// What the host keeps of a player under one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostKept {
    /// The version of the namespace's stream.
    pub version: u64,
    /// The last state it recorded.
    pub state: Option<HostData>,
}

/// An event that does not belong where it stands.
fn misplaced(record: &EventRecord) -> Fault {
    Fault::corrupted(format!("{} stands in {}", record.event.type_name(), record.stream))
}

impl PlayerState {
    /// A player of whom the log knows nothing.
    pub fn new(player: PlayerId) -> Self {
        Self {
            player,
            profile: None,
            version: 0,
            wallet: Wallet::default(),
            rounds: Vec::new(),
            host: BTreeMap::new(),
            proposals: Vec::new(),
            standing: Standing::default(),
            intents: Vec::new(),
            withdrawals: Vec::new(),
            recent: Recent::default(),
            sessions: Vec::new(),
            transfers: Vec::new(),
            last_round_at: None,
            controls: None,
            awards: Vec::new(),
            recorded_at: None,
        }
    }

    /// Whose state it is.
    pub fn player(&self) -> &PlayerId {
        &self.player
    }

    /// What he was opened with; `None` before that.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    /// His money.
    pub fn wallet(&self) -> &Wallet {
        &self.wallet
    }

    /// The version of his `player` stream.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When his last commit was recorded.
    pub fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }

    /// His open rounds, in the order they became live.
    pub fn rounds(&self) -> impl Iterator<Item = &Round> {
        self.rounds.iter()
    }

    /// How many rounds are open.
    pub fn open_rounds(&self) -> usize {
        self.rounds.len()
    }

    /// An open round.
    pub fn round(&self, round: &RoundRef) -> Option<&Round> {
        self.rounds.iter().find(|live| live.id == round.round && live.source == round.source)
    }

    /// The corrections that wait for a decision, in the order they were proposed.
    pub fn proposals(&self) -> &[Correction] {
        &self.proposals
    }

    /// A correction that waits for a decision.
    pub fn proposal(&self, source: &SourceId, id: &TransactionId) -> Option<&Correction> {
        self.proposals.iter().find(|live| live.id == *id && live.source == *source)
    }

    /// Whether he is closed, dormant or blocked.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// That something new may begin for the player: a bet, a tip, a deposit, a session. What has begun takes its
    /// course whatever his standing (S46, S71 in docs/scenarios.md).
    ///
    /// # Errors
    ///
    /// [`Rejection::PlayerClosed`], [`Rejection::PlayerExcluded`], [`Rejection::PlayerBlocked`].
    pub(crate) fn may_play(&self, now: Timestamp) -> Result<(), Rejection> {
        self.check_open()?;
        self.check_not_excluded(now)?;
        self.check_block(Block::Bets)
    }

    /// That the player is not closed.
    pub(crate) fn check_open(&self) -> Result<(), Rejection> {
        if self.standing.closed_at.is_some() { Err(Rejection::PlayerClosed) } else { Ok(()) }
    }

    /// That he may start a deposit.
    pub(crate) fn may_deposit(&self, now: Timestamp) -> Result<(), Rejection> {
        self.check_not_excluded(now)?;
        self.check_block(Block::Deposits)
    }

    /// That no exclusion of his is in force.
    pub(crate) fn check_not_excluded(&self, now: Timestamp) -> Result<(), Rejection> {
        match self.standing.exclusion.as_ref().filter(|exclusion| exclusion.bars(now)) {
            Some(Exclusion { kind, until, .. }) => {
                Err(Rejection::PlayerExcluded { kind: *kind, until: *until })
            }
            None => Ok(()),
        }
    }

    fn check_block(&self, block: Block) -> Result<(), Rejection> {
        match self.standing.since(block) {
            Some(_) => Err(Rejection::PlayerBlocked { block }),
            None => Ok(()),
        }
    }

    /// That his payouts are not frozen: frozen money of a withdrawal stays where it is, unless the operator rejects
    /// it (W27).
    ///
    /// # Errors
    ///
    /// [`Rejection::PlayerBlocked`].
    pub(crate) fn check_not_frozen(&self) -> Result<(), Rejection> {
        match self.standing.since(Block::PayoutsFrozen) {
            Some(_) => Err(Rejection::PlayerBlocked { block: Block::PayoutsFrozen }),
            None => Ok(()),
        }
    }

    fn check_charged_back(&self, bars: bool) -> Result<(), Rejection> {
        match self.standing.since(Block::ChargedBack) {
            Some(_) if bars => Err(Rejection::PlayerBlocked { block: Block::ChargedBack }),
            _ => Ok(()),
        }
    }

    /// That he may ask for money out. That he is closed or has excluded himself does not matter (W16, E44, E45).
    ///
    /// # Errors
    ///
    /// [`Rejection::PlayerBlocked`].
    pub(crate) fn may_withdraw(&self, policy: &Policy) -> Result<(), Rejection> {
        self.check_not_frozen()?;
        self.check_block(Block::Withdrawals)?;
        self.check_charged_back(policy.withdrawals.after_chargeback == AfterChargeback::Reject)
    }

    /// That a withdrawal of his may be sent.
    ///
    /// # Errors
    ///
    /// [`Rejection::PlayerBlocked`].
    pub(crate) fn may_be_paid_out(&self, policy: &Policy) -> Result<(), Rejection> {
        self.check_not_frozen()?;
        self.check_charged_back(policy.withdrawals.after_chargeback != AfterChargeback::Allow)
    }

    /// The rules of his jurisdiction.
    pub(crate) fn jurisdiction_profile<'p>(&self, policy: &'p Policy) -> &'p JurisdictionProfile {
        self.profile
            .as_ref()
            .map_or(&policy.default_jurisdiction, |profile| policy.profile(&profile.jurisdiction))
    }

    /// What becomes of deposits that he withdraws before he has played them.
    pub(crate) fn unplayed_money(&self, policy: &Policy) -> UnplayedMoney {
        self.jurisdiction_profile(policy).unplayed
    }

    /// His withdrawals that have not come to an end, in the order they were requested or split off.
    pub fn withdrawals(&self) -> impl Iterator<Item = &Withdrawal> {
        self.withdrawals.iter()
    }

    /// How many of them there are.
    pub fn open_withdrawals(&self) -> usize {
        self.withdrawals.len()
    }

    /// One of them.
    pub fn withdrawal(&self, of: &PaymentRef) -> Option<&Withdrawal> {
        self.withdrawals.iter().find(|live| live.of == *of)
    }

    /// How many requests of his are under way: the parts of one that was split are one.
    pub fn requests_under_way(&self) -> usize {
        let mut roots: Vec<&PaymentRef> = self.withdrawals.iter().map(|live| &live.root).collect();
        roots.sort_unstable();
        roots.dedup();
        roots.len()
    }

    pub(crate) fn recent_withdrawals(&self) -> &Recent {
        &self.recent
    }

    /// His deposits at the cashier that have not come to an end, in the order they were started.
    pub fn intents(&self) -> impl Iterator<Item = &Intent> {
        self.intents.iter()
    }

    /// How many of them there are.
    pub fn open_intents(&self) -> usize {
        self.intents.len()
    }

    /// One of them.
    pub fn intent(&self, of: &PaymentRef) -> Option<&Intent> {
        self.intents.iter().find(|live| live.of == *of)
    }

    /// His open sessions, in the order they were started.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter()
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.sessions.len()
    }

    /// An open session.
    pub fn session(&self, of: &SessionRef) -> Option<&Session> {
        self.sessions.iter().find(|live| live.of() == of)
    }

    /// His money that plays elsewhere, in the order it went.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.iter()
    }

    /// How many transfers have not come back.
    pub fn open_transfers(&self) -> usize {
        self.transfers.len()
    }

    /// A transfer that has not come back.
    pub fn transfer(&self, of: &TransferRef) -> Option<&Transfer> {
        self.transfers.iter().find(|live| live.of == *of)
    }

    /// His bonus awards that have not ended, in the order they were granted.
    pub fn awards(&self) -> &[Award] {
        &self.awards
    }

    /// A bonus award that has not ended.
    pub fn award(&self, of: &AwardRef) -> Option<&Award> {
        self.awards.iter().find(|live| live.of == *of)
    }

    /// When his last round began: with its first bet, or with one after it was void or over.
    pub fn last_round_at(&self) -> Option<Timestamp> {
        self.last_round_at
    }

    /// His open rounds that have taken too long at an instant, by the policy of their sources.
    pub fn timed_out_rounds<'a>(
        &'a self,
        policy: &'a Policy,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Round> {
        let is_due =
            move |round: &&Round| round.times_out_at(policy.of(&round.source)).is_some_and(|due| due <= now);
        self.rounds.iter().filter(is_due)
    }

    /// Whether something is live, so that it need not be looked for in the log.
    pub fn is_live(&self, aggregate: &AggregateRef) -> bool {
        match aggregate {
            AggregateRef::Round(round) => self.round(round).is_some(),
            AggregateRef::Adjustment(of) => {
                of.kind == AdjustmentKind::Correction && self.proposal(&of.source, &of.id).is_some()
            }
            AggregateRef::Intent(of) => self.intent(of).is_some(),
            AggregateRef::Withdrawal(of) => self.withdrawal(of).is_some(),
            AggregateRef::Session(of) => self.session(of).is_some(),
            AggregateRef::Transfer(of) => self.transfer(of).is_some(),
            AggregateRef::Award(of) => self.award(of).is_some(),
            AggregateRef::Deposit(_) | AggregateRef::Purchase(_) | AggregateRef::House(..) => false,
        }
    }

    /// Whether what a command undoes is in a live round, so that its targets need not be looked for in the log;
    /// not so in a batch, whose earlier commands may end that round.
    /// Without a stated kind a live win does not do: a bet in the log goes before it.
    pub fn has_live_target(&self, command: &PlayerCommand) -> bool {
        let PlayerCommand::Rollback(rollback) = command else { return false };
        let mut rounds = self.rounds.iter().filter(|round| round.source == rollback.source);
        match rollback.kind {
            Some(RollbackKind::Win) => rounds.any(|round| round.win(&rollback.target).is_some()),
            Some(RollbackKind::Tip | RollbackKind::TournamentEntry | RollbackKind::RollOut) => false,
            Some(RollbackKind::Bet) | None => rounds.any(|round| round.bet(&rollback.target).is_some()),
        }
    }

    /// His limits and what they count; `None` of a player who never had any.
    pub fn controls(&self) -> Option<&Controls> {
        self.controls.as_deref()
    }

    /// What the host keeps under a namespace.
    pub fn host(&self, namespace: &HostNamespace) -> Option<&HostKept> {
        self.host.get(namespace)
    }

    /// How many namespaces the host uses.
    pub fn host_namespaces(&self) -> usize {
        self.host.len()
    }

    /// The balances of all purses.
    pub fn balances(&self) -> Vec<PurseBalance> {
        self.wallet.purses().iter().map(Purse::balance).collect()
    }

    /// The balance of one purse.
    pub fn balance(&self, currency: CurrencyCode) -> Option<PurseBalance> {
        self.wallet.purse(currency).map(Purse::balance)
    }

    /// Folds a commit into the state.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the commit cannot follow this state: stored bytes are damaged.
    pub fn evolve_commit(&mut self, body: &CommitBody) -> Result<(), Fault> {
        if !matches!(&body.partition, crate::partition::Partition::Player(own) if *own == self.player) {
            return Err(Fault::corrupted(format!("a commit of {} came to {}", body.partition, self.player)));
        }
        self.evolve_all(&body.events, body.recorded_at)
    }

    /// Folds the events of one commit, recorded at an instant.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the events cannot follow this state; the state must not be used any more.
    pub fn evolve_all(&mut self, events: &[EventRecord], recorded_at: Timestamp) -> Result<(), Fault> {
        events.iter().try_for_each(|record| self.evolve(record, recorded_at))?;
        self.recorded_at = Some(recorded_at);
        Ok(())
    }

    /// Folds one event, recorded at an instant, into the state. Holds no business rule and cannot panic.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow this state.
    pub fn evolve(&mut self, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        if self.controls.is_some() {
            self.count_cash(record, at);
        }
        match (&record.stream, &record.event) {
            (Stream::Wallet(_), Event::EntryPosted(event)) => self.wallet.evolve(record.version, event),
            (Stream::Player(_), _) => self.evolve_player(record, at),
            (Stream::Round(_, source, round), _) => self.evolve_round(source, round, record, at),
            (Stream::Host(_, namespace), Event::HostRecorded(event)) => {
                let kept = self.host.entry(namespace.clone()).or_default();
                if Some(record.version) != kept.version.checked_add(1) {
                    let what =
                        format!("event {} of {} follows {}", record.version, record.stream, kept.version);
                    return Err(Fault::corrupted(what));
                }
                kept.version = record.version;
                if event.state.is_some() {
                    kept.state.clone_from(&event.state);
                }
                Ok(())
            }
            (Stream::Adjustment(_, of), _) => self.evolve_adjustment(of, record, at),
            (Stream::Intent(_, source, id), _) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                self.evolve_intent(&of, record, at)
            }
            (Stream::Withdrawal(_, source, id), _) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                self.evolve_withdrawal(&of, record, at)
            }
            (Stream::Session(_, of), _) => self.evolve_session(of, record, at),
            (Stream::Transfer(_, of), _) => self.evolve_transfer(of, record, at),
            (Stream::Bonus(_, of), _) => self.evolve_award(of, record),
            // These are over when they are booked; the live state has nothing of them.
            (
                Stream::Purchase(..),
                Event::TipGiven(_)
                | Event::TipReturned(_)
                | Event::TournamentEntered(_)
                | Event::TournamentEntryReturned(_),
            )
            | (
                Stream::Deposit(..),
                Event::DepositSucceeded(_)
                | Event::DepositSuspended(_)
                | Event::DepositReleased(_)
                | Event::DepositRefunded(_)
                | Event::DepositChargedBack(_)
                | Event::ChargebackReversed(_),
            ) => Ok(()),
            _ => Err(misplaced(record)),
        }
    }

    /// Folds an event of the player's own stream.
    fn evolve_player(&mut self, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        self.next_version(record.version)?;
        match &record.event {
            Event::PlayerOpened(event) => {
                if self.profile.is_some() {
                    return Err(Fault::corrupted("a player was opened twice"));
                }
                self.profile = Some(Profile {
                    operator: event.operator.clone(),
                    brand: event.brand.clone(),
                    jurisdiction: event.jurisdiction.clone(),
                    zone: event.zone.clone(),
                    kind: event.kind,
                });
                self.wallet.open(&event.currencies);
            }
            Event::PurseOpened(event) => self.wallet.add(event.currency)?,
            Event::PlayerClosed(_) if self.standing.closed_at.is_none() => self.standing.closed_at = Some(at),
            Event::PlayerReopened(_) if self.standing.closed_at.is_some() => self.standing.closed_at = None,
            Event::DormantTransferred(_) => {
                self.standing.dormant_since.get_or_insert(at);
            }
            Event::DormantReclaimed(_) => self.standing.dormant_since = None,
            Event::PlayerBlocked(event) if self.standing.since(event.block).is_none() => {
                self.standing.blocks.insert(event.block, at);
            }
            Event::PlayerUnblocked(event) if self.standing.since(event.block).is_some() => {
                self.standing.blocks.remove(&event.block);
                if event.block == Block::Deposits {
                    self.standing.failed_deposits.clear();
                }
            }
            Event::ExclusionStarted(event) => {
                let (kind, until) = (event.kind, event.until);
                self.standing.exclusion = Some(Exclusion { kind, since: at, until, returns_at: None });
            }
            Event::ExclusionReturnRequested(event) => {
                let exclusion = self.standing.exclusion.as_mut();
                let exclusion = exclusion.ok_or_else(|| Fault::corrupted("a return from no exclusion"))?;
                exclusion.returns_at = Some(event.returns_at);
            }
            Event::LimitSet(_)
            | Event::LimitRaiseRequested(_)
            | Event::LimitWindowsOpened(_)
            | Event::LimitWarned(_) => {
                let entries = self.wallet.version();
                self.controls.get_or_insert_default().evolve(&record.event, entries, at)?;
            }
            Event::TxnRejected(_)
            | Event::TxnTombstoned(_)
            | Event::TxnNoted(_)
            | Event::NegativeBalanceRaised(_)
            | Event::NegativeBalanceCleared(_)
            | Event::DebtWrittenOff(_)
            | Event::SuspenseRefused(_)
            | Event::CreditGranted(_)
            | Event::AdjustmentApplied(_)
            | Event::WagerReversalIgnored(_)
            | Event::FeeCharged(_) => {}
            _ => return Err(misplaced(record)),
        }
        Ok(())
    }

    fn next_version(&mut self, version: u64) -> Result<(), Fault> {
        if Some(version) != self.version.checked_add(1) {
            return Err(Fault::corrupted(format!("event {version} of the player follows {}", self.version)));
        }
        self.version = version;
        Ok(())
    }

    fn evolve_intent(&mut self, of: &PaymentRef, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        if matches!(record.event, Event::DepositFailed(_)) {
            let failed = &mut self.standing.failed_deposits;
            failed.push(at);
            if failed.len() > FAILED_DEPOSITS_MAX {
                failed.remove(0);
            }
        }
        let live = self.intents.iter().position(|live| live.of == *of);
        if let Some((index, live)) = live.and_then(|index| Some((index, self.intents.get_mut(index)?))) {
            live.evolve(record)?;
            if !live.is_open() {
                self.intents.remove(index);
            }
            return Ok(());
        }
        match &record.event {
            Event::DepositInitiated(_) => {
                let mut intent = None;
                deposit::fold_intent(&mut intent, of, record, at)?;
                self.intents.extend(intent);
                Ok(())
            }
            // These come after the end; the live state has nothing of it.
            Event::DepositFailed(_) | Event::DepositCompleted(_) | Event::DepositMismatch(_) => Ok(()),
            event => Err(Fault::corrupted(format!(
                "{} came for deposit {}, which is not open",
                event.type_name(),
                of.id
            ))),
        }
    }

    fn evolve_withdrawal(
        &mut self,
        of: &PaymentRef,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let live = self.withdrawals.iter().position(|live| live.of == *of);
        match (live.and_then(|index| Some((index, self.withdrawals.get_mut(index)?))), &record.event) {
            (Some((index, live)), _) => {
                live.evolve(record)?;
                if !live.is_open() {
                    self.withdrawals.remove(index);
                }
            }
            (None, Event::WithdrawalRequested(_) | Event::WithdrawalSplitOff(_)) => {
                let mut withdrawal = None;
                withdrawal::fold_withdrawal(&mut withdrawal, of, record, at)?;
                self.withdrawals.extend(withdrawal);
            }
            // These come after the end; the live state has nothing of it but what limits count.
            (None, Event::WithdrawalPaid(event)) if event.late.is_some() => {}
            (
                None,
                Event::WithdrawalReturned(_) | Event::WithdrawalMismatch(_) | Event::LatePayoutSettled(_),
            ) => {}
            (None, event) => {
                let name = event.type_name();
                return Err(Fault::corrupted(format!(
                    "{name} came for withdrawal {}, which is not open",
                    of.id
                )));
            }
        }
        self.recent.evolve(of, &record.event, at).map_err(|error| Fault::corrupted(error.to_string()))
    }

    fn evolve_round(
        &mut self,
        source: &SourceId,
        id: &RoundId,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let live = self.rounds.iter().position(|live| live.id == *id && live.source == *source);
        if let Some((index, live)) = live.and_then(|index| Some((index, self.rounds.get_mut(index)?))) {
            let names_one = matches!(&record.event, Event::BetPlaced(event) if event.session.is_some());
            let before = (live.session.is_some() || names_one).then(|| live.totals());
            let counts = self.controls.as_deref_mut().filter(|controls| controls.counts_play());
            let counted = counts.map(|controls| (controls::shares(live), controls));
            round::evolve(live, record, at)?;
            if let Some((before, controls)) = counted {
                controls.count_round(&before, live, at);
            }
            let (session, after) = (live.session.clone(), before.map(|_| live.totals()));
            if live.status != RoundStatus::Open {
                self.rounds.remove(index);
            }
            if let (Some(session), Some(before), Some(after)) = (session, before, after) {
                self.count(&session, after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
            }
            self.touch_session(record, at);
            return Ok(());
        }
        if let Some(controls) = &mut self.controls {
            controls.count_after_the_end(&record.event, at);
        }
        match &record.event {
            Event::RoundReopened(reopened) => {
                let mut round = round::empty(source, id);
                round::evolve(&mut round, record, at)?;
                self.rounds.push(round);
                if matches!(reopened.reason, ReopenReason::Bet | ReopenReason::AfterEnd) {
                    self.last_round_at = Some(at);
                }
                Ok(())
            }
            Event::BetPlaced(event) if record.version == 1 => {
                let mut round = round::empty(source, id);
                round::evolve(&mut round, record, at)?;
                if let Some(controls) = &mut self.controls {
                    controls.count_round(&[], &round, at);
                }
                self.rounds.push(round);
                if !event.made_up {
                    self.last_round_at = Some(at);
                }
                if let Some(session) = &event.session {
                    self.count(session, event.stake.units(), 0);
                }
                self.touch_session(record, at);
                Ok(())
            }
            // These touch a round that is over and leave it so; the live state has nothing of it.
            Event::RoundVoided(_) | Event::WinRetained(_) | Event::CreditGranted(_) => Ok(()),
            Event::WinCredited(event) => {
                if let Some(session) = &event.session {
                    self.count(session, 0, event.amount.units());
                }
                Ok(())
            }
            Event::SettlementVoided(event) => {
                if let Some(session) = &event.session {
                    self.count(
                        session,
                        event.stake.units().saturating_neg(),
                        event.win.units().saturating_neg(),
                    );
                }
                Ok(())
            }
            Event::BetResettled(event) => {
                if let Some(session) = &event.session {
                    let more = event.amount.units().saturating_sub(event.previous.units());
                    self.count(session, 0, more);
                }
                Ok(())
            }
            event => {
                Err(Fault::corrupted(format!("{} came for round {id}, which is not open", event.type_name())))
            }
        }
    }

    /// Deposits, payouts and what plays elsewhere count for limits.
    fn count_cash(&mut self, record: &EventRecord, at: Timestamp) {
        let away = || match &record.stream {
            Stream::Transfer(_, of) => self.transfers.iter().find(|live| live.of == *of),
            _ => None,
        };
        if let Some(controls) = &mut self.controls {
            controls.count_cash(record, away, at);
        }
    }

    /// What a round staked and won counts in its session while that is open.
    fn count(&mut self, session: &SessionRef, staked: i128, won: i128) {
        if let Some(live) = self.sessions.iter_mut().find(|live| live.of() == session) {
            live.count(staked, won);
        }
    }

    /// A bet was placed in a session.
    fn touch_session(&mut self, record: &EventRecord, at: Timestamp) {
        if let Event::BetPlaced(event) = &record.event
            && let Some(session) = &event.session
            && let Some(live) = self.sessions.iter_mut().find(|live| live.of() == session)
        {
            live.touch(at);
        }
    }

    fn evolve_session(&mut self, of: &SessionRef, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        let live = self.sessions.iter().position(|live| live.of() == of);
        if let Some((index, live)) = live.and_then(|index| Some((index, self.sessions.get_mut(index)?))) {
            live.evolve(record, at)?;
            if matches!(record.event, Event::SessionEnded(_)) {
                self.sessions.remove(index);
            }
            return Ok(());
        }
        match &record.event {
            Event::SessionStarted(event) if record.version == 1 => {
                let purse = self.wallet.purse(event.currency);
                let purse = purse.ok_or_else(|| {
                    Fault::corrupted(format!("a session in {}, which the player has not", event.currency))
                })?;
                self.sessions.push(Session::start(of, event, at, purse.currency().zero()));
                Ok(())
            }
            event => {
                let what = format!("{} came for a session that is not open", event.type_name());
                Err(Fault::corrupted(what))
            }
        }
    }

    fn evolve_transfer(
        &mut self,
        of: &TransferRef,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let index = self.transfers.iter().position(|live| live.of == *of);
        let mut transfer = index.map(|index| self.transfers.remove(index));
        transfer::evolve(&mut transfer, of, record, at)?;
        let Some(transfer) = transfer else { return Ok(()) };
        if let (Event::TransferRolledIn(event), Some(session)) = (&record.event, &transfer.session) {
            self.count(session, event.staked.units(), event.won.units());
        }
        if transfer.status == TransferStatus::Out {
            self.transfers.push(transfer);
        }
        Ok(())
    }

    fn evolve_award(&mut self, of: &AwardRef, record: &EventRecord) -> Result<(), Fault> {
        let index = self.awards.iter().position(|live| live.of == *of);
        match index.and_then(|index| Some((index, self.awards.get_mut(index)?))) {
            Some((index, live)) => {
                bonus::evolve(live, record)?;
                if !live.is_live() {
                    self.awards.remove(index);
                }
            }
            None => {
                let mut award = None;
                bonus::fold_award(&mut award, of, record)?;
                self.awards.extend(award);
            }
        }
        Ok(())
    }

    fn evolve_adjustment(
        &mut self,
        of: &AdjustmentRef,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let index = self.proposals.iter().position(|live| live.id == of.id && live.source == of.source);
        match (of.kind, &record.event, index) {
            (AdjustmentKind::Correction, Event::CorrectionProposed(_), None)
            | (
                AdjustmentKind::Correction,
                Event::CorrectionApplied(_) | Event::CorrectionDeclined(_),
                Some(_),
            ) => {
                let live = index.map(|index| self.proposals.remove(index));
                let mut adjustment = live.map(Adjustment::Correction);
                adjustment::evolve(&mut adjustment, of, record, at)?;
                if let Some(Adjustment::Correction(correction)) = adjustment
                    && correction.status == CorrectionStatus::Proposed
                {
                    self.proposals.push(correction);
                }
                Ok(())
            }
            // These are over when they are booked; the live state has nothing of them.
            (AdjustmentKind::Tax, Event::TaxWithheld(_) | Event::TaxReturned(_), _)
            | (AdjustmentKind::Exchange, Event::ExchangeMade(_) | Event::ExchangeReversed(_), _) => Ok(()),
            _ => Err(misplaced(record)),
        }
    }

    /// The state as bytes for a snapshot.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn to_snapshot(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// A state from a snapshot's bytes.
    ///
    /// # Errors
    ///
    /// If the bytes are not such a state; the caller then replays the log.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
