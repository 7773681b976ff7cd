//! Who signs: Ed25519 keys (RFC 8032), held by the host, by a file, or by a device behind [`Signer`].

use std::fmt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::hex;
use crate::safe_file::{self, Readers, SafeFileError};

/// A public key: what a verifier must know, and how the key is named in statements.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

hex::hex_text!(PublicKey, 32);

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

hex::hex_text!(Signature, 64);

impl PublicKey {
    /// Whether a signature over a message is this key's. Refuses keys of small order and signatures that are not
    /// canonical, so that all implementations agree.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else { return false };
        key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok()
    }
}

/// Why nothing was signed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The key cannot be used now.
    #[error("the signer is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
}

/// Something that signs with one key, such as a hardware security module.
///
/// It is asked seldom, once a period, and may take its time: nothing waits for it but the statement.
#[async_trait]
pub trait Signer: Send + Sync + fmt::Debug + 'static {
    /// The key it signs with.
    fn public_key(&self) -> PublicKey;

    /// Signs a message with Ed25519 as it is, without hashing it first (RFC 8032, `PureEdDSA`).
    ///
    /// # Errors
    ///
    /// [`SignerError`] if the key cannot be used now.
    async fn sign(&self, message: &[u8]) -> Result<Signature, SignerError>;
}

/// A signer whose key is in this process.
pub struct LocalSigner {
    key: SigningKey,
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalSigner({})", self.public_key())
    }
}

/// The first line of a key's file.
const KEY_FILE_TAG: &str = "casino-ledger signing key 1";

/// Why a signing key cannot be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file cannot be written or read, or others may read it.
    #[error(transparent)]
    File(#[from] SafeFileError),
    /// The file holds something else.
    #[error("{} holds no signing key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The machine has no random numbers.
    #[error("no random numbers: {0}")]
    Random(String),
}

impl LocalSigner {
    /// A signer with a secret key of 32 random bytes, which the host keeps.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { key: SigningKey::from_bytes(secret) }
    }

    /// Makes a new key and its file, which only its owner may read. The file is the key: whoever has it can
    /// sign, so keep it apart from the log and from its backups.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`]; a file that exists is never overwritten.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut()).map_err(|error| KeyFileError::Random(error.to_string()))?;
        let digits = Zeroizing::new(hex::text(secret.as_ref()));
        let text = Zeroizing::new(format!("{KEY_FILE_TAG}\n{}\n", *digits));
        safe_file::create(path.as_ref(), text.as_bytes(), Readers::Owner)?;
        Ok(Self::new(&secret))
    }

    /// Reads a key from its file.
    ///
    /// # Errors
    ///
    /// [`KeyFileError`], also if others than the owner may read the file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        let bytes = safe_file::read(path)?;
        let digits = std::str::from_utf8(&bytes).ok().and_then(|text| {
            let (tag, rest) = text.split_once('\n')?;
            (tag == KEY_FILE_TAG).then_some(rest.strip_suffix('\n')?)
        });
        let secret = digits.and_then(hex::parse).map(Zeroizing::new);
        let secret = secret.ok_or_else(|| KeyFileError::NoKey { path: path.to_owned() })?;
        Ok(Self::new(&secret))
    }
}

#[async_trait]
impl Signer for LocalSigner {
    fn public_key(&self) -> PublicKey {
        PublicKey(self.key.verifying_key().to_bytes())
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        Ok(Signature(self.key.sign(message).to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    /// The first and third test of RFC 8032, section 7.1.
    #[test]
    fn it_is_the_ed25519_of_the_rfc() {
        for (secret, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                &b""[..],
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                &b"\xaf\x82"[..],
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ] {
            let signer = LocalSigner::new(&hex::parse(secret).unwrap());
            assert_eq!(signer.public_key().to_string(), public);
            let signed = block(signer.sign(message)).unwrap();
            assert_eq!(signed.to_string(), signature);
            assert!(signer.public_key().verifies(message, &signed));
            assert!(!signer.public_key().verifies(b"another", &signed));
        }
        // The neutral element as a key would verify anything.
        let mut weak = [0; 32];
        weak[0] = 1;
        let mut zero = [0; 64];
        zero[0] = 1;
        assert!(!PublicKey(weak).verifies(b"", &Signature(zero)));
    }

    #[test]
    fn a_key_file_is_its_owners_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = LocalSigner::create(&path).unwrap();
        assert_eq!(LocalSigner::open(&path).unwrap().public_key(), made.public_key());
        assert!(LocalSigner::create(&path).is_err());
        assert_eq!(LocalSigner::open(&path).unwrap().public_key(), made.public_key());
        assert_ne!(LocalSigner::create(folder.path().join("other")).unwrap().public_key(), made.public_key());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!format!("{made:?}").contains(text.lines().nth(1).unwrap()));
        for damaged in
            ["", "x", &text.replace("key 1", "key 2"), &text[..text.len() - 2], &text.to_uppercase()]
        {
            std::fs::write(&path, damaged).unwrap();
            assert!(matches!(LocalSigner::open(&path), Err(KeyFileError::NoKey { .. })));
        }
    }
}
