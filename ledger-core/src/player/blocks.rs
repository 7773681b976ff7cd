//! What a player may not do for a while, and who said so. Each block bars some directions of money; what is under way
//! takes its course but for what it bars.

use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, Reason, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{Event, PlayerBlocked, PlayerUnblocked, TransactionRef};

/// What a player is blocked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// His payouts are frozen: suspected money laundering. Nothing of his withdrawals moves, but that they may be
    /// rejected (W16, W27 in docs/scenarios.md).
    PayoutsFrozen,
    /// He may not bet, tip, enter tournaments or send money to play elsewhere.
    Bets,
    /// He may not start deposits.
    Deposits,
    /// He may not ask for money out. What he has asked for takes its course.
    Withdrawals,
    /// A payment of his was charged back (W23). What it means for withdrawals is the policy's to say.
    ChargedBack,
}

impl Block {
    /// The name, as stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PayoutsFrozen => "payouts_frozen",
            Self::Bets => "bets",
            Self::Deposits => "deposits",
            Self::Withdrawals => "withdrawals",
            Self::ChargedBack => "charged_back",
        }
    }
}

/// Blocks a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BlockPlayer {
    /// The back office, or a process that looks for what is suspicious.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// What for.
    pub block: Block,
    /// Who blocks him.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for BlockPlayer {
    const KIND: OperationKind = OperationKind::PlayerBlock;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(5, Some(self.block.as_str())).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        if work.state().standing().since(self.block).is_some() {
            return Err(Rejection::NotAllowed { reason: NotAllowedReason::AlreadyBlocked }.into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_player(Event::PlayerBlocked(PlayerBlocked {
            txn,
            block: self.block,
            by: Some(self.by.clone()),
            reason: Some(self.reason.clone()),
        }))?;
        Ok(None)
    }
}

/// Lifts a block, with a second person's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UnblockPlayer {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// What he was blocked for.
    pub block: Block,
    /// Who lifts it.
    pub by: ActorId,
    /// Who approved that: another person.
    pub approved_by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for UnblockPlayer {
    const KIND: OperationKind = OperationKind::PlayerUnblock;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
            .field(5, Some(self.block.as_str()))
            .field(9, Some(self.by.as_str()))
            .field(10, Some(self.approved_by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let no = |reason| Err(Rejection::NotAllowed { reason }.into());
        if work.state().standing().since(self.block).is_none() {
            return no(NotAllowedReason::NotBlocked);
        }
        if self.by == self.approved_by {
            return no(NotAllowedReason::SamePerson);
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_player(Event::PlayerUnblocked(PlayerUnblocked {
            txn,
            block: self.block,
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
            reason: self.reason.clone(),
        }))?;
        Ok(None)
    }
}
