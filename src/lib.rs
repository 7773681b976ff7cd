//! casino-ledger
