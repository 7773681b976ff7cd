//! The command of the host.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::account::AccountCode;
use crate::ids::{HostName, HostNamespace, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Operation, Outcome, Workspace, sent_by};

/// The longest data or state of a host event, in bytes.
const DATA_BYTES_MAX: usize = 8_192;

/// A JSON text of the host: at most 8,192 bytes. The ledger keeps it as it is and reads nothing from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostData(Arc<str>);

/// Why a text is not host data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostDataError {
    /// It is too long.
    #[error("host data of {bytes} bytes: at most {DATA_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is not JSON.
    #[error("host data must be a JSON text: {0}")]
    NotJson(String),
}

impl HostData {
    /// Takes a JSON text.
    ///
    /// # Errors
    ///
    /// [`HostDataError`] if it is too long or not JSON.
    pub fn new(text: impl AsRef<str>) -> Result<Self, HostDataError> {
        let text = text.as_ref();
        if text.len() > DATA_BYTES_MAX {
            return Err(HostDataError::TooLong { bytes: text.len() });
        }
        serde_json::from_str::<serde::de::IgnoredAny>(text)
            .map_err(|error| HostDataError::NotJson(error.to_string()))?;
        Ok(Self(Arc::from(text)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostData {
    type Error = HostDataError;
    fn try_from(text: String) -> Result<Self, HostDataError> {
        Self::new(text)
    }
}

impl From<HostData> for String {
    fn from(data: HostData) -> Self {
        data.0.as_ref().to_owned()
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for HostData {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HostData".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "maxLength": DATA_BYTES_MAX, "description": "a JSON text" })
    }
}

/// The class of an account of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HostAccountClass {
    /// What others owe the house.
    Asset,
    /// What the house owes.
    Liability,
    /// What the house earned.
    Income,
    /// What the house spent.
    Expense,
}

/// An account of the host: a class and a name under a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HostAccount {
    /// The class, which tells on which side it grows.
    pub class: HostAccountClass,
    /// The name.
    pub name: HostName,
}

impl HostAccount {
    /// The code of the chart.
    pub fn code(&self) -> AccountCode {
        match self.class {
            HostAccountClass::Asset => AccountCode::HostAsset,
            HostAccountClass::Liability => AccountCode::HostLiability,
            HostAccountClass::Income => AccountCode::HostIncome,
            HostAccountClass::Expense => AccountCode::HostExpense,
        }
    }

    /// The sub-account: `namespace/name`, escaped.
    pub fn sub_account(&self, namespace: &HostNamespace) -> SubAccount {
        SubAccount::host(namespace, &self.name)
    }
}

/// Money between an account of the host and the player's cash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HostMovement {
    /// The host's account.
    pub account: HostAccount,
    /// To the player, or from him.
    pub to_player: bool,
    /// How much; above zero.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// Whether it is one half of a transfer between two players (E31). Then the player's jurisdiction must allow such transfers
    /// (`player_transfers`), he must be open and not excluded, and nothing may bar him from deposits, where it comes to him, or
    /// from withdrawals, where it leaves him. Where withdrawing unplayed deposits is not free, they do not leave him so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub between_players: bool,
}

/// Records an event of the host, with what it keeps of the player from then on and the money it moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HostOperation {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// Whose event it is.
    pub namespace: HostNamespace,
    /// The type of the event, as the host names it.
    pub name: HostName,
    /// The version of the event's shape.
    pub version: u16,
    /// The event.
    pub data: HostData,
    /// What the host keeps under the namespace from now on; without it, what it kept before.
    #[serde(default)]
    pub state: Option<HostData>,
    /// The version of the namespace's stream this was decided on: it is refused if there is a newer one.
    #[serde(default)]
    pub expected: Option<u64>,
    /// The money it moves.
    #[serde(default)]
    pub movement: Option<HostMovement>,
}

impl Operation for HostOperation {
    const KIND: OperationKind = OperationKind::Host;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        self.movement.as_ref().map(|movement| movement.currency)
    }

    fn takes_money(&self) -> bool {
        self.movement.as_ref().is_some_and(|movement| !movement.to_player)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print
            .field(1, Some(self.namespace.as_str()))
            .field(2, Some(self.name.as_str()))
            .field(3, Some(&self.version.to_string()))
            .field(4, Some(self.data.as_str()))
            .field(5, self.state.as_ref().map(HostData::as_str));
        let Some(movement) = &self.movement else { return print };
        print
            .field(6, Some(movement.account.code().name()))
            .field(7, Some(movement.account.name.as_str()))
            .field(8, Some(if movement.to_player { "to" } else { "from" }))
            .amount(9, &movement.amount)
            .field(10, Some(movement.currency.as_str()))
            .field(11, movement.between_players.then_some("between_players"))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        super::decide::record(self, facts, work)
    }
}
