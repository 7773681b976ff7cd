//! What the bonuses view holds.

use ledger_core::stored::{AwardRef, ForfeitReason, PaymentRef};
use ledger_core::{
    AccountCode, AccountKind, Amount, BrandId, ContentHash, CurrencyCode, PlayerId, SubAccount, TermsName,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::total::Total;

/// Where an award stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AwardState {
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

impl AwardState {
    /// Whether it has not ended.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Queued | Self::Active | Self::Completing)
    }
}

/// An award.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardRow {
    /// The player.
    pub player: PlayerId,
    /// The award.
    pub award: AwardRef,
    /// Real or test.
    pub kind: AccountKind,
    /// The brand, if the commit names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<BrandId>,
    /// The campaign that bears it.
    pub campaign: SubAccount,
    /// The name of its terms.
    pub terms: TermsName,
    /// The hash of its terms: what the player was promised.
    pub hash: ContentHash,
    /// Where it stands.
    pub state: AwardState,
    /// The currency.
    pub currency: CurrencyCode,
    /// How much was granted.
    pub amount: Amount,
    /// What must be wagered.
    pub target: Amount,
    /// What is wagered of it.
    pub progress: Amount,
    /// The most that one bet may stake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bet: Option<Amount>,
    /// The deposit it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<PaymentRef>,
    /// Its credits that can be played.
    pub balance: Amount,
    /// Its credits in open rounds.
    pub held: Amount,
    /// When it was granted.
    pub issued_at: Timestamp,
    /// When it was booked; absent while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activated_at: Option<Timestamp>,
    /// When it expires; absent if it never does, or waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What of it became cash, released shares too.
    pub converted: Amount,
    /// What of it was forfeited or expired at its end.
    pub forfeited: Amount,
    /// Why it was forfeited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<ForfeitReason>,
}

impl AwardRow {
    /// What must still be wagered; zero if nothing must.
    pub fn to_wager(&self) -> Amount {
        let rest = self.target.checked_sub(self.progress).ok().filter(|rest| rest.is_positive());
        rest.unwrap_or(Amount::zero(self.target.scale()))
    }

    /// Where a page of live awards goes on that ends with it.
    pub fn cursor(&self) -> LiveCursor {
        LiveCursor { expires_at: self.expires_at, player: self.player.clone(), award: self.award.clone() }
    }
}

/// Where a page of live awards ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LiveCursor {
    /// When the last one expires.
    pub expires_at: Option<Timestamp>,
    /// Its player.
    pub player: PlayerId,
    /// The award.
    pub award: AwardRef,
}

/// An offer: terms as they were granted in a campaign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferKey {
    /// Real or test.
    pub kind: AccountKind,
    /// The campaign.
    pub campaign: SubAccount,
    /// The name of the terms.
    pub terms: TermsName,
    /// Their hash.
    pub hash: String,
    /// The currency.
    pub currency: CurrencyCode,
}

/// What an offer came to.
pub type OfferRow = (OfferKey, OfferSums);

/// What the awards of an offer came to (GLI-19 2.8.6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferSums {
    /// Awards that were granted.
    pub granted: u64,
    /// Awards that have not ended.
    pub live: u64,
    /// Awards that became cash.
    pub completed: u64,
    /// Awards that were played away.
    pub lost: u64,
    /// Awards whose time was over.
    pub expired: u64,
    /// Awards that were given up or taken back.
    pub forfeited: u64,
    /// What was booked of awards: what waits is not.
    pub issued: Total,
    /// What was wagered towards their targets.
    pub wagered: Total,
    /// What became cash.
    pub converted: Total,
    /// What was forfeited with the end of an award.
    pub forfeited_amount: Total,
    /// What expired.
    pub expired_amount: Total,
    /// What players have of it, in open rounds too.
    pub balance: Total,
}

impl OfferSums {
    /// Sum by sum; `None` beyond 128 bits.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self {
            granted: self.granted.checked_add(other.granted)?,
            live: self.live.checked_add(other.live)?,
            completed: self.completed.checked_add(other.completed)?,
            lost: self.lost.checked_add(other.lost)?,
            expired: self.expired.checked_add(other.expired)?,
            forfeited: self.forfeited.checked_add(other.forfeited)?,
            issued: self.issued.plus(other.issued)?,
            wagered: self.wagered.plus(other.wagered)?,
            converted: self.converted.plus(other.converted)?,
            forfeited_amount: self.forfeited_amount.plus(other.forfeited_amount)?,
            expired_amount: self.expired_amount.plus(other.expired_amount)?,
            balance: self.balance.plus(other.balance)?,
        })
    }

    /// What play took of it, or, below zero, brought to it: issued less redeemed, forfeited, expired and the balance.
    pub fn played_away(&self) -> Option<Total> {
        let gone = self.converted.plus(self.forfeited_amount)?.plus(self.expired_amount)?;
        self.issued.minus(gone)?.minus(self.balance)
    }
}

/// A campaign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CampaignKey {
    /// Real or test.
    pub kind: AccountKind,
    /// The campaign.
    pub campaign: SubAccount,
    /// The currency.
    pub currency: CurrencyCode,
}

/// What a campaign came to.
pub type CampaignRow = (CampaignKey, CampaignSums);

/// What was posted for a campaign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignSums {
    /// Bonus credits issued: `bonus:issued`.
    pub issued: Total,
    /// Forfeited: `bonus:forfeited`, wins that came after an award's end too.
    pub forfeited: Total,
    /// Expired: `bonus:expired`.
    pub expired: Total,
    /// Converted: `bonus:converted`, which is what conversions cost in cash.
    pub converted: Total,
    /// Cash wins of free rounds: `freespin:cost`.
    pub free_round_wins: Total,
    /// Cashback paid as cash: `cashback:cost`.
    pub cashback: Total,
}

impl CampaignSums {
    /// Sum by sum; `None` beyond 128 bits.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self {
            issued: self.issued.plus(other.issued)?,
            forfeited: self.forfeited.plus(other.forfeited)?,
            expired: self.expired.plus(other.expired)?,
            converted: self.converted.plus(other.converted)?,
            free_round_wins: self.free_round_wins.plus(other.free_round_wins)?,
            cashback: self.cashback.plus(other.cashback)?,
        })
    }

    /// What the campaign cost in cash so far: a grant costs nothing until it is converted.
    pub fn cost(&self) -> Option<Total> {
        self.converted.plus(self.free_round_wins)?.plus(self.cashback)
    }

    pub(super) fn column(&mut self, account: AccountCode) -> Option<&mut Total> {
        match account {
            AccountCode::BonusIssued => Some(&mut self.issued),
            AccountCode::BonusForfeited => Some(&mut self.forfeited),
            AccountCode::BonusExpired => Some(&mut self.expired),
            AccountCode::BonusConverted => Some(&mut self.converted),
            AccountCode::FreeSpinCost => Some(&mut self.free_round_wins),
            AccountCode::CashbackCost => Some(&mut self.cashback),
            _ => None,
        }
    }
}

/// A row of the view's table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BonusesRow {
    /// Nothing yet.
    #[default]
    Nothing,
    /// Whether a player is real or a test.
    Player(AccountKind),
    /// An award.
    Award(Box<AwardRow>),
    /// The sums of an offer.
    Offer(Box<OfferSums>),
    /// The sums of a campaign.
    Campaign(Box<CampaignSums>),
    /// A bonus that was offered to a player and that he has not claimed: no award yet.
    Unclaimed,
}
