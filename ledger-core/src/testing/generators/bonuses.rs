//! Bonuses: terms of many kinds, grants, and the ways they end, at random.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeMap;

use super::{PlayerCommand, amounts, commands, currencies, earlier, txns};
use crate::bonus::{ExpireBonus, ForfeitBonus, GrantBonus};
use crate::ids::{TermsName, TransactionId};
use crate::money::{Amount, CurrencyCode};
use crate::policy::{
    AboveMaxBet, BonusTerms, FundOrder, MaxBet, MaxConversion, Reward, WageringBase, WageringCount,
    WageringTerms, Weights,
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

fn terms() -> impl Strategy<Value = BonusTerms> {
    use WageringCount::{AllBets, BonusBets, RealBets};
    let reward = prop_oneof![
        4 => Just(Reward::Given { most: euros("100.00") }),
        2 => Just(Reward::Fixed { amounts: euros("33.33") }),
        3 => select(&[5_000_u32, 10_000, 3_333][..])
            .prop_map(|rate| Reward::Match { rate: commands::basis_points(rate), most: euros("50.00") }),
        1 => Just(Reward::Fixed { amounts: euros("0.001") }),
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
            campaign: commands::sub_account("welcome"),
            reward,
            wagering: WageringTerms { base, times: commands::basis_points(times), counts },
            weights,
            funds,
            max_conversion,
            min_to_terminate: least.unwrap_or_default(),
            max_bet: stakes.0,
            buy_feature: stakes.1,
            expires_after_secs: secs,
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
    (txns(), select(OFTEN), amount, currencies(), option::weighted(0.4, deposit), old).prop_map(
        |(id, name, amount, currency, deposit, old)| GrantBonus {
            terms: commands::terms_name(name),
            amount: if deposit.is_some() { None } else { amount },
            currency,
            deposit,
            reactivates: old.map(|id| commands::award(id.as_str())),
            ..commands::grant_bonus(id.as_str(), "1")
        },
    )
}

/// One command on bonuses.
pub(super) fn single() -> BoxedStrategy<PlayerCommand> {
    use ForfeitReason::{Breach, Operator, Player};
    let reason = select(&[Player, Breach, Operator][..]);
    let forfeits = (txns(), txns(), reason).prop_map(|(id, of, reason)| {
        ForfeitBonus { reason, ..commands::forfeit_bonus(id.as_str(), of.as_str()) }.into()
    });
    let expiries =
        (txns(), txns()).prop_map(|(id, of)| commands::expire_bonus(id.as_str(), of.as_str()).into());
    prop_oneof![
        6 => grants().prop_map(PlayerCommand::from),
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
        PlayerCommand::ForfeitBonus(c) => Some(&mut c.id),
        PlayerCommand::ExpireBonus(c) => Some(&mut c.id),
        _ => None,
    }
}
