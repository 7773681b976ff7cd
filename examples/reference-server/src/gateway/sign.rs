//! Signatures of calls.

use casino_ledger::core::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Whether a text is the HMAC-SHA256 of parts, one behind the other, in hexadecimal.
pub(super) fn is_hmac(secret: &str, parts: &[&[u8]], shown: &str) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    for part in parts {
        mac.update(part);
    }
    hex::decode(shown).is_ok_and(|shown| mac.verify_slice(&shown).is_ok())
}

/// Whether two texts are the same, in a time that tells nothing of where they differ.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Whether an instant of a call, in microseconds, is near enough to now (S15).
pub(super) fn is_near(now: Timestamp, then_micros: i64, window_secs: u32) -> bool {
    now.as_micros().abs_diff(then_micros) <= u64::from(window_secs) * 1_000_000
}
