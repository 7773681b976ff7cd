//! The live state of one player; its fold is in `fold`. Used keys, tombstones and rounds that are over are not in
//! it: they stay in the log, and the engine fetches what a command names.

mod fold;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::adjustment::{AdjustmentKind, Correction};
use crate::bonus::Award;
use crate::controls::{self, Controls, Exclusion, Gate, Protection};
use crate::deposit::Intent;
use crate::host::HostData;
use crate::ids::{
    BrandId, HostNamespace, JurisdictionId, OperatorId, PersonId, PlayerId, SourceId, TransactionId,
};
use crate::jackpot::JackpotClaim;
use crate::loyalty::Rewards;
use crate::money::CurrencyCode;
use crate::player::Block;
use crate::player_ledger::{AggregateRef, PlayerCommand, RoundRef};
use crate::policy::{
    AfterChargeback, ControlPolicy, JurisdictionProfile, Policy, RegisterUse, TierBar, UnplayedMoney,
};
use crate::rejection::Rejection;
use crate::round::RollbackKind;
use crate::session::Session;
use crate::stored::{AwardRef, PaymentRef, PurseBalance, Round, SessionRef};
use crate::time::Timestamp;
use crate::transfer::{Transfer, TransferRef};
use crate::wallet::{Purse, Wallet};
use crate::withdrawal::{Recent, Withdrawal};

/// The version of this fold; a snapshot made by another is ignored. Raise it with every change to what
/// `evolve` makes of events or to how the state is encoded.
pub const FOLD_VERSION: u32 = 9;

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
    /// Which person he is, if the host says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
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
    /// What else protects him; nothing of a player of whom there is none of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protection: Option<Box<Protection>>,
    /// In the order they were granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    awards: Vec<Award>,
    /// His loyalty points, and what he was given for which periods; nothing of a player who never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rewards: Option<Box<Rewards>>,
    /// In the order they were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    jackpot_claims: Vec<JackpotClaim>,
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
            protection: None,
            awards: Vec::new(),
            rewards: None,
            jackpot_claims: Vec::new(),
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
    /// [`Rejection::PlayerClosed`], [`Rejection::PlayerExcluded`], [`Rejection::PlayerBlocked`],
    /// [`Rejection::RegisterNeeded`], [`Rejection::KycRequired`].
    pub(crate) fn may_begin(
        &self,
        gate: &Gate<'_>,
        before: RegisterUse,
        policy: &ControlPolicy,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        self.check_open()?;
        self.check_own_exclusion(now)?;
        gate.check_not_excluded(now)?;
        self.check_block(Block::Bets)?;
        gate.check(before, None, &policy.registers, now)?;
        controls::check_tier(TierBar::Play, policy, self)
    }

    /// That something may begin for the player that no register need be asked for and no tier bars: a bonus.
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
    pub(crate) fn may_deposit(
        &self,
        gate: &Gate<'_>,
        currency: CurrencyCode,
        policy: &ControlPolicy,
        now: Timestamp,
    ) -> Result<(), Rejection> {
        self.check_own_exclusion(now)?;
        gate.check_not_excluded(now)?;
        self.check_block(Block::Deposits)?;
        gate.check(RegisterUse::Deposit, Some(currency), &policy.registers, now)?;
        controls::check_tier(TierBar::Deposits, policy, self)
    }

    /// That no exclusion of his is in force, of this ledger or that a register told of.
    pub(crate) fn check_not_excluded(&self, now: Timestamp) -> Result<(), Rejection> {
        self.check_own_exclusion(now)?;
        Gate::read(&[], self, now)?.check_not_excluded(now)
    }

    fn check_own_exclusion(&self, now: Timestamp) -> Result<(), Rejection> {
        match self.standing.exclusion.as_ref().filter(|exclusion| exclusion.bars(now)) {
            Some(Exclusion { kind, until, .. }) => {
                Err(Rejection::PlayerExcluded { kind: *kind, until: *until, register: None })
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

    /// That money may come to him from another player, or leave him for one (E31).
    ///
    /// # Errors
    ///
    /// [`Rejection::PlayerClosed`], [`Rejection::PlayerExcluded`], [`Rejection::PlayerBlocked`],
    /// [`Rejection::KycRequired`].
    pub(crate) fn may_transfer(&self, comes: bool, policy: &Policy, now: Timestamp) -> Result<(), Rejection> {
        self.check_open()?;
        self.check_not_excluded(now)?;
        if !comes {
            return self.may_withdraw(policy);
        }
        self.check_block(Block::Deposits)?;
        controls::check_tier(TierBar::Deposits, &self.jurisdiction_profile(policy).controls, self)
    }

    /// That he may ask for money out. That he is closed or has excluded himself does not matter (W16, E44, E45).
    ///
    /// # Errors
    ///
    /// [`Rejection::PlayerBlocked`], [`Rejection::KycRequired`].
    pub(crate) fn may_withdraw(&self, policy: &Policy) -> Result<(), Rejection> {
        self.check_not_frozen()?;
        self.check_block(Block::Withdrawals)?;
        self.check_charged_back(policy.withdrawals.after_chargeback == AfterChargeback::Reject)?;
        controls::check_tier(TierBar::Withdrawals, &self.jurisdiction_profile(policy).controls, self)
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

    /// His claims on jackpots that were neither paid nor withdrawn, in the order they were made.
    pub fn jackpot_claims(&self) -> &[JackpotClaim] {
        &self.jackpot_claims
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

    /// What else protects him; `None` of a player of whom there is nothing of it.
    pub fn protection(&self) -> Option<&Protection> {
        self.protection.as_deref()
    }

    /// His loyalty points, and which periods rewards were given for; `None` of a player who never had any.
    pub fn rewards(&self) -> Option<&Rewards> {
        self.rewards.as_deref()
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
