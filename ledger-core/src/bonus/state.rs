//! An award and its fold.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{SubAccount, TermsName};
use crate::key::ContentHash;
use crate::money::{Amount, CurrencyCode};
use crate::player_ledger::Fault;
use crate::policy::BonusTerms;
use crate::stored::{AwardRef, BonusIssued, BonusOffered, Event, EventRecord, PaymentRef};
use crate::time::Timestamp;

/// The most awards of one player that have not ended.
pub const AWARDS_MAX: usize = 32;

/// Where an award stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwardStatus {
    /// It was offered and not claimed; nothing is booked.
    Offered,
    /// It waits for an older one; nothing is booked.
    Queued,
    /// It is booked, and stakes count.
    Active,
    /// All is wagered; rounds with stakes of it are open.
    Completing,
    /// It became cash.
    Completed,
    /// It was played away.
    Lost,
    /// Its time was over.
    Expired,
    /// It was given up or taken back.
    Forfeited,
}

/// Terms are shared by all copies of an award in memory, and written out in a snapshot.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::policy::BonusTerms;

    pub(super) fn serialize<S: Serializer>(terms: &Arc<BonusTerms>, to: S) -> Result<S::Ok, S::Error> {
        terms.as_ref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<BonusTerms>, D::Error> {
        BonusTerms::deserialize(from).map(Arc::new)
    }
}

/// A bonus award, folded from its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Award {
    /// Its name.
    pub of: AwardRef,
    /// The version of its last event.
    pub version: u64,
    /// The campaign that bears it.
    pub campaign: SubAccount,
    /// Its terms.
    #[serde(with = "shared")]
    pub terms: Arc<BonusTerms>,
    /// Their hash.
    pub hash: ContentHash,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much was given.
    pub amount: Amount,
    /// What must be wagered.
    pub target: Amount,
    /// What is wagered: from zero to the target.
    pub progress: Amount,
    /// The most that one bet may stake, if there is a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bet: Option<Amount>,
    /// What of it became cash before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Amount>,
    /// The deposit it is for, if it is for one.
    pub deposit: Option<PaymentRef>,
    /// When it expires, if it does.
    pub expires_at: Option<Timestamp>,
    /// What was offered, until it is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// Where it stands.
    pub status: AwardStatus,
}

/// What was offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The name of its terms.
    pub name: TermsName,
    /// How much, where the terms leave it to the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

impl Award {
    /// The estimated bytes of it in a cache, with its terms.
    pub fn weight(&self) -> usize {
        let BonusTerms { weights, min_to_terminate, jurisdictions, not_beside, .. } = &*self.terms;
        let excluded = weights.excluded_games.len().saturating_add(weights.excluded_types.len());
        let named = weights.games.len().saturating_add(weights.types.len());
        let others = jurisdictions.len().saturating_add(not_beside.len());
        let listed = excluded.saturating_add(named).saturating_add(min_to_terminate.len());
        let listed = listed.saturating_add(others);
        1_000_usize.saturating_add(listed.saturating_mul(64))
    }

    /// What of it became cash before its end.
    pub fn released(&self) -> Amount {
        self.released.unwrap_or(Amount::zero(self.amount.scale()))
    }

    /// Whether it is played with where another one is: then one of the two waits.
    pub(super) fn shares_product_with(&self, terms: &BonusTerms) -> bool {
        self.terms.product == terms.product
    }

    /// Whether it does not go together with a bonus under terms.
    pub(super) fn excludes(&self, terms: &BonusTerms) -> bool {
        terms.not_beside.contains(&self.campaign) || self.terms.not_beside.contains(&terms.campaign)
    }

    /// Whether it has not ended.
    pub fn is_live(&self) -> bool {
        !matches!(
            self.status,
            AwardStatus::Completed | AwardStatus::Lost | AwardStatus::Expired | AwardStatus::Forfeited
        )
    }

    /// Whether credits are booked on it.
    pub fn is_booked(&self) -> bool {
        matches!(self.status, AwardStatus::Active | AwardStatus::Completing)
    }

    /// Whether its time is over at an instant. What is wagered already is not lost to time.
    pub fn is_expired_at(&self, now: Timestamp) -> bool {
        let can_expire = matches!(self.status, AwardStatus::Offered | AwardStatus::Active);
        can_expire && self.expires_at.is_some_and(|at| at <= now)
    }

    fn offered(of: &AwardRef, event: &BonusOffered) -> Self {
        let zero = Amount::zero(event.scale);
        Self {
            of: of.clone(),
            version: 1,
            campaign: event.campaign.clone(),
            terms: Arc::from(event.terms.clone()),
            hash: event.hash,
            currency: event.currency,
            amount: zero,
            target: zero,
            progress: zero,
            max_bet: None,
            released: None,
            deposit: None,
            expires_at: event.expires_at,
            offer: Some(Offer { name: event.name.clone(), amount: event.amount }),
            status: AwardStatus::Offered,
        }
    }

    fn issued(of: &AwardRef, event: &BonusIssued) -> Self {
        Self {
            of: of.clone(),
            version: 1,
            campaign: event.campaign.clone(),
            terms: Arc::from(event.terms.clone()),
            hash: event.hash,
            currency: event.currency,
            amount: event.amount,
            target: event.target,
            progress: Amount::zero(event.amount.scale()),
            max_bet: event.max_bet,
            released: None,
            deposit: event.deposit.clone(),
            expires_at: event.expires_at,
            offer: None,
            status: if event.queued { AwardStatus::Queued } else { AwardStatus::Active },
        }
    }
}

/// Folds one event of an award's stream.
pub(crate) fn evolve(award: &mut Award, record: &EventRecord) -> Result<(), Fault> {
    if Some(record.version) != award.version.checked_add(1) {
        let what = format!("event {} of {} follows {}", record.version, record.stream, award.version);
        return Err(Fault::corrupted(what));
    }
    match (&record.event, award.status) {
        (Event::BonusIssued(event), AwardStatus::Offered) => *award = Award::issued(&award.of, event),
        (Event::BonusActivated(event), AwardStatus::Queued) => {
            award.status = AwardStatus::Active;
            award.expires_at = event.expires_at;
        }
        (Event::WagerProgressUpdated(event), AwardStatus::Active | AwardStatus::Completing) => {
            award.progress = event.progress;
        }
        (Event::BonusReleased(event), AwardStatus::Active) => award.released = Some(event.released),
        (Event::BonusCompleting(_), AwardStatus::Active) => award.status = AwardStatus::Completing,
        (Event::BonusResumed(_), AwardStatus::Completing) => award.status = AwardStatus::Active,
        (Event::BonusConverted(_), AwardStatus::Active | AwardStatus::Completing) => {
            award.status = AwardStatus::Completed;
        }
        (Event::BonusLost(_), AwardStatus::Active | AwardStatus::Completing) => {
            award.status = AwardStatus::Lost;
        }
        (Event::BonusExpired(_), AwardStatus::Offered | AwardStatus::Active) => {
            award.status = AwardStatus::Expired;
        }
        (Event::BonusForfeited(_), _) if award.is_live() => {
            award.status = AwardStatus::Forfeited;
        }
        (event, status) => {
            let what = format!("{} in {}, which is {status:?}", event.type_name(), record.stream);
            return Err(Fault::corrupted(what));
        }
    }
    award.version = record.version;
    Ok(())
}

/// [`evolve`] from the first event on; `None` before it.
pub(crate) fn fold_award(
    award: &mut Option<Award>,
    of: &AwardRef,
    record: &EventRecord,
) -> Result<(), Fault> {
    match (&record.event, award.as_mut()) {
        (Event::BonusIssued(event), None) if record.version == 1 => {
            *award = Some(Award::issued(of, event));
            Ok(())
        }
        (Event::BonusOffered(event), None) if record.version == 1 => {
            *award = Some(Award::offered(of, event));
            Ok(())
        }
        (_, Some(award)) => evolve(award, record),
        (event, None) => Err(Fault::corrupted(format!("{} begins {}", event.type_name(), record.stream))),
    }
}
