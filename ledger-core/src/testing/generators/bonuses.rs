//! Bonuses: terms of many kinds, grants, and the ways they end, at random.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeMap;

use super::{PlayerCommand, amounts, commands, currencies, earlier, txns};
use crate::bonus::{
    ClaimBonus, CompleteMission, ExpireBonus, ForfeitBonus, GrantBonus, OfferBonus, Played, PlayedProduct,
};
use crate::ids::{SubAccount, TermsName, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::policy::{
    AboveMaxBet, BonusRestrictions, BonusTerms, CashbackOf, FundOrder, Leaving, MaxBet, MaxConversion,
    MissionCondition, OnLeaving, OnWithdrawal, Principal, Reward, WageringBase, WageringCount, WageringTerms,
    Weights,
};
use crate::stored::{ForfeitReason, PaymentRef};

const NAMES: &[&str] = &["welcome", "reload", "match"];
/// The name of most grants.
const OFTEN: &[&str] = &["welcome", "welcome", "welcome", "welcome", "reload", "match"];

fn euros(text: &str) -> BTreeMap<CurrencyCode, Amount> {
    BTreeMap::from([(commands::currency("EUR"), text.parse().expect("an amount"))])
}

fn weights() -> impl Strategy<Value = Weights> {
    let rate = || select(&[0_u32, 1_000, 3_333, 10_000][..]).prop_map(commands::basis_points);
    let game = || option::weighted(0.2, Just(commands::game("other")));
    let kind = || option::weighted(0.2, Just(commands::game_type("slots")));
    (game(), kind(), game(), rate(), kind(), option::weighted(0.3, rate())).prop_map(
        |(out_game, out_type, game, rate, kind, others)| Weights {
            excluded_games: out_game.into_iter().collect(),
            excluded_types: out_type.into_iter().collect(),
            games: game.map(|game| (game, rate)).into_iter().collect(),
            types: kind.map(|kind| (kind, rate)).into_iter().collect(),
            others,
        },
    )
}

fn max_bets() -> impl Strategy<Value = MaxBet> {
    let fixed = option::weighted(0.7, select(&["5.00", "12.34", "0.00"][..]).prop_map(euros));
    let share = option::weighted(0.3, select(&[0_u32, 1_000, 2_500][..]).prop_map(commands::basis_points));
    let above = select(&[AboveMaxBet::Refuse, AboveMaxBet::Refuse, AboveMaxBet::CashOnly][..]);
    let some = (fixed, share, above).prop_map(|(fixed, of_deposit, above)| MaxBet {
        amounts: fixed.unwrap_or_default(),
        of_deposit,
        above,
    });
    prop_oneof![2 => Just(MaxBet::default()), 1 => some]
}

fn leavings() -> impl Strategy<Value = Leaving> {
    use OnWithdrawal::{Block, CashFree, Forfeit};
    let rule = || select(&[OnLeaving::Forfeit, OnLeaving::Keep][..]);
    let withdrawal = select(&[CashFree, CashFree, Forfeit, Block][..]);
    (withdrawal, rule(), rule()).prop_map(|(withdrawal, self_exclusion, closing)| Leaving {
        withdrawal,
        self_exclusion,
        closing,
    })
}

/// Terms of the same reward and wagering with what kinds of bonuses differ in.
fn kinds(terms: BonusTerms) -> impl Strategy<Value = BonusTerms> {
    let principal = prop_oneof![6 => Just(Principal::Converted), 1 => Just(Principal::Removed)];
    let release = prop_oneof![
        6 => Just(None),
        2 => select(&[1_000_u32, 2_500, 3_333, 10_000][..]).prop_map(Some),
        1 => select(&[0_u32, 10_001][..]).prop_map(Some),
    ];
    let product = option::weighted(0.3, select(&["slots", "tables"][..]).prop_map(commands::game_type));
    let country = option::weighted(0.06, select(&["GB", "MT"][..]));
    let not_beside =
        option::weighted(0.15, select(&["welcome", "extra"][..]).prop_map(commands::sub_account));
    let campaign = select(&["welcome", "welcome", "extra"][..]).prop_map(commands::sub_account);
    let kind = (principal, prop::bool::weighted(0.1), release, product);
    (leavings(), kind, country, not_beside, campaign).prop_map(
        move |(leaving, (principal, post_paid, release, product), country, not_beside, campaign)| {
            BonusTerms {
                campaign,
                leaving,
                principal,
                post_paid,
                release_every: release.map(commands::basis_points),
                product,
                jurisdictions: country.map(commands::jurisdiction).into_iter().collect(),
                not_beside: not_beside.into_iter().collect(),
                ..terms.clone()
            }
        },
    )
}

/// What a jurisdiction forbids: mostly nothing.
pub(super) fn restrictions() -> impl Strategy<Value = BonusRestrictions> {
    let most = option::weighted(0.7, select(&[100_000_u32, 15_000][..]).prop_map(commands::basis_points));
    let some =
        (prop::bool::weighted(0.1), most, any::<bool>(), any::<bool>(), option::weighted(0.3, Just(20)));
    let some = some.prop_map(|(forbidden, wagering_max, no_max_conversion, cash_free, least_secs)| {
        BonusRestrictions { forbidden, wagering_max, no_max_conversion, cash_free, least_secs }
    });
    prop_oneof![9 => Just(BonusRestrictions::NONE), 1 => some]
}

/// Which campaigns of free rounds pay a bonus.
pub(super) fn free_rounds() -> impl Strategy<Value = BTreeMap<SubAccount, TermsName>> {
    let terms = select(OFTEN).prop_map(commands::terms_name);
    option::weighted(0.4, terms)
        .prop_map(|terms| terms.map(|terms| (commands::sub_account("campaign"), terms)).into_iter().collect())
}

fn terms() -> impl Strategy<Value = BonusTerms> {
    plain().prop_flat_map(kinds)
}

fn cashback() -> impl Strategy<Value = Reward> {
    let of = select(&[CashbackOf::Ggr, CashbackOf::Ggr, CashbackOf::Turnover][..]);
    let rate = || option::weighted(0.7, select(&[1_000_u32, 3_333][..]).prop_map(commands::basis_points));
    let least = option::weighted(0.3, Just(euros("1.00")));
    (of, rate(), rate(), least).prop_map(|(of, slots, others, least)| Reward::Cashback {
        of,
        rates: slots.map(|rate| (commands::game_type("slots"), rate)).into_iter().collect(),
        others,
        least: least.unwrap_or_default(),
        most: euros("20.00"),
    })
}

fn mission() -> impl Strategy<Value = Reward> {
    let product = option::weighted(0.7, select(&["slots", "tables"][..]).prop_map(commands::game_type));
    let stakes = option::weighted(0.5, select(&["10.00", "5.00", "0.001"][..]).prop_map(euros));
    let condition = (product, 0_u32..3, stakes).prop_map(|(product, rounds, stakes)| MissionCondition {
        product,
        rounds,
        stakes: stakes.unwrap_or_default(),
    });
    let conditions = prop::collection::vec(condition, 0..3);
    conditions.prop_map(|conditions| Reward::Mission { conditions, amounts: euros("15.00") })
}

/// A mission that is completed, or not quite.
fn completions() -> impl Strategy<Value = CompleteMission> {
    let from = select(&["2025-10-01", "2025-11-01", "2025-12-01"][..]);
    (select(&["reload", "match", "match", "welcome"][..]), currencies(), played(), from).prop_map(
        |(name, currency, played, from)| CompleteMission {
            mission: commands::terms_name(name),
            currency,
            played: Played { from: format!("{from}T00:00:00Z").parse().expect("an instant"), ..played },
            ..commands::complete_mission(&[])
        },
    )
}

/// What was played, and now and then nonsense.
pub(super) fn played() -> impl Strategy<Value = Played> {
    let of = (select(&["slots", "tables", "poker"][..]), amounts(), amounts(), 0_u32..3);
    let products = of.prop_map(|(product, stakes, wins, rounds)| PlayedProduct {
        rounds,
        product: commands::game_type(product),
        stakes,
        wins,
    });
    let year = select(&["2026", "2026", "2026", "2024", "2030"][..]);
    let bonus_wins = prop_oneof![6 => Just(commands::decimal("0")), 1 => amounts()];
    (prop::collection::vec(products, 0..3), bonus_wins, year).prop_map(|(products, bonus_wins, year)| {
        Played {
            to: format!("{year}-01-01T00:00:00Z").parse().expect("an instant"),
            products,
            bonus_wins,
            ..commands::played(&[], "0")
        }
    })
}

fn plain() -> impl Strategy<Value = BonusTerms> {
    use WageringCount::{AllBets, BonusBets, RealBets};
    let reward = prop_oneof![
        4 => Just(Reward::Given { most: euros("100.00") }),
        2 => Just(Reward::Fixed { amounts: euros("33.33") }),
        3 => select(&[5_000_u32, 10_000, 3_333][..])
            .prop_map(|rate| Reward::Match { rate: commands::basis_points(rate), most: euros("50.00") }),
        1 => Just(Reward::Fixed { amounts: euros("0.001") }),
        2 => cashback(),
        2 => mission(),
    ];
    let base = select(&[WageringBase::Bonus, WageringBase::Bonus, WageringBase::DepositAndBonus][..]);
    let times = select(&[0_u32, 2_500, 5_000, 10_000, 15_000, 350_000][..]);
    let counts = select(&[AllBets, AllBets, BonusBets, RealBets][..]);
    let funds = select(&[FundOrder::CashFirst, FundOrder::BonusFirst, FundOrder::BonusFirst][..]);
    let most = option::weighted(
        0.4,
        prop_oneof![
            Just(MaxConversion::Fixed { amounts: euros("25.00") }),
            Just(MaxConversion::Times { times: commands::basis_points(15_000) }),
            Just(MaxConversion::Times { times: commands::basis_points(0) }),
        ],
    );
    let least = option::weighted(0.3, Just(euros("2.50")));
    let secs = option::weighted(0.3, select(&[0_u32, 10, 30][..]));
    let stakes = (max_bets(), any::<bool>());
    (reward, base, times, (counts, weights(), funds), most, least, secs, stakes).prop_map(
        |(reward, base, times, (counts, weights, funds), max_conversion, least, secs, stakes)| BonusTerms {
            reward,
            wagering: WageringTerms { base, times: commands::basis_points(times), counts },
            weights,
            funds,
            max_conversion,
            min_to_terminate: least.unwrap_or_default(),
            max_bet: stakes.0,
            buy_feature: stakes.1,
            expires_after_secs: secs,
            ..commands::bonus_terms(0)
        },
    )
}

/// The terms of a policy.
pub(super) fn policies() -> BoxedStrategy<BTreeMap<TermsName, BonusTerms>> {
    let terms = (terms(), option::of(terms()), option::of(terms()));
    terms
        .prop_map(|(first, second, third)| {
            // Most grants are of terms that give what they ask for.
            let first = BonusTerms { reward: Reward::Given { most: euros("100.00") }, ..first };
            let all = [Some(first), second, third].into_iter().zip(NAMES);
            all.filter_map(|(terms, name)| Some((commands::terms_name(name), terms?))).collect()
        })
        .boxed()
}

fn grants() -> impl Strategy<Value = GrantBonus> {
    let deposit = (select(&["psp", "psp"][..]), txns())
        .prop_map(|(psp, id)| PaymentRef { source: commands::source(psp), id });
    let old = option::weighted(0.1, txns());
    let amount = option::weighted(0.8, amounts());
    let played = option::weighted(0.15, played());
    (txns(), select(OFTEN), amount, currencies(), option::weighted(0.4, deposit), old, played).prop_map(
        |(id, name, amount, currency, deposit, old, played)| GrantBonus {
            terms: commands::terms_name(name),
            amount: if deposit.is_some() || played.is_some() { None } else { amount },
            currency,
            deposit,
            played,
            reactivates: old.map(|id| commands::award(id.as_str())),
            ..commands::grant_bonus(id.as_str(), "1")
        },
    )
}

fn offers() -> impl Strategy<Value = OfferBonus> {
    let until = select(&["2026-01-01T00:00:20Z", "2030-01-01T00:00:00Z", "2020-01-01T00:00:00Z"][..]);
    let until = option::weighted(0.3, until.prop_map(|text| text.parse().expect("an instant")));
    let amount = option::weighted(0.8, amounts());
    (txns(), select(OFTEN), amount, currencies(), until).prop_map(|(id, name, amount, currency, until)| {
        OfferBonus {
            terms: commands::terms_name(name),
            amount,
            currency,
            until,
            ..commands::offer_bonus(id.as_str(), "1")
        }
    })
}

fn claims() -> impl Strategy<Value = ClaimBonus> {
    let deposit = txns().prop_map(|id| PaymentRef { source: commands::source("psp"), id });
    (txns(), txns(), option::weighted(0.4, deposit)).prop_map(|(id, of, deposit)| ClaimBonus {
        deposit,
        ..commands::claim_bonus(id.as_str(), of.as_str())
    })
}

/// One command on bonuses.
pub(super) fn single() -> BoxedStrategy<PlayerCommand> {
    use ForfeitReason::{Breach, Operator, Player};
    let reason = select(&[Player, Breach, Operator][..]);
    let most = option::weighted(0.15, select(&["0", "10"][..]).prop_map(commands::decimal));
    let forfeits = (txns(), txns(), reason, most).prop_map(|(id, of, reason, forfeits_at_most)| {
        ForfeitBonus { reason, forfeits_at_most, ..commands::forfeit_bonus(id.as_str(), of.as_str()) }.into()
    });
    let expiries =
        (txns(), txns()).prop_map(|(id, of)| commands::expire_bonus(id.as_str(), of.as_str()).into());
    prop_oneof![
        6 => grants().prop_map(PlayerCommand::from),
        2 => completions().prop_map(PlayerCommand::from),
        3 => offers().prop_map(PlayerCommand::from),
        4 => claims().prop_map(PlayerCommand::from),
        1 => forfeits,
        1 => expiries,
    ]
    .boxed()
}

fn a_grant(command: &PlayerCommand) -> Option<&GrantBonus> {
    match command {
        PlayerCommand::GrantBonus(grant) => Some(grant),
        _ => None,
    }
}

fn an_offer(command: &PlayerCommand) -> Option<&OfferBonus> {
    match command {
        PlayerCommand::OfferBonus(offer) => Some(offer),
        _ => None,
    }
}

fn a_deposit(command: &PlayerCommand) -> Option<PaymentRef> {
    match command {
        PlayerCommand::RecordDeposit(c) => Some(PaymentRef { source: c.source.clone(), id: c.id.clone() }),
        _ => None,
    }
}

/// Aims a command at an earlier grant or deposit.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: Index) {
    match command {
        PlayerCommand::GrantBonus(grant) => {
            if grant.deposit.is_some() {
                grant.deposit = earlier(all, at, a_deposit).or(grant.deposit.take());
            }
            if let (Some(old), Some(earlier)) = (&mut grant.reactivates, earlier(all, at, a_grant)) {
                *old = earlier.award();
            }
        }
        PlayerCommand::ClaimBonus(claim) => {
            if let Some(offer) = earlier(all, at, an_offer) {
                claim.award = offer.award();
            }
            if claim.deposit.is_some() {
                claim.deposit = earlier(all, at, a_deposit).or(claim.deposit.take());
            }
        }
        PlayerCommand::ForfeitBonus(ForfeitBonus { award, .. })
        | PlayerCommand::ExpireBonus(ExpireBonus { award, .. }) => {
            if let Some(grant) = earlier(all, at, a_grant) {
                *award = grant.award();
            }
        }
        _ => {}
    }
}

/// The id of such a command.
pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    match command {
        PlayerCommand::GrantBonus(c) => Some(&mut c.id),
        PlayerCommand::OfferBonus(c) => Some(&mut c.id),
        PlayerCommand::ClaimBonus(c) => Some(&mut c.id),
        PlayerCommand::ForfeitBonus(c) => Some(&mut c.id),
        PlayerCommand::ExpireBonus(c) => Some(&mut c.id),
        _ => None,
    }
}
