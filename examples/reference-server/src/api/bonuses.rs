//! Bonuses: offers, claims, and giving one up at a price that was quoted.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use casino_ledger::core::stored::{AwardRef, ForfeitReason, PaymentRef};
use casino_ledger::core::{
    Amount, Award, AwardStatus, ClaimBonus, ForfeitBonus, OfferBonus, PlayerState, SourceId, TermsName,
    Timestamp, TransactionId,
};
use casino_ledger::projections::bonuses::AwardRow;
use casino_ledger::{PlayerReading, Request};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, In, amount, currency, id, player};
use super::players::reading;
use super::shapes::Done;
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;
use crate::views::OWN_WRITE;

/// The most awards of one answer.
const LIMIT_MAX: usize = 200;

/// An award that has not ended, as the ledger has it now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwardView {
    /// Who granted or offered it.
    pub source: String,
    /// Its id.
    pub award: String,
    /// Where it stands: `offered`, `queued`, `active`, `completing`.
    pub state: String,
    /// The campaign.
    pub campaign: String,
    /// The currency.
    pub currency: String,
    /// How much was given.
    pub amount: String,
    /// What must be wagered.
    pub target: String,
    /// What is wagered.
    pub progress: String,
    /// When it expires.
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Timestamp>,
}

impl AwardView {
    fn of(award: &Award) -> Self {
        let state = match award.status {
            AwardStatus::Offered => "offered",
            AwardStatus::Queued => "queued",
            AwardStatus::Active => "active",
            AwardStatus::Completing => "completing",
            AwardStatus::Completed => "completed",
            AwardStatus::Lost => "lost",
            AwardStatus::Expired => "expired",
            AwardStatus::Forfeited => "forfeited",
        };
        Self {
            source: award.of.source.to_string(),
            award: award.of.id.to_string(),
            state: state.to_owned(),
            campaign: award.campaign.to_string(),
            currency: award.currency.to_string(),
            amount: award.amount.to_string(),
            target: award.target.to_string(),
            progress: award.progress.to_string(),
            expires_at: award.expires_at,
        }
    }

    /// All that have not ended.
    pub fn live(state: &PlayerState) -> Vec<Self> {
        state.awards().iter().map(Self::of).collect()
    }
}

/// The bonuses of a player.
#[derive(Debug, Serialize, ToSchema)]
pub struct BonusesView {
    /// Those that have not ended, offers among them.
    pub live: Vec<AwardView>,
    /// All that were booked, with what became of them.
    #[schema(value_type = Vec<Object>)]
    pub history: Vec<AwardRow>,
}

/// The bonuses of a player.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/bonuses", operation_id = "listBonuses", tag = "bonuses", params(("player" = String, Path)),
    responses((status = 200, body = BonusesView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
) -> Result<Json<BonusesView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let reading = reading(&casino, &of).await?;
    let view = &casino.views.bonuses;
    view.at_least(reading.shard, reading.position, OWN_WRITE).await?;
    let page = view.of_player(reading.state.player(), None, LIMIT_MAX).await?;
    Ok(Json(BonusesView { live: AwardView::live(&reading.state), history: page.value.rows }))
}

/// A bonus to be offered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferRequest {
    /// The id of the request: that of the award too.
    request_id: Option<String>,
    /// The terms, by their name in the policy.
    #[schema(example = "welcome")]
    terms: String,
    /// The currency.
    #[schema(example = "EUR")]
    currency: String,
    /// How much, where the terms leave it open.
    amount: Option<String>,
    /// Until when it may be claimed.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
}

/// Offers a bonus: its terms are kept for the player until he claims it.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/players/{player}/bonuses/offers", operation_id = "offerBonus", tag = "bonuses", params(("player" = String, Path)),
    request_body = OfferRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn offer(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(of): In<String>,
    Body(body): Body<OfferRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Office])?;
    let command = OfferBonus {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        terms: id("terms", &body.terms, |t| TermsName::new(t))?,
        currency: currency("currency", &body.currency)?,
        amount: body.amount.as_deref().map(|text| amount("amount", text)).transpose()?,
        until: body.until,
    };
    let id = command.id.clone();
    let request = Request { context: Some(caller.context()), ..Request::new(player(&of)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}

/// A claim of an offer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// The cashier and the id of the deposit it is for, where the terms need one.
    deposit: Option<DepositOf>,
}

/// A deposit, by name.
#[derive(Debug, Deserialize, ToSchema)]
pub struct DepositOf {
    /// The cashier.
    source: String,
    /// Its id of the deposit.
    id: String,
}

fn award_of(source: &str, award: &str) -> Result<AwardRef, Problem> {
    Ok(AwardRef {
        source: id("source", source, |t| SourceId::new(t))?,
        id: id("award", award, |t| TransactionId::new(t))?,
    })
}

/// Claims an offer for the player.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/players/{player}/bonuses/{source}/{award}/claim", operation_id = "claimBonus", tag = "bonuses",
    params(("player" = String, Path), ("source" = String, Path), ("award" = String, Path)), request_body = ClaimRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn claim(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In((of, source, award)): In<(String, String, String)>,
    Body(body): Body<ClaimRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Cashier])?;
    let deposit = match &body.deposit {
        Some(of) => Some(PaymentRef {
            source: id("deposit.source", &of.source, |t| SourceId::new(t))?,
            id: id("deposit.id", &of.id, |t| TransactionId::new(t))?,
        }),
        None => None,
    };
    let command = ClaimBonus {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        award: award_of(&source, &award)?,
        deposit,
    };
    let id = command.id.clone();
    let request = Request { context: Some(caller.context()), ..Request::new(player(&of)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}

/// What giving up a bonus costs.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CancellationQuote {
    /// The currency.
    pub currency: String,
    /// The credits that are lost; of one that waits, what it would give.
    pub credits: String,
    /// The credits in open rounds, which are lost when those rounds end.
    pub held: String,
}

fn quoted(reading: &PlayerReading, of: &AwardRef) -> Result<CancellationQuote, Problem> {
    let award =
        reading.state.award(of).ok_or_else(|| Problem::not_found("there is no such bonus that is live"))?;
    let purse = reading.state.wallet().bonus().iter().find(|purse| purse.award() == of);
    let zero = Amount::zero(award.amount.scale());
    let credits = match award.status {
        AwardStatus::Queued => award.amount,
        _ => purse.map_or(zero, casino_ledger::core::BonusPurse::balance),
    };
    Ok(CancellationQuote {
        currency: award.currency.to_string(),
        credits: credits.to_string(),
        held: purse.map_or(zero, casino_ledger::core::BonusPurse::held).to_string(),
    })
}

/// What giving up a bonus would cost now.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/players/{player}/bonuses/{source}/{award}/cancellation", operation_id = "quoteBonusCancellation", tag = "bonuses",
    params(("player" = String, Path), ("source" = String, Path), ("award" = String, Path)),
    responses((status = 200, body = CancellationQuote), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn quote(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In((of, source, award)): In<(String, String, String)>,
) -> Result<Json<CancellationQuote>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let reading = reading(&casino, &of).await?;
    Ok(Json(quoted(&reading, &award_of(&source, &award)?)?))
}

/// A bonus to be given up.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// The credits that the player was told he loses.
    credits: String,
    /// The credits in open rounds that he was told he loses.
    held: String,
}

/// Gives up a bonus for the player, at what was quoted to him. If it would cost something else by now, nothing is done.
///
/// The comparison is made before the command, on what the ledger had then. The command carries the sum, so what happens between
/// the two cannot make it cost more: then it is refused.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/players/{player}/bonuses/{source}/{award}/cancellation", operation_id = "cancelBonus", tag = "bonuses",
    params(("player" = String, Path), ("source" = String, Path), ("award" = String, Path)), request_body = CancelRequest,
    responses((status = 200, body = Done), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn cancel(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In((of, source, award)): In<(String, String, String)>,
    Body(body): Body<CancelRequest>,
) -> Result<Json<Done>, Problem> {
    caller.must_be(&[Role::Cashier])?;
    let award = award_of(&source, &award)?;
    let told = (amount("credits", &body.credits)?, amount("held", &body.held)?);
    let all = told.0.checked_add(told.1);
    let most = all.ok_or_else(|| Problem::invalid("credits", "with what is held it is beyond any amount"))?;
    let reading = reading(&casino, &of).await?;
    // An award that has ended is not compared: this may be the same request again, and the ledger knows.
    if reading.state.award(&award).is_some() {
        let now = quoted(&reading, &award)?;
        if told != (amount("credits", &now.credits)?, amount("held", &now.held)?) {
            let detail = format!("it costs {} now, and {} in open rounds", now.credits, now.held);
            return Err(Problem::quote_changed(detail));
        }
    }
    let command = ForfeitBonus {
        source: caller.source.clone(),
        id: caller.id(body.request_id.as_deref())?,
        award,
        reason: ForfeitReason::Player,
        by: None,
        forfeits_at_most: Some(most),
    };
    let id = command.id.clone();
    let request = Request { context: Some(caller.context()), ..Request::new(player(&of)?, command) };
    Ok(Json(Done::of(&id, &casino.send(request).await?)))
}
