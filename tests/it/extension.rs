//! The example of an extension does what it says.

#[path = "../../examples/extension.rs"]
mod example;

#[tokio::test]
async fn the_story_of_the_extension_comes_out() {
    let story = example::story().await.unwrap();
    assert_eq!(
        story,
        example::Story {
            refused: "the host's check acme.lounge (version 1) refuses: acme.lounge".to_owned(),
            points: 0,
            cash: "65.30".to_owned(),
            expense: "0.30".to_owned(),
        }
    );
}

#[tokio::test]
async fn the_policy_must_name_the_checks_that_are_given() {
    use casino_ledger::core::HostName;
    use casino_ledger::store::{MemoryStore, ShardCount};
    use casino_ledger::{Ledger, OpenError, Settings};
    let mut settings = Settings::new().unwrap();
    settings.policy.checks.insert(HostName::new("acme.lounge").unwrap(), 2);
    let store = std::sync::Arc::new(MemoryStore::new(crate::support::identity(ShardCount::ONE)));
    let opened = Ledger::with_store(store, settings).await;
    assert!(matches!(opened, Err(OpenError::Setting { name: "checks", .. })));
}
