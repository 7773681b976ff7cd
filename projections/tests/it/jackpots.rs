//! Jackpots: random histories of players and pools, played through the core, and the view against its pools and accounts.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_core::stored::{
    AwardOutcome, CommitBody, Event, JackpotKind, JackpotStatus, JackpotTerms, SeedMovement, SweepOrigin,
};
use ledger_core::testing::commands::{self as player_commands, decimal};
use ledger_core::testing::house_commands::{self as commands, jackpot};
use ledger_core::testing::{TestHouse, TestLedger, TestOutcome};
use ledger_core::{
    AccountCode, AccountKind, Amount, BasisPoints, ChangeJackpotStatus, ClaimJackpot, CurrencyCode,
    HouseCommand, JackpotId, JackpotShare, JackpotStep, JackpotTally, Partition, PlaceBet, PlayerCommand,
    PlayerId, jackpot_steps,
};
use ledger_projections::jackpots::{ClaimState, Jackpots, ReadJackpots};
use ledger_projections::testing::History;
use ledger_projections::{Commit, Memory, Total, ViewError};

use crate::controls::{opened, paged, told};
use crate::figures::{Short, feed, finest, in_every_home, kit, signed, units};
use crate::history;
use crate::naive::now;

const POOLS: [&str; 2] = ["mega", "mini"];

/// Players and pools, and what each shard has to tell.
struct World {
    seed: u64,
    players: Vec<(TestLedger, usize)>,
    pools: Vec<(TestHouse, usize)>,
    sealer: history::World,
    tallies: Vec<(JackpotTally, u64, u64)>,
    commits: Vec<Arc<Commit>>,
    steps: Vec<JackpotStep>,
}

fn terms(draw: u64) -> JackpotTerms {
    JackpotTerms {
        must_hit_by: draw.is_multiple_of(3).then(|| "60.00".parse().unwrap()),
        ceiling: draw.is_multiple_of(2).then(|| "51.00".parse().unwrap()),
        overflow: draw.is_multiple_of(4).then(|| jackpot("mini")),
        diversion: BasisPoints::new(u32::from(draw.is_multiple_of(5)) * 1_000).unwrap(),
        ..commands::jackpot_terms("50.00")
    }
}

impl World {
    fn new(shards: u16, seed: u64) -> Self {
        let sealer = history::World::new(shards, 0, seed);
        let player = |n: usize| {
            let mut ledger = opened(&format!("player/{n}"));
            told(&mut ledger, player_commands::deposit("D", "1000"));
            (ledger, 0)
        };
        let pools = POOLS.map(|name| (TestHouse::new(&format!("jackpot/{name}")), 0));
        let tallies = sealer.identity.shards.all().map(|_| (JackpotTally::default(), 0, 0)).collect();
        let mut world = Self {
            seed,
            players: (0..3).map(player).collect(),
            pools: pools.into(),
            sealer,
            tallies,
            commits: Vec::new(),
            steps: Vec::new(),
        };
        for at in 0..POOLS.len() {
            // The smaller one sends nothing on: a ring would never end.
            let terms = JackpotTerms { overflow: None, ..terms(seed) };
            let terms = if at == 0 { self::terms(seed) } else { terms };
            world.house(at, &commands::configure("C", terms).into());
            world.house(at, &commands::seed("S", SeedMovement::CostToPool, "50").into());
        }
        world
    }

    fn draw(&mut self, below: u64) -> u64 {
        // xorshift64*, by Vigna.
        self.seed ^= self.seed >> 12;
        self.seed ^= self.seed << 25;
        self.seed ^= self.seed >> 27;
        (self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % below
    }

    /// Takes new commits into the history, and remembers what follows them.
    fn take(&mut self, bodies: &[CommitBody]) {
        for body in bodies {
            let commit = history::decoded(&[self.sealer.seal(body)]).remove(0);
            let (tally, _, up_to) = &mut self.tallies[commit.shard.index()];
            tally.add(body).unwrap();
            *up_to = commit.position.0;
            self.steps.extend(jackpot_steps(body).unwrap());
            self.commits.push(commit);
        }
    }

    /// Whether it was not refused.
    fn player(&mut self, at: usize, command: &PlayerCommand) -> bool {
        let (ledger, taken) = &mut self.players[at];
        ledger.advance_secs(7);
        let answer = ledger.execute(command).unwrap();
        let bodies = ledger.commits()[*taken..].to_vec();
        *taken += bodies.len();
        self.take(&bodies);
        !matches!(answer.outcome, TestOutcome::Rejected(_) | TestOutcome::Refused(_))
    }

    fn house(&mut self, at: usize, command: &HouseCommand) {
        let (house, taken) = &mut self.pools[at];
        house.advance_secs(7);
        house.execute(command).unwrap();
        let bodies = house.commits()[*taken..].to_vec();
        *taken += bodies.len();
        self.take(&bodies);
    }

    /// Tells every pool what a shard has booked since it was told last.
    fn sweep(&mut self, shard: usize) {
        let (tally, after, up_to) = std::mem::take(&mut self.tallies[shard]);
        self.tallies[shard] = (JackpotTally::default(), up_to, up_to);
        for (at, name) in POOLS.iter().enumerate() {
            let house = commands::house(&format!("jackpot/{name}"));
            let shard = u16::try_from(shard).unwrap();
            if up_to > after
                && let Some(sweep) = tally.sweep(&house, shard, after, up_to)
            {
                self.house(at, &sweep.into());
            }
        }
    }

    /// Does what follows one of the commits, or forgets that it did.
    fn follow(&mut self) {
        if self.steps.is_empty() {
            return;
        }
        match self.steps.remove(0) {
            JackpotStep::Player(player, command) => {
                let at = self.players.iter().position(|(own, _)| *own.state().player() == player).unwrap();
                let PlayerCommand::PayJackpot(pay) = &command else { panic!("{command:?}") };
                let pool = POOLS.iter().position(|name| pay.jackpot == jackpot(name)).unwrap();
                if !self.player(at, &command) {
                    // Its claim was withdrawn meanwhile: the pool takes it back.
                    let open = self.pools[pool].0.state().jackpot().unwrap().open_award(pay.award);
                    let refused = open.unwrap().refused();
                    self.house(pool, &refused.into());
                }
            }
            JackpotStep::House(house, command) => {
                let own = |(pool, _): &(TestHouse, usize)| *pool.state().house() == house;
                let at = self.pools.iter().position(own).unwrap();
                self.house(at, &command);
            }
        }
    }

    fn step(&mut self, number: usize) {
        let at = usize::try_from(self.draw(3)).unwrap();
        let pool = usize::try_from(self.draw(2)).unwrap();
        let id = format!("N{number}");
        let newest = number / 12;
        let round = format!("R{newest}");
        let older = format!("R{}", self.draw(newest as u64 + 1));
        match self.draw(15) {
            0..=3 => {
                let of = player_commands::sub_account(POOLS[pool]);
                let share = ["0.125", "1.50", "4", "0.0001"][usize::try_from(self.draw(4)).unwrap()];
                let share = JackpotShare { jackpot: of, kind: JackpotKind::Local, amount: decimal(share) };
                let bet = PlaceBet { contributions: vec![share], ..player_commands::bet(&id, &round, "5") };
                self.player(at, &bet.into());
            }
            4 => {
                let target = format!("N{}", self.draw(1 + number as u64));
                self.player(at, &player_commands::rollback(&id, &target).into());
            }
            5 | 6 => {
                let of = jackpot(POOLS[pool]);
                let claim = ClaimJackpot { jackpot: of, ..player_commands::claim_jackpot(&id, &older) };
                self.player(at, &claim.into());
            }
            7 => {
                let shard = usize::try_from(self.draw(self.tallies.len() as u64)).unwrap();
                self.sweep(shard);
            }
            8 if self.draw(4) == 0 => {
                let movement =
                    [SeedMovement::CostToPool, SeedMovement::CostToReserve, SeedMovement::ReserveToPool]
                        [usize::try_from(self.draw(3)).unwrap()];
                self.house(pool, &commands::seed(&id, movement, "3.50").into());
            }
            8 if self.draw(3) == 0 => {
                let draw = self.draw(20);
                let terms = JackpotTerms { overflow: None, ..terms(draw) };
                self.house(pool, &commands::configure(&id, terms).into());
            }
            9 if self.draw(5) == 0 => {
                let status =
                    [JackpotStatus::Suspended, JackpotStatus::Open][usize::try_from(self.draw(2)).unwrap()];
                let change = change_status(&id, status);
                self.house(pool, &change.into());
            }
            9 if self.draw(3) == 0 => {
                let open = self.players[at].0.state().jackpot_claims().first();
                let id = open.map(|claim| claim.of.id.to_string());
                if let Some(id) = id {
                    self.player(at, &player_commands::withdraw_claim(&id).into());
                }
            }
            // What was staked is taken, and with it what of it goes to jackpots.
            10 | 11 => {
                self.player(at, &player_commands::close(&id, &older).into());
            }
            _ => self.follow(),
        }
    }

    fn run(mut self, steps: usize) -> Self {
        for number in 0..steps {
            self.step(number);
        }
        self
    }
}

fn change_status(id: &str, status: JackpotStatus) -> ChangeJackpotStatus {
    let terms = commands::configure(id, commands::jackpot_terms("1"));
    ChangeJackpotStatus {
        source: terms.source,
        id: terms.id,
        status,
        moves_to: None,
        reason: terms.reason,
        by: terms.by,
        approved_by: terms.approved_by,
    }
}

/// The balance of an account of a jackpot, over all entries.
fn balance(commits: &[Arc<Commit>], code: AccountCode, of: &JackpotId) -> BTreeMap<CurrencyCode, i128> {
    let mut sums = BTreeMap::new();
    for record in commits.iter().flat_map(|commit| &commit.body.events) {
        let Event::EntryPosted(event) = &record.event else { continue };
        for posting in event.entry.postings() {
            let is_own = posting.account == code
                && posting.of.as_ref().is_some_and(|own| own.as_str() == of.as_str())
                && event.entry.kind() == AccountKind::Real;
            if is_own {
                *sums.entry(posting.currency).or_default() += signed(posting.side, code, posting.amount);
            }
        }
    }
    sums
}

#[derive(Debug, Default)]
struct Seen {
    awards: usize,
    refused: usize,
    sent: usize,
    withdrawn: usize,
    unswept: usize,
    unpaid: usize,
}

fn check(reader: &dyn ReadJackpots, world: &World, commits: &[Arc<Commit>], seen: &mut Seen) {
    let names = paged(|after| now(reader.jackpots(after, 1)).unwrap().value);
    assert_eq!(names, POOLS.map(|name| (AccountKind::Real, jackpot(name))));
    for (name, (house, _)) in POOLS.iter().zip(&world.pools) {
        let of = jackpot(name);
        let pool = house.state().jackpot().unwrap();
        let found = now(reader.jackpot(AccountKind::Real, &of)).unwrap().value.unwrap();
        // What the pool itself knows.
        let terms = found.terms.as_ref().unwrap();
        assert_eq!((Some(&terms.terms), terms.version), (pool.terms(), pool.terms_version()));
        assert_eq!((found.pool.status, found.pool.moves_to.as_ref()), (pool.status(), pool.moves_to()));
        assert_eq!(found.pool.awards, pool.awards());
        for held in pool.amounts() {
            assert_eq!(found.pool.sums[&held.currency].held(), Some(held.amount.into()), "{name}");
        }
        let own = pool.amount(terms.terms.currency).map_or(Total::default(), Total::from);
        assert_eq!(found.value(), Some(own));
        assert_eq!(found.origins.len(), pool.origins());
        for origin in &found.origins {
            assert_eq!(origin.up_to, pool.swept(&origin.origin));
            assert!(origin.sweeps > 0);
        }
        // What the accounts say, and that it adds up (I15).
        let liability = balance(commits, AccountCode::JackpotLiability, &of);
        let reserve = balance(commits, AccountCode::JackpotSeedReserve, &of);
        for proof in found.proofs().unwrap() {
            assert!(proof.adds_up(), "{name}: {proof:?}");
            assert_eq!(finest(proof.liability), liability.get(&proof.currency).copied().unwrap_or_default());
            assert_eq!(finest(proof.reserve), reserve.get(&proof.currency).copied().unwrap_or_default());
            seen.unswept += usize::from(!proof.unswept.is_zero());
            seen.unpaid += usize::from(!proof.unpaid.is_zero());
            seen.sent += usize::from(!found.pool.sums[&proof.currency].sent.is_zero());
        }
        check_awards(reader, &of, house, commits, seen);
        check_claims(reader, &of, commits, seen);
        let events = house.events().filter(|record| {
            matches!(
                record.event,
                Event::JackpotConfigured(_) | Event::JackpotSeeded(_) | Event::JackpotStatusChanged(_)
            )
        });
        let history = paged(|after: Option<&ledger_projections::EventPlace>| {
            now(reader.history(AccountKind::Real, &of, after.copied(), 2)).unwrap().value
        });
        assert_eq!(history.iter().map(|row| &row.event).collect::<Vec<_>>(), events.collect::<Vec<_>>());
    }
}

fn check_awards(
    reader: &dyn ReadJackpots,
    of: &JackpotId,
    house: &TestHouse,
    commits: &[Arc<Commit>],
    seen: &mut Seen,
) {
    let awards = paged(|after: Option<&u64>| {
        now(reader.awards(AccountKind::Real, of, after.copied(), 1)).unwrap().value
    });
    let given: Vec<_> = house
        .events()
        .filter_map(|record| match &record.event {
            Event::JackpotAwarded(event) => Some(event.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(awards.len(), given.len());
    for (award, event) in awards.iter().zip(given) {
        assert_eq!((award.number, &award.claim, award.amount), (event.number, &event.claim, event.amount));
        assert_eq!((award.carried, award.currency), (event.carried, event.currency));
        assert_eq!(award.seed_from_cost, event.seed_from_cost);
        assert_eq!(award.seed_from_reserve, event.seed_from_reserve);
        let settled = house.events().find_map(|record| match &record.event {
            Event::JackpotAwardSettled(event) if event.award == award.number => Some(event.outcome),
            _ => None,
        });
        assert_eq!(award.settled.map(|end| end.outcome), settled);
        let paid =
            commits.iter().flat_map(|commit| &commit.body.events).find_map(|record| match &record.event {
                Event::JackpotPaid(event) if event.award == award.number && event.jackpot == *of => {
                    Some((event.amount, event.entry))
                }
                _ => None,
            });
        assert_eq!(award.payment.as_ref().map(|paid| (paid.amount, paid.entry)), paid);
        if let Some(AwardOutcome::Paid(entry)) = settled {
            assert_eq!(paid, Some((award.amount, entry)));
        }
        seen.awards += 1;
        seen.refused += usize::from(settled == Some(AwardOutcome::Refused));
    }
}

fn check_claims(reader: &dyn ReadJackpots, of: &JackpotId, commits: &[Arc<Commit>], seen: &mut Seen) {
    let claims = paged(|after| now(reader.claims(AccountKind::Real, of, after, 2)).unwrap().value);
    assert!(claims.is_sorted_by_key(|claim| claim.at), "in the order of time");
    let mut expected: BTreeMap<(PlayerId, String), &str> = BTreeMap::new();
    for commit in commits {
        let Partition::Player(player) = &commit.body.partition else { continue };
        for record in &commit.body.events {
            let (id, state) = match &record.event {
                Event::JackpotClaimed(event) if event.jackpot == *of => (&event.claim.id, "open"),
                Event::JackpotClaimWithdrawn(event) => (&event.claim.id, "withdrawn"),
                Event::JackpotPaid(event) if event.jackpot == *of => (&event.claim.id, "paid"),
                _ => continue,
            };
            let key = (player.clone(), id.to_string());
            if state == "open" || expected.contains_key(&key) {
                expected.insert(key, state);
            }
        }
    }
    let found: BTreeMap<_, _> = claims
        .iter()
        .map(|claim| {
            let state = match claim.state {
                ClaimState::Withdrawn { .. } => "withdrawn",
                ClaimState::Paid { .. } => "paid",
                _ => "open",
            };
            ((claim.player.clone(), claim.id.to_string()), state)
        })
        .collect();
    assert_eq!(found, expected);
    seen.withdrawn += found.values().filter(|state| **state == "withdrawn").count();
}

#[test]
fn e15_every_jackpot_tells_value_parameters_awards_and_adds_up() {
    let mut seen = Seen::default();
    for seed in 1..=12_u8 {
        let world = World::new(1 << (seed % 3), u64::from(seed) * 7_919).run(400);
        in_every_home!(Jackpots, world.sealer.identity, world.commits, 1 + usize::from(seed) * 9, |reader| {
            check(reader, &world, &world.commits, &mut seen);
        });
    }
    let Seen { awards, refused, sent, withdrawn, unswept, unpaid } = seen;
    assert!(awards > 20 && refused > 0 && sent > 0, "{seen:?}");
    assert!(withdrawn > 5 && unswept > 5 && unpaid > 0, "{seen:?}");
}

/// The identity is true wherever the shards of a view stand, also where one has told of what another has not shown yet.
#[test]
fn a_jackpot_adds_up_while_the_shards_of_a_view_lag() {
    let world = World::new(4, 5).run(400);
    for behind in world.sealer.identity.shards.all() {
        let commits: Vec<_> = world.commits.iter().filter(|commit| commit.shard != behind).cloned().collect();
        in_every_home!(Jackpots, world.sealer.identity, commits, 50, |reader: &dyn ReadJackpots| {
            for name in POOLS {
                let found = now(reader.jackpot(AccountKind::Real, &jackpot(name))).unwrap().value;
                for proof in found.iter().flat_map(|found| found.proofs().unwrap()) {
                    let is_told = found.as_ref().is_some_and(|found| found.terms.is_some());
                    // A pool that the view knows nothing of holds nothing; what others sent it is untold.
                    assert!(proof.adds_up() || !is_told, "{name}: {proof:?}");
                }
            }
        });
    }
}

/// Where one reading does not take all of a jackpot, its value is not made of a part.
#[test]
fn a_jackpot_that_is_too_much_is_refused_and_not_cut() {
    let world = World::new(2, 5).run(100);
    let mut view = Memory::<Jackpots>::new(&world.sealer.identity);
    feed(&mut view, &world.commits, 50);
    let short = Short(view.reader());
    for name in POOLS {
        let found = now(short.jackpot(AccountKind::Real, &jackpot(name)));
        assert!(matches!(found, Err(ViewError::TooMuch { .. })), "{found:?}");
    }
    let none = now(short.jackpot(AccountKind::Real, &jackpot("none"))).unwrap();
    assert!(none.value.is_none());
}

/// A bet of 10.00 with a share of 0.1250 for the jackpot, and a claim.
#[test]
fn e36_the_fraction_that_is_not_paid_is_shown_as_carried() {
    let mut world = World::new(1, 3);
    let of = player_commands::sub_account("mini");
    let share = JackpotShare { jackpot: of, kind: JackpotKind::Local, amount: decimal("0.125") };
    let bet = PlaceBet { contributions: vec![share], ..player_commands::bet("T1", "R", "10") };
    assert!(world.player(0, &bet.into()));
    assert!(world.player(0, &player_commands::close("C1", "R").into()));
    world.sweep(0);
    let claim = ClaimJackpot { jackpot: jackpot("mini"), ..player_commands::claim_jackpot("K1", "R") };
    assert!(world.player(0, &claim.into()));
    while !world.steps.is_empty() {
        world.follow();
    }
    let mut view = Memory::<Jackpots>::new(&world.sealer.identity);
    feed(&mut view, &world.commits, 10);
    let found = now(view.reader().jackpot(AccountKind::Real, &jackpot("mini"))).unwrap().value.unwrap();
    let shown = |amount: Amount| amount.to_string();
    assert_eq!(found.pool.carried.map(shown).as_deref(), Some("0.005000"));
    assert_eq!(found.value(), Some("50.005".parse().unwrap()));
    let proof = found.proofs().unwrap()[0];
    assert_eq!(proof.liability, "50.005".parse().unwrap());
    assert!(proof.adds_up() && proof.unpaid.is_zero() && proof.unswept.is_zero());
    let award =
        &now(view.reader().awards(AccountKind::Real, &jackpot("mini"), None, 9)).unwrap().value.rows[0];
    assert_eq!((award.number, shown(award.amount).as_str()), (1, "50.12"));
    let payment = award.payment.as_ref().unwrap();
    assert_eq!(units(payment.amount), units(award.amount));
    assert!(matches!(found.origins[0].origin, SweepOrigin::Shard(0)));
}

/// Players and pools that play, win and are paid.
pub(crate) fn drawn() -> History {
    let World { sealer, commits, .. } = World::new(4, 11).run(150);
    History { identity: sealer.identity, players: Vec::new(), commits, sealed: Vec::new() }
}

#[tokio::test]
async fn jackpots_keep_the_contract() {
    kit::<Jackpots>(&drawn()).await;
}
