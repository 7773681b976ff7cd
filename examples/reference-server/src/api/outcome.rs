//! What became of a key: the way out of a time-out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use casino_ledger::RecordedOutcome;
use casino_ledger::core::{IdempotencyKey, OperationKind, SourceId, TransactionId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, In, id, player, word};
use super::shapes::{Balance, Done};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

/// Which key.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyOf {
    /// Who sent it; by default the caller. Others may be asked for by the office.
    source: Option<String>,
    /// What kind of operation: `bet`, `win`, `rollback`, `deposit`, `withdrawal` ...
    kind: String,
    /// Its id.
    id: String,
}

/// What became of a key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeView {
    /// `ACCEPTED`, `REFUSED`, or `ABSENT`: not recorded up to `position`, and may still be, if it is on its way.
    pub status: &'static str,
    /// The answer, if it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Done>,
    /// The ledger's refusal, if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub refused: Option<serde_json::Value>,
    /// The balances now, if it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub balances: Vec<Balance>,
    /// The position of the player's shard that was looked at, if it is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
}

/// What became of a key.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/outcome", operation_id = "getOutcome", tag = "play", params(("player" = String, Path), KeyOf),
    responses((status = 200, body = OutcomeView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn outcome(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    Asked(asked): Asked<KeyOf>,
) -> Result<Json<OutcomeView>, Problem> {
    let source = match &asked.source {
        Some(source) => id("source", source, |t| SourceId::new(t))?,
        None => caller.source.clone(),
    };
    let is_own = source == caller.source;
    caller.must_be(if is_own { &[Role::Provider, Role::Cashier, Role::Office] } else { &[Role::Office] })?;
    let policy = casino.ledger.policy();
    let kind = policy.policy.key_kind(&source, word::<OperationKind>("kind", &asked.kind)?);
    let key = IdempotencyKey { source, kind, id: id("id", &asked.id, |t| TransactionId::new(t))? };
    let nothing =
        OutcomeView { status: "ABSENT", accepted: None, refused: None, balances: Vec::new(), position: None };
    Ok(Json(match casino.ledger.outcome(&player(&of)?, &key).await? {
        RecordedOutcome::Accepted(receipt) => {
            OutcomeView { status: "ACCEPTED", accepted: Some(Done::of(&key.id, &receipt)), ..nothing }
        }
        RecordedOutcome::Refused(refusal) => OutcomeView {
            status: "REFUSED",
            refused: serde_json::to_value(&refusal.rejection).ok(),
            balances: refusal.balances.iter().map(Balance::of).collect(),
            ..nothing
        },
        RecordedOutcome::Absent { position, .. } => OutcomeView { position: Some(position.0), ..nothing },
        _ => return Err(Problem::internal()),
    }))
}
