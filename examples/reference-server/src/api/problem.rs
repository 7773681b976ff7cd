//! What went wrong, as RFC 9457 tells it, with the ledger's stable code.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use casino_ledger::core::Rejection;
use casino_ledger::projections::ViewError;
use casino_ledger::store::StoreError;
use casino_ledger::{ExecuteError, Refusal};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::shapes::Balance;
use crate::config::Role;

/// A problem (RFC 9457). `code` is stable; what a caller may conclude is in `outcome`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// What kind of problem: `urn:casino-ledger:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// What happened, to what.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// What may be concluded.
    pub outcome: Conclusion,
    /// The ledger's refusal in full, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub rejection: Option<Value>,
    /// The balances now, if it is a refusal of the ledger.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub balances: Vec<Balance>,
    /// Whether this is the recorded answer to an earlier request with the same key.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
    /// Where to ask what became of it, if that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask: Option<Value>,
}

/// What may be concluded from a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The request is wrong as it is; nothing was recorded.
    Invalid,
    /// The rules refuse; no money moved.
    Refused,
    /// Nothing was recorded: the same request may be sent again.
    NotRecorded,
    /// Money may have moved: ask for the outcome, or send the same request with the same key. Never with another.
    Unknown,
}

impl Problem {
    fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:casino-ledger:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            outcome: Conclusion::Invalid,
            rejection: None,
            balances: Vec::new(),
            replayed: false,
            ask: None,
        }
    }

    /// A field of the request is wrong.
    pub fn invalid(field: &str, what: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The request is not valid",
            format!("{field}: {what}"),
        )
    }

    /// The operation has no key.
    pub(crate) fn key_missing() -> Self {
        let detail = "send a requestId in the body, or the header Idempotency-Key";
        Self::new(StatusCode::BAD_REQUEST, "idempotency_key_missing", "The operation has no key", detail)
    }

    /// No key that is known was shown.
    pub(crate) fn unauthorised() -> Self {
        let detail = "send a key that is known, as Authorization: Bearer";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorised", "Who calls is not known", detail)
    }

    /// The caller may not do that.
    pub(crate) fn forbidden(role: Role) -> Self {
        let detail = format!("a key of the role {} may not do this", role.as_str());
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The caller may not do this", detail)
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing", what)
    }

    /// What was quoted is not so any more.
    pub(crate) fn quote_changed(detail: String) -> Self {
        let title = "The quote is not true any more";
        Self {
            outcome: Conclusion::Refused,
            ..Self::new(StatusCode::CONFLICT, "quote_changed", title, detail)
        }
    }

    /// The body is too long, of another type or not readable.
    pub(crate) fn body(status: StatusCode, detail: &str) -> Self {
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "not_json",
            _ => "invalid_request",
        };
        Self::new(status, code, "The request is not valid", detail)
    }

    /// There is no such path, or no such method on it.
    pub(crate) fn path(status: StatusCode) -> Self {
        match status {
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(status, "method_not_allowed", "The path does not take this method", "see /docs")
            }
            _ => Self::new(status, "not_found", "There is no such path", "see /docs"),
        }
    }

    /// The caller calls too often.
    pub(crate) fn too_often() -> Self {
        let detail = "send it again later; nothing of it was looked at";
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self {
            outcome: Conclusion::NotRecorded,
            ..Self::new(status, "rate_limited", "Too many requests of one caller", detail)
        }
    }

    /// The request took too long. Whether anything was recorded is not known.
    pub(crate) fn timeout() -> Self {
        let detail = "send the same request again with the same key, or ask for its outcome";
        let problem = Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "The request took too long", detail);
        Self { outcome: Conclusion::Unknown, ..problem }
    }

    /// A fault of the server. The log has it; the caller does not need it.
    pub(crate) fn internal() -> Self {
        let detail = "it was logged under the trace of this request";
        let problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The server failed", detail);
        Self { outcome: Conclusion::Unknown, ..problem }
    }

    pub(super) fn unavailable(code: &str, detail: String) -> Self {
        let title = "The ledger cannot serve now";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, title, detail);
        Self { outcome: Conclusion::NotRecorded, ..problem }
    }

    fn refused(refusal: &Refusal) -> Self {
        let rejection = &refusal.rejection;
        let problem =
            Self::new(status_of(rejection), rejection.code(), "The rules refuse", rejection.to_string());
        Self {
            outcome: if rejection.is_malformed() { Conclusion::Invalid } else { Conclusion::Refused },
            rejection: serde_json::to_value(rejection).ok(),
            balances: refusal.balances.iter().map(Balance::of).collect(),
            replayed: refusal.replayed,
            ..problem
        }
    }
}

/// The status of a refusal: what is wrong with the request, what is not there, what contradicts, what is forbidden to
/// this player, and what cannot be done as things stand.
pub fn status_of(rejection: &Rejection) -> StatusCode {
    match rejection {
        Rejection::PlayerUnknown | Rejection::PaymentNotFound { .. } | Rejection::BetNotFound { .. } => {
            StatusCode::NOT_FOUND
        }
        Rejection::InvalidAmount { .. }
        | Rejection::Precision { .. }
        | Rejection::CurrencyUnknown { .. }
        | Rejection::ZoneUnknown { .. }
        | Rejection::DocumentInvalid { .. } => StatusCode::BAD_REQUEST,
        Rejection::KeyReused
        | Rejection::PartlyKnown { .. }
        | Rejection::TxnCancelled
        | Rejection::RoundClosed { .. }
        | Rejection::AlreadySettled { .. }
        | Rejection::AlreadyRolledBack { .. } => StatusCode::CONFLICT,
        Rejection::PlayerClosed
        | Rejection::PlayerExcluded { .. }
        | Rejection::PlayerBlocked { .. }
        | Rejection::SourceClosed { .. }
        | Rejection::GameNotAllowed { .. } => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Rejected(refusal) => Self::refused(&refusal),
            ExecuteError::Overloaded { .. } => Self::unavailable("overloaded", error.to_string()),
            ExecuteError::Unavailable { .. } | ExecuteError::Closed => {
                Self::unavailable("unavailable", error.to_string())
            }
            ExecuteError::ClockSuspect(_) => Self::unavailable("clock_suspect", error.to_string()),
            ExecuteError::Indeterminate { ref key } => {
                let ask = json!({"source": key.source, "kind": key.kind, "id": key.id});
                let title = "Whether it was recorded is not known";
                let problem =
                    Self::new(StatusCode::GATEWAY_TIMEOUT, "outcome_unknown", title, error.to_string());
                Self { outcome: Conclusion::Unknown, ask: Some(ask), ..problem }
            }
            ExecuteError::Id(_) => Self::invalid("an id", &error.to_string()),
            error => {
                tracing::error!(%error, "a command could not be decided");
                Self::internal()
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the store could not answer");
        Self::unavailable("unavailable", "the store cannot answer now".to_owned())
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        tracing::warn!(%error, "a view could not answer");
        Self::unavailable("view_unavailable", "the view cannot answer now".to_owned())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"casino\""));
            }
            _ => {}
        }
        response
    }
}
