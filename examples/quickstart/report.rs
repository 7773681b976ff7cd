//! The report: for people, or as one JSON object.

use casino_ledger::projections::Total;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::json;

use crate::drive::Figures;
use crate::prove::Proof;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) figures: &'a Figures,
    pub(crate) proof: &'a Proof,
    pub(crate) in_flight: usize,
    /// Nothing was appended: every command was known.
    pub(crate) unchanged: bool,
    pub(crate) verified_in: std::time::Duration,
}

fn ggr(proof: &Proof) -> Total {
    proof.staked.minus(proof.paid).unwrap_or_default()
}

/// A sum with the digits of its neighbour, so that a zero reads as 0.00.
fn like(total: Total, neighbour: Total) -> String {
    total.rescale_up(neighbour.scale().max(total.scale())).unwrap_or(total).to_string()
}

/// Payouts to stakes, rounded half to even at six digits.
fn rtp(proof: &Proof) -> Option<Decimal> {
    proof.paid.ratio(proof.staked)
}

impl Report<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people, not money")]
    fn rounds_per_second(&self) -> f64 {
        self.figures.settled as f64 / self.figures.elapsed.as_secs_f64().max(1e-9)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        let (figures, proof) = (self.figures, self.proof);
        let trial: Vec<_> = proof
            .trial
            .iter()
            .map(|row| {
                json!({
                    "account": row.account.code.code(), "name": row.account.code.name(),
                    "currency": row.account.currency.as_str(),
                    "kind": format!("{:?}", row.account.kind).to_lowercase(),
                    "book": format!("{:?}", row.account.code.book()).to_lowercase(),
                    "debits": like(row.debits, row.credits), "credits": like(row.credits, row.debits),
                    "balance": row.balance().map(|balance| balance.to_string()),
                })
            })
            .collect();
        let heads: Vec<_> = proof
            .verification
            .heads
            .iter()
            .enumerate()
            .map(|(shard, head)| json!({ "shard": shard, "position": head.position.0, "hash": head.hash.to_string() }))
            .collect();
        json!({
            "rounds": proof.rounds,
            "commands": figures.commands,
            "replayed": figures.replayed,
            "rollbacks": figures.rollbacks,
            "refused": figures.refused,
            "staked": proof.staked.to_string(),
            "paid": proof.paid.to_string(),
            "ggr": ggr(proof).to_string(),
            "rtp": rtp(proof).map(|rtp| rtp.to_string()),
            "trial_balance": trial,
            "shard_heads": heads,
            "rounds_per_second": self.rounds_per_second(),
            "settle_p50_us": figures.settle.value_at_quantile(0.5),
            "settle_p99_us": figures.settle.value_at_quantile(0.99),
            "unchanged": self.unchanged,
            "verified": true,
        })
    }

    pub(crate) fn print(&self) {
        let (figures, proof) = (self.figures, self.proof);
        println!("Balances, the richest players of {}", proof.richest.len());
        for (player, has) in proof.richest.iter().take(5) {
            for purse in &has.purses {
                println!(
                    "  {player:<16} {:>20} {:<5} held {}",
                    purse.cash.to_string(),
                    purse.currency,
                    purse.held
                );
            }
        }
        println!("\nGames");
        for game in &proof.games {
            let ggr = game.ggr().unwrap_or_default();
            let rtp = game.rtp().map_or("none".to_owned(), percent);
            println!(
                "  {:<10} {:>8} rounds  staked {} {}  paid {}  GGR {ggr}  RTP {rtp}",
                game.game.to_string(),
                game.rounds,
                game.stakes,
                game.currency,
                game.payouts
            );
        }
        println!("\nTrial balance");
        println!("  {:<5}{:<26}{:<7}{:>20}{:>20}", "", "account", "", "debits", "credits");
        for row in &proof.trial {
            let account = &row.account;
            println!(
                "  {:<5}{:<26}{:<7}{:>20}{:>20}",
                account.code.code(),
                account.code.name(),
                account.currency.to_string(),
                like(row.debits, row.credits),
                like(row.credits, row.debits)
            );
        }
        for book in &proof.books {
            let name = format!("{:?} book, {:?}", book.book, book.kind).to_lowercase();
            println!(
                "  {:<5}{name:<26}{:<7}{:>20}{:>20}",
                "sum",
                book.currency.to_string(),
                book.debits.to_string(),
                book.credits.to_string()
            );
        }
        println!("\nChain heads");
        for (shard, head) in proof.verification.heads.iter().enumerate() {
            if head.position.0 > 0 {
                println!("  shard {shard:<3} position {:<8} {}", head.position.0, head.hash);
            }
        }
        println!(
            "\n{} commands: {} known and answered again, {} rollbacks, {} bets refused because their rollback came first",
            figures.commands, figures.replayed, figures.rollbacks, figures.refused
        );
        println!(
            "{:.0} rounds a second with {} commands in flight; a settlement took {} us (p50), {} us (p99)",
            self.rounds_per_second(),
            self.in_flight,
            figures.settle.value_at_quantile(0.5),
            figures.settle.value_at_quantile(0.99)
        );
        if self.unchanged {
            println!("Nothing changed: every command was known, and its first answer was given again.");
        }
        println!(
            "Verified in {:.1} s: {} commits and {} entries of {} players, every hash, every balance, every bet of the input.",
            self.verified_in.as_secs_f64(),
            proof.verification.commits,
            proof.verification.entries,
            proof.verification.players
        );
    }
}

fn percent(rtp: Decimal) -> String {
    let percent = rtp.checked_mul(Decimal::ONE_HUNDRED).unwrap_or(rtp);
    format!("{} %", percent.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven))
}
