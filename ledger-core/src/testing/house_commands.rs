//! Commands to the house by texts: source `office`, persons `anna` and `boris`, EUR, 2026-01-31, unless changed with
//! struct update syntax.

use std::collections::BTreeMap;

use crate::account::{AccountCode, Side};
use crate::house::{
    AccrueDuty, AccrueProviderFees, ActivateShapes, AssignSuspense, BookFxResult, CancelAssignment,
    ConfirmAssignment, ConvertedNet, DecideJournal, DocumentContent, ExchangeFunds, JournalPosting,
    ProposeJournal, PublishDocument, RecordChargebackLoss, RecoverBadDebt, RegisterCurrency, ReturnSuspense,
    SeedJackpot, SettleAuthority, SettleProvider, SettlePsp, SettlementLine, SuspendCapture, TransferFunds,
};
use crate::house::{
    AwardJackpot, ChangeJackpotStatus, ConfigureJackpot, SettleJackpotAward, SweepJackpot, SweepPart,
};
use crate::house::{
    CancelTournament, CloseTournament, ConfigureTournament, EndTournament, OpenTournament,
    ReleaseTournamentEntry, ScoreTournament, SettleTournamentPrize, TakeTournamentEntry,
};
use crate::ids::{DocumentKind, DocumentName, HouseId, JackpotId, PlayerId, Reason, SubAccount};
use crate::money::{BasisPoints, CurrencyRegistry};
use crate::policy::Policy;
use crate::stored::{
    AccrualDirection, AuthorityLine, BankAccount, CancelProof, Funds, FxDirection, LossDirection, PaymentRef,
    ProviderLine, PspLine, SeedMovement, ShapeLevel, SuspenseOrigin,
};
use crate::stored::{AwardOutcome, JackpotClaimRef, JackpotRate, JackpotStatus, JackpotTerms, SweepOrigin};
use crate::stored::{
    BarredPayee, PrizeOutcome, TournamentEntryRef, TournamentPlaces, TournamentPrize, TournamentRemainder,
    TournamentScoring, TournamentTerms, TournamentTie,
};
use crate::testing::commands::{currency, decimal, person, round, source, txn};
use crate::time::Day;

/// A partition of the house.
pub fn house(text: &str) -> HouseId {
    HouseId::new(text).expect("a house id")
}

/// A day.
pub fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

/// A reason.
pub fn reason(text: &str) -> Reason {
    Reason::new(text).expect("a reason")
}

fn sub_account(text: &str) -> SubAccount {
    SubAccount::new(text).expect("a sub-account")
}

/// A bank account of players' money.
pub fn players_bank(account: &str) -> BankAccount {
    BankAccount { funds: Funds::Players, account: sub_account(account) }
}

/// A bank account of the house's own money.
pub fn own_bank(account: &str) -> BankAccount {
    BankAccount { funds: Funds::Operating, account: sub_account(account) }
}

fn lines<L: Copy>(all: &[(L, &str)]) -> Vec<SettlementLine<L>> {
    all.iter().map(|(line, amount)| SettlementLine { line: *line, amount: decimal(amount) }).collect()
}

/// What a net amount was in another currency.
pub fn converted(amount: &str, code: &str) -> ConvertedNet {
    ConvertedNet { amount: decimal(amount), currency: currency(code) }
}

/// A currency of the standard registry.
pub fn register(code: &str) -> RegisterCurrency {
    let currency = *CurrencyRegistry::standard().get(currency(code)).expect("a standard currency");
    RegisterCurrency { currency }
}

/// A payment provider settles to the players' bank account `main`.
pub fn settle_psp(batch: &str, all: &[(PspLine, &str)], net: &str) -> SettlePsp {
    SettlePsp {
        batch: txn(batch),
        value_date: day("2026-01-31"),
        bank: players_bank("main"),
        currency: currency("EUR"),
        lines: lines(all),
        net: decimal(net),
        converted: None,
        by: person("anna"),
    }
}

/// A chargeback that no player bears.
pub fn lose_chargeback(reference: &str, amount: &str) -> RecordChargebackLoss {
    RecordChargebackLoss {
        reference: txn(reference),
        direction: LossDirection::Taken,
        amount: decimal(amount),
        currency: currency("EUR"),
        fee: None,
        reason: reason("the account was never ours"),
        by: person("anna"),
    }
}

/// Such a loss comes back.
pub fn win_chargeback(reference: &str, amount: &str) -> RecordChargebackLoss {
    RecordChargebackLoss { direction: LossDirection::Returned, ..lose_chargeback(reference, amount) }
}

/// A payment of nobody known.
pub fn capture_unknown(reference: &str, amount: &str) -> SuspendCapture {
    SuspendCapture {
        reference: txn(reference),
        origin: SuspenseOrigin::Capture,
        amount: decimal(amount),
        currency: currency("EUR"),
        authorisation: None,
    }
}

/// An item becomes a player's.
pub fn assign(id: &str, reference: &str, player: &str) -> AssignSuspense {
    AssignSuspense {
        source: source("office"),
        id: txn(id),
        reference: txn(reference),
        player: PlayerId::new(player).expect("a player id"),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// An assignment of the office, by its id.
pub fn assignment(id: &str) -> PaymentRef {
    PaymentRef { source: source("office"), id: txn(id) }
}

/// It has landed.
pub fn confirm(id: &str, reference: &str, of: &str) -> ConfirmAssignment {
    ConfirmAssignment {
        source: source("office"),
        id: txn(id),
        reference: txn(reference),
        assignment: assignment(of),
        player_entry: 1,
    }
}

/// It is called off.
pub fn cancel_assignment(id: &str, reference: &str, of: &str) -> CancelAssignment {
    CancelAssignment {
        source: source("office"),
        id: txn(id),
        reference: txn(reference),
        assignment: assignment(of),
        proof: CancelProof::Refused,
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// An item goes back to its payer.
pub fn return_item(id: &str, reference: &str) -> ReturnSuspense {
    ReturnSuspense {
        source: source("office"),
        id: txn(id),
        reference: txn(reference),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// Fees of a game provider for January.
pub fn accrue_fees(id: &str, amount: &str) -> AccrueProviderFees {
    AccrueProviderFees {
        source: source("office"),
        id: txn(id),
        direction: AccrualDirection::Charge,
        from: day("2026-01-01"),
        to: day("2026-01-31"),
        amount: decimal(amount),
        currency: currency("EUR"),
        by: person("anna"),
    }
}

/// Less of them.
pub fn credit_fees(id: &str, amount: &str) -> AccrueProviderFees {
    AccrueProviderFees { direction: AccrualDirection::Credit, ..accrue_fees(id, amount) }
}

/// A game provider is settled with, over the house's own bank account `main`.
pub fn settle_provider(statement: &str, all: &[(ProviderLine, &str)], net: &str) -> SettleProvider {
    SettleProvider {
        statement: txn(statement),
        value_date: day("2026-01-31"),
        bank: own_bank("main"),
        currency: currency("EUR"),
        lines: lines(all),
        net: decimal(net),
        converted: None,
        by: person("anna"),
        approved_by: Some(person("boris")),
    }
}

/// Gaming duty for January.
pub fn accrue_duty(id: &str, amount: &str) -> AccrueDuty {
    AccrueDuty {
        source: source("office"),
        id: txn(id),
        direction: AccrualDirection::Charge,
        from: day("2026-01-01"),
        to: day("2026-01-31"),
        amount: decimal(amount),
        currency: currency("EUR"),
        by: person("anna"),
    }
}

/// Less of it.
pub fn credit_duty(id: &str, amount: &str) -> AccrueDuty {
    AccrueDuty { direction: AccrualDirection::Credit, ..accrue_duty(id, amount) }
}

/// An authority is settled with, over the house's own bank account `main`.
pub fn settle_authority(statement: &str, all: &[(AuthorityLine, &str)], net: &str) -> SettleAuthority {
    SettleAuthority {
        statement: txn(statement),
        value_date: day("2026-01-31"),
        bank: own_bank("main"),
        currency: currency("EUR"),
        lines: lines(all),
        net: decimal(net),
        converted: None,
        by: person("anna"),
        approved_by: Some(person("boris")),
    }
}

/// The house covers players' money from its own, without a second person.
pub fn cover(id: &str, amount: &str) -> TransferFunds {
    TransferFunds {
        source: source("treasury"),
        id: txn(id),
        value_date: day("2026-01-31"),
        from: own_bank("main"),
        to: players_bank("main"),
        amount: decimal(amount),
        currency: currency("EUR"),
        by: person("anna"),
        approved_by: None,
    }
}

/// The house takes its own out of the players' account.
pub fn take_own(id: &str, amount: &str) -> TransferFunds {
    TransferFunds {
        from: players_bank("main"),
        to: own_bank("main"),
        approved_by: Some(person("boris")),
        ..cover(id, amount)
    }
}

/// The house exchanges dollars for euros.
pub fn exchange_funds(id: &str, dollars: &str, euros: &str) -> ExchangeFunds {
    ExchangeFunds {
        source: source("treasury"),
        id: txn(id),
        value_date: day("2026-01-31"),
        from: players_bank("dollars"),
        given: decimal(dollars),
        given_currency: currency("USD"),
        to: players_bank("main"),
        received: decimal(euros),
        received_currency: currency("EUR"),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// A gain or loss of exchange.
pub fn fx_result(id: &str, direction: FxDirection, amount: &str) -> BookFxResult {
    BookFxResult {
        source: source("treasury"),
        id: txn(id),
        as_of: day("2026-01-31"),
        direction,
        amount: decimal(amount),
        currency: currency("EUR"),
        by: person("anna"),
    }
}

/// A debt is paid after all.
pub fn recover_debt(id: &str, amount: &str) -> RecoverBadDebt {
    RecoverBadDebt {
        source: source("treasury"),
        id: txn(id),
        value_date: day("2026-01-31"),
        bank: own_bank("main"),
        amount: decimal(amount),
        currency: currency("EUR"),
        reason: reason("the collector paid"),
        by: person("anna"),
    }
}

/// A seed of a jackpot.
pub fn seed(id: &str, movement: SeedMovement, amount: &str) -> SeedJackpot {
    SeedJackpot {
        source: source("office"),
        id: txn(id),
        movement,
        amount: decimal(amount),
        currency: currency("EUR"),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// Terms of a jackpot in euros: so much seed, and one per cent of each stake.
pub fn jackpot_terms(seed: &str) -> JackpotTerms {
    JackpotTerms {
        currency: currency("EUR"),
        seed: seed.parse().expect("an amount"),
        must_hit_by: None,
        ceiling: None,
        overflow: None,
        diversion: BasisPoints::default(),
        rate: JackpotRate::Share(BasisPoints::new(100).expect("few")),
        games: BTreeMap::new(),
    }
}

/// A jackpot gets terms.
pub fn configure(id: &str, terms: JackpotTerms) -> ConfigureJackpot {
    ConfigureJackpot {
        source: source("office"),
        id: txn(id),
        terms,
        reason: reason("a new game"),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// A jackpot.
pub fn jackpot(text: &str) -> JackpotId {
    JackpotId::new(text).expect("a jackpot id")
}

/// A jackpot is opened or suspended.
pub fn jackpot_status(id: &str, status: JackpotStatus) -> ChangeJackpotStatus {
    ChangeJackpotStatus {
        source: source("office"),
        id: txn(id),
        status,
        moves_to: None,
        reason: reason("a fault of the game"),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// A jackpot is closed; what is in it goes to another.
pub fn close_jackpot(id: &str, to: &str) -> ChangeJackpotStatus {
    ChangeJackpotStatus { moves_to: Some(jackpot(to)), ..jackpot_status(id, JackpotStatus::Closed) }
}

/// A stretch of a shard gave a jackpot so much, in euros.
pub fn sweep(shard: u16, after: u64, up_to: u64, contributed: &str) -> SweepJackpot {
    let part =
        SweepPart { currency: currency("EUR"), contributed: decimal(contributed), drawn: decimal("0") };
    SweepJackpot { origin: SweepOrigin::Shard(shard), after, up_to, parts: vec![part] }
}

/// A claim of a player gets the pool; it is of `prov`.
pub fn award(player: &str, claim: &str) -> AwardJackpot {
    AwardJackpot {
        claim: JackpotClaimRef {
            player: PlayerId::new(player).expect("a player id"),
            source: source("prov"),
            id: txn(claim),
        },
        round: round("R"),
        currency: currency("EUR"),
    }
}

/// An award was paid.
pub fn award_paid(award: u64, entry: u64) -> SettleJackpotAward {
    SettleJackpotAward { award, outcome: AwardOutcome::Paid(entry) }
}

/// The player's ledger refused an award for good.
pub fn award_refused(award: u64) -> SettleJackpotAward {
    SettleJackpotAward { award, outcome: AwardOutcome::Refused }
}

/// Terms of a tournament in euros, on 2026-01-01 from midnight to one, with results until two: the pool to the first two, 60
/// and 40 per cent; points are stakes.
pub fn tournament_terms(buy_in: &str, fee: &str) -> TournamentTerms {
    let (amount, at) = (|text: &str| text.parse().expect("an amount"), |text: &str| text.parse());
    let share = |points| TournamentPlaces {
        places: 1,
        prize: TournamentPrize::Share(BasisPoints::new(points).expect("few")),
    };
    TournamentTerms {
        currency: currency("EUR"),
        buy_in: amount(buy_in),
        fee: amount(fee),
        guarantee: amount("0.00"),
        prizes: vec![share(6_000), share(4_000)],
        remainder: TournamentRemainder::House,
        from: at("2026-01-01T00:00:00Z").expect("an instant"),
        until: at("2026-01-01T01:00:00Z").expect("an instant"),
        results_until: at("2026-01-01T02:00:00Z").expect("an instant"),
        entries_max: 100,
        games: std::collections::BTreeSet::new(),
        min_stake: amount("0.00"),
        min_bets: 1,
        scoring: TournamentScoring::Stakes,
        tie: TournamentTie::SharePrizes,
        barred: BarredPayee::Pay,
    }
}

/// A tournament gets terms.
pub fn configure_tournament(id: &str, terms: TournamentTerms) -> ConfigureTournament {
    ConfigureTournament {
        source: source("office"),
        id: txn(id),
        terms,
        reason: reason("the spring cup"),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// A tournament is opened with these terms.
pub fn open_tournament(id: &str, terms: &TournamentTerms) -> OpenTournament {
    let terms = DocumentContent::of(terms).expect("terms are a document").hash();
    OpenTournament { source: source("office"), id: txn(id), terms, by: person("anna") }
}

/// A tournament is cancelled.
pub fn cancel_tournament(id: &str) -> CancelTournament {
    CancelTournament {
        source: source("office"),
        id: txn(id),
        reason: reason("the game was at fault"),
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// An entry of a player, of `prov`.
pub fn entry_of(player: &str, id: &str) -> TournamentEntryRef {
    TournamentEntryRef {
        player: PlayerId::new(player).expect("a player id"),
        source: source("prov"),
        id: txn(id),
    }
}

/// An entry of 10 with a fee of 1 comes to a tournament.
pub fn take_entry(player: &str, id: &str) -> TakeTournamentEntry {
    TakeTournamentEntry {
        of: entry_of(player, id),
        buy_in: decimal("10"),
        fee: decimal("1"),
        currency: currency("EUR"),
        entered_at: "2026-01-01T00:00:00Z".parse().expect("an instant"),
    }
}

/// An entry went back.
pub fn release_entry(player: &str, id: &str) -> ReleaseTournamentEntry {
    ReleaseTournamentEntry { of: entry_of(player, id) }
}

/// A player has so many points, of one bet.
pub fn score(player: &str, up_to: u64, points: &str) -> ScoreTournament {
    ScoreTournament {
        player: PlayerId::new(player).expect("a player id"),
        up_to,
        points: decimal(points),
        bets: 1,
        reached_at: "2026-01-01T00:30:00Z".parse().expect("an instant"),
    }
}

/// Play of a tournament ends.
pub fn end_tournament() -> EndTournament {
    EndTournament {}
}

/// The results of a tournament are fixed.
pub fn close_tournament() -> CloseTournament {
    CloseTournament {}
}

/// A prize was paid.
pub fn prize_paid(number: u64, entry: u64) -> SettleTournamentPrize {
    SettleTournamentPrize { number, outcome: PrizeOutcome::Paid(entry) }
}

/// A prize is the house's.
pub fn prize_forfeited(number: u64) -> SettleTournamentPrize {
    SettleTournamentPrize { number, outcome: PrizeOutcome::Forfeited }
}

/// A posting of a journal entry: `dr` or `cr`, the account's name, what it is kept per or nothing, and an amount.
pub fn leg(side: &str, account: &str, of: &str, amount: &str) -> JournalPosting {
    JournalPosting {
        side: if side == "dr" { Side::Debit } else { Side::Credit },
        account: account.parse::<AccountCode>().expect("an account"),
        of: (!of.is_empty()).then(|| sub_account(of)),
        amount: decimal(amount),
        currency: currency("EUR"),
    }
}

/// Anna proposes a journal entry.
pub fn propose_journal(id: &str, postings: Vec<JournalPosting>) -> ProposeJournal {
    ProposeJournal {
        source: source("office"),
        id: txn(id),
        postings,
        corrects: None,
        reason: reason("the bank charged us"),
        by: person("anna"),
    }
}

/// Boris approves it.
pub fn approve_journal(id: &str, proposal: &str) -> DecideJournal {
    DecideJournal {
        source: source("office"),
        id: txn(id),
        proposal: txn(proposal),
        by: person("boris"),
        approve: true,
    }
}

/// Boris declines it.
pub fn decline_journal(id: &str, proposal: &str) -> DecideJournal {
    DecideJournal { approve: false, ..approve_journal(id, proposal) }
}

/// A document by Anna, approved by Boris, in force at once.
pub fn publish(id: &str, kind: &str, name: &str, content: &str) -> PublishDocument {
    PublishDocument {
        source: source("office"),
        id: txn(id),
        kind: DocumentKind::new(kind).expect("a kind"),
        name: DocumentName::new(name).expect("a name"),
        content: DocumentContent::new(content).expect("a content"),
        effective_from: None,
        expected: None,
        reason: reason("as agreed"),
        author: person("anna"),
        approved_by: person("boris"),
    }
}

/// Shapes of a level are written from here on.
pub fn activate(level: u16) -> ActivateShapes {
    ActivateShapes { level: ShapeLevel(level), reason: reason("no older release is left") }
}

/// A policy, in force at once.
pub fn publish_policy(id: &str, policy: &Policy) -> PublishDocument {
    let content = DocumentContent::of(policy).expect("a policy is a document");
    publish(id, crate::house::POLICY_KIND, crate::house::POLICY_DOCUMENT, content.as_str())
}
