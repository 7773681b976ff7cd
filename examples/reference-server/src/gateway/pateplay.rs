//! Pateplay's wallet: `withdraw`, `deposit`, `withdraw-and-deposit` and `cancel`, HMAC-SHA256 of the body; a duplicate is
//! an error that carries the first answer's ids, which the game server takes for success.

use async_trait::async_trait;
use casino_ledger::core::stored::{CreditKind, JackpotKind, SessionRef};
use casino_ledger::core::{
    Batch, CloseRound, CurrencyCode, Finality, GrantCredit, JackpotShare, KnownOperations, OperationKind,
    PlaceBet, PlayerCommand, PlayerId, PlayerState, Rejection, RoundId, Settle, SubAccount, TransactionId,
};
use casino_ledger::{Decimal, Refusal};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exact::two_digits;
use super::{Call, Dialect, Gate, Launched, NotLaunched, Reply, Taken, Unbelieved, sign};
use crate::api::body::decimal;
use crate::config::Provider;

/// The dialect.
pub(super) struct Pateplay;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    session_token: String,
    player_id: Option<String>,
    currency: Option<String>,
    rgs_round_id: String,
    rgs_transaction_id: String,
    rgs_withdraw_transaction_id: String,
    rgs_deposit_transaction_id: String,
    game_name: String,
    amount: Option<String>,
    withdraw_amount: Option<String>,
    deposit_amount: Option<String>,
    jackpot_contribution: Option<String>,
    is_jackpot_win: bool,
    reason: String,
    deposit_reason: String,
}

fn error(code: &str, message: &str) -> Reply {
    Reply::ok(&json!({"error": {"code": code, "message": message}}))
}

fn invalid() -> Reply {
    error("INVALID_REQUEST", "Invalid request.")
}

fn again() -> Reply {
    error("INTERNAL_ERROR", "Internal error.")
}

#[async_trait]
impl Dialect for Pateplay {
    fn verify(&self, provider: &Provider, call: &Call) -> Result<(), Unbelieved> {
        let key = call.header("x-api-key").ok_or(Unbelieved::Signature)?;
        let shown = call.header("x-api-hmac").ok_or(Unbelieved::Signature)?;
        // Both are looked at, whichever is wrong.
        let is_named = sign::is_same(key, provider.api_key.expose());
        let is_signed = sign::is_hmac(provider.secret.expose(), &[&call.body], shown);
        if is_named & is_signed { Ok(()) } else { Err(Unbelieved::Signature) }
    }

    fn unbelieved(&self, _: Unbelieved) -> Reply {
        error("INVALID_SIGNATURE", "Invalid signature.")
    }

    async fn perform(&self, gate: &Gate<'_>, call: &Call) -> Reply {
        let Ok(body) = serde_json::from_slice::<Body>(&call.body) else { return invalid() };
        let launched = match gate.launched(&body.session_token, body.player_id.as_deref()).await {
            Ok(launched) => launched,
            Err(NotLaunched::Token | NotLaunched::Another) => {
                return error("INVALID_SESSION_TOKEN", "Invalid session token.");
            }
            Err(NotLaunched::Player) => return error("PLAYER_NOT_FOUND", "Player not found."),
            Err(NotLaunched::Again) => return again(),
        };
        let named = body.currency.as_deref();
        let currency = launched.currency(named);
        let Launched { launch, reading } = &launched;
        let first = || reading.state.balances().first().map(|purse| purse.currency);
        let currency = if named.is_some() { currency } else { currency.or_else(first) };
        let Some(currency) = currency else { return error("INVALID_CURRENCY", "Invalid currency.") };
        let asked = Asked { gate, body: &body, player: &launch.player, session: &launch.session, currency };
        match call.name.as_str() {
            "authenticate" | "balance" | "init-game" => asked.who(&call.name, &reading.state),
            "withdraw" => asked.withdraw().await,
            "deposit" => asked.deposit().await,
            "withdraw-and-deposit" => asked.both().await,
            "cancel" => asked.cancel().await,
            _ => error("INVALID_REQUEST", "There is no such call."),
        }
    }
}

/// A call that is understood.
struct Asked<'a> {
    gate: &'a Gate<'a>,
    body: &'a Body,
    player: &'a PlayerId,
    session: &'a SessionRef,
    currency: CurrencyCode,
}

impl Asked<'_> {
    /// What is available after a command; nothing, if only the same call can tell.
    async fn balance(&self, taken: Option<&casino_ledger::Receipt>) -> Option<String> {
        let balance = self.gate.balance(self.player, taken, None, self.currency).await.ok()??;
        Some(two_digits(balance).0.to_string())
    }

    fn who(&self, call: &str, state: &PlayerState) -> Reply {
        let Some(purse) = state.balance(self.currency) else {
            return error("INVALID_CURRENCY", "Invalid currency.");
        };
        let balance = two_digits(purse.available()).0.to_string();
        if call == "balance" {
            return Reply::ok(&json!({"result": {"balance": balance}}));
        }
        let (player, currency) = (self.player.as_str(), self.currency.as_str());
        Reply::ok(&json!({"result": {"playerId": player, "currency": currency, "balance": balance}}))
    }

    fn round(&self) -> Option<RoundId> {
        RoundId::new(&self.body.rgs_round_id).ok()
    }

    fn bet(&self, txn: &str, amount: Option<&str>) -> Option<PlaceBet> {
        let (source, game) = (self.gate.provider.source.clone(), self.gate.game(&self.body.game_name)?);
        let txn = TransactionId::new(txn).ok()?;
        let mut bet = PlaceBet::new(source, txn, self.round()?, game, decimal(amount?)?, self.currency);
        bet.session = Some(self.session.clone());
        if let Some(share) = self.body.jackpot_contribution.as_deref() {
            let amount = decimal(share)?;
            if amount != Decimal::ZERO {
                let jackpot = SubAccount::new(self.gate.provider.source.as_str()).ok()?;
                bet.contributions.push(JackpotShare { jackpot, kind: JackpotKind::Network, amount });
            }
        }
        Some(bet)
    }

    fn win(&self, txn: &str, amount: Option<&str>, reason: &str) -> Option<PlayerCommand> {
        let (source, round) = (self.gate.provider.source.clone(), self.round()?);
        let (id, amount) = (TransactionId::new(txn).ok()?, decimal(amount?)?);
        let is_last = reason == "round_end";
        if self.body.is_jackpot_win {
            let of = SubAccount::new(source.as_str()).ok()?;
            let (reason, currency) = (CreditKind::NetworkJackpot, self.currency);
            let (txn, of_round) = (id.clone(), Some(round.clone()));
            let credit = GrantCredit {
                source: source.clone(),
                id: txn,
                reason,
                of,
                round: of_round,
                amount,
                currency,
            };
            if !is_last {
                return Some(credit.into());
            }
            let close = CloseRound { source, id, round };
            return Batch::new(vec![credit.into(), close.into()], KnownOperations::Replay)
                .ok()
                .map(Into::into);
        }
        let finality = if is_last { Finality::Round } else { Finality::MoreToCome };
        Some(Settle { finality, ..Settle::new(source, id, round, amount, self.currency) }.into())
    }

    fn own(&self, kind: OperationKind, txn: &str) -> Value {
        TransactionId::new(txn).map_or(Value::Null, |txn| self.gate.own_id(self.player, kind, &txn).into())
    }

    async fn withdraw(&self) -> Reply {
        let txn = &*self.body.rgs_transaction_id;
        let Some(bet) = self.bet(txn, self.body.amount.as_deref()) else { return invalid() };
        let command = if self.body.reason == "round_end" {
            let close =
                CloseRound { source: bet.source.clone(), id: bet.id.clone(), round: bet.round.clone() };
            match Batch::new(vec![bet.into(), close.into()], KnownOperations::Replay) {
                Ok(batch) => batch.into(),
                Err(_) => return invalid(),
            }
        } else {
            PlayerCommand::from(bet)
        };
        self.told(command, &[("transactionId", OperationKind::Bet, txn)]).await
    }

    async fn deposit(&self) -> Reply {
        let (body, txn) = (self.body, &*self.body.rgs_transaction_id);
        let Some(command) = self.win(txn, body.amount.as_deref(), &body.reason) else { return invalid() };
        self.told(command, &[("transactionId", OperationKind::Win, txn)]).await
    }

    async fn both(&self) -> Reply {
        let body = self.body;
        let (out, back) = (&*body.rgs_withdraw_transaction_id, &*body.rgs_deposit_transaction_id);
        let bet = self.bet(out, body.withdraw_amount.as_deref());
        let win = self.win(back, body.deposit_amount.as_deref(), &body.deposit_reason);
        let (Some(bet), Some(win)) = (bet, win) else { return invalid() };
        // Both or none; what is won does not pay for the bet (S84).
        let mut commands = vec![bet.into()];
        commands.extend_from_slice(win.operations());
        let Ok(batch) = Batch::new(commands, KnownOperations::Replay) else { return invalid() };
        let ids = [
            ("withdrawTransactionId", OperationKind::Bet, out),
            ("depositTransactionId", OperationKind::Win, back),
        ];
        self.told(batch, &ids).await
    }

    async fn cancel(&self) -> Reply {
        let txn = &*self.body.rgs_transaction_id;
        let Ok(target) = TransactionId::new(txn) else { return invalid() };
        // Only withdrawals are cancelled.
        let command = self.gate.undo(target, self.round());
        let own = self.own(OperationKind::Bet, txn);
        match self.gate.send(self.player, command).await {
            Taken::Done(_) | Taken::Duplicate(_) | Taken::WithoutMoney => {
                Reply::ok(&json!({"result": {"transactionId": own}}))
            }
            Taken::NeverSeen(_) => error("TRANSACTION_NOT_FOUND", "Transaction not found."),
            Taken::Refused(refusal) => refused(&refusal),
            Taken::Again => again(),
        }
    }

    async fn told(&self, command: impl Into<PlayerCommand>, ids: &[(&str, OperationKind, &str)]) -> Reply {
        let own = || -> Map<String, Value> {
            ids.iter().map(|(field, kind, txn)| ((*field).to_owned(), self.own(*kind, txn))).collect()
        };
        match self.gate.send(self.player, command).await {
            Taken::Done(receipt) => {
                let Some(balance) = self.balance(Some(&receipt)).await else { return again() };
                let mut result = own();
                result.insert("balance".to_owned(), balance.into());
                Reply::ok(&json!({"result": result}))
            }
            Taken::Duplicate(_) => {
                let (code, message) = ("TRANSACTION_ALREADY_EXISTS", "Transaction already exists.");
                Reply::ok(&json!({"error": {"code": code, "message": message, "data": own()}}))
            }
            Taken::WithoutMoney => {
                let Some(balance) = self.balance(None).await else { return again() };
                Reply::ok(&json!({"result": {"balance": balance}}))
            }
            Taken::NeverSeen(_) => error("TRANSACTION_NOT_FOUND", "Transaction not found."),
            Taken::Refused(refusal) => refused(&refusal),
            Taken::Again => again(),
        }
    }
}

fn refused(refusal: &Refusal) -> Reply {
    match &refusal.rejection {
        Rejection::InsufficientFunds { .. } => error("INSUFFICIENT_BALANCE", "Insufficient balance."),
        Rejection::BetNotFound { .. } => error("TRANSACTION_NOT_FOUND", "Transaction not found."),
        Rejection::SessionExpired => error("SESSION_EXPIRED", "Session expired."),
        Rejection::LimitExceeded { .. } | Rejection::StakeNotAllowed { .. } => {
            error("LIMIT_EXCEEDED", "Limit exceeded.")
        }
        Rejection::PlayerClosed | Rejection::PlayerBlocked { .. } | Rejection::PlayerExcluded { .. } => {
            error("PLAYER_BLOCKED", "Player blocked.")
        }
        Rejection::RealityCheckDue { .. } => error("REALITY_CHECK", "Reality check."),
        Rejection::CurrencyMismatch { .. } => error("INVALID_CURRENCY", "Invalid currency."),
        Rejection::RoundClosed { .. } => error("ROUND_CLOSED", "Round closed."),
        rejection => error("TRANSACTION_DECLINED", &rejection.to_string()),
    }
}
