//! Loyalty points by texts: the programme `gold`, in EUR.

use super::{currency, person, played, source, terms_name, txn};
use crate::ids::{ProgrammeName, Reason};
use crate::loyalty::{AdjustPoints, EarnPoints, ExpirePoints, SpendPoints};
use crate::policy::{LoyaltyTerms, PointWorth};

/// The name of a programme.
pub fn programme(text: &str) -> ProgrammeName {
    ProgrammeName::new(text).expect("the name of a programme")
}

/// A point for every 10.00 EUR; 100 points are worth 5.00 EUR under the terms `welcome`; they never end.
pub fn loyalty_terms() -> LoyaltyTerms {
    let amount = |text: &str| text.parse().expect("an amount");
    LoyaltyTerms {
        stake_per_point: [(currency("EUR"), amount("10.00"))].into(),
        weights: [].into(),
        others: None,
        worth: [(currency("EUR"), PointWorth { points: 100, amount: amount("5.00") })].into(),
        into: terms_name("welcome"),
        expires_after_secs: None,
    }
}

/// Points for what was played in December 2025: of each product what was staked and won.
pub fn earn_points(products: &[(&str, &str, &str)]) -> EarnPoints {
    EarnPoints {
        source: source("crm"),
        programme: programme("gold"),
        currency: currency("EUR"),
        played: played(products, "0"),
    }
}

/// Points become a bonus.
pub fn spend_points(id: &str, points: u64) -> SpendPoints {
    let (source, id, programme) = (source("crm"), txn(id), programme("gold"));
    SpendPoints { source, id, programme, points, currency: currency("EUR") }
}

/// The time of points is over.
pub fn expire_points(id: &str) -> ExpirePoints {
    ExpirePoints { source: source("timers"), id: txn(id), programme: programme("gold") }
}

/// Two persons give points, or take them.
pub fn adjust_points(id: &str, points: i64) -> AdjustPoints {
    AdjustPoints {
        source: source("office"),
        id: txn(id),
        programme: programme("gold"),
        points,
        by: person("anna"),
        approved_by: person("berta"),
        reason: Reason::new("said so").expect("a reason"),
    }
}
