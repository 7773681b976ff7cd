//! Limits on what a player deposits, stakes and loses: D.2, S106, S109 and D06 in docs/scenarios.md.

use ledger_core::stored::{
    Event, LimitBasis, LimitCause, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow,
};
use ledger_core::testing::{Scenario, TestLedger, commands, given, given_nobody};
use ledger_core::{
    ControlPolicy, JurisdictionId, JurisdictionProfile, LIMITS_MAX, Limit, LimitRule, OpenPlayer,
    PlayerState, Policy, Rejection, SetLimit,
};

use LimitBasis::{Anniversary, Calendar, Rolling};
use LimitKind::{Deposit, Loss, NetDeposit, NetLoss, Stake};
use LimitPeriod::{Day, Month, Week};

const HOUR: u32 = 3_600;

fn day(kind: LimitKind) -> LimitTerm {
    commands::term(kind, Day, Rolling)
}

/// What is told of a limit that would be passed.
fn exceeded(term: LimitTerm, side: LimitSide, left: &str) -> Rejection {
    Rejection::LimitExceeded {
        limit: Limit::Protection { kind: term.kind, window: term.window, side },
        left: Some(left.parse().unwrap()),
    }
}

fn used(ledger: &TestLedger, term: LimitTerm) -> String {
    let counter = ledger.state().controls().and_then(|controls| controls.counter(&term));
    counter.expect("a counter").used(ledger_core::CountedFunds::OwnMoney, ledger.now()).to_string()
}

trait Limited {
    fn limit(self, id: &str, term: LimitTerm, amount: &str) -> Self;
    fn uses(self, term: LimitTerm, amount: &str) -> Self;
    fn passes(self, term: LimitTerm, left: &str) -> Self;
}

impl Limited for Scenario {
    fn limit(self, id: &str, term: LimitTerm, amount: &str) -> Self {
        self.when(commands::limit(id, term, amount)).applied()
    }

    fn uses(self, term: LimitTerm, amount: &str) -> Self {
        assert_eq!(used(self.ledger(), term), amount, "{term:?}");
        self
    }

    /// The last command was refused, for it would pass the player's own limit.
    fn passes(self, term: LimitTerm, left: &str) -> Self {
        self.rejected("limit_exceeded").refused_as(&exceeded(term, LimitSide::Player, left))
    }
}

/// A policy that keeps limits in some way.
fn keeping(controls: ControlPolicy) -> Policy {
    let default_jurisdiction = JurisdictionProfile { controls, ..JurisdictionProfile::default() };
    Policy { default_jurisdiction, ..Policy::default() }
}

/// A deposit that is started and captured.
fn deposited(scenario: Scenario, id: &str, amount: &str) -> Scenario {
    let started = scenario.when(commands::initiate(id, amount)).applied();
    started.when(commands::capture(&format!("C-{id}"), id, amount)).applied()
}

#[test]
fn r01_a_rolling_window_lets_go_of_what_is_a_day_old() {
    let ten_oclock = given().limit("L1", day(Deposit), "100").after_secs(10 * HOUR);
    let before = deposited(ten_oclock, "I1", "60").after_secs(24 * HOUR - 60);
    let _ = before
        .clone()
        .when(commands::initiate("I2", "50"))
        .passes(day(Deposit), "40.00")
        .when(commands::initiate("I3", "40"))
        .applied();
    // At ten o'clock the 60 leave the window, not a moment before.
    let _ = before.clone().after_secs(59).when(commands::initiate("I2", "50")).passes(day(Deposit), "40.00");
    let _ = before
        .after_secs(60)
        .uses(day(Deposit), "0.00")
        .when(commands::initiate("I2", "100"))
        .applied()
        .accounts(&[("psp:clearing of psp", "60.00"), ("player:cash", "60.00")]);
}

#[test]
fn r01_what_is_counted_together_leaves_when_the_last_of_it_does() {
    let two = given().cash("100").limit("L1", day(Stake), "50").bet("T1", "R1", "10").after_secs(1_799);
    let two = two.bet("T2", "R2", "20").applied().after_secs(1).bet("T3", "R3", "5").applied();
    // Half an hour after the first another bucket begins.
    let near = two.after_secs(24 * HOUR - 1_800).uses(day(Stake), "35.00").after_secs(1_798);
    let _ = near
        .uses(day(Stake), "35.00")
        .after_secs(1)
        .uses(day(Stake), "5.00")
        .after_secs(1)
        .uses(day(Stake), "0.00");
    // Wins that are counted with others leave when the first does: never to the player's advantage.
    let won = given().cash("100").limit("L1", day(NetLoss), "50").bet("T1", "R1", "10").after_secs(60);
    let won = won.win_close("W1", "R1", "30").uses(day(NetLoss), "-20.00").after_secs(24 * HOUR - 60);
    let _ = won.uses(day(NetLoss), "10.00").after_secs(60).uses(day(NetLoss), "0.00");
}

#[test]
fn rolling_windows_of_weeks_and_months_have_their_length() {
    for (period, days) in [(Week, 7), (Month, 31)] {
        let term = commands::term(Stake, period, Rolling);
        let bet = given().cash("100").limit("L1", term, "50").bet("T1", "R1", "30").applied();
        let last = bet.after_secs(days * 24 * HOUR - 1).uses(term, "30.00").bet("T2", "R2", "21");
        let _ = last.passes(term, "20.00").after_secs(1).bet("T3", "R3", "50").applied();
    }
}

#[test]
fn windows_stay_few_whatever_is_played() {
    for (period, step, most) in [(Day, 305, 50), (Week, 2_100, 50), (Month, 9_300, 50)] {
        let term = commands::term(Stake, period, Rolling);
        let mut ledger = given().cash("100").limit("L1", term, "1000000").ledger().clone();
        for n in 0..300 {
            ledger.advance_secs(step);
            let (id, round) = (format!("T{n}"), format!("R{n}"));
            let bet = commands::bet(&id, &round, "0.01");
            assert_eq!(ledger.execute(&bet.into()).unwrap().outcome.text(), "applied");
            ledger.execute(&commands::close(&format!("C{n}"), &round).into()).unwrap();
        }
        let counter = ledger.state().controls().unwrap().counter(&term).unwrap();
        assert!(counter.buckets.len() <= most, "{period:?}: {}", counter.buckets.len());
    }
}

#[test]
fn r04_a_month_to_the_day_begins_again_on_the_day_it_began() {
    // 31 January, 12 o'clock.
    let term = commands::term(Deposit, Month, Anniversary);
    let set = given().after_secs(30 * 24 * HOUR + 12 * HOUR).limit("L1", term, "100");
    let full = deposited(set, "I1", "100");
    let last = full.after_secs(28 * 24 * HOUR - 1).when(commands::initiate("I2", "1")).passes(term, "0.00");
    // 28 February, 12 o'clock.
    let next = last.after_secs(1).when(commands::initiate("I3", "100")).applied();
    let next = next.records(&["limit.windows_opened", "cashier.deposit.initiated", "limit.warned"]);
    let next = next.when(commands::capture("C3", "I3", "100")).applied();
    // And 31 March, an hour earlier in UTC: clocks have changed.
    let _ = next
        .after_secs(31 * 24 * HOUR - HOUR - 1)
        .when(commands::initiate("I4", "1"))
        .passes(term, "0.00")
        .after_secs(1)
        .when(commands::initiate("I5", "1"))
        .applied();
}

#[test]
fn r05_a_deposit_under_way_counts() {
    let _ = given()
        .limit("L1", day(Deposit), "100")
        .when(commands::initiate("I1", "60"))
        .applied()
        .when(commands::initiate("I2", "50"))
        .passes(day(Deposit), "40.00")
        .when(commands::initiate("I3", "40"))
        .applied()
        .accounts(&[]);
    // Whenever it was started: it is to come.
    let _ = given()
        .when(commands::initiate("I1", "60"))
        .limit("L1", day(Deposit), "100")
        .after_secs(48 * HOUR)
        .when(commands::initiate("I2", "50"))
        .passes(day(Deposit), "40.00");
}

#[test]
fn r06_a_deposit_that_failed_counts_no_more() {
    let started = given().limit("L1", day(Deposit), "100").when(commands::initiate("I1", "60")).applied();
    let ends: [ledger_core::PlayerCommand; 3] = [
        commands::fail("F1", "I1").into(),
        commands::cancel_deposit("F1", "I1").into(),
        commands::expire_deposit("F1", "I1").into(),
    ];
    for end in ends {
        let ended = started.clone().after_secs(86_400).when(end).applied();
        let _ = ended.when(commands::initiate("I2", "100")).applied().accounts(&[]);
    }
}

#[test]
fn d06_a_deposit_above_the_limit_is_refused_when_it_is_started() {
    let limited = given().limit("L1", day(Deposit), "100").when(commands::initiate("I1", "100.01"));
    let refused = limited.passes(day(Deposit), "100.00").accounts(&[]);
    // Its key is used up by the refusal.
    let refused = refused.when(commands::initiate("I1", "100.01")).replayed("rejected:limit_exceeded");
    // Money that a provider captured all the same is the player's; it counts.
    let _ = refused
        .when(commands::deposit("D1", "150"))
        .applied()
        .uses(day(Deposit), "150.00")
        .when(commands::initiate("I2", "0.01"))
        .passes(day(Deposit), "0.00")
        .accounts(&[("psp:clearing of psp", "150.00"), ("player:cash", "150.00")]);
}

#[test]
fn a_refund_gives_back_to_the_window_that_its_deposit_was_counted_in() {
    let two =
        given().limit("L1", day(Deposit), "100").when(commands::deposit("D1", "60")).after_secs(12 * HOUR);
    let two = two.when(commands::deposit("D2", "30")).uses(day(Deposit), "90.00");
    let back = two.when(commands::refund_part("F1", "D1", "20")).applied().uses(day(Deposit), "70.00");
    let later = back.after_secs(12 * HOUR).uses(day(Deposit), "30.00");
    // The window of the first deposit is over: nothing is given back to that of the second.
    let _ = later
        .when(commands::refund_part("F2", "D1", "40"))
        .applied()
        .uses(day(Deposit), "30.00")
        .accounts(&[("psp:clearing of psp", "30.00"), ("player:cash", "30.00")]);
    // A chargeback is no refund: the player did deposit.
    let charged = given().limit("L1", day(Deposit), "100").when(commands::deposit("D1", "60"));
    let _ = charged.when(commands::chargeback("B1", "D1", "60")).applied().uses(day(Deposit), "60.00");
}

#[test]
fn r07_of_two_windows_the_one_with_least_left_counts() {
    let week = commands::term(Deposit, Week, Rolling);
    let both = given().limit("L1", day(Deposit), "100").limit("L2", week, "150");
    let used = deposited(deposited(both, "I1", "45").after_secs(24 * HOUR), "I2", "45").after_secs(24 * HOUR);
    let today = used.uses(day(Deposit), "0.00").uses(week, "90.00");
    let _ = today
        .when(commands::initiate("I3", "60.01"))
        .passes(week, "60.00")
        .when(commands::initiate("I4", "60"))
        .applied();
}

#[test]
fn r11_a_free_bet_counts_nothing_and_a_stake_that_is_owed_does() {
    let free = commands::free_bet("T1", "R1", "50");
    let limited = given().cash("5").limit("L1", day(Stake), "10").limit("L2", commands::single_bet(), "8");
    let limited = limited.when(free).applied().uses(day(Stake), "0.00");
    let mut owing = commands::bet("T2", "R2", "7");
    owing.flags.negative_debit = Some(true);
    let _ = limited
        .when(owing)
        .applied()
        .uses(day(Stake), "7.00")
        .bet("T3", "R3", "4")
        .passes(day(Stake), "3.00");
}

#[test]
fn r13_a_lower_limit_holds_at_once() {
    let used = deposited(given().limit("L1", day(Deposit), "100"), "I1", "70");
    let lower = used.limit("L2", day(Deposit), "50").records(&["limit.set"]).uses(day(Deposit), "70.00");
    let lower = lower.when(commands::initiate("I2", "0.01")).passes(day(Deposit), "0.00");
    let Some(Event::LimitSet(set)) = lower
        .ledger()
        .events()
        .map(|record| &record.event)
        .filter(|event| matches!(event, Event::LimitSet(_)))
        .last()
    else {
        panic!("no limit was set")
    };
    assert_eq!(set.cause, LimitCause::Set);
    assert_eq!((set.previous, set.amount), (Some("100.00".parse().unwrap()), Some("50.00".parse().unwrap())));
    let _ = lower.after_secs(24 * HOUR).when(commands::initiate("I3", "50")).applied();
}

#[test]
fn r14_a_higher_limit_comes_after_its_time_and_a_confirmation() {
    let term = day(Stake);
    let confirm = |id: &str| commands::confirm_limit(id, term);
    let asked = given().cash("1000").limit("L1", term, "50").when(commands::limit("L2", term, "100"));
    let asked = asked.applied().records(&["limit.raise_requested"]);
    let before = asked.after_secs(24 * HOUR - 1).bet("T1", "R1", "50.01").passes(term, "50.00");
    let before = before.when(confirm("K1")).rejected("not_allowed");
    let due = before.after_secs(1).bet("T2", "R2", "50.01").passes(term, "50.00");
    let confirmed = due.when(confirm("K2")).applied().records(&["limit.set"]);
    let _ = confirmed
        .when(confirm("K2"))
        .replayed("applied")
        .when(confirm("K3"))
        .rejected("not_allowed")
        .bet("T3", "R3", "100")
        .applied()
        .accounts(&[
            ("psp:clearing of psp", "1000.00"),
            ("player:cash", "900.00"),
            ("player:held of prov/R3", "100.00"),
        ]);
}

#[test]
fn r14_a_limit_is_lifted_as_it_is_raised() {
    let term = day(Stake);
    let asked = given().cash("1000").limit("L1", term, "50").when(commands::no_limit("L2", term)).applied();
    let asked = asked.after_secs(24 * HOUR).bet("T1", "R1", "60").passes(term, "50.00");
    let lifted = asked.when(commands::confirm_limit("K1", term)).applied().bet("T2", "R2", "600").applied();
    assert_eq!(lifted.ledger().state().controls().unwrap().limits(), []);
    assert_eq!(lifted.ledger().state().controls().unwrap().counters(), []);
    let _ = lifted
        .when(commands::no_limit("L3", term))
        .noop()
        .records(&["txn.noted"])
        .when(commands::confirm_limit("K2", term))
        .rejected("not_allowed");
}

#[test]
fn r14_without_a_confirmation_it_comes_by_itself() {
    let policy = keeping(ControlPolicy {
        raise_after_secs: 7 * 86_400,
        raise_needs_confirmation: false,
        ..ControlPolicy::DEFAULT
    });
    let (term, single) = (day(Stake), commands::single_bet());
    let asked = given().cash("1000").policy(policy).limit("L1", term, "50").limit("L2", single, "50");
    let asked = asked.limit("L3", term, "100").when(commands::no_limit("L4", single)).applied();
    let before = asked.after_secs(7 * 24 * HOUR - 1).bet("T1", "R1", "51").rejected("limit_exceeded");
    let after = before.after_secs(1).bet("T2", "R2", "80").applied();
    let _ = after
        .records(&["limit.set", "limit.set", "entry.posted", "bet.placed"])
        .when(commands::confirm_limit("K1", term))
        .rejected("not_allowed")
        .bet("T3", "R3", "21")
        .passes(term, "20.00");
}

#[test]
fn r14_in_sweden_the_running_window_must_be_over_too() {
    let sweden = OpenPlayer {
        jurisdiction: JurisdictionId::new("SE").unwrap(),
        zone: "Europe/Stockholm".to_owned(),
        ..commands::open(&["EUR"])
    };
    let week = commands::term(Stake, Week, Calendar);
    // Sunday 4 January 2026, midnight in Stockholm: the week ends in 24 hours.
    let start = given_nobody().when(sweden).applied().cash("1000").after_secs(3 * 24 * HOUR - HOUR);
    let asked = start.clone().limit("L1", week, "50").limit("L2", week, "100");
    let before = asked.after_secs(72 * HOUR - 1).bet("T1", "R1", "51").rejected("limit_exceeded");
    let _ = before.after_secs(1).bet("T2", "R2", "51").applied();
    // Asked for on Monday, it comes with the next week and not after 72 hours.
    let asked = start.after_secs(24 * HOUR).limit("L1", week, "50").limit("L2", week, "100");
    let before = asked.after_secs(7 * 24 * HOUR - 1).bet("T1", "R1", "51").rejected("limit_exceeded");
    let _ = before.after_secs(1).bet("T2", "R2", "51").applied();
}

#[test]
fn r15_a_lower_limit_takes_back_a_raise_that_waits() {
    let term = day(Stake);
    let asked = given().cash("1000").limit("L1", term, "50").limit("L2", term, "100");
    for lower in ["40", "50"] {
        let lowered = asked.clone().limit("L3", term, lower).records(&["limit.set"]).after_secs(24 * HOUR);
        let gone = lowered.when(commands::confirm_limit("K1", term)).rejected("not_allowed");
        let _ = gone.bet("T1", "R1", "50.01").passes(term, &format!("{lower}.00"));
    }
    // Who asks again waits again.
    let again = asked.after_secs(23 * HOUR).limit("L3", term, "80").after_secs(HOUR);
    let again = again.when(commands::confirm_limit("K1", term)).rejected("not_allowed").after_secs(23 * HOUR);
    let _ =
        again.when(commands::confirm_limit("K2", term)).applied().bet("T1", "R1", "81").passes(term, "80.00");
}

#[test]
fn r21_of_two_bets_at_the_edge_of_a_limit_one_passes() {
    let _ = given()
        .cash("100")
        .limit("L1", day(Loss), "50")
        .bet("T1", "R1", "30")
        .applied()
        .bet("T2", "R2", "30")
        .passes(day(Loss), "20.00")
        .accounts(&[
            ("psp:clearing of psp", "100.00"),
            ("player:cash", "70.00"),
            ("player:held of prov/R1", "30.00"),
        ]);
    // Also within one batch, where neither passes then.
    let both = [commands::bet("T1", "R1", "30").into(), commands::bet("T2", "R2", "30").into()];
    let _ = given()
        .cash("100")
        .limit("L1", day(Loss), "50")
        .when(commands::batch(both.to_vec()))
        .came_to_rejected("limit_exceeded")
        .accounts(&[("psp:clearing of psp", "100.00"), ("player:cash", "100.00")]);
}

trait CameTo {
    fn came_to_rejected(self, code: &str) -> Self;
}

impl CameTo for Scenario {
    fn came_to_rejected(self, code: &str) -> Self {
        assert_eq!(self.answer().outcome.text(), format!("rejected:{code}"));
        self
    }
}

#[test]
fn s106_a_bet_beyond_the_loss_limit_is_refused() {
    let term = commands::term(Loss, Day, Calendar);
    let lost = given()
        .cash("100")
        .limit("L1", term, "50")
        .bet("T1", "R1", "40")
        .close("C1", "R1")
        .uses(term, "40.00");
    let refused = lost.bet("T2", "R2", "10.01").passes(term, "10.00");
    let refused = refused.bet("T2", "R2", "10.01").replayed("rejected:limit_exceeded");
    let _ = refused.bet("T3", "R3", "10").applied().accounts(&[
        ("psp:clearing of psp", "100.00"),
        ("player:cash", "50.00"),
        ("player:held of prov/R3", "10.00"),
        ("gaming:stakes of game", "40.00"),
    ]);
}

#[test]
fn a_limit_on_losses_never_leaves_more_than_itself_one_on_net_losses_does() {
    let win = |kind| {
        let won = given().cash("100").limit("L1", day(kind), "50").bet("T1", "R1", "10");
        won.win_close("W1", "R1", "110").uses(day(kind), if kind == Loss { "0.00" } else { "-100.00" })
    };
    let _ = win(Loss).bet("T2", "R2", "50.01").passes(day(Loss), "50.00").bet("T3", "R3", "50").applied();
    let _ = win(NetLoss)
        .bet("T2", "R2", "150.01")
        .passes(day(NetLoss), "150.00")
        .bet("T3", "R3", "150")
        .applied();
}

#[test]
fn a_single_bet_has_its_own_limit() {
    let term = commands::single_bet();
    let limited = given().cash("100").limit("L1", term, "5").bet("T1", "R", "5.01").passes(term, "5.00");
    let limited = limited.bet("T2", "R", "5").applied().bet("T3", "R", "5").applied();
    let _ = limited.records(&["entry.posted", "bet.placed"]).when(commands::roll_out("O1", "50")).applied();
}

#[test]
fn r22_of_two_sides_the_lower_counts() {
    let operator = |id: &str, amount: &str| SetLimit {
        side: LimitSide::Operator,
        by: Some(commands::person("anna")),
        ..commands::limit(id, day(Stake), amount)
    };
    let both = given().cash("100").limit("L1", day(Stake), "50").when(operator("L2", "30")).applied();
    let told = exceeded(day(Stake), LimitSide::Operator, "30.00");
    let both = both.bet("T1", "R1", "30.01").rejected("limit_exceeded").refused_as(&told);
    let both = both.bet("T2", "R2", "30").applied();
    // The operator may raise his own at once.
    let raised = both.when(operator("L3", "80")).applied().records(&["limit.set"]);
    let _ = raised.bet("T3", "R3", "20.01").passes(day(Stake), "20.00");
}

#[test]
fn r22_the_jurisdictions_limit_holds_from_the_first_bet() {
    let rule = |amount: &str| LimitRule {
        term: commands::term(Deposit, Month, Calendar),
        amount: commands::decimal(amount),
    };
    let policy = |limits| keeping(ControlPolicy { limits, ..ControlPolicy::DEFAULT });
    let term = rule("0").term;
    let told = |left: &str| exceeded(term, LimitSide::Jurisdiction, left);
    // Of two rules on the same the later counts.
    let held =
        given().policy(policy(vec![rule("5"), rule("1000")])).when(commands::initiate("I1", "1000.01"));
    let held = held.rejected("limit_exceeded").refused_as(&told("1000.00"));
    let held = held.when(commands::initiate("I2", "600")).applied();
    let held = held.records(&["limit.set", "cashier.deposit.initiated"]);
    let held = held.when(commands::capture("C2", "I2", "600")).applied();
    let held =
        held.when(commands::initiate("I3", "401")).rejected("limit_exceeded").refused_as(&told("400.00"));
    // What the player sets may be lower, and cannot be higher.
    let own = held.clone().limit("L1", term, "5000").when(commands::initiate("I4", "401"));
    let own = own.rejected("limit_exceeded").refused_as(&told("400.00")).limit("L2", term, "700");
    let _ = own.when(commands::initiate("I5", "101")).passes(term, "100.00");
    // A new policy is followed with the next command, and what was counted stays.
    let more =
        held.clone().policy(policy(vec![rule("1500")])).when(commands::initiate("I4", "900")).applied();
    let _ = more.records(&["limit.set", "cashier.deposit.initiated", "limit.warned"]);
    let none = held.policy(policy(Vec::new())).when(commands::initiate("I4", "5000")).applied();
    let none = none.records(&["limit.set", "cashier.deposit.initiated"]);
    assert_eq!(none.ledger().state().controls().unwrap().limits(), []);
}

#[test]
fn r23_nobody_but_the_player_changes_his_limit() {
    let set = |side| SetLimit {
        side,
        by: Some(commands::person("anna")),
        ..commands::limit("L2", day(Stake), "500")
    };
    let own = given().cash("1000").limit("L1", day(Stake), "50");
    let raised = own.clone().when(set(LimitSide::Operator)).applied().bet("T1", "R1", "51");
    let _ = raised.passes(day(Stake), "50.00");
    // The limits of the policy are the policy's.
    let _ = own.when(set(LimitSide::Jurisdiction)).rejected("not_allowed");
}

#[test]
fn r25_a_replay_counts_nothing() {
    let term = day(Loss);
    let once = given().cash("100").limit("L1", term, "50").bet("T1", "R1", "30").uses(term, "30.00");
    let again = once.bet("T1", "R1", "30").replayed("applied").uses(term, "30.00");
    let won =
        again.win_close("W1", "R1", "10").win_close("W1", "R1", "10").replayed("applied").uses(term, "20.00");
    let _ = won.bet("T2", "R2", "30").applied().bet("T1", "R1", "30").replayed("applied").uses(term, "50.00");
    let deposits = given().limit("L1", day(Deposit), "100");
    let deposits = deposited(deposits, "I1", "60").when(commands::initiate("I1", "60")).replayed("applied");
    let _ =
        deposits.when(commands::capture("C-I1", "I1", "60")).replayed("applied").uses(day(Deposit), "60.00");
}

#[test]
fn s109_a_bet_that_comes_near_a_limit_is_told_once() {
    let term = day(Stake);
    let near = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "89.99").applied();
    let near = near.records(&["entry.posted", "bet.placed"]).bet("T2", "R2", "0.01").applied();
    let near = near.records(&["entry.posted", "bet.placed", "limit.warned"]);
    let Some(Event::LimitWarned(warned)) = near.ledger().events().map(|record| &record.event).last() else {
        panic!("nobody was warned")
    };
    assert_eq!(
        (warned.amount.to_string(), warned.used.to_string()),
        ("100.00".to_owned(), "90.00".to_owned())
    );
    assert_eq!((warned.side, warned.txn.id.as_str()), (LimitSide::Player, "T2"));
    // Once is enough, until he is below again.
    let near = near.bet("T3", "R3", "5").applied().records(&["entry.posted", "bet.placed"]);
    let below = near.rollback("X1", "T1").applied().bet("T4", "R4", "85").applied();
    let _ = below.records(&["entry.posted", "bet.placed", "limit.warned"]);
    // Where the policy wants none there is none.
    let never = keeping(ControlPolicy { warn_at_percent: 0, ..ControlPolicy::DEFAULT });
    let never = given().cash("1000").policy(never).limit("L1", term, "100").bet("T1", "R1", "100");
    let _ = never.applied().records(&["entry.posted", "bet.placed"]);
    // What goes to play elsewhere, and deposits, are told too.
    let away = given().cash("1000").limit("L1", term, "100").when(commands::roll_out("O1", "95"));
    let _ = away.records(&["entry.posted", "transfer.rolled_out", "limit.warned"]);
}

#[test]
fn what_is_left_is_told_of_the_lowest_limit() {
    let operator = |id: &str, term, amount: &str| SetLimit {
        side: LimitSide::Operator,
        ..commands::limit(id, term, amount)
    };
    let week = commands::term(Stake, Week, Calendar);
    let some = given().cash("100").limit("L1", day(Stake), "50").when(operator("L2", day(Stake), "40"));
    let some = some.limit("L3", week, "45").bet("T1", "R1", "36").applied();
    let ledger = some.ledger();
    let left = ledger.state().limits_left(ledger.policy(), ledger.now());
    let told: Vec<_> =
        left.iter().map(|left| (left.term, left.side, left.left.to_string(), left.is_near)).collect();
    assert_eq!(
        told,
        [
            (day(Stake), LimitSide::Operator, "4.00".to_owned(), true),
            (week, LimitSide::Player, "9.00".to_owned(), false),
        ]
    );
}

// What is undone is given back to the window it was counted in.

#[test]
fn an_undone_bet_gives_back_to_its_own_window() {
    let two = |term| {
        let first = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "30").after_secs(13 * HOUR);
        first.bet("T2", "R2", "20").applied().uses(term, "50.00")
    };
    let undo = |scenario: Scenario| {
        let voids = commands::void_settled_bet("V1", "R1", "T1");
        [
            scenario.clone().rollback("X1", "T1").applied(),
            scenario.clone().void_bet("X1", "R1", "T1").applied(),
            scenario.clone().void_round("X1", "R1").applied(),
            scenario.clone().when(voids.clone()).applied(),
            scenario.close("C1", "R1").applied().when(voids).applied(),
        ]
    };
    for term in [day(Stake), day(Loss), day(NetLoss)] {
        for undone in undo(two(term)) {
            let _ = undone.uses(term, "20.00").after_secs(11 * HOUR).uses(term, "20.00");
        }
        // Where its window is over there is nothing to give back.
        for undone in undo(two(term).after_secs(11 * HOUR)) {
            let _ = undone.uses(term, "20.00");
        }
    }
    // The same of windows of the calendar: 13 o'clock, and the next day at 2.
    let term = commands::term(Loss, Day, Calendar);
    let set = given().cash("1000").after_secs(13 * HOUR).limit("L1", term, "100");
    let next_day = set.bet("T1", "R1", "30").after_secs(13 * HOUR).bet("T2", "R2", "20").uses(term, "20.00");
    for undone in undo(next_day) {
        let _ = undone.uses(term, "20.00");
    }
}

#[test]
fn parts_of_stakes_give_back_and_cash_outs_count_as_wins() {
    let term = day(Loss);
    let bet = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "30").after_secs(60);
    let part = commands::rollback_part("X1", "T1", "10");
    let bet = bet.when(part).applied().uses(term, "20.00");
    let sold = bet.when(commands::cash_out("O1", "R1", "T1", "12")).applied().uses(term, "8.00");
    // A settled bet that is open again is lost again, as far as limits go.
    let _ = sold.when(commands::unsettle("U1", "R1", "T1")).applied().uses(term, "20.00");
}

#[test]
fn an_undone_win_is_taken_from_its_own_window() {
    let term = day(NetLoss);
    let won = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "30").win_close("W1", "R1", "25");
    let later = won.uses(term, "5.00").after_secs(13 * HOUR).bet("T2", "R2", "20").uses(term, "25.00");
    let _ = later.clone().rollback_win("X1", "W1").applied().uses(term, "50.00");
    // Its window is over, and so is that of its bet.
    let over = later.after_secs(11 * HOUR).uses(term, "20.00").rollback_win("X1", "W1").applied();
    let _ = over.uses(term, "20.00");
}

#[test]
fn a_late_win_counts_when_it_is_paid() {
    let term = commands::term(NetLoss, Day, Calendar);
    let open = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "30").uses(term, "30.00");
    let won = open.after_secs(24 * HOUR).win_close("W1", "R1", "50").applied();
    let won = won.records(&["limit.windows_opened", "entry.posted", "bet.settled", "round.closed"]);
    let _ = won.uses(term, "-50.00").bet("T2", "R2", "150").applied();
}

#[test]
fn a_corrected_result_is_counted_where_it_was() {
    let term = day(NetLoss);
    let won = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "30").win_close("W1", "R1", "25");
    let later = won.after_secs(13 * HOUR).bet("T2", "R2", "20").uses(term, "25.00");
    for (amount, used) in [("40", "10.00"), ("5", "45.00"), ("0", "50.00")] {
        let corrected = later.clone().when(commands::resettle("K1", "R1", amount)).applied().uses(term, used);
        // It leaves with the window of the win.
        let _ = corrected.after_secs(11 * HOUR).uses(term, "20.00");
    }
    // What was lost and is won now counts from now on.
    let lost = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "30").close("C1", "R1");
    let lost = lost.after_secs(13 * HOUR).when(commands::resettle("K1", "R1", "40")).applied();
    let _ = lost.uses(term, "-10.00").after_secs(11 * HOUR).uses(term, "-40.00");
    let zero = given().cash("1000").limit("L1", term, "100").bet("T1", "R1", "30").win_close("W1", "R1", "0");
    let zero = zero.after_secs(13 * HOUR).when(commands::resettle("K1", "R1", "40")).applied();
    let zero = zero.uses(term, "-10.00").after_secs(11 * HOUR).uses(term, "-40.00");
    let _ = zero.when(commands::resettle("K2", "R1", "10")).applied().uses(term, "-10.00");
}

#[test]
fn nothing_is_given_back_that_was_never_counted() {
    let term = day(Loss);
    let before = given().cash("1000").bet("T1", "R1", "30").limit("L1", term, "100").bet("T2", "R2", "20");
    let before = before.uses(term, "20.00").rollback("X1", "T1").applied().uses(term, "20.00");
    let _ = before.rollback("X2", "T2").applied().uses(term, "0.00");
    let closed =
        given().cash("1000").bet("T1", "R1", "30").win_close("W1", "R1", "10").limit("L1", term, "100");
    let closed = closed.bet("T2", "R2", "20").when(commands::void_settled_round("V1", "R1")).applied();
    let _ = closed.uses(term, "20.00");
}

#[test]
fn what_plays_elsewhere_counts_as_lost_until_it_is_back() {
    let term = day(Loss);
    let away = given().cash("1000").limit("L1", term, "100").when(commands::roll_out("O1", "100.01"));
    let away =
        away.passes(term, "100.00").when(commands::roll_out("O2", "100")).applied().uses(term, "100.00");
    let away = away.bet("T1", "R1", "1").passes(term, "0.00").after_secs(60);
    let _ = away.clone().when(commands::roll_in("I1", "O2", "130")).applied().uses(term, "0.00");
    let _ = away.clone().when(commands::roll_in("I1", "O2", "70")).applied().uses(term, "30.00");
    let told = ledger_core::RollIn {
        staked: Some(commands::decimal("400")),
        won: Some(commands::decimal("370")),
        ..commands::roll_in("I1", "O2", "70")
    };
    let _ = away.clone().when(told).applied().uses(term, "30.00");
    let _ = away.rollback("X1", "O2").applied().uses(term, "0.00");
}

#[test]
fn payouts_make_room_for_deposits_where_net_deposits_count() {
    let term = day(NetDeposit);
    let paid = |amount: &str| {
        let start = given().limit("L1", term, "100").when(commands::deposit("D1", "90")).uses(term, "90.00");
        let asked = start.when(commands::request("W1", amount)).applied().uses(term, "90.00");
        let sent =
            asked.when(commands::approve_withdrawal("A1", "W1", "anna")).when(commands::send("S1", "W1"));
        sent.applied().uses(term, "90.00").when(commands::mark_paid("P1", "W1")).applied()
    };
    let out = paid("50").uses(term, "40.00").when(commands::initiate("I1", "60.01")).passes(term, "60.00");
    let _ = out.when(commands::mark_returned("B1", "W1")).applied().uses(term, "90.00");
}

#[test]
fn amounts_of_other_currencies_do_not_count() {
    let usd = commands::currency("USD");
    let term = LimitTerm { currency: usd, ..day(Stake) };
    let both = given().cash("100").when(commands::add_purse("A1", "USD"));
    let both = both.applied().limit("L1", term, "10").bet("T1", "R1", "50").applied().uses(term, "0.00");
    let gbp = LimitTerm { currency: commands::currency("GBP"), ..day(Stake) };
    let _ = both.when(commands::limit("L2", gbp, "10")).rejected("currency_mismatch");
}

#[test]
fn a_limit_of_a_strange_form_is_refused() {
    let windowless = LimitTerm { window: None, ..day(Stake) };
    let windowed = LimitTerm { kind: LimitKind::SingleBet, ..day(Stake) };
    let _ = given()
        .when(commands::limit("L1", windowless, "10"))
        .rejected("not_allowed")
        .when(commands::limit("L2", windowed, "10"))
        .rejected("not_allowed")
        .when(commands::limit("L3", day(Stake), "-1"))
        .refused("invalid_amount")
        .when(commands::limit("L4", day(Stake), "0.001"))
        .refused("precision");
    assert_eq!(given().ledger().state().controls(), None, "a player without limits has no state of them");
}

#[test]
fn limits_are_bounded() {
    let mut ledger =
        given_nobody().when(commands::open(&["EUR", "USD", "GBP", "JPY"])).applied().ledger().clone();
    let mut terms = Vec::new();
    for currency in ["EUR", "USD", "GBP", "JPY"] {
        for kind in [Deposit, NetDeposit, Stake, Loss, NetLoss] {
            for period in [Day, Week, Month] {
                for basis in [Rolling, Calendar] {
                    let window = Some(LimitWindow { period, basis });
                    terms.push(LimitTerm { kind, currency: commands::currency(currency), window });
                }
            }
        }
    }
    for (n, term) in terms.iter().take(LIMITS_MAX).enumerate() {
        let answer = ledger.execute(&commands::limit(&format!("L{n}"), *term, "1000").into()).unwrap();
        assert_eq!(answer.outcome.text(), "applied", "{n}");
    }
    let more = ledger.execute(&commands::limit("LX", terms[LIMITS_MAX], "1000").into()).unwrap();
    assert_eq!(more.outcome.text(), "refused:capacity_exceeded");
    // A known one may change, and a bet is decided under all of them.
    let lower = ledger.execute(&commands::limit("LY", terms[0], "900").into()).unwrap();
    assert_eq!(lower.outcome.text(), "applied");
}

// Windows of the calendar.

fn berliner(date_secs: u32) -> Scenario {
    let open = OpenPlayer { zone: "Europe/Berlin".to_owned(), ..commands::open(&["EUR"]) };
    given_nobody().after_secs(date_secs).when(open).applied().cash("1000")
}

#[test]
fn i20_a_day_of_the_calendar_is_that_of_the_zone_also_when_clocks_change() {
    let term = commands::term(Stake, Day, Calendar);
    // 29 March 2026 has 23 hours in Berlin, 25 October 25; they begin at 23:00 and 22:00 UTC of the day before.
    for (start, hours) in [(87 * 24 * HOUR - HOUR, 23), (297 * 24 * HOUR - 2 * HOUR, 25)] {
        let day = berliner(start).limit("L1", term, "50").bet("T1", "R1", "50").applied();
        let last = day.after_secs(hours * HOUR - 1).bet("T2", "R2", "1").passes(term, "0.00");
        let next = last.after_secs(1).bet("T3", "R3", "50").applied();
        let _ = next.records(&["limit.windows_opened", "entry.posted", "bet.placed", "limit.warned"]);
    }
}

#[test]
fn i20_the_policys_zone_goes_before_the_players() {
    let term = commands::term(Stake, Day, Calendar);
    let policy =
        keeping(ControlPolicy { zone: Some("America/Toronto".to_owned()), ..ControlPolicy::DEFAULT });
    let set = berliner(0).policy(policy).limit("L1", term, "50").bet("T1", "R1", "50").applied();
    // Midnight in Toronto is five o'clock in UTC.
    let last = set.after_secs(5 * HOUR - 1).bet("T2", "R2", "1").passes(term, "0.00");
    let _ = last.after_secs(1).bet("T3", "R3", "50").applied();
}

#[test]
fn a_player_who_comes_back_after_months_finds_an_empty_window() {
    for basis in [Calendar, Anniversary] {
        for period in [Day, Week, Month] {
            let term = commands::term(Stake, period, basis);
            let full = given().cash("1000").limit("L1", term, "50").bet("T1", "R1", "50").applied();
            let later = full.after_secs(200 * 24 * HOUR).uses(term, "0.00").bet("T2", "R2", "50.01");
            let _ = later.passes(term, "50.00").bet("T3", "R3", "50").applied().uses(term, "50.00");
        }
    }
}

#[test]
fn limits_survive_a_snapshot() {
    let week = commands::term(NetLoss, Week, Calendar);
    let some = given().cash("1000").limit("L1", day(Loss), "100").limit("L2", week, "150");
    let some = some.limit("L3", week, "200").bet("T1", "R1", "30").win("W1", "R1", "5").applied();
    let state = some.ledger().state();
    let bytes = state.to_snapshot().unwrap();
    assert_eq!(PlayerState::from_snapshot(&bytes).unwrap(), *state);
}

#[test]
fn a_player_without_limits_has_nothing_of_them_in_his_state() {
    let plain = given().cash("100").bet("T1", "R1", "30").win_close("W1", "R1", "5");
    let text = String::from_utf8(plain.ledger().state().to_snapshot().unwrap()).unwrap();
    assert!(!text.contains("controls"), "{text}");
    assert!(plain.ledger().state().limits_left(&Policy::default(), plain.ledger().now()).is_empty());
}

// Planted bugs.

/// Some stakes, wins and deposits in several windows, for a checker to look at.
fn some_history() -> Scenario {
    let some =
        given().limit("L1", day(NetLoss), "1000").limit("L2", commands::term(Loss, Week, Calendar), "1000");
    let some = some.limit("L3", day(Deposit), "1000").cash("300").bet("T1", "R1", "30").win("W1", "R1", "5");
    some.after_secs(HOUR).bet("T2", "R2", "20").applied()
}

#[test]
fn i17_catches_a_counter_that_is_off() {
    use ledger_core::testing::invariants::{counter_agrees, i17_counters_are_what_entries_are_worth, worth};
    let some = some_history();
    let ledger = some.ledger();
    i17_counters_are_what_entries_are_worth(ledger.commits(), ledger.state()).unwrap();
    let worth = worth(ledger.commits()).unwrap();
    let counters = ledger.state().controls().unwrap().counters();
    for counter in counters {
        counter_agrees(&worth, counter).unwrap();
        let mut off = counter.clone();
        off.buckets[0].plus = off.buckets[0].plus.checked_add("0.01".parse().unwrap()).unwrap();
        assert!(counter_agrees(&worth, &off).unwrap_err().starts_with("I17"));
        let mut off = counter.clone();
        off.buckets[0].minus = off.buckets[0].minus.checked_add("0.01".parse().unwrap()).unwrap();
        assert!(counter_agrees(&worth, &off).unwrap_err().starts_with("I17"));
        let mut missing = counter.clone();
        missing.buckets.push(missing.buckets[0].clone());
        assert!(counter_agrees(&worth, &missing).unwrap_err().contains("does not follow"));
    }
    // A bucket that was lost.
    let mut lost = counters[0].clone();
    lost.buckets.truncate(1);
    assert!(counter_agrees(&worth, &lost).unwrap_err().contains("is not counted"));
    // An instant that no item of the bucket has.
    let mut early = counters[0].clone();
    early.buckets[1].first_at = early.buckets[0].first_at;
    early.buckets[1].last_at = early.buckets[0].first_at;
    assert!(counter_agrees(&worth, &early).unwrap_err().contains("is in Bucket"));
}

#[test]
fn i17_catches_a_counter_of_bonus_credits_that_is_off() {
    use ledger_core::testing::invariants::{bonus_worth, counter_agrees, worth};
    let some = given().cash("10").terms("welcome", commands::bonus_terms(30));
    let some = some.when(commands::grant_bonus("A", "50")).limit("L1", day(NetLoss), "1000");
    let some = some.bet("T1", "R1", "30").win("W1", "R1", "6").applied();
    let ledger = some.ledger();
    let worth = bonus_worth(&worth(ledger.commits()).unwrap());
    let counter = &ledger.state().controls().unwrap().counters()[0];
    let bonus = counter.bonus.as_deref().unwrap();
    counter_agrees(&worth, bonus).unwrap();
    assert_eq!(
        (bonus.buckets[0].plus.to_string(), bonus.buckets[0].minus.to_string()),
        ("20.00".into(), "4.00".into())
    );
    let mut off = bonus.clone();
    off.buckets[0].minus = off.buckets[0].minus.checked_add("0.01".parse().unwrap()).unwrap();
    assert!(counter_agrees(&worth, &off).unwrap_err().starts_with("I17"));
}

#[test]
fn i20_catches_an_item_outside_of_its_window() {
    use ledger_core::testing::invariants::{counter_agrees, worth};
    let some = some_history();
    let ledger = some.ledger();
    let mut week = ledger.state().controls().unwrap().counters()[1].clone();
    let bounds = week.bounds.as_mut().unwrap();
    bounds.until = bounds.from;
    let worth = worth(ledger.commits()).unwrap();
    assert!(counter_agrees(&worth, &week).unwrap_err().starts_with("I20"));
}
