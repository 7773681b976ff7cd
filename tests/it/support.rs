//! What the tests of the engine share.

use std::sync::Arc;

use casino_ledger::core::{
    AccountKind, BrandId, CurrencyCode, Finality, GameId, JurisdictionId, OpenPlayer, OperatorId, PlaceBet,
    PlayerCommand, PlayerId, RecordDeposit, Rollback, RoundId, Settle, SourceId, TransactionId,
};
use casino_ledger::store::{EventStore, FORMAT, LedgerId, LedgerIdentity, MemoryStore, ShardCount};
use casino_ledger::{ExecuteError, Ledger, Receipt, Settings};
use rust_decimal::Decimal;

pub(crate) fn eur() -> CurrencyCode {
    CurrencyCode::new("EUR").unwrap()
}

pub(crate) fn dec(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

pub(crate) fn player(id: &str) -> PlayerId {
    PlayerId::new(id).unwrap()
}

pub(crate) fn source(id: &str) -> SourceId {
    SourceId::new(id).unwrap()
}

pub(crate) fn txn(id: &str) -> TransactionId {
    TransactionId::new(id).unwrap()
}

pub(crate) fn open() -> PlayerCommand {
    OpenPlayer {
        operator: OperatorId::new("op").unwrap(),
        brand: BrandId::new("brand").unwrap(),
        jurisdiction: JurisdictionId::new("MT").unwrap(),
        zone: "Europe/Malta".to_owned(),
        kind: AccountKind::Real,
        currencies: vec![eur()],
    }
    .into()
}

pub(crate) fn deposit(id: &str, amount: &str) -> PlayerCommand {
    RecordDeposit {
        source: source("psp"),
        id: txn(id),
        amount: dec(amount),
        currency: eur(),
        authorisation: None,
    }
    .into()
}

pub(crate) fn bet(id: &str, round: &str, amount: &str) -> PlayerCommand {
    PlaceBet {
        source: source("prov"),
        id: txn(id),
        round: RoundId::new(round).unwrap(),
        game: GameId::new("crash").unwrap(),
        amount: dec(amount),
        currency: eur(),
    }
    .into()
}

pub(crate) fn win(id: &str, round: &str, amount: &str, finality: Finality) -> PlayerCommand {
    Settle {
        source: source("prov"),
        id: txn(id),
        round: RoundId::new(round).unwrap(),
        bet: None,
        amount: dec(amount),
        currency: eur(),
        finality,
    }
    .into()
}

pub(crate) fn rollback(id: &str, target: &str) -> PlayerCommand {
    Rollback {
        source: source("prov"),
        id: txn(id),
        target: txn(target),
        kind: None,
        round: None,
        currency: None,
        amount: None,
        on_shortfall: None,
    }
    .into()
}

pub(crate) fn identity(shards: ShardCount) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([9; 16]), shards, format: FORMAT }
}

pub(crate) async fn in_memory(shards: ShardCount) -> (Ledger, Arc<MemoryStore>) {
    let store = Arc::new(MemoryStore::new(identity(shards)));
    let ledger = Ledger::with_store(Arc::clone(&store) as Arc<dyn EventStore>, Settings::new().unwrap())
        .await
        .unwrap();
    (ledger, store)
}

/// Opens a player with cash.
pub(crate) async fn funded(ledger: &Ledger, id: &str, cash: &str) -> PlayerId {
    let player = player(id);
    ledger.execute(&player, open()).await.unwrap();
    ledger.execute(&player, deposit("d1", cash)).await.unwrap();
    player
}

pub(crate) fn available(receipt: &Receipt) -> String {
    receipt.available(eur()).unwrap().to_string()
}

pub(crate) fn code(result: &Result<Receipt, ExecuteError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => error.rejection().map_or("failure", |rejection| rejection.code()),
    }
}
