//! Bodies and paths, with problems instead of plain texts where they are wrong.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use casino_ledger::Decimal;
use casino_ledger::core::{CurrencyCode, IdError, PlayerId};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A body of JSON. Unknown fields are ignored (S16).
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let detail = "send Content-Type: application/json";
            return Err(Problem::body(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| read_problem(&error))?;
        let value = serde_json::from_slice(&bytes);
        value.map(Self).map_err(|error| Problem::body(StatusCode::BAD_REQUEST, &error.to_string()))
    }
}

fn read_problem(error: &BytesRejection) -> Problem {
    Problem::body(error.status(), "the body is too long, or did not come whole")
}

/// The parts of a path.
#[derive(Debug)]
pub struct In<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for In<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|error| Problem::invalid("the path", &error.body_text()))
    }
}

/// The query of a request.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|error| Problem::invalid("the query", &error.body_text()))
    }
}

/// An identifier of a field.
///
/// # Errors
///
/// [`Problem`] `invalid_request` with the field.
pub fn id<T>(field: &str, text: &str, new: impl FnOnce(&str) -> Result<T, IdError>) -> Result<T, Problem> {
    new(text).map_err(|error| Problem::invalid(field, &error.to_string()))
}

/// A player of a field or a path.
///
/// # Errors
///
/// [`Problem`] `invalid_request`.
pub fn player(text: &str) -> Result<PlayerId, Problem> {
    id("playerId", text, |text| PlayerId::new(text))
}

/// An amount of a field, exactly as it was written.
///
/// # Errors
///
/// [`Problem`] `invalid_request` with the field.
pub fn amount(field: &str, text: &str) -> Result<Decimal, Problem> {
    decimal(text).ok_or_else(|| Problem::invalid(field, "write an amount such as \"10.00\""))
}

/// A decimal exactly as it was written: without exponent or plus sign, which are no amounts.
pub fn decimal(text: &str) -> Option<Decimal> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'-');
    is_plain.then(|| Decimal::from_str_exact(text).ok()).flatten()
}

/// A currency of a field.
///
/// # Errors
///
/// [`Problem`] `invalid_request` with the field.
pub fn currency(field: &str, text: &str) -> Result<CurrencyCode, Problem> {
    text.parse().map_err(|_| Problem::invalid(field, "is no code of a currency"))
}

/// A word of a field, as the ledger writes it.
///
/// # Errors
///
/// [`Problem`] `invalid_request` with the field.
pub fn word<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, Problem> {
    let value = serde_json::Value::String(text.to_owned());
    serde_json::from_value(value).map_err(|error| Problem::invalid(field, &error.to_string()))
}
