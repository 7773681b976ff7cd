//! Where pages of the controls view end, and the keys its rows are found by.

use ledger_core::stored::{LimitSide, LimitTerm};
use ledger_core::{Amount, PlayerId, RegisterName, Stream, Timestamp};

use super::row::{ExclusionBy, ExclusionRow, LimitHit, LimitRow};
use crate::commit::EventPlace;
use crate::range::{KeyParts, key};

/// Behind every instant.
const NEVER: &str = "never";

/// Where a page of hits ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HitCursor {
    /// When the last was.
    pub at: Timestamp,
    /// Its player.
    pub player: PlayerId,
    /// Where its event stands.
    pub place: EventPlace,
}

/// Where a page of exclusions ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExclusionCursor {
    /// When the last ends to bar its player; `None` if it does not.
    pub ends_at: Option<Timestamp>,
    /// Its player.
    pub player: PlayerId,
    /// The register that told of it.
    pub register: Option<RegisterName>,
}

/// Where a page of limits ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitCursor {
    /// How high the last is.
    pub amount: Amount,
    /// Its player.
    pub player: PlayerId,
    /// Whose it is.
    pub side: LimitSide,
}

impl LimitHit {
    /// Where a page that ends with it goes on.
    pub fn cursor(&self) -> HitCursor {
        HitCursor { at: self.at, player: self.player.clone(), place: self.place }
    }
}

impl ExclusionRow {
    /// Where a page that ends with it goes on.
    pub fn cursor(&self) -> ExclusionCursor {
        let (player, register) = (self.player.clone(), self.register.clone());
        ExclusionCursor { ends_at: self.ends_at, player, register }
    }
}

impl LimitRow {
    /// Where a page that ends with it goes on.
    pub fn cursor(&self) -> LimitCursor {
        LimitCursor { amount: self.limit.amount, player: self.player.clone(), side: self.limit.side }
    }
}

fn term_parts(term: &LimitTerm) -> [&str; 4] {
    let currency = term.currency.as_str();
    let [period, basis] =
        term.window.as_ref().map_or(["", ""], |window| [window.period.as_str(), window.basis.as_str()]);
    [term.kind.as_str(), currency, period, basis]
}

/// All rows that an answer about a player is made of begin so.
pub(super) fn player_stem(player: &PlayerId) -> KeyParts {
    key!["player", player]
}

pub(super) fn standing_key(player: &PlayerId) -> KeyParts {
    key!["player", player, "standing"]
}

pub(super) fn index_key(player: &PlayerId) -> KeyParts {
    key!["player", player, "index"]
}

pub(super) fn play_time_key(player: &PlayerId) -> KeyParts {
    key!["player", player, "play_time"]
}

pub(super) fn money_key(player: &PlayerId) -> KeyParts {
    key!["player", player, "money"]
}

pub(super) fn limit_key(player: &PlayerId, side: LimitSide, term: &LimitTerm) -> KeyParts {
    let [kind, currency, period, basis] = term_parts(term);
    key!["player", player, "limit", side.as_str(), kind, currency, period, basis]
}

pub(super) fn counter_key(player: &PlayerId, term: &LimitTerm) -> KeyParts {
    let [kind, currency, period, basis] = term_parts(term);
    key!["player", player, "counter", kind, currency, period, basis]
}

pub(super) fn deposit_key(player: &PlayerId, source: &impl ToString, id: &impl ToString) -> KeyParts {
    key!["player", player, "deposit", source.to_string(), id.to_string()]
}

pub(super) fn register_key(player: &PlayerId, register: &RegisterName) -> KeyParts {
    key!["player", player, "register", register]
}

pub(super) fn session_key(player: &PlayerId, source: &impl ToString, id: &impl ToString) -> KeyParts {
    key!["player", player, "session", source.to_string(), id.to_string()]
}

/// Of a round or a transfer; `None` of what is neither.
pub(super) fn live_key(stream: &Stream) -> Option<KeyParts> {
    match stream {
        Stream::Round(player, source, id) => Some(key!["live", player, "round", source, id]),
        Stream::Transfer(player, of) => Some(key!["live", player, "transfer", of.source, of.id]),
        _ => None,
    }
}

pub(super) fn history_key(player: &PlayerId, place: EventPlace) -> KeyParts {
    key!["history", player, KeyParts::number(place.position.0), KeyParts::number(place.index.into())]
}

pub(super) fn span_key(player: &PlayerId, place: EventPlace) -> KeyParts {
    key!["span", player, KeyParts::number(place.position.0), KeyParts::number(place.index.into())]
}

pub(super) fn hit_key(cursor: &HitCursor) -> KeyParts {
    let HitCursor { at, player, place } = cursor;
    key!["hit", at, player, KeyParts::number(place.position.0), KeyParts::number(place.index.into())]
}

pub(super) fn exclusion_stem(by: ExclusionBy) -> KeyParts {
    key!["excluded", by.as_str()]
}

pub(super) fn exclusion_key(by: ExclusionBy, cursor: &ExclusionCursor) -> KeyParts {
    let ends_at = cursor.ends_at.map_or(NEVER.to_owned(), |at| at.to_string());
    let register = cursor.register.as_ref().map_or("", |name| name.as_str());
    key!["excluded", by.as_str(), ends_at, cursor.player, register]
}

/// The exclusions of a kind that end at an instant or later.
pub(super) fn exclusions_from(by: ExclusionBy, at: Timestamp) -> KeyParts {
    key!["excluded", by.as_str(), at]
}

/// An amount as a text whose order is the amounts'; limits are never below zero.
fn sortable(amount: Amount) -> String {
    let text = amount.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole:0>29}.{part:0<18}")
}

pub(super) fn limits_stem(term: &LimitTerm) -> KeyParts {
    let [kind, currency, period, basis] = term_parts(term);
    key!["limits", kind, currency, period, basis]
}

pub(super) fn limits_from(term: &LimitTerm, amount: Amount) -> KeyParts {
    let [kind, currency, period, basis] = term_parts(term);
    key!["limits", kind, currency, period, basis, sortable(amount)]
}

pub(super) fn limits_key(term: &LimitTerm, cursor: &LimitCursor) -> KeyParts {
    let [kind, currency, period, basis] = term_parts(term);
    let LimitCursor { amount, player, side } = cursor;
    key!["limits", kind, currency, period, basis, sortable(*amount), player, side.as_str()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_in_order_as_texts() {
        let texts = ["0", "0.000000000000000001", "0.01", "9.99", "10", "79228162514264337593543950335"];
        let sorted: Vec<String> = texts.iter().map(|text| sortable(text.parse().unwrap())).collect();
        assert!(sorted.is_sorted(), "{sorted:?}");
        assert_eq!(sortable("5.10".parse().unwrap()), sortable("5.1".parse().unwrap()));
    }
}
