//! PostgreSQL keeps the contract: with one shard and with many, in both modes, at three levels of isolation, with
//! conflicts and lost connections all the while, and on a server that is killed.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ledger_store::postgres::{AppendMode, Isolation};
use ledger_store::testing::{Hook, Stall, StoreBuilder};
use ledger_store::{
    EventStore, HistoryLoss, LedgerIdentity, LostAnswer, Shard, ShardCount, StoreError, StoredCommit,
};
use ledger_testkit::postgres::Ending;
use ledger_testkit::proxy::Trick;

use crate::postgres_support::{Manner, Place};

/// A schema on the server that the tests share.
struct Shared {
    shards: u16,
    manner: Manner,
}

/// A server for each ledger, killed where the power is cut.
struct Killed(u16);

/// The shared server, whose statements are broken off for conflicts that never were, and whose connections are
/// lost between statement and answer.
struct Troubled(AppendMode);

/// Every so many appends lose their connection.
const LOST_EVERY: usize = 4;

/// Of every four updates of some heads the first two are broken off.
const CONFLICTS: &str = "
    CREATE SEQUENCE conflicts;
    CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        -- A sequence counts also what is rolled back.
        IF nextval('conflicts') % 4 IN (1, 2) THEN
            RAISE EXCEPTION 'as told' USING ERRCODE = '40001';
        END IF;
        RETURN NULL;
    END $$;
    ALTER FUNCTION conflict() SET search_path FROM CURRENT;
    CREATE CONSTRAINT TRIGGER conflict AFTER UPDATE ON head DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.shard % 16 = 15) EXECUTE FUNCTION conflict()";

fn troubled(place: &Place) {
    place.proxy.keep_playing(LOST_EVERY, b'B', b"{\"partition\":");
}

#[async_trait]
impl StoreBuilder for Troubled {
    type Guard = Place;

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, Place), StoreError> {
        let mut place = Place::shared(Manner { mode: self.0, isolation: Isolation::RepeatableRead });
        place.patience = Duration::from_secs(20);
        let store = place.create(identity).await?;
        place.run(CONFLICTS).await;
        troubled(&place);
        Ok((Arc::new(store), place))
    }

    async fn reopen(&self, place: &mut Place) -> Result<Arc<dyn EventStore>, StoreError> {
        let store = place.open().await?;
        troubled(place);
        Ok(Arc::new(store))
    }

    async fn power_cut(&self, place: &mut Place) -> Hook {
        place.disconnect().await;
        Hook::Done
    }

    async fn lose_history(&self, place: &mut Place, shard: Shard, loss: HistoryLoss) -> Hook {
        lose_history(place, shard, loss).await
    }
}

fn many(mode: AppendMode, isolation: Isolation) -> Shared {
    Shared { shards: 64, manner: Manner { mode, isolation } }
}

fn play(place: &Place, answer: LostAnswer) -> Hook {
    let trick = match answer {
        LostAnswer::Landed => Trick::DropAnswer,
        LostAnswer::NeverArrived => Trick::DropRequest,
    };
    // What every body begins with, and no other message holds.
    place.proxy.play(trick, b"{\"partition\":");
    Hook::Done
}

async fn damage(place: &Place, commit: &StoredCommit) -> Hook {
    let (shard, position, at) = (commit.shard, commit.position, commit.body.len() / 2);
    let flipped = commit.body[at] ^ 1;
    place
        .run(&format!(
            "UPDATE commits SET body = set_byte(body, {at}, {flipped}) WHERE shard = {shard} AND position = {position}"
        ))
        .await;
    Hook::Done
}

async fn lose_history(place: &Place, shard: Shard, loss: HistoryLoss) -> Hook {
    let statements = match loss {
        HistoryLoss::Behind => format!(
            "DELETE FROM index_entry USING head
             WHERE index_entry.shard = {shard} AND head.shard = {shard} AND index_entry.position = head.position;
             DELETE FROM commits USING head
             WHERE commits.shard = {shard} AND head.shard = {shard} AND commits.position = head.position;
             UPDATE head SET position = c.position, hash = c.hash FROM commits AS c
             WHERE head.shard = {shard} AND c.shard = {shard} AND c.position = head.position - 1"
        ),
        HistoryLoss::Differs => format!(
            "UPDATE head SET hash = set_byte(hash, 0, (get_byte(hash, 0) + 1) % 256) WHERE shard = {shard};
             UPDATE commits SET hash = head.hash FROM head
             WHERE commits.shard = {shard} AND head.shard = {shard} AND commits.position = head.position"
        ),
    };
    // Without the triggers of the tests.
    place.run(&format!("SET session_replication_role TO replica; {statements}")).await;
    Hook::Done
}

#[async_trait]
impl StoreBuilder for Shared {
    type Guard = Place;

    fn shards(&self) -> ShardCount {
        ShardCount::new(self.shards).expect("a power of two")
    }

    fn call_limit(&self) -> Duration {
        Duration::from_secs(90)
    }

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, Place), StoreError> {
        let mut place = Place::shared(self.manner);
        // Where appends that meet are broken off, one may meet others for long on a busy machine.
        if !matches!(self.manner.isolation, Isolation::ReadCommitted) {
            place.patience = Duration::from_secs(5);
        }
        let store = place.create(identity).await?;
        Ok((place.told(store), place))
    }

    async fn reopen(&self, place: &mut Place) -> Result<Arc<dyn EventStore>, StoreError> {
        let store = place.open().await?;
        Ok(place.told(store))
    }

    async fn power_cut(&self, place: &mut Place) -> Hook {
        place.disconnect().await;
        Hook::Done
    }

    async fn stall_next_write(&self, place: &mut Place) -> Option<Stall> {
        Some(place.stall().await)
    }

    async fn lose_next_answer(&self, place: &mut Place, answer: LostAnswer) -> Hook {
        play(place, answer)
    }

    async fn lose_history(&self, place: &mut Place, shard: Shard, loss: HistoryLoss) -> Hook {
        lose_history(place, shard, loss).await
    }

    async fn fall_silent(&self, place: &mut Place) -> Hook {
        place.proxy.freeze();
        Hook::Done
    }

    async fn answer_again(&self, place: &mut Place) {
        place.proxy.thaw();
    }

    async fn damage(&self, place: &mut Place, commit: &StoredCommit) -> Hook {
        damage(place, commit).await
    }
}

#[async_trait]
impl StoreBuilder for Killed {
    type Guard = Place;

    fn shards(&self) -> ShardCount {
        ShardCount::new(self.0).expect("a power of two")
    }

    async fn create(&self, identity: LedgerIdentity) -> Result<(Arc<dyn EventStore>, Place), StoreError> {
        let place = Place::own(Manner::default());
        let store = place.create(identity).await?;
        Ok((place.told(store), place))
    }

    async fn reopen(&self, place: &mut Place) -> Result<Arc<dyn EventStore>, StoreError> {
        let store = place.open().await?;
        Ok(place.told(store))
    }

    async fn power_cut(&self, place: &mut Place) -> Hook {
        let server = place.server.as_mut().expect("a server of its own");
        server.end(Ending::Kill).expect("it is killed");
        place.disconnect().await;
        let server = place.server.as_mut().expect("a server of its own");
        server.launch().expect("it recovers");
        Hook::Done
    }

    async fn stall_next_write(&self, place: &mut Place) -> Option<Stall> {
        Some(place.stall().await)
    }

    async fn lose_next_answer(&self, place: &mut Place, answer: LostAnswer) -> Hook {
        play(place, answer)
    }

    fn call_limit(&self) -> Duration {
        Duration::from_mins(1)
    }
}

mod one_shard {
    ledger_store::conformance_tests!(super::Shared { shards: 1, manner: super::Manner::default() });
}

mod many_shards {
    use super::{AppendMode, Isolation};
    ledger_store::conformance_tests!(super::many(AppendMode::AllShards, Isolation::ReadCommitted));
}

mod a_statement_a_shard {
    use super::{AppendMode, Isolation};
    ledger_store::conformance_tests!(super::many(AppendMode::PerShard, Isolation::Server));
}

mod repeatable_read {
    use super::{AppendMode, Isolation};
    ledger_store::conformance_tests!(super::many(AppendMode::AllShards, Isolation::RepeatableRead));
}

mod serializable {
    use super::{AppendMode, Isolation};
    ledger_store::conformance_tests!(super::many(AppendMode::PerShard, Isolation::Serializable));
}

mod in_trouble {
    ledger_store::conformance_tests!(super::Troubled(super::AppendMode::AllShards));
}

mod in_trouble_a_statement_a_shard {
    ledger_store::conformance_tests!(super::Troubled(super::AppendMode::PerShard));
}

mod killed_server {
    ledger_store::conformance_tests!(super::Killed(8));
}
