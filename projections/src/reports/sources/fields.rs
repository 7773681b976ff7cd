//! The fields of every source.

use crate::reports::cell::{Field, FieldKind};
use crate::reports::definition::ReportSource;
use crate::revenue::RevenueSums;

/// What a source has to do with periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reports) enum TakesPeriod {
    /// It needs one.
    Needs,
    /// It may have one.
    May,
    /// It has none.
    Never,
}

const fn of(name: &'static str, kind: FieldKind) -> Field {
    Field { name, kind }
}

macro_rules! fields {
    ($($name:ident $kind:ident),* $(,)?) => { &[$(of(stringify!($name), FieldKind::$kind)),*] };
}

const REVENUE_KEYS: &[Field] = fields![
    day Day, kind Text, operator Text, brand Text, jurisdiction Text, source Text, game Text, currency Text, bets Integer,
];
const REVENUE_FIGURES: &[Field] = fields![
    ggr_cash Amount, ggr_total Amount, ggr_withdrawable Amount, bonus_cost Amount, ngr_after_bonuses Amount,
    ngr_after_costs Amount, rtp Ratio, rtp_with_contributions Ratio, rtp_with_jackpots Ratio, hold Ratio,
];
const STATEMENT: &[Field] = fields![
    player Text, entry Integer, at Instant, position Integer, kind Text, operator Text, brand Text, jurisdiction Text,
    source Text, operation_kind Text, operation Text, cause Text, reference Text, round_source Text, round Text, game Text,
    authorisation Text, actor Text, trace Text, currency Text, cash_before Amount, cash_change Amount, cash_after Amount,
    held_before Amount, held_after Amount, pending_before Amount, pending_after Amount, receivable_before Amount,
    receivable_after Amount, dormant_before Amount, dormant_after Amount, fee Amount, tax Amount, stake Amount, win Amount,
];
const SUMMARY: &[Field] = fields![
    player Text, kind Text, day Day, currency Text, opening Amount, deposit Amount, deposit_returned Amount,
    withdrawal Amount, withdrawal_returned Amount, stake Amount, stake_returned Amount, win Amount, win_taken_back Amount,
    bonus Amount, jackpot Amount, tournament Amount, tip Amount, fee Amount, tax Amount, correction Amount,
    exchange Amount, host Amount, other Amount, closing Amount, opening_held Amount, closing_held Amount, staked Amount,
];
const BALANCES: &[Field] = fields![
    player Text, kind Text, currency Text, cash Amount, held Amount, pending Amount, receivable Amount, dormant Amount,
    bonus Amount, bonus_held Amount,
];
const TRIAL_BALANCE: &[Field] = fields![
    kind Text, book Text, code Text, account Text, of Text, currency Text, debits Amount, credits Amount, balance Amount,
];
const ROUNDS: &[Field] = fields![
    player Text, source Text, round Text, kind Text, status Text, currency Text, game Text, games Integer, bets Integer,
    wins Integer, staked Amount, paid Amount, refunded Amount, largest_bet Amount, largest_win Amount, ggr Amount,
    opened_at Instant, closed_at Instant, by_rule Text, shard Integer, position Integer,
];
const GAMES: &[Field] = fields![kind Text, game Text, currency Text, rounds Integer, stakes Amount, payouts Amount, ggr Amount, rtp Ratio];
const WITHDRAWALS: &[Field] = fields![
    player Text, source Text, id Text, kind Text, operator Text, brand Text, state Text, currency Text, amount Amount,
    fee Amount, extra Amount, destination Text, method Text, requested_at Instant, changed_at Instant, kyc Text, by Text,
    approvals Integer, approved_by Text, reviewer Text, parent Text, parts Integer, payout Text, sent_at Instant,
    paid Amount, authorisation Text, reason Text, breaks Integer, open Flag,
];
const WITHDRAWAL_TOTALS: &[Field] =
    fields![state Text, kind Text, currency Text, count Integer, amount Amount];
const HELD: &[Field] = fields![
    kind Text, operator Text, brand Text, source Text, game Text, currency Text, rounds Integer, cash Amount, bonus Amount,
];
const COVER: &[Field] =
    fields![kind Text, currency Text, owed Amount, funds Amount, ratio Ratio, covered Flag];
const LIABILITY_KEYS: &[Field] = fields![kind Text, operator Text, brand Text, currency Text];
const LIABILITY: &[Field] = fields![
    cash Amount, held Amount, pending Amount, dormant Amount, receivable Amount, in_transit Amount, jackpots Amount,
    seeds Amount, network Amount, tournaments Amount, suspense Amount, bonus Amount, bonus_held Amount,
    bank_players Amount, bank_operating Amount, psp_clearing Amount, psp_reserve Amount, owed Amount,
    owed_until_paid Amount, funds Amount,
];
const AWARDS: &[Field] = fields![
    player Text, source Text, id Text, kind Text, brand Text, campaign Text, terms Text, hash Text, state Text,
    currency Text, amount Amount, target Amount, progress Amount, to_wager Amount, balance Amount, held Amount,
    issued_at Instant, activated_at Instant, expires_at Instant, converted Amount, forfeited Amount,
];
const OFFERS: &[Field] = fields![
    kind Text, campaign Text, terms Text, hash Text, currency Text, granted Integer, live Integer, completed Integer,
    lost Integer, expired Integer, forfeited Integer, issued Amount, wagered Amount, converted Amount,
    forfeited_amount Amount, expired_amount Amount, balance Amount, played_away Amount,
];
const CAMPAIGNS: &[Field] = fields![
    kind Text, campaign Text, currency Text, issued Amount, forfeited Amount, expired Amount, converted Amount,
    free_round_wins Amount, cashback Amount, cost Amount,
];
const AUDIT: &[Field] = fields![
    at Instant, shard Integer, position Integer, index Integer, partition Text, operator Text, brand Text, type Text,
    stream Text, by Text, actor Text, source Text, operation_kind Text, operation Text, reason Text, trace Text,
    causation Text, before Text, after Text, purses_before Text, purses_after Text,
];
const PAYMENTS: &[Field] = fields![
    psp Text, kind Text, reference Text, player Text, merchant_source Text, merchant Text, status Text, currency Text,
    amount Amount, rate Text, at Instant, bookings Integer,
];

const LIMITS: &[Field] = fields![
    player Text, kind Text, operator Text, brand Text, jurisdiction Text, tier Text, profile Text, side Text, limit Text,
    currency Text, period Text, basis Text, amount Amount, used Amount, left Amount, seconds Integer, used_seconds Integer,
    since Instant, cause Text, by Text, raise_amount Amount, raise_seconds Integer, raise_at Instant, window_from Instant,
    window_until Instant,
];
const LIMIT_HITS: &[Field] = fields![
    at Instant, player Text, kind Text, operator Text, brand Text, met Text, side Text, limit Text, currency Text,
    period Text, basis Text, amount Amount, used Amount, left Amount, seconds Integer, register Text, source Text,
    operation_kind Text, operation Text, shard Integer, position Integer, index Integer,
];
const EXCLUSIONS: &[Field] = fields![
    player Text, kind Text, exclusion Text, register Text, since Instant, until Instant, ends_at Instant,
];
const ALERTS: &[Field] = fields![
    player Text, source Text, operation_kind Text, id Text, operator Text, brand Text, state Text, signal Text,
    raised_at Instant, by Text, reason Text, closed_at Instant, closed_by Text, closed_reason Text,
];
const CASES: &[Field] = fields![
    player Text, source Text, operation_kind Text, id Text, operator Text, brand Text, state Text, open Flag, signal Text,
    opened_at Instant, by Text, reason Text, assigned_to Text, assigned_at Instant, assignments Integer,
    changed_at Instant, closed_at Instant, closed_by Text, closed_reason Text,
];
const JACKPOTS: &[Field] = fields![
    kind Text, jackpot Text, status Text, moves_to Text, currency Text, value Amount, version Integer, since Instant,
    seed Amount, must_hit_by Amount, ceiling Amount, overflow Text, diversion Integer, rate Integer, rate_fixed Amount,
    contributed Amount, diverted Amount, drawn Amount, received Amount, sent Amount, awarded Amount, refused Amount,
    seeded_from_cost Amount, seeded_from_reserve Amount, reserved_from_cost Amount, closed_from_reserve Amount,
    reserve Amount, carried Amount, awards Integer, awarded_at Instant, liability Amount, unpaid Amount, unswept Amount,
    untold Amount, adds_up Flag,
];
const JACKPOT_AWARDS: &[Field] = fields![
    kind Text, jackpot Text, number Integer, player Text, source Text, claim Text, round Text, at Instant, currency Text,
    amount Amount, carried Amount, seed_from_reserve Amount, seed_from_cost Amount, outcome Text, settled_at Instant,
    paid_at Instant, entry Integer,
];
const JACKPOT_CLAIMS: &[Field] = fields![
    kind Text, jackpot Text, at Instant, player Text, source Text, id Text, round Text, currency Text, state Text,
    ended_at Instant, cause Text, by Text, reason Text, award Integer, amount Amount, entry Integer,
];
const TOURNAMENTS: &[Field] = fields![
    tournament Text, kind Text, status Text, changed_at Instant, version Integer, hash Text, currency Text, buy_in Amount,
    fee Amount, guarantee Amount, from Instant, until Instant, results_until Instant, entries_max Integer,
    entrants Integer, others Integer, ranked Integer, collected Amount, fees Amount, prizes Amount, paid Amount,
    overlay Amount, kept Amount,
];
const TOURNAMENT_PLACES: &[Field] = fields![
    tournament Text, kind Text, status Text, place Integer, player Text, source Text, id Text, number Integer,
    currency Text, buy_in Amount, fee Amount, entered_at Instant, points Amount, bets Integer, reached_at Instant,
    prize Amount, outcome Text, entry Integer,
];
const RTP: &[Field] = fields![
    from Day, kind Text, operator Text, brand Text, jurisdiction Text, source Text, game Text, currency Text, bets Integer,
    stakes Amount, payouts Amount, actual Ratio, theoretical Ratio, deviation Ratio, bound Ratio, flag Text,
];

impl ReportSource {
    /// The fields that its rows have.
    pub fn fields(self) -> Vec<Field> {
        match self {
            Self::Revenue => {
                let money = RevenueSums::COLUMNS.iter().map(|name| of(name, FieldKind::Amount));
                REVENUE_KEYS.iter().copied().chain(money).chain(REVENUE_FIGURES.iter().copied()).collect()
            }
            Self::Statement => STATEMENT.to_vec(),
            Self::PlayerSummary | Self::PlayerDays => SUMMARY.to_vec(),
            Self::Balances | Self::BalancesThen => BALANCES.to_vec(),
            Self::TrialBalance => TRIAL_BALANCE.to_vec(),
            Self::Rounds => ROUNDS.to_vec(),
            Self::Games => GAMES.to_vec(),
            Self::Withdrawals => WITHDRAWALS.to_vec(),
            Self::WithdrawalTotals => WITHDRAWAL_TOTALS.to_vec(),
            Self::Liability => [LIABILITY_KEYS, LIABILITY].concat(),
            Self::Held => HELD.to_vec(),
            Self::Cover => [COVER, LIABILITY].concat().into_iter().fold(Vec::new(), |mut all, field| {
                // Owed and funds are columns of both.
                if !all.iter().any(|own: &Field| own.name == field.name) {
                    all.push(field);
                }
                all
            }),
            Self::Awards => AWARDS.to_vec(),
            Self::Offers => OFFERS.to_vec(),
            Self::Campaigns => CAMPAIGNS.to_vec(),
            Self::Audit => AUDIT.to_vec(),
            Self::Payments => PAYMENTS.to_vec(),
            Self::Limits => LIMITS.to_vec(),
            Self::LimitHits => LIMIT_HITS.to_vec(),
            Self::Exclusions => EXCLUSIONS.to_vec(),
            Self::Alerts => ALERTS.to_vec(),
            Self::Cases => CASES.to_vec(),
            Self::Jackpots => JACKPOTS.to_vec(),
            Self::JackpotAwards => JACKPOT_AWARDS.to_vec(),
            Self::JackpotClaims => JACKPOT_CLAIMS.to_vec(),
            Self::Tournaments => TOURNAMENTS.to_vec(),
            Self::TournamentPlaces => TOURNAMENT_PLACES.to_vec(),
            Self::Rtp => RTP.to_vec(),
        }
    }

    /// Its name, as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revenue => "revenue",
            Self::Statement => "statement",
            Self::PlayerSummary => "player_summary",
            Self::PlayerDays => "player_days",
            Self::Balances => "balances",
            Self::BalancesThen => "balances_then",
            Self::TrialBalance => "trial_balance",
            Self::Rounds => "rounds",
            Self::Games => "games",
            Self::Withdrawals => "withdrawals",
            Self::WithdrawalTotals => "withdrawal_totals",
            Self::Liability => "liability",
            Self::Held => "held",
            Self::Cover => "cover",
            Self::Awards => "awards",
            Self::Offers => "offers",
            Self::Campaigns => "campaigns",
            Self::Audit => "audit",
            Self::Payments => "payments",
            Self::Limits => "limits",
            Self::LimitHits => "limit_hits",
            Self::Exclusions => "exclusions",
            Self::Alerts => "alerts",
            Self::Cases => "cases",
            Self::Jackpots => "jackpots",
            Self::JackpotAwards => "jackpot_awards",
            Self::JackpotClaims => "jackpot_claims",
            Self::Tournaments => "tournaments",
            Self::TournamentPlaces => "tournament_places",
            Self::Rtp => "rtp",
        }
    }

    pub(in crate::reports) fn takes_period(self) -> TakesPeriod {
        match self {
            Self::Revenue
            | Self::Rtp
            | Self::Statement
            | Self::PlayerSummary
            | Self::PlayerDays
            | Self::BalancesThen
            | Self::LimitHits => TakesPeriod::Needs,
            Self::Rounds
            | Self::Withdrawals
            | Self::Audit
            | Self::Alerts
            | Self::Cases
            | Self::JackpotAwards
            | Self::JackpotClaims => TakesPeriod::May,
            _ => TakesPeriod::Never,
        }
    }

    /// The parameters it cannot do without.
    pub(in crate::reports) fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Payments => &["psp"],
            _ => &[],
        }
    }

    /// Whether it is read page by page, of rows that change.
    pub(in crate::reports) fn is_held(self) -> bool {
        matches!(
            self,
            Self::PlayerSummary
                | Self::PlayerDays
                | Self::Balances
                | Self::BalancesThen
                | Self::Rounds
                | Self::Withdrawals
                | Self::Awards
                | Self::Payments
                | Self::Limits
                | Self::Exclusions
                | Self::Alerts
                | Self::Cases
                | Self::Jackpots
                | Self::JackpotAwards
                | Self::JackpotClaims
                | Self::Tournaments
                | Self::TournamentPlaces
        )
    }
}
