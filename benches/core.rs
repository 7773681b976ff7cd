//! The pure core alone: what a decision, an encoding and a hash cost, without any store.

#[allow(dead_code, reason = "shared by several benches")]
mod support;

use std::hint::black_box;

use casino_ledger::core::stored::CommitIndex;
use casino_ledger::core::{
    BonusTerms, CurrencyCode, CurrencyRegistry, GrantBonus, Partition, PlayerCommand, PlayerId, PlayerState,
    Policy, SourceId, TermsName, TransactionId,
};
use casino_ledger::store::commit_hash;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rust_decimal::Decimal;

fn funded(registry: &CurrencyRegistry, policy: &Policy) -> PlayerState {
    let mut state = PlayerState::new(PlayerId::new("player-000001").expect("an id"));
    support::decide(&mut state, &support::open(), registry, policy);
    support::decide(&mut state, &support::deposit("d", Decimal::from(1_000_000)), registry, policy);
    state
}

/// A bet of a player, and its result.
fn place_and_settle(
    c: &mut Criterion,
    group: &str,
    player: &PlayerState,
    (registry, policy): (&CurrencyRegistry, &Policy),
) {
    let mut placed = player.clone();
    support::decide(&mut placed, &support::place("t1"), registry, policy);
    let mut group = c.benchmark_group(group);
    for (name, state, command) in
        [("place", player, support::place("t1")), ("settle", &placed, support::settle("t1"))]
    {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                || state.clone(),
                |state| black_box(support::decide(state, &command, registry, policy)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn decide(c: &mut Criterion) {
    let (registry, policy) = (CurrencyRegistry::standard(), Policy::default());
    place_and_settle(c, "decide", &funded(&registry, &policy), (&registry, &policy));
}

/// Terms that are wagered for ever: every bet counts, and credits are staked first.
fn endless() -> Policy {
    let terms = serde_json::json!({
        "campaign": "welcome",
        "reward": { "fixed": { "amounts": { "EUR": "1000000.00" } } },
        "wagering": { "base": "bonus", "times": 350_000, "counts": "all_bets" },
        "funds": "bonus_first",
    });
    let terms: BonusTerms = serde_json::from_value(terms).expect("terms");
    let name = TermsName::new("welcome").expect("a name");
    Policy { bonuses: [(name, terms)].into(), ..Policy::default() }
}

/// What an active bonus costs a bet and its result: to be read beside `decide`, which has none.
fn decide_with_a_bonus(c: &mut Criterion) {
    let (registry, policy) = (CurrencyRegistry::standard(), endless());
    let mut bonus = funded(&registry, &policy);
    let grant: PlayerCommand = GrantBonus {
        source: SourceId::new("crm").expect("an id"),
        id: TransactionId::new("A").expect("an id"),
        terms: TermsName::new("welcome").expect("a name"),
        currency: CurrencyCode::new("EUR").expect("a currency"),
        amount: None,
        deposit: None,
        reactivates: None,
        played: None,
    }
    .into();
    support::decide(&mut bonus, &grant, &registry, &policy);
    place_and_settle(c, "decide_with_a_bonus", &bonus, (&registry, &policy));
}

fn encode_and_hash(c: &mut Criterion) {
    let (registry, policy) = (CurrencyRegistry::standard(), Policy::default());
    let mut state = funded(&registry, &policy);
    let partition = Partition::Player(state.player().clone()).digest();
    let mut group = c.benchmark_group("encode_and_hash");
    for (name, command) in [("place", support::place("t1")), ("settle", support::settle("t1"))] {
        let draft = support::decide(&mut state, &command, &registry, &policy);
        let body = support::body(&state, draft, &policy);
        let head = support::first_head();
        let shard = support::identity().shards.all().next().expect("a shard");
        let mut buffer = Vec::with_capacity(4_096);
        body.encode(&mut buffer).expect("a body encodes");
        println!("{name}: {} bytes", buffer.len());
        group.bench_function(format!("{name}/encode"), |b| {
            b.iter(|| {
                buffer.clear();
                black_box(&body).encode(&mut buffer).expect("a body encodes");
            });
        });
        group.bench_function(format!("{name}/index"), |b| {
            b.iter(|| black_box(CommitIndex::of(black_box(&body), partition)));
        });
        // The baseline of the encoding: nothing is cheaper than hashing the bytes.
        group.bench_function(format!("{name}/hash"), |b| {
            b.iter(|| {
                commit_hash(&support::identity(), shard, head.position.next(), &head.hash, black_box(&buffer))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decide, decide_with_a_bonus, encode_and_hash);
criterion_main!(benches);
