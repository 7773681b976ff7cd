//! Evolution's One Wallet: `check`, `sid`, `balance`, `debit`, `credit`, `cancel`, `promo_payout`. The token of the query
//! says who calls; `transaction.refId` ties a credit or a cancel to its debit, and `uuid` comes back in every answer.

use async_trait::async_trait;
use casino_ledger::core::stored::CreditKind;
use casino_ledger::core::{
    CurrencyCode, Finality, GameId, GrantCredit, PlaceBet, PlayerCommand, PlayerState, Rejection, Rollback,
    RoundId, Settle, SubAccount, TransactionId,
};
use serde::{Deserialize, Serialize};

use super::exact::{Number, two_digits};
use super::{Call, Dialect, Gate, Launched, NotLaunched, Reply, Taken, Unbelieved, sign};
use crate::config::Provider;
use crate::launch::Launch;

/// The dialect.
pub(super) struct Evolution;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    sid: String,
    user_id: String,
    uuid: String,
    currency: Option<String>,
    game: Option<GameOf>,
    transaction: Option<Transaction>,
    promo_transaction: Option<Promo>,
}

#[derive(Debug, Deserialize)]
struct GameOf {
    id: String,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Details {
    table: Table,
}

#[derive(Debug, Deserialize)]
struct Table {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    ref_id: String,
    amount: Number,
}

#[derive(Debug, Deserialize)]
struct Promo {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    amount: Number,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<Number>,
    #[serde(skip_serializing_if = "str::is_empty")]
    uuid: &'a str,
}

fn word(status: &str, body: &Body) -> Reply {
    Reply::ok(&Told { status, sid: None, balance: None, uuid: &body.uuid })
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Debit,
    Credit,
    Cancel,
    Promo,
}

/// What a refusal is called (A.3).
fn word_of(kind: Kind, rejection: &Rejection) -> &'static str {
    match (kind, rejection) {
        (_, Rejection::InsufficientFunds { .. }) => "INSUFFICIENT_FUNDS",
        (Kind::Debit, Rejection::KeyReused) => "BET_ALREADY_EXIST",
        (
            Kind::Credit | Kind::Cancel,
            Rejection::KeyReused
            | Rejection::AlreadySettled { .. }
            | Rejection::AlreadyRolledBack { .. }
            | Rejection::RoundClosed { .. }
            | Rejection::TxnCancelled,
        ) => "BET_ALREADY_SETTLED",
        (_, Rejection::BetNotFound { .. }) => "BET_DOES_NOT_EXIST",
        (_, Rejection::PlayerClosed | Rejection::PlayerBlocked { .. } | Rejection::PlayerExcluded { .. }) => {
            "ACCOUNT_LOCKED"
        }
        (_, Rejection::SessionExpired) => "INVALID_SID",
        (_, Rejection::SessionTimeReached { .. }) => "CASINO_LIMIT_EXCEEDED_SESSION_TIME",
        (_, Rejection::LimitExceeded { .. } | Rejection::StakeNotAllowed { .. }) => {
            "CASINO_LIMIT_EXCEEDED_TURNOVER"
        }
        (
            _,
            Rejection::InvalidAmount { .. }
            | Rejection::Precision { .. }
            | Rejection::CurrencyMismatch { .. }
            | Rejection::CurrencyUnknown { .. },
        ) => "INVALID_PARAMETER",
        _ => "FINAL_ERROR_ACTION_FAILED",
    }
}

/// The token of the query.
fn token(query: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.into_iter().find(|(name, _)| name == "authToken").map(|(_, value)| value)
}

#[async_trait]
impl Dialect for Evolution {
    fn verify(&self, provider: &Provider, call: &Call) -> Result<(), Unbelieved> {
        let is_known =
            token(&call.query).is_some_and(|shown| sign::is_same(&shown, provider.secret.expose()));
        if is_known { Ok(()) } else { Err(Unbelieved::Signature) }
    }

    fn unbelieved(&self, _: Unbelieved) -> Reply {
        word("INVALID_TOKEN_ID", &Body::default())
    }

    async fn perform(&self, gate: &Gate<'_>, call: &Call) -> Reply {
        let Ok(body) = serde_json::from_slice::<Body>(&call.body) else {
            return word("INVALID_PARAMETER", &Body::default());
        };
        let launched = match gate.launched(&body.sid, Some(&body.user_id)).await {
            Ok(launched) => launched,
            Err(NotLaunched::Token) => return word("INVALID_SID", &body),
            Err(NotLaunched::Another | NotLaunched::Player) => return word("INVALID_PARAMETER", &body),
            Err(NotLaunched::Again) => return word("TEMPORARY_ERROR", &body),
        };
        let currency = launched.currency(body.currency.as_deref());
        let Launched { launch, reading } = &launched;
        if matches!(call.name.as_str(), "check" | "sid" | "balance") {
            let Some(session) = launched.session() else { return word("INVALID_SID", &body) };
            if call.name != "balance" {
                return Reply::ok(&Told {
                    status: "OK",
                    sid: Some(&body.sid),
                    balance: None,
                    uuid: &body.uuid,
                });
            }
            let currency = currency.unwrap_or(session.currency());
            return told(gate, &body, launch, None, Some(&reading.state), currency).await;
        }
        let kind = match call.name.as_str() {
            "debit" => Kind::Debit,
            "credit" => Kind::Credit,
            "cancel" => Kind::Cancel,
            "promo_payout" => Kind::Promo,
            _ => return word("INVALID_PARAMETER", &body),
        };
        let Some(currency) = currency else { return word("INVALID_PARAMETER", &body) };
        let Some(command) = command(gate, kind, &body, launch, currency) else {
            return word("INVALID_PARAMETER", &body);
        };
        let taken = gate.send(&launch.player, command).await;
        answer(gate, kind, &body, launch, currency, taken).await
    }
}

fn command(
    gate: &Gate<'_>,
    kind: Kind,
    body: &Body,
    launch: &Launch,
    currency: CurrencyCode,
) -> Option<PlayerCommand> {
    let source = gate.provider.source.clone();
    if kind == Kind::Promo {
        let promo = body.promo_transaction.as_ref()?;
        let reason = match promo.kind.as_str() {
            "JackpotWin" => CreditKind::NetworkJackpot,
            _ => CreditKind::ProviderPromo,
        };
        let (id, of) = (TransactionId::new(&promo.id).ok()?, SubAccount::new(source.as_str()).ok()?);
        let (amount, round) = (promo.amount.0, None);
        return Some(GrantCredit { source, id, reason, of, round, amount, currency }.into());
    }
    let (txn, game) = (body.transaction.as_ref()?, body.game.as_ref()?);
    let reference = TransactionId::new(&txn.ref_id).ok()?;
    let round = RoundId::new(&game.id).ok()?;
    let amount = txn.amount.0;
    Some(match kind {
        Kind::Debit => {
            let game = table(gate, game)?;
            let bet = PlaceBet::new(source, reference, round, game, amount, currency);
            PlaceBet { session: Some(launch.session.clone()), ..bet }.into()
        }
        Kind::Credit => {
            let (bet, finality) = (Some(reference.clone()), Finality::Bet);
            Settle { bet, finality, ..Settle::new(source, reference, round, amount, currency) }.into()
        }
        _ => {
            let undo = gate.undo(reference, Some(round));
            Rollback { currency: Some(currency), amount: Some(amount), ..undo }.into()
        }
    })
}

/// The game: the catalogue has tables.
fn table(gate: &Gate<'_>, game: &GameOf) -> Option<GameId> {
    gate.game(&game.details.as_ref()?.table.id)
}

async fn answer(
    gate: &Gate<'_>,
    kind: Kind,
    body: &Body,
    launch: &Launch,
    currency: CurrencyCode,
    taken: Taken,
) -> Reply {
    match taken {
        Taken::Done(receipt) => told(gate, body, launch, Some(&receipt), None, currency).await,
        Taken::WithoutMoney => told(gate, body, launch, None, None, currency).await,
        Taken::Duplicate(receipt) => match kind {
            // A promotion has no word for it: it is told again.
            Kind::Promo => told(gate, body, launch, Some(&receipt), None, currency).await,
            Kind::Debit => word("BET_ALREADY_EXIST", body),
            Kind::Credit | Kind::Cancel => word("BET_ALREADY_SETTLED", body),
        },
        Taken::NeverSeen(_) => word("BET_DOES_NOT_EXIST", body),
        Taken::Refused(refusal) => word(word_of(kind, &refusal.rejection), body),
        Taken::Again => word("TEMPORARY_ERROR", body),
    }
}

async fn told(
    gate: &Gate<'_>,
    body: &Body,
    launch: &Launch,
    receipt: Option<&casino_ledger::Receipt>,
    known: Option<&PlayerState>,
    currency: CurrencyCode,
) -> Reply {
    let balance = match gate.balance(&launch.player, receipt, known, currency).await {
        Ok(Some(balance)) => balance,
        Ok(None) => return word("INVALID_PARAMETER", body),
        Err(_) => return word("TEMPORARY_ERROR", body),
    };
    Reply::ok(&Told { status: "OK", sid: None, balance: Some(two_digits(balance)), uuid: &body.uuid })
}
