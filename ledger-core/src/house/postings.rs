//! The postings of the house (docs/chart-of-accounts.md), one function per movement. Nothing else of the house names
//! a side of an account.

use crate::account::AccountCode;
use crate::entry::Posting;
use crate::ids::{JackpotId, SubAccount};
use crate::money::{Amount, AmountError, Currency, CurrencyCode};
use crate::stored::{
    AccrualDirection, AuthorityLine, BankAccount, Funds, FxDirection, LossDirection, Money, ProviderLine,
    PspLine, SeedMovement,
};

/// The code of a bank account.
fn bank_code(account: &BankAccount) -> AccountCode {
    match account.funds {
        Funds::Operating => AccountCode::BankOperating,
        Funds::Players => AccountCode::BankPlayers,
    }
}

/// Money comes to a bank account.
fn to_bank(account: &BankAccount, amount: Amount, currency: CurrencyCode) -> Posting {
    Posting::debit(bank_code(account), Some(account.account.clone()), amount, currency)
}

/// Money leaves a bank account.
fn from_bank(account: &BankAccount, amount: Amount, currency: CurrencyCode) -> Posting {
    Posting::credit(bank_code(account), Some(account.account.clone()), amount, currency)
}

/// A debit of the position in a currency, at the scale of exchange.
fn to_position(amount: Amount, currency: &Currency) -> Result<Posting, AmountError> {
    let exact = amount.rescale_up(AccountCode::FxPosition.scale(currency))?;
    Ok(Posting::debit(AccountCode::FxPosition, None, exact, currency.code()))
}

/// A credit of the position in a currency, at the scale of exchange.
fn from_position(amount: Amount, currency: &Currency) -> Result<Posting, AmountError> {
    let exact = amount.rescale_up(AccountCode::FxPosition.scale(currency))?;
    Ok(Posting::credit(AccountCode::FxPosition, None, exact, currency.code()))
}

fn negated(amount: Amount) -> Result<Amount, AmountError> {
    Amount::zero(amount.scale()).checked_sub(amount)
}

/// The net of a settlement at the bank: it came if it is above zero, and left if it is below.
pub(super) fn bank(
    account: &BankAccount,
    net: Amount,
    currency: &Currency,
) -> Result<Vec<Posting>, AmountError> {
    if net.is_negative() {
        return Ok(vec![from_bank(account, negated(net)?, currency.code())]);
    }
    Ok(vec![to_bank(account, net, currency.code())])
}

/// The net of a settlement in one currency, which was an amount of another at the bank: each passes the position in
/// its currency as it is. What a rate would say of the two is a result of exchange, and is booked when the position
/// is valued.
pub(super) fn bank_converted(
    account: &BankAccount,
    (own, net): (&Currency, Amount),
    (other, amount): (&Currency, Amount),
) -> Result<Vec<Posting>, AmountError> {
    if net.is_negative() {
        return Ok(vec![
            from_position(negated(net)?, own)?,
            to_position(amount, other)?,
            from_bank(account, amount, other.code()),
        ]);
    }
    Ok(vec![to_position(net, own)?, from_position(amount, other)?, to_bank(account, amount, other.code())])
}

/// A line of a payment provider's settlement (P02, P54). What was booked when it happened (a deposit, a payout, a
/// chargeback and its fee) leaves clearing; a fee and a reserve are booked here.
pub(super) fn psp_line(line: PspLine, of: SubAccount, amount: Amount, currency: CurrencyCode) -> Posting {
    match line {
        PspLine::Payments | PspLine::PayoutReturns | PspLine::ChargebackReversals => {
            Posting::credit(AccountCode::PspClearing, Some(of), amount, currency)
        }
        PspLine::Refunds | PspLine::Payouts | PspLine::Chargebacks | PspLine::ChargebackFees => {
            Posting::debit(AccountCode::PspClearing, Some(of), amount, currency)
        }
        PspLine::ReserveReleased => Posting::credit(AccountCode::PspReserve, Some(of), amount, currency),
        PspLine::ReserveHeld => Posting::debit(AccountCode::PspReserve, Some(of), amount, currency),
        PspLine::Fees => Posting::debit(AccountCode::PspFees, Some(of), amount, currency),
    }
}

/// A line of a settlement with a game provider (P38 and what it is paid).
pub(super) fn provider_line(
    line: ProviderLine,
    of: SubAccount,
    amount: Amount,
    currency: &Currency,
) -> Result<Posting, AmountError> {
    let code = currency.code();
    Ok(match line {
        ProviderLine::Jackpots | ProviderLine::Promotions => {
            Posting::credit(AccountCode::ProviderReceivable, Some(of), amount, code)
        }
        ProviderLine::Fees => Posting::debit(AccountCode::ProviderFeesPayable, Some(of), amount, code),
        ProviderLine::Contributions => {
            let exact = amount.rescale_up(AccountCode::JackpotNetworkPayable.scale(currency))?;
            Posting::debit(AccountCode::JackpotNetworkPayable, Some(of), exact, code)
        }
        ProviderLine::Tips => Posting::debit(AccountCode::TipsPayable, Some(of), amount, code),
    })
}

/// A line of a settlement with an authority.
pub(super) fn authority_line(
    line: AuthorityLine,
    of: SubAccount,
    amount: Amount,
    currency: CurrencyCode,
) -> Posting {
    match line {
        AuthorityLine::DutyRefunds => {
            Posting::credit(AccountCode::GamingDutyExpense, Some(of), amount, currency)
        }
        AuthorityLine::Duty => Posting::debit(AccountCode::GamingDuty, Some(of), amount, currency),
        AuthorityLine::WithheldTax => Posting::debit(AccountCode::TaxWithheld, Some(of), amount, currency),
    }
}

/// A chargeback that no player bears (X21), and what the payment provider charges for it; or its return.
pub(super) fn chargeback_loss(
    direction: LossDirection,
    of: &SubAccount,
    (amount, fee): (Amount, Amount),
    currency: CurrencyCode,
) -> Vec<Posting> {
    let of = || Some(of.clone());
    match direction {
        LossDirection::Taken => vec![
            Posting::debit(AccountCode::ChargebackLoss, of(), amount, currency),
            Posting::credit(AccountCode::PspClearing, of(), amount, currency),
            Posting::debit(AccountCode::ChargebackFees, of(), fee, currency),
            Posting::credit(AccountCode::PspClearing, of(), fee, currency),
        ],
        LossDirection::Returned => vec![
            Posting::debit(AccountCode::PspClearing, of(), amount, currency),
            Posting::credit(AccountCode::ChargebackLoss, of(), amount, currency),
            Posting::debit(AccountCode::PspClearing, of(), fee, currency),
            Posting::credit(AccountCode::ChargebackFees, of(), fee, currency),
        ],
    }
}

/// Fees of a game provider are owed (P48), or less of them.
pub(super) fn accrue_fees(
    direction: AccrualDirection,
    of: &SubAccount,
    amount: Amount,
    currency: CurrencyCode,
) -> Vec<Posting> {
    let of = || Some(of.clone());
    match direction {
        AccrualDirection::Charge => vec![
            Posting::debit(AccountCode::ProviderFeesExpense, of(), amount, currency),
            Posting::credit(AccountCode::ProviderFeesPayable, of(), amount, currency),
        ],
        AccrualDirection::Credit => vec![
            Posting::debit(AccountCode::ProviderFeesPayable, of(), amount, currency),
            Posting::credit(AccountCode::ProviderFeesExpense, of(), amount, currency),
        ],
    }
}

/// Gaming duty is owed (P47), or less of it.
pub(super) fn accrue_duty(
    direction: AccrualDirection,
    of: &SubAccount,
    amount: Amount,
    currency: CurrencyCode,
) -> Vec<Posting> {
    let of = || Some(of.clone());
    match direction {
        AccrualDirection::Charge => vec![
            Posting::debit(AccountCode::GamingDutyExpense, of(), amount, currency),
            Posting::credit(AccountCode::GamingDuty, of(), amount, currency),
        ],
        AccrualDirection::Credit => vec![
            Posting::debit(AccountCode::GamingDuty, of(), amount, currency),
            Posting::credit(AccountCode::GamingDutyExpense, of(), amount, currency),
        ],
    }
}

/// Money goes from one bank account to another.
pub(super) fn transfer(
    from: &BankAccount,
    to: &BankAccount,
    amount: Amount,
    currency: CurrencyCode,
) -> Vec<Posting> {
    vec![to_bank(to, amount, currency), from_bank(from, amount, currency)]
}

/// The house exchanges money at its bank. Each amount passes the position in its currency: what players' exchanges
/// left there is settled, and what is left over in the end is a result of exchange.
pub(super) fn exchange_funds(
    (from, given, given_in): (&BankAccount, Amount, &Currency),
    (to, received, received_in): (&BankAccount, Amount, &Currency),
) -> Result<Vec<Posting>, AmountError> {
    Ok(vec![
        to_position(given, given_in)?,
        from_bank(from, given, given_in.code()),
        from_position(received, received_in)?,
        to_bank(to, received, received_in.code()),
    ])
}

/// A position is worth more, or less.
pub(super) fn fx_result(
    direction: FxDirection,
    amount: Amount,
    currency: &Currency,
) -> Result<Vec<Posting>, AmountError> {
    Ok(match direction {
        FxDirection::Gain => vec![
            to_position(amount, currency)?,
            Posting::credit(AccountCode::FxGainLoss, None, amount, currency.code()),
        ],
        FxDirection::Loss => vec![
            from_position(amount, currency)?,
            Posting::debit(AccountCode::FxGainLoss, None, amount, currency.code()),
        ],
    })
}

/// A debt that was written off is paid after all.
pub(super) fn recover_debt(account: &BankAccount, amount: Amount, currency: CurrencyCode) -> Vec<Posting> {
    vec![to_bank(account, amount, currency), Posting::credit(AccountCode::BadDebt, None, amount, currency)]
}

/// A jackpot gets a seed (P35), from the house's cost or from what was set aside.
pub(super) fn seed(
    movement: SeedMovement,
    of: &SubAccount,
    amount: Amount,
    currency: &Currency,
) -> Result<Vec<Posting>, AmountError> {
    let (of, code) = (|| Some(of.clone()), currency.code());
    let fine = |account: AccountCode| amount.rescale_up(account.scale(currency));
    let cost = AccountCode::JackpotSeedCost;
    let (reserve, pool) = (AccountCode::JackpotSeedReserve, AccountCode::JackpotLiability);
    Ok(match movement {
        SeedMovement::CostToPool => vec![
            Posting::debit(cost, of(), fine(cost)?, code),
            Posting::credit(pool, of(), fine(pool)?, code),
        ],
        SeedMovement::CostToReserve => vec![
            Posting::debit(cost, of(), fine(cost)?, code),
            Posting::credit(reserve, of(), fine(reserve)?, code),
        ],
        SeedMovement::ReserveToPool => vec![
            Posting::debit(reserve, of(), fine(reserve)?, code),
            Posting::credit(pool, of(), fine(pool)?, code),
        ],
    })
}

/// What of a pool is set aside for later seeds.
pub(super) fn to_reserve(of: &SubAccount, part: Money) -> [Posting; 2] {
    let Money { currency, amount } = part;
    [
        Posting::debit(AccountCode::JackpotLiability, Some(of.clone()), amount, currency),
        Posting::credit(AccountCode::JackpotSeedReserve, Some(of.clone()), amount, currency),
    ]
}

/// What of a pool goes to another jackpot.
pub(super) fn to_jackpot(of: &SubAccount, to: &JackpotId, part: Money) -> [Posting; 2] {
    let Money { currency, amount } = part;
    [
        Posting::debit(AccountCode::JackpotLiability, Some(of.clone()), amount, currency),
        Posting::credit(AccountCode::JackpotLiability, Some(SubAccount::jackpot(to)), amount, currency),
    ]
}

/// What was set aside for later seeds goes to another jackpot.
pub(super) fn to_jackpot_from_reserve(of: &SubAccount, to: &JackpotId, part: Money) -> [Posting; 2] {
    let Money { currency, amount } = part;
    [
        Posting::debit(AccountCode::JackpotSeedReserve, Some(of.clone()), amount, currency),
        Posting::credit(AccountCode::JackpotLiability, Some(SubAccount::jackpot(to)), amount, currency),
    ]
}

/// A pool begins anew (P35), from what was set aside and, for the rest, from the house's cost.
pub(super) fn reseed(
    of: &SubAccount,
    from_reserve: Amount,
    from_cost: Amount,
    currency: CurrencyCode,
) -> Result<[Posting; 3], AmountError> {
    let of = || Some(of.clone());
    let seed = from_reserve.checked_add(from_cost)?;
    Ok([
        Posting::debit(AccountCode::JackpotSeedReserve, of(), from_reserve, currency),
        Posting::debit(AccountCode::JackpotSeedCost, of(), from_cost, currency),
        Posting::credit(AccountCode::JackpotLiability, of(), seed, currency),
    ])
}

/// The house adds to the pool of a tournament what prizes lack (X13).
pub(super) fn overlay(of: &SubAccount, amount: Amount, currency: CurrencyCode) -> [Posting; 2] {
    [
        Posting::debit(AccountCode::TournamentOverlay, None, amount, currency),
        Posting::credit(AccountCode::TournamentPool, Some(of.clone()), amount, currency),
    ]
}

/// What of the pool of a tournament is nobody's prize is the house's (R13).
pub(super) fn rake(of: &SubAccount, amount: Amount, currency: CurrencyCode) -> [Posting; 2] {
    [
        Posting::debit(AccountCode::TournamentPool, Some(of.clone()), amount, currency),
        Posting::credit(AccountCode::Rake, Some(of.clone()), amount, currency),
    ]
}
