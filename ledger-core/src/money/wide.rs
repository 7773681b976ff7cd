//! Integers beyond 128 bits, for what stands between a product and its quotient.

use ruint::Uint;
pub(crate) use ruint::aliases::{U256, U512};

use super::share::Rounding;

/// Ten to a power; `None` beyond the width.
pub(crate) fn power_of_ten<const BITS: usize, const LIMBS: usize>(
    exponent: u32,
) -> Option<Uint<BITS, LIMBS>> {
    Uint::from(10_u8).checked_pow(Uint::from(exponent))
}

/// The quotient, rounded. `None` if the divisor is zero.
pub(crate) fn divide<const BITS: usize, const LIMBS: usize>(
    dividend: Uint<BITS, LIMBS>,
    divisor: Uint<BITS, LIMBS>,
    rounding: Rounding,
) -> Option<Uint<BITS, LIMBS>> {
    let quotient = dividend.checked_div(divisor)?;
    let rest = dividend.checked_rem(divisor)?;
    // The rest is compared with what it lacks, because twice the rest may be beyond the width.
    let lacking = divisor.checked_sub(rest)?;
    let up = match rounding {
        Rounding::Floor => false,
        Rounding::HalfUp => rest >= lacking,
        Rounding::HalfEven => rest > lacking || (rest == lacking && quotient.bit(0)),
    };
    if up { quotient.checked_add(Uint::ONE) } else { Some(quotient) }
}
