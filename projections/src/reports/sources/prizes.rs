//! Jackpots and tournaments.

use ledger_core::stored::{AwardOutcome, JackpotRate, JackpotTerms, PrizeOutcome};
use ledger_core::{HouseId, HouseName};

use super::{Job, instant, kind, need, sum, word};
use crate::error::ViewError;
use crate::jackpots::{AwardRow, ClaimRow, ClaimState, JackpotName, JackpotState};
use crate::leaderboards::{PlaceRow, TournamentRow};
use crate::page::PAGE_MAX;
use crate::reports::cell::Cell;
use crate::reports::error::ReportError;
use crate::reports::run::Rows;

fn nothing<const N: usize>() -> [Cell; N] {
    [const { Cell::Empty }; N]
}

fn terms(terms: &JackpotTerms) -> [Cell; 7] {
    let (share, fixed) = match terms.rate {
        JackpotRate::Share(share) => (Cell::Integer(u64::from(share.get())), Cell::Empty),
        JackpotRate::Fixed(fixed) => (Cell::Empty, Cell::amount(fixed)),
        _ => (Cell::Empty, Cell::Empty),
    };
    [
        Cell::amount(terms.seed),
        Cell::maybe_amount(terms.must_hit_by),
        Cell::maybe_amount(terms.ceiling),
        Cell::maybe(terms.overflow.as_ref()),
        Cell::Integer(u64::from(terms.diversion.get())),
        share,
        fixed,
    ]
}

/// A row for each currency that something was booked in, and for the one it is won in. Its terms are of that one.
fn pools(state: &JackpotState) -> Result<Vec<Vec<Cell>>, ReportError> {
    let own = state.terms.as_ref();
    let mut proofs: Vec<_> = state.proofs()?.into_iter().map(|proof| (proof.currency, Some(proof))).collect();
    if let Some(own) = own
        && !proofs.iter().any(|(currency, _)| *currency == own.terms.currency)
    {
        proofs.push((own.terms.currency, None));
        proofs.sort_by_key(|(currency, _)| *currency);
    }
    let mut rows = Vec::with_capacity(proofs.len());
    for (currency, proof) in proofs {
        let sums = state.pool.sums.get(&currency).copied().unwrap_or_default();
        let won_in = own.filter(|own| own.terms.currency == currency);
        let mut cells = vec![
            kind(state.kind),
            Cell::text(&state.jackpot),
            word(&state.pool.status)?,
            Cell::maybe(state.pool.moves_to.as_ref()),
            Cell::text(currency),
            sum(sums.held())?,
        ];
        cells.push(won_in.map_or(Cell::Empty, |own| Cell::Integer(own.version)));
        cells.push(instant(won_in.map(|own| own.since)));
        cells.extend(won_in.map_or(nothing(), |own| terms(&own.terms)));
        cells.extend(
            [
                sums.contributed,
                sums.diverted,
                sums.drawn,
                sums.received,
                sums.sent,
                sums.awarded,
                sums.refused,
                sums.seeded_from_cost,
                sums.seeded_from_reserve,
                sums.reserved_from_cost,
                sums.closed_from_reserve,
            ]
            .map(Cell::Amount),
        );
        cells.push(sum(sums.reserve())?);
        cells.push(won_in.map_or(Cell::Empty, |_| Cell::maybe_amount(state.pool.carried)));
        cells.push(won_in.map_or(Cell::Empty, |_| Cell::Integer(state.pool.awards)));
        cells.push(instant(won_in.and(state.pool.awarded_at)));
        cells.extend(proof.map_or(nothing(), |proof| {
            [proof.liability, proof.unpaid, proof.unswept, proof.untold].map(Cell::Amount)
        }));
        cells.push(proof.map_or(Cell::Empty, |proof| Cell::Flag(proof.adds_up())));
        rows.push(cells);
    }
    Ok(rows)
}

fn award((of, jackpot): &JackpotName, row: &AwardRow) -> Vec<Cell> {
    let (settled, payment) = (row.settled.as_ref(), row.payment.as_ref());
    let outcome = settled.map(|settled| match settled.outcome {
        AwardOutcome::Paid(_) => "paid",
        AwardOutcome::Refused => "refused",
    });
    vec![
        kind(*of),
        Cell::text(jackpot),
        Cell::Integer(row.number),
        Cell::text(&row.claim.player),
        Cell::text(&row.claim.source),
        Cell::text(&row.claim.id),
        Cell::text(&row.round),
        Cell::Instant(row.at),
        Cell::text(row.currency),
        Cell::amount(row.amount),
        Cell::amount(row.carried),
        Cell::maybe_amount(row.seed_from_reserve),
        Cell::maybe_amount(row.seed_from_cost),
        Cell::maybe(outcome.as_ref()),
        instant(settled.map(|settled| settled.at)),
        instant(payment.map(|payment| payment.at)),
        payment.map_or(Cell::Empty, |payment| Cell::Integer(payment.entry)),
    ]
}

fn claim((of, jackpot): &JackpotName, row: &ClaimRow) -> Result<Vec<Cell>, ReportError> {
    let mut cells = vec![
        kind(*of),
        Cell::text(jackpot),
        Cell::Instant(row.at),
        Cell::text(&row.player),
        Cell::text(&row.source),
        Cell::text(&row.id),
        Cell::text(&row.round),
        Cell::text(row.currency),
    ];
    match &row.state {
        ClaimState::Open => {
            cells.push(Cell::text("open"));
            cells.extend(nothing::<7>());
        }
        ClaimState::Withdrawn { at, cause, by, reason } => {
            cells.extend([Cell::text("withdrawn"), Cell::Instant(*at), word(cause)?]);
            cells.extend([Cell::maybe(by.as_ref()), Cell::maybe(reason.as_ref())]);
            cells.extend(nothing::<3>());
        }
        ClaimState::Paid { at, award, amount, entry } => {
            cells.extend([Cell::text("paid"), Cell::Instant(*at)]);
            cells.extend(nothing::<3>());
            cells.extend([Cell::Integer(*award), Cell::amount(*amount), Cell::Integer(*entry)]);
        }
    }
    Ok(cells)
}

fn of_house(house: &HouseId) -> Result<Cell, ReportError> {
    let unknown = || ViewError::Damaged(format!("{house} is no partition of a tournament"));
    Ok(kind(HouseName::of(house).ok_or_else(unknown)?.kind))
}

fn tournament(row: &TournamentRow) -> Result<Vec<Cell>, ReportError> {
    let mut cells = vec![
        Cell::text(&row.house),
        of_house(&row.house)?,
        word(&row.status)?,
        Cell::Instant(row.changed_at),
        Cell::Integer(row.version),
        Cell::maybe(row.hash.as_ref()),
    ];
    cells.extend(row.terms.as_ref().map_or(nothing(), |terms| {
        [
            Cell::text(terms.currency),
            Cell::amount(terms.buy_in),
            Cell::amount(terms.fee),
            Cell::amount(terms.guarantee),
            Cell::Instant(terms.from),
            Cell::Instant(terms.until),
            Cell::Instant(terms.results_until),
            Cell::Integer(u64::from(terms.entries_max)),
        ]
    }));
    let sums = &row.sums;
    cells.extend([row.entrants, row.others, u64::from(row.ranked)].map(Cell::Integer));
    cells.extend(
        [sums.collected, sums.fees, sums.prizes, sums.paid, sums.overlay, sums.kept].map(Cell::Amount),
    );
    Ok(cells)
}

fn place(of: &TournamentRow, row: &PlaceRow) -> Result<Vec<Cell>, ReportError> {
    let entry = &row.entry;
    let (outcome, paid) = match entry.outcome {
        None => (Cell::Empty, Cell::Empty),
        Some(PrizeOutcome::Paid(entry)) => (Cell::text("paid"), Cell::Integer(entry)),
        Some(PrizeOutcome::Forfeited) => (Cell::text("forfeited"), Cell::Empty),
    };
    Ok(vec![
        Cell::text(&of.house),
        of_house(&of.house)?,
        word(&of.status)?,
        Cell::Integer(row.place),
        Cell::text(&entry.of.player),
        Cell::text(&entry.of.source),
        Cell::text(&entry.of.id),
        Cell::Integer(entry.number),
        Cell::text(entry.currency),
        Cell::amount(entry.buy_in),
        Cell::amount(entry.fee),
        Cell::Instant(entry.entered_at),
        Cell::maybe_amount(entry.points),
        Cell::Integer(u64::from(entry.bets)),
        instant(entry.reached_at),
        Cell::maybe_amount(entry.prize),
        outcome,
        paid,
    ])
}

impl Job<'_> {
    pub(super) async fn jackpots(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.jackpots.as_ref(), "jackpots")?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let names = reader.jackpots(cursor.as_ref(), PAGE_MAX).await?;
            rows.still(&names.checkpoint)?;
            for (of, jackpot) in &names.value.rows {
                let state = reader.jackpot(*of, jackpot).await?;
                rows.still(&state.checkpoint)?;
                for row in state.value.as_ref().map(pools).transpose()?.unwrap_or_default() {
                    rows.row(row)?;
                }
            }
            cursor = names.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn jackpot_awards(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.jackpots.as_ref(), "jackpots")?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let names = reader.jackpots(cursor.as_ref(), PAGE_MAX).await?;
            rows.still(&names.checkpoint)?;
            for name in &names.value.rows {
                let mut after = None;
                loop {
                    rows.control().go_on()?;
                    let page = reader.awards(name.0, &name.1, after, PAGE_MAX).await?;
                    rows.still(&page.checkpoint)?;
                    for row in page.value.rows.iter().filter(|row| self.is_in_period(row.at)) {
                        rows.row(award(name, row))?;
                    }
                    after = page.value.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
            cursor = names.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn jackpot_claims(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.jackpots.as_ref(), "jackpots")?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let names = reader.jackpots(cursor.as_ref(), PAGE_MAX).await?;
            rows.still(&names.checkpoint)?;
            for name in &names.value.rows {
                let mut after = None;
                loop {
                    rows.control().go_on()?;
                    let page = reader.claims(name.0, &name.1, after.as_ref(), PAGE_MAX).await?;
                    rows.still(&page.checkpoint)?;
                    for row in page.value.rows.iter().filter(|row| self.is_in_period(row.at)) {
                        rows.row(claim(name, row)?)?;
                    }
                    after = page.value.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
            cursor = names.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn tournaments(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.leaderboards.as_ref(), "leaderboards")?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let page = reader.tournaments(cursor.as_ref(), PAGE_MAX).await?;
            rows.still(&page.checkpoint)?;
            for row in &page.value.rows {
                rows.row(tournament(row)?)?;
            }
            cursor = page.value.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }

    pub(super) async fn tournament_places(&self, rows: &mut Rows<'_>) -> Result<(), ReportError> {
        let reader = need(self.views.leaderboards.as_ref(), "leaderboards")?;
        let one = self.id("tournament", |text| HouseId::new(text))?;
        rows.begin(&reader.checkpoint().await?)?;
        let mut cursor = None;
        loop {
            rows.control().go_on()?;
            let (found, next) = match &one {
                Some(house) => (reader.tournament(house).await?.value.into_iter().collect(), None),
                None => {
                    let page = reader.tournaments(cursor.as_ref(), PAGE_MAX).await?.value;
                    (page.rows, page.next)
                }
            };
            for of in &found {
                let mut after = None;
                loop {
                    rows.control().go_on()?;
                    let page = reader.places(&of.house, after.as_ref(), PAGE_MAX).await?.value;
                    // What is read of one shard does not tell of the others.
                    rows.still(&reader.checkpoint().await?)?;
                    for row in &page.rows {
                        rows.row(place(of, row)?)?;
                    }
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
            }
            cursor = next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
