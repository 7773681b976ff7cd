//! Registers outside of this ledger: R26 to R28 in docs/scenarios.md.

use ledger_core::stored::{Event, ExclusionKind, RegisterOutcome};
use ledger_core::testing::{Scenario, commands, given};
use ledger_core::{
    Capacity, ControlPolicy, JurisdictionProfile, KnownOperations, Limit, PlaceBet, PlayerCommand, Policy,
    REGISTERS_MAX, RegisterAnswer, RegisterExclusion, RegisterGap, RegisterName, RegisterRule, RegisterSays,
    RegisterUse, Rejection, StartSession, Timestamp, WhenUnreachable,
};

const TEN: (&str, &str) = ("psp:clearing of psp", "10.00");
const CASH: (&str, &str) = ("player:cash", "10.00");
const ALL: [RegisterUse; 5] = [
    RegisterUse::Bet,
    RegisterUse::Purchase,
    RegisterUse::Transfer,
    RegisterUse::Session,
    RegisterUse::Deposit,
];

fn name(text: &str) -> RegisterName {
    RegisterName::new(text).unwrap()
}

/// An instant of the day on which clocks of tests begin.
fn at(time: &str) -> Timestamp {
    format!("2026-01-01T{time}Z").parse().unwrap()
}

fn rule(register: &str, before: &[RegisterUse], max_age_secs: u32) -> RegisterRule {
    let unreachable = WhenUnreachable::Refuse;
    RegisterRule { register: name(register), before: before.to_vec(), max_age_secs, unreachable }
}

fn policy(registers: Vec<RegisterRule>) -> Policy {
    let controls = ControlPolicy { registers, ..ControlPolicy::DEFAULT };
    let default_jurisdiction = JurisdictionProfile { controls, ..JurisdictionProfile::default() };
    Policy { default_jurisdiction, ..Policy::default() }
}

fn rich(registers: Vec<RegisterRule>) -> Scenario {
    given().cash("10.00").policy(policy(registers))
}

fn clear(time: &str) -> Vec<RegisterAnswer> {
    vec![commands::register("cruks", at(time), RegisterSays::Clear)]
}

fn says(time: &str, outcome: RegisterSays) -> Vec<RegisterAnswer> {
    vec![commands::register("cruks", at(time), outcome)]
}

fn excluded(until: Option<Timestamp>) -> RegisterSays {
    RegisterSays::Excluded { until }
}

fn left(amount: &str) -> RegisterSays {
    RegisterSays::Left { currency: commands::currency("EUR"), amount: commands::decimal(amount) }
}

fn bet(id: &str, registers: Vec<RegisterAnswer>) -> PlaceBet {
    PlaceBet { registers, ..commands::bet(id, id, "1") }
}

/// Everything that a register may have to be asked for, with its answers.
fn everything(id: &str, answers: &[RegisterAnswer]) -> Vec<(RegisterUse, PlayerCommand)> {
    let registers = || answers.to_vec();
    vec![
        (RegisterUse::Bet, bet(id, registers()).into()),
        (RegisterUse::Purchase, ledger_core::Tip { registers: registers(), ..commands::tip(id, "1") }.into()),
        (
            RegisterUse::Purchase,
            ledger_core::EnterTournament {
                registers: registers(),
                ..commands::enter_tournament(id, "1", "0")
            }
            .into(),
        ),
        (
            RegisterUse::Transfer,
            ledger_core::RollOut { registers: registers(), ..commands::roll_out(id, "1") }.into(),
        ),
        (RegisterUse::Session, StartSession { registers: registers(), ..commands::start_session(id) }.into()),
        (
            RegisterUse::Deposit,
            ledger_core::InitiateDeposit { registers: registers(), ..commands::initiate(id, "1") }.into(),
        ),
    ]
}

fn needed(why: RegisterGap) -> Rejection {
    Rejection::RegisterNeeded { register: name("cruks"), why }
}

#[test]
fn r26_a_register_that_must_be_asked_has_answered() {
    for (of, command) in everything("T1", &[]) {
        let only = rich(vec![rule("cruks", &[of], 60)]).when(command.clone());
        let only = only.rejected("register_needed").refused_as(&needed(RegisterGap::Missing));
        let _ = only.accounts(&[TEN, CASH]);
        let others: Vec<_> = ALL.into_iter().filter(|other| *other != of).collect();
        let _ = rich(vec![rule("cruks", &others, 60)]).when(command).applied();
    }
    // The answer comes with the command, or came with an earlier one; it is recorded once, before what it lets pass.
    for (_, command) in everything("T1", &clear("00:00:00")) {
        let passed = rich(vec![rule("cruks", &ALL, 60)]).when(command).applied();
        let first = passed.ledger().commits().last().unwrap().events.first().unwrap().clone();
        let Event::RegisterAnswered(told) = first.event else { panic!("{first:?}") };
        assert_eq!(told.txn.id, commands::txn("T1"));
        let answer = told.answers.first().unwrap();
        assert_eq!((&answer.register, answer.asked_at), (&name("cruks"), at("00:00:00")));
        assert_eq!(answer.outcome, RegisterOutcome::Clear);
        let again = passed.when(commands::bet("T2", "T2", "1")).records(&["entry.posted", "bet.placed"]);
        let _ = again.when(bet("T3", clear("00:00:00"))).records(&["entry.posted", "bet.placed"]);
    }
    // What passes no check leaves no answer behind.
    let poor = rich(vec![rule("cruks", &ALL, 60)]);
    let dear = PlaceBet { registers: clear("00:00:00"), ..commands::bet("T1", "T1", "10.01") };
    let poor = poor.when(dear).rejected("insufficient_funds").when(bet("T2", Vec::new()));
    let _ = poor.rejected("register_needed").accounts(&[TEN, CASH]);
}

#[test]
fn r26_an_answer_is_no_older_than_the_profile_says_and_not_of_the_future() {
    let told = rich(vec![rule("cruks", &ALL, 60)]).when(bet("T1", clear("00:00:00"))).applied();
    let told = told.after_secs(60).when(bet("T2", Vec::new())).applied().after_secs(1);
    let stale = told.when(bet("T3", Vec::new())).rejected("register_needed");
    let stale = stale.refused_as(&needed(RegisterGap::Stale));
    // The key is free: the same bet comes again with a younger answer.
    let mended = stale.when(bet("T3", clear("00:01:01"))).applied();
    let _ = mended.when(bet("T3", Vec::new())).replayed("applied").accounts(&[
        TEN,
        ("player:cash", "7.00"),
        ("player:held of prov/T1", "1.00"),
        ("player:held of prov/T2", "1.00"),
        ("player:held of prov/T3", "1.00"),
    ]);
    let early = rich(vec![rule("cruks", &ALL, 60)]).when(bet("T1", clear("00:00:01")));
    let early = early.rejected("register_needed").refused_as(&needed(RegisterGap::Missing));
    // An older answer does not take the place of a younger one.
    let early = early.after_secs(50).when(bet("T2", clear("00:00:50"))).applied();
    let early = early.when(bet("T3", clear("00:00:10"))).records(&["entry.posted", "bet.placed"]);
    let _ = early.after_secs(60).when(bet("T4", Vec::new())).applied();
}

#[test]
fn r26_in_a_batch_too_the_keys_stay_free() {
    let open = rich(vec![rule("cruks", &ALL, 60)]);
    let batch = |answers| {
        let all = vec![commands::void_round("V1", "R9").into(), PlayerCommand::from(bet("T1", answers))];
        ledger_core::Batch::new(all, KnownOperations::Replay).unwrap()
    };
    let out = open.when(batch(Vec::new())).rejected("register_needed");
    let _ = out.when(batch(clear("00:00:00"))).applied();
}

#[test]
fn r26_a_register_that_could_not_be_reached_lets_pass_where_the_profile_says_so() {
    let strict = rich(vec![rule("cruks", &ALL, 60)]);
    let lax = RegisterRule { unreachable: WhenUnreachable::Allow, ..rule("cruks", &ALL, 60) };
    let lax = rich(vec![lax]);
    let gone = || says("00:00:00", RegisterSays::Unreachable);
    let refused = strict.clone().when(bet("T1", gone())).rejected("register_needed");
    let _ = refused.refused_as(&needed(RegisterGap::Unreachable)).accounts(&[TEN, CASH]);
    let passed = lax.when(bet("T1", gone())).records(&["register.answered", "entry.posted", "bet.placed"]);
    // That it could not be reached is as old as any answer.
    let passed = passed.after_secs(61).when(bet("T2", Vec::new())).rejected("register_needed");
    let passed = passed.refused_as(&needed(RegisterGap::Missing));
    // Nor does it undo what the register said.
    let out = passed.when(bet("T3", says("00:01:01", excluded(None)))).rejected("player_excluded");
    let _ = out.when(bet("T4", says("00:01:01", RegisterSays::Unreachable))).rejected("player_excluded");
    // A fresh answer does, whether or not the register could be reached after it.
    let known = strict.when(bet("T1", clear("00:00:00"))).applied().after_secs(5);
    let _ = known.when(bet("T2", says("00:00:05", RegisterSays::Unreachable))).applied();
}

#[test]
fn r27_whom_a_register_excludes_is_excluded_and_the_register_is_named() {
    let until = Some("2026-07-01T00:00:00Z".parse().unwrap());
    let refusal = |until| Rejection::PlayerExcluded {
        kind: ExclusionKind::SelfExclusion,
        until,
        register: Some(RegisterExclusion { name: name("cruks"), asked_at: at("00:00:00") }),
    };
    // Also where nobody had to ask.
    for (_, command) in everything("T1", &says("00:00:00", excluded(until))) {
        let out = rich(Vec::new()).when(command).rejected("player_excluded").refused_as(&refusal(until));
        // The ledger remembers it from the refusal: the next bet brings no answer.
        let out = out.when(commands::bet("T2", "T2", "1")).rejected("player_excluded");
        let out = out.refused_as(&refusal(until)).accounts(&[TEN, CASH]);
        // Money that arrives is held, withdrawals pass, as in every exclusion.
        let _ = out.clone().when(commands::deposit("D2", "5")).applied().accounts(&[
            ("psp:clearing of psp", "15.00"),
            CASH,
            ("suspense:unmatched_psp of psp", "5.00"),
        ]);
        let _ = out.clone().when(commands::request("W1", "4")).applied();
        // It is over at its end, where nobody must ask; or with a younger answer.
        let over = out.clone().after_secs(181 * 86_400 - 1).when(commands::bet("T3", "T3", "1"));
        let over = over.rejected("player_excluded").after_secs(1);
        let _ = over.when(commands::bet("T4", "T4", "1")).applied();
        let _ = out.after_secs(9).when(bet("T5", clear("00:00:09"))).applied();
    }
    // A bet and an answer of the same instant: what bars counts. One without an end holds until it is taken back.
    let known = rich(vec![rule("cruks", &ALL, 60)]).when(bet("T1", clear("00:00:00"))).applied();
    let out = known.when(bet("T2", says("00:00:00", excluded(None)))).rejected("player_excluded");
    let out = out.refused_as(&refusal(None)).when(bet("T3", clear("00:00:00"))).rejected("player_excluded");
    let out = out.after_secs(400 * 86_400).when(bet("T4", Vec::new())).rejected("player_excluded");
    // Where the register must be asked, the end of an exclusion is not enough.
    let ended = rich(vec![rule("cruks", &ALL, 60)]);
    let ended = ended.when(bet("T1", says("00:00:00", excluded(Some(at("00:00:30"))))));
    let ended = ended.rejected("player_excluded").after_secs(30).when(bet("T2", Vec::new()));
    let ended = ended.rejected("register_needed").refused_as(&needed(RegisterGap::Stale));
    let _ = ended.when(bet("T3", clear("00:00:30"))).applied();
    let _ = out.when(bet("T5", vec![commands::register("cruks", at("00:00:00"), RegisterSays::Clear)]));
    // Clocks differ: an exclusion of the future is one of now.
    let ahead = rich(Vec::new()).when(bet("T1", says("00:10:00", excluded(None))));
    let _ = ahead.rejected("player_excluded").refused_as(&refusal(None));
}

#[test]
fn r27_a_register_may_tell_by_itself() {
    let tell = |id: &str, answers| commands::register_answers(id, answers);
    let out = rich(Vec::new()).when(tell("A1", says("00:00:00", excluded(None)))).applied();
    let out = out.records(&["register.answered"]).when(tell("A1", says("00:00:00", excluded(None))));
    let out = out.replayed("applied").when(tell("A1", clear("00:00:00"))).refused("key_reused");
    let out = out.when(tell("A2", says("00:00:00", excluded(None)))).noop().records(&["txn.noted"]);
    let out = out.when(bet("T1", Vec::new())).rejected("player_excluded").after_secs(1);
    // What is open takes its course, as in every exclusion.
    let out = out.when(tell("A3", clear("00:00:01"))).applied().when(bet("T2", Vec::new())).applied();
    let out = out.when(tell("A4", says("00:00:01", excluded(None)))).applied();
    let _ = out.win_close("W1", "T2", "3").applied().accounts(&[
        TEN,
        ("player:cash", "12.00"),
        ("gaming:stakes of game", "1.00"),
        ("gaming:payouts of game", "3.00"),
    ]);
    let usd = RegisterSays::Left { currency: commands::currency("USD"), amount: commands::decimal("1") };
    let _ = rich(Vec::new()).when(tell("A1", says("00:00:00", usd))).rejected("currency_mismatch");
    let _ = rich(Vec::new()).when(tell("A1", says("00:00:00", left("0.005")))).refused("precision");
    let _ = rich(Vec::new()).when(tell("A1", says("00:00:00", left("-1")))).refused("invalid_amount");
    let many = |count: usize| {
        let all =
            (0..count).map(|n| commands::register(&format!("r{n}"), at("00:00:00"), RegisterSays::Clear));
        tell("A1", all.collect())
    };
    let _ = rich(Vec::new()).when(many(REGISTERS_MAX)).applied();
    let maximum = u32::try_from(REGISTERS_MAX).unwrap();
    let told = Rejection::CapacityExceeded { what: Capacity::Registers, maximum };
    let _ = rich(Vec::new()).when(many(REGISTERS_MAX + 1)).refused("capacity_exceeded").refused_as(&told);
}

#[test]
fn r28_what_a_register_leaves_bounds_deposits() {
    let ask = |id: &str, amount: &str, registers| ledger_core::InitiateDeposit {
        registers,
        ..commands::initiate(id, amount)
    };
    let exceeded = |left: &str| Rejection::LimitExceeded {
        limit: Limit::Register { register: name("cruks") },
        left: Some(left.parse().unwrap()),
    };
    let lugas = || rich(vec![rule("cruks", &[RegisterUse::Deposit], 60)]);
    let hundred = || says("00:00:00", left("100"));
    let over = lugas().when(ask("I1", "100.01", hundred())).rejected("limit_exceeded");
    let _ = over.refused_as(&exceeded("100.00")).accounts(&[TEN, CASH]);
    // What is started takes from it, also if the same answer comes again, and whatever becomes of it.
    let some = lugas().when(ask("I1", "60", hundred())).applied();
    let some = some.records(&["register.answered", "cashier.deposit.initiated"]);
    let some = some.when(commands::cancel_deposit("C1", "I1")).applied();
    let some = some.when(ask("I2", "40.01", hundred())).rejected("limit_exceeded");
    let some = some.refused_as(&exceeded("40.00")).when(ask("I3", "40", Vec::new())).applied();
    let some = some.when(ask("I4", "0.01", hundred())).rejected("limit_exceeded").after_secs(30);
    // A younger answer counts from then on; a deposit that nobody started counts too.
    let some = some.when(ask("I5", "100", says("00:00:30", left("150")))).applied();
    let some = some.when(commands::deposit("D9", "30")).applied();
    let some = some.when(ask("I6", "20.01", Vec::new())).rejected("limit_exceeded");
    let some = some.refused_as(&exceeded("20.00")).after_secs(61);
    let _ = some.when(ask("I7", "20", Vec::new())).rejected("register_needed");
    // A deposit that was started is not taken off twice when it is captured.
    let once = lugas().when(ask("I1", "60", hundred())).applied();
    let once = once.when(commands::capture("D2", "I1", "60")).applied();
    let _ = once
        .when(ask("I2", "40", Vec::new()))
        .applied()
        .accounts(&[("psp:clearing of psp", "70.00"), ("player:cash", "70.00")]);
    // In another currency it says nothing of this deposit; and where the register need not be asked it still counts when it
    // comes along.
    let both = given().policy(policy(vec![rule("cruks", &[RegisterUse::Deposit], 60)]));
    let both = both.when(commands::add_purse("P1", "USD")).applied();
    let usd = RegisterSays::Left { currency: commands::currency("USD"), amount: commands::decimal("1000") };
    let both = both.when(ask("I1", "1", says("00:00:00", usd))).rejected("register_needed");
    let _ = both.refused_as(&needed(RegisterGap::OtherCurrency));
    let _ = rich(Vec::new()).when(ask("I1", "101", hundred())).rejected("limit_exceeded");
    // Bets are none of its business, and an answer that says how much is left says that he may play.
    let play = rich(vec![rule("cruks", &ALL, 60)]).when(bet("T1", says("00:00:00", left("0")))).applied();
    let _ = play.when(ask("I1", "0.01", Vec::new())).rejected("limit_exceeded");
}

// Planted bugs.

#[test]
fn i25_catches_what_began_in_spite_of_a_register() {
    use ledger_core::testing::invariants::i25_registers_are_heeded;
    let told = rich(Vec::new()).when(bet("T1", Vec::new())).applied();
    let told = told.when(commands::register_answers("A1", says("00:00:00", excluded(None)))).applied();
    let mut commits = told.ledger().commits().to_vec();
    i25_registers_are_heeded(&commits).unwrap();
    // The bet comes after the exclusion.
    let count = commits.len();
    commits.swap(count - 2, count - 1);
    assert!(i25_registers_are_heeded(&commits).unwrap_err().starts_with("I25"));
    // A deposit that is more than what the answer left that came with it.
    let command = ledger_core::InitiateDeposit {
        registers: says("00:00:00", left("100")),
        ..commands::initiate("I1", "100")
    };
    let started = rich(Vec::new()).when(command).applied();
    let mut commits = started.ledger().commits().to_vec();
    i25_registers_are_heeded(&commits).unwrap();
    for record in commits.iter_mut().flat_map(|body| &mut body.events) {
        if let Event::DepositInitiated(event) = &mut record.event {
            event.amount = "100.01".parse().unwrap();
        }
    }
    assert!(i25_registers_are_heeded(&commits).unwrap_err().contains("left 10000"));
}
