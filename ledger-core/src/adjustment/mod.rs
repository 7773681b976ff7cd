//! What the back office does with a player's money: corrections with a second person's approval, fees, taxes and
//! dormancy.

mod command;
mod decide;
mod postings;
mod state;

pub use command::{
    ChargeInactivityFee, DecideCorrection, ProposeCorrection, ReclaimDormant, ReturnTax, TransferDormant,
    WithholdTax,
};
pub(crate) use state::evolve;
pub use state::{
    Adjustment, AdjustmentKind, AdjustmentRef, Correction, CorrectionStatus, PROPOSALS_MAX, PurseExchange,
    TaxWithholding,
};
