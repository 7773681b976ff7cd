//! What a decision needs beside the live state: facts of the log that the engine fetches.

use crate::ids::{PlayerId, RoundId, SourceId, TransactionId};
use crate::key::{IdempotencyKey, OperationKind};
use crate::money::CurrencyRegistry;
use crate::partition::{Partition, Stream};
use crate::player_ledger::{PlayerCommand, RollbackKind, VoidTarget};
use crate::policy::Policy;
use crate::rejection::Rejection;
use crate::stored::{CommitBody, Event, KeyRecord, OutcomeKind, PurseBalance, Round};

/// A round of some source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoundRef {
    /// The source.
    pub source: SourceId,
    /// The round.
    pub round: RoundId,
}

/// What a known operation was about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A bet of a round.
    Bet(RoundRef),
    /// A win of a round.
    Win(RoundRef),
    /// A rollback.
    Rollback,
    /// Anything else.
    Other,
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
        let record = body.keys.iter().find(|record| record.key() == *key)?.clone();
        let mut known = Self {
            record,
            subject: Subject::Other,
            rejection: None,
            balances: body.balance.iter().cloned().collect(),
            entry: None,
        };
        for record in &body.events {
            let round = match &record.stream {
                Stream::Round(_, source, round) => {
                    Some(RoundRef { source: source.clone(), round: round.clone() })
                }
                _ => None,
            };
            match (&record.event, round) {
                (Event::BetPlaced(e), Some(round)) if e.bet == key.id => known.subject = Subject::Bet(round),
                (Event::WinCredited(e), Some(round)) if e.win == key.id => {
                    known.subject = Subject::Win(round);
                }
                (Event::BetSettled(e), Some(round))
                    if e.txn == key.id && e.by == crate::stored::SettledBy::Win =>
                {
                    known.subject = Subject::Win(round);
                }
                (Event::BetRolledBack(_) | Event::WinRolledBack(_) | Event::WinRetained(_), _) => {
                    known.subject = Subject::Rollback;
                }
                (Event::TxnTombstoned(e), _) if e.txn.kind == OperationKind::Rollback => {
                    known.subject = Subject::Rollback;
                }
                (Event::TxnRejected(e), _) if e.txn.id == key.id => {
                    known.rejection = Some(e.rejection.clone());
                }
                (Event::EntryPosted(e), _) => {
                    known.entry = Some(record.version);
                    known.balances.clone_from(&e.after);
                }
                _ => {}
            }
        }
        Some(known)
    }

    /// Whether the operation was refused.
    pub fn is_rejected(&self) -> bool {
        self.record.outcome == OutcomeKind::Rejected
    }
}

/// The facts of the log that one command is decided on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// What the command's own key came to, if it is known.
    pub known: Option<&'a KnownOperation>,
    /// Whether the command's (source, id) is dead.
    pub tombstoned: bool,
    /// The round the command names, or else the round of its target, if it is not live but the log has it.
    pub round: Option<&'a Round>,
    /// What the command refers to: the first of [`FactsNeeded::targets`] that the log knows and that was
    /// not refused (a refused bet was never placed, and must not hide a win of its id).
    pub target: Option<&'a KnownOperation>,
    /// The currencies recorded by this ledger.
    pub currencies: &'a CurrencyRegistry,
    /// The policy in force.
    pub policy: &'a Policy,
}

/// What the engine must look for before a command can be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactsNeeded {
    /// The command's own key.
    pub key: IdempotencyKey,
    /// The round it names, to be fetched if it is not live.
    pub round: Option<RoundRef>,
    /// The keys under which its target may stand, in order of preference: the first that was not refused
    /// is [`Facts::target`].
    pub targets: Vec<IdempotencyKey>,
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
        let key = command.key(player, policy)?;
        let own = |round: &RoundId| Some(RoundRef { source: key.source.clone(), round: round.clone() });
        let (round, targets) = match command {
            PlayerCommand::PlaceBet(c) => (own(&c.round), Vec::new()),
            PlayerCommand::Settle(c) => (own(&c.round), Vec::new()),
            PlayerCommand::CloseRound(c) => (own(&c.round), Vec::new()),
            PlayerCommand::Void(c) => {
                let targets = match &c.target {
                    VoidTarget::Round => Vec::new(),
                    VoidTarget::Bet(bet) => {
                        rollback_targets(&c.round_source, bet, Some(RollbackKind::Bet), policy)
                    }
                };
                (Some(RoundRef { source: c.round_source.clone(), round: c.round.clone() }), targets)
            }
            PlayerCommand::GrantCredit(c) => (c.round.as_ref().and_then(own), Vec::new()),
            PlayerCommand::Rollback(c) => (None, rollback_targets(&c.source, &c.target, c.kind, policy)),
            PlayerCommand::OpenPlayer(_) | PlayerCommand::RecordDeposit(_) => (None, Vec::new()),
        };
        Ok(Self { key, round, targets })
    }

    /// The stream of a round of a player.
    pub fn round_stream(player: &PlayerId, round: &RoundRef) -> Stream {
        Stream::Round(player.clone(), round.source.clone(), round.round.clone())
    }

    /// The partition of a player.
    pub fn partition(player: &PlayerId) -> Partition {
        Partition::Player(player.clone())
    }
}

/// The keys under which what is undone may stand. Without a stated kind a bet comes first, then a win;
/// other kinds are looked for too, so that a rollback of them is refused and does not bury their id.
fn rollback_targets(
    source: &SourceId,
    target: &TransactionId,
    kind: Option<RollbackKind>,
    policy: &Policy,
) -> Vec<IdempotencyKey> {
    use OperationKind::{Bet, Close, Credit, Deposit, Rollback, Void, Win};
    let kinds: &[OperationKind] = match kind {
        Some(RollbackKind::Bet) => &[Bet],
        Some(RollbackKind::Win) => &[Win],
        None => &[Bet, Win, Rollback, Credit, Deposit, Void, Close],
    };
    let mut keys: Vec<IdempotencyKey> = Vec::with_capacity(kinds.len());
    for kind in kinds {
        let key = IdempotencyKey {
            source: source.clone(),
            kind: policy.key_kind(source, *kind),
            id: target.clone(),
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
