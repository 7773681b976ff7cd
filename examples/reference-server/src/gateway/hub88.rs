//! Hub88's operator API: five calls, RSA-SHA256 over the body as it came, amounts in 1/100 000, every answer with the
//! status 200 and a word.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casino_ledger::core::stored::{CreditKind, SessionRef};
use casino_ledger::core::{
    Batch, CloseRound, CurrencyCode, Finality, FreeStake, GrantCredit, KnownOperations, PlaceBet,
    PlayerCommand, PlayerId, PlayerState, Rejection, Rollback, RoundId, Settle, SubAccount, TransactionId,
};
use casino_ledger::{Decimal, Receipt};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::exact::{of_units, to_units};
use super::{Call, Dialect, Gate, Launched, NotLaunched, Reply, Taken, Unbelieved};
use crate::config::Provider;
use crate::launch::Launch;

/// 3.56 is 356 000.
const DIGITS: u8 = 5;

/// The dialect.
pub(super) struct Hub88;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    user: Option<String>,
    token: String,
    request_uuid: String,
    transaction_uuid: String,
    reference_transaction_uuid: Option<String>,
    round: String,
    round_closed: bool,
    game_code: String,
    currency: Option<String>,
    amount: i64,
    is_free: bool,
    is_supplier_promo: bool,
    reward_uuid: Option<String>,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_uuid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
}

fn word<'a>(status: &'a str, body: &'a Body) -> Reply {
    Reply::ok(&Told { status, request_uuid: &body.request_uuid, user: None, currency: None, balance: None })
}

/// What a refusal is called (A.3).
fn word_of(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::InsufficientFunds { .. } => "RS_ERROR_NOT_ENOUGH_MONEY",
        Rejection::KeyReused | Rejection::PartlyKnown { .. } => "RS_ERROR_DUPLICATE_TRANSACTION",
        Rejection::BetNotFound { .. } => "RS_ERROR_TRANSACTION_DOES_NOT_EXIST",
        Rejection::CurrencyMismatch { .. } | Rejection::CurrencyUnknown { .. } => "RS_ERROR_WRONG_CURRENCY",
        Rejection::PlayerClosed | Rejection::PlayerBlocked { .. } | Rejection::PlayerExcluded { .. } => {
            "RS_ERROR_USER_DISABLED"
        }
        Rejection::SessionExpired => "RS_ERROR_TOKEN_EXPIRED",
        Rejection::LimitExceeded { .. } => "RS_ERROR_LIMIT_REACHED",
        Rejection::StakeNotAllowed { .. } => "RS_ERROR_BET_LIMIT_EXCEEDED",
        Rejection::GameNotAllowed { .. } => "RS_ERROR_INVALID_GAME",
        Rejection::InvalidAmount { .. } | Rejection::Precision { .. } => "RS_ERROR_WRONG_TYPES",
        _ => "RS_ERROR_UNKNOWN",
    }
}

#[async_trait]
impl Dialect for Hub88 {
    fn verify(&self, provider: &Provider, call: &Call) -> Result<(), Unbelieved> {
        let shown = call.header("x-hub88-signature").ok_or(Unbelieved::Signature)?;
        let signature = STANDARD.decode(shown).map_err(|_| Unbelieved::Signature)?;
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &provider.public_key);
        key.verify(&call.body, &signature).map_err(|_| Unbelieved::Signature)
    }

    fn unbelieved(&self, _: Unbelieved) -> Reply {
        word("RS_ERROR_INVALID_SIGNATURE", &Body::default())
    }

    async fn perform(&self, gate: &Gate<'_>, call: &Call) -> Reply {
        let Ok(body) = serde_json::from_slice::<Body>(&call.body) else {
            return word("RS_ERROR_WRONG_SYNTAX", &Body::default());
        };
        let launched = match gate.launched(&body.token, body.user.as_deref()).await {
            Ok(launched) => launched,
            Err(NotLaunched::Again) => return word("RS_ERROR_UNKNOWN", &body),
            Err(_) => return word("RS_ERROR_INVALID_TOKEN", &body),
        };
        let currency = launched.currency(body.currency.as_deref());
        let Launched { launch: Launch { player, session }, reading } = launched;
        match (call.name.as_str(), currency) {
            ("user/info" | "user/balance", None) => word("RS_ERROR_TOKEN_EXPIRED", &body),
            ("user/info" | "user/balance", Some(currency)) => {
                told(gate, &body, &player, None, Some(&reading.state), currency).await
            }
            ("transaction/bet" | "transaction/win" | "transaction/rollback", Some(currency)) => {
                let command = match call.name.as_str() {
                    "transaction/bet" => bet(gate, &body, currency, session),
                    "transaction/win" => win(gate, &body, currency),
                    _ => rollback(gate, &body),
                };
                match command {
                    Ok(command) => {
                        let taken = gate.send(&player, command).await;
                        answer(gate, &body, &player, currency, taken).await
                    }
                    Err(status) => word(status, &body),
                }
            }
            ("transaction/rollback", None) => match rollback(gate, &body) {
                Ok(command) => {
                    let currency = reading.state.balances().first().map(|purse| purse.currency);
                    let Some(currency) = currency else { return word("RS_ERROR_UNKNOWN", &body) };
                    let taken = gate.send(&player, command).await;
                    answer(gate, &body, &player, currency, taken).await
                }
                Err(status) => word(status, &body),
            },
            (_, None) => word("RS_ERROR_WRONG_CURRENCY", &body),
            _ => word("RS_ERROR_WRONG_SYNTAX", &body),
        }
    }
}

type Command = Result<PlayerCommand, &'static str>;

const SYNTAX: &str = "RS_ERROR_WRONG_SYNTAX";

fn amount(body: &Body) -> Result<Decimal, &'static str> {
    of_units(body.amount, DIGITS).ok_or("RS_ERROR_WRONG_TYPES")
}

fn txn(text: &str) -> Result<TransactionId, &'static str> {
    TransactionId::new(text).map_err(|_| SYNTAX)
}

fn bet(gate: &Gate<'_>, body: &Body, currency: CurrencyCode, session: SessionRef) -> Command {
    let (source, txn) = (gate.provider.source.clone(), txn(&body.transaction_uuid)?);
    let round = RoundId::new(&body.round).map_err(|_| SYNTAX)?;
    let game = gate.game(&body.game_code).ok_or("RS_ERROR_INVALID_GAME")?;
    let amount = amount(body)?;
    let bet = PlaceBet::new(source.clone(), txn.clone(), round.clone(), game, amount, currency);
    let bet = PlaceBet { session: Some(session), ..bet };
    let bet = if body.is_free {
        let campaign =
            body.reward_uuid.as_deref().and_then(|text| SubAccount::new(text).ok()).ok_or(SYNTAX)?;
        PlaceBet { amount: Decimal::ZERO, free: Some(FreeStake { campaign, nominal: amount }), ..bet }
    } else {
        bet
    };
    if !body.round_closed {
        return Ok(bet.into());
    }
    // A bet that is the whole round, and lost.
    let close = CloseRound { source, id: txn, round };
    let batch = Batch::new(vec![bet.into(), close.into()], KnownOperations::Replay);
    batch.map(PlayerCommand::from).map_err(|_| SYNTAX)
}

fn win(gate: &Gate<'_>, body: &Body, currency: CurrencyCode) -> Command {
    let (source, txn_id) = (gate.provider.source.clone(), txn(&body.transaction_uuid)?);
    let round = RoundId::new(&body.round).ok();
    if body.is_supplier_promo {
        let (reason, of) = (CreditKind::ProviderPromo, SubAccount::new(source.as_str()).map_err(|_| SYNTAX)?);
        let (amount, round) = (amount(body)?, None);
        return Ok(GrantCredit { source, id: txn_id, reason, of, round, amount, currency }.into());
    }
    let bet = body.reference_transaction_uuid.as_deref().map(txn).transpose()?;
    let finality = if body.round_closed { Finality::Round } else { Finality::MoreToCome };
    let win = Settle::new(source, txn_id, round.ok_or(SYNTAX)?, amount(body)?, currency);
    Ok(Settle { bet, finality, ..win }.into())
}

fn rollback(gate: &Gate<'_>, body: &Body) -> Command {
    let target = body.reference_transaction_uuid.as_deref().ok_or(SYNTAX)?;
    let (id, target, round) = (txn(&body.transaction_uuid)?, txn(target)?, RoundId::new(&body.round).ok());
    Ok(Rollback { round, ..Rollback::new(gate.provider.source.clone(), id, target) }.into())
}

async fn answer(
    gate: &Gate<'_>,
    body: &Body,
    player: &PlayerId,
    currency: CurrencyCode,
    taken: Taken,
) -> Reply {
    match taken {
        Taken::Done(receipt) => told(gate, body, player, Some(&receipt), None, currency).await,
        Taken::WithoutMoney => told(gate, body, player, None, None, currency).await,
        Taken::Duplicate(_) => word("RS_ERROR_DUPLICATE_TRANSACTION", body),
        Taken::NeverSeen(_) => word("RS_ERROR_TRANSACTION_DOES_NOT_EXIST", body),
        Taken::Refused(refusal) => {
            let status = word_of(&refusal.rejection);
            if status != "RS_ERROR_NOT_ENOUGH_MONEY" {
                return word(status, body);
            }
            // S04: with the actual balance.
            let of = refusal.balances.iter().find(|purse| purse.currency == currency);
            let balance = of.and_then(|purse| to_units(purse.available(), DIGITS));
            let (user, code) = (Some(player.as_str()), Some(currency.as_str()));
            Reply::ok(&Told { status, request_uuid: &body.request_uuid, user, currency: code, balance })
        }
        Taken::Again => word("RS_ERROR_UNKNOWN", body),
    }
}

async fn told(
    gate: &Gate<'_>,
    body: &Body,
    player: &PlayerId,
    receipt: Option<&Receipt>,
    known: Option<&PlayerState>,
    currency: CurrencyCode,
) -> Reply {
    let balance = match gate.balance(player, receipt, known, currency).await {
        Ok(Some(balance)) => balance,
        Ok(None) => return word("RS_ERROR_WRONG_CURRENCY", body),
        Err(_) => return word("RS_ERROR_UNKNOWN", body),
    };
    Reply::ok(&Told {
        status: "RS_OK",
        request_uuid: &body.request_uuid,
        user: Some(player.as_str()),
        currency: Some(currency.as_str()),
        balance: to_units(balance, DIGITS),
    })
}
