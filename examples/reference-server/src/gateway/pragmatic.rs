//! Pragmatic Play's seamless wallet: forms, signed by the MD5 of the sorted parameters and a secret; `endRound` ends
//! rounds; 100 makes the provider send again, 120 ends it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use casino_ledger::core::stored::{CreditKind, Direction, SessionRef};
use casino_ledger::core::{
    AdjustRound, CloseRound, CurrencyCode, GrantCredit, Inform, OperationKind, PlaceBet, PlayerCommand,
    PlayerId, PlayerState, Reason, Rejection, RoundId, Settle, SubAccount, TransactionId,
};
use casino_ledger::{Decimal, Receipt};
use md5::{Digest as _, Md5};
use serde::Serialize;

use super::exact::{Number, two_digits};
use super::{Call, Dialect, Gate, Launched, NotLaunched, Reply, Taken, Unbelieved, sign};
use crate::api::body::decimal;
use crate::config::Provider;

/// The dialect.
pub(super) struct Pragmatic;

/// The most parameters of a form.
const PARAMETERS_MAX: usize = 64;

type Form = BTreeMap<String, String>;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cash: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bonus: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_promo: Option<Number>,
    error: u16,
    description: &'a str,
}

const RETRY: u16 = 100;
const FINAL: u16 = 120;

fn error(code: u16, description: &str) -> Reply {
    Reply::ok(&Told { error: code, description, ..Told::default() })
}

/// The code of a refusal (A.3).
fn code_of(rejection: &Rejection) -> u16 {
    match rejection {
        Rejection::InsufficientFunds { .. } => 1,
        Rejection::PlayerUnknown => 2,
        Rejection::SessionExpired => 4,
        Rejection::PlayerClosed | Rejection::PlayerBlocked { .. } | Rejection::PlayerExcluded { .. } => 6,
        Rejection::KeyReused
        | Rejection::InvalidAmount { .. }
        | Rejection::Precision { .. }
        | Rejection::CurrencyMismatch { .. }
        | Rejection::Mismatch { .. } => 7,
        Rejection::GameNotAllowed { .. } => 8,
        Rejection::LimitExceeded { .. } | Rejection::StakeNotAllowed { .. } => 50,
        _ => FINAL,
    }
}

/// The parameters of a form, each once, and the signature.
fn form(call: &Call) -> Option<(Form, String)> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&call.body).ok()?;
    if pairs.len() > PARAMETERS_MAX {
        return None;
    }
    let mut form = Form::new();
    for (name, value) in pairs {
        // A parameter that comes twice could be signed as one and read as the other.
        if form.insert(name, value).is_some() {
            return None;
        }
    }
    let hash = form.remove("hash")?;
    Some((form, hash))
}

/// The signature of parameters.
fn signature(form: &Form, secret: &str) -> String {
    let signed = form.iter().filter(|(_, value)| !value.is_empty());
    let text = signed.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    hex::encode(Md5::digest(format!("{text}{secret}")))
}

#[async_trait]
impl Dialect for Pragmatic {
    // What is signed are the parameters, so the form is taken apart before it; nothing of it is looked at but the names.
    fn verify(&self, provider: &Provider, call: &Call) -> Result<(), Unbelieved> {
        let (form, shown) = form(call).ok_or(Unbelieved::Signature)?;
        let expected = signature(&form, provider.secret.expose());
        let is_signed = sign::is_same(&expected, &shown.to_ascii_lowercase());
        if is_signed { Ok(()) } else { Err(Unbelieved::Signature) }
    }

    fn unbelieved(&self, _: Unbelieved) -> Reply {
        error(5, "Invalid hash code")
    }

    async fn perform(&self, gate: &Gate<'_>, call: &Call) -> Reply {
        let Some((form, _)) = form(call) else { return error(7, "Bad parameters") };
        let call = call.name.trim_end_matches(".html");
        let user = form.get("userId").map(String::as_str);
        let (session, reading) = match (form.get("token"), user) {
            (Some(token), _) => match gate.launched(token, user).await {
                Ok(Launched { launch, reading }) => (Some(launch.session), reading),
                Err(NotLaunched::Token | NotLaunched::Another) => {
                    return error(4, "Player authentication failed");
                }
                Err(NotLaunched::Player) => return error(2, "Player not found"),
                Err(NotLaunched::Again) => return error(RETRY, "Internal server error, retry"),
            },
            (None, Some(user)) => match gate.player(user).await {
                Ok(Some(reading)) => (None, reading),
                Ok(None) => return error(2, "Player not found"),
                Err(_) => return error(RETRY, "Internal server error, retry"),
            },
            (None, None) => return error(7, "Bad parameters"),
        };
        let state = &reading.state;
        let Some(currency) = currency(state, &form, session.as_ref()) else {
            return error(7, "Bad parameters");
        };
        let asked = Asked { gate, form: &form, player: state.player(), session, currency };
        match call {
            "authenticate" | "balance" => asked.told(None, state, None).await,
            "refund" => asked.refund().await,
            "endRound" => asked.end().await,
            "bet" | "result" | "bonusWin" | "jackpotWin" | "promoWin" | "adjustment" => {
                asked.send(call).await
            }
            _ => error(7, "Bad parameters"),
        }
    }
}

/// The currency of a call: its own, that of its session, that of its round, or the player's first.
fn currency(state: &PlayerState, form: &Form, session: Option<&SessionRef>) -> Option<CurrencyCode> {
    if let Some(code) = form.get("currency") {
        return code.parse().ok();
    }
    if let Some(session) = session.and_then(|session| state.session(session)) {
        return Some(session.currency());
    }
    let round = form.get("roundId").and_then(|round| state.rounds().find(|open| open.id.as_str() == round));
    let of_round = round.and_then(|round| round.currency);
    of_round.or_else(|| state.balances().first().map(|purse| purse.currency))
}

/// A call that is understood.
struct Asked<'a> {
    gate: &'a Gate<'a>,
    form: &'a Form,
    player: &'a PlayerId,
    session: Option<SessionRef>,
    currency: CurrencyCode,
}

impl Asked<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.form.get(name).map(String::as_str)
    }

    fn amount(&self) -> Option<Decimal> {
        decimal(self.text("amount")?)
    }

    fn reference(&self) -> Option<TransactionId> {
        TransactionId::new(self.text("reference")?).ok()
    }

    fn round(&self) -> Option<RoundId> {
        RoundId::new(self.text("roundId")?).ok()
    }

    fn credit(&self, reason: CreditKind, round: Option<RoundId>) -> Option<PlayerCommand> {
        let source = self.gate.provider.source.clone();
        let of = match reason {
            CreditKind::FreeRound => SubAccount::new(self.text("bonusCode").unwrap_or(source.as_str())),
            _ => SubAccount::new(source.as_str()),
        };
        let (id, amount, currency) = (self.reference()?, self.amount()?, self.currency);
        Some(GrantCredit { source, id, reason, of: of.ok()?, round, amount, currency }.into())
    }

    fn command(&self, call: &str) -> Option<PlayerCommand> {
        let source = self.gate.provider.source.clone();
        Some(match call {
            "bet" => {
                let game = self.gate.game(self.text("gameId")?)?;
                let bet = PlaceBet::new(
                    source,
                    self.reference()?,
                    self.round()?,
                    game,
                    self.amount()?,
                    self.currency,
                );
                PlaceBet { session: self.session.clone(), ..bet }.into()
            }
            // It ends nothing: that is the task of endRound, by the policy of the source.
            "result" => {
                Settle::new(source, self.reference()?, self.round()?, self.amount()?, self.currency).into()
            }
            // The total of free rounds whose wins were paid one by one: news (S95).
            "bonusWin" => {
                Inform { source, id: self.reference()?, about: Reason::new("bonusWin").ok()? }.into()
            }
            "jackpotWin" => self.credit(CreditKind::NetworkJackpot, self.round())?,
            "promoWin" => self.credit(CreditKind::ProviderPromo, None)?,
            "adjustment" => {
                let amount = self.amount()?;
                let is_debit = amount.is_sign_negative();
                AdjustRound {
                    source,
                    id: self.reference()?,
                    round: self.round(),
                    direction: if is_debit { Direction::Debit } else { Direction::Credit },
                    amount: amount.abs(),
                    currency: self.currency,
                    reason: Reason::new("adjustment").ok()?,
                    on_shortfall: None,
                }
                .into()
            }
            _ => return None,
        })
    }

    async fn send(&self, call: &str) -> Reply {
        let Some(command) = self.command(call) else { return error(7, "Bad parameters") };
        let kind = command.kind();
        let taken = self.gate.send(self.player, command).await;
        let own = self.reference().map(|reference| self.gate.own_id(self.player, kind, &reference));
        self.answer(own, taken).await
    }

    async fn refund(&self) -> Reply {
        let Some(target) = self.reference() else { return error(7, "Bad parameters") };
        let own = self.gate.own_id(self.player, OperationKind::Bet, &target);
        let command = self.gate.undo(target, self.round());
        match self.gate.send(self.player, command).await {
            Taken::Done(_) | Taken::Duplicate(_) | Taken::WithoutMoney => {
                Reply::ok(&Told { transaction_id: Some(own), description: "Success", ..Told::default() })
            }
            Taken::NeverSeen(_) => error(FINAL, "Bet not found"),
            taken => self.answer(None, taken).await,
        }
    }

    async fn end(&self) -> Reply {
        let Some(round) = self.round() else { return error(7, "Bad parameters") };
        let Ok(id) = TransactionId::new(round.as_str()) else {
            return error(7, "Bad parameters");
        };
        let command = CloseRound { source: self.gate.provider.source.clone(), id, round };
        match self.gate.send(self.player, command).await {
            Taken::Again => error(130, "Internal server error on end round, retry"),
            // The end of a round that nobody knows, or that is over, is the end of it (S65, S66).
            Taken::Refused(refusal)
                if matches!(
                    refusal.rejection,
                    Rejection::RoundClosed { .. } | Rejection::BetNotFound { .. }
                ) =>
            {
                self.answer(None, Taken::WithoutMoney).await
            }
            taken => self.answer(None, taken).await,
        }
    }

    async fn answer(&self, own: Option<String>, taken: Taken) -> Reply {
        let receipt = match taken {
            Taken::Done(receipt) => Some(receipt),
            Taken::WithoutMoney => None,
            Taken::Duplicate(_) | Taken::NeverSeen(_) => {
                return error(FINAL, "Transaction is known, or never was");
            }
            Taken::Refused(refusal) => {
                let text = refusal.rejection.to_string();
                return error(code_of(&refusal.rejection), &text);
            }
            Taken::Again => return error(RETRY, "Internal server error, retry"),
        };
        match self.gate.casino.ledger.player(self.player).await {
            Ok(reading) => self.told(own, &reading.state, receipt.as_deref()).await,
            // It is done; what is there the provider learns when it sends it again.
            Err(_) => error(RETRY, "Internal server error, retry"),
        }
    }

    async fn told(&self, own: Option<String>, state: &PlayerState, receipt: Option<&Receipt>) -> Reply {
        let cash = match self.gate.balance(self.player, receipt, Some(state), self.currency).await {
            Ok(Some(cash)) => cash,
            Ok(None) => return error(7, "Bad parameters"),
            Err(_) => return error(RETRY, "Internal server error, retry"),
        };
        let mut bonus = casino_ledger::core::Amount::zero(cash.scale());
        for purse in state.wallet().bonus().iter().filter(|purse| purse.currency() == self.currency) {
            bonus = bonus.checked_add(purse.balance()).unwrap_or(bonus);
        }
        Reply::ok(&Told {
            used_promo: own.as_ref().map(|_| Number(Decimal::ZERO)),
            transaction_id: own,
            user_id: Some(self.player.as_str()),
            currency: Some(self.currency.as_str()),
            cash: Some(two_digits(cash)),
            bonus: Some(two_digits(bonus)),
            error: 0,
            description: "Success",
        })
    }
}
