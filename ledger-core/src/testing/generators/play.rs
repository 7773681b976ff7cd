//! How sources play, sessions, the ends of rounds that nobody says, and money that is no stake, at random.

use super::{
    Index, PlayerCommand, Strategy, a_bet, amounts, commands, currencies, earlier, option, prop_oneof,
    rounds, select, sources, txns, vec,
};
use crate::account::AccountKind;
use crate::credit::ReportFreeRounds;
use crate::ids::TransactionId;
use crate::jackpot::{ClaimJackpot, PayJackpot, WithdrawJackpotClaim};
use crate::money::{Amount, CurrencyCode};
use crate::policy::{
    FreeRoundPayment, JurisdictionProfile, RoundClosePolicy, RoundTimeOut, SessionPolicy, SourcePolicy,
    SourceSwitch, TimeOutAction,
};
use crate::purchase::{EnterTournament, Tip};
use crate::round::{CallFlags, ExpireRound, FreeStake, Funds, JackpotShare, PlaceBet, ReopenRound};
use crate::session::{AcknowledgeRealityCheck, EndSession, StartSession};
use crate::stored::BarredPayee;
use crate::stored::{JackpotKind, SessionRef};
use crate::testing::house_commands;
use crate::tournament::{PayTournamentPrize, ReturnTournamentEntry};
use crate::transfer::{RollIn, RollOut};
use proptest::prelude::*;
use proptest::strategy::Just;
use std::collections::BTreeMap;

fn seldom() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.15)
}

/// How a source plays, on top of what else its policy says.
pub(super) fn playing() -> impl Strategy<Value = SourcePolicy> {
    use RoundClosePolicy::{EndCall, EveryWin, Flag, ImmediateLoss, ZeroWin};
    use SourceSwitch::{BonusesOff, Maintenance, NoNewSessions};
    let close = select(&[Flag, Flag, Flag, Flag, Flag, EndCall, ZeroWin, EveryWin, ImmediateLoss][..]);
    let then = select(&[TimeOutAction::Void, TimeOutAction::Lose][..]);
    let limit =
        (select(&[0_u32, 3][..]), then).prop_map(|(after_secs, then)| RoundTimeOut { after_secs, then });
    let sessions = (seldom(), prop::bool::weighted(0.8), option::weighted(0.2, Just(4)))
        .prop_map(|(needed, checked, ttl_secs)| SessionPolicy { needed, checked, ttl_secs });
    let sessions = prop_oneof![4 => Just(SessionPolicy::default()), 1 => sessions];
    let flags = (seldom(), seldom(), seldom(), seldom(), seldom());
    let some = prop::sample::subsequence(vec![Maintenance, NoNewSessions, BonusesOff], 1..=2);
    let switches = prop_oneof![20 => Just(Vec::new()), 1 => some];
    let free = select(&[FreeRoundPayment::Each, FreeRoundPayment::Each, FreeRoundPayment::Total][..]);
    (close, option::weighted(0.5, limit), sessions, flags, (free, switches)).prop_map(
        |(round_close, round_time_out, sessions, flags, (free_rounds, switches))| {
            let (reopen, late, negative, alone, one) = flags;
            SourcePolicy {
                switches,
                round_close,
                round_time_out,
                reopen_rounds: reopen,
                wagers_after_end: late,
                negative_debit: negative,
                credit_without_debit: alone,
                one_open_round: one,
                free_rounds,
                sessions,
                ..SourcePolicy::default()
            }
        },
    )
}

/// What a jurisdiction demands: mostly nothing.
pub(super) fn profiles() -> impl Strategy<Value = JurisdictionProfile> {
    let stakes = [500, 1_000, 2_500].map(|units| Amount::new(units, 2).expect("an amount"));
    let euros = BTreeMap::from([(commands::currency("EUR"), stakes.to_vec())]);
    let strict = (
        prop_oneof![Just(BTreeMap::new()), Just(euros)],
        select(&[0_u32, 1_000][..]),
        prop::bool::weighted(0.3),
    )
        .prop_map(|(stakes, round_interval_ms, session_needed)| JurisdictionProfile {
            stakes,
            round_interval_ms,
            session_needed,
            ..JurisdictionProfile::default()
        });
    let lenient = JurisdictionProfile { player_transfers: true, ..JurisdictionProfile::default() };
    prop_oneof![5 => Just(JurisdictionProfile::default()), 3 => Just(lenient), 1 => strict]
}

fn flag() -> impl Strategy<Value = Option<bool>> {
    option::weighted(0.06, any::<bool>())
}

/// What a provider says of one call: mostly nothing.
pub(super) fn flags() -> impl Strategy<Value = CallFlags> {
    (flag(), flag(), flag(), flag(), flag(), flag(), flag()).prop_map(
        |(
            negative_debit,
            credit_without_debit,
            cancel_settled,
            after_end,
            reopen,
            validate_session,
            open_rounds,
        )| CallFlags {
            negative_debit,
            credit_without_debit,
            cancel_settled,
            after_end,
            reopen,
            validate_session,
            open_rounds,
        },
    )
}

fn session_refs() -> impl Strategy<Value = SessionRef> {
    (1..4_u8).prop_map(|n| commands::session(&format!("S{n}")))
}

fn funds() -> impl Strategy<Value = Funds> {
    prop_oneof![20 => Just(Funds::ByPolicy), 2 => Just(Funds::Cash), 1 => Just(Funds::Bonus)]
}

fn shares() -> impl Strategy<Value = JackpotShare> {
    let jackpot = select(&["mini", "grand"][..]);
    let kind = select(&[JackpotKind::Local, JackpotKind::Network][..]);
    let usual = select(&["0.01", "0.0025", "1", "0.333333"][..]);
    let odd = select(&["0", "-1", "0.0000001", "1000"][..]);
    (jackpot, kind, prop_oneof![12 => usual, 1 => odd]).prop_map(|(jackpot, kind, amount)| JackpotShare {
        jackpot: commands::sub_account(jackpot),
        kind,
        amount: commands::decimal(amount),
    })
}

/// Makes a bet free, or part of a session, or one that feeds jackpots.
pub(super) fn varied(bet: PlaceBet) -> impl Strategy<Value = PlaceBet> {
    let free = option::weighted(0.08, (select(&["campaign", "friday"][..]), amounts()));
    let session = option::weighted(0.2, session_refs());
    let contributions = prop_oneof![8 => Just(Vec::new()), 1 => vec(shares(), 1..3)];
    let kind = option::weighted(0.2, select(&["slots", "tables"][..]).prop_map(commands::game_type));
    (Just(bet), free, session, funds(), contributions, flags(), any::<bool>(), kind, seldom()).prop_map(
        |(bet, free, session, funds, contributions, flags, odd, game_type, buys_feature)| {
            let amount = if free.is_some() && !odd { commands::decimal("0") } else { bet.amount };
            let free = free
                .map(|(campaign, nominal)| FreeStake { campaign: commands::sub_account(campaign), nominal });
            PlaceBet { amount, session, funds, free, contributions, game_type, buys_feature, flags, ..bet }
        },
    )
}

/// One command of play that is neither a bet nor a result.
pub(super) fn single() -> impl Strategy<Value = PlayerCommand> {
    let expiries = (txns(), sources(), rounds()).prop_map(|(id, round_source, round)| {
        ExpireRound { source: commands::source("timers"), id, round_source, round }.into()
    });
    let reopenings = (sources(), txns(), rounds(), flags(), option::weighted(0.5, any::<bool>())).prop_map(
        |(source, id, round, flags, reopen)| {
            ReopenRound { source, id, round, flags: CallFlags { reopen, ..flags } }.into()
        },
    );
    let starts = (session_refs(), currencies()).prop_map(|(of, currency)| {
        StartSession { id: of.id, currency, ..commands::start_session("S1") }.into()
    });
    let ends = (txns(), session_refs())
        .prop_map(|(id, session)| EndSession { session, ..commands::end_session(id.as_str(), "S1") }.into());
    let seen = (txns(), session_refs()).prop_map(|(id, session)| {
        AcknowledgeRealityCheck { session, ..commands::acknowledge(id.as_str(), "S1") }.into()
    });
    let round = option::weighted(0.3, rounds());
    let tips = (sources(), txns(), amounts(), currencies(), round, funds()).prop_map(
        |(source, id, amount, currency, round, funds)| {
            Tip { source, id, amount, currency, round, funds, registers: Vec::new() }.into()
        },
    );
    let entries = (txns(), amounts(), select(&["0", "1", "0.50"][..]), currencies(), funds()).prop_map(
        |(id, buy_in, fee, currency, funds)| {
            let entered = commands::enter_tournament(id.as_str(), "1", fee);
            EnterTournament { buy_in, currency, funds, ..entered }.into()
        },
    );
    let away = (sources(), txns(), option::weighted(0.7, amounts()), currencies(), flags());
    let away = (away, option::weighted(0.2, session_refs())).prop_map(
        |((source, id, amount, currency, flags), session)| {
            let out = commands::take_all(id.as_str());
            RollOut { source, amount, currency, session, flags, ..out }.into()
        },
    );
    let told = option::weighted(0.4, (amounts(), amounts()));
    let back = (sources(), txns(), txns(), amounts(), currencies(), told).prop_map(
        |(source, id, transfer, amount, currency, told)| {
            let (staked, won) = told.unzip();
            RollIn { source, id, transfer, amount, currency, staked, won }.into()
        },
    );
    let totals = (sources(), txns(), amounts(), currencies()).prop_map(|(source, id, amount, currency)| {
        ReportFreeRounds { source, id, amount, currency, ..commands::free_rounds("T1", "1") }.into()
    });
    let jackpots = select(&["mega", "mini"][..]).prop_map(house_commands::jackpot);
    let claims = (sources(), txns(), rounds(), jackpots.clone(), currencies()).prop_map(
        |(source, id, round, jackpot, currency)| ClaimJackpot { source, id, jackpot, round, currency }.into(),
    );
    let test = prop::bool::weighted(0.05);
    let payments = (sources(), txns(), jackpots, 1..4_u64, amounts(), currencies(), test).prop_map(
        |(source, id, jackpot, award, amount, currency, test)| {
            let kind = if test { AccountKind::Test } else { AccountKind::Real };
            PayJackpot { source, id, kind, jackpot, award, amount, currency }.into()
        },
    );
    let withdrawals = (sources(), txns()).prop_map(|(source, id)| {
        WithdrawJackpotClaim { source, ..commands::withdraw_claim(id.as_str()) }.into()
    });
    let tournaments = select(&["cup", "cup", "cup", "other"][..])
        .prop_map(|text| crate::ids::TournamentId::new(text).expect("a tournament id"));
    let kinds =
        prop::bool::weighted(0.05).prop_map(|test| if test { AccountKind::Test } else { AccountKind::Real });
    let barred = select(&[BarredPayee::Pay, BarredPayee::Forfeit][..]);
    let prizes = (txns(), amounts(), currencies(), tournaments.clone(), kinds.clone(), barred).prop_map(
        |(id, amount, currency, tournament, kind, barred)| {
            let prize = commands::pay_prize(id.as_str(), "1");
            PayTournamentPrize { kind, tournament, amount, currency, barred, ..prize }.into()
        },
    );
    let returns = (txns(), tournaments, kinds).prop_map(|(id, tournament, kind)| {
        ReturnTournamentEntry { kind, tournament, ..commands::return_entry(id.as_str()) }.into()
    });
    prop_oneof![
        2 => prizes,
        1 => returns,
        4 => claims,
        4 => payments,
        1 => withdrawals,
        3 => expiries,
        3 => reopenings,
        3 => starts,
        1 => ends,
        1 => seen,
        2 => tips,
        2 => entries,
        2 => away,
        2 => back,
        1 => totals,
    ]
}

fn a_session(command: &PlayerCommand) -> Option<(SessionRef, CurrencyCode)> {
    match command {
        PlayerCommand::StartSession(start) => Some((start.session(), start.currency)),
        _ => None,
    }
}

fn a_transfer(command: &PlayerCommand) -> Option<&RollOut> {
    match command {
        PlayerCommand::RollOut(out) => Some(out),
        _ => None,
    }
}

fn an_entry(command: &PlayerCommand) -> Option<&EnterTournament> {
    match command {
        PlayerCommand::EnterTournament(entry) => Some(entry),
        _ => None,
    }
}

fn a_claim(command: &PlayerCommand) -> Option<&ClaimJackpot> {
    match command {
        PlayerCommand::ClaimJackpot(claim) => Some(claim),
        _ => None,
    }
}

/// Aims a command at an earlier bet, session, claim or transfer.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: Index) {
    let session = earlier(all, at, a_session);
    match command {
        PlayerCommand::PlaceBet(bet) if bet.session.is_some() => {
            if let Some((of, currency)) = session {
                (bet.session, bet.currency) = (Some(of), currency);
            }
        }
        PlayerCommand::RollOut(out) if out.session.is_some() => {
            if let Some((of, _)) = session {
                out.session = Some(of);
            }
        }
        PlayerCommand::ClaimJackpot(claim) => {
            if let Some(bet) = earlier(all, at, a_bet) {
                claim.source.clone_from(&bet.source);
                claim.round.clone_from(&bet.round);
            }
        }
        PlayerCommand::PayJackpot(pay) => {
            if let Some(claim) = earlier(all, at, a_claim) {
                pay.source.clone_from(&claim.source);
                pay.id.clone_from(&claim.id);
                // One in four or so is of another jackpot, or in another currency.
                if pay.award > 1 {
                    (pay.jackpot, pay.currency) = (claim.jackpot.clone(), claim.currency);
                }
            }
        }
        PlayerCommand::PayTournamentPrize(pay) => {
            if let Some(entry) = earlier(all, at, an_entry) {
                pay.source.clone_from(&entry.source);
                pay.id.clone_from(&entry.id);
                if pay.barred == BarredPayee::Pay {
                    pay.currency = entry.currency;
                }
            }
        }
        PlayerCommand::ReturnTournamentEntry(back) => {
            if let Some(entry) = earlier(all, at, an_entry) {
                back.source.clone_from(&entry.source);
                back.id.clone_from(&entry.id);
            }
        }
        PlayerCommand::WithdrawJackpotClaim(withdraw) => {
            if let Some(claim) = earlier(all, at, a_claim) {
                withdraw.source.clone_from(&claim.source);
                withdraw.id.clone_from(&claim.id);
            }
        }
        PlayerCommand::EndSession(end) => {
            if let Some((of, _)) = session {
                end.session = of;
            }
        }
        PlayerCommand::AcknowledgeRealityCheck(seen) => {
            if let Some((of, _)) = session {
                seen.session = of;
            }
        }
        PlayerCommand::ExpireRound(expire) => {
            if let Some(bet) = earlier(all, at, a_bet) {
                expire.round_source.clone_from(&bet.source);
                expire.round.clone_from(&bet.round);
            }
        }
        PlayerCommand::ReopenRound(reopen) => {
            if let Some(bet) = earlier(all, at, a_bet) {
                reopen.source.clone_from(&bet.source);
                reopen.round.clone_from(&bet.round);
            }
        }
        PlayerCommand::RollIn(back) => {
            if let Some(out) = earlier(all, at, a_transfer) {
                back.source.clone_from(&out.source);
                back.transfer.clone_from(&out.id);
                back.currency = out.currency;
                // What the provider tells must add up: now and then it does.
                if let (Some(_), Some(won), Some(sent)) = (back.staked, back.won, out.amount) {
                    back.staked = sent.checked_add(won).and_then(|sum| sum.checked_sub(back.amount));
                }
            }
        }
        _ => {}
    }
}

/// The id of such a command.
pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    match command {
        PlayerCommand::ExpireRound(c) => Some(&mut c.id),
        PlayerCommand::ReopenRound(c) => Some(&mut c.id),
        PlayerCommand::StartSession(c) => Some(&mut c.id),
        PlayerCommand::EndSession(c) => Some(&mut c.id),
        PlayerCommand::AcknowledgeRealityCheck(c) => Some(&mut c.id),
        PlayerCommand::Tip(c) => Some(&mut c.id),
        PlayerCommand::EnterTournament(c) => Some(&mut c.id),
        // Payments and withdrawals of a claim have its id.
        PlayerCommand::ClaimJackpot(c) => Some(&mut c.id),
        PlayerCommand::RollOut(c) => Some(&mut c.id),
        PlayerCommand::RollIn(c) => Some(&mut c.id),
        PlayerCommand::ReportFreeRounds(c) => Some(&mut c.id),
        _ => None,
    }
}
