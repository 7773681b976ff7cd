//! The protocol of `SoftSwiss` and `BGaming` ("GCP"): calls with several actions, all or none; HMAC-SHA256 of the body as it
//! came; amounts in subunits of the currency.

use async_trait::async_trait;
use axum::http::StatusCode;
use casino_ledger::core::stored::{CreditKind, JackpotKind};
use casino_ledger::core::{
    Batch, CloseRound, Currency, CurrencyCode, Finality, GameId, GrantCredit, JackpotShare, KnownOperations,
    OperationKind, PlaceBet, PlayerCommand, PlayerId, PlayerState, Rejection, Rollback, RoundId, Settle,
    SubAccount, TransactionId,
};
use serde::{Deserialize, Serialize};

use super::exact::{of_units, to_units};
use super::{Call, Dialect, Gate, Reply, Taken, Unbelieved, sign};
use crate::api::body::decimal;
use crate::config::Provider;

/// The dialect.
pub(super) struct Gcp;

/// The most actions of one call.
const ACTIONS_MAX: usize = 15;

#[derive(Debug, Deserialize)]
struct Body {
    user_id: String,
    currency: String,
    #[serde(default)]
    game: String,
    #[serde(default)]
    game_id: Option<String>,
    #[serde(default)]
    finished: Option<bool>,
    #[serde(default)]
    actions: Vec<Action>,
}

#[derive(Debug, Deserialize)]
struct Action {
    #[serde(rename = "action")]
    kind: String,
    #[serde(default)]
    amount: i64,
    #[serde(rename = "action_id")]
    id: String,
    #[serde(default, rename = "original_action_id")]
    original: Option<String>,
    #[serde(default)]
    jackpot_contribution: Option<serde_json::Value>,
    #[serde(default)]
    jackpot_win: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct FreeSpins {
    issue_id: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    total_amount: i64,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    currency: Option<String>,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    balance: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    game_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transactions: Vec<Transaction<'a>>,
}

#[derive(Debug, Serialize)]
struct Transaction<'a> {
    action_id: &'a str,
    tx_id: String,
}

#[derive(Debug, Serialize)]
struct Failed {
    code: u16,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
}

fn failed(status: StatusCode, code: u16, message: impl Into<String>) -> Reply {
    Reply::json(status, &Failed { code, message: message.into(), balance: None })
}

/// The status and code of a refusal (A.3).
fn code_of(rejection: &Rejection) -> (StatusCode, u16) {
    match rejection {
        Rejection::InsufficientFunds { .. } => (StatusCode::PRECONDITION_FAILED, 100),
        Rejection::PlayerUnknown => (StatusCode::PRECONDITION_FAILED, 101),
        Rejection::LimitExceeded { .. } | Rejection::StakeNotAllowed { .. } => {
            (StatusCode::PRECONDITION_FAILED, 105)
        }
        Rejection::GameNotAllowed { .. } => (StatusCode::PRECONDITION_FAILED, 107),
        Rejection::PlayerClosed | Rejection::PlayerBlocked { .. } | Rejection::PlayerExcluded { .. } => {
            (StatusCode::PRECONDITION_FAILED, 110)
        }
        Rejection::CurrencyMismatch { .. } | Rejection::CurrencyUnknown { .. } => {
            (StatusCode::PRECONDITION_FAILED, 154)
        }
        Rejection::KeyReused | Rejection::PartlyKnown { .. } | Rejection::AlreadyRolledBack { .. } => {
            (StatusCode::CONFLICT, 409)
        }
        Rejection::InvalidAmount { .. } | Rejection::Precision { .. } => (StatusCode::BAD_REQUEST, 400),
        // These may pass with the same call, once a register answered or there is room: it is to be sent again.
        Rejection::RegisterNeeded { .. } | Rejection::CapacityExceeded { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, 500)
        }
        // The ledger answers the same call the same again.
        _ => (StatusCode::PRECONDITION_FAILED, 400),
    }
}

#[async_trait]
impl Dialect for Gcp {
    fn verify(&self, provider: &Provider, call: &Call) -> Result<(), Unbelieved> {
        let shown = call.header("x-request-sign").ok_or(Unbelieved::Signature)?;
        let is_good = sign::is_hmac(provider.secret.expose(), &[&call.body], shown);
        if is_good { Ok(()) } else { Err(Unbelieved::Signature) }
    }

    fn unbelieved(&self, _: Unbelieved) -> Reply {
        failed(StatusCode::FORBIDDEN, 403, "the request is not signed with the key")
    }

    async fn perform(&self, gate: &Gate<'_>, call: &Call) -> Reply {
        if call.name == "freespins" {
            return freespins(gate, call).await;
        }
        let Ok(body) = serde_json::from_slice::<Body>(&call.body) else {
            return failed(StatusCode::BAD_REQUEST, 400, "the request cannot be read");
        };
        if !matches!(call.name.as_str(), "play" | "rollback") {
            return failed(StatusCode::NOT_FOUND, 404, "there is no such call");
        }
        let Ok(player) = PlayerId::new(&body.user_id) else { return no_such_player() };
        let currency = body.currency.parse().ok().and_then(|code| currency_of(gate, code));
        let Some(currency) = currency else { return unknown_currency(gate, &body.user_id).await };
        let commands = if call.name == "play" { play(gate, &body, &currency) } else { rollback(gate, &body) };
        let Some(mut commands) = commands else {
            return failed(StatusCode::BAD_REQUEST, 400, "the request is not valid");
        };
        let command = match commands.len() {
            0 => {
                return match gate.player(&body.user_id).await {
                    Ok(Some(reading)) => {
                        told(gate, &body, &player, &currency, None, Some(&reading.state)).await
                    }
                    Ok(None) => no_such_player(),
                    Err(_) => again(),
                };
            }
            1 => commands.remove(0),
            _ => match Batch::new(commands, KnownOperations::Replay) {
                Ok(batch) => batch.into(),
                Err(_) => return failed(StatusCode::BAD_REQUEST, 400, "the request is not valid"),
            },
        };
        match gate.send(&player, command).await {
            Taken::Done(receipt) => told(gate, &body, &player, &currency, Some(&receipt), None).await,
            // Scenarios I and J: it is well, there are no transactions, and no money moved.
            Taken::WithoutMoney => told(gate, &body, &player, &currency, None, None).await,
            Taken::Duplicate(_) => failed(StatusCode::CONFLICT, 409, "the action is known"),
            Taken::NeverSeen(_) => failed(StatusCode::PRECONDITION_FAILED, 400, "the action was never seen"),
            Taken::Refused(refusal) => {
                let (status, code) = code_of(&refusal.rejection);
                let of = refusal.balances.iter().find(|purse| purse.currency == currency.code());
                let balance = of.and_then(|purse| to_units(purse.available(), currency.scale()));
                Reply::json(status, &Failed { code, message: refusal.rejection.to_string(), balance })
            }
            Taken::Again => again(),
        }
    }
}

fn no_such_player() -> Reply {
    failed(StatusCode::PRECONDITION_FAILED, 101, "there is no such player")
}

fn no_such_currency() -> Reply {
    failed(StatusCode::PRECONDITION_FAILED, 154, "the player has no such currency")
}

/// Of a currency that the ledger does not know yet: a player who is not there has none, and that is told first.
async fn unknown_currency(gate: &Gate<'_>, user: &str) -> Reply {
    match gate.player(user).await {
        Ok(Some(_)) => no_such_currency(),
        Ok(None) => no_such_player(),
        Err(_) => again(),
    }
}

/// What makes the provider send the same again.
fn again() -> Reply {
    failed(StatusCode::INTERNAL_SERVER_ERROR, 500, "send it again")
}

fn currency_of(gate: &Gate<'_>, code: CurrencyCode) -> Option<Currency> {
    gate.casino.ledger.currencies().get(code).copied()
}

/// The actions as commands, and the end of the round behind them.
fn play(gate: &Gate<'_>, body: &Body, currency: &Currency) -> Option<Vec<PlayerCommand>> {
    if body.actions.len() > ACTIONS_MAX {
        return None;
    }
    let game = if body.actions.is_empty() { None } else { Some(gate.game(&body.game)?) };
    let round = match &body.game_id {
        Some(round) => Some(RoundId::new(round).ok()?),
        None => None,
    };
    let mut commands = Vec::with_capacity(body.actions.len() + 1);
    for action in &body.actions {
        commands.push(one(gate, action, round.clone()?, game.clone()?, currency)?);
    }
    if let (Some(true), Some(round)) = (body.finished, round) {
        let source = gate.provider.source.clone();
        match commands.last_mut() {
            Some(PlayerCommand::Settle(win)) => win.finality = Finality::Round,
            _ => {
                // One close for each call that ends it, so that a call that is sent again is the same.
                let last = body.actions.last().map_or(round.as_str(), |action| &action.id);
                let id = TransactionId::new(format!("{last}#finished")).ok()?;
                commands.push(CloseRound { source, id, round }.into());
            }
        }
    }
    Some(commands)
}

fn one(
    gate: &Gate<'_>,
    action: &Action,
    round: RoundId,
    game: GameId,
    currency: &Currency,
) -> Option<PlayerCommand> {
    let (source, code) = (gate.provider.source.clone(), currency.code());
    let txn = TransactionId::new(&action.id).ok()?;
    let amount = of_units(action.amount, currency.scale())?;
    let pot = || SubAccount::new(gate.provider.source.as_str()).ok();
    match action.kind.as_str() {
        "bet" => {
            let mut bet = PlaceBet::new(source, txn, round, game, amount, code);
            if let Some(share) = &action.jackpot_contribution {
                let text = share.as_str().map_or_else(|| share.to_string(), str::to_owned);
                let subunits = decimal(&text)?;
                let scale = u32::from(currency.scale());
                let mut share = subunits;
                share.set_scale(subunits.scale().checked_add(scale)?).ok()?;
                if !share.is_zero() {
                    bet.contributions.push(JackpotShare {
                        jackpot: pot()?,
                        kind: JackpotKind::Network,
                        amount: share,
                    });
                }
            }
            Some(bet.into())
        }
        "win" if action.jackpot_win.is_some_and(|won| won > 0) => {
            let reason = CreditKind::NetworkJackpot;
            Some(
                GrantCredit {
                    source,
                    id: txn,
                    reason,
                    of: pot()?,
                    round: Some(round),
                    amount,
                    currency: code,
                }
                .into(),
            )
        }
        "win" => {
            let (finality, game) = (Finality::MoreToCome, Some(game));
            Some(Settle { finality, game, ..Settle::new(source, txn, round, amount, code) }.into())
        }
        _ => None,
    }
}

fn rollback(gate: &Gate<'_>, body: &Body) -> Option<Vec<PlayerCommand>> {
    if body.actions.is_empty() || body.actions.len() > ACTIONS_MAX {
        return None;
    }
    let one = |action: &Action| {
        let txn = TransactionId::new(&action.id).ok()?;
        let target = TransactionId::new(action.original.as_deref()?).ok()?;
        Some(Rollback::new(gate.provider.source.clone(), txn, target).into())
    };
    body.actions.iter().map(one).collect()
}

async fn told(
    gate: &Gate<'_>,
    body: &Body,
    player: &PlayerId,
    currency: &Currency,
    receipt: Option<&casino_ledger::Receipt>,
    known: Option<&PlayerState>,
) -> Reply {
    let balance = match gate.balance(player, receipt, known, currency.code()).await {
        Ok(balance) => balance.and_then(|balance| to_units(balance, currency.scale())),
        Err(_) => return again(),
    };
    let Some(balance) = balance else { return no_such_currency() };
    let transaction = |action: &'_ Action| {
        let txn = TransactionId::new(&action.id).ok()?;
        // Its ids are unique over all kinds.
        Some(gate.own_id(player, OperationKind::Any, &txn))
    };
    let transactions = match receipt {
        Some(_) => {
            let of = |action| Some(Transaction { tx_id: transaction(action)?, action_id: &action.id });
            body.actions.iter().filter_map(of).collect()
        }
        None => body
            .actions
            .iter()
            .map(|action| Transaction { action_id: &action.id, tx_id: String::new() })
            .collect(),
    };
    Reply::ok(&Told { balance, game_id: body.game_id.as_deref(), transactions })
}

/// The total of an issue of free spins, once it is over.
async fn freespins(gate: &Gate<'_>, call: &Call) -> Reply {
    let Ok(body) = serde_json::from_slice::<FreeSpins>(&call.body) else {
        return failed(StatusCode::BAD_REQUEST, 400, "the request cannot be read");
    };
    let (Some(user), Some(code)) =
        (&body.user_id, body.currency.as_deref().and_then(|code| code.parse().ok()))
    else {
        return failed(StatusCode::BAD_REQUEST, 400, "user_id and currency are missing");
    };
    let Ok(player) = PlayerId::new(user) else { return no_such_player() };
    let Some(currency) = currency_of(gate, code) else { return unknown_currency(gate, user).await };
    let balance = |amount| to_units(amount, currency.scale());
    let is_over = body.status == "played" && body.total_amount > 0;
    let (receipt, reading) = if is_over {
        let amount = of_units(body.total_amount, currency.scale());
        let names = (TransactionId::new(&body.issue_id).ok(), SubAccount::new(&body.issue_id).ok(), amount);
        let (Some(id), Some(of), Some(amount)) = names else {
            return failed(StatusCode::BAD_REQUEST, 400, "the request is not valid");
        };
        let (source, reason) = (gate.provider.source.clone(), CreditKind::FreeRound);
        let credit = GrantCredit { source, id, reason, of, round: None, amount, currency: code };
        match gate.send(&player, credit).await {
            Taken::Done(receipt) | Taken::Duplicate(receipt) | Taken::NeverSeen(receipt) => {
                (Some(receipt), None)
            }
            Taken::WithoutMoney => (None, None),
            Taken::Refused(refusal) => {
                let (status, code) = code_of(&refusal.rejection);
                return failed(status, code, refusal.rejection.to_string());
            }
            Taken::Again => return again(),
        }
    } else {
        match gate.player(user).await {
            Ok(Some(reading)) => (None, Some(reading)),
            Ok(None) => return no_such_player(),
            Err(_) => return again(),
        }
    };
    let known = reading.as_ref().map(|reading| &reading.state);
    let told = gate.balance(&player, receipt.as_deref(), known, code).await;
    match told.map(|told| told.and_then(balance)) {
        Ok(Some(balance)) => Reply::ok(&Told { balance, game_id: None, transactions: Vec::new() }),
        Ok(None) => no_such_currency(),
        Err(_) => again(),
    }
}
