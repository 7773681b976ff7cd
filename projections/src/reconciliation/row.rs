//! A payment as the ledger has it.

use ledger_core::stored::PaymentRef;
use ledger_core::{Amount, CurrencyCode, PlayerId, SourceId, Timestamp};
use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $line:literal])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $name { $($(#[doc = $line])* $variant),* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The one with a name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|own| own.as_str() == name)
            }
        }
    };
}

named! {
    /// What kind of payment it is.
    PaymentKind {
        /// A player paid.
        Payment = "payment",
        /// A payment, or a part of it, went back.
        Refund = "refund",
        /// A player was paid.
        Payout = "payout",
        /// A payout came back.
        PayoutReturn = "payout_return",
        /// A payment was taken back by its payer.
        Chargeback = "chargeback",
        /// That was won.
        ChargebackReversal = "chargeback_reversal",
        /// A fee of the provider.
        Fee = "fee",
        /// A change of its rolling reserve.
        Reserve = "reserve",
        /// A difference of exchange.
        Fx = "fx",
        /// Anything the provider books by itself.
        Adjustment = "adjustment",
    }
}

impl PaymentKind {
    /// Whether the ledger has it payment by payment; the others are lines of the settlement as a whole (`psp.settled`).
    pub fn is_itemised(self) -> bool {
        !matches!(self, Self::Fee | Self::Reserve | Self::Fx | Self::Adjustment)
    }
}

named! {
    /// Where the ledger has a payment.
    PaymentStatus {
        /// It is under way: a payout that was sent.
        Pending = "pending",
        /// It is booked.
        Booked = "booked",
        /// It is booked, in suspense.
        Suspended = "suspended",
        /// It was reported as failed.
        Failed = "failed",
    }
}

/// A payment as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The payment provider.
    pub psp: SourceId,
    /// What it is.
    pub kind: PaymentKind,
    /// The provider's reference.
    pub reference: String,
    /// The player, if it is one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<PlayerId>,
    /// The deposit at the cashier, or the withdrawal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merchant: Option<PaymentRef>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// The currency it was paid in.
    pub currency: CurrencyCode,
    /// How much.
    pub amount: Amount,
    /// The rate it was exchanged at, if it was: an exact decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// When it came to its status.
    pub at: Timestamp,
    /// How often the ledger has booked it: more than once is a break.
    pub bookings: u32,
}

impl Payment {
    /// Two of one reference: whichever was first, and both bookings.
    pub(super) fn joined(self, other: Self) -> Option<Self> {
        let bookings = self.bookings.checked_add(other.bookings)?;
        let first = |payment: &Self| (payment.bookings == 0, payment.at, payment.player.clone());
        let kept = if first(&other) < first(&self) { other } else { self };
        Some(Self { bookings, ..kept })
    }
}
