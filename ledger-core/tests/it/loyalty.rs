//! Loyalty points: earned by what was played, spent on bonuses, over after a time, corrected by two persons.

use ledger_core::stored::ExclusionKind;
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    AdjustPoints, AwardStatus, BonusTerms, EarnPoints, LoyaltyTerms, MismatchField, NotAllowedReason, Played,
    Policy, Rejection,
};

fn no(reason: NotAllowedReason) -> Rejection {
    Rejection::NotAllowed { reason }
}

fn with(terms: LoyaltyTerms) -> Scenario {
    let bonuses = [(commands::terms_name("welcome"), commands::bonus_terms(0))].into();
    let loyalty = [(commands::programme("gold"), terms)].into();
    given().policy(Policy { bonuses, loyalty, ..Policy::default() })
}

fn points(player: &Scenario) -> u64 {
    let rewards = player.ledger().state().rewards();
    rewards
        .and_then(|rewards| rewards.points(&commands::programme("gold")))
        .map_or(0, |points| points.balance)
}

fn month(from: &str, to: &str, stakes: &str) -> EarnPoints {
    let day = |day: &str| format!("{day}T00:00:00Z").parse().unwrap();
    let earn = commands::earn_points(&[("slots", stakes, "0")]);
    EarnPoints { played: Played { from: day(from), to: day(to), ..earn.played.clone() }, ..earn }
}

#[test]
fn points_are_earned_by_stakes_and_weights_and_rounded_down() {
    let mut terms = commands::loyalty_terms();
    terms.weights = [(commands::game_type("roulette"), commands::basis_points(2_000))].into();
    terms.others = Some(commands::basis_points(5_000));
    // 99.99 / 5 = 19.99 (19.998), 100.03 / 2 = 50.01 (50.015): 70.00 are seven points, and a cent less six.
    let earn = commands::earn_points(&[("roulette", "99.99", "5000"), ("slots", "100.03", "0")]);
    let earned = with(terms.clone()).when(earn.clone()).applied().records(&["points.earned"]);
    assert_eq!(points(&earned), 7);
    let again = earned.when(earn).replayed("applied").accounts(&[]);
    assert_eq!(points(&again), 7);
    let less = commands::earn_points(&[("roulette", "99.99", "0"), ("slots", "100.01", "0")]);
    assert_eq!(points(&with(terms).when(less).applied()), 6);
}

#[test]
fn a_period_earns_once() {
    let player = with(commands::loyalty_terms()).when(month("2025-11-01", "2025-12-01", "100")).applied();
    let counted = no(NotAllowedReason::PeriodCounted);
    for (from, to) in
        [("2025-11-02", "2025-12-01"), ("2025-11-30", "2026-01-01"), ("2025-10-01", "2025-10-02")]
    {
        let overlap = with(commands::loyalty_terms()).when(month("2025-11-01", "2025-12-01", "100"));
        let overlap = overlap.when(month(from, to, "100")).rejected("not_allowed").refused_as(&counted);
        assert_eq!(points(&overlap), 10);
    }
    let next = player.when(month("2025-12-01", "2026-01-01", "55")).applied();
    assert_eq!(points(&next), 15);
}

#[test]
fn points_become_a_bonus_and_nothing_else() {
    let player =
        with(commands::loyalty_terms()).when(commands::earn_points(&[("slots", "3500", "0")])).applied();
    let spent = player.when(commands::spend_points("S1", 300)).applied();
    // Terms that ask for no wagering make cash of it, by the one conversion there is.
    let spent =
        spent.records(&["entry.posted", "bonus.issued", "points.spent", "entry.posted", "bonus.converted"]);
    let cash = &[
        ("bonus:converted of welcome", "15.00"),
        ("bonus:cost of welcome", "15.00"),
        ("bonus:issued of welcome", "15.00"),
        ("player:cash", "15.00"),
    ];
    let spent = spent.award_is("S1", AwardStatus::Completed).accounts(cash);
    assert_eq!(points(&spent), 50);
    let again = spent.when(commands::spend_points("S1", 300)).replayed("applied").accounts(cash);
    let short = again.when(commands::spend_points("S2", 100)).refused_as(&no(NotAllowedReason::PointsShort));
    for odd in [0, 50, 150, u64::MAX] {
        let player = with(commands::loyalty_terms()).when(commands::earn_points(&[("slots", "3500", "0")]));
        let part = Rejection::Mismatch { field: MismatchField::Points };
        assert_eq!(
            points(&player.when(commands::spend_points("S1", odd)).refused_as(&part).accounts(&[])),
            350
        );
    }
    assert_eq!(points(&short.accounts(cash)), 50);
}

#[test]
fn who_may_not_play_spends_nothing() {
    let player =
        with(commands::loyalty_terms()).when(commands::earn_points(&[("slots", "1000", "0")])).applied();
    let away = player.when(commands::exclude("X1", ExclusionKind::SelfExclusion, None)).applied();
    let refused = away.when(commands::spend_points("S1", 100)).rejected("player_excluded").accounts(&[]);
    assert_eq!(points(&refused), 100);
}

#[test]
fn points_that_nobody_touches_are_over() {
    let terms = || LoyaltyTerms { expires_after_secs: Some(60), ..commands::loyalty_terms() };
    let player = || with(terms()).when(commands::earn_points(&[("slots", "1000", "0")])).applied();
    let early = player().after_secs(30).when(commands::expire_points("E1"));
    let _ = early.refused_as(&no(NotAllowedReason::NotExpired));
    // They cannot be spent from that time on, whether a timer came or not.
    let late = player().after_secs(90).when(commands::spend_points("S1", 100));
    let late =
        late.refused_as(&no(NotAllowedReason::PointsShort)).when(commands::expire_points("E1")).applied();
    assert_eq!(points(&late.records(&["points.expired"])), 0);
    // New ones do not bring them back.
    let more = player().after_secs(90).when(commands::adjust_points("A1", 5)).applied();
    let more = more.records(&["points.expired", "points.adjusted"]).accounts(&[]);
    assert_eq!(points(&more), 5);
    // What is touched lives on.
    let alive = player().after_secs(40).when(commands::adjust_points("A1", 5)).applied().after_secs(40);
    assert_eq!(points(&alive.when(commands::spend_points("S1", 100)).applied()), 5);
}

#[test]
fn two_persons_correct_points() {
    let player = with(commands::loyalty_terms()).when(commands::adjust_points("A1", 20)).applied();
    let alone = AdjustPoints { approved_by: commands::person("anna"), ..commands::adjust_points("A2", 5) };
    let player = player.when(alone).refused_as(&no(NotAllowedReason::SamePerson));
    let player =
        player.when(commands::adjust_points("A3", -21)).refused_as(&no(NotAllowedReason::PointsShort));
    let player = player.when(commands::adjust_points("A4", -20)).applied();
    assert_eq!(points(&player.accounts(&[])), 0);
    let unknown = given().when(commands::adjust_points("A1", 1));
    let _ = unknown.refused_as(&no(NotAllowedReason::ProgrammeUnknown));
}

#[test]
fn what_a_cashback_gave_for_it_does_not_give_for_again() {
    let named = |amount: &str| [(commands::currency("EUR"), amount.parse().unwrap())].into();
    let reward = ledger_core::Reward::Cashback {
        of: ledger_core::CashbackOf::Ggr,
        rates: [].into(),
        others: Some(commands::basis_points(1_000)),
        least: [].into(),
        most: named("100.00"),
    };
    let terms = BonusTerms { reward, ..commands::bonus_terms(0) };
    let grant = |id: &str, from: &str, to: &str| {
        let day = |day: &str| format!("{day}T00:00:00Z").parse().unwrap();
        let played = commands::played(&[("slots", "100", "40")], "0");
        let played = Some(Played { from: day(from), to: day(to), ..played });
        ledger_core::GrantBonus { amount: None, played, ..commands::grant_bonus(id, "1") }
    };
    let given = given().terms("welcome", terms).when(grant("A", "2025-12-01", "2025-12-08")).applied();
    let cash = &[
        ("bonus:converted of welcome", "6.00"),
        ("bonus:cost of welcome", "6.00"),
        ("bonus:issued of welcome", "6.00"),
        ("player:cash", "6.00"),
    ];
    // The same week under another id, and one that reaches into it.
    let again = given.when(grant("B", "2025-12-01", "2025-12-08"));
    let again = again.refused_as(&no(NotAllowedReason::PeriodCounted)).accounts(cash);
    let again = again.when(grant("C", "2025-12-07", "2025-12-14"));
    let again = again.refused_as(&no(NotAllowedReason::PeriodCounted)).accounts(cash);
    let _ = again.when(grant("D", "2025-12-08", "2025-12-15")).applied();
}

#[test]
fn i27_points_that_nobody_gave() {
    use ledger_core::stored::Event;
    use ledger_core::testing::invariants::i27_points_add_up;
    let player = with(commands::loyalty_terms()).when(month("2025-11-01", "2025-12-01", "1000")).applied();
    let player = player.when(month("2025-12-01", "2026-01-01", "50")).applied();
    let player = player.when(commands::spend_points("S1", 100)).applied();
    let (commits, live) = (player.ledger().commits().to_vec(), player.ledger().state());
    i27_points_add_up(&commits, live).unwrap();
    let caught = |plant: &dyn Fn(&mut Event)| {
        let mut planted = commits.clone();
        planted.iter_mut().flat_map(|body| &mut body.events).for_each(|record| plant(&mut record.event));
        let violation = i27_points_add_up(&planted, live).expect_err("the planted bug was not noticed");
        assert!(violation.starts_with("I27"), "{violation}");
    };
    caught(&|event| {
        if let Event::PointsSpent(spent) = event {
            spent.points = 0;
        }
    });
    caught(&|event| {
        if let Event::PointsEarned(earned) = event {
            earned.base.from = "2025-11-15T00:00:00Z".parse().unwrap();
        }
    });
    let fewer = commits.iter().take(commits.len() - 1).cloned().collect::<Vec<_>>();
    i27_points_add_up(&fewer, live).expect_err("points are live that the log has spent");
}
