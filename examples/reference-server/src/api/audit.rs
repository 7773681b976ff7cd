//! The audit trail: who did what, when and why.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use casino_ledger::core::{ActorId, Partition, Timestamp};
use casino_ledger::projections::Period;
use casino_ledger::projections::audit::{AuditCursor, AuditFilter, AuditRecord};
use casino_ledger::store::{Position, Shard};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, id, player};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;
use crate::views::OWN_WRITE;

/// The most records of one answer.
const LIMIT_MAX: usize = 200;

/// What of the audit trail is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// What was done to this player.
    player: Option<String>,
    /// What this person did, or approved.
    actor: Option<String>,
    /// From which instant on; from the first, if absent.
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

/// A page of the audit trail, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// What was done, each with who did it, why, and the trace of the request.
    #[schema(value_type = Vec<Object>)]
    pub records: Vec<AuditRecord>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

fn cursor(text: &str) -> Option<AuditCursor> {
    let mut parts = text.split('~');
    let cursor = AuditCursor {
        at: parts.next()?.parse().ok()?,
        shard: Shard(parts.next()?.parse().ok()?),
        position: Position(parts.next()?.parse().ok()?),
        index: parts.next()?.parse().ok()?,
    };
    parts.next().is_none().then_some(cursor)
}

/// The audit trail: what persons did, and what was done for a reason that somebody gave. Of a player, it waits until the view
/// has what the ledger has of him.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/audit", operation_id = "listAudit", tag = "operations", params(Which),
    responses((status = 200, body = AuditView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn audit(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Asked(which): Asked<Which>,
) -> Result<Json<AuditView>, Problem> {
    caller.must_be(&[Role::Office])?;
    let (from, until) = (which.from.unwrap_or(Timestamp::EPOCH), which.until.unwrap_or(Timestamp::MAX));
    let period = Period::new(from, until).map_err(|error| Problem::invalid("until", &error.to_string()))?;
    let after = match which.after.as_deref() {
        Some(text) => Some(cursor(text).ok_or_else(|| Problem::invalid("after", "is no cursor"))?),
        None => None,
    };
    let view = &casino.views.audit;
    let filter = match (&which.player, &which.actor) {
        (None, None) => AuditFilter::All,
        (Some(of), None) => {
            let of = player(of)?;
            let reading = casino.ledger.player(&of).await?;
            view.at_least(reading.shard, reading.position, OWN_WRITE).await?;
            AuditFilter::Partition(Partition::Player(of))
        }
        (None, Some(actor)) => AuditFilter::Actor(id("actor", actor, |t| ActorId::new(t))?),
        (Some(_), Some(_)) => return Err(Problem::invalid("actor", "name a player or an actor, not both")),
    };
    let limit = which.limit.unwrap_or(50).clamp(1, LIMIT_MAX);
    let page = view.latest(&filter, period, after.as_ref(), limit).await?.value;
    let next =
        page.next.map(|next| format!("{}~{}~{}~{}", next.at, next.shard.0, next.position.0, next.index));
    Ok(Json(AuditView { records: page.rows, next }))
}
