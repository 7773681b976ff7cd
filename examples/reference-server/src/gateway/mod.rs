//! The gateway for game providers: `POST /rgs/provider/{id}/callback`, with the protocol's own call name behind it where
//! it has several.
//!
//! Each protocol is a [`Dialect`]: what it signs, what its calls mean as commands of the ledger, and how it is told what
//! became of them. Everything that providers' contracts differ in beyond that is a switch of the configuration.

mod evolution;
mod exact;
mod gate;
mod gcp;
mod hmac;
mod hub88;
mod pateplay;
mod pragmatic;
mod sign;

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use casino_ledger::core::{Timestamp, TraceId};
use serde::Serialize;

use crate::api::Problem;
use crate::casino::Casino;
use crate::config::{DialectName, Provider};

pub use gate::{Gate, Launched, NotLaunched, Taken};

/// A call as it came, before anything of it is believed.
#[derive(Debug)]
pub struct Call {
    /// What stands behind `callback/` in the path; nothing for a protocol with one address.
    pub name: String,
    /// The query.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
    /// When it came.
    pub now: Timestamp,
}

impl Call {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why a call is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbelieved {
    /// It is not signed, or not by this provider's key.
    Signature,
    /// It is signed, and older or earlier than may be.
    Time,
}

/// What a provider is told.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body: JSON.
    pub body: String,
}

impl Reply {
    /// A reply of JSON.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(body) => Self { status, body },
            Err(_) => Self { status: StatusCode::INTERNAL_SERVER_ERROR, body: String::new() },
        }
    }

    /// A reply of JSON with the status 200, which most protocols have for refusals too.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

/// A protocol of providers.
#[async_trait]
pub trait Dialect: Send + Sync {
    /// Whether a call is its provider's: compared in constant time, on the bytes as they came, before anything is parsed.
    ///
    /// # Errors
    ///
    /// [`Unbelieved`].
    fn verify(&self, provider: &Provider, call: &Call) -> Result<(), Unbelieved>;

    /// How a call is answered that is not believed.
    fn unbelieved(&self, why: Unbelieved) -> Reply;

    /// Does what a call asks for.
    async fn perform(&self, gate: &Gate<'_>, call: &Call) -> Reply;
}

/// The protocol of a name.
pub fn dialect(name: DialectName) -> &'static dyn Dialect {
    match name {
        DialectName::Hmac => &hmac::Neutral,
        DialectName::Hub88 => &hub88::Hub88,
        DialectName::Gcp => &gcp::Gcp,
        DialectName::Pateplay => &pateplay::Pateplay,
        DialectName::Evolution => &evolution::Evolution,
        DialectName::Pragmatic => &pragmatic::Pragmatic,
    }
}

/// What the paths of all callbacks begin with.
pub const PATH: &str = "/rgs/provider/";

/// The routes of the gateway.
pub fn routes() -> Router<Arc<Casino>> {
    Router::new()
        .route("/rgs/provider/{id}/callback", post(callback))
        .route("/rgs/provider/{id}/callback/{*call}", post(callback))
}

/// A path with a provider, and perhaps the name of a call.
#[derive(Debug, serde::Deserialize)]
struct To {
    id: String,
    #[serde(default)]
    call: String,
}

async fn callback(
    State(casino): State<Arc<Casino>>,
    Path(to): Path<To>,
    RawQuery(query): RawQuery,
    axum::Extension(trace): axum::Extension<TraceId>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(provider) = casino.checked.providers.get(&to.id) else {
        return Problem::not_found("there is no such provider").into_response();
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            return Problem::body(error.status(), "the body is too long, or did not come whole")
                .into_response();
        }
    };
    let call = Call { name: to.call, query: query.unwrap_or_default(), headers, body, now: casino.now() };
    let dialect = dialect(provider.dialect);
    let reply = match dialect.verify(provider, &call) {
        Ok(()) => dialect.perform(&Gate::new(&casino, provider, trace), &call).await,
        Err(why) => {
            metrics::counter!("casino_callbacks_unbelieved_total", "provider" => provider.id.clone())
                .increment(1);
            tracing::warn!(provider = provider.id, ?why, "a call is not believed");
            dialect.unbelieved(why)
        }
    };
    reply.into_response()
}
