//! Signals of risk, what the policy makes of them, and cases. None of this moves money.

use serde::{Deserialize, Serialize};

use super::begin::first_bounds;
use super::{Controls, LIMITS_MAX};
use crate::ids::{ActorId, Reason, SignalName, SourceId, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::Amount;
use crate::player::Block;
use crate::player_ledger::{Facts, Fault, Operation, Outcome, PlayerState, Workspace, sent_by};
use crate::policy::{ControlPolicy, Reaction};
use crate::rejection::{Capacity, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{
    AlertClosed, AlertRaised, CaseAssigned, CaseClosed, CaseFinding, CaseOpened, Event, LimitCause, LimitSet,
    LimitSide, LimitTerm, PlayerBlocked, TransactionRef,
};
use crate::time::Timestamp;

/// The most alerts of one player that nobody closed.
pub const OPEN_ALERTS_MAX: usize = 64;
/// The most cases of one player that nobody closed.
pub const OPEN_CASES_MAX: usize = 16;

/// An alert that nobody closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAlert {
    /// Its name: the operation that raised it.
    pub of: TransactionRef,
    /// What it is.
    pub signal: SignalName,
    /// When it was raised.
    pub at: Timestamp,
}

/// A case that nobody closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCase {
    /// Its name: the operation that opened it.
    pub of: TransactionRef,
    /// Who looks into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<ActorId>,
    /// When it was opened.
    pub at: Timestamp,
}

impl PlayerState {
    /// His alerts that nobody closed, in the order they were raised.
    pub fn alerts(&self) -> &[OpenAlert] {
        self.protection().map_or(&[], |protection| protection.alerts())
    }

    /// His cases that nobody closed, in the order they were opened.
    pub fn cases(&self) -> &[OpenCase] {
        self.protection().map_or(&[], |protection| protection.cases())
    }
}

/// What follows from a signal by the policy.
fn react(
    txn: &TransactionRef,
    signal: &SignalName,
    policy: &ControlPolicy,
    work: &mut Workspace<'_>,
) -> Result<(), Fault> {
    // Of two on the same the first counts: what follows is looked at against what was there before.
    let mut seen: Vec<&Reaction> = Vec::new();
    for rule in policy.risk.iter().filter(|rule| rule.signal == *signal) {
        let is_same = |other: &&Reaction| match (*other, &rule.then) {
            (Reaction::Limit { term, .. }, Reaction::Limit { term: own, .. }) => term == own,
            (other, own) => other == own,
        };
        if seen.iter().any(is_same) {
            continue;
        }
        seen.push(&rule.then);
        match &rule.then {
            Reaction::Block { block } => block_for(txn, *block, work)?,
            Reaction::Limit { term, amount } => limit_to(txn, *term, *amount, policy, work)?,
            Reaction::Case if work.state().cases().len() < OPEN_CASES_MAX => {
                let (txn, signal) = (txn.clone(), Some(signal.clone()));
                work.push_player(Event::CaseOpened(CaseOpened { txn, signal, by: None, reason: None }))?;
            }
            Reaction::Case => {}
        }
    }
    Ok(())
}

fn block_for(txn: &TransactionRef, block: Block, work: &mut Workspace<'_>) -> Result<(), Fault> {
    if work.state().standing().since(block).is_some() {
        return Ok(());
    }
    work.push_player(Event::PlayerBlocked(PlayerBlocked { txn: txn.clone(), block, by: None, reason: None }))
}

/// The operator's limit becomes so low. Where the player has no such purse, or no room for a limit, it does not.
fn limit_to(
    txn: &TransactionRef,
    term: LimitTerm,
    amount: rust_decimal::Decimal,
    policy: &ControlPolicy,
    work: &mut Workspace<'_>,
) -> Result<(), Fault> {
    let state = work.state();
    let Some(purse) = state.wallet().purse(term.currency) else { return Ok(()) };
    let scale = purse.currency().scale();
    let Ok(amount) = Amount::from_decimal(amount.trunc_with_scale(scale.into()), scale) else {
        return Ok(());
    };
    let nothing = Controls::default();
    let controls = work.controls().unwrap_or(&nothing);
    let previous = controls.limit(LimitSide::Operator, &term).map(|limit| limit.amount);
    let is_full = previous.is_none() && controls.limits().len() >= LIMITS_MAX;
    if is_full || previous.is_some_and(|previous| previous <= amount) {
        return Ok(());
    }
    let zone = state.profile().map_or("UTC", |profile| profile.zone.as_str());
    let bounds = first_bounds(Some(controls), &term, policy, zone, work.now());
    work.push_player(Event::LimitSet(LimitSet {
        txn: txn.clone(),
        side: LimitSide::Operator,
        term,
        amount: Some(amount),
        previous,
        cause: LimitCause::Signal,
        bounds,
        by: None,
    }))
}

/// Records a signal of risk about a player: bets that grow, many voids, opposite bets, bets at the minimum, devices shared with
/// others. What follows from it by the policy is recorded in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RaiseAlert {
    /// The process that looks for it, or the back office.
    pub source: SourceId,
    /// Its id of the alert.
    pub id: TransactionId,
    /// What it is.
    pub signal: SignalName,
    /// Who raises it.
    pub by: ActorId,
    /// What was seen, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for RaiseAlert {
    const KIND: OperationKind = OperationKind::Alert;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, Some(self.signal.as_str())).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let state = work.state();
        if state.alerts().len() >= OPEN_ALERTS_MAX {
            return Err(capacity(Capacity::Alerts, OPEN_ALERTS_MAX).into());
        }
        let policy = &state.jurisdiction_profile(facts.policy).controls;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_player(Event::AlertRaised(AlertRaised {
            txn: txn.clone(),
            signal: self.signal.clone(),
            by: self.by.clone(),
            reason: self.reason.clone(),
        }))?;
        react(&txn, &self.signal, policy, work)?;
        Ok(None)
    }
}

/// Closes an alert. What followed from it stays: blocks, limits and cases have commands of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CloseAlert {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The alert: the operation that raised it.
    pub alert: TransactionRef,
    /// Who closes it.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

fn print_ref(of: &TransactionRef, print: FingerprintBuilder) -> FingerprintBuilder {
    print.field(1, Some(of.source.as_str())).field(2, Some(of.kind.as_str())).field(3, Some(of.id.as_str()))
}

impl Operation for CloseAlert {
    const KIND: OperationKind = OperationKind::AlertClose;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print_ref(&self.alert, print).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        if work.state().alerts().iter().all(|open| open.of != self.alert) {
            return Err(not_allowed(NotAllowedReason::AlertNotOpen).into());
        }
        work.push_player(Event::AlertClosed(AlertClosed {
            txn: TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() },
            alert: self.alert.clone(),
            by: self.by.clone(),
            reason: self.reason.clone(),
        }))?;
        Ok(None)
    }
}

/// Opens a case: someone is to look into the player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OpenCaseFor {
    /// The back office.
    pub source: SourceId,
    /// Its id of the case.
    pub id: TransactionId,
    /// Who opens it.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for OpenCaseFor {
    const KIND: OperationKind = OperationKind::Case;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(9, Some(self.by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        if work.state().cases().len() >= OPEN_CASES_MAX {
            return Err(capacity(Capacity::Cases, OPEN_CASES_MAX).into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let (by, reason) = (Some(self.by.clone()), Some(self.reason.clone()));
        work.push_player(Event::CaseOpened(CaseOpened { txn, signal: None, by, reason }))?;
        Ok(None)
    }
}

fn check_open(case: &TransactionRef, state: &PlayerState) -> Result<(), Rejection> {
    let is_open = state.cases().iter().any(|open| open.of == *case);
    if is_open { Ok(()) } else { Err(not_allowed(NotAllowedReason::CaseNotOpen)) }
}

/// Says who looks into a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AssignCase {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The case: the operation that opened it.
    pub case: TransactionRef,
    /// Who is to look into it.
    pub to: ActorId,
    /// Who says so.
    pub by: ActorId,
}

impl Operation for AssignCase {
    const KIND: OperationKind = OperationKind::CaseAssign;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print_ref(&self.case, print).field(4, Some(self.to.as_str())).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        check_open(&self.case, work.state())?;
        work.push_player(Event::CaseAssigned(CaseAssigned {
            txn: TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() },
            case: self.case.clone(),
            to: self.to.clone(),
            by: self.by.clone(),
        }))?;
        Ok(None)
    }
}

/// Closes a case. What was blocked for it stays so until it is unblocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CloseCase {
    /// The back office.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The case: the operation that opened it.
    pub case: TransactionRef,
    /// What it came to.
    pub finding: CaseFinding,
    /// Who closes it.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for CloseCase {
    const KIND: OperationKind = OperationKind::CaseClose;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print_ref(&self.case, print).field(4, Some(self.finding.as_str())).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        check_open(&self.case, work.state())?;
        work.push_player(Event::CaseClosed(CaseClosed {
            txn: TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() },
            case: self.case.clone(),
            finding: self.finding,
            by: self.by.clone(),
            reason: self.reason.clone(),
        }))?;
        Ok(None)
    }
}
