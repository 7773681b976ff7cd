//! Commands on limits by texts: of `host`, in EUR.

use super::{currency, decimal, source, txn};
use crate::controls::{
    AssignCase, AssignLimitProfile, CloseAlert, CloseCase, ConfirmLimit, ConfirmPlayTimeLimit,
    ConfirmSessionLimit, ExcludePlayer, OpenCaseFor, RaiseAlert, RecordRegisterAnswers, RegisterAnswer,
    RegisterSays, ReturnFromExclusion, SetLimit, SetPerson, SetPlayTimeLimit, SetSessionLimit, SetTier,
};
use crate::ids::{PersonId, ProfileName, Reason, RegisterName, SignalName, TierName};
use crate::key::OperationKind;
use crate::stored::{
    CaseFinding, ExclusionKind, LimitBasis, LimitKind, LimitPeriod, LimitSide, LimitTerm, LimitWindow,
    TransactionRef,
};
use crate::time::Timestamp;

/// A term in EUR.
pub fn term(kind: LimitKind, period: LimitPeriod, basis: LimitBasis) -> LimitTerm {
    LimitTerm { kind, currency: currency("EUR"), window: Some(LimitWindow { period, basis }) }
}

/// The term of single bets in EUR.
pub fn single_bet() -> LimitTerm {
    LimitTerm { kind: LimitKind::SingleBet, currency: currency("EUR"), window: None }
}

/// A limit of the player's own.
pub fn limit(id: &str, term: LimitTerm, amount: &str) -> SetLimit {
    SetLimit {
        source: source("host"),
        id: txn(id),
        side: LimitSide::Player,
        term,
        amount: Some(decimal(amount)),
        by: None,
    }
}

/// A limit of his that is to be lifted.
pub fn no_limit(id: &str, term: LimitTerm) -> SetLimit {
    SetLimit { amount: None, ..limit(id, term, "0") }
}

/// The confirmation of a higher limit.
pub fn confirm_limit(id: &str, term: LimitTerm) -> ConfirmLimit {
    ConfirmLimit { source: source("host"), id: txn(id), term }
}

/// An exclusion.
pub fn exclude(id: &str, kind: ExclusionKind, until: Option<Timestamp>) -> ExcludePlayer {
    ExcludePlayer { source: source("host"), id: txn(id), kind, until, by: None, carried: false }
}

/// The return from a self-exclusion.
pub fn come_back(id: &str) -> ReturnFromExclusion {
    ReturnFromExclusion { source: source("host"), id: txn(id) }
}

/// What a register said, asked at an instant.
pub fn register(name: &str, asked_at: Timestamp, outcome: RegisterSays) -> RegisterAnswer {
    RegisterAnswer { register: RegisterName::new(name).expect("a name"), asked_at, outcome }
}

/// The record of what registers said.
pub fn register_answers(id: &str, answers: Vec<RegisterAnswer>) -> RecordRegisterAnswers {
    RecordRegisterAnswers { source: source("host"), id: txn(id), answers, by: None }
}

/// A tier of verification.
pub fn tier(id: &str, tier: Option<&str>) -> SetTier {
    SetTier {
        source: source("kyc"),
        id: txn(id),
        tier: tier.map(|tier| TierName::new(tier).expect("a name")),
        by: super::person("anna"),
        reason: Reason::new("documents seen").expect("a reason"),
    }
}

/// Which person the player is.
pub fn set_person(id: &str, of: Option<&str>) -> SetPerson {
    SetPerson {
        source: source("kyc"),
        id: txn(id),
        person: of.map(|of| PersonId::new(of).expect("an id")),
        by: super::person("anna"),
        reason: Reason::new("same passport").expect("a reason"),
    }
}

/// The player's own limit on the time of a session.
pub fn session_limit(id: &str, max_secs: Option<u32>) -> SetSessionLimit {
    SetSessionLimit { source: source("host"), id: txn(id), max_secs, by: None }
}

/// The player's own limit on the time of play over a window.
pub fn play_time_limit(id: &str, window: LimitWindow, max_secs: Option<u32>) -> SetPlayTimeLimit {
    SetPlayTimeLimit {
        source: source("host"),
        id: txn(id),
        side: LimitSide::Player,
        window,
        max_secs,
        by: None,
    }
}

/// The confirmation of a higher limit on the time of play.
pub fn confirm_play_time_limit(id: &str, window: LimitWindow) -> ConfirmPlayTimeLimit {
    ConfirmPlayTimeLimit { source: source("host"), id: txn(id), window }
}

/// The confirmation of longer sessions.
pub fn confirm_session_limit(id: &str) -> ConfirmSessionLimit {
    ConfirmSessionLimit { source: source("host"), id: txn(id) }
}

/// A profile of limits for the player.
pub fn assign_profile(id: &str, profile: Option<&str>) -> AssignLimitProfile {
    AssignLimitProfile {
        source: source("office"),
        id: txn(id),
        profile: profile.map(|name| ProfileName::new(name).expect("a name")),
        by: super::person("anna"),
        reason: Reason::new("plays a lot").expect("a reason"),
    }
}

/// An alert of `risk`.
pub fn raise_alert(id: &str, signal: &str) -> RaiseAlert {
    RaiseAlert {
        source: source("risk"),
        id: txn(id),
        signal: SignalName::new(signal).expect("a name"),
        by: super::person("watch"),
        reason: Reason::new("seen").expect("a reason"),
    }
}

/// The end of an alert of `risk`.
pub fn close_alert(id: &str, alert: &str) -> CloseAlert {
    CloseAlert {
        source: source("office"),
        id: txn(id),
        alert: TransactionRef { source: source("risk"), kind: OperationKind::Alert, id: txn(alert) },
        by: super::person("anna"),
        reason: Reason::new("looked at").expect("a reason"),
    }
}

/// A case.
pub fn open_case(id: &str) -> OpenCaseFor {
    let (by, reason) = (super::person("anna"), Reason::new("odd").expect("a reason"));
    OpenCaseFor { source: source("office"), id: txn(id), by, reason }
}

/// The name of a case that [`open_case`] opened.
pub fn case(id: &str) -> TransactionRef {
    TransactionRef { source: source("office"), kind: OperationKind::Case, id: txn(id) }
}

/// Someone looks into a case.
pub fn assign_case(id: &str, of: &str) -> AssignCase {
    let (to, by) = (super::person("boris"), super::person("anna"));
    AssignCase { source: source("office"), id: txn(id), case: case(of), to, by }
}

/// The end of a case.
pub fn close_case(id: &str, of: &str) -> CloseCase {
    CloseCase {
        source: source("office"),
        id: txn(id),
        case: case(of),
        finding: CaseFinding::Cleared,
        by: super::person("boris"),
        reason: Reason::new("nothing").expect("a reason"),
    }
}
