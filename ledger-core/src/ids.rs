//! Identifiers: opaque UTF-8 strings that the ledger compares byte by byte and never normalises.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest identifier, in bytes.
pub const ID_BYTES_MAX: usize = 128;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text is empty.
    #[error("{what} is empty")]
    Empty {
        /// The kind of identifier.
        what: &'static str,
    },
    /// The text is longer than it may be ([`ID_BYTES_MAX`] bytes for all but sub-accounts).
    #[error("{what} has {bytes} bytes: at most {bytes_max} are allowed")]
    TooLong {
        /// The kind of identifier.
        what: &'static str,
        /// How long the text is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// The text holds a control character.
    #[error("{what} holds the control character U+{code_point:04X} at byte {at}")]
    Control {
        /// The kind of identifier.
        what: &'static str,
        /// The character.
        code_point: u32,
        /// Where it stands, in bytes.
        at: usize,
    },
}

fn check(what: &'static str, text: &str, bytes_max: usize) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.len() > bytes_max {
        return Err(IdError::TooLong { what, bytes: text.len(), bytes_max });
    }
    match text.char_indices().find(|(_, c)| c.is_control()) {
        Some((at, c)) => Err(IdError::Control { what, code_point: u32::from(c), at }),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        id!(
            $(#[$doc])*
            ///
            /// 1 to 128 bytes of UTF-8 without control characters; compared bytewise.
            $name, $what, ID_BYTES_MAX);
    };
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text as an identifier.
            ///
            /// # Errors
            ///
            /// [`IdError`] if the text is empty, too long or holds a control character.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                let text = text.as_ref();
                check($what, text, $max)?;
                Ok(Self(Arc::from(text)))
            }

            /// The identifier's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = crate::text::BorrowedText::deserialize(deserializer)?;
                Self::new(&*text.0).map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "minLength": 1, "maxLength": $max,
                    "description": concat!($what, ": UTF-8 without control characters, length in bytes")
                })
            }
        }
    };
}

id!(
    /// A player, as the host knows him. Holds no personal data.
    PlayerId, "player id");
/// The longest id of a house partition, in bytes: a purpose, and a name that is itself an identifier.
pub const HOUSE_ID_BYTES_MAX: usize = 160;

id!(
    /// A house partition: `currencies`, `psp/acme`, `test/treasury`. What it may be called and what that means says
    /// [`HouseName`](crate::HouseName). 1 to 160 bytes.
    HouseId, "house id", HOUSE_ID_BYTES_MAX);
id!(
    /// Where an operation comes from: a game provider, a payment provider, the host itself.
    /// Transaction ids are unique per player, source and operation kind.
    SourceId, "source id");
id!(
    /// The sender's id of one operation; with the source and the kind it is the idempotency key.
    TransactionId, "transaction id");
id!(
    /// A game round, as its source names it. One round may be shared by many players.
    RoundId, "round id");
id!(
    /// A game, as the host's catalogue names it.
    GameId, "game id");
id!(
    /// A licensed operator.
    OperatorId, "operator id");
id!(
    /// A brand of an operator.
    BrandId, "brand id");
id!(
    /// A jurisdiction (`MT`, `GB`, `CA-ON`): the profile a player's rules come from.
    JurisdictionId, "jurisdiction id");
id!(
    /// Who acts: a person of the operator, a provider's connector, a process. Holds no personal data.
    ActorId, "actor id");
id!(
    /// A trace id of the host's tracing system; kept for audit, never compared.
    TraceId, "trace id");
id!(
    /// One running engine among several that write to one store.
    WriterId, "writer id");
id!(
    /// A rate of exchange, as whoever fixed it names it.
    RateId, "rate id");
id!(
    /// A payment provider's authorisation number of a deposit (GLI-19 2.5.6(c)).
    Authorisation, "authorisation");

id!(
    /// A namespace of the host, for its own events, accounts and checks: `acme`, `acme.loyalty`.
    HostNamespace, "host namespace");
id!(
    /// A name the host gives: of an event type, an account, a check or a refusal.
    HostName, "host name");
id!(
    /// A jackpot, as the host's catalogue names it.
    JackpotId, "jackpot id");
id!(
    /// A tournament of the house.
    TournamentId, "tournament id");
id!(
    /// A kind of configuration document: `policy`, later profiles, game tables, terms.
    DocumentKind, "document kind");
id!(
    /// A configuration document within its kind, such as `default`.
    DocumentName, "document name");
id!(
    /// A device of a player, as the host knows it: an opaque token that tells nothing by itself.
    DeviceId, "device id");
id!(
    /// A way to pay (a card, a bank transfer), as the cashier names it. Holds no card or account number.
    MethodId, "method id");

id!(
    /// What a player pays with or is paid to: a card, a bank account, a wallet, as a token of the host. Holds no card or
    /// account number.
    InstrumentId, "instrument id");

id!(
    /// The name of terms of a bonus within the policy.
    ///
    /// 1 to 64 bytes of UTF-8 without control characters; compared bytewise.
    TermsName, "name of terms", 64);

id!(
    /// The name of a programme of loyalty points within the policy.
    ///
    /// 1 to 64 bytes of UTF-8 without control characters; compared bytewise.
    ProgrammeName, "name of a programme", 64);

id!(
    /// A type of games, such as slots, as the operator calls it.
    GameType, "game type");

id!(
    /// A person, who may have several players, as an opaque token of the host that tells nothing by itself. Holds no
    /// personal data.
    PersonId, "person id");
id!(
    /// How far a player is verified, as the policy calls it: `unverified`, `verified`, `source_of_funds`.
    TierName, "name of a tier");
id!(
    /// A profile of limits within the policy: `DEFAULT`, `VIP_A`.
    ProfileName, "name of a profile");
id!(
    /// A signal of risk, as the host calls it: `bet_growth`, `many_voids`, `opposite_bets`, `minimum_bets`.
    SignalName, "name of a signal");
id!(
    /// A register outside of this ledger that knows players of several operators: of exclusions (`oasis`), of deposits
    /// (`lugas`).
    RegisterName, "name of a register");

/// The longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 256;

id!(
    /// Why someone did something, in his own words: 1 to 256 bytes. Holds no personal data.
    Reason, "reason", REASON_BYTES_MAX);

/// The longest sub-account, in bytes: two identifiers whose every byte is escaped, and a separator.
pub const SUB_ACCOUNT_BYTES_MAX: usize = 2 * 2 * ID_BYTES_MAX + 1;

id!(
    /// What an account code is kept per: a round or a withdrawal (`source/id`, escaped as in RFC 6901), a game, a
    /// payment provider.
    SubAccount, "sub-account", SUB_ACCOUNT_BYTES_MAX);

/// Two names as one, each escaped as in RFC 6901.
fn pair(first: &str, second: &str) -> Arc<str> {
    let mut text = String::with_capacity(first.len().saturating_add(second.len()).saturating_add(1));
    crate::text::push_escaped(&mut text, first);
    text.push('/');
    crate::text::push_escaped(&mut text, second);
    Arc::from(text)
}

impl SubAccount {
    /// The sub-account of a round.
    pub fn round(source: &SourceId, round: &RoundId) -> Self {
        Self(pair(source.as_str(), round.as_str()))
    }

    /// The sub-account of a withdrawal.
    pub fn withdrawal(source: &SourceId, id: &TransactionId) -> Self {
        Self(pair(source.as_str(), id.as_str()))
    }

    /// The sub-account of money that plays elsewhere: `source/transfer/id`, which no round is called.
    ///
    /// # Errors
    ///
    /// [`IdError::TooLong`] if the two together do not fit, which takes ids of more than a hundred bytes that are
    /// escaped.
    pub fn transfer(source: &SourceId, id: &TransactionId) -> Result<Self, IdError> {
        let mut text = String::new();
        crate::text::push_escaped(&mut text, source.as_str());
        text.push_str("/transfer/");
        crate::text::push_escaped(&mut text, id.as_str());
        Self::new(text)
    }

    /// The sub-account of a bonus award.
    pub fn award(source: &SourceId, id: &TransactionId) -> Self {
        Self(pair(source.as_str(), id.as_str()))
    }

    /// The sub-account of the stakes of a bonus award in a round: `source/round/source/award`.
    ///
    /// # Errors
    ///
    /// [`IdError::TooLong`] if the four together do not fit, which takes ids that nearly fill what each may have.
    pub fn round_award(
        source: &SourceId,
        round: &RoundId,
        award: &SourceId,
        id: &TransactionId,
    ) -> Result<Self, IdError> {
        let (round, award) = (pair(source.as_str(), round.as_str()), pair(award.as_str(), id.as_str()));
        Self::new(format!("{round}/{award}"))
    }

    /// The sub-account of an account of the host.
    pub fn host(namespace: &HostNamespace, name: &HostName) -> Self {
        Self(pair(namespace.as_str(), name.as_str()))
    }

    /// The sub-account of a game.
    pub fn game(game: &GameId) -> Self {
        Self(Arc::clone(&game.0))
    }

    /// The sub-account of a game or payment provider.
    pub fn source(source: &SourceId) -> Self {
        Self(Arc::clone(&source.0))
    }

    /// The sub-account of a jurisdiction.
    pub fn jurisdiction(jurisdiction: &JurisdictionId) -> Self {
        Self(Arc::clone(&jurisdiction.0))
    }

    /// The sub-account of a jackpot.
    pub fn jackpot(jackpot: &JackpotId) -> Self {
        Self(Arc::clone(&jackpot.0))
    }

    /// A tournament.
    pub fn tournament(tournament: &TournamentId) -> Self {
        Self(Arc::clone(&tournament.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_bytes() {
        for text in ["a", "Ж", "e\u{301}", "é", &"x".repeat(128)] {
            assert_eq!(PlayerId::new(text).map(|id| id.as_str().to_owned()), Ok(text.to_owned()));
        }
        assert_ne!(PlayerId::new("e\u{301}"), PlayerId::new("é"), "ids are never normalised");
    }

    #[test]
    fn malformed_ids_are_refused_with_the_reason() {
        assert_eq!(PlayerId::new(""), Err(IdError::Empty { what: "player id" }));
        assert_eq!(
            RoundId::new("x".repeat(129)),
            Err(IdError::TooLong { what: "round id", bytes: 129, bytes_max: 128 })
        );
        for (text, code_point, at) in
            [("a\nb", 10, 1), ("\u{7f}", 127, 0), ("ж\u{85}", 0x85, 2), ("\0", 0, 0)]
        {
            assert_eq!(GameId::new(text), Err(IdError::Control { what: "game id", code_point, at }));
        }
    }

    #[test]
    fn decoding_goes_through_the_same_check() {
        assert!(serde_json::from_str::<PlayerId>("\"p1\"").is_ok());
        assert!(serde_json::from_str::<PlayerId>("\"\"").is_err());
        assert!(serde_json::from_str::<PlayerId>("\"a\\u0000\"").is_err());
    }
}
