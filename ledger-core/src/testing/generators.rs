//! Proptest strategies for histories in which everything that goes wrong in practice happens often.
//!
//! Pools of ids are small, so duplicates, reused keys, tombstones, wins without bets and repeated rollbacks
//! come by themselves; amounts include zero, too fine, negative and absurd ones.

mod adjustments;
mod bonuses;
mod corrections;
mod deposits;
mod house;
mod limits;
mod loyalty;
mod play;
mod tournaments;
mod withdrawals;

use proptest::collection::{SizeRange, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::controls::RegisterAnswer;
use crate::credit::GrantCredit;
use crate::host::{HostAccountClass, HostData, HostMovement, HostOperation};
use crate::ids::{HostNamespace, RoundId, SourceId, SubAccount, TransactionId};
use crate::money::CurrencyCode;
use crate::player::OpenPlayer;
use crate::player_ledger::{Batch, KnownOperations, PlayerCommand};
use crate::policy::{FxPolicy, JurisdictionProfile, KeyScope, Policy, ShortfallPolicy, SourcePolicy};
use crate::round::{CloseRound, Finality, PlaceBet, Rollback, RollbackKind, Settle, Void, VoidTarget};
use crate::stored::CreditKind;
use crate::testing::commands;

pub use house::{HOUSES, HouseStep, house_histories, house_runs};

/// The most transaction ids of a source.
const TXNS: u8 = 12;
/// The most rounds of a source.
const ROUNDS: u8 = 5;

fn sources() -> impl Strategy<Value = SourceId> {
    prop_oneof![9 => Just("prov"), 1 => Just("prov2")].prop_map(commands::source)
}

fn txns() -> impl Strategy<Value = TransactionId> {
    (1..=TXNS).prop_map(|n| commands::txn(&format!("T{n}")))
}

fn rounds() -> impl Strategy<Value = RoundId> {
    (1..=ROUNDS).prop_map(|n| commands::round(&format!("R{n}")))
}

fn currencies() -> impl Strategy<Value = CurrencyCode> {
    prop_oneof![30 => Just("EUR"), 4 => Just("USD"), 1 => Just("GBP")].prop_map(commands::currency)
}

fn amounts() -> impl Strategy<Value = rust_decimal::Decimal> {
    let usual = select(&["10", "10.00", "5", "2.50", "25", "100", "100", "7.77", "1.000"][..]);
    let zero = select(&["0", "0.00"][..]);
    let odd = select(&["0.005", "-1", "-0.00", "2000000000000", "1000000000000.001"][..]);
    prop_oneof![24 => usual, 3 => zero, 1 => odd].prop_map(commands::decimal)
}

fn shortfalls() -> impl Strategy<Value = ShortfallPolicy> {
    use ShortfallPolicy::{AllowNegative, Reject, Retain, ZeroOut};
    select(&[AllowNegative, AllowNegative, Reject, Retain, ZeroOut][..])
}

fn source_policies() -> impl Strategy<Value = SourcePolicy> {
    let scope = select(&[KeyScope::PerKind, KeyScope::PerKind, KeyScope::AnyKind][..]);
    let cancel = prop::bool::weighted(0.3);
    let playing = prop_oneof![1 => Just(SourcePolicy::default()), 2 => play::playing()];
    (scope, shortfalls(), any::<bool>(), cancel, playing).prop_map(
        |(key_scope, on_shortfall, sticky_rejections, cancel_settled, playing)| SourcePolicy {
            key_scope,
            on_shortfall,
            sticky_rejections,
            cancel_settled,
            ..playing
        },
    )
}

/// Policies: every scope of keys, answer to spent wins, and stickiness of refusals.
pub fn policies() -> impl Strategy<Value = Policy> {
    let sources = (source_policies(), option::weighted(0.3, source_policies()));
    let policies = sources.prop_map(|(default, other)| {
        let sources = other.map(|other| (commands::source("prov2"), other)).into_iter().collect();
        Policy { default, sources, ..Policy::default() }
    });
    let max_age_secs = select(&[5_u32, 3_600][..]);
    let restrictions = bonuses::restrictions();
    let profiles = (play::profiles(), withdrawals::profiles(), limits::policies(), restrictions);
    let profiles = profiles.prop_map(|(play, money, controls, bonuses)| JurisdictionProfile {
        reverse_withdrawal: money.reverse_withdrawal,
        unplayed: money.unplayed,
        controls,
        bonuses,
        ..play
    });
    let free = (bonuses::free_rounds(), loyalty::policies());
    let bonuses = (bonuses::policies(), free, limits::with_documents().boxed());
    (policies, deposits::policies(), max_age_secs, withdrawals::policies(), profiles, bonuses).prop_map(
        |(
            policy,
            deposits,
            max_age_secs,
            withdrawals,
            default_jurisdiction,
            (bonuses, (free, loyalty), others),
        )| {
            Policy {
                bonuses,
                free_round_bonuses: free,
                loyalty,
                limit_profiles: others.limit_profiles,
                games: others.games,
                deposits,
                fx: FxPolicy { max_age_secs },
                withdrawals,
                default_jurisdiction,
                ..policy
            }
        },
    )
}

fn bets() -> impl Strategy<Value = PlaceBet> {
    let games = prop_oneof![4 => Just("game"), 1 => Just("other")].prop_map(commands::game);
    (sources(), txns(), rounds(), games, amounts(), currencies())
        .prop_map(|(source, id, round, game, amount, currency)| {
            PlaceBet::new(source, id, round, game, amount, currency)
        })
        .prop_flat_map(play::varied)
}

fn settlements() -> impl Strategy<Value = Settle> {
    use Finality::{Bet, ByPolicy, MoreToCome, Round};
    let finality = select(&[ByPolicy, ByPolicy, MoreToCome, MoreToCome, Bet, Bet, Round, Round][..]);
    let game = option::weighted(0.3, select(&["game", "other"][..]).prop_map(commands::game));
    let more = (finality, game, play::flags());
    (sources(), txns(), rounds(), option::weighted(0.4, txns()), amounts(), currencies(), more).prop_map(
        |(source, id, round, bet, amount, currency, (finality, game, flags))| Settle {
            bet,
            finality,
            game,
            flags,
            ..Settle::new(source, id, round, amount, currency)
        },
    )
}

fn closes() -> impl Strategy<Value = CloseRound> {
    (sources(), txns(), rounds()).prop_map(|(source, id, round)| CloseRound { source, id, round })
}

fn voids() -> impl Strategy<Value = Void> {
    let source = prop_oneof![3 => Just(commands::source("office")), 1 => sources()];
    let target = prop_oneof![1 => Just(VoidTarget::Round), 3 => txns().prop_map(VoidTarget::Bet)];
    (source, txns(), sources(), rounds(), target).prop_map(|(source, id, round_source, round, target)| Void {
        source,
        round_source,
        target,
        ..commands::void_round(id.as_str(), round.as_str())
    })
}

fn rollbacks() -> impl Strategy<Value = Rollback> {
    use RollbackKind::{Bet, RollOut, Tip, TournamentEntry, Win};
    let kinds = select(&[Bet, Bet, Bet, Win, Win, Win, Win, Win, Tip, TournamentEntry, RollOut][..]);
    let kind = option::weighted(0.6, kinds);
    (
        (sources(), txns(), txns(), kind),
        (
            option::weighted(0.1, rounds()),
            option::weighted(0.1, currencies()),
            option::weighted(0.1, amounts()),
            option::weighted(0.2, shortfalls()),
            prop::bool::weighted(0.15),
            play::flags(),
        ),
    )
        .prop_map(
            |((source, id, target, kind), (round, currency, amount, on_shortfall, partial, flags))| {
                // A part must say how much it is.
                let amount = amount.or_else(|| partial.then(|| commands::decimal("1")));
                Rollback { source, id, target, kind, round, currency, amount, on_shortfall, partial, flags }
            },
        )
}

fn credits() -> impl Strategy<Value = GrantCredit> {
    use CreditKind::{Cashback, FreeRound, LocalJackpot, NetworkJackpot, ProviderPromo};
    let reason = select(&[ProviderPromo, FreeRound, Cashback, LocalJackpot, NetworkJackpot][..]);
    let of = select(&["campaign", "pool"][..]).prop_map(|of| SubAccount::new(of).expect("a sub-account"));
    (sources(), txns(), reason, of, option::of(rounds()), amounts(), currencies()).prop_map(
        |(source, id, reason, of, round, amount, currency)| GrantCredit {
            source,
            id,
            reason,
            of,
            round,
            amount,
            currency,
        },
    )
}

fn host_operations() -> impl Strategy<Value = HostOperation> {
    use HostAccountClass::{Asset, Expense, Income, Liability};
    let class = select(&[Asset, Liability, Income, Expense][..]);
    let movement = (class, any::<bool>(), amounts(), currencies(), prop::bool::weighted(0.4));
    let namespace = select(&["acme", "acme.loyalty"][..]);
    let state = option::of(select(&["1", "2"][..]));
    (txns(), namespace, state, option::weighted(0.3, 0_u64..3), option::of(movement)).prop_map(
        |(id, namespace, state, expected, movement)| HostOperation {
            namespace: HostNamespace::new(namespace).expect("a namespace"),
            state: state.map(|state| HostData::new(state).expect("JSON")),
            expected,
            movement: movement.map(|(class, to_player, amount, currency, between_players)| HostMovement {
                amount,
                currency,
                between_players,
                ..commands::host_movement(class, "points", to_player, "1")
            }),
            ..commands::host(id.as_str(), "points.earned", "{}")
        },
    )
}

/// Currencies of repeated openings: the known one, and malformed ones. `XXX` is what ISO 4217 has for no currency.
const OPENINGS: &[&[&str]] = &[&["EUR", "USD"], &["EUR"], &["EUR", "EUR"], &["EUR", "XXX"], &[]];

fn openings() -> impl Strategy<Value = OpenPlayer> {
    let currencies = select(OPENINGS);
    let zone = select(&["Europe/Malta", "Europe/Malta", "Mars/Olympus"][..]);
    (currencies, zone)
        .prop_map(|(currencies, zone)| OpenPlayer { zone: zone.to_owned(), ..commands::open(currencies) })
}

/// One command, of any kind; now and then several in a batch.
pub fn command() -> impl Strategy<Value = PlayerCommand> {
    let known = select(&[KnownOperations::Refuse, KnownOperations::Replay][..]);
    let batches = (vec(single(), 1..4), known);
    prop_oneof![
        20 => single(),
        1 => batches.prop_map(|(commands, known)| {
            let opening = |command: &PlayerCommand| matches!(command, PlayerCommand::OpenPlayer(_));
            let commands = match commands.into_iter().filter(|c| !opening(c)).collect::<Vec<_>>() {
                none if none.is_empty() => vec![commands::bet("T1", "R1", "10").into()],
                some => some,
            };
            Batch::new(commands, known).expect("few commands, none of them a batch").into()
        }),
    ]
}

/// One command, of any kind but a batch.
fn single() -> impl Strategy<Value = PlayerCommand> {
    prop_oneof![
        10 => bets().prop_map(PlayerCommand::from),
        9 => settlements().prop_map(PlayerCommand::from),
        8 => rollbacks().prop_map(PlayerCommand::from),
        10 => deposits::single(),
        2 => closes().prop_map(PlayerCommand::from),
        2 => voids().prop_map(PlayerCommand::from),
        2 => credits().prop_map(PlayerCommand::from),
        1 => openings().prop_map(PlayerCommand::from),
        2 => host_operations().prop_map(PlayerCommand::from),
        5 => adjustments::office(),
        8 => corrections::corrections(),
        6 => withdrawals::single(),
        8 => play::single(),
        3 => limits::single(),
        5 => bonuses::single(),
        3 => loyalty::single(),
    ]
}

/// How a command of a history is bent.
#[derive(Debug, Clone)]
struct Bend {
    /// It is an earlier command again.
    again: Option<Index>,
    /// It is aimed at an earlier bet or win, instead of somewhere in the pools.
    aim: Option<Index>,
    /// It has an id of its own, instead of one from the pool.
    fresh: bool,
    /// Registers answered something for it.
    answers: Option<Vec<RegisterAnswer>>,
}

fn bends() -> impl Strategy<Value = Bend> {
    let again = option::weighted(0.12, any::<Index>());
    let aim = option::weighted(0.7, any::<Index>());
    let answers = option::weighted(0.06, limits::answers());
    (again, aim, prop::bool::weighted(0.7), answers).prop_map(|(again, aim, fresh, answers)| Bend {
        again,
        aim,
        fresh,
        answers,
    })
}

/// One of the earlier commands that `pick` finds something in.
fn earlier<'a, T>(
    all: &'a [PlayerCommand],
    at: Index,
    pick: impl Fn(&'a PlayerCommand) -> Option<T>,
) -> Option<T> {
    let mut found: Vec<T> = all.iter().filter_map(pick).collect();
    if found.is_empty() { None } else { Some(found.swap_remove(at.index(found.len()))) }
}

fn a_bet(command: &PlayerCommand) -> Option<&PlaceBet> {
    match command {
        PlayerCommand::PlaceBet(bet) => Some(bet),
        _ => None,
    }
}

fn undoable(command: &PlayerCommand) -> Option<(&SourceId, &TransactionId, RollbackKind)> {
    match command {
        PlayerCommand::PlaceBet(bet) => Some((&bet.source, &bet.id, RollbackKind::Bet)),
        PlayerCommand::Settle(win) => Some((&win.source, &win.id, RollbackKind::Win)),
        PlayerCommand::Tip(tip) => Some((&tip.source, &tip.id, RollbackKind::Tip)),
        PlayerCommand::EnterTournament(c) => Some((&c.source, &c.id, RollbackKind::TournamentEntry)),
        PlayerCommand::RollOut(out) => Some((&out.source, &out.id, RollbackKind::RollOut)),
        _ => None,
    }
}

/// Aims a command at something that came before it.
fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: Index) {
    match command {
        PlayerCommand::Batch(batch) => {
            // A batch is aimed at its own earlier commands too: bet and win in one call.
            let mut before = all.to_vec();
            let mut aimed = batch.commands().to_vec();
            for command in &mut aimed {
                aim(command, &before, at);
                before.push(command.clone());
            }
            *batch = Batch::new(aimed, batch.known()).expect("as many commands as before");
        }
        PlayerCommand::Settle(win) => {
            if let Some(bet) = earlier(all, at, a_bet) {
                win.source.clone_from(&bet.source);
                win.round.clone_from(&bet.round);
                win.currency = bet.currency;
                win.bet = win.bet.as_ref().map(|_| bet.id.clone());
            }
        }
        PlayerCommand::CloseRound(close) => {
            if let Some(bet) = earlier(all, at, a_bet) {
                close.source.clone_from(&bet.source);
                close.round.clone_from(&bet.round);
            }
        }
        PlayerCommand::Void(void) => {
            if let Some(bet) = earlier(all, at, a_bet) {
                void.round_source.clone_from(&bet.source);
                void.round.clone_from(&bet.round);
                if let VoidTarget::Bet(id) = &mut void.target {
                    id.clone_from(&bet.id);
                }
            }
        }
        PlayerCommand::Rollback(rollback) => {
            let wanted = rollback.kind;
            let fits = |c| undoable(c).filter(|(_, _, kind)| wanted.is_none_or(|wanted| wanted == *kind));
            if let Some((source, id, _)) = earlier(all, at, fits) {
                rollback.source.clone_from(source);
                rollback.target.clone_from(id);
            }
        }
        other => {
            adjustments::aim(other, all, at);
            corrections::aim(other, all, at);
            deposits::aim(other, all, at);
            withdrawals::aim(other, all, at);
            play::aim(other, all, at);
            limits::aim(other, all, at);
            bonuses::aim(other, all, at);
        }
    }
}

fn rename(command: &mut PlayerCommand, step: usize) {
    if let PlayerCommand::Batch(batch) = command {
        let mut renamed = batch.commands().to_vec();
        for (n, command) in renamed.iter_mut().enumerate() {
            rename(command, step * 100 + n);
        }
        *batch = Batch::new(renamed, batch.known()).expect("as many commands as before");
        return;
    }
    let id = match command {
        PlayerCommand::PlaceBet(c) => &mut c.id,
        PlayerCommand::Settle(c) => &mut c.id,
        PlayerCommand::CloseRound(c) => &mut c.id,
        PlayerCommand::Void(c) => &mut c.id,
        PlayerCommand::Rollback(c) => &mut c.id,
        PlayerCommand::GrantCredit(c) => &mut c.id,
        PlayerCommand::HostOperation(c) => &mut c.id,
        other => {
            let id = if corrections::id(other).is_some() {
                corrections::id(other)
            } else if adjustments::id(other).is_some() {
                adjustments::id(other)
            } else if withdrawals::id(other).is_some() {
                withdrawals::id(other)
            } else if play::id(other).is_some() {
                play::id(other)
            } else if limits::id(other).is_some() {
                limits::id(other)
            } else if loyalty::id(other).is_some() {
                loyalty::id(other)
            } else if bonuses::id(other).is_some() {
                bonuses::id(other)
            } else {
                deposits::id(other)
            };
            let Some(id) = id else { return };
            id
        }
    };
    *id = commands::txn(&format!("N{step}"));
}

/// A win that is spent to the last and then rolled back: the way into debt.
fn spent_win(on_shortfall: Option<ShortfallPolicy>) -> Vec<PlayerCommand> {
    let mut all: Vec<PlayerCommand> =
        vec![commands::bet("E1", "E1", "2.50").into(), commands::win_close("E2", "E1", "100").into()];
    let stakes = ["100", "100", "100", "25", "25", "25", "10", "10", "2.50", "2.50", "2.50"];
    all.extend(stakes.iter().enumerate().map(|(n, stake)| {
        let id = format!("S{n}");
        commands::bet(&id, &id, stake).into()
    }));
    all.push(Rollback { on_shortfall, ..commands::rollback("E3", "E2") }.into());
    all
}

/// Histories of one player: he is opened with EUR and USD and mostly deposits, then anything comes. Many
/// commands are aimed at an earlier bet or win, about one in eight is an earlier one again, and in some
/// histories a win is spent and then rolled back, the back office steps in, a deposit goes from its start to its
/// disputes, a withdrawal from its request to its return, or an entry to a tournament to its prize. `len` counts the rest.
pub fn histories(len: impl Into<SizeRange>) -> impl Strategy<Value = Vec<PlayerCommand>> {
    let steps = vec((command(), bends()), len);
    let spree = option::weighted(0.2, (any::<Index>(), option::of(shortfalls())));
    let story = option::weighted(0.3, (any::<Index>(), adjustments::stories()));
    let tale = option::weighted(0.2, (any::<Index>(), deposits::tale()));
    let way_out = option::weighted(0.4, (any::<Index>(), withdrawals::tale()));
    let limits = option::weighted(0.2, (any::<Index>(), limits::tale()));
    let points = option::weighted(0.2, (any::<Index>(), loyalty::tale()));
    let cup = option::weighted(0.1, (any::<Index>(), tournaments::tale()));
    let limits = (limits, points, cup);
    let cash = select(&["0", "20", "100", "1000"][..]);
    let bonus = option::weighted(0.5, select(&["20", "50", "7.77"][..]));
    let cash = (cash, bonus);
    (cash, steps, spree, story, (tale, way_out, limits)).prop_map(|(begin, steps, spree, story, tales)| {
        let (tale, way_out, (limits, points, cup)) = tales;
        let (cash, bonus) = begin;
        let mut all: Vec<PlayerCommand> = vec![commands::open(&["EUR", "USD"]).into()];
        if cash != "0" {
            all.push(commands::deposit("T1", cash).into());
        }
        if let Some(amount) = bonus {
            all.push(commands::grant_bonus("G1", amount).into());
        }
        for (step, (mut command, bend)) in steps.into_iter().enumerate() {
            if let Some(at) = bend.aim {
                aim(&mut command, &all, at);
            }
            if bend.fresh {
                rename(&mut command, step);
            }
            if let Some(answers) = bend.answers {
                limits::with_answers(&mut command, answers);
            }
            let repeated = bend.again.and_then(|at| all.get(at.index(all.len())).cloned());
            all.push(repeated.unwrap_or(command));
        }
        if let Some((at, on_shortfall)) = spree {
            let tail = all.split_off(at.index(all.len()) + 1);
            all.extend(spent_win(on_shortfall));
            all.extend(tail);
        }
        if let Some((at, story)) = story {
            let tail = all.split_off(at.index(all.len()) + 1);
            all.extend(story);
            all.extend(tail);
        }
        if let Some((at, tale)) = tale {
            let tail = all.split_off(at.index(all.len()) + 1);
            all.extend(tale);
            all.extend(tail);
        }
        if let Some((at, points)) = points {
            let tail = all.split_off(at.index(all.len()) + 1);
            all.extend(points);
            all.extend(tail);
        }
        if let Some((at, cup)) = cup {
            let tail = all.split_off(at.index(all.len()) + 1);
            all.extend(cup);
            all.extend(tail);
        }
        if let Some((at, limits)) = limits {
            let tail = all.split_off(at.index(all.len()) + 1);
            all.extend(limits);
            all.extend(tail);
        }
        if let Some((at, way_out)) = way_out {
            let tail = all.split_off(at.index(all.len()) + 1);
            all.extend(way_out);
            all.extend(tail);
        }
        all
    })
}

/// Histories with a policy to run them under.
pub fn runs(len: impl Into<SizeRange>) -> impl Strategy<Value = (Policy, Vec<PlayerCommand>)> {
    (policies(), histories(len))
}
