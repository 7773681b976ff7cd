//! Amounts and currencies: exact, checked, bounded. M01 to M12 in docs/scenarios.md.
//!
//! M06 and M10 (a provider's own scale) are the gateway's, of M06 the refusal of 3.561 EUR is here.

use ledger_core::stored::PspLine;
use ledger_core::testing::{commands, given_house, given_nobody, house_commands};
use ledger_core::{
    Amount, AmountError, BASIS_POINTS_MAX, BasisPoints, Currency, CurrencyCode, CurrencyRegistry, PlaceBet,
    RecordDeposit, Remainder, Rounding, SCALE_MAX, SHARES_MAX, SettlePsp, UNITS_BOUND, fee, mul_div,
    split_units,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// Bets an amount in a currency, with plenty of it, and answers with the outcome.
fn bet(code: &str, stake: &str) -> String {
    let currency = commands::currency(code);
    let scenario = given_nobody()
        .when(commands::open(&[code]))
        .when(RecordDeposit { currency, ..commands::deposit("D1", "10000") })
        .applied()
        .when(PlaceBet { currency, ..commands::bet("T1", "R", stake) });
    scenario.answer().outcome.text()
}

#[test]
fn m01_yen_have_no_fraction() {
    assert_eq!(bet("JPY", "10.5"), "refused:precision");
    assert_eq!(bet("JPY", "10.0"), "applied");
}

#[test]
fn m02_dinars_have_three_digits() {
    assert_eq!(bet("KWD", "1.234"), "applied");
    assert_eq!(bet("KWD", "1.2345"), "refused:precision");
}

#[test]
fn m03_bitcoin_has_eight_digits() {
    assert_eq!(bet("BTC", "0.00000001"), "applied");
    assert_eq!(bet("BTC", "0.000000001"), "refused:precision");
}

#[test]
fn m04_one_wei_of_ten_thousand_ether() {
    let currency = commands::currency("ETH");
    given_nobody()
        .when(commands::open(&["ETH"]))
        .when(RecordDeposit { currency, ..commands::deposit("D1", "10000") })
        .when(PlaceBet { currency, ..commands::bet("T1", "R", "0.000000000000000001") })
        .applied()
        .accounts(&[
            ("psp:clearing of psp in ETH", "10000.000000000000000000"),
            ("player:cash in ETH", "9999.999999999999999999"),
            ("player:held of prov/R in ETH", "0.000000000000000001"),
        ]);
}

/// All ether there is, times itself: 10^52 and more does not fit 128 bits, the share does.
#[test]
fn m04_products_of_amounts_have_256_bits() {
    let supply = 120_000_000 * 10_u128.pow(18);
    let shares = [
        (supply, supply, supply, supply),
        (supply, supply - 1, supply, supply - 1),
        (supply, 1, supply, 1),
        (supply - 1, 1, supply, 0),
        (10_000 * 10_u128.pow(18), 1, 10_000 * 10_u128.pow(18), 1),
        (u128::MAX, u128::MAX, u128::MAX, u128::MAX),
        (u128::MAX, 1, 1, u128::MAX),
    ];
    for (value, numerator, denominator, expected) in shares {
        assert_eq!(mul_div(value, numerator, denominator, Rounding::Floor), Ok(expected));
    }
    assert_eq!(mul_div(u128::MAX, 2, 1, Rounding::Floor), Err(AmountError::AmountOverflow));
    // Rounding up does not leave the type in silence either.
    assert_eq!(mul_div(u128::MAX, 3, 2, Rounding::HalfUp), Err(AmountError::AmountOverflow));
    assert_eq!(mul_div(1, 1, 0, Rounding::Floor), Err(AmountError::DivisionByZero));
    let ether = |units: u128| Amount::new(i128::try_from(units).unwrap(), 18).unwrap();
    let win = ether(supply).share(ether(1), ether(3), Rounding::Floor);
    assert_eq!(win, Ok(ether(supply / 3)));
}

#[test]
fn m05_a_third_of_ten_to_the_thirtieth() {
    let total = 10_u128.pow(30);
    let third = 333_333_333_333_333_333_333_333_333_333;
    assert_eq!(split_units(total, &[1, 2], Remainder::ToLast), Ok(vec![third, 2 * third + 1]));
    assert_eq!(split_units(total, &[1, 2], Remainder::ToFirst), Ok(vec![third + 1, 2 * third]));
    assert_eq!(split_units(total, &[total, 2 * total], Remainder::ToLast), Ok(vec![third, 2 * third + 1]));
    for rounding in [Rounding::Floor, Rounding::HalfUp, Rounding::HalfEven] {
        assert_eq!(mul_div(total, total, 3 * total, rounding), Ok(third));
    }
    assert_eq!(mul_div(total, 2 * total, 3 * total, Rounding::HalfUp), Ok(2 * third + 1));
}

#[test]
fn m06_a_providers_finer_amount_is_not_truncated() {
    assert_eq!(bet("EUR", "3.56"), "applied");
    assert_eq!(bet("EUR", "3.561"), "refused:precision");
}

#[test]
fn m07_cents_add_exactly() {
    assert_eq!(amount("0.01").checked_add(amount("0.02")), Ok(amount("0.03")));
    assert_eq!(amount("0.10").checked_add(amount("0.20")), Ok(amount("0.30")));
}

#[test]
fn m08_a_negative_amount_is_refused() {
    assert_eq!(bet("EUR", "-0.01"), "refused:invalid_amount");
    assert_eq!(bet("EUR", "-0.00"), "applied", "there is no negative zero");
}

#[test]
fn m09_what_is_shown_coarser_is_kept_exactly() {
    // Truncating is the adapter's; the ledger keeps 99.999 and never rounds it.
    assert_eq!(amount("99.999").to_decimal(), decimal("99.999"));
    assert_eq!(
        Amount::from_decimal(decimal("99.999"), 2),
        Err(AmountError::TooFine { value: decimal("99.999"), scale: 2 })
    );
}

#[test]
fn m10_subunits_round_trip() {
    let subunits = Amount::new(74_322_001, 2).unwrap();
    assert_eq!(subunits.to_string(), "743220.01");
    assert_eq!(amount("743220.01").units(), 74_322_001);
}

/// A payment provider's file has two digits where the ledger has three: the same money, to the last unit, on both sides.
#[test]
fn m11_dinars_reported_with_two_digits_are_the_same_dinars() {
    let kwd = commands::currency("KWD");
    let three = RecordDeposit { currency: kwd, ..commands::deposit("D1", "10.120") };
    given_nobody()
        .when(commands::open(&["KWD"]))
        .when(RecordDeposit { amount: commands::decimal("10.12"), ..three.clone() })
        .applied()
        .accounts(&[("psp:clearing of psp in KWD", "10.120"), ("player:cash in KWD", "10.120")])
        .when(three.clone())
        .replayed("applied")
        .when(RecordDeposit { amount: commands::decimal("10.121"), ..three })
        .refused("key_reused");
    let lines = [(PspLine::Payments, "10.12"), (PspLine::Fees, "0.3")];
    let batch = |net| SettlePsp { currency: kwd, ..house_commands::settle_psp("B1", &lines, net) };
    given_house("psp/psp")
        .when(batch("9.82"))
        .applied()
        .accounts(&[
            ("bank:players of main in KWD", "9.820"),
            ("psp:fees of psp in KWD", "0.300"),
            ("psp:clearing of psp in KWD", "-10.120"),
        ])
        .when(batch("9.820"))
        .replayed()
        .when(batch("9.8205"))
        .refused("key_reused");
}

proptest! {
    #![proptest_config(crate::config(256))]

    /// M12: shares that add up to the total do so at every scale.
    #[test]
    fn m12_three_shares_make_the_total(
        total in 3..1_000_000_i128,
        cuts in (0..=1_000_i128, 0..=1_000_i128),
        scale in 0..=SCALE_MAX,
    ) {
        let at = |cut: i128| total * cut / 1_000;
        let (a, b) = (at(cuts.0).min(at(cuts.1)), at(cuts.0).max(at(cuts.1)));
        let share = |units| Amount::new(units, scale).unwrap();
        let sum = share(a).checked_add(share(b - a)).and_then(|s| s.checked_add(share(total - b)));
        prop_assert_eq!(sum, Ok(share(total)));
    }
}

#[test]
fn m12_shares_of_a_win_and_of_funds() {
    // F9, F10: bonus shares are floored, cash gets what is left, the first source where there is no cash.
    let split = |total: &str, parts: &[&str], remainder| {
        let parts: Vec<Amount> = parts.iter().map(|part| amount(part)).collect();
        let shares = amount(total).split_like(&parts, remainder).unwrap();
        shares.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(split("25.00", &["6.00", "4.00"], Remainder::ToFirst), ["15.00", "10.00"]);
    assert_eq!(split("10.01", &["1.00", "1.00", "1.00"], Remainder::ToFirst), ["3.35", "3.33", "3.33"]);
    assert_eq!(split("10.01", &["0.00", "1.00", "1.00"], Remainder::ToFirst), ["0.00", "5.01", "5.00"]);
    assert_eq!(split("10.01", &["1.00", "1.00", "0.00"], Remainder::ToLast), ["5.00", "5.01", "0.00"]);
    assert_eq!(split("0.00", &["1.00", "1.00"], Remainder::ToLast), ["0.00", "0.00"]);
    assert_eq!(split("0.01", &["1.00"], Remainder::ToFirst), ["0.01"]);
    // A win and its stake may have different scales, the parts of a stake may not.
    assert_eq!(amount("7.30").share(amount("4"), amount("10"), Rounding::Floor), Ok(amount("2.92")));
    let mismatch = AmountError::ScaleMismatch { left: 2, right: 0 };
    assert_eq!(amount("7.30").share(amount("4.00"), amount("10"), Rounding::Floor), Err(mismatch.clone()));
    assert_eq!(amount("7.30").split_like(&[amount("4.00"), amount("10")], Remainder::ToLast), Err(mismatch));
}

#[test]
fn what_cannot_be_shared_is_refused() {
    let (one, minus) = (amount("1.00"), amount("-1.00"));
    let negative = Err(AmountError::Negative { amount: minus });
    for (value, part, whole) in [(minus, one, one), (one, minus, one), (one, one, minus)] {
        assert_eq!(value.share(part, whole, Rounding::Floor), negative);
    }
    assert_eq!(one.share(one, amount("0.00"), Rounding::Floor), Err(AmountError::DivisionByZero));
    assert!(minus.split(&[1], Remainder::ToLast).is_err());
    assert!(one.split_like(&[one, minus], Remainder::ToLast).is_err());
    for none in [&[][..], &[0], &[0, 0]] {
        assert_eq!(one.split(none, Remainder::ToLast), Err(AmountError::DivisionByZero));
    }
    assert_eq!(one.split(&[u128::MAX, 1], Remainder::ToLast), Err(AmountError::AmountOverflow));
    let many = vec![1; SHARES_MAX + 1];
    assert_eq!(one.split(&many, Remainder::ToLast), Err(AmountError::TooManyShares { count: many.len() }));
    assert_eq!(one.split(&many[1..], Remainder::ToLast).map(|shares| shares.len()), Ok(SHARES_MAX));
    let top = Amount::new(UNITS_BOUND - 1, 2).unwrap();
    assert_eq!(top.share(amount("2"), amount("1"), Rounding::Floor), Err(AmountError::AmountOverflow));
    assert_eq!(fee(minus, BasisPoints::new(0).unwrap()), Err(AmountError::Negative { amount: minus }));
}

#[test]
fn a_fee_is_rounded_half_up_and_never_forgotten() {
    let cases = [
        ("100.00", 290, "2.90"),
        ("97.10", 250, "2.43"),
        ("0.10", 250, "0.01"),
        ("0.60", 250, "0.02"),
        ("0.58", 250, "0.01"),
        ("0.01", 1, "0.01"),
        ("0.01", 10_000, "0.01"),
        ("0.01", BASIS_POINTS_MAX, "10.00"),
        ("100.00", 0, "0.00"),
        ("0.00", 290, "0.00"),
        ("1", 5_000, "1"),
        ("3", 5_000, "2"),
    ];
    for (of, rate, expected) in cases {
        let rate = BasisPoints::new(rate).unwrap();
        assert_eq!(fee(amount(of), rate), Ok(amount(expected)), "{rate} of {of}");
    }
    let of = |value: &str, rate: u32, rounding| {
        amount(value).basis_points(BasisPoints::new(rate).unwrap(), rounding).unwrap().to_string()
    };
    assert_eq!(of("0.05", 5_000, Rounding::Floor), "0.02");
    assert_eq!(of("0.05", 5_000, Rounding::HalfEven), "0.02");
    assert_eq!(of("0.07", 5_000, Rounding::HalfEven), "0.04");
    assert_eq!(of("0.05", 5_000, Rounding::HalfUp), "0.03");
    assert_eq!(of("20.00", 350_000, Rounding::Floor), "700.00");
}

#[test]
fn basis_points_are_bounded() {
    assert_eq!(BasisPoints::new(BASIS_POINTS_MAX).map(BasisPoints::get), Ok(BASIS_POINTS_MAX));
    assert!(BasisPoints::new(BASIS_POINTS_MAX + 1).is_err());
    let read = |json: &str| serde_json::from_str::<BasisPoints>(json);
    assert_eq!(read("250").unwrap(), BasisPoints::new(250).unwrap());
    assert_eq!(serde_json::to_string(&BasisPoints::new(250).unwrap()).unwrap(), "250");
    for bad in ["10000001", "4294967296", "-1", "2.5", "\"250\""] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

/// The product of two numbers as its upper and lower 128 bits, by hand.
fn wide(left: u128, right: u128) -> (u128, u128) {
    let mask = u128::from(u64::MAX);
    let (l, r) = ([left & mask, left >> 64], [right & mask, right >> 64]);
    let low = l[0] * r[0];
    let middle = l[1] * r[0] + (low >> 64);
    let cross = l[0] * r[1] + (middle & mask);
    (l[1] * r[1] + (middle >> 64) + (cross >> 64), (cross << 64) | (low & mask))
}

/// Any size up to 126 bits, so that twice a number still fits.
fn number() -> impl Strategy<Value = u128> {
    prop_oneof![0..1_000_u128, 0..1_u128 << 64, 0..1_u128 << 126, (1_u128 << 96) - 9..1 << 96]
}

proptest! {
    #![proptest_config(crate::config(1_024))]

    /// The quotient is the one that multiplication by hand says it is: `2ab` against `(2q - 1)c` and `(2q + 1)c`.
    #[test]
    fn m04_shares_are_exact(a in number(), b in number(), c in number()) {
        let Ok(floor) = mul_div(a, b, c, Rounding::Floor) else {
            prop_assert!(c == 0 || wide(a, b) >= wide(u128::MAX, c), "refused only beyond 128 bits");
            return Ok(());
        };
        let product = wide(a, b);
        prop_assert!(wide(floor, c) <= product);
        if let Some(next) = floor.checked_add(1) {
            prop_assert!(wide(next, c) > product);
        }
        prop_assume!(floor < 1 << 126);
        let twice = wide(2 * a, b);
        let (below, above) = (|q: u128| wide((2 * q).saturating_sub(1), c), |q: u128| wide(2 * q + 1, c));
        let up = mul_div(a, b, c, Rounding::HalfUp).unwrap();
        prop_assert!(twice < above(up) && (up == 0 || twice >= below(up)));
        let even = mul_div(a, b, c, Rounding::HalfEven).unwrap();
        prop_assert!(twice < above(even) || (twice == above(even) && even.is_multiple_of(2)));
        prop_assert!(even == 0 || twice > below(even) || (twice == below(even) && even.is_multiple_of(2)));
    }

    /// M12: whatever the total and the weights, the shares add up to it, each but one is the floor of its part,
    /// and a weight of zero gets nothing.
    #[test]
    fn m12_shares_of_any_split_make_the_total(
        total in 0..UNITS_BOUND,
        weights in prop::collection::vec(prop_oneof![1 => Just(0_u128), 4 => 0..100_u128, 1 => 0..1_u128 << 120], 1..20),
        scale in 0..=SCALE_MAX,
        first in any::<bool>(),
    ) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let whole: u128 = weights.iter().sum();
        let (total, remainder) =
            (Amount::new(total, scale).unwrap(), if first { Remainder::ToFirst } else { Remainder::ToLast });
        let shares = total.split(&weights, remainder).unwrap();
        let sum = shares.iter().try_fold(Amount::zero(scale), |sum, share| sum.checked_add(*share));
        prop_assert_eq!(sum, Ok(total));
        let weighty: Vec<usize> = (0..weights.len()).filter(|n| weights[*n] > 0).collect();
        let taker = if first { weighty[0] } else { weighty[weighty.len() - 1] };
        for (n, (share, weight)) in shares.iter().zip(&weights).enumerate() {
            let units = total.units().unsigned_abs();
            let floor = mul_div(units, *weight, whole, Rounding::Floor).unwrap();
            let share = share.units().unsigned_abs();
            prop_assert!(share == floor || (n == taker && share > floor));
            prop_assert!(*weight > 0 || share == 0);
        }
    }

    /// G.2: half up, and one unit at least where there is something to take a share of.
    #[test]
    fn fees_are_near_their_rate(units in 0..1_000_000_000_000_i128, rate in 0..=BASIS_POINTS_MAX, scale in 0..=SCALE_MAX) {
        let fee = fee(Amount::new(units, scale).unwrap(), BasisPoints::new(rate).unwrap()).unwrap();
        prop_assert_eq!(fee.scale(), scale);
        let (fee, exact) = (fee.units(), units * i128::from(rate));
        prop_assert_eq!(fee == 0, exact == 0);
        let half_up = (2 * exact + 10_000) / 20_000;
        prop_assert_eq!(fee, if exact > 0 { half_up.max(1) } else { 0 });
        prop_assert!(rate > 10_000 || fee <= units, "never more than the amount");
    }
}

// Traps of `rust_decimal`.

#[test]
fn decimal_rounds_in_silence_and_amounts_do_not() {
    let (large, tiny) = (decimal("1000000000000"), decimal("0.000000000000000001"));
    assert_eq!(large.checked_add(tiny), Some(large), "this is why amounts are integers");
    let sum = Amount::from_decimal(large, 18).err();
    assert_eq!(sum, Some(AmountError::AmountOverflow), "10^30 units do not fit and are not rounded");
    let (large, tiny) = (decimal("10000000000"), decimal("0.000000000000000001"));
    let exact = Amount::from_decimal(large, 18).unwrap().checked_add(Amount::from_decimal(tiny, 18).unwrap());
    assert_eq!(exact.unwrap().to_string(), "10000000000.000000000000000001");
}

#[test]
fn from_decimal_is_exact_or_refuses() {
    let ok = [
        ("1.00", 2, 100),
        ("1.0000000000000000000000000000", 2, 100),
        ("1", 18, 1_000_000_000_000_000_000),
        ("-0.50", 2, -50),
        ("0", 0, 0),
        ("0.0000000000000000000000000000", 0, 0),
        ("79228162514264337593543950335", 0, UNITS_BOUND - 1),
        ("-79228162514264337593543950335", 0, 1 - UNITS_BOUND),
        ("79228162514.264337593543950335", 18, UNITS_BOUND - 1),
    ];
    for (text, scale, units) in ok {
        let amount = Amount::from_decimal(decimal(text), scale).unwrap();
        assert_eq!((amount.units(), amount.scale()), (units, scale), "{text}");
        assert_eq!(amount.to_decimal(), decimal(text), "{text}");
    }
    for (text, scale) in [
        ("0.001", 2),
        ("0.5", 0),
        ("0.0000000000000000000000000001", 18),
        ("7.9228162514264337593543950335", 18),
    ] {
        let value = decimal(text);
        assert_eq!(Amount::from_decimal(value, scale), Err(AmountError::TooFine { value, scale }), "{text}");
    }
    for (text, scale) in
        [("79228162514264337593543950335", 1), ("7922816251426433759354395034", 2), ("100000000000", 18)]
    {
        assert_eq!(Amount::from_decimal(decimal(text), scale), Err(AmountError::AmountOverflow), "{text}");
    }
    // Digits that a Decimal cannot hold never become another number.
    assert!(Decimal::from_str_exact("0.00000000000000000000000000001").is_err());
    assert!(Decimal::from_str_exact("792281625142643375935439503.350").is_err());
}

#[test]
fn commands_take_decimals_as_exact_texts_only() {
    let json = |amount: &str| {
        format!(
            r#"{{"command":"place_bet","source":"s","id":"T","round":"R","game":"g","amount":{amount},"currency":"EUR"}}"#
        )
    };
    let read = |amount: &str| serde_json::from_str::<ledger_core::PlayerCommand>(&json(amount));
    assert!(read("\"10.00\"").is_ok());
    for bad in ["10.00", "10", "\"1e3\"", "\"\"", "\"ten\"", "\"0.12345678901234567890123456789\"", "null"] {
        assert!(read(bad).is_err(), "{bad}");
    }
    let unknown = json("\"1\"").replace("\"game\"", "\"fake\":1,\"game\"");
    assert!(serde_json::from_str::<ledger_core::PlayerCommand>(&unknown).is_err());
}

// Bounds.

#[test]
fn amounts_end_at_96_bits() {
    for scale in [0, 2, 18] {
        let (top, bottom) =
            (Amount::new(UNITS_BOUND - 1, scale).unwrap(), Amount::new(1 - UNITS_BOUND, scale).unwrap());
        let one = Amount::new(1, scale).unwrap();
        assert_eq!(top.checked_add(one), Err(AmountError::AmountOverflow));
        assert_eq!(bottom.checked_sub(one), Err(AmountError::AmountOverflow));
        assert_eq!(top.checked_sub(one).unwrap().checked_add(one), Ok(top));
        assert_eq!(top.to_string().parse(), Ok(top));
        assert_eq!(bottom.to_string().parse(), Ok(bottom));
        assert_eq!(Amount::from_decimal(top.to_decimal(), scale), Ok(top));
    }
    for units in [UNITS_BOUND, -UNITS_BOUND, i128::MAX, i128::MIN] {
        assert_eq!(Amount::new(units, 2), Err(AmountError::AmountOverflow));
    }
    assert_eq!(Amount::new(1, SCALE_MAX + 1), Err(AmountError::Scale { scale: SCALE_MAX + 1 }));
    assert_eq!(Amount::new(1, u8::MAX), Err(AmountError::Scale { scale: u8::MAX }));
}

#[test]
fn a_zero_of_any_scale_can_be_shown() {
    for scale in 0..=u8::MAX {
        let text = Amount::zero(scale).to_string();
        assert_eq!(text.len(), if scale == 0 { 1 } else { usize::from(scale) + 2 }, "{text}");
    }
}

#[test]
fn texts_that_are_no_amounts() {
    let long = "0".repeat(41);
    for text in [
        "",
        "-",
        ".",
        "1.",
        ".5",
        "+1",
        "1e5",
        "1_000",
        "1,00",
        " 1",
        "1 ",
        "--1",
        "1.2.3",
        "0x1",
        "NaN",
        "inf",
        "\u{0661}",
        "1.0000000000000000000",
        &long,
    ] {
        assert!(matches!(text.parse::<Amount>(), Err(AmountError::Text { .. })), "{text:?}");
    }
    assert_eq!("79228162514264337593543950336".parse::<Amount>(), Err(AmountError::AmountOverflow));
    assert_eq!("99999999999999999999999999999999999999".parse::<Amount>(), Err(AmountError::AmountOverflow));
    assert_eq!("170141183460469231731687303715884105728".parse::<Amount>(), Err(AmountError::AmountOverflow));
    assert_eq!(
        "-170141183460469231731687303715884105728".parse::<Amount>(),
        Err(AmountError::AmountOverflow)
    );
}

#[test]
fn scales_do_not_mix() {
    let (coarse, fine) = (amount("1.00"), amount("1.000"));
    let mismatch = AmountError::ScaleMismatch { left: 2, right: 3 };
    assert_ne!(coarse, fine);
    assert_eq!(coarse.checked_add(fine), Err(mismatch.clone()));
    assert_eq!(coarse.checked_sub(fine), Err(mismatch.clone()));
    assert_eq!(coarse.min(fine), Err(mismatch));
    assert_eq!(coarse.rescale_up(3), Ok(fine));
    assert_eq!(fine.rescale_up(2), Err(AmountError::ScaleMismatch { left: 3, right: 2 }));
    assert_eq!(coarse.rescale_up(19), Err(AmountError::Scale { scale: 19 }));
    assert_eq!(coarse.rescale_up(255), Err(AmountError::AmountOverflow));
}

#[test]
fn the_standard_registry_has_the_scales_of_the_domain() {
    let registry = CurrencyRegistry::standard();
    for (code, scale) in [
        ("JPY", 0),
        ("ISK", 0),
        ("EUR", 2),
        ("HUF", 2),
        ("KWD", 3),
        ("CLF", 4),
        ("USDT", 6),
        ("BTC", 8),
        ("SOL", 9),
        ("ETH", 18),
    ] {
        let currency = registry.get(CurrencyCode::new(code).unwrap()).unwrap();
        assert_eq!(currency.scale(), scale, "{code}");
    }
    for currency in registry.iter() {
        assert!(currency.maximum().is_positive());
        // What an amount above the maximum is compared with shows the maximum exactly.
        assert_eq!(
            Amount::from_decimal(currency.maximum().to_decimal(), currency.scale()),
            Ok(currency.maximum())
        );
    }
}

#[test]
fn a_currency_needs_a_maximum_at_its_scale() {
    let code = CurrencyCode::new("EUR").unwrap();
    assert!(Currency::new(code, 2, amount("0.01")).is_ok());
    for bad in ["0.00", "-1.00", "1.0", "1.000"] {
        assert!(Currency::new(code, 2, amount(bad)).is_err(), "{bad}");
        let stored = format!(r#"{{"code":"EUR","scale":2,"maximum":"{bad}"}}"#);
        assert!(serde_json::from_str::<Currency>(&stored).is_err(), "{bad} is refused when read too");
    }
    for bad in ["", "EU", "eur", "EURO€", "TOOLONGACURRENCY", "EU R"] {
        assert!(CurrencyCode::new(bad).is_err(), "{bad}");
    }
}

fn units() -> impl Strategy<Value = i128> {
    prop_oneof![
        2 => -1_000_000_i128..1_000_000,
        1 => (1 - UNITS_BOUND)..UNITS_BOUND,
        1 => (UNITS_BOUND - 1_000)..UNITS_BOUND,
    ]
}

proptest! {
    #![proptest_config(crate::config(256))]

    #[test]
    fn adding_and_taking_away_is_exact_or_refused(a in units(), b in units(), scale in 0..=SCALE_MAX) {
        let (x, y) = (Amount::new(a, scale).unwrap(), Amount::new(b, scale).unwrap());
        match x.checked_add(y) {
            Ok(sum) => {
                prop_assert_eq!(sum.units(), a + b);
                prop_assert_eq!(sum.checked_sub(y), Ok(x));
            }
            Err(error) => {
                prop_assert_eq!(error, AmountError::AmountOverflow);
                prop_assert!((a + b).abs() >= UNITS_BOUND);
            }
        }
    }

    #[test]
    fn texts_and_decimals_read_back(a in units(), scale in 0..=SCALE_MAX) {
        let x = Amount::new(a, scale).unwrap();
        let text = x.to_string();
        prop_assert_eq!(text.parse(), Ok(x));
        prop_assert_eq!(&text, &x.to_decimal().to_string());
        prop_assert_eq!(Amount::from_decimal(x.to_decimal(), scale), Ok(x));
        let json = serde_json::to_string(&x).unwrap();
        prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), x);
        // A normalised decimal is worth the same.
        prop_assert_eq!(Amount::from_decimal(x.to_decimal().normalize(), scale), Ok(x));
    }

    #[test]
    fn any_decimal_is_taken_exactly_or_refused(mantissa in units(), decimal_scale in 0..=28_u32, scale in 0..=SCALE_MAX) {
        let value = Decimal::try_from_i128_with_scale(mantissa, decimal_scale).unwrap();
        match Amount::from_decimal(value, scale) {
            Ok(amount) => prop_assert_eq!(amount.to_decimal(), value),
            Err(AmountError::TooFine { .. }) => prop_assert!(value.normalize().scale() > u32::from(scale)),
            Err(error) => {
                prop_assert_eq!(error, AmountError::AmountOverflow);
                prop_assert!(value.normalize().scale() <= u32::from(scale));
            }
        }
    }

    /// The check against a currency's maximum compares decimals: that must be exact for every pair.
    #[test]
    fn comparing_decimals_is_exact(a in units(), b in units(), scales in (0..=28_u32, 0..=28_u32)) {
        let (x, y) =
            (Decimal::try_from_i128_with_scale(a, scales.0).unwrap(), Decimal::try_from_i128_with_scale(b, scales.1).unwrap());
        // By hand: compare a * 10^(28 - sa) with b * 10^(28 - sb) as long divisions of digits.
        let digits = |m: i128, s: u32| {
            let text = format!("{:0>60}", m.unsigned_abs());
            format!("{:0>90}", format!("{text}{}", "0".repeat(usize::try_from(28 - s).unwrap())))
        };
        let by_hand = match (a < 0 && a != 0, b < 0 && b != 0) {
            (false, false) => digits(a, scales.0).cmp(&digits(b, scales.1)),
            (true, true) => digits(b, scales.1).cmp(&digits(a, scales.0)),
            (true, false) => std::cmp::Ordering::Less,
            (false, true) => std::cmp::Ordering::Greater,
        };
        prop_assert_eq!(x.cmp(&y), by_hand);
    }

    #[test]
    fn no_text_makes_reading_an_amount_panic(text in "[-+.0-9eE_ ]{0,45}") {
        if let Ok(amount) = text.parse::<Amount>() {
            prop_assert!(amount.units().abs() < UNITS_BOUND);
        }
    }
}
