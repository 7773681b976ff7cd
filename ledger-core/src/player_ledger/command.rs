//! The commands of a player's ledger. Amounts are decimals as their sender wrote them; the ledger checks
//! that they fit and never rounds them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::account::AccountKind;
use crate::ids::{
    Authorisation, BrandId, GameId, IdError, JurisdictionId, OperatorId, PlayerId, Reason, RoundId, SourceId,
    SubAccount, TransactionId,
};
use crate::key::{Fingerprint, FingerprintBuilder, IdempotencyKey, OperationKind};
use crate::money::CurrencyCode;
use crate::policy::{Policy, ShortfallPolicy};
use crate::stored::CreditKind;

/// Decimals as texts, entered exactly.
mod decimal_text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let text = crate::text::BorrowedText::deserialize(deserializer)?;
        Decimal::from_str_exact(&text.0).map_err(serde::de::Error::custom)
    }

    pub(super) mod option {
        use rust_decimal::Decimal;
        use serde::{Deserialize, Deserializer, Serializer};

        #[expect(clippy::ref_option, reason = "the signature is serde's")]
        pub(in super::super) fn serialize<S: Serializer>(
            value: &Option<Decimal>,
            s: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => s.collect_str(value),
                None => s.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            d: D,
        ) -> Result<Option<Decimal>, D::Error> {
            let text = Option::<crate::text::BorrowedText<'_>>::deserialize(d)?;
            text.map(|t| Decimal::from_str_exact(&t.0)).transpose().map_err(serde::de::Error::custom)
        }
    }
}

/// Opens a player. Key: (operator, open, player).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPlayer {
    /// The operator.
    pub operator: OperatorId,
    /// The brand.
    pub brand: BrandId,
    /// The jurisdiction whose rules hold.
    pub jurisdiction: JurisdictionId,
    /// The time zone of his periods, as in the IANA database.
    pub zone: String,
    /// Real or test, for ever.
    pub kind: AccountKind,
    /// His purses: at least one, each currency once.
    pub currencies: Vec<CurrencyCode>,
}

/// Books a deposit that a payment provider captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordDeposit {
    /// The payment provider.
    pub source: SourceId,
    /// Its id of the deposit.
    pub id: TransactionId,
    /// What was captured; above zero.
    #[serde(with = "decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// The authorisation number, if there is one.
    #[serde(default)]
    pub authorisation: Option<Authorisation>,
}

/// Places a bet: its stake is held until the round settles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceBet {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the bet.
    pub id: TransactionId,
    /// The round; opened by its first bet.
    pub round: RoundId,
    /// The game.
    pub game: GameId,
    /// The stake; zero opens the round without money (free rounds).
    #[serde(with = "decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

/// What a win ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// Nothing: more wins may come.
    MoreToCome,
    /// The bets it answers. The round closes when no open bet is left.
    Bet,
    /// The round: bets that are still open are lost.
    Round,
}

/// Pays a win, or reports a loss (a win of zero).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the win.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
    /// The bet it answers; without one, all bets of the round placed before it.
    #[serde(default)]
    pub bet: Option<TransactionId>,
    /// The win; zero is a loss.
    #[serde(with = "decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// What it ends.
    pub finality: Finality,
}

/// Closes a round: bets that are still open are lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseRound {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the message.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
}

/// What is called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VoidTarget {
    /// The whole round; bets that come later are refused.
    Round,
    /// One bet (void, push); the round goes on.
    Bet(TransactionId),
}

/// Calls off a round or a bet that is not settled: stakes go back. Unlike a rollback it may come from
/// another source than the bet, such as an operator's back office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Void {
    /// Who calls off.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The round's game provider.
    pub round_source: SourceId,
    /// The round.
    pub round: RoundId,
    /// The round or a bet of it.
    pub target: VoidTarget,
    /// Why.
    pub reason: Reason,
}

/// What a rollback undoes, where its sender says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackKind {
    /// A bet.
    Bet,
    /// A win.
    Win,
}

/// Undoes a bet or a win of the same source; if it was never seen, it must not come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the rollback.
    pub id: TransactionId,
    /// The id of what is undone.
    pub target: TransactionId,
    /// Bet or win; without it the bet of that id, or else the win.
    #[serde(default)]
    pub kind: Option<RollbackKind>,
    /// The target's round, to be checked.
    #[serde(default)]
    pub round: Option<RoundId>,
    /// The target's currency, to be checked.
    #[serde(default)]
    pub currency: Option<CurrencyCode>,
    /// The target's amount, to be checked.
    #[serde(default, with = "decimal_text::option")]
    pub amount: Option<Decimal>,
    /// What happens if a win was spent; without it the source's policy.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
}

/// Pays the player something that no stake earned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantCredit {
    /// The game provider or process.
    pub source: SourceId,
    /// Its id of the credit.
    pub id: TransactionId,
    /// What for.
    pub reason: CreditKind,
    /// The campaign, jackpot or provider that bears it.
    pub of: SubAccount,
    /// The round it is linked to, open or not.
    #[serde(default)]
    pub round: Option<RoundId>,
    /// The credit.
    #[serde(with = "decimal_text")]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
}

/// A command to one player's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlayerCommand {
    /// See [`OpenPlayer`].
    OpenPlayer(OpenPlayer),
    /// See [`RecordDeposit`].
    RecordDeposit(RecordDeposit),
    /// See [`PlaceBet`].
    PlaceBet(PlaceBet),
    /// See [`Settle`].
    Settle(Settle),
    /// See [`CloseRound`].
    CloseRound(CloseRound),
    /// See [`Void`].
    Void(Void),
    /// See [`Rollback`].
    Rollback(Rollback),
    /// See [`GrantCredit`].
    GrantCredit(GrantCredit),
}

macro_rules! into_command {
    ($($name:ident),*) => {$(
        impl From<$name> for PlayerCommand {
            fn from(command: $name) -> Self {
                Self::$name(command)
            }
        }
    )*};
}
into_command!(OpenPlayer, RecordDeposit, PlaceBet, Settle, CloseRound, Void, Rollback, GrantCredit);

impl PlayerCommand {
    /// What the operation does.
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::OpenPlayer(_) => OperationKind::Open,
            Self::RecordDeposit(_) => OperationKind::Deposit,
            Self::PlaceBet(_) => OperationKind::Bet,
            Self::Settle(_) => OperationKind::Win,
            Self::CloseRound(_) => OperationKind::Close,
            Self::Void(_) => OperationKind::Void,
            Self::Rollback(_) => OperationKind::Rollback,
            Self::GrantCredit(_) => OperationKind::Credit,
        }
    }

    /// Who sends the operation and its id of it.
    ///
    /// # Errors
    ///
    /// None in practice: operator and player ids are transaction and source ids too.
    pub fn sender(&self, player: &PlayerId) -> Result<(SourceId, TransactionId), IdError> {
        Ok(match self {
            Self::OpenPlayer(c) => {
                (SourceId::new(c.operator.as_str())?, TransactionId::new(player.as_str())?)
            }
            Self::RecordDeposit(c) => (c.source.clone(), c.id.clone()),
            Self::PlaceBet(c) => (c.source.clone(), c.id.clone()),
            Self::Settle(c) => (c.source.clone(), c.id.clone()),
            Self::CloseRound(c) => (c.source.clone(), c.id.clone()),
            Self::Void(c) => (c.source.clone(), c.id.clone()),
            Self::Rollback(c) => (c.source.clone(), c.id.clone()),
            Self::GrantCredit(c) => (c.source.clone(), c.id.clone()),
        })
    }

    /// The idempotency key under a policy.
    ///
    /// # Errors
    ///
    /// See [`Self::sender`].
    pub fn key(&self, player: &PlayerId, policy: &Policy) -> Result<IdempotencyKey, IdError> {
        let (source, id) = self.sender(player)?;
        let kind = policy.key_kind(&source, self.kind());
        Ok(IdempotencyKey { source, kind, id })
    }

    /// The currency it names, if it names one.
    pub fn currency(&self) -> Option<CurrencyCode> {
        match self {
            Self::OpenPlayer(_) | Self::CloseRound(_) | Self::Void(_) => None,
            Self::RecordDeposit(c) => Some(c.currency),
            Self::PlaceBet(c) => Some(c.currency),
            Self::Settle(c) => Some(c.currency),
            Self::Rollback(c) => c.currency,
            Self::GrantCredit(c) => Some(c.currency),
        }
    }

    /// Whether the command takes the player's money: then a refusal stays under its key.
    pub fn takes_money(&self) -> bool {
        matches!(self, Self::PlaceBet(_))
    }

    /// The fingerprint of the business fields: two commands with one key are the same operation if these
    /// agree. `10`, `10.0` and `10.00` agree.
    pub fn fingerprint(&self) -> Fingerprint {
        let amount = |value: &Decimal| value.normalize().to_string();
        let print = FingerprintBuilder::new(self.kind().as_str());
        match self {
            Self::OpenPlayer(c) => {
                let kind = match c.kind {
                    AccountKind::Real => "real",
                    AccountKind::Test => "test",
                };
                c.currencies
                    .iter()
                    .fold(
                        print
                            .field(1, Some(c.operator.as_str()))
                            .field(2, Some(c.brand.as_str()))
                            .field(3, Some(c.jurisdiction.as_str()))
                            .field(4, Some(&c.zone))
                            .field(5, Some(kind)),
                        |print, currency| print.field(6, Some(currency.as_str())),
                    )
                    .finish()
            }
            Self::RecordDeposit(c) => {
                print.field(1, Some(&amount(&c.amount))).field(2, Some(c.currency.as_str())).finish()
            }
            Self::PlaceBet(c) => print
                .field(1, Some(&amount(&c.amount)))
                .field(2, Some(c.currency.as_str()))
                .field(3, Some(c.round.as_str()))
                .field(4, Some(c.game.as_str()))
                .finish(),
            Self::Settle(c) => print
                .field(1, Some(&amount(&c.amount)))
                .field(2, Some(c.currency.as_str()))
                .field(3, Some(c.round.as_str()))
                .field(4, c.bet.as_ref().map(TransactionId::as_str))
                .field(
                    5,
                    Some(match c.finality {
                        Finality::MoreToCome => "more",
                        Finality::Bet => "bet",
                        Finality::Round => "round",
                    }),
                )
                .finish(),
            Self::CloseRound(c) => print.field(3, Some(c.round.as_str())).finish(),
            Self::Void(c) => print
                .field(3, Some(c.round.as_str()))
                .field(6, Some(c.round_source.as_str()))
                .field(
                    7,
                    match &c.target {
                        VoidTarget::Round => None,
                        VoidTarget::Bet(bet) => Some(bet.as_str()),
                    },
                )
                .finish(),
            Self::Rollback(c) => print
                .field(1, c.amount.as_ref().map(amount).as_deref())
                .field(2, c.currency.as_ref().map(CurrencyCode::as_str))
                .field(3, c.round.as_ref().map(RoundId::as_str))
                .field(
                    5,
                    c.kind.map(|kind| match kind {
                        RollbackKind::Bet => "bet",
                        RollbackKind::Win => "win",
                    }),
                )
                .field(7, Some(c.target.as_str()))
                .finish(),
            Self::GrantCredit(c) => print
                .field(1, Some(&amount(&c.amount)))
                .field(2, Some(c.currency.as_str()))
                .field(3, c.round.as_ref().map(RoundId::as_str))
                .field(
                    5,
                    Some(match c.reason {
                        CreditKind::ProviderPromo => "provider_promo",
                        CreditKind::FreeRound => "free_round",
                        CreditKind::Cashback => "cashback",
                        CreditKind::LocalJackpot => "local_jackpot",
                        CreditKind::NetworkJackpot => "network_jackpot",
                    }),
                )
                .field(8, Some(c.of.as_str()))
                .finish(),
        }
    }
}
