//! Commands by texts: source `prov`, game `game`, EUR, unless changed with struct update syntax.

use rust_decimal::Decimal;

use crate::account::AccountKind;
use crate::adjustment::{
    ChargeInactivityFee, DecideCorrection, ProposeCorrection, ReclaimDormant, ReturnTax, TransferDormant,
    WithholdTax,
};
use crate::credit::GrantCredit;
use crate::deposit::RecordDeposit;
use crate::exchange::{Exchange, ReverseExchange};
use crate::host::{HostAccount, HostAccountClass, HostData, HostMovement, HostOperation};
use crate::ids::{
    ActorId, BrandId, GameId, HostName, HostNamespace, JurisdictionId, OperatorId, RateId, Reason, RoundId,
    SourceId, SubAccount, TransactionId,
};
use crate::money::{CurrencyCode, FxRate};
use crate::player::{AddPurse, ClosePlayer, OpenPlayer, ReopenPlayer};
use crate::player_ledger::{Batch, KnownOperations, PlayerCommand};
use crate::round::{
    AdjustRound, CashOut, CloseRound, Finality, Inform, PlaceBet, Resettle, Rollback, RollbackKind, Settle,
    Unsettle, Void, VoidSettled, VoidTarget,
};
use crate::stored::{CreditKind, Direction};
use crate::time::Timestamp;

/// A source id.
pub fn source(text: &str) -> SourceId {
    SourceId::new(text).expect("a source id")
}

/// A transaction id.
pub fn txn(text: &str) -> TransactionId {
    TransactionId::new(text).expect("a transaction id")
}

/// A round id.
pub fn round(text: &str) -> RoundId {
    RoundId::new(text).expect("a round id")
}

/// A game id.
pub fn game(text: &str) -> GameId {
    GameId::new(text).expect("a game id")
}

/// A currency code.
pub fn currency(text: &str) -> CurrencyCode {
    CurrencyCode::new(text).expect("a currency code")
}

/// An amount as a sender writes it.
pub fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

/// Opens a real player with these currencies.
pub fn open(currencies: &[&str]) -> OpenPlayer {
    OpenPlayer {
        operator: OperatorId::new("operator").expect("an id"),
        brand: BrandId::new("brand").expect("an id"),
        jurisdiction: JurisdictionId::new("MT").expect("an id"),
        zone: "Europe/Malta".to_owned(),
        kind: AccountKind::Real,
        currencies: currencies.iter().map(|code| currency(code)).collect(),
    }
}

/// A deposit from `psp`.
pub fn deposit(id: &str, amount: &str) -> RecordDeposit {
    RecordDeposit {
        source: source("psp"),
        id: txn(id),
        amount: decimal(amount),
        currency: currency("EUR"),
        authorisation: None,
    }
}

/// A bet.
pub fn bet(id: &str, in_round: &str, amount: &str) -> PlaceBet {
    PlaceBet {
        source: source("prov"),
        id: txn(id),
        round: round(in_round),
        game: game("game"),
        amount: decimal(amount),
        currency: currency("EUR"),
    }
}

/// A win that ends nothing and answers all bets before it.
pub fn win(id: &str, in_round: &str, amount: &str) -> Settle {
    Settle {
        source: source("prov"),
        id: txn(id),
        round: round(in_round),
        bet: None,
        amount: decimal(amount),
        currency: currency("EUR"),
        finality: Finality::MoreToCome,
    }
}

/// A win that closes its round.
pub fn win_close(id: &str, in_round: &str, amount: &str) -> Settle {
    Settle { finality: Finality::Round, ..win(id, in_round, amount) }
}

/// A win that answers and settles one bet.
pub fn win_bet(id: &str, in_round: &str, of: &str, amount: &str) -> Settle {
    Settle { bet: Some(txn(of)), finality: Finality::Bet, ..win(id, in_round, amount) }
}

/// The end of a round.
pub fn close(id: &str, of: &str) -> CloseRound {
    CloseRound { source: source("prov"), id: txn(id), round: round(of) }
}

/// A rollback without a stated kind.
pub fn rollback(id: &str, target: &str) -> Rollback {
    Rollback {
        source: source("prov"),
        id: txn(id),
        target: txn(target),
        kind: None,
        round: None,
        currency: None,
        amount: None,
        on_shortfall: None,
        partial: false,
    }
}

/// A rollback of a win.
pub fn rollback_win(id: &str, target: &str) -> Rollback {
    Rollback { kind: Some(RollbackKind::Win), ..rollback(id, target) }
}

/// A rollback of a bet.
pub fn rollback_bet(id: &str, target: &str) -> Rollback {
    Rollback { kind: Some(RollbackKind::Bet), ..rollback(id, target) }
}

/// The end of a round that never was, by the back office.
pub fn void_round(id: &str, of: &str) -> Void {
    Void {
        source: source("office"),
        id: txn(id),
        round_source: source("prov"),
        round: round(of),
        target: VoidTarget::Round,
        reason: Reason::new("table fault").expect("a reason"),
    }
}

/// A bet called off by the back office.
pub fn void_bet(id: &str, in_round: &str, of: &str) -> Void {
    Void { target: VoidTarget::Bet(txn(of)), ..void_round(id, in_round) }
}

/// A bet called off after it was settled, by the back office.
pub fn void_settled_bet(id: &str, in_round: &str, of: &str) -> VoidSettled {
    VoidSettled { target: VoidTarget::Bet(txn(of)), ..void_settled_round(id, in_round) }
}

/// A round called off after it was settled, by the back office.
pub fn void_settled_round(id: &str, of: &str) -> VoidSettled {
    VoidSettled {
        source: source("office"),
        id: txn(id),
        round_source: source("prov"),
        round: round(of),
        target: VoidTarget::Round,
        reason: Reason::new("table fault").expect("a reason"),
        on_shortfall: None,
    }
}

/// A new result for all bets of a round.
pub fn resettle(id: &str, of: &str, amount: &str) -> Resettle {
    Resettle {
        source: source("prov"),
        id: txn(id),
        round: round(of),
        bet: None,
        amount: decimal(amount),
        currency: currency("EUR"),
        on_shortfall: None,
    }
}

/// A settled bet that is open again.
pub fn unsettle(id: &str, in_round: &str, of: &str) -> Unsettle {
    Unsettle { source: source("prov"), id: txn(id), round: round(in_round), bet: txn(of), on_shortfall: None }
}

/// A cash-out of a whole bet.
pub fn cash_out(id: &str, in_round: &str, of: &str, amount: &str) -> CashOut {
    CashOut {
        source: source("prov"),
        id: txn(id),
        round: round(in_round),
        bet: txn(of),
        amount: decimal(amount),
        principal: None,
        currency: currency("EUR"),
    }
}

/// An adjustment by a provider, about no round.
pub fn adjust(id: &str, direction: Direction, amount: &str) -> AdjustRound {
    AdjustRound {
        source: source("prov"),
        id: txn(id),
        round: None,
        direction,
        amount: decimal(amount),
        currency: currency("EUR"),
        reason: Reason::new("misdealt").expect("a reason"),
        on_shortfall: None,
    }
}

/// A message about no money.
pub fn inform(id: &str, about: &str) -> Inform {
    Inform { source: source("prov"), id: txn(id), about: Reason::new(about).expect("words") }
}

/// A rollback of a part of an open stake.
pub fn rollback_part(id: &str, target: &str, amount: &str) -> Rollback {
    Rollback { amount: Some(decimal(amount)), partial: true, ..rollback_bet(id, target) }
}

/// A credit of `campaign`, linked to no round.
pub fn credit(id: &str, reason: CreditKind, amount: &str) -> GrantCredit {
    GrantCredit {
        source: source("prov"),
        id: txn(id),
        reason,
        of: SubAccount::new("campaign").expect("a sub-account"),
        round: None,
        amount: decimal(amount),
        currency: currency("EUR"),
    }
}

/// An event of the host under `acme`, without state and money.
pub fn host(id: &str, name: &str, data: &str) -> HostOperation {
    HostOperation {
        source: source("host"),
        id: txn(id),
        namespace: HostNamespace::new("acme").expect("a namespace"),
        name: HostName::new(name).expect("a name"),
        version: 1,
        data: HostData::new(data).expect("JSON"),
        state: None,
        expected: None,
        movement: None,
    }
}

/// A movement between a host account under `acme` and the player's cash, in EUR.
pub fn host_movement(class: HostAccountClass, name: &str, to_player: bool, amount: &str) -> HostMovement {
    HostMovement {
        account: HostAccount { class, name: HostName::new(name).expect("a name") },
        to_player,
        amount: decimal(amount),
        currency: currency("EUR"),
    }
}

/// Several commands, all or none; refused if some are known.
pub fn batch(commands: Vec<PlayerCommand>) -> Batch {
    Batch::new(commands, KnownOperations::Refuse).expect("a batch")
}

/// Several commands, all or none; known ones are replayed.
pub fn batch_of_new(commands: Vec<PlayerCommand>) -> Batch {
    Batch::new(commands, KnownOperations::Replay).expect("a batch")
}

/// A person of the operator.
pub fn person(text: &str) -> ActorId {
    ActorId::new(text).expect("an actor id")
}

/// A correction of the code `goodwill` in the player's favour, proposed by `ann` of the back office.
pub fn propose_credit(id: &str, amount: &str) -> ProposeCorrection {
    ProposeCorrection {
        source: source("office"),
        id: txn(id),
        direction: Direction::Credit,
        code: SubAccount::new("goodwill").expect("a sub-account"),
        amount: decimal(amount),
        currency: currency("EUR"),
        reason: Reason::new("a complaint").expect("a reason"),
        by: person("ann"),
        on_shortfall: None,
    }
}

/// A correction of the code `goodwill` at the player's expense, proposed by `ann` of the back office.
pub fn propose_debit(id: &str, amount: &str) -> ProposeCorrection {
    ProposeCorrection { direction: Direction::Debit, ..propose_credit(id, amount) }
}

/// The approval of a correction by `bob` of the back office.
pub fn approve(id: &str, proposal: &str) -> DecideCorrection {
    DecideCorrection {
        source: source("office"),
        id: txn(id),
        proposal: txn(proposal),
        by: person("bob"),
        approve: true,
    }
}

/// The refusal of a correction by `bob` of the back office.
pub fn decline(id: &str, proposal: &str) -> DecideCorrection {
    DecideCorrection { approve: false, ..approve(id, proposal) }
}

/// A fee for inactivity.
pub fn inactivity_fee(id: &str, amount: &str) -> ChargeInactivityFee {
    ChargeInactivityFee {
        source: source("office"),
        id: txn(id),
        amount: decimal(amount),
        currency: currency("EUR"),
        by: None,
    }
}

/// The EUR purse becomes dormant.
pub fn transfer_dormant(id: &str) -> TransferDormant {
    TransferDormant { source: source("office"), id: txn(id), currency: currency("EUR") }
}

/// The EUR purse is claimed back.
pub fn reclaim_dormant(id: &str) -> ReclaimDormant {
    ReclaimDormant { source: source("office"), id: txn(id), currency: currency("EUR") }
}

/// A tax for `DE` is withheld.
pub fn withhold_tax(id: &str, amount: &str) -> WithholdTax {
    WithholdTax {
        source: source("office"),
        id: txn(id),
        amount: decimal(amount),
        currency: currency("EUR"),
        jurisdiction: JurisdictionId::new("DE").expect("an id"),
        on: None,
        on_shortfall: None,
    }
}

/// A withheld tax goes back.
pub fn return_tax(id: &str, tax: &str, amount: &str) -> ReturnTax {
    ReturnTax {
        source: source("office"),
        id: txn(id),
        tax: txn(tax),
        amount: decimal(amount),
        currency: currency("EUR"),
    }
}

/// The player is closed by `ann` of the back office.
pub fn close_player(id: &str) -> ClosePlayer {
    ClosePlayer {
        source: source("office"),
        id: txn(id),
        by: person("ann"),
        reason: Reason::new("his wish").expect("a reason"),
    }
}

/// The player is opened again by `ann`, approved by `bob`.
pub fn reopen_player(id: &str) -> ReopenPlayer {
    ReopenPlayer { source: source("office"), id: txn(id), by: person("ann"), approved_by: person("bob") }
}

/// One purse more.
pub fn add_purse(id: &str, code: &str) -> AddPurse {
    AddPurse { source: source("office"), id: txn(id), currency: currency(code) }
}

/// A rate of `treasury`: one unit of `base` is so many of `quote`.
pub fn rate(base: &str, quote: &str, value: &str, as_of: Timestamp) -> FxRate {
    let id = RateId::new("rate").expect("an id");
    let (base, quote) = (currency(base), currency(quote));
    FxRate::new(id, base, quote, decimal(value), source("treasury"), as_of).expect("a rate")
}

/// An exchange by `office`, at a rate.
pub fn exchange(id: &str, from: &str, to: &str, amount: &str, rate: FxRate) -> Exchange {
    Exchange {
        source: source("office"),
        id: txn(id),
        from: currency(from),
        to: currency(to),
        amount: decimal(amount),
        rate,
    }
}

/// The reversal of an exchange.
pub fn reverse_exchange(id: &str, exchange: &str) -> ReverseExchange {
    ReverseExchange { source: source("office"), id: txn(id), exchange: txn(exchange), on_shortfall: None }
}
