//! Exchange: rates, what they convert, how old they may be. FX1 to FX3 in docs/scenarios.md.
//!
//! The postings of an exchange are tested where they are built, `ledger-core/src/wallet/fx_postings.rs`.

use std::time::Duration;

use ledger_core::stored::{CommitBody, Converted, DepositSucceeded, EntryPosted, Event, EventRecord};
use ledger_core::testing::{commands, given, invariants};
use ledger_core::{
    AccountCode, AccountKind, Amount, AmountError, Conversion, Currency, CurrencyCode, CurrencyRegistry,
    Entry, FINE_DIGITS, FxError, FxRate, OpenPlayer, Posting, RATE_DIGITS_MAX, RateId, SCALE_MAX, SourceId,
    SubAccount, Timestamp, UNITS_BOUND,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn code(text: &str) -> CurrencyCode {
    CurrencyCode::new(text).unwrap()
}

fn currency(text: &str) -> Currency {
    *CurrencyRegistry::standard().get(code(text)).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn try_rate(base: &str, quote: &str, value: &str) -> Result<FxRate, FxError> {
    let (id, source) = (RateId::new("treasury-7").unwrap(), SourceId::new("treasury").unwrap());
    let value = Decimal::from_str_exact(value).unwrap();
    FxRate::new(id, code(base), code(quote), value, source, at("2026-11-20T12:00:00Z"))
}

fn rate(base: &str, quote: &str, value: &str) -> FxRate {
    try_rate(base, quote, value).unwrap()
}

fn convert(rate: &FxRate, value: &str, from: &str, to: &str) -> Result<Conversion, FxError> {
    rate.convert(amount(value), &currency(from), &currency(to))
}

/// To, exact and residual as texts.
fn texts(conversion: &Conversion) -> [String; 3] {
    [conversion.to(), conversion.exact(), conversion.residual()].map(|amount| amount.to_string())
}

#[test]
fn fx1_dollars_become_euros_and_the_same_euros_go_back() {
    let rate = rate("EUR", "USD", "1.10");
    let deposit = convert(&rate, "110.00", "USD", "EUR").unwrap();
    assert_eq!(texts(&deposit), ["100.00", "100.000000", "0.000000"]);
    assert_eq!((deposit.from_currency(), deposit.to_currency()), (code("USD"), code("EUR")));
    assert_eq!(deposit.from(), amount("110.00"));
    // The whole reversal is what was booked, also where the rate does not divide.
    let (whole, rest) = deposit.split_off(amount("110.00")).unwrap();
    assert_eq!((whole, rest.to()), (deposit, amount("0.00")));
    // And computed again from the stored rate it is the same.
    let stored: FxRate = serde_json::from_str(&serde_json::to_string(&rate).unwrap()).unwrap();
    assert_eq!(convert(&stored, "110.00", "USD", "EUR"), Ok(deposit));
    // The other direction multiplies.
    let payout = convert(&rate, "100.00", "EUR", "USD").unwrap();
    assert_eq!(texts(&payout), ["110.00", "110.000000", "0.000000"]);
}

#[test]
fn fx1_parts_of_a_refund_add_up_to_what_was_booked() {
    let deposit = convert(&rate("EUR", "USD", "1.1"), "100.01", "USD", "EUR").unwrap();
    let (first, rest) = deposit.split_off(amount("33.33")).unwrap();
    let (second, rest) = rest.split_off(amount("33.33")).unwrap();
    let (last, nothing) = rest.split_off(amount("33.35")).unwrap();
    assert_eq!(texts(&first), ["30.30", "30.300000", "0.000000"]);
    assert_eq!(texts(&second), ["30.30", "30.300000", "0.000000"]);
    assert_eq!(texts(&last), ["30.32", "30.318182", "0.001818"]);
    assert_eq!(texts(&nothing), ["0.00", "0.000000", "0.000000"]);
    let whole = amount("100.01");
    let too_much = deposit.split_off(amount("100.02")).unwrap_err();
    assert_eq!(too_much, FxError::Part { part: amount("100.02"), whole });
    for bad in ["-0.01", "1.000"] {
        assert!(matches!(deposit.split_off(amount(bad)), Err(FxError::Amount(_))), "{bad}");
    }
}

#[test]
fn fx2_the_players_amount_is_rounded_half_to_even_and_the_rest_is_told() {
    let rate = rate("EUR", "USD", "1.1");
    let conversion = convert(&rate, "100.01", "USD", "EUR").unwrap();
    assert_eq!(texts(&conversion), ["90.92", "90.918182", "0.001818"]);
    let kept = convert(&rate, "0.07", "USD", "EUR").unwrap();
    assert_eq!(texts(&kept), ["0.06", "0.063636", "-0.003636"]);
    // Exact halves go to the even neighbour, up and down.
    let half = self::rate("EUR", "USD", "0.5");
    for (euros, dollars, residual) in [
        ("0.01", "0.00", "-0.005000"),
        ("0.03", "0.02", "0.005000"),
        ("0.05", "0.02", "-0.005000"),
        ("0.07", "0.04", "0.005000"),
    ] {
        let conversion = convert(&half, euros, "EUR", "USD").unwrap();
        assert_eq!([conversion.to().to_string(), conversion.residual().to_string()], [dollars, residual]);
    }
    // The amount is rounded from what it is, not from what is rounded already: 0.0049999999 is nothing.
    let below = convert(&self::rate("EUR", "USD", "0.49999999"), "0.01", "EUR", "USD").unwrap();
    assert_eq!(texts(&below), ["0.00", "0.005000", "-0.005000"]);
    let above = convert(&self::rate("EUR", "USD", "0.50000001"), "0.01", "EUR", "USD").unwrap();
    assert_eq!(texts(&above), ["0.01", "0.005000", "0.005000"]);
}

#[test]
fn fx2_scales_are_those_of_each_currency() {
    let cases = [
        // yen have no digits, their accounts of exchange four
        ("EUR", "JPY", "163.27", "1.00", "EUR", "JPY", ["163", "163.2700", "-0.2700"]),
        ("EUR", "JPY", "163.27", "163", "JPY", "EUR", ["1.00", "0.998346", "0.001654"]),
        (
            "BTC",
            "EUR",
            "87654.32",
            "100.00",
            "EUR",
            "BTC",
            ["0.00114085", "0.001140845083", "0.000000004917"],
        ),
        ("BTC", "EUR", "87654.32", "0.00000001", "BTC", "EUR", ["0.00", "0.000877", "-0.000877"]),
        // at 18 digits there is no finer scale, so nothing can be left over
        (
            "ETH",
            "USD",
            "3",
            "1.00",
            "USD",
            "ETH",
            ["0.333333333333333333", "0.333333333333333333", "0.000000000000000000"],
        ),
        ("KWD", "BHD", "1.234567", "1.000", "KWD", "BHD", ["1.235", "1.2345670", "0.0004330"]),
    ];
    for (base, quote, value, from_amount, from, to, expected) in cases {
        let conversion = convert(&rate(base, quote, value), from_amount, from, to).unwrap();
        assert_eq!(texts(&conversion), expected, "{from_amount} {from} at {value}");
    }
}

#[test]
fn fx3_a_rate_is_used_while_it_is_fresh() {
    let rate = rate("EUR", "USD", "1.1");
    let limit = Duration::from_mins(1);
    for fresh in ["2026-11-20T12:00:00Z", "2026-11-20T12:01:00Z", "2026-11-20T11:59:00Z"] {
        assert!(!rate.is_stale(at(fresh), limit), "{fresh}");
        assert_eq!(rate.check_age(at(fresh), limit), Ok(()));
    }
    let (id, as_of) = (rate.id().clone(), rate.as_of());
    let now = at("2026-11-20T12:01:00.000001Z");
    assert!(rate.is_stale(now, limit));
    assert_eq!(
        rate.check_age(now, limit),
        Err(FxError::Stale { rate: id.clone(), as_of, now, max_age: limit })
    );
    // A quote from the future is no better.
    let now = at("2026-11-20T11:58:59.999999Z");
    assert!(rate.is_stale(now, limit));
    assert_eq!(rate.check_age(now, limit), Err(FxError::Ahead { rate: id, as_of, now, max_age: limit }));
    assert!(rate.is_stale(Timestamp::MAX, Duration::from_secs(1)));
    assert!(!rate.is_stale(Timestamp::MAX, Duration::MAX));
    assert!(!rate.is_stale(as_of, Duration::ZERO));
}

// Rates.

#[test]
fn a_rate_is_above_zero_and_bounded() {
    let most = "9".repeat(28);
    for good in [
        "1",
        "0.000000000000000001",
        &most,
        "9999999999.999999999999999999",
        "1.100000000000000000000",
        "0.0000000000000000010000000000",
    ] {
        let rate = rate("EUR", "USD", good);
        assert_eq!(rate.rate(), Decimal::from_str_exact(good).unwrap());
    }
    for bad in [
        "0",
        "-1",
        "0.0000000000000000001",
        "1.0000000000000000001",
        "10000000000000000000000000000",
        "79228162514264337593543950335",
    ] {
        let error = try_rate("EUR", "USD", bad).unwrap_err();
        assert!(matches!(error, FxError::Rate { .. }), "{bad}: {error:?}");
    }
    assert_eq!(RATE_DIGITS_MAX, 28);
    assert_eq!(try_rate("EUR", "EUR", "1"), Err(FxError::SameCurrency { currency: code("EUR") }));
    // Equal values are equal rates, and are written alike.
    assert_eq!(rate("EUR", "USD", "1.10"), rate("EUR", "USD", "1.1"));
    assert_eq!(rate("EUR", "USD", "1.10").rate().to_string(), "1.1");
}

/// Frozen: events hold rates.
const STORED: &str = include_str!("../golden/fx_rate.v1.json").trim_ascii_end();

#[test]
fn a_rate_is_stored_as_text_and_read_back_through_the_same_checks() {
    let rate = rate("EUR", "USD", "1.1");
    assert_eq!(serde_json::to_string(&rate).unwrap(), STORED);
    assert_eq!(serde_json::from_str::<FxRate>(STORED).unwrap(), rate);
    assert_eq!(serde_json::from_str::<FxRate>(&STORED.replace("1.1", "1.10")).unwrap(), rate);
    for (from, to) in [
        ("\"1.1\"", "1.1"),
        ("\"1.1\"", "1"),
        ("\"1.1\"", "\"0\""),
        ("\"1.1\"", "\"-1.1\""),
        ("\"1.1\"", "\"1e1\""),
        ("\"1.1\"", "\"\""),
        ("\"1.1\"", "\"1.1000000000000000000\""),
        ("\"1.1\"", "\"10000000000000000000000000000\""),
        ("\"1.1\"", "\"99999999999999999999999999999999999999999\""),
        ("\"USD\"", "\"EUR\""),
        ("\"USD\"", "\"usd\""),
        ("\"treasury-7\"", "\"\""),
        ("\"source\":\"treasury\",", ""),
        ("\"source\"", "\"spread\":\"0.01\",\"source\""),
        ("12:00:00.000000Z", "12:00"),
    ] {
        let changed = STORED.replacen(from, to, 1);
        assert_ne!(changed, STORED, "{from}");
        let error = serde_json::from_str::<FxRate>(&changed).unwrap_err();
        assert!(error.to_string().len() < 300, "errors stay short: {error}");
    }
}

#[cfg(feature = "schema")]
#[test]
fn a_stored_rate_fits_its_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(FxRate)).unwrap();
    let check = |text: &str| crate::json_schema::check(&schema, &serde_json::from_str(text).unwrap());
    check(STORED).unwrap();
    for (from, to) in [
        ("\"1.1\"", "1.1"),
        ("\"1.1\"", "\"-1.1\""),
        ("\"1.1\"", "\"1e1\""),
        ("\"source\":\"treasury\",", ""),
        ("\"source\"", "\"spread\":\"0.01\",\"source\""),
    ] {
        assert!(check(&STORED.replacen(from, to, 1)).is_err(), "{to}");
    }
}

#[test]
fn only_amounts_of_the_pair_are_converted() {
    let rate = rate("EUR", "USD", "1.1");
    let pair = |from: &str, to: &str| FxError::Pair {
        rate: rate.id().clone(),
        base: code("EUR"),
        quote: code("USD"),
        from: code(from),
        to: code(to),
    };
    for (from, to, value) in
        [("EUR", "GBP", "1.00"), ("GBP", "USD", "1.00"), ("JPY", "BTC", "1"), ("EUR", "EUR", "1.00")]
    {
        assert_eq!(convert(&rate, value, from, to), Err(pair(from, to)));
    }
    let negative = AmountError::Negative { amount: amount("-0.01") };
    assert_eq!(convert(&rate, "-0.01", "EUR", "USD"), Err(FxError::Amount(negative)));
    for bad in ["1", "1.000"] {
        let error = convert(&rate, bad, "EUR", "USD").unwrap_err();
        assert!(matches!(error, FxError::Amount(AmountError::ScaleMismatch { .. })), "{bad}");
    }
    assert_eq!(
        convert(&rate, "0.00", "EUR", "USD").map(|c| texts(&c)),
        Ok(["0.00", "0.000000", "0.000000"].map(str::to_owned))
    );
}

#[test]
fn what_does_not_fit_is_refused_and_never_cut() {
    let most = format!("{}.99", "9".repeat(26));
    let top = Amount::new(UNITS_BOUND - 1, 2).unwrap();
    let overflow = Err(FxError::Amount(AmountError::AmountOverflow));
    // The largest numbers there are, in both directions.
    let dear = rate("EUR", "USD", &"9".repeat(28));
    let cheap = rate("EUR", "USD", "0.000000000000000001");
    for amount in [amount(&most), top] {
        assert_eq!(dear.convert(amount, &currency("EUR"), &currency("USD")), overflow);
        assert_eq!(cheap.convert(amount, &currency("USD"), &currency("EUR")), overflow);
    }
    let nothing = dear.convert(amount("1.00"), &currency("USD"), &currency("EUR")).unwrap();
    assert_eq!(texts(&nothing), ["0.00", "0.000000", "0.000000"]);
    // It fits the player's scale and not the finer one.
    let one = rate("EUR", "USD", "1");
    assert_eq!(one.convert(top, &currency("EUR"), &currency("USD")), overflow);
    let ether = Amount::new(UNITS_BOUND - 1, SCALE_MAX).unwrap();
    let dollars = rate("ETH", "USD", "3456.78").convert(ether, &currency("ETH"), &currency("USD")).unwrap();
    assert_eq!(texts(&dollars), ["273874327616058.68", "273874327616058.676907", "0.003093"]);
}

#[test]
fn a_conversion_as_booked_is_checked() {
    let new = |from: &str, to: &str, exact: &str| {
        Conversion::new(code("USD"), amount(from), code("EUR"), amount(to), amount(exact))
    };
    let booked = convert(&rate("EUR", "USD", "1.1"), "100.01", "USD", "EUR");
    assert_eq!(new("100.01", "90.92", "90.918182"), booked);
    for (from, to, exact) in [
        ("-1.00", "1.00", "1.000000"),
        ("1.00", "-1.00", "1.000000"),
        ("1.00", "1.00", "-1.000000"),
        ("1.00", "1.00", "1.00"),
        ("1.00", "1.00", "1.0000000"),
    ] {
        assert!(matches!(new(from, to, exact), Err(FxError::Amount(_))), "{from} {to} {exact}");
    }
    let same = Conversion::new(code("EUR"), amount("1.00"), code("EUR"), amount("1.00"), amount("1.000000"));
    assert_eq!(same, Err(FxError::SameCurrency { currency: code("EUR") }));
}

// Against arithmetic by hand.

/// A number as decimal digits, lowest first: slow, and of any size.
fn digits(mut value: u128) -> Vec<u32> {
    let mut digits = Vec::new();
    while value > 0 {
        digits.push(u32::try_from(value % 10).unwrap());
        value /= 10;
    }
    digits
}

fn product(left: &[u32], right: &[u32]) -> Vec<u32> {
    let mut sums = vec![0; left.len() + right.len() + 1];
    for (i, l) in left.iter().enumerate() {
        for (j, r) in right.iter().enumerate() {
            sums[i + j] += l * r;
        }
    }
    let mut carry = 0;
    for sum in &mut sums {
        *sum += carry;
        carry = *sum / 10;
        *sum %= 10;
    }
    while sums.last() == Some(&0) {
        sums.pop();
    }
    sums
}

/// A number with zeros put behind it.
fn shifted(value: &[u32], zeros: usize) -> Vec<u32> {
    if value.is_empty() { Vec::new() } else { [vec![0; zeros], value.to_vec()].concat() }
}

fn compare(left: &[u32], right: &[u32]) -> std::cmp::Ordering {
    left.len().cmp(&right.len()).then_with(|| left.iter().rev().cmp(right.iter().rev()))
}

proptest! {
    #![proptest_config(crate::config(512))]

    /// Half to even: |exact - rounded| is at most half a unit, and at exactly half the rounded one is even. Both
    /// sides of `2 * amount * rate / 10^n` against `2 * rounded +- 1` are computed digit by digit.
    #[test]
    fn a_conversion_is_the_nearest_amount(
        units in prop_oneof![0..1_000_000_u128, 0..(1_u128 << 80)],
        mantissa in prop_oneof![1..100_000_u128, 1..10_u128.pow(28)],
        rate_scale in 0..=18_u8,
        (from_scale, to_scale) in (0..=18_u8, 0..=18_u8),
        multiplies in any::<bool>(),
    ) {
        let largest = |scale| Amount::new(UNITS_BOUND - 1, scale).unwrap();
        let from = Currency::new(code("AAA"), from_scale, largest(from_scale)).unwrap();
        let to = Currency::new(code("BBB"), to_scale, largest(to_scale)).unwrap();
        let (base, quote) = if multiplies { (&from, &to) } else { (&to, &from) };
        let value = Decimal::try_from_i128_with_scale(i128::try_from(mantissa).unwrap(), u32::from(rate_scale)).unwrap();
        let (id, source) = (RateId::new("r").unwrap(), SourceId::new("s").unwrap());
        let rate = FxRate::new(id, base.code(), quote.code(), value, source, Timestamp::EPOCH).unwrap();
        let source = Amount::new(i128::try_from(units).unwrap(), from_scale).unwrap();
        let Ok(conversion) = rate.convert(source, &from, &to) else { return Ok(()) };
        prop_assert_eq!(conversion.exact().scale(), (to_scale + FINE_DIGITS).min(SCALE_MAX));
        for rounded in [conversion.to(), conversion.exact()] {
            let scale = usize::from(rounded.scale());
            let r = u128::try_from(rounded.units()).unwrap();
            // exact = numerator / denominator in units of the rounded amount
            let (numerator, denominator) = if multiplies {
                let denominator = shifted(&digits(1), usize::from(from_scale) + usize::from(rate_scale));
                (shifted(&product(&digits(units), &digits(mantissa)), scale), denominator)
            } else {
                let numerator = shifted(&digits(units), scale + usize::from(rate_scale));
                (numerator, shifted(&digits(mantissa), usize::from(from_scale)))
            };
            let twice = product(&numerator, &digits(2));
            let upper = compare(&twice, &product(&denominator, &digits(2 * r + 1)));
            prop_assert!(upper.is_lt() || (upper.is_eq() && r % 2 == 0), "{} is too low", rounded);
            if r > 0 {
                let lower = compare(&twice, &product(&denominator, &digits(2 * r - 1)));
                prop_assert!(lower.is_gt() || (lower.is_eq() && r % 2 == 0), "{} is too high", rounded);
            }
        }
        let fine = conversion.to().rescale_up(conversion.exact().scale()).unwrap();
        prop_assert_eq!(conversion.exact().checked_add(conversion.residual()), Ok(fine));
    }

    /// Parts of any sizes add up to the whole, and each is near its share.
    #[test]
    fn fx1_parts_add_up(
        from in 1..10_000_000_i128,
        to in 0..10_000_000_i128,
        off in -5_000..=5_000_i128,
        cuts in prop::collection::vec(0..=1_000_i128, 0..8),
    ) {
        let exact = (to * 10_000 - off).max(0);
        let new = |units, scale| Amount::new(units, scale).unwrap();
        let whole = Conversion::new(code("USD"), new(from, 2), code("EUR"), new(to, 2), new(exact, 6)).unwrap();
        let (mut sums, mut rest, mut parts) = ([0; 4], whole, 0);
        for cut in cuts.into_iter().map(Some).chain([None]) {
            let left = rest.from().units();
            let part = cut.map_or(left, |cut| left * cut / 1_000);
            let (part, after) = rest.split_off(new(part, 2)).unwrap();
            // What rounding down left over so far is less than a unit a part, and goes to those that follow.
            let share = part.from().units() * to;
            parts += 1;
            prop_assert!((part.to().units() * from - share).abs() < parts * from);
            for (sum, amount) in sums.iter_mut().zip([part.from(), part.to(), part.exact(), part.residual()]) {
                *sum += amount.units();
            }
            rest = after;
        }
        prop_assert_eq!(sums, [from, to, exact, to * 10_000 - exact]);
    }
}

// Entries of mixed scales.

fn mixed(currency: &str, psp_amount: &str) -> Vec<Posting> {
    let (usd, eur) = (code(currency), code("EUR"));
    let psp = Some(SubAccount::new("psp").unwrap());
    vec![
        Posting::debit(AccountCode::PspClearing, psp, amount(psp_amount), usd),
        Posting::credit(AccountCode::FxPosition, None, amount("100.010000"), usd),
        Posting::debit(AccountCode::FxPosition, None, amount("90.918182"), eur),
        Posting::debit(AccountCode::Rounding, None, amount("0.001818"), eur),
        Posting::credit(AccountCode::PlayerCash, None, amount("90.92"), eur),
    ]
}

/// A log in which a deposit in dollars was credited in euros.
fn with_exchange(open: OpenPlayer) -> (ledger_core::PlayerState, Vec<CommitBody>) {
    let scenario = given_with(open);
    let (ledger, player) = (scenario.ledger(), scenario.ledger().state().player().clone());
    let mut commits = ledger.commits().to_vec();
    let mut after =
        ledger.state().balances().into_iter().find(|purse| purse.currency == code("EUR")).unwrap();
    after.cash = after.cash.checked_add(amount("90.92")).unwrap();
    let entry = Entry::new(AccountKind::Real, mixed("USD", "100.01")).unwrap();
    let version = ledger.state().wallet().version() + 1;
    let posted = EntryPosted { entry, after: vec![after], lots: Vec::new(), bonus: Vec::new() };
    let stream = format!("wallet/{player}").parse().unwrap();
    let record = EventRecord::new(stream, version, Event::EntryPosted(posted));
    let converted = Converted {
        rate: commands::rate("EUR", "USD", "1.1"),
        currency: code("EUR"),
        amount: amount("90.92"),
        exact: amount("90.918182"),
    };
    let deposit = EventRecord::new(
        format!("deposit/{player}/psp/D9").parse().unwrap(),
        1,
        Event::DepositSucceeded(DepositSucceeded {
            currency: code("USD"),
            amount: amount("100.01"),
            authorisation: None,
            instrument: None,
            intent: None,
            fee: None,
            converted: Some(converted),
            after: None,
            entry: version,
        }),
    );
    let events = vec![record, deposit];
    commits.push(CommitBody { keys: vec![], events, ..commits.last().unwrap().clone() });
    (invariants::replay(&player, &commits).unwrap(), commits)
}

fn given_with(open: OpenPlayer) -> ledger_core::testing::Scenario {
    ledger_core::testing::given_nobody().when(open).applied().cash("10.00").bet("T1", "R", "5").applied()
}

#[test]
fn an_entry_of_mixed_scales_keeps_the_invariants() {
    for purses in [&["EUR"][..], &["EUR", "USD"]] {
        let (state, commits) = with_exchange(commands::open(purses));
        invariants::check_all(state.player(), &commits, &state).unwrap();
        let journal = invariants::journal(&commits);
        let balances = invariants::balances(&journal).unwrap();
        let of = |account: AccountCode, currency: &str| {
            let found = balances.iter().find(|(a, _)| a.code == account && a.currency == code(currency));
            found.map(|(_, sum)| sum.to_string()).unwrap()
        };
        assert_eq!(of(AccountCode::PspClearing, "USD"), "100.01");
        assert_eq!(of(AccountCode::FxPosition, "USD"), "-100.010000");
        assert_eq!(of(AccountCode::FxPosition, "EUR"), "90.918182");
        assert_eq!(of(AccountCode::Rounding, "EUR"), "-0.001818");
        assert_eq!(of(AccountCode::PlayerCash, "EUR"), "95.92");
    }
}

#[test]
fn balances_of_mixed_scales_add_up_at_the_finer_one() {
    let (_, commits) = with_exchange(commands::open(&["EUR"]));
    let mut journal = invariants::journal(&commits);
    let line = journal.iter().find(|line| line.account.code == AccountCode::PspClearing).unwrap().clone();
    journal.push(invariants::Line { amount: amount("0.000001"), ..line.clone() });
    assert_eq!(invariants::balances(&journal).unwrap()[&line.account].to_string(), "10.000001");
}

#[test]
fn i1_a_residual_that_was_forgotten() {
    let (_, commits) = with_exchange(commands::open(&["EUR"]));
    let journal = invariants::journal(&commits);
    let without: Vec<_> =
        journal.iter().filter(|line| line.account.code != AccountCode::Rounding).cloned().collect();
    let violation = invariants::i1_entries_balance(&without).unwrap_err();
    assert!(violation.starts_with("I1") && violation.contains("0.001818"), "{violation}");
    // Units that are equal are not amounts that are.
    let mut coarse = journal;
    let line = coarse.iter_mut().find(|line| line.amount == amount("100.010000")).unwrap();
    line.amount = amount("10001");
    assert!(invariants::i1_entries_balance(&coarse).unwrap_err().starts_with("I1"));
}

#[test]
fn i22_a_leg_of_an_exchange_at_another_scale() {
    for (purses, currency, account) in [
        (&["EUR"][..], "EUR", AccountCode::FxPosition),
        (&["EUR"], "EUR", AccountCode::Rounding),
        (&["EUR"], "EUR", AccountCode::PlayerCash),
        (&["EUR", "USD"], "USD", AccountCode::FxPosition),
        (&["EUR", "USD"], "USD", AccountCode::PspClearing),
    ] {
        let (state, commits) = with_exchange(commands::open(purses));
        let mut journal = invariants::journal(&commits);
        let own = |line: &&mut invariants::Line| {
            line.account.code == account && line.account.currency == code(currency)
        };
        let line = journal.iter_mut().rfind(|line| own(line)).unwrap();
        line.amount = line.amount.rescale_up(line.amount.scale() + 1).unwrap();
        let violation = invariants::i22_legs_are_in_the_purse_currency(&state, &journal).unwrap_err();
        assert!(violation.starts_with("I22"), "{violation}");
    }
    // In a currency that is not his, the house's legs have one scale per account, and his has no place.
    let (state, commits) = with_exchange(commands::open(&["EUR"]));
    let journal = invariants::journal(&commits);
    let clearing = |line: &&invariants::Line| line.account.currency == code("USD");
    let line = journal.iter().find(clearing).unwrap().clone();
    let finer = invariants::Line { amount: amount("100.010"), ..line.clone() };
    let mut account = line.account.clone();
    account.code = AccountCode::PlayerCash;
    let his = invariants::Line { account, ..line.clone() };
    let elsewhere = invariants::Line { entry: 0, ..line };
    for wrong in [finer, his, elsewhere] {
        let mut journal = journal.clone();
        journal.push(wrong);
        let violation = invariants::i22_legs_are_in_the_purse_currency(&state, &journal).unwrap_err();
        assert!(violation.starts_with("I22"), "{violation}");
    }
}

#[test]
fn i3_an_overdraft_beside_finer_accounts() {
    let (_, commits) = with_exchange(commands::open(&["EUR"]));
    let mut journal = invariants::journal(&commits);
    invariants::i3_no_overdraft(&journal).unwrap();
    let cash = journal.iter_mut().find(|line| line.account.code == AccountCode::PlayerCash).unwrap();
    cash.amount = amount("4.99");
    assert!(invariants::i3_no_overdraft(&journal).unwrap_err().starts_with("I3"));
}

#[test]
fn a_credit_from_a_jackpot_is_booked_at_the_jackpots_scale() {
    use ledger_core::stored::CreditKind;
    given()
        .when(commands::credit("C1", CreditKind::LocalJackpot, "1234.56"))
        .applied()
        .accounts(&[("player:cash", "1234.56"), ("jackpot:liability of campaign", "-1234.560000")]);
}
