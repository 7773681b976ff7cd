//! Sessions of play: launching a game, and the end of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use casino_ledger::Request;
use casino_ledger::core::stored::SessionRef;
use casino_ledger::core::{EndSession, GameId, SourceId, StartSession, Timestamp, TransactionId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, In, currency, id, player};
use super::players::reading;
use super::shapes::{Done, Recorded};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;
use crate::launch::Launch;

/// A game to be launched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaunchRequest {
    /// The id of the request: that of the session too.
    request_id: Option<String>,
    /// The game, one of the catalogue's.
    #[schema(example = "hub88_book")]
    game_id: String,
    /// The currency that is played in.
    #[schema(example = "EUR")]
    currency: String,
}

/// A session that was launched.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LaunchView {
    /// The session.
    pub session_id: String,
    /// Its source: the game's provider.
    pub source: String,
    /// The provider, as its callbacks name it.
    pub provider: String,
    /// The provider's code of the game.
    pub game_code: String,
    /// What the game shows with its calls.
    pub token: String,
    /// When it expires, by the policy in force; never, if that says so. Bets after that are refused, wins and rollbacks are
    /// not.
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Timestamp>,
    /// Whether it is the answer to an earlier request with the same id.
    pub replayed: bool,
    /// Where it is recorded.
    pub recorded: Recorded,
}

/// Launches a game: the session is recorded, and its token made.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/players/{player}/sessions", operation_id = "launchSession", tag = "sessions", params(("player" = String, Path)),
    request_body = LaunchRequest,
    responses((status = 201, body = LaunchView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn launch(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    Body(body): Body<LaunchRequest>,
) -> Result<(StatusCode, Json<LaunchView>), Problem> {
    caller.must_be(&[Role::Cashier])?;
    let game_id = id("gameId", &body.game_id, |t| GameId::new(t))?;
    let games = casino.catalogue.games();
    let game = games.by_id.get(&game_id).filter(|game| game.active);
    let game = game.ok_or_else(|| Problem::not_found("there is no such game in the catalogue"))?;
    let provider = casino.checked.providers.get(&game.provider).ok_or_else(Problem::internal)?;
    let command = StartSession {
        source: provider.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        game: game_id,
        currency: currency("currency", &body.currency)?,
        device: None,
        launch: None,
        registers: Vec::new(),
    };
    let (of, session) = (player(&of)?, command.session());
    let request = Request { context: Some(caller.context()), ..Request::new(of.clone(), command) };
    let receipt = casino.send(request).await?;
    let state = reading(&casino, of.as_str()).await?.state;
    let started = state.session(&session).map_or(casino.now(), casino_ledger::core::Session::started_at);
    let lasts = casino.ledger.policy().policy.of(&provider.source).sessions.ttl_secs;
    let lasts = lasts.map(|secs| std::time::Duration::from_secs(secs.into()));
    let launch = Launch { player: of, session };
    let token = casino.launches.token(&launch).ok_or_else(Problem::internal)?;
    Ok((
        StatusCode::CREATED,
        Json(LaunchView {
            session_id: launch.session.id.to_string(),
            source: launch.session.source.to_string(),
            provider: game.provider.clone(),
            game_code: game.code.clone(),
            token,
            expires_at: lasts.map(|lasts| started.saturating_add(lasts)),
            replayed: receipt.replayed,
            recorded: Recorded::of(&receipt),
        }),
    ))
}

/// An end of a session.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EndRequest {
    /// The id of the request.
    request_id: Option<String>,
}

/// Ends a session: bets that name it are refused from then on.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/players/{player}/sessions/{source}/{session}/end", operation_id = "endSession", tag = "sessions",
    params(("player" = String, Path), ("source" = String, Path), ("session" = String, Path)), request_body = EndRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn end(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In((of, source, session)): In<(String, String, String)>,
    Body(body): Body<EndRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Cashier])?;
    let command = EndSession {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        session: SessionRef {
            source: id("source", &source, |t| SourceId::new(t))?,
            id: id("session", &session, |t| TransactionId::new(t))?,
        },
    };
    let id = command.id.clone();
    let request = Request { context: Some(caller.context()), ..Request::new(player(&of)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}
