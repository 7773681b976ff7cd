//! Mass operations: cashback, all rounds of a game called off, the close of a period.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use casino_ledger::core::stored::AccrualDirection;
use casino_ledger::core::testing::{commands, house_commands};
use casino_ledger::core::{
    BonusTerms, CashbackOf, DocumentName, GameId, HouseId, JurisdictionId, Policy, Reward,
};
use casino_ledger::process::{
    Call, EffectError, Effects, MASS_KIND, MassCall, MassItem, MassOperation, MassOperations, MassOrderCheck,
    MassPage, MemoryProcesses, open_rounds_of,
};
use casino_ledger::projections::rounds::{ReadRounds, Rounds};
use casino_ledger::projections::{Feed, MemoryHome, Runner, Settings as ViewSettings};
use casino_ledger::store::EventStore;
use casino_ledger::{ExecuteError, Ledger, Settings};

use crate::process_kit::{Running, World, dies_at_every_step, drive, quick};
use crate::support::{bet, cash, code, eur, funded, player, source};

/// A tenth of what was staked, to be had at once; and orders may be given.
pub(crate) fn generous(settings: &mut Settings) {
    let terms = BonusTerms {
        reward: Reward::Cashback {
            of: CashbackOf::Turnover,
            rates: [(commands::game_type("slots"), commands::basis_points(1_000))].into(),
            others: None,
            least: [].into(),
            most: [(eur(), "100.00".parse().unwrap())].into(),
        },
        ..commands::bonus_terms(0)
    };
    settings.policy =
        Policy { bonuses: [(commands::terms_name("welcome"), terms)].into(), ..Policy::default() };
    settings.documents = vec![Arc::new(MassOrderCheck::new().unwrap())];
}

const PLAYERS: usize = 7;

pub(crate) async fn order(
    ledger: &Ledger,
    name: &str,
    operation: &str,
) -> Result<casino_ledger::Receipt, ExecuteError> {
    let content = format!(r#"{{"operation":{operation},"order":"{name}"}}"#);
    let document = house_commands::publish(&format!("o-{name}"), MASS_KIND, name, &content);
    ledger.execute_house(&HouseId::new("configuration").unwrap(), document).await
}

pub(crate) const CASHBACK: &str = r#"{"currency":"EUR","from":"2025-12-01T00:00:00.000000Z","is":"cashback","terms":"welcome","to":"2026-01-01T00:00:00.000000Z"}"#;

async fn cashback_is_ordered(ledger: &Ledger) {
    for i in 0..PLAYERS {
        funded(ledger, &format!("p{i}"), "100.00").await;
    }
    order(ledger, "december", CASHBACK).await.unwrap();
}

/// What a host knows of its players.
struct Host;

#[async_trait]
impl Effects<MassOperations> for Host {
    async fn perform(&self, call: Call<'_, MassCall>) -> Result<MassPage, EffectError> {
        let from: usize = call.request.after.as_deref().map_or(0, |after| after.parse().unwrap());
        match &call.request.order.operation {
            MassOperation::Cashback { .. } => {
                // One more than there are: the ledger refuses him.
                let these = from..(from + 3).min(PLAYERS + 1);
                let next = (these.end <= PLAYERS).then(|| these.end.to_string());
                let item = |i: usize| MassItem::Played {
                    player: player(&format!("p{i}")),
                    played: commands::played(&[("slots", &format!("{}", (i + 1) * 10), "0")], "0"),
                };
                Ok(MassPage { items: these.map(item).collect(), next })
            }
            MassOperation::ClosePeriod { .. } => {
                let duty = MassItem::Duty {
                    authority: JurisdictionId::new("MT").unwrap(),
                    direction: AccrualDirection::Charge,
                    amount: commands::decimal("12.00"),
                    currency: eur(),
                };
                let fees = MassItem::Fees {
                    provider: source("prov"),
                    direction: AccrualDirection::Charge,
                    amount: commands::decimal("7.50"),
                    currency: eur(),
                };
                Ok(MassPage { items: vec![duty, fees], next: None })
            }
            _ => Err(EffectError::Never("not here".to_owned())),
        }
    }
}

pub(crate) fn manager() -> MassOperations {
    MassOperations::new().unwrap()
}

pub(crate) fn process(name: &str) -> casino_ledger::process::ProcessId {
    MassOperations::process(&DocumentName::new(name).unwrap()).unwrap()
}

#[tokio::test]
async fn a_cashback_reaches_every_player_once_and_says_what_it_came_to() {
    let world = World::new(generous).await;
    cashback_is_ordered(&world.ledger).await;
    let running = Running::start(&world.ledger, manager(), Host, Arc::new(MemoryProcesses::new()), quick());
    drive(&world.clock, &running).await;
    assert_eq!(running.handle.stuck(), []);
    let run = running.handle.process(&process("december")).unwrap();
    assert!(run.finished_at.is_some());
    assert_eq!((run.done, run.pages, run.left.len()), (7, 3, 0));
    assert_eq!(run.refused, [("player_unknown".to_owned(), 1)].into());
    for i in 0..PLAYERS {
        assert_eq!(cash(&world.ledger, &player(&format!("p{i}"))).await, format!("{}.00", 100 + i + 1));
    }
    running.kill().await;
    world.end().await;
}

#[tokio::test]
async fn a_cashback_is_given_once_wherever_it_dies() {
    let end = dies_at_every_step(
        generous,
        async |ledger: &Ledger| cashback_is_ordered(ledger).await,
        manager,
        || Host,
        |_| Vec::new(),
    )
    .await;
    assert_eq!(end.accounts["Real player:cash EUR"], "0.00 728.00");
}

#[tokio::test]
async fn a_period_is_closed_once_wherever_it_dies() {
    let end = dies_at_every_step(
        generous,
        async |ledger: &Ledger| {
            let close = r#"{"from":"2025-12-01","is":"close_period","to":"2025-12-31"}"#;
            order(ledger, "december", close).await.unwrap();
        },
        manager,
        || Host,
        |_| Vec::new(),
    )
    .await;
    assert_eq!(end.accounts["Real tax:gaming_duty EUR"], "0.00 12.00");
    assert_eq!(end.accounts["Real provider:fees_payable EUR"], "0.00 7.50");
}

#[tokio::test]
async fn orders_that_make_no_sense_are_not_published() {
    let world = World::new(generous).await;
    let wrong = [
        r#"{"is":"nothing"}"#,
        r#"{"from":"2026-01-01","is":"close_period","to":"2025-12-31"}"#,
        r#"{"game":"crash","is":"void_open_rounds","reason":"fault"}"#,
    ];
    for (i, operation) in wrong.iter().enumerate() {
        assert_eq!(
            code(&order(&world.ledger, &format!("w{i}"), operation).await),
            "document_invalid",
            "{operation}"
        );
    }
    let other = house_commands::publish(
        "o",
        MASS_KIND,
        "other",
        &format!(r#"{{"operation":{CASHBACK},"order":"x"}}"#),
    );
    let answer = world.ledger.execute_house(&HouseId::new("configuration").unwrap(), other).await;
    assert_eq!(code(&answer), "document_invalid");
    assert_eq!(code(&order(&world.ledger, "x", CASHBACK).await), "ok");
    let content = format!(r#"{{"operation":{},"order":"x"}}"#, CASHBACK.replace("-12-01", "-11-01"));
    let again = house_commands::publish("again", MASS_KIND, "x", &content);
    let answer = world.ledger.execute_house(&HouseId::new("configuration").unwrap(), again).await;
    assert_eq!(code(&answer), "document_invalid", "an order is given once");
}

/// Knows the rounds from the view.
struct FromView<R> {
    view: R,
    store: Arc<dyn EventStore>,
}

#[async_trait]
impl<R: ReadRounds + 'static> Effects<MassOperations> for FromView<R> {
    async fn perform(&self, call: Call<'_, MassCall>) -> Result<MassPage, EffectError> {
        let MassOperation::VoidOpenRounds { source, game, .. } = &call.request.order.operation else {
            return Err(EffectError::Never("not here".to_owned()));
        };
        let heads = self.store.heads().await.map_err(|error| EffectError::Again(error.to_string()))?;
        let after = call.request.after.as_deref();
        open_rounds_of(&self.view, &heads, (source, game), after, Duration::from_secs(5)).await
    }
}

/// E40: a game cannot go on by a fault of the system. All wagers go back; another game is not touched.
#[tokio::test]
async fn e40_all_wagers_of_a_game_go_back_and_those_of_others_do_not() {
    let world = World::new(generous).await;
    for i in 0..PLAYERS {
        let p = funded(&world.ledger, &format!("p{i}"), "100.00").await;
        world.ledger.execute(&p, bet("t1", "r1", "10.00")).await.unwrap();
        world.ledger.execute(&p, bet("t2", "r2", "1.00")).await.unwrap();
        let other = casino_ledger::core::PlaceBet {
            game: GameId::new("other-game").unwrap(),
            ..commands::bet("t3", "r3", "5.00")
        };
        world.ledger.execute(&p, other).await.unwrap();
    }
    let store = world.ledger.store();
    let feed = Feed::new(Arc::clone(&store));
    let home = MemoryHome::<Rounds>::new(store.identity());
    let view = home.reader();
    let follower = Runner::start(&feed, home, ViewSettings::default()).unwrap();
    let game = commands::bet("x", "x", "1").game;
    let void =
        format!(r#"{{"game":"{game}","is":"void_open_rounds","reason":"the server burns","source":"prov"}}"#);
    order(&world.ledger, "fault", &void).await.unwrap();
    let effects = FromView { view, store };
    let running =
        Running::start(&world.ledger, manager(), effects, Arc::new(MemoryProcesses::new()), quick());
    drive(&world.clock, &running).await;
    assert_eq!(running.handle.stuck(), []);
    let run = running.handle.process(&process("fault")).unwrap();
    assert!(run.finished_at.is_some());
    assert_eq!((run.done, run.refused.len()), (2 * 7, 0));
    for i in 0..PLAYERS {
        let reading = world.ledger.player(&player(&format!("p{i}"))).await.unwrap();
        assert_eq!(reading.balances()[0].cash.to_string(), "95.00");
        assert_eq!(reading.balances()[0].held.to_string(), "5.00");
    }
    running.kill().await;
    follower.stop(Duration::from_secs(5)).await.unwrap();
    world.end().await;
}
