//! The casino: the ledger with its views, and what the configuration says of who and what there is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use casino_ledger::core::{GameId, Timestamp};
use casino_ledger::proof::{FolderArchive, LocalSigner, Notary, PublicKey, Signer as _};
use casino_ledger::store::postgres::PostgresOptions;
use casino_ledger::{Clock, ExecuteError, Ledger, Receipt, Request, Settings, SystemClock};

use crate::catalogue::{Catalogue, GamesCheck};
use crate::config::Checked;
use crate::feed::LiveFeed;
use crate::launch::Launches;
use crate::views::Views;
use crate::{metrics, policy};

/// What every handler works with.
#[derive(Debug)]
pub struct Casino {
    /// The ledger.
    pub ledger: Ledger,
    /// The views.
    pub views: Views,
    /// The configuration.
    pub checked: Checked,
    /// What happens, as it happens.
    pub feed: LiveFeed,
    /// The games.
    pub catalogue: Catalogue,
    /// Launch tokens.
    pub launches: Launches,
    /// Signs the heads of the log, for proofs.
    pub notary: Notary,
    /// What it signed.
    pub statements: Arc<FolderArchive>,
    /// The key it signs with.
    pub notary_key: PublicKey,
    /// Held by whoever reads much of the log.
    pub reading_much: tokio::sync::Mutex<()>,
    clock: SystemClock,
}

impl Casino {
    /// Opens the ledger in its store, and the views.
    ///
    /// # Errors
    ///
    /// If one of them cannot be opened.
    pub async fn open(checked: Checked) -> anyhow::Result<Arc<Self>> {
        let config = &checked.config;
        let mut settings = Settings::new()?;
        let configured = policy::of(&checked)?;
        settings.policy = configured.clone();
        settings.documents.push(Arc::new(GamesCheck::new()?));
        std::fs::create_dir_all(&config.data)?;
        let ledger = match config.store.as_str() {
            "log" => Ledger::open(config.data.join("log"), settings).await?,
            "sqlite" => Ledger::open_sqlite(config.data.join("ledger.sqlite"), settings).await?,
            url => {
                let mut options = PostgresOptions::new(url)?;
                options.schema.clone_from(&config.schema);
                Ledger::open_postgres(options, settings).await?
            }
        };
        let in_force = ledger.policy();
        if let Some(version) = in_force.version {
            for what in policy::not_in_force(&configured, &in_force.policy) {
                tracing::warn!(version, what, "a published policy is in force, and not the configuration's");
            }
        }
        let views = Views::open(&ledger, &config.data.join("views")).await?;
        let feed = LiveFeed::start(&ledger, &views.feed).await?;
        let launches = Launches::new(&checked.config.secret);
        let key_file = checked.config.data.join("statements.key");
        let signer =
            if key_file.exists() { LocalSigner::open(&key_file)? } else { LocalSigner::create(&key_file)? };
        let notary_key = signer.public_key();
        let statements = Arc::new(FolderArchive::open(checked.config.data.join("statements"))?);
        let notary = ledger.notary(Arc::new(signer), Arc::<FolderArchive>::clone(&statements));
        let clock = SystemClock::default();
        let catalogue = Catalogue::default();
        catalogue.refresh(&ledger, &checked, clock.wall()).await?;
        Ok(Arc::new(Self {
            ledger,
            views,
            checked,
            feed,
            catalogue,
            launches,
            notary,
            statements,
            notary_key,
            reading_much: tokio::sync::Mutex::default(),
            clock,
        }))
    }

    /// Sends a command of a player, and measures it.
    ///
    /// # Errors
    ///
    /// As [`Ledger::request`].
    pub async fn send(&self, request: Request) -> Result<Receipt, ExecuteError> {
        let (begun, kind) = (Instant::now(), request.command.kind().as_str());
        let answer = self.ledger.request(request).await;
        metrics::transaction(kind, &answer, begun.elapsed());
        answer
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// The game that a provider knows by a code.
    pub fn game_of(&self, provider: &str, code: &str) -> Option<GameId> {
        self.catalogue.games().of(provider, code).cloned()
    }

    /// Takes in what was imported of games, here or by another server.
    ///
    /// # Errors
    ///
    /// If the ledger cannot serve.
    pub async fn refresh_games(&self) -> anyhow::Result<()> {
        self.catalogue.refresh(&self.ledger, &self.checked, self.now()).await
    }

    /// Ends what was started: views first, then the ledger.
    ///
    /// # Errors
    ///
    /// If the end of the ledger could not be written.
    pub async fn close(&self, limit: Duration) -> anyhow::Result<()> {
        self.feed.stop();
        self.views.stop(limit).await;
        self.ledger.close().await?;
        Ok(())
    }
}
