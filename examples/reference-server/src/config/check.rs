//! The check of a configuration: all that is wrong with it, at once, each with where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use casino_ledger::Decimal;
use casino_ledger::core::{
    ActorId, BrandId, CurrencyCode, CurrencyRegistry, GameId, JurisdictionId, OperatorId, SourceId,
};
use tokio_rustls::rustls::ServerConfig;

use super::keys::{ApiKey, KeyConfig};
use super::providers::{DialectName, Provider, ProviderConfig, TIME_WINDOW_SECS};
use super::{Brand, Config, Game};
use crate::{pem, telemetry, tls};

/// The least length of the server's secret.
const SECRET_CHARS_MIN: usize = 32;

/// What is wrong with a configuration: every fault, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The faults.
    pub faults: Vec<String>,
}

impl ConfigError {
    pub(super) fn of(faults: impl IntoIterator<Item = String>) -> Self {
        Self { faults: faults.into_iter().collect() }
    }

    pub(super) fn file(path: &Path, error: &std::io::Error) -> Self {
        Self::of([format!("{} cannot be read: {error}", path.display())])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigError {}

/// A configuration that was checked.
#[derive(Debug, Clone)]
pub struct Checked {
    /// As it was written.
    pub config: Config,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How the listener speaks TLS, if it does.
    pub tls: Option<Arc<ServerConfig>>,
    /// Where spans are sent, if they are.
    pub otlp: Option<String>,
    /// The operator.
    pub operator: OperatorId,
    /// Who may call.
    pub keys: Vec<ApiKey>,
    /// The brands, by id.
    pub brands: BTreeMap<BrandId, Brand>,
    /// The games, by id.
    pub games: BTreeMap<GameId, Game>,
    /// The game providers, by id.
    pub providers: BTreeMap<String, Provider>,
}

/// Collects faults while values are taken.
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, at: &str, what: impl fmt::Display) {
        self.0.push(format!("{at}: {what}"));
    }

    fn take<T, E: fmt::Display>(&mut self, at: &str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(at, error)).ok()
    }
}

impl Config {
    /// Checks the whole of it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every fault.
    pub fn check(self) -> Result<Checked, ConfigError> {
        let mut faults = Faults(Vec::new());
        let listen = faults.take("listen", self.listen.parse::<SocketAddr>());
        let tls = tls(&self, &mut faults);
        let otlp = self.otlp_endpoint.as_deref();
        let otlp = otlp.and_then(|text| faults.take("otlp_endpoint", telemetry::endpoint(text)));
        let operator = faults.take("operator", OperatorId::new(&self.operator));
        if self.secret.expose().chars().count() < SECRET_CHARS_MIN {
            faults.add("secret", format_args!("it needs at least {SECRET_CHARS_MIN} characters"));
        }
        let is_store = matches!(self.store.as_str(), "log" | "sqlite")
            || self.store.starts_with("postgres://")
            || self.store.starts_with("postgresql://");
        if !is_store {
            faults.add("store", "write log, sqlite or postgres://user@host/database");
        }
        for (at, value) in [
            ("body_bytes_max", self.body_bytes_max as u64),
            ("request_timeout_ms", self.request_timeout_ms),
            ("shutdown_ms", self.shutdown_ms),
            ("session_secs", u64::from(self.session_secs)),
        ] {
            if value == 0 {
                faults.add(at, "it must be above zero");
            }
        }
        let keys = keys(&self.keys, &mut faults);
        let brands = brands(&self.brands, &mut faults);
        let providers = providers(&self.providers, &mut faults);
        let games = games(&self.games, |id| providers.contains_key(id), &mut faults);
        match (listen, operator) {
            (Some(listen), Some(operator)) if faults.0.is_empty() => {
                Ok(Checked { config: self, listen, tls, otlp, operator, keys, brands, games, providers })
            }
            _ => Err(ConfigError { faults: faults.0 }),
        }
    }
}

fn tls(config: &Config, faults: &mut Faults) -> Option<Arc<ServerConfig>> {
    let authorities = config.tls_client_ca.as_deref();
    match (&config.tls_certificate, &config.tls_key) {
        (Some(certificate), Some(key)) => faults.take("tls", tls::settings(certificate, key, authorities)),
        (None, None) if authorities.is_none() => None,
        // Who meant to have callers' certificates checked is not to go without.
        (None, None) => {
            faults.add("tls_client_ca", "it needs tls_certificate and tls_key");
            None
        }
        _ => {
            faults.add("tls_certificate and tls_key", "one needs the other");
            None
        }
    }
}

fn keys(written: &[KeyConfig], faults: &mut Faults) -> Vec<ApiKey> {
    let mut hashes = BTreeSet::new();
    let mut keys = Vec::with_capacity(written.len());
    for (index, key) in written.iter().enumerate() {
        let at = format!("keys[{index}] ({})", key.name);
        let actor = faults.take(&at, ActorId::new(&key.name));
        let source = faults.take(&at, SourceId::new(key.source.as_ref().unwrap_or(&key.name)));
        let hash = hex::decode(&key.sha256).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let Some(hash) = hash else {
            faults.add(&at, "sha256 is no hash: write the 64 hexadecimal digits of the key's SHA-256");
            continue;
        };
        if !hashes.insert(hash) {
            faults.add(&at, "another entry has the same key");
        }
        if let (Some(actor), Some(source)) = (actor, source) {
            keys.push(ApiKey { actor, role: key.role, source, hash });
        }
    }
    keys
}

fn brands(written: &[Brand], faults: &mut Faults) -> BTreeMap<BrandId, Brand> {
    let known = CurrencyRegistry::standard();
    let mut brands = BTreeMap::new();
    for brand in written {
        let at = format!("brands ({})", brand.id);
        faults.take(&at, JurisdictionId::new(&brand.jurisdiction));
        for currency in &brand.currencies {
            match currency.parse::<CurrencyCode>() {
                Ok(code) if known.get(code).is_some() => {}
                Ok(code) => faults.add(&at, format_args!("{code} is no currency that is known")),
                Err(error) => faults.add(&at, error),
            }
        }
        if brand.currencies.is_empty() {
            faults.add(&at, "it needs at least one currency");
        }
        if let Some(id) = faults.take(&at, BrandId::new(&brand.id))
            && brands.insert(id, brand.clone()).is_some()
        {
            faults.add(&at, "there are two of that id");
        }
    }
    brands
}

/// Games by id, if nothing is wrong with any of them.
///
/// # Errors
///
/// [`ConfigError`] with every fault.
pub fn check_games(
    written: &[Game],
    is_provider: impl Fn(&str) -> bool,
) -> Result<BTreeMap<GameId, Game>, ConfigError> {
    let mut faults = Faults(Vec::new());
    let games = games(written, is_provider, &mut faults);
    if faults.0.is_empty() { Ok(games) } else { Err(ConfigError { faults: faults.0 }) }
}

fn games(
    written: &[Game],
    is_provider: impl Fn(&str) -> bool,
    faults: &mut Faults,
) -> BTreeMap<GameId, Game> {
    let mut games = BTreeMap::new();
    let mut codes = BTreeSet::new();
    for game in written {
        let at = format!("games ({})", game.id);
        if !is_provider(&game.provider) {
            faults.add(&at, format_args!("there is no provider {}", game.provider));
        }
        for amount in [&game.rtp, &game.min_bet, &game.max_bet].into_iter().flatten() {
            if !Decimal::from_str_exact(amount).is_ok_and(|amount| !amount.is_sign_negative()) {
                faults.add(&at, format_args!("{amount:?} is no amount or share"));
            }
        }
        if !codes.insert((&game.provider, &game.code)) {
            faults.add(&at, format_args!("its provider has another game with the code {}", game.code));
        }
        if let Some(id) = faults.take(&at, GameId::new(&game.id))
            && games.insert(id, game.clone()).is_some()
        {
            faults.add(&at, "there are two of that id");
        }
    }
    games
}

fn providers(written: &[ProviderConfig], faults: &mut Faults) -> BTreeMap<String, Provider> {
    let mut providers = BTreeMap::new();
    let mut sources = BTreeSet::new();
    for config in written {
        let at = format!("providers ({})", config.id);
        let is_path = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if config.id.is_empty() || !config.id.chars().all(is_path) {
            faults.add(&at, "an id is made of letters, digits, - and _: it stands in a path");
        }
        let source = faults.take(&at, SourceId::new(config.source.as_ref().unwrap_or(&config.id)));
        if !source.as_ref().is_some_and(|source| sources.insert(source.clone())) {
            faults.add(&at, "another provider has the same source");
        }
        let provider = checked(config, source, &at, faults);
        if let Some(provider) = provider
            && providers.insert(config.id.clone(), provider).is_some()
        {
            faults.add(&at, "there are two of that id");
        }
    }
    providers
}

fn checked(
    config: &ProviderConfig,
    source: Option<SourceId>,
    at: &str,
    faults: &mut Faults,
) -> Option<Provider> {
    let mut secret = config.secret.clone();
    if let Some(file) = &config.secret_file {
        match std::fs::read_to_string(file) {
            Ok(text) => secret = super::Secret::new(text.trim_end_matches(['\n', '\r'])),
            Err(error) => faults.add(at, format_args!("{}: {error}", file.display())),
        }
    }
    let mut public_key = Vec::new();
    if config.dialect == DialectName::Hub88 {
        match config.public_key.as_deref().map(pem::rsa_public_key) {
            Some(Some(der)) => public_key = der,
            Some(None) => faults.add(at, "public_key is no RSA key as PEM"),
            None => faults.add(at, "hub88 signs with its key: public_key is missing"),
        }
    } else if secret.is_empty() {
        faults.add(at, "it needs a secret, or a secret_file that is not empty");
    }
    if config.dialect == DialectName::Pateplay && config.api_key.is_empty() {
        faults.add(at, "pateplay shows a key beside its signature: api_key is missing");
    }
    let (duplicate, unknown_rollback, tombstoned_bet, round_close) = config.dialect.switches();
    Some(Provider {
        id: config.id.clone(),
        dialect: config.dialect,
        source: source?,
        secret,
        api_key: config.api_key.clone(),
        public_key,
        time_window_secs: config.time_window_secs.unwrap_or(TIME_WINDOW_SECS),
        duplicate: config.duplicate.unwrap_or(duplicate),
        unknown_rollback: config.unknown_rollback.unwrap_or(unknown_rollback),
        tombstoned_bet: config.tombstoned_bet.unwrap_or(tombstoned_bet),
        round_close: config.round_close.unwrap_or(round_close),
    })
}
