//! `docs/commands.md`: every command with its fields, who sends it, its key, what is looked for, and what it may be
//! refused for. Written from the code (see `catalogue.rs`); what stands here by hand is compared with what commands
//! come to.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ledger_core::stored::{Bearer, CreditKind, Direction};
use ledger_core::stored::{ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitWindow};
use ledger_core::testing::{TestOutcome, commands, generators, given_nobody};
use ledger_core::{
    Block, FactsNeeded, HostAccountClass, HostOperation, PlayerCommand, PlayerId, Policy, RegisterSays,
    Rejection,
};
use proptest::prelude::Strategy as _;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use serde_json::Value;

use crate::catalogue::{compare, definitions, description, fields, pattern};
use crate::config;
use crate::rejections::CODES;

/// What the code does not say of a command.
pub(crate) struct About {
    /// Its name.
    pub(crate) name: &'static str,
    /// Who sends it.
    pub(crate) by: &'static str,
    /// The refusals beside [`ALL`], in order of precedence.
    pub(crate) refusals: &'static [&'static str],
}

/// What any command may be refused for. The last comes only of sums beyond 96 bits.
pub(crate) const ALL: &[&str] = &["player_unknown", "key_reused", "txn_cancelled", "amount_overflow"];

/// What a bonus is refused for that may be for a deposit.
const OF_A_GRANT: &[&str] = &[
    "payment_not_found",
    "not_allowed",
    "mismatch",
    "currency_mismatch",
    "invalid_amount",
    "precision",
    "player_closed",
    "player_excluded",
    "player_blocked",
    "capacity_exceeded",
];

/// What a bonus is refused for that is for none.
const OF_AN_OFFER: &[&str] = &[
    "not_allowed",
    "mismatch",
    "currency_mismatch",
    "invalid_amount",
    "precision",
    "player_closed",
    "player_excluded",
    "player_blocked",
    "capacity_exceeded",
];

pub(crate) const ABOUT: &[About] = &[
    About {
        name: "open_player",
        by: "the platform",
        refusals: &["not_allowed", "currency_unknown", "zone_unknown", "capacity_exceeded"],
    },
    About {
        name: "initiate_deposit",
        by: "the cashier",
        refusals: &[
            "not_allowed",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_excluded",
            "player_blocked",
            "register_needed",
            "kyc_required",
            "limit_exceeded",
            "capacity_exceeded",
        ],
    },
    About {
        name: "attempt_deposit",
        by: "the cashier",
        refusals: &["payment_not_found", "not_allowed", "capacity_exceeded"],
    },
    About {
        name: "fail_deposit",
        by: "the cashier, or a payment provider",
        refusals: &["payment_not_found", "not_allowed", "mismatch"],
    },
    About { name: "cancel_deposit", by: "the cashier", refusals: &["payment_not_found", "not_allowed"] },
    About { name: "expire_deposit", by: "a timer", refusals: &["payment_not_found", "not_allowed"] },
    About {
        name: "record_deposit",
        by: "a payment provider, through its adapter",
        refusals: &["not_allowed", "mismatch", "invalid_amount", "precision"],
    },
    About {
        name: "release_suspense",
        by: "the back office",
        refusals: &[
            "payment_not_found",
            "not_allowed",
            "mismatch",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_excluded",
        ],
    },
    About { name: "refuse_assignment", by: "the back office", refusals: &["not_allowed"] },
    About {
        name: "refund_deposit",
        by: "a payment provider, through its adapter",
        refusals: &[
            "payment_not_found",
            "not_allowed",
            "mismatch",
            "invalid_amount",
            "precision",
            "exceeds_rest",
            "insufficient_funds",
        ],
    },
    About {
        name: "chargeback",
        by: "a payment provider, through its adapter",
        refusals: &[
            "payment_not_found",
            "mismatch",
            "invalid_amount",
            "precision",
            "exceeds_rest",
            "capacity_exceeded",
        ],
    },
    About {
        name: "reverse_chargeback",
        by: "a payment provider, through its adapter",
        refusals: &[
            "payment_not_found",
            "not_allowed",
            "mismatch",
            "invalid_amount",
            "precision",
            "exceeds_rest",
        ],
    },
    About {
        name: "write_off_debt",
        by: "the back office",
        refusals: &["not_allowed", "currency_mismatch", "invalid_amount", "precision", "exceeds_rest"],
    },
    About {
        name: "place_bet",
        by: "a game provider, through its adapter",
        refusals: &[
            "round_closed",
            "not_allowed",
            "currency_mismatch",
            "session_expired",
            "invalid_amount",
            "precision",
            "player_closed",
            "player_excluded",
            "player_blocked",
            "register_needed",
            "kyc_required",
            "source_closed",
            "game_not_allowed",
            "session_time_reached",
            "play_time_reached",
            "reality_check_due",
            "round_too_soon",
            "stake_not_allowed",
            "limit_exceeded",
            "bonus_rule",
            "capacity_exceeded",
            "insufficient_funds",
        ],
    },
    About {
        name: "settle",
        by: "a game provider, through its adapter",
        refusals: &[
            "round_closed",
            "already_settled",
            "bet_not_found",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "capacity_exceeded",
        ],
    },
    About { name: "close_round", by: "a game provider, through its adapter", refusals: &[] },
    About {
        name: "void",
        by: "a game provider, or the back office",
        refusals: &["already_settled", "already_rolled_back", "not_allowed", "mismatch"],
    },
    About {
        name: "rollback",
        by: "a game provider, through its adapter",
        refusals: &[
            "already_settled",
            "already_rolled_back",
            "not_allowed",
            "mismatch",
            "invalid_amount",
            "capacity_exceeded",
            "insufficient_funds",
        ],
    },
    About {
        name: "grant_credit",
        by: "a game provider, through its adapter",
        refusals: &["currency_mismatch", "invalid_amount", "precision"],
    },
    About {
        name: "claim_jackpot",
        by: "a game provider, through its adapter",
        refusals: &["bet_not_found", "currency_mismatch", "capacity_exceeded"],
    },
    About {
        name: "pay_jackpot",
        by: "a process that follows the log",
        refusals: &["not_allowed", "mismatch", "currency_mismatch", "invalid_amount", "precision"],
    },
    About { name: "withdraw_jackpot_claim", by: "the back office", refusals: &["not_allowed"] },
    About {
        name: "void_settled",
        by: "a game provider, or the back office",
        refusals: &["already_rolled_back", "not_allowed", "mismatch", "insufficient_funds"],
    },
    About {
        name: "resettle",
        by: "a game provider, through its adapter",
        refusals: &[
            "bet_not_found",
            "not_allowed",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "capacity_exceeded",
            "insufficient_funds",
        ],
    },
    About {
        name: "unsettle",
        by: "a game provider, through its adapter",
        refusals: &["bet_not_found", "not_allowed", "capacity_exceeded", "insufficient_funds"],
    },
    About {
        name: "cash_out",
        by: "a game provider, through its adapter",
        refusals: &[
            "already_settled",
            "bet_not_found",
            "mismatch",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "capacity_exceeded",
        ],
    },
    About {
        name: "adjust_round",
        by: "a game provider, through its adapter",
        refusals: &["currency_mismatch", "invalid_amount", "precision", "insufficient_funds"],
    },
    About { name: "inform", by: "a game provider, through its adapter", refusals: &[] },
    About {
        name: "host_operation",
        by: "the platform",
        refusals: &[
            "not_allowed",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_closed",
            "player_excluded",
            "player_blocked",
            "kyc_required",
            "host_version",
            "capacity_exceeded",
            "unplayed_deposits",
            "insufficient_funds",
        ],
    },
    About {
        name: "propose_correction",
        by: "the back office",
        refusals: &["currency_mismatch", "invalid_amount", "precision", "capacity_exceeded"],
    },
    About {
        name: "decide_correction",
        by: "the back office",
        refusals: &["not_allowed", "insufficient_funds"],
    },
    About {
        name: "charge_inactivity_fee",
        by: "a timer, or the back office",
        refusals: &["currency_mismatch", "invalid_amount", "precision"],
    },
    About { name: "transfer_dormant", by: "a timer, or the back office", refusals: &["currency_mismatch"] },
    About {
        name: "reclaim_dormant",
        by: "the platform, when the player claims it",
        refusals: &["currency_mismatch"],
    },
    About {
        name: "withhold_tax",
        by: "the platform",
        refusals: &["currency_mismatch", "invalid_amount", "precision", "insufficient_funds"],
    },
    About {
        name: "return_tax",
        by: "the platform",
        refusals: &["not_allowed", "mismatch", "invalid_amount", "precision"],
    },
    About { name: "close_player", by: "the back office", refusals: &["not_allowed"] },
    About { name: "reopen_player", by: "the back office", refusals: &["not_allowed"] },
    About {
        name: "add_purse",
        by: "the platform",
        refusals: &["not_allowed", "currency_unknown", "player_closed", "capacity_exceeded"],
    },
    About {
        name: "exchange",
        by: "the platform",
        refusals: &["not_allowed", "currency_mismatch", "invalid_amount", "precision", "insufficient_funds"],
    },
    About {
        name: "reverse_exchange",
        by: "the platform",
        refusals: &["already_rolled_back", "not_allowed", "insufficient_funds"],
    },
    About {
        name: "request_withdrawal",
        by: "the cashier",
        refusals: &[
            "payment_not_found",
            "not_allowed",
            "mismatch",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_blocked",
            "kyc_required",
            "destination_unproven",
            "limit_exceeded",
            "bonus_rule",
            "capacity_exceeded",
            "unplayed_deposits",
            "insufficient_funds",
        ],
    },
    About {
        name: "pass_kyc",
        by: "the platform, once the player is verified",
        refusals: &["payment_not_found", "not_allowed", "kyc_required"],
    },
    About { name: "start_review", by: "the back office", refusals: &["payment_not_found", "not_allowed"] },
    About {
        name: "approve_withdrawal",
        by: "the back office",
        refusals: &["payment_not_found", "not_allowed"],
    },
    About {
        name: "reject_withdrawal",
        by: "the back office",
        refusals: &["payment_not_found", "not_allowed"],
    },
    About {
        name: "cancel_withdrawal",
        by: "the cashier, for the player",
        refusals: &["payment_not_found", "not_allowed", "player_blocked"],
    },
    About {
        name: "expire_withdrawal",
        by: "a timer",
        refusals: &["payment_not_found", "not_allowed", "player_blocked"],
    },
    About {
        name: "split_withdrawal",
        by: "the back office",
        refusals: &[
            "payment_not_found",
            "not_allowed",
            "mismatch",
            "invalid_amount",
            "precision",
            "capacity_exceeded",
        ],
    },
    About {
        name: "send_withdrawal",
        by: "the cashier",
        refusals: &["payment_not_found", "not_allowed", "player_blocked"],
    },
    About {
        name: "mark_unknown",
        by: "the cashier, after a time-out",
        refusals: &["payment_not_found", "not_allowed", "mismatch"],
    },
    About {
        name: "mark_paid",
        by: "a payment provider, through its adapter",
        refusals: &["payment_not_found", "not_allowed", "mismatch", "invalid_amount", "precision"],
    },
    About {
        name: "mark_failed",
        by: "a payment provider, through its adapter",
        refusals: &["payment_not_found", "not_allowed", "mismatch"],
    },
    About {
        name: "mark_returned",
        by: "a payment provider, through its adapter",
        refusals: &["payment_not_found", "not_allowed", "mismatch", "invalid_amount", "precision"],
    },
    About {
        name: "settle_late_payout",
        by: "the back office",
        refusals: &["payment_not_found", "not_allowed"],
    },
    About { name: "block_player", by: "the back office, or the platform", refusals: &["not_allowed"] },
    About { name: "unblock_player", by: "the back office", refusals: &["not_allowed"] },
    About { name: "expire_round", by: "a timer", refusals: &["not_allowed"] },
    About {
        name: "reopen_round",
        by: "a game provider, through its adapter",
        refusals: &["round_closed", "bet_not_found", "capacity_exceeded"],
    },
    About {
        name: "set_limit",
        by: "the platform, for the player or for the operator",
        refusals: &["not_allowed", "currency_mismatch", "invalid_amount", "precision", "capacity_exceeded"],
    },
    About { name: "confirm_limit", by: "the platform, for the player", refusals: &["not_allowed"] },
    About {
        name: "exclude_player",
        by: "the platform, for the player or a register",
        refusals: &["not_allowed"],
    },
    About { name: "return_from_exclusion", by: "the platform, for the player", refusals: &["not_allowed"] },
    About {
        name: "record_register_answers",
        by: "the platform",
        refusals: &["currency_mismatch", "invalid_amount", "precision", "capacity_exceeded"],
    },
    About { name: "assign_limit_profile", by: "the back office", refusals: &["not_allowed"] },
    About { name: "set_tier", by: "the back office", refusals: &["not_allowed"] },
    About { name: "set_person", by: "the back office", refusals: &[] },
    About { name: "set_session_limit", by: "the platform, for the player", refusals: &[] },
    About { name: "confirm_session_limit", by: "the platform, for the player", refusals: &["not_allowed"] },
    About { name: "set_play_time_limit", by: "the platform, for the player", refusals: &["not_allowed"] },
    About { name: "confirm_play_time_limit", by: "the platform, for the player", refusals: &["not_allowed"] },
    About { name: "raise_alert", by: "a process that looks for risk", refusals: &["capacity_exceeded"] },
    About { name: "close_alert", by: "the back office", refusals: &["not_allowed"] },
    About { name: "open_case_for", by: "the back office", refusals: &["capacity_exceeded"] },
    About { name: "assign_case", by: "the back office", refusals: &["not_allowed"] },
    About { name: "close_case", by: "the back office", refusals: &["not_allowed"] },
    About {
        name: "start_session",
        by: "a game provider, through its adapter",
        refusals: &[
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_closed",
            "player_excluded",
            "player_blocked",
            "register_needed",
            "kyc_required",
            "source_closed",
            "game_not_allowed",
            "play_time_reached",
            "capacity_exceeded",
        ],
    },
    About { name: "end_session", by: "a game provider, through its adapter", refusals: &[] },
    About { name: "acknowledge_reality_check", by: "the platform", refusals: &["session_expired"] },
    About {
        name: "tip",
        by: "a game provider, through its adapter",
        refusals: &[
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_closed",
            "player_excluded",
            "player_blocked",
            "register_needed",
            "kyc_required",
            "source_closed",
            "bonus_rule",
            "capacity_exceeded",
            "insufficient_funds",
        ],
    },
    About {
        name: "enter_tournament",
        by: "a game provider, or the platform",
        refusals: &[
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_closed",
            "player_excluded",
            "player_blocked",
            "register_needed",
            "kyc_required",
            "source_closed",
            "bonus_rule",
            "capacity_exceeded",
            "insufficient_funds",
        ],
    },
    About {
        name: "pay_tournament_prize",
        by: "a process that follows the log",
        refusals: &["payment_not_found", "mismatch", "currency_mismatch", "invalid_amount", "precision"],
    },
    About {
        name: "return_tournament_entry",
        by: "a process that follows the log",
        refusals: &["already_rolled_back", "payment_not_found", "mismatch", "currency_mismatch"],
    },
    About {
        name: "roll_out",
        by: "a game provider, through its adapter",
        refusals: &[
            "currency_mismatch",
            "session_expired",
            "invalid_amount",
            "precision",
            "player_closed",
            "player_excluded",
            "player_blocked",
            "register_needed",
            "kyc_required",
            "source_closed",
            "game_not_allowed",
            "session_time_reached",
            "play_time_reached",
            "reality_check_due",
            "limit_exceeded",
            "capacity_exceeded",
            "insufficient_funds",
        ],
    },
    About {
        name: "roll_in",
        by: "a game provider, through its adapter",
        refusals: &[
            "already_settled",
            "already_rolled_back",
            "not_allowed",
            "mismatch",
            "invalid_amount",
            "precision",
        ],
    },
    About { name: "report_free_rounds", by: "a game provider, through its adapter", refusals: OF_AN_OFFER },
    About { name: "grant_bonus", by: "the process that runs campaigns", refusals: OF_A_GRANT },
    About {
        name: "forfeit_bonus",
        by: "the platform for the player, or the operator",
        refusals: &["not_allowed"],
    },
    About { name: "expire_bonus", by: "a timer", refusals: &["not_allowed"] },
    About {
        name: "complete_mission",
        by: "the process that watches missions",
        refusals: &[
            "not_allowed",
            "currency_mismatch",
            "invalid_amount",
            "precision",
            "player_closed",
            "player_excluded",
            "player_blocked",
            "capacity_exceeded",
        ],
    },
    About { name: "offer_bonus", by: "the process that runs campaigns", refusals: OF_AN_OFFER },
    About { name: "claim_bonus", by: "the platform for the player", refusals: OF_A_GRANT },
    About {
        name: "earn_points",
        by: "the process that adds up what was played",
        refusals: &["not_allowed", "currency_mismatch", "invalid_amount", "precision", "capacity_exceeded"],
    },
    About { name: "spend_points", by: "the platform for the player", refusals: OF_AN_OFFER },
    About { name: "expire_points", by: "a timer", refusals: &["not_allowed"] },
    About {
        name: "adjust_points",
        by: "the operator, two persons",
        refusals: &["not_allowed", "capacity_exceeded"],
    },
    About {
        name: "batch",
        by: "whoever sends its commands",
        refusals: &["partly_known", "batch_refused", "capacity_exceeded"],
    },
];

/// One of each command, in the order of the enum.
pub(crate) fn samples() -> Vec<PlayerCommand> {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let bet = commands::bet("t1", "r1", "10");
    let win = commands::win("w1", "r1", "36.40");
    let host = HostOperation {
        movement: Some(commands::host_movement(HostAccountClass::Liability, "points", true, "1")),
        ..commands::host("h1", "points.spent", "{\"points\":100}")
    };
    vec![
        commands::open(&["EUR"]).into(),
        commands::initiate("i1", "100").into(),
        commands::attempt("a1", "i1").into(),
        commands::fail("f1", "i1").into(),
        commands::cancel_deposit("c1", "i1").into(),
        commands::expire_deposit("e1", "i1").into(),
        commands::capture("d1", "i1", "100").into(),
        commands::release("s1", "d1").into(),
        commands::refuse_assignment("d1").into(),
        commands::refund_part("u1", "d1", "20").into(),
        commands::chargeback("k1", "d1", "100").into(),
        commands::reverse_chargeback("v1", "d1", "k1").into(),
        commands::write_off("o1").into(),
        bet.clone().into(),
        commands::win_close("w1", "r1", "36.40").into(),
        commands::close("c1", "r1").into(),
        commands::void_bet("v1", "r1", "t1").into(),
        commands::rollback_bet("x1", "t1").into(),
        commands::credit("g1", CreditKind::Cashback, "5").into(),
        commands::claim_jackpot("j1", "r1").into(),
        commands::pay_jackpot("j1", 3, "1234.56").into(),
        commands::withdraw_claim("j2").into(),
        commands::void_settled_bet("v1", "r1", "t1").into(),
        commands::resettle_bet("s1", "r1", "t1", "75").into(),
        commands::unsettle("u1", "r1", "t1").into(),
        commands::cash_out_part("o1", "r1", "t1", "80", "50").into(),
        commands::adjust("j1", Direction::Debit, "5").into(),
        commands::inform("n1", "t1").into(),
        host.into(),
        commands::propose_debit("p1", "5").into(),
        commands::approve("y1", "p1").into(),
        commands::inactivity_fee("f1", "5").into(),
        commands::transfer_dormant("m1").into(),
        commands::reclaim_dormant("m2").into(),
        commands::withhold_tax("x1", "5").into(),
        commands::return_tax("x2", "x1", "5").into(),
        commands::close_player("z1").into(),
        commands::reopen_player("z2").into(),
        commands::add_purse("u1", "USD").into(),
        commands::exchange("e1", "EUR", "USD", "10", commands::rate_at("EUR", "USD", "1.10", now)).into(),
        commands::reverse_exchange("e2", "e1").into(),
        commands::request("w1", "60").into(),
        commands::pass_kyc("k1", "w1").into(),
        commands::start_review("v1", "w1").into(),
        commands::approve_withdrawal("a1", "w1", "ann").into(),
        commands::reject_withdrawal("j1", "w1").into(),
        commands::cancel_withdrawal("c1", "w1").into(),
        commands::expire_withdrawal("x1", "w1").into(),
        commands::split_withdrawal("s1", "w1", &[("w2", "20"), ("w3", "40")]).into(),
        commands::send("p1", "w1").into(),
        commands::mark_unknown("u1", "w1").into(),
        commands::mark_paid("m1", "w1").into(),
        commands::mark_failed("f1", "w1").into(),
        commands::mark_returned("b1", "w1").into(),
        commands::settle_late("l1", "w1", Bearer::Player).into(),
        commands::block("b1", Block::PayoutsFrozen).into(),
        commands::unblock("n1", Block::PayoutsFrozen).into(),
        commands::expire_round("e1", "r1").into(),
        commands::reopen_round("o1", "r1").into(),
        commands::limit("l1", commands::term(LimitKind::Loss, LimitPeriod::Week, LimitBasis::Calendar), "50")
            .into(),
        commands::confirm_limit(
            "k1",
            commands::term(LimitKind::Loss, LimitPeriod::Week, LimitBasis::Calendar),
        )
        .into(),
        commands::exclude("x1", ExclusionKind::TimeOut, Some(now)).into(),
        commands::come_back("b1").into(),
        commands::register_answers("a1", vec![commands::register("oasis", now, RegisterSays::Clear)]).into(),
        commands::assign_profile("f1", Some("VIP_A")).into(),
        commands::tier("v1", Some("verified")).into(),
        commands::set_person("p1", Some("h1")).into(),
        commands::session_limit("s1", Some(3_600)).into(),
        commands::confirm_session_limit("c1").into(),
        commands::play_time_limit(
            "t1",
            LimitWindow { period: LimitPeriod::Day, basis: LimitBasis::Calendar },
            Some(7_200),
        )
        .into(),
        commands::confirm_play_time_limit(
            "k2",
            LimitWindow { period: LimitPeriod::Day, basis: LimitBasis::Calendar },
        )
        .into(),
        commands::raise_alert("r1", "many_voids").into(),
        commands::close_alert("c1", "r1").into(),
        commands::open_case("o1").into(),
        commands::assign_case("g1", "o1").into(),
        commands::close_case("e1", "o1").into(),
        commands::start_session("s1").into(),
        commands::end_session("e1", "s1").into(),
        commands::acknowledge("a1", "s1").into(),
        commands::tip("t1", "2").into(),
        commands::enter_tournament("e1", "10", "1").into(),
        commands::pay_prize("e1", "60").into(),
        commands::return_entry("e1").into(),
        commands::roll_out("o1", "100").into(),
        commands::roll_in("i1", "o1", "130").into(),
        commands::free_rounds("f1", "12.50").into(),
        commands::grant_bonus("a1", "50").into(),
        commands::forfeit_bonus("f1", "a1").into(),
        commands::expire_bonus("e1", "a1").into(),
        commands::complete_mission(&[("slots", "250", 50)]).into(),
        commands::offer_bonus("a2", "20").into(),
        commands::claim_bonus("c1", "a2").into(),
        commands::earn_points(&[("slots", "2500", "2300")]).into(),
        commands::spend_points("s1", 200).into(),
        commands::expire_points("e1").into(),
        commands::adjust_points("a1", -50).into(),
        commands::batch(vec![bet.into(), win.into()]).into(),
    ]
}

/// The name of a command, as it is written: the tag of its JSON.
pub(crate) fn name_of(command: &PlayerCommand) -> String {
    serde_json::to_value(command).unwrap()["command"].as_str().unwrap().to_owned()
}

/// Whether the page says that a command may be refused for this. A batch is refused for what one of its commands is.
fn is_told(command: &PlayerCommand, rejection: &Rejection) -> bool {
    let code = rejection.code();
    let tells = |command: &PlayerCommand| {
        let name = name_of(command);
        // Those that take money are shown to the checks of the host.
        let checked = command.takes_money() && code == "host_refused";
        checked || ABOUT.iter().any(|about| about.name == name && about.refusals.contains(&code))
    };
    ALL.contains(&code) || tells(command) || command.operations().iter().any(tells)
}

/// Random histories come to no refusal that the page does not tell.
#[test]
fn commands_are_refused_for_what_their_page_says() {
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[11; 32]);
    let mut runner = TestRunner::new_with_rng(config(1), random);
    let runs = generators::runs(30..90).boxed();
    let mut untold = BTreeSet::new();
    for _ in 0..400 {
        let (policy, history) = runs.new_tree(&mut runner).unwrap().current();
        let mut ledger = given_nobody().policy(policy).ledger().clone();
        for (step, command) in history.iter().enumerate() {
            ledger.advance_secs(u32::try_from(step % 3).unwrap());
            let (TestOutcome::Refused(rejection) | TestOutcome::Rejected(rejection)) =
                ledger.execute(command).unwrap().outcome
            else {
                continue;
            };
            if !is_told(command, &rejection) {
                untold.insert((name_of(command), rejection.code()));
            }
        }
    }
    assert!(untold.is_empty(), "docs/commands.md does not tell: {untold:#?}");
}

#[test]
fn there_is_a_sample_and_a_word_on_every_command() {
    let names: Vec<_> = samples().iter().map(name_of).collect();
    assert_eq!(names.len(), PlayerCommand::NAMES.len());
    for ((name, written), about) in names.iter().zip(PlayerCommand::NAMES).zip(ABOUT) {
        assert_eq!(name.replace('_', ""), written.to_lowercase(), "samples stand in the order of the enum");
        assert_eq!(name, about.name, "so does what is said of them");
        let order = about.refusals.iter().map(|code| CODES.iter().position(|known| known == code).unwrap());
        assert!(order.is_sorted(), "{name}: refusals stand in order of precedence");
        assert!(about.refusals.iter().all(|code| !ALL.contains(code)), "{name}");
    }
}

/// A stream or a key, without the ids it is made of.
fn kinds(needed: &FactsNeeded, player: &PlayerId) -> String {
    let mut all: Vec<String> = needed
        .aggregates
        .iter()
        .map(|aggregate| format!("`{}`", pattern(&aggregate.stream(player).to_string())))
        .collect();
    let keys: Vec<_> = needed.targets.iter().map(|key| format!("`{}`", key.kind.as_str())).collect();
    if !keys.is_empty() {
        all.push(format!("its target under the kinds {}", keys.join(", ")));
    }
    if !needed.tombstones.is_empty() {
        all.push("a tombstone of what it names".to_owned());
    }
    if all.is_empty() { "only its key".to_owned() } else { format!("its key, {}", all.join(", ")) }
}

/// A sample as someone would write it: what is left out by default is left out.
fn written(command: &PlayerCommand) -> String {
    fn prune(value: &mut Value) {
        match value {
            Value::Object(all) => {
                all.values_mut().for_each(prune);
                let says = |value: &Value| match value {
                    Value::Null => false,
                    Value::Array(all) => !all.is_empty(),
                    Value::Object(all) => !all.is_empty(),
                    _ => true,
                };
                all.retain(|_, value| says(value));
            }
            Value::Array(all) => all.iter_mut().for_each(prune),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(command).unwrap();
    prune(&mut value);
    let again: PlayerCommand = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(again, *command, "what is left out is there by default");
    serde_json::to_string_pretty(&value).unwrap()
}

const COMMANDS: &str = "# Commands

Everything that can be asked of a player's ledger, one section a command. This page is written from the code by a test
(`ledger-core/tests/it/commands_doc.rs`): the words are the doc comments of the structs, fields and types their
shapes; what a command is refused for is compared with what random histories come to.

A command is JSON that names it in `command`, or one of the structs of `ledger-core`. Ids are texts of 1 to 128 bytes; decimals are texts and never
numbers; a field marked *optional* may be left out; unknown fields are refused. Actor and trace are no part of a
command: they are given beside it.

A command is known by its key: who sends it, its kind, its id. The same key with the same business fields is a replay; with
others it is `key_reused`. *Business fields* are those of the [fingerprint](storage-format.md#fingerprints).

*Sticky* says whether a recorded refusal stays under the key: so it does for what takes the player's money or starts a
payment, unless the source's policy has `sticky_rejections: false`. *Looked for* is what is searched in the log, where it is
not live state.

Every command may be refused as `player_unknown`, `key_reused`, `txn_cancelled` (its id is dead) and `amount_overflow`; every one
that takes money as `host_refused`, by a check of the host. The other refusals are listed in the order in which they
are told; what each means, and which are recorded, is in [events.md](events.md#rejections).

The commands of the house are in [house.md](house.md#the-commands).
";

/// The page, from the schema of all commands and of policies.
pub(crate) fn page() -> String {
    let player = PlayerId::new("P").unwrap();
    let policy = Policy::default();
    let schemas = PlayerCommand::schemas().into_iter().map(|schema| serde_json::to_value(schema).unwrap());
    let mut schemas: Vec<Value> = schemas.collect();
    let mut text = COMMANDS.to_owned();
    text.push_str("\n| command | kind of its key | sent by |\n|---|---|---|\n");
    for (sample, about) in samples().iter().zip(ABOUT) {
        let (name, kind) = (about.name, kind_of(sample));
        writeln!(text, "| [`{name}`](#{name}) | {kind} | {} |", about.by).unwrap();
    }
    text.push('\n');
    let named = PlayerCommand::NAMES.iter().zip(&schemas);
    for ((sample, about), (name, shape)) in samples().iter().zip(ABOUT).zip(named) {
        writeln!(text, "## {}\n\n`{name}`. {}\n", about.name, description(shape)).unwrap();
        let lane = if sample.is_cashier() { "cashier" } else { "play" };
        let sticky = if sample.takes_money() { "yes" } else { "no" };
        let needed = FactsNeeded::of(sample, &player, &policy).unwrap();
        let refusals: Vec<_> = about.refusals.iter().map(|code| format!("`{code}`")).collect();
        let refusals = if refusals.is_empty() { "none of its own".to_owned() } else { refusals.join(", ") };
        let others = if *name == "Batch" { ", and those of its commands" } else { "" };
        let kind = kind_of(sample);
        writeln!(text, "- Sent by {}. Key: {kind}. Lane: {lane}. Sticky: {sticky}.", about.by).unwrap();
        if *name != "Batch" {
            writeln!(text, "- Looked for: {}.", kinds(&needed, &player)).unwrap();
        }
        writeln!(text, "- Refusals: {refusals}{others}.\n").unwrap();
        fields(shape, &mut text);
        writeln!(text, "```json\n{}\n```\n", written(sample)).unwrap();
    }
    let policies = serde_json::to_value(schemars::schema_for!(Policy)).unwrap();
    text.push_str("## Policies\n\nThe document that commands are decided under.\n\n");
    fields(&policies, &mut text);
    text.push_str("## Types\n\nThe words and shapes that fields of commands and policies are made of.\n\n");
    schemas.push(policies);
    definitions(&schemas, &mut text);
    format!("{}\n", text.trim_end())
}

fn kind_of(command: &PlayerCommand) -> String {
    match command {
        PlayerCommand::Batch(_) => "one for each of its commands".to_owned(),
        command => format!("`{}`", command.kind().as_str()),
    }
}

#[test]
fn the_page_of_commands_is_what_the_code_says() {
    compare("commands.md", &page());
}
