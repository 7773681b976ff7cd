//! The test kit of [`KeyStore`]: a check per clause, for any implementation.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use casino_ledger::privacy::{MemoryKeyStore, kit};
//! use std::sync::Arc;
//!
//! for check in kit::CHECKS {
//!     check.run(Arc::new(MemoryKeyStore::new())).await?;
//! }
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ledger_core::Timestamp;

use super::keys::{Erasure, KeyError, KeyId, KeyOwner, KeyStore};

/// A clause that a store breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{clause}: {what}")]
pub struct Broken {
    clause: &'static str,
    what: String,
}

type Work = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The check of one clause.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The clause.
    pub clause: &'static str,
    run: fn(Arc<dyn KeyStore>) -> Work,
}

impl Check {
    /// Checks an empty store.
    ///
    /// # Errors
    ///
    /// [`Broken`] with what was found.
    pub async fn run(&self, empty: Arc<dyn KeyStore>) -> Result<(), Broken> {
        (self.run)(empty).await.map_err(|what| Broken { clause: self.clause, what })
    }
}

/// All checks. K09 needs a store that is opened again: [`reopened`].
pub const CHECKS: [Check; 8] = [
    Check { clause: "K01", run: |store| Box::pin(k01(store)) },
    Check { clause: "K02", run: |store| Box::pin(k02(store)) },
    Check { clause: "K03", run: |store| Box::pin(k03(store)) },
    Check { clause: "K04", run: |store| Box::pin(k04(store)) },
    Check { clause: "K05", run: |store| Box::pin(k05(store)) },
    Check { clause: "K06", run: |store| Box::pin(k06(store)) },
    Check { clause: "K07", run: |store| Box::pin(k07(store)) },
    Check { clause: "K08", run: |store| Box::pin(k08(store)) },
];

/// An owner of the kit, told apart by a number.
pub fn owner(no: u32) -> KeyOwner {
    let mut bytes = [0xa5; 32];
    bytes[..4].copy_from_slice(&no.to_be_bytes());
    KeyOwner::new(bytes)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000).unwrap_or(Timestamp::EPOCH)
}

fn say(what: &str) -> impl Fn(KeyError) -> String + '_ {
    move |error| format!("{what}: {error}")
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}

fn is_erased<T>(answer: &Result<T, KeyError>) -> bool {
    matches!(answer, Err(KeyError::Erased))
}

async fn k01(store: Arc<dyn KeyStore>) -> Result<(), String> {
    let first = store.current(&owner(1)).await.map_err(say("current"))?;
    let again = store.current(&owner(1)).await.map_err(say("current"))?;
    ensure(first == again, "the key is another when it is asked for again")?;
    let other = store.current(&owner(2)).await.map_err(say("current"))?;
    ensure(first.secret() != other.secret(), "two players have one key")?;
    ensure(*first.secret() != [0; 32], "the key is no secret")
}

async fn k02(store: Arc<dyn KeyStore>) -> Result<(), String> {
    let first = store.current(&owner(1)).await.map_err(say("current"))?;
    let id = store.rotate(&owner(1)).await.map_err(say("rotate"))?;
    let second = store.current(&owner(1)).await.map_err(say("current"))?;
    ensure(id != first.id() && second.id() == id, "the new key is not the newest")?;
    ensure(first.secret() != second.secret(), "the new key is the old one")?;
    let old = store.key(&owner(1), first.id()).await.map_err(say("key"))?;
    ensure(old == first, "the old key is another")?;
    let id = store.rotate(&owner(2)).await.map_err(say("rotate without a key"))?;
    let current = store.current(&owner(2)).await.map_err(say("current"))?;
    ensure(current.id() == id, "the first key by rotation is not the newest")
}

async fn k03(store: Arc<dyn KeyStore>) -> Result<(), String> {
    let mut made = vec![store.current(&owner(1)).await.map_err(say("current"))?];
    for _ in 0..5 {
        store.rotate(&owner(1)).await.map_err(say("rotate"))?;
        made.push(store.current(&owner(1)).await.map_err(say("current"))?);
    }
    for key in &made {
        let found = store.key(&owner(1), key.id()).await.map_err(say("key"))?;
        ensure(found == *key, "a key is another when it is asked for by number")?;
    }
    let unused = (0..100).map(KeyId).find(|id| made.iter().all(|key| key.id() != *id));
    for (owner, id) in [(owner(1), unused.unwrap_or(KeyId(0))), (owner(2), made[0].id())] {
        let answer = store.key(&owner, id).await;
        ensure(
            matches!(answer, Err(KeyError::Unknown { .. })),
            "a number that was never given is not unknown",
        )?;
    }
    Ok(())
}

async fn k04(store: Arc<dyn KeyStore>) -> Result<(), String> {
    let key = store.current(&owner(1)).await.map_err(say("current"))?;
    let other = store.current(&owner(2)).await.map_err(say("current"))?;
    store.erase(&owner(1), at(1)).await.map_err(say("erase"))?;
    for _ in 0..2 {
        ensure(is_erased(&store.current(&owner(1)).await), "an erased player has a key")?;
        ensure(
            is_erased(&store.key(&owner(1), key.id()).await),
            "an erased player's key is there by number",
        )?;
        ensure(is_erased(&store.rotate(&owner(1)).await), "an erased player gets a key")?;
    }
    let same = store.key(&owner(2), other.id()).await.map_err(say("key of another"))?;
    ensure(same == other, "another player's key is another")
}

async fn k05(store: Arc<dyn KeyStore>) -> Result<(), String> {
    let first = store.erase(&owner(1), at(1)).await.map_err(say("erase without a key"))?;
    ensure(first == Erasure { owner: owner(1), at: at(1) }, "the erasure is another")?;
    ensure(
        is_erased(&store.current(&owner(1)).await),
        "a player who was erased before his first key gets one",
    )?;
    let again = store.erase(&owner(1), at(2)).await.map_err(say("erase again"))?;
    ensure(again == first, "a second erasure answers another instant")
}

async fn k06(store: Arc<dyn KeyStore>) -> Result<(), String> {
    ensure(store.erasures().await.map_err(say("erasures"))?.is_empty(), "an empty store has erasures")?;
    let mut expected = Vec::new();
    for (no, seconds) in [(3, 5), (1, 6), (2, 6)] {
        store.erase(&owner(no), at(seconds)).await.map_err(say("erase"))?;
        store.erase(&owner(3), at(99)).await.map_err(say("erase again"))?;
        expected.push(Erasure { owner: owner(no), at: at(seconds) });
    }
    ensure(store.erasures().await.map_err(say("erasures"))? == expected, "the list is not what was erased")
}

async fn k07(store: Arc<dyn KeyStore>) -> Result<(), String> {
    store.current(&owner(1)).await.map_err(say("current"))?;
    store.erase(&owner(2), at(1)).await.map_err(say("erase"))?;
    let list = [(2, 9), (1, 5), (3, 6)].map(|(no, seconds)| Erasure { owner: owner(no), at: at(seconds) });
    let news = store.reapply(&list).await.map_err(say("reapply"))?;
    ensure(news == 2, "it does not answer how many were not erased before")?;
    for no in 1..=3 {
        ensure(is_erased(&store.current(&owner(no)).await), "someone on the list has a key")?;
    }
    let expected =
        [(2, 1), (1, 5), (3, 6)].map(|(no, seconds)| Erasure { owner: owner(no), at: at(seconds) });
    ensure(store.erasures().await.map_err(say("erasures"))? == expected, "the list is not the two together")?;
    ensure(store.reapply(&list).await.map_err(say("reapply"))? == 0, "the same list again erases someone")
}

async fn k08(store: Arc<dyn KeyStore>) -> Result<(), String> {
    for no in 0..4 {
        let asking = (0..16).map(|_| {
            let store = Arc::clone(&store);
            async move { store.current(&owner(no)).await }
        });
        let answers = futures_util::future::join_all(asking).await;
        let mut keys = Vec::new();
        for answer in answers {
            keys.push(answer.map_err(say("current"))?);
        }
        ensure(keys.windows(2).all(|pair| pair[0] == pair[1]), "callers at once get several keys")?;
    }
    Ok(())
}

/// Checks K09: fills a store, opens it again, and compares.
///
/// # Errors
///
/// [`Broken`] with what was found.
pub async fn reopened<F>(
    store: Arc<dyn KeyStore>,
    reopen: impl FnOnce(Arc<dyn KeyStore>) -> F,
) -> Result<(), Broken>
where
    F: Future<Output = Result<Arc<dyn KeyStore>, KeyError>>,
{
    let work = async {
        let mut keys = Vec::new();
        for no in 0..20 {
            keys.push((owner(no), store.current(&owner(no)).await.map_err(say("current"))?));
            if no % 3 == 0 {
                store.rotate(&owner(no)).await.map_err(say("rotate"))?;
                keys.push((owner(no), store.current(&owner(no)).await.map_err(say("current"))?));
            }
        }
        store.erase(&owner(5), at(1)).await.map_err(say("erase"))?;
        store.erase(&owner(100), at(2)).await.map_err(say("erase"))?;
        let erasures = store.erasures().await.map_err(say("erasures"))?;
        let store = reopen(store).await.map_err(say("reopen"))?;
        for (owner, key) in &keys {
            let found = store.key(owner, key.id()).await;
            if *owner == self::owner(5) {
                ensure(is_erased(&found), "an erased player came back")?;
            } else {
                ensure(found.map_err(say("key"))? == *key, "a key is another after the reopen")?;
            }
        }
        ensure(is_erased(&store.current(&owner(100)).await), "an erasure was lost")?;
        ensure(store.erasures().await.map_err(say("erasures"))? == erasures, "the list of erasures changed")
    };
    work.await.map_err(|what| Broken { clause: "K09", what })
}
