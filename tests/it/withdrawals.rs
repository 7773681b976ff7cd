//! Withdrawals through the engine: what has ended is found in its stream, whether the ledger was closed in between or
//! not, and a quote of what was read is what a request takes.

use casino_ledger::core::stored::{Bearer, DestinationProof};
use casino_ledger::core::testing::commands;
use casino_ledger::core::{
    BasisPoints, JurisdictionProfile, LatePayoutPolicy, PlayerCommand, PlayerId, Policy, RecordDeposit,
    RequestWithdrawal, UnplayedMoney, WithdrawalPolicy, WithdrawalQuote,
};
use casino_ledger::store::ShardCount;
use casino_ledger::{Ledger, Settings};

use crate::support::{
    available, cash, code, dec, eur, memory, on, open, player, soon, text, tuned, verified,
};

/// What is suspended if it is paid late, and deposits that cost 20 % unplayed.
fn policy() -> Policy {
    let unplayed = UnplayedMoney::Fee { rate: BasisPoints::new(2_000).unwrap() };
    Policy {
        withdrawals: WithdrawalPolicy {
            kyc_max_age_secs: u32::MAX,
            late_payout: LatePayoutPolicy::Suspense,
            ..WithdrawalPolicy::default()
        },
        default_jurisdiction: JurisdictionProfile { unplayed, ..JurisdictionProfile::default() },
        ..Policy::default()
    }
}

fn settings() -> Settings {
    tuned(|s| s.policy = policy())
}

async fn run(ledger: &Ledger, player: &PlayerId, command: impl Into<PlayerCommand>) -> String {
    text(&soon(ledger.execute(player, command)).await)
}

async fn paid_by_card(ledger: &Ledger) -> PlayerId {
    let p = player("p");
    assert_eq!(run(ledger, &p, open()).await, "applied");
    let instrument = Some(commands::instrument("card"));
    let deposit = RecordDeposit { instrument, ..commands::deposit("D1", "100") };
    assert_eq!(run(ledger, &p, deposit).await, "applied");
    p
}

fn to_card(id: &str, amount: &str) -> RequestWithdrawal {
    RequestWithdrawal {
        destination: commands::instrument("card"),
        proof: Some(DestinationProof::Deposit(commands::payment("D1"))),
        ..commands::request(id, amount)
    }
}

/// What a payment provider says long after a withdrawal has ended meets it as it stands.
#[tokio::test]
async fn answers_to_what_has_ended_are_decided_on_its_stream() {
    let dir = tempfile::tempdir().unwrap();
    for reopen in [false, true] {
        let folder = dir.path().join(format!("reopen-{reopen}"));
        let mut ledger = Ledger::open(&folder, settings()).await.unwrap();
        let p = paid_by_card(&ledger).await;
        let steps: Vec<(PlayerCommand, &str)> = vec![
            (to_card("W1", "60").into(), "applied"),
            (commands::split_withdrawal("S1", "W1", &[("W2", "20"), ("W3", "40")]).into(), "applied"),
            (commands::approve_withdrawal("A2", "W2", "ann").into(), "applied"),
            (commands::approve_withdrawal("A3", "W3", "ann").into(), "applied"),
            (commands::send("P2", "W2").into(), "applied"),
            (commands::send("P3", "W3").into(), "applied"),
            (commands::mark_unknown("U2", "W2").into(), "applied"),
            (commands::mark_paid("M2", "W2").into(), "applied"),
            (commands::mark_failed("F2", "W2").into(), "noop"),
            (commands::mark_failed("F3", "W3").into(), "applied"),
            (commands::mark_paid("M3", "W3").into(), "applied"),
            (commands::mark_returned("B3", "W3").into(), "rejected:not_allowed"),
            (commands::settle_late("L3", "W3", Bearer::Player).into(), "applied"),
            (commands::mark_returned("B3", "W3").into(), "applied"),
            (commands::mark_returned_to_suspense("B2", "W2").into(), "applied"),
            (commands::release("R2", "B2").into(), "applied"),
            (commands::request("W2", "1").into(), "refused:key_reused"),
            (commands::cancel_withdrawal("C1", "W1").into(), "rejected:not_allowed"),
            (commands::mark_paid("M2", "W2").into(), "replayed:applied"),
        ];
        for (command, expected) in steps {
            if reopen {
                soon(ledger.close()).await.unwrap();
                ledger = Ledger::open(&folder, settings()).await.unwrap();
            }
            assert_eq!(run(&ledger, &p, command.clone()).await, expected, "{command:?}");
        }
        // All of it is back but for what the first part had cost, which stays with the house after a suspense.
        assert_eq!(cash(&ledger, &p).await, "95.00");
        verified(ledger.store().as_ref()).await;
        soon(ledger.close()).await.unwrap();
    }
}

#[tokio::test]
async fn a_quote_of_what_was_read_is_what_a_request_takes() {
    let ledger = on(memory(ShardCount::ONE), settings()).await;
    let p = paid_by_card(&ledger).await;
    let reading = soon(ledger.player(&p)).await.unwrap();
    let now = reading.state.recorded_at().unwrap();
    let most = WithdrawalQuote::of_all(&reading.state, &policy(), eur(), now).unwrap();
    assert_eq!((most.withdrawable.to_string(), most.extra.to_string()), ("80.00".into(), "20.00".into()));
    let too_much = soon(ledger.execute(&p, to_card("W1", "80.01"))).await;
    assert_eq!(code(&too_much), "unplayed_deposits");
    let quote = WithdrawalQuote::of(&reading.state, &policy(), dec("40"), eur(), now).unwrap();
    let asked = soon(ledger.execute(&p, to_card("W2", "40"))).await.unwrap();
    let left = quote.available.checked_sub(quote.taken).unwrap();
    assert_eq!((available(&asked), left.to_string()), ("50.00".to_owned(), "50.00".to_owned()));
    let state = soon(ledger.player(&p)).await.unwrap().state;
    assert_eq!(state.open_withdrawals(), 1);
    verified(ledger.store().as_ref()).await;
    soon(ledger.close()).await.unwrap();
}
