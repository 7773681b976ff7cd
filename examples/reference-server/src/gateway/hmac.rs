//! The neutral protocol: one address, JSON, HMAC-SHA256 over `time.body`.
//!
//! `X-Timestamp` is the time of sending in seconds, `X-Signature` the HMAC in hexadecimal; a call that is sent again is
//! signed again, with the time of then. The body has the fields of a plain callback: `transaction_id`, `round_id`,
//! `user_id`, `game_id`, `type` (`balance`, `bet`, `win`, `refund`, `rollback`, `close`), `amount` and `currency`,
//! `reference` for what is undone, `round_closed` for the last win.

use async_trait::async_trait;
use axum::http::StatusCode;
use casino_ledger::core::{
    CloseRound, CurrencyCode, Finality, OperationKind, PlaceBet, PlayerCommand, PlayerId, Rollback,
    RollbackKind, RoundId, Settle, TransactionId,
};
use serde::{Deserialize, Serialize};

use super::{Call, Dialect, Gate, Reply, Taken, Unbelieved, sign};
use crate::api::body::decimal;
use crate::api::problem::status_of;
use crate::config::Provider;

/// The dialect.
pub(super) struct Neutral;

#[derive(Debug, Deserialize)]
struct Callback {
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    transaction_id: String,
    #[serde(default)]
    round_id: String,
    user_id: String,
    #[serde(default)]
    game_id: String,
    #[serde(default)]
    amount: Option<String>,
    currency: String,
    #[serde(default)]
    reference: Option<String>,
    #[serde(default)]
    session_token: Option<String>,
    #[serde(default)]
    round_closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Balance,
    Bet,
    Win,
    Refund,
    Rollback,
    Close,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operator_transaction_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    replayed: bool,
    retry: bool,
}

impl<'a> Told<'a> {
    const OK: Self = Self {
        status: "ok",
        code: None,
        message: None,
        transaction_id: None,
        operator_transaction_id: None,
        balance: None,
        currency: None,
        replayed: false,
        retry: false,
    };

    fn error(code: &'a str, message: impl Into<String>) -> Self {
        Self { status: "error", code: Some(code), message: Some(message.into()), ..Self::OK }
    }
}

fn invalid(what: &str) -> Reply {
    Reply::json(StatusCode::BAD_REQUEST, &Told::error("invalid_request", what))
}

#[async_trait]
impl Dialect for Neutral {
    fn verify(&self, provider: &Provider, call: &Call) -> Result<(), Unbelieved> {
        let time = call.header("x-timestamp").ok_or(Unbelieved::Signature)?;
        let signature = call.header("x-signature").ok_or(Unbelieved::Signature)?;
        if !sign::is_hmac(provider.secret.expose(), &[time.as_bytes(), b".", &call.body], signature) {
            return Err(Unbelieved::Signature);
        }
        let micros = time.parse::<i64>().ok().and_then(|secs| secs.checked_mul(1_000_000));
        let is_near = micros.is_some_and(|then| sign::is_near(call.now, then, provider.time_window_secs));
        if is_near { Ok(()) } else { Err(Unbelieved::Time) }
    }

    fn unbelieved(&self, why: Unbelieved) -> Reply {
        let (code, message) = match why {
            Unbelieved::Signature => ("bad_signature", "the signature is not that of the body as it came"),
            Unbelieved::Time => ("stale", "the call is too old or too early"),
        };
        Reply::json(StatusCode::UNAUTHORIZED, &Told::error(code, message))
    }

    async fn perform(&self, gate: &Gate<'_>, call: &Call) -> Reply {
        let Ok(callback) = serde_json::from_slice::<Callback>(&call.body) else {
            return invalid("the body cannot be read");
        };
        let Ok(currency) = callback.currency.parse::<CurrencyCode>() else {
            return invalid("the currency is none");
        };
        let Ok(player) = PlayerId::new(&callback.user_id) else { return no_such_player() };
        let session = match callback.session_token.as_deref().map(|token| gate.launch(token)) {
            None => None,
            Some(Some(launch)) if launch.player == player => Some(launch.session),
            Some(_) => {
                return Reply::json(
                    StatusCode::FORBIDDEN,
                    &Told::error("player_mismatch", "the token is another's"),
                );
            }
        };
        if callback.kind == Kind::Balance {
            let reading = match gate.player(&callback.user_id).await {
                Ok(Some(reading)) => reading,
                Ok(None) => return no_such_player(),
                Err(_) => return again(),
            };
            let Some(purse) = reading.state.balance(currency) else {
                return Reply::json(
                    StatusCode::NOT_FOUND,
                    &Told::error("currency_mismatch", "no such purse"),
                );
            };
            let told = Told {
                balance: Some(purse.available().to_string()),
                currency: Some(&callback.currency),
                ..Told::OK
            };
            return Reply::ok(&told);
        }
        let Some(command) = command(gate, &callback, currency, session) else {
            return invalid("an id, the game or the amount is missing or cannot be read");
        };
        let kind = command.kind();
        let taken = gate.send(&player, command).await;
        answer(gate, &callback, &player, currency, kind, taken).await
    }
}

fn command(
    gate: &Gate<'_>,
    callback: &Callback,
    currency: CurrencyCode,
    session: Option<casino_ledger::core::stored::SessionRef>,
) -> Option<PlayerCommand> {
    let source = gate.provider.source.clone();
    let txn = TransactionId::new(&callback.transaction_id).ok()?;
    let round = || RoundId::new(&callback.round_id).ok();
    let amount = || decimal(callback.amount.as_deref()?);
    Some(match callback.kind {
        Kind::Balance => return None,
        Kind::Bet => {
            let bet =
                PlaceBet::new(source, txn, round()?, gate.game(&callback.game_id)?, amount()?, currency);
            PlaceBet { session, ..bet }.into()
        }
        Kind::Win => {
            let bet = match &callback.reference {
                Some(reference) => Some(TransactionId::new(reference).ok()?),
                None => None,
            };
            let finality = if callback.round_closed { Finality::Round } else { Finality::ByPolicy };
            Settle { bet, finality, ..Settle::new(source, txn, round()?, amount()?, currency) }.into()
        }
        Kind::Close => CloseRound { source, id: txn, round: round()? }.into(),
        Kind::Refund | Kind::Rollback => {
            let target = TransactionId::new(callback.reference.as_deref()?).ok()?;
            Rollback {
                kind: (callback.kind == Kind::Refund).then_some(RollbackKind::Bet),
                round: if callback.round_id.is_empty() { None } else { Some(round()?) },
                currency: Some(currency),
                amount: match callback.amount.as_deref() {
                    Some(text) => Some(decimal(text)?),
                    None => None,
                },
                ..Rollback::new(source, txn, target)
            }
            .into()
        }
    })
}

fn no_such_player() -> Reply {
    Reply::json(StatusCode::NOT_FOUND, &Told::error("player_unknown", "no such player"))
}

fn again() -> Reply {
    let told = Told { retry: true, ..Told::error("try_again", "send the same call again") };
    Reply::json(StatusCode::SERVICE_UNAVAILABLE, &told)
}

async fn answer(
    gate: &Gate<'_>,
    callback: &Callback,
    player: &PlayerId,
    currency: CurrencyCode,
    kind: OperationKind,
    taken: Taken,
) -> Reply {
    let id = Some(&*callback.transaction_id);
    let own = TransactionId::new(&callback.transaction_id).ok().map(|txn| gate.own_id(player, kind, &txn));
    let (status, told) = match taken {
        Taken::Done(receipt) => {
            let Ok(balance) = gate.balance(player, Some(&receipt), None, currency).await else {
                return again();
            };
            let balance = balance.map(|balance| balance.to_string());
            (
                StatusCode::OK,
                Told { operator_transaction_id: own, balance, replayed: receipt.replayed, ..Told::OK },
            )
        }
        Taken::WithoutMoney => {
            let Ok(balance) = gate.balance(player, None, None, currency).await else { return again() };
            let balance = balance.map(|balance| balance.to_string());
            (StatusCode::OK, Told { balance, ..Told::OK })
        }
        Taken::Duplicate(_) => {
            let told = Told::error("duplicate", "the transaction is known");
            (StatusCode::CONFLICT, Told { operator_transaction_id: own, replayed: true, ..told })
        }
        Taken::NeverSeen(_) => {
            (StatusCode::NOT_FOUND, Told::error("transaction_unknown", "what is undone was never seen"))
        }
        Taken::Refused(refusal) => {
            let of = refusal.balances.iter().find(|purse| purse.currency == currency);
            let balance = of.map(|purse| purse.available().to_string());
            let told = Told::error(refusal.rejection.code(), refusal.rejection.to_string());
            (status_of(&refusal.rejection), Told { balance, replayed: refusal.replayed, ..told })
        }
        Taken::Again => return again(),
    };
    Reply::json(status, &Told { transaction_id: id, currency: Some(&callback.currency), ..told })
}
