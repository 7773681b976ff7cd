//! What an event changes of what protects a player.

use std::collections::BTreeMap;

use ledger_core::stored::{
    Event, EventRecord, ExclusionKind, ExclusionStarted, LimitSet, LimitSide, PaymentRef, RegisterOutcome,
    RegisterRecord, SessionEndReason, TxnRejected,
};
use ledger_core::{
    AccountKind, Amount, Controls, CurrencyCode, Exclusion, KnownRegister, LivePlay, Partition, PlayerId,
    RegisterName, Rejection, SessionLimit, Stream,
};

use super::PlayerProtection;
use super::page::{
    counter_key, deposit_key, exclusion_key, index_key, limit_key, limits_key, live_key, money_key,
    register_key, session_key, span_key, standing_key,
};
use super::row::{
    BlockRow, ControlsRow, ExclusionBy, ExclusionRow, Index, LimitRow, LimitSpan, Money, OpenDeposit,
    SessionRow, StandingRow,
};
use crate::commit::Commit;
use crate::error::ViewError;
use crate::model::Rows;

/// An event of a player, and the rows it changes.
pub(super) struct Fold<'a, 'r> {
    pub(super) rows: &'a mut Rows<'r, PlayerProtection>,
    pub(super) commit: &'a Commit,
    pub(super) record: &'a EventRecord,
    pub(super) player: &'a PlayerId,
}

pub(super) fn fold(
    rows: &mut Rows<'_, PlayerProtection>,
    commit: &Commit,
    record: &EventRecord,
) -> Result<(), ViewError> {
    let Partition::Player(player) = &commit.body.partition else { return Ok(()) };
    let mut fold = Fold { rows, commit, record, player };
    fold.money()?;
    fold.counted()?;
    fold.deposits()?;
    fold.limits()?;
    fold.standing()?;
    fold.registers()?;
    fold.play_time()?;
    fold.sessions()?;
    fold.remember()
}

impl Fold<'_, '_> {
    pub(super) fn poison(&self, reason: impl std::fmt::Display) -> ViewError {
        self.commit.poison_event(self.record, reason)
    }

    pub(super) fn damaged(&self) -> ViewError {
        self.poison("a row of the player is missing or of another kind")
    }

    fn index(&self) -> Result<Index, ViewError> {
        match self.rows.get(&index_key(self.player))? {
            Some(ControlsRow::Index(index)) => Ok(index),
            None => Ok(Index::default()),
            Some(_) => Err(self.damaged()),
        }
    }

    fn put_index(&mut self, index: Index) -> Result<(), ViewError> {
        self.rows.put(&index_key(self.player), ControlsRow::Index(index))
    }

    fn money_row(&self) -> Result<Money, ViewError> {
        match self.rows.get(&money_key(self.player))? {
            Some(ControlsRow::Money(money)) => Ok(money),
            None => Ok(Money::default()),
            Some(_) => Err(self.damaged()),
        }
    }

    /// Entries are numbered, and purses known, for limits that may be set later.
    fn money(&mut self) -> Result<(), ViewError> {
        let Event::EntryPosted(event) = &self.record.event else { return Ok(()) };
        let mut money = self.money_row()?;
        money.entries = self.record.version;
        for purse in &event.after {
            let balance = purse.cash.checked_add(purse.held).map_err(|error| self.poison(error))?;
            money.purses.insert(purse.currency, balance);
        }
        self.rows.put(&money_key(self.player), ControlsRow::Money(money))
    }

    fn controls(&self, index: &Index, with_limits: bool) -> Result<(Controls, Vec<LimitRow>), ViewError> {
        let mut limits = Vec::new();
        let own = if with_limits { &index.limits[..] } else { &[] };
        for (side, term) in own {
            match self.rows.get(&limit_key(self.player, *side, term))? {
                Some(ControlsRow::Limit(row)) => limits.push(*row),
                _ => return Err(self.damaged()),
            }
        }
        let mut counters = Vec::with_capacity(index.counters.len());
        for term in &index.counters {
            match self.rows.get(&counter_key(self.player, term))? {
                Some(ControlsRow::Counter(counter)) => counters.push(*counter),
                _ => return Err(self.damaged()),
            }
        }
        Ok((Controls::of(limits.iter().map(|row| row.limit.clone()).collect(), counters), limits))
    }

    /// Writes the counters that changed.
    fn put_counters(&mut self, before: &Controls, after: &Controls) -> Result<(), ViewError> {
        for counter in after.counters() {
            if before.counter(&counter.term) != Some(counter) {
                let row = ControlsRow::Counter(Box::new(counter.clone()));
                self.rows.put(&counter_key(self.player, &counter.term), row)?;
            }
        }
        for gone in before.counters().iter().filter(|own| after.counter(&own.term).is_none()) {
            self.rows.remove(&counter_key(self.player, &gone.term))?;
        }
        Ok(())
    }

    /// Bets, wins, deposits and payouts count for limits.
    fn counted(&mut self) -> Result<(), ViewError> {
        let live_key = live_key(&self.record.stream);
        let is_cash = matches!(self.record.stream, Stream::Deposit(..) | Stream::Withdrawal(..));
        if live_key.is_none() && !is_cash {
            return Ok(());
        }
        let before = match &live_key {
            Some(key) => match self.rows.get(key)? {
                Some(ControlsRow::Live(live)) => live,
                None => LivePlay::Nothing,
                Some(_) => return Err(self.damaged()),
            },
            None => LivePlay::Nothing,
        };
        let was_live = before != LivePlay::Nothing;
        let (known, _) = self.controls(&self.index()?, false)?;
        let mut controls = known.clone();
        let after = controls.follow(self.record, before, self.commit.body.recorded_at);
        let after = after.map_err(|fault| self.poison(fault))?;
        self.put_counters(&known, &controls)?;
        match live_key {
            Some(key) if after != LivePlay::Nothing => self.rows.put(&key, ControlsRow::Live(after)),
            Some(key) if was_live => self.rows.remove(&key),
            _ => Ok(()),
        }
    }

    /// Deposits that are under way count for limits on deposits.
    fn deposits(&mut self) -> Result<(), ViewError> {
        let Stream::Intent(_, source, id) = &self.record.stream else { return Ok(()) };
        let key = deposit_key(self.player, source, id);
        match &self.record.event {
            Event::DepositInitiated(event) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                let deposit = OpenDeposit { of, currency: event.currency, amount: event.amount };
                self.rows.put(&key, ControlsRow::Deposit(Box::new(deposit)))
            }
            // An attempt that failed may be followed by another one.
            Event::DepositFailed(event) if event.attempt.is_some() => Ok(()),
            Event::DepositFailed(_)
            | Event::DepositCancelled(_)
            | Event::DepositExpired(_)
            | Event::DepositCompleted(_)
                if self.rows.get(&key)?.is_some() =>
            {
                self.rows.remove(&key)
            }
            _ => Ok(()),
        }
    }

    fn limits(&mut self) -> Result<(), ViewError> {
        let event = &self.record.event;
        if !matches!(event, Event::LimitSet(_) | Event::LimitRaiseRequested(_) | Event::LimitWindowsOpened(_))
        {
            return Ok(());
        }
        let index = self.index()?;
        let entries = self.money_row()?.entries;
        let (known, rows) = self.controls(&index, true)?;
        let mut controls = known.clone();
        let followed = controls.follow_limit(event, entries, self.commit.body.recorded_at);
        followed.map_err(|fault| self.poison(fault))?;
        self.put_counters(&known, &controls)?;
        if let Event::LimitSet(event) = event {
            let before = rows.iter().find(|row| row.limit.side == event.side && row.limit.term == event.term);
            self.set(event, before, &controls)?;
        } else if let Event::LimitRaiseRequested(event) = event {
            let is_raised =
                |row: &&LimitRow| row.limit.side == LimitSide::Player && row.limit.term == event.term;
            let before = rows.iter().find(is_raised).ok_or_else(|| self.damaged())?;
            if let Some(limit) = controls.limit(before.limit.side, &before.limit.term) {
                self.put_limit(&LimitRow { limit: limit.clone(), ..before.clone() })?;
            }
        }
        let of = |controls: &Controls| Index {
            limits: controls.limits().iter().map(|limit| (limit.side, limit.term)).collect(),
            counters: controls.counters().iter().map(|counter| counter.term).collect(),
            registers: index.registers.clone(),
        };
        let after = of(&controls);
        if after == index { Ok(()) } else { self.put_index(after) }
    }

    fn put_limit(&mut self, row: &LimitRow) -> Result<(), ViewError> {
        let limit = &row.limit;
        let own = ControlsRow::Limit(Box::new(row.clone()));
        self.rows.put(&limits_key(&limit.term, &row.cursor()), own.clone())?;
        self.rows.put(&limit_key(self.player, limit.side, &limit.term), own)
    }

    /// A limit is another one from here on.
    fn set(
        &mut self,
        event: &LimitSet,
        before: Option<&LimitRow>,
        controls: &Controls,
    ) -> Result<(), ViewError> {
        let (place, at) = (self.rows.event_place(), self.commit.body.recorded_at);
        if let Some(before) = before {
            let key = span_key(self.player, before.place);
            let Some(ControlsRow::Span(span)) = self.rows.get(&key)? else { return Err(self.damaged()) };
            let span = LimitSpan { until: Some(at), ..*span };
            self.rows.put(&key, ControlsRow::Span(Box::new(span)))?;
            self.rows.remove(&limits_key(&event.term, &before.cursor()))?;
        }
        let Some(limit) = controls.limit(event.side, &event.term) else {
            return match before {
                Some(_) => self.rows.remove(&limit_key(self.player, event.side, &event.term)),
                None => Ok(()),
            };
        };
        let (player, cause, by) = (self.player.clone(), event.cause, event.by.clone());
        self.put_limit(&LimitRow { player, limit: limit.clone(), cause, by: by.clone(), place })?;
        let span = LimitSpan {
            place,
            side: event.side,
            term: event.term,
            amount: limit.amount,
            since: at,
            until: None,
            cause,
            by,
        };
        self.rows.put(&span_key(self.player, place), ControlsRow::Span(Box::new(span)))
    }

    fn standing(&mut self) -> Result<(), ViewError> {
        let at = self.commit.body.recorded_at;
        match &self.record.event {
            Event::PlayerOpened(event) => {
                let standing = StandingRow {
                    kind: event.kind,
                    operator: event.operator.clone(),
                    brand: event.brand.clone(),
                    jurisdiction: event.jurisdiction.clone(),
                    closed_at: None,
                    tier: None,
                    limit_profile: None,
                    session_limit: None,
                    blocks: BTreeMap::new(),
                    exclusion: None,
                };
                let key = standing_key(self.player);
                self.rows.put(&key, ControlsRow::Standing(Box::new(standing)))
            }
            Event::PlayerClosed(_) => self.stand(|standing| standing.closed_at = Some(at)),
            Event::PlayerReopened(_) => self.stand(|standing| standing.closed_at = None),
            Event::PlayerBlocked(event) => self.stand(|standing| {
                let (by, reason) = (event.by.clone(), event.reason.clone());
                standing.blocks.entry(event.block).or_insert(BlockRow { since: at, by, reason });
            }),
            Event::PlayerUnblocked(event) => {
                self.stand(|standing| drop(standing.blocks.remove(&event.block)))
            }
            Event::KycStatusChanged(event) => self.stand(|standing| standing.tier.clone_from(&event.tier)),
            Event::LimitProfileAssigned(event) => {
                self.stand(|standing| standing.limit_profile.clone_from(&event.profile))
            }
            Event::SessionLimitSet(event) => {
                self.stand(|standing| standing.session_limit = SessionLimit::set(event))
            }
            Event::SessionLimitRaiseRequested(event) => self.stand(|standing| {
                standing.session_limit = standing.session_limit.map(|limit| limit.after_request(event, at));
            }),
            Event::ExclusionStarted(event) => self.exclude(event),
            Event::ExclusionReturnRequested(event) => self.exclusion(|exclusion| {
                exclusion.map(|own| Exclusion { returns_at: Some(event.returns_at), ..own })
            }),
            _ => Ok(()),
        }
    }

    fn stand(&mut self, change: impl FnOnce(&mut StandingRow)) -> Result<(), ViewError> {
        let key = standing_key(self.player);
        let Some(ControlsRow::Standing(mut standing)) = self.rows.get(&key)? else {
            return Err(self.poison("the player was never opened"));
        };
        change(&mut standing);
        self.rows.put(&key, ControlsRow::Standing(standing))
    }

    /// Real or test.
    pub(super) fn account(&self) -> Result<AccountKind, ViewError> {
        match self.rows.get(&standing_key(self.player))? {
            Some(ControlsRow::Standing(standing)) => Ok(standing.kind),
            _ => Err(self.poison("the player was never opened")),
        }
    }

    fn exclude(&mut self, event: &ExclusionStarted) -> Result<(), ViewError> {
        let since = self.commit.body.recorded_at;
        let (kind, until) = (event.kind, event.until);
        self.exclusion(|_| Some(Exclusion { kind, since, until, returns_at: None }))
    }

    /// Another exclusion, in the standing and in the list of its kind.
    fn exclusion(
        &mut self,
        change: impl FnOnce(Option<Exclusion>) -> Option<Exclusion>,
    ) -> Result<(), ViewError> {
        let mut both = None;
        self.stand(|standing| {
            let before = standing.exclusion.take();
            standing.exclusion = change(before.clone());
            both = Some((before, standing.exclusion.clone()));
        })?;
        let (before, after) = both.unwrap_or_default();
        let (player, account) = (self.player, self.account()?);
        let row = |exclusion: Exclusion| ExclusionRow {
            player: player.clone(),
            account,
            by: exclusion.kind.into(),
            register: None,
            since: exclusion.since,
            until: exclusion.until,
            ends_at: match exclusion.kind {
                ExclusionKind::TimeOut => exclusion.until,
                _ => exclusion.returns_at,
            },
        };
        let (before, after) = (before.map(row), after.map(row));
        self.list(before.as_ref(), after)
    }

    fn list(&mut self, before: Option<&ExclusionRow>, after: Option<ExclusionRow>) -> Result<(), ViewError> {
        if before == after.as_ref() {
            return Ok(());
        }
        if let Some(before) = before {
            self.rows.remove(&exclusion_key(before.by, &before.cursor()))?;
        }
        match after {
            Some(after) => {
                let key = exclusion_key(after.by, &after.cursor());
                self.rows.put(&key, ControlsRow::Exclusion(Box::new(after)))
            }
            None => Ok(()),
        }
    }

    fn registers(&mut self) -> Result<(), ViewError> {
        match &self.record.event {
            Event::RegisterAnswered(event) => {
                event.answers.iter().try_for_each(|answer| self.answered(answer))
            }
            // What the refused command told of an exclusion is known from here on.
            Event::TxnRejected(TxnRejected {
                rejection: Rejection::PlayerExcluded { until, register: Some(register), .. },
                ..
            }) => {
                let outcome = RegisterOutcome::Excluded { until: *until };
                let (register, asked_at) = (register.name.clone(), register.asked_at);
                self.answered(&RegisterRecord { register, asked_at, outcome })
            }
            Event::DepositInitiated(event) => self.deposited(event.currency, event.amount),
            Event::DepositSucceeded(event) if event.intent.is_none() => {
                self.deposited(event.currency, event.amount)
            }
            _ => Ok(()),
        }
    }

    fn known(&self, register: &RegisterName) -> Result<Option<KnownRegister>, ViewError> {
        match self.rows.get(&register_key(self.player, register))? {
            Some(ControlsRow::Register(known)) => Ok(Some(*known)),
            None => Ok(None),
            Some(_) => Err(self.damaged()),
        }
    }

    fn answered(&mut self, answer: &RegisterRecord) -> Result<(), ViewError> {
        let before = self.known(&answer.register)?;
        let Some(after) = KnownRegister::after(before.as_ref(), answer) else { return Ok(()) };
        if before.is_none() {
            let mut index = self.index()?;
            index.registers.push(answer.register.clone());
            self.put_index(index)?;
        }
        let (player, account) = (self.player, self.account()?);
        let row = |known: &KnownRegister| {
            let (since, until) = known.excluded()?;
            Some(ExclusionRow {
                player: player.clone(),
                account,
                by: ExclusionBy::Register,
                register: Some(known.register.clone()),
                since,
                until,
                ends_at: until,
            })
        };
        let (listed, own) = (before.as_ref().and_then(row), row(&after));
        self.list(listed.as_ref(), own)?;
        self.rows.put(&register_key(self.player, &answer.register), ControlsRow::Register(Box::new(after)))
    }

    /// So much less is left of what registers said.
    fn deposited(&mut self, currency: CurrencyCode, amount: Amount) -> Result<(), ViewError> {
        for register in self.index()?.registers {
            let Some(before) = self.known(&register)? else { return Err(self.damaged()) };
            let mut after = before.clone();
            after.deposited(currency, amount);
            if after != before {
                let key = register_key(self.player, &register);
                self.rows.put(&key, ControlsRow::Register(Box::new(after)))?;
            }
        }
        Ok(())
    }

    fn sessions(&mut self) -> Result<(), ViewError> {
        if let Event::BetPlaced(event) = &self.record.event {
            return event.session.as_ref().map_or(Ok(()), |session| self.bet_in(session));
        }
        let Stream::Session(_, of) = &self.record.stream else { return Ok(()) };
        let at = self.commit.body.recorded_at;
        let key = session_key(self.player, &of.source, &of.id);
        match &self.record.event {
            Event::SessionStarted(event) => {
                let session = SessionRow {
                    of: of.clone(),
                    game: event.game.clone(),
                    currency: event.currency,
                    started_at: at,
                    last_at: at,
                    checks: 0,
                    last_check: None,
                };
                self.rows.put(&key, ControlsRow::Session(Box::new(session)))
            }
            Event::RealityCheckAcknowledged(event) => {
                let Some(ControlsRow::Session(mut session)) = self.rows.get(&key)? else {
                    return Err(self.poison("the session is not open"));
                };
                self.played(session.last_at)?;
                session.checks = session.checks.saturating_add(1);
                (session.last_at, session.last_check) = (at, Some((at, event.staked, event.won)));
                self.rows.put(&key, ControlsRow::Session(session))
            }
            Event::SessionEnded(event) => {
                let Some(ControlsRow::Session(session)) = self.rows.get(&key)? else {
                    return Err(self.poison("the session is not open"));
                };
                // One that was displaced was played until its last sign of life.
                if event.reason != SessionEndReason::Displaced {
                    self.played(session.last_at)?;
                }
                self.rows.remove(&key)
            }
            _ => Ok(()),
        }
    }
}
