//! The reports that come with the library.

use super::definition::{
    Comparison, ReportColumn, ReportDefinition, ReportFilter, ReportParameter, ReportPeriod, ReportSort,
    ReportSource,
};

/// A row of docs/compliance.md, and the reports that answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The row, such as `E25`.
    pub row: String,
    /// The ids of the reports.
    pub reports: Vec<String>,
}

const UNVERIFIED: &str = "Unverified: the authority's official schema was not at hand. Names and formats are of public descriptions.";

/// A definition while it is written down.
struct Draft(ReportDefinition);

fn report(id: &str, title: &str, source: ReportSource, answers: &[&str]) -> Draft {
    Draft(ReportDefinition {
        id: id.to_owned(),
        title: title.to_owned(),
        answers: answers.iter().map(|row| (*row).to_owned()).collect(),
        source,
        columns: Vec::new(),
        filters: Vec::new(),
        period: ReportPeriod::None,
        zone: "UTC".to_owned(),
        sort: Vec::new(),
        parameters: Vec::new(),
        note: None,
    })
}

impl Draft {
    fn every(mut self, period: ReportPeriod) -> Self {
        self.0.period = period;
        self
    }

    fn days(self) -> Self {
        self.every(ReportPeriod::Days)
    }

    fn zone(mut self, zone: &str) -> Self {
        zone.clone_into(&mut self.0.zone);
        self
    }

    /// Columns: a field, or a field and its title with `=` between them.
    fn columns(mut self, columns: &[&str]) -> Self {
        self.0.columns = columns
            .iter()
            .map(|text| {
                let (field, title) =
                    text.split_once('=').map_or((*text, None), |(f, t)| (f, Some(t.to_owned())));
                ReportColumn { field: field.to_owned(), title, digits: None }
            })
            .collect();
        self
    }

    fn filter(mut self, field: &str, is: Comparison, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        self.0.filters.push(ReportFilter { field: field.to_owned(), is, values });
        self
    }

    /// Test accounts are in no report of an authority (row E42).
    fn real(self) -> Self {
        self.filter("kind", Comparison::OneOf, &["real"])
    }

    fn parameter(mut self, name: &str, note: &str) -> Self {
        let (name, note) = (name.to_owned(), note.to_owned());
        self.0.parameters.push(ReportParameter { name, note, default: None, optional: false });
        self
    }

    fn optional(mut self, name: &str, note: &str) -> Self {
        let (name, note) = (name.to_owned(), note.to_owned());
        self.0.parameters.push(ReportParameter { name, note, default: None, optional: true });
        self
    }

    fn descending(mut self, field: &str) -> Self {
        self.0.sort.push(ReportSort { field: field.to_owned(), descending: true });
        self
    }

    /// Of one currency, from an amount on.
    fn threshold(self, field: &str) -> Self {
        self.parameter("currency", "the currency of the threshold")
            .parameter("threshold", "the least amount that is large")
            .filter("currency", Comparison::OneOf, &["$currency"])
            .filter(field, Comparison::AtLeast, &["$threshold"])
    }

    fn note(mut self, note: &str) -> Self {
        self.0.note = Some(note.to_owned());
        self
    }
}

fn play() -> Vec<Draft> {
    vec![
        report("rounds", "Rounds", ReportSource::Rounds, &["E01", "E02", "E07", "E34"]).days(),
        report(
            "interrupted_rounds",
            "Rounds that are not over",
            ReportSource::Rounds,
            &["E24", "E39", "E57"],
        )
        .real()
        .filter("status", Comparison::OneOf, &["open"]),
        report("large_wins", "Large wins", ReportSource::Rounds, &["E16"])
            .days()
            .real()
            .threshold("largest_win")
            .descending("largest_win"),
        report("large_wagers", "Large wagers", ReportSource::Rounds, &["E16"])
            .days()
            .real()
            .threshold("largest_bet")
            .descending("largest_bet"),
        report("aggregate_wins", "Rounds with large wins in sum", ReportSource::Rounds, &["E16"])
            .days()
            .real()
            .threshold("paid")
            .descending("paid"),
        report("voided_rounds", "Voided and cancelled rounds", ReportSource::Rounds, &["E17", "E40"])
            .days()
            .filter("status", Comparison::OneOf, &["void", "cancelled"]),
        report("games", "Turnover and return of games", ReportSource::Games, &["E09"]).real(),
    ]
}

fn revenue() -> Vec<Draft> {
    let by_game = [
        "day",
        "brand",
        "source=provider",
        "game",
        "currency",
        "bets",
        "stakes",
        "payouts",
        "ggr_cash",
        "rtp",
        "hold",
    ];
    vec![
        report("revenue_by_day", "Gaming revenue by day", ReportSource::Revenue, &["E23", "E54"])
            .days()
            .real()
            .columns(&["day", "currency", "bets", "placed", "stakes", "payouts", "ggr_cash", "ggr_total", "bonus_cost", "ngr_after_bonuses", "ngr_after_costs"]),
        report("revenue_by_game", "Gaming revenue by game", ReportSource::Revenue, &["E04", "E08", "E09"])
            .days()
            .real()
            .columns(&by_game),
        report("revenue_by_brand", "Gaming revenue by operator and brand", ReportSource::Revenue, &["E08"])
            .every(ReportPeriod::Month)
            .real()
            .columns(&["operator", "brand", "currency", "bets", "stakes", "payouts", "bonus_stakes", "bonus_payouts", "ggr_cash", "ggr_total", "bonus_cost", "contributions", "jackpot_wins", "ngr_after_bonuses", "ngr_after_costs"]),
        report("game_performance", "Performance of games with incentives and jackpots apart", ReportSource::Revenue, &["E04", "E06", "E08", "E41"])
            .days()
            .real()
            .columns(&["source=provider", "game", "currency", "bets", "stakes", "payouts", "bonus_stakes", "bonus_payouts", "free_round_wins", "contributions", "jackpot_wins", "rtp", "rtp_with_contributions", "rtp_with_jackpots"]),
        report("fees_and_rake", "Rake, commission and fees", ReportSource::Revenue, &["E05", "E10"])
            .days()
            .real()
            .columns(&["day", "brand", "game", "currency", "rake", "overlay", "fees"]),
        report("duty_base", "Base of gaming duty by licence", ReportSource::Revenue, &["E54", "E57"])
            .every(ReportPeriod::Month)
            .real()
            .columns(&["jurisdiction=licence", "currency", "stakes", "payouts", "ggr_cash", "ggr_total", "ggr_withdrawable", "conversions", "free_round_wins", "contributions", "jackpot_wins", "duty=duty booked"])
            .note("What of it is the base of duty, a licence says: the variants of GGR stand side by side."),
        report("agco_weekly", "AGCO and iGaming Ontario: gaming revenue of a week", ReportSource::Revenue, &["E54"])
            .every(ReportPeriod::WeekFromSunday)
            .zone("America/Toronto")
            .real()
            .columns(&["brand", "currency", "stakes=wagers", "payouts=wins", "conversions=withdrawable bonus wins", "free_round_wins=withdrawable free round wins", "ggr_withdrawable=GGR", "corrections=adjustments", "contributions=JpContrib", "jackpot_wins=JpWins"])
            .note(UNVERIFIED),
        report("spain_operations", "Spain OPT, ORT and BOT: revenue by game", ReportSource::Revenue, &["E57"])
            .every(ReportPeriod::Month)
            .zone("Europe/Madrid")
            .real()
            .columns(&["game", "currency", "stakes=Participacion", "payouts=Premios", "ggr_cash=GGR", "contributions=Botes", "jackpot_wins=PremiosBotes"])
            .note("Unverified: the authority's official schema was not at hand. GGR is positive where the operator wins; the feed has the opposite sign."),
    ]
}

fn players() -> Vec<Draft> {
    let spain = [
        "player=JugadorId",
        "day=Fecha",
        "currency",
        "opening=SaldoInicial",
        "deposit=Depositos",
        "deposit_returned=DepositosDevueltos",
        "withdrawal=Retiradas",
        "withdrawal_returned=RetiradasDevueltas",
        "stake=Participacion",
        "stake_returned=ParticipacionDevolucion",
        "win=Premios",
        "win_taken_back=AjustePremios",
        "jackpot=PremiosBote",
        "bonus=Bonos",
        "tournament=Torneos",
        "exchange=Cambio",
        "fee=Comision",
        "tax=Retenciones",
        "tip=Propinas",
        "correction=Ajustes",
        "host=OtrosHost",
        "other=Otros",
        "closing=SaldoFinal",
    ];
    vec![
        report(
            "player_statement",
            "Statement of a player",
            ReportSource::Statement,
            &["E03", "E13", "E32", "E48"],
        )
        .days()
        .parameter("player", "the player"),
        report("player_activity", "What a player's money did", ReportSource::PlayerSummary, &["E32", "E48"])
            .days()
            .parameter("player", "the player"),
        report(
            "financial_transactions",
            "Deposits, withdrawals, refunds and chargebacks",
            ReportSource::Statement,
            &["E13", "E29", "E55"],
        )
        .days()
        .filter("cause", Comparison::BeginsWith, &["cashier.deposit.", "withdrawal.", "chargeback."]),
        report("large_transactions", "Large financial transactions", ReportSource::Statement, &["E20"])
            .days()
            .real()
            .filter("cause", Comparison::BeginsWith, &["cashier.deposit.", "withdrawal."])
            .parameter("currency", "the currency of the threshold")
            .parameter("threshold", "the least change of cash that is large, in")
            .filter("currency", Comparison::OneOf, &["$currency"])
            .filter("cash_change", Comparison::AtLeast, &["$threshold"])
            .note("Money in. Money out is in large_withdrawals."),
        report("negative_balances", "Players who owe", ReportSource::Statement, &["E21"]).days().filter(
            "receivable_after",
            Comparison::AtLeast,
            &["0.000000000000000001"],
        ),
        report("jackpot_payouts", "Jackpots that were paid", ReportSource::Statement, &["E06", "E26"])
            .days()
            .filter("cause", Comparison::BeginsWith, &["jackpot."]),
        report(
            "player_days",
            "What the money of players did, day by day",
            ReportSource::PlayerDays,
            &["E56", "E61"],
        )
        .days()
        .real(),
        report(
            "spain_player_days",
            "Spain CJD and CJT: accounts of players, day by day",
            ReportSource::PlayerDays,
            &["E56"],
        )
        .days()
        .zone("Europe/Madrid")
        .real()
        .columns(&spain)
        .note(UNVERIFIED),
        report("tax_by_player", "Tax that was withheld, by player", ReportSource::PlayerSummary, &["E62"])
            .every(ReportPeriod::Year)
            .real()
            .columns(&[
                "player",
                "currency",
                "stake",
                "stake_returned",
                "win",
                "win_taken_back",
                "jackpot",
                "tax=tax withheld",
            ])
            .filter("tax", Comparison::NoneOf, &["0"]),
        report("balances", "Balances of players", ReportSource::Balances, &["E11", "E25", "E42"]),
        report(
            "balances_at_end",
            "Balances of players at the end of a period",
            ReportSource::BalancesThen,
            &["E25", "E61"],
        )
        .days(),
    ]
}

fn money() -> Vec<Draft> {
    vec![
        report("trial_balance", "Trial balance", ReportSource::TrialBalance, &["E66"]),
        report("tax_withheld", "Tax withheld and owed", ReportSource::TrialBalance, &["E62"])
            .filter("account", Comparison::BeginsWith, &["tax:"]),
        report("jackpots", "Jackpots: pools, seeds and contributions", ReportSource::TrialBalance, &["E15", "E36", "E37", "E41"])
            .filter("account", Comparison::BeginsWith, &["jackpot:", "gaming:jackpot"]),
        report("test_accounts", "What test accounts came to", ReportSource::TrialBalance, &["E42"])
            .filter("kind", Comparison::OneOf, &["test"]),
        report("dormant_and_suspense", "Dormant money, and money of nobody known", ReportSource::TrialBalance, &["E45", "E55"])
            .filter("account", Comparison::OneOf, &["player:dormant", "suspense"]),
        report("liability", "What is owed to players", ReportSource::Liability, &["E25"]).real(),
        report("held_funds", "Funds in open rounds, by game", ReportSource::Held, &["E24", "E39"]).real(),
        report("player_funds", "Player funds and what covers them", ReportSource::Cover, &["E25", "E52"])
            .real()
            .note("A report of player funds as the MGA asks for. Unverified: the authority's form was not at hand."),
        report("payments", "Payments of a payment provider", ReportSource::Payments, &["E13", "E29", "E30"])
            .parameter("psp", "the payment provider"),
        report("withdrawals", "Withdrawals", ReportSource::Withdrawals, &["E13", "E26", "E53"]).days(),
        report("withdrawals_waiting", "Withdrawals that wait", ReportSource::Withdrawals, &["E53"])
            .real()
            .filter("open", Comparison::OneOf, &["yes"]),
        report("large_withdrawals", "Large withdrawals", ReportSource::Withdrawals, &["E20", "E26"])
            .days()
            .real()
            .threshold("amount")
            .descending("amount"),
        report("withdrawal_totals", "Withdrawals by state", ReportSource::WithdrawalTotals, &["E53"]),
    ]
}

fn incentives() -> Vec<Draft> {
    vec![
        report("awards", "Awards that have not ended", ReportSource::Awards, &["E11"]),
        report(
            "offers",
            "Offers: issued, redeemed, expired, forfeited",
            ReportSource::Offers,
            &["E14", "E46", "E58"],
        ),
        report("campaigns", "Campaigns: issued and cost", ReportSource::Campaigns, &["E14"]),
    ]
}

fn audit() -> Vec<Draft> {
    let of = |id, title, answers: &[&str], types: &[&str]| {
        report(id, title, ReportSource::Audit, answers).days().filter("type", Comparison::BeginsWith, types)
    };
    vec![
        report("audit_trail", "Audit trail", ReportSource::Audit, &["E19", "E27", "E66"])
            .days()
            .optional("type", "the type of event, such as adjustment.applied"),
        report("audit_of_person", "What a person did", ReportSource::Audit, &["E22", "E66"])
            .days()
            .parameter("actor", "who sent the requests")
            .filter("actor", Comparison::OneOf, &["$actor"]),
        of(
            "corrections",
            "Voids, overrides and corrections",
            &["E17"],
            &[
                "round.voided",
                "bet.voided",
                "settlement.voided",
                "adjustment.",
                "correction.",
                "bet.resettled",
                "bet.unsettled",
            ],
        ),
        of(
            "adjustments",
            "Adjustments of balances",
            &["E19"],
            &["adjustment.", "correction.", "credit.granted"],
        ),
        of(
            "limits_and_exclusions",
            "Limits and exclusions",
            &["E12", "E44", "E49"],
            &["limit.", "limit_profile.", "session_limit.", "exclusion.", "register.", "player."],
        ),
        of(
            "parameters",
            "Changed parameters of jackpots, incentives and policies",
            &["E18"],
            &["document.", "jackpot.configured", "jackpot.status_changed", "shapes."],
        ),
    ]
}

fn protection() -> Vec<Draft> {
    let funds = "which money counts for limits on stakes and losses, as the policy says: own_money or all";
    vec![
        report(
            "limits_in_force",
            "Limits in force, and what is used of them",
            ReportSource::Limits,
            &["E12", "E49"],
        )
        .real()
        .optional("player", "the player")
        .optional("funds", funds),
        report("high_deposit_limits", "Limits on deposits from a sum on", ReportSource::Limits, &["E63"])
            .real()
            .filter("limit", Comparison::OneOf, &["deposit"])
            .threshold("amount")
            .descending("amount"),
        report(
            "limit_hits",
            "Players who came near a limit or hit it",
            ReportSource::LimitHits,
            &["E49", "E63"],
        )
        .days()
        .real(),
        report(
            "exclusions_in_force",
            "Exclusions in force",
            ReportSource::Exclusions,
            &["E12", "E44", "E49"],
        )
        .real(),
        report("alerts", "Alerts", ReportSource::Alerts, &["E65"]).days(),
        report("cases", "Cases", ReportSource::Cases, &["E65"]).days(),
        report("open_cases", "Cases that are open", ReportSource::Cases, &["E65"]).filter(
            "open",
            Comparison::OneOf,
            &["yes"],
        ),
    ]
}

fn prizes() -> Vec<Draft> {
    vec![
        report(
            "jackpot_pools",
            "Jackpots: value, parameters, contributions, and how they add up",
            ReportSource::Jackpots,
            &["E15", "E36", "E37"],
        )
        .real(),
        report(
            "jackpot_awards",
            "Jackpots: awards, and what they left in the pool",
            ReportSource::JackpotAwards,
            &["E26", "E36", "E38"],
        )
        .days()
        .real(),
        report("jackpot_claims", "Jackpots: claims", ReportSource::JackpotClaims, &["E38"]).days().real(),
        report("tournaments", "Tournaments", ReportSource::Tournaments, &["E10"]).real(),
        report(
            "tournament_places",
            "Tournaments: places and prizes",
            ReportSource::TournamentPlaces,
            &["E10"],
        )
        .real()
        .optional("tournament", "the tournament, as its partition is named: tournament/T"),
    ]
}

fn returns() -> Vec<Draft> {
    vec![
        report("rtp", "Actual return beside the theoretical one", ReportSource::Rtp, &["E09"])
            .days()
            .real()
            .columns(&[
                "from",
                "source=provider",
                "game",
                "currency",
                "bets",
                "stakes",
                "payouts",
                "actual",
                "theoretical",
                "deviation",
                "bound",
                "flag",
            ])
            .optional("bets", "the last days that have so many bets, instead of all")
            .optional("sigmas", "how many standard deviations are chance; 2.576 if it is not told")
            .optional("bets_min", "of fewer bets nothing is said; 10000 if it is not told"),
    ]
}

/// The definitions that come with the library, in order of ids. Each is data: a host may write one as JSON, change it, and run
/// what it makes of it.
pub fn catalogue() -> Vec<ReportDefinition> {
    let all =
        [play(), revenue(), players(), money(), incentives(), audit(), protection(), prizes(), returns()];
    let mut all: Vec<ReportDefinition> = all.into_iter().flatten().map(|draft| draft.0).collect();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all
}

/// The rows of docs/compliance.md that [`catalogue`] has reports of, in order.
pub fn rows_answered() -> Vec<Answer> {
    let mut rows: Vec<Answer> = Vec::new();
    for definition in catalogue() {
        for row in definition.answers {
            match rows.iter_mut().find(|known| known.row == row) {
                Some(known) => known.reports.push(definition.id.clone()),
                None => rows.push(Answer { row, reports: vec![definition.id.clone()] }),
            }
        }
    }
    rows.sort_by(|one, other| one.row.cmp(&other.row));
    rows
}

#[cfg(test)]
mod tests {
    use ledger_core::AccountCode;
    use ledger_core::stored::Event;

    use super::*;

    #[test]
    fn every_shipped_definition_is_valid_and_survives_json() {
        let all = catalogue();
        assert!(all.len() >= 40);
        for definition in &all {
            definition.validate().unwrap_or_else(|error| panic!("{}: {error}", definition.id));
            for filter in &definition.filters {
                // What is compared with types of events, or names of accounts, begins some of them.
                let known: Vec<&str> = match filter.field.as_str() {
                    "cause" | "type" => Event::TYPES.iter().map(|(name, _)| *name).collect(),
                    "account" => AccountCode::ALL.iter().map(|code| code.name()).collect(),
                    _ => continue,
                };
                for value in filter.values.iter().filter(|value| !value.starts_with('$')) {
                    let is_known = known.iter().any(|name| name.starts_with(value.as_str()));
                    assert!(is_known, "{}: nothing begins with {value}", definition.id);
                }
            }
            let text = serde_json::to_string(definition).unwrap();
            assert_eq!(serde_json::from_str::<ReportDefinition>(&text).unwrap(), *definition);
        }
        assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id), "each id once");
    }
}
