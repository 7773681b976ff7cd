//! Players: opening them, and what there is to read of them.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use casino_ledger::core::{
    AccountKind, BrandId, JurisdictionId, OpenPlayer, PersonId, PlayerState, Timestamp,
};
use casino_ledger::projections::Period;
use casino_ledger::projections::rounds::RoundRow;
use casino_ledger::projections::statement::{LineCursor, StatementLine};
use casino_ledger::{PlayerReading, Request};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, Body, In, currency, id, player};
use super::shapes::{Balance, Credits, Recorded};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;
use crate::views::OWN_WRITE;

/// The most lines or rounds of one answer.
const LIMIT_MAX: usize = 200;
/// How many lines of a statement are looked at for rounds.
const ROUND_LINES: usize = 400;

/// A player to be opened.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenRequest {
    /// The id he gets: opaque, no personal data.
    #[schema(example = "p_123")]
    player_id: String,
    /// The brand, one of the configuration's.
    #[schema(example = "lucky")]
    brand: String,
    /// His currencies; the brand's, if absent.
    currencies: Option<Vec<String>>,
    /// Whether he is a test account, for ever.
    #[serde(default)]
    test: bool,
    /// Which person he is, as an opaque token.
    person: Option<String>,
}

/// A player.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlayerView {
    /// His id.
    pub player_id: String,
    /// His brand.
    pub brand: Option<String>,
    /// The jurisdiction whose rules hold.
    pub jurisdiction: Option<String>,
    /// Whether he is a test account.
    pub test: bool,
    /// Since when he is closed, if he is.
    #[schema(value_type = Option<String>)]
    pub closed_at: Option<Timestamp>,
    /// What he is excluded by, and until when, if he is.
    #[schema(value_type = Option<Object>)]
    pub exclusion: Option<serde_json::Value>,
    /// What he is blocked for.
    pub blocks: Vec<String>,
    /// What he has.
    pub balances: Vec<Balance>,
    /// His bonus credits.
    pub bonus: Vec<Credits>,
    /// How many rounds of his are open.
    pub open_rounds: usize,
    /// How many withdrawals of his are under way.
    pub open_withdrawals: usize,
    /// Where this is true.
    pub recorded: Recorded,
}

impl PlayerView {
    /// The view of a reading.
    pub fn of(reading: &PlayerReading) -> Self {
        let state = &reading.state;
        let profile = state.profile();
        let standing = state.standing();
        Self {
            player_id: state.player().to_string(),
            brand: profile.map(|profile| profile.brand.to_string()),
            jurisdiction: profile.map(|profile| profile.jurisdiction.to_string()),
            test: profile.is_some_and(|profile| profile.kind == AccountKind::Test),
            closed_at: standing.closed_at,
            exclusion: standing.exclusion.as_ref().and_then(|exclusion| serde_json::to_value(exclusion).ok()),
            blocks: standing.blocks.keys().map(|block| format!("{block:?}")).collect(),
            balances: reading.balances().iter().map(Balance::of).collect(),
            bonus: Credits::of(state),
            open_rounds: state.open_rounds(),
            open_withdrawals: state.open_withdrawals(),
            recorded: Recorded::reading(reading),
        }
    }
}

/// A player of the ledger as he is now.
///
/// # Errors
///
/// [`Problem`] if he was not opened.
pub async fn reading(casino: &Casino, text: &str) -> Result<PlayerReading, Problem> {
    let reading = casino.ledger.player(&player(text)?).await?;
    if reading.state.profile().is_none() {
        return Err(Problem::not_found("the player is not open"));
    }
    Ok(reading)
}

/// Opens a player.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/players", operation_id = "openPlayer", tag = "players", request_body = OpenRequest,
    responses((status = 201, body = PlayerView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn open(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Body(body): Body<OpenRequest>,
) -> Result<(StatusCode, Json<PlayerView>), Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let brand_id = id("brand", &body.brand, |t| BrandId::new(t))?;
    let brand = casino.checked.brands.get(&brand_id);
    let brand = brand.ok_or_else(|| Problem::invalid("brand", "is not one of the casino's"))?;
    let named = body.currencies.as_ref().filter(|codes| !codes.is_empty());
    let codes = named.unwrap_or(&brand.currencies);
    if let Some(other) = codes.iter().find(|code| !brand.currencies.contains(code)) {
        return Err(Problem::invalid("currencies", &format!("the brand has no {other}")));
    }
    let command = OpenPlayer {
        operator: casino.checked.operator.clone(),
        brand: brand_id,
        jurisdiction: id("brand", &brand.jurisdiction, |t| JurisdictionId::new(t))?,
        zone: brand.zone.clone(),
        kind: if body.test { AccountKind::Test } else { AccountKind::Real },
        currencies: codes.iter().map(|code| currency("currencies", code)).collect::<Result<_, _>>()?,
        person: body.person.as_deref().map(|p| id("person", p, |t| PersonId::new(t))).transpose()?,
    };
    let request =
        Request { context: Some(caller.context()), ..Request::new(player(&body.player_id)?, command) };
    casino.send(request).await?;
    let reading = reading(&casino, &body.player_id).await?;
    Ok((StatusCode::CREATED, Json(PlayerView::of(&reading))))
}

/// A player.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}", operation_id = "getPlayer", tag = "players", params(("player" = String, Path)),
    responses((status = 200, body = PlayerView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn read(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Json<PlayerView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    Ok(Json(PlayerView::of(&reading(&casino, &of).await?)))
}

/// What a player has.
#[derive(Debug, Serialize, ToSchema)]
pub struct Balances {
    /// By currency.
    pub balances: Vec<Balance>,
    /// His bonus credits, by award.
    pub bonus: Vec<Credits>,
    /// Where this is true.
    pub recorded: Recorded,
}

impl Balances {
    /// Those of a reading.
    pub fn of(reading: &PlayerReading) -> Self {
        Self {
            balances: reading.balances().iter().map(Balance::of).collect(),
            bonus: Credits::of(&reading.state),
            recorded: Recorded::reading(reading),
        }
    }
}

/// What a player has.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/balances", operation_id = "getBalances", tag = "players", params(("player" = String, Path)),
    responses((status = 200, body = Balances), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn balances(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Json<Balances>, Problem> {
    caller.must_be(&[Role::Provider, Role::Cashier, Role::Office])?;
    Ok(Json(Balances::of(&reading(&casino, &of).await?)))
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Lines {
    /// From which instant on; from the beginning, if absent.
    #[param(value_type = Option<String>)]
    from: Option<Timestamp>,
    /// Until which instant, which is not in it; until now, if absent.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// How many at most: 50 if absent, 200 at most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A page of a statement, the newest line first.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatementView {
    /// The entries, each with what it came of and the purses before and after it.
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<StatementLine>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// The position of the player's shard at which this is true.
    pub position: u64,
}

fn cursor(text: &str) -> Option<LineCursor> {
    let (at, entry) = text.split_once('~')?;
    Some(LineCursor { at: at.parse().ok()?, entry: entry.parse().ok()? })
}

/// The newest lines of a statement. Waits until the view has what the ledger has of the player.
///
/// # Errors
///
/// [`Problem`].
pub async fn latest(
    casino: &Casino,
    reading: &PlayerReading,
    period: Period,
    after: Option<&LineCursor>,
    limit: usize,
) -> Result<StatementView, Problem> {
    let view = &casino.views.statement;
    view.at_least(reading.shard, reading.position, OWN_WRITE).await?;
    let page = view.latest(reading.state.player(), period, after, limit).await?;
    let next = page.value.next.map(|next| format!("{}~{}", next.at, next.entry));
    Ok(StatementView { lines: page.value.rows, next, position: page.head.position.0 })
}

/// All of time.
pub fn always() -> Period {
    Period { from: Timestamp::EPOCH, until: Timestamp::MAX }
}

/// A player's statement.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/statement", operation_id = "getStatement", tag = "players", params(("player" = String, Path), Lines),
    responses((status = 200, body = StatementView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn statement(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    Asked(lines): Asked<Lines>,
) -> Result<Json<StatementView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let (from, until) = (lines.from.unwrap_or(Timestamp::EPOCH), lines.until.unwrap_or(Timestamp::MAX));
    let period = Period::new(from, until).map_err(|error| Problem::invalid("until", &error.to_string()))?;
    let after = match lines.after.as_deref() {
        Some(text) => Some(cursor(text).ok_or_else(|| Problem::invalid("after", "is no cursor"))?),
        None => None,
    };
    let limit = lines.limit.unwrap_or(50).clamp(1, LIMIT_MAX);
    let reading = reading(&casino, &of).await?;
    Ok(Json(latest(&casino, &reading, period, after.as_ref(), limit).await?))
}

/// A round of a player.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoundView {
    /// Whose round it is.
    pub source: String,
    /// Its id.
    pub round_id: String,
    /// What it came to: `open`, `closed`, `void`, `cancelled`.
    #[schema(value_type = String)]
    pub status: serde_json::Value,
    /// Its currency.
    pub currency: Option<String>,
    /// Its games.
    pub games: Vec<String>,
    /// Its stakes.
    pub staked: String,
    /// Its wins.
    pub paid: String,
    /// The stakes that went back.
    pub refunded: String,
    /// When it was opened.
    #[schema(value_type = String)]
    pub opened_at: Timestamp,
    /// When it ended, if it did.
    #[schema(value_type = Option<String>)]
    pub closed_at: Option<Timestamp>,
}

impl RoundView {
    fn of(row: &RoundRow) -> Self {
        Self {
            source: row.source.to_string(),
            round_id: row.round.to_string(),
            status: serde_json::to_value(row.status).unwrap_or_default(),
            currency: row.currency.map(|currency| currency.to_string()),
            games: row.games().into_iter().map(ToString::to_string).collect(),
            staked: row.staked.to_string(),
            paid: row.paid.to_string(),
            refunded: row.refunded.to_string(),
            opened_at: row.opened.at,
            closed_at: row.closed.map(|closed| closed.at),
        }
    }
}

/// The rounds of a player.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoundsView {
    /// The rounds.
    pub rounds: Vec<RoundView>,
}

/// The newest rounds of a player: those that are open, and those of his last entries.
///
/// # Errors
///
/// [`Problem`].
pub async fn newest_rounds(
    casino: &Casino,
    reading: &PlayerReading,
    limit: usize,
) -> Result<Vec<RoundView>, Problem> {
    let state: &PlayerState = &reading.state;
    let open = state.rounds().map(|round| (round.source.clone(), round.id.clone()));
    let lines = latest(casino, reading, always(), None, ROUND_LINES).await?.lines;
    let of_lines = lines.into_iter().filter_map(|line| line.round).map(|round| (round.source, round.round));
    let mut seen = HashSet::new();
    let names: Vec<_> = open.chain(of_lines).filter(|name| seen.insert(name.clone())).take(limit).collect();
    let view = &casino.views.rounds;
    view.at_least(reading.shard, reading.position, OWN_WRITE).await?;
    let mut rounds = Vec::with_capacity(names.len());
    for (source, round) in names {
        if let Some(row) = view.round(state.player(), &source, &round).await?.value {
            rounds.push(RoundView::of(&row));
        }
    }
    Ok(rounds)
}

/// The newest rounds of a player.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/rounds", operation_id = "listRounds", tag = "players", params(("player" = String, Path)),
    responses((status = 200, body = RoundsView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn rounds(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Json<RoundsView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let reading = reading(&casino, &of).await?;
    Ok(Json(RoundsView { rounds: newest_rounds(&casino, &reading, LIMIT_MAX).await? }))
}
