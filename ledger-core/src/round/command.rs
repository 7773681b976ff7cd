//! The commands on bet rounds. Amounts are decimals as their sender wrote them; the ledger checks that they
//! fit and never rounds them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{CallFlags, close, place, settle, undo};
use crate::controls::RegisterAnswer;
use crate::ids::{GameId, GameType, Reason, RoundId, SourceId, SubAccount, TransactionId};
use crate::key::{FingerprintBuilder, OperationKind};
use crate::money::CurrencyCode;
use crate::player_ledger::{Facts, Needs, Operation, Outcome, RoundRef, Workspace, sent_by};
use crate::policy::{Policy, ShortfallPolicy};
use crate::stored::{JackpotKind, SessionRef, TombstoneRecord};

fn round_of(source: &SourceId, round: &RoundId) -> RoundRef {
    RoundRef { source: source.clone(), round: round.clone() }
}

/// From which funds a stake comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Funds {
    /// From those that the policy says.
    #[default]
    ByPolicy,
    /// From cash only.
    Cash,
    /// From bonus credits only.
    Bonus,
}

impl Funds {
    /// Adds them to a fingerprint, if they are named.
    pub(crate) fn print(self, tag: u8, print: FingerprintBuilder) -> FingerprintBuilder {
        match self {
            Self::ByPolicy => print,
            Self::Cash => print.field(tag, Some("cash")),
            Self::Bonus => print.field(tag, Some("bonus")),
        }
    }
}

/// That a bet is free: no stake is taken, and its wins are borne by a campaign (S93, S94, S129 in docs/scenarios.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FreeStake {
    /// The campaign.
    pub campaign: SubAccount,
    /// What the bet is worth, for the record.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub nominal: Decimal,
}

/// The part of a stake that goes to a jackpot (S97, P33, P34 in docs/scenarios.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JackpotShare {
    /// The jackpot.
    pub jackpot: SubAccount,
    /// Whose it is.
    pub kind: JackpotKind,
    /// How much: up to four digits more than the currency has. All shares of a bet are at most its stake.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
}

/// Places a bet: its stake is held until the round settles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PlaceBet {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the bet.
    pub id: TransactionId,
    /// The round; opened by its first bet.
    pub round: RoundId,
    /// The game.
    pub game: GameId,
    /// The stake; zero opens the round without money, as for a free bet.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// The session it is placed in.
    #[serde(default)]
    pub session: Option<SessionRef>,
    /// From which funds.
    #[serde(default)]
    pub funds: Funds,
    /// That it is free; then its stake is zero.
    #[serde(default)]
    pub free: Option<FreeStake>,
    /// What of the stake goes to jackpots when it is taken.
    #[serde(default)]
    pub contributions: Vec<JackpotShare>,
    /// The type of the game, for what a bet counts towards wagering.
    #[serde(default)]
    pub game_type: Option<GameType>,
    /// Whether it buys a feature of the game, such as its free spins: bonus credits may not be staked on that unless
    /// their terms say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub buys_feature: bool,
    /// What registers outside of this ledger answered about the player; not part of the fingerprint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registers: Vec<RegisterAnswer>,
    /// What the provider says of this call.
    #[serde(default)]
    pub flags: CallFlags,
}

impl PlaceBet {
    /// A bet of a player's own money, as its source's policy has it.
    pub fn new(
        source: SourceId,
        id: TransactionId,
        round: RoundId,
        game: GameId,
        amount: Decimal,
        currency: CurrencyCode,
    ) -> Self {
        Self {
            source,
            id,
            round,
            game,
            amount,
            currency,
            session: None,
            funds: Funds::ByPolicy,
            free: None,
            contributions: Vec::new(),
            game_type: None,
            buys_feature: false,
            registers: Vec::new(),
            flags: CallFlags::default(),
        }
    }
}

impl Operation for PlaceBet {
    const KIND: OperationKind = OperationKind::Bet;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn takes_money(&self) -> bool {
        true
    }

    fn may_owe(&self, policy: &Policy) -> bool {
        self.flags.may_owe(policy.of(&self.source))
    }

    // Not the session: a provider that sends a bet again may do so in another one.
    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let print = print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.round.as_str()))
            .field(4, Some(self.game.as_str()));
        let print = self.funds.print(5, print);
        let print = match &self.free {
            Some(free) => print.field(6, Some(free.campaign.as_str())).amount(7, &free.nominal),
            None => print,
        };
        let print = match &self.game_type {
            Some(game_type) => print.field(11, Some(game_type.as_str())),
            None => print,
        };
        let print = if self.buys_feature { print.field(12, Some("buys_feature")) } else { print };
        self.contributions.iter().fold(print, |print, share| {
            let kind = match share.kind {
                JackpotKind::Local => "local",
                JackpotKind::Network => "network",
            };
            print.field(8, Some(share.jackpot.as_str())).field(9, Some(kind)).amount(10, &share.amount)
        })
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(round_of(&self.source, &self.round).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        place::place_bet(self, facts, work)
    }
}

/// What a win ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Finality {
    /// What the policy of its source says ([`crate::RoundClosePolicy`]).
    #[default]
    ByPolicy,
    /// Nothing: more wins may come.
    MoreToCome,
    /// The bets it answers. The round closes when no open bet is left.
    Bet,
    /// The round: bets that are still open are lost.
    Round,
}

/// Pays a win, or reports a loss (a win of zero).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the win.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
    /// The bet it answers; without one, all bets of the round placed before it.
    #[serde(default)]
    pub bet: Option<TransactionId>,
    /// The win; zero is a loss.
    #[serde(with = "crate::text::decimal_text")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::text::DecimalText"))]
    pub amount: Decimal,
    /// The currency.
    pub currency: CurrencyCode,
    /// What it ends.
    #[serde(default)]
    pub finality: Finality,
    /// The game, for a win without a bet that is paid all the same (H8): it needs one.
    #[serde(default)]
    pub game: Option<GameId>,
    /// What the provider says of this call.
    #[serde(default)]
    pub flags: CallFlags,
}

impl Settle {
    /// A win that answers all bets of its round, and ends what its source's policy says.
    pub fn new(
        source: SourceId,
        id: TransactionId,
        round: RoundId,
        amount: Decimal,
        currency: CurrencyCode,
    ) -> Self {
        let (bet, finality, game, flags) = (None, Finality::ByPolicy, None, CallFlags::default());
        Self { source, id, round, bet, amount, currency, finality, game, flags }
    }
}

impl Operation for Settle {
    const KIND: OperationKind = OperationKind::Win;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        Some(self.currency)
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let finality = match self.finality {
            Finality::MoreToCome => Some("more"),
            Finality::Bet => Some("bet"),
            Finality::Round => Some("round"),
            Finality::ByPolicy => None,
        };
        let print = print
            .amount(1, &self.amount)
            .field(2, Some(self.currency.as_str()))
            .field(3, Some(self.round.as_str()))
            .field(4, self.bet.as_ref().map(TransactionId::as_str))
            .field(5, finality);
        match &self.game {
            Some(game) => print.field(6, Some(game.as_str())),
            None => print,
        }
    }

    fn needs(&self, policy: &Policy) -> Needs {
        let mut needs = Needs::of(Some(round_of(&self.source, &self.round).into()));
        // A bet that was cancelled before it came has no win either.
        if let Some(bet) = self.bet.as_ref().filter(|_| self.flags.may_credit_alone(policy.of(&self.source)))
        {
            needs.tombstones.push(TombstoneRecord { source: self.source.clone(), id: bet.clone() });
        }
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        settle::settle(self, facts, work)
    }
}

/// Closes a round: bets that are still open are lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CloseRound {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the message.
    pub id: TransactionId,
    /// The round.
    pub round: RoundId,
}

impl Operation for CloseRound {
    const KIND: OperationKind = OperationKind::Close;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        print.field(3, Some(self.round.as_str()))
    }

    fn needs(&self, _: &Policy) -> Needs {
        Needs::of(Some(round_of(&self.source, &self.round).into()))
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        close::close(self, facts, work)
    }
}

/// What is called off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum VoidTarget {
    /// The whole round; bets that come later are refused.
    Round,
    /// One bet (void, push); the round goes on.
    Bet(TransactionId),
}

/// Calls off a round or a bet that is not settled: stakes go back. Unlike a rollback it may come from
/// another source than the bet, such as an operator's back office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Void {
    /// Who calls off.
    pub source: SourceId,
    /// Its id of the operation.
    pub id: TransactionId,
    /// The round's game provider.
    pub round_source: SourceId,
    /// The round.
    pub round: RoundId,
    /// The round or a bet of it.
    pub target: VoidTarget,
    /// Why.
    pub reason: Reason,
}

impl Operation for Void {
    const KIND: OperationKind = OperationKind::Void;
    sent_by!();

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let bet = match &self.target {
            VoidTarget::Round => None,
            VoidTarget::Bet(bet) => Some(bet.as_str()),
        };
        print.field(3, Some(self.round.as_str())).field(6, Some(self.round_source.as_str())).field(7, bet)
    }

    fn needs(&self, policy: &Policy) -> Needs {
        let mut needs = Needs::of(Some(round_of(&self.round_source, &self.round).into()));
        if let VoidTarget::Bet(bet) = &self.target {
            needs.targets = undo::target_keys(&self.round_source, bet, Some(RollbackKind::Bet), policy);
        }
        needs
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        undo::void(self, facts, work)
    }
}

/// What a rollback undoes, where its sender says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RollbackKind {
    /// A bet.
    Bet,
    /// A win.
    Win,
    /// A tip.
    Tip,
    /// An entry to a tournament.
    TournamentEntry,
    /// Money that went to play elsewhere.
    RollOut,
}

impl RollbackKind {
    /// Its text, in fingerprints.
    fn as_str(self) -> &'static str {
        match self {
            Self::Bet => "bet",
            Self::Win => "win",
            Self::Tip => "tip",
            Self::TournamentEntry => "tournament_entry",
            Self::RollOut => "roll_out",
        }
    }
}

/// Undoes a bet or a win of the same source, a tip, an entry to a tournament, or a roll-out; if it was never seen, it
/// must not come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// The game provider.
    pub source: SourceId,
    /// Its id of the rollback.
    pub id: TransactionId,
    /// The id of what is undone.
    pub target: TransactionId,
    /// What it is; without it the bet of that id, or else the win, or else what else it may be.
    #[serde(default)]
    pub kind: Option<RollbackKind>,
    /// The target's round, to be checked.
    #[serde(default)]
    pub round: Option<RoundId>,
    /// The target's currency, to be checked.
    #[serde(default)]
    pub currency: Option<CurrencyCode>,
    /// The target's amount, to be checked.
    #[serde(default, with = "crate::text::decimal_text::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::text::DecimalText>"))]
    pub amount: Option<Decimal>,
    /// What happens if a win was spent; without it the source's policy.
    #[serde(default)]
    pub on_shortfall: Option<ShortfallPolicy>,
    /// Whether only `amount` of an open stake goes back, and the rest of the bet stays.
    #[serde(default)]
    pub partial: bool,
    /// What the provider says of this call.
    #[serde(default)]
    pub flags: CallFlags,
}

impl Rollback {
    /// Undoes all of a bet, or else of a win, of that id, whatever it is; nothing about it is checked.
    pub fn new(source: SourceId, id: TransactionId, target: TransactionId) -> Self {
        let (kind, round, currency, amount, on_shortfall) = (None, None, None, None, None);
        let (partial, flags) = (false, CallFlags::default());
        Self { source, id, target, kind, round, currency, amount, on_shortfall, partial, flags }
    }
}

impl Operation for Rollback {
    const KIND: OperationKind = OperationKind::Rollback;
    sent_by!();

    fn currency(&self) -> Option<CurrencyCode> {
        self.currency
    }

    fn print(&self, print: FingerprintBuilder) -> FingerprintBuilder {
        let kind = self.kind.map(RollbackKind::as_str);
        let print = print
            .optional_amount(1, self.amount.as_ref())
            .field(2, self.currency.as_ref().map(CurrencyCode::as_str))
            .field(3, self.round.as_ref().map(RoundId::as_str))
            .field(5, kind)
            .field(7, Some(self.target.as_str()));
        if self.partial { print.field(8, Some("partial")) } else { print }
    }

    fn needs(&self, policy: &Policy) -> Needs {
        Needs {
            targets: undo::target_keys(&self.source, &self.target, self.kind, policy),
            ..Needs::default()
        }
    }

    fn decide(&self, facts: &Facts<'_>, work: &mut Workspace<'_>) -> Outcome {
        undo::rollback(self, facts, work)
    }
}
