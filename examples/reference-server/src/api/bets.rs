//! Bets, settlements and rollbacks of game servers that speak the house's own protocol.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use casino_ledger::core::stored::SessionRef;
use casino_ledger::core::{
    CurrencyCode, Finality, Funds, GameId, PlaceBet, PlayerCommand, PlayerId, Rollback, RollbackKind,
    RoundId, Settle, TransactionId,
};
use casino_ledger::{Outcome, Receipt, Request};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, amount, currency, id, player, word};
use super::shapes::{Left, Money, Recorded, after};
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::config::Role;

/// What stands before the ledger's id of a bet in answers.
const BET: &str = "bet_";

/// A device, as its player's browser says. Looked at by nobody here: it is personal data, and is not kept.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "the shape is taken, so that its fields are documented and checked")]
pub struct Device {
    /// Its address.
    ip: Option<String>,
    /// Its user agent.
    ua: Option<String>,
}

/// One selection of a bet.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "what is bet on is the game's business; the shape is checked")]
pub struct Selection {
    /// The market.
    #[schema(example = "straight")]
    market: String,
    /// What is bet on.
    #[schema(example = "17")]
    value: String,
}

/// A bet to be placed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaceRequest {
    /// The id of the request: sent again, it is the same bet.
    #[schema(example = "9a7f-1")]
    request_id: Option<String>,
    /// The player.
    #[schema(example = "p_123")]
    player_id: String,
    /// From which funds: `cash` or `bonus`. By default as the policy says.
    #[schema(example = "cash")]
    wallet: Option<String>,
    /// The round.
    #[schema(example = "R-2025-10-17-19:20:05-PRAGM-Table12")]
    round_id: String,
    /// The game.
    #[schema(example = "pragm_live_roulette")]
    game_id: String,
    /// What is bet on.
    #[expect(dead_code, reason = "what is bet on is the game's business; the shape is checked")]
    selection: Option<Vec<Selection>>,
    /// The stake.
    stake: Money,
    /// The session, as its launch named it.
    session_id: Option<String>,
    /// The device.
    #[expect(dead_code, reason = "personal data that nothing here needs is not kept")]
    device: Option<Device>,
}

/// What may be bet now.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BetLimits {
    /// The most that one bet may stake on this game: the lower of the game's maximum and the player's own limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5000.00")]
    max_bet: Option<String>,
    /// What is left of his limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    left: Vec<Left>,
}

/// A bet that was placed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    /// `ACCEPTED`.
    status: &'static str,
    /// The bet: `bet_` and the id of the request, so that who had no answer can roll it back all the same.
    #[schema(example = "bet_9a7f-1")]
    bet_id: String,
    /// What is available right after it.
    #[schema(example = "245.30")]
    balance_after: Option<String>,
    /// What is held right after it, over all open rounds.
    #[schema(example = "10.00")]
    hold: Option<String>,
    /// What may be bet now.
    limits: BetLimits,
    /// Whether it is the answer to an earlier request with the same id.
    replayed: bool,
    /// Where it is recorded.
    recorded: Recorded,
}

/// Places a bet: its stake is held.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/bets/place", operation_id = "placeBet", tag = "play", request_body = PlaceRequest,
    responses((status = 200, body = Placed), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn place(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Body(body): Body<PlaceRequest>,
) -> Result<Json<Placed>, Problem> {
    caller.must_be(&[Role::Provider])?;
    let of = player(&body.player_id)?;
    let currency = currency("stake.currency", &body.stake.currency)?;
    let (txn, round) =
        (caller.id(body.request_id.as_deref())?, id("roundId", &body.round_id, |t| RoundId::new(t))?);
    let game = id("gameId", &body.game_id, |t| GameId::new(t))?;
    let stake = amount("stake.amount", &body.stake.amount)?;
    let session = match &body.session_id {
        Some(session) => {
            let id = id("sessionId", session, |t| TransactionId::new(t))?;
            Some(SessionRef { source: caller.source.clone(), id })
        }
        None => None,
    };
    let funds = body.wallet.as_deref().map_or(Ok(Funds::ByPolicy), |wallet| word("wallet", wallet))?;
    let bet = PlaceBet {
        session,
        funds,
        ..PlaceBet::new(caller.source.clone(), txn.clone(), round, game.clone(), stake, currency)
    };
    let receipt = send(&casino, &caller, of, bet).await?;
    let (balance_after, hold) = after(&receipt, currency);
    let max_bet = max_bet(&casino, &game, currency, &receipt);
    let left = receipt.limits.iter().map(Left::of).collect();
    Ok(Json(Placed {
        status: "ACCEPTED",
        bet_id: format!("{BET}{txn}"),
        balance_after,
        hold,
        limits: BetLimits { max_bet, left },
        replayed: receipt.replayed,
        recorded: Recorded::of(&receipt),
    }))
}

/// A command of the caller, in his name and under his trace.
async fn send(
    casino: &Casino,
    caller: &Caller,
    player: PlayerId,
    command: impl Into<PlayerCommand>,
) -> Result<Receipt, Problem> {
    let request = Request { context: Some(caller.context()), ..Request::new(player, command) };
    Ok(casino.send(request).await?)
}

fn max_bet(casino: &Casino, game: &GameId, currency: CurrencyCode, receipt: &Receipt) -> Option<String> {
    let policy = casino.ledger.policy();
    let of_game = policy.policy.games.games.get(game).and_then(|rule| rule.stakes.get(&currency)?.max);
    let single = receipt
        .limits
        .iter()
        .find(|left| left.term.currency == currency && left.term.kind.as_str() == "single_bet");
    let of_player = single.map(|left| left.left.to_decimal());
    let lowest = match (of_game, of_player) {
        (Some(game), Some(player)) => Some(game.min(player)),
        (one, other) => one.or(other),
    };
    lowest.map(|most| most.to_string())
}

/// A result to be settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettleRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// The player.
    player_id: String,
    /// The round.
    round_id: String,
    /// The bet it answers; without one all bets of the round.
    bet_id: Option<String>,
    /// What is paid; zero is a loss.
    payout: Money,
    /// Whether the round is over: bets that are still open are lost. By default it is; with `betId` only that bet.
    close: Option<bool>,
}

/// A result that was settled.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Settled {
    /// `SETTLED`.
    status: &'static str,
    /// What is available right after it.
    balance_after: Option<String>,
    /// What is held right after it.
    hold: Option<String>,
    /// Whether it is the answer to an earlier request with the same id.
    replayed: bool,
    /// Where it is recorded.
    recorded: Recorded,
}

fn bet_id(text: &str) -> Result<TransactionId, Problem> {
    let text = text.strip_prefix(BET).ok_or_else(|| Problem::invalid("betId", "begins with bet_"))?;
    id("betId", text, |t| TransactionId::new(t))
}

/// Settles a round, or a bet of it.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/rounds/settle", operation_id = "settleRound", tag = "play", request_body = SettleRequest,
    responses((status = 200, body = Settled), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn settle(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Body(body): Body<SettleRequest>,
) -> Result<Json<Settled>, Problem> {
    caller.must_be(&[Role::Provider])?;
    let of = player(&body.player_id)?;
    let currency = currency("payout.currency", &body.payout.currency)?;
    let (txn, round) =
        (caller.id(body.request_id.as_deref())?, id("roundId", &body.round_id, |t| RoundId::new(t))?);
    let bet = body.bet_id.as_deref().map(bet_id).transpose()?;
    let payout = amount("payout.amount", &body.payout.amount)?;
    let finality = match (body.close, &bet) {
        (Some(true), _) | (None, None) => Finality::Round,
        (None, Some(_)) => Finality::Bet,
        (Some(false), _) => Finality::MoreToCome,
    };
    let win = Settle { bet, finality, ..Settle::new(caller.source.clone(), txn, round, payout, currency) };
    let receipt = send(&casino, &caller, of, win).await?;
    let (balance_after, hold) = after(&receipt, currency);
    let (replayed, recorded) = (receipt.replayed, Recorded::of(&receipt));
    Ok(Json(Settled { status: "SETTLED", balance_after, hold, replayed, recorded }))
}

/// A bet or a win to be undone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollbackRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// The player.
    player_id: String,
    /// The bet: `bet_` and the id of the request that placed it, whether it was answered or not.
    bet_id: Option<String>,
    /// The request that settled, to undo a win instead.
    win_request_id: Option<String>,
    /// The round, to be compared.
    round_id: Option<String>,
    /// The amount, to be compared.
    amount: Option<Money>,
}

/// A bet or a win that was undone, or will be refused when it comes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// `ROLLED_BACK`, or `TOMBSTONED` if it had not come: then it never may.
    status: &'static str,
    /// What is available right after it; absent if no money moved.
    balance_after: Option<String>,
    /// What is held right after it.
    hold: Option<String>,
    /// Whether it is the answer to an earlier request with the same id.
    replayed: bool,
    /// Where it is recorded.
    recorded: Recorded,
}

/// Undoes a bet or a win; what never came must not come later.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(post, path = "/rounds/rollback", operation_id = "rollback", tag = "play", request_body = RollbackRequest,
    responses((status = 200, body = RolledBack), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn rollback(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    Body(body): Body<RollbackRequest>,
) -> Result<Json<RolledBack>, Problem> {
    caller.must_be(&[Role::Provider])?;
    let of = player(&body.player_id)?;
    let (kind, target) = match (&body.bet_id, &body.win_request_id) {
        (Some(bet), None) => (RollbackKind::Bet, bet_id(bet)?),
        (None, Some(win)) => (RollbackKind::Win, id("winRequestId", win, |t| TransactionId::new(t))?),
        _ => return Err(Problem::invalid("betId", "name a bet, or the request of a win")),
    };
    let (amount, of_amount) = match &body.amount {
        Some(money) => (
            Some(amount("amount.amount", &money.amount)?),
            Some(currency("amount.currency", &money.currency)?),
        ),
        None => (None, None),
    };
    let round =
        body.round_id.as_deref().map(|round| id("roundId", round, |t| RoundId::new(t))).transpose()?;
    let txn = caller.id(body.request_id.as_deref())?;
    let whole = Rollback::new(caller.source.clone(), txn, target);
    let rollback = Rollback { kind: Some(kind), round, currency: of_amount, amount, ..whole };
    let receipt = send(&casino, &caller, of, rollback).await?;
    let balance = receipt.balances.first();
    Ok(Json(RolledBack {
        status: if receipt.outcome == Outcome::Tombstoned { "TOMBSTONED" } else { "ROLLED_BACK" },
        balance_after: balance.map(|balance| balance.available().to_string()),
        hold: balance.map(|balance| balance.held.to_string()),
        replayed: receipt.replayed,
        recorded: Recorded::of(&receipt),
    }))
}
