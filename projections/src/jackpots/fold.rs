//! What an event changes of jackpots.

use ledger_core::stored::{
    AwardOutcome, Event, EventRecord, JackpotAwarded, JackpotConfigured, JackpotOverflow, JackpotPaid,
    JackpotStatusChanged, JackpotSwept, PaymentRef, SeedMovement, SweepOrigin,
};
use ledger_core::{
    AccountCode, AccountKind, Amount, CurrencyCode, HouseName, HousePurpose, JackpotId, JackpotTally,
    Partition, PlayerId, Stream, Timestamp,
};

use super::Jackpots;
use super::row::{
    AwardEnd, AwardRow, ClaimCursor, ClaimRow, ClaimState, JackpotRecord, JackpotsRow, OriginRow, PaymentRow,
    PoolRow, TermsRow,
};
use super::sums::{BookedSums, PoolSums, SweptSums};
use crate::commit::{Commit, EventPlace};
use crate::entries::change;
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};
use crate::text::kind_text;
use crate::total::Total;

/// All rows that an answer about a jackpot is made of begin so.
pub(super) fn stem(kind: AccountKind, jackpot: &JackpotId) -> KeyParts {
    key!["jackpot", kind_text(kind), jackpot]
}

pub(super) fn name_key(kind: AccountKind, jackpot: &JackpotId) -> KeyParts {
    key!["name", kind_text(kind), jackpot]
}

fn pool_key(kind: AccountKind, jackpot: &JackpotId) -> KeyParts {
    key!["jackpot", kind_text(kind), jackpot, "pool"]
}

fn terms_key(kind: AccountKind, jackpot: &JackpotId) -> KeyParts {
    key!["jackpot", kind_text(kind), jackpot, "terms"]
}

fn booked_key(kind: AccountKind, jackpot: &JackpotId, currency: CurrencyCode) -> KeyParts {
    key!["jackpot", kind_text(kind), jackpot, "booked", currency]
}

fn origin_key(kind: AccountKind, jackpot: &JackpotId, origin: &SweepOrigin) -> KeyParts {
    let (what, name) = match origin {
        SweepOrigin::Shard(shard) => ("shard", KeyParts::number((*shard).into())),
        SweepOrigin::Jackpot(from) => ("jackpot", from.to_string()),
        _ => ("unknown", String::new()),
    };
    key!["jackpot", kind_text(kind), jackpot, "origin", what, name]
}

pub(super) fn record_key(kind: AccountKind, jackpot: &JackpotId, place: EventPlace) -> KeyParts {
    let (position, index) = (KeyParts::number(place.position.0), KeyParts::number(place.index.into()));
    key!["history", kind_text(kind), jackpot, position, index]
}

/// An award, or its payment: side by side, though in two shards.
pub(super) fn award_key(kind: AccountKind, jackpot: &JackpotId, number: u64, what: &str) -> KeyParts {
    key!["award", kind_text(kind), jackpot, KeyParts::number(number), what]
}

pub(super) fn claim_key(kind: AccountKind, jackpot: &JackpotId, cursor: &ClaimCursor) -> KeyParts {
    let ClaimCursor { at, player, source, id } = cursor;
    key!["claim", kind_text(kind), jackpot, at, player, source, id]
}

fn place_key(player: &PlayerId, claim: &PaymentRef) -> KeyParts {
    key!["place", player, claim.source, claim.id]
}

pub(super) fn fold(
    rows: &mut Rows<'_, Jackpots>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let mut fold = Fold { rows, commit, record };
    match &commit.body.partition {
        Partition::Player(player) => {
            // Once for the whole commit: what was no contribution, its later events say.
            if commit.body.events.first().is_some_and(|first| std::ptr::eq(first, record)) {
                fold.tally()?;
            }
            fold.player(player)
        }
        Partition::House(house) => {
            let name = HouseName::of(house);
            fold.house_entry(name.as_ref())?;
            match name {
                Some(HouseName { kind, purpose: HousePurpose::Jackpot(jackpot) }) => {
                    fold.pool(kind, &jackpot)
                }
                _ => Ok(()),
            }
        }
    }
}

struct Fold<'a, 'r> {
    rows: &'a mut Rows<'r, Jackpots>,
    commit: &'a Commit,
    record: &'a EventRecord,
}

impl Fold<'_, '_> {
    fn poison(&self, reason: impl std::fmt::Display) -> ViewError {
        self.commit.poison_event(self.record, reason)
    }

    fn large(&self) -> ViewError {
        self.poison("a sum of the jackpot is too large")
    }

    fn at(&self) -> Timestamp {
        self.commit.body.recorded_at
    }

    fn name(&mut self, kind: AccountKind, jackpot: &JackpotId) -> Result<(), ViewError> {
        let key = name_key(kind, jackpot);
        match self.rows.get(&key)? {
            Some(_) => Ok(()),
            None => self.rows.put(&key, JackpotsRow::Name),
        }
    }

    fn book(
        &mut self,
        (kind, jackpot, currency): (AccountKind, &JackpotId, CurrencyCode),
        sums: &BookedSums,
    ) -> Result<(), ViewError> {
        self.name(kind, jackpot)?;
        self.rows.update(&booked_key(kind, jackpot, currency), |row| {
            if *row == JackpotsRow::Nothing {
                *row = JackpotsRow::Booked(Box::default());
            }
            let JackpotsRow::Booked(known) = row else { return None };
            **known = known.plus(sums)?;
            Some(())
        })
    }

    /// What a commit of a player booked, as the pools will be told.
    fn tally(&mut self) -> Result<(), ViewError> {
        let mut tally = JackpotTally::default();
        tally.add(&self.commit.body).map_err(|error| self.poison(error))?;
        for (kind, jackpot, currency, sums) in tally.booked() {
            let booked = BookedSums {
                contributed: sums.contributed.into(),
                drawn: sums.drawn.into(),
                ..BookedSums::default()
            };
            self.book((kind, jackpot, currency), &booked)?;
        }
        Ok(())
    }

    fn player(&mut self, player: &PlayerId) -> Result<(), ViewError> {
        let at = self.at();
        match &self.record.event {
            // What a player's entry takes off the reserve there is none of, but nothing says so.
            Event::EntryPosted(event) => {
                let kind = event.entry.kind();
                for posting in event.entry.postings() {
                    let (Some(of), AccountCode::JackpotSeedReserve) = (&posting.of, posting.account) else {
                        continue;
                    };
                    let Ok(jackpot) = JackpotId::new(of.as_str()) else { continue };
                    let reserve = change(posting).ok_or_else(|| self.large())?;
                    let sums = BookedSums { reserve, ..BookedSums::default() };
                    self.book((kind, &jackpot, posting.currency), &sums)?;
                }
                Ok(())
            }
            Event::JackpotClaimed(event) => {
                let PaymentRef { source, id } = event.claim.clone();
                let place = JackpotsRow::Place(event.kind, event.jackpot.clone(), at);
                self.rows.put(&place_key(player, &event.claim), place)?;
                self.name(event.kind, &event.jackpot)?;
                let row = ClaimRow {
                    at,
                    player: player.clone(),
                    source,
                    id,
                    round: event.round.clone(),
                    currency: event.currency,
                    state: ClaimState::Open,
                };
                let key = claim_key(event.kind, &event.jackpot, &row.cursor());
                self.rows.put(&key, JackpotsRow::Claim(Box::new(row)))
            }
            Event::JackpotClaimWithdrawn(event) => {
                let (cause, by, reason) = (event.cause, event.by.clone(), event.reason.clone());
                let state = ClaimState::Withdrawn { at, cause, by, reason };
                self.claim(player, &event.claim, state).map(|_| ())
            }
            Event::JackpotPaid(event) => self.paid(player, event),
            _ => Ok(()),
        }
    }

    /// A claim came to its end; answered is whether it is of real or test money.
    fn claim(
        &mut self,
        player: &PlayerId,
        claim: &PaymentRef,
        state: ClaimState,
    ) -> Result<AccountKind, ViewError> {
        let Some(JackpotsRow::Place(kind, jackpot, at)) = self.rows.get(&place_key(player, claim))? else {
            return Err(self.poison("the claim was never made"));
        };
        let (player, source, id) = (player.clone(), claim.source.clone(), claim.id.clone());
        let key = claim_key(kind, &jackpot, &ClaimCursor { at, player, source, id });
        let Some(JackpotsRow::Claim(row)) = self.rows.get(&key)? else {
            return Err(self.poison("the claim was never made"));
        };
        self.rows.put(&key, JackpotsRow::Claim(Box::new(ClaimRow { state, ..*row })))?;
        Ok(kind)
    }

    fn paid(&mut self, player: &PlayerId, event: &JackpotPaid) -> Result<(), ViewError> {
        let JackpotPaid { award, amount, entry, .. } = *event;
        let at = self.at();
        let kind = self.claim(player, &event.claim, ClaimState::Paid { at, award, amount, entry })?;
        let booked = BookedSums { paid: amount.into(), ..BookedSums::default() };
        self.book((kind, &event.jackpot, event.currency), &booked)?;
        let row = PaymentRow { at, player: player.clone(), entry, amount };
        let key = award_key(kind, &event.jackpot, award, "paid");
        self.rows.put(&key, JackpotsRow::Payment(Box::new(row)))
    }

    /// An entry of the house: of a pool itself, or of another one.
    fn house_entry(&mut self, name: Option<&HouseName>) -> Result<(), ViewError> {
        let Event::EntryPosted(event) = &self.record.event else { return Ok(()) };
        let kind = event.entry.kind();
        for posting in event.entry.postings() {
            let Some(Ok(jackpot)) = posting.of.as_ref().map(|of| JackpotId::new(of.as_str())) else {
                continue;
            };
            let moved = || change(posting).ok_or_else(|| self.large());
            let is_own = matches!(name, Some(HouseName { kind: own, purpose: HousePurpose::Jackpot(of) })
                if *own == kind && *of == jackpot);
            let sums = match posting.account {
                AccountCode::JackpotLiability if is_own => {
                    BookedSums { own: moved()?, ..BookedSums::default() }
                }
                AccountCode::JackpotLiability => BookedSums { others: moved()?, ..BookedSums::default() },
                AccountCode::JackpotSeedReserve => BookedSums { reserve: moved()?, ..BookedSums::default() },
                _ => continue,
            };
            self.book((kind, &jackpot, posting.currency), &sums)?;
        }
        Ok(())
    }

    fn pool(&mut self, kind: AccountKind, jackpot: &JackpotId) -> Result<(), ViewError> {
        if !matches!(self.record.stream, Stream::House(..)) {
            return Ok(());
        }
        let key = pool_key(kind, jackpot);
        let mut row = match self.rows.get(&key)? {
            Some(JackpotsRow::Pool(row)) => *row,
            _ => PoolRow::default(),
        };
        match &self.record.event {
            Event::JackpotConfigured(event) => return self.configured(kind, jackpot, event),
            Event::JackpotSeeded(event) => {
                let sums = row.sums.entry(event.currency).or_default();
                let column = match event.movement {
                    SeedMovement::CostToPool => &mut sums.seeded_from_cost,
                    SeedMovement::CostToReserve => &mut sums.reserved_from_cost,
                    SeedMovement::ReserveToPool => &mut sums.seeded_from_reserve,
                    _ => return Err(self.poison("this view does not know where such a seed goes")),
                };
                add(column, event.amount).ok_or_else(|| self.large())?;
                self.remember(kind, jackpot)?;
            }
            Event::JackpotStatusChanged(event) => {
                changed(&mut row, event).ok_or_else(|| self.large())?;
                self.remember(kind, jackpot)?;
            }
            Event::JackpotSwept(event) => self.swept(kind, jackpot, &mut row, event)?,
            Event::JackpotAwarded(event) => self.awarded(kind, jackpot, &mut row, event)?,
            Event::JackpotAwardSettled(event) => {
                let key = award_key(kind, jackpot, event.award, "award");
                let Some(JackpotsRow::Award(award)) = self.rows.get(&key)? else {
                    return Err(self.poison("the award was never given"));
                };
                if event.outcome == AwardOutcome::Refused {
                    let sums = row.sums.entry(award.currency).or_default();
                    add(&mut sums.refused, award.amount).ok_or_else(|| self.large())?;
                }
                let settled = Some(AwardEnd { at: self.at(), outcome: event.outcome });
                self.rows.put(&key, JackpotsRow::Award(Box::new(AwardRow { settled, ..*award })))?;
            }
            _ => return Ok(()),
        }
        self.name(kind, jackpot)?;
        self.rows.put(&key, JackpotsRow::Pool(Box::new(row)))
    }

    fn remember(&mut self, kind: AccountKind, jackpot: &JackpotId) -> Result<(), ViewError> {
        let place = self.rows.event_place();
        let (at, actor, event) = (self.at(), self.commit.body.actor.clone(), self.record.clone());
        let row = JackpotRecord { at, place, actor, event };
        self.rows.put(&record_key(kind, jackpot, place), JackpotsRow::Record(Box::new(row)))
    }

    fn terms(&self, kind: AccountKind, jackpot: &JackpotId) -> Result<Option<TermsRow>, ViewError> {
        match self.rows.get(&terms_key(kind, jackpot))? {
            Some(JackpotsRow::Terms(terms)) => Ok(Some(*terms)),
            _ => Ok(None),
        }
    }

    fn configured(
        &mut self,
        kind: AccountKind,
        jackpot: &JackpotId,
        event: &JackpotConfigured,
    ) -> Result<(), ViewError> {
        let version = self.terms(kind, jackpot)?.map_or(0, |terms| terms.version).saturating_add(1);
        let row = TermsRow { version, terms: event.terms.clone(), since: self.at() };
        self.rows.put(&terms_key(kind, jackpot), JackpotsRow::Terms(Box::new(row)))?;
        self.name(kind, jackpot)?;
        self.remember(kind, jackpot)
    }

    fn swept(
        &mut self,
        kind: AccountKind,
        jackpot: &JackpotId,
        row: &mut PoolRow,
        event: &JackpotSwept,
    ) -> Result<(), ViewError> {
        let key = origin_key(kind, jackpot, &event.origin);
        let mut origin = match self.rows.get(&key)? {
            Some(JackpotsRow::Origin(origin)) => *origin,
            _ => OriginRow {
                origin: event.origin.clone(),
                up_to: 0,
                sweeps: 0,
                at: self.at(),
                sums: std::collections::BTreeMap::new(),
            },
        };
        if origin.up_to != event.after {
            return Err(self.poison(format!("a sweep from {} follows {}", event.after, origin.up_to)));
        }
        (origin.up_to, origin.at) = (event.up_to, self.at());
        origin.sweeps = origin.sweeps.saturating_add(1);
        for part in &event.parts {
            let told = SweptSums { contributed: part.contributed.into(), drawn: part.drawn.into() };
            let known = origin.sums.entry(part.currency).or_default();
            *known = known.plus(&told).ok_or_else(|| self.large())?;
            let sums = row.sums.entry(part.currency).or_default();
            let given = match event.origin {
                SweepOrigin::Jackpot(_) => &mut sums.received,
                _ => &mut sums.contributed,
            };
            add(given, part.contributed).ok_or_else(|| self.large())?;
            add(&mut sums.drawn, part.drawn).ok_or_else(|| self.large())?;
        }
        if let Some(reserved) = event.reserved {
            let Some(terms) = self.terms(kind, jackpot)? else {
                return Err(self.poison("a jackpot without terms reserves nothing"));
            };
            let sums = row.sums.entry(terms.terms.currency).or_default();
            add(&mut sums.diverted, reserved).ok_or_else(|| self.large())?;
        }
        sent(row, event.overflow.as_ref()).ok_or_else(|| self.large())?;
        self.rows.put(&key, JackpotsRow::Origin(Box::new(origin)))
    }

    fn awarded(
        &mut self,
        kind: AccountKind,
        jackpot: &JackpotId,
        row: &mut PoolRow,
        event: &JackpotAwarded,
    ) -> Result<(), ViewError> {
        let at = self.at();
        let sums = row.sums.entry(event.currency).or_default();
        add(&mut sums.awarded, event.amount).ok_or_else(|| self.large())?;
        if sums.held() != Some(event.carried.into()) {
            return Err(self.poison("the award does not leave what the pool held"));
        }
        seed(sums, event).ok_or_else(|| self.large())?;
        row.awards = event.number;
        (row.awarded_at, row.carried) = (Some(at), Some(event.carried));
        let award = AwardRow {
            number: event.number,
            claim: event.claim.clone(),
            round: event.round.clone(),
            at,
            currency: event.currency,
            amount: event.amount,
            carried: event.carried,
            seed_from_reserve: event.seed_from_reserve,
            seed_from_cost: event.seed_from_cost,
            settled: None,
            payment: None,
        };
        let key = award_key(kind, jackpot, event.number, "award");
        self.rows.put(&key, JackpotsRow::Award(Box::new(award)))
    }
}

fn add(column: &mut Total, amount: Amount) -> Option<()> {
    *column = column.plus(amount)?;
    Some(())
}

/// The next seed, that comes with an award.
fn seed(sums: &mut PoolSums, event: &JackpotAwarded) -> Option<()> {
    if let Some(amount) = event.seed_from_reserve {
        add(&mut sums.seeded_from_reserve, amount)?;
    }
    if let Some(amount) = event.seed_from_cost {
        add(&mut sums.seeded_from_cost, amount)?;
    }
    Some(())
}

fn sent(row: &mut PoolRow, overflow: Option<&JackpotOverflow>) -> Option<()> {
    for part in overflow.iter().flat_map(|overflow| &overflow.parts) {
        add(&mut row.sums.entry(part.currency).or_default().sent, part.amount)?;
    }
    Some(())
}

fn changed(row: &mut PoolRow, event: &JackpotStatusChanged) -> Option<()> {
    row.status = event.status;
    row.moves_to.clone_from(&event.moves_to);
    sent(row, event.overflow.as_ref())?;
    for part in &event.from_reserve {
        add(&mut row.sums.entry(part.currency).or_default().closed_from_reserve, part.amount)?;
    }
    Some(())
}
