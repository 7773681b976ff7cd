//! Catalogues of providers: their games, from a document of theirs.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use casino_ledger::core::{
    DocumentContent, DocumentKind, DocumentName, GameId, GameRule, PublishDocument, Reason, TransactionId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, In, id};
use super::shapes::Recorded;
use super::switches::{approver, earlier, publish, send};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::catalogue::{GAMES_KIND, GAMES_MAX, GamesDocument, configuration};
use crate::config::{Category, Game, Role, check_games};
use crate::policy;

/// The longest document that is read.
pub const IMPORT_BYTES_MAX: usize = 1 << 20;

/// A game of a provider's document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedGame {
    /// The provider's own code of it.
    #[schema(example = "book")]
    code: String,
    /// Its id in the ledger; the provider's and the code, if absent.
    id: Option<String>,
    /// How it is called.
    name: String,
    /// What kind of game it is.
    category: Category,
    /// What it pays back in theory, a share such as `0.9610`.
    #[schema(example = "0.9610")]
    rtp: Option<String>,
    /// The least stake, in every currency.
    min_bet: Option<String>,
    /// The highest stake, in every currency.
    #[schema(example = "500.00")]
    max_bet: Option<String>,
    /// Whether it may be started.
    active: Option<bool>,
}

/// A provider's document as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// Its games: all that it has now.
    games: Vec<ImportedGame>,
}

/// Why a document is imported.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Why {
    /// Why.
    #[param(example = "the games of December")]
    reason: String,
}

/// The games of a provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct GamesView {
    /// The games, in order of their ids.
    pub games: Vec<Game>,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportView {
    /// How many games of the provider may be started now.
    pub active: usize,
    /// The version of the policy that has their limits; none, if that of the configuration is in force.
    pub policy: Option<u64>,
    /// Whether it is the answer to an earlier request with the same key.
    pub replayed: bool,
    /// Where it is recorded.
    pub recorded: Recorded,
}

/// Reads a document by its type.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<ImportedGame>, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    match kind.split(';').next().unwrap_or("").trim() {
        kind if kind.eq_ignore_ascii_case("application/json") => {
            let import: Result<Import, _> = serde_json::from_slice(body);
            let problem =
                |error: serde_json::Error| Problem::body(StatusCode::BAD_REQUEST, &error.to_string());
            import.map(|import| import.games).map_err(problem)
        }
        kind if kind.eq_ignore_ascii_case("text/csv") => {
            let mut lines = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(body);
            let problem = |error: csv::Error| Problem::body(StatusCode::BAD_REQUEST, &error.to_string());
            lines.deserialize().map(|line| line.map_err(problem)).collect()
        }
        _ => {
            let detail = "send Content-Type: application/json, or text/csv with a line of names first";
            Err(Problem::body(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
    }
}

/// The games of a provider, also those that may not be started.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/providers/{provider}/games", operation_id = "listGames", tag = "switches", params(("provider" = String, Path)),
    responses((status = 200, body = GamesView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(provider): In<String>,
) -> Result<Json<GamesView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let provider = casino.checked.providers.get(&provider);
    let provider = &provider.ok_or_else(|| Problem::not_found("there is no such provider"))?.id;
    let games = casino.catalogue.games();
    let games = games.by_id.values().filter(|game| game.provider == *provider).cloned().collect();
    Ok(Json(GamesView { games }))
}

/// Takes in the games of a provider from its document: JSON, or CSV with the names of the fields as its first line. It is all
/// that the provider has: what was imported before and is not in it may not be started any more. Their limits of stakes become
/// those of the policy. Needs a second person, and a key in `Idempotency-Key`.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(put, path = "/providers/{provider}/games", operation_id = "importGames", tag = "switches",
    params(("provider" = String, Path), Why, ("Idempotency-Key" = String, Header, description = "the id of the request"),
        ("X-Approval-Key" = String, Header, description = "the key of a second person")),
    request_body(content((Import = "application/json"), (String = "text/csv"))),
    responses((status = 200, body = ImportView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn import(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(provider): In<String>,
    Asked(why): Asked<Why>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ImportView>, Problem> {
    caller.must_be(&[Role::Office])?;
    let provider = casino.checked.providers.get(&provider);
    let provider = &provider.ok_or_else(|| Problem::not_found("there is no such provider"))?.id;
    let approved_by = approver(&casino, &headers)?;
    let txn = caller.id(None)?;
    let reason = id("reason", &why.reason, |t| Reason::new(t))?;
    let body =
        body.map_err(|error| Problem::body(error.status(), "the body is too long, or did not come whole"))?;
    let games: Vec<Game> = read(&headers, &body)?.into_iter().map(|game| of(provider, game)).collect();
    let known = check_games(&games, |id| id == provider);
    let known = known.map_err(|error| Problem::invalid("games", &error.faults.join("; ")))?;
    let internal = |_| Problem::internal();
    let house = configuration().map_err(internal)?;
    let (kind, name) = (DocumentKind::new(GAMES_KIND).map_err(internal)?, provider_name(provider)?);
    // Sent again, it is made from what it was made from, and changes no limits.
    let earlier = earlier(&casino, &house, (&caller.source, &txn)).await?;
    let is_new = earlier.is_none();
    let (before, expected) = match earlier {
        Some(earlier) => (earlier.before, None),
        None => {
            others_are_not(&casino, provider, known.keys())?;
            let reading = casino.ledger.house(&house).await?;
            let all = reading.state.configuration();
            let newest = all.document(&kind, &name).and_then(|document| document.versions().last());
            let content = newest.and_then(|newest| all.content(&newest.hash).cloned());
            (content, Some(newest.map_or(0, |newest| newest.version)))
        }
    };
    let before = before.as_ref().map(GamesDocument::read).transpose().map_err(|_| Problem::internal())?;
    let document = before.unwrap_or_default().with(games);
    if document.games.len() > GAMES_MAX {
        return Err(Problem::invalid(
            "games",
            &format!("at most {GAMES_MAX} are allowed, with those of before"),
        ));
    }
    let content = DocumentContent::of(&document);
    let content = content.map_err(|error| Problem::invalid("games", &error.to_string()))?;
    if is_new {
        // A game is there once its limits are.
        limits(&casino, &caller, &headers, (limits_id(&txn)?, why.reason.as_str()), known.iter()).await?;
    }
    let command = PublishDocument {
        source: caller.source.clone(),
        id: txn,
        kind,
        name,
        content,
        effective_from: None,
        expected,
        reason,
        author: caller.actor.clone(),
        approved_by,
    };
    let receipt = send(&casino, &caller, house, command).await?;
    let refreshed = casino.refresh_games().await;
    refreshed.map_err(|error| {
        tracing::warn!(%error, "the games are recorded, and not in force here yet");
        Problem::unavailable("unavailable", "the games are recorded, and soon in force".to_owned())
    })?;
    let games = casino.catalogue.games();
    let active = games.by_id.values().filter(|game| game.provider == *provider && game.active).count();
    let policy = casino.ledger.policy().version;
    Ok(Json(ImportView { active, policy, replayed: receipt.replayed, recorded: Recorded::of(&receipt) }))
}

fn of(provider: &str, game: ImportedGame) -> Game {
    let ImportedGame { code, id, name, category, rtp, min_bet, max_bet, active } = game;
    Game {
        id: id.unwrap_or_else(|| format!("{provider}:{code}")),
        provider: provider.to_owned(),
        code,
        name,
        category,
        rtp,
        min_bet,
        max_bet,
        active: active.unwrap_or(true),
    }
}

fn provider_name(provider: &str) -> Result<DocumentName, Problem> {
    DocumentName::new(provider).map_err(|error| Problem::invalid("provider", &error.to_string()))
}

/// The key of what an import changes of limits.
fn limits_id(txn: &TransactionId) -> Result<TransactionId, Problem> {
    let id = TransactionId::new(format!("{txn}#limits"));
    id.map_err(|error| Problem::invalid("Idempotency-Key", &error.to_string()))
}

/// That ids are not of another provider's games.
fn others_are_not<'a>(
    casino: &Casino,
    provider: &str,
    mut ids: impl Iterator<Item = &'a GameId>,
) -> Result<(), Problem> {
    let games = casino.catalogue.games();
    let other = ids.find(|id| games.by_id.get(*id).is_some_and(|game| game.provider != provider));
    match other {
        Some(id) => Err(Problem::invalid("games", &format!("{id} is a game of another provider"))),
        None => Ok(()),
    }
}

/// Has the policy say what games' documents say, where it does not yet. What it says of a game beside that stays.
async fn limits(
    casino: &Casino,
    caller: &Caller,
    headers: &HeaderMap,
    (txn, reason): (TransactionId, &str),
    games: impl Iterator<Item = (&GameId, &Game)>,
) -> Result<(), Problem> {
    let currencies: Vec<&String> =
        casino.checked.brands.values().flat_map(|brand| &brand.currencies).collect();
    let mut rules = Vec::new();
    let in_force = casino.ledger.policy();
    for (id, game) in games {
        let rule = policy::rule(game, currencies.iter().copied());
        let rule = rule.map_err(|what| Problem::invalid("games", &what))?;
        let known = in_force.policy.games.games.get(id);
        let rest = known.cloned().unwrap_or_default();
        let rule = GameRule { category: rule.category, stakes: rule.stakes, ..rest };
        if known != Some(&rule) {
            rules.push((id.clone(), rule));
        }
    }
    if rules.is_empty() {
        return Ok(());
    }
    publish(casino, caller, headers, (txn, reason), |policy| policy.games.games.extend(rules)).await.map(drop)
}
