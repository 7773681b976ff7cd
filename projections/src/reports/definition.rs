//! What a report is, as data.

use std::collections::BTreeMap;

use ledger_core::Day;
use serde::{Deserialize, Serialize};

use super::cell::{Cell, Field, FieldKind};
use super::error::DefinitionError;
use super::sources::TakesPeriod;
use crate::period::{Period, PeriodError, date, zone_of};

/// The most columns of a report.
pub const COLUMNS_MAX: usize = 100;
/// The most filters of a report.
pub const FILTERS_MAX: usize = 20;
/// The most parameters of a report.
pub const PARAMETERS_MAX: usize = 20;
/// The most bytes of a name, title, note or value.
pub const TEXT_BYTES_MAX: usize = 1_000;
/// The most rows of a report that is sorted: they are kept in memory until all are there.
pub const SORT_ROWS_MAX: usize = 100_000;
/// The most values one filter compares with.
const VALUES_MAX: usize = 100;
/// The most fields a report is sorted by.
const SORTS_MAX: usize = 10;

/// Where rows come from: a view, read in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReportSource {
    /// Gaming revenue of the period, broken down by those of `day`, `operator`, `brand`, `jurisdiction`, `source` and `game` that
    /// the report has a column, filter or order of.
    Revenue,
    /// Entries of the period, one row per purse that an entry touched; of the player `player`, if that parameter is given, else of all.
    Statement,
    /// What the money of each player did in the period, one row per currency; of the player `player`, or of all.
    PlayerSummary,
    /// The same for each day of the period.
    PlayerDays,
    /// What players have now, one row per purse.
    Balances,
    /// What players had at the end of the period, one row per purse.
    BalancesThen,
    /// Debits and credits of accounts, per sub-account of the house.
    TrialBalance,
    /// Rounds that were opened in the period; all if there is none.
    Rounds,
    /// What games came to.
    Games,
    /// Withdrawals that were asked for in the period; all if there is none.
    Withdrawals,
    /// What withdrawals come to by state.
    WithdrawalTotals,
    /// What is owed to players by operator and brand.
    Liability,
    /// What open rounds hold, by game.
    Held,
    /// What is owed to players, and what covers it.
    Cover,
    /// Awards that have not ended.
    Awards,
    /// What offers came to.
    Offers,
    /// What campaigns issued and cost.
    Campaigns,
    /// The audit trail of the period; of one type of event, if the parameter `type` is given.
    Audit,
    /// Payments of the payment provider `psp`, which is a parameter.
    Payments,
    /// Limits in force when the report is made, with what is used of them; of the player `player`, if that parameter is given. The
    /// parameter `funds` says which money counts for limits on stakes and losses: `own_money` (also if it is not given) or `all`.
    Limits,
    /// Times that players came near a limit or were refused for one, in the period.
    LimitHits,
    /// Exclusions that bar their players when the report is made.
    Exclusions,
    /// Alerts that were raised in the period; all if there is none.
    Alerts,
    /// Cases that were opened in the period; all if there is none.
    Cases,
    /// Jackpots: parameters, what the pool holds, and how that adds up with the accounts; one row per currency.
    Jackpots,
    /// Awards of jackpots that were given in the period; all if there is none.
    JackpotAwards,
    /// Claims on jackpots that were made in the period; all if there is none.
    JackpotClaims,
    /// Tournaments, with their money.
    Tournaments,
    /// Who has which place in tournaments; of the one whose partition is `tournament`, if that parameter is given.
    TournamentPlaces,
    /// The actual return to players over the period beside the theoretical one, broken down by those of `operator`, `brand`,
    /// `jurisdiction`, `source` and `game` that the report has a column, filter or order of. Parameters: `bets`, for the last days of the period
    /// that have so many; `sigmas` and `bets_min`, of [`RtpRules`](crate::rtp::RtpRules).
    Rtp,
}

/// Which period a report takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReportPeriod {
    /// None: it tells how things stand.
    None,
    /// Days, as many as one likes.
    Days,
    /// One day.
    Day,
    /// Seven days from a Sunday on.
    WeekFromSunday,
    /// Seven days from a Monday on.
    WeekFromMonday,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportColumn {
    /// The field.
    pub field: String,
    /// What stands above it; the name of the field if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many digits amounts have at least; more are never cut. At most 18.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digits: Option<u8>,
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Comparison {
    /// It is one of the values.
    OneOf,
    /// It is none of the values.
    NoneOf,
    /// It begins with one of the values; of texts only.
    BeginsWith,
    /// It is the value or more.
    AtLeast,
    /// It is the value or less.
    AtMost,
    /// It has a value.
    Present,
    /// It has none.
    Absent,
}

/// Which rows a report has: those that pass every filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFilter {
    /// The field.
    pub field: String,
    /// How it is compared.
    pub is: Comparison,
    /// The values it is compared with; one that begins with `$` is the parameter of that name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What a report is told when it is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportParameter {
    /// Its name: small letters, digits and `_`.
    pub name: String,
    /// What it is for.
    pub note: String,
    /// What it is if nothing is told; `None` if something must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Whether it may be left out, without a default.
    #[serde(default)]
    pub optional: bool,
}

/// In which order rows stand, instead of the source's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSort {
    /// The field.
    pub field: String,
    /// The largest first.
    #[serde(default)]
    pub descending: bool,
}

/// A report, as data: what serde reads is checked by [`ReportDefinition::validate`] before anything is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportDefinition {
    /// Its id: small letters, digits and `_`.
    pub id: String,
    /// What stands on top of it.
    pub title: String,
    /// The rows of docs/compliance.md that it answers, such as `E25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// Where rows come from.
    pub source: ReportSource,
    /// The columns, in order; all fields of the source if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ReportColumn>,
    /// Which rows it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<ReportFilter>,
    /// Which period it takes.
    pub period: ReportPeriod,
    /// The time zone of its days, of the IANA database.
    pub zone: String,
    /// The order of rows; the source's own if there is none. With one there are at most [`SORT_ROWS_MAX`] rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<ReportSort>,
    /// What it is told when it is run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ReportParameter>,
    /// What a reader must know of it; of a feed whose official schema was not at hand, that it is unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

fn is_name(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(is_part)
}

fn is_text(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

/// A filter that is ready to be asked.
#[derive(Debug)]
pub(super) struct ReadyFilter {
    pub(super) field: usize,
    is: Comparison,
    values: Vec<Cell>,
}

impl ReadyFilter {
    pub(super) fn passes(&self, cell: &Cell) -> bool {
        let first = self.values.first();
        match self.is {
            Comparison::OneOf => self.values.iter().any(|value| cell.order(value).is_eq()),
            Comparison::NoneOf => !self.values.iter().any(|value| cell.order(value).is_eq()),
            Comparison::BeginsWith => self.values.iter().any(|value| match (cell, value) {
                (Cell::Text(text), Cell::Text(begin)) => text.starts_with(begin.as_str()),
                _ => false,
            }),
            Comparison::AtLeast => {
                *cell != Cell::Empty && first.is_some_and(|value| cell.order(value).is_ge())
            }
            Comparison::AtMost => {
                *cell != Cell::Empty && first.is_some_and(|value| cell.order(value).is_le())
            }
            Comparison::Present => *cell != Cell::Empty,
            Comparison::Absent => *cell == Cell::Empty,
        }
    }
}

impl ReportDefinition {
    /// Checks everything that can be checked before it is run: names, bounds, that its fields are the source's, that its
    /// values are of their fields' kinds, its time zone, and its parameters.
    ///
    /// # Errors
    ///
    /// [`DefinitionError`], the first that was met.
    pub fn validate(&self) -> Result<(), DefinitionError> {
        if !is_name(&self.id) {
            return Err(DefinitionError::Name(self.id.chars().take(64).collect()));
        }
        self.bounds()?;
        let fields = self.source.fields();
        for name in self.field_names() {
            self.field(&fields, name)?;
        }
        for column in &self.columns {
            let (_, field) = self.field(&fields, &column.field)?;
            let is_right = column.digits.is_none_or(|digits| digits <= 18 && field.kind == FieldKind::Amount);
            if !is_right {
                return Err(DefinitionError::Digits(column.field.clone()));
            }
        }
        for (nth, parameter) in self.parameters.iter().enumerate() {
            let is_again = self.parameters.iter().take(nth).any(|other| other.name == parameter.name);
            if !is_name(&parameter.name) || is_again {
                return Err(DefinitionError::Name(parameter.name.clone()));
            }
        }
        for name in self.source.needs() {
            let has = self.parameters.iter().any(|own| own.name == *name && !own.optional);
            if !has {
                return Err(DefinitionError::Parameter((*name).to_owned()));
            }
        }
        let told: BTreeMap<String, String> = BTreeMap::new();
        for filter in &self.filters {
            self.ready(&fields, filter, &told, true)?;
        }
        match (self.source.takes_period(), self.period) {
            (TakesPeriod::Needs, ReportPeriod::None) => return Err(DefinitionError::NeedsPeriod),
            (TakesPeriod::Never, period) if period != ReportPeriod::None => {
                return Err(DefinitionError::TakesNoPeriod);
            }
            _ => {}
        }
        zone_of(&self.zone).map(|_| ()).map_err(DefinitionError::Period)
    }

    fn bounds(&self) -> Result<(), DefinitionError> {
        let too_many = |what, count: usize, most: usize| {
            if count > most { Err(DefinitionError::TooMany { what, most }) } else { Ok(()) }
        };
        too_many("columns", self.columns.len(), COLUMNS_MAX)?;
        too_many("filters", self.filters.len(), FILTERS_MAX)?;
        too_many("parameters", self.parameters.len(), PARAMETERS_MAX)?;
        too_many("fields of an order", self.sort.len(), SORTS_MAX)?;
        too_many("rows of compliance", self.answers.len(), COLUMNS_MAX)?;
        let mut texts = vec![&self.title, &self.zone];
        texts.extend(&self.note);
        texts.extend(&self.answers);
        texts.extend(self.columns.iter().flat_map(|column| &column.title));
        texts.extend(self.parameters.iter().flat_map(|p| [Some(&p.note), p.default.as_ref()]).flatten());
        for filter in &self.filters {
            too_many("values of a filter", filter.values.len(), VALUES_MAX)?;
            texts.extend(&filter.values);
        }
        match texts.into_iter().find(|text| !is_text(text)) {
            Some(text) => Err(DefinitionError::Text(text.chars().take(64).collect())),
            None => Ok(()),
        }
    }

    /// The fields that the report is about: columns, filters and order; none if it has all of the source.
    pub(super) fn field_names(&self) -> impl Iterator<Item = &str> {
        let columns = self.columns.iter().map(|column| column.field.as_str());
        let filters = self.filters.iter().map(|filter| filter.field.as_str());
        columns.chain(filters).chain(self.sort.iter().map(|sort| sort.field.as_str()))
    }

    /// Whether a field of the source is asked for.
    pub(super) fn asks_for(&self, name: &str) -> bool {
        self.columns.is_empty() || self.field_names().any(|own| own == name)
    }

    pub(super) fn field(&self, fields: &[Field], name: &str) -> Result<(usize, Field), DefinitionError> {
        let found = fields.iter().enumerate().find(|(_, field)| field.name == name);
        let unknown = || DefinitionError::Field {
            name: name.chars().take(64).collect(),
            source_name: self.source.name(),
        };
        found.map(|(at, field)| (at, *field)).ok_or_else(unknown)
    }

    /// A filter with its values read; `None` if it compares with an optional parameter that was not told. Where it is only
    /// checked, parameters without a default are left out.
    pub(super) fn ready(
        &self,
        fields: &[Field],
        filter: &ReportFilter,
        told: &BTreeMap<String, String>,
        only_checked: bool,
    ) -> Result<Option<ReadyFilter>, DefinitionError> {
        let (at, field) = self.field(fields, &filter.field)?;
        let values = match filter.is {
            Comparison::Present | Comparison::Absent => 0..=0,
            Comparison::AtLeast | Comparison::AtMost => 1..=1,
            _ => 1..=VALUES_MAX,
        };
        let is_right = values.contains(&filter.values.len())
            && (filter.is != Comparison::BeginsWith || field.kind == FieldKind::Text);
        if !is_right {
            return Err(DefinitionError::Comparison(filter.field.clone()));
        }
        let mut cells = Vec::with_capacity(filter.values.len());
        for value in &filter.values {
            let text = match value.strip_prefix('$') {
                None => value.clone(),
                Some(name) => {
                    let known = self.parameters.iter().find(|own| own.name == name);
                    let known = known.ok_or_else(|| DefinitionError::Parameter(name.to_owned()))?;
                    match told.get(name).or(known.default.as_ref()) {
                        Some(text) => text.clone(),
                        None if known.optional => return Ok(None),
                        None if only_checked => continue,
                        None => return Err(DefinitionError::Parameter(name.to_owned())),
                    }
                }
            };
            let wrong = || DefinitionError::Value { field: filter.field.clone(), value: text.clone() };
            cells.push(Cell::parse(field.kind, &text).ok_or_else(wrong)?);
        }
        Ok(Some(ReadyFilter { field: at, is: filter.is, values: cells }))
    }

    /// The period of some days, if they are one of the kind the report takes.
    pub(super) fn period_of(&self, days: Option<(Day, Day)>) -> Result<Option<Period>, DefinitionError> {
        let Some((from, to)) = days else {
            let needs_none = self.period == ReportPeriod::None;
            return if needs_none { Ok(None) } else { Err(DefinitionError::NeedsPeriod) };
        };
        let period = Period::days(from, to, &self.zone).map_err(DefinitionError::Period)?;
        let (Some(first), Some(last)) = (date(from), date(to)) else {
            return Err(DefinitionError::Period(PeriodError::Bounds {
                from: from.to_string(),
                to: to.to_string(),
            }));
        };
        let week = |begin| {
            first.weekday() == begin && first.checked_add(jiff::Span::new().days(6)).ok() == Some(last)
        };
        let is_right = match self.period {
            ReportPeriod::None => return Err(DefinitionError::TakesNoPeriod),
            ReportPeriod::Days => true,
            ReportPeriod::Day => first == last,
            ReportPeriod::WeekFromSunday => week(jiff::civil::Weekday::Sunday),
            ReportPeriod::WeekFromMonday => week(jiff::civil::Weekday::Monday),
            ReportPeriod::Month => first == first.first_of_month() && last == first.last_of_month(),
            ReportPeriod::Year => first == first.first_of_year() && last == first.last_of_year(),
        };
        if is_right {
            Ok(Some(period))
        } else {
            let (from, to) = (from.to_string(), to.to_string());
            Err(DefinitionError::OtherPeriod { kind: self.period, from, to })
        }
    }
}
