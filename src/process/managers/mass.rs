//! Mass operations: what two persons ordered for many players at once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use ledger_core::stored::{AccrualDirection, Event, RoundStatus};
use ledger_core::{
    AccrueDuty, AccrueProviderFees, ActorId, CurrencyCode, Day, DocumentCheck, DocumentDraft, DocumentKind,
    DocumentName, GameId, GrantBonus, HouseAggregateRef, HouseId, IdError, JurisdictionId, Played, PlayerId,
    Policy, Reason, RoundId, SourceId, Stream, TermsName, Timestamp, Void, VoidSettled, VoidTarget,
};
use ledger_projections::rounds::{ReadRounds, RoundCursor};
use ledger_projections::{Occurrence, PAGE_MAX};
use ledger_store::{Head, Position, Shard, ShardCount};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::named;
use crate::lane::Lane;
use crate::process::id::{ManagerName, ProcessId, ProcessNameError, step};
use crate::process::manager::{EffectError, Input, ProcessManager, Turn, Wants};

/// The kind of the documents that order mass operations.
pub const MASS_KIND: &str = "mass_operation";

/// The most items of one page.
pub const MASS_PAGE_MAX: usize = 1_000;

/// How many commands of one order are under way at once.
const WINDOW: usize = 32;

/// How many pages of a view are looked through for one page of an order.
const PAGES_LOOKED_AT: usize = 16;

/// What is done to many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum MassOperation {
    /// Every open round of a game is called off: a fault of the system, and the game cannot go on (E40). Switch the game
    /// off first, or new rounds begin behind it.
    VoidOpenRounds {
        /// The game provider.
        source: SourceId,
        /// The game.
        game: GameId,
        /// Why.
        reason: Reason,
    },
    /// Rounds of a game that are over are called off: stakes go back, wins are taken back.
    RefundRounds {
        /// The game provider.
        source: SourceId,
        /// The game.
        game: GameId,
        /// From when on.
        from: Timestamp,
        /// Until when.
        to: Timestamp,
        /// Why.
        reason: Reason,
    },
    /// Every player gets back a share of what he played in a period, as terms of the policy say.
    Cashback {
        /// The name of the terms.
        terms: TermsName,
        /// The currency.
        currency: CurrencyCode,
        /// The begin of the period.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
    },
    /// The duty and the providers' fees of a period are booked.
    ClosePeriod {
        /// Its first day.
        from: Day,
        /// Its last day.
        to: Day,
    },
}

/// An order, as a document of the kind [`MASS_KIND`]: `{"order":NAME,"operation":{"is":...}}`, and `"of":COUNT` if it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MassOrder {
    /// The name of the document: an order is given once.
    pub order: DocumentName,
    /// What is done.
    pub operation: MassOperation,
    /// How many it is about, if those who order it know: what progress is told against. Nothing depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
}

/// The check of orders when they are published, for [`Settings::documents`](crate::Settings::documents).
#[derive(Debug)]
pub struct MassOrderCheck(DocumentKind);

impl MassOrderCheck {
    /// The check.
    ///
    /// # Errors
    ///
    /// None in practice: the kind is usable.
    pub fn new() -> Result<Self, IdError> {
        DocumentKind::new(MASS_KIND).map(Self)
    }
}

impl DocumentCheck for MassOrderCheck {
    fn kind(&self) -> &DocumentKind {
        &self.0
    }

    fn check(&self, draft: &DocumentDraft<'_>) -> Result<(), String> {
        let order: MassOrder =
            serde_json::from_str(draft.content.as_str()).map_err(|error| error.to_string())?;
        if order.order != *draft.name {
            return Err(format!("the order says its name is {}, the document {}", order.order, draft.name));
        }
        if draft.configuration.document(&self.0, draft.name).is_some() {
            return Err("an order is given once: give another one under another name".to_owned());
        }
        let is_forward = match &order.operation {
            MassOperation::RefundRounds { from, to, .. } | MassOperation::Cashback { from, to, .. } => {
                from < to
            }
            MassOperation::ClosePeriod { from, to } => from <= to,
            MassOperation::VoidOpenRounds { .. } => true,
        };
        if is_forward { Ok(()) } else { Err("the period ends before it begins".to_owned()) }
    }
}

/// One of the many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
#[non_exhaustive]
pub enum MassItem {
    /// A round, of the provider of the order.
    Round {
        /// The player.
        player: PlayerId,
        /// The round.
        round: RoundId,
    },
    /// What a player played.
    Played {
        /// The player.
        player: PlayerId,
        /// What he played in the period of the order.
        played: Played,
    },
    /// Duty of the period.
    Duty {
        /// To whom.
        authority: JurisdictionId,
        /// More or less.
        direction: AccrualDirection,
        /// How much.
        #[serde(with = "super::decimal_text")]
        amount: Decimal,
        /// The currency.
        currency: CurrencyCode,
    },
    /// Fees of a game provider of the period.
    Fees {
        /// The provider.
        provider: SourceId,
        /// More or less.
        direction: AccrualDirection,
        /// How much.
        #[serde(with = "super::decimal_text")]
        amount: Decimal,
        /// The currency.
        currency: CurrencyCode,
    },
}

impl MassItem {
    /// The step it is done in.
    fn step(&self) -> String {
        match self {
            Self::Round { player, round } => step(&["round", player.as_str(), round.as_str()]),
            Self::Played { player, .. } => step(&["player", player.as_str()]),
            Self::Duty { authority, direction, currency, .. } => {
                step(&["duty", authority.as_str(), currency.as_str(), word(*direction)])
            }
            Self::Fees { provider, direction, currency, .. } => {
                step(&["fees", provider.as_str(), currency.as_str(), word(*direction)])
            }
        }
    }
}

fn word(direction: AccrualDirection) -> &'static str {
    match direction {
        AccrualDirection::Charge => "charge",
        AccrualDirection::Credit => "credit",
        _ => "other",
    }
}

/// A question for the next of the many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MassCall {
    /// The order.
    pub order: MassOrder,
    /// Where the page before ended; `None` for the first.
    pub after: Option<String>,
}

/// Some of the many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MassPage {
    /// At most [`MASS_PAGE_MAX`].
    pub items: Vec<MassItem>,
    /// Where to go on; `None` if these are the last.
    pub next: Option<String>,
}

/// An order that is carried out, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MassRun {
    /// The order.
    pub order: MassOrder,
    /// From when on it is carried out.
    pub effective_from: Timestamp,
    /// How many pages were read.
    pub pages: u64,
    /// Where the last one ended.
    pub after: Option<String>,
    /// Whether it was the last of all.
    pub is_last: bool,
    /// What of it is to be done, by step.
    pub left: BTreeMap<String, MassItem>,
    /// How many were accepted.
    pub done: u64,
    /// How many were refused, by code; `key_reused` are those that were done before with other figures.
    pub refused: BTreeMap<String, u64>,
    /// How many an operator left out.
    pub skipped: u64,
    /// What is wrong with a page, so that it cannot go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// When all was done.
    pub finished_at: Option<Timestamp>,
}

impl MassRun {
    fn behind(&mut self, step: &str, at: Timestamp) -> bool {
        let was_there = self.left.remove(step).is_some();
        if self.left.is_empty() && self.is_last {
            self.finished_at.get_or_insert(at);
        }
        was_there
    }
}

/// Carries out orders that were published as documents of the kind [`MASS_KIND`] (author, approver, reason, an instant from
/// which they hold): cashback, calling off all rounds of a game (E40), refunds, the close of a period. Whom it is about the
/// host says page by page ([`Effects`](crate::process::Effects)), from a view; what each gets the ledger decides. All of it
/// goes through the lane `bulk`.
#[derive(Debug, Clone)]
pub struct MassOperations {
    name: ManagerName,
}

impl MassOperations {
    /// The manager `mass`.
    ///
    /// # Errors
    ///
    /// None in practice: the name is usable.
    pub fn new() -> Result<Self, ProcessNameError> {
        Ok(Self { name: named("mass")? })
    }

    /// The process of an order.
    ///
    /// # Errors
    ///
    /// None in practice: the name of a document is short enough.
    pub fn process(order: &DocumentName) -> Result<ProcessId, ProcessNameError> {
        ProcessId::of(&["order", order.as_str()])
    }

    fn begun(event: &Occurrence) -> Option<MassRun> {
        let Event::DocumentPublished(published) = &event.record()?.event else { return None };
        let content = event.commit().body.events.iter().find_map(|record| match &record.event {
            Event::DocumentStored(stored) if stored.hash == published.hash => Some(&stored.content),
            _ => None,
        })?;
        Some(MassRun {
            order: serde_json::from_str(content.as_str()).ok()?,
            effective_from: published.effective_from,
            pages: 0,
            after: None,
            is_last: false,
            left: BTreeMap::new(),
            done: 0,
            refused: BTreeMap::new(),
            skipped: 0,
            broken: None,
            finished_at: None,
        })
    }

    /// The command of an item.
    fn command(&self, order: &MassOrder, step: &str, item: &MassItem, wants: &mut Wants<MassCall>) {
        let bare = |id: Result<HouseId, IdError>| id.ok();
        match (&order.operation, item) {
            (MassOperation::VoidOpenRounds { source, reason, .. }, MassItem::Round { player, round }) => {
                wants.player(step, player, |key| Void {
                    source: key.source,
                    id: key.id,
                    round_source: source.clone(),
                    round: round.clone(),
                    target: VoidTarget::Round,
                    reason: reason.clone(),
                });
            }
            (MassOperation::RefundRounds { source, reason, .. }, MassItem::Round { player, round }) => {
                wants.player(step, player, |key| VoidSettled {
                    source: key.source,
                    id: key.id,
                    round_source: source.clone(),
                    round: round.clone(),
                    target: VoidTarget::Round,
                    reason: reason.clone(),
                    on_shortfall: None,
                });
            }
            (MassOperation::Cashback { terms, currency, .. }, MassItem::Played { player, played }) => {
                wants.player(step, player, |key| GrantBonus {
                    source: key.source,
                    id: key.id,
                    terms: terms.clone(),
                    currency: *currency,
                    amount: None,
                    deposit: None,
                    reactivates: None,
                    played: Some(played.clone()),
                });
            }
            (
                MassOperation::ClosePeriod { from, to },
                MassItem::Duty { authority, direction, amount, currency },
            ) => {
                let house = bare(HouseId::new(format!("authority/{authority}")));
                let by = self.name.source().ok().and_then(|source| ActorId::new(source.as_str()).ok());
                let Some((house, by)) = house.zip(by) else { return };
                wants.house(step, &house, |key| AccrueDuty {
                    source: key.source,
                    id: key.id,
                    direction: *direction,
                    from: *from,
                    to: *to,
                    amount: *amount,
                    currency: *currency,
                    by,
                });
            }
            (
                MassOperation::ClosePeriod { from, to },
                MassItem::Fees { provider, direction, amount, currency },
            ) => {
                let house = bare(HouseId::new(format!("provider/{provider}")));
                let by = self.name.source().ok().and_then(|source| ActorId::new(source.as_str()).ok());
                let Some((house, by)) = house.zip(by) else { return };
                wants.house(step, &house, |key| AccrueProviderFees {
                    source: key.source,
                    id: key.id,
                    direction: *direction,
                    from: *from,
                    to: *to,
                    amount: *amount,
                    currency: *currency,
                    by,
                });
            }
            _ => wants.stuck(format!("{step} is nothing for this order")),
        }
    }
}

impl ProcessManager for MassOperations {
    type State = MassRun;
    type Effect = MassCall;
    type Answer = MassPage;
    type Message = Infallible;

    fn name(&self) -> &ManagerName {
        &self.name
    }

    fn version(&self) -> u32 {
        1
    }

    fn lane(&self) -> Option<Lane> {
        Some(Lane::Bulk)
    }

    fn concerns(&self, event: &Occurrence, processes: &mut Vec<ProcessId>) {
        if let Some(record) = event.record()
            && let Stream::HouseAggregate(_, HouseAggregateRef::Document(kind, name)) = &record.stream
            && kind.as_str() == MASS_KIND
        {
            processes.extend(Self::process(name));
        }
    }

    fn fold(
        &self,
        _: &ProcessId,
        state: &mut Option<MassRun>,
        input: Input<'_, MassPage, Infallible>,
        turn: &mut Turn<Infallible>,
    ) {
        if let Input::Event(event) = input {
            if state.is_none() {
                *state = Self::begun(event);
            }
            return;
        }
        let Some(run) = state else { return };
        match input {
            Input::Answered { answer, .. } if answer.items.len() > MASS_PAGE_MAX => {
                run.broken = Some(format!("a page has more than {MASS_PAGE_MAX} items"));
            }
            Input::Answered { answer, .. } => {
                run.pages = run.pages.saturating_add(1);
                run.is_last = answer.next.is_none();
                run.after = answer.next;
                let count = answer.items.len();
                run.left = answer.items.into_iter().map(|item| (item.step(), item)).collect();
                if run.left.len() < count {
                    run.broken = Some("two items of a page are the same step: add them up".to_owned());
                }
                run.behind("", turn.at);
            }
            Input::Done { step, .. } if run.behind(step, turn.at) => run.done = run.done.saturating_add(1),
            Input::Refused { step, rejection } if run.behind(step, turn.at) => {
                let count = run.refused.entry(rejection.code().to_owned()).or_default();
                *count = count.saturating_add(1);
            }
            Input::Skipped { step, .. } if run.behind(step, turn.at) => {
                run.skipped = run.skipped.saturating_add(1);
            }
            _ => {}
        }
    }

    fn wants(&self, _: &ProcessId, state: &MassRun, _: &Policy, wants: &mut Wants<MassCall>) {
        if state.finished_at.is_some() {
            return;
        }
        if let Some(broken) = &state.broken {
            wants.stuck(broken.clone());
        } else if state.left.is_empty() {
            let call = MassCall { order: state.order.clone(), after: state.after.clone() };
            if let Some(want) = wants.effect(&format!("page@{}", state.pages), call) {
                want.not_before(state.effective_from);
            }
        } else {
            for (step, item) in state.left.iter().take(WINDOW) {
                self.command(&state.order, step, item, wants);
            }
        }
    }
}

/// Where a page of rounds ended, as text.
#[derive(Serialize, Deserialize)]
struct After(u16, u64, SourceId, RoundId);

/// The next open rounds of a game, from the rounds view, for [`MassOperation::VoidOpenRounds`].
///
/// It waits until the view contains `heads`: those of the log after the game was switched off.
///
/// # Errors
///
/// [`EffectError::Again`] if the view cannot be read or is too far behind.
pub async fn open_rounds_of(
    view: &dyn ReadRounds,
    heads: &[Head],
    (source, game): (&SourceId, &GameId),
    after: Option<&str>,
    limit: Duration,
) -> Result<MassPage, EffectError> {
    let again = |error: &dyn std::fmt::Display| EffectError::Again(error.to_string());
    let shards = u16::try_from(heads.len()).ok().and_then(|count| ShardCount::new(count).ok());
    for (shard, head) in shards.iter().flat_map(|shards| shards.all()).zip(heads) {
        view.at_least(shard, head.position, limit).await.map_err(|error| again(&error))?;
    }
    let mut cursor = match after {
        None => None,
        Some(text) => {
            let After(shard, position, source, round) =
                serde_json::from_str(text).map_err(|error| EffectError::Never(error.to_string()))?;
            Some(RoundCursor { shard: Shard(shard), position: Position(position), source, round })
        }
    };
    for _ in 0..PAGES_LOOKED_AT {
        let page = view
            .list(RoundStatus::Open, cursor.as_ref(), MASS_PAGE_MAX.min(PAGE_MAX))
            .await
            .map_err(|error| again(&error))?
            .value;
        let is_meant = |bets: &[ledger_core::stored::Bet]| bets.iter().any(|bet| bet.game == *game);
        let items: Vec<MassItem> = page
            .rows
            .into_iter()
            .filter(|row| row.source == *source && is_meant(&row.bets))
            .map(|row| MassItem::Round { player: row.player, round: row.round })
            .collect();
        let next = page.next.as_ref().map(|next| {
            let after = After(next.shard.0, next.position.0, next.source.clone(), next.round.clone());
            serde_json::to_string(&after)
        });
        let next = next.transpose().map_err(|error| EffectError::Never(error.to_string()))?;
        if !items.is_empty() || next.is_none() {
            return Ok(MassPage { items, next });
        }
        cursor = page.next;
    }
    let next = cursor
        .map(|next| serde_json::to_string(&After(next.shard.0, next.position.0, next.source, next.round)));
    let next = next.transpose().map_err(|error| EffectError::Never(error.to_string()))?;
    Ok(MassPage { items: Vec::new(), next })
}
