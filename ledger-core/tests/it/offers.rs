//! Offers: a bonus that the player may take, under the terms as they were offered.

use ledger_core::stored::{Event, ExclusionKind};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    AwardStatus, BonusTerms, ClaimBonus, MismatchField, NotAllowedReason, OfferBonus, OnLeaving, Rejection,
    Reward,
};

use AwardStatus::{Active, Expired, Forfeited, Offered, Queued};

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

fn offered(terms: BonusTerms) -> Scenario {
    given().cash("100.00").terms("welcome", terms).when(commands::offer_bonus("A", "20")).applied()
}

const CASH: &[(&str, &str)] = &[("player:cash", "100.00"), ("psp:clearing of psp", "100.00")];
const GRANTED: &[(&str, &str)] = &[
    ("bonus:issued of welcome", "20.00"),
    ("player:bonus of crm/A", "20.00"),
    ("player:cash", "100.00"),
    ("psp:clearing of psp", "100.00"),
];

#[test]
fn an_offer_books_nothing_until_it_is_claimed() {
    let offered = offered(commands::bonus_terms(35)).records(&["bonus.offered"]).award_is("A", Offered);
    // It neither funds a bet nor counts one.
    let played = offered.accounts(CASH).bet("T1", "R", "10").applied().win_close("W1", "R", "10").applied();
    let played = played.award_is("A", Offered).wagered("A", "0.00", "0.00");
    let claimed = played.when(commands::claim_bonus("C1", "A")).applied();
    let claimed = claimed.records(&["entry.posted", "bonus.issued"]).award_is("A", Active);
    let claimed = claimed.wagered("A", "0.00", "700.00");
    let again = claimed.when(commands::claim_bonus("C1", "A")).replayed("applied");
    let again = again.when(commands::claim_bonus("C2", "A"));
    let _ = again.refused_as(&no(NotAllowedReason::NotOffered)).accounts(&[
        ("bonus:issued of welcome", "20.00"),
        ("gaming:payouts of game", "10.00"),
        ("gaming:stakes of game", "10.00"),
        ("player:bonus of crm/A", "20.00"),
        ("player:cash", "100.00"),
        ("psp:clearing of psp", "100.00"),
    ]);
}

#[test]
fn a_claim_is_under_the_terms_that_were_offered() {
    let offered = offered(commands::bonus_terms(35));
    let claimed = offered.terms("welcome", commands::bonus_terms(50)).when(commands::claim_bonus("C1", "A"));
    let _ = claimed.applied().wagered("A", "0.00", "700.00").accounts(GRANTED);
}

#[test]
fn an_offer_of_a_match_is_claimed_with_a_deposit() {
    let most = [(commands::currency("EUR"), "50.00".parse().unwrap())].into();
    let reward = Reward::Match { rate: commands::basis_points(10_000), most };
    let terms = BonusTerms { reward, ..commands::bonus_terms(10) };
    let open = || OfferBonus { amount: None, ..commands::offer_bonus("A", "1") };
    let with = |player: Scenario| player.terms("welcome", terms.clone()).when(open()).applied();
    let bare = with(given()).when(commands::claim_bonus("C1", "A"));
    let needed = no(NotAllowedReason::DepositNeeded);
    let bare = bare.refused_as(&needed).award_is("A", Offered).accounts(&[]);
    let claim = ClaimBonus { deposit: Some(commands::payment("D1")), ..commands::claim_bonus("C2", "A") };
    let claimed = bare.when(commands::deposit("D1", "30.00")).applied().when(claim).applied();
    let _ = claimed.wagered("A", "0.00", "300.00").accounts(&[
        ("bonus:issued of welcome", "30.00"),
        ("player:bonus of crm/A", "30.00"),
        ("player:cash", "30.00"),
        ("psp:clearing of psp", "30.00"),
    ]);
    // A claim that comes to nothing is noted under its own name, and the offer stays.
    let half = BonusTerms {
        reward: Reward::Match {
            rate: commands::basis_points(5_000),
            most: [(commands::currency("EUR"), "50.00".parse().unwrap())].into(),
        },
        ..terms.clone()
    };
    let cent = given().terms("welcome", half).when(open()).applied().when(commands::deposit("D1", "0.01"));
    let cent =
        cent.when(ClaimBonus { deposit: Some(commands::payment("D1")), ..commands::claim_bonus("C1", "A") });
    let cent = cent.noop().award_is("A", Offered);
    let noted = cent.ledger().events().last().unwrap();
    let Event::TxnNoted(noted) = &noted.event else { panic!("{noted:?}") };
    assert_eq!((noted.txn.source.as_str(), noted.txn.id.as_str()), ("cashier", "C1"));
    let stated = given().terms("welcome", terms).when(commands::offer_bonus("A", "20"));
    let _ = stated.refused_as(&Rejection::Mismatch { field: MismatchField::Amount });
}

#[test]
fn an_offer_ends_by_time_by_the_player_or_by_the_operator() {
    let until = Some("2026-01-01T00:01:00Z".parse().unwrap());
    let short = OfferBonus { until, ..commands::offer_bonus("A", "20") };
    let player = || given().cash("100.00").terms("welcome", commands::bonus_terms(35)).when(short.clone());
    // After its end it cannot be claimed, and the next command finds that.
    let late = player().applied().after_secs(120).when(commands::claim_bonus("C1", "A"));
    let late = late.refused_as(&no(NotAllowedReason::NotOffered)).when(commands::expire_bonus("E1", "A"));
    let _ = late.applied().records(&["bonus.expired"]).accounts(CASH);
    let bet = player().applied().after_secs(120).bet("T1", "R", "10").applied();
    let _ = bet.records(&["entry.posted", "bet.placed", "bonus.expired"]).award_is("A", Expired);
    let early = player().applied().when(commands::expire_bonus("E1", "A"));
    let _ = early.refused_as(&no(NotAllowedReason::NotExpired));
    let declined = player().applied().when(commands::forfeit_bonus("F1", "A")).applied();
    let declined = declined.records(&["bonus.forfeited"]).award_is("A", Forfeited).accounts(CASH);
    let _ = declined.when(commands::claim_bonus("C1", "A")).refused_as(&no(NotAllowedReason::NotOffered));
    let past = OfferBonus { until: Some("2025-01-01T00:00:00Z".parse().unwrap()), ..short.clone() };
    let _ = given()
        .terms("welcome", commands::bonus_terms(1))
        .when(past)
        .refused_as(&no(NotAllowedReason::Period));
}

#[test]
fn what_leaving_does_to_an_offer() {
    // Money that leaves does not end it; a player who leaves does, unless the terms keep it.
    let paid = offered(commands::bonus_terms(35)).when(commands::request("Z1", "100")).applied();
    let _ =
        paid.award_is("A", Offered).when(commands::claim_bonus("C1", "A")).applied().award_is("A", Active);
    let away = offered(commands::bonus_terms(35))
        .when(commands::exclude("X1", ExclusionKind::SelfExclusion, None))
        .applied();
    let _ = away.award_is("A", Forfeited).accounts(CASH);
    let mut terms = commands::bonus_terms(35);
    terms.leaving.self_exclusion = OnLeaving::Keep;
    let kept = offered(terms)
        .when(commands::exclude("X1", ExclusionKind::SelfExclusion, None))
        .applied()
        .award_is("A", Offered);
    // Who may not play claims nothing.
    let _ = kept.when(commands::claim_bonus("C1", "A")).rejected("player_excluded").accounts(CASH);
}

#[test]
fn an_offer_stands_in_nobodys_way() {
    let offered = offered(commands::bonus_terms(35));
    let other = offered.when(commands::grant_bonus("B", "30")).applied().award_is("B", Active);
    let claimed = other.when(commands::claim_bonus("C1", "A")).applied().award_is("A", Queued);
    let freed = claimed.when(commands::forfeit_bonus("F1", "B")).applied();
    let _ = freed.award_is("A", Active).accounts(&[
        ("bonus:forfeited of welcome", "30.00"),
        ("bonus:issued of welcome", "50.00"),
        ("player:bonus of crm/A", "20.00"),
        ("player:cash", "100.00"),
        ("psp:clearing of psp", "100.00"),
    ]);
}

#[test]
fn a_withdrawal_costs_no_more_than_the_player_was_told() {
    let told = |most: &str| ledger_core::RequestWithdrawal {
        forfeits_at_most: Some(commands::decimal(most)),
        ..commands::request("Z1", "10")
    };
    let with = || {
        let player = given().cash("100.00").terms("welcome", commands::bonus_terms(35));
        player
            .when(commands::grant_bonus("A", "20"))
            .applied()
            .when(commands::grant_bonus("B", "5"))
            .applied()
    };
    // 20 of one that is played with, and 5 of one that waits.
    let refused = with().when(told("24.99")).rejected("not_allowed");
    let refused = refused.refused_as(&no(NotAllowedReason::ForfeitsMore)).award_is("A", Active);
    let _ = refused.accounts(GRANTED);
    let paid = with().when(told("25")).applied().award_is("A", Forfeited).award_is("B", Forfeited);
    let _ = paid.accounts(&[
        ("bonus:forfeited of welcome", "20.00"),
        ("bonus:issued of welcome", "20.00"),
        ("player:cash", "90.00"),
        ("player:withdrawal_pending of cashier/Z1", "10.00"),
        ("psp:clearing of psp", "100.00"),
    ]);
    // What rounds hold of it counts too, and what costs nothing passes.
    let first = BonusTerms { funds: ledger_core::FundOrder::BonusFirst, ..commands::bonus_terms(35) };
    let held =
        given().cash("100.00").terms("welcome", first).when(commands::grant_bonus("A", "20")).applied();
    let held = held.bet("T1", "R", "15").applied();
    let _ = held.when(told("19.99")).refused_as(&no(NotAllowedReason::ForfeitsMore));
    let _ = given().cash("100.00").when(told("0")).applied();
}

#[test]
fn giving_up_a_bonus_costs_no_more_than_the_player_was_told() {
    let told = |of: &str, most: &str| ledger_core::ForfeitBonus {
        forfeits_at_most: Some(commands::decimal(most)),
        ..commands::forfeit_bonus("F1", of)
    };
    let more = no(NotAllowedReason::ForfeitsMore);
    let terms = || BonusTerms { funds: ledger_core::FundOrder::BonusFirst, ..commands::bonus_terms(35) };
    let granted =
        given().cash("100.00").terms("welcome", terms()).when(commands::grant_bonus("A", "20")).applied();
    let refused = granted.clone().when(told("A", "19.99")).rejected("not_allowed").refused_as(&more);
    let refused = refused.award_is("A", Active).accounts(GRANTED);
    // What rounds hold of it is lost too.
    let held = refused.bet("T1", "R", "15").applied().when(told("A", "19.99")).refused_as(&more);
    // The bound is none of what was asked for: the key may come again with another.
    let given_up = held.when(told("A", "20")).applied().award_is("A", Forfeited);
    let _ = given_up.when(told("A", "1")).replayed("applied");
    // One that waits costs what it would give.
    let waits = granted.when(commands::grant_bonus("B", "5")).applied().award_is("B", Queued);
    let _ = waits.when(told("B", "4.99")).refused_as(&more).when(told("B", "5")).applied();
    // An offer costs nothing.
    let _ = offered(terms()).when(told("A", "0")).applied().award_is("A", Forfeited).accounts(CASH);
}
