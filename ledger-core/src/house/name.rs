//! What the partitions of the house are called, and what their names say.

use std::fmt;

use crate::account::AccountKind;
use crate::ids::{HouseId, IdError, JackpotId, JurisdictionId, SourceId, SubAccount, TournamentId};
use crate::partition::Partition;

/// The first part of the name of a partition for test money.
const TEST: &str = "test/";

/// What a partition of the house is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum HousePurpose {
    /// `currencies`: the register of currencies.
    Currencies,
    /// `configuration`: the published documents.
    Configuration,
    /// `psp/<source>`: the account with one payment provider.
    Psp(SourceId),
    /// `provider/<source>`: the account with one game provider.
    Provider(SourceId),
    /// `authority/<jurisdiction>`: the account with the authority of one jurisdiction.
    Authority(JurisdictionId),
    /// `jackpot/<jackpot>`: one jackpot.
    Jackpot(JackpotId),
    /// `tournament/<tournament>`: one tournament.
    Tournament(TournamentId),
    /// `treasury`: the house's own money at its banks.
    Treasury,
    /// `journal`: entries that two persons agree on.
    Journal,
}

/// The name of a partition of the house: real or test, and what it is for. Both are part of the name, so that
/// neither can change, and no partition has money of both kinds (I19 in docs/scenarios.md).
///
/// ```
/// use ledger_core::{AccountKind, HouseId, HouseName, HousePurpose, SourceId};
/// let id = HouseId::new("test/psp/acme")?;
/// let name = HouseName::of(&id).expect("a known purpose");
/// assert_eq!(name.kind, AccountKind::Test);
/// assert_eq!(name.purpose, HousePurpose::Psp(SourceId::new("acme")?));
/// assert_eq!(name.id()?, id);
/// # Ok::<(), ledger_core::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HouseName {
    /// Real money, or test money.
    pub kind: AccountKind,
    /// What it is for.
    pub purpose: HousePurpose,
}

impl HouseName {
    /// The name of a partition for real money.
    pub fn real(purpose: HousePurpose) -> Self {
        Self { kind: AccountKind::Real, purpose }
    }

    /// What an id says; `None` if it is of no purpose that this build knows.
    pub fn of(id: &HouseId) -> Option<Self> {
        let text = id.as_str();
        let (kind, text) = match text.strip_prefix(TEST) {
            Some(rest) => (AccountKind::Test, rest),
            None => (AccountKind::Real, text),
        };
        let purpose = match (text.split_once('/'), text) {
            (Some(("psp", name)), _) => HousePurpose::Psp(SourceId::new(name).ok()?),
            (Some(("provider", name)), _) => HousePurpose::Provider(SourceId::new(name).ok()?),
            (Some(("authority", name)), _) => HousePurpose::Authority(JurisdictionId::new(name).ok()?),
            (Some(("jackpot", name)), _) => HousePurpose::Jackpot(JackpotId::new(name).ok()?),
            (Some(("tournament", name)), _) => HousePurpose::Tournament(TournamentId::new(name).ok()?),
            (None, "treasury") => HousePurpose::Treasury,
            (None, "journal") => HousePurpose::Journal,
            // These two hold no money, so there is no other one for tests.
            (None, "currencies") if kind == AccountKind::Real => HousePurpose::Currencies,
            (None, "configuration") if kind == AccountKind::Real => HousePurpose::Configuration,
            _ => return None,
        };
        Some(Self { kind, purpose })
    }

    /// The id.
    ///
    /// # Errors
    ///
    /// None in practice: the longest name fits.
    pub fn id(&self) -> Result<HouseId, IdError> {
        HouseId::new(self.to_string())
    }

    /// The partition.
    ///
    /// # Errors
    ///
    /// See [`Self::id`].
    pub fn partition(&self) -> Result<Partition, IdError> {
        Ok(Partition::House(self.id()?))
    }

    /// What its accounts are kept per: the provider, jurisdiction, jackpot or tournament.
    pub(crate) fn of_account(&self) -> Option<SubAccount> {
        match &self.purpose {
            HousePurpose::Psp(source) | HousePurpose::Provider(source) => Some(SubAccount::source(source)),
            HousePurpose::Authority(jurisdiction) => Some(SubAccount::jurisdiction(jurisdiction)),
            HousePurpose::Jackpot(jackpot) => Some(SubAccount::jackpot(jackpot)),
            HousePurpose::Tournament(tournament) => Some(SubAccount::tournament(tournament)),
            HousePurpose::Currencies
            | HousePurpose::Configuration
            | HousePurpose::Treasury
            | HousePurpose::Journal => None,
        }
    }
}

impl fmt::Display for HouseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == AccountKind::Test {
            f.write_str(TEST)?;
        }
        match &self.purpose {
            HousePurpose::Currencies => f.write_str("currencies"),
            HousePurpose::Configuration => f.write_str("configuration"),
            HousePurpose::Psp(source) => write!(f, "psp/{source}"),
            HousePurpose::Provider(source) => write!(f, "provider/{source}"),
            HousePurpose::Authority(jurisdiction) => write!(f, "authority/{jurisdiction}"),
            HousePurpose::Jackpot(jackpot) => write!(f, "jackpot/{jackpot}"),
            HousePurpose::Tournament(tournament) => write!(f, "tournament/{tournament}"),
            HousePurpose::Treasury => f.write_str("treasury"),
            HousePurpose::Journal => f.write_str("journal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{HOUSE_ID_BYTES_MAX, ID_BYTES_MAX};

    #[test]
    fn names_read_back_and_never_alike() {
        let long = "x".repeat(ID_BYTES_MAX);
        let mut ids = Vec::new();
        for text in ["currencies", "configuration", "treasury", "journal", "test/treasury", "test/journal"] {
            ids.push(text.to_owned());
        }
        for purpose in ["psp", "provider", "authority", "jackpot", "tournament"] {
            for name in ["a", "a/b", "test/a", "ж", &long] {
                ids.push(format!("{purpose}/{name}"));
                ids.push(format!("test/{purpose}/{name}"));
            }
        }
        let mut names = Vec::new();
        for text in &ids {
            assert!(text.len() <= HOUSE_ID_BYTES_MAX);
            let id = HouseId::new(text).unwrap();
            let name = HouseName::of(&id).unwrap();
            assert_eq!(name.kind == AccountKind::Test, text.starts_with("test/"), "{text}");
            assert_eq!(name.id().unwrap(), id);
            assert!(!names.contains(&name), "{text}");
            names.push(name);
        }
    }

    #[test]
    fn other_ids_have_no_purpose() {
        for text in [
            "psp",
            "psp/",
            "test",
            "test/",
            "test/currencies",
            "test/configuration",
            "test/test/treasury",
            "treasury/",
            "treasury/a",
            "Treasury",
            "currencies/x",
            "bank/a",
            " treasury",
        ] {
            assert_eq!(HouseId::new(text).ok().as_ref().and_then(HouseName::of), None, "{text}");
        }
    }
}
