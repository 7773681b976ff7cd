//! Withdrawals, from the quote to the payout.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use casino_ledger::Request;
use casino_ledger::core::stored::PaymentRef;
use casino_ledger::core::{
    ApproveWithdrawal, CancelWithdrawal, InstrumentId, MarkFailed, MarkPaid, PlayerCommand, QuoteError,
    Reason, RejectWithdrawal, RequestWithdrawal, SendWithdrawal, SourceId, StartReview, TransactionId,
    WithdrawalQuote,
};
use casino_ledger::projections::withdrawals::{WithdrawalRow, WithdrawalState};
use casino_ledger::store::Shard;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::{Asked, Body, In, amount, currency, id, player, word};
use super::players::reading;
use super::problem::status_of;
use super::shapes::{Done, Money};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;
use crate::views::OWN_WRITE;

/// The most withdrawals of one answer.
const LIMIT_MAX: usize = 200;

/// Money to be withdrawn.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalRequest {
    /// The cashier's id of the withdrawal.
    #[schema(example = "w-1")]
    request_id: Option<String>,
    /// The player.
    #[schema(example = "p_123")]
    player_id: String,
    /// How much.
    amount: Money,
    /// What it goes to, as a token.
    #[schema(example = "iban_tok_1")]
    destination: String,
    /// How many bonus credits may be lost by it at most, as they were quoted. If more would be, it is refused.
    #[schema(example = "0.00")]
    forfeits_at_most: Option<String>,
}

/// Asks for a withdrawal: the money is set aside.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/withdrawals", operation_id = "requestWithdrawal", tag = "cashier", request_body = WithdrawalRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn request(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Body(body): Body<WithdrawalRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Cashier])?;
    let forfeits = body.forfeits_at_most.as_deref();
    let command = RequestWithdrawal {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        amount: amount("amount.amount", &body.amount.amount)?,
        currency: currency("amount.currency", &body.amount.currency)?,
        destination: id("destination", &body.destination, |t| InstrumentId::new(t))?,
        proof: None,
        method: None,
        kyc: None,
        by: None,
        forfeits_at_most: forfeits.map(|text| amount("forfeitsAtMost", text)).transpose()?,
    };
    let id = command.id.clone();
    let request =
        Request { context: Some(caller.context()), ..Request::new(player(&body.player_id)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}

/// What is to be quoted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct QuoteOf {
    /// The currency.
    currency: String,
    /// How much; all that can be withdrawn, if absent.
    amount: Option<String>,
}

/// What a withdrawal would come to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuoteView {
    /// The currency.
    pub currency: String,
    /// How much.
    pub amount: String,
    /// The fee.
    pub fee: String,
    /// What is paid out.
    pub payout: String,
    /// The most that can be withdrawn now.
    pub withdrawable: String,
    /// The bonus credits that would be lost, of all awards.
    pub forfeits: String,
}

/// What a withdrawal would cost.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/withdrawals/quote", operation_id = "quoteWithdrawal", tag = "cashier",
    params(("player" = String, Path), QuoteOf),
    responses((status = 200, body = QuoteView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn quote(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    Asked(asked): Asked<QuoteOf>,
) -> Result<Json<QuoteView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let reading = reading(&casino, &of).await?;
    let (policy, currency) = (casino.ledger.policy(), currency("currency", &asked.currency)?);
    let quote = match asked.amount.as_deref() {
        Some(text) => {
            let amount = amount("amount", text)?;
            WithdrawalQuote::of(&reading.state, &policy.policy, amount, currency, casino.now())
        }
        None => WithdrawalQuote::of_all(&reading.state, &policy.policy, currency, casino.now()),
    };
    let quote = quote.map_err(|error| match error {
        QuoteError::Refused(rejection) => Problem {
            status: status_of(&rejection).as_u16(),
            code: rejection.code().to_owned(),
            kind: format!("urn:casino-ledger:problem:{}", rejection.code()),
            rejection: serde_json::to_value(&rejection).ok(),
            ..Problem::invalid("amount", &rejection.to_string())
        },
        _ => Problem::internal(),
    })?;
    let zero = casino_ledger::core::Amount::zero(quote.amount.scale());
    let mut lost = zero;
    for award in &quote.forfeits {
        let sum = lost.checked_add(award.credits).and_then(|sum| sum.checked_add(award.held));
        lost = sum.map_err(|_| Problem::internal())?;
    }
    Ok(Json(QuoteView {
        currency: quote.currency.to_string(),
        amount: quote.amount.to_string(),
        fee: quote.fee.to_string(),
        payout: quote.payout.to_string(),
        withdrawable: quote.withdrawable.to_string(),
        forfeits: lost.to_string(),
    }))
}

/// What a step needs beside its path.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StepRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// Why, of a rejection or a failure.
    reason: Option<String>,
    /// The payment provider, and the reference it answers with; of `send`, `paid` and `failed`.
    psp: Option<String>,
    /// Its reference.
    reference: Option<String>,
}

impl StepRequest {
    fn payout(&self) -> Result<PaymentRef, Problem> {
        let missing = |field| Problem::invalid(field, "is missing");
        let psp = self.psp.as_deref().ok_or_else(|| missing("psp"))?;
        let reference = self.reference.as_deref().ok_or_else(|| missing("reference"))?;
        Ok(PaymentRef {
            source: id("psp", psp, |t| SourceId::new(t))?,
            id: id("reference", reference, |t| TransactionId::new(t))?,
        })
    }

    fn reason(&self) -> Result<Option<Reason>, Problem> {
        self.reason.as_deref().map(|text| id("reason", text, |t| Reason::new(t))).transpose()
    }
}

/// A step of a withdrawal: `review`, `approve` and `reject` by the office, each approval by another key; `cancel`, `send`,
/// `paid` and `failed` by the cashier.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/players/{player}/withdrawals/{source}/{withdrawal}/{step}", operation_id = "advanceWithdrawal", tag = "cashier",
    params(("player" = String, Path), ("source" = String, Path), ("withdrawal" = String, Path), ("step" = String, Path)),
    request_body = StepRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn step(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In((of, source, withdrawal, step)): In<(String, String, String, String)>,
    Body(body): Body<StepRequest>,
) -> Result<Json<Done>, Problem> {
    let role = match step.as_str() {
        "review" | "approve" | "reject" => Role::Office,
        "cancel" | "send" | "paid" | "failed" => Role::Cashier,
        _ => return Err(Problem::not_found("there is no such step")),
    };
    caller.must_be(&[role])?;
    let withdrawal = PaymentRef {
        source: id("source", &source, |t| SourceId::new(t))?,
        id: id("withdrawal", &withdrawal, |t| TransactionId::new(t))?,
    };
    let (txn, by) = (caller.id(body.request_id.as_deref())?, caller.actor.clone());
    let (source, id) = (caller.source.clone(), txn.clone());
    let command: PlayerCommand = match step.as_str() {
        "review" => StartReview { source, id, withdrawal, by }.into(),
        "approve" => ApproveWithdrawal { source, id, withdrawal, by }.into(),
        "reject" => {
            let reason = body.reason()?.ok_or_else(|| Problem::invalid("reason", "is missing"))?;
            RejectWithdrawal { source, id, withdrawal, by, reason }.into()
        }
        "cancel" => CancelWithdrawal { source, id, withdrawal }.into(),
        "send" => SendWithdrawal { source, id, withdrawal, payout: body.payout()?, by: None }.into(),
        "paid" => {
            let (payout, amount, authorisation) = (body.payout()?, None, None);
            MarkPaid { source, id, withdrawal, payout, amount, authorisation }.into()
        }
        _ => MarkFailed { source, id, withdrawal, payout: body.payout()?, reason: body.reason()? }.into(),
    };
    let request = Request { context: Some(caller.context()), ..Request::new(player(&of)?, command) };
    Ok(Json(Done::of(&txn, &casino.send(request).await?)))
}

/// Withdrawals.
#[derive(Debug, Serialize, ToSchema)]
pub struct WithdrawalsView {
    /// The withdrawals.
    #[schema(value_type = Vec<Object>)]
    pub withdrawals: Vec<WithdrawalRow>,
}

/// The withdrawals of a player.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/withdrawals", operation_id = "listWithdrawals", tag = "cashier", params(("player" = String, Path)),
    responses((status = 200, body = WithdrawalsView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Json<WithdrawalsView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let reading = reading(&casino, &of).await?;
    let view = &casino.views.withdrawals;
    view.at_least(reading.shard, reading.position, OWN_WRITE).await?;
    let page = view.of_player(reading.state.player(), None, LIMIT_MAX).await?;
    Ok(Json(WithdrawalsView { withdrawals: page.value.rows }))
}

/// The withdrawals in a state, those first that were asked for first.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/withdrawals/queue/{state}", operation_id = "listWithdrawalQueue", tag = "cashier", params(("state" = String, Path)),
    responses((status = 200, body = WithdrawalsView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn queue(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(state): In<String>,
) -> Result<Json<WithdrawalsView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let state = word::<WithdrawalState>("state", &state)?;
    let view = &casino.views.withdrawals;
    let heads = casino.ledger.heads().await?;
    // Who has just approved one sees that here.
    for (shard, head) in (0..).map(Shard).zip(heads) {
        view.at_least(shard, head.position, OWN_WRITE).await?;
    }
    let page = view.queue(state, None, LIMIT_MAX).await?;
    Ok(Json(WithdrawalsView { withdrawals: page.value.rows }))
}
