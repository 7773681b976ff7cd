//! What the benches share: commands, a player with cash, and sealed commits as the engine makes them.

use casino_ledger::core::stored::{CommitBody, CommitIndex};
use casino_ledger::core::{
    AccountKind, ActorId, BrandId, Context, CurrencyCode, CurrencyRegistry, Decision, Draft, Facts, Finality,
    Found, GameId, JurisdictionId, OpenPlayer, OperatorId, Partition, PlaceBet, PlayerCommand, PlayerId,
    PlayerLedger, PlayerState, Policy, RecordDeposit, RoundId, Settle, SourceId, Timestamp, TransactionId,
};
use casino_ledger::store::{
    FORMAT, Head, LedgerId, LedgerIdentity, SealedCommit, ShardAppend, ShardCount, commit_hash, genesis,
};
use rust_decimal::Decimal;

pub(crate) fn eur() -> CurrencyCode {
    CurrencyCode::new("EUR").expect("a code")
}

pub(crate) fn open() -> PlayerCommand {
    OpenPlayer {
        operator: OperatorId::new("demo").expect("an id"),
        brand: BrandId::new("demo").expect("an id"),
        jurisdiction: JurisdictionId::new("MT").expect("an id"),
        zone: "Europe/Malta".to_owned(),
        kind: AccountKind::Real,
        currencies: vec![eur()],
        person: None,
    }
    .into()
}

pub(crate) fn deposit(id: &str, amount: Decimal) -> PlayerCommand {
    RecordDeposit {
        source: SourceId::new("demo-psp").expect("an id"),
        id: TransactionId::new(id).expect("an id"),
        amount,
        currency: eur(),
        authorisation: None,
        instrument: None,
        intent: None,
        fee: None,
        rate: None,
    }
    .into()
}

pub(crate) fn place(id: &str) -> PlayerCommand {
    let source = SourceId::new("crash-provider").expect("an id");
    let (id, round) = (TransactionId::new(id).expect("an id"), RoundId::new(id).expect("an id"));
    let game = GameId::new("crash").expect("an id");
    PlaceBet::new(source, id, round, game, Decimal::new(1_000, 2), eur()).into()
}

pub(crate) fn settle(id: &str) -> PlayerCommand {
    let source = SourceId::new("crash-provider").expect("an id");
    let (win, round) = (TransactionId::new(id).expect("an id"), RoundId::new(id).expect("an id"));
    Settle {
        bet: Some(win.clone()),
        finality: Finality::Round,
        ..Settle::new(source, win, round, Decimal::new(1_350, 2), eur())
    }
    .into()
}

/// Decides a command without facts, as for most commands there are none, and folds it.
pub(crate) fn decide(
    state: &mut PlayerState,
    command: &PlayerCommand,
    registry: &CurrencyRegistry,
    policy: &Policy,
) -> Draft {
    let facts = Facts::new(Found::NOTHING, registry, policy);
    let now = Timestamp::from_micros(1_790_000_000_000_000).expect("an instant");
    match PlayerLedger::decide(state, command, &facts, now) {
        Ok(Decision::Commit(draft)) => {
            state.evolve_all(&draft.events, now).expect("a decision folds");
            draft
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn body(state: &PlayerState, draft: Draft, policy: &Policy) -> CommitBody {
    let now = Timestamp::from_micros(1_790_000_000_000_000).expect("an instant");
    let context = Context::of(ActorId::new("host").expect("an id"));
    draft.into_body(state, context, policy.content_hash().expect("a hash"), "0.1.0", now)
}

pub(crate) fn identity() -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::ONE, format: FORMAT }
}

/// Placed and settled rounds of one player, as encoded bodies with their index.
pub(crate) fn bodies(count: usize) -> Vec<(Vec<u8>, CommitIndex)> {
    let (registry, policy) = (CurrencyRegistry::standard(), Policy::default());
    let mut state = PlayerState::new(PlayerId::new("player-000001").expect("an id"));
    let partition = Partition::Player(state.player().clone()).digest();
    let mut all = Vec::with_capacity(count);
    let mut add = |state: &mut PlayerState, command: &PlayerCommand| {
        let draft = decide(state, command, &registry, &policy);
        let body = body(state, draft, &policy);
        let mut bytes = Vec::new();
        body.encode(&mut bytes).expect("a body encodes");
        all.push((bytes, CommitIndex::of(&body, partition)));
    };
    add(&mut state, &open());
    add(&mut state, &deposit("d", Decimal::from(1_000_000_000)));
    let mut i = 0;
    while i < count {
        let id = format!("round-{i:012}");
        add(&mut state, &place(&id));
        add(&mut state, &settle(&id));
        i += 2;
    }
    all.truncate(count);
    all
}

/// Seals bodies on a head of the one shard.
pub(crate) fn seal(head: Head, bodies: &[(Vec<u8>, CommitIndex)]) -> (ShardAppend, Head) {
    let shard = identity().shards.all().next().expect("a shard");
    let (mut last, mut commits) = (head, Vec::with_capacity(bodies.len()));
    for (bytes, index) in bodies {
        let position = last.position.next();
        let hash = commit_hash(&identity(), shard, position, &last.hash, bytes);
        commits.push(SealedCommit {
            position,
            previous: last.hash,
            hash,
            body: bytes.as_slice().into(),
            index: index.clone(),
        });
        last = Head { position, hash };
    }
    (ShardAppend { shard, expected: head, commits }, last)
}

pub(crate) fn first_head() -> Head {
    genesis(&identity(), identity().shards.all().next().expect("a shard"))
}
