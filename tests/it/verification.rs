//! Damage is planted, and verification names its place.

use std::sync::Arc;

use casino_ledger::core::stored::{CommitBody, CommitIndex, EntryPosted, Event, EventRecord};
use casino_ledger::core::testing::commands;
use casino_ledger::core::{AccountCode, AccountKind, CurrencyCode, Entry, Finality, Posting, SubAccount};
use casino_ledger::store::{
    EventStore, Head, LedgerIdentity, Position, SealedCommit, Shard, ShardAppend, ShardCount, StoredCommit,
    commit_hash, genesis,
};
use casino_ledger::{TrialBalanceLine, VerifyError, verify};

use crate::puppet::Puppet;
use crate::support::{Hands, bet, deposit, funded, memory, on, rollback, soon, tuned, win};

/// A ledger with a bit of everything: register, two players, 12 commits in one shard.
async fn staged() -> (Arc<Puppet>, Vec<StoredCommit>) {
    let puppet = Puppet::new(memory(ShardCount::ONE));
    // Time stands still, so that a commit in another place is wrong for its content and not for its time.
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.clock = Hands::new())).await;
    let (p, q) = (funded(&ledger, "p", "100.00").await, funded(&ledger, "q", "50.00").await);
    for (player, command) in [
        (&p, bet("t1", "r1", "10.00")),
        (&q, bet("t1", "r1", "5.00")),
        (&p, win("w1", "r1", "36.40", Finality::Round)),
        (&q, rollback("x1", "t1")),
        (&p, deposit("d2", "7.00")),
        (&p, rollback("x2", "w1")),
        (&q, bet("t2", "r2", "1.00")),
    ] {
        ledger.execute(player, command).await.unwrap();
    }
    ledger.close().await.unwrap();
    let commits = puppet.read(Shard(0), Position(1), 100).await.unwrap();
    assert_eq!(commits.len(), 12);
    (puppet, commits)
}

/// Shows other commits instead.
fn show(puppet: &Puppet, commits: Vec<StoredCommit>) {
    puppet.lie(move |read| {
        let Some(first) = read.first() else { return read };
        commits.iter().filter(|commit| commit.position >= first.position).cloned().collect()
    });
}

/// Links and hashes a chain anew, as a forger would.
fn rehashed(identity: &LedgerIdentity, mut commits: Vec<StoredCommit>) -> Vec<StoredCommit> {
    let mut head: Head = genesis(identity, Shard(0));
    for commit in &mut commits {
        commit.position = head.position.next();
        commit.previous = head.hash;
        commit.hash = commit_hash(identity, Shard(0), commit.position, &head.hash, &commit.body);
        head = Head { position: commit.position, hash: commit.hash };
    }
    commits
}

fn replaced(commit: &mut StoredCommit, from: &str, to: &str) {
    let body = std::str::from_utf8(&commit.body).unwrap();
    assert!(body.contains(from), "{from} is not in {body}");
    commit.body = body.replace(from, to).into_bytes().into();
}

async fn wrong_at(puppet: &Puppet) -> (u64, String) {
    match verify(puppet).await {
        Err(VerifyError::Commit { shard: Shard(0), position, what }) => (position.0, what),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_honest_ledger_passes_with_the_right_sums() {
    let (puppet, _) = staged().await;
    let verification = verify(puppet.as_ref()).await.unwrap();
    assert_eq!((verification.commits, verification.players), (12, 2));
    let sum = |side: fn(&casino_ledger::TrialBalanceLine) -> casino_ledger::core::Amount| {
        verification.trial_balance.iter().map(|line| side(line).units()).sum::<i128>()
    };
    assert_eq!(sum(|line| line.debits), sum(|line| line.credits));
}

/// A posting of an exchange.
fn leg(
    side: fn(AccountCode, Option<SubAccount>, casino_ledger::core::Amount, CurrencyCode) -> Posting,
    account: AccountCode,
    amount: &str,
    currency: &str,
) -> Posting {
    let of = account.per().map(|_| SubAccount::new("psp").unwrap());
    side(account, of, amount.parse().unwrap(), CurrencyCode::new(currency).unwrap())
}

/// The staged ledger, and after it entries that somebody else appended to the wallet of p, each with what he got.
async fn with_entries(entries: &[(Vec<Posting>, &str)]) -> Arc<Puppet> {
    let (puppet, mut commits) = staged().await;
    let mut bodies = commits.iter().map(|commit| CommitBody::decode(&commit.body).unwrap());
    let last = bodies.rfind(|body| body.partition.to_string() == "player/p").unwrap();
    let posted = |record: &EventRecord| match &record.event {
        Event::EntryPosted(posted) => Some((record.version, posted.after[0].clone())),
        _ => None,
    };
    let (mut version, mut purse) = last.events.iter().find_map(posted).unwrap();
    for (postings, cash) in entries {
        version += 1;
        purse.cash = purse.cash.checked_add(cash.parse().unwrap()).unwrap();
        let entry = Entry::new(AccountKind::Real, postings.clone()).unwrap();
        let event = Event::EntryPosted(EntryPosted {
            entry,
            after: vec![purse.clone()],
            lots: vec![],
            bonus: vec![],
        });
        let events = vec![EventRecord::new("wallet/p".parse().unwrap(), version, event)];
        let body = CommitBody { keys: vec![], tombstones: vec![], balance: None, events, ..last.clone() };
        let mut bytes = Vec::new();
        body.encode(&mut bytes).unwrap();
        commits.push(StoredCommit { body: bytes.into(), ..commits.last().unwrap().clone() });
    }
    written(puppet.identity(), commits).await
}

/// A store of these commits, linked and hashed anew: nothing is wrong with its chain.
async fn written(identity: &LedgerIdentity, commits: Vec<StoredCommit>) -> Arc<Puppet> {
    let store = memory(ShardCount::ONE);
    for commit in rehashed(identity, commits) {
        let StoredCommit { position, previous, hash, body, .. } = commit;
        let expected = Head { position: Position(position.0 - 1), hash: previous };
        let index = CommitIndex::of_body(&body).unwrap();
        let commits = vec![SealedCommit { position, previous, hash, body, index }];
        store.append(&[ShardAppend { shard: Shard(0), expected, commits }]).await.unwrap().remove(0).unwrap();
    }
    Puppet::new(store)
}

/// An exchange has a currency the player has no purse in, and house accounts finer than their currency.
#[tokio::test]
async fn entries_of_mixed_scales_add_up() {
    use AccountCode::{FxPosition, PlayerCash, PspClearing, Rounding};
    let exchange = vec![
        leg(Posting::debit, PspClearing, "100.01", "USD"),
        leg(Posting::credit, FxPosition, "100.010000", "USD"),
        leg(Posting::debit, FxPosition, "90.918182", "EUR"),
        leg(Posting::debit, Rounding, "0.001818", "EUR"),
        leg(Posting::credit, PlayerCash, "90.92", "EUR"),
    ];
    // One account at two scales: nobody books it so, but a sum must not depend on it.
    let coarse =
        vec![leg(Posting::debit, FxPosition, "2.00", "EUR"), leg(Posting::credit, PlayerCash, "2.00", "EUR")];
    let both = [(exchange, "90.92"), (coarse, "2.00")];
    for entries in [both.clone(), [both[1].clone(), both[0].clone()]] {
        let puppet = with_entries(&entries).await;
        let verification = verify(puppet.as_ref()).await.unwrap();
        let assert = |account: AccountCode, currency: &str, debits: &str, credits: &str| {
            let of = |line: &&TrialBalanceLine| line.account == account && line.currency.as_str() == currency;
            let lines: Vec<_> = verification.trial_balance.iter().filter(of).collect();
            assert_eq!(lines.len(), 1, "{account} {currency}");
            assert_eq!(
                (lines[0].debits.to_string(), lines[0].credits.to_string()),
                (debits.to_owned(), credits.to_owned())
            );
        };
        assert(FxPosition, "EUR", "92.918182", "0.000000");
        assert(FxPosition, "USD", "0.000000", "100.010000");
        assert(PspClearing, "USD", "100.01", "0.00");
        assert(Rounding, "EUR", "0.001818", "0.000000");
        // p: 100.00 deposited, 10.00 staked and taken, 7.00 deposited; q: 50.00 less an open bet of 1.00.
        assert(PspClearing, "EUR", "157.00", "0.00");
        assert(PlayerCash, "EUR", "52.40", "291.32");
    }
}

/// The player's own accounts have whole units, also in an entry whose other legs are finer.
#[tokio::test]
async fn a_players_leg_at_a_finer_scale_is_named() {
    use AccountCode::{FxPosition, PlayerCash, Rounding};
    let finer_cash = vec![
        leg(Posting::debit, FxPosition, "2.005000", "EUR"),
        leg(Posting::credit, Rounding, "0.002500", "EUR"),
        leg(Posting::credit, PlayerCash, "2.0025", "EUR"),
    ];
    let puppet = with_entries(&[(finer_cash, "2.00")]).await;
    let (at, what) = wrong_at(&puppet).await;
    assert_eq!(at, 13, "{what}");
}

#[tokio::test]
async fn a_body_that_was_altered_is_named() {
    for at in [1_usize, 6, 12] {
        let (puppet, mut commits) = staged().await;
        replaced(&mut commits[at - 1], "\"host\"", "\"h0st\"");
        show(&puppet, commits);
        assert_eq!(wrong_at(&puppet).await, (at as u64, "its hash is not that of its contents".to_owned()));
    }
}

#[tokio::test]
async fn a_commit_that_was_dropped_or_cut_off_is_named() {
    let (puppet, mut commits) = staged().await;
    commits.remove(6);
    show(&puppet, commits);
    let (position, what) = wrong_at(&puppet).await;
    assert_eq!((position, what.as_str()), (8, "it follows position 6"));
    let (puppet, mut commits) = staged().await;
    commits.truncate(10);
    show(&puppet, commits);
    assert_eq!(wrong_at(&puppet).await, (11, "it is missing".to_owned()));
    // Numbered and linked anew, it is the head that does not fit, or a rule before it.
    let (puppet, mut commits) = staged().await;
    commits.remove(6);
    show(&puppet, rehashed(puppet.identity(), commits));
    assert!(wrong_at(&puppet).await.0 >= 7);
}

#[tokio::test]
async fn commits_that_changed_places_are_named() {
    let (puppet, mut commits) = staged().await;
    commits.swap(5, 6);
    show(&puppet, commits.clone());
    assert_eq!(wrong_at(&puppet).await.0, 7);
    // Two of one player: even with hashes made anew the first is the one that cannot stand there.
    let (puppet, mut commits) = staged().await;
    let (fifth, seventh) = (commits[5].clone(), commits[7].clone());
    commits[5] = seventh;
    commits[7] = fifth;
    show(&puppet, rehashed(puppet.identity(), commits));
    assert_eq!(wrong_at(&puppet).await.0, 6);
}

#[tokio::test]
async fn money_that_was_altered_is_named_though_all_hashes_fit() {
    // The bet of p is commit 6: 100.00 - 10.00. Each of these is one lie in it.
    for (from, to) in [
        ("\"cash\":\"90.00\"", "\"cash\":\"91.00\""),
        ("\"held\":\"10.00\"", "\"held\":\"9.00\""),
        ("\"10.00\"", "\"11.00\""),
        ("\"stake\":\"10.00\"", "\"stake\":\"9.99\""),
    ] {
        let (puppet, mut commits) = staged().await;
        replaced(&mut commits[5], from, to);
        show(&puppet, rehashed(puppet.identity(), commits));
        match verify(puppet.as_ref()).await {
            Err(VerifyError::Commit { position: Position(at), .. }) => assert!(at >= 6, "{from}: {at}"),
            other => panic!("{from}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_commit_that_stands_twice_or_too_early_is_named() {
    let (puppet, mut commits) = staged().await;
    commits.push(commits[9].clone());
    commits.remove(11);
    show(&puppet, rehashed(puppet.identity(), commits));
    let (position, what) = wrong_at(&puppet).await;
    assert_eq!(position, 12);
    assert!(what.contains("consumed before"), "{what}");
    let (puppet, mut commits) = staged().await;
    let body = std::str::from_utf8(&commits[7].body).unwrap().to_owned();
    let at = body.find("\"recorded_at\":\"").unwrap() + "\"recorded_at\":\"".len();
    replaced(&mut commits[7], &body[at..at + 4], "2001");
    show(&puppet, rehashed(puppet.identity(), commits));
    let (position, what) = wrong_at(&puppet).await;
    assert_eq!((position, what.as_str()), (8, "it is recorded before its predecessor"));
}

/// What is put aside is the sum of what it is put aside for: transfers, withdrawals that wait, and those on their way.
#[tokio::test]
async fn money_put_aside_for_something_else_is_named() {
    let puppet = Puppet::new(memory(ShardCount::ONE));
    let ledger = on(Arc::clone(&puppet) as _, tuned(|s| s.clock = Hands::new())).await;
    let p = funded(&ledger, "p", "100.00").await;
    let steps: [casino_ledger::core::PlayerCommand; 5] = [
        commands::roll_out("O1", "30").into(),
        commands::request("W1", "20").into(),
        commands::request("W2", "10").into(),
        commands::approve_withdrawal("A2", "W2", "ann").into(),
        commands::send("P2", "W2").into(),
    ];
    for command in steps {
        soon(ledger.execute(&p, command)).await.unwrap();
    }
    soon(ledger.close()).await.unwrap();
    let commits = puppet.read(Shard(0), Position(1), 100).await.unwrap();
    assert!(verify(puppet.as_ref()).await.is_ok());
    let first = commits.len() - 5;
    for (at, from, to, told) in [
        (0, r#""currency":"EUR","amount":"30.00""#, r#""currency":"EUR","amount":"29.00""#, "transfers"),
        (1, r#""hold":{"amount":"20.00""#, r#""hold":{"amount":"19.00""#, "open withdrawals"),
        (2, r#""hold":{"amount":"10.00""#, r#""hold":{"amount":"9.00""#, "payouts:in_transit"),
    ] {
        let mut forged = commits.clone();
        replaced(&mut forged[first + at], from, to);
        match verify(written(puppet.identity(), forged).await.as_ref()).await {
            Err(VerifyError::Books(what)) => assert!(what.contains(told), "{told}: {what}"),
            other => panic!("{told}: {other:?}"),
        }
    }
}
