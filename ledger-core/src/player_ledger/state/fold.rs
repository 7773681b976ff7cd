//! The fold of a player's live state: what each event makes of it. It holds no rule.

use super::{FAILED_DEPOSITS_MAX, Fault, PlayerState, Profile};
use crate::adjustment::{self, Adjustment, AdjustmentKind, AdjustmentRef, CorrectionStatus};
use crate::bonus;
use crate::controls::{self, Exclusion};
use crate::deposit;
use crate::ids::{RoundId, SourceId};
use crate::jackpot;
use crate::partition::Stream;
use crate::player::Block;
use crate::rejection::Rejection;
use crate::round;
use crate::session::Session;
use crate::stored::{
    AwardRef, CommitBody, Event, EventRecord, PaymentRef, RegisterOutcome, RegisterRecord, ReopenReason,
    RoundStatus, SessionEndReason, SessionRef, TxnRejected,
};
use crate::time::Timestamp;
use crate::transfer::{self, TransferRef, TransferStatus};
use crate::withdrawal;

/// An event that does not belong where it stands.
fn misplaced(record: &EventRecord) -> Fault {
    Fault::corrupted(format!("{} stands in {}", record.event.type_name(), record.stream))
}

impl PlayerState {
    /// Folds a commit into the state.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the commit cannot follow this state: stored bytes are damaged.
    pub fn evolve_commit(&mut self, body: &CommitBody) -> Result<(), Fault> {
        if !matches!(&body.partition, crate::partition::Partition::Player(own) if *own == self.player) {
            return Err(Fault::corrupted(format!("a commit of {} came to {}", body.partition, self.player)));
        }
        self.evolve_all(&body.events, body.recorded_at)
    }

    /// Folds the events of one commit, recorded at an instant.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the events cannot follow this state; the state must not be used any more.
    pub fn evolve_all(&mut self, events: &[EventRecord], recorded_at: Timestamp) -> Result<(), Fault> {
        events.iter().try_for_each(|record| self.evolve(record, recorded_at))?;
        self.recorded_at = Some(recorded_at);
        Ok(())
    }

    /// Folds one event, recorded at an instant, into the state. Holds no business rule and cannot panic.
    ///
    /// # Errors
    ///
    /// [`Fault`] if the event cannot follow this state.
    pub fn evolve(&mut self, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        if self.controls.is_some() {
            self.count_cash(record, at);
        }
        if matches!(record.event, Event::WithdrawalPaid(_)) {
            self.protection.get_or_insert_default();
        }
        if let Some(protection) = &mut self.protection {
            protection.follow_money(&record.event);
        }
        match (&record.stream, &record.event) {
            (Stream::Wallet(_), Event::EntryPosted(event)) => self.wallet.evolve(record.version, event),
            (Stream::Player(_), _) => self.evolve_player(record, at),
            (Stream::Round(_, source, round), _) => self.evolve_round(source, round, record, at),
            (Stream::Host(_, namespace), Event::HostRecorded(event)) => {
                let kept = self.host.entry(namespace.clone()).or_default();
                if Some(record.version) != kept.version.checked_add(1) {
                    let what =
                        format!("event {} of {} follows {}", record.version, record.stream, kept.version);
                    return Err(Fault::corrupted(what));
                }
                kept.version = record.version;
                if event.state.is_some() {
                    kept.state.clone_from(&event.state);
                }
                Ok(())
            }
            (Stream::Adjustment(_, of), _) => self.evolve_adjustment(of, record, at),
            (Stream::Intent(_, source, id), _) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                self.evolve_intent(&of, record, at)
            }
            (Stream::Withdrawal(_, source, id), _) => {
                let of = PaymentRef { source: source.clone(), id: id.clone() };
                self.evolve_withdrawal(&of, record, at)
            }
            (Stream::Session(_, of), _) => self.evolve_session(of, record, at),
            (Stream::Transfer(_, of), _) => self.evolve_transfer(of, record, at),
            (Stream::Bonus(_, of), _) => self.evolve_award(of, record),
            // These are over when they are booked; the live state has nothing of them.
            (
                Stream::Purchase(..),
                Event::TipGiven(_)
                | Event::TipReturned(_)
                | Event::TournamentEntered(_)
                | Event::TournamentEntryReturned(_),
            )
            | (
                Stream::Deposit(..),
                Event::DepositSucceeded(_)
                | Event::DepositSuspended(_)
                | Event::DepositReleased(_)
                | Event::DepositRefunded(_)
                | Event::DepositChargedBack(_)
                | Event::ChargebackReversed(_),
            ) => Ok(()),
            _ => Err(misplaced(record)),
        }
    }

    /// Folds an event of the player's own stream.
    fn evolve_player(&mut self, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        self.next_version(record.version)?;
        match &record.event {
            Event::PlayerOpened(event) => {
                if self.profile.is_some() {
                    return Err(Fault::corrupted("a player was opened twice"));
                }
                self.profile = Some(Profile {
                    operator: event.operator.clone(),
                    brand: event.brand.clone(),
                    jurisdiction: event.jurisdiction.clone(),
                    zone: event.zone.clone(),
                    kind: event.kind,
                    person: event.person.clone(),
                });
                self.wallet.open(&event.currencies);
            }
            Event::PurseOpened(event) => self.wallet.add(event.currency)?,
            Event::PlayerClosed(_) if self.standing.closed_at.is_none() => self.standing.closed_at = Some(at),
            Event::PlayerReopened(_) if self.standing.closed_at.is_some() => self.standing.closed_at = None,
            Event::DormantTransferred(_) => {
                self.standing.dormant_since.get_or_insert(at);
            }
            Event::DormantReclaimed(_) => self.standing.dormant_since = None,
            Event::PlayerBlocked(event) if self.standing.since(event.block).is_none() => {
                self.standing.blocks.insert(event.block, at);
            }
            Event::PlayerUnblocked(event) if self.standing.since(event.block).is_some() => {
                self.standing.blocks.remove(&event.block);
                if event.block == Block::Deposits {
                    self.standing.failed_deposits.clear();
                }
            }
            Event::ExclusionStarted(event) => {
                let (kind, until) = (event.kind, event.until);
                self.standing.exclusion = Some(Exclusion { kind, since: at, until, returns_at: None });
            }
            Event::ExclusionReturnRequested(event) => {
                let exclusion = self.standing.exclusion.as_mut();
                let exclusion = exclusion.ok_or_else(|| Fault::corrupted("a return from no exclusion"))?;
                exclusion.returns_at = Some(event.returns_at);
            }
            Event::LimitSet(_)
            | Event::LimitRaiseRequested(_)
            | Event::LimitWindowsOpened(_)
            | Event::LimitWarned(_)
            | Event::PlayTimeLimitSet(_)
            | Event::PlayTimeRaiseRequested(_)
            | Event::PlayTimeWindowsOpened(_)
            | Event::PlayTimeWarned(_) => {
                let entries = self.wallet.version();
                self.controls.get_or_insert_default().evolve(&record.event, entries, at)?;
            }
            Event::RegisterAnswered(event) => {
                self.protection.get_or_insert_default().answered(&event.answers);
            }
            Event::KycStatusChanged(event) => {
                self.protection.get_or_insert_default().verified(event.tier.as_ref());
            }
            Event::LimitProfileAssigned(event) => {
                self.protection.get_or_insert_default().assigned(event.profile.as_ref());
            }
            Event::AlertRaised(_)
            | Event::AlertClosed(_)
            | Event::CaseOpened(_)
            | Event::CaseAssigned(_)
            | Event::CaseClosed(_) => {
                self.protection.get_or_insert_default().evolve_risk(&record.event, at)?;
            }
            Event::PointsEarned(_)
            | Event::PointsSpent(_)
            | Event::PointsExpired(_)
            | Event::PointsAdjusted(_) => {
                self.rewards.get_or_insert_default().evolve(&record.event, at)?;
            }
            Event::JackpotClaimed(_) | Event::JackpotClaimWithdrawn(_) | Event::JackpotPaid(_) => {
                jackpot::evolve(&mut self.jackpot_claims, &record.event)?;
            }
            Event::PersonChanged(event) => {
                let profile = self.profile.as_mut();
                let profile = profile.ok_or_else(|| Fault::corrupted("nobody is a person"))?;
                profile.person.clone_from(&event.person);
            }
            Event::SessionLimitSet(event) => {
                self.protection.get_or_insert_default().session_limited(event);
            }
            Event::SessionLimitRaiseRequested(event) => {
                self.protection.get_or_insert_default().session_raise_requested(event, at)?;
            }
            // What the refused command told of an exclusion is known from here on.
            Event::TxnRejected(TxnRejected {
                rejection: Rejection::PlayerExcluded { until, register: Some(register), .. },
                ..
            }) => {
                let outcome = RegisterOutcome::Excluded { until: *until };
                let (register, asked_at) = (register.name.clone(), register.asked_at);
                let answer = RegisterRecord { register, asked_at, outcome };
                self.protection.get_or_insert_default().answered(&[answer]);
            }
            Event::TxnRejected(_)
            | Event::TxnTombstoned(_)
            | Event::TxnNoted(_)
            | Event::NegativeBalanceRaised(_)
            | Event::NegativeBalanceCleared(_)
            | Event::DebtWrittenOff(_)
            | Event::SuspenseRefused(_)
            | Event::CreditGranted(_)
            | Event::AdjustmentApplied(_)
            | Event::WagerReversalIgnored(_)
            | Event::TournamentPrizePaid(_)
            | Event::TournamentPrizeForfeited(_)
            | Event::FeeCharged(_) => {}
            _ => return Err(misplaced(record)),
        }
        Ok(())
    }

    fn next_version(&mut self, version: u64) -> Result<(), Fault> {
        if Some(version) != self.version.checked_add(1) {
            return Err(Fault::corrupted(format!("event {version} of the player follows {}", self.version)));
        }
        self.version = version;
        Ok(())
    }

    fn evolve_intent(&mut self, of: &PaymentRef, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        if matches!(record.event, Event::DepositFailed(_)) {
            let failed = &mut self.standing.failed_deposits;
            failed.push(at);
            if failed.len() > FAILED_DEPOSITS_MAX {
                failed.remove(0);
            }
        }
        let live = self.intents.iter().position(|live| live.of == *of);
        if let Some((index, live)) = live.and_then(|index| Some((index, self.intents.get_mut(index)?))) {
            live.evolve(record)?;
            if !live.is_open() {
                self.intents.remove(index);
            }
            return Ok(());
        }
        match &record.event {
            Event::DepositInitiated(_) => {
                let mut intent = None;
                deposit::fold_intent(&mut intent, of, record, at)?;
                self.intents.extend(intent);
                Ok(())
            }
            // These come after the end; the live state has nothing of it.
            Event::DepositFailed(_) | Event::DepositCompleted(_) | Event::DepositMismatch(_) => Ok(()),
            event => Err(Fault::corrupted(format!(
                "{} came for deposit {}, which is not open",
                event.type_name(),
                of.id
            ))),
        }
    }

    fn evolve_withdrawal(
        &mut self,
        of: &PaymentRef,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let live = self.withdrawals.iter().position(|live| live.of == *of);
        match (live.and_then(|index| Some((index, self.withdrawals.get_mut(index)?))), &record.event) {
            (Some((index, live)), _) => {
                live.evolve(record)?;
                if !live.is_open() {
                    self.withdrawals.remove(index);
                }
            }
            (None, Event::WithdrawalRequested(_) | Event::WithdrawalSplitOff(_)) => {
                let mut withdrawal = None;
                withdrawal::fold_withdrawal(&mut withdrawal, of, record, at)?;
                self.withdrawals.extend(withdrawal);
            }
            // These come after the end; the live state has nothing of it but what limits count.
            (None, Event::WithdrawalPaid(event)) if event.late.is_some() => {}
            (
                None,
                Event::WithdrawalReturned(_) | Event::WithdrawalMismatch(_) | Event::LatePayoutSettled(_),
            ) => {}
            (None, event) => {
                let name = event.type_name();
                return Err(Fault::corrupted(format!(
                    "{name} came for withdrawal {}, which is not open",
                    of.id
                )));
            }
        }
        self.recent.evolve(of, &record.event, at).map_err(|error| Fault::corrupted(error.to_string()))
    }

    fn evolve_round(
        &mut self,
        source: &SourceId,
        id: &RoundId,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let live = self.rounds.iter().position(|live| live.id == *id && live.source == *source);
        if let Some((index, live)) = live.and_then(|index| Some((index, self.rounds.get_mut(index)?))) {
            let names_one = matches!(&record.event, Event::BetPlaced(event) if event.session.is_some());
            let before = (live.session.is_some() || names_one).then(|| live.totals());
            let counts = self.controls.as_deref_mut().filter(|controls| controls.counts_play());
            let counted = counts.map(|controls| (controls::shares(live), controls));
            round::evolve(live, record, at)?;
            if let Some((before, controls)) = counted {
                controls.count_round(&before, live, at);
            }
            let (session, after) = (live.session.clone(), before.map(|_| live.totals()));
            if live.status != RoundStatus::Open {
                self.rounds.remove(index);
            }
            if let (Some(session), Some(before), Some(after)) = (session, before, after) {
                self.count(&session, after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
            }
            self.touch_session(record, at);
            return Ok(());
        }
        if let Some(controls) = &mut self.controls {
            controls.count_after_the_end(&record.event, at);
        }
        match &record.event {
            Event::RoundReopened(reopened) => {
                let mut round = round::empty(source, id);
                round::evolve(&mut round, record, at)?;
                self.rounds.push(round);
                if matches!(reopened.reason, ReopenReason::Bet | ReopenReason::AfterEnd) {
                    self.last_round_at = Some(at);
                }
                Ok(())
            }
            Event::BetPlaced(event) if record.version == 1 => {
                let mut round = round::empty(source, id);
                round::evolve(&mut round, record, at)?;
                if let Some(controls) = &mut self.controls {
                    controls.count_round(&[], &round, at);
                }
                self.rounds.push(round);
                if !event.made_up {
                    self.last_round_at = Some(at);
                }
                if let Some(session) = &event.session {
                    self.count(session, event.stake.units(), 0);
                }
                self.touch_session(record, at);
                Ok(())
            }
            // These touch a round that is over and leave it so; the live state has nothing of it.
            Event::RoundVoided(_) | Event::WinRetained(_) | Event::CreditGranted(_) => Ok(()),
            Event::WinCredited(event) => {
                if let Some(session) = &event.session {
                    self.count(session, 0, event.amount.units());
                }
                Ok(())
            }
            Event::SettlementVoided(event) => {
                if let Some(session) = &event.session {
                    self.count(
                        session,
                        event.stake.units().saturating_neg(),
                        event.win.units().saturating_neg(),
                    );
                }
                Ok(())
            }
            Event::BetResettled(event) => {
                if let Some(session) = &event.session {
                    let more = event.amount.units().saturating_sub(event.previous.units());
                    self.count(session, 0, more);
                }
                Ok(())
            }
            event => {
                Err(Fault::corrupted(format!("{} came for round {id}, which is not open", event.type_name())))
            }
        }
    }

    /// Deposits, payouts and what plays elsewhere count for limits.
    fn count_cash(&mut self, record: &EventRecord, at: Timestamp) {
        let away = || match &record.stream {
            Stream::Transfer(_, of) => self.transfers.iter().find(|live| live.of == *of),
            _ => None,
        };
        if let Some(controls) = &mut self.controls {
            controls.count_cash(record, away, at);
        }
    }

    /// What a round staked and won counts in its session while that is open.
    fn count(&mut self, session: &SessionRef, staked: i128, won: i128) {
        if let Some(live) = self.sessions.iter_mut().find(|live| live.of() == session) {
            live.count(staked, won);
        }
    }

    /// A bet was placed in a session.
    fn touch_session(&mut self, record: &EventRecord, at: Timestamp) {
        if let Event::BetPlaced(event) = &record.event
            && let Some(session) = &event.session
            && let Some(live) = self.sessions.iter_mut().find(|live| live.of() == session)
        {
            if let Some(controls) = &mut self.controls {
                controls.played(live.last_at(), at);
            }
            live.touch(at);
        }
    }

    fn evolve_session(&mut self, of: &SessionRef, record: &EventRecord, at: Timestamp) -> Result<(), Fault> {
        let live = self.sessions.iter().position(|live| live.of() == of);
        if let Some((index, live)) = live.and_then(|index| Some((index, self.sessions.get_mut(index)?))) {
            // One that was displaced was played until its last sign of life.
            let is_alive = !matches!(&record.event, Event::SessionEnded(event) if event.reason == SessionEndReason::Displaced);
            if let Some(controls) = self.controls.as_mut().filter(|_| is_alive) {
                controls.played(live.last_at(), at);
            }
            live.evolve(record, at)?;
            if matches!(record.event, Event::SessionEnded(_)) {
                self.sessions.remove(index);
            }
            return Ok(());
        }
        match &record.event {
            Event::SessionStarted(event) if record.version == 1 => {
                let purse = self.wallet.purse(event.currency);
                let purse = purse.ok_or_else(|| {
                    Fault::corrupted(format!("a session in {}, which the player has not", event.currency))
                })?;
                self.sessions.push(Session::start(of, event, at, purse.currency().zero()));
                Ok(())
            }
            event => {
                let what = format!("{} came for a session that is not open", event.type_name());
                Err(Fault::corrupted(what))
            }
        }
    }

    fn evolve_transfer(
        &mut self,
        of: &TransferRef,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let index = self.transfers.iter().position(|live| live.of == *of);
        let mut transfer = index.map(|index| self.transfers.remove(index));
        transfer::evolve(&mut transfer, of, record, at)?;
        let Some(transfer) = transfer else { return Ok(()) };
        if let (Event::TransferRolledIn(event), Some(session)) = (&record.event, &transfer.session) {
            self.count(session, event.staked.units(), event.won.units());
        }
        if transfer.status == TransferStatus::Out {
            self.transfers.push(transfer);
        }
        Ok(())
    }

    fn evolve_award(&mut self, of: &AwardRef, record: &EventRecord) -> Result<(), Fault> {
        if let Event::BonusIssued(event) = &record.event
            && event.cashback.is_some()
        {
            self.rewards.get_or_insert_default().gave(event);
        }
        let index = self.awards.iter().position(|live| live.of == *of);
        match index.and_then(|index| Some((index, self.awards.get_mut(index)?))) {
            Some((index, live)) => {
                bonus::evolve(live, record)?;
                if !live.is_live() {
                    self.awards.remove(index);
                }
            }
            None => {
                let mut award = None;
                bonus::fold_award(&mut award, of, record)?;
                self.awards.extend(award);
            }
        }
        Ok(())
    }

    fn evolve_adjustment(
        &mut self,
        of: &AdjustmentRef,
        record: &EventRecord,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let index = self.proposals.iter().position(|live| live.id == of.id && live.source == of.source);
        match (of.kind, &record.event, index) {
            (AdjustmentKind::Correction, Event::CorrectionProposed(_), None)
            | (
                AdjustmentKind::Correction,
                Event::CorrectionApplied(_) | Event::CorrectionDeclined(_),
                Some(_),
            ) => {
                let live = index.map(|index| self.proposals.remove(index));
                let mut adjustment = live.map(Adjustment::Correction);
                adjustment::evolve(&mut adjustment, of, record, at)?;
                if let Some(Adjustment::Correction(correction)) = adjustment
                    && correction.status == CorrectionStatus::Proposed
                {
                    self.proposals.push(correction);
                }
                Ok(())
            }
            // These are over when they are booked; the live state has nothing of them.
            (AdjustmentKind::Tax, Event::TaxWithheld(_) | Event::TaxReturned(_), _)
            | (AdjustmentKind::Exchange, Event::ExchangeMade(_) | Event::ExchangeReversed(_), _) => Ok(()),
            _ => Err(misplaced(record)),
        }
    }
}
