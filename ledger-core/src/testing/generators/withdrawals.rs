//! Withdrawals: asked for, verified, looked at, approved, split, sent, answered, sent back; and blocks.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::{amounts, commands, currencies, earlier, txns};
use crate::deposit::RecordDeposit;
use crate::ids::TransactionId;
use crate::money::BasisPoints;
use crate::player::{Block, BlockPlayer, UnblockPlayer};
use crate::player_ledger::PlayerCommand;
use crate::policy::{
    AfterChargeback, ApprovalStep, DestinationPolicy, JurisdictionProfile, KycRequirement, LatePayoutPolicy,
    ReverseWithdrawal, UnplayedMoney, WithdrawalFee, WithdrawalPolicy, WithdrawalTerms,
};
use crate::stored::{Bearer, DestinationProof, KycStatus, PaymentRef, PayoutReturnedTo};
use crate::withdrawal::{
    ApproveWithdrawal, CancelWithdrawal, ExpireWithdrawal, MarkFailed, MarkPaid, MarkReturned, MarkUnknown,
    PassKyc, RejectWithdrawal, RequestWithdrawal, SendWithdrawal, SettleLatePayout, SplitPart,
    SplitWithdrawal, StartReview,
};

fn terms() -> impl Strategy<Value = WithdrawalTerms> {
    let step = |from: &str, approvals| ApprovalStep { from: commands::decimal(from), approvals };
    let steps = prop_oneof![
        Just(Vec::new()),
        Just(vec![step("0", 1), step("10", 2)]),
        Just(vec![step("50", 3), step("5", 0), step("20", 2)]),
    ];
    let fee =
        (select(&["0", "2", "0.019", "-1"][..]), select(&[0_u32, 0, 250][..])).prop_map(|(fixed, rate)| {
            WithdrawalFee { fixed: commands::decimal(fixed), rate: BasisPoints::new(rate).expect("a rate") }
        });
    let most = || option::weighted(0.3, select(&["30", "75.5", "200"][..]).prop_map(commands::decimal));
    let auto = option::weighted(0.5, select(&["10", "50"][..]).prop_map(commands::decimal));
    (auto, steps, fee, most(), most(), most()).prop_map(
        |(auto_approve_max, approvals, fee, day_max, week_max, month_max)| WithdrawalTerms {
            auto_approve_max,
            approvals,
            fee,
            day_max,
            week_max,
            month_max,
        },
    )
}

pub(super) fn policies() -> impl Strategy<Value = WithdrawalPolicy> {
    use AfterChargeback::{Allow, Hold, Reject};
    let kyc = select(&[KycRequirement::NotRequired, KycRequirement::Await, KycRequirement::Reject][..]);
    let destination = select(
        &[
            DestinationPolicy::Any,
            DestinationPolicy::Proven,
            DestinationPolicy::Proven,
            DestinationPolicy::ClosedLoop,
        ][..],
    );
    let late = select(&[LatePayoutPolicy::Player, LatePayoutPolicy::Suspense][..]);
    let known = (kyc, select(&[0_u32, 20, 86_400, 86_400, 86_400][..]), destination);
    let rest = (option::weighted(0.2, 1_u16..4), select(&[0_u32, 5, 86_400][..]));
    (known, rest, select(&[Reject, Hold, Allow][..]), late, option::weighted(0.7, terms())).prop_map(
        |(
            (kyc, kyc_max_age_secs, destination),
            (pending_max, ttl_secs),
            after_chargeback,
            late_payout,
            terms,
        )| {
            WithdrawalPolicy {
                kyc,
                kyc_max_age_secs,
                destination,
                pending_max,
                ttl_secs,
                after_chargeback,
                late_payout,
                currencies: terms.map(|terms| (commands::currency("EUR"), terms)).into_iter().collect(),
            }
        },
    )
}

/// Profiles of which half make lots of deposits.
pub(super) fn profiles() -> impl Strategy<Value = JurisdictionProfile> {
    use ReverseWithdrawal::{Forbidden, UntilReview, UntilSend};
    let fee = |rate| UnplayedMoney::Fee { rate: BasisPoints::new(rate).expect("a rate") };
    let unplayed = prop_oneof![
        3 => Just(UnplayedMoney::Free),
        2 => select(&[2_000_u32, 333, 10_000, 0]).prop_map(fee),
        1 => Just(UnplayedMoney::Block),
    ];
    (select(&[Forbidden, UntilReview, UntilSend, UntilSend][..]), unplayed).prop_map(
        |(reverse_withdrawal, unplayed)| JurisdictionProfile {
            reverse_withdrawal,
            unplayed,
            ..JurisdictionProfile::default()
        },
    )
}

fn people() -> impl Strategy<Value = &'static str> {
    select(&["ann", "bob", "cem", "eve"][..])
}

fn refs() -> impl Strategy<Value = PaymentRef> {
    txns().prop_map(|id| commands::withdrawal(id.as_str()))
}

fn payouts() -> impl Strategy<Value = PaymentRef> {
    txns().prop_map(|id| commands::payment(id.as_str()))
}

fn requests() -> impl Strategy<Value = RequestWithdrawal> {
    let instrument = prop_oneof![4 => Just("iban"), 1 => Just("card")].prop_map(commands::instrument);
    let proof = prop_oneof![
        1 => Just(None),
        9 => Just(Some(commands::verified())),
        3 => txns().prop_map(|id| Some(DestinationProof::Deposit(commands::payment(id.as_str())))),
    ];
    let status =
        select(&[KycStatus::Verified, KycStatus::Verified, KycStatus::Pending, KycStatus::Failed][..]);
    let kyc = option::weighted(0.9, status.prop_map(commands::kyc));
    let by = option::weighted(0.2, people().prop_map(commands::person));
    let usual = select(&["5", "10", "2.50", "20", "7.77"][..]).prop_map(commands::decimal);
    let amount = prop_oneof![3 => usual, 1 => amounts()];
    let most = option::weighted(0.15, select(&["0", "10"][..]).prop_map(commands::decimal));
    (txns(), amount, currencies(), instrument, proof, kyc, (by, most)).prop_map(
        |(id, amount, currency, destination, proof, kyc, (by, forfeits_at_most))| RequestWithdrawal {
            id,
            amount,
            currency,
            destination,
            proof,
            kyc,
            by,
            forfeits_at_most,
            ..commands::request("W", "1")
        },
    )
}

fn splits() -> impl Strategy<Value = SplitWithdrawal> {
    let part = (txns(), amounts()).prop_map(|(id, amount)| SplitPart { id, amount });
    (txns(), refs(), prop::collection::vec(part, 1..4), people()).prop_map(|(id, withdrawal, parts, by)| {
        SplitWithdrawal {
            id,
            withdrawal,
            parts,
            by: commands::person(by),
            ..commands::split_withdrawal("S", "W", &[])
        }
    })
}

/// A command on a withdrawal before it is sent.
fn office() -> impl Strategy<Value = PlayerCommand> {
    let named = || (txns(), refs());
    prop_oneof![
        2 => named().prop_map(|(id, withdrawal)| {
            PassKyc { id, withdrawal, ..commands::pass_kyc("K", "W") }.into()
        }),
        1 => (named(), people()).prop_map(|((id, withdrawal), by)| {
            StartReview { id, withdrawal, by: commands::person(by), ..commands::start_review("V", "W") }.into()
        }),
        4 => (named(), people()).prop_map(|((id, withdrawal), by)| {
            ApproveWithdrawal { id, withdrawal, ..commands::approve_withdrawal("A", "W", by) }.into()
        }),
        1 => (named(), people()).prop_map(|((id, withdrawal), by)| {
            let by = commands::person(by);
            RejectWithdrawal { id, withdrawal, by, ..commands::reject_withdrawal("R", "W") }.into()
        }),
        1 => named().prop_map(|(id, withdrawal)| {
            CancelWithdrawal { id, withdrawal, ..commands::cancel_withdrawal("C", "W") }.into()
        }),
        1 => named().prop_map(|(id, withdrawal)| {
            ExpireWithdrawal { id, withdrawal, ..commands::expire_withdrawal("E", "W") }.into()
        }),
        2 => splits().prop_map(PlayerCommand::from),
    ]
}

/// A command on a payout.
fn payout_commands() -> impl Strategy<Value = PlayerCommand> {
    let named = || (txns(), refs(), payouts());
    let part = option::weighted(0.3, amounts());
    let kept = option::weighted(0.4, select(&["1", "0", "7.77", "500"][..]).prop_map(commands::decimal));
    let bearer = || select(&[Bearer::Player, Bearer::House][..]);
    let to = select(&[PayoutReturnedTo::Player, PayoutReturnedTo::Player, PayoutReturnedTo::Suspense][..]);
    let agreed = prop_oneof![9 => Just("boris"), 1 => Just("anna")].prop_map(commands::person);
    prop_oneof![
        4 => named().prop_map(|(id, withdrawal, payout)| {
            SendWithdrawal { id, withdrawal, payout, ..commands::send("P", "W") }.into()
        }),
        1 => named().prop_map(|(id, withdrawal, payout)| {
            MarkUnknown { id, withdrawal, payout, ..commands::mark_unknown("U", "W") }.into()
        }),
        4 => (named(), part).prop_map(|((id, withdrawal, payout), amount)| {
            MarkPaid { id, withdrawal, payout, amount, ..commands::mark_paid("P", "W") }.into()
        }),
        2 => named().prop_map(|(id, withdrawal, payout)| {
            MarkFailed { id, withdrawal, payout, ..commands::mark_failed("F", "W") }.into()
        }),
        2 => (named(), to, kept, bearer(), any::<bool>()).prop_map(
            |((id, withdrawal, payout), to, fee, fee_by, return_fee)| {
                let back = commands::mark_returned("B", "W");
                MarkReturned { id, withdrawal, payout, to, fee, fee_by, return_fee, ..back }.into()
            }
        ),
        1 => ((txns(), refs()), bearer(), agreed).prop_map(|((id, withdrawal), bearer, approved_by)| {
            let settle = commands::settle_late("L", "W", bearer);
            SettleLatePayout { id, withdrawal, approved_by, ..settle }.into()
        }),
    ]
}

fn blocks() -> impl Strategy<Value = PlayerCommand> {
    let which = || {
        select(
            &[Block::PayoutsFrozen, Block::ChargedBack, Block::Bets, Block::Deposits, Block::Withdrawals][..],
        )
    };
    let approved_by = prop_oneof![9 => Just("bob"), 1 => Just("ann")].prop_map(commands::person);
    prop_oneof![
        2 => (txns(), which()).prop_map(|(id, block)| {
            BlockPlayer { id, ..commands::block("B", block) }.into()
        }),
        5 => (txns(), which(), approved_by).prop_map(|(id, block, approved_by)| {
            UnblockPlayer { id, approved_by, ..commands::unblock("B", block) }.into()
        }),
    ]
}

/// One command on withdrawals, or on blocks.
pub(super) fn single() -> impl Strategy<Value = PlayerCommand> {
    prop_oneof![
        7 => requests().prop_map(PlayerCommand::from),
        6 => office(),
        7 => payout_commands(),
        1 => blocks(),
    ]
}

/// Messages on one withdrawal of a player who has deposited, from its request to its return; some of them, or all, and
/// what he plays in between.
pub(super) fn tale() -> impl Strategy<Value = Vec<PlayerCommand>> {
    let card = Some(commands::instrument("card"));
    let deposit = RecordDeposit { instrument: card, ..commands::deposit("ZD", "100") };
    let from_deposit = DestinationProof::Deposit(commands::payment("ZD"));
    let request = RequestWithdrawal {
        destination: commands::instrument("card"),
        proof: Some(from_deposit),
        ..commands::request("ZW", "50")
    };
    let unknown = RequestWithdrawal { kyc: None, ..request.clone() };
    let begin = select(vec![request.clone(), request, unknown]);
    let parts = select(&[None, Some("ZW1"), Some("ZW2")][..]);
    (begin, parts).prop_flat_map(move |(request, part)| {
        let beginning = beginning(deposit.clone(), request, part.is_some());
        let part = part.unwrap_or("ZW");
        let ending = prop_oneof![5 => some_of(payout_of(part)), 2 => some_of(called_off(part))];
        (beginning, ending).prop_map(|(beginning, ending)| [beginning, ending].concat())
    })
}

/// Half of these, or more.
fn some_of(all: Vec<PlayerCommand>) -> impl Strategy<Value = Vec<PlayerCommand>> {
    let count = all.len();
    prop::sample::subsequence(all, count / 2..=count)
}

fn beginning(
    deposit: RecordDeposit,
    request: RequestWithdrawal,
    splits: bool,
) -> impl Strategy<Value = Vec<PlayerCommand>> {
    let play: Vec<PlayerCommand> = vec![
        commands::bet("ZB", "ZR", "30").into(),
        commands::win_close("ZC", "ZR", "25").into(),
        commands::pass_kyc("ZK", "ZW").into(),
        commands::start_review("ZV", "ZW").into(),
        commands::approve_withdrawal("ZA1", "ZW", "ann").into(),
        commands::approve_withdrawal("ZA2", "ZW", "bob").into(),
        commands::approve_withdrawal("ZA3", "ZW", "cem").into(),
    ];
    let parts = [("ZW1", "20"), ("ZW2", "30")];
    some_of(play).prop_map(move |play| {
        let asks = |command: &PlayerCommand| {
            !matches!(command, PlayerCommand::PlaceBet(_) | PlayerCommand::Settle(_))
        };
        let (office, play): (Vec<_>, Vec<_>) = play.into_iter().partition(asks);
        let mut all: Vec<PlayerCommand> = vec![deposit.clone().into()];
        all.extend(play);
        all.push(request.clone().into());
        all.extend(office);
        if splits {
            all.push(commands::split_withdrawal("ZS0", "ZW", &[("ZW1", "20"), ("ZW2", "20")]).into());
            all.push(commands::split_withdrawal("ZS", "ZW", &parts).into());
        }
        all
    })
}

/// It is sent, and its provider says this and that.
fn payout_of(part: &str) -> Vec<PlayerCommand> {
    let id = |text: &str| format!("{text}{part}");
    let elsewhere = commands::payment("elsewhere");
    let dear = Some(commands::decimal("500"));
    vec![
        commands::approve_withdrawal(&id("ZA5"), part, "dan").into(),
        commands::approve_withdrawal(&id("ZA6"), part, "fay").into(),
        commands::approve_withdrawal(&id("ZA7"), part, "gil").into(),
        commands::send(&id("ZP"), part).into(),
        commands::mark_unknown(&id("ZU"), part).into(),
        MarkPaid { payout: elsewhere.clone(), ..commands::mark_paid(&id("ZN"), part) }.into(),
        MarkFailed { payout: elsewhere, ..commands::mark_failed(&id("ZH"), part) }.into(),
        commands::mark_paid_part(&id("ZM0"), part, "10").into(),
        commands::mark_failed(&id("ZF"), part).into(),
        commands::mark_paid(&id("ZM1"), part).into(),
        commands::mark_unknown(&id("ZV"), part).into(),
        commands::mark_paid(&id("ZM2"), part).into(),
        commands::mark_failed(&id("ZG"), part).into(),
        MarkReturned { fee: dear, ..commands::mark_returned(&id("ZT"), part) }.into(),
        commands::settle_late(&id("ZL"), part, Bearer::House).into(),
        commands::mark_returned_to_suspense(&id("ZX"), part).into(),
        commands::mark_returned(&id("ZY"), part).into(),
        commands::release(&id("ZZ"), &id("ZX")).into(),
    ]
}

/// It goes back before it is sent, in whichever way is open.
fn called_off(part: &str) -> Vec<PlayerCommand> {
    let id = |text: &str| format!("{text}{part}");
    vec![
        commands::request(&id("ZW8"), "10").into(),
        commands::expire_withdrawal(&id("ZJ"), part).into(),
        commands::block(&id("ZE"), Block::PayoutsFrozen).into(),
        commands::cancel_withdrawal(&id("ZQ0"), part).into(),
        commands::unblock(&id("ZI"), Block::PayoutsFrozen).into(),
        commands::cancel_withdrawal(&id("ZQ1"), part).into(),
        commands::reject_withdrawal(&id("ZO"), part).into(),
        commands::request(&id("ZW9"), "20").into(),
        commands::expire_withdrawal(&id("ZJ8"), &id("ZW8")).into(),
    ]
}

/// The id of a command on withdrawals or blocks, to be changed.
pub(super) fn id(command: &mut PlayerCommand) -> Option<&mut TransactionId> {
    Some(match command {
        PlayerCommand::RequestWithdrawal(c) => &mut c.id,
        PlayerCommand::PassKyc(c) => &mut c.id,
        PlayerCommand::StartReview(c) => &mut c.id,
        PlayerCommand::ApproveWithdrawal(c) => &mut c.id,
        PlayerCommand::RejectWithdrawal(c) => &mut c.id,
        PlayerCommand::CancelWithdrawal(c) => &mut c.id,
        PlayerCommand::ExpireWithdrawal(c) => &mut c.id,
        PlayerCommand::SplitWithdrawal(c) => &mut c.id,
        PlayerCommand::SendWithdrawal(c) => &mut c.id,
        PlayerCommand::MarkUnknown(c) => &mut c.id,
        PlayerCommand::MarkPaid(c) => &mut c.id,
        PlayerCommand::MarkFailed(c) => &mut c.id,
        PlayerCommand::MarkReturned(c) => &mut c.id,
        PlayerCommand::SettleLatePayout(c) => &mut c.id,
        PlayerCommand::BlockPlayer(c) => &mut c.id,
        PlayerCommand::UnblockPlayer(c) => &mut c.id,
        _ => return None,
    })
}

fn asked(command: &PlayerCommand) -> Option<PaymentRef> {
    match command {
        PlayerCommand::RequestWithdrawal(c) => {
            Some(PaymentRef { source: c.source.clone(), id: c.id.clone() })
        }
        PlayerCommand::SplitWithdrawal(c) => {
            let part = c.parts.first()?;
            Some(PaymentRef { source: c.withdrawal.source.clone(), id: part.id.clone() })
        }
        _ => None,
    }
}

fn sent(command: &PlayerCommand) -> Option<(PaymentRef, PaymentRef)> {
    match command {
        PlayerCommand::SendWithdrawal(c) => Some((c.withdrawal.clone(), c.payout.clone())),
        _ => None,
    }
}

fn captured(command: &PlayerCommand) -> Option<&RecordDeposit> {
    match command {
        PlayerCommand::RecordDeposit(c) => Some(c),
        _ => None,
    }
}

/// Two parts that are the whole of a request of so much.
fn halves(split: &mut SplitWithdrawal, request: &RequestWithdrawal) {
    if let [first, second] = split.parts.as_mut_slice() {
        first.amount = first.amount.min(request.amount);
        if let Some(rest) = request.amount.checked_sub(first.amount) {
            second.amount = rest;
        }
    }
}

/// Aims a command at a withdrawal that was asked for, or at a payout that was sent, before it.
pub(super) fn aim(command: &mut PlayerCommand, all: &[PlayerCommand], at: Index) {
    let withdrawal = || earlier(all, at, asked);
    match command {
        PlayerCommand::RequestWithdrawal(c) => {
            if let (Some(DestinationProof::Deposit(of)), Some(deposit)) =
                (&mut c.proof, earlier(all, at, captured))
            {
                of.source.clone_from(&deposit.source);
                of.id.clone_from(&deposit.id);
                c.destination = deposit.instrument.clone().unwrap_or(c.destination.clone());
            }
        }
        PlayerCommand::PassKyc(c) => c.withdrawal = withdrawal().unwrap_or(c.withdrawal.clone()),
        PlayerCommand::StartReview(c) => c.withdrawal = withdrawal().unwrap_or(c.withdrawal.clone()),
        PlayerCommand::ApproveWithdrawal(c) => c.withdrawal = withdrawal().unwrap_or(c.withdrawal.clone()),
        PlayerCommand::RejectWithdrawal(c) => c.withdrawal = withdrawal().unwrap_or(c.withdrawal.clone()),
        PlayerCommand::CancelWithdrawal(c) => c.withdrawal = withdrawal().unwrap_or(c.withdrawal.clone()),
        PlayerCommand::ExpireWithdrawal(c) => c.withdrawal = withdrawal().unwrap_or(c.withdrawal.clone()),
        PlayerCommand::SendWithdrawal(c) => c.withdrawal = withdrawal().unwrap_or(c.withdrawal.clone()),
        PlayerCommand::SplitWithdrawal(c) => {
            let requests = |command: &'_ PlayerCommand| match command {
                PlayerCommand::RequestWithdrawal(request) => Some(request.clone()),
                _ => None,
            };
            if let Some(request) = earlier(all, at, requests) {
                c.withdrawal = PaymentRef { source: request.source.clone(), id: request.id.clone() };
                halves(c, &request);
            }
        }
        PlayerCommand::MarkUnknown(c) => {
            (c.withdrawal, c.payout) =
                earlier(all, at, sent).unwrap_or((c.withdrawal.clone(), c.payout.clone()));
        }
        PlayerCommand::MarkPaid(c) => {
            (c.withdrawal, c.payout) =
                earlier(all, at, sent).unwrap_or((c.withdrawal.clone(), c.payout.clone()));
        }
        PlayerCommand::MarkFailed(c) => {
            (c.withdrawal, c.payout) =
                earlier(all, at, sent).unwrap_or((c.withdrawal.clone(), c.payout.clone()));
        }
        PlayerCommand::MarkReturned(c) => {
            (c.withdrawal, c.payout) =
                earlier(all, at, sent).unwrap_or((c.withdrawal.clone(), c.payout.clone()));
        }
        PlayerCommand::SettleLatePayout(c) => {
            c.withdrawal = earlier(all, at, sent).map_or(c.withdrawal.clone(), |(withdrawal, _)| withdrawal);
        }
        _ => {}
    }
}
