//! What the policy says of kinds of players, of games and of sources: R34 to R36 in docs/scenarios.md.

use std::collections::BTreeMap;

use ledger_core::stored::{Event, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow};
use ledger_core::testing::{Scenario, commands, given, given_house, given_nobody, house_commands};
use ledger_core::{
    BonusRule, CategoryStakes, DocumentContent, Funds, GameRule, GameTable, JurisdictionId, Limit,
    LimitProfile, LimitRule, OpenPlayer, PlaceBet, PlayTimeRule, Policy, ProfileName, Rejection,
    SourcePolicy, SourceSwitch, StakeRange, diff_documents,
};

const TEN: (&str, &str) = ("psp:clearing of psp", "10.00");
const CASH: (&str, &str) = ("player:cash", "10.00");

fn jurisdiction(text: &str) -> JurisdictionId {
    JurisdictionId::new(text).unwrap()
}

fn deposits() -> LimitTerm {
    commands::term(LimitKind::Deposit, LimitPeriod::Day, LimitBasis::Rolling)
}

fn rule(term: LimitTerm, amount: &str) -> LimitRule {
    LimitRule { term, amount: commands::decimal(amount) }
}

fn profile(limits: &[LimitRule]) -> LimitProfile {
    LimitProfile { limits: limits.to_vec(), ..LimitProfile::default() }
}

fn with_profiles(profiles: &[(&str, LimitProfile)]) -> Policy {
    let named = profiles.iter().map(|(name, it)| (ProfileName::new(*name).unwrap(), it.clone()));
    Policy { limit_profiles: named.collect(), ..Policy::default() }
}

fn told(left: &str) -> Rejection {
    let (kind, window) = (LimitKind::Deposit, deposits().window);
    Rejection::LimitExceeded {
        limit: Limit::Protection { kind, window, side: LimitSide::Profile },
        left: Some(left.parse().unwrap()),
    }
}

#[test]
fn r34_a_player_has_the_limits_of_his_profile() {
    let elsewhere = LimitProfile {
        jurisdictions: [(jurisdiction("SE"), vec![rule(deposits(), "10")])].into(),
        ..profile(&[rule(deposits(), "50")])
    };
    let policy = with_profiles(&[
        ("DEFAULT", elsewhere),
        ("VIP_A", profile(&[rule(deposits(), "500"), rule(commands::single_bet(), "5")])),
    ]);
    let new = given().policy(policy.clone()).when(commands::initiate("I1", "50.01"));
    let new = new.rejected("limit_exceeded").refused_as(&told("50.00"));
    let vip = new.when(commands::assign_profile("F1", Some("VIP_A"))).records(&["limit_profile.assigned"]);
    let vip = vip.when(commands::initiate("I2", "500")).applied();
    let vip = vip.when(commands::initiate("I3", "0.01")).rejected("limit_exceeded");
    let vip = vip.when(commands::capture("D1", "I2", "500")).applied().bet("T1", "R", "5.01");
    let vip = vip.rejected("limit_exceeded").bet("T2", "R", "5").applied();
    // His own limit stands beside it: the lowest counts.
    let own = vip.clone().when(commands::limit("L1", deposits(), "500")).applied();
    let own = own.when(commands::initiate("I4", "1"));
    let own = own.rejected("limit_exceeded");
    // Back to the default: what was counted is counted on.
    let back = own.when(commands::assign_profile("F2", None)).applied();
    let back = back.when(commands::initiate("I5", "1")).refused_as(&told("0.00"));
    let _ = back.bet("T3", "R", "50").applied().accounts(&[
        ("psp:clearing of psp", "500.00"),
        ("player:cash", "445.00"),
        ("player:held of prov/R", "55.00"),
    ]);
    // A jurisdiction may have others; a profile that a later policy has not has none.
    let open = OpenPlayer { jurisdiction: jurisdiction("SE"), ..commands::open(&["EUR"]) };
    let swedish = given_nobody().policy(policy).when(open).applied().when(commands::initiate("I1", "10.01"));
    let _ = swedish.refused_as(&told("10.00"));
    let _ = vip.policy(Policy::default()).when(commands::initiate("I6", "9000")).applied();
}

#[test]
fn r34_profiles_are_those_of_the_policy() {
    let new = given().policy(with_profiles(&[("VIP_A", profile(&[]))]));
    let new = new.when(commands::assign_profile("F1", Some("VIP_B"))).rejected("not_allowed");
    let new = new.when(commands::assign_profile("F2", None)).noop().records(&["txn.noted"]);
    let some = new.when(commands::assign_profile("F3", Some("VIP_A"))).applied();
    let some = some.when(commands::assign_profile("F4", Some("VIP_A"))).noop();
    let some = some.when(commands::assign_profile("F3", None)).refused("key_reused");
    let event = some.ledger().events().find_map(|record| match &record.event {
        Event::LimitProfileAssigned(event) => Some(event.clone()),
        _ => None,
    });
    let event = event.unwrap();
    assert_eq!(event.profile, Some(ProfileName::new("VIP_A").unwrap()));
    assert_eq!((event.previous, event.by.as_str(), event.reason.as_str()), (None, "anna", "plays a lot"));
    let own = ledger_core::SetLimit { side: LimitSide::Profile, ..commands::limit("L1", deposits(), "1") };
    let _ = some.when(own).rejected("not_allowed").accounts(&[]);
}

fn stakes(min: Option<&str>, max: Option<&str>) -> BTreeMap<ledger_core::CurrencyCode, StakeRange> {
    let range = StakeRange {
        min: min.map(commands::decimal),
        max: max.map(commands::decimal),
        ..StakeRange::default()
    };
    [(commands::currency("EUR"), range)].into()
}

fn with_game(rule: GameRule, only_listed: bool) -> Policy {
    let games = GameTable { only_listed, games: [(commands::game("game"), rule)].into() };
    Policy { games, ..Policy::default() }
}

#[test]
fn r35_a_game_is_played_where_and_for_what_it_may() {
    let rich = |policy| given().cash("10.00").policy(policy);
    let here = |codes: &[&str]| Some(codes.iter().map(|code| jurisdiction(code)).collect());
    let elsewhere = with_game(GameRule { jurisdictions: here(&["SE"]), ..GameRule::default() }, false);
    let told = Rejection::GameNotAllowed { game: commands::game("game") };
    let out = rich(elsewhere.clone()).bet("T1", "R", "1").rejected("game_not_allowed").refused_as(&told);
    let out = out.when(commands::start_session("S1")).rejected("game_not_allowed");
    let _ = out.when(commands::roll_out("O1", "1")).rejected("game_not_allowed").accounts(&[TEN, CASH]);
    // What was begun before goes on.
    let open = rich(Policy::default()).bet("T1", "R", "4").applied().policy(elsewhere);
    let open = open.bet("T2", "R", "1").rejected("game_not_allowed").win_close("W1", "R", "1").applied();
    let _ = open.accounts(&[
        TEN,
        ("player:cash", "7.00"),
        ("gaming:stakes of game", "4.00"),
        ("gaming:payouts of game", "1.00"),
    ]);
    let listed = with_game(GameRule { jurisdictions: here(&["SE", "MT"]), ..GameRule::default() }, true);
    let other = PlaceBet { game: commands::game("other"), ..commands::bet("T2", "R2", "1") };
    let listed = rich(listed).bet("T1", "R", "1").applied().when(other.clone()).rejected("game_not_allowed");
    let _ = listed
        .policy(with_game(GameRule::default(), false))
        .when(PlaceBet { id: commands::txn("T3"), ..other });
    // The stake is within bounds, those of the jurisdiction first; nothing at all may always be staked.
    let bounded = GameRule {
        stakes: stakes(Some("1"), Some("2.50")),
        stakes_by_jurisdiction: [(jurisdiction("SE"), stakes(None, Some("1")))].into(),
        ..GameRule::default()
    };
    let bounded = rich(with_game(bounded, false));
    let low = bounded.bet("T1", "R1", "0.99").rejected("stake_not_allowed");
    let high = low.bet("T2", "R2", "2.51").rejected("stake_not_allowed");
    let stake = "2.51".parse().unwrap();
    let high = high.refused_as(&Rejection::StakeNotAllowed { stake, currency: commands::currency("EUR") });
    let fits = high.bet("T3", "R3", "1").applied().bet("T4", "R4", "2.50").applied();
    let fits = fits.bet("T5", "R5", "0").applied().accounts(&[
        TEN,
        ("player:cash", "6.50"),
        ("player:held of prov/R3", "1.00"),
        ("player:held of prov/R4", "2.50"),
    ]);
    let _ = fits;
    let own = GameRule {
        stakes: stakes(Some("1"), None),
        stakes_by_jurisdiction: [(jurisdiction("MT"), stakes(None, Some("0.50")))].into(),
        ..GameRule::default()
    };
    let own = rich(with_game(own, false)).bet("T1", "R1", "0.50").applied();
    let _ = own.bet("T2", "R2", "1").rejected("stake_not_allowed");
}

#[test]
fn r39_a_category_of_games_has_a_most_by_law_and_by_profile() {
    let slots = |most: &str| CategoryStakes::from([(commands::game_type("slots"), stakes(None, Some(most)))]);
    let mut policy = Policy::default();
    policy.default_jurisdiction.controls.stakes = slots("5");
    let young = LimitProfile { stakes: slots("2"), ..LimitProfile::default() };
    policy.limit_profiles = [(ProfileName::new("YOUNG").unwrap(), young)].into();
    let player = || given().cash("10.00").policy(policy.clone());
    let on = |id: &str, kind: &str, amount: &str| PlaceBet {
        game_type: Some(commands::game_type(kind)),
        ..commands::bet(id, id, amount)
    };
    let stake = "5.01".parse().unwrap();
    let told = Rejection::StakeNotAllowed { stake, currency: commands::currency("EUR") };
    let high = player().when(on("T1", "slots", "5.01")).rejected("stake_not_allowed").refused_as(&told);
    let other = high.when(on("T2", "tables", "5.01")).applied().when(on("T3", "slots", "4.99")).applied();
    let _ = other.accounts(&[TEN, ("player:held of prov/T2", "5.01"), ("player:held of prov/T3", "4.99")]);
    // A profile is stricter, and never looser than the law.
    let young = player().when(commands::assign_profile("A1", Some("YOUNG"))).applied();
    let young = young.when(on("T1", "slots", "2.01")).rejected("stake_not_allowed");
    let young = young.when(on("T2", "slots", "2")).applied().when(on("T3", "tables", "3")).applied();
    let _ = young.accounts(&[
        TEN,
        ("player:cash", "5.00"),
        ("player:held of prov/T2", "2.00"),
        ("player:held of prov/T3", "3.00"),
    ]);
    // The table knows better than the bet of which category its game is.
    let mut listed = policy.clone();
    let rule = GameRule { category: Some(commands::game_type("slots")), ..GameRule::default() };
    listed.games.games = [(commands::game("game"), rule)].into();
    let listed = given().cash("10.00").policy(listed).when(on("T1", "tables", "6"));
    let _ = listed
        .rejected("stake_not_allowed")
        .bet("T2", "R2", "6")
        .rejected("stake_not_allowed")
        .accounts(&[TEN, CASH]);
    let crossed = CategoryStakes::from([(commands::game_type("slots"), stakes(Some("2"), Some("1")))]);
    policy.default_jurisdiction.controls.stakes = crossed;
    let published = given_house("configuration").when(house_commands::publish_policy("P1", &policy));
    let _ = published.refused("document_invalid");
}

#[test]
fn r41_the_bets_of_a_round_have_a_most_together() {
    let round = |most: &str| {
        let range = StakeRange { round_max: Some(commands::decimal(most)), ..StakeRange::default() };
        CategoryStakes::from([(commands::game_type("slots"), [(commands::currency("EUR"), range)].into())])
    };
    let mut policy = Policy::default();
    policy.default_jurisdiction.controls.stakes = round("5");
    let young = LimitProfile { stakes: round("2"), ..LimitProfile::default() };
    policy.limit_profiles = [(ProfileName::new("YOUNG").unwrap(), young)].into();
    let player = || given().cash("10.00").policy(policy.clone());
    let on = |id: &str, round: &str, amount: &str| PlaceBet {
        game_type: Some(commands::game_type("slots")),
        ..commands::bet(id, round, amount)
    };
    let told =
        Rejection::StakeNotAllowed { stake: "0.01".parse().unwrap(), currency: commands::currency("EUR") };
    let full = player().when(on("T1", "R1", "3")).applied().when(on("T2", "R1", "2")).applied();
    let full = full.when(on("T3", "R1", "0.01")).rejected("stake_not_allowed").refused_as(&told);
    // Another round, and another category, have room of their own; a free bet stakes nothing.
    let full = full.when(on("T4", "R2", "4")).applied();
    let free =
        PlaceBet { game_type: Some(commands::game_type("slots")), ..commands::free_bet("T5", "R1", "1") };
    let full = full.when(free).applied();
    let settled = full.win_bet("W1", "R1", "T1", "0").applied();
    let settled = settled.when(on("T6", "R1", "0.01")).rejected("stake_not_allowed");
    // What was called off makes room.
    let back =
        settled.rollback("B1", "T2").applied().when(on("T7", "R1", "2.01")).rejected("stake_not_allowed");
    let back = back.when(on("T8", "R1", "1")).applied();
    let _ = back.accounts(&[
        TEN,
        ("player:cash", "2.00"),
        ("player:held of prov/R1", "1.00"),
        ("player:held of prov/R2", "4.00"),
        ("gaming:stakes of game", "3.00"),
    ]);
    let young = player().when(commands::assign_profile("A1", Some("YOUNG"))).applied();
    let young = young.when(on("T1", "R1", "2")).applied().when(on("T2", "R1", "0.01"));
    let _ = young.rejected("stake_not_allowed").accounts(&[
        TEN,
        ("player:cash", "8.00"),
        ("player:held of prov/R1", "2.00"),
    ]);
    let mut crossed = policy.clone();
    for (range, code) in [("-1", "document_invalid"), ("5", "")] {
        crossed.default_jurisdiction.controls.stakes = round(range);
        let published = given_house("configuration").when(house_commands::publish_policy("P1", &crossed));
        let _ = if code.is_empty() { published.applied() } else { published.refused(code) };
    }
}

fn switched(switches: &[SourceSwitch]) -> Policy {
    let source = SourcePolicy { switches: switches.to_vec(), ..SourcePolicy::default() };
    Policy { sources: [(commands::source("prov"), source)].into(), ..Policy::default() }
}

#[test]
fn r36_a_source_that_is_switched_off_takes_nothing_new() {
    let rich = || given().cash("10.00").bet("T1", "R", "4").applied();
    let told = |switch| Rejection::SourceClosed { of: commands::source("prov"), switch };
    let off = rich().policy(switched(&[SourceSwitch::Maintenance])).bet("T2", "R", "1");
    let off = off.rejected("source_closed").refused_as(&told(SourceSwitch::Maintenance));
    let off = off.when(commands::tip("T3", "1")).rejected("source_closed");
    let off = off.when(commands::enter_tournament("T4", "1", "0")).rejected("source_closed");
    let off = off.when(commands::roll_out("T5", "1")).rejected("source_closed");
    let off = off.when(commands::start_session("S1")).rejected("source_closed");
    // Another source goes on, and so does what has begun.
    let other = PlaceBet { source: commands::source("prov2"), ..commands::bet("T6", "R6", "1") };
    let _ = off.when(other).applied().win_close("W1", "R", "1").applied().accounts(&[
        TEN,
        ("player:cash", "6.00"),
        ("player:held of prov2/R6", "1.00"),
        ("gaming:stakes of game", "4.00"),
        ("gaming:payouts of game", "1.00"),
    ]);
    let quiet = rich().policy(switched(&[SourceSwitch::NoNewSessions])).bet("T2", "R", "1").applied();
    let quiet = quiet.when(commands::start_session("S1")).rejected("source_closed");
    let _ = quiet.refused_as(&told(SourceSwitch::NoNewSessions));
}

#[test]
fn r36_where_bonuses_are_off_no_credits_are_staked_and_nothing_counts() {
    let player = |off: bool| -> Scenario {
        let policy = if off { switched(&[SourceSwitch::BonusesOff]) } else { Policy::default() };
        let some = given().cash("10.00").policy(policy).terms("welcome", commands::bonus_terms(10));
        some.when(commands::grant_bonus("A", "50")).applied()
    };
    let (on, off) = (player(false).bet("T1", "R", "4").applied(), player(true).bet("T1", "R", "4").applied());
    let _ = on.wagered("A", "4.00", "500.00");
    let off = off.wagered("A", "0.00", "500.00").bet("T2", "R", "6.01").rejected("insufficient_funds");
    let credits = PlaceBet { funds: Funds::Bonus, ..commands::bet("T3", "R", "1") };
    let off = off.when(credits).rejected("bonus_rule");
    let off = off.refused_as(&Rejection::BonusRule { rule: BonusRule::NotStakeable });
    let _ = off.accounts(&[
        TEN,
        ("player:cash", "6.00"),
        ("player:held of prov/R", "4.00"),
        ("bonus:issued of welcome", "50.00"),
        ("player:bonus of crm/A", "50.00"),
    ]);
}

#[test]
fn a_policy_whose_profiles_or_games_make_no_sense_is_not_published() {
    let publish =
        |policy: &Policy| given_house("configuration").when(house_commands::publish_policy("P1", policy));
    let some = with_profiles(&[("VIP_A", profile(&[rule(deposits(), "5")]))]);
    let _ = publish(&some).applied();
    let _ =
        publish(&with_profiles(&[("VIP_A", profile(&[rule(deposits(), "-5")]))])).refused("document_invalid");
    let windowless = LimitTerm { window: None, ..deposits() };
    let odd = LimitProfile {
        jurisdictions: [(jurisdiction("SE"), vec![rule(windowless, "5")])].into(),
        ..LimitProfile::default()
    };
    let _ = publish(&with_profiles(&[("VIP_A", odd)])).refused("document_invalid");
    let game = |min, max| with_game(GameRule { stakes: stakes(min, max), ..GameRule::default() }, false);
    let _ = publish(&game(Some("1"), Some("1"))).applied();
    let _ = publish(&game(Some("2"), Some("1"))).refused("document_invalid");
    let _ = publish(&game(None, Some("-1"))).refused("document_invalid");
    // Of the time of play some is left, and each window has one limit.
    let window = |basis| LimitWindow { period: LimitPeriod::Day, basis };
    let (rolling, calendar) = (window(LimitBasis::Rolling), window(LimitBasis::Calendar));
    for (rules, passes) in [
        (vec![(rolling, 60), (calendar, 60)], true),
        (vec![(rolling, 0)], false),
        (vec![(rolling, 60), (calendar, 60), (rolling, 90)], false),
    ] {
        let play_time: Vec<PlayTimeRule> =
            rules.into_iter().map(|(window, max_secs)| PlayTimeRule { window, max_secs }).collect();
        let of_profile = LimitProfile { play_time: play_time.clone(), ..LimitProfile::default() };
        let mut of_law = Policy::default();
        of_law.default_jurisdiction.controls.play_time = play_time;
        for policy in [with_profiles(&[("VIP_A", of_profile)]), of_law] {
            let published = publish(&policy);
            let _ = if passes { published.applied() } else { published.refused("document_invalid") };
        }
    }
    // What a version changed of them is told field by field.
    let content = |policy: &Policy| {
        let text = serde_json::to_string(policy).unwrap();
        DocumentContent::compact(&text).unwrap()
    };
    let changes = diff_documents(&content(&game(None, Some("1"))), &content(&game(None, Some("2"))));
    assert_eq!(changes.len(), 1);
}
