//! Returns of bets at fixed odds: S116, S128 and S129 in docs/scenarios.md.

use ledger_core::{
    Amount, AmountError, LEGS_MAX, Leg, ODDS_DIGITS_MAX, ODDS_MAX, ODDS_SCALE_MAX, Odds, OddsError,
    SettledStatus, UNITS_BOUND, free_bet_return, gross_return, parlay_odds,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use SettledStatus::{CashedOut, HalfLostHalfPushed, HalfWonHalfPushed, Lost, Pushed, Won};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn odds(text: &str) -> Odds {
    text.parse().unwrap()
}

fn returned(stake: &str, price: &str, status: SettledStatus) -> String {
    gross_return(amount(stake), odds(price), status).unwrap().to_string()
}

#[test]
fn s116_a_return_is_the_gross_of_the_result() {
    let cases = [
        (Won, "160.00"),
        (HalfWonHalfPushed, "130.00"),
        (Pushed, "100.00"),
        (HalfLostHalfPushed, "50.00"),
        (Lost, "0.00"),
    ];
    for (status, expected) in cases {
        assert_eq!(returned("100.00", "1.6", status), expected, "{status:?}");
    }
    let sold = CashedOut { paid: amount("80.00") };
    assert_eq!(returned("100.00", "1.6", sold), "80.00", "a sale has its own price");
    assert_eq!(returned("100.00", "1.6", CashedOut { paid: amount("0.00") }), "0.00");
}

#[test]
fn s116_a_return_is_rounded_down_once() {
    for (stake, price, status, expected) in [
        // 0.333 * 3.333 = 1.10989 -> the price of one cent less is not paid
        ("3.33", "3.333", Won, "11.09"),
        ("0.01", "1.999999999", Won, "0.01"),
        ("0.01", "2", Won, "0.02"),
        ("1", "1.999", Won, "1"),
        ("0.01", "1.5", HalfWonHalfPushed, "0.01"),
        ("0.01", "3", HalfWonHalfPushed, "0.02"),
        ("0.03", "1.5", HalfWonHalfPushed, "0.03"),
        ("0.01", "5", HalfLostHalfPushed, "0.00"),
        ("0.03", "5", HalfLostHalfPushed, "0.01"),
        ("0.00", "5", Won, "0.00"),
        ("0.000000000000000001", "1.999999999", Won, "0.000000000000000001"),
    ] {
        assert_eq!(returned(stake, price, status), expected, "{stake} at {price} {status:?}");
    }
}

#[test]
fn s128_a_void_leg_counts_one() {
    let (a, b, c) = (Leg::Priced(odds("1.85")), Leg::Priced(odds("2.10")), Leg::Priced(odds("1.333")));
    let product = |legs: &[Leg]| parlay_odds(legs).unwrap().to_string();
    assert_eq!(product(&[a, b, c]), "5.178705");
    assert_eq!(product(&[a, Leg::Void, c]), "2.46605");
    assert_eq!(product(&[a, c]), "2.46605");
    assert_eq!(product(&[Leg::Void, Leg::Void]), "1");
    assert_eq!(product(&[a, Leg::Lost, c]), "0");
    assert_eq!(product(&[a, Leg::HalfLost]), "0.925");
    assert_eq!(product(&[Leg::HalfWon(odds("1.85")), b]), "2.9925");
    let all = parlay_odds(&[a, Leg::Void, c]).unwrap();
    assert_eq!(gross_return(amount("10.00"), all, Won), Ok(amount("24.66")));
    let void = parlay_odds(&[Leg::Void]).unwrap();
    assert_eq!(gross_return(amount("10.00"), void, Won), Ok(amount("10.00")), "the stake comes back");
    let lost = parlay_odds(&[a, Leg::Lost]).unwrap();
    assert_eq!(gross_return(amount("10.00"), lost, Won), Ok(amount("0.00")));
}

#[test]
fn s128_a_long_parlay_is_exact() {
    // 1.01^50 has 101 digits.
    let leg = Leg::Priced(odds("1.01"));
    let product = parlay_odds(&[leg; 50]).unwrap();
    assert!(product.to_string().starts_with("1.64463182184388189992"), "{product}");
    assert_eq!(product.to_string().len(), 102);
    assert_eq!(product.to_decimal(), None, "no decimal shows it all");
    assert_eq!(gross_return(amount("1000000.00"), product, Won), Ok(amount("1644631.82")));
    // For a book that pays the price it shows.
    assert_eq!(product.rounded_down(2).to_string(), "1.64");
    assert_eq!(product.rounded_down(0).to_string(), "1");
    assert_eq!(product.rounded_down(2).to_decimal(), Some(Decimal::new(164, 2)));
    assert_eq!(odds("1.6").rounded_down(2), odds("1.6"));
    let twenty = parlay_odds(&[Leg::Priced(odds("1.909")); 20]).unwrap();
    assert_eq!(gross_return(amount("5.00"), twenty, Won), Ok(amount("2065801.42")));
}

#[test]
fn s129_a_free_bet_pays_the_win_without_its_stake() {
    assert_eq!(free_bet_return(amount("36.00"), amount("10.00")), Ok(amount("26.00")));
    assert_eq!(free_bet_return(amount("10.00"), amount("10.00")), Ok(amount("0.00")));
    assert_eq!(free_bet_return(amount("5.00"), amount("10.00")), Ok(amount("0.00")), "half lost");
    assert_eq!(free_bet_return(amount("0.00"), amount("10.00")), Ok(amount("0.00")));
    for (gross, stake) in [("-0.01", "1.00"), ("1.00", "-0.01")] {
        assert!(matches!(free_bet_return(amount(gross), amount(stake)), Err(AmountError::Negative { .. })));
    }
    let mismatch = AmountError::ScaleMismatch { left: 2, right: 3 };
    assert_eq!(free_bet_return(amount("1.00"), amount("1.000")), Err(mismatch));
}

// Bounds.

#[test]
fn odds_are_bounded_decimals() {
    for (good, shown) in
        [("1", "1"), ("1.00", "1"), ("1.60", "1.6"), ("1000000", "1000000"), ("1.000000001", "1.000000001")]
    {
        assert_eq!(odds(good).to_string(), shown);
        assert_eq!(Odds::new(Decimal::from_str_exact(good).unwrap()), Ok(odds(good)));
        assert_eq!(odds(good).to_decimal(), Some(Decimal::from_str_exact(good).unwrap()));
    }
    assert_eq!(odds("1.60"), odds("1.6"));
    let long = "1".repeat(10_000);
    for bad in [
        "",
        "0",
        "0.99",
        "0.999999999",
        "-1.5",
        "1000000.1",
        "1000001",
        "1.0000000001",
        "1,5",
        "1e3",
        "evens",
        "+1.5",
        "5/2",
        &long,
    ] {
        let error = bad.parse::<Odds>().unwrap_err();
        assert!(matches!(error, OddsError::Price { .. }), "{bad:?}");
        assert!(error.to_string().len() < 200, "errors stay short");
        if let Some(decimal) = Decimal::from_str_exact(bad).ok().filter(|_| bad != "+1.5") {
            assert!(matches!(Odds::new(decimal), Err(OddsError::Price { .. })), "{bad}");
        }
    }
    assert_eq!((ODDS_MAX, ODDS_SCALE_MAX), (1_000_000, 9));
}

#[test]
fn parlays_are_bounded() {
    let leg = Leg::Priced(odds("2"));
    assert_eq!(parlay_odds(&[]), Err(OddsError::Legs { count: 0 }));
    assert_eq!(parlay_odds(&[leg; LEGS_MAX]).map(|o| o.to_string()), Ok((1_u128 << 50).to_string()));
    assert_eq!(parlay_odds(&[leg; LEGS_MAX + 1]), Err(OddsError::Legs { count: LEGS_MAX + 1 }));
    // Each leg has ten digits: twelve of them fit, thirteen do not.
    let fine = Leg::Priced(odds("1.909090909"));
    let twelve = parlay_odds(&[fine; 12]).unwrap();
    assert!(u32::try_from(twelve.to_string().len()).unwrap() <= ODDS_DIGITS_MAX + 1);
    assert_eq!(parlay_odds(&[fine; 13]), Err(OddsError::TooManyDigits));
    let most = Leg::Priced(odds("1000000"));
    assert!(parlay_odds(&[most; 19]).is_ok());
    assert_eq!(parlay_odds(&[most; 20]), Err(OddsError::TooManyDigits));
    // 120 digits, and half of it one more.
    let full = [&[Leg::Priced(odds("1.000000001")); 13][..], &[Leg::Priced(odds("1.01"))]].concat();
    let full = parlay_odds(&full).unwrap();
    assert_eq!(full.to_string().len(), 121);
    let half = gross_return(amount("1.00"), full, HalfWonHalfPushed);
    assert_eq!(half, Err(OddsError::TooManyDigits));
    assert!(parlay_odds(&[Leg::HalfLost; LEGS_MAX]).is_ok(), "5^50 has 35 digits");
}

#[test]
fn amounts_that_do_not_fit_are_refused() {
    let overflow = Err(OddsError::Amount(AmountError::AmountOverflow));
    let top = Amount::new(UNITS_BOUND - 1, 2).unwrap();
    assert_eq!(gross_return(top, odds("1.1"), Won), overflow);
    assert_eq!(gross_return(top, odds("1"), Won), Ok(top));
    assert_eq!(gross_return(top, odds("1000000"), Lost), Ok(amount("0.00")));
    let huge = parlay_odds(&[Leg::Priced(odds("1000000")); 19]).unwrap();
    assert_eq!(gross_return(top, huge, Won), overflow);
    assert_eq!(gross_return(amount("0.01"), huge, Won), overflow);
    for status in
        [Won, HalfWonHalfPushed, Pushed, HalfLostHalfPushed, Lost, CashedOut { paid: amount("1.00") }]
    {
        let error = gross_return(amount("-0.01"), odds("2"), status).unwrap_err();
        assert_eq!(error, OddsError::Amount(AmountError::Negative { amount: amount("-0.01") }), "{status:?}");
    }
    for (paid, expected) in [
        ("-0.01", AmountError::Negative { amount: amount("-0.01") }),
        ("1.000", AmountError::ScaleMismatch { left: 3, right: 2 }),
    ] {
        let result = gross_return(amount("1.00"), odds("2"), CashedOut { paid: amount(paid) });
        assert_eq!(result, Err(OddsError::Amount(expected)));
    }
}

proptest! {
    #![proptest_config(crate::config(512))]

    /// Down, and by less than one unit; computed another way in 128 bits.
    #[test]
    fn a_return_is_the_floor(
        stake in 0..1_000_000_000_000_i128,
        (price, scale) in (0_u32..=9).prop_flat_map(|scale| (10_i128.pow(scale)..1_000 * 10_i128.pow(scale), Just(scale))),
    ) {
        let one = 10_i128.pow(scale);
        let decimal = Decimal::try_from_i128_with_scale(price, scale).unwrap();
        let odds = Odds::new(decimal).unwrap();
        let units = |status| gross_return(Amount::new(stake, 2).unwrap(), odds, status).unwrap().units();
        prop_assert_eq!(units(Won), stake * price / one);
        prop_assert_eq!(units(HalfWonHalfPushed), stake * (price + one) / (2 * one));
        prop_assert_eq!(units(HalfLostHalfPushed), stake / 2);
        prop_assert!(units(Won) >= units(HalfWonHalfPushed) && units(HalfWonHalfPushed) >= units(Pushed));
        // A parlay of one leg is the leg.
        prop_assert_eq!(parlay_odds(&[Leg::Void, Leg::Priced(odds)]), Ok(odds));
        prop_assert_eq!(odds.to_string().parse::<Odds>(), Ok(odds));
    }

    /// The order of legs does not matter, and two legs are their product.
    #[test]
    fn a_parlay_is_a_product(prices in prop::collection::vec((1_000..50_000_u32, 0..3_u8), 1..12)) {
        let mut legs: Vec<Leg> = prices
            .iter()
            .map(|(mills, kind)| {
                let odds = Odds::new(Decimal::new(i64::from(*mills), 3)).unwrap();
                [Leg::Priced(odds), Leg::Void, Leg::HalfWon(odds)][usize::from(*kind)]
            })
            .collect();
        let product = parlay_odds(&legs).unwrap();
        legs.reverse();
        prop_assert_eq!(parlay_odds(&legs).unwrap(), product);
        let two = prices.iter().take(2).map(|(mills, kind)| match kind {
            0 => u128::from(*mills) * 10,
            1 => 10_000,
            _ => u128::from(*mills + 1_000) * 5,
        });
        let by_hand = two.fold((1_u128, 0), |(product, scale), factor| (product * factor, scale + 4));
        let first = parlay_odds(&legs[legs.len().saturating_sub(2)..]).unwrap();
        let expected = Decimal::try_from_i128_with_scale(i128::try_from(by_hand.0).unwrap(), by_hand.1).unwrap();
        prop_assert_eq!(first.to_decimal(), Some(expected.normalize()));
    }
}
