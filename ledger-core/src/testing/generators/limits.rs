//! Limits of players, and policies that set some.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{currencies, txns};
use crate::controls::{
    AssignCase, AssignLimitProfile, CloseAlert, CloseCase, ConfirmLimit, ConfirmPlayTimeLimit,
    ConfirmSessionLimit, ExcludePlayer, OpenCaseFor, RaiseAlert, RecordRegisterAnswers, RegisterAnswer,
    RegisterSays, ReturnFromExclusion, SetLimit, SetPerson, SetPlayTimeLimit, SetSessionLimit, SetTier,
};
use crate::ids::{ProfileName, RegisterName, SignalName, TierName, TransactionId};
use crate::player_ledger::PlayerCommand;
use crate::policy::{
    ControlPolicy, CountedFunds, GameRule, GameTable, LimitProfile, LimitRule, PlayTimeRule, Policy,
    Reaction, RegisterRule, RegisterUse, RiskRule, StakeRange, TierBar, TierRule, WeekStart, WhenUnreachable,
    WithdrawalGate,
};
use crate::stored::{ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow};
use crate::testing::commands;

fn windows() -> impl Strategy<Value = LimitWindow> {
    let periods = select(&[LimitPeriod::Day, LimitPeriod::Day, LimitPeriod::Week, LimitPeriod::Month][..]);
    let bases = select(&[LimitBasis::Rolling, LimitBasis::Calendar, LimitBasis::Anniversary][..]);
    (periods, bases).prop_map(|(period, basis)| LimitWindow { period, basis })
}

fn terms() -> impl Strategy<Value = LimitTerm> {
    use LimitKind::{Balance, Deposit, Loss, NetDeposit, NetLoss, SingleBet, Stake};
    let kinds = select(&[Deposit, NetDeposit, Stake, Loss, NetLoss, SingleBet, Balance][..]);
    (kinds, windows(), currencies()).prop_map(|(kind, window, currency)| LimitTerm {
        kind,
        currency,
        window: Some(window).filter(|_| !matches!(kind, SingleBet | Balance)),
    })
}

fn odd_terms() -> impl Strategy<Value = LimitTerm> {
    (terms(), option::of(windows())).prop_map(|(term, window)| LimitTerm { window, ..term })
}

fn sides() -> impl Strategy<Value = LimitSide> {
    use LimitSide::{Jurisdiction, Operator, Player, Tier};
    prop_oneof![24 => Just(Player), 8 => Just(Operator), 1 => Just(Jurisdiction), 1 => Just(Tier)]
}

/// A command on limits.
pub(super) fn single() -> impl Strategy<Value = PlayerCommand> {
    let terms = || prop_oneof![20 => terms(), 1 => odd_terms()];
    let amounts = option::weighted(0.85, select(&["0", "10", "25", "100", "100", "250", "500", "0.005"][..]));
    let set = (txns(), sides(), terms(), amounts).prop_map(|(id, side, term, amount)| {
        let amount = amount.map(commands::decimal);
        SetLimit { id, side, amount, ..commands::limit("L", term, "0") }.into()
    });
    let confirm = (txns(), terms())
        .prop_map(|(id, term)| ConfirmLimit { id, ..commands::confirm_limit("L", term) }.into());
    // Clocks of tests begin in 2026; a time-out of a second is over soon.
    let ends =
        ["2026-01-01T00:00:08Z", "2026-01-01T00:00:30Z", "2026-01-20T00:00:00Z", "2026-08-01T00:00:00Z"];
    let ends = option::weighted(0.95, select(ends.to_vec()));
    let kinds = select(&[ExclusionKind::TimeOut, ExclusionKind::TimeOut, ExclusionKind::SelfExclusion][..]);
    let exclude = (txns(), kinds, ends).prop_map(|(id, kind, until)| {
        let until = until.map(|until| until.parse().expect("an instant"));
        ExcludePlayer { id, ..commands::exclude("E", kind, until) }.into()
    });
    let back = txns().prop_map(|id| ReturnFromExclusion { id, ..commands::come_back("B") }.into());
    let told = (txns(), answers()).prop_map(|(id, answers)| {
        RecordRegisterAnswers { id, ..commands::register_answers("A", answers) }.into()
    });
    let tiers = option::weighted(0.9, select(&["low", "high", "high", "odd"][..]));
    let tier = (txns(), tiers).prop_map(|(id, tier)| SetTier { id, ..commands::tier("V", tier) }.into());
    let person = (txns(), option::of(Just("h1")))
        .prop_map(|(id, person)| SetPerson { id, ..commands::set_person("P", person) }.into());
    let times = option::weighted(0.8, select(&[2_u32, 10, 60][..]));
    let time = (txns(), times)
        .prop_map(|(id, secs)| SetSessionLimit { id, ..commands::session_limit("S", secs) }.into());
    let longer =
        txns().prop_map(|id| ConfirmSessionLimit { id, ..commands::confirm_session_limit("S") }.into());
    let times = option::weighted(0.8, select(&[0_u32, 3, 10, 60][..]));
    let play_time = (txns(), sides(), windows(), times).prop_map(|(id, side, window, secs)| {
        SetPlayTimeLimit { id, side, ..commands::play_time_limit("T", window, secs) }.into()
    });
    let more_play = (txns(), windows()).prop_map(|(id, window)| {
        ConfirmPlayTimeLimit { id, ..commands::confirm_play_time_limit("T", window) }.into()
    });
    let profiles = option::weighted(0.8, select(&["VIP_A", "VIP_A", "DEFAULT", "ODD"][..]));
    let profile = (txns(), profiles)
        .prop_map(|(id, name)| AssignLimitProfile { id, ..commands::assign_profile("F", name) }.into());
    let signals = select(&["many_voids", "bet_growth", "opposite_bets"][..]);
    let alert =
        (txns(), signals).prop_map(|(id, of)| RaiseAlert { id, ..commands::raise_alert("R", of) }.into());
    let closed = (txns(), txns())
        .prop_map(|(id, of)| CloseAlert { id, ..commands::close_alert("C", of.as_str()) }.into());
    let case = txns().prop_map(|id| OpenCaseFor { id, ..commands::open_case("O") }.into());
    let assigned = (txns(), txns())
        .prop_map(|(id, of)| AssignCase { id, ..commands::assign_case("G", of.as_str()) }.into());
    let over = (txns(), txns())
        .prop_map(|(id, of)| CloseCase { id, ..commands::close_case("E", of.as_str()) }.into());
    let risk = prop_oneof![3 => alert, 2 => closed, 2 => case, 2 => assigned, 2 => over];
    let others = prop_oneof![5 => risk.boxed(), 3 => told, 2 => profile, 4 => tier, 1 => person, 4 => time, 3 => longer, 6 => play_time.boxed(), 4 => more_play.boxed()];
    prop_oneof![30 => set, 10 => confirm, 2 => exclude, 2 => back, 15 => others.boxed()]
}

/// What registers say, of now, of the past and of the future.
pub(super) fn answers() -> impl Strategy<Value = Vec<RegisterAnswer>> {
    let times = [
        "2025-12-31T23:59:50Z",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:04Z",
        "2026-01-01T00:00:10Z",
        "2026-01-01T00:00:20Z",
        "2026-01-02T00:00:00Z",
    ];
    let times = select(times.map(|at| at.parse().expect("an instant")).to_vec());
    let until = "2026-01-01T00:00:15Z".parse().ok();
    let left = (currencies(), select(&["0", "25", "100", "250", "0.005"][..]))
        .prop_map(|(currency, amount)| RegisterSays::Left { currency, amount: commands::decimal(amount) });
    let says = prop_oneof![
        12 => Just(RegisterSays::Clear),
        1 => Just(RegisterSays::Excluded { until: None }),
        2 => Just(RegisterSays::Excluded { until }),
        8 => left,
        4 => Just(RegisterSays::Unreachable),
    ];
    let one = (select(&["oasis", "lugas", "lugas"][..]), times, says)
        .prop_map(|(name, at, says)| commands::register(name, at, says));
    prop::collection::vec(one, 0..4)
}

/// A command with answers of registers, if it may have some.
pub(super) fn with_answers(command: &mut PlayerCommand, answers: Vec<RegisterAnswer>) {
    match command {
        PlayerCommand::PlaceBet(c) => c.registers = answers,
        PlayerCommand::Tip(c) => c.registers = answers,
        PlayerCommand::EnterTournament(c) => c.registers = answers,
        PlayerCommand::RollOut(c) => c.registers = answers,
        PlayerCommand::StartSession(c) => c.registers = answers,
        PlayerCommand::InitiateDeposit(c) => c.registers = answers,
        _ => {}
    }
}

fn registers() -> impl Strategy<Value = Vec<RegisterRule>> {
    use RegisterUse::{Bet, Deposit, Purchase, Session, Transfer};
    let before = prop::sample::subsequence(vec![Bet, Purchase, Transfer, Session, Deposit], 1..=3);
    let unreachable = select(&[WhenUnreachable::Refuse, WhenUnreachable::Allow][..]);
    let rule = (select(&["oasis", "lugas"][..]), before, select(&[5_u32, 100_000][..]), unreachable);
    let rule = rule.prop_map(|(name, before, max_age_secs, unreachable)| RegisterRule {
        register: RegisterName::new(name).expect("a name"),
        before,
        max_age_secs,
        unreachable,
    });
    prop_oneof![8 => Just(Vec::new()), 1 => prop::collection::vec(rule, 1..3)]
}

fn tiers(
    rules: impl Strategy<Value = LimitRule> + Clone + 'static,
) -> impl Strategy<Value = (Vec<TierRule>, Vec<WithdrawalGate>)> {
    use TierBar::{Deposits, Play, Withdrawals};
    let name = |text: &str| TierName::new(text).expect("a name");
    let bars = || {
        prop_oneof![
            6 => Just(Vec::new()),
            1 => prop::sample::subsequence(vec![Play, Deposits, Withdrawals], 1..=2),
        ]
    };
    let limits = move || prop::collection::vec(rules.clone(), 0..3);
    let gate = (currencies(), select(&["0", "60", "100"][..])).prop_map(move |(currency, above)| {
        WithdrawalGate { currency, above: commands::decimal(above), tier: name("high") }
    });
    let some = (bars(), limits(), limits(), prop::collection::vec(gate, 0..2)).prop_map(
        move |(bars, low, high, gates)| {
            let low = TierRule { name: name("low"), bars, limits: low };
            (vec![low, TierRule { name: name("high"), bars: Vec::new(), limits: high }], gates)
        },
    );
    prop_oneof![5 => Just((Vec::new(), Vec::new())), 1 => some]
}

/// A limit is set, made higher, lower or lifted, and confirmed; an alert and a case go from their start to their end.
pub(super) fn tale() -> impl Strategy<Value = Vec<PlayerCommand>> {
    let amounts = || option::weighted(0.8, select(&["50", "100", "250"][..]));
    (terms(), amounts(), amounts()).prop_map(|(term, then, last)| {
        let day = LimitWindow { period: LimitPeriod::Day, basis: LimitBasis::Rolling };
        let week = LimitWindow { period: LimitPeriod::Week, basis: LimitBasis::Rolling };
        let set = |id: &str, amount: Option<&str>| -> PlayerCommand {
            let amount = amount.map(commands::decimal);
            SetLimit { amount, ..commands::limit(id, term, "0") }.into()
        };
        vec![
            set("YA", Some("100")),
            set("YB", then),
            commands::confirm_limit("YC", term).into(),
            set("YD", last),
            commands::confirm_limit("YE", term).into(),
            commands::session_limit("YF", Some(20)).into(),
            commands::session_limit("YG", Some(60)).into(),
            commands::confirm_session_limit("YH").into(),
            commands::play_time_limit("YO", day, Some(20)).into(),
            commands::play_time_limit("YP", day, Some(60)).into(),
            commands::confirm_play_time_limit("YQ", day).into(),
            commands::raise_alert("YI", "many_voids").into(),
            commands::open_case("YJ").into(),
            commands::assign_case("YK", "YJ").into(),
            commands::close_alert("YL", "YI").into(),
            commands::close_case("YM", "YJ").into(),
            commands::assign_profile("YN", Some("VIP_A")).into(),
            commands::play_time_limit("YR", week, Some(2)).into(),
            commands::start_session("YS").into(),
            commands::acknowledge("YT", "YS").into(),
            commands::end_session("YU", "YS").into(),
        ]
    })
}

/// Aims a command at a limit that an earlier one set.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: prop::sample::Index) {
    let name = |command: &PlayerCommand| match command {
        PlayerCommand::RaiseAlert(c) => Some(c.id.clone()),
        PlayerCommand::OpenCaseFor(c) => Some(c.id.clone()),
        _ => None,
    };
    match (&mut *command, super::earlier(all, at, name)) {
        (PlayerCommand::CloseAlert(c), Some(id)) => c.alert.id = id,
        (PlayerCommand::AssignCase(c), Some(id)) => c.case.id = id,
        (PlayerCommand::CloseCase(c), Some(id)) => c.case.id = id,
        _ => {}
    }
    let set = |command: &PlayerCommand| match command {
        PlayerCommand::SetLimit(c) => Some((c.side, c.term)),
        _ => None,
    };
    let timed = |command: &PlayerCommand| match command {
        PlayerCommand::SetPlayTimeLimit(c) => Some((c.side, c.window)),
        _ => None,
    };
    match (&mut *command, super::earlier(all, at, timed)) {
        (PlayerCommand::SetPlayTimeLimit(c), Some((side, window))) => (c.side, c.window) = (side, window),
        (PlayerCommand::ConfirmPlayTimeLimit(c), Some((_, window))) => c.window = window,
        _ => {}
    }
    let Some((side, term)) = super::earlier(all, at, set) else { return };
    match command {
        PlayerCommand::SetLimit(c) => (c.side, c.term) = (side, term),
        PlayerCommand::ConfirmLimit(c) => c.term = term,
        _ => {}
    }
}

pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    match command {
        PlayerCommand::SetLimit(c) => Some(&mut c.id),
        PlayerCommand::ConfirmLimit(c) => Some(&mut c.id),
        PlayerCommand::ExcludePlayer(c) => Some(&mut c.id),
        PlayerCommand::ReturnFromExclusion(c) => Some(&mut c.id),
        PlayerCommand::RecordRegisterAnswers(c) => Some(&mut c.id),
        PlayerCommand::AssignLimitProfile(c) => Some(&mut c.id),
        PlayerCommand::SetTier(c) => Some(&mut c.id),
        PlayerCommand::RaiseAlert(c) => Some(&mut c.id),
        PlayerCommand::CloseAlert(c) => Some(&mut c.id),
        PlayerCommand::OpenCaseFor(c) => Some(&mut c.id),
        PlayerCommand::AssignCase(c) => Some(&mut c.id),
        PlayerCommand::CloseCase(c) => Some(&mut c.id),
        PlayerCommand::SetPerson(c) => Some(&mut c.id),
        PlayerCommand::SetSessionLimit(c) => Some(&mut c.id),
        PlayerCommand::ConfirmSessionLimit(c) => Some(&mut c.id),
        PlayerCommand::SetPlayTimeLimit(c) => Some(&mut c.id),
        PlayerCommand::ConfirmPlayTimeLimit(c) => Some(&mut c.id),
        _ => None,
    }
}

/// Limits that a policy may set, in any order.
fn rules() -> BoxedStrategy<LimitRule> {
    let rules = (terms(), select(&["50", "100", "1000.009"][..]))
        .prop_map(|(term, amount)| LimitRule { term, amount: commands::decimal(amount) });
    // What is counted of the policy's limits begins with the player's first command; so does an anniversary of the model.
    let rules = rules.prop_filter("no anniversaries", |rule| {
        rule.term.window.is_none_or(|window| window.basis != LimitBasis::Anniversary)
    });
    rules.boxed()
}

/// Limits on the time of play that a policy may set.
fn play_time_rules() -> impl Strategy<Value = PlayTimeRule> {
    (windows(), select(&[5_u32, 30, 3_600][..]))
        .prop_map(|(window, max_secs)| PlayTimeRule { window, max_secs })
}

/// Profiles of limits, and games: a policy with some.
pub(super) fn with_documents() -> impl Strategy<Value = Policy> {
    let name = |text: &str| ProfileName::new(text).expect("a name");
    let limits = || prop::collection::vec(rules(), 0..3);
    let here = crate::ids::JurisdictionId::new("MT").expect("an id");
    let elsewhere = crate::ids::JurisdictionId::new("SE").expect("an id");
    let of_here = here.clone();
    let times = prop::collection::vec(play_time_rules(), 0..2);
    let profiles = (option::of(limits()), limits(), option::weighted(0.3, limits()), times).prop_map(
        move |(default, vip, vip_here, play_time)| {
            let jurisdictions = vip_here.map(|limits| (of_here.clone(), limits)).into_iter().collect();
            let most = |most: &str| {
                let most = Some(commands::decimal(most));
                StakeRange { min: None, max: most, round_max: most }
            };
            let slots = |most| {
                let by_currency = [(commands::currency("EUR"), most)].into();
                crate::policy::CategoryStakes::from([(commands::game_type("slots"), by_currency)])
            };
            let stakes = slots(most("50"));
            let vip = (name("VIP_A"), LimitProfile { limits: vip, jurisdictions, play_time, stakes });
            let plain = |limits| LimitProfile { limits, stakes: slots(most("5")), ..LimitProfile::default() };
            default.map(|limits| (name("DEFAULT"), plain(limits))).into_iter().chain([vip]).collect()
        },
    );
    let profiles = prop_oneof![5 => Just(std::collections::BTreeMap::new()), 1 => profiles];
    let listed = option::of(prop::sample::subsequence(vec![here.clone(), elsewhere], 0..=2));
    let range = (option::of(Just("5")), option::of(select(&["10", "50"][..])));
    let range = range.prop_map(|(min, max)| StakeRange {
        min: min.map(commands::decimal),
        max: max.map(commands::decimal),
        round_max: max.map(|most| commands::decimal(most) * commands::decimal("2")),
    });
    let range = (range.clone(), option::weighted(0.3, range));
    let games = (select(&["game", "other"][..]), listed, range, prop::bool::weighted(0.2)).prop_map(
        move |(game, listed, (range, by_law), only_listed)| {
            let stakes = |range| [(commands::currency("EUR"), range)].into();
            let rule = GameRule {
                category: only_listed.then(|| commands::game_type("slots")),
                jurisdictions: listed.map(|listed| listed.into_iter().collect()),
                stakes: stakes(range),
                stakes_by_jurisdiction: by_law
                    .map(|range| (here.clone(), stakes(range)))
                    .into_iter()
                    .collect(),
            };
            GameTable { only_listed, games: [(commands::game(game), rule)].into() }
        },
    );
    let games = prop_oneof![8 => Just(GameTable::default()), 1 => games];
    (profiles, games).prop_map(|(limit_profiles, games)| Policy {
        limit_profiles,
        games,
        ..Policy::default()
    })
}

/// How limits are kept.
pub(super) fn policies() -> impl Strategy<Value = ControlPolicy> {
    let rules = rules();
    let verification = tiers(rules.clone());
    let starts = select(&[WeekStart::Monday, WeekStart::Saturday, WeekStart::Sunday][..]);
    let raises = (select(&[0_u32, 3_600, 86_400][..]), any::<bool>(), any::<bool>());
    let rules = prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(rules, 1..3)];
    let card = crate::ids::MethodId::new("card").expect("an id");
    let others = (
        select(&[0_u8, 6][..]),
        option::weighted(0.1, 1..20_u32),
        prop_oneof![4 => Just(Vec::new()), 1 => Just(vec![card])],
        prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(play_time_rules(), 1..3)],
    );
    let reaction = prop_oneof![
        Just(Reaction::Case),
        Just(Reaction::Block { block: crate::player::Block::Bets }),
        self::rules().prop_map(|rule| Reaction::Limit { term: rule.term, amount: rule.amount }),
    ];
    let risk = (select(&["many_voids", "bet_growth"][..]), reaction)
        .prop_map(|(signal, then)| RiskRule { signal: SignalName::new(signal).expect("a name"), then });
    let risk = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(risk, 1..4)];
    let funds = select(&[CountedFunds::OwnMoney, CountedFunds::OwnMoney, CountedFunds::All][..]);
    (starts, raises, rules, others, (registers().boxed(), verification.boxed(), funds, risk.boxed()))
        .prop_map(
            |(
                week_starts,
                raises,
                limits,
                others,
                (registers, (tiers, withdrawal_gates), counted_funds, risk),
            )| {
                let (raise_after_secs, raise_after_window, raise_needs_confirmation) = raises;
                let (months, seconds, forbidden_methods, play_time) = others;
                ControlPolicy {
                    week_starts,
                    raise_after_secs,
                    raise_after_window,
                    raise_needs_confirmation,
                    limits,
                    play_time,
                    self_exclusion_min_months: months,
                    return_after_secs: raise_after_secs,
                    session_max_secs: seconds.map(|secs| secs * 4),
                    reality_check_secs: seconds,
                    forbidden_methods,
                    registers,
                    tiers,
                    withdrawal_gates,
                    counted_funds,
                    risk,
                    ..ControlPolicy::DEFAULT
                }
            },
        )
}
