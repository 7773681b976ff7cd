//! Commands by texts: source `prov`, game `game`, EUR, unless changed with struct update syntax.

mod bonuses;
mod limits;
mod loyalty;
mod withdrawals;

use rust_decimal::Decimal;

use crate::account::AccountKind;
use crate::adjustment::{
    ChargeInactivityFee, DecideCorrection, ProposeCorrection, ReclaimDormant, ReturnTax, TransferDormant,
    WithholdTax,
};
use crate::credit::{GrantCredit, ReportFreeRounds};
use crate::deposit::{
    AttemptDeposit, CancelDeposit, Chargeback, ExpireDeposit, FailDeposit, HouseItem, InitiateDeposit,
    RecordDeposit, RefundDeposit, RefuseAssignment, ReleaseSuspense, ReverseChargeback, WriteOffDebt,
};
use crate::exchange::{Exchange, ReverseExchange};
use crate::host::{HostAccount, HostAccountClass, HostData, HostMovement, HostOperation};
use crate::ids::TournamentId;
use crate::ids::{
    ActorId, BrandId, GameId, HostName, HostNamespace, JackpotId, JurisdictionId, OperatorId, RateId, Reason,
    RoundId, SourceId, SubAccount, TransactionId,
};
use crate::jackpot::{ClaimJackpot, PayJackpot, WithdrawJackpotClaim};
use crate::money::{CurrencyCode, FxRate};
use crate::player::{AddPurse, ClosePlayer, OpenPlayer, ReopenPlayer};
use crate::player_ledger::{Batch, KnownOperations, PlayerCommand};
use crate::purchase::{EnterTournament, Tip};
use crate::round::{
    AdjustRound, CallFlags, CashOut, CloseRound, ExpireRound, Finality, FreeStake, Funds, Inform,
    JackpotShare, PlaceBet, ReopenRound, Resettle, Rollback, RollbackKind, Settle, Unsettle, Void,
    VoidSettled, VoidTarget,
};
use crate::session::{AcknowledgeRealityCheck, EndSession, StartSession};
use crate::stored::BarredPayee;
use crate::stored::{CreditKind, Direction, JackpotKind, PaymentRef, ReleasedTo, SessionRef};
use crate::time::Timestamp;
use crate::tournament::{PayTournamentPrize, ReturnTournamentEntry};
use crate::transfer::{RollIn, RollOut};

pub use bonuses::{
    award, basis_points, bonus_terms, claim_bonus, complete_mission, expire_bonus, forfeit_bonus, game_type,
    grant_bonus, offer_bonus, played, terms_name,
};
pub use limits::{
    assign_case, assign_profile, case, close_alert, close_case, come_back, confirm_limit,
    confirm_play_time_limit, confirm_session_limit, exclude, limit, no_limit, open_case, play_time_limit,
    raise_alert, register, register_answers, session_limit, set_person, single_bet, term, tier,
};
pub use loyalty::{adjust_points, earn_points, expire_points, loyalty_terms, programme, spend_points};
pub use withdrawals::{
    approve_withdrawal, block, cancel_withdrawal, expire_withdrawal, instrument, kyc, mark_failed, mark_paid,
    mark_paid_part, mark_returned, mark_returned_to_suspense, mark_unknown, pass_kyc, reject_withdrawal,
    request, send, settle_late, split_withdrawal, start_review, unblock, verified, withdrawal,
};

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
        jurisdiction: jurisdiction("MT"),
        zone: "Europe/Malta".to_owned(),
        kind: AccountKind::Real,
        currencies: currencies.iter().map(|code| currency(code)).collect(),
        person: None,
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
        instrument: None,
        intent: None,
        fee: None,
        rate: None,
    }
}

/// A deposit that `cashier` started.
pub fn intent(id: &str) -> PaymentRef {
    PaymentRef { source: source("cashier"), id: txn(id) }
}

/// A deposit as `psp` captured it.
pub fn payment(id: &str) -> PaymentRef {
    PaymentRef { source: source("psp"), id: txn(id) }
}

/// A rate from `treasury`, of 2026-01-01 as the clocks of tests: one unit of `base` is `value` of `quote`.
pub fn rate(base: &str, quote: &str, value: &str) -> FxRate {
    let as_of = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let id = RateId::new(format!("{base}-{quote}")).expect("an id");
    FxRate::new(id, currency(base), currency(quote), decimal(value), source("treasury"), as_of)
        .expect("a rate")
}

/// A person of the operator.
pub fn person(text: &str) -> ActorId {
    ActorId::new(text).expect("an id")
}

/// The start of a deposit at `cashier`.
pub fn initiate(id: &str, amount: &str) -> InitiateDeposit {
    InitiateDeposit {
        source: source("cashier"),
        id: txn(id),
        amount: decimal(amount),
        currency: currency("EUR"),
        method: None,
        registers: Vec::new(),
    }
}

/// An attempt of it at `psp`.
pub fn attempt(id: &str, of: &str) -> AttemptDeposit {
    AttemptDeposit {
        source: source("cashier"),
        id: txn(id),
        intent: intent(of),
        psp: source("psp"),
        reference: None,
    }
}

/// The failure of a deposit as a whole.
pub fn fail(id: &str, of: &str) -> FailDeposit {
    FailDeposit {
        source: source("cashier"),
        id: txn(id),
        intent: intent(of),
        attempt: None,
        payment: None,
        reason: None,
    }
}

/// The failure of an attempt.
pub fn fail_attempt(id: &str, of: &str, attempt: &str) -> FailDeposit {
    FailDeposit { attempt: Some(txn(attempt)), ..fail(id, of) }
}

/// A deposit is given up.
pub fn cancel_deposit(id: &str, of: &str) -> CancelDeposit {
    CancelDeposit { source: source("cashier"), id: txn(id), intent: intent(of), reason: None }
}

/// A deposit took too long.
pub fn expire_deposit(id: &str, of: &str) -> ExpireDeposit {
    ExpireDeposit { source: source("timers"), id: txn(id), intent: intent(of) }
}

/// A deposit from `psp` that answers one of `cashier`.
pub fn capture(id: &str, of: &str, amount: &str) -> RecordDeposit {
    RecordDeposit { intent: Some(intent(of)), ..deposit(id, amount) }
}

/// Money of `psp` leaves suspense for the player; `anna` asks, `boris` agrees.
pub fn release(id: &str, reference: &str) -> ReleaseSuspense {
    ReleaseSuspense {
        source: source("office"),
        id: txn(id),
        psp: source("psp"),
        reference: txn(reference),
        to: ReleasedTo::Player,
        house_item: None,
        rate: None,
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// Money of `psp` leaves suspense for its payer.
pub fn return_to_payer(id: &str, reference: &str) -> ReleaseSuspense {
    ReleaseSuspense { to: ReleasedTo::Payer, ..release(id, reference) }
}

/// Money of `psp` that the house has in suspense goes to the player.
pub fn release_of_house(reference: &str, amount: &str) -> ReleaseSuspense {
    let item = HouseItem { kind: AccountKind::Real, amount: decimal(amount), currency: currency("EUR") };
    ReleaseSuspense { house_item: Some(item), ..release(reference, reference) }
}

/// What the house assigned to the player is refused for good.
pub fn refuse_assignment(reference: &str) -> RefuseAssignment {
    RefuseAssignment {
        psp: source("psp"),
        reference: txn(reference),
        by: person("anna"),
        reason: Reason::new("it was another player's").expect("a reason"),
    }
}

/// A deposit from `psp` goes back, all that is left of it but for a fee.
pub fn refund(id: &str, of: &str) -> RefundDeposit {
    RefundDeposit {
        source: source("psp"),
        id: txn(id),
        deposit: txn(of),
        amount: None,
        currency: currency("EUR"),
        return_fee: false,
        on_shortfall: None,
    }
}

/// A part of a deposit from `psp` goes back.
pub fn refund_part(id: &str, of: &str, amount: &str) -> RefundDeposit {
    RefundDeposit { amount: Some(decimal(amount)), ..refund(id, of) }
}

/// A deposit from `psp` is disputed.
pub fn chargeback(id: &str, of: &str, amount: &str) -> Chargeback {
    Chargeback {
        source: source("psp"),
        id: txn(id),
        deposit: txn(of),
        amount: Some(decimal(amount)),
        fee: None,
        currency: currency("EUR"),
    }
}

/// A dispute is won, all that stands of it.
pub fn reverse_chargeback(id: &str, of: &str, chargeback: &str) -> ReverseChargeback {
    ReverseChargeback {
        source: source("psp"),
        id: txn(id),
        deposit: txn(of),
        chargeback: txn(chargeback),
        amount: None,
        fee: None,
        currency: currency("EUR"),
    }
}

/// What the player owes is given up; `anna` asks, `boris` agrees.
pub fn write_off(id: &str) -> WriteOffDebt {
    WriteOffDebt {
        source: source("office"),
        id: txn(id),
        currency: currency("EUR"),
        amount: None,
        by: person("anna"),
        approved_by: person("boris"),
        reason: Reason::new("180 days").expect("a reason"),
    }
}

/// A bet.
pub fn bet(id: &str, in_round: &str, amount: &str) -> PlaceBet {
    let (amount, currency) = (decimal(amount), currency("EUR"));
    PlaceBet::new(source("prov"), txn(id), round(in_round), game("game"), amount, currency)
}

/// A jurisdiction.
pub fn jurisdiction(code: &str) -> JurisdictionId {
    JurisdictionId::new(code).expect("an id")
}

/// A free bet of `campaign`, worth so much.
pub fn free_bet(id: &str, in_round: &str, nominal: &str) -> PlaceBet {
    let campaign = sub_account("campaign");
    PlaceBet { free: Some(FreeStake { campaign, nominal: decimal(nominal) }), ..bet(id, in_round, "0") }
}

/// A bet of which a part goes to a jackpot.
pub fn jackpot_bet(id: &str, in_round: &str, amount: &str, kind: JackpotKind, share: &str) -> PlaceBet {
    let share = JackpotShare { jackpot: sub_account("grand"), kind, amount: decimal(share) };
    PlaceBet { contributions: vec![share], ..bet(id, in_round, amount) }
}

/// What an account is kept per.
pub fn sub_account(text: &str) -> SubAccount {
    SubAccount::new(text).expect("a sub-account")
}

/// A win that ends nothing and answers all bets before it.
pub fn win(id: &str, in_round: &str, amount: &str) -> Settle {
    Settle { finality: Finality::MoreToCome, ..result(id, in_round, amount) }
}

/// A win that does not say what it ends and answers all bets before it.
pub fn result(id: &str, in_round: &str, amount: &str) -> Settle {
    Settle::new(source("prov"), txn(id), round(in_round), decimal(amount), currency("EUR"))
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
        flags: CallFlags::default(),
    }
}

/// A round took too long; a timer says so.
pub fn expire_round(id: &str, of: &str) -> ExpireRound {
    ExpireRound { source: source("timers"), id: txn(id), round_source: source("prov"), round: round(of) }
}

/// A round is open again.
pub fn reopen_round(id: &str, of: &str) -> ReopenRound {
    ReopenRound { source: source("prov"), id: txn(id), round: round(of), flags: CallFlags::default() }
}

/// A session of `prov`.
pub fn session(id: &str) -> SessionRef {
    SessionRef { source: source("prov"), id: txn(id) }
}

/// The start of a session.
pub fn start_session(id: &str) -> StartSession {
    StartSession {
        source: source("prov"),
        id: txn(id),
        game: game("game"),
        currency: currency("EUR"),
        device: None,
        launch: None,
        registers: Vec::new(),
    }
}

/// The end of a session.
pub fn end_session(id: &str, of: &str) -> EndSession {
    EndSession { source: source("prov"), id: txn(id), session: session(of) }
}

/// The player has seen how he plays, in a session.
pub fn acknowledge(id: &str, of: &str) -> AcknowledgeRealityCheck {
    AcknowledgeRealityCheck { source: source("prov"), id: txn(id), session: session(of) }
}

/// A bet in a session.
pub fn bet_in(of: &str, id: &str, in_round: &str, amount: &str) -> PlaceBet {
    PlaceBet { session: Some(session(of)), ..bet(id, in_round, amount) }
}

/// A tip.
pub fn tip(id: &str, amount: &str) -> Tip {
    Tip {
        source: source("prov"),
        id: txn(id),
        amount: decimal(amount),
        currency: currency("EUR"),
        round: None,
        funds: Funds::ByPolicy,
        registers: Vec::new(),
    }
}

/// An entry to the tournament `cup`.
pub fn enter_tournament(id: &str, buy_in: &str, fee: &str) -> EnterTournament {
    EnterTournament {
        source: source("prov"),
        id: txn(id),
        tournament: sub_account("cup"),
        buy_in: decimal(buy_in),
        fee: decimal(fee),
        currency: currency("EUR"),
        funds: Funds::ByPolicy,
        registers: Vec::new(),
    }
}

/// The prize of the first place of `cup` for an entry.
pub fn pay_prize(id: &str, amount: &str) -> PayTournamentPrize {
    PayTournamentPrize {
        source: source("prov"),
        id: txn(id),
        kind: AccountKind::Real,
        tournament: TournamentId::new("cup").expect("a tournament id"),
        prize: 1,
        place: 1,
        amount: decimal(amount),
        currency: currency("EUR"),
        barred: BarredPayee::Pay,
    }
}

/// An entry to `cup` goes back.
pub fn return_entry(id: &str) -> ReturnTournamentEntry {
    ReturnTournamentEntry {
        source: source("prov"),
        id: txn(id),
        kind: AccountKind::Real,
        tournament: TournamentId::new("cup").expect("a tournament id"),
    }
}

/// A round triggered the jackpot `mega`.
pub fn claim_jackpot(id: &str, in_round: &str) -> ClaimJackpot {
    ClaimJackpot {
        source: source("prov"),
        id: txn(id),
        jackpot: JackpotId::new("mega").expect("a jackpot id"),
        round: round(in_round),
        currency: currency("EUR"),
    }
}

/// The claim is paid, as an award of the pool of `mega`.
pub fn pay_jackpot(id: &str, award: u64, amount: &str) -> PayJackpot {
    PayJackpot {
        source: source("prov"),
        id: txn(id),
        kind: AccountKind::Real,
        jackpot: JackpotId::new("mega").expect("a jackpot id"),
        award,
        amount: decimal(amount),
        currency: currency("EUR"),
    }
}

/// The claim is withdrawn.
pub fn withdraw_claim(id: &str) -> WithdrawJackpotClaim {
    WithdrawJackpotClaim {
        source: source("prov"),
        id: txn(id),
        reason: Reason::new("the game was at fault").expect("a reason"),
        by: person("anna"),
    }
}

/// Money goes to play elsewhere.
pub fn roll_out(id: &str, amount: &str) -> RollOut {
    RollOut { amount: Some(decimal(amount)), ..take_all(id) }
}

/// All there is goes to play elsewhere.
pub fn take_all(id: &str) -> RollOut {
    RollOut {
        source: source("prov"),
        id: txn(id),
        game: game("game"),
        amount: None,
        currency: currency("EUR"),
        session: None,
        flags: CallFlags::default(),
        registers: Vec::new(),
    }
}

/// What is left of it comes back.
pub fn roll_in(id: &str, of: &str, amount: &str) -> RollIn {
    RollIn {
        source: source("prov"),
        id: txn(id),
        transfer: txn(of),
        amount: decimal(amount),
        currency: currency("EUR"),
        staked: None,
        won: None,
    }
}

/// What free rounds of `campaign` won all in all.
pub fn free_rounds(id: &str, amount: &str) -> ReportFreeRounds {
    ReportFreeRounds {
        source: source("prov"),
        id: txn(id),
        campaign: sub_account("campaign"),
        amount: decimal(amount),
        currency: currency("EUR"),
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

/// A new result for one bet.
pub fn resettle_bet(id: &str, in_round: &str, of: &str, amount: &str) -> Resettle {
    Resettle { bet: Some(txn(of)), ..resettle(id, in_round, amount) }
}

/// A cash-out of a part of a bet.
pub fn cash_out_part(id: &str, in_round: &str, of: &str, amount: &str, principal: &str) -> CashOut {
    CashOut { principal: Some(decimal(principal)), ..cash_out(id, in_round, of, amount) }
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
        between_players: false,
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
pub fn rate_at(base: &str, quote: &str, value: &str, as_of: Timestamp) -> FxRate {
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
