//! What a kind of document may say: checks, asked when one is published.

use std::fmt::Debug;

use rust_decimal::Decimal;

use super::{Configuration, DocumentContent};
use crate::controls;
use crate::ids::{DocumentKind, DocumentName, IdError, SourceId};
use crate::loyalty;
use crate::money::CurrencyCode;
use crate::policy::{KeyScope, LimitRule, PlayTimeRule, Policy, Reaction, Reward, StakeRange};
use crate::rejection::Rejection;
use crate::time::Timestamp;

/// The kind of the document that says how sources behave: [`Policy`].
pub const POLICY_KIND: &str = "policy";

/// The one name a document of that kind has.
pub const POLICY_DOCUMENT: &str = "default";

/// A document that is to be published.
#[derive(Debug, Clone, Copy)]
pub struct DocumentDraft<'a> {
    /// Its name within its kind.
    pub name: &'a DocumentName,
    /// Its content.
    pub content: &'a DocumentContent,
    /// From when on it is to be in force.
    pub effective_from: Timestamp,
    /// The documents that are or will be in force.
    pub configuration: &'a Configuration,
}

/// A check of one kind of document, asked when one is published. What no check knows is not published.
///
/// It must be pure: equal arguments, equal answer, no clock, no input or output. It runs on the writer's thread.
pub trait DocumentCheck: Debug + Send + Sync {
    /// The kind it knows.
    fn kind(&self) -> &DocumentKind;

    /// Passes or refuses a document.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    fn check(&self, draft: &DocumentDraft<'_>) -> Result<(), String>;
}

/// The policy a content is; it must be written as this build writes it, so that both have one hash.
///
/// # Errors
///
/// What is wrong with it, in words.
pub fn policy_of(content: &DocumentContent) -> Result<Policy, String> {
    let policy: Policy = serde_json::from_str(content.as_str()).map_err(|error| error.to_string())?;
    let written = serde_json::to_string(&policy).map_err(|error| error.to_string())?;
    if written == content.as_str() {
        Ok(policy)
    } else {
        Err("a policy is written with its fields in their order, and without those at their default"
            .to_owned())
    }
}

/// Whether the keys of a source keep their scope. If it changed, what a source sent before would not be found under
/// its key, and its copy would be a new operation.
fn check_scopes(old: &Policy, new: &Policy) -> Result<(), String> {
    let changed = |source: &str, old: KeyScope, new: KeyScope| {
        if old == new { Ok(()) } else { Err(format!("the scope of keys of {source} can never change")) }
    };
    changed("sources that are not named", old.default.key_scope, new.default.key_scope)?;
    let named = |policy: &Policy, source: &SourceId| policy.sources.get(source).map(|own| own.key_scope);
    old.sources.keys().try_for_each(|source| {
        let scope = |policy| named(policy, source).unwrap_or(policy.default.key_scope);
        changed(source.as_str(), scope(old), scope(new))
    })
}

/// Time zones are known, limits have the form that limits have, and amounts are not below zero.
fn check_controls(policy: &Policy) -> Result<(), String> {
    let profiles = std::iter::once(&policy.default_jurisdiction).chain(policy.jurisdictions.values());
    for controls in profiles.map(|profile| &profile.controls) {
        if let Some(zone) = controls.zone.as_deref().filter(|zone| !controls::is_zone(zone)) {
            return Err(format!("{zone:?} is not a time zone of the IANA database"));
        }
        if let Some(rule) = controls.limits.iter().find(|rule| !controls::is_whole(&rule.term)) {
            return Err(format!(
                "a limit on {} needs a window, and one on single bets or the balance none",
                rule.term.kind.as_str()
            ));
        }
        controls::tiers_make_sense(controls)?;
        for rule in &controls.risk {
            if let Reaction::Limit { term, amount } = &rule.then
                && !(LimitRule { term: *term, amount: *amount }).is_sensible()
            {
                return Err(format!("the limit for {} is below zero, or its window is wrong", rule.signal));
            }
        }
        if controls.limits.iter().any(|rule| rule.amount.is_sign_negative()) {
            return Err("a limit is below zero".to_owned());
        }
        check_play_time("a jurisdiction", &controls.play_time)?;
    }
    check_limit_profiles(policy)?;
    check_games(policy)
}

/// Each limit on the time of play leaves some, and there is one over a window.
fn check_play_time(of: &str, rules: &[PlayTimeRule]) -> Result<(), String> {
    for (at, rule) in rules.iter().enumerate() {
        if rule.max_secs == 0 {
            return Err(format!("a limit of {of} on the time of play lets nobody play"));
        }
        if rules.iter().take(at).any(|other| other.window == rule.window) {
            return Err(format!("{of} has two limits on the time of play over one window"));
        }
    }
    Ok(())
}

fn check_limit_profiles(policy: &Policy) -> Result<(), String> {
    let all =
        policy.limit_profiles.iter().flat_map(|(name, profile)| profile.all().map(move |it| (name, it)));
    for (name, rule) in all {
        if !rule.is_sensible() {
            return Err(format!("a limit of the profile {name} is below zero, or its window is wrong"));
        }
    }
    for (name, profile) in &policy.limit_profiles {
        check_play_time(&format!("the profile {name}"), &profile.play_time)?;
    }
    Ok(())
}

/// The least stake of a game is not above the most, and none is below zero.
fn check_games(policy: &Policy) -> Result<(), String> {
    let check = |what: String, currency: &CurrencyCode, range: &StakeRange| {
        let below =
            [range.min, range.max, range.round_max].into_iter().flatten().any(|it| it.is_sign_negative());
        let is_above = |most: Option<Decimal>| range.min.zip(most).is_some_and(|(min, max)| min > max);
        let crossed = is_above(range.max) || is_above(range.round_max);
        if below || crossed {
            return Err(format!("the stakes of {what} in {currency} are below zero or none"));
        }
        Ok(())
    };
    for (game, rule) in &policy.games.games {
        let others = rule.stakes_by_jurisdiction.values().flatten();
        for (currency, range) in rule.stakes.iter().chain(others) {
            check(game.to_string(), currency, range)?;
        }
    }
    let laws = policy.jurisdictions.values().chain([&policy.default_jurisdiction]);
    let laws = laws.map(|law| &law.controls.stakes);
    let all = laws.chain(policy.limit_profiles.values().map(|profile| &profile.stakes));
    for (category, currency, range) in all
        .flatten()
        .flat_map(|(category, stakes)| stakes.iter().map(move |(it, range)| (category, it, range)))
    {
        check(format!("the category {category}"), currency, range)?;
    }
    Ok(())
}

/// Terms of bonuses do not contradict themselves, no jurisdiction they are for forbids them (B05), and free rounds are paid
/// as a bonus under terms that take any amount.
fn check_bonuses(policy: &Policy) -> Result<(), String> {
    for (name, terms) in &policy.bonuses {
        if let Some(what) = terms.contradiction() {
            return Err(format!("bonus {name}: {what}"));
        }
        // Terms for all are for those of the default profile and of every one that is named.
        let of_default = policy.default_jurisdiction.bonuses.forbid(terms);
        if let Some(what) = of_default.filter(|_| terms.jurisdictions.is_empty()) {
            return Err(format!("bonus {name}: where no profile is named, {what}"));
        }
        let named = policy.jurisdictions.keys().filter(|jurisdiction| terms.are_for(jurisdiction));
        for jurisdiction in named.chain(&terms.jurisdictions) {
            if let Some(what) = policy.profile(jurisdiction).bonuses.forbid(terms) {
                return Err(format!("bonus {name}: in {jurisdiction} {what}"));
            }
        }
    }
    for (campaign, name) in &policy.free_round_bonuses {
        let reward = policy.bonuses.get(name).map(|terms| &terms.reward);
        if !matches!(reward, Some(Reward::Given { .. })) {
            return Err(format!("free rounds of {campaign} need terms that give what they won"));
        }
    }
    for (name, terms) in &policy.loyalty {
        let reward = policy.bonuses.get(&terms.into).map(|terms| &terms.reward);
        if !matches!(reward, Some(Reward::Given { .. })) {
            return Err(format!(
                "the programme {name} needs terms of a bonus that give what points are worth"
            ));
        }
        if !loyalty::is_sensible(terms) {
            return Err(format!("the programme {name} has a price, weight or worth that makes no sense"));
        }
    }
    Ok(())
}

/// A policy follows the one in force and every one that is still to come.
fn check_policy(draft: &DocumentDraft<'_>, in_force: &Policy) -> Result<(), String> {
    if draft.name.as_str() != POLICY_DOCUMENT {
        return Err(format!("the one policy of a ledger is called {POLICY_DOCUMENT}"));
    }
    let policy = policy_of(draft.content)?;
    check_scopes(in_force, &policy)?;
    check_controls(&policy)?;
    check_bonuses(&policy)?;
    let kind = DocumentKind::new(POLICY_KIND).map_err(|error: IdError| error.to_string())?;
    let known = draft.configuration.document(&kind, draft.name);
    let others = known.into_iter().flat_map(super::PublishedDocument::versions);
    for content in others.filter_map(|version| draft.configuration.content(&version.hash)) {
        check_scopes(&policy_of(content)?, &policy)?;
    }
    Ok(())
}

/// Asks the check of a document's kind.
pub(super) fn check(
    kind: &DocumentKind,
    draft: &DocumentDraft<'_>,
    checks: &[std::sync::Arc<dyn DocumentCheck>],
    in_force: &Policy,
) -> Result<(), Rejection> {
    let checked = if kind.as_str() == POLICY_KIND {
        check_policy(draft, in_force)
    } else {
        match checks.iter().find(|check| check.kind() == kind) {
            Some(check) => check.check(draft),
            None => Err("nobody knows this kind of document".to_owned()),
        }
    };
    checked.map_err(|what| Rejection::DocumentInvalid { what: what.chars().take(200).collect() })
}
