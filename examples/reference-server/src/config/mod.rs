//! What the server is told at its start: one file, overridden by the environment, checked as a whole before anything is
//! opened.

mod catalogue;
mod check;
mod keys;
mod providers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use serde::{Deserialize, Serialize};

pub use catalogue::{Brand, Category, Game};
pub use check::{Checked, ConfigError, check_games};
pub use keys::{ApiKey, KeyConfig, Role, Secret, hash_of_key};
pub use providers::{DialectName, Duplicate, Provider, ProviderConfig, Tombstoned, UnknownRollback};

/// What stands before the name of a setting in the environment: `CASINO_SERVER_LISTEN`, `CASINO_SERVER_BODY_BYTES_MAX`.
pub const ENVIRONMENT: &str = "CASINO_SERVER_";

/// The settings as they are written. [`Config::check`] makes of them what the server works with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen, `address:port`. Port 0 takes a free one.
    pub listen: String,
    /// A file with the server's certificate as PEM, and those between it and its authority. With it and its key, the server
    /// speaks TLS and nothing else.
    pub tls_certificate: Option<PathBuf>,
    /// A file with the certificate's key as PEM.
    pub tls_key: Option<PathBuf>,
    /// A file with the authorities of callers' certificates as PEM. With it, nobody is heard who shows no certificate of
    /// theirs.
    pub tls_client_ca: Option<PathBuf>,
    /// `log`, `sqlite`, or the URL of a PostgreSQL database.
    pub store: String,
    /// The schema of the ledger in PostgreSQL.
    pub schema: String,
    /// The folder of the log, the SQLite file and the views.
    pub data: PathBuf,
    /// The operator whose players these are.
    pub operator: String,
    /// Whether a ledger without players gets the demo's, with some play.
    pub demo: bool,
    /// Signs launch tokens: at least 32 characters.
    pub secret: Secret,
    /// How long a launch token is good for, in seconds.
    pub session_secs: u32,
    /// The longest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// How long a request may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// How many requests a second one key, or one address without a key, may send; any number, if 0.
    pub requests_per_second: u32,
    /// How long the server waits for what is under way when it is told to stop, in milliseconds.
    pub shutdown_ms: u64,
    /// How many commits a view may be behind before the server says that it is not ready.
    pub lag_max: u64,
    /// Log lines as JSON objects.
    pub log_json: bool,
    /// The address of an OpenTelemetry collector that takes OTLP over HTTP, `http://host:port`: requests are told to it as spans.
    /// Without one they are not.
    pub otlp_endpoint: Option<String>,
    /// A file with the policy as JSON. Without one the library's own holds, which is strict: a withdrawal waits until the player
    /// is verified, and goes to a destination that is proven to be his.
    pub policy: Option<PathBuf>,
    /// Whether the demo's terms hold where no file is named: nobody is verified, money may go anywhere, small withdrawals go
    /// by themselves, and there are bonuses. For trying out alone.
    pub demo_policy: bool,
    /// Who may call.
    pub keys: Vec<KeyConfig>,
    /// The brands.
    pub brands: Vec<Brand>,
    /// The games.
    pub games: Vec<Game>,
    /// The game providers.
    pub providers: Vec<ProviderConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            store: "log".to_owned(),
            schema: "casino_ledger".to_owned(),
            data: PathBuf::from("casino-data"),
            operator: "casino".to_owned(),
            demo: false,
            secret: Secret::default(),
            session_secs: 4 * 3_600,
            body_bytes_max: 64 << 10,
            request_timeout_ms: 15_000,
            requests_per_second: 0,
            shutdown_ms: 10_000,
            lag_max: 10_000,
            log_json: false,
            otlp_endpoint: None,
            policy: None,
            demo_policy: false,
            keys: Vec::new(),
            brands: Vec::new(),
            games: Vec::new(),
            providers: Vec::new(),
        }
    }
}

impl Config {
    /// Reads a file and the environment over `base`; what stands in the environment goes before the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the file cannot be read, or something in it has no place in a configuration.
    pub fn read(base: &Self, file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(base));
        if let Some(file) = file {
            // A file that is not there would be taken as empty.
            std::fs::metadata(file).map_err(|error| ConfigError::file(file, &error))?;
            figment = figment.merge(Toml::file_exact(file));
        }
        let figment = figment.merge(Env::prefixed(ENVIRONMENT));
        figment.extract().map_err(|error| ConfigError::of(error.into_iter().map(|e| e.to_string())))
    }

    /// How long a request may take.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }
}
