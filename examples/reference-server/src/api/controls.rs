//! What protects a player: his limits, and exclusions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use casino_ledger::Request;
use casino_ledger::core::stored::{
    ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow,
};
use casino_ledger::core::{ExcludePlayer, SetLimit, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, In, amount, currency, player, word};
use super::players::reading;
use super::shapes::{Done, Left};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

/// A limit of a player.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// What it counts: `deposit`, `net_deposit`, `stake`, `loss`, `net_loss`, `single_bet` or `balance`.
    #[schema(example = "stake")]
    kind: String,
    /// The currency.
    #[schema(example = "EUR")]
    currency: String,
    /// Over which time: `day`, `week` or `month`. Not of a single bet or a balance.
    #[schema(example = "day")]
    period: Option<String>,
    /// How that time runs: `rolling`, `calendar` or `anniversary`.
    #[schema(example = "calendar")]
    basis: Option<String>,
    /// How high; none, if absent. Lower holds at once, higher after the wait of the jurisdiction.
    #[schema(example = "100.00")]
    amount: Option<String>,
}

/// The limits of a player.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    /// What is left, of each kind and time of the lowest limit.
    pub left: Vec<Left>,
    /// The limits that were set, and raises that wait.
    #[schema(value_type = Vec<Object>)]
    pub limits: serde_json::Value,
}

/// The limits of a player.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/limits", operation_id = "getLimits", tag = "controls", params(("player" = String, Path)),
    responses((status = 200, body = LimitsView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn limits(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Json<LimitsView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let reading = reading(&casino, &of).await?;
    let policy = casino.ledger.policy();
    let left = reading.state.limits_left(&policy.policy, casino.now());
    let limits = reading.state.controls().map(casino_ledger::core::Controls::limits).unwrap_or_default();
    let limits = serde_json::to_value(limits).map_err(|_| Problem::internal())?;
    Ok(Json(LimitsView { left: left.iter().map(Left::of).collect(), limits }))
}

/// Sets a limit: the player's own by the cashier, the operator's by the office.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(put, path = "/players/{player}/limits", operation_id = "setLimit", tag = "controls", params(("player" = String, Path)),
    request_body = LimitRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn set_limit(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    Body(body): Body<LimitRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let window = match (&body.period, &body.basis) {
        (Some(period), basis) => Some(LimitWindow {
            period: word::<LimitPeriod>("period", period)?,
            basis: basis.as_deref().map_or(Ok(LimitBasis::Calendar), |basis| word("basis", basis))?,
        }),
        (None, Some(_)) => return Err(Problem::invalid("basis", "stands with a period")),
        (None, None) => None,
    };
    let term = LimitTerm {
        kind: word::<LimitKind>("kind", &body.kind)?,
        currency: currency("currency", &body.currency)?,
        window,
    };
    let is_office = caller.role == Role::Office;
    let command = SetLimit {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        side: if is_office { LimitSide::Operator } else { LimitSide::Player },
        term,
        amount: body.amount.as_deref().map(|text| amount("amount", text)).transpose()?,
        by: is_office.then(|| caller.actor.clone()),
    };
    let id = command.id.clone();
    let request = Request { context: Some(caller.context()), ..Request::new(player(&of)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}

/// An exclusion of a player.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExclusionRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// `time_out` or `self_exclusion`.
    #[schema(example = "time_out")]
    kind: String,
    /// Until when; a self-exclusion without an end is for ever.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// Excludes a player: nothing new begins for him, and what he has can be withdrawn.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(put, path = "/players/{player}/exclusion", operation_id = "excludePlayer", tag = "controls", params(("player" = String, Path)),
    request_body = ExclusionRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn exclude(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    Body(body): Body<ExclusionRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let command = ExcludePlayer {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        kind: word::<ExclusionKind>("kind", &body.kind)?,
        until: body.until,
        by: (caller.role == Role::Office).then(|| caller.actor.clone()),
        carried: false,
    };
    let id = command.id.clone();
    let request = Request { context: Some(caller.context()), ..Request::new(player(&of)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}
