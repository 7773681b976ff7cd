//! What an event changes of bonuses.

use ledger_core::stored::{AwardRef, BonusAfter, BonusIssued, Event, EventRecord};
use ledger_core::{Amount, PlayerId, Stream};

use super::Bonuses;
use super::row::{AwardRow, AwardState, BonusesRow, LiveCursor, OfferSums};
use crate::commit::Commit;
use crate::entries::change;
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};
use crate::text::kind_text;
use crate::total::Total;

/// Behind every instant.
const NEVER: &str = "never";

fn player_key(player: &PlayerId) -> KeyParts {
    key!["player", player]
}

pub(super) fn award_key(player: &PlayerId, award: &AwardRef) -> KeyParts {
    key!["award", player, award.source, award.id]
}

pub(super) fn live_key(cursor: &LiveCursor) -> KeyParts {
    let expires_at = cursor.expires_at.map_or(NEVER.to_owned(), |at| at.to_string());
    key!["live", expires_at, cursor.player, cursor.award.source, cursor.award.id]
}

fn unclaimed_key(player: &PlayerId, award: &AwardRef) -> KeyParts {
    key!["unclaimed", player, award.source, award.id]
}

fn offer_key(row: &AwardRow) -> KeyParts {
    key!["offer", kind_text(row.kind), row.campaign, row.terms, row.hash, row.currency]
}

pub(super) fn fold(
    rows: &mut Rows<'_, Bonuses>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    match (&record.event, &record.stream) {
        (Event::PlayerOpened(event), Stream::Player(player)) => {
            rows.put(&player_key(player), BonusesRow::Player(event.kind))
        }
        (Event::EntryPosted(event), stream) => {
            for posting in event.entry.postings() {
                let Some(of) = &posting.of else { continue };
                if super::row::CampaignSums::default().column(posting.account).is_none() {
                    continue;
                }
                let kind = kind_text(event.entry.kind());
                rows.update(&key!["campaign", kind, of, posting.currency], |row| {
                    if *row == BonusesRow::Nothing {
                        *row = BonusesRow::Campaign(Box::default());
                    }
                    let BonusesRow::Campaign(sums) = row else { return None };
                    let column = sums.column(posting.account)?;
                    *column = column.plus(change(posting)?)?;
                    Some(())
                })?;
            }
            let Stream::Wallet(player) = stream else { return Ok(()) };
            event.bonus.iter().try_for_each(|after| stand(rows, commit, record, player, after))
        }
        (Event::BonusIssued(event), Stream::Bonus(player, award)) => {
            issue(rows, commit, record, player, award, event)
        }
        (Event::BonusOffered(_), Stream::Bonus(player, award)) => {
            rows.put(&unclaimed_key(player, award), BonusesRow::Unclaimed)
        }
        // Nobody took it.
        (Event::BonusExpired(_) | Event::BonusForfeited(_), Stream::Bonus(player, award))
            if rows.get(&unclaimed_key(player, award))?.is_some() =>
        {
            rows.remove(&unclaimed_key(player, award))
        }
        (event, Stream::Bonus(player, award)) => {
            let at = commit.body.recorded_at;
            alter(rows, commit, record, player, award, |row| {
                evolve(row, event)?;
                if matches!(event, Event::BonusActivated(_)) {
                    row.activated_at = Some(at);
                }
                row.ended_at = row.ended_at.or((!row.state.is_live()).then_some(at));
                Some(())
            })
        }
        _ => Ok(()),
    }
}

fn issue(
    rows: &mut Rows<'_, Bonuses>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    award: &AwardRef,
    event: &BonusIssued,
) -> Result<(), ViewError> {
    let Some(BonusesRow::Player(kind)) = rows.get(&player_key(player))? else {
        return Err(commit.poison_event(record, "the player was never opened"));
    };
    if rows.get(&award_key(player, award))?.is_some() {
        return Err(commit.poison_event(record, "the award was granted twice"));
    }
    if rows.get(&unclaimed_key(player, award))?.is_some() {
        rows.remove(&unclaimed_key(player, award))?;
    }
    let at = commit.body.recorded_at;
    let zero = Amount::zero(event.amount.scale());
    let (balance, held) =
        booked(commit, record, award).map_or((zero, zero), |after| (after.balance, after.held));
    let row = AwardRow {
        player: player.clone(),
        award: award.clone(),
        kind,
        brand: commit.body.brand.clone(),
        campaign: event.campaign.clone(),
        terms: event.name.clone(),
        hash: event.hash,
        state: if event.queued { AwardState::Queued } else { AwardState::Active },
        currency: event.currency,
        amount: event.amount,
        target: event.target,
        progress: zero,
        max_bet: event.max_bet,
        deposit: event.deposit.clone(),
        balance,
        held,
        issued_at: at,
        activated_at: (!event.queued).then_some(at),
        expires_at: event.expires_at,
        ended_at: None,
        converted: zero,
        forfeited: zero,
        why: None,
    };
    put(rows, commit, record, None, &row)
}

/// What stands on an award by the events of a commit before one of them: the entry that books an award comes first.
fn booked<'a>(commit: &'a Commit, until: &EventRecord, award: &AwardRef) -> Option<&'a BonusAfter> {
    let before = commit.body.events.iter().take_while(|record| *record != until);
    let after = before.filter_map(|record| match &record.event {
        Event::EntryPosted(event) => event.bonus.iter().find(|after| after.award == *award),
        _ => None,
    });
    after.last()
}

/// What stands on an award after an entry.
fn stand(
    rows: &mut Rows<'_, Bonuses>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    after: &BonusAfter,
) -> Result<(), ViewError> {
    let is_its_begin = |record: &EventRecord| {
        matches!(&record.event, Event::BonusIssued(_))
            && record.stream == Stream::Bonus(player.clone(), after.award.clone())
    };
    let begins = commit.body.events.iter().any(is_its_begin);
    if begins && rows.get(&award_key(player, &after.award))?.is_none() {
        return Ok(());
    }
    alter(rows, commit, record, player, &after.award, |row| {
        (row.balance, row.held) = (after.balance, after.held);
        Some(())
    })
}

fn alter(
    rows: &mut Rows<'_, Bonuses>,
    commit: &Commit,
    record: &EventRecord,
    player: &PlayerId,
    award: &AwardRef,
    change: impl FnOnce(&mut AwardRow) -> Option<()>,
) -> Result<(), ViewError> {
    let before = match rows.get(&award_key(player, award))? {
        Some(BonusesRow::Award(row)) => *row,
        _ => return Err(commit.poison_event(record, "the award was never granted")),
    };
    let mut after = before.clone();
    change(&mut after).ok_or_else(|| commit.poison_event(record, "a sum of the award is too large"))?;
    put(rows, commit, record, Some(before), &after)
}

fn put(
    rows: &mut Rows<'_, Bonuses>,
    commit: &Commit,
    record: &EventRecord,
    before: Option<AwardRow>,
    after: &AwardRow,
) -> Result<(), ViewError> {
    let offer = offer_key(after);
    let known = match rows.get(&offer)? {
        Some(BonusesRow::Offer(sums)) => *sums,
        _ => OfferSums::default(),
    };
    let sums = recounted(known, before.as_ref(), after)
        .ok_or_else(|| commit.poison_event(record, "a sum of the offer is too large"))?;
    rows.put(&offer, BonusesRow::Offer(Box::new(sums)))?;
    if let Some(before) = before.filter(|before| before.state.is_live()) {
        rows.remove(&live_key(&before.cursor()))?;
    }
    let row = BonusesRow::Award(Box::new(after.clone()));
    if after.state.is_live() {
        rows.put(&live_key(&after.cursor()), row.clone())?;
    }
    rows.put(&award_key(&after.player, &after.award), row)
}

/// The sums of an offer when one of its awards is another than before.
fn recounted(mut sums: OfferSums, before: Option<&AwardRow>, after: &AwardRow) -> Option<OfferSums> {
    if let Some(before) = before {
        let own = of_award(before)?;
        sums = OfferSums {
            granted: sums.granted.checked_sub(own.granted)?,
            live: sums.live.checked_sub(own.live)?,
            completed: sums.completed.checked_sub(own.completed)?,
            lost: sums.lost.checked_sub(own.lost)?,
            expired: sums.expired.checked_sub(own.expired)?,
            forfeited: sums.forfeited.checked_sub(own.forfeited)?,
            issued: sums.issued.minus(own.issued)?,
            wagered: sums.wagered.minus(own.wagered)?,
            converted: sums.converted.minus(own.converted)?,
            forfeited_amount: sums.forfeited_amount.minus(own.forfeited_amount)?,
            expired_amount: sums.expired_amount.minus(own.expired_amount)?,
            balance: sums.balance.minus(own.balance)?,
        };
    }
    sums.plus(&of_award(after)?)
}

/// What one award adds to its offer.
fn of_award(row: &AwardRow) -> Option<OfferSums> {
    let is = |state: AwardState| u64::from(row.state == state);
    let zero = Total::from(Amount::zero(row.amount.scale()));
    let if_booked = if row.activated_at.is_some() { row.amount.into() } else { zero };
    let if_expired = if row.state == AwardState::Expired { row.forfeited.into() } else { zero };
    Some(OfferSums {
        granted: 1,
        live: u64::from(row.state.is_live()),
        completed: is(AwardState::Completed),
        lost: is(AwardState::Lost),
        expired: is(AwardState::Expired),
        forfeited: is(AwardState::Forfeited),
        issued: if_booked,
        wagered: row.progress.into(),
        converted: row.converted.into(),
        forfeited_amount: Total::from(row.forfeited).minus(if_expired)?,
        expired_amount: if_expired,
        balance: Total::from(row.balance).plus(row.held)?,
    })
}

fn evolve(row: &mut AwardRow, event: &Event) -> Option<()> {
    match event {
        Event::BonusActivated(event) => {
            row.state = AwardState::Active;
            row.expires_at = event.expires_at;
        }
        Event::WagerProgressUpdated(event) => row.progress = event.progress,
        Event::BonusCompleting(_) => row.state = AwardState::Completing,
        Event::BonusResumed(event) => {
            row.state = AwardState::Active;
            row.progress = event.progress;
        }
        Event::BonusReleased(event) => row.converted = row.converted.checked_add(event.amount).ok()?,
        Event::BonusConverted(event) => {
            row.state = AwardState::Completed;
            row.converted = row.converted.checked_add(event.converted).ok()?;
            forfeit(row, event.forfeited)?;
        }
        Event::BonusLost(event) => {
            row.state = AwardState::Lost;
            forfeit(row, event.forfeited)?;
        }
        Event::BonusExpired(event) => {
            row.state = AwardState::Expired;
            forfeit(row, Some(event.amount))?;
        }
        Event::BonusForfeited(event) => {
            row.state = AwardState::Forfeited;
            row.why = Some(event.reason);
            // Of one that waited nothing was booked.
            forfeit(row, event.entry.map(|_| event.amount))?;
        }
        _ => {}
    }
    Some(())
}

fn forfeit(row: &mut AwardRow, amount: Option<Amount>) -> Option<()> {
    if let Some(amount) = amount {
        row.forfeited = row.forfeited.checked_add(amount).ok()?;
    }
    Some(())
}
