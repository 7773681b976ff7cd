//! Real histories: random commands, decided by the core, sealed into the chain of their shard.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger_core::stored::{
    Bearer, CommitBody, CommitIndex, CreditKind, DestinationProof, EntryPosted, Event, EventRecord,
    InstrumentVerified, KycAnswer, KycStatus,
};
use ledger_core::testing::{TestHouse, commands, generators, house_commands};
use ledger_core::{
    AccountCode, AccountKind, ActorId, Amount, CloseRound, ContentHash, Context, CurrencyCode,
    CurrencyRegistry, Decision, Entry, Facts, FactsNeeded, Finality, GrantCredit, OpenPlayer, Partition,
    PlaceBet, PlayerCommand, PlayerId, PlayerLedger, PlayerState, Policy, Posting, ReclaimDormant,
    RecordDeposit, RequestWithdrawal, RollIn, Rollback, RoundId, RoundRef, Settle, ShortfallPolicy, SourceId,
    Stream, SubAccount, Timestamp, TransactionId, TransferDormant, Void, VoidTarget, WithholdTax,
};
use ledger_projections::Commit;
use ledger_store::{
    EventStore, FORMAT, Head, LedgerId, LedgerIdentity, SealedCommit, Shard, ShardAppend, ShardCount,
    StoredCommit, commit_hash, genesis,
};
use proptest::prelude::{BoxedStrategy, Strategy};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

pub(crate) fn identity(shards: u16) -> LedgerIdentity {
    LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::new(shards).unwrap(), format: FORMAT }
}

pub(crate) fn id<T, E: std::fmt::Debug>(new: impl Fn(String) -> Result<T, E>, text: impl Into<String>) -> T {
    new(text.into()).unwrap()
}

#[derive(Debug)]
struct Player {
    id: PlayerId,
    state: PlayerState,
    bodies: Vec<CommitBody>,
    /// The bets and wins that were tried.
    tried: Vec<(SourceId, RoundId, TransactionId)>,
    /// The corrections, taxes and exchanges that were tried.
    office: Vec<TransactionId>,
    /// The withdrawals that were asked for, whole and in parts.
    withdrawals: Vec<TransactionId>,
    /// Commands of the core's own generators that are still to come, and the policy they are decided by.
    drawn: VecDeque<PlayerCommand>,
    policy: Policy,
    /// How often such commands were drawn.
    draws: u64,
}

/// A ledger that grows by random commands.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) identity: LedgerIdentity,
    players: Vec<Player>,
    houses: Vec<TestHouse>,
    heads: Vec<Head>,
    currencies: CurrencyRegistry,
    random: u64,
    operations: u64,
    now: i64,
    generator: BoxedStrategy<(Policy, Vec<PlayerCommand>)>,
    runner: TestRunner,
}

const RARE: u64 = 18;

/// The partitions of the house that take part.
const HOUSES: [&str; 6] =
    ["psp/psp", "test/psp/psp", "provider/studio0", "authority/MT", "jackpot/mega", "treasury"];

impl World {
    pub(crate) fn new(shards: u16, players: usize, seed: u64) -> Self {
        let identity = identity(shards);
        let player = |n: usize| {
            let id = id(PlayerId::new, format!("p/{n}"));
            Player {
                id: id.clone(),
                state: PlayerState::new(id),
                bodies: Vec::new(),
                tried: Vec::new(),
                office: Vec::new(),
                withdrawals: Vec::new(),
                drawn: VecDeque::new(),
                policy: Policy::default(),
                draws: 0,
            }
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        // Where the quotes of the core's generators stand.
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        Self {
            identity,
            players: (0..players).map(player).collect(),
            houses: HOUSES.map(TestHouse::new).into(),
            heads: identity.shards.all().map(|shard| genesis(&identity, shard)).collect(),
            currencies: CurrencyRegistry::standard(),
            random: seed,
            operations: 0,
            now: start.as_micros(),
            generator: generators::runs(30..60).boxed(),
            runner: TestRunner::new_with_rng(Config::default(), random),
        }
    }

    pub(crate) fn players(&self) -> Vec<PlayerId> {
        self.players.iter().map(|player| player.id.clone()).collect()
    }

    pub(crate) fn state(&self, player: &PlayerId) -> &PlayerState {
        &self.players.iter().find(|known| known.id == *player).unwrap().state
    }

    /// A number below another (`SplitMix64`).
    pub(crate) fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    pub(crate) fn index(&mut self, below: usize) -> usize {
        usize::try_from(self.draw(below as u64)).unwrap()
    }

    fn fresh(&mut self) -> TransactionId {
        self.operations += 1;
        id(TransactionId::new, format!("t{}", self.operations))
    }

    /// Something that was tried lately, or now and then something never seen.
    fn earlier(&mut self, player: usize) -> (SourceId, RoundId, TransactionId) {
        let tried = self.players[player].tried.len();
        if tried == 0 || self.draw(8) == 0 {
            return (self.source(), self.round(), self.fresh());
        }
        let back = self.index(tried.min(12)) + 1;
        self.players[player].tried[tried - back].clone()
    }

    fn source(&mut self) -> SourceId {
        id(SourceId::new, format!("studio{}", self.draw(2)))
    }

    fn round(&mut self) -> RoundId {
        id(RoundId::new, format!("r/{}", self.draw(3 + self.operations / 40)))
    }

    fn amount(&mut self, most: u64) -> rust_decimal::Decimal {
        rust_decimal::Decimal::from(self.draw(most + 1))
    }

    fn currency_of(&self, player: usize, source: &SourceId, round: &RoundId) -> Option<CurrencyCode> {
        let reference = RoundRef { source: source.clone(), round: round.clone() };
        self.players[player].state.round(&reference)?.currency
    }

    fn command(&mut self, player: usize) -> PlayerCommand {
        let known = self.players[player].state.profile().is_some();
        let eur = CurrencyCode::new("EUR").unwrap();
        let currency = if self.draw(4) == 0 { CurrencyCode::new("BTC").unwrap() } else { eur };
        if !known {
            let kind = if self.draw(4) == 0 { AccountKind::Test } else { AccountKind::Real };
            let currencies =
                ["EUR", "USD", "BTC", "JPY"].map(|code| CurrencyCode::new(code).unwrap()).to_vec();
            return OpenPlayer {
                operator: id(ledger_core::OperatorId::new, "op"),
                brand: id(ledger_core::BrandId::new, "brand"),
                jurisdiction: id(ledger_core::JurisdictionId::new, "MT"),
                zone: "UTC".to_owned(),
                kind,
                person: None,
                currencies,
            }
            .into();
        }
        if self.draw(2) == 0 {
            return self.drawn(player);
        }
        let (source, txn, round) = (self.source(), self.fresh(), self.round());
        let (of, in_round, earlier) = self.earlier(player);
        let finality = [Finality::MoreToCome, Finality::Bet, Finality::Round][self.index(3)];
        match self.draw(RARE) {
            0 => RecordDeposit {
                source: id(SourceId::new, "psp"),
                id: txn,
                amount: self.amount(80),
                currency,
                authorisation: None,
                instrument: None,
                intent: None,
                fee: None,
                rate: None,
            }
            .into(),
            1..=4 => {
                let game = id(ledger_core::GameId::new, format!("game{}", self.draw(3)));
                self.players[player].tried.push((source.clone(), round.clone(), txn.clone()));
                // Now and then all he has, so that a win that is taken back later finds nothing.
                let balance = self.players[player].state.balance(currency).map(|purse| purse.available());
                let all = balance.filter(|all| all.is_positive()).map(ledger_core::Amount::to_decimal);
                let amount = match (self.draw(3), all) {
                    (0, Some(all)) => all,
                    _ => self.amount(60),
                };
                PlaceBet::new(source, txn, round, game, amount, currency).into()
            }
            5..=7 => {
                let (source, round, bet) = match self.draw(3) {
                    0 => (source, round, None),
                    1 => (of, in_round, None),
                    _ => (of, in_round, Some(earlier)),
                };
                self.players[player].tried.push((source.clone(), round.clone(), txn.clone()));
                let currency = self.currency_of(player, &source, &round).unwrap_or(currency);
                let amount = self.amount(90);
                Settle { bet, finality, ..Settle::new(source, txn, round, amount, currency) }.into()
            }
            8 => CloseRound { source, id: txn, round }.into(),
            9 => {
                let target = if self.draw(3) == 0 { VoidTarget::Round } else { VoidTarget::Bet(earlier) };
                let reason = id(ledger_core::Reason::new, "a test");
                Void { source, id: txn, round_source: of, round: in_round, target, reason }.into()
            }
            10 | 11 => {
                use ShortfallPolicy::{AllowNegative, Reject, Retain, ZeroOut};
                let policy = [AllowNegative, Retain, ZeroOut, Reject][self.index(4)];
                Rollback {
                    source: of,
                    on_shortfall: Some(policy),
                    ..commands::rollback(txn.as_str(), earlier.as_str())
                }
                .into()
            }
            12 => self.office(player, txn, currency),
            13..=16 => self.way_out(player, &txn, currency),
            _ => GrantCredit {
                source,
                id: txn,
                reason: [CreditKind::FreeRound, CreditKind::Cashback][self.index(2)],
                of: SubAccount::new("campaign").unwrap(),
                round: Some(round),
                amount: self.amount(20),
                currency,
            }
            .into(),
        }
    }

    /// What the back office does, on what it did lately.
    fn office(&mut self, player: usize, txn: TransactionId, currency: CurrencyCode) -> PlayerCommand {
        let id = txn.as_str();
        let target = self.players[player].office.last().map_or("T0", |last| last.as_str()).to_owned();
        let now = self.now();
        let draw = self.draw(18);
        let reopening = format!("{id}-again");
        let command: PlayerCommand = match draw {
            0 | 1 => commands::propose_debit(id, "3").into(),
            2 | 3 => commands::approve(id, &target).into(),
            4 => commands::decline(id, &target).into(),
            5 => commands::inactivity_fee(id, "2").into(),
            6 => WithholdTax {
                on_shortfall: Some(ShortfallPolicy::AllowNegative),
                ..commands::withhold_tax(id, "4")
            }
            .into(),
            7 | 8 => commands::return_tax(id, &target, "1").into(),
            9 => {
                let value = ["0.00002", "0.00003"][self.index(2)];
                commands::exchange(id, "EUR", "BTC", "5", commands::rate_at("EUR", "BTC", value, now)).into()
            }
            10 | 11 => commands::reverse_exchange(id, &target).into(),
            12 => TransferDormant { currency, ..commands::transfer_dormant(id) }.into(),
            13 => ReclaimDormant { currency, ..commands::reclaim_dormant(id) }.into(),
            15 | 16 => self.elsewhere(player, id),
            14 => commands::add_purse(id, ["GBP", "USD", "ETH"][self.index(3)]).into(),
            _ if self.players[player].state.standing().closed_at.is_none() => {
                commands::close_player(id).into()
            }
            _ => commands::reopen_player(id).into(),
        };
        if matches!(draw, 0 | 1 | 6 | 9) {
            self.players[player].office.push(txn);
        }
        // A closed player does not stay so for long.
        if self.players[player].state.standing().closed_at.is_some() && draw.is_multiple_of(2) {
            return commands::reopen_player(&reopening).into();
        }
        command
    }

    /// Money goes to play elsewhere, or comes back.
    fn elsewhere(&self, player: usize, id: &str) -> PlayerCommand {
        let Some(away) = self.players[player].state.transfers().last() else {
            return commands::roll_out(id, "5").into();
        };
        let (of, currency) = (away.of.clone(), away.currency);
        RollIn { source: of.source, currency, ..commands::roll_in(id, of.id.as_str(), "4") }.into()
    }

    /// A step of a withdrawal: of one he asked for lately, or a new one.
    fn way_out(&mut self, player: usize, txn: &TransactionId, currency: CurrencyCode) -> PlayerCommand {
        let id = txn.as_str();
        let amount = self.amount(40);
        let draw = self.draw(16);
        let known = &self.players[player].withdrawals;
        let known: Vec<_> = known.iter().rev().take(4).map(|of| of.as_str().to_owned()).collect();
        if known.is_empty() || draw <= 2 {
            let as_of = self.now();
            self.players[player].withdrawals.push(txn.clone());
            let kyc = Some(KycAnswer { status: KycStatus::Verified, as_of });
            let proof = Some(DestinationProof::Verified(InstrumentVerified { as_of, by: None }));
            return RequestWithdrawal { amount, currency, kyc, proof, ..commands::request(id, "1") }.into();
        }
        let of = &*known[self.index(known.len())];
        match draw {
            3..=5 => commands::approve_withdrawal(id, of, "ben").into(),
            6..=8 => commands::send(id, of).into(),
            9 if self.draw(2) == 0 => commands::mark_unknown(id, of).into(),
            10 => commands::mark_paid(id, of).into(),
            11 => commands::mark_paid_part(id, of, "1").into(),
            12 if self.draw(3) == 0 => commands::settle_late(id, of, Bearer::House).into(),
            12 => commands::mark_failed(id, of).into(),
            13 if self.draw(2) == 0 => commands::mark_returned_to_suspense(id, of).into(),
            9 | 13 => commands::mark_returned(id, of).into(),
            14 if self.draw(2) == 0 => commands::cancel_withdrawal(id, of).into(),
            14 => commands::reject_withdrawal(id, of).into(),
            _ => {
                let (one, other) = (format!("{id}-a"), format!("{id}-b"));
                let parts = [&one, &other].map(|part| TransactionId::new(part.clone()).unwrap());
                self.players[player].withdrawals.extend(parts);
                let whole = self.players[player].state.withdrawal(&commands::withdrawal(of));
                let whole = whole.map_or(rust_decimal::Decimal::TEN, |whole| whole.hold.amount.to_decimal());
                let rest = (whole - rust_decimal::Decimal::TWO).max(rust_decimal::Decimal::ONE).to_string();
                commands::split_withdrawal(id, of, &[(&one, "2"), (&other, &rest)]).into()
            }
        }
    }

    /// The next command of a history of the core's generators, with ids that no earlier history of his had.
    fn drawn(&mut self, player: usize) -> PlayerCommand {
        if self.players[player].drawn.is_empty() {
            let (mut policy, commands) = self.generator.new_tree(&mut self.runner).unwrap().current();
            // Months pass here, and the answers of the generators are of their first day.
            policy.withdrawals.kyc_max_age_secs = u32::MAX;
            let player = &mut self.players[player];
            player.draws += 1;
            let draws = player.draws;
            player.drawn = commands.iter().map(|command| renamed(command, draws)).collect();
            player.policy = policy;
        }
        self.players[player].drawn.pop_front().unwrap()
    }

    /// The instant of the next command.
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now).unwrap()
    }

    /// Time passes: mostly next to none, now and then a second or some hours.
    fn pass(&mut self) {
        self.now += match self.draw(40) {
            0 => 8 * 3_600_000_000,
            1..=5 => 1_000_000,
            _ => 1,
        };
    }

    /// A random command to a partition of the house; a commit if it came to one.
    fn house_step(&mut self) -> Option<(Shard, SealedCommit)> {
        use ledger_core::stored::{AuthorityLine, FxDirection, ProviderLine, PspLine, SeedMovement};
        let at = self.index(HOUSES.len());
        let txn = self.fresh();
        let id = txn.as_str();
        let draw = self.draw(4);
        let item = self.houses[at].state().items().last();
        let earlier = item.map_or("t0", |item| item.reference.as_str()).to_owned();
        let command: ledger_core::HouseCommand = match (HOUSES[at], draw) {
            ("provider/studio0", 0) => house_commands::accrue_fees(id, "7").into(),
            ("provider/studio0", _) => {
                let lines = [(ProviderLine::Jackpots, "9"), (ProviderLine::Contributions, "2")];
                house_commands::settle_provider(id, &lines, "7").into()
            }
            ("authority/MT", 0 | 1) => house_commands::accrue_duty(id, "6").into(),
            ("authority/MT", _) => {
                let lines = [(AuthorityLine::Duty, "3"), (AuthorityLine::WithheldTax, "1")];
                house_commands::settle_authority(id, &lines, "-4").into()
            }
            ("jackpot/mega", _) => house_commands::seed(id, SeedMovement::CostToPool, "5").into(),
            ("treasury", 0) => house_commands::cover(id, "30").into(),
            ("treasury", 1) => house_commands::exchange_funds(id, "11", "10").into(),
            ("treasury", 2) => house_commands::fx_result(id, FxDirection::Loss, "1").into(),
            ("treasury", _) => house_commands::recover_debt(id, "2").into(),
            (_, 0) => house_commands::capture_unknown(id, "8").into(),
            (_, 1) => house_commands::return_item(id, &earlier).into(),
            (_, 2) => house_commands::lose_chargeback(id, "4").into(),
            _ => {
                let lines = [(PspLine::Payments, "20"), (PspLine::Fees, "1"), (PspLine::ReserveHeld, "2")];
                house_commands::settle_psp(id, &lines, "17").into()
            }
        };
        self.operations += 1;
        let now = self.now();
        let house = &mut self.houses[at];
        let before = house.commits().len();
        house.execute(&command).unwrap();
        // It keeps a time of its own, which no view looks at.
        let body = house.commits().get(before)?;
        let body = CommitBody { recorded_at: now, ..body.clone() };
        Some(self.seal(&body))
    }

    /// One random command; a commit if it came to one.
    pub(crate) fn step(&mut self) -> Option<(Shard, SealedCommit)> {
        if self.draw(10) == 0 {
            return self.house_step();
        }
        let player = self.index(self.players.len());
        if self.draw(30) == 0 && self.players[player].state.profile().is_some() {
            return Some(self.exchange(player));
        }
        self.pass();
        let command = self.command(player);
        let policy = self.players[player].policy.clone();
        self.operations += 1;
        let now = self.now();
        let Player { id, state, bodies, .. } = &self.players[player];
        let needed = FactsNeeded::of(&command, id, &policy).unwrap();
        let found = ledger_core::testing::find_facts(id, &needed, bodies).unwrap();
        let facts = Facts::new(&found, &self.currencies, &policy);
        let Decision::Commit(draft) = PlayerLedger::decide(state, &command, &facts, now).unwrap() else {
            return None;
        };
        let context = Context::of(crate::history::id(ActorId::new, "test"));
        let body = draft.into_body(state, context, ContentHash::of(b"policy"), "test", now);
        let player = &mut self.players[player];
        player.state.evolve_commit(&body).unwrap();
        player.bodies.push(body.clone());
        Some(self.seal(&body))
    }

    /// Francs that are credited as euros: an entry in a currency the player has no purse in, with house accounts
    /// finer than their currency.
    fn exchange(&mut self, player: usize) -> (Shard, SealedCommit) {
        let (chf, eur) = (CurrencyCode::new("CHF").unwrap(), CurrencyCode::new("EUR").unwrap());
        let amount = |units: u64, scale| Amount::new(i128::from(units), scale).unwrap();
        let (francs, euros) = (self.draw(5_000) + 1, self.draw(5_000) + 1);
        let (off, favours_player) = (self.draw(5_000), self.draw(2) == 0);
        let exact = if favours_player { euros * 10_000 - off } else { euros * 10_000 + off };
        self.operations += 1;
        let now = self.now();
        let Player { id, state, bodies, .. } = &mut self.players[player];
        let mut after = state.balance(eur).unwrap();
        let owed = after.receivable.unwrap_or(amount(0, 2)).min(amount(euros, 2)).unwrap();
        let paid = amount(euros, 2).checked_sub(owed).unwrap();
        let rounding = if favours_player { Posting::debit } else { Posting::credit };
        let psp = Some(SubAccount::new("psp").unwrap());
        let mut postings = vec![
            Posting::debit(AccountCode::PspClearing, psp, amount(francs, 2), chf),
            Posting::credit(AccountCode::FxPosition, None, amount(francs * 10_000, 6), chf),
            Posting::debit(AccountCode::FxPosition, None, amount(exact, 6), eur),
            rounding(AccountCode::Rounding, None, amount(off, 6), eur),
            Posting::credit(AccountCode::PlayerReceivable, None, owed, eur),
            Posting::credit(AccountCode::PlayerCash, None, paid, eur),
        ];
        postings.retain(|posting| posting.amount.is_positive());
        let entry = Entry::new(state.profile().unwrap().kind, postings).unwrap();
        after.cash = after.cash.checked_add(paid).unwrap();
        after.receivable =
            after.receivable.map(|debt| debt.checked_sub(owed).unwrap()).filter(|debt| !debt.is_zero());
        let posted = EntryPosted { entry, after: vec![after], lots: vec![], bonus: vec![] };
        let version = state.wallet().version() + 1;
        let record = EventRecord::new(Stream::Wallet(id.clone()), version, Event::EntryPosted(posted));
        let last = bodies.last().unwrap().clone();
        let body = CommitBody {
            recorded_at: now,
            keys: vec![],
            tombstones: vec![],
            balance: None,
            events: vec![record],
            ..last
        };
        state.evolve_commit(&body).unwrap();
        bodies.push(body.clone());
        self.seal(&body)
    }

    /// Seals a body into its shard.
    pub(crate) fn seal(&mut self, body: &CommitBody) -> (Shard, SealedCommit) {
        let mut bytes = Vec::new();
        body.encode(&mut bytes).unwrap();
        self.seal_bytes(&bytes, &body.partition)
    }

    /// Seals bytes into the shard of a partition.
    pub(crate) fn seal_bytes(&mut self, bytes: &[u8], partition: &Partition) -> (Shard, SealedCommit) {
        let shard = self.identity.shards.shard_of(&partition.digest());
        let head = &mut self.heads[shard.index()];
        let (position, previous) = (head.position.next(), head.hash);
        let hash = commit_hash(&self.identity, shard, position, &previous, bytes);
        *head = Head { position, hash };
        let index = CommitIndex::of_body(bytes).unwrap();
        (shard, SealedCommit { position, previous, hash, body: Arc::from(bytes), index })
    }

    /// So many commits.
    pub(crate) fn run(&mut self, commits: usize) -> Vec<(Shard, SealedCommit)> {
        let mut run = Vec::with_capacity(commits);
        while run.len() < commits {
            run.extend(self.step());
        }
        run
    }

    /// So many commits, decoded as a view gets them.
    pub(crate) fn commits(&mut self, commits: usize) -> Vec<Arc<Commit>> {
        decoded(&self.run(commits))
    }
}

/// A command with other ids: those of the generators are letters with a number, from small pools.
fn renamed(command: &PlayerCommand, draw: u64) -> PlayerCommand {
    fn rename(value: &mut serde_json::Value, draw: u64) {
        match value {
            serde_json::Value::String(text) => {
                let number = text.strip_prefix(|first: char| first.is_ascii_uppercase());
                if number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
                    *text = format!("{text}.{draw}");
                }
            }
            serde_json::Value::Array(all) => all.iter_mut().for_each(|value| rename(value, draw)),
            serde_json::Value::Object(all) => all.values_mut().for_each(|value| rename(value, draw)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(command).unwrap();
    rename(&mut value, draw);
    serde_json::from_value(value).unwrap()
}

/// The round as the core folds it from the log.
pub(crate) fn folded(
    player: &PlayerId,
    round: &RoundRef,
    bodies: &[CommitBody],
) -> Option<ledger_core::stored::Round> {
    let stream = ledger_core::AggregateRef::from(round.clone()).stream(player);
    let dated = |body: &CommitBody| body.recorded_at;
    let events = bodies.iter().flat_map(|body| body.events.iter().map(move |record| (record, dated(body))));
    let events = events.filter(|(record, _)| record.stream == stream);
    ledger_core::stored::Round::fold(&round.source, &round.round, events).unwrap()
}

pub(crate) fn decoded(commits: &[(Shard, SealedCommit)]) -> Vec<Arc<Commit>> {
    let stored = |(shard, commit): &(Shard, SealedCommit)| {
        let SealedCommit { position, previous, hash, ref body, .. } = *commit;
        let stored = StoredCommit { shard: *shard, position, previous, hash, body: Arc::clone(body) };
        Arc::new(Commit::decode(&stored).unwrap())
    };
    commits.iter().map(stored).collect()
}

/// Appends commits, in groups as a writer would.
pub(crate) async fn append(store: &dyn EventStore, commits: &[(Shard, SealedCommit)]) {
    for group in commits.chunks(50) {
        let mut appends: Vec<ShardAppend> = Vec::new();
        for (shard, commit) in group {
            match appends.iter_mut().find(|append| append.shard == *shard) {
                Some(append) => append.commits.push(commit.clone()),
                None => {
                    let position = ledger_store::Position(commit.position.0 - 1);
                    let expected = Head { position, hash: commit.previous };
                    appends.push(ShardAppend { shard: *shard, expected, commits: vec![commit.clone()] });
                }
            }
        }
        for answer in store.append(&appends).await.unwrap() {
            answer.unwrap();
        }
    }
}

/// Which events a history has, to see that it tests something.
pub(crate) fn event_types(commits: &[Arc<Commit>]) -> std::collections::BTreeSet<&'static str> {
    commits.iter().flat_map(|commit| &commit.body.events).map(|record| record.event.type_name()).collect()
}

/// Whether a commit moves money.
/// Whether it moves money that a player has: some entries in his partition move the house's alone.
pub(crate) fn moves_purse(commit: &Commit) -> bool {
    commit
        .body
        .events
        .iter()
        .any(|record| matches!(&record.event, Event::EntryPosted(event) if !event.after.is_empty()))
}

pub(crate) fn has_entry(commit: &Commit) -> bool {
    commit.body.events.iter().any(|record| matches!(record.event, Event::EntryPosted(_)))
}
