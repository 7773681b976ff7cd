//! What protects players: the view against the state that decisions are made on, and against a few plain lines over the events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ledger_core::stored::{
    Event, EventRecord, ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm,
};
use ledger_core::testing::{TestLedger, TestOutcome, commands};
use ledger_core::{
    Amount, CountedFunds, CurrencyRegistry, Exclusion, Limit, Partition, PlayerCommand, PlayerId,
    PlayerState, Policy, RegisterName, RegisterSays, Rejection, Timestamp,
};
use ledger_projections::controls::{
    ControlRecord, ExclusionBy, HitKind, LimitHit, LimitUse, PlayerControls, PlayerProtection, ReadControls,
};
use ledger_projections::testing::{History, history};
use ledger_projections::{Commit, EventPlace, Memory, Page, Period, ViewError};

use crate::figures::{Short, always, each_history, feed, in_every_home, kit};
use crate::generated::states;
use crate::history::{World, decoded, id};
use crate::naive::now;

/// All rows of a long answer, page by page.
pub(crate) fn paged<T, C>(mut page: impl FnMut(Option<&C>) -> Page<T, C>) -> Vec<T> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let found = page(cursor.as_ref());
        rows.extend(found.rows);
        cursor = found.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

fn later(at: Timestamp, hours: u64) -> Timestamp {
    at.saturating_add(Duration::from_hours(hours))
}

/// The limits as a decision looks at them: on each term the one that leaves least.
fn lowest(all: Vec<LimitUse>) -> BTreeMap<LimitTerm, (Amount, LimitSide, Amount, Amount)> {
    let mut lowest = BTreeMap::new();
    for of in all {
        let own = (of.left, of.side, of.amount, of.used);
        let known = lowest.entry(of.term).or_insert(own);
        if (own.0, own.1) < (known.0, known.1) {
            *known = own;
        }
    }
    lowest
}

fn check_player(found: &PlayerControls, state: &PlayerState) -> usize {
    let limits: Vec<_> = found.limits.iter().map(|row| row.limit.clone()).collect();
    assert_eq!(limits, state.controls().map_or(&[][..], |controls| controls.limits()));
    assert_eq!(found.counters, state.controls().map_or(&[][..], |controls| controls.counters()));
    let last = state.recorded_at().unwrap();
    let mut used = 0;
    for funds in [CountedFunds::OwnMoney, CountedFunds::All] {
        let mut policy = Policy::default();
        policy.default_jurisdiction.controls.counted_funds = funds;
        for hours in [0, 1, 25, 24 * 8, 24 * 40] {
            let now = later(last, hours);
            let expected = state.limits_left(&policy, now);
            let expected: BTreeMap<_, _> = expected
                .into_iter()
                .map(|left| (left.term, (left.left, left.side, left.amount, left.used)))
                .collect();
            let all = found.limits(funds, now);
            used += all.iter().filter(|of| of.used.is_positive()).count();
            assert_eq!(lowest(all), expected);
        }
    }
    assert_eq!(found.play_time.as_ref(), state.controls().and_then(|controls| controls.play_time()));
    for hours in [0, 1, 25] {
        let now = later(last, hours);
        for left in state.play_time_left(&Policy::default(), now) {
            let all = found.play_time_used(now);
            let own = all.iter().find(|(limit, _)| (limit.side, limit.window) == (left.side, left.window));
            let (limit, used) = own.expect("the lowest is one of them");
            assert_eq!((limit.max_secs, *used), (left.max_secs, left.used));
        }
    }
    let protection = state.protection();
    assert_eq!(found.registers, protection.map_or(&[][..], |protection| protection.registers()));
    let standing = &found.standing;
    assert_eq!(standing.tier.as_ref(), protection.and_then(|protection| protection.tier()));
    assert_eq!(standing.limit_profile.as_ref(), protection.and_then(|own| own.limit_profile()));
    assert_eq!(standing.session_limit.as_ref(), protection.and_then(|own| own.session_limit()));
    let blocks: BTreeMap<_, _> = standing.blocks.iter().map(|(block, row)| (*block, row.since)).collect();
    assert_eq!(blocks, state.standing().blocks);
    assert_eq!(standing.exclusion, state.standing().exclusion);
    assert_eq!(standing.closed_at, state.standing().closed_at);
    let mut under_way: Vec<_> =
        state.intents().map(|intent| (intent.of.clone(), intent.currency, intent.amount)).collect();
    under_way.sort();
    let mut deposits: Vec<_> =
        found.deposits.iter().map(|own| (own.of.clone(), own.currency, own.amount)).collect();
    deposits.sort();
    assert_eq!(deposits, under_way);
    let mut sessions: Vec<_> = state
        .sessions()
        .map(|own| (own.of().clone(), own.started_at(), own.last_at(), own.acknowledged_at()))
        .collect();
    sessions.sort();
    let last_check = |row: &ledger_projections::controls::SessionRow| row.last_check.map(|check| check.0);
    let mut rows: Vec<_> = found
        .sessions
        .iter()
        .map(|row| (row.of.clone(), row.started_at, row.last_at, last_check(row)))
        .collect();
    rows.sort();
    assert_eq!(rows, sessions);
    for (currency, balance) in &found.purses {
        let purse = state.balance(*currency).unwrap();
        assert_eq!(*balance, purse.cash.checked_add(purse.held).unwrap());
    }
    used
}

type Dated<'a> = (&'a Commit, usize, &'a EventRecord);

fn events<'a>(commits: &'a [Arc<Commit>], player: &PlayerId) -> Vec<Dated<'a>> {
    let own = Partition::Player(player.clone());
    let of_player = commits.iter().filter(|commit| commit.body.partition == own);
    of_player
        .flat_map(|commit| {
            commit.body.events.iter().enumerate().map(|(index, event)| (&**commit, index, event))
        })
        .collect()
}

fn place((commit, index, _): &Dated<'_>) -> EventPlace {
    EventPlace { position: commit.position, index: u16::try_from(*index).unwrap() }
}

fn is_refused_by_a_limit(record: &EventRecord) -> bool {
    let Event::TxnRejected(event) = &record.event else { return false };
    match &event.rejection {
        Rejection::LimitExceeded { limit, .. } => {
            matches!(limit, Limit::Protection { .. } | Limit::Register { .. })
        }
        rejection => matches!(rejection, Rejection::PlayTimeReached { .. }),
    }
}

/// Events that stand in the history of a player's protection, by the names of their types.
fn is_remembered(record: &EventRecord) -> bool {
    let name = record.event.type_name();
    let starts = [
        "limit",
        "session_limit.",
        "play_time_limit.",
        "exclusion.",
        "player.kyc.",
        "register.",
        "reality_check.",
    ];
    let others = ["player.blocked", "player.unblocked", "player.closed", "player.reopened"];
    let is_named = starts.iter().any(|start| name.starts_with(start)) || others.contains(&name);
    (is_named && !name.ends_with(".windows_opened")) || is_refused_by_a_limit(record)
}

fn check_history(reader: &dyn ReadControls, player: &PlayerId, own: &[Dated<'_>]) {
    let found =
        paged(|after: Option<&EventPlace>| now(reader.history(player, after.copied(), 3)).unwrap().value);
    let expected: Vec<_> = own.iter().filter(|(.., record)| is_remembered(record)).collect();
    assert_eq!(found.len(), expected.len());
    for (ControlRecord { at, place: found, actor, event }, dated) in found.iter().zip(expected) {
        let (commit, _, record) = dated;
        assert_eq!((*at, actor, event), (commit.body.recorded_at, &commit.body.actor, *record));
        assert_eq!(*found, place(dated));
    }
}

/// What was in force after each event that set a limit, and just before it.
fn check_spans(reader: &dyn ReadControls, player: &PlayerId, own: &[Dated<'_>]) {
    let sets: Vec<_> = own
        .iter()
        .filter_map(|(commit, _, record)| match &record.event {
            Event::LimitSet(event) => Some((commit.body.recorded_at, event)),
            _ => None,
        })
        .collect();
    let spans =
        paged(|after: Option<&EventPlace>| now(reader.spans(player, after.copied(), 2)).unwrap().value);
    assert_eq!(spans.len(), sets.iter().filter(|(_, event)| event.amount.is_some()).count());
    let instants: BTreeSet<_> = sets
        .iter()
        .flat_map(|(at, _)| [*at, Timestamp::from_micros(at.as_micros() - 1).unwrap(), later(*at, 1)])
        .collect();
    for at in instants {
        let mut expected = BTreeMap::new();
        for (_, event) in sets.iter().filter(|(set_at, _)| *set_at <= at) {
            match event.amount {
                Some(amount) => expected.insert((event.side, event.term), (amount, event.cause)),
                None => expected.remove(&(event.side, event.term)),
            };
        }
        let found = now(reader.in_force_at(player, at)).unwrap().value;
        let found: BTreeMap<_, _> =
            found.into_iter().map(|span| ((span.side, span.term), (span.amount, span.cause))).collect();
        assert_eq!(found, expected, "at {at}");
    }
}

fn check_hits(reader: &dyn ReadControls, commits: &[Arc<Commit>], players: &[PlayerId]) -> usize {
    let mut expected = Vec::new();
    for player in players {
        for dated in events(commits, player) {
            let kind = match &dated.2.event {
                Event::LimitWarned(_) | Event::PlayTimeWarned(_) => HitKind::Warned,
                _ if is_refused_by_a_limit(dated.2) => HitKind::Refused,
                _ => continue,
            };
            expected.push((dated.0.body.recorded_at, player.clone(), place(&dated), kind));
        }
    }
    expected.sort();
    let plain = |hit: &LimitHit| (hit.at, hit.player.clone(), hit.place, hit.kind);
    let all = |period: Period| {
        paged(|after| now(reader.hits(period, after, 2)).unwrap().value).iter().map(plain).collect::<Vec<_>>()
    };
    assert_eq!(all(always()), expected);
    if let Some((middle, ..)) = expected.get(expected.len() / 2) {
        let later = Period::new(*middle, Timestamp::MAX).unwrap();
        let rest: Vec<_> = expected.iter().filter(|(at, ..)| at >= middle).cloned().collect();
        assert_eq!(all(later), rest);
    }
    expected.len()
}

fn check_exclusions(
    reader: &dyn ReadControls,
    states: &BTreeMap<PlayerId, PlayerState>,
    last: Timestamp,
) -> usize {
    let mut seen = 0;
    for by in ExclusionBy::ALL {
        for at in [last, later(last, 48), later(last, 24 * 400)] {
            let mut expected: BTreeSet<(PlayerId, Option<RegisterName>)> = BTreeSet::new();
            for (player, state) in states {
                let bars = |own: &Exclusion| ExclusionBy::from(own.kind) == by && own.bars(at);
                if state.standing().exclusion.as_ref().is_some_and(bars) {
                    expected.insert((player.clone(), None));
                }
                for register in state.protection().map_or(&[][..], |own| own.registers()) {
                    let until = register.excluded().filter(|_| by == ExclusionBy::Register);
                    if until.is_some_and(|(_, until)| until.is_none_or(|until| until > at)) {
                        expected.insert((player.clone(), Some(register.register.clone())));
                    }
                }
            }
            let rows = paged(|after| now(reader.exclusions(by, at, after, 2)).unwrap().value);
            let ends: Vec<_> = rows.iter().map(|row| row.ends_at.unwrap_or(Timestamp::MAX)).collect();
            assert!(ends.is_sorted(), "those first that end first");
            seen += rows.len();
            let found: BTreeSet<_> =
                rows.iter().map(|row| (row.player.clone(), row.register.clone())).collect();
            assert_eq!(found.len(), rows.len());
            assert_eq!(found, expected, "{by:?}");
        }
    }
    seen
}

/// Limits from each height on that there is.
fn check_heights(reader: &dyn ReadControls, states: &BTreeMap<PlayerId, PlayerState>) {
    let mut terms: BTreeMap<LimitTerm, Vec<(Amount, PlayerId, LimitSide)>> = BTreeMap::new();
    for (player, state) in states {
        for limit in state.controls().map_or(&[][..], |controls| controls.limits()) {
            terms.entry(limit.term).or_default().push((limit.amount, player.clone(), limit.side));
        }
    }
    for (term, all) in &mut terms {
        all.sort_by(|left, right| {
            (left.0, &left.1, left.2.as_str()).cmp(&(right.0, &right.1, right.2.as_str()))
        });
        for (from, ..) in all.iter() {
            let found = paged(|after| now(reader.limits_from(term, *from, after, 2)).unwrap().value);
            let found: Vec<_> =
                found.into_iter().map(|row| (row.limit.amount, row.player, row.limit.side)).collect();
            let expected: Vec<_> = all.iter().filter(|(amount, ..)| amount >= from).cloned().collect();
            assert_eq!(found, expected);
        }
    }
}

fn check(reader: &dyn ReadControls, history: &History) -> (usize, usize, usize) {
    let states = states(history);
    let mut used = 0;
    for (player, state) in &states {
        let found = now(reader.player(player)).unwrap().value;
        assert_eq!(found.is_some(), state.profile().is_some());
        let own = events(&history.commits, player);
        check_history(reader, player, &own);
        check_spans(reader, player, &own);
        used += found.map_or(0, |found| check_player(&found, state));
    }
    check_heights(reader, &states);
    let last = history.commits.last().unwrap().body.recorded_at;
    let hits = check_hits(reader, &history.commits, &history.players);
    (used, hits, check_exclusions(reader, &states, last))
}

#[test]
fn e12_limits_exclusions_and_checks_are_known_with_their_history() {
    let sums = std::cell::Cell::new((0, 0, 0));
    each_history(|history, size| {
        in_every_home!(PlayerProtection, history.identity, history.commits, size, |reader| {
            let (found, known) = (check(reader, history), sums.get());
            sums.set((known.0 + found.0, known.1 + found.1, known.2 + found.2));
        });
    });
    let (used, hits, _) = sums.get();
    assert!(used > 50 && hits > 10, "{used} used, {hits} hits");
}

/// An engine of one player, who is open, in euros.
pub(crate) fn opened(name: &str) -> TestLedger {
    let mut ledger = TestLedger::new(id(PlayerId::new, name), Policy::default());
    ledger.register(*CurrencyRegistry::standard().get(commands::currency("EUR")).unwrap()).unwrap();
    told(&mut ledger, commands::open(&["EUR"]));
    ledger
}

/// Tells a command, which is accepted.
pub(crate) fn told(ledger: &mut TestLedger, command: impl Into<PlayerCommand>) {
    let command = command.into();
    let answer = ledger.execute(&command).unwrap();
    let is_refused = matches!(answer.outcome, TestOutcome::Rejected(_) | TestOutcome::Refused(_));
    assert!(!is_refused, "{command:?}: {:?}", answer.outcome);
}

/// The logs of players as a history of one ledger.
fn together(ledgers: &[TestLedger]) -> History {
    let mut world = World::new(2, 0, 1);
    let mut bodies: Vec<_> = ledgers.iter().flat_map(|ledger| ledger.commits().iter().cloned()).collect();
    bodies.sort_by_key(|body| body.recorded_at);
    let sealed: Vec<_> = bodies.iter().map(|body| world.seal(body)).collect();
    let players = ledgers.iter().map(|ledger| ledger.state().player().clone()).collect();
    History { identity: world.identity, players, commits: decoded(&sealed), sealed }
}

/// A day's limits by hand: 100 for deposits, 20 for losses.
#[test]
fn e49_what_is_used_of_a_limit_is_what_a_decision_sees() {
    let mut ledger = opened("p1");
    let day = |kind| commands::term(kind, LimitPeriod::Day, LimitBasis::Rolling);
    told(&mut ledger, commands::deposit("D0", "500"));
    told(&mut ledger, commands::limit("L1", day(LimitKind::Deposit), "100"));
    told(&mut ledger, commands::limit("L2", day(LimitKind::Loss), "20"));
    told(&mut ledger, commands::deposit("D1", "30"));
    told(&mut ledger, commands::initiate("I1", "25"));
    told(&mut ledger, commands::bet("B1", "R1", "12"));
    let refused = ledger.execute(&commands::bet("B2", "R2", "9").into()).unwrap();
    assert!(matches!(refused.outcome, TestOutcome::Rejected(Rejection::LimitExceeded { .. })));
    let at = ledger.now();
    let history = together(&[ledger]);
    in_every_home!(PlayerProtection, history.identity, history.commits, 2, |reader: &dyn ReadControls| {
        let (_, hits, _) = check(reader, &history);
        assert!(hits >= 1);
        let found = now(reader.player(&history.players[0])).unwrap().value.unwrap();
        let shown = |at: Timestamp| {
            let all = found.limits(CountedFunds::OwnMoney, at);
            all.iter().map(|of| (of.used.to_string(), of.left.to_string())).collect::<Vec<_>>()
        };
        let of = |pairs: [(&str, &str); 2]| pairs.map(|(used, left)| (used.to_owned(), left.to_owned()));
        assert_eq!(shown(at), of([("55.00", "45.00"), ("12.00", "8.00")]));
        // A day later only the deposit that is under way counts.
        assert_eq!(shown(later(at, 25)), of([("25.00", "75.00"), ("0.00", "20.00")]));
        let last = now(reader.hits(always(), None, 9)).unwrap().value.rows.pop().unwrap();
        assert_eq!((last.kind, last.left.unwrap().to_string().as_str()), (HitKind::Refused, "8.00"));
    });
}

/// Where one reading does not take all of a player, nothing is said of him: a part of it may lack that he is excluded.
#[test]
fn a_player_who_is_too_much_is_refused_and_not_cut() {
    let mut ledger = opened("p1");
    let day = |kind| commands::term(kind, LimitPeriod::Day, LimitBasis::Rolling);
    told(&mut ledger, commands::limit("L1", day(LimitKind::Deposit), "100"));
    told(&mut ledger, commands::limit("L2", day(LimitKind::Loss), "20"));
    let at = ledger.now();
    let history = together(&[ledger]);
    let mut view = Memory::<PlayerProtection>::new(&history.identity);
    feed(&mut view, &history.commits, 2);
    let short = Short(view.reader());
    let found = now(short.player(&history.players[0]));
    assert!(matches!(found, Err(ViewError::TooMuch { .. })), "{found:?}");
    let spans = now(short.in_force_at(&history.players[0], at));
    assert!(matches!(spans, Err(ViewError::TooMuch { .. })), "{spans:?}");
    assert!(now(short.player(&id(PlayerId::new, "nobody"))).unwrap().value.is_none());
}

/// Of players who have more rows than a page of them reads, each is whole on his page.
#[test]
fn a_player_with_much_is_whole_on_a_page_of_all() {
    let mut ledgers = ["a", "b", "c", "d"].map(opened);
    for (ledger, deposits) in ledgers.iter_mut().zip([40, 70, 0, 10]) {
        for n in 0..deposits {
            told(ledger, commands::initiate(&format!("I{n}"), "1"));
        }
    }
    let history = together(&ledgers);
    in_every_home!(PlayerProtection, history.identity, history.commits, 9, |reader: &dyn ReadControls| {
        let alone: Vec<_> =
            history.players.iter().filter_map(|player| now(reader.player(player)).unwrap().value).collect();
        assert_eq!(alone.iter().map(|of| of.deposits.len()).collect::<Vec<_>>(), [40, 70, 0, 10]);
        for limit in [1, 2, 3, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = now(reader.players(after.as_ref(), limit)).unwrap().value;
                assert!(page.rows.len() <= limit);
                found.extend(page.rows);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, alone, "by {limit}");
        }
    });
}

/// Players who are excluded in every way, one who asked to come back, and one who is not; with the instants of the beginning, a week
/// later, and the end.
pub(crate) fn barred() -> (History, [Timestamp; 3]) {
    let [mut timed, mut excluded, mut barred, mut back, mut free] =
        ["timed", "excluded", "barred", "back", "free"].map(opened);
    let (tomorrow, week) = (later(timed.now(), 24), later(timed.now(), 24 * 7));
    told(&mut timed, commands::exclude("E", ExclusionKind::TimeOut, Some(tomorrow)));
    told(&mut timed, commands::exclude("F", ExclusionKind::TimeOut, Some(week)));
    told(&mut excluded, commands::exclude("E", ExclusionKind::SelfExclusion, None));
    let says = RegisterSays::Excluded { until: Some(week) };
    let answers = vec![commands::register("oasis", barred.now(), says)];
    told(&mut barred, commands::register_answers("A", answers));
    let clear = vec![commands::register("oasis", free.now(), RegisterSays::Clear)];
    told(&mut free, commands::register_answers("A", clear));
    let year = later(back.now(), 24 * 366);
    told(&mut back, commands::exclude("E", ExclusionKind::SelfExclusion, Some(year)));
    back.advance_secs(370 * 86_400);
    told(&mut back, commands::come_back("B"));
    told(&mut free, commands::start_session("S"));
    free.advance_secs(60);
    told(&mut free, commands::acknowledge("K", "S"));
    told(&mut free, commands::session_limit("L", Some(3_600)));
    let (start, end) = (timed.now(), back.now());
    (together(&[timed, excluded, barred, back, free]), [start, week, end])
}

/// Exclusions of every kind, sessions with reality checks, and what a register said.
#[test]
fn e44_exclusions_in_force_are_listed_by_kind() {
    let (history, [start, week, end]) = barred();
    in_every_home!(PlayerProtection, history.identity, history.commits, 3, |reader: &dyn ReadControls| {
        assert!(check(reader, &history).2 > 0);
        let listed = |by, at| {
            let rows = paged(|after| now(reader.exclusions(by, at, after, 1)).unwrap().value);
            rows.iter().map(|row| row.player.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(listed(ExclusionBy::TimeOut, start), ["timed"]);
        assert_eq!(listed(ExclusionBy::TimeOut, week), [""; 0]);
        assert_eq!(listed(ExclusionBy::Register, start), ["barred"]);
        assert_eq!(listed(ExclusionBy::Register, week), [""; 0]);
        // Who asked to come back is barred until his time has come.
        let returning = now(reader.player(&history.players[3])).unwrap().value.unwrap();
        let returns_at = returning.standing.exclusion.unwrap().returns_at.expect("he asked");
        assert!(returns_at > end, "a day or more to think");
        let rows =
            paged(|after| now(reader.exclusions(ExclusionBy::SelfExclusion, end, after, 1)).unwrap().value);
        let own: Vec<_> = rows.iter().filter(|row| row.player == history.players[3]).collect();
        assert_eq!(own.iter().map(|row| row.ends_at).collect::<Vec<_>>(), [Some(returns_at)], "one row");
        assert_eq!(listed(ExclusionBy::SelfExclusion, end), ["back", "excluded"]);
        assert_eq!(listed(ExclusionBy::SelfExclusion, later(end, 24 * 30)), ["excluded"]);
        let found = now(reader.player(&history.players[4])).unwrap().value.unwrap();
        assert_eq!((found.sessions.len(), found.sessions[0].checks), (1, 1));
        assert_eq!(found.standing.session_limit.unwrap().max_secs, 3_600);
    });
}

/// Two hundred commands of few players: rolling windows go by, limits are raised and lifted, rounds are open meanwhile.
#[test]
fn e63_players_who_hit_limits_are_known() {
    let mut hits = 0;
    for seed in 60..66 {
        let history = history(2, 4, 200, seed);
        in_every_home!(PlayerProtection, history.identity, history.commits, 37, |reader| {
            hits += check(reader, &history).1;
        });
    }
    assert!(hits > 20, "only {hits}");
}

#[tokio::test]
async fn controls_keep_the_contract() {
    kit::<PlayerProtection>(&history(4, 8, 40, 9)).await;
}
