//! The policy that the configuration comes to: how each provider behaves, which games there are, and, where the demo is, its
//! terms.

use std::collections::{BTreeMap, BTreeSet};

use casino_ledger::Decimal;
use casino_ledger::core::{
    ApprovalStep, BasisPoints, BonusTerms, CurrencyCode, DestinationPolicy, FundOrder, GameRule, GameType,
    KeyScope, KycRequirement, Leaving, MaxBet, Policy, Principal, Reward, SessionPolicy, SourcePolicy,
    StakeRange, SubAccount, TermsName, WageringTerms, Weights, WithdrawalTerms,
};

use crate::config::{Checked, ConfigError, DialectName, Game, Provider};

/// The policy of a configuration: the file it names, or the demo's if it says so, or the library's own; with its providers and
/// its games in it.
///
/// # Errors
///
/// [`ConfigError`] if the file cannot be read or is no policy.
pub fn of(checked: &Checked) -> Result<Policy, ConfigError> {
    let fault = |what: String| ConfigError { faults: vec![format!("policy: {what}")] };
    let mut policy = match &checked.config.policy {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| fault(format!("{}: {error}", path.display())))?;
            serde_json::from_str(&text).map_err(|error| fault(error.to_string()))?
        }
        None if checked.config.demo_policy => demo().map_err(|error| fault(error.to_string()))?,
        None => Policy::default(),
    };
    for provider in checked.providers.values() {
        let source = source(provider, checked.config.session_secs);
        policy.sources.entry(provider.source.clone()).or_insert(source);
    }
    for (id, game) in &checked.games {
        let currencies = checked.brands.values().flat_map(|brand| &brand.currencies);
        let rule = rule(game, currencies).map_err(fault)?;
        policy.games.games.entry(id.clone()).or_insert(rule);
    }
    Ok(policy)
}

/// What of the configuration's policy another one that is in force says otherwise, or not at all: the switches apart, which
/// are what policies are published for.
pub fn not_in_force(configured: &Policy, in_force: &Policy) -> Vec<String> {
    let mut others = Vec::new();
    for (source, of) in &configured.sources {
        let switches = in_force.of(source).switches.clone();
        match in_force.sources.get(source) {
            None => others.push(format!("the source {source} is missing")),
            Some(other) if *other != (SourcePolicy { switches, ..of.clone() }) => {
                others.push(format!("the source {source} differs"));
            }
            Some(_) => {}
        }
    }
    for (game, rule) in &configured.games.games {
        match in_force.games.games.get(game) {
            None => others.push(format!("the game {game} is missing")),
            Some(other) if other != rule => others.push(format!("the game {game} differs")),
            Some(_) => {}
        }
    }
    let mut rest = configured.clone();
    rest.sources.clone_from(&in_force.sources);
    rest.games.games.clone_from(&in_force.games.games);
    rest.default.switches.clone_from(&in_force.default.switches);
    if rest != *in_force {
        others.push("what it says beside sources and games differs".to_owned());
    }
    others
}

/// How a provider behaves, by its protocol and its switches.
fn source(provider: &Provider, session_secs: u32) -> SourcePolicy {
    let base = SourcePolicy {
        round_close: provider.round_close,
        sessions: SessionPolicy { ttl_secs: Some(session_secs), ..SessionPolicy::default() },
        ..SourcePolicy::default()
    };
    match provider.dialect {
        // Its action ids are unique over all kinds (S22), and it sends wins without a bet (S56).
        DialectName::Gcp => SourcePolicy { key_scope: KeyScope::AnyKind, credit_without_debit: true, ..base },
        _ => base,
    }
}

/// What the policy says of a game.
///
/// # Errors
///
/// What is wrong with it.
pub fn rule<'a>(game: &Game, currencies: impl Iterator<Item = &'a String>) -> Result<GameRule, String> {
    let amount = |text: &Option<String>| {
        let amount = text.as_deref().map(Decimal::from_str_exact).transpose();
        amount.map_err(|error| format!("game {}: {error}", game.id))
    };
    let range = StakeRange { min: amount(&game.min_bet)?, max: amount(&game.max_bet)?, round_max: None };
    let category = GameType::new(game.category.as_str()).map_err(|error| error.to_string())?;
    let mut stakes = BTreeMap::new();
    if range != StakeRange::default() {
        for code in currencies {
            let code: CurrencyCode = code.parse().map_err(|_| format!("{code} is no currency"))?;
            stakes.insert(code, range.clone());
        }
    }
    Ok(GameRule { category: Some(category), stakes, ..GameRule::default() })
}

/// The demo's: small withdrawals go by themselves, large ones need two persons; a welcome bonus.
fn demo() -> Result<Policy, Box<dyn std::error::Error>> {
    let mut policy = Policy::default();
    policy.withdrawals.kyc = KycRequirement::NotRequired;
    policy.withdrawals.destination = DestinationPolicy::Any;
    let mut amounts = BTreeMap::new();
    for code in ["EUR", "USD", "GBP"] {
        let code = CurrencyCode::new(code)?;
        amounts.insert(code, "100.00".parse()?);
        let terms = WithdrawalTerms {
            auto_approve_max: Some(Decimal::from(50)),
            approvals: vec![
                ApprovalStep { from: Decimal::ZERO, approvals: 1 },
                ApprovalStep { from: Decimal::from(1_000), approvals: 2 },
            ],
            ..WithdrawalTerms::default()
        };
        policy.withdrawals.currencies.insert(code, terms);
    }
    let welcome = BonusTerms {
        campaign: SubAccount::new("welcome")?,
        reward: Reward::Match { rate: BasisPoints::new(10_000)?, most: amounts.clone() },
        wagering: WageringTerms { times: BasisPoints::new(100_000)?, ..WageringTerms::default() },
        weights: Weights::default(),
        funds: FundOrder::default(),
        max_conversion: None,
        min_to_terminate: BTreeMap::new(),
        max_bet: MaxBet::default(),
        buy_feature: false,
        expires_after_secs: Some(30 * 86_400),
        jurisdictions: BTreeSet::new(),
        leaving: Leaving::default(),
        principal: Principal::default(),
        post_paid: false,
        release_every: None,
        product: None,
        not_beside: BTreeSet::new(),
    };
    let gift = BonusTerms {
        campaign: SubAccount::new("gift")?,
        reward: Reward::Given { most: amounts },
        ..welcome.clone()
    };
    policy.bonuses.insert(TermsName::new("welcome")?, welcome);
    policy.bonuses.insert(TermsName::new("gift")?, gift);
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use casino_ledger::core::SourceSwitch;

    use crate::config::{Config, Secret};
    use crate::demo;

    use super::*;

    #[test]
    fn the_terms_of_the_demo_are_the_demos_alone() -> Result<(), Box<dyn std::error::Error>> {
        let of_demo = of(&demo::config().check()?)?;
        assert_eq!(of_demo.withdrawals.kyc, KycRequirement::NotRequired);
        assert!(!of_demo.bonuses.is_empty());
        let real = Config { secret: Secret::new("s".repeat(32)), ..Config::default() };
        let real = of(&real.check()?)?;
        assert_eq!(real.withdrawals, Policy::default().withdrawals);
        assert_ne!(real.withdrawals.kyc, KycRequirement::NotRequired);
        assert!(real.bonuses.is_empty());
        // Whose providers and games they are makes no difference.
        let real = of(&Config { demo_policy: false, ..demo::config() }.check()?)?;
        assert_eq!(real.withdrawals, Policy::default().withdrawals);
        assert!(!real.games.games.is_empty());
        Ok(())
    }

    #[test]
    fn what_of_the_configuration_does_not_hold_is_told() -> Result<(), Box<dyn std::error::Error>> {
        let checked = demo::config().check()?;
        let configured = of(&checked)?;
        let mut other = configured.clone();
        for source in other.sources.values_mut().chain(std::iter::once(&mut other.default)) {
            source.switches.push(SourceSwitch::Maintenance);
        }
        assert_eq!(not_in_force(&configured, &other), Vec::<String>::new(), "switches are what it is for");
        let mut names = other.games.games.keys().cloned();
        let (gone, changed) = (names.next().ok_or("a game")?, names.next().ok_or("two")?);
        drop(names);
        other.games.games.remove(&gone);
        other.games.games.insert(changed.clone(), GameRule::default());
        let mut sources = other.sources.keys().cloned();
        let (lost, turned) = (sources.next().ok_or("a source")?, sources.next().ok_or("two")?);
        drop(sources);
        other.sources.remove(&lost);
        other.sources.entry(turned.clone()).or_default().sessions.ttl_secs = Some(1);
        other.withdrawals = Policy::default().withdrawals;
        let told = not_in_force(&configured, &other);
        let wanted = [
            format!("the source {lost} is missing"),
            format!("the source {turned} differs"),
            format!("the game {gone} is missing"),
            format!("the game {changed} differs"),
            "what it says beside sources and games differs".to_owned(),
        ];
        assert_eq!(told, wanted);
        Ok(())
    }

    #[test]
    fn a_file_goes_before_the_terms_of_the_demo() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("policy.json");
        std::fs::write(&file, serde_json::to_string(&Policy::default())?)?;
        let config = Config { policy: Some(file.clone()), ..demo::config() };
        assert_eq!(of(&config.clone().check()?)?.withdrawals, Policy::default().withdrawals);
        std::fs::write(&file, "{\"withdrawals\": 1}")?;
        assert!(of(&config.check()?).is_err());
        Ok(())
    }
}
