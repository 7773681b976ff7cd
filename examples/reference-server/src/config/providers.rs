//! Game providers: which protocol each speaks, with which keys, and how their contracts differ (A.2 in the domain's
//! tables: what the core leaves to the adapter).

use casino_ledger::core::{RoundClosePolicy, SourceId};
use serde::{Deserialize, Serialize};

use super::keys::Secret;

/// The protocols that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DialectName {
    /// The neutral one: HMAC-SHA256 over time and body.
    Hmac,
    /// Hub88's operator API.
    Hub88,
    /// The protocol of `SoftSwiss` and `BGaming`.
    Gcp,
    /// Pateplay's wallet.
    Pateplay,
    /// Evolution's One Wallet.
    Evolution,
    /// Pragmatic Play's seamless wallet.
    Pragmatic,
}

impl DialectName {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Hmac, Self::Hub88, Self::Gcp, Self::Pateplay, Self::Evolution, Self::Pragmatic];

    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hmac => "hmac",
            Self::Hub88 => "hub88",
            Self::Gcp => "gcp",
            Self::Pateplay => "pateplay",
            Self::Evolution => "evolution",
            Self::Pragmatic => "pragmatic",
        }
    }
}

/// What a provider that repeats a call is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicate {
    /// The first answer, with the balance it had.
    Original,
    /// The first answer, with the balance of now.
    Current,
    /// The protocol's error for a duplicate.
    Error,
}

/// What a provider is told whose rollback names something never seen. It is remembered either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownRollback {
    /// That it is done.
    Ok,
    /// The protocol's error for what is not there.
    NotFound,
}

/// What a provider is told whose bet was rolled back before it came. No money moves either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tombstoned {
    /// The protocol's error.
    Error,
    /// That it is done.
    OkWithoutMoney,
}

/// A provider as the configuration has it. What is not said of the four switches is as the protocol's own
/// documents say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Its id, in the path of its callbacks.
    pub id: String,
    /// Its protocol.
    pub dialect: DialectName,
    /// The source of its commands. By default its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The shared secret: of the signature, or the token it shows.
    #[serde(default)]
    pub secret: Secret,
    /// A file with the secret, instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<std::path::PathBuf>,
    /// What it names itself by beside its signature (`x-api-key` of Pateplay).
    #[serde(default)]
    pub api_key: Secret,
    /// Its public key as PEM (Hub88).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// How old or early a call may be, in seconds, where the protocol has a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_window_secs: Option<u32>,
    /// What a repeated call is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<Duplicate>,
    /// What a rollback of something never seen is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_rollback: Option<UnknownRollback>,
    /// What a bet is told that was rolled back before it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tombstoned_bet: Option<Tombstoned>,
    /// How its rounds end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_close: Option<RoundClosePolicy>,
}

impl ProviderConfig {
    /// A provider with nothing but a name and a protocol.
    pub fn new(id: &str, dialect: DialectName) -> Self {
        Self {
            id: id.to_owned(),
            dialect,
            source: None,
            secret: Secret::default(),
            secret_file: None,
            api_key: Secret::default(),
            public_key: None,
            time_window_secs: None,
            duplicate: None,
            unknown_rollback: None,
            tombstoned_bet: None,
            round_close: None,
        }
    }
}

/// A provider that was checked.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its id.
    pub id: String,
    /// Its protocol.
    pub dialect: DialectName,
    /// The source of its commands.
    pub source: SourceId,
    /// The shared secret.
    pub secret: Secret,
    /// What it names itself by.
    pub api_key: Secret,
    /// Its RSA key: the DER of `RSAPublicKey`.
    pub public_key: Vec<u8>,
    /// How old or early a call may be, in seconds.
    pub time_window_secs: u32,
    /// What a repeated call is told.
    pub duplicate: Duplicate,
    /// What a rollback of something never seen is told.
    pub unknown_rollback: UnknownRollback,
    /// What a bet is told that was rolled back before it came.
    pub tombstoned_bet: Tombstoned,
    /// How its rounds end.
    pub round_close: RoundClosePolicy,
}

/// How old or early a call may be by default: two minutes (S15).
pub(super) const TIME_WINDOW_SECS: u32 = 120;

impl DialectName {
    /// What its documents say of the four switches (A.2).
    pub(super) fn switches(self) -> (Duplicate, UnknownRollback, Tombstoned, RoundClosePolicy) {
        use {Duplicate as D, RoundClosePolicy as C, Tombstoned as T, UnknownRollback as U};
        match self {
            Self::Hmac | Self::Hub88 => (D::Original, U::Ok, T::Error, C::Flag),
            Self::Gcp => (D::Current, U::Ok, T::OkWithoutMoney, C::Flag),
            Self::Pateplay => (D::Error, U::NotFound, T::Error, C::Flag),
            Self::Evolution => (D::Error, U::NotFound, T::Error, C::EveryWin),
            Self::Pragmatic => (D::Current, U::Ok, T::Error, C::EndCall),
        }
    }
}
