//! What all dialects share on their way to the ledger.

use casino_ledger::core::{
    ActorId, Amount, Context, CurrencyCode, GameId, OperationKind, PlayerCommand, PlayerId, PlayerState,
    Rejection, Rollback, RollbackKind, RoundId, Session, TraceId, TransactionId,
};
use casino_ledger::{ExecuteError, Outcome, PlayerReading, Receipt, Refusal, Request};
use sha2::{Digest as _, Sha256};

use crate::casino::Casino;
use crate::config::{Duplicate, Provider, Tombstoned, UnknownRollback};
use crate::launch::Launch;

/// A provider's way to the ledger.
#[derive(Debug)]
pub struct Gate<'a> {
    /// The casino.
    pub casino: &'a Casino,
    /// The provider.
    pub provider: &'a Provider,
    trace: TraceId,
}

/// What a call with the token of a launch comes from.
#[derive(Debug)]
pub struct Launched {
    /// What the token says.
    pub launch: Launch,
    /// Its player as he stands.
    pub reading: PlayerReading,
}

/// Why a call with a token is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotLaunched {
    /// The token is none of this provider's.
    Token,
    /// It is another player's than the one the call names (S11).
    Another,
    /// The player is not open.
    Player,
    /// The ledger cannot serve: the provider is to send the same again.
    Again,
}

impl Launched {
    /// The session, if the player has it still.
    pub fn session(&self) -> Option<&Session> {
        self.reading.state.session(&self.launch.session)
    }

    /// The currency that a call names, or that of its session; nothing, if it names none that there is.
    pub fn currency(&self, named: Option<&str>) -> Option<CurrencyCode> {
        match named {
            Some(code) => code.parse().ok(),
            None => self.session().map(Session::currency),
        }
    }
}

/// What became of a command, as far as a provider's protocol tells it.
#[derive(Debug)]
pub enum Taken {
    /// It is done: now, or when it first came.
    Done(Box<Receipt>),
    /// It is done as far as the provider is told, and no money moved: its bet was rolled back before it came, and the
    /// contract says that this is no error.
    WithoutMoney,
    /// It is a duplicate, and the contract says that this is an error.
    Duplicate(Box<Receipt>),
    /// It undoes what was never seen. That is remembered, and the contract says that this is an error.
    NeverSeen(Box<Receipt>),
    /// The rules refuse.
    Refused(Box<Refusal>),
    /// Nothing is known to be recorded: the provider is to send the same again. It has the same key, so that is safe
    /// also where money has moved.
    Again,
}

impl<'a> Gate<'a> {
    pub(super) fn new(casino: &'a Casino, provider: &'a Provider, trace: TraceId) -> Self {
        Self { casino, provider, trace }
    }

    /// A player, if he is open.
    ///
    /// # Errors
    ///
    /// [`Taken::Again`] if the ledger cannot serve.
    pub async fn player(&self, text: &str) -> Result<Option<PlayerReading>, Taken> {
        let Ok(player) = PlayerId::new(text) else { return Ok(None) };
        let reading = self.casino.ledger.player(&player).await.map_err(|_| Taken::Again)?;
        Ok(reading.state.profile().is_some().then_some(reading))
    }

    /// What a launch token of this provider says.
    pub fn launch(&self, token: &str) -> Option<Launch> {
        let launch = self.casino.launches.read(token)?;
        (launch.session.source == self.provider.source).then_some(launch)
    }

    /// What a call with a token comes from; `user` is whom the call names, if it does.
    ///
    /// # Errors
    ///
    /// [`NotLaunched`].
    pub async fn launched(&self, token: &str, user: Option<&str>) -> Result<Launched, NotLaunched> {
        let launch = self.launch(token).ok_or(NotLaunched::Token)?;
        if user.is_some_and(|user| user != launch.player.as_str()) {
            return Err(NotLaunched::Another);
        }
        let reading = self.player(launch.player.as_str()).await.map_err(|_| NotLaunched::Again)?;
        Ok(Launched { launch, reading: reading.ok_or(NotLaunched::Player)? })
    }

    /// The game of a code.
    pub fn game(&self, code: &str) -> Option<GameId> {
        self.casino.game_of(&self.provider.id, code)
    }

    /// Undoes a bet, as protocols do whose rollbacks have no id of their own: a bet is undone once.
    pub fn undo(&self, bet: TransactionId, round: Option<RoundId>) -> Rollback {
        let source = self.provider.source.clone();
        Rollback { kind: Some(RollbackKind::Bet), round, ..Rollback::new(source, bet.clone(), bet) }
    }

    /// Sends a command, and reads its answer by the provider's switches.
    pub async fn send(&self, player: &PlayerId, command: impl Into<PlayerCommand>) -> Taken {
        let command = command.into();
        let is_bet = command.operations().iter().any(|one| one.kind() == OperationKind::Bet);
        let Ok(actor) = ActorId::new(self.provider.source.as_str()) else { return Taken::Again };
        let context = Context { trace: Some(self.trace.clone()), ..Context::of(actor) };
        let request = Request { context: Some(context), ..Request::new(player.clone(), command) };
        let provider = self.provider;
        match self.casino.send(request).await {
            Ok(receipt) if receipt.outcome == Outcome::Tombstoned => match provider.unknown_rollback {
                UnknownRollback::Ok => Taken::Done(Box::new(receipt)),
                UnknownRollback::NotFound => Taken::NeverSeen(Box::new(receipt)),
            },
            Ok(receipt) if receipt.replayed && provider.duplicate == Duplicate::Error => {
                Taken::Duplicate(Box::new(receipt))
            }
            Ok(receipt) => Taken::Done(Box::new(receipt)),
            Err(ExecuteError::Rejected(refusal)) => {
                let is_dead = is_bet && refusal.rejection == Rejection::TxnCancelled;
                if is_dead && provider.tombstoned_bet == Tombstoned::OkWithoutMoney {
                    Taken::WithoutMoney
                } else {
                    Taken::Refused(refusal)
                }
            }
            Err(error) => {
                tracing::warn!(%error, provider = provider.id, "a provider is told to send it again");
                Taken::Again
            }
        }
    }

    /// What is available, as a provider is told after a command: right after it, or now, by the contract. Nothing, if the
    /// player has no such purse. `known` is how the player stands now, where that was read already.
    ///
    /// # Errors
    ///
    /// [`Taken::Again`] if the ledger cannot serve. The command may be done by then: only the same call, sent again, may
    /// tell what became of it.
    pub async fn balance(
        &self,
        player: &PlayerId,
        receipt: Option<&Receipt>,
        known: Option<&PlayerState>,
        currency: CurrencyCode,
    ) -> Result<Option<Amount>, Taken> {
        let told = receipt.and_then(|receipt| {
            let purses = match self.provider.duplicate {
                Duplicate::Current => &receipt.current,
                Duplicate::Original | Duplicate::Error => &receipt.balances,
            };
            purses.iter().find(|purse| purse.currency == currency)
        });
        if let Some(purse) = told {
            return Ok(Some(purse.available()));
        }
        let available = |state: &PlayerState| state.balance(currency).map(|purse| purse.available());
        if let Some(state) = known {
            return Ok(available(state));
        }
        let reading = self.casino.ledger.player(player).await.map_err(|_| Taken::Again)?;
        Ok(available(&reading.state))
    }

    /// The operator's own id of a transaction: always the same for the same one, in the form of a UUID.
    pub fn own_id(&self, player: &PlayerId, kind: OperationKind, id: &TransactionId) -> String {
        let mut hash = Sha256::new();
        for part in [self.provider.source.as_str(), player.as_str(), kind.as_str(), id.as_str()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash.iter()).for_each(|(byte, of)| *byte = *of);
        uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::demo;

    use super::*;

    #[tokio::test]
    async fn a_balance_that_cannot_be_read_is_not_a_purse_that_is_not_there()
    -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let config = Config { data: folder.path().to_owned(), demo: false, ..demo::config() };
        let casino = Casino::open(config.check()?).await?;
        let provider = casino.checked.providers.get("gcp").ok_or("the demo has it")?;
        let gate = Gate::new(&casino, provider, TraceId::new("t")?);
        let (player, currency) = (PlayerId::new("p")?, CurrencyCode::new("EUR")?);
        assert!(matches!(gate.balance(&player, None, None, currency).await, Ok(None)));
        casino.close(std::time::Duration::from_secs(10)).await?;
        assert!(matches!(gate.balance(&player, None, None, currency).await, Err(Taken::Again)));
        Ok(())
    }
}
