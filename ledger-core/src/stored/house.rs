//! The events of the house. A shape that has been released is never edited: a new version gets a new struct and an
//! upcaster.

use serde::{Deserialize, Serialize};

use super::deposit::{Money, PaymentRef};
use super::level::ShapeLevel;
use super::player::TransactionRef;
use super::shapes::{shape, words};
use crate::entry::Entry;
use crate::house::DocumentContent;
use crate::ids::{ActorId, Authorisation, HouseId, PlayerId, Reason, SubAccount, TransactionId};
use crate::key::ContentHash;
use crate::money::{Amount, Currency, CurrencyCode};
use crate::time::{Day, Timestamp};

shape! {
    /// `currency.registered` 1: a currency's first use fixes its scale and maximum for ever.
    pub struct CurrencyRegistered {
        /// The currency.
        pub currency: Currency,
    }
}

shape! {
    /// `shapes.activated` 1: whatever is written from here on may have the shapes of this level. There is no way back.
    pub struct ShapesActivated {
        /// The level.
        pub level: ShapeLevel,
        /// Why, in the words of who did it.
        pub reason: Reason,
    }
}

words! {
    /// Whose money a bank account holds.
    pub enum Funds {
        /// The house's own: `bank:operating`.
        Operating,
        /// The players': `bank:players`.
        Players,
    }
}

shape! {
    /// A bank account.
    pub struct BankAccount {
        /// Whose money it holds.
        pub funds: Funds,
        /// The account, as the host names it; no account number.
        pub account: SubAccount,
    }
}

words! {
    /// A line of a settlement by a payment provider.
    #[derive(PartialOrd, Ord)]
    pub enum PspLine {
        /// What it collected from players.
        Payments,
        /// Payouts that came back.
        PayoutReturns,
        /// Disputes that were won.
        ChargebackReversals,
        /// What it gives back of its rolling reserve.
        ReserveReleased,
        /// What it gave back to payers.
        Refunds,
        /// What it paid out to players.
        Payouts,
        /// What payers took back.
        Chargebacks,
        /// Its fees for chargebacks, which were booked with them.
        ChargebackFees,
        /// Its fees.
        Fees,
        /// What it keeps as a rolling reserve.
        ReserveHeld,
    }
}

shape! {
    /// A line of a settlement by a payment provider, with its amount.
    pub struct PspPart {
        /// What it is.
        pub line: PspLine,
        /// How much; above zero.
        pub amount: Amount,
    }
}

shape! {
    /// `psp.settled` 1: a payment provider settled a batch (P02, P54).
    pub struct PspSettled {
        /// The provider's id of the batch.
        pub batch: TransactionId,
        /// When the bank booked it.
        pub value_date: Day,
        /// The bank account.
        pub bank: BankAccount,
        /// The currency of the lines.
        pub currency: CurrencyCode,
        /// The lines, each once.
        pub lines: Vec<PspPart>,
        /// What of them came to the bank; below zero, what left it.
        pub net: Amount,
        /// What it was at the bank, where that keeps another currency.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Money>,
        /// Who booked it.
        pub by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Whether a loss arises or goes.
    pub enum LossDirection {
        /// The money was taken.
        Taken,
        /// It came back.
        Returned,
    }
}

shape! {
    /// `chargeback.lost` 1: a payment was charged back that no player can be asked for, or such a loss came back.
    pub struct ChargebackLost {
        /// The payment provider's id of it.
        pub reference: TransactionId,
        /// Whether it was taken or came back.
        pub direction: LossDirection,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// What the provider charges for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fee: Option<Amount>,
        /// Why, in the words of whoever booked it.
        pub reason: Reason,
        /// Who booked it.
        pub by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// What money of nobody known was.
    pub enum SuspenseOrigin {
        /// A payment that belongs to no player known.
        Capture,
        /// A payout that came back, and it is not known whose it was.
        PayoutReturn,
    }
}

shape! {
    /// `suspense.captured` 1: money came in that belongs to nobody known.
    pub struct SuspenseCaptured {
        /// What it was.
        pub origin: SuspenseOrigin,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// The payment provider's authorisation number.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub authorisation: Option<Authorisation>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `suspense.assigned` 1: an item in suspense is one player's. It lands by a commit of his own.
    pub struct SuspenseAssigned {
        /// The assignment.
        pub txn: TransactionRef,
        /// The player.
        pub player: PlayerId,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
    }
}

shape! {
    /// `suspense.assignment_cancelled` 1: an assignment was called off before it landed; the item is open again.
    pub struct SuspenseAssignmentCancelled {
        /// The operation.
        pub txn: TransactionRef,
        /// The assignment.
        pub assignment: PaymentRef,
        /// Why it can land no more.
        pub proof: CancelProof,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
    }
}

words! {
    /// Why an assignment can land no more.
    pub enum CancelProof {
        /// The player's ledger has refused it for good.
        Refused,
        /// There is no such player.
        NoSuchPlayer,
    }
}

shape! {
    /// `suspense.landed` 1: an assigned item is booked in its player's ledger.
    pub struct SuspenseLanded {
        /// The operation.
        pub txn: TransactionRef,
        /// The assignment.
        pub assignment: PaymentRef,
        /// The entry of the player.
        pub player_entry: u64,
    }
}

shape! {
    /// `suspense.returned` 1: an item in suspense went back to its payer.
    pub struct SuspenseReturned {
        /// The operation.
        pub txn: TransactionRef,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Whether more or less is owed.
    pub enum AccrualDirection {
        /// More is owed.
        Charge,
        /// Less is owed: a credit note, a correction.
        Credit,
    }
}

shape! {
    /// `provider.fees_accrued` 1: a game provider's fees are owed (P48).
    pub struct ProviderFeesAccrued {
        /// The operation.
        pub txn: TransactionRef,
        /// More or less.
        pub direction: AccrualDirection,
        /// The first day they are for.
        pub from: Day,
        /// The last day they are for.
        pub to: Day,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Who booked it.
        pub by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// A line of a settlement with a game provider.
    #[derive(PartialOrd, Ord)]
    pub enum ProviderLine {
        /// It pays network jackpots that players won (P38).
        Jackpots,
        /// It pays promotions that players won.
        Promotions,
        /// It is paid its fees.
        Fees,
        /// It is paid contributions to network jackpots.
        Contributions,
        /// It is paid tips for its dealers.
        Tips,
    }
}

shape! {
    /// A line of a settlement with a game provider, with its amount.
    pub struct ProviderPart {
        /// What it is.
        pub line: ProviderLine,
        /// How much; above zero.
        pub amount: Amount,
    }
}

shape! {
    /// `provider.settled` 1: house and game provider paid each other what they owed.
    pub struct ProviderSettled {
        /// The id of the statement.
        pub statement: TransactionId,
        /// When the bank booked it.
        pub value_date: Day,
        /// The bank account.
        pub bank: BankAccount,
        /// The currency of the lines.
        pub currency: CurrencyCode,
        /// The lines, each once.
        pub lines: Vec<ProviderPart>,
        /// What of them came to the bank; below zero, what left it.
        pub net: Amount,
        /// What it was at the bank, where that keeps another currency.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Money>,
        /// Who booked it.
        pub by: ActorId,
        /// Who agreed; absent where nothing was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub approved_by: Option<ActorId>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `duty.accrued` 1: gaming duty is owed (P47).
    pub struct DutyAccrued {
        /// The operation.
        pub txn: TransactionRef,
        /// More or less.
        pub direction: AccrualDirection,
        /// The first day it is for.
        pub from: Day,
        /// The last day it is for.
        pub to: Day,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Who booked it.
        pub by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// A line of a settlement with an authority.
    #[derive(PartialOrd, Ord)]
    pub enum AuthorityLine {
        /// It pays duty back.
        DutyRefunds,
        /// It is paid gaming duty.
        Duty,
        /// It is paid tax that was withheld from players.
        WithheldTax,
    }
}

shape! {
    /// A line of a settlement with an authority, with its amount.
    pub struct AuthorityPart {
        /// What it is.
        pub line: AuthorityLine,
        /// How much; above zero.
        pub amount: Amount,
    }
}

shape! {
    /// `authority.settled` 1: duty and withheld tax were paid over, or duty came back.
    pub struct AuthoritySettled {
        /// The id of the return or notice.
        pub statement: TransactionId,
        /// When the bank booked it.
        pub value_date: Day,
        /// The bank account.
        pub bank: BankAccount,
        /// The currency of the lines.
        pub currency: CurrencyCode,
        /// The lines, each once.
        pub lines: Vec<AuthorityPart>,
        /// What of them came to the bank; below zero, what left it.
        pub net: Amount,
        /// What it was at the bank, where that keeps another currency.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub converted: Option<Money>,
        /// Who booked it.
        pub by: ActorId,
        /// Who agreed; absent where nothing was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub approved_by: Option<ActorId>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `funds.transferred` 1: money went from one bank account to another.
    pub struct FundsTransferred {
        /// The operation.
        pub txn: TransactionRef,
        /// When the bank booked it.
        pub value_date: Day,
        /// From here.
        pub from: BankAccount,
        /// To there.
        pub to: BankAccount,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed; may be absent where no money of players was taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub approved_by: Option<ActorId>,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `funds.exchanged` 1: the house exchanged money at its bank.
    pub struct FundsExchanged {
        /// The operation.
        pub txn: TransactionRef,
        /// When the bank booked it.
        pub value_date: Day,
        /// From here.
        pub from: BankAccount,
        /// What was given.
        pub given: Money,
        /// To there.
        pub to: BankAccount,
        /// What was got for it.
        pub received: Money,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// Gain or loss.
    pub enum FxDirection {
        /// The position is worth more.
        Gain,
        /// The position is worth less.
        Loss,
    }
}

shape! {
    /// `fx.result_booked` 1: a position in a currency was valued, and what it is worth more or less was booked.
    pub struct FxResultBooked {
        /// The operation.
        pub txn: TransactionRef,
        /// The day it was valued for.
        pub as_of: Day,
        /// Gain or loss.
        pub direction: FxDirection,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Who booked it.
        pub by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `bad_debt.recovered` 1: a debt that had been written off was paid after all.
    pub struct BadDebtRecovered {
        /// The operation.
        pub txn: TransactionRef,
        /// When the bank booked it.
        pub value_date: Day,
        /// The bank account.
        pub bank: BankAccount,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// What for, in the words of whoever booked it.
        pub reason: Reason,
        /// Who booked it.
        pub by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

words! {
    /// From where a seed comes, and where it goes.
    pub enum SeedMovement {
        /// From the house's cost into the pool.
        CostToPool,
        /// From the house's cost into the reserve for later pools.
        CostToReserve,
        /// From that reserve into the pool.
        ReserveToPool,
    }
}

shape! {
    /// `jackpot.seeded` 1: a jackpot got a seed (P35).
    pub struct JackpotSeeded {
        /// The operation.
        pub txn: TransactionRef,
        /// From where to where.
        pub movement: SeedMovement,
        /// The currency.
        pub currency: CurrencyCode,
        /// How much.
        pub amount: Amount,
        /// Who asked for it.
        pub by: ActorId,
        /// Who agreed.
        pub approved_by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// An entry of the house, by its partition and number.
    pub struct HouseEntryRef {
        /// The partition.
        pub house: HouseId,
        /// The number of the entry in its statement.
        pub entry: u64,
    }
}

shape! {
    /// `journal.proposed` 1: someone wants to post an entry by hand; another person decides.
    pub struct JournalProposed {
        /// The entry as it is to be.
        pub proposal: Entry,
        /// Why, in the proposer's words.
        pub reason: Reason,
        /// The entry it corrects, if it corrects one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub corrects: Option<HouseEntryRef>,
        /// Who proposes it.
        pub by: ActorId,
    }
}

shape! {
    /// `journal.posted` 1: a second person approved a journal entry, and it was posted.
    pub struct JournalPosted {
        /// The decision.
        pub txn: TransactionId,
        /// Who approved it: not the proposer.
        pub by: ActorId,
        /// The entry.
        pub entry: u64,
    }
}

shape! {
    /// `journal.declined` 1: a proposed journal entry is not posted.
    pub struct JournalDeclined {
        /// The decision.
        pub txn: TransactionId,
        /// Who decided.
        pub by: ActorId,
    }
}

shape! {
    /// `document.stored` 1: the content of a document, to be found by its hash.
    pub struct DocumentStored {
        /// The hash of its bytes as they stand here.
        pub hash: ContentHash,
        /// The content.
        pub content: DocumentContent,
    }
}

shape! {
    /// `document.published` 1: a version of a configuration document. Its number is this event's version.
    pub struct DocumentPublished {
        /// The publication.
        pub txn: TransactionRef,
        /// The hash of its content.
        pub hash: ContentHash,
        /// From when on it is in force.
        pub effective_from: Timestamp,
        /// The hash of the version before it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub previous: Option<ContentHash>,
        /// Why, in the author's words.
        pub reason: Reason,
        /// Who wrote it.
        pub author: ActorId,
        /// Who approved it: another person.
        pub approved_by: ActorId,
    }
}
