//! What an event adds to gaming revenue.

use jiff::tz::TimeZoneDatabase;
use ledger_core::stored::{CreditKind, EntryPosted, Event, EventRecord, Split};
use ledger_core::{
    AccountCode, AccountKind, Amount, CurrencyCode, GameId, Partition, Posting, SourceId, Stream,
};

use super::row::RevenueSums;
use super::{Revenue, RevenueZone};
use crate::commit::Commit;
use crate::entries::{cause, change, game_of, game_posted};
use crate::error::ViewError;
use crate::model::Rows;
use crate::range::{KeyParts, key};
use crate::text::kind_text;
use crate::total::Total;

/// The day of a commit in a zone.
fn day(commit: &Commit, zone: &str) -> Option<String> {
    let zone = TimeZoneDatabase::bundled().get(zone).ok()?;
    let at = jiff::Timestamp::from_microsecond(commit.body.recorded_at.as_micros()).ok()?;
    Some(at.to_zoned(zone).date().to_string())
}

/// What of an entry is not of its postings: whose game it is, and why a provider owes for it.
#[derive(Default)]
struct Of<'a> {
    source: Option<&'a SourceId>,
    game: Option<GameId>,
    credit: Option<CreditKind>,
    contributes: bool,
}

impl<'a> Of<'a> {
    fn new(cause: Option<&'a EventRecord>, entry: &[Posting]) -> Self {
        let contributes = entry.iter().any(|posting| posting.account == AccountCode::JackpotContribution);
        let Some(cause) = cause else {
            return Self { game: game_posted(entry), contributes, ..Self::default() };
        };
        let source = match (&cause.event, &cause.stream) {
            (Event::CreditGranted(event), _) => Some(&event.credit.source),
            (Event::AdjustmentApplied(event), _) => Some(&event.txn.source),
            (_, Stream::Round(_, source, _)) => Some(source),
            (_, Stream::Transfer(_, of)) => Some(&of.source),
            (_, Stream::Purchase(_, of)) => Some(&of.source),
            _ => None,
        };
        let credit = match &cause.event {
            Event::CreditGranted(event) => Some(event.reason),
            _ => None,
        };
        Self {
            source,
            game: game_of(&cause.event).cloned().or_else(|| game_posted(entry)),
            credit,
            contributes,
        }
    }
}

pub(super) fn fold<Z: RevenueZone>(
    rows: &mut Rows<'_, Revenue<Z>>,
    commit: &Commit,
    record: &EventRecord,
    zone: &str,
) -> Result<(), ViewError> {
    match &record.event {
        Event::EntryPosted(event) => post(rows, commit, record, event, zone),
        Event::BetPlaced(event) => {
            let Some(kind) = kind_of(rows, commit)? else {
                return Err(commit.poison_event(record, "the player was never opened"));
            };
            let source = match &record.stream {
                Stream::Round(_, source, _) => Some(source),
                _ => None,
            };
            let key = key(commit, kind, source, Some(&event.game), event.currency, zone)
                .ok_or_else(|| commit.poison_event(record, no_zone(zone)))?;
            let (cash, bonus) =
                parts(&event.split).ok_or_else(|| commit.poison_event(record, "a stake is too large"))?;
            rows.update(&key, |row| {
                row.bets = row.bets.checked_add(1)?;
                row.placed = row.placed.plus(cash)?;
                row.placed_bonus = row.placed_bonus.plus(bonus)?;
                Some(())
            })
        }
        Event::PlayerOpened(event) => rows.put(
            &kind_key(commit),
            RevenueSums {
                // A mark of whether the player is a test: rows of players are not among those of days.
                bets: u64::from(event.kind == AccountKind::Test),
                ..RevenueSums::default()
            },
        ),
        _ => Ok(()),
    }
}

fn no_zone(zone: &str) -> String {
    format!("{zone:?} is not a time zone of the IANA database")
}

fn kind_key(commit: &Commit) -> KeyParts {
    key!["player", commit.body.partition]
}

fn kind_of<Z: RevenueZone>(
    rows: &Rows<'_, Revenue<Z>>,
    commit: &Commit,
) -> Result<Option<AccountKind>, ViewError> {
    let mark = rows.get(&kind_key(commit))?;
    Ok(mark.map(|mark| if mark.bets == 0 { AccountKind::Real } else { AccountKind::Test }))
}

fn parts(split: &Split) -> Option<(Total, Total)> {
    let cash = split.owed.into_iter().try_fold(Total::from(split.cash), Total::plus)?;
    let mut shares = split.bonus.iter().map(|share| share.amount);
    Some((cash, shares.try_fold(Total::default(), |sum, amount: Amount| sum.plus(amount))?))
}

fn key(
    commit: &Commit,
    kind: AccountKind,
    source: Option<&SourceId>,
    game: Option<&GameId>,
    currency: CurrencyCode,
    zone: &str,
) -> Option<KeyParts> {
    let day = day(commit, zone)?;
    let body = &commit.body;
    let operator = body.operator.as_ref().map_or("", |id| id.as_str());
    let brand = body.brand.as_ref().map_or("", |id| id.as_str());
    let jurisdiction = body.jurisdiction.as_ref().map_or("", |id| id.as_str());
    let source = source.map_or("", |id| id.as_str());
    let game = game.map_or("", |id| id.as_str());
    Some(key!["day", day, kind_text(kind), operator, brand, jurisdiction, source, game, currency])
}

fn post<Z: RevenueZone>(
    rows: &mut Rows<'_, Revenue<Z>>,
    commit: &Commit,
    record: &EventRecord,
    event: &EntryPosted,
    zone: &str,
) -> Result<(), ViewError> {
    let of = Of::new(cause(commit, record.version), event.entry.postings());
    let of_player = matches!(commit.body.partition, Partition::Player(_));
    for posting in event.entry.postings() {
        let Some(column) = column(posting, &of, of_player) else { continue };
        let source = source(posting).or_else(|| of.source.cloned());
        // Games are named by the posting, where it is of one.
        let game = game(posting).or_else(|| of.game.clone());
        let key = key(commit, event.entry.kind(), source.as_ref(), game.as_ref(), posting.currency, zone)
            .ok_or_else(|| commit.poison_event(record, no_zone(zone)))?;
        rows.update(&key, |row| {
            let sum = column(row);
            let change = change(posting)?;
            *sum = match posting.account {
                AccountCode::JackpotLiability => sum.minus(change)?,
                _ => sum.plus(change)?,
            };
            Some(())
        })?;
    }
    Ok(())
}

fn game(posting: &Posting) -> Option<GameId> {
    use AccountCode::{BonusPayouts, BonusStakes, GamingPayouts, GamingStakes};
    let of_game = matches!(posting.account, GamingStakes | GamingPayouts | BonusStakes | BonusPayouts);
    let of = posting.of.as_ref().filter(|_| of_game)?;
    GameId::new(of.as_str()).ok()
}

fn source(posting: &Posting) -> Option<SourceId> {
    use AccountCode::{ChargebackFees, ChargebackLoss, ProviderFeesExpense, ProviderReceivable, PspFees};
    let of_source = matches!(
        posting.account,
        PspFees | ChargebackLoss | ChargebackFees | ProviderFeesExpense | ProviderReceivable
    );
    let of = posting.of.as_ref().filter(|_| of_source)?;
    SourceId::new(of.as_str()).ok()
}

type Column = fn(&mut RevenueSums) -> &mut Total;

/// The column a posting is counted in; `None` if it is no revenue. Columns grow as their accounts do, but for jackpots: there
/// what is won leaves the pool.
fn column(posting: &Posting, of: &Of<'_>, of_player: bool) -> Option<Column> {
    Some(match posting.account {
        AccountCode::GamingStakes => |row| &mut row.stakes,
        AccountCode::GamingPayouts => |row| &mut row.payouts,
        AccountCode::BonusStakes => |row| &mut row.bonus_stakes,
        AccountCode::BonusPayouts => |row| &mut row.bonus_payouts,
        AccountCode::BonusCost => |row| &mut row.conversions,
        AccountCode::FreeSpinCost => |row| &mut row.free_round_wins,
        AccountCode::CashbackCost => |row| &mut row.cashback,
        AccountCode::JackpotContribution => |row| &mut row.contributions,
        AccountCode::JackpotSeedCost => |row| &mut row.seeds,
        AccountCode::Rake => |row| &mut row.rake,
        AccountCode::TournamentOverlay => |row| &mut row.overlay,
        AccountCode::FeesIncome => |row| &mut row.fees,
        AccountCode::Adjustments => |row| &mut row.corrections,
        AccountCode::BadDebt => |row| &mut row.bad_debt,
        AccountCode::PspFees | AccountCode::ChargebackFees => |row| &mut row.psp_fees,
        AccountCode::ChargebackLoss => |row| &mut row.chargebacks,
        AccountCode::ProviderFeesExpense => |row| &mut row.provider_fees,
        AccountCode::GamingDutyExpense => |row| &mut row.duty,
        // A share of a stake that goes to the pool, or comes back from it, stands beside its account of revenue.
        AccountCode::JackpotLiability if of_player && !of.contributes => |row| &mut row.jackpot_wins,
        AccountCode::ProviderReceivable if of_player => match of.credit? {
            CreditKind::NetworkJackpot => |row| &mut row.jackpot_wins,
            CreditKind::ProviderPromo => |row| &mut row.promotions,
            _ => return None,
        },
        _ => return None,
    })
}
