//! Jackpots: pools are told what bets gave to them, claims get their awards, awards are paid (docs/jackpots.md).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{AwardOutcome, Event, JackpotClaimRef, SweepOrigin};
use ledger_core::{
    AccountKind, Amount, AwardJackpot, CurrencyCode, HouseCommand, HouseId, HouseName, HousePurpose,
    JackpotId, JackpotStep, JackpotTally, NotAllowedReason, Partition, PayJackpot, Policy, Rejection,
    RoundId, SettleJackpotAward, SweepJackpot, SweepPart, Timestamp, jackpot_steps,
};
use ledger_projections::Occurrence;
use serde::{Deserialize, Serialize};

use super::{named, player};
use crate::process::id::{ManagerName, ProcessId, ProcessNameError, step};
use crate::process::manager::{Input, ProcessManager, Turn, Wants};

/// How many commits' contributions of a shard wait at most: then the pool is told at once.
const BOOKED_MAX: usize = 1_024;
/// How long a claim waits for a jackpot that cannot be won now.
const AGAIN_AFTER: Duration = Duration::from_mins(1);
/// The first steps.
const AWARD: &str = "award";
const PAY: &str = "pay";

/// Runs the jackpots of the house: tells each pool what bets gave to it, asks it for the award of a claim, pays the award to
/// the player, and tells the pool.
#[derive(Debug, Clone)]
pub struct Jackpots {
    name: ManagerName,
    sweep_every: Duration,
}

impl Jackpots {
    /// The manager `jackpots`, which tells pools what they have got this long after it began to come in.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new(sweep_every: Duration) -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("jackpots")?, sweep_every })
    }
}

/// A claim that has no award yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOfJackpot {
    /// The pool.
    pub pool: HouseId,
    /// The claim.
    pub claim: JackpotClaimRef,
    /// Its round.
    pub round: RoundId,
    /// The currency.
    pub currency: CurrencyCode,
    /// How often the pool could not be won.
    pub tries: u32,
    /// Not before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// An award on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardOfJackpot {
    /// The pool.
    pub pool: HouseId,
    /// Its number.
    pub number: u64,
    /// What is to be paid to whom, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<(JackpotClaimRef, Amount, CurrencyCode)>,
    /// The entry that paid it, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<u64>,
    /// Whether the player's ledger refused it for good.
    #[serde(default)]
    pub refused: bool,
    /// Whether the pool was told.
    #[serde(default)]
    pub settled: bool,
}

/// What a commit booked for a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookedForJackpot {
    /// The commit's position in its shard.
    pub position: u64,
    /// By currency: what was contributed, and drawn.
    pub sums: BTreeMap<CurrencyCode, (Amount, Amount)>,
}

/// What a shard booked for a pool and the pool was not told yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepOfJackpot {
    /// The pool.
    pub pool: HouseId,
    /// The shard.
    pub shard: u16,
    /// The last position that the pool knows.
    pub after: u64,
    /// In order.
    pub booked: Vec<BookedForJackpot>,
    /// When the pool is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Up to which position it is being told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telling: Option<u64>,
}

/// What left a pool for another, which has to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverflowOfJackpot {
    /// The other pool.
    pub to: HouseId,
    /// The command that tells it.
    pub sweep: SweepJackpot,
    /// How often it was too early: one before it was not told yet.
    pub tries: u32,
    /// Not before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// What is kept of a jackpot's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OfJackpot {
    /// A claim.
    Claim(ClaimOfJackpot),
    /// An award that was seen before its claim.
    Awarded,
    /// An award.
    Award(AwardOfJackpot),
    /// A stretch of a shard.
    Sweep(SweepOfJackpot),
    /// What left a pool for another.
    Overflow(OverflowOfJackpot),
    /// What left a pool, and its target knows already.
    Told,
}

fn pool(kind: AccountKind, jackpot: &JackpotId) -> Option<HouseId> {
    HouseName { kind, purpose: HousePurpose::Jackpot(jackpot.clone()) }.id().ok()
}

fn of_claim(player: &str, source: &str, id: &str) -> Option<ProcessId> {
    ProcessId::of(&["claim", player, source, id]).ok()
}

fn of_award(pool: &HouseId, number: u64) -> Option<ProcessId> {
    ProcessId::of(&["award", pool.as_str(), &number.to_string()]).ok()
}

fn of_sweep(pool: &HouseId, shard: u16) -> Option<ProcessId> {
    ProcessId::of(&["sweep", pool.as_str(), &shard.to_string()]).ok()
}

fn of_overflow(from: &HouseId, to: &HouseId, number: u64) -> Option<ProcessId> {
    ProcessId::of(&["overflow", from.as_str(), to.as_str(), &number.to_string()]).ok()
}

/// What left a pool with an event, and the command that tells its target.
fn overflow(event: &Occurrence) -> Option<(HouseId, SweepJackpot)> {
    let overflows = match &event.record()?.event {
        Event::JackpotSwept(swept) => swept.overflow.is_some(),
        Event::JackpotStatusChanged(changed) => changed.overflow.is_some(),
        _ => false,
    };
    let steps = if overflows { jackpot_steps(&event.commit().body).ok()? } else { Vec::new() };
    steps.into_iter().find_map(|step| match step {
        JackpotStep::House(to, HouseCommand::SweepJackpot(sweep)) => Some((to, sweep)),
        _ => None,
    })
}

/// The pool whose overflow an event takes in, and its number.
fn taken_in(event: &Occurrence) -> Option<(HouseId, u64)> {
    let Event::JackpotSwept(swept) = &event.record()?.event else { return None };
    let SweepOrigin::Jackpot(from) = &swept.origin else { return None };
    Some((pool(HouseName::of(own_pool(event)?)?.kind, from)?, swept.up_to))
}

/// The pool that an event of the house stands in.
fn own_pool(event: &Occurrence) -> Option<&HouseId> {
    match &event.commit().body.partition {
        Partition::House(house) => Some(house),
        Partition::Player(_) => None,
    }
}

/// What an event's commit booked, by pool; told with its first event.
fn booked(event: &Occurrence) -> BTreeMap<HouseId, BTreeMap<CurrencyCode, (Amount, Amount)>> {
    let mut by_pool = BTreeMap::<_, BTreeMap<_, _>>::new();
    let mut tally = JackpotTally::default();
    if event.id().index != 0 || tally.add(&event.commit().body).is_err() {
        return by_pool;
    }
    for (kind, jackpot, currency, sums) in tally.booked() {
        let sums = (sums.contributed, sums.drawn);
        if let Some(pool) = pool(kind, jackpot).filter(|_| !sums.0.is_zero() || !sums.1.is_zero()) {
            by_pool.entry(pool).or_default().insert(currency, sums);
        }
    }
    by_pool
}

/// The kind of a player's commit: that of its entry.
fn kind(event: &Occurrence) -> AccountKind {
    let entries = event.commit().body.events.iter().find_map(|record| match &record.event {
        Event::EntryPosted(posted) => Some(posted.entry.kind()),
        _ => None,
    });
    entries.unwrap_or(AccountKind::Real)
}

impl SweepOfJackpot {
    fn book(
        &mut self,
        sums: &BTreeMap<CurrencyCode, (Amount, Amount)>,
        position: u64,
        (at, due): (Timestamp, Timestamp),
    ) {
        let is_known =
            position <= self.after || self.booked.last().is_some_and(|last| position <= last.position);
        if is_known {
            return;
        }
        self.booked.push(BookedForJackpot { position, sums: sums.clone() });
        let is_full = self.booked.len() >= BOOKED_MAX;
        self.due = Some(self.due.map_or(due, |known| if is_full { known.min(at) } else { known }));
    }

    fn swept(&mut self, up_to: u64, next: Timestamp) {
        self.after = self.after.max(up_to);
        let after = self.after;
        self.booked.retain(|booked| booked.position > after);
        self.telling = self.telling.filter(|telling| *telling > after);
        self.due = (!self.booked.is_empty()).then(|| self.due.unwrap_or(next));
    }

    /// The command that tells the pool up to a position; `None` if a sum is beyond what an amount can be.
    fn sweep(&self, up_to: u64) -> Option<SweepJackpot> {
        let mut all = BTreeMap::<CurrencyCode, (Amount, Amount)>::new();
        for booked in self.booked.iter().filter(|booked| booked.position <= up_to) {
            for (currency, (contributed, drawn)) in &booked.sums {
                let zero = Amount::zero(contributed.scale());
                let sums = all.entry(*currency).or_insert((zero, zero));
                *sums = (sums.0.checked_add(*contributed).ok()?, sums.1.checked_add(*drawn).ok()?);
            }
        }
        let parts = all.into_iter().filter(|(_, sums)| !sums.0.is_zero() || !sums.1.is_zero());
        let parts = parts.map(|(currency, (contributed, drawn))| SweepPart {
            currency,
            contributed: contributed.to_decimal(),
            drawn: drawn.to_decimal(),
        });
        let (origin, parts) = (SweepOrigin::Shard(self.shard), parts.collect());
        Some(SweepJackpot { origin, after: self.after, up_to, parts })
    }
}

impl Jackpots {
    fn fold_event(
        &self,
        process: &ProcessId,
        state: &mut Option<OfJackpot>,
        event: &Occurrence,
        at: Timestamp,
    ) {
        for (pool, sums) in booked(event) {
            let shard = event.commit().shard.0;
            if of_sweep(&pool, shard).as_ref() == Some(process) {
                let begun =
                    || SweepOfJackpot { pool, shard, after: 0, booked: Vec::new(), due: None, telling: None };
                let known = state.get_or_insert_with(|| OfJackpot::Sweep(begun()));
                if let OfJackpot::Sweep(sweep) = known {
                    sweep.book(&sums, event.commit().position.0, (at, at.saturating_add(self.sweep_every)));
                }
                return;
            }
        }
        if let Some((to, sweep)) = overflow(event)
            && own_pool(event).and_then(|from| of_overflow(from, &to, sweep.up_to)).as_ref() == Some(process)
        {
            let begun = OverflowOfJackpot { to, sweep, tries: 0, not_before: None };
            // Its target stands in another shard, and may have been heard of first.
            *state = if *state == Some(OfJackpot::Told) { None } else { Some(OfJackpot::Overflow(begun)) };
            return;
        }
        if let (Some((from, number)), Some(to)) = (taken_in(event), own_pool(event))
            && of_overflow(&from, to, number).as_ref() == Some(process)
        {
            *state = if state.is_some() { None } else { Some(OfJackpot::Told) };
            return;
        }
        let Some(record) = event.record() else { return };
        match (&record.event, state.as_mut()) {
            (Event::JackpotClaimed(claimed), None) => {
                let (Some(player), Some(pool)) = (player(event), pool(claimed.kind, &claimed.jackpot)) else {
                    return;
                };
                let (source, id) = (claimed.claim.source.clone(), claimed.claim.id.clone());
                *state = Some(OfJackpot::Claim(ClaimOfJackpot {
                    pool,
                    claim: JackpotClaimRef { player: player.clone(), source, id },
                    round: claimed.round.clone(),
                    currency: claimed.currency,
                    tries: 0,
                    not_before: None,
                }));
            }
            (Event::JackpotClaimed(_), Some(OfJackpot::Awarded)) | (Event::JackpotClaimWithdrawn(_), _) => {
                *state = None;
            }
            (Event::JackpotAwarded(awarded), known) => {
                let Some(pool) = own_pool(event) else { return };
                if of_award(pool, awarded.number).as_ref() == Some(process) {
                    let payment = Some((awarded.claim.clone(), awarded.amount, awarded.currency));
                    match known {
                        Some(OfJackpot::Award(award)) => award.payment = payment,
                        _ => {
                            let (pool, number) = (pool.clone(), awarded.number);
                            *state = Some(OfJackpot::Award(AwardOfJackpot {
                                pool,
                                number,
                                payment,
                                paid: None,
                                refused: false,
                                settled: false,
                            }));
                        }
                    }
                } else {
                    *state = if known.is_some() { None } else { Some(OfJackpot::Awarded) };
                }
            }
            (Event::JackpotPaid(paid), Some(OfJackpot::Award(award))) => {
                award.paid = Some(paid.entry);
                if award.settled {
                    *state = None;
                }
            }
            (Event::JackpotPaid(paid), None) => {
                let Some(pool) = pool(kind(event), &paid.jackpot) else { return };
                let (number, paid) = (paid.award, Some(paid.entry));
                *state = Some(OfJackpot::Award(AwardOfJackpot {
                    pool,
                    number,
                    payment: None,
                    paid,
                    refused: false,
                    settled: false,
                }));
            }
            (Event::JackpotAwardSettled(settled), Some(OfJackpot::Award(award))) => {
                // The payment may be told later, for it stands in another shard.
                if matches!(settled.outcome, AwardOutcome::Paid(_)) && award.paid.is_none() {
                    award.settled = true;
                } else {
                    *state = None;
                }
            }
            (Event::JackpotSwept(swept), known) => {
                let (Some(pool), SweepOrigin::Shard(shard)) = (own_pool(event), &swept.origin) else {
                    return;
                };
                let next = at.saturating_add(self.sweep_every);
                match known {
                    Some(OfJackpot::Sweep(sweep)) => sweep.swept(swept.up_to, next),
                    _ => {
                        *state = Some(OfJackpot::Sweep(SweepOfJackpot {
                            pool: pool.clone(),
                            shard: *shard,
                            after: swept.up_to,
                            booked: Vec::new(),
                            due: None,
                            telling: None,
                        }));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether a jackpot may be won later that cannot be won now.
fn passes(rejection: &Rejection) -> bool {
    use NotAllowedReason::{JackpotSuspended, JackpotWithoutTerms};
    match rejection {
        Rejection::NotAllowed { reason } => matches!(reason, JackpotSuspended | JackpotWithoutTerms),
        other => other.code() == "exceeds_rest",
    }
}

/// Whether somebody told the pool of another stretch.
fn is_out_of_order(rejection: &Rejection) -> bool {
    *rejection == Rejection::KeyReused
        || *rejection == Rejection::NotAllowed { reason: NotAllowedReason::SweepOutOfOrder }
}

/// Whether a claim can never be paid.
fn is_final(rejection: &Rejection) -> bool {
    let is_withdrawn = Rejection::NotAllowed { reason: NotAllowedReason::ClaimNotOpen };
    *rejection == is_withdrawn || matches!(rejection.code(), "key_reused" | "txn_cancelled")
}

impl ProcessManager for Jackpots {
    type State = OfJackpot;
    type Effect = Infallible;
    type Answer = Infallible;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        let shard = event.commit().shard.0;
        processes.extend(booked(event).keys().filter_map(|pool| of_sweep(pool, shard)));
        if let Some((to, sweep)) = overflow(event) {
            processes.extend(own_pool(event).and_then(|from| of_overflow(from, &to, sweep.up_to)));
        }
        if let (Some((from, number)), Some(to)) = (taken_in(event), own_pool(event)) {
            processes.extend(of_overflow(&from, to, number));
        }
        let Some(record) = event.record() else { return };
        match &record.event {
            Event::JackpotClaimed(of) => {
                let player = player(event).map(ledger_core::PlayerId::as_str).unwrap_or_default();
                processes.extend(of_claim(player, of.claim.source.as_str(), of.claim.id.as_str()));
            }
            Event::JackpotClaimWithdrawn(of) => {
                let player = player(event).map(ledger_core::PlayerId::as_str).unwrap_or_default();
                processes.extend(of_claim(player, of.claim.source.as_str(), of.claim.id.as_str()));
            }
            Event::JackpotPaid(of) => {
                let pool = pool(kind(event), &of.jackpot);
                processes.extend(pool.and_then(|pool| of_award(&pool, of.award)));
            }
            Event::JackpotAwarded(of) => {
                let claim = &of.claim;
                processes.extend(of_claim(claim.player.as_str(), claim.source.as_str(), claim.id.as_str()));
                processes.extend(own_pool(event).and_then(|pool| of_award(pool, of.number)));
            }
            Event::JackpotAwardSettled(of) => {
                processes.extend(own_pool(event).and_then(|pool| of_award(pool, of.award)));
            }
            Event::JackpotSwept(of) => {
                if let SweepOrigin::Shard(shard) = of.origin {
                    processes.extend(own_pool(event).and_then(|pool| of_sweep(pool, shard)));
                }
            }
            _ => {}
        }
    }

    fn fold(
        &self,
        process: &ProcessId,
        state: &mut Option<OfJackpot>,
        input: Input<'_, Infallible, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        match (input, state.as_mut()) {
            (Input::Event(event), _) => self.fold_event(process, state, event, turn.at),
            (Input::Fired { .. }, Some(OfJackpot::Sweep(sweep))) => {
                sweep.due = None;
                sweep.telling = sweep.booked.last().map(|booked| booked.position);
            }
            (Input::Refused { rejection, .. }, Some(OfJackpot::Overflow(overflow)))
                if is_out_of_order(rejection) =>
            {
                overflow.tries = overflow.tries.saturating_add(1);
                overflow.not_before = Some(turn.at.saturating_add(AGAIN_AFTER));
            }
            (Input::Refused { rejection, .. }, Some(OfJackpot::Sweep(sweep)))
                if is_out_of_order(rejection) =>
            {
                // Another runner told the pool more or less of the same stretch; its event says how far.
                sweep.telling = None;
                sweep.due = (!sweep.booked.is_empty()).then(|| turn.at.saturating_add(self.sweep_every));
            }
            (Input::Refused { rejection, .. }, Some(OfJackpot::Claim(claim))) if passes(rejection) => {
                claim.tries = claim.tries.saturating_add(1);
                claim.not_before = Some(turn.at.saturating_add(AGAIN_AFTER));
            }
            (Input::Refused { step, rejection }, Some(OfJackpot::Award(award)))
                if step == PAY && is_final(rejection) =>
            {
                award.refused = true;
            }
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, state: &OfJackpot, _: &Policy, wants: &mut Wants<Infallible>) {
        match state {
            OfJackpot::Claim(of) => {
                let step = step(&[AWARD, &of.tries.to_string()]);
                let (claim, round) = (of.claim.clone(), of.round.clone());
                let award = AwardJackpot { claim, round, currency: of.currency };
                let want = wants.house(&step, &of.pool, |_| award);
                if let (Some(want), Some(at)) = (want, of.not_before) {
                    want.not_before(at);
                }
            }
            OfJackpot::Award(of) if of.settled || of.payment.is_none() => {}
            OfJackpot::Award(of) => {
                let outcome = match (of.paid, of.refused) {
                    (Some(entry), _) => AwardOutcome::Paid(entry),
                    (None, true) => AwardOutcome::Refused,
                    (None, false) => {
                        let name = HouseName::of(&of.pool);
                        let Some(HouseName { kind, purpose: HousePurpose::Jackpot(jackpot) }) = name else {
                            return;
                        };
                        let Some((claim, amount, currency)) = &of.payment else { return };
                        wants.player(PAY, &claim.player, |_| PayJackpot {
                            source: claim.source.clone(),
                            id: claim.id.clone(),
                            kind,
                            jackpot,
                            award: of.number,
                            amount: amount.to_decimal(),
                            currency: *currency,
                        });
                        return;
                    }
                };
                wants.house("settle", &of.pool, |_| SettleJackpotAward { award: of.number, outcome });
            }
            OfJackpot::Sweep(of) => match (of.telling, of.due) {
                (Some(up_to), _) => {
                    let step = step(&["sweep", &of.after.to_string(), &up_to.to_string()]);
                    match of.sweep(up_to) {
                        Some(sweep) => {
                            wants.house(&step, &of.pool, |_| sweep);
                        }
                        None => wants.stuck("what was booked is more than an amount can be"),
                    }
                }
                (None, Some(due)) => wants.timer(&step(&["due", &due.as_micros().to_string()]), due),
                (None, None) => {}
            },
            OfJackpot::Overflow(of) => {
                let step = step(&["tell", &of.tries.to_string()]);
                let want = wants.house(&step, &of.to, |_| of.sweep.clone());
                if let (Some(want), Some(at)) = (want, of.not_before) {
                    want.not_before(at);
                }
            }
            OfJackpot::Awarded | OfJackpot::Told => {}
        }
    }
}
