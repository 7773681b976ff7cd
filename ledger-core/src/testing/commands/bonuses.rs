//! Bonuses by texts: granted by `crm` under terms that the policy calls `welcome`, in EUR.

use super::{currency, decimal, source, sub_account, txn};
use crate::bonus::{
    ClaimBonus, CompleteMission, ExpireBonus, ForfeitBonus, GrantBonus, OfferBonus, Played, PlayedProduct,
};
use crate::ids::{GameType, TermsName};
use crate::money::{Amount, BasisPoints};
use crate::policy::{BonusTerms, FundOrder, Leaving, MaxBet, Principal, Reward, WageringTerms, Weights};
use crate::stored::{AwardRef, ForfeitReason};

/// The name of terms.
pub fn terms_name(text: &str) -> TermsName {
    TermsName::new(text).expect("a name of terms")
}

/// A type of games.
pub fn game_type(text: &str) -> GameType {
    GameType::new(text).expect("a type of games")
}

/// Hundredths of a per cent.
pub fn basis_points(given: u32) -> BasisPoints {
    BasisPoints::new(given).expect("a rate")
}

/// Terms of the campaign `welcome`: up to 1,000 EUR as the grant says, so many times to be wagered, all bets count in
/// full, cash is staked first, and all of it is converted.
pub fn bonus_terms(times: u32) -> BonusTerms {
    let most: Amount = "1000.00".parse().expect("an amount");
    BonusTerms {
        campaign: sub_account("welcome"),
        reward: Reward::Given { most: [(currency("EUR"), most)].into() },
        wagering: WageringTerms { times: basis_points(times * 10_000), ..WageringTerms::default() },
        weights: Weights::default(),
        funds: FundOrder::CashFirst,
        max_conversion: None,
        min_to_terminate: [].into(),
        max_bet: MaxBet::default(),
        buy_feature: false,
        expires_after_secs: None,
        jurisdictions: [].into(),
        leaving: Leaving::default(),
        principal: Principal::Converted,
        post_paid: false,
        release_every: None,
        product: None,
        not_beside: [].into(),
    }
}

/// An award of `crm`.
pub fn award(id: &str) -> AwardRef {
    AwardRef { source: source("crm"), id: txn(id) }
}

/// A bonus of so much.
pub fn grant_bonus(id: &str, amount: &str) -> GrantBonus {
    GrantBonus {
        source: source("crm"),
        id: txn(id),
        terms: terms_name("welcome"),
        currency: currency("EUR"),
        amount: Some(decimal(amount)),
        deposit: None,
        reactivates: None,
        played: None,
    }
}

/// A bonus of so much is offered.
pub fn offer_bonus(id: &str, amount: &str) -> OfferBonus {
    OfferBonus {
        source: source("crm"),
        id: txn(id),
        terms: terms_name("welcome"),
        currency: currency("EUR"),
        amount: Some(decimal(amount)),
        until: None,
    }
}

/// The player claims a bonus that was offered.
pub fn claim_bonus(id: &str, of: &str) -> ClaimBonus {
    ClaimBonus { source: source("cashier"), id: txn(id), award: award(of), deposit: None }
}

/// What was played in December 2025: of each product what was staked and won.
pub fn played(products: &[(&str, &str, &str)], bonus_wins: &str) -> Played {
    let of = |(product, stakes, wins): &(&str, &str, &str)| PlayedProduct {
        product: game_type(product),
        stakes: decimal(stakes),
        wins: decimal(wins),
        rounds: 0,
    };
    Played {
        from: "2025-12-01T00:00:00Z".parse().expect("an instant"),
        to: "2026-01-01T00:00:00Z".parse().expect("an instant"),
        products: products.iter().map(of).collect(),
        bonus_wins: decimal(bonus_wins),
    }
}

/// The mission `welcome` is completed: so many rounds of each product in December 2025, and what was staked.
pub fn complete_mission(products: &[(&str, &str, u32)]) -> CompleteMission {
    let of = |(product, stakes, rounds): &(&str, &str, u32)| PlayedProduct {
        product: game_type(product),
        stakes: decimal(stakes),
        wins: decimal("0"),
        rounds: *rounds,
    };
    CompleteMission {
        source: source("crm"),
        mission: terms_name("welcome"),
        currency: currency("EUR"),
        played: Played { products: products.iter().map(of).collect(), ..played(&[], "0") },
    }
}

/// The player gives an award up.
pub fn forfeit_bonus(id: &str, of: &str) -> ForfeitBonus {
    let (source, id, award) = (source("crm"), txn(id), award(of));
    ForfeitBonus { source, id, award, reason: ForfeitReason::Player, by: None, forfeits_at_most: None }
}

/// The time of an award is over.
pub fn expire_bonus(id: &str, of: &str) -> ExpireBonus {
    ExpireBonus { source: source("timers"), id: txn(id), award: award(of) }
}
