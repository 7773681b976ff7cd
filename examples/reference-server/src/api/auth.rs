//! Who calls, and what he may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use casino_ledger::core::{ActorId, Context, SourceId, TraceId, TransactionId};

use super::problem::Problem;
use crate::casino::Casino;
use crate::config::{ApiKey, Role};

/// A caller who showed a key.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who it is.
    pub actor: ActorId,
    /// What he may do.
    pub role: Role,
    /// The source of his commands.
    pub source: SourceId,
    /// The trace of his request.
    pub trace: TraceId,
    key: Option<String>,
}

/// The key in the `Authorization` header: as a bearer token, or, for browsers, as the password of Basic.
fn shown(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        return pair.split_once(':').map(|(_, password)| password.to_owned());
    }
    None
}

/// The key that a request shows, if it is known. Where it was looked for already, it is among the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct Known(pub(crate) Option<ApiKey>);

impl Known {
    pub(crate) fn of(casino: &Casino, headers: &HeaderMap) -> Self {
        let key = shown(headers);
        Self(key.and_then(|key| ApiKey::find(&casino.checked.keys, &key).cloned()))
    }
}

impl FromRequestParts<Arc<Casino>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, casino: &Arc<Casino>) -> Result<Self, Problem> {
        let trace = match parts.extensions.get::<TraceId>() {
            Some(trace) => trace.clone(),
            None => return Err(Problem::internal()),
        };
        let known = parts.extensions.remove::<Known>();
        let Known(key) = known.unwrap_or_else(|| Known::of(casino, &parts.headers));
        let ApiKey { actor, role, source, .. } = key.ok_or_else(Problem::unauthorised)?;
        let key = match parts.headers.get("idempotency-key") {
            Some(value) => Some(
                value.to_str().map_err(|_| Problem::invalid("Idempotency-Key", "is no text"))?.to_owned(),
            ),
            None => None,
        };
        Ok(Self { actor, role, source, trace, key })
    }
}

impl Caller {
    /// That the caller has one of some roles.
    ///
    /// # Errors
    ///
    /// [`Problem`] `forbidden`.
    pub fn must_be(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.contains(&self.role) { Ok(()) } else { Err(Problem::forbidden(self.role)) }
    }

    /// The id of the operation: the `Idempotency-Key` header, or the `requestId` of the body. If both are there they
    /// must be the same.
    ///
    /// # Errors
    ///
    /// [`Problem`] `idempotency_key_missing`, or `invalid_request`.
    pub fn id(&self, request_id: Option<&str>) -> Result<TransactionId, Problem> {
        let id = match (self.key.as_deref(), request_id) {
            (Some(key), Some(id)) if key != id => {
                return Err(Problem::invalid("requestId", "is not the Idempotency-Key"));
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => return Err(Problem::key_missing()),
        };
        TransactionId::new(id).map_err(|error| Problem::invalid("requestId", &error.to_string()))
    }

    /// The context of his commands.
    pub fn context(&self) -> Context {
        Context { trace: Some(self.trace.clone()), ..Context::of(self.actor.clone()) }
    }
}
