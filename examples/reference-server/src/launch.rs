//! Launch tokens: what a player's browser carries to a game, and the game's server shows with each call.
//!
//! A token names a player and a session of the ledger, signed with the server's secret; so no server needs to remember
//! tokens, and one that is read from a log is of no use to forge another. Whether the session is open and has not
//! expired the ledger decides with each bet; wins and rollbacks come after its end as well (S45, S71).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use casino_ledger::core::stored::SessionRef;
use casino_ledger::core::{PlayerId, SourceId, TransactionId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::config::Secret;

/// The longest token that is looked at.
const TOKEN_BYTES_MAX: usize = 640;

/// Makes and reads tokens.
#[derive(Debug)]
pub struct Launches {
    secret: Secret,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// Whose it is.
    pub player: PlayerId,
    /// His session.
    pub session: SessionRef,
}

impl Launches {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self { secret: secret.clone() }
    }

    fn mac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes()).ok()?;
        mac.update(b"launch/1\n");
        mac.update(text.as_bytes());
        Some(mac)
    }

    /// The token of a session.
    pub fn token(&self, launch: &Launch) -> Option<String> {
        let names = [launch.player.as_str(), launch.session.source.as_str(), launch.session.id.as_str()];
        let text = names.map(|name| URL_SAFE_NO_PAD.encode(name)).join(".");
        let mac = URL_SAFE_NO_PAD.encode(self.mac(&text)?.finalize().into_bytes());
        Some(format!("{text}.{mac}"))
    }

    /// What a token says; `None` if this server did not sign it.
    pub fn read(&self, token: &str) -> Option<Launch> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (text, mac) = token.rsplit_once('.')?;
        self.mac(text)?.verify_slice(&URL_SAFE_NO_PAD.decode(mac).ok()?).ok()?;
        let mut names =
            text.split('.').map(|name| String::from_utf8(URL_SAFE_NO_PAD.decode(name).ok()?).ok());
        let (player, source, id) = (names.next()??, names.next()??, names.next()??);
        let session = SessionRef { source: SourceId::new(source).ok()?, id: TransactionId::new(id).ok()? };
        Some(Launch { player: PlayerId::new(player).ok()?, session })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_signed_and_nothing_else() -> Result<(), Box<dyn std::error::Error>> {
        let launches = Launches::new(&Secret::new("s".repeat(32)));
        let session = SessionRef { source: SourceId::new("hub88")?, id: TransactionId::new("s.1")? };
        let launch = Launch { player: PlayerId::new("päul.1")?, session };
        let token = launches.token(&launch).ok_or("no token")?;
        assert_eq!(launches.read(&token), Some(launch));
        let other = Launches::new(&Secret::new("t".repeat(32)));
        assert_eq!(other.read(&token), None, "another secret");
        for at in 0..token.len() {
            let mut spoilt = token.clone().into_bytes();
            spoilt[at] = if spoilt[at] == b'A' { b'B' } else { b'A' };
            let spoilt = String::from_utf8(spoilt)?;
            assert!(spoilt == token || launches.read(&spoilt).is_none(), "byte {at}");
        }
        Ok(())
    }
}
