//! How far a player is verified: named tiers, which the profile of his jurisdiction lists from the lowest to the highest, and
//! what each of them may (E43, E53, W15 in docs/scenarios.md).

use serde::{Deserialize, Serialize};

use crate::ids::{ActorId, PersonId, Reason, SourceId, TierName, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{Facts, Operation, Outcome, PlayerState, Workspace, sent_by};
use crate::policy::{ControlPolicy, LimitRule, TierBar, TierRule};
use crate::rejection::{NotAllowedReason, Rejection};
use crate::stored::{Event, KycStatusChanged, Note, PersonChanged, TransactionRef};

/// Which of the tiers a player has, by its place: the lowest, if he was given none, or one that the policy does not list any
/// more.
fn rank(policy: &ControlPolicy, own: Option<&TierName>) -> usize {
    own.and_then(|own| policy.tiers.iter().position(|tier| tier.name == *own)).unwrap_or(0)
}

impl PlayerState {
    fn tier(&self) -> Option<&TierName> {
        self.protection().and_then(|protection| protection.tier())
    }
}

/// The rules of the player's tier, if there are tiers.
pub(super) fn rule<'p>(policy: &'p ControlPolicy, state: &PlayerState) -> Option<&'p TierRule> {
    policy.tiers.get(rank(policy, state.tier()))
}

/// That the player's tier does not bar something.
///
/// # Errors
///
/// [`Rejection::KycRequired`] with the next tier that does not, if there is one.
pub(crate) fn check_tier(bar: TierBar, policy: &ControlPolicy, state: &PlayerState) -> Result<(), Rejection> {
    match rule(policy, state) {
        Some(rule) if rule.bars.contains(&bar) => {
            let mut higher = policy.tiers.iter().skip(rank(policy, state.tier()));
            let tier = higher.find(|tier| !tier.bars.contains(&bar));
            Err(Rejection::KycRequired { tier: tier.map(|tier| tier.name.clone()) })
        }
        _ => Ok(()),
    }
}

/// The tier that a player must have before he may be paid out so much in all, if he has not: with what was paid, what is
/// under way and `more`.
pub(crate) fn tier_for_withdrawal(
    (currency, more): (CurrencyCode, Amount),
    policy: &ControlPolicy,
    state: &PlayerState,
) -> Result<Option<TierName>, Rejection> {
    if policy.withdrawal_gates.is_empty() {
        return Ok(None);
    }
    let paid = state.protection().and_then(|protection| protection.paid_out(currency));
    let under_way = state.withdrawals().filter(|live| live.currency == currency);
    let all = under_way
        .map(|live| live.hold.amount)
        .chain(paid)
        .try_fold(more, Amount::checked_add)
        .map_err(|_| Rejection::AmountOverflow)?
        .to_decimal();
    let own = rank(policy, state.tier());
    let gates = policy.withdrawal_gates.iter().filter(|gate| gate.currency == currency && all > gate.above);
    let needed = gates.filter_map(|gate| policy.tiers.iter().position(|tier| tier.name == gate.tier)).max();
    let tier = needed.filter(|needed| *needed > own).and_then(|needed| policy.tiers.get(needed));
    Ok(tier.map(|tier| tier.name.clone()))
}

/// Whether tiers and gates make sense together: each tier once, gates of tiers that there are.
pub(crate) fn tiers_make_sense(policy: &ControlPolicy) -> Result<(), String> {
    for (index, tier) in policy.tiers.iter().enumerate() {
        if policy.tiers.iter().skip(index.saturating_add(1)).any(|other| other.name == tier.name) {
            return Err(format!("the tier {} is there twice", tier.name));
        }
        if !tier.limits.iter().all(LimitRule::is_sensible) {
            return Err(format!("a limit of the tier {} is below zero, or its window is wrong", tier.name));
        }
    }
    for gate in &policy.withdrawal_gates {
        if policy.tiers.iter().all(|tier| tier.name != gate.tier) {
            return Err(format!("withdrawals need the tier {}, which there is not", gate.tier));
        }
    }
    Ok(())
}

/// Says how far a player is verified. Which documents show that is the host's to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetTier {
    /// The back office, or a process that verifies.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The tier, one of those of the player's jurisdiction; `None` for none.
    #[serde(default)]
    pub tier: Option<TierName>,
    /// Who says so.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for SetTier {
    const KIND: OperationKind = OperationKind::Tier;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, self.tier.as_ref().map(TierName::as_str)).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let state = work.state();
        let policy = &state.jurisdiction_profile(facts.policy).controls;
        if self.tier.as_ref().is_some_and(|tier| policy.tiers.iter().all(|known| known.name != *tier)) {
            return Err(Rejection::NotAllowed { reason: NotAllowedReason::TierUnknown }.into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let previous = state.tier().cloned();
        if previous == self.tier {
            work.note(txn, Note::Unchanged)?;
            return Ok(None);
        }
        let (tier, by, reason) = (self.tier.clone(), self.by.clone(), self.reason.clone());
        work.push_player(Event::KycStatusChanged(KycStatusChanged { txn, tier, previous, by, reason }))?;
        Ok(None)
    }
}

/// Says which person a player is: the same one may have several players. For the host's processes, such as an exclusion of
/// all of them; no rule here looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SetPerson {
    /// The back office, or a process that verifies.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The person; `None` if nobody knows.
    #[serde(default)]
    pub person: Option<PersonId>,
    /// Who says so.
    pub by: ActorId,
    /// Why, in his words; not part of the fingerprint.
    pub reason: Reason,
}

impl Operation for SetPerson {
    const KIND: OperationKind = OperationKind::Person;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, self.person.as_ref().map(PersonId::as_str)).field(9, Some(self.by.as_str()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        let profile = work.state().profile().ok_or(Rejection::PlayerUnknown)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let previous = profile.person.clone();
        if previous == self.person {
            work.note(txn, Note::Unchanged)?;
            return Ok(None);
        }
        let (person, by, reason) = (self.person.clone(), self.by.clone(), self.reason.clone());
        work.push_player(Event::PersonChanged(PersonChanged { txn, person, previous, by, reason }))?;
        Ok(None)
    }
}
