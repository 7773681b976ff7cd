//! Offers: a bonus that the player may take, under terms that are kept for him until he does.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::state::Offer;
use super::{AWARDS_MAX, Award, AwardStatus, GrantBonus, decide};
use crate::ids::{SourceId, TermsName, TransactionId};
use crate::key::{ContentHash, FingerprintBuilder, OperationKind};
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::{AggregateRef, Facts, Fault, Needs, Operation, Outcome, Workspace, sent_by};
use crate::policy::{Policy, Reward};
use crate::rejection::{Capacity, MismatchField, NotAllowedReason, Rejection, capacity, not_allowed};
use crate::stored::{AwardRef, BonusOffered, Event, PaymentRef, TransactionRef};
use crate::time::Timestamp;
use crate::wallet::{incoming, purse};

/// Offers a bonus under terms of the policy. Nothing is booked, and nothing waits for it, until the player claims it
/// ([`ClaimBonus`]); the terms are kept as they are now. He declines it, or the operator withdraws it, with
/// [`crate::ForfeitBonus`]; after its end it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OfferBonus {
    /// The process that offers.
    pub source: SourceId,
    /// Its id of the offer: the name of the award.
    pub id: TransactionId,
    /// The name of the terms: they give what the offer says, a fixed amount, or a share of a deposit.
    pub terms: TermsName,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much, where the terms leave it to the offer; otherwise absent.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// Until when it can be claimed; for ever, if absent.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

impl OfferBonus {
    /// The award it makes.
    pub fn award(&self) -> AwardRef {
        AwardRef { source: self.source.clone(), id: self.id.clone() }
    }
}

impl Operation for OfferBonus {
    const KIND: OperationKind = OperationKind::BonusOffer;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let until = self.until.map(|until| until.to_string());
        print
            .optional_amount(1, self.amount.as_ref())
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.terms.as_str()))
            .field(4, until.as_deref())
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(AggregateRef::Award(self.award())))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        offer(self, facts, work)
    }
}

/// Claims a bonus that was offered: it is granted, under the terms of the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimBonus {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The award that was offered.
    pub award: AwardRef,
    /// The captured deposit it is for, where the terms give for one.
    #[serde(default)]
    pub deposit: Option<PaymentRef>,
}

impl Operation for ClaimBonus {
    const KIND: OperationKind = OperationKind::BonusClaim;
    const IS_CASHIER: bool = true;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let deposit = self.deposit.as_ref();
        print
            .field(3, Some(self.award.source.as_str()))
            .field(4, Some(self.award.id.as_str()))
            .field(5, deposit.map(|of| of.source.as_str()))
            .field(6, deposit.map(|of| of.id.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        let mut needs = Needs::of(Some(AggregateRef::Award(self.award.clone())));
        needs.aggregates.extend(self.deposit.clone().map(AggregateRef::Deposit));
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        claim(self, facts, work)
    }
}

fn offer(command: &OfferBonus, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let of = command.award();
    if decide::known(facts, work, &of).is_some() {
        return Err(Rejection::KeyReused.into());
    }
    let currency = *purse(work.state(), command.currency)?.currency();
    let terms = facts.policy.bonuses.get(&command.terms);
    let terms = terms.ok_or_else(|| not_allowed(NotAllowedReason::TermsUnknown))?;
    decide::check_terms(terms, facts, work)?;
    decide::check_amounts(terms, &currency)?;
    let named = terms.reward.named().get(&command.currency);
    let most = *named.ok_or(Rejection::CurrencyMismatch { currency: command.currency })?;
    let most = super::endings::at_scale(most, currency.zero())?;
    let stated = command.amount.map(|amount| incoming(amount, &currency)).transpose()?;
    match (&terms.reward, stated) {
        (Reward::Given { .. }, Some(stated)) if stated.is_positive() && stated <= most => {}
        (Reward::Fixed { .. } | Reward::Match { .. }, None) => {}
        (Reward::Given { .. } | Reward::Fixed { .. } | Reward::Match { .. }, _) => {
            return Err(Rejection::Mismatch { field: MismatchField::Amount }.into());
        }
        (Reward::Cashback { .. } | Reward::Mission { .. }, _) => {
            return Err(not_allowed(NotAllowedReason::OtherReward).into());
        }
    }
    if command.until.is_some_and(|until| until <= work.now()) {
        return Err(not_allowed(NotAllowedReason::Period).into());
    }
    work.state().may_play(work.now())?;
    if work.state().awards().len() >= AWARDS_MAX {
        return Err(capacity(Capacity::Awards, AWARDS_MAX).into());
    }
    let json = serde_json::to_vec(terms).map_err(|error| Fault::corrupted(error.to_string()))?;
    let event = BonusOffered {
        campaign: terms.campaign.clone(),
        name: command.terms.clone(),
        hash: ContentHash::of(&json),
        terms: Box::new(terms.clone()),
        currency: command.currency,
        scale: currency.scale(),
        amount: stated,
        expires_at: command.until,
    };
    work.push_award(&of, Event::BonusOffered(event))?;
    Ok(Some(command.currency))
}

fn claim(command: &ClaimBonus, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
    let award = decide::known(facts, work, &command.award);
    let award = award.ok_or_else(|| not_allowed(NotAllowedReason::TargetUnknown))?.clone();
    if award.status != AwardStatus::Offered || award.is_expired_at(work.now()) {
        return Err(not_allowed(NotAllowedReason::NotOffered).into());
    }
    let Some(Offer { name, amount }) = award.offer.clone() else {
        return Err(Fault::corrupted("an offer of nothing").into());
    };
    let grant = GrantBonus {
        source: award.of.source.clone(),
        id: award.of.id.clone(),
        terms: name,
        currency: award.currency,
        amount: amount.map(Amount::to_decimal),
        deposit: command.deposit.clone(),
        reactivates: None,
        played: None,
    };
    let (source, id) = (command.source.clone(), command.id.clone());
    let txn = TransactionRef { source, kind: ClaimBonus::KIND, id };
    decide::issue(&grant, &award.terms, txn, facts, work)
}

impl Award {
    /// Whether the player has it: it was granted, and has not ended.
    pub fn is_taken(&self) -> bool {
        self.is_live() && self.status != AwardStatus::Offered
    }
}
