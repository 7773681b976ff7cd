//! Commands on withdrawals by texts: of `cashier`, paid by `psp` under the id of the withdrawal, in EUR.

use super::{currency, decimal, payment, person, source, txn};
use crate::ids::{InstrumentId, Reason};
use crate::player::{Block, BlockPlayer, UnblockPlayer};
use crate::stored::{
    Bearer, DestinationProof, InstrumentVerified, KycAnswer, KycStatus, PaymentRef, PayoutReturnedTo,
};
use crate::time::Timestamp;
use crate::withdrawal::{
    ApproveWithdrawal, CancelWithdrawal, ExpireWithdrawal, MarkFailed, MarkPaid, MarkReturned, MarkUnknown,
    PassKyc, RejectWithdrawal, RequestWithdrawal, SendWithdrawal, SettleLatePayout, SplitPart,
    SplitWithdrawal, StartReview,
};

/// When clocks of tests begin.
fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("an instant")
}

/// A withdrawal of `cashier`.
pub fn withdrawal(id: &str) -> PaymentRef {
    PaymentRef { source: source("cashier"), id: txn(id) }
}

/// An instrument.
pub fn instrument(text: &str) -> InstrumentId {
    InstrumentId::new(text).expect("an id")
}

/// The host has verified an instrument when clocks of tests begin.
pub fn verified() -> DestinationProof {
    DestinationProof::Verified(InstrumentVerified { as_of: start(), by: None })
}

/// An answer on the player's identity from when clocks of tests begin.
pub fn kyc(status: KycStatus) -> KycAnswer {
    KycAnswer { status, as_of: start() }
}

/// A withdrawal to the verified instrument `iban` by a verified player.
pub fn request(id: &str, amount: &str) -> RequestWithdrawal {
    RequestWithdrawal {
        source: source("cashier"),
        id: txn(id),
        amount: decimal(amount),
        currency: currency("EUR"),
        destination: instrument("iban"),
        proof: Some(verified()),
        method: None,
        kyc: Some(kyc(KycStatus::Verified)),
        by: None,
        forfeits_at_most: None,
    }
}

/// The player of a withdrawal is verified.
pub fn pass_kyc(id: &str, of: &str) -> PassKyc {
    PassKyc { source: source("kyc"), id: txn(id), withdrawal: withdrawal(of), as_of: start(), by: None }
}

/// `ann` looks at a withdrawal.
pub fn start_review(id: &str, of: &str) -> StartReview {
    StartReview { source: source("office"), id: txn(id), withdrawal: withdrawal(of), by: person("ann") }
}

/// Someone approves a withdrawal.
pub fn approve_withdrawal(id: &str, of: &str, by: &str) -> ApproveWithdrawal {
    ApproveWithdrawal { source: source("office"), id: txn(id), withdrawal: withdrawal(of), by: person(by) }
}

/// `ann` refuses a withdrawal.
pub fn reject_withdrawal(id: &str, of: &str) -> RejectWithdrawal {
    RejectWithdrawal {
        source: source("office"),
        id: txn(id),
        withdrawal: withdrawal(of),
        by: person("ann"),
        reason: Reason::new("suspicious").expect("a reason"),
    }
}

/// The player takes a withdrawal back.
pub fn cancel_withdrawal(id: &str, of: &str) -> CancelWithdrawal {
    CancelWithdrawal { source: source("cashier"), id: txn(id), withdrawal: withdrawal(of) }
}

/// A withdrawal took too long.
pub fn expire_withdrawal(id: &str, of: &str) -> ExpireWithdrawal {
    ExpireWithdrawal { source: source("timers"), id: txn(id), withdrawal: withdrawal(of) }
}

/// `eve` splits a withdrawal.
pub fn split_withdrawal(id: &str, of: &str, parts: &[(&str, &str)]) -> SplitWithdrawal {
    let part = |(id, amount): &(&str, &str)| SplitPart { id: txn(id), amount: decimal(amount) };
    SplitWithdrawal {
        source: source("office"),
        id: txn(id),
        withdrawal: withdrawal(of),
        parts: parts.iter().map(part).collect(),
        by: person("eve"),
    }
}

/// A withdrawal is sent.
pub fn send(id: &str, of: &str) -> SendWithdrawal {
    SendWithdrawal {
        source: source("cashier"),
        id: txn(id),
        withdrawal: withdrawal(of),
        payout: payment(of),
        by: None,
    }
}

/// `psp` does not answer.
pub fn mark_unknown(id: &str, of: &str) -> MarkUnknown {
    MarkUnknown { source: source("cashier"), id: txn(id), withdrawal: withdrawal(of), payout: payment(of) }
}

/// `psp` has paid, all of it.
pub fn mark_paid(id: &str, of: &str) -> MarkPaid {
    MarkPaid {
        source: source("psp"),
        id: txn(id),
        withdrawal: withdrawal(of),
        payout: payment(of),
        amount: None,
        authorisation: None,
    }
}

/// `psp` has paid so much.
pub fn mark_paid_part(id: &str, of: &str, amount: &str) -> MarkPaid {
    MarkPaid { amount: Some(decimal(amount)), ..mark_paid(id, of) }
}

/// `psp` has not paid.
pub fn mark_failed(id: &str, of: &str) -> MarkFailed {
    MarkFailed {
        source: source("psp"),
        id: txn(id),
        withdrawal: withdrawal(of),
        payout: payment(of),
        reason: None,
    }
}

/// What `psp` had paid comes back to the player.
pub fn mark_returned(id: &str, of: &str) -> MarkReturned {
    MarkReturned {
        source: source("psp"),
        id: txn(id),
        withdrawal: withdrawal(of),
        payout: payment(of),
        to: PayoutReturnedTo::Player,
        fee: None,
        fee_by: Bearer::Player,
        return_fee: false,
    }
}

/// What `psp` had paid comes back to suspense.
pub fn mark_returned_to_suspense(id: &str, of: &str) -> MarkReturned {
    MarkReturned { to: PayoutReturnedTo::Suspense, ..mark_returned(id, of) }
}

/// Who bears a late payout; `anna` asks, `boris` agrees.
pub fn settle_late(id: &str, of: &str, bearer: Bearer) -> SettleLatePayout {
    SettleLatePayout {
        source: source("office"),
        id: txn(id),
        withdrawal: withdrawal(of),
        bearer,
        by: person("anna"),
        approved_by: person("boris"),
    }
}

/// `ann` blocks the player.
pub fn block(id: &str, block: Block) -> BlockPlayer {
    BlockPlayer {
        source: source("office"),
        id: txn(id),
        block,
        by: person("ann"),
        reason: Reason::new("a suspicion").expect("a reason"),
    }
}

/// `ann` lifts a block, approved by `bob`.
pub fn unblock(id: &str, block: Block) -> UnblockPlayer {
    UnblockPlayer {
        source: source("office"),
        id: txn(id),
        block,
        by: person("ann"),
        approved_by: person("bob"),
        reason: Reason::new("it was nothing").expect("a reason"),
    }
}
