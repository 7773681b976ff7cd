//! The postings of exchange (P39, P40 in docs/scenarios.md; docs/chart-of-accounts.md), one function per movement,
//! as in `postings.rs`.
//!
//! What comes in of one currency and goes out in another passes `fx:position`, once per currency and each time at
//! its exact worth. What rounding to the player's smallest unit gave him or kept stands in `rounding`.

use super::postings::{pay, take_back, unless_zero};
use super::state::Purse;
use crate::account::{AccountCode, Side};
use crate::entry::Posting;
use crate::ids::SubAccount;
use crate::money::{Amount, AmountError, Conversion, CurrencyCode, FxError};
use crate::stored::Recovery;

/// Money in of one currency is credited as another (P39). `from` is the debited account, in the currency that
/// came in. What the player owes in his own currency is paid first (P29).
pub(crate) fn credit_converted(
    purse: &Purse,
    from: AccountCode,
    of: SubAccount,
    conversion: &Conversion,
) -> Result<Vec<Posting>, FxError> {
    check(purse, conversion.to_currency(), conversion.to(), conversion)?;
    let outside = outside(Side::Debit, from, of, conversion)?;
    let legs = [outside].into_iter().chain(house(conversion)?).chain(pay(purse, conversion.to())?);
    Ok(legs.filter_map(unless_zero).collect())
}

/// What [`credit_converted`] brought goes back where it came from, or a part of it
/// ([`Conversion::split_off`]). `recovery` says where the player's side is taken from, and adds up to what he had
/// got.
pub(crate) fn reverse_credit_converted(
    purse: &Purse,
    from: AccountCode,
    of: SubAccount,
    conversion: &Conversion,
    recovery: &Recovery,
) -> Result<Vec<Posting>, FxError> {
    check(purse, conversion.to_currency(), conversion.to(), conversion)?;
    let outside = outside(Side::Credit, from, of, conversion)?;
    let legs =
        take_back(purse, recovery).into_iter().chain(house(conversion)?.map(reversed)).chain([outside]);
    Ok(legs.filter_map(unless_zero).collect())
}

/// A player exchanges cash of one purse for cash of another (P39). What he owes in the second is paid first
/// (P29).
pub(crate) fn exchange(from: &Purse, to: &Purse, conversion: &Conversion) -> Result<Vec<Posting>, FxError> {
    check(from, conversion.from_currency(), conversion.from(), conversion)?;
    check(to, conversion.to_currency(), conversion.to(), conversion)?;
    let given = Posting::debit(AccountCode::PlayerCash, None, conversion.from(), conversion.from_currency());
    let legs = [given].into_iter().chain(house(conversion)?).chain(pay(to, conversion.to())?);
    Ok(legs.filter_map(unless_zero).collect())
}

/// An exchange is undone, or a part of it. What he gave is cash again and pays no debts: a reversal restores the
/// funds it came from exactly, as a refund does (P07).
pub(crate) fn reverse_exchange(
    from: &Purse,
    to: &Purse,
    conversion: &Conversion,
    recovery: &Recovery,
) -> Result<Vec<Posting>, FxError> {
    check(from, conversion.from_currency(), conversion.from(), conversion)?;
    check(to, conversion.to_currency(), conversion.to(), conversion)?;
    let given = Posting::credit(AccountCode::PlayerCash, None, conversion.from(), conversion.from_currency());
    let legs = take_back(to, recovery).into_iter().chain(house(conversion)?.map(reversed)).chain([given]);
    Ok(legs.filter_map(unless_zero).collect())
}

/// The purse is in a currency of the conversion, and the amount at its scale.
fn check(
    purse: &Purse,
    expected: CurrencyCode,
    amount: Amount,
    conversion: &Conversion,
) -> Result<(), FxError> {
    let (currency, zero) = (purse.currency().code(), purse.currency().zero());
    if currency != expected {
        let (from, to) = (conversion.from_currency(), conversion.to_currency());
        return Err(FxError::Currency { from, to, currency });
    }
    if amount.scale() != zero.scale() {
        return Err(AmountError::ScaleMismatch { left: amount.scale(), right: zero.scale() }.into());
    }
    Ok(())
}

/// The account outside of the player's purses that the money comes from or goes back to.
fn outside(
    side: Side,
    account: AccountCode,
    of: SubAccount,
    conversion: &Conversion,
) -> Result<Posting, FxError> {
    let (amount, currency) = (conversion.from(), conversion.from_currency());
    let amount = amount.rescale_up(account.scale_at(amount.scale()))?;
    Ok(Posting { side, account, of: Some(of), amount, currency })
}

/// The house takes the one currency into its position and gives the other out of it, at what that is worth; what
/// the player gets beyond that, or less, is the house's rounding.
fn house(conversion: &Conversion) -> Result<[Posting; 3], AmountError> {
    let (from, to) = (conversion.from_currency(), conversion.to_currency());
    let position = AccountCode::FxPosition;
    let taken = conversion.from().rescale_up(position.scale_at(conversion.from().scale()))?;
    let residual = conversion.residual();
    let rounding = if residual.is_negative() {
        let kept = Amount::zero(residual.scale()).checked_sub(residual)?;
        Posting::credit(AccountCode::Rounding, None, kept, to)
    } else {
        Posting::debit(AccountCode::Rounding, None, residual, to)
    };
    Ok([
        Posting::credit(position, None, taken, from),
        Posting::debit(position, None, conversion.exact(), to),
        rounding,
    ])
}

fn reversed(posting: Posting) -> Posting {
    let side = match posting.side {
        Side::Debit => Side::Credit,
        Side::Credit => Side::Debit,
    };
    Posting { side, ..posting }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::account::AccountKind;
    use crate::entry::Entry;
    use crate::ids::{RateId, SourceId};
    use crate::money::{Currency, CurrencyRegistry, FxRate};
    use crate::stored::EntryPosted;
    use crate::time::Timestamp;
    use crate::wallet::Wallet;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn currency(code: &str) -> Currency {
        *CurrencyRegistry::standard().get(CurrencyCode::new(code).unwrap()).unwrap()
    }

    fn rate(base: &str, quote: &str, value: &str) -> FxRate {
        let code = |code| CurrencyCode::new(code).unwrap();
        let (id, source) = (RateId::new("rate").unwrap(), SourceId::new("treasury").unwrap());
        FxRate::new(id, code(base), code(quote), value.parse().unwrap(), source, Timestamp::EPOCH).unwrap()
    }

    fn psp() -> SubAccount {
        SubAccount::new("psp").unwrap()
    }

    /// A wallet and what all accounts of its entries have, by name, on their normal side.
    struct Books {
        wallet: Wallet,
        accounts: BTreeMap<String, Amount>,
    }

    impl Books {
        fn new(purses: &[&str]) -> Self {
            let mut wallet = Wallet::default();
            wallet.open(&purses.iter().map(|code| currency(code)).collect::<Vec<_>>());
            Self { wallet, accounts: BTreeMap::new() }
        }

        fn purse(&self, code: &str) -> &Purse {
            self.wallet.purse(CurrencyCode::new(code).unwrap()).unwrap()
        }

        /// Posts through the one door of entries and the fold of the wallet.
        fn post(&mut self, postings: Vec<Posting>) {
            for posting in &postings {
                // One account has one scale in one currency, whatever it is the other leg of.
                let scale = posting.account.scale(&currency(posting.currency.as_str()));
                assert_eq!(posting.amount.scale(), scale, "{posting:?}");
                let of = posting.of.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
                let name = format!("{}{of} {}", posting.account, posting.currency);
                let sum = self.accounts.entry(name).or_insert(Amount::zero(scale));
                *sum = if posting.side == posting.account.class().normal_side() {
                    sum.checked_add(posting.amount).unwrap()
                } else {
                    sum.checked_sub(posting.amount).unwrap()
                };
            }
            let entry = Entry::new(AccountKind::Real, postings).unwrap();
            let bytes = serde_json::to_vec(&entry).unwrap();
            assert_eq!(serde_json::from_slice::<Entry>(&bytes).unwrap(), entry, "it reads back");
            let after = self.wallet.after(&entry).unwrap().iter().map(Purse::balance).collect();
            let version = self.wallet.version() + 1;
            self.wallet
                .evolve(version, &EntryPosted { entry, after, lots: Vec::new(), bonus: Vec::new() })
                .unwrap();
        }

        /// A debt that a taken back win left.
        fn owing(mut self, code: &str, debt: &str) -> Self {
            let (game, debt) = (SubAccount::new("game").unwrap(), amount(debt));
            let zero = Amount::zero(debt.scale());
            let recovery = Recovery { cash: zero, receivable: debt, written_off: zero };
            let payouts = AccountCode::GamingPayouts;
            let postings = crate::wallet::recover_to(self.purse(code), payouts, game, debt, &recovery);
            self.post(postings);
            self.accounts.clear();
            self.accounts.insert(format!("receivable:player {code}"), debt);
            self
        }

        fn funded(mut self, code: &str, cash: &str) -> Self {
            let postings = crate::wallet::deposit(self.purse(code), psp(), amount(cash)).unwrap();
            self.post(postings);
            self.accounts.remove(&format!("psp:clearing of psp {code}"));
            self
        }

        #[track_caller]
        fn assert(&self, expected: &[(&str, &str)]) {
            let found = self.accounts.iter().filter(|(_, sum)| !sum.is_zero());
            let found: BTreeMap<_, _> = found.map(|(name, sum)| (name.as_str(), sum.to_string())).collect();
            let expected = expected.iter().map(|(name, sum)| (*name, (*sum).to_owned())).collect();
            assert_eq!(found, expected);
        }
    }

    /// What of an amount is taken from cash, and what becomes a debt.
    fn recovery(purse: &Purse, amount: Amount) -> Recovery {
        let cash = purse.cash().min(amount).unwrap();
        Recovery { cash, receivable: amount.checked_sub(cash).unwrap(), written_off: purse.currency().zero() }
    }

    /// P39: a deposit of 110 USD is 100 EUR at 1.10; its refund leaves nothing anywhere.
    #[test]
    fn fx1_a_deposit_in_dollars_and_its_refund() {
        let conversion =
            rate("EUR", "USD", "1.10").convert(amount("110.00"), &currency("USD"), &currency("EUR")).unwrap();
        let mut books = Books::new(&["EUR"]);
        let postings = credit_converted(books.purse("EUR"), AccountCode::PspClearing, psp(), &conversion);
        books.post(postings.unwrap());
        books.assert(&[
            ("psp:clearing of psp USD", "110.00"),
            ("fx:position USD", "-110.000000"),
            ("fx:position EUR", "100.000000"),
            ("player:cash EUR", "100.00"),
        ]);
        let recovery = recovery(books.purse("EUR"), conversion.to());
        let purse = books.purse("EUR");
        let back = reverse_credit_converted(purse, AccountCode::PspClearing, psp(), &conversion, &recovery);
        books.post(back.unwrap());
        books.assert(&[]);
    }

    /// P40: what rounding gives the player is debited to `rounding`, what it keeps is credited.
    #[test]
    fn fx2_the_residual_stands_in_rounding_on_its_side() {
        let cases = [
            ("100.01", "90.92", "90.918182", "-0.001818"),
            ("100.04", "90.95", "90.945455", "-0.004545"),
            ("100.00", "90.91", "90.909091", "-0.000909"),
            ("100.03", "90.94", "90.936364", "-0.003636"),
            ("100.02", "90.93", "90.927273", "-0.002727"),
            ("0.07", "0.06", "0.063636", "0.003636"),
        ];
        for (dollars, euros, exact, rounding) in cases {
            let conversion = rate("EUR", "USD", "1.1")
                .convert(amount(dollars), &currency("USD"), &currency("EUR"))
                .unwrap();
            let mut books = Books::new(&["EUR"]);
            let postings = credit_converted(books.purse("EUR"), AccountCode::PspClearing, psp(), &conversion);
            books.post(postings.unwrap());
            let position = format!("-{dollars}0000");
            books.assert(&[
                ("psp:clearing of psp USD", dollars),
                ("fx:position USD", &position),
                ("fx:position EUR", exact),
                ("rounding EUR", rounding),
                ("player:cash EUR", euros),
            ]);
        }
    }

    #[test]
    fn a_debt_is_paid_first_and_comes_back_with_the_reversal() {
        let conversion =
            rate("EUR", "USD", "1.1").convert(amount("100.01"), &currency("USD"), &currency("EUR")).unwrap();
        let mut books = Books::new(&["EUR"]).owing("EUR", "60.00");
        let postings = credit_converted(books.purse("EUR"), AccountCode::PspClearing, psp(), &conversion);
        books.post(postings.unwrap());
        books.assert(&[
            ("psp:clearing of psp USD", "100.01"),
            ("fx:position USD", "-100.010000"),
            ("fx:position EUR", "90.918182"),
            ("rounding EUR", "-0.001818"),
            ("player:cash EUR", "30.92"),
        ]);
        let recovery = recovery(books.purse("EUR"), conversion.to());
        let purse = books.purse("EUR");
        let back = reverse_credit_converted(purse, AccountCode::PspClearing, psp(), &conversion, &recovery);
        books.post(back.unwrap());
        books.assert(&[("receivable:player EUR", "60.00")]);
    }

    #[test]
    fn an_exchange_between_two_purses_and_back() {
        let conversion =
            rate("EUR", "USD", "1.1").convert(amount("100.01"), &currency("USD"), &currency("EUR")).unwrap();
        let mut books = Books::new(&["USD", "EUR"]).funded("USD", "150.00").owing("EUR", "5.00");
        books.accounts.insert("player:cash USD".to_owned(), amount("150.00"));
        books.post(exchange(books.purse("USD"), books.purse("EUR"), &conversion).unwrap());
        books.assert(&[
            ("player:cash USD", "49.99"),
            ("fx:position USD", "-100.010000"),
            ("fx:position EUR", "90.918182"),
            ("rounding EUR", "-0.001818"),
            ("player:cash EUR", "85.92"),
        ]);
        let recovery = recovery(books.purse("EUR"), conversion.to());
        let back = reverse_exchange(books.purse("USD"), books.purse("EUR"), &conversion, &recovery);
        books.post(back.unwrap());
        books.assert(&[("player:cash USD", "150.00"), ("receivable:player EUR", "5.00")]);
    }

    #[test]
    fn a_shortfall_of_a_reversal_is_written_off_where_the_policy_says_so() {
        let conversion =
            rate("EUR", "USD", "1.1").convert(amount("110.00"), &currency("USD"), &currency("EUR")).unwrap();
        let mut books = Books::new(&["EUR"]).funded("EUR", "30.00");
        let recovery =
            Recovery { cash: amount("30.00"), receivable: amount("0.00"), written_off: amount("70.00") };
        let purse = books.purse("EUR");
        let back = reverse_credit_converted(purse, AccountCode::PspClearing, psp(), &conversion, &recovery);
        books.post(back.unwrap());
        books.assert(&[
            ("psp:clearing of psp USD", "-110.00"),
            ("fx:position USD", "110.000000"),
            ("fx:position EUR", "-100.000000"),
            ("bad_debt EUR", "70.00"),
        ]);
    }

    #[test]
    fn a_finer_account_of_the_house_gets_its_own_scale() {
        // A jackpot in dollars pays a player in euros.
        let conversion =
            rate("EUR", "USD", "1.1").convert(amount("110.00"), &currency("USD"), &currency("EUR")).unwrap();
        let mut books = Books::new(&["EUR"]);
        let jackpot = AccountCode::JackpotLiability;
        books.post(credit_converted(books.purse("EUR"), jackpot, psp(), &conversion).unwrap());
        books.assert(&[
            ("jackpot:liability of psp USD", "-110.000000"),
            ("fx:position USD", "-110.000000"),
            ("fx:position EUR", "100.000000"),
            ("player:cash EUR", "100.00"),
        ]);
    }

    #[test]
    fn what_rounds_to_nothing_is_all_rounding() {
        let conversion =
            rate("EUR", "JPY", "160").convert(amount("0"), &currency("JPY"), &currency("EUR")).unwrap();
        assert_eq!(
            credit_converted(Books::new(&["EUR"]).purse("EUR"), AccountCode::PspClearing, psp(), &conversion),
            Ok(vec![])
        );
        let conversion =
            rate("BTC", "JPY", "15000000").convert(amount("1"), &currency("JPY"), &currency("BTC")).unwrap();
        assert_eq!(conversion.to(), amount("0.00000007"));
        let conversion =
            rate("EUR", "JPY", "160").convert(amount("0.00"), &currency("EUR"), &currency("JPY")).unwrap();
        assert!(conversion.to().is_zero());
        let conversion =
            rate("EUR", "JPY", "20").convert(amount("0.02"), &currency("EUR"), &currency("JPY")).unwrap();
        let mut books = Books::new(&["JPY"]);
        books.post(
            credit_converted(books.purse("JPY"), AccountCode::PspClearing, psp(), &conversion).unwrap(),
        );
        books.assert(&[
            ("psp:clearing of psp EUR", "0.02"),
            ("fx:position EUR", "-0.020000"),
            ("fx:position JPY", "0.4000"),
            ("rounding JPY", "0.4000"),
        ]);
    }

    #[test]
    fn a_purse_in_another_currency_is_refused() {
        let conversion =
            rate("EUR", "USD", "1.1").convert(amount("110.00"), &currency("USD"), &currency("EUR")).unwrap();
        let books = Books::new(&["EUR", "USD", "JPY"]);
        let (euro, dollar, yen) = (books.purse("EUR"), books.purse("USD"), books.purse("JPY"));
        let refused = |purse: &Purse| {
            let (from, to) = (conversion.from_currency(), conversion.to_currency());
            Err(FxError::Currency { from, to, currency: purse.currency().code() })
        };
        let zero = amount("0.00");
        let recovery = Recovery { cash: conversion.to(), receivable: zero, written_off: zero };
        let clearing = AccountCode::PspClearing;
        for wrong in [dollar, yen] {
            assert_eq!(credit_converted(wrong, clearing, psp(), &conversion), refused(wrong));
            assert_eq!(
                reverse_credit_converted(wrong, clearing, psp(), &conversion, &recovery),
                refused(wrong)
            );
            assert_eq!(exchange(dollar, wrong, &conversion), refused(wrong));
            assert_eq!(reverse_exchange(dollar, wrong, &conversion, &recovery), refused(wrong));
        }
        assert_eq!(exchange(yen, euro, &conversion), refused(yen));
        assert_eq!(reverse_exchange(yen, euro, &conversion, &recovery), refused(yen));
    }

    #[test]
    fn a_purse_at_another_scale_is_refused() {
        let mills = Currency::new(CurrencyCode::new("EUR").unwrap(), 3, amount("1000.000")).unwrap();
        let purse = Purse::new(mills);
        let conversion =
            rate("EUR", "USD", "1.1").convert(amount("110.00"), &currency("USD"), &currency("EUR")).unwrap();
        assert_eq!(
            credit_converted(&purse, AccountCode::PspClearing, psp(), &conversion),
            Err(FxError::Amount(AmountError::ScaleMismatch { left: 2, right: 3 }))
        );
    }

    const CODES: [&str; 6] = ["EUR", "USD", "JPY", "KWD", "BTC", "ETH"];

    fn pairs() -> impl Strategy<Value = (&'static str, &'static str)> {
        let pairs = CODES.iter().flat_map(|from| CODES.iter().map(move |to| (*from, *to)));
        prop::sample::select(pairs.filter(|(from, to)| from != to).collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

        /// Whatever is converted, at whatever rate, in whichever direction: the books balance, and reversed in
        /// parts, in any sizes, nothing is left on any account.
        #[test]
        fn fx1_reversed_in_parts_nothing_is_left(
            (from, to) in pairs(),
            is_base in any::<bool>(),
            units in 1..1_000_000_000_i128,
            (mantissa, scale) in (1..10_000_000_u32, 0..=8_u32),
            cuts in prop::collection::vec(0..=1_000_i128, 0..5),
            debt in 0..1_000_i128,
            own in any::<bool>(),
        ) {
            let (base, quote) = if is_base { (from, to) } else { (to, from) };
            let value = rust_decimal::Decimal::new(i64::from(mantissa), scale).to_string();
            let source = Amount::new(units, currency(from).scale()).unwrap();
            let converted = rate(base, quote, &value).convert(source, &currency(from), &currency(to));
            prop_assume!(converted.is_ok());
            let conversion = converted.unwrap();
            let mut books = Books::new(&[from, to]).funded(from, &source.to_string());
            books.accounts.clear();
            if debt > 0 {
                let debt = Amount::new(debt, currency(to).scale()).unwrap().to_string();
                books = books.owing(to, &debt);
            }
            let before = books.accounts.clone();
            let postings = if own {
                exchange(books.purse(from), books.purse(to), &conversion)
            } else {
                credit_converted(books.purse(to), AccountCode::PspClearing, psp(), &conversion)
            };
            books.post(postings.unwrap());
            let residual = conversion.residual().units().abs();
            let unit = 10_i128.pow(u32::from(conversion.exact().scale() - conversion.to().scale()));
            prop_assert!(2 * residual <= unit, "never more than half a unit: {residual} of {unit}");

            let mut rest = conversion;
            for cut in cuts.iter().copied().map(Some).chain([None]) {
                let left = rest.from().units();
                let part = cut.map_or(left, |cut| left * cut / 1_000);
                let part = Amount::new(part, rest.from().scale()).unwrap();
                let (part, left) = rest.split_off(part).unwrap();
                rest = left;
                let recovery = recovery(books.purse(to), part.to());
                let postings = if own {
                    reverse_exchange(books.purse(from), books.purse(to), &part, &recovery)
                } else {
                    let clearing = AccountCode::PspClearing;
                    reverse_credit_converted(books.purse(to), clearing, psp(), &part, &recovery)
                };
                let postings = postings.unwrap();
                if !postings.is_empty() {
                    books.post(postings);
                }
            }
            prop_assert!(rest.to().is_zero() && rest.exact().is_zero() && rest.from().is_zero());
            let left: BTreeMap<_, _> = books.accounts.into_iter().filter(|(_, sum)| !sum.is_zero()).collect();
            prop_assert_eq!(left, before);
        }
    }
}
