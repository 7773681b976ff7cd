//! The profiles of jurisdictions that come with this crate, against the figures of D.1.

use ledger_core::stored::{LimitBasis, LimitKind, LimitPeriod};
use ledger_core::testing::{commands, given_house, given_nobody, house_commands};
use ledger_core::{
    BonusRestrictions, InitiateDeposit, JurisdictionDocument, JurisdictionId, LimitProfile, MethodId,
    OpenPlayer, PlaceBet, Policy, ProfileName, RecordDeposit, ReverseWithdrawal, StakeRange, WeekStart,
};

fn shipped() -> Vec<JurisdictionDocument> {
    JurisdictionDocument::shipped().unwrap()
}

fn policy() -> Policy {
    let jurisdictions = shipped().into_iter().map(|document| (document.jurisdiction, document.profile));
    Policy { jurisdictions: jurisdictions.collect(), ..Policy::default() }
}

const DAY: u32 = 86_400;

/// Code; seconds until a raise, whether a confirmation follows and the window must be over; the limit on deposits of all
/// players and over what; whether reverse withdrawals are forbidden.
#[test]
fn each_profile_has_the_figures_of_its_sources() {
    use LimitBasis::{Calendar, Rolling};
    use LimitPeriod::{Month, Week};
    type Row = (&'static str, u32, bool, bool, Option<(&'static str, LimitPeriod, LimitBasis)>, bool);
    let table: [Row; 9] = [
        ("GB", DAY, true, false, None, true),
        ("SE", 3 * DAY, false, true, None, true),
        ("DE", 7 * DAY, true, false, Some(("1000", Month, Calendar)), false),
        ("DK", DAY, true, false, None, false),
        ("NL", DAY, true, false, None, false),
        ("ES", DAY, true, false, None, false),
        ("MT", DAY, true, false, None, false),
        ("ON", DAY, true, false, None, false),
        ("BE", DAY, true, false, Some(("200", Week, Rolling)), false),
    ];
    let all = shipped();
    assert_eq!(all.len(), table.len());
    for (document, row) in all.iter().zip(table) {
        let controls = &document.profile.controls;
        let limit = controls.limits.first().map(|rule| {
            let window = rule.term.window.unwrap();
            assert_eq!((rule.term.kind, rule.term.currency.as_str()), (LimitKind::Deposit, "EUR"));
            (rule.amount.to_string(), window.period, window.basis)
        });
        let expected = row.4.map(|(amount, period, basis)| (amount.to_owned(), period, basis));
        let found = (
            document.jurisdiction.as_str(),
            controls.raise_after_secs,
            controls.raise_needs_confirmation,
            controls.raise_after_window,
            limit,
            document.profile.reverse_withdrawal == ReverseWithdrawal::Forbidden,
        );
        assert_eq!(found, (row.0, row.1, row.2, row.3, expected, row.5));
        assert!(controls.limits.len() <= 1);
        let weeks = if row.0 == "ON" { WeekStart::Sunday } else { WeekStart::Monday };
        assert_eq!(controls.week_starts, weeks, "{}", row.0);
        let pause = if row.0 == "DE" { 5_000 } else { 0 };
        assert_eq!(document.profile.round_interval_ms, pause, "{}", row.0);
        let most = |currency: &str| {
            let slots = controls.stakes.get(&commands::game_type("slots"))?;
            slots.get(&commands::currency(currency))?.round_max.map(|most| most.to_string())
        };
        let expected = match row.0 {
            "GB" => (Some("5".to_owned()), None),
            "DE" => (None, Some("1".to_owned())),
            _ => (None, None),
        };
        assert_eq!((most("GBP"), most("EUR")), expected, "{}", row.0);
    }
}

#[test]
fn each_profile_says_where_it_is_from_and_what_nobody_looked_up() {
    for document in shipped() {
        let code = document.jurisdiction.as_str();
        assert!(!document.unchecked.is_empty(), "{code}: laws are longer than this");
        assert!(!document.sources.is_empty() || code == "MT", "{code} has no source");
        let zone = document.profile.controls.zone.clone().unwrap();
        assert!(jiff::tz::TimeZone::get(&zone).is_ok(), "{code}: {zone}");
    }
}

fn opened(jurisdiction: &str) -> ledger_core::testing::Scenario {
    let open =
        OpenPlayer { jurisdiction: JurisdictionId::new(jurisdiction).unwrap(), ..commands::open(&["EUR"]) };
    given_nobody().policy(policy()).when(open).applied()
}

#[test]
fn the_profiles_do_what_they_say() {
    let _ = opened("DE").when(commands::initiate("I1", "1000.01")).rejected("limit_exceeded");
    let _ = opened("DE").when(commands::initiate("I1", "1000")).applied();
    let _ = opened("BE").when(commands::initiate("I1", "200.01")).rejected("limit_exceeded");
    let _ = opened("MT").when(commands::initiate("I1", "5000")).applied();
    let card = InitiateDeposit {
        method: Some(MethodId::new("credit_card").unwrap()),
        ..commands::initiate("I1", "10")
    };
    let _ = opened("GB").when(card.clone()).rejected("not_allowed");
    let _ = opened("SE").when(card).applied();
}

#[test]
fn r41_great_britain_bounds_the_stake_of_a_game_cycle_of_slots() {
    let open = OpenPlayer { jurisdiction: JurisdictionId::new("GB").unwrap(), ..commands::open(&["GBP"]) };
    let mut policy = policy();
    let two = StakeRange { round_max: Some(commands::decimal("2")), ..StakeRange::default() };
    let of_slots =
        |range| [(commands::game_type("slots"), [(commands::currency("GBP"), range)].into())].into();
    // Under 25 a host assigns a profile of limits: a ledger knows no ages.
    let young = LimitProfile { stakes: of_slots(two), ..LimitProfile::default() };
    policy.limit_profiles = [(ProfileName::new("UNDER_25").unwrap(), young)].into();
    let deposit = RecordDeposit { currency: commands::currency("GBP"), ..commands::deposit("D1", "20") };
    let opened = given_nobody().policy(policy).when(open).applied().when(deposit).applied();
    let on = |id: &str, round: &str, kind: &str, amount: &str| PlaceBet {
        game_type: Some(commands::game_type(kind)),
        currency: commands::currency("GBP"),
        ..commands::bet(id, round, amount)
    };
    let high = opened.clone().when(on("T1", "R1", "slots", "5.01")).rejected("stake_not_allowed");
    let parts = high.when(on("T2", "R2", "slots", "3")).applied().when(on("T3", "R2", "slots", "2.01"));
    let parts = parts.rejected("stake_not_allowed").when(on("T4", "R2", "slots", "2")).applied();
    let _ = parts.when(on("T5", "R3", "tables", "10")).applied();
    let young = opened.when(commands::assign_profile("A1", Some("UNDER_25"))).applied();
    let young = young.when(on("T1", "R1", "slots", "2.01")).rejected("stake_not_allowed");
    let _ = young.when(on("T2", "R2", "slots", "2")).applied();
}

#[test]
fn what_is_forbidden_of_bonuses_is_what_the_sources_say() {
    let ten = Some(commands::basis_points(100_000));
    for document in shipped() {
        let expected = match document.jurisdiction.as_str() {
            "GB" => BonusRestrictions { wagering_max: ten, cash_free: true, ..BonusRestrictions::NONE },
            "DK" => {
                BonusRestrictions { wagering_max: ten, least_secs: Some(60 * DAY), ..BonusRestrictions::NONE }
            }
            _ => BonusRestrictions::NONE,
        };
        assert_eq!(document.profile.bonuses, expected, "{}", document.jurisdiction);
    }
    let by_law = Policy::default();
    let of = |code: &str| by_law.profile(&JurisdictionId::new(code).unwrap()).bonuses;
    let britain = BonusRestrictions { wagering_max: ten, cash_free: true, ..BonusRestrictions::NONE };
    assert_eq!(
        (of("GB-SCT"), of("SE"), of("MT")),
        (britain, BonusRestrictions::NONE, BonusRestrictions::NONE)
    );
}

#[test]
fn a_policy_whose_limits_make_no_sense_is_not_published() {
    let with = |change: fn(&mut ledger_core::ControlPolicy)| {
        let mut policy = policy();
        let germany = policy.jurisdictions.get_mut(&JurisdictionId::new("DE").unwrap()).unwrap();
        change(&mut germany.controls);
        given_house("configuration").when(house_commands::publish_policy("P1", &policy))
    };
    let _ = with(|_| {}).applied();
    let _ = with(|controls| controls.zone = Some("Mars/Olympus".to_owned())).refused("document_invalid");
    let _ = with(|controls| controls.limits[0].term.window = None).refused("document_invalid");
    let _ = with(|controls| controls.limits[0].term.kind = LimitKind::SingleBet).refused("document_invalid");
    let _ = with(|controls| controls.limits[0].amount = commands::decimal("-1")).refused("document_invalid");
}
