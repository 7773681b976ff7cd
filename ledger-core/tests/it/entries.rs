//! The one door of entries: what it lets in, and what not.

use ledger_core::{
    AccountCode, AccountKind, Amount, AmountError, Book, CurrencyCode, Entry, EntryError, POSTINGS_MAX,
    Posting, Side, SubAccount,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn euro() -> CurrencyCode {
    CurrencyCode::new("EUR").unwrap()
}

/// A sub-account where the chart wants one.
fn of(account: AccountCode) -> Option<SubAccount> {
    account.per().map(|per| SubAccount::new(per).unwrap())
}

fn dr(account: AccountCode, value: &str) -> Posting {
    Posting::debit(account, of(account), amount(value), euro())
}

fn cr(account: AccountCode, value: &str) -> Posting {
    Posting::credit(account, of(account), amount(value), euro())
}

fn entry(postings: Vec<Posting>) -> Result<Entry, EntryError> {
    Entry::new(AccountKind::Real, postings)
}

use AccountCode::{
    BonusConverted, BonusCost, BonusForfeited, BonusIssued, FxPosition, GamingStakes, PlayerBonus,
    PlayerCash, PlayerHeld, PspClearing, Rounding,
};

#[test]
fn an_entry_has_two_postings_at_least_and_not_too_many() {
    assert_eq!(entry(vec![]), Err(EntryError::Count { count: 0 }));
    assert_eq!(entry(vec![dr(PlayerCash, "1.00")]), Err(EntryError::Count { count: 1 }));
    let many = |count: usize| (0..count / 2).flat_map(|_| [dr(PspClearing, "1.00"), cr(PlayerCash, "1.00")]);
    assert!(entry(many(POSTINGS_MAX).collect()).is_ok());
    assert_eq!(entry(many(POSTINGS_MAX + 2).collect()), Err(EntryError::Count { count: POSTINGS_MAX + 2 }));
}

#[test]
fn postings_are_above_zero() {
    for bad in ["0.00", "-1.00"] {
        let postings = vec![dr(PspClearing, bad), cr(PlayerCash, bad)];
        assert_eq!(
            entry(postings),
            Err(EntryError::NotPositive { account: PspClearing, amount: amount(bad) })
        );
        let postings = vec![dr(PspClearing, "1.00"), cr(PlayerCash, "1.00"), cr(Rounding, bad)];
        assert_eq!(entry(postings), Err(EntryError::NotPositive { account: Rounding, amount: amount(bad) }));
    }
}

#[test]
fn every_account_has_what_it_is_kept_per_and_nothing_else() {
    for account in AccountCode::ALL {
        let mut wrong = dr(*account, "1.00");
        wrong.of = if account.per().is_some() { None } else { Some(SubAccount::new("x").unwrap()) };
        let result = entry(vec![wrong, cr(*account, "1.00")]);
        assert_eq!(result, Err(EntryError::SubAccount { account: *account }));
    }
}

#[test]
fn debits_equal_credits_per_currency_and_book() {
    let unbalanced = entry(vec![dr(PspClearing, "10.00"), cr(PlayerCash, "9.99")]);
    assert_eq!(
        unbalanced,
        Err(EntryError::Unbalanced {
            currency: euro(),
            book: Book::Cash,
            debits: amount("10.00"),
            credits: amount("9.99")
        })
    );
    // Equal sums of two currencies do not balance.
    let dollar = CurrencyCode::new("USD").unwrap();
    let mut credit = cr(PlayerCash, "10.00");
    credit.currency = dollar;
    assert!(matches!(entry(vec![dr(PspClearing, "10.00"), credit]), Err(EntryError::Unbalanced { .. })));
    // Nor do equal sums of two books.
    let mixed = entry(vec![dr(PlayerBonus, "10.00"), cr(PlayerCash, "10.00")]);
    assert!(matches!(mixed, Err(EntryError::Unbalanced { .. })));
    // The same side twice.
    assert!(matches!(
        entry(vec![dr(PspClearing, "1.00"), dr(PlayerCash, "1.00")]),
        Err(EntryError::Unbalanced { .. })
    ));
    // Each currency on its own does (P39).
    let in_dollars = |posting: Posting| Posting { currency: dollar, ..posting };
    let exchange = entry(vec![
        in_dollars(dr(PspClearing, "110.00")),
        in_dollars(cr(FxPosition, "110.00")),
        dr(FxPosition, "100.00"),
        cr(PlayerCash, "100.00"),
    ]);
    assert!(exchange.is_ok());
}

#[test]
fn a_finer_house_account_balances_at_the_finest_scale() {
    assert!(entry(vec![dr(PspClearing, "1.00"), cr(PlayerCash, "0.99"), cr(Rounding, "0.0100")]).is_ok());
    assert!(matches!(
        entry(vec![dr(PspClearing, "1.00"), cr(PlayerCash, "0.99"), cr(Rounding, "0.0101")]),
        Err(EntryError::Unbalanced { .. })
    ));
}

#[test]
fn sums_beyond_an_amount_are_refused() {
    let top = Amount::new(ledger_core::UNITS_BOUND - 1, 2).unwrap();
    let posting = |side, account| Posting { side, account, of: of(account), amount: top, currency: euro() };
    let result = entry(vec![
        posting(Side::Debit, PspClearing),
        posting(Side::Debit, PspClearing),
        posting(Side::Credit, PlayerCash),
        posting(Side::Credit, PlayerCash),
    ]);
    assert_eq!(result, Err(EntryError::Amount(AmountError::AmountOverflow)));
    // Also when only the scales make it so.
    let fine = Posting { amount: amount("0.000000000000000001"), ..posting(Side::Debit, Rounding) };
    let result = entry(vec![posting(Side::Debit, PspClearing), fine, posting(Side::Credit, PlayerCash)]);
    assert_eq!(result, Err(EntryError::Amount(AmountError::AmountOverflow)));
}

/// P13: 410 of bonus credits become 250 of cash, the rest is forfeited.
fn conversion() -> Vec<Posting> {
    vec![
        dr(PlayerBonus, "410.00"),
        cr(BonusConverted, "250.00"),
        cr(BonusForfeited, "160.00"),
        dr(BonusCost, "250.00"),
        cr(PlayerCash, "250.00"),
    ]
}

#[test]
fn cash_and_bonus_meet_in_a_conversion_of_equal_amounts_only() {
    let mixed = || EntryError::BooksMixed { currency: euro() };
    assert!(entry(conversion()).is_ok());
    // Two halves that balance by themselves: nothing goes from one book to the other (P10).
    let beside = vec![
        dr(PspClearing, "10.00"),
        cr(PlayerCash, "10.00"),
        dr(BonusIssued, "10.00"),
        cr(PlayerBonus, "10.00"),
    ];
    assert!(entry(beside.clone()).is_ok());
    // Not if one lends to the other.
    let mut lent = beside;
    lent[1].amount = amount("11.00");
    lent[3].amount = amount("9.00");
    assert!(matches!(entry(lent), Err(EntryError::Unbalanced { .. })));
    // Each half of a conversion alone.
    assert_eq!(entry(conversion()[..3].to_vec()), Err(mixed()));
    assert_eq!(entry(conversion()[3..].to_vec()), Err(mixed()));
    // Unequal halves.
    let mut unequal = conversion();
    unequal[3].amount = amount("249.99");
    unequal[4].amount = amount("249.99");
    assert_eq!(entry(unequal), Err(mixed()));
    // Backwards: cash becomes bonus.
    let backwards: Vec<_> = conversion()
        .into_iter()
        .map(|p| Posting { side: if p.side == Side::Debit { Side::Credit } else { Side::Debit }, ..p })
        .collect();
    assert_eq!(entry(backwards), Err(mixed()));
    // Either half backwards, by itself and beside a conversion.
    for (debit, credit) in [(BonusConverted, PlayerBonus), (PlayerCash, BonusCost)] {
        let half = vec![dr(debit, "10.00"), cr(credit, "10.00")];
        assert_eq!(entry(half.clone()), Err(mixed()));
        assert_eq!(entry([conversion(), half].concat()), Err(mixed()));
    }
    // A conversion of one currency does not excuse half of one in another.
    let dollar = CurrencyCode::new("USD").unwrap();
    let mut two = conversion();
    two.push(Posting { currency: dollar, ..dr(BonusCost, "1.00") });
    two.push(Posting { currency: dollar, ..cr(PlayerCash, "1.00") });
    assert_eq!(entry(two), Err(EntryError::BooksMixed { currency: dollar }));
}

#[test]
fn stored_entries_go_through_the_same_door() {
    let good = entry(vec![dr(PlayerCash, "10.00"), cr(PlayerHeld, "10.00")]).unwrap();
    let json = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), good);
    for (from, to) in [
        ("\"10.00\"", "\"10.01\""),
        ("\"10.00\"", "\"-10.00\""),
        ("\"dr\"", "\"cr\""),
        ("\"cr\"", "\"dr\""),
        ("\"player:held\"", "\"player:cash\""),
        ("\"player:held\"", "\"player:purse\""),
        ("\"player:held\"", "\"player:bonus_held\""),
        ("\"EUR\"", "\"USD\""),
        ("\"EUR\"", "\"eur\""),
        ("\"of\":\"round\",", ""),
        ("\"real\"", "\"unreal\""),
        ("\"dr\":\"player:cash\"", "\"dr\":\"player:cash\",\"cr\":\"player:cash\""),
        ("\"dr\":\"player:cash\",", ""),
    ] {
        let changed = json.replacen(from, to, 1);
        assert_ne!(changed, json, "{from}");
        assert!(serde_json::from_str::<Entry>(&changed).is_err(), "{changed}");
    }
    assert!(serde_json::from_str::<Entry>(r#"{"kind":"real","postings":[]}"#).is_err());
}

fn accounts() -> impl Strategy<Value = AccountCode> {
    prop::sample::select(AccountCode::ALL)
}

fn postings() -> impl Strategy<Value = Vec<Posting>> {
    let posting =
        (any::<bool>(), accounts(), 1..50_i128, prop::sample::select(&["EUR", "USD"][..]), 0..=1_u8);
    prop::collection::vec(posting, 1..6).prop_map(|all| {
        let mut postings: Vec<Posting> = all
            .into_iter()
            .map(|(debit, account, units, currency, finer)| Posting {
                side: if debit { Side::Debit } else { Side::Credit },
                account,
                of: of(account),
                amount: Amount::new(units, 2 + finer).unwrap(),
                currency: CurrencyCode::new(currency).unwrap(),
            })
            .collect();
        // Mostly balanced: each posting gets its counterpart somewhere in the same book.
        let counterparts: Vec<_> = postings
            .iter()
            .map(|p| {
                let account = if p.account.book() == Book::Cash { PlayerCash } else { PlayerBonus };
                let side = if p.side == Side::Debit { Side::Credit } else { Side::Debit };
                Posting { side, account, of: of(account), ..p.clone() }
            })
            .collect();
        postings.extend(counterparts);
        postings
    })
}

/// Debits less credits per currency and book, at scale 3.
fn sums(postings: &[Posting]) -> BTreeMap<(CurrencyCode, Book), i128> {
    let mut sums = BTreeMap::new();
    for p in postings {
        let units = p.amount.rescale_up(3).unwrap().units();
        *sums.entry((p.currency, p.account.book())).or_default() +=
            if p.side == Side::Debit { units } else { -units };
    }
    sums
}

proptest! {
    #![proptest_config(crate::config(256))]

    #[test]
    fn what_is_accepted_balances_and_mixes_nothing(postings in postings()) {
        let sums = sums(&postings);
        if let Ok(entry) = entry(postings.clone()) {
            prop_assert!(sums.values().all(|sum| *sum == 0));
            let total = |account| -> i128 {
                entry.postings().iter().filter(|p| p.account == account).map(|p| p.amount.rescale_up(3).unwrap().units()).sum()
            };
            prop_assert_eq!(total(BonusCost), total(BonusConverted));
            let bytes = serde_json::to_vec(&entry).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Entry>(&bytes).unwrap(), entry);
        } else {
            let pair = postings.iter().any(|p| [BonusCost, BonusConverted].contains(&p.account));
            prop_assert!(pair, "balanced postings are an entry, but for halves of a conversion");
        }
    }

    #[test]
    fn a_change_of_one_posting_is_refused(postings in postings(), at in any::<prop::sample::Index>(), change in 0..4_u8) {
        prop_assume!(entry(postings.clone()).is_ok());
        let mut changed = postings.clone();
        let posting = &mut changed[at.index(postings.len())];
        match change {
            0 => posting.amount = posting.amount.checked_add(Amount::new(1, posting.amount.scale()).unwrap()).unwrap(),
            1 => posting.side = if posting.side == Side::Debit { Side::Credit } else { Side::Debit },
            2 => posting.currency = CurrencyCode::new("GBP").unwrap(),
            _ => {
                posting.account = if posting.account.book() == Book::Cash { PlayerBonus } else { GamingStakes };
                posting.of = of(posting.account);
            }
        }
        prop_assert!(entry(changed).is_err());
    }
}
