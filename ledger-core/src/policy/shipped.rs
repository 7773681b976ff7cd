//! Profiles of jurisdictions that come with this crate, as data with their sources.

use serde::{Deserialize, Serialize};

use super::JurisdictionProfile;
use crate::ids::JurisdictionId;

/// What is known of a jurisdiction's rules. It is for a host to read, to have checked by its lawyers and to put into its policy;
/// by itself it has no effect.
///
/// ```
/// use ledger_core::{JurisdictionDocument, Policy};
/// let germany = JurisdictionDocument::shipped()?.into_iter().find(|it| it.jurisdiction.as_str() == "DE");
/// let germany = germany.expect("Germany is among them");
/// assert_eq!(germany.profile.round_interval_ms, 5_000);
/// assert!(!germany.unchecked.is_empty(), "not everything is known");
/// let mut policy = Policy::default();
/// policy.jurisdictions.insert(germany.jurisdiction, germany.profile);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JurisdictionDocument {
    /// Its code: ISO 3166, or a part of it as regulators name it.
    pub jurisdiction: JurisdictionId,
    /// Its name.
    pub name: String,
    /// Where what the profile says is from, a sentence each.
    pub sources: Vec<String>,
    /// What was not looked up, or is not this ledger's: there the profile has defaults.
    pub unchecked: Vec<String>,
    /// Its rules.
    pub profile: JurisdictionProfile,
}

const TEXTS: &[&str] = &[
    include_str!("../../jurisdictions/GB.json"),
    include_str!("../../jurisdictions/SE.json"),
    include_str!("../../jurisdictions/DE.json"),
    include_str!("../../jurisdictions/DK.json"),
    include_str!("../../jurisdictions/NL.json"),
    include_str!("../../jurisdictions/ES.json"),
    include_str!("../../jurisdictions/MT.json"),
    include_str!("../../jurisdictions/ON.json"),
    include_str!("../../jurisdictions/BE.json"),
];

impl JurisdictionDocument {
    /// All that come with this crate.
    ///
    /// # Errors
    ///
    /// None in practice: a test reads them.
    pub fn shipped() -> Result<Vec<Self>, serde_json::Error> {
        TEXTS.iter().map(|text| serde_json::from_str(text)).collect()
    }
}
