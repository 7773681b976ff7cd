//! Transfers between players' pots, by the manager that comes with the ledger.

use std::sync::Arc;

use casino_ledger::core::stored::ExclusionKind;
use casino_ledger::core::testing::commands;
use casino_ledger::core::{
    ActorId, Block, HOST_NAMESPACES_MAX, HostData, HostName, HostNamespace, HostOperation, PlayerId, Reason,
};
use casino_ledger::process::{MemoryProcesses, NoEffects, TransferOrder, TransferOrderError, Transfers};
use casino_ledger::{Ledger, Settings};

use crate::process_kit::{
    End, Running, World, dies_at_every_step, dies_where_refusals_are_told_again, drive, player_in, quick,
};
use crate::support::{cash, code, eur, funded, open, player, source};

/// A jurisdiction that lets players send each other money.
fn lenient(settings: &mut Settings) {
    settings.policy.default_jurisdiction.player_transfers = true;
}

fn order(to: &str, amount: &str) -> TransferOrder {
    TransferOrder { to: player(to), amount: commands::decimal(amount), currency: eur() }
}

pub(crate) fn asked(payer: &PlayerId, id: &str, to: &str, amount: &str) -> HostOperation {
    order(to, amount).ask(payer, source("host"), commands::txn(id)).unwrap()
}

async fn carried(world: &World) {
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, Transfers::new().unwrap(), NoEffects, kept, quick());
    drive(&world.clock, &running).await;
    assert_eq!((running.handle.all().len(), running.handle.stuck()), (0, vec![]));
    running.kill().await;
}

fn in_transit(end: &End) -> Option<&str> {
    end.accounts.get("Real host:liability EUR").map(String::as_str)
}

#[tokio::test]
async fn e31_money_of_a_player_goes_to_another_through_an_account_of_the_house() {
    let world = World::new(lenient).await;
    let (p, q) = (funded(&world.ledger, "p", "100.00").await, funded(&world.ledger, "q", "5.00").await);
    world.ledger.execute(&p, asked(&p, "t1", "q", "30")).await.unwrap();
    assert_eq!(cash(&world.ledger, &p).await, "100.00", "asking moves nothing");
    carried(&world).await;
    assert_eq!(
        (cash(&world.ledger, &p).await, cash(&world.ledger, &q).await),
        ("70.00".into(), "35.00".into())
    );
    let end = world.end().await;
    assert_eq!(in_transit(&end), Some("30.00 30.00"));
    assert_eq!(end.accounts["Real player:cash EUR"], "30.00 135.00");
}

#[tokio::test]
async fn e31_where_the_policy_says_nothing_no_money_goes_between_players() {
    let world = World::new(|_| {}).await;
    let (p, _) = (funded(&world.ledger, "p", "100.00").await, funded(&world.ledger, "q", "5.00").await);
    world.ledger.execute(&p, asked(&p, "t1", "q", "30")).await.unwrap();
    carried(&world).await;
    assert_eq!(cash(&world.ledger, &p).await, "100.00");
    assert_eq!(in_transit(&world.end().await), None);
}

/// `p` pays 30 to `q`, to whom something is done.
async fn one_who_is(ledger: &Ledger, what: &str) {
    pays_one_who_is(ledger, (&player("p"), &player("q")), what).await;
}

async fn pays_one_who_is(ledger: &Ledger, (p, q): (&PlayerId, &PlayerId), what: &str) {
    funded(ledger, p.as_str(), "100.00").await;
    if what != "unknown" {
        let currency = if what == "poor in euros" { "USD" } else { "EUR" };
        ledger.execute(q, commands::open(&[currency])).await.unwrap();
    }
    match what {
        "closed" => drop(ledger.execute(q, commands::close_player("x")).await.unwrap()),
        "excluded" => {
            let excluded = commands::exclude("x", ExclusionKind::SelfExclusion, None);
            drop(ledger.execute(q, excluded).await.unwrap());
        }
        "blocked" => drop(ledger.execute(q, commands::block("x", Block::Deposits)).await.unwrap()),
        "full" => {
            for n in 0..HOST_NAMESPACES_MAX {
                let noted = HostOperation {
                    source: source("host"),
                    id: commands::txn(&format!("n{n}")),
                    namespace: HostNamespace::new(format!("acme.n{n}")).unwrap(),
                    name: HostName::new("noted").unwrap(),
                    version: 1,
                    data: HostData::new("{}").unwrap(),
                    state: None,
                    expected: None,
                    movement: None,
                };
                ledger.execute(q, noted).await.unwrap();
            }
        }
        _ => {}
    }
    ledger.execute(p, asked(p, "t1", q.as_str(), "30")).await.unwrap();
}

#[tokio::test]
async fn what_a_payee_cannot_have_goes_back() {
    for what in ["unknown", "poor in euros", "closed", "excluded", "blocked"] {
        let world = World::new(lenient).await;
        one_who_is(&world.ledger, what).await;
        carried(&world).await;
        assert_eq!(cash(&world.ledger, &player("p")).await, "100.00", "{what}");
        let end = world.end().await;
        assert_eq!(in_transit(&end), Some("30.00 30.00"), "{what}");
        assert_eq!(end.accounts["Real player:cash EUR"], "30.00 130.00", "{what}");
    }
}

#[tokio::test]
async fn a_payer_who_may_not_or_cannot_pay_keeps_his_money() {
    for (amount, is_excluded) in [("100.01", false), ("30", true)] {
        let world = World::new(lenient).await;
        let (p, q) = (funded(&world.ledger, "p", "100.00").await, funded(&world.ledger, "q", "5.00").await);
        world.ledger.execute(&p, asked(&p, "t1", "q", amount)).await.unwrap();
        if is_excluded {
            let excluded = commands::exclude("x", ExclusionKind::SelfExclusion, None);
            world.ledger.execute(&p, excluded).await.unwrap();
        }
        carried(&world).await;
        assert_eq!(cash(&world.ledger, &p).await, "100.00");
        assert_eq!(cash(&world.ledger, &q).await, "5.00");
        assert_eq!(in_transit(&world.end().await), None);
    }
}

/// A payee of whom the host keeps as much as it may has no room for the record either: an operator leaves it out. What goes back
/// is the payer's also if he excluded himself meanwhile.
#[tokio::test]
async fn what_cannot_be_put_on_record_goes_back_when_an_operator_says_so() {
    let world = World::new(lenient).await;
    one_who_is(&world.ledger, "full").await;
    let kept = Arc::new(MemoryProcesses::new());
    let running = Running::start(&world.ledger, Transfers::new().unwrap(), NoEffects, kept, quick());
    running.quiet().await;
    let p = player("p");
    let process = Transfers::process(&p, &source("host"), &commands::txn("t1")).unwrap();
    let stuck: Vec<_> = running.handle.stuck().into_iter().map(|stuck| (stuck.process, stuck.step)).collect();
    assert_eq!(stuck, [(process.clone(), Some("refused".to_owned()))]);
    assert_eq!(cash(&world.ledger, &p).await, "70.00");
    world.ledger.execute(&p, commands::exclude("x", ExclusionKind::SelfExclusion, None)).await.unwrap();
    let (by, why) = (ActorId::new("ann").unwrap(), Reason::new("he has no room").unwrap());
    running.handle.skip(&process, "refused", by, why).await.unwrap();
    drive(&world.clock, &running).await;
    assert_eq!((running.handle.all().len(), running.handle.stuck()), (0, vec![]));
    running.kill().await;
    assert_eq!(cash(&world.ledger, &p).await, "100.00");
    assert_eq!(in_transit(&world.end().await), Some("30.00 30.00"));
}

/// From a low shard to a high one, and back: one of the two players is heard first when the log is folded again.
fn both_ways() -> [(PlayerId, PlayerId); 2] {
    [(player_in(0), player_in(3)), (player_in(3), player_in(0))]
}

#[tokio::test]
async fn a_transfer_is_carried_once_wherever_it_dies() {
    for (p, q) in both_ways() {
        let end = dies_at_every_step(
            lenient,
            async |ledger: &Ledger| {
                funded(ledger, p.as_str(), "100.00").await;
                ledger.execute(&q, open()).await.unwrap();
                for (id, amount) in [("t1", "30"), ("t2", "20"), ("t3", "60")] {
                    ledger.execute(&p, asked(&p, id, q.as_str(), amount)).await.unwrap();
                }
            },
            || Transfers::new().unwrap(),
            || NoEffects,
            |_| Vec::new(),
        )
        .await;
        // The third is more than was left.
        assert_eq!(in_transit(&end), Some("50.00 50.00"));
        assert_eq!(end.accounts["Real player:cash EUR"], "50.00 150.00");
        assert_eq!(end.purses[&p], ["50.00 EUR"]);
        assert_eq!(end.purses[&q], ["50.00 EUR"]);
    }
}

#[tokio::test]
async fn a_transfer_that_is_refused_goes_back_once_wherever_it_dies() {
    for (p, q) in both_ways() {
        let end = dies_where_refusals_are_told_again(
            1,
            lenient,
            async |ledger: &Ledger| pays_one_who_is(ledger, (&p, &q), "excluded").await,
            || Transfers::new().unwrap(),
            || NoEffects,
            |_| Vec::new(),
        )
        .await;
        assert_eq!(in_transit(&end), Some("30.00 30.00"));
        assert_eq!(end.accounts["Real player:cash EUR"], "30.00 130.00");
        assert_eq!(end.purses[&p], ["100.00 EUR"]);
    }
}

/// Another runner that is behind cannot credit what went back: the refusal has the key of the credit.
#[tokio::test]
async fn what_went_back_cannot_come_after_all() {
    let world = World::new(lenient).await;
    one_who_is(&world.ledger, "blocked").await;
    carried(&world).await;
    let q = player("q");
    world.ledger.execute(&q, commands::unblock("u", Block::Deposits)).await.unwrap();
    let process = Transfers::process(&player("p"), &source("host"), &commands::txn("t1")).unwrap();
    let late = HostOperation {
        source: source("process/transfers"),
        id: process.transaction("received").unwrap(),
        ..asked(&q, "x", "p", "30")
    };
    assert_eq!(code(&world.ledger.execute(&q, late).await), "key_reused");
}

#[test]
fn a_transfer_to_himself_or_of_nothing_is_not_asked_for() {
    let (p, id) = (player("p"), commands::txn("t1"));
    let himself = order("p", "30").ask(&p, source("host"), id.clone());
    assert_eq!(himself.unwrap_err(), TransferOrderError::ToHimself);
    for amount in ["0", "-1"] {
        let nothing = order("q", amount).ask(&p, source("host"), id.clone());
        assert_eq!(nothing.unwrap_err(), TransferOrderError::Amount(commands::decimal(amount)));
    }
}
