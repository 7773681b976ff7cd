//! Deposits.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use casino_ledger::Request;
use casino_ledger::core::{InstrumentId, RecordDeposit};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{Body, amount, currency, id, player};
use super::shapes::{Done, Money};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

/// A deposit that a payment provider captured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepositRequest {
    /// The payment provider's id of the payment.
    #[schema(example = "psp-7781")]
    request_id: Option<String>,
    /// The player.
    #[schema(example = "p_123")]
    player_id: String,
    /// How much.
    amount: Money,
    /// What it was paid with, as a token.
    #[schema(example = "card_tok_1")]
    instrument: Option<String>,
}

/// Records a deposit: the player has it.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/deposits", operation_id = "recordDeposit", tag = "cashier", request_body = DepositRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn deposit(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Body(body): Body<DepositRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Cashier])?;
    let instrument = body.instrument.as_deref();
    let command = RecordDeposit {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        amount: amount("amount.amount", &body.amount.amount)?,
        currency: currency("amount.currency", &body.amount.currency)?,
        authorisation: None,
        instrument: instrument.map(|text| id("instrument", text, |t| InstrumentId::new(t))).transpose()?,
        intent: None,
        fee: None,
        rate: None,
    };
    let id = command.id.clone();
    let request =
        Request { context: Some(caller.context()), ..Request::new(player(&body.player_id)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}
