//! Whatever a caller sends: a typed answer, and nothing stored that should not be.

use std::sync::Arc;

use casino_ledger::core::{
    CurrencyCode, OpenPlayer, PlaceBet, PlayerCommand, PlayerId, RecordDeposit, RoundId, TransactionId,
};
use casino_ledger::store::ShardCount;
use casino_ledger::{Ledger, Settings};
use rust_decimal::Decimal;

use crate::support::{
    bet, cash, dec, deposit, funded, memory, on, open, player, rollback, settings, source, text, verified,
};

fn bet_of(amount: Decimal) -> PlayerCommand {
    let PlayerCommand::PlaceBet(bet) = bet("t", "r", "1.00") else { unreachable!() };
    PlaceBet { amount, ..bet }.into()
}

fn deposit_of(amount: Decimal) -> PlayerCommand {
    let PlayerCommand::RecordDeposit(deposit) = deposit("d", "1.00") else { unreachable!() };
    RecordDeposit { amount, ..deposit }.into()
}

fn opening_in(codes: &[&str]) -> PlayerCommand {
    let PlayerCommand::OpenPlayer(open) = open() else { unreachable!() };
    let currencies = codes.iter().map(|code| CurrencyCode::new(code).unwrap()).collect();
    OpenPlayer { currencies, ..open }.into()
}

/// The answer, and that no head has moved.
async fn refused(ledger: &Ledger, player: &PlayerId, command: PlayerCommand) -> String {
    let before = ledger.heads().await.unwrap();
    let answer = ledger.execute(player, command).await;
    assert_eq!(ledger.heads().await.unwrap(), before, "{answer:?}");
    text(&answer)
}

#[tokio::test]
async fn amounts_nobody_can_mean_are_refused_and_not_recorded() {
    let ledger = on(memory(ShardCount::DEFAULT), settings()).await;
    let p = funded(&ledger, "p", "100.00").await;
    for (amount, code) in [
        (dec("92233720368547758.08"), "invalid_amount"), // 2^63 cents
        (dec("184467440737095516.16"), "invalid_amount"),
        (Decimal::MAX, "invalid_amount"),
        (Decimal::MIN, "invalid_amount"),
        (dec("-0.01"), "invalid_amount"),
        (dec("0.001"), "precision"),
        (Decimal::new(1, 28), "precision"),
        (dec("1000000000000.01"), "invalid_amount"),
    ] {
        assert_eq!(
            refused(&ledger, &p, bet_of(amount)).await,
            format!("refused:{code}"),
            "a bet of {amount}"
        );
        assert_eq!(refused(&ledger, &p, deposit_of(amount)).await, format!("refused:{code}"), "{amount}");
    }
    assert_eq!(refused(&ledger, &p, deposit_of(Decimal::ZERO)).await, "refused:invalid_amount");
    // The largest amount there is goes in once, and no further.
    assert_eq!(text(&ledger.execute(&p, deposit_of(dec("1000000000000.00"))).await), "applied");
    assert_eq!(cash(&ledger, &p).await, "1000000000100.00");
    verified(ledger.store().as_ref()).await;
}

#[tokio::test]
async fn unknown_players_and_currencies_are_refused_and_not_recorded() {
    let store = memory(ShardCount::DEFAULT);
    let ledger = on(Arc::clone(&store) as _, settings()).await;
    let p = funded(&ledger, "p", "100.00").await;
    for command in [bet("t", "r", "1.00"), deposit("d", "1.00"), rollback("x", "t")] {
        assert_eq!(refused(&ledger, &player("nobody"), command).await, "refused:player_unknown");
    }
    assert_eq!(refused(&ledger, &player("q"), opening_in(&["XXX"])).await, "refused:currency_unknown");
    assert_eq!(refused(&ledger, &player("q"), opening_in(&["EUR", "XXX"])).await, "refused:currency_unknown");
    let none = refused(&ledger, &player("q"), opening_in(&[])).await;
    let twice = refused(&ledger, &player("q"), opening_in(&["EUR", "EUR"])).await;
    assert!(none.starts_with("refused:") && twice.starts_with("refused:"), "{none} {twice}");
    assert!(ledger.player(&player("q")).await.unwrap().state.profile().is_none());
    let PlayerCommand::PlaceBet(in_euro) = bet("t", "r", "1.00") else { unreachable!() };
    let usd = CurrencyCode::new("USD").unwrap();
    let answer = ledger.execute(&p, PlaceBet { currency: usd, ..in_euro }).await;
    assert!(text(&answer).ends_with("currency_mismatch"), "{answer:?}");
    assert_eq!(cash(&ledger, &p).await, "100.00");
    verified(store.as_ref()).await;
}

#[tokio::test]
async fn hostile_ids_are_ids_or_are_refused_by_their_type() {
    for text in ["", "a\nb", "\u{0}", "\u{7f}", "\u{85}", &"x".repeat(129), &"\u{1F0A1}".repeat(33)] {
        assert!(PlayerId::new(text).is_err(), "{text:?}");
        assert!(TransactionId::new(text).is_err() && RoundId::new(text).is_err(), "{text:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("ledger");
    let hostile = [
        "a/b".to_owned(),
        "../../etc/passwd".to_owned(),
        "%2F%00".to_owned(),
        "'; drop table players; --".to_owned(),
        "\"},{\"".to_owned(),
        "\\".repeat(64),
        "\u{202e}\u{feff}\u{1F0A1}".to_owned(),
        "e\u{301}".to_owned(),
        "\u{e9}".to_owned(),
        "register".to_owned(),
        "house/currencies".to_owned(),
        "\u{1F0A1}".repeat(32),
        "x".repeat(128),
    ];
    for reopened in [false, true] {
        let ledger = Ledger::open(&folder, Settings::new().unwrap()).await.unwrap();
        let prefix = if reopened { "replayed:" } else { "" };
        for id in &hostile {
            let p = player(id);
            assert_eq!(text(&ledger.execute(&p, open()).await), format!("{prefix}applied"), "{id}");
            for other in &hostile {
                let applied = format!("{prefix}applied");
                assert_eq!(text(&ledger.execute(&p, deposit(other, "1.00")).await), applied, "{id} {other}");
                let mut placed = bet(other, other, "1.00");
                if let PlayerCommand::PlaceBet(bet) = &mut placed {
                    bet.source = source(id);
                }
                assert_eq!(text(&ledger.execute(&p, placed).await), applied, "{id} {other}");
            }
            let state = ledger.player(&p).await.unwrap().state;
            assert_eq!((state.player().as_str(), state.open_rounds()), (id.as_str(), hostile.len()));
            if reopened {
                let closing = casino_ledger::core::CloseRound {
                    source: source(id),
                    id: TransactionId::new("end").unwrap(),
                    round: RoundId::new(id).unwrap(),
                };
                assert_eq!(text(&ledger.execute(&p, closing).await), "applied");
            }
        }
        verified(ledger.store().as_ref()).await;
        ledger.close().await.unwrap();
    }
}
