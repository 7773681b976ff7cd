//! Personal data: sealed on the way in, readable until it is erased, and nowhere in clear.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use casino_ledger::core::stored::{CommitBody, FieldName, SealedBytes, SealedFields};
use casino_ledger::core::{ActorId, Context, PlayerId, Timestamp};
use casino_ledger::privacy::{
    Erasure, FileKeyStore, FileKeyStoreOptions, KeyError, KeyId, KeyOwner, KeyStore, MasterKey,
    MemoryKeyStore, PERSONAL_BYTES_MAX, PersonalFields, PlayerKey, ReadPersonalError, SealError, Sealer,
    UnsealError, kit,
};
use casino_ledger::store::{EventStore, LedgerId, Position, ShardCount};
use casino_ledger::{ExecuteError, Ledger, Request, Settings, verify};

use crate::proofs::signer;
use crate::support::{bet, cash, deposit, funded, in_play, memory, open, player, rollback, tuned};

const LEDGER: LedgerId = LedgerId([9; 16]);

fn personal(pairs: &[(&str, &str)]) -> PersonalFields {
    pairs.iter().fold(PersonalFields::new(), |fields, (name, value)| fields.with(name, value).unwrap())
}

fn with_personal(
    player: &PlayerId,
    command: casino_ledger::core::PlayerCommand,
    pairs: &[(&str, &str)],
) -> Request {
    let mut request = in_play(player, command);
    request.personal = personal(pairs);
    request
}

fn keyed(keys: &Arc<impl KeyStore>) -> Settings {
    let keys = Arc::clone(keys) as Arc<dyn KeyStore>;
    tuned(|s| s.keys = Some(keys))
}

/// Where a file key store of the tests is.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn options(&self) -> FileKeyStoreOptions {
        FileKeyStoreOptions {
            folder: self.path("keys"),
            erasures: self.path("erasures"),
            ledger: LEDGER,
            master: MasterKey::new([1; 32]),
            former_masters: Vec::new(),
            cached_owners: 4,
        }
    }

    async fn create(&self) -> Arc<FileKeyStore> {
        Arc::new(FileKeyStore::create(self.options()).await.unwrap())
    }

    async fn open(&self) -> Arc<FileKeyStore> {
        Arc::new(FileKeyStore::open(self.options()).await.unwrap())
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-rp").args([from, to]).status().unwrap();
    assert!(copied.success());
}

async fn value(
    ledger: &Ledger,
    player: &PlayerId,
    position: Position,
    name: &str,
) -> Result<String, UnsealError> {
    let record = ledger.personal_at(player, position).await.unwrap();
    let (_, value) = record.fields.into_iter().find(|(found, _)| found.as_str() == name).unwrap();
    value.map(|value| value.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_remembered_can_be_read_until_it_is_erased() {
    let store = memory(ShardCount::new(4).unwrap());
    let keys = Arc::new(MemoryKeyStore::new());
    let ledger = Ledger::with_store(store.clone(), keyed(&keys)).await.unwrap();
    let (p, q) = (funded(&ledger, "p", "100.00").await, funded(&ledger, "q", "100.00").await);
    let first = with_personal(&p, bet("b1", "r1", "1.00"), &[("ip", "203.0.113.9"), ("device", "phone 7")]);
    let first = ledger.request(first).await.unwrap();
    let second =
        ledger.request(with_personal(&p, bet("b2", "r2", "1.00"), &[("ip", "203.0.113.10")])).await.unwrap();
    let other =
        ledger.request(with_personal(&q, bet("b1", "r1", "1.00"), &[("ip", "198.51.100.1")])).await.unwrap();
    assert_eq!(value(&ledger, &p, first.position, "ip").await.unwrap(), "203.0.113.9");
    assert_eq!(value(&ledger, &p, first.position, "device").await.unwrap(), "phone 7");
    let history = ledger.personal_history(&p, Position::ZERO, 100).await.unwrap();
    let positions: Vec<_> = history.iter().map(|record| record.position).collect();
    assert_eq!(positions, [first.position, second.position]);
    assert_eq!(ledger.personal_history(&p, first.position, 100).await.unwrap().len(), 1);
    assert_eq!(ledger.personal_history(&p, Position::ZERO, 1).await.unwrap()[0].position, first.position);
    let body = store.read(first.shard, first.position, 1).await.unwrap()[0].body.clone();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(
        text.contains("\"sealed\":{\"device\":\"A") && !text.contains("203.0") && !text.contains("phone")
    );

    let before = verify(&*store).await.unwrap();
    let erasure = ledger.erase_person(&p).await.unwrap();
    assert_eq!(erasure.owner, KeyOwner::of(&p));
    for position in [first.position, second.position] {
        let erased = value(&ledger, &p, position, "ip").await;
        assert!(matches!(erased, Err(UnsealError::Key(KeyError::Erased))), "{erased:?}");
    }
    assert_eq!(value(&ledger, &q, other.position, "ip").await.unwrap(), "198.51.100.1");
    assert_eq!(verify(&*store).await.unwrap(), before, "chain, balances and books are what they were");
    assert_eq!(cash(&ledger, &p).await, "98.00");
    // He plays on, but nothing about who he is is taken any more.
    ledger.execute(&p, bet("b3", "r3", "1.00")).await.unwrap();
    let refused = ledger.request(with_personal(&p, bet("b4", "r4", "1.00"), &[("ip", "203.0.113.11")])).await;
    assert!(matches!(&refused, Err(ExecuteError::Sealing(SealError::Key(KeyError::Erased)))), "{refused:?}");
    assert!(!refused.unwrap_err().is_retryable());
    assert_eq!(cash(&ledger, &p).await, "97.00", "nothing was recorded");
}

#[tokio::test]
async fn a_replay_neither_needs_nor_changes_what_was_remembered() {
    let keys = Arc::new(MemoryKeyStore::new());
    let ledger = Ledger::with_store(memory(ShardCount::ONE), keyed(&keys)).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    let first =
        ledger.request(with_personal(&p, bet("b", "r", "1.00"), &[("ip", "203.0.113.9")])).await.unwrap();
    for again in [
        in_play(&p, bet("b", "r", "1.00")),
        with_personal(&p, bet("b", "r", "1.00"), &[("ip", "192.0.2.1"), ("more", "x")]),
    ] {
        let again = ledger.request(again).await.unwrap();
        assert!(again.replayed);
        assert_eq!((again.position, again.hash), (first.position, first.hash));
    }
    let record = ledger.personal_at(&p, first.position).await.unwrap();
    assert_eq!(record.fields.len(), 1);
    assert_eq!(value(&ledger, &p, first.position, "ip").await.unwrap(), "203.0.113.9");
    // Refusals that are recorded carry it too.
    let refused = with_personal(&p, rollback("x", "nothing"), &[("ip", "192.0.2.2")]);
    let tombstone = ledger.request(refused).await.unwrap();
    assert_eq!(value(&ledger, &p, tombstone.position, "ip").await.unwrap(), "192.0.2.2");
}

#[tokio::test]
async fn many_requests_at_once_are_sealed_each_for_itself() {
    let keys = Arc::new(MemoryKeyStore::new());
    let ledger = Ledger::with_store(memory(ShardCount::ONE), keyed(&keys)).await.unwrap();
    let (p, q) = (funded(&ledger, "p", "100.00").await, funded(&ledger, "q", "100.00").await);
    ledger.erase_person(&q).await.unwrap();
    let requests = vec![
        with_personal(&p, bet("b1", "r", "1.00"), &[("ip", "192.0.2.1")]),
        with_personal(&q, bet("b1", "r", "1.00"), &[("ip", "192.0.2.2")]),
        in_play(&p, bet("b2", "r", "1.00")),
    ];
    let answers = ledger.execute_all(requests).await;
    let position = answers[0].as_ref().unwrap().position;
    assert_eq!(value(&ledger, &p, position, "ip").await.unwrap(), "192.0.2.1");
    assert!(matches!(answers[1], Err(ExecuteError::Sealing(_))));
    assert!(answers[2].is_ok());
}

#[tokio::test]
async fn a_new_key_seals_what_comes_and_old_keys_open_what_was() {
    let home = Home::new();
    let keys = home.create().await;
    let ledger = Ledger::with_store(memory(ShardCount::ONE), keyed(&keys)).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    let mut ids = Vec::new();
    let mut positions = Vec::new();
    for no in 0..3 {
        let request =
            with_personal(&p, bet(&format!("b{no}"), "r", "1.00"), &[("ip", &format!("192.0.2.{no}"))]);
        positions.push(ledger.request(request).await.unwrap().position);
        ids.push(keys.current(&KeyOwner::of(&p)).await.unwrap().id());
        let id = ledger.rotate_key(&p).await.unwrap();
        assert!(!ids.contains(&id));
    }
    for (no, position) in positions.iter().enumerate() {
        assert_eq!(value(&ledger, &p, *position, "ip").await.unwrap(), format!("192.0.2.{no}"));
    }
    ledger.erase_person(&p).await.unwrap();
    for position in positions {
        assert!(matches!(value(&ledger, &p, position, "ip").await, Err(UnsealError::Key(KeyError::Erased))));
    }
}

#[tokio::test]
async fn without_a_key_store_personal_data_is_refused() {
    let ledger = Ledger::with_store(memory(ShardCount::ONE), tuned(|_| {})).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    let refused = ledger.request(with_personal(&p, bet("b", "r", "1.00"), &[("ip", "192.0.2.1")])).await;
    assert!(matches!(refused, Err(ExecuteError::Sealing(SealError::NoKeyStore))));
    assert!(matches!(ledger.erase_person(&p).await, Err(KeyError::Unavailable { .. })));
    assert!(matches!(ledger.rotate_key(&p).await, Err(KeyError::Unavailable { .. })));
    let refused = ledger.personal_at(&p, Position(2)).await;
    assert!(matches!(refused, Err(ReadPersonalError::NoKeyStore)), "{refused:?}");
    for position in [0, 1, 99] {
        // The first commit is the currency's.
        let refused = ledger.personal_at(&p, Position(position)).await;
        assert!(matches!(refused, Err(ReadPersonalError::NotThere { .. })), "{position}");
    }
}

/// A key store that cannot serve.
#[derive(Debug)]
struct Down;

#[async_trait]
impl KeyStore for Down {
    async fn current(&self, _: &KeyOwner) -> Result<PlayerKey, KeyError> {
        Err(KeyError::Unavailable { reason: "the network".to_owned() })
    }
    async fn key(&self, _: &KeyOwner, _: KeyId) -> Result<PlayerKey, KeyError> {
        Err(KeyError::Unavailable { reason: "the network".to_owned() })
    }
    async fn rotate(&self, _: &KeyOwner) -> Result<KeyId, KeyError> {
        Err(KeyError::Unavailable { reason: "the network".to_owned() })
    }
    async fn erase(&self, _: &KeyOwner, _: Timestamp) -> Result<Erasure, KeyError> {
        Err(KeyError::Unavailable { reason: "the network".to_owned() })
    }
    async fn erasures(&self) -> Result<Vec<Erasure>, KeyError> {
        Err(KeyError::Unavailable { reason: "the network".to_owned() })
    }
}

#[tokio::test]
async fn a_key_store_that_is_down_stops_nothing_but_what_needs_it() {
    let ledger = Ledger::with_store(memory(ShardCount::ONE), keyed(&Arc::new(Down))).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    let refused = ledger.request(with_personal(&p, bet("b", "r", "1.00"), &[("ip", "192.0.2.1")])).await;
    assert!(refused.unwrap_err().is_retryable());
    ledger.execute(&p, bet("b", "r", "1.00")).await.unwrap();
}

#[tokio::test]
async fn a_field_is_sealed_by_the_host_or_by_the_ledger_not_by_both() {
    let keys = Arc::new(MemoryKeyStore::new());
    let store = memory(ShardCount::ONE);
    let ledger = Ledger::with_store(store.clone(), keyed(&keys)).await.unwrap();
    let p = funded(&ledger, "p", "100.00").await;
    let sealer = Sealer::new(store.identity().ledger, Arc::clone(&keys) as _);
    let sealed = sealer.seal(&p, &personal(&[("own", "a"), ("ip", "b")])).await.unwrap();
    let context = Context { sealed, ..Context::of(ActorId::new("web").unwrap()) };
    let mut request = with_personal(&p, bet("b", "r", "1.00"), &[("ip", "c")]);
    request.context = Some(context.clone());
    let refused = ledger.request(request).await;
    assert!(
        matches!(refused, Err(ExecuteError::Sealing(SealError::Twice { name })) if name.as_str() == "ip")
    );
    let mut request = with_personal(&p, bet("b", "r", "1.00"), &[("more", "c")]);
    request.context = Some(context);
    let receipt = ledger.request(request).await.unwrap();
    for (name, expected) in [("own", "a"), ("ip", "b"), ("more", "c")] {
        assert_eq!(value(&ledger, &p, receipt.position, name).await.unwrap(), expected);
    }
    let body = store.read(receipt.shard, receipt.position, 1).await.unwrap()[0].body.clone();
    assert_eq!(CommitBody::decode(&body).unwrap().actor.as_str(), "web");
    // Together they are bounded as each is.
    let many = |from: u32| {
        (from..from + 9).fold(PersonalFields::new(), |all, i| all.with(format!("f{i}"), "x").unwrap())
    };
    let sealed = sealer.seal(&p, &many(0)).await.unwrap();
    let mut request = in_play(&p, bet("b2", "r", "1.00"));
    request.context = Some(Context { sealed, ..Context::of(ActorId::new("web").unwrap()) });
    request.personal = many(100);
    assert!(matches!(ledger.request(request).await, Err(ExecuteError::Sealing(SealError::Fields(_)))));
}

/// What is sealed opens where it was sealed for, and nowhere else.
#[tokio::test]
async fn a_sealed_value_is_bound_to_ledger_player_field_and_key() {
    let keys: Arc<MemoryKeyStore> = Arc::new(MemoryKeyStore::new());
    let sealer = |ledger: u8| Sealer::new(LedgerId([ledger; 16]), Arc::clone(&keys) as _);
    let (p, q) = (player("p"), player("q"));
    let fields = personal(&[("ip", "192.0.2.1"), ("name", "Ada")]);
    let sealed = sealer(9).seal(&p, &fields).await.unwrap();
    let name = |text: &str| FieldName::new(text).unwrap();
    let ip = sealed.field(&name("ip")).unwrap();
    let opened = |ledger: u8, player: PlayerId, field: &str, bytes: SealedBytes| {
        let (sealer, field) = (sealer(ledger), name(field));
        async move { sealer.open(&player, &field, &bytes).await }
    };
    assert_eq!(opened(9, p.clone(), "ip", ip.clone()).await.unwrap().as_str(), Some("192.0.2.1"));
    for (ledger, whose, field) in [(8, &p, "ip"), (9, &p, "name"), (9, &q, "ip")] {
        keys.current(&KeyOwner::of(whose)).await.unwrap();
        let refused = opened(ledger, whose.clone(), field, ip.clone()).await;
        assert!(
            matches!(refused, Err(UnsealError::NotAuthentic | UnsealError::Key(KeyError::Unknown { .. }))),
            "{field}: {refused:?}"
        );
    }
    // Any bit of it.
    for at in 0..ip.as_bytes().len() {
        let mut bytes = ip.as_bytes().to_vec();
        bytes[at] ^= 1;
        let refused = opened(9, p.clone(), "ip", SealedBytes::new(&bytes).unwrap()).await;
        assert!(refused.is_err(), "byte {at}");
        let cut = &ip.as_bytes()[..at.max(1)];
        assert!(opened(9, p.clone(), "ip", SealedBytes::new(cut).unwrap()).await.is_err(), "cut at {at}");
    }
    let mut newer = ip.as_bytes().to_vec();
    newer[0] = 2;
    let refused = opened(9, p.clone(), "ip", SealedBytes::new(&newer).unwrap()).await;
    assert!(matches!(refused, Err(UnsealError::Newer { version: 2 })));
    // The same value twice is two texts, and length tells blocks only.
    let again = sealer(9).seal(&p, &fields).await.unwrap();
    assert_ne!(again.field(&name("ip")), Some(ip));
    let length = |bytes: usize| {
        let fields = PersonalFields::new().with("x", vec![0; bytes]).unwrap();
        let (sealer, p) = (sealer(9), p.clone());
        async move {
            let sealed: SealedFields = sealer.seal(&p, &fields).await.unwrap();
            let sealed = sealed.field(&FieldName::new("x").unwrap()).unwrap().clone();
            let opened = sealer.open(&p, &FieldName::new("x").unwrap(), &sealed).await.unwrap();
            assert_eq!(opened.as_bytes(), vec![0; bytes]);
            sealed.as_bytes().len()
        }
    };
    assert_eq!(length(1).await, length(31).await);
    assert_eq!(length(31).await + 32, length(32).await);
    assert_eq!(length(PERSONAL_BYTES_MAX).await, 1 + 4 + 24 + 960 + 16);
}

/// The layout is frozen: docs/privacy.md has these bytes, and they must open for ever.
#[tokio::test]
async fn what_was_sealed_once_opens_for_ever() {
    #[derive(Debug)]
    struct Fixed;
    #[async_trait]
    impl KeyStore for Fixed {
        async fn current(&self, _: &KeyOwner) -> Result<PlayerKey, KeyError> {
            self.key(&kit::owner(0), KeyId(5)).await
        }
        async fn key(&self, _: &KeyOwner, id: KeyId) -> Result<PlayerKey, KeyError> {
            assert_eq!(id, KeyId(5));
            Ok(PlayerKey::new(id, [3; 32].into()))
        }
        async fn rotate(&self, _: &KeyOwner) -> Result<KeyId, KeyError> {
            Ok(KeyId(5))
        }
        async fn erase(&self, _: &KeyOwner, _: Timestamp) -> Result<Erasure, KeyError> {
            Err(KeyError::Erased)
        }
        async fn erasures(&self) -> Result<Vec<Erasure>, KeyError> {
            Ok(Vec::new())
        }
    }
    let sealer = Sealer::new(LedgerId([7; 16]), Arc::new(Fixed));
    let page = std::fs::read_to_string("docs/privacy.md").unwrap();
    let sealed = page.lines().find_map(|line| line.strip_prefix("sealed = ")).unwrap();
    let opened = sealer
        .open(&player("p1"), &FieldName::new("ip").unwrap(), &sealed.parse::<SealedBytes>().unwrap())
        .await
        .unwrap();
    assert_eq!(opened.as_str(), Some("203.0.113.9"));
}

#[tokio::test]
async fn every_key_store_passes_the_kit() {
    for check in kit::CHECKS {
        check.run(Arc::new(MemoryKeyStore::new())).await.unwrap();
        let home = Home::new();
        check.run(home.create().await).await.unwrap();
        let home = Home::new();
        let uncached = FileKeyStoreOptions { cached_owners: 0, ..home.options() };
        check.run(Arc::new(FileKeyStore::create(uncached).await.unwrap())).await.unwrap();
    }
    let home = Home::new();
    let store = home.create().await;
    kit::reopened(store, |store| async {
        drop(store);
        Ok(home.open().await as Arc<dyn KeyStore>)
    })
    .await
    .unwrap();
}

/// A store with a fault per clause, which its check must find.
#[derive(Debug)]
struct Faulty {
    inner: MemoryKeyStore,
    clause: &'static str,
    seen: Mutex<BTreeMap<KeyOwner, PlayerKey>>,
}

#[async_trait]
impl KeyStore for Faulty {
    async fn current(&self, owner: &KeyOwner) -> Result<PlayerKey, KeyError> {
        match self.clause {
            "K01" => self.inner.current(&kit::owner(0)).await,
            "K04" => {
                let seen = self.seen.lock().unwrap().get(owner).cloned();
                match seen {
                    Some(key) => Ok(key),
                    None => {
                        let key = self.inner.current(owner).await?;
                        self.seen.lock().unwrap().insert(*owner, key.clone());
                        Ok(key)
                    }
                }
            }
            "K08" => {
                tokio::task::yield_now().await;
                PlayerKey::random(KeyId(1))
            }
            _ => self.inner.current(owner).await,
        }
    }
    async fn key(&self, owner: &KeyOwner, id: KeyId) -> Result<PlayerKey, KeyError> {
        match self.clause {
            "K03" => self.inner.current(owner).await,
            _ => self.inner.key(owner, id).await,
        }
    }
    async fn rotate(&self, owner: &KeyOwner) -> Result<KeyId, KeyError> {
        match self.clause {
            "K02" => Ok(self.inner.current(owner).await?.id()),
            _ => self.inner.rotate(owner).await,
        }
    }
    async fn erase(&self, owner: &KeyOwner, at: Timestamp) -> Result<Erasure, KeyError> {
        let erased = self.inner.erase(owner, at).await?;
        Ok(if self.clause == "K05" { Erasure { owner: *owner, at } } else { erased })
    }
    async fn erasures(&self) -> Result<Vec<Erasure>, KeyError> {
        let mut all = self.inner.erasures().await?;
        if self.clause == "K06" {
            all.pop();
        }
        Ok(all)
    }
    async fn reapply(&self, list: &[Erasure]) -> Result<u64, KeyError> {
        if self.clause == "K07" {
            return Ok(2);
        }
        let mut news = 0;
        let known = self.erasures().await?;
        for erasure in list.iter().filter(|e| known.iter().all(|k| k.owner != e.owner)) {
            self.erase(&erasure.owner, erasure.at).await?;
            news += 1;
        }
        Ok(news)
    }
}

#[tokio::test]
async fn the_kit_finds_a_fault_of_every_clause() {
    for check in kit::CHECKS {
        let faulty = |clause| Faulty { inner: MemoryKeyStore::new(), clause, seen: Mutex::default() };
        check.run(Arc::new(faulty("none"))).await.unwrap();
        let found = check.run(Arc::new(faulty(check.clause))).await.unwrap_err().to_string();
        assert!(found.starts_with(check.clause), "{found}");
    }
    // An old backup of a store in memory: another store.
    let lost = kit::reopened(Arc::new(MemoryKeyStore::new()), |_| async {
        Ok(Arc::new(MemoryKeyStore::new()) as Arc<dyn KeyStore>)
    });
    assert!(lost.await.unwrap_err().to_string().starts_with("K09"));
}

/// The drill of a restore: an old backup of the keys comes back, and whoever was erased since stays erased.
#[tokio::test]
async fn an_erasure_survives_the_restore_of_an_older_backup() {
    let home = Home::new();
    let keys = home.create().await;
    let store = memory(ShardCount::ONE);
    let ledger = Ledger::with_store(store.clone(), keyed(&keys)).await.unwrap();
    let (p, q) = (funded(&ledger, "p", "100.00").await, funded(&ledger, "q", "100.00").await);
    let p_at = ledger
        .request(with_personal(&p, bet("b", "r", "1.00"), &[("ip", "192.0.2.1")]))
        .await
        .unwrap()
        .position;
    let q_at = ledger
        .request(with_personal(&q, bet("b", "r", "1.00"), &[("ip", "192.0.2.2")]))
        .await
        .unwrap()
        .position;
    copy(&home.path("keys"), &home.path("backup"));
    ledger.erase_person(&p).await.unwrap();
    let listed = keys.erasures().await.unwrap();
    ledger.close().await.unwrap();
    drop((ledger, keys));

    // The disk with the keys is lost; the backup comes back, and the list of erasures is the one that was kept apart.
    std::fs::remove_dir_all(home.path("keys")).unwrap();
    copy(&home.path("backup"), &home.path("keys"));
    let restored = home.open().await;
    let clone = memory(ShardCount::ONE);
    copy_log(&*store, &*clone).await;
    let ledger = Ledger::with_store(clone, keyed(&restored)).await.unwrap();
    let erased = value(&ledger, &p, p_at, "ip").await;
    assert!(matches!(erased, Err(UnsealError::Key(KeyError::Erased))), "{erased:?}");
    assert_eq!(value(&ledger, &q, q_at, "ip").await.unwrap(), "192.0.2.2");
    assert_eq!(restored.erasures().await.unwrap(), listed);
    drop((ledger, restored));

    // The list of that time was restored along: the key is back, until the newest list is reapplied.
    std::fs::remove_dir_all(home.path("keys")).unwrap();
    copy(&home.path("backup"), &home.path("keys"));
    std::fs::write(home.path("erasures"), format!("casino-ledger erasures 1 {LEDGER}\n")).unwrap();
    let restored = home.open().await;
    restored.current(&KeyOwner::of(&p)).await.expect("the danger that the list is kept apart for");
    assert_eq!(restored.reapply(&listed).await.unwrap(), 1);
    assert!(matches!(restored.current(&KeyOwner::of(&p)).await, Err(KeyError::Erased)));
    drop(restored);
    let again = home.open().await;
    assert!(matches!(again.current(&KeyOwner::of(&p)).await, Err(KeyError::Erased)));
    drop(again);

    // A list that is older than the folder is refused: it would bring someone back to life.
    std::fs::write(home.path("erasures"), format!("casino-ledger erasures 1 {LEDGER}\n")).unwrap();
    let refused = FileKeyStore::open(home.options()).await;
    assert!(matches!(refused, Err(KeyError::ErasuresMissing { known: 1, found: 0 })), "{refused:?}");
    std::fs::remove_file(home.path("erasures")).unwrap();
    let refused = FileKeyStore::open(home.options()).await;
    assert!(matches!(refused, Err(KeyError::ErasuresMissing { .. })), "{refused:?}");
}

async fn copy_log(from: &dyn EventStore, to: &dyn EventStore) {
    use casino_ledger::core::stored::CommitIndex;
    use casino_ledger::store::{Head, SealedCommit, ShardAppend};
    for shard in from.identity().shards.all() {
        for commit in from.read(shard, Position(1), 8_192).await.unwrap() {
            let expected = Head { position: Position(commit.position.0 - 1), hash: commit.previous };
            let index = CommitIndex::of_body(&commit.body).unwrap();
            let commits = vec![SealedCommit {
                position: commit.position,
                previous: commit.previous,
                hash: commit.hash,
                body: commit.body,
                index,
            }];
            to.append(&[ShardAppend { shard, expected, commits }]).await.unwrap().remove(0).unwrap();
        }
    }
}

#[tokio::test]
async fn a_crash_between_list_and_file_is_finished_at_the_next_opening() {
    let home = Home::new();
    let keys = home.create().await;
    let (p, q) = (KeyOwner::of(&player("p")), KeyOwner::of(&player("q")));
    keys.current(&p).await.unwrap();
    keys.current(&q).await.unwrap();
    copy(&home.path("keys"), &home.path("before"));
    keys.erase(&p, Timestamp::EPOCH).await.unwrap();
    drop(keys);
    // As it stood after the line was written and before the file was removed.
    std::fs::remove_dir_all(home.path("keys")).unwrap();
    copy(&home.path("before"), &home.path("keys"));
    let name = p.to_string();
    let file = home.path("keys").join("keys").join(&name[..2]).join(format!("{name}.json"));
    assert!(file.exists());
    std::fs::copy(&file, file.with_extension("json.tmp")).unwrap();
    let keys = home.open().await;
    assert!(!file.exists() && !file.with_extension("json.tmp").exists());
    assert!(matches!(keys.current(&p).await, Err(KeyError::Erased)));
    keys.current(&q).await.unwrap();
}

#[tokio::test]
async fn the_folder_of_keys_is_its_owners_and_opens_with_the_master_key_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let keys = home.create().await;
    let owner = KeyOwner::of(&player("p"));
    let key = keys.current(&owner).await.unwrap();
    keys.rotate(&owner).await.unwrap();
    assert!(
        matches!(FileKeyStore::open(home.options()).await, Err(KeyError::Unavailable { .. })),
        "one process at a time"
    );
    assert!(matches!(FileKeyStore::create(home.options()).await, Err(KeyError::Other { .. })));
    drop(keys);
    let mut folders = vec![home.path("keys"), home.path("erasures")];
    let mut files = 0;
    while let Some(path) = folders.pop() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            folders.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_name().unwrap() != "lock" {
            assert_eq!(mode, 0o600, "{}", path.display());
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(32).any(|window| window == key.secret()), "a key in clear");
            files += 1;
        }
    }
    assert_eq!(files, 3);
    let with = |change: fn(&mut FileKeyStoreOptions)| {
        let mut options = home.options();
        change(&mut options);
        FileKeyStore::open(options)
    };
    assert!(matches!(with(|o| o.ledger = LedgerId([8; 16])).await, Err(KeyError::Other { .. })));
    let other = with(|o| o.master = MasterKey::new([2; 32])).await.unwrap();
    assert!(
        matches!(other.current(&owner).await, Err(KeyError::Other { .. })),
        "never a new key in its place"
    );
    drop(other);
    // A new master key, with the old one beside it until every file is rewritten.
    let both = with(|o| {
        o.master = MasterKey::new([2; 32]);
        o.former_masters = vec![MasterKey::new([1; 32])];
    })
    .await
    .unwrap();
    assert_eq!(both.key(&owner, key.id()).await.unwrap(), key);
    assert_eq!(both.rewrap().await.unwrap(), 1);
    assert_eq!(both.rewrap().await.unwrap(), 0);
    drop(both);
    let new = with(|o| o.master = MasterKey::new([2; 32])).await.unwrap();
    assert_eq!(new.key(&owner, key.id()).await.unwrap(), key);
    drop(new);
    assert!(!format!("{:?}", home.options()).contains("[1, 1"));

    // Damage, and a file under another player's name.
    let file = |owner: &KeyOwner| {
        let name = owner.to_string();
        home.path("keys").join("keys").join(&name[..2]).join(format!("{name}.json"))
    };
    let honest = std::fs::read_to_string(file(&owner)).unwrap();
    let at = honest.find("\"wrapped\":\"").unwrap() + 11;
    let flipped = if honest.as_bytes()[at] == b'A' { "B" } else { "A" };
    let mut damaged = honest.clone();
    damaged.replace_range(at..=at, flipped);
    for text in [damaged.as_str(), "{}", "", &honest[..honest.len() - 3]] {
        std::fs::write(file(&owner), text).unwrap();
        let store = with(|o| o.master = MasterKey::new([2; 32])).await.unwrap();
        let found = store.current(&owner).await;
        assert!(matches!(found, Err(KeyError::Damaged { .. })), "{found:?}");
    }
    std::fs::write(file(&owner), &honest).unwrap();
    let stranger = KeyOwner::of(&player("stranger"));
    std::fs::create_dir_all(file(&stranger).parent().unwrap()).unwrap();
    for text in [honest.clone(), honest.replace(&owner.to_string(), &stranger.to_string())] {
        std::fs::write(file(&stranger), text).unwrap();
        std::fs::set_permissions(file(&stranger), std::fs::Permissions::from_mode(0o600)).unwrap();
        let store = with(|o| o.master = MasterKey::new([2; 32])).await.unwrap();
        assert!(matches!(store.current(&stranger).await, Err(KeyError::Damaged { .. })));
    }
}

/// Collects everything that `tracing` is told, from any thread.
#[derive(Clone, Default)]
struct Ears(Arc<Mutex<String>>);

impl tracing::Subscriber for Ears {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        writeln!(self.0.lock().unwrap(), "{span:?}").unwrap();
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        writeln!(self.0.lock().unwrap(), "{values:?}").unwrap();
    }
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        writeln!(self.0.lock().unwrap(), "{event:?}").unwrap();
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

fn everything_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend_from_slice(path.to_string_lossy().as_bytes());
        if path.is_dir() {
            all.extend(everything_in(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

/// A name is planted, and looked for in every byte of the log's folder, of the folders of keys and statements, of what is
/// traced, and of every error.
#[tokio::test]
async fn a_planted_name_is_nowhere() {
    const NAME: &str = "Wilhelmina Quistgaard-Oyelaran";
    let ears = Ears::default();
    tracing::subscriber::set_global_default(ears.clone()).expect("no other test listens");
    let home = Home::new();
    let folder = home.path("log");
    // The ledger makes its own id, which the key store must know: opened once without it.
    let ledger = Ledger::open(&folder, tuned(|_| {})).await.unwrap();
    let options = FileKeyStoreOptions { ledger: ledger.store().identity().ledger, ..home.options() };
    ledger.close().await.unwrap();
    let keys = Arc::new(FileKeyStore::create(options).await.unwrap());
    let mut settings = keyed(&keys);
    settings.snapshot_every = 2;
    let ledger = Ledger::open(&folder, settings).await.unwrap();
    let p = player("p");
    let mut told = String::new();
    for (command, player) in [
        (open(), &p),
        (deposit("d", "50.00"), &p),
        (bet("b", "r", "1.00"), &p),
        (bet("b2", "r", "1000.00"), &p),
        (bet("b", "r", "2.00"), &p),
        (rollback("x", "b"), &p),
        (bet("b", "r", "1.00"), &player("unknown")),
    ] {
        let request = with_personal(player, command, &[("name", NAME), ("ip", "203.0.113.9")]);
        write!(told, "{request:?}").unwrap();
        let answer = ledger.request(request).await;
        write!(told, "{answer:?}").unwrap();
        if let Err(error) = answer {
            told.push_str(&error.to_string());
        }
    }
    // The mistakes a caller makes.
    for mistake in [
        PersonalFields::new().with(NAME, "x").map(drop),
        PersonalFields::new().with("name", NAME.repeat(100)).map(drop),
    ] {
        let error = mistake.unwrap_err();
        write!(told, "{error:?} {error}").unwrap();
    }
    let archive = casino_ledger::proof::FolderArchive::open(home.path("statements")).unwrap().with_hashes();
    ledger.notary(signer(1), Arc::new(archive)).take().await.unwrap();
    let history = ledger.personal_history(&p, Position::ZERO, 100).await.unwrap();
    assert!(history.len() >= 4);
    let read = history[0].fields.iter().find(|(name, _)| name.as_str() == "name").unwrap();
    assert_eq!(read.1.as_ref().unwrap().as_str(), Some(NAME));
    write!(told, "{history:?}").unwrap();
    let reading = ledger.player(&p).await.unwrap();
    write!(told, "{reading:?}").unwrap();
    ledger.erase_person(&p).await.unwrap();
    let refused = ledger.request(with_personal(&p, bet("b9", "r", "1.00"), &[("name", NAME)])).await;
    write!(told, "{refused:?} {}", refused.as_ref().unwrap_err()).unwrap();
    ledger.close().await.unwrap();

    let traced = ears.0.lock().unwrap().clone();
    assert!(traced.contains("a person was erased") && traced.contains("opened the log"), "it listens");
    let mut everything = everything_in(home.folder.path());
    assert!(everything.windows(6).any(|bytes| bytes == b"sealed"), "it looks");
    everything.extend_from_slice(traced.as_bytes());
    everything.extend_from_slice(told.as_bytes());
    for planted in [NAME, "Wilhelmina", "Quistgaard", "203.0.113.9"] {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
        let forms = [
            planted.as_bytes().to_vec(),
            STANDARD_NO_PAD.encode(planted).into(),
            URL_SAFE_NO_PAD.encode(planted).into(),
        ];
        for form in forms {
            let found = everything.windows(form.len()).any(|bytes| bytes == form);
            assert!(!found, "{planted} stands somewhere in clear");
        }
    }
}
