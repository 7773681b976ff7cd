//! The views that are models, against a few plain lines over the events, in memory and in SQLite.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use ledger_core::stored::{AwardRef, CreditKind, Event, PaymentRef, PurseBalance};
use ledger_core::{
    Account, AccountCode, AccountKind, Amount, Book, CurrencyCode, Day, Partition, PlayerId, PlayerState,
    Side, Stream, Timestamp,
};
use ledger_projections::audit::AuditTrail;
use ledger_projections::bonuses::{AwardState, Bonuses, ReadBonuses};
use ledger_projections::liability::{Liability, ReadLiability};
use ledger_projections::reconciliation::Payments;
use ledger_projections::revenue::{Breakdown, ReadRevenue, Revenue, RevenueSums};
use ledger_projections::statement::{ReadStatement, Statement, StatementLine};
use ledger_projections::testing::{History, InMemory, check_all, history};
use ledger_projections::withdrawals::{ReadWithdrawals, WithdrawalState, Withdrawals};
use ledger_projections::{
    AtCheckpoint, Checkpoint, Commit, KeyRange, Memory, MemoryReader, Model, Page, Period, ReadModel,
    SCAN_ROWS_MAX, Standing, Total, View, ViewError,
};
use ledger_store::Position;

use crate::history::{World, event_types};
use crate::naive::now;
use crate::property::block_on;

pub(crate) fn feed(view: &mut impl View, commits: &[Arc<Commit>], size: usize) {
    for batch in commits.chunks(size) {
        block_on(view.apply(batch)).unwrap();
    }
}

/// Folds commits in every home and has the reader of each checked.
macro_rules! in_every_home {
    ($model:ty, $identity:expr, $commits:expr, $size:expr, $check:expr) => {{
        let (identity, commits) = (&$identity, &$commits[..]);
        let mut view = Memory::<$model>::new(identity);
        feed(&mut view, commits, $size);
        $check(&view.reader());
        #[cfg(feature = "sqlite")]
        {
            let folder = tempfile::tempdir().unwrap();
            let mut view =
                ledger_projections::sqlite::Sqlite::<$model>::open(folder.path().join("view"), identity)
                    .unwrap();
            feed(&mut view, commits, $size);
            $check(&view.reader().unwrap());
        }
    }};
}

pub(crate) use in_every_home;

/// A reader that takes one row at once, as if there were too many.
pub(crate) struct Short<M: Model>(pub(crate) MemoryReader<M>);

#[async_trait]
impl<M: Model> Standing for Short<M> {
    async fn checkpoint(&self) -> Result<Checkpoint, ViewError> {
        self.0.checkpoint().await
    }
}

#[async_trait]
impl<M: Model> ReadModel<M> for Short<M> {
    async fn get(&self, key: &M::Key) -> Result<AtCheckpoint<Option<M::Row>>, ViewError> {
        self.0.get(key).await
    }

    async fn list(
        &self,
        after: Option<&M::Key>,
        limit: usize,
    ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
        self.0.list(after, limit).await
    }

    async fn range(
        &self,
        range: &KeyRange,
        _: usize,
    ) -> Result<AtCheckpoint<Page<(M::Key, M::Row), M::Key>>, ViewError> {
        self.0.range(range, 1).await
    }
}

pub(crate) fn finest(total: Total) -> i128 {
    total.rescale_up(18).unwrap().units()
}

pub(crate) fn units(amount: Amount) -> i128 {
    finest(amount.into())
}

pub(crate) fn signed(side: Side, code: AccountCode, amount: Amount) -> i128 {
    if side == code.class().normal_side() { units(amount) } else { -units(amount) }
}

/// An entry of a player as the events tell it, with his accounts after it.
#[derive(Clone)]
struct Plain {
    entry: u64,
    at: Timestamp,
    position: Position,
    after: Vec<PurseBalance>,
    before: Vec<Option<PurseBalance>>,
    accounts: BTreeMap<Account, i128>,
}

fn plain(player: &PlayerId, commits: &[Arc<Commit>]) -> Vec<Plain> {
    let (mut all, mut accounts) = (Vec::new(), BTreeMap::<Account, i128>::new());
    let mut purses = BTreeMap::new();
    for commit in commits.iter().filter(|commit| commit.body.partition == Partition::Player(player.clone())) {
        for record in &commit.body.events {
            let Event::EntryPosted(event) = &record.event else { continue };
            for posting in event.entry.postings().iter().filter(|posting| posting.account.is_player()) {
                *accounts.entry(event.entry.account(posting)).or_default() +=
                    signed(posting.side, posting.account, posting.amount);
            }
            accounts.retain(|_, units| *units != 0);
            let before = event.after.iter().map(|purse| purses.get(&purse.currency).cloned()).collect();
            purses.extend(event.after.iter().map(|purse| (purse.currency, purse.clone())));
            all.push(Plain {
                entry: record.version,
                at: commit.body.recorded_at,
                position: commit.position,
                after: event.after.clone(),
                before,
                accounts: accounts.clone(),
            });
        }
    }
    all
}

pub(crate) fn always() -> Period {
    Period::new("0001-01-01T00:00:00Z".parse().unwrap(), Timestamp::MAX).unwrap()
}

fn all_lines(
    reader: &dyn ReadStatement,
    player: &PlayerId,
    period: Period,
    newest_first: bool,
) -> Vec<StatementLine> {
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = if newest_first {
            now(reader.latest(player, period, cursor.as_ref(), 3)).unwrap().value
        } else {
            now(reader.lines(player, period, cursor.as_ref(), 7)).unwrap().value
        };
        rows.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            return rows;
        }
    }
}

/// Whether a view's answer is what the accounts were; an answer of nothing is that of a player who was not there.
fn same(
    found: Option<&ledger_projections::balances::PlayerBalances>,
    expected: Option<&BTreeMap<Account, i128>>,
    opened: bool,
) {
    assert_eq!(found.is_some(), opened);
    let Some(found) = found else { return };
    let accounts: BTreeMap<_, _> =
        found.accounts.iter().map(|row| (row.account.clone(), units(row.balance))).collect();
    let expected = expected.cloned().unwrap_or_default();
    assert_eq!(accounts, expected);
    for purse in &found.purses {
        let of = |code: AccountCode| {
            let own = expected.iter().filter(|(a, _)| a.code == code && a.currency == purse.currency);
            own.map(|(_, units)| *units).sum::<i128>()
        };
        let shown = |amount: Option<Amount>| amount.map_or(0, units);
        assert_eq!(units(purse.cash), of(AccountCode::PlayerCash));
        assert_eq!(units(purse.held), of(AccountCode::PlayerHeld));
        assert_eq!(shown(purse.pending), of(AccountCode::WithdrawalPending));
        assert_eq!(shown(purse.receivable), of(AccountCode::PlayerReceivable));
        assert_eq!(shown(purse.dormant), of(AccountCode::PlayerDormant));
    }
}

fn opened(player: &PlayerId, commits: &[Arc<Commit>]) -> Option<(Timestamp, Position)> {
    let is_opening = |commit: &&Arc<Commit>| {
        let opens =
            |record: &ledger_core::stored::EventRecord| matches!(record.event, Event::PlayerOpened(_));
        commit.body.partition == Partition::Player(player.clone()) && commit.body.events.iter().any(opens)
    };
    commits.iter().find(is_opening).map(|commit| (commit.body.recorded_at, commit.position))
}

fn check_statement(
    reader: &dyn ReadStatement,
    players: &[PlayerId],
    commits: &[Arc<Commit>],
    has_causes: bool,
) {
    for player in players {
        let expected = plain(player, commits);
        let lines = all_lines(reader, player, always(), false);
        assert_eq!(lines.len(), expected.len());
        for (line, plain) in lines.iter().zip(&expected) {
            assert_eq!((line.entry, line.at, line.position), (plain.entry, plain.at, plain.position));
            assert_eq!(line.after, plain.after);
            let zero = |purse: &PurseBalance| {
                purse.cash.is_zero()
                    && purse.held.is_zero()
                    && purse.pending.is_none()
                    && purse.receivable.is_none()
            };
            for (before, known) in line.before.iter().zip(&plain.before) {
                assert!(known.as_ref().map_or(zero(before), |known| known == before));
            }
            assert!(line.cause.is_some() || !has_causes, "{line:?}");
        }
        let mut backwards = all_lines(reader, player, always(), true);
        backwards.reverse();
        assert_eq!(backwards, lines);
        let opened = opened(player, commits);
        let head = commits
            .iter()
            .rev()
            .find(|commit| commit.shard == now(reader.lines(player, always(), None, 1)).unwrap().shard);
        // At the instant of every third entry and just before it; at its position and at the one before.
        for plain in expected.iter().step_by(3) {
            for at in [plain.at, Timestamp::from_micros(plain.at.as_micros() - 1).unwrap()] {
                let then = expected.iter().rev().find(|known| known.at <= at).map(|known| &known.accounts);
                let found = now(reader.balances_at(player, at)).unwrap().value;
                same(found.as_ref(), then, opened.is_some_and(|(opened, _)| opened <= at));
            }
            for position in [plain.position, Position(plain.position.0 - 1)] {
                let then = expected.iter().rev().find(|known| known.position <= position);
                let found = now(reader.balances_at_position(player, position)).unwrap().value;
                let is_open = opened.is_some_and(|(_, opened)| opened <= position);
                same(found.as_ref(), then.map(|known| &known.accounts), is_open);
            }
        }
        let beyond =
            now(reader.balances_at_position(player, Position(head.map_or(1, |head| head.position.0 + 1))));
        assert!(matches!(beyond, Err(ledger_projections::ViewError::Behind { .. })), "{beyond:?}");
        check_summaries(reader, player, &expected, opened.is_some());
    }
    let last = commits.last().unwrap().body.recorded_at;
    let (mut listed, mut cursor) = (BTreeSet::new(), None);
    loop {
        let page = now(reader.all_balances_at(last, cursor.as_ref(), 2)).unwrap().value;
        for (player, then) in page.rows {
            let expected = plain(&player, commits);
            same(Some(&then), expected.last().map(|plain| &plain.accounts), true);
            assert!(listed.insert(player), "each once");
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let open: BTreeSet<_> =
        players.iter().filter(|player| opened(player, commits).is_some()).cloned().collect();
    assert_eq!(listed, open);
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = now(reader.players(cursor.as_ref(), 2)).unwrap().value;
        listed.extend(page.rows);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(listed.is_sorted_by_key(|player| serde_json::to_string(player).unwrap()), "{listed:?}");
    assert_eq!((listed.len(), BTreeSet::from_iter(listed)), (open.len(), open), "each once");
}

/// What is a player's: of all his accounts of money, what he has less what he owes.
fn money(accounts: Option<&BTreeMap<Account, i128>>, currency: CurrencyCode) -> i128 {
    let own = |(account, units): (&Account, &i128)| match account.code {
        _ if account.currency != currency || account.code.book() != Book::Cash => 0,
        AccountCode::PlayerReceivable => -units,
        _ => *units,
    };
    accounts.into_iter().flatten().map(own).sum()
}

/// Row E56 for every day: what he had, what moved, what he has; and a day begins with what the one before ended with.
fn check_summaries(reader: &dyn ReadStatement, player: &PlayerId, expected: &[Plain], is_open: bool) {
    let whole = now(reader.summary(player, always())).unwrap().value;
    assert_eq!(whole.is_some(), is_open);
    let (Some(first), Some(last)) = (expected.first(), expected.last()) else { return };
    let day = |at: Timestamp| at.to_string()[..10].parse::<Day>().unwrap();
    let mut closings = BTreeMap::new();
    let mut entries = 0;
    for (_, period) in Period::each_day(day(first.at), day(last.at), "UTC").unwrap() {
        let summary = now(reader.summary(player, period)).unwrap().value.unwrap();
        entries += summary.entries;
        for row in summary.rows {
            let before =
                expected.iter().rev().find(|plain| plain.at < period.from).map(|plain| &plain.accounts);
            let after =
                expected.iter().rev().find(|plain| plain.at < period.until).map(|plain| &plain.accounts);
            assert!(row.adds_up());
            assert_eq!(finest(row.opening), money(before, row.currency));
            assert_eq!(finest(row.closing), money(after, row.currency));
            let known = closings.insert(row.currency, row.closing);
            assert_eq!(known.unwrap_or_default(), row.opening, "a day begins where the last one ended");
        }
    }
    assert_eq!(entries, expected.len());
}

fn days() -> (Day, Day) {
    ("0001-01-01".parse().unwrap(), "9999-12-31".parse().unwrap())
}

fn check_revenue(reader: &dyn ReadRevenue, commits: &[Arc<Commit>]) {
    type Key = (String, AccountKind, String, CurrencyCode);
    let mut expected: BTreeMap<Key, RevenueSums> = BTreeMap::new();
    let mut kinds = BTreeMap::new();
    for commit in commits {
        let day = commit.body.recorded_at.to_string()[..10].to_owned();
        let brand = commit.body.brand.iter().map(ToString::to_string).collect::<String>();
        for record in &commit.body.events {
            match &record.event {
                Event::PlayerOpened(event) => drop(kinds.insert(commit.body.partition.clone(), event.kind)),
                Event::BetPlaced(event) => {
                    let key = (day.clone(), kinds[&commit.body.partition], brand.clone(), event.currency);
                    let row = expected.entry(key).or_default();
                    row.bets += 1;
                    let bonus =
                        event.split.bonus.iter().fold(Total::default(), |sum, b| sum.plus(b.amount).unwrap());
                    row.placed_bonus = row.placed_bonus.plus(bonus).unwrap();
                    row.placed = if event.free.is_some() {
                        row.placed
                    } else {
                        row.placed.plus(event.stake).unwrap().minus(bonus).unwrap()
                    };
                }
                Event::CreditGranted(event)
                    if matches!(event.reason, CreditKind::LocalJackpot | CreditKind::NetworkJackpot) =>
                {
                    let key = (day.clone(), kinds[&commit.body.partition], brand.clone(), event.currency);
                    let row = expected.entry(key).or_default();
                    row.jackpot_wins = row.jackpot_wins.plus(event.amount).unwrap();
                }
                Event::JackpotPaid(event) => {
                    let key = (day.clone(), kinds[&commit.body.partition], brand.clone(), event.currency);
                    let row = expected.entry(key).or_default();
                    row.jackpot_wins = row.jackpot_wins.plus(event.amount).unwrap();
                }
                Event::CreditGranted(event) if event.reason == CreditKind::ProviderPromo => {
                    let key = (day.clone(), kinds[&commit.body.partition], brand.clone(), event.currency);
                    let row = expected.entry(key).or_default();
                    row.promotions = row.promotions.plus(event.amount).unwrap();
                }
                Event::EntryPosted(event) => {
                    for posting in event.entry.postings() {
                        let key = (day.clone(), event.entry.kind(), brand.clone(), posting.currency);
                        let more =
                            Total::new(signed(posting.side, posting.account, posting.amount), 18).unwrap();
                        let mut none = RevenueSums::default();
                        if let Some(column) = plain_column(&mut none, posting.account) {
                            *column = more;
                            let row = expected.entry(key).or_default();
                            *row = row.plus(&none).unwrap();
                        }
                    }
                }
                _ => {}
            }
        }
    }
    expected.retain(|_, row| !row.is_nothing());
    let by = Breakdown { day: true, brand: true, ..Breakdown::NONE };
    let (from, to) = days();
    let found = now(reader.sums(from, to, by)).unwrap().value;
    let found: BTreeMap<Key, RevenueSums> = found
        .into_iter()
        .filter(|(_, row)| !row.is_nothing())
        .map(|(key, row)| {
            let brand = key.brand.iter().map(ToString::to_string).collect();
            ((key.day.unwrap().to_string(), key.kind, brand, key.currency), row)
        })
        .collect();
    assert_eq!(found, expected);
    // By everything it adds up to the same, and the days alone too.
    let mut again: BTreeMap<(AccountKind, CurrencyCode), RevenueSums> = BTreeMap::new();
    for (key, row) in now(reader.sums(from, to, Breakdown::ALL)).unwrap().value {
        let sum = again.entry((key.kind, key.currency)).or_default();
        *sum = sum.plus(&row).unwrap();
    }
    let whole = now(reader.sums(from, to, Breakdown::NONE)).unwrap().value;
    assert_eq!(
        whole.into_iter().map(|(key, row)| ((key.kind, key.currency), row)).collect::<BTreeMap<_, _>>(),
        again
    );
    for day in found.keys().map(|(day, ..)| day.parse::<Day>().unwrap()) {
        let alone = now(reader.sums(day, day, by)).unwrap().value;
        assert!(alone.iter().all(|(key, _)| key.day == Some(day)));
        let of_day = found.keys().filter(|(known, ..)| *known == day.to_string()).count();
        assert_eq!(alone.iter().filter(|(_, row)| !row.is_nothing()).count(), of_day);
    }
}

fn plain_column(row: &mut RevenueSums, account: AccountCode) -> Option<&mut Total> {
    Some(match account.name() {
        "gaming:stakes" => &mut row.stakes,
        "gaming:payouts" => &mut row.payouts,
        "bonus:stakes" => &mut row.bonus_stakes,
        "bonus:payouts" => &mut row.bonus_payouts,
        "bonus:cost" => &mut row.conversions,
        "freespin:cost" => &mut row.free_round_wins,
        "cashback:cost" => &mut row.cashback,
        "gaming:jackpot_contribution" => &mut row.contributions,
        "jackpot:seed_cost" => &mut row.seeds,
        "gaming:rake" => &mut row.rake,
        "tournament:overlay" => &mut row.overlay,
        "fees:income" => &mut row.fees,
        "adjustments" => &mut row.corrections,
        "bad_debt" => &mut row.bad_debt,
        "psp:fees" | "chargeback:fees" => &mut row.psp_fees,
        "chargeback:loss" => &mut row.chargebacks,
        "provider:fees_expense" => &mut row.provider_fees,
        "tax:gaming_duty_expense" => &mut row.duty,
        _ => return None,
    })
}

fn check_withdrawals(reader: &dyn ReadWithdrawals, commits: &[Arc<Commit>]) {
    let mut states: BTreeMap<(PlayerId, PaymentRef), (WithdrawalState, Amount, CurrencyCode)> =
        BTreeMap::new();
    let mut paid: BTreeMap<(PlayerId, CurrencyCode), i128> = BTreeMap::new();
    for record in commits.iter().flat_map(|commit| &commit.body.events) {
        let Stream::Withdrawal(player, source, id) = &record.stream else { continue };
        let key = (player.clone(), PaymentRef { source: source.clone(), id: id.clone() });
        let known = states.get(&key).copied();
        let status =
            |name: &str| WithdrawalState::ALL.into_iter().find(|state| state.as_str() == name).unwrap();
        let text = |status: &ledger_core::stored::PendingStatus| {
            serde_json::to_value(status).unwrap().as_str().unwrap().to_owned()
        };
        let next = match &record.event {
            Event::WithdrawalRequested(event) => {
                states.insert(key, (status(&text(&event.status)), event.hold.amount, event.currency));
                continue;
            }
            Event::WithdrawalSplitOff(event) => {
                states.insert(key, (status(&text(&event.status)), event.hold.amount, event.currency));
                continue;
            }
            Event::WithdrawalKycPassed(event) => status(&text(&event.status)),
            Event::WithdrawalApproved(event) => status(&text(&event.status)),
            Event::WithdrawalPaid(event) => {
                *paid.entry((player.clone(), event.currency)).or_default() += units(event.amount);
                WithdrawalState::Paid
            }
            Event::WithdrawalReturned(event) => {
                *paid.entry((player.clone(), event.currency)).or_default() -= units(event.amount);
                WithdrawalState::Returned
            }
            event => match event.type_name() {
                "withdrawal.review_started" => WithdrawalState::UnderReview,
                "withdrawal.rejected" => WithdrawalState::Rejected,
                "withdrawal.cancelled" => WithdrawalState::Cancelled,
                "withdrawal.expired" => WithdrawalState::Expired,
                "withdrawal.split" => WithdrawalState::Split,
                "withdrawal.sent" => WithdrawalState::Sent,
                "withdrawal.timed_out" => WithdrawalState::Unknown,
                "withdrawal.failed" => WithdrawalState::Failed,
                _ => continue,
            },
        };
        let (_, amount, currency) = known.unwrap();
        states.insert(key, (next, amount, currency));
    }
    let mut queued = BTreeMap::new();
    for state in WithdrawalState::ALL {
        let (mut cursor, mut last) = (None, None);
        loop {
            let page = now(reader.queue(state, cursor.as_ref(), 2)).unwrap().value;
            for row in page.rows {
                assert_eq!(row.state, state);
                assert!(last <= Some(row.requested_at), "the oldest first");
                last = Some(row.requested_at);
                let one = now(reader.withdrawal(&row.player, &row.reference)).unwrap().value;
                assert_eq!(one.as_ref(), Some(&row));
                queued.insert(
                    (row.player.clone(), row.reference.clone()),
                    (row.state, row.amount, row.currency),
                );
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    assert_eq!(queued, states);
    let totals = now(reader.totals()).unwrap().value;
    let count: u64 = totals.iter().map(|totals| totals.sums.count).sum();
    assert_eq!(usize::try_from(count).unwrap(), states.len());
    let mut sums = BTreeMap::<_, i128>::new();
    for totals in totals {
        *sums.entry((totals.state, totals.currency)).or_default() += finest(totals.sums.amount);
    }
    let mut expected = BTreeMap::<_, i128>::new();
    for (state, amount, currency) in states.values() {
        *expected.entry((*state, *currency)).or_default() += units(*amount);
    }
    assert_eq!(sums, expected);
    let players: BTreeSet<_> = states.keys().map(|(player, _)| player.clone()).collect();
    for player in players {
        let (mut rows, mut cursor) = (0, None);
        loop {
            let page = now(reader.of_player(&player, cursor.as_ref(), 2)).unwrap().value;
            rows += page.rows.len();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(rows, states.keys().filter(|(own, _)| *own == player).count());
        let listed = now(reader.paid_out(&player)).unwrap().value;
        let listed: BTreeMap<_, _> =
            listed.into_iter().map(|(currency, sums)| (currency, finest(sums.amount))).collect();
        let own = paid.iter().filter(|((of, _), _)| *of == player);
        assert_eq!(listed, own.map(|((_, currency), units)| (*currency, *units)).collect());
    }
}

fn check_liability(reader: &dyn ReadLiability, commits: &[Arc<Commit>]) {
    let mut expected: BTreeMap<(AccountKind, AccountCode, CurrencyCode), i128> = BTreeMap::new();
    for record in commits.iter().flat_map(|commit| &commit.body.events) {
        let Event::EntryPosted(event) = &record.event else { continue };
        for posting in event.entry.postings() {
            *expected.entry((event.entry.kind(), posting.account, posting.currency)).or_default() +=
                signed(posting.side, posting.account, posting.amount);
        }
    }
    let of = |kind, code, currency| expected.get(&(kind, code, currency)).copied().unwrap_or_default();
    let mut seen = BTreeSet::new();
    for cover in now(reader.cover()).unwrap().value {
        for (code, sum) in cover.sums.columns() {
            assert_eq!(finest(sum), of(cover.kind, code, cover.currency), "{code}");
            seen.insert((cover.kind, code, cover.currency));
        }
        let owed = [
            AccountCode::PlayerCash,
            AccountCode::PlayerHeld,
            AccountCode::WithdrawalPending,
            AccountCode::PlayerDormant,
            AccountCode::JackpotLiability,
            AccountCode::JackpotSeedReserve,
        ];
        assert_eq!(
            finest(cover.owed),
            owed.iter().map(|code| of(cover.kind, *code, cover.currency)).sum::<i128>()
        );
    }
    let players = expected.iter().filter(|((_, code, _), units)| code.is_player() && **units != 0);
    for (key, _) in players {
        assert!(seen.contains(key), "every account of players is in it: {key:?}");
    }
    let mut held: BTreeMap<(AccountKind, CurrencyCode), (i128, i128)> = BTreeMap::new();
    for (key, sums) in now(reader.held()).unwrap().value {
        assert!(sums.rounds > 0);
        let sum = held.entry((key.kind, key.currency)).or_default();
        *sum = (sum.0 + finest(sums.cash), sum.1 + finest(sums.bonus));
    }
    for ((kind, currency), (cash, bonus)) in held.clone() {
        assert_eq!(cash, of(kind, AccountCode::PlayerHeld, currency));
        assert_eq!(bonus, of(kind, AccountCode::PlayerBonusHeld, currency));
    }
    let holds = |(_, code, _): &(_, AccountCode, _)| *code == AccountCode::PlayerHeld;
    for ((kind, _, currency), units) in expected.iter().filter(|(key, units)| holds(key) && **units != 0) {
        assert_eq!(held[&(*kind, *currency)].0, *units);
    }
    check_ages(reader, commits);
}

/// What open rounds hold, by the day on which they began to.
fn check_ages(reader: &dyn ReadLiability, commits: &[Arc<Commit>]) {
    type Held = (String, AccountKind, CurrencyCode, i128, i128);
    let mut rounds: BTreeMap<(Partition, String), Held> = BTreeMap::new();
    for commit in commits {
        for record in &commit.body.events {
            let Event::EntryPosted(event) = &record.event else { continue };
            for posting in event.entry.postings() {
                let Some(of) = &posting.of else { continue };
                let of = match posting.account {
                    AccountCode::PlayerHeld => of.to_string(),
                    AccountCode::PlayerBonusHeld => {
                        of.as_str().split('/').take(2).collect::<Vec<_>>().join("/")
                    }
                    _ => continue,
                };
                let key = (commit.body.partition.clone(), of);
                let day = commit.body.recorded_at.to_string()[..10].to_owned();
                let begun = (day, event.entry.kind(), posting.currency, 0, 0);
                let held = rounds.entry(key.clone()).or_insert(begun);
                let moved = signed(posting.side, posting.account, posting.amount);
                match posting.account {
                    AccountCode::PlayerHeld => held.3 += moved,
                    _ => held.4 += moved,
                }
                if (held.3, held.4) == (0, 0) {
                    rounds.remove(&key);
                }
            }
        }
    }
    let mut expected: BTreeMap<(String, AccountKind, CurrencyCode), (u64, i128, i128)> = BTreeMap::new();
    for (day, kind, currency, cash, bonus) in rounds.into_values() {
        let sum = expected.entry((day, kind, currency)).or_default();
        *sum = (sum.0 + 1, sum.1 + cash, sum.2 + bonus);
    }
    let mut found = BTreeMap::<_, (u64, i128, i128)>::new();
    for (key, day, sums) in now(reader.held_by_day()).unwrap().value {
        let sum = found.entry((day.to_string(), key.kind, key.currency)).or_default();
        *sum = (sum.0 + sums.rounds, sum.1 + finest(sums.cash), sum.2 + finest(sums.bonus));
    }
    assert_eq!(found, expected);
}

fn check_bonuses(
    reader: &dyn ReadBonuses,
    states: &BTreeMap<PlayerId, PlayerState>,
    commits: &[Arc<Commit>],
) {
    let mut awards: BTreeMap<(PlayerId, AwardRef), Option<(Amount, Amount)>> = BTreeMap::new();
    let mut posted: BTreeMap<(AccountKind, String, CurrencyCode, &str), i128> = BTreeMap::new();
    for record in commits.iter().flat_map(|commit| &commit.body.events) {
        match (&record.event, &record.stream) {
            (Event::BonusIssued(_), Stream::Bonus(player, award)) => {
                awards.entry((player.clone(), award.clone())).or_default();
            }
            (Event::EntryPosted(event), stream) => {
                if let Stream::Wallet(player) = stream {
                    for after in &event.bonus {
                        let key = (player.clone(), after.award.clone());
                        awards.insert(key, Some((after.balance, after.held)));
                    }
                }
                for posting in event.entry.postings() {
                    let of = posting.of.as_ref().map_or(String::new(), ToString::to_string);
                    *posted
                        .entry((event.entry.kind(), of, posting.currency, posting.account.name()))
                        .or_default() += signed(posting.side, posting.account, posting.amount);
                }
            }
            _ => {}
        }
    }
    let mut live = 0;
    let mut wagered = 0;
    for ((player, award), stands) in &awards {
        let row = now(reader.award(player, award)).unwrap().value.unwrap();
        let (balance, held) =
            stands.unwrap_or((Amount::zero(row.balance.scale()), Amount::zero(row.held.scale())));
        assert_eq!((row.balance, row.held), (balance, held));
        assert_eq!(row.ended_at.is_none(), row.state.is_live());
        live += usize::from(row.state.is_live());
        wagered += units(row.progress);
        // The core keeps an award while it matters.
        if let Some(own) = states[player].award(award) {
            let status = serde_json::to_value(own.status).unwrap();
            assert_eq!(serde_json::to_value(row.state).unwrap(), status);
            assert_eq!((row.amount, row.target, row.progress), (own.amount, own.target, own.progress));
            assert_eq!((row.expires_at, row.hash, row.max_bet), (own.expires_at, own.hash, own.max_bet));
        } else {
            assert!(!matches!(row.state, AwardState::Active | AwardState::Queued | AwardState::Completing));
        }
    }
    let (mut listed, mut cursor) = (0, None);
    loop {
        let page = now(reader.live(cursor.as_ref(), 2)).unwrap().value;
        assert!(page.rows.iter().all(|row| row.state.is_live()));
        listed += page.rows.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, live);
    let offers = now(reader.offers()).unwrap().value;
    let granted: u64 = offers.iter().map(|(_, sums)| sums.granted).sum();
    assert_eq!(usize::try_from(granted).unwrap(), awards.len());
    assert_eq!(offers.iter().map(|(_, sums)| finest(sums.wagered)).sum::<i128>(), wagered);
    for (_, sums) in &offers {
        assert_eq!(sums.granted, sums.live + sums.completed + sums.lost + sums.expired + sums.forfeited);
    }
    for (key, sums) in now(reader.campaigns()).unwrap().value {
        let of = |name: &'static str| {
            posted.get(&(key.kind, key.campaign.to_string(), key.currency, name)).copied().unwrap_or_default()
        };
        assert_eq!(finest(sums.issued), of("bonus:issued"));
        assert_eq!(finest(sums.forfeited), of("bonus:forfeited"));
        assert_eq!(finest(sums.expired), of("bonus:expired"));
        assert_eq!(finest(sums.converted), of("bonus:converted"));
        assert_eq!(finest(sums.converted), of("bonus:cost"));
        assert_eq!(finest(sums.free_round_wins), of("freespin:cost"));
        assert_eq!(finest(sums.cashback), of("cashback:cost"));
        let own = |offer: &&(ledger_projections::bonuses::OfferKey, _)| {
            offer.0.campaign == key.campaign && offer.0.currency == key.currency && offer.0.kind == key.kind
        };
        let of_offers = |sum: fn(&ledger_projections::bonuses::OfferSums) -> Total| {
            offers.iter().filter(own).map(|(_, sums)| finest(sum(sums))).sum::<i128>()
        };
        assert_eq!(of_offers(|sums| sums.issued), finest(sums.issued), "{key:?}");
        assert_eq!(of_offers(|sums| sums.converted), finest(sums.converted), "{key:?}");
        assert_eq!(of_offers(|sums| sums.expired_amount), finest(sums.expired), "{key:?}");
        // Wins that came after an award's end are no more its own.
        assert!(of_offers(|sums| sums.forfeited_amount) <= finest(sums.forfeited), "{key:?}");
    }
}

pub(crate) fn each_history(check: impl Fn(&History, usize)) {
    for seed in 0..10_u8 {
        check(&history(1 << (seed % 4), 5, 40, seed), 1 + usize::from(seed) * 7);
    }
}

#[test]
fn e56_every_day_of_every_player_adds_up_and_the_past_is_known() {
    each_history(|history, size| {
        in_every_home!(Statement, history.identity, history.commits, size, |reader| {
            check_statement(reader, &history.players, &history.commits, true);
        });
    });
}

#[test]
fn e08_revenue_is_what_was_posted_by_day_and_fund() {
    each_history(|history, size| {
        in_every_home!(Revenue, history.identity, history.commits, size, |reader| {
            check_revenue(reader, &history.commits);
        });
    });
}

#[test]
fn e53_withdrawals_are_known_by_state_and_player() {
    each_history(|history, size| {
        in_every_home!(Withdrawals, history.identity, history.commits, size, |reader| {
            check_withdrawals(reader, &history.commits);
        });
    });
}

#[test]
fn e25_liability_equals_the_accounts_of_players() {
    each_history(|history, size| {
        in_every_home!(Liability, history.identity, history.commits, size, |reader| {
            check_liability(reader, &history.commits);
        });
    });
}

#[test]
fn e14_awards_and_offers_are_what_the_core_and_the_accounts_say() {
    each_history(|history, size| {
        let states = crate::generated::states(history);
        in_every_home!(Bonuses, history.identity, history.commits, size, |reader| {
            check_bonuses(reader, &states, &history.commits);
        });
    });
}

#[test]
fn models_equal_the_naive_over_random_worlds() {
    for seed in 200..206 {
        let mut world = World::new(1 << (seed % 4), 5, seed);
        let commits = world.commits(300);
        let players = world.players();
        in_every_home!(Statement, world.identity, commits, 23, |reader| {
            check_statement(reader, &players, &commits, false);
        });
        in_every_home!(Revenue, world.identity, commits, 23, |reader| check_revenue(reader, &commits));
        in_every_home!(Withdrawals, world.identity, commits, 23, |reader| check_withdrawals(
            reader, &commits
        ));
        in_every_home!(Liability, world.identity, commits, 23, |reader| check_liability(reader, &commits));
    }
}

pub(crate) async fn kit<M: Model>(history: &History) {
    check_all(&mut InMemory::<M>::of_model(&history.identity), &history.commits).await.unwrap();
    #[cfg(feature = "sqlite")]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut subject = ledger_projections::testing::InSqlite::<M>::new(&history.identity, folder.path());
        check_all(&mut subject, &history.commits).await.unwrap();
    }
    #[cfg(feature = "postgres")]
    {
        let options = crate::postgres::options();
        let mut subject = ledger_projections::testing::InPostgres::<M>::new(&history.identity, options);
        check_all(&mut subject, &history.commits).await.unwrap();
    }
}

/// The kit for a model in every home, each in a test of its own so that they run side by side, over a history in which an event
/// comes that gives the view something to tell.
macro_rules! keep_the_contract {
    ($($name:ident: $model:ty, $event:literal;)*) => {$(
        #[tokio::test]
        async fn $name() {
            let drawn = (9..200).map(|seed| history(4, 8, 40, seed));
            let has = |history: &History| event_types(&history.commits).contains($event);
            let history = drawn.into_iter().find(has).unwrap_or_else(|| panic!("{} never came", $event));
            kit::<$model>(&history).await;
        }
    )*};
}

keep_the_contract! {
    the_statement_keeps_the_contract: Statement, "entry.posted";
    revenue_keeps_the_contract: Revenue, "bet.placed";
    withdrawals_keep_the_contract: Withdrawals, "withdrawal.requested";
    liability_keeps_the_contract: Liability, "entry.posted";
    bonuses_keep_the_contract: Bonuses, "bonus.activated";
    the_audit_trail_keeps_the_contract: AuditTrail, "adjustment.applied";
    payments_keep_the_contract: Payments, "cashier.deposit.succeeded";
}

/// A stretch of keys is the same in every home, forwards and backwards, page by page.
#[test]
fn a_stretch_of_keys_is_read_in_every_home() {
    let history = history(4, 8, 60, 3);
    let mut seen = Vec::new();
    in_every_home!(Revenue, history.identity, history.commits, 50, |reader: &dyn ReadModel<Revenue>| {
        let all = KeyRange::all();
        let rows = now(reader.range(&all, SCAN_ROWS_MAX)).unwrap().value.rows;
        assert!(rows.len() > 5, "{}", rows.len());
        for backwards in [false, true] {
            let (mut paged, mut cursor) = (Vec::new(), None);
            loop {
                let range = if backwards { all.clone().backwards() } else { all.clone() };
                let range = match &cursor {
                    Some(cursor) => range.after(cursor).unwrap(),
                    None => range,
                };
                let page = now(reader.range(&range, 3)).unwrap().value;
                paged.extend(page.rows);
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            if backwards {
                paged.reverse();
            }
            assert_eq!(paged, rows);
        }
        seen.push(serde_json::to_value(&rows).unwrap()[0][0].clone());
    });
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}
