//! The games there are: those of the configuration, and those that providers' documents brought in.
//!
//! What is imported is a configuration document of the ledger, one for each provider: versioned, with an author and a second
//! person, and in force on every server that shares the ledger. It goes before the configuration.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use casino_ledger::Ledger;
use casino_ledger::core::{
    DocumentCheck, DocumentContent, DocumentDraft, DocumentKind, GameId, HouseId, IdError, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::config::{Checked, Game, check_games};

/// The kind of such documents; each has its provider's name.
pub const GAMES_KIND: &str = "games";

/// The most games of one provider.
pub const GAMES_MAX: usize = 2_000;

/// The partition that has the ledger's documents.
///
/// # Errors
///
/// None: it is an id.
pub fn configuration() -> Result<HouseId, IdError> {
    HouseId::new("configuration")
}

/// A provider's document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GamesDocument {
    /// Its games, by id.
    pub games: Vec<Game>,
}

impl GamesDocument {
    /// Reads the content of a document.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(content: &DocumentContent) -> Result<Self, String> {
        serde_json::from_str(content.as_str()).map_err(|error| error.to_string())
    }

    /// The document after an import: what came is in it as it came, and what was there and did not come is not active any
    /// more, so that rounds that began in it can end.
    #[must_use]
    pub fn with(self, imported: Vec<Game>) -> Self {
        let gone = self.games.into_iter().map(|game| Game { active: false, ..game });
        let all = gone.chain(imported).map(|game| (game.id.clone(), game));
        Self { games: all.collect::<BTreeMap<_, _>>().into_values().collect() }
    }
}

/// What the ledger lets be published as a provider's games.
#[derive(Debug)]
pub struct GamesCheck {
    kind: DocumentKind,
}

impl GamesCheck {
    /// The check.
    ///
    /// # Errors
    ///
    /// None: its kind is an id.
    pub fn new() -> Result<Self, IdError> {
        Ok(Self { kind: DocumentKind::new(GAMES_KIND)? })
    }
}

impl DocumentCheck for GamesCheck {
    fn kind(&self) -> &DocumentKind {
        &self.kind
    }

    fn check(&self, draft: &DocumentDraft<'_>) -> Result<(), String> {
        let document = GamesDocument::read(draft.content)?;
        if document.games.len() > GAMES_MAX {
            return Err(format!("{} games: at most {GAMES_MAX} are allowed", document.games.len()));
        }
        if let Some(other) = document.games.iter().find(|game| game.provider != draft.name.as_str()) {
            return Err(format!("{} is not a game of {}", other.id, draft.name));
        }
        let provider = draft.name.as_str();
        check_games(&document.games, |id| id == provider).map(drop).map_err(|error| error.faults.join("; "))
    }
}

/// The games at one time.
#[derive(Debug, Default)]
pub struct Games {
    /// By id.
    pub by_id: BTreeMap<GameId, Game>,
    /// By their provider, and by its code.
    codes: HashMap<String, HashMap<String, GameId>>,
}

impl Games {
    /// Those of the configuration, and those of documents. Of two with one id or one code, the document's.
    fn new(configured: &BTreeMap<GameId, Game>, documents: Vec<Game>) -> Self {
        let mut by_id = configured.clone();
        let taken = documents.iter().map(|game| (game.provider.clone(), game.code.clone()));
        let taken: std::collections::HashSet<_> = taken.collect();
        by_id.retain(|_, game| !taken.contains(&(game.provider.clone(), game.code.clone())));
        for game in documents {
            if let Ok(id) = GameId::new(&game.id) {
                by_id.insert(id, game);
            }
        }
        let mut codes: HashMap<String, HashMap<String, GameId>> = HashMap::new();
        for (id, game) in &by_id {
            codes.entry(game.provider.clone()).or_default().insert(game.code.clone(), id.clone());
        }
        Self { by_id, codes }
    }

    /// The game that a provider knows by a code.
    pub fn of(&self, provider: &str, code: &str) -> Option<&GameId> {
        self.codes.get(provider)?.get(code)
    }
}

/// The games as they are now.
#[derive(Debug, Default)]
pub struct Catalogue(RwLock<Arc<Games>>);

impl Catalogue {
    /// The games now.
    pub fn games(&self) -> Arc<Games> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in what the ledger's documents say now.
    ///
    /// # Errors
    ///
    /// If the ledger cannot serve.
    pub async fn refresh(&self, ledger: &Ledger, checked: &Checked, now: Timestamp) -> anyhow::Result<()> {
        let house = ledger.house(&configuration()?).await?;
        let documents = house.state.configuration();
        let mut games = Vec::new();
        for document in documents.documents().iter().filter(|one| one.kind().as_str() == GAMES_KIND) {
            let content = document.in_force(now).and_then(|version| documents.content(&version.hash));
            let Some(content) = content else { continue };
            match GamesDocument::read(content) {
                Ok(read) => games.extend(read.games),
                Err(error) => tracing::error!(error, provider = %document.name(), "games cannot be read"),
            }
        }
        let games = Arc::new(Games::new(&checked.games, games));
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = games;
        Ok(())
    }
}
