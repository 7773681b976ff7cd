//! What commands are decided under: the policy in force, its hash, and the host's checks that it names.
//!
//! A ledger's settings have a policy. Once one is published (`house/configuration`), the newest version that takes
//! effect by a commit's instant is in force instead. The writer looks once for every batch of work it takes in, so a
//! decision rests on one document; the commit names its hash.

use std::sync::Arc;

use ledger_core::{
    Configuration, ContentHash, DocumentContent, DocumentKind, DocumentName, DocumentVersion,
    POLICY_DOCUMENT, POLICY_KIND, Policy, PreCheck, Timestamp, policy_of,
};

use crate::error::OpenError;
use crate::settings::Settings;

/// A policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyInForce {
    /// The policy.
    pub policy: Policy,
    /// Its hash, as it stands in every commit that is decided under it.
    pub hash: ContentHash,
    /// The version of the published document; `None` of the policy of the settings.
    pub version: Option<u64>,
}

/// What a command is decided under.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) in_force: Arc<PolicyInForce>,
    /// The checks that the policy names, in the order of the settings.
    pub(crate) checks: Vec<Arc<dyn PreCheck>>,
    /// Why this process cannot decide under it, if it cannot: only what is known already is answered then.
    pub(crate) unusable: Option<String>,
}

impl Rules {
    pub(crate) fn policy(&self) -> &Policy {
        &self.in_force.policy
    }

    /// The rules of a policy, with the checks that were given for it.
    fn new(policy: Policy, hash: ContentHash, version: Option<u64>, given: &[Arc<dyn PreCheck>]) -> Self {
        let is_named = |check: &&Arc<dyn PreCheck>| policy.checks.get(check.name()) == Some(&check.version());
        let checks: Vec<Arc<dyn PreCheck>> = given.iter().filter(is_named).cloned().collect();
        let is_missing = |name| !checks.iter().any(|check| check.name() == name);
        let missing = policy.checks.iter().find(|(name, _)| is_missing(*name));
        let unusable = missing.map(|(name, version)| {
            format!(
                "the policy in force names the check {name} version {version}, which this process has not"
            )
        });
        Self { in_force: Arc::new(PolicyInForce { policy, hash, version }), checks, unusable }
    }

    /// Rules that nothing can be decided under, because the document cannot be read. What is known is found under
    /// the keys of the policy before.
    fn unreadable(before: &Self, version: &DocumentVersion, what: &str) -> Self {
        let in_force = PolicyInForce {
            policy: before.policy().clone(),
            hash: version.hash,
            version: Some(version.version),
        };
        let unusable = Some(format!("the policy in force cannot be read by this build: {what}"));
        Self { in_force: Arc::new(in_force), checks: Vec::new(), unusable }
    }
}

/// The policy of the settings, and the published versions that are or will be in force.
#[derive(Debug)]
pub(crate) struct Schedule {
    settings: Arc<Rules>,
    published: Vec<(DocumentVersion, Arc<Rules>)>,
}

/// The name of the one published policy.
fn name() -> Result<(DocumentKind, DocumentName), String> {
    let text = |error: ledger_core::IdError| error.to_string();
    Ok((DocumentKind::new(POLICY_KIND).map_err(text)?, DocumentName::new(POLICY_DOCUMENT).map_err(text)?))
}

impl Schedule {
    /// The schedule of the settings alone.
    pub(crate) fn new(settings: &Settings) -> Result<Self, OpenError> {
        let hash = settings
            .policy
            .content_hash()
            .map_err(|e| OpenError::Setting { name: "policy", reason: e.to_string() })?;
        let rules = Rules::new(settings.policy.clone(), hash, None, &settings.checks);
        Ok(Self { settings: Arc::new(rules), published: Vec::new() })
    }

    /// Takes in the published versions. Rules that are there already stay the same ones.
    pub(crate) fn publish(&mut self, configuration: &Configuration, given: &[Arc<dyn PreCheck>]) {
        let Ok((kind, name)) = name() else { return };
        let versions = configuration.document(&kind, &name).map_or(&[][..], |document| document.versions());
        let mut published: Vec<(DocumentVersion, Arc<Rules>)> = Vec::with_capacity(versions.len());
        for version in versions {
            let known = self.published.iter().find(|(known, _)| known == version);
            let rules = match (known, configuration.content(&version.hash)) {
                (Some((_, rules)), _) => Arc::clone(rules),
                (None, content) => {
                    let before = published.last().map_or(&self.settings, |(_, rules)| rules);
                    Arc::new(rules_of(content, version, before, given))
                }
            };
            published.push((*version, rules));
        }
        self.published = published;
    }

    /// What is in force at an instant, and when that changes next, as far as is known.
    pub(crate) fn at(&self, now: Timestamp) -> (&Arc<Rules>, Option<Timestamp>) {
        let found = self.published.iter().rposition(|(version, _)| version.effective_from <= now);
        let later = found.map_or(&self.published[..], |at| &self.published[at + 1..]);
        let next = later.iter().map(|(version, _)| version.effective_from).min();
        (found.map_or(&self.settings, |at| &self.published[at].1), next)
    }

    /// Every check that was given is named by the policy of the settings or by a published one: one that is never
    /// asked is a mistake.
    pub(crate) fn check_given(&self, settings: &Settings) -> Result<(), OpenError> {
        let policies =
            || std::iter::once(&self.settings).chain(self.published.iter().map(|(_, rules)| rules));
        let is_named = |check: &Arc<dyn PreCheck>| {
            policies().any(|rules| rules.policy().checks.contains_key(check.name()))
        };
        match settings.checks.iter().find(|check| !is_named(check)) {
            Some(check) => Err(OpenError::Setting {
                name: "checks",
                reason: format!("no policy names the check {}", check.name()),
            }),
            None => Ok(()),
        }
    }
}

fn rules_of(
    content: Option<&DocumentContent>,
    version: &DocumentVersion,
    before: &Rules,
    given: &[Arc<dyn PreCheck>],
) -> Rules {
    let content = content.ok_or_else(|| "its content is not there".to_owned());
    match content.and_then(policy_of) {
        Ok(policy) => Rules::new(policy, version.hash, Some(version.version), given),
        Err(what) => Rules::unreadable(before, version, &what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger_core::testing::generators::{HouseStep, house_histories};
    use ledger_core::testing::{TestHouse, house_commands};
    use ledger_core::{HostName, PlayerCommand, PlayerState, Refused, ShortfallPolicy};
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Check(HostName, u32);

    impl PreCheck for Check {
        fn name(&self) -> &HostName {
            &self.0
        }
        fn version(&self) -> u32 {
            self.1
        }
        fn check(&self, _: &PlayerState, _: &PlayerCommand, _: Timestamp) -> Result<(), Refused> {
            Ok(())
        }
    }

    fn check(name: &str, version: u32) -> Arc<dyn PreCheck> {
        Arc::new(Check(HostName::new(name).unwrap(), version))
    }

    fn published(policy: &Policy) -> TestHouse {
        let mut house = TestHouse::new("configuration");
        house.execute(&house_commands::publish_policy("P1", policy).into()).unwrap();
        house
    }

    fn naming(name: &str, version: u32) -> Policy {
        let mut policy = Policy::default();
        policy.checks.insert(HostName::new(name).unwrap(), version);
        policy
    }

    #[test]
    fn the_checks_in_force_are_those_the_policy_names() {
        let mut settings = Settings::new().unwrap();
        settings.policy = naming("acme.vip", 1);
        settings.checks = vec![check("acme.vip", 1), check("acme.vip", 2)];
        let mut schedule = Schedule::new(&settings).unwrap();
        assert_eq!(
            schedule.at(Timestamp::EPOCH).0.checks.iter().map(|c| c.version()).collect::<Vec<_>>(),
            [1]
        );
        let house = published(&naming("acme.vip", 2));
        schedule.publish(house.state().configuration(), &settings.checks);
        let (rules, next) = schedule.at(house.now());
        assert_eq!(rules.checks.iter().map(|c| c.version()).collect::<Vec<_>>(), [2]);
        assert_eq!((rules.in_force.version, next, rules.unusable.is_none()), (Some(1), None, true));
        assert_eq!(schedule.at(Timestamp::EPOCH).1, Some(house.now()), "before it is in force");
        assert!(schedule.check_given(&settings).is_ok());
        settings.checks.push(check("acme.other", 1));
        assert!(schedule.check_given(&settings).is_err(), "nobody asks it");
    }

    #[test]
    fn a_policy_whose_check_is_not_there_is_not_decided_under() {
        let settings = Settings::new().unwrap();
        let mut schedule = Schedule::new(&settings).unwrap();
        let house = published(&naming("acme.vip", 2));
        schedule.publish(house.state().configuration(), &[check("acme.vip", 1)]);
        let rules = schedule.at(house.now()).0;
        assert!(rules.unusable.as_ref().is_some_and(|what| what.contains("acme.vip version 2")), "{rules:?}");
    }

    #[test]
    fn rules_stay_the_same_while_others_are_published() {
        let settings = Settings::new().unwrap();
        let mut schedule = Schedule::new(&settings).unwrap();
        let mut house = published(&Policy::default());
        schedule.publish(house.state().configuration(), &[]);
        let before = Arc::clone(schedule.at(house.now()).0);
        let mut policy = Policy::default();
        policy.default.on_shortfall = ShortfallPolicy::Reject;
        let later = ledger_core::PublishDocument {
            effective_from: Some(Timestamp::MAX),
            ..house_commands::publish_policy("P2", &policy)
        };
        house.execute(&later.into()).unwrap();
        schedule.publish(house.state().configuration(), &[]);
        let (after, next) = schedule.at(house.now());
        assert!(Arc::ptr_eq(&before, after));
        assert_eq!(next, Some(Timestamp::MAX));
        assert_eq!(schedule.at(Timestamp::MAX).0.in_force.version, Some(2));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever is published when: the schedule says what the core says, at every instant, and names the next
        /// one at which that changes.
        #[test]
        fn the_schedule_is_what_the_documents_say(history in house_histories("configuration", 1..30)) {
            let settings = Settings::new().unwrap();
            let mut schedule = Schedule::new(&settings).unwrap();
            let mut house = TestHouse::new("configuration");
            let (kind, name) = name().unwrap();
            for step in history {
                match step {
                    HouseStep::Wait(secs) => house.advance_secs(secs),
                    HouseStep::Command(command) => drop(house.execute(&command).unwrap()),
                }
                let configuration = house.state().configuration();
                schedule.publish(configuration, &[]);
                for secs in [0, 1, 29, 30, 31, 60, 89, 90, 3_599, 3_600, 100_000] {
                    let now = Timestamp::from_micros(house.now().as_micros() + secs * 1_000_000).unwrap();
                    let expected = configuration.in_force(&kind, &name, now).map(|(version, _)| *version);
                    let (rules, next) = schedule.at(now);
                    prop_assert_eq!(rules.in_force.version, expected.map(|version| version.version));
                    let hash = expected.map_or(settings.policy.content_hash().unwrap(), |version| version.hash);
                    prop_assert_eq!(rules.in_force.hash, hash);
                    if let Some(next) = next {
                        prop_assert!(next > now);
                        let before = Timestamp::from_micros(next.as_micros() - 1).unwrap();
                        prop_assert!(Arc::ptr_eq(schedule.at(before).0, rules));
                    }
                }
            }
        }
    }
}
