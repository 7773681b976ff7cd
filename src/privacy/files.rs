//! A key store in a folder: one file a player, every key wrapped by a master key that the host holds.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ledger_core::Timestamp;
use ledger_store::LedgerId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::erasures::ErasureList;
use super::keys::{Erasure, KeyError, KeyId, KeyOwner, KeyStore, PlayerKey};
use crate::ledger::aside;
use crate::safe_file::{self, Readers, SafeFileError};

/// How many players' keys are held in memory, unless another number is set.
pub const CACHED_OWNERS: usize = 10_000;
/// The most keys one player may have.
pub const PLAYER_KEYS_MAX: usize = 1_000;

const FORMAT: u16 = 1;
const WRAP_TAG: &[u8; 27] = b"casino-ledger/player-key/1\0";
const MASTER_TAG: &[u8; 27] = b"casino-ledger/master-key/1\0";

fn failed(error: &SafeFileError) -> KeyError {
    KeyError::Unavailable { reason: error.to_string() }
}

/// The key that wraps the keys of players. The host keeps it, apart from the folder and its backups: in a key management
/// service, in the settings of the process.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    /// A master key of 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let digest = Sha256::new_with_prefix(MASTER_TAG).chain_update(bytes).finalize();
        let id = URL_SAFE_NO_PAD.encode(&digest[..9]);
        Self { id, bytes: Zeroizing::new(bytes) }
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({}, ..)", self.id)
    }
}

/// Where a [`FileKeyStore`] is and what opens it.
#[derive(Debug, Clone)]
pub struct FileKeyStoreOptions {
    /// The folder of the keys: outside of the log and of its backups. Its own backups may be kept as long as an erasure may
    /// take to be complete.
    pub folder: PathBuf,
    /// The file of erasures: outside of every backup, on another disk if there is one. Only ever appended to.
    pub erasures: PathBuf,
    /// Whose keys they are.
    pub ledger: LedgerId,
    /// The master key.
    pub master: MasterKey,
    /// Master keys of the past, which may still wrap some keys: see [`FileKeyStore::rewrap`].
    pub former_masters: Vec<MasterKey>,
    /// How many players' keys are held in memory. [`CACHED_OWNERS`] is a good number.
    pub cached_owners: usize,
}

/// A key store in a folder that only its owner may enter. One process at a time.
///
/// An erasure is first written to the list of erasures, then the player's file is removed; opening removes what the list
/// names, so that neither a crash between the two nor a restored backup of the folder brings a key back.
#[derive(Debug)]
pub struct FileKeyStore {
    inner: Arc<Inner>,
}

struct Inner {
    /// Held by whoever reads or writes files, on a thread of its own.
    files: Mutex<Files>,
    cache: Mutex<Cache>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("..")
    }
}

/// The keys of the players who came last.
#[derive(Default)]
struct Cache {
    owners_max: usize,
    keys: HashMap<KeyOwner, Vec<PlayerKey>>,
    order: VecDeque<KeyOwner>,
}

impl Cache {
    fn keep(&mut self, owner: KeyOwner, keys: Vec<PlayerKey>) {
        if self.owners_max == 0 {
            return;
        }
        if self.keys.insert(owner, keys).is_none() {
            self.order.push_back(owner);
        }
        while self.keys.len() > self.owners_max {
            match self.order.pop_front() {
                Some(oldest) => drop(self.keys.remove(&oldest)),
                None => return,
            }
        }
    }

    fn forget(&mut self, owner: &KeyOwner) {
        if self.keys.remove(owner).is_some() {
            self.order.retain(|kept| kept != owner);
        }
    }
}

/// `store.json`: whose keys they are, and how many erasures were known.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    format: u16,
    ledger: LedgerId,
    erasures: u64,
}

/// A player's file.
#[derive(Debug, Serialize, Deserialize)]
struct Wrapped {
    format: u16,
    owner: KeyOwner,
    /// The master key that wraps them.
    master: String,
    /// The newest last.
    keys: Vec<WrappedKey>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WrappedKey {
    id: KeyId,
    nonce: String,
    wrapped: String,
}

struct Files {
    folder: PathBuf,
    ledger: LedgerId,
    master: MasterKey,
    former: Vec<MasterKey>,
    erasures: ErasureList,
    /// Locked while the store is open.
    _lock: File,
}

impl FileKeyStore {
    /// Makes a new key store: the folder and the list of erasures must not be there yet.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub async fn create(options: FileKeyStoreOptions) -> Result<Self, KeyError> {
        Self::on_thread(move || {
            if options.folder.join("store.json").exists() {
                let what = format!("{} holds a key store already", options.folder.display());
                return Err(KeyError::Other { what });
            }
            safe_file::create_folder(&options.folder).map_err(|error| failed(&error))?;
            safe_file::create_folder(&options.folder.join("keys")).map_err(|error| failed(&error))?;
            let lock = lock(&options.folder)?;
            let erasures = ErasureList::create(&options.erasures, options.ledger)?;
            let about = About { format: FORMAT, ledger: options.ledger, erasures: 0 };
            safe_file::create(&options.folder.join("store.json"), &json(&about)?, Readers::Owner)
                .map_err(|error| failed(&error))?;
            Ok(Self::with(options, erasures, lock))
        })
        .await
    }

    /// Opens a key store, and removes the keys of whoever is on the list of erasures.
    ///
    /// # Errors
    ///
    /// [`KeyError::ErasuresMissing`] if the list is not there or shorter than the folder has known it, and what else may be
    /// wrong.
    pub async fn open(options: FileKeyStoreOptions) -> Result<Self, KeyError> {
        Self::on_thread(move || {
            let bytes =
                safe_file::read(&options.folder.join("store.json")).map_err(|error| failed(&error))?;
            let about: About = parse(&bytes, "store.json")?;
            if about.format > FORMAT {
                return Err(KeyError::Other {
                    what: format!("format {}: use a newer casino-ledger", about.format),
                });
            }
            if about.ledger != options.ledger {
                return Err(KeyError::Other { what: format!("it is of ledger {}", about.ledger) });
            }
            let lock = lock(&options.folder)?;
            let erasures = ErasureList::open(&options.erasures, options.ledger)?;
            let (known, found) = (about.erasures, erasures.count());
            if found < known {
                return Err(KeyError::ErasuresMissing { known, found });
            }
            let store = Self::with(options, erasures, lock);
            {
                let mut files = store.inner.files();
                for erasure in files.erasures.all() {
                    files.remove(&erasure.owner)?;
                }
                files.note_erasures()?;
            }
            Ok(store)
        })
        .await
    }

    fn with(options: FileKeyStoreOptions, erasures: ErasureList, lock: File) -> Self {
        let FileKeyStoreOptions { folder, ledger, master, former_masters: former, cached_owners, .. } =
            options;
        let files = Files { folder, ledger, master, former, erasures, _lock: lock };
        let cache = Cache { owners_max: cached_owners, ..Cache::default() };
        Self { inner: Arc::new(Inner { files: Mutex::new(files), cache: Mutex::new(cache) }) }
    }

    async fn on_thread<T: Send + 'static>(
        work: impl FnOnce() -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        aside("keys", work).await.map_err(|error| KeyError::unavailable("a thread", error))?
    }

    async fn with_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Files, &Inner) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let inner = Arc::clone(&self.inner);
        Self::on_thread(move || work(&mut inner.files(), &inner)).await
    }

    /// Wraps every key with the master key anew, also those that a former one wraps; answers how many players were
    /// rewritten. After it the former master keys are of no use, nor are copies of files that only they open.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; then some are rewritten, and the rest still needs the former master keys.
    pub async fn rewrap(&self) -> Result<u64, KeyError> {
        self.with_files(|files, _| {
            let mut rewritten = 0;
            for owner in files.owners()? {
                let (keys, master) = files.read(&owner)?;
                if master != files.master.id && !keys.is_empty() {
                    files.write(&owner, &keys)?;
                    rewritten += 1;
                }
            }
            Ok(rewritten)
        })
        .await
    }
}

impl Inner {
    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cached(&self, owner: &KeyOwner, which: Option<KeyId>) -> Option<PlayerKey> {
        let cache = self.cache();
        let keys = cache.keys.get(owner)?;
        match which {
            None => keys.last().cloned(),
            Some(id) => keys.iter().find(|key| key.id() == id).cloned(),
        }
    }
}

fn lock(folder: &Path) -> Result<File, KeyError> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| KeyError::unavailable("opening the lock", error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(KeyError::Unavailable { reason: "another process has the key store open".to_owned() })
        }
        Err(TryLockError::Error(error)) => Err(KeyError::unavailable("locking the key store", error)),
    }
}

fn json<T: Serialize>(value: &T) -> Result<Vec<u8>, KeyError> {
    serde_json::to_vec(value).map_err(|error| KeyError::unavailable("encoding", error))
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, KeyError> {
    serde_json::from_slice(bytes).map_err(|error| KeyError::Damaged { what: format!("{what}: {error}") })
}

impl Files {
    fn path(&self, owner: &KeyOwner) -> PathBuf {
        let name = owner.to_string();
        self.folder.join("keys").join(&name[..2]).join(format!("{name}.json"))
    }

    /// What a wrapped key is bound to.
    fn bound_to(&self, owner: &KeyOwner, id: KeyId) -> Vec<u8> {
        let parts: [&[u8]; 4] = [WRAP_TAG, &self.ledger.0, owner.as_bytes(), &id.0.to_be_bytes()];
        parts.concat()
    }

    /// A player's keys, the newest last, and the id of the master key that wraps them. None if he has no file.
    fn read(&self, owner: &KeyOwner) -> Result<(Vec<PlayerKey>, String), KeyError> {
        let bytes = match safe_file::read(&self.path(owner)) {
            Err(error) if error.is_missing() => return Ok((Vec::new(), self.master.id.clone())),
            read => read.map_err(|error| failed(&error))?,
        };
        let damaged = || KeyError::Damaged { what: format!("the keys of {owner}") };
        let wrapped: Wrapped = parse(&bytes, &format!("the keys of {owner}"))?;
        if wrapped.format > FORMAT {
            return Err(KeyError::Other {
                what: format!("format {}: use a newer casino-ledger", wrapped.format),
            });
        }
        if wrapped.owner != *owner {
            return Err(damaged());
        }
        let mut masters = std::iter::once(&self.master).chain(&self.former);
        let master = masters.find(|master| master.id == wrapped.master).ok_or_else(|| KeyError::Other {
            what: format!("master key {} wraps the keys of {owner}, and was not given", wrapped.master),
        })?;
        let cipher = XChaCha20Poly1305::new((&*master.bytes).into());
        let mut keys = Vec::with_capacity(wrapped.keys.len());
        for key in &wrapped.keys {
            let nonce: Option<[u8; 24]> =
                URL_SAFE_NO_PAD.decode(&key.nonce).ok().and_then(|nonce| nonce.try_into().ok());
            let nonce = nonce.ok_or_else(damaged)?;
            let sealed = URL_SAFE_NO_PAD.decode(&key.wrapped).map_err(|_| damaged())?;
            let payload = Payload { msg: &sealed, aad: &self.bound_to(owner, key.id) };
            let opened =
                Zeroizing::new(cipher.decrypt(&XNonce::from(nonce), payload).map_err(|_| damaged())?);
            let mut secret = Zeroizing::new([0; 32]);
            if opened.len() != secret.len() {
                return Err(damaged());
            }
            secret.copy_from_slice(&opened);
            keys.push(PlayerKey::new(key.id, secret));
        }
        Ok((keys, wrapped.master))
    }

    fn write(&self, owner: &KeyOwner, keys: &[PlayerKey]) -> Result<(), KeyError> {
        let cipher = XChaCha20Poly1305::new((&*self.master.bytes).into());
        let mut wrapped = Vec::with_capacity(keys.len());
        for key in keys {
            let mut nonce = [0; 24];
            getrandom::fill(&mut nonce).map_err(|error| KeyError::unavailable("random numbers", error))?;
            let payload = Payload { msg: key.secret(), aad: &self.bound_to(owner, key.id()) };
            let sealed = cipher
                .encrypt(&XNonce::from(nonce), payload)
                .map_err(|error| KeyError::unavailable("wrapping", error))?;
            wrapped.push(WrappedKey {
                id: key.id(),
                nonce: URL_SAFE_NO_PAD.encode(nonce),
                wrapped: URL_SAFE_NO_PAD.encode(sealed),
            });
        }
        let file = Wrapped { format: FORMAT, owner: *owner, master: self.master.id.clone(), keys: wrapped };
        let path = self.path(owner);
        if let Some(folder) = path.parent()
            && !folder.exists()
        {
            safe_file::create_folder(folder).map_err(|error| failed(&error))?;
            safe_file::sync_folder(&self.folder.join("keys")).map_err(|error| failed(&error))?;
        }
        safe_file::replace(&path, &json(&file)?, Readers::Owner).map_err(|error| failed(&error))
    }

    /// The keys of a player who was not erased; with one key at least, if that is wanted.
    fn keys(&self, owner: &KeyOwner, at_least_one: bool) -> Result<Vec<PlayerKey>, KeyError> {
        if self.erasures.has(owner) {
            return Err(KeyError::Erased);
        }
        let (mut keys, _) = self.read(owner)?;
        if keys.is_empty() && at_least_one {
            keys.push(PlayerKey::random(KeyId::random(&keys)?)?);
            self.write(owner, &keys)?;
        }
        Ok(keys)
    }

    fn remove(&self, owner: &KeyOwner) -> Result<(), KeyError> {
        let path = self.path(owner);
        // What a crash may have left beside it is a copy of it.
        safe_file::remove(&safe_file::beside(&path)).map_err(|error| failed(&error))?;
        safe_file::remove(&path).map_err(|error| failed(&error))?;
        Ok(())
    }

    /// Makes the folder remember how long the list of erasures is.
    fn note_erasures(&mut self) -> Result<(), KeyError> {
        let about = About { format: FORMAT, ledger: self.ledger, erasures: self.erasures.count() };
        safe_file::replace(&self.folder.join("store.json"), &json(&about)?, Readers::Owner)
            .map_err(|error| failed(&error))
    }

    /// Everyone who has a file.
    fn owners(&self) -> Result<Vec<KeyOwner>, KeyError> {
        let list = || -> std::io::Result<Vec<KeyOwner>> {
            let mut owners = Vec::new();
            for folder in fs::read_dir(self.folder.join("keys"))? {
                for file in fs::read_dir(folder?.path())? {
                    let name = file?.file_name();
                    let owner: Option<KeyOwner> =
                        name.to_str().and_then(|name| name.strip_suffix(".json")?.parse().ok());
                    owners.extend(owner);
                }
            }
            Ok(owners)
        };
        list().map_err(|error| KeyError::unavailable("listing the keys", error))
    }
}

#[async_trait]
impl KeyStore for FileKeyStore {
    async fn current(&self, owner: &KeyOwner) -> Result<PlayerKey, KeyError> {
        if let Some(key) = self.inner.cached(owner, None) {
            return Ok(key);
        }
        let owner = *owner;
        self.with_files(move |files, inner| {
            let keys = files.keys(&owner, true)?;
            let newest = keys.last().cloned();
            // While the files are held: an erasure that follows takes it out again.
            inner.cache().keep(owner, keys);
            newest.ok_or_else(|| KeyError::Damaged { what: format!("the keys of {owner}") })
        })
        .await
    }

    async fn key(&self, owner: &KeyOwner, id: KeyId) -> Result<PlayerKey, KeyError> {
        if let Some(key) = self.inner.cached(owner, Some(id)) {
            return Ok(key);
        }
        let owner = *owner;
        self.with_files(move |files, inner| {
            let keys = files.keys(&owner, false)?;
            let found = keys.iter().find(|key| key.id() == id).cloned();
            if !keys.is_empty() {
                inner.cache().keep(owner, keys);
            }
            found.ok_or(KeyError::Unknown { id })
        })
        .await
    }

    async fn rotate(&self, owner: &KeyOwner) -> Result<KeyId, KeyError> {
        let owner = *owner;
        self.with_files(move |files, inner| {
            let mut keys = files.keys(&owner, false)?;
            if keys.len() >= PLAYER_KEYS_MAX {
                return Err(KeyError::Unavailable {
                    reason: format!("the player has {PLAYER_KEYS_MAX} keys, the most he may have"),
                });
            }
            let id = KeyId::random(&keys)?;
            keys.push(PlayerKey::random(id)?);
            files.write(&owner, &keys)?;
            inner.cache().keep(owner, keys);
            Ok(id)
        })
        .await
    }

    async fn erase(&self, owner: &KeyOwner, at: Timestamp) -> Result<Erasure, KeyError> {
        let owner = *owner;
        self.with_files(move |files, inner| {
            let erasure = files.erasures.add(Erasure { owner, at })?;
            inner.cache().forget(&owner);
            files.remove(&owner)?;
            files.note_erasures()?;
            Ok(erasure)
        })
        .await
    }

    async fn erasures(&self) -> Result<Vec<Erasure>, KeyError> {
        self.with_files(|files, _| Ok(files.erasures.all())).await
    }
}
