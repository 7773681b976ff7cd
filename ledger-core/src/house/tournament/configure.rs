//! The terms of a tournament, its opening, and its cancelling. Each is an event with who asked for it, and what players
//! rely on has who agreed and why.

use serde::{Deserialize, Serialize};

use super::state::{Tournament, TournamentStatus};
use crate::house::document::DocumentContent;
use crate::house::incoming::{currency, two_persons};
use crate::house::operation::{Currencies, HouseOperation, not_allowed, sent_by};
use crate::house::{HousePurpose, HouseWorkspace};
use crate::ids::{ActorId, Reason, SourceId, TransactionId};
use crate::key::{ContentHash, FingerprintBuilder, OperationKind};
use crate::player_ledger::{Facts, Fault, Stop};
use crate::rejection::{MismatchField, NotAllowedReason, Rejection};
use crate::stored::{
    Event, TournamentCancelled, TournamentConfigured, TournamentOpened, TournamentTerms, TransactionRef,
};

pub(super) fn is_tournament(purpose: &HousePurpose) -> bool {
    matches!(purpose, HousePurpose::Tournament(_))
}

/// A tournament in one of the states that a command is for.
pub(super) fn in_state<'a>(
    tournament: Option<&'a Tournament>,
    states: &[TournamentStatus],
) -> Result<(&'a Tournament, &'a TournamentTerms), Stop> {
    let known = tournament.filter(|known| states.contains(&known.status()));
    let known = known.and_then(|known| Some((known, known.terms()?)));
    known.ok_or_else(|| not_allowed(NotAllowedReason::TournamentState))
}

/// How many take part, as events say it.
pub(super) fn count(tournament: &Tournament) -> u32 {
    u32::try_from(tournament.entrant_count()).unwrap_or(u32::MAX)
}

/// The hash of terms: of their JSON without white space.
fn hash_of(terms: &TournamentTerms) -> Result<ContentHash, Fault> {
    let content = DocumentContent::of(terms).map_err(|error| Fault::corrupted(error.to_string()))?;
    Ok(content.hash())
}

/// Sets the terms of a tournament, all of them, as long as it is not open. Two persons agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigureTournament {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the change.
    pub id: TransactionId,
    /// The terms.
    pub terms: TournamentTerms,
    /// Why, in the words of who asks for it; not part of the fingerprint.
    pub reason: Reason,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl HouseOperation for ConfigureTournament {
    const KIND: OperationKind = OperationKind::TournamentConfiguration;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn currencies(&self) -> Currencies {
        Currencies::from_slice(&[self.terms.currency])
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let hash = hash_of(&self.terms).ok();
        print.field(1, hash.as_ref().map(ContentHash::to_string).as_deref())
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let known = work.state().tournament();
        if known.is_some_and(|known| known.status() != TournamentStatus::Draft) {
            return Err(not_allowed(NotAllowedReason::TournamentState));
        }
        if known.and_then(Tournament::terms) == Some(&self.terms) {
            return Err(not_allowed(NotAllowedReason::Unchanged));
        }
        two_persons(&self.by, &self.approved_by)?;
        let own = currency(facts, self.terms.currency)?;
        self.terms.check(own)?;
        let version = known.map_or(0, Tournament::terms_version).checked_add(1);
        let version = version.ok_or_else(|| Fault::corrupted("numbers have run out"))?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::TournamentConfigured(TournamentConfigured {
            txn,
            version,
            terms: self.terms.clone(),
            hash: hash_of(&self.terms)?,
            reason: self.reason.clone(),
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
        }))?;
        Ok(())
    }
}

/// Opens a tournament: players may enter, and its terms stand from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenTournament {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the opening.
    pub id: TransactionId,
    /// The hash of the terms that are meant.
    pub terms: ContentHash,
    /// Who opens it.
    pub by: ActorId,
}

impl HouseOperation for OpenTournament {
    const KIND: OperationKind = OperationKind::TournamentOpening;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(1, Some(&self.terms.to_string()))
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let (known, terms) = in_state(work.state().tournament(), &[TournamentStatus::Draft])?;
        if work.now() >= terms.until {
            return Err(not_allowed(NotAllowedReason::TournamentOver));
        }
        if known.terms_hash() != Some(self.terms) {
            return Err(Rejection::Mismatch { field: MismatchField::Terms }.into());
        }
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        let (terms, by) = (self.terms, self.by.clone());
        work.push_house(Event::TournamentOpened(TournamentOpened { txn, terms, by }))?;
        Ok(())
    }
}

/// Cancels a tournament whose results are not fixed: nobody wins, and every entry goes back, fee and all. Two persons agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelTournament {
    /// Who sends it.
    pub source: SourceId,
    /// Its id of the cancelling.
    pub id: TransactionId,
    /// Why, in the words of who asks for it; not part of the fingerprint.
    pub reason: Reason,
    /// Who asks for it.
    pub by: ActorId,
    /// Who agrees: another person.
    pub approved_by: ActorId,
}

impl HouseOperation for CancelTournament {
    const KIND: OperationKind = OperationKind::TournamentCancel;
    sent_by!();

    fn is_for(purpose: &HousePurpose) -> bool {
        is_tournament(purpose)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print
    }

    fn decide(&self, _: &Facts<'_>, work: &mut HouseWorkspace<'_>) -> Result<(), Stop> {
        let states = [TournamentStatus::Draft, TournamentStatus::Open, TournamentStatus::Ended];
        let (known, _) = in_state(work.state().tournament(), &states)?;
        two_persons(&self.by, &self.approved_by)?;
        let txn = TransactionRef { source: self.source.clone(), kind: Self::KIND, id: self.id.clone() };
        work.push_house(Event::TournamentCancelled(TournamentCancelled {
            txn,
            entries: count(known),
            reason: self.reason.clone(),
            by: self.by.clone(),
            approved_by: self.approved_by.clone(),
        }))?;
        Ok(())
    }
}
