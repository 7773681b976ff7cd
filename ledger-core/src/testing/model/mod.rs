//! A second reading of the rules, in plain maps and integers, without events. It shares no code with the
//! core but the command types and the policy document.

mod adjustments;
mod bonuses;
mod cashier;
mod corrections;
mod deposits;
mod exchange;
mod host;
mod house;
mod jackpots;
mod limits;
mod lots;
mod loyalty;
mod money;
mod play;
mod play_time;
mod protection;
mod rounds;
mod tournaments;
mod withdrawals;

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::account::AccountKind;
use crate::ids::{Reason, SourceId, TransactionId};
use crate::money::{CurrencyCode, CurrencyRegistry};
use crate::player::Block;
use crate::player_ledger::{Batch, KnownOperations, PlayerCommand};
use crate::policy::{KeyScope, Policy, SourcePolicy};
use crate::round::{CallFlags, VoidTarget};
use crate::testing::commands;

pub use house::HouseModel;

use deposits::{ModelDeposit, ModelIntent};
use rounds::ModelRound;
use withdrawals::ModelWithdrawal;

/// An outcome, or the code of a refusal.
type Judged = Result<&'static str, &'static str>;

/// The naive model of one player's ledger.
///
/// It answers each command with the text that [`super::TestOutcome::text`] has for it, and keeps the
/// balance of every account.
#[derive(Debug, Clone)]
pub struct Model {
    policy: Policy,
    player: String,
    registry: CurrencyRegistry,
    /// Scale and maximum in units of each purse; `None` before the opening.
    purses: Option<BTreeMap<CurrencyCode, (u8, i128)>>,
    /// Whether the player's money is real.
    kind: AccountKind,
    keys: BTreeMap<(String, &'static str, String), (PlayerCommand, String)>,
    dead: BTreeSet<(String, String)>,
    rounds: BTreeMap<(String, String), ModelRound>,
    accounts: BTreeMap<(String, CurrencyCode), i128>,
    /// How many events of the host there are, by namespace.
    host: BTreeMap<String, u64>,
    office: adjustments::Office,
    intents: BTreeMap<(String, String), ModelIntent>,
    deposits: BTreeMap<(String, String), ModelDeposit>,
    withdrawals: BTreeMap<(String, String), ModelWithdrawal>,
    blocks: BTreeSet<Block>,
    lots: lots::Lots,
    jurisdiction: String,
    seq: u64,
    /// Microseconds since 1970.
    now: i64,
    /// Whether the last command gave a stake back.
    gave_back: bool,
    /// How much of what the last command brought back was the player's before.
    came_back: i128,
    sessions: BTreeMap<(String, String), play::ModelSession>,
    purchases: BTreeMap<(&'static str, String, String), play::ModelPurchase>,
    transfers: BTreeMap<(String, String), play::ModelTransfer>,
    /// When the last round began.
    last_round: Option<i64>,
    limits: limits::Limits,
    play_times: play_time::PlayTimes,
    protection: protection::Protection,
    /// In the order they were granted; those that are over too.
    awards: Vec<bonuses::ModelAward>,
    /// What the last command staked of them, and what became cash by it.
    staked: bonuses::Shares,
    converted: BTreeMap<CurrencyCode, i128>,
    points: BTreeMap<String, loyalty::ModelPoints>,
    /// Up to when terms gave for what was played.
    given_to: BTreeMap<(String, CurrencyCode), i64>,
    /// On jackpots, in the order they were made.
    claims: Vec<jackpots::ModelClaim>,
}

impl Model {
    /// A model of a player who has not been opened.
    pub fn new(player: &str, policy: Policy, registry: CurrencyRegistry) -> Self {
        Self {
            policy,
            player: player.to_owned(),
            registry,
            purses: None,
            kind: AccountKind::Real,
            keys: BTreeMap::new(),
            dead: BTreeSet::new(),
            rounds: BTreeMap::new(),
            accounts: BTreeMap::new(),
            host: BTreeMap::new(),
            office: adjustments::Office::default(),
            intents: BTreeMap::new(),
            deposits: BTreeMap::new(),
            withdrawals: BTreeMap::new(),
            blocks: BTreeSet::new(),
            lots: lots::Lots::default(),
            jurisdiction: String::new(),
            seq: 0,
            now: 0,
            gave_back: false,
            came_back: 0,
            sessions: BTreeMap::new(),
            purchases: BTreeMap::new(),
            transfers: BTreeMap::new(),
            last_round: None,
            limits: limits::Limits::default(),
            play_times: play_time::PlayTimes::default(),
            protection: protection::Protection::default(),
            awards: Vec::new(),
            staked: Vec::new(),
            converted: BTreeMap::new(),
            points: BTreeMap::new(),
            given_to: BTreeMap::new(),
            claims: Vec::new(),
        }
    }

    /// Every account that is not at zero, by the text that [`super::TestLedger::account_texts`] gives it.
    pub fn account_texts(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for ((name, currency), units) in self.accounts.iter().filter(|(_, units)| **units != 0) {
            let scale = self.registry.get(*currency).expect("an account is in a known currency").scale();
            // Fractions of a cent: the ledger shows these accounts with four digits more.
            let fine = ["jackpot:", "gaming:jackpot", "fx:", "rounding"];
            let is_fine = fine.iter().any(|start| name.starts_with(start));
            let scale = if is_fine { scale + (18 - scale).min(4) } else { scale };
            let name =
                if currency.as_str() == "EUR" { name.clone() } else { format!("{name} in {currency}") };
            all.insert(name, Decimal::from_i128_with_scale(*units, u32::from(scale)).to_string());
        }
        all
    }

    /// How many rounds are live.
    pub fn live_rounds(&self) -> usize {
        self.rounds.values().filter(|round| round.is_live()).count()
    }

    /// Takes money from an account and puts it on another, unasked: the plant for tests of checkers.
    pub fn plant(&mut self, account: &str, currency: CurrencyCode, units: i128) {
        self.add(account, currency, units);
    }

    fn of_source(&self, source: &str) -> &SourcePolicy {
        let named = self.policy.sources.iter().find(|(id, _)| id.as_str() == source);
        named.map_or(&self.policy.default, |(_, policy)| policy)
    }

    fn any_kind(&self, source: &str) -> bool {
        self.of_source(source).key_scope == KeyScope::AnyKind
    }

    /// Judges and applies a command. Answers with the text of its outcome.
    pub fn execute(&mut self, command: &PlayerCommand) -> String {
        self.seq += 1;
        if let PlayerCommand::Batch(batch) = command {
            return self.execute_batch(batch);
        }
        let key = self.key(command);
        let payload = payload_of(command);
        if let Some((known, outcome)) = self.keys.get(&key) {
            return if *known == payload { format!("replayed:{outcome}") } else { refused("key_reused") };
        }
        match self.try_one(command) {
            Ok(outcome) => {
                self.keys.insert(key, (payload, outcome.to_owned()));
                outcome.to_owned()
            }
            Err(code) if self.is_unrecorded(code) => refused(code),
            Err(code) => {
                let outcome = format!("rejected:{code}");
                self.refused_for(code, None);
                if self.sticks(command, code) {
                    self.keys.insert(key, (payload, outcome.clone()));
                }
                outcome
            }
        }
    }

    fn key(&self, command: &PlayerCommand) -> (String, &'static str, String) {
        let (source, kind, id) = self.name(command);
        let own = ["jackpot_payment", "tournament_prize", "tournament_return"].contains(&kind);
        let kind = if self.any_kind(&source) && !own { "any" } else { kind };
        (source, kind, id)
    }

    fn try_one(&mut self, command: &PlayerCommand) -> Judged {
        let (source, _, id) = self.name(command);
        if self.purses.is_none() && !matches!(command, PlayerCommand::OpenPlayer(_)) {
            return Err("player_unknown");
        }
        (self.gave_back, self.came_back) = (false, 0);
        (self.staked, self.converted) = (Vec::new(), BTreeMap::new());
        if self.dead.contains(&(source, id)) {
            return Err("txn_cancelled");
        }
        self.forget_staged();
        self.pass_time(command);
        self.mature_play_time(command);
        let outcome = self.judge(command)?;
        self.keep_play_time(command);
        self.keep_staged();
        self.look_at_awards(command, outcome);
        self.drop_claims();
        self.fit_lots();
        self.recount();
        Ok(outcome)
    }

    fn is_unrecorded(&self, code: &str) -> bool {
        let malformed = [
            "player_unknown",
            "key_reused",
            "currency_unknown",
            "zone_unknown",
            "invalid_amount",
            "precision",
            "capacity_exceeded",
            "amount_overflow",
        ];
        self.purses.is_none() || malformed.contains(&code)
    }

    /// Whether a refusal of this command stays under its key.
    fn sticks(&self, command: &PlayerCommand, code: &str) -> bool {
        let (source, ..) = self.name(command);
        // What only lacks an answer may come again.
        takes_money(command) && code != "register_needed" && self.of_source(&source).sticky_rejections
    }

    /// What a recorded refusal leaves behind; of a batch it is known from a trial.
    fn refused_for(&mut self, code: &str, trial: Option<&Self>) {
        if code == "player_excluded" {
            let from = trial.map_or_else(|| self.clone(), Self::clone);
            self.forget_staged();
            self.learn_exclusion(&from);
        }
    }

    /// All or none, on a copy that replaces this model if all pass.
    fn execute_batch(&mut self, batch: &Batch) -> String {
        let commands = batch.commands();
        let keys: Vec<_> = commands.iter().map(|command| self.key(command)).collect();
        let known: Vec<_> = keys.iter().map(|key| self.keys.get(key).cloned()).collect();
        let payloads: Vec<_> = commands.iter().map(payload_of).collect();
        let reused = known
            .iter()
            .zip(&payloads)
            .any(|(known, own)| known.as_ref().is_some_and(|(payload, _)| payload != own));
        if reused || keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
            return refused("key_reused");
        }
        let outcomes: Vec<&String> = known.iter().flatten().map(|(_, outcome)| outcome).collect();
        let mut rejected = outcomes.iter().filter(|outcome| outcome.starts_with("rejected"));
        let cause =
            rejected.clone().find(|outcome| **outcome != "rejected:batch_refused").or(rejected.next());
        if let Some(cause) = cause {
            return format!("replayed:{cause}");
        }
        if outcomes.len() == commands.len() {
            let applied = outcomes.iter().find(|outcome| **outcome == "applied");
            let whole = applied.or(outcomes.iter().find(|outcome| **outcome != "noop"));
            return format!("replayed:{}", whole.map_or("noop", |outcome| outcome.as_str()));
        }
        if !outcomes.is_empty() && batch.known() == KnownOperations::Refuse {
            return refused("partly_known");
        }
        let mut trial = self.clone();
        let mut whole = "noop";
        // Money that this batch brought and that is still there: it pays for nothing the batch takes.
        let mut fresh: BTreeMap<CurrencyCode, i128> = BTreeMap::new();
        let mut fresh_bonus: BTreeMap<String, i128> = BTreeMap::new();
        for (command, (key, before)) in commands.iter().zip(keys.iter().zip(&known)) {
            if before.is_some() {
                continue;
            }
            trial.seq += 1;
            let before = trial.accounts.clone();
            let judged = trial
                .try_one(command)
                .and_then(|outcome| trial.spend_none_of(&mut fresh, &before, command).map(|()| outcome))
                .and_then(|outcome| trial.spend_no_fresh_bonus(&mut fresh_bonus, &before).map(|()| outcome));
            match judged {
                Ok(outcome) => {
                    if outcome == "applied" || whole == "noop" {
                        whole = outcome;
                    }
                    trial.keys.insert(key.clone(), (payload_of(command), outcome.to_owned()));
                }
                Err(code) if self.is_unrecorded(code) => return refused(code),
                Err(code) => {
                    self.refused_for(code, Some(&trial));
                    for (other, (key, known)) in commands.iter().zip(keys.iter().zip(&known)) {
                        if known.is_none() && self.sticks(command, code) && self.sticks(other, code) {
                            let code = if other == command { code } else { "batch_refused" };
                            self.keys.insert(key.clone(), (payload_of(other), format!("rejected:{code}")));
                        }
                    }
                    return format!("rejected:{code}");
                }
            }
        }
        *self = trial;
        whole.to_owned()
    }

    /// What a command of a batch did to the money that the batch brought.
    fn spend_none_of(
        &self,
        fresh: &mut BTreeMap<CurrencyCode, i128>,
        before: &BTreeMap<(String, CurrencyCode), i128>,
        command: &PlayerCommand,
    ) -> Result<(), &'static str> {
        let currencies: Vec<CurrencyCode> = self.purses.iter().flatten().map(|(code, _)| *code).collect();
        for currency in currencies {
            let of = |all: &BTreeMap<(String, CurrencyCode), i128>, name: &str| {
                all.get(&(name.to_owned(), currency)).copied().unwrap_or_default()
            };
            let free = |all| of(all, "player:cash") - of(all, "receivable:player");
            // What an award became is new money, beside whatever the command did.
            let converted = self.converted.get(&currency).copied().unwrap_or_default();
            let (was, is) = (free(before), free(&self.accounts) - converted);
            let new = fresh.entry(currency).or_default();
            if is > was && !self.gave_back {
                *new += is - was - self.came_back;
            } else if is < was && takes_money(command) && !self.may_owe(command) {
                if is < *new {
                    return Err("insufficient_funds");
                }
            } else if is < was {
                *new = (*new - (was - is)).max(0);
            }
            *new += converted;
        }
        Ok(())
    }

    /// Whether a command may take more than there is.
    fn may_owe(&self, command: &PlayerCommand) -> bool {
        let PlayerCommand::PlaceBet(bet) = command else { return false };
        bet.flags.negative_debit.unwrap_or(self.of_source(bet.source.as_str()).negative_debit)
    }

    fn name(&self, command: &PlayerCommand) -> (String, &'static str, String) {
        let texts = |source: &SourceId, id: &TransactionId| (source.to_string(), id.to_string());
        let ((source, id), kind) = match command {
            PlayerCommand::OpenPlayer(c) => ((c.operator.to_string(), self.player.clone()), "open"),
            PlayerCommand::InitiateDeposit(c) => (texts(&c.source, &c.id), "deposit_intent"),
            PlayerCommand::AttemptDeposit(c) => (texts(&c.source, &c.id), "deposit_attempt"),
            PlayerCommand::FailDeposit(c) => (texts(&c.source, &c.id), "deposit_fail"),
            PlayerCommand::CancelDeposit(c) => (texts(&c.source, &c.id), "deposit_cancel"),
            PlayerCommand::ExpireDeposit(c) => (texts(&c.source, &c.id), "deposit_expire"),
            PlayerCommand::RecordDeposit(c) => (texts(&c.source, &c.id), "deposit"),
            PlayerCommand::ReleaseSuspense(c) if c.house_item.is_some() => {
                (texts(&c.psp, &c.reference), "suspense_release")
            }
            PlayerCommand::ReleaseSuspense(c) => (texts(&c.source, &c.id), "suspense_release"),
            PlayerCommand::RefuseAssignment(c) => (texts(&c.psp, &c.reference), "suspense_release"),
            PlayerCommand::RefundDeposit(c) => (texts(&c.source, &c.id), "deposit_refund"),
            PlayerCommand::Chargeback(c) => (texts(&c.source, &c.id), "chargeback"),
            PlayerCommand::ReverseChargeback(c) => (texts(&c.source, &c.id), "chargeback_reversal"),
            PlayerCommand::WriteOffDebt(c) => (texts(&c.source, &c.id), "debt_write_off"),
            PlayerCommand::PlaceBet(c) => (texts(&c.source, &c.id), "bet"),
            PlayerCommand::Settle(c) => (texts(&c.source, &c.id), "win"),
            PlayerCommand::CloseRound(c) => (texts(&c.source, &c.id), "close"),
            PlayerCommand::Void(c) => (texts(&c.source, &c.id), "void"),
            PlayerCommand::Rollback(c) => (texts(&c.source, &c.id), "rollback"),
            PlayerCommand::GrantCredit(c) => (texts(&c.source, &c.id), "credit"),
            PlayerCommand::VoidSettled(c) => (texts(&c.source, &c.id), "void_settled"),
            PlayerCommand::Resettle(c) => (texts(&c.source, &c.id), "resettle"),
            PlayerCommand::Unsettle(c) => (texts(&c.source, &c.id), "unsettle"),
            PlayerCommand::CashOut(c) => (texts(&c.source, &c.id), "cash_out"),
            PlayerCommand::AdjustRound(c) => (texts(&c.source, &c.id), "adjustment"),
            PlayerCommand::Inform(c) => (texts(&c.source, &c.id), "information"),
            PlayerCommand::HostOperation(c) => (texts(&c.source, &c.id), "host"),
            PlayerCommand::RequestWithdrawal(c) => (texts(&c.source, &c.id), "withdrawal"),
            PlayerCommand::PassKyc(c) => (texts(&c.source, &c.id), "withdrawal_kyc"),
            PlayerCommand::StartReview(c) => (texts(&c.source, &c.id), "withdrawal_review"),
            PlayerCommand::ApproveWithdrawal(c) => (texts(&c.source, &c.id), "withdrawal_approval"),
            PlayerCommand::RejectWithdrawal(c) => (texts(&c.source, &c.id), "withdrawal_rejection"),
            PlayerCommand::CancelWithdrawal(c) => (texts(&c.source, &c.id), "withdrawal_cancel"),
            PlayerCommand::ExpireWithdrawal(c) => (texts(&c.source, &c.id), "withdrawal_expire"),
            PlayerCommand::SplitWithdrawal(c) => (texts(&c.source, &c.id), "withdrawal_split"),
            PlayerCommand::SendWithdrawal(c) => (texts(&c.source, &c.id), "payout_send"),
            PlayerCommand::MarkUnknown(c) => (texts(&c.source, &c.id), "payout_unknown"),
            PlayerCommand::MarkPaid(c) => (texts(&c.source, &c.id), "payout_paid"),
            PlayerCommand::MarkFailed(c) => (texts(&c.source, &c.id), "payout_failed"),
            PlayerCommand::MarkReturned(c) => (texts(&c.source, &c.id), "payout_return"),
            PlayerCommand::SettleLatePayout(c) => (texts(&c.source, &c.id), "payout_settlement"),
            PlayerCommand::BlockPlayer(c) => (texts(&c.source, &c.id), "player_block"),
            PlayerCommand::SetLimit(c) => (texts(&c.source, &c.id), "limit_set"),
            PlayerCommand::ConfirmLimit(c) => (texts(&c.source, &c.id), "limit_confirm"),
            PlayerCommand::ExcludePlayer(c) => (texts(&c.source, &c.id), "exclusion"),
            PlayerCommand::ReturnFromExclusion(c) => (texts(&c.source, &c.id), "exclusion_return"),
            PlayerCommand::RecordRegisterAnswers(c) => (texts(&c.source, &c.id), "register_answer"),
            PlayerCommand::AssignLimitProfile(c) => (texts(&c.source, &c.id), "limit_profile"),
            PlayerCommand::SetTier(c) => (texts(&c.source, &c.id), "tier"),
            PlayerCommand::RaiseAlert(c) => (texts(&c.source, &c.id), "alert"),
            PlayerCommand::CloseAlert(c) => (texts(&c.source, &c.id), "alert_close"),
            PlayerCommand::OpenCaseFor(c) => (texts(&c.source, &c.id), "case"),
            PlayerCommand::AssignCase(c) => (texts(&c.source, &c.id), "case_assign"),
            PlayerCommand::CloseCase(c) => (texts(&c.source, &c.id), "case_close"),
            PlayerCommand::SetPerson(c) => (texts(&c.source, &c.id), "person"),
            PlayerCommand::SetSessionLimit(c) => (texts(&c.source, &c.id), "session_limit_set"),
            PlayerCommand::ConfirmSessionLimit(c) => (texts(&c.source, &c.id), "session_limit_confirm"),
            PlayerCommand::SetPlayTimeLimit(c) => (texts(&c.source, &c.id), "play_time_limit_set"),
            PlayerCommand::ConfirmPlayTimeLimit(c) => (texts(&c.source, &c.id), "play_time_limit_confirm"),
            PlayerCommand::UnblockPlayer(c) => (texts(&c.source, &c.id), "player_unblock"),
            PlayerCommand::ExpireRound(c) => (texts(&c.source, &c.id), "round_expire"),
            PlayerCommand::ReopenRound(c) => (texts(&c.source, &c.id), "round_reopen"),
            PlayerCommand::StartSession(c) => (texts(&c.source, &c.id), "session_start"),
            PlayerCommand::EndSession(c) => (texts(&c.source, &c.id), "session_end"),
            PlayerCommand::AcknowledgeRealityCheck(c) => (texts(&c.source, &c.id), "reality_check"),
            PlayerCommand::Tip(c) => (texts(&c.source, &c.id), "tip"),
            PlayerCommand::EnterTournament(c) => (texts(&c.source, &c.id), "tournament_entry"),
            PlayerCommand::ClaimJackpot(c) => (texts(&c.source, &c.id), "jackpot_claim"),
            PlayerCommand::PayJackpot(c) => (texts(&c.source, &c.id), "jackpot_payment"),
            PlayerCommand::WithdrawJackpotClaim(c) => (texts(&c.source, &c.id), "jackpot_payment"),
            PlayerCommand::PayTournamentPrize(c) => (texts(&c.source, &c.id), "tournament_prize"),
            PlayerCommand::ReturnTournamentEntry(c) => (texts(&c.source, &c.id), "tournament_return"),
            PlayerCommand::RollOut(c) => (texts(&c.source, &c.id), "roll_out"),
            PlayerCommand::RollIn(c) => (texts(&c.source, &c.id), "roll_in"),
            PlayerCommand::ReportFreeRounds(c) => (texts(&c.source, &c.id), "free_round_total"),
            PlayerCommand::GrantBonus(c) => (texts(&c.source, &c.id), "bonus_grant"),
            PlayerCommand::ForfeitBonus(c) => (texts(&c.source, &c.id), "bonus_forfeit"),
            PlayerCommand::ExpireBonus(c) => (texts(&c.source, &c.id), "bonus_expire"),
            PlayerCommand::OfferBonus(c) => (texts(&c.source, &c.id), "bonus_offer"),
            PlayerCommand::ClaimBonus(c) => (texts(&c.source, &c.id), "bonus_claim"),
            PlayerCommand::EarnPoints(c) => {
                let id = format!("{}@{}@{}", c.programme, c.currency, c.played.from);
                ((c.source.to_string(), id), "points_earn")
            }
            PlayerCommand::SpendPoints(c) => (texts(&c.source, &c.id), "points_spend"),
            PlayerCommand::ExpirePoints(c) => (texts(&c.source, &c.id), "points_expire"),
            PlayerCommand::AdjustPoints(c) => (texts(&c.source, &c.id), "points_adjust"),
            PlayerCommand::CompleteMission(c) => {
                ((c.source.to_string(), bonuses::name_of_completion(c)), "mission_complete")
            }
            PlayerCommand::Batch(_) => panic!("a batch has no name of its own"),
            other => adjustments::name(other).expect("every other command is the back office's"),
        };
        (source, kind, id)
    }

    fn judge(&mut self, command: &PlayerCommand) -> Judged {
        match command {
            PlayerCommand::OpenPlayer(c) => self.open(c),
            PlayerCommand::InitiateDeposit(c) => self.initiate(c),
            PlayerCommand::AttemptDeposit(c) => self.attempt(c),
            PlayerCommand::FailDeposit(c) => self.fail(c),
            PlayerCommand::CancelDeposit(c) => self.cancel(c),
            PlayerCommand::ExpireDeposit(c) => self.expire(c),
            PlayerCommand::RecordDeposit(c) => self.deposit(c),
            PlayerCommand::ReleaseSuspense(c) => self.release(c),
            PlayerCommand::RefuseAssignment(c) => self.refuse_assignment(c),
            PlayerCommand::RefundDeposit(c) => self.refund(c),
            PlayerCommand::Chargeback(c) => self.charge_back(c),
            PlayerCommand::ReverseChargeback(c) => self.win_dispute(c),
            PlayerCommand::WriteOffDebt(c) => self.write_off(c),
            PlayerCommand::PlaceBet(c) => self.bet(c),
            PlayerCommand::Settle(c) => self.settle(c),
            PlayerCommand::CloseRound(c) => Ok(self.close(c)),
            PlayerCommand::Void(c) => match &c.target {
                VoidTarget::Round => self.void_round(c),
                VoidTarget::Bet(bet) => self.void_bet(c, bet.as_str()),
            },
            PlayerCommand::Rollback(c) => self.rollback(c),
            PlayerCommand::GrantCredit(c) => self.credit(c),
            PlayerCommand::VoidSettled(c) => self.void_settled(c),
            PlayerCommand::Resettle(c) => self.resettle(c),
            PlayerCommand::Unsettle(c) => self.unsettle(c),
            PlayerCommand::CashOut(c) => self.cash_out(c),
            PlayerCommand::AdjustRound(c) => self.adjust(c),
            PlayerCommand::Inform(_) => Ok("noop"),
            PlayerCommand::HostOperation(c) => self.host(c),
            PlayerCommand::ProposeCorrection(c) => self.propose(c),
            PlayerCommand::DecideCorrection(c) => self.decide_proposal(c),
            PlayerCommand::ChargeInactivityFee(c) => self.inactivity(c),
            PlayerCommand::TransferDormant(c) => self.sleep(c),
            PlayerCommand::ReclaimDormant(c) => self.wake(c),
            PlayerCommand::WithholdTax(c) => self.withhold(c),
            PlayerCommand::ReturnTax(c) => self.give_tax_back(c),
            PlayerCommand::ClosePlayer(c) => self.close_account(c),
            PlayerCommand::ReopenPlayer(c) => self.reopen_account(c),
            PlayerCommand::AddPurse(c) => self.add_purse(c),
            PlayerCommand::Exchange(c) => self.exchange(c),
            PlayerCommand::ReverseExchange(c) => self.reverse_exchange(c),
            PlayerCommand::RequestWithdrawal(c) => self.request(c),
            PlayerCommand::PassKyc(c) => self.pass_kyc(c),
            PlayerCommand::StartReview(c) => self.start_review(c),
            PlayerCommand::ApproveWithdrawal(c) => self.approve_withdrawal(c),
            PlayerCommand::RejectWithdrawal(c) => self.reject_withdrawal(c),
            PlayerCommand::CancelWithdrawal(c) => self.cancel_withdrawal(c),
            PlayerCommand::ExpireWithdrawal(c) => self.expire_withdrawal(c),
            PlayerCommand::SplitWithdrawal(c) => self.split_withdrawal(c),
            PlayerCommand::SendWithdrawal(c) => self.send(c),
            PlayerCommand::MarkUnknown(c) => self.unknown(c),
            PlayerCommand::MarkPaid(c) => self.paid(c),
            PlayerCommand::MarkFailed(c) => self.failed(c),
            PlayerCommand::MarkReturned(c) => self.came_back(c),
            PlayerCommand::SettleLatePayout(c) => self.settle_late(c),
            PlayerCommand::BlockPlayer(c) => self.block(c),
            PlayerCommand::SetLimit(c) => self.set_limit(c),
            PlayerCommand::ConfirmLimit(c) => self.confirm_limit(c),
            PlayerCommand::ExcludePlayer(c) => self.exclude(c),
            PlayerCommand::ReturnFromExclusion(_) => self.come_back(),
            PlayerCommand::RecordRegisterAnswers(c) => self.record_answers(c),
            PlayerCommand::AssignLimitProfile(c) => self.assign_profile(c),
            PlayerCommand::SetTier(c) => self.set_tier(c),
            PlayerCommand::RaiseAlert(c) => self.raise_alert(c),
            PlayerCommand::CloseAlert(c) => self.close_alert(c),
            PlayerCommand::OpenCaseFor(c) => self.open_case(c),
            PlayerCommand::AssignCase(c) => self.assign_case(c),
            PlayerCommand::CloseCase(c) => self.close_case(c),
            PlayerCommand::SetPerson(c) => Ok(self.set_person(c)),
            PlayerCommand::SetSessionLimit(c) => Ok(self.set_session_limit(c)),
            PlayerCommand::ConfirmSessionLimit(c) => self.confirm_session_limit(c),
            PlayerCommand::SetPlayTimeLimit(c) => self.set_play_time(c),
            PlayerCommand::ConfirmPlayTimeLimit(c) => self.confirm_play_time(c),
            PlayerCommand::UnblockPlayer(c) => self.unblock(c),
            PlayerCommand::ExpireRound(c) => self.expire_round(c),
            PlayerCommand::ReopenRound(c) => self.reopen_round(c),
            PlayerCommand::StartSession(c) => self.start_session(c),
            PlayerCommand::EndSession(c) => Ok(self.end_session(c)),
            PlayerCommand::AcknowledgeRealityCheck(c) => self.acknowledge(c),
            PlayerCommand::Tip(c) => self.tip(c),
            PlayerCommand::EnterTournament(c) => self.enter_tournament(c),
            PlayerCommand::ClaimJackpot(c) => self.claim_jackpot(c),
            PlayerCommand::PayJackpot(c) => self.pay_jackpot(c),
            PlayerCommand::WithdrawJackpotClaim(c) => self.withdraw_claim(c),
            PlayerCommand::PayTournamentPrize(c) => self.pay_prize(c),
            PlayerCommand::ReturnTournamentEntry(c) => self.return_entry(c),
            PlayerCommand::RollOut(c) => self.roll_out(c),
            PlayerCommand::RollIn(c) => self.roll_in(c),
            PlayerCommand::ReportFreeRounds(c) => self.report_free_rounds(c),
            PlayerCommand::GrantBonus(c) => self.grant_bonus(c),
            PlayerCommand::ForfeitBonus(c) => self.forfeit_bonus(c),
            PlayerCommand::ExpireBonus(c) => self.expire_bonus(c),
            PlayerCommand::CompleteMission(c) => self.complete_mission(c),
            PlayerCommand::OfferBonus(c) => self.offer_bonus(c),
            PlayerCommand::ClaimBonus(c) => self.claim_bonus(c),
            PlayerCommand::EarnPoints(c) => self.earn_points(c),
            PlayerCommand::SpendPoints(c) => self.spend_points(c),
            PlayerCommand::ExpirePoints(c) => self.expire_points(c),
            PlayerCommand::AdjustPoints(c) => self.adjust_points(c),
            PlayerCommand::Batch(_) => panic!("batches are taken apart"),
        }
    }
}

fn refused(code: &str) -> String {
    format!("refused:{code}")
}

/// Whether a command takes the player's money or starts a payment.
fn takes_money(command: &PlayerCommand) -> bool {
    match command {
        PlayerCommand::PlaceBet(_)
        | PlayerCommand::Exchange(_)
        | PlayerCommand::InitiateDeposit(_)
        | PlayerCommand::RequestWithdrawal(_)
        | PlayerCommand::Tip(_)
        | PlayerCommand::EnterTournament(_)
        | PlayerCommand::RollOut(_) => true,
        PlayerCommand::HostOperation(c) => c.movement.as_ref().is_some_and(|movement| !movement.to_player),
        _ => false,
    }
}

/// What makes two commands of one key the same operation. Decimals of equal value are equal.
fn payload_of(command: &PlayerCommand) -> PlayerCommand {
    let mut payload = command.clone();
    // Which registers answered what is not what it is.
    if let Some(answers) = protection::answers_of(&mut payload) {
        answers.clear();
    }
    match &mut payload {
        PlayerCommand::OpenPlayer(c) => c.person = None,
        PlayerCommand::AssignLimitProfile(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::SetTier(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::RaiseAlert(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::CloseAlert(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::OpenCaseFor(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::CloseCase(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::SetPerson(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::RecordRegisterAnswers(c) => c.by = None,
        PlayerCommand::HostOperation(c) => c.expected = None,
        PlayerCommand::RecordDeposit(c) => {
            c.authorisation = None;
            c.instrument = None;
            c.rate = None;
        }
        PlayerCommand::FailDeposit(c) => c.reason = None,
        PlayerCommand::CancelDeposit(c) => c.reason = None,
        PlayerCommand::ReleaseSuspense(c) => {
            c.rate = None;
            c.approved_by = c.by.clone();
            if c.house_item.is_some() {
                c.source = c.psp.clone();
                c.id = c.reference.clone();
            }
        }
        PlayerCommand::RefuseAssignment(c) => {
            (c.by, c.reason) = (commands::person("-"), Reason::new("-").expect("a reason"));
        }
        PlayerCommand::RefundDeposit(c) => c.on_shortfall = None,
        PlayerCommand::WriteOffDebt(c) => c.approved_by = c.by.clone(),
        PlayerCommand::Rollback(c) => {
            c.on_shortfall = None;
            c.flags = CallFlags::default();
        }
        // In which session, and how it is to be taken, is not what it is.
        PlayerCommand::PlaceBet(c) => (c.session, c.flags) = (None, CallFlags::default()),
        PlayerCommand::Settle(c) => c.flags = CallFlags::default(),
        PlayerCommand::ReopenRound(c) => c.flags = CallFlags::default(),
        PlayerCommand::RollOut(c) => (c.session, c.flags) = (None, CallFlags::default()),
        PlayerCommand::VoidSettled(c) => {
            c.on_shortfall = None;
            c.reason = Reason::new("-").expect("a reason");
        }
        PlayerCommand::Resettle(c) => c.on_shortfall = None,
        PlayerCommand::Unsettle(c) => c.on_shortfall = None,
        PlayerCommand::AdjustRound(c) => {
            c.on_shortfall = None;
            c.reason = Reason::new("-").expect("a reason");
        }
        PlayerCommand::Void(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::ProposeCorrection(c) => {
            (c.reason, c.on_shortfall) = (Reason::new("-").expect("a reason"), None);
        }
        PlayerCommand::ChargeInactivityFee(c) => c.by = None,
        PlayerCommand::WithholdTax(c) => c.on_shortfall = None,
        PlayerCommand::ReverseExchange(c) => c.on_shortfall = None,
        PlayerCommand::ClosePlayer(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::RequestWithdrawal(c) => {
            (c.proof, c.method, c.kyc, c.forfeits_at_most) = (None, None, None, None);
        }
        PlayerCommand::PassKyc(c) => (c.as_of, c.by) = (crate::time::Timestamp::EPOCH, None),
        PlayerCommand::RejectWithdrawal(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::SendWithdrawal(c) => c.by = None,
        PlayerCommand::MarkPaid(c) => c.authorisation = None,
        PlayerCommand::MarkFailed(c) => c.reason = None,
        PlayerCommand::SettleLatePayout(c) => c.approved_by = c.by.clone(),
        PlayerCommand::BlockPlayer(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::UnblockPlayer(c) => c.reason = Reason::new("-").expect("a reason"),
        PlayerCommand::ForfeitBonus(c) => (c.by, c.forfeits_at_most) = (None, None),
        PlayerCommand::PayJackpot(c) => c.kind = AccountKind::Real,
        PlayerCommand::PayTournamentPrize(c) => {
            (c.kind, c.place, c.barred) = (AccountKind::Real, 0, crate::stored::BarredPayee::Pay);
        }
        PlayerCommand::ReturnTournamentEntry(c) => c.kind = AccountKind::Real,
        PlayerCommand::WithdrawJackpotClaim(c) => {
            (c.by, c.reason) = (commands::person("-"), Reason::new("-").expect("a reason"));
        }
        _ => {}
    }
    payload
}
