//! Traffic: bets from a file of provider traffic or from a seeded generator, mixed with what providers
//! really send: duplicates, retries, and rollbacks that arrive before their bet.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use casino_ledger::core::{
    AccountKind, Amount, BrandId, CallFlags, ContentHash, Currency, CurrencyCode, Finality, GameId,
    JurisdictionId, OpenPlayer, OperatorId, PlaceBet, PlayerCommand, PlayerId, RecordDeposit, Rollback,
    RollbackKind, RoundId, Settle, SourceId, TransactionId,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rust_decimal::Decimal;

/// The game provider whose traffic it is.
pub(crate) const PROVIDER: &str = "crash-provider";

/// The most bets one file may hold.
const BETS_MAX: usize = 5_000_000;

/// A bet and what came of it.
#[derive(Debug, Clone)]
pub(crate) struct Bet {
    pub(crate) id: String,
    pub(crate) round: String,
    pub(crate) player: String,
    pub(crate) stake: Amount,
    pub(crate) payout: Amount,
}

/// Bets in their order, in one currency.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) currency: Currency,
    pub(crate) bets: Vec<Bet>,
    /// Tells this traffic's deposits from those of another.
    pub(crate) tag: String,
}

fn amount(text: &str, scale: u8) -> anyhow::Result<Amount> {
    let value = Decimal::from_str_exact(text).with_context(|| format!("{text:?} is not an amount"))?;
    let amount = Amount::from_decimal(value, scale)?;
    if amount.is_negative() {
        bail!("{text:?} is negative");
    }
    Ok(amount)
}

fn currency(code: &str, scale: u8) -> anyhow::Result<Currency> {
    Ok(Currency::new(CurrencyCode::new(code)?, scale, Amount::new(100_000_000_000_000, scale)?)?)
}

fn tag(bytes: &[u8]) -> String {
    ContentHash::of(bytes).to_string().chars().take(12).collect()
}

impl Traffic {
    /// Reads a file with the columns `bet_id, round_id, player_id, stake, payout, ...`, amounts in bits
    /// (100 satoshi) with two decimals.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let currency = currency("BITS", 2)?;
        let mut reader = csv::Reader::from_reader(bytes.as_slice());
        let header = reader.headers().context("the file has no header")?.clone();
        let column = |name: &str| {
            header.iter().position(|h| h == name).with_context(|| format!("the file has no column {name}"))
        };
        let columns = [
            column("bet_id")?,
            column("round_id")?,
            column("player_id")?,
            column("stake")?,
            column("payout")?,
        ];
        let mut bets = Vec::new();
        for (line, record) in reader.records().enumerate() {
            let place = || format!("{} line {}", path.display(), line + 2);
            let record = record.with_context(place)?;
            let [id, round, player, stake, payout] =
                columns.map(|c| record.get(c).unwrap_or_default().trim());
            let payout = if payout.is_empty() { "0" } else { payout };
            bets.push(Bet {
                id: id.to_owned(),
                round: round.to_owned(),
                player: player.to_owned(),
                stake: amount(stake, 2).with_context(place)?,
                payout: amount(payout, 2).with_context(place)?,
            });
            if bets.len() > BETS_MAX {
                bail!("{} holds more than {BETS_MAX} bets: split it", path.display());
            }
        }
        Ok(Self { currency, bets, tag: tag(&bytes) })
    }

    /// Makes bets of a crash game: rounds that several players share, stakes of 0.10 to 50.00, a return to
    /// player of about 97 %.
    pub(crate) fn generate(bets: usize, players: usize, seed: u64) -> anyhow::Result<Self> {
        let currency = currency("EUR", 2)?;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |n: u64| random.next_u64() % n;
        let mut made = Vec::with_capacity(bets);
        for i in 0..bets {
            let stake = i128::from(10 + below(4_991));
            // A player leaves at a multiplier m from 1.01 to 6.00; the game gets there with 97 % / m.
            let multiplier = 101 + below(500);
            let lucky = below(10_000) * multiplier < 970_000;
            let payout = if lucky { stake * i128::from(multiplier) / 100 } else { 0 };
            made.push(Bet {
                id: format!("{seed}-{i}"),
                round: format!("{seed}-{}", i / 5),
                player: format!("player-{:06}", below(players as u64)),
                stake: Amount::new(stake, 2)?,
                payout: Amount::new(payout, 2)?,
            });
        }
        let tag = tag(format!("generated {bets} {players} {seed}").as_bytes());
        Ok(Self { currency, bets: made, tag })
    }
}

/// What the driver should see a command come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// It is accepted.
    Accepted,
    /// It repeats the command before it: the same answer, and nothing happens.
    Replayed,
    /// It is a bet that was rolled back before it came.
    Cancelled,
}

/// What a command is, for the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Fund,
    Place,
    Settle,
    Rollback,
}

/// One command of a player's script.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) command: PlayerCommand,
    pub(crate) kind: Kind,
    pub(crate) expect: Expect,
}

/// What one player sends, in order.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) player: PlayerId,
    pub(crate) funding: Vec<Step>,
    pub(crate) play: Vec<Step>,
    /// The cash he must have at the end, in units: deposited - staked + paid.
    pub(crate) cash: i128,
}

#[derive(Debug)]
struct Maker<'a> {
    traffic: &'a Traffic,
    source: SourceId,
    game: GameId,
}

impl Maker<'_> {
    fn place(&self, bet: &Bet, id: &str, round: &str) -> anyhow::Result<PlayerCommand> {
        let (id, round) = (TransactionId::new(id)?, RoundId::new(round)?);
        let (amount, currency) = (bet.stake.to_decimal(), self.traffic.currency.code());
        Ok(PlaceBet::new(self.source.clone(), id, round, self.game.clone(), amount, currency).into())
    }

    fn settle(&self, bet: &Bet, last: bool) -> anyhow::Result<PlayerCommand> {
        let (id, round) = (TransactionId::new(&bet.id)?, RoundId::new(&bet.round)?);
        let (amount, currency) = (bet.payout.to_decimal(), self.traffic.currency.code());
        Ok(Settle {
            bet: Some(id.clone()),
            finality: if last { Finality::Round } else { Finality::Bet },
            ..Settle::new(self.source.clone(), id, round, amount, currency)
        }
        .into())
    }

    fn rollback(&self, id: &str, target: &str) -> anyhow::Result<PlayerCommand> {
        Ok(Rollback {
            source: self.source.clone(),
            id: TransactionId::new(id)?,
            target: TransactionId::new(target)?,
            kind: Some(RollbackKind::Bet),
            flags: CallFlags::default(),
            round: None,
            currency: None,
            amount: None,
            on_shortfall: None,
            partial: false,
        }
        .into())
    }
}

fn step(command: PlayerCommand, kind: Kind) -> Step {
    Step { command, kind, expect: Expect::Accepted }
}

/// The scripts of all players: their bets placed and settled, mixed with noise that must change nothing.
/// `noise` is in per mille of the bets, for each kind of noise. Deterministic in traffic and noise.
pub(crate) fn scripts(traffic: &Traffic, noise: u64) -> anyhow::Result<Vec<Script>> {
    let maker = Maker { traffic, source: SourceId::new(PROVIDER)?, game: GameId::new("crash")? };
    let mut random = ChaCha8Rng::seed_from_u64(traffic.bets.len() as u64);
    let mut chance = || random.next_u64() % 1_000 < noise;
    let mut order: Vec<&str> = Vec::new();
    let mut by_player: HashMap<&str, Vec<&Bet>> = HashMap::new();
    for bet in &traffic.bets {
        let bets = by_player.entry(&bet.player).or_default();
        if bets.is_empty() {
            order.push(&bet.player);
        }
        bets.push(bet);
    }
    let mut scripts = Vec::with_capacity(order.len());
    for name in order {
        let player = PlayerId::new(name)?;
        let bets = &by_player[name];
        let mut play = Vec::with_capacity(bets.len() * 2);
        // What he has at each step, beginning with nothing, tells what he must deposit.
        let (mut cash, mut need) = (0_i128, 0_i128);
        let mut rest = bets.as_slice();
        while let Some(first) = rest.first() {
            // Bets of one round in a row are placed together and settled one by one.
            let count = rest.iter().take_while(|bet| bet.round == first.round).count();
            let (together, later) = rest.split_at(count);
            rest = later;
            for bet in together {
                if chance() {
                    // The provider gives up on a bet that never arrived, and it arrives after all.
                    let late = format!("{}-late", bet.id);
                    play.push(step(maker.rollback(&format!("undo-{late}"), &late)?, Kind::Rollback));
                    let bet = maker.place(bet, &late, &bet.round)?;
                    play.push(Step { command: bet, kind: Kind::Place, expect: Expect::Cancelled });
                }
                if chance() {
                    // A bet is placed, times out at the provider, is rolled back and sent again as another.
                    let lost = format!("{}-lost", bet.id);
                    play.push(step(maker.place(bet, &lost, &bet.round)?, Kind::Place));
                    need = need.max(bet.stake.units() - cash);
                    play.push(step(maker.rollback(&format!("undo-{lost}"), &lost)?, Kind::Rollback));
                }
                let place = maker.place(bet, &bet.id, &bet.round)?;
                cash -= bet.stake.units();
                need = need.max(-cash);
                play.push(step(place.clone(), Kind::Place));
                if chance() {
                    play.push(Step { command: place, kind: Kind::Place, expect: Expect::Replayed });
                }
            }
            for (i, bet) in together.iter().enumerate() {
                let settle = maker.settle(bet, i + 1 == count)?;
                cash += bet.payout.units();
                play.push(step(settle.clone(), Kind::Settle));
                if chance() {
                    play.push(Step { command: settle, kind: Kind::Settle, expect: Expect::Replayed });
                }
            }
        }
        let mut funding = vec![step(open(traffic)?, Kind::Fund)];
        if need > 0 {
            funding.push(step(deposit(traffic, name, need)?, Kind::Fund));
        }
        scripts.push(Script { player, funding, play, cash: cash + need });
    }
    Ok(scripts)
}

fn open(traffic: &Traffic) -> anyhow::Result<PlayerCommand> {
    Ok(OpenPlayer {
        operator: OperatorId::new("demo")?,
        brand: BrandId::new("demo")?,
        jurisdiction: JurisdictionId::new("MT")?,
        zone: "Europe/Malta".to_owned(),
        kind: AccountKind::Real,
        currencies: vec![traffic.currency.code()],
        person: None,
    }
    .into())
}

fn deposit(traffic: &Traffic, player: &str, units: i128) -> anyhow::Result<PlayerCommand> {
    Ok(RecordDeposit {
        source: SourceId::new("demo-psp")?,
        id: TransactionId::new(format!("fund-{}-{player}", traffic.tag))?,
        amount: Amount::new(units, traffic.currency.scale())?.to_decimal(),
        currency: traffic.currency.code(),
        authorisation: None,
        instrument: None,
        intent: None,
        fee: None,
        rate: None,
    }
    .into())
}
