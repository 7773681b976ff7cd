//! What a problem is as a status of gRPC.

use axum::http::StatusCode;
use axum::response::Response;
use prost_reflect::prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::Value;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::pb;

use super::{POOL, PROBLEM, call};
use crate::api::Problem;

/// The code of a status. Who may send the same call again at once is told `UNAVAILABLE` or `RESOURCE_EXHAUSTED`, and nobody else.
fn code(status: u16) -> Code {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::PAYLOAD_TOO_LARGE) => {
            Code::InvalidArgument
        }
        Ok(StatusCode::UNAUTHORIZED) => Code::Unauthenticated,
        Ok(StatusCode::FORBIDDEN) => Code::PermissionDenied,
        Ok(StatusCode::NOT_FOUND) => Code::NotFound,
        Ok(StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY) => Code::FailedPrecondition,
        Ok(StatusCode::TOO_MANY_REQUESTS) => Code::ResourceExhausted,
        Ok(StatusCode::SERVICE_UNAVAILABLE) => Code::Unavailable,
        Ok(StatusCode::GATEWAY_TIMEOUT) => Code::DeadlineExceeded,
        Ok(StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) => Code::Unimplemented,
        _ => Code::Internal,
    }
}

/// The status of a problem as JSON tells it.
pub(super) fn of(status: StatusCode, problem: &Value) -> Status {
    let text = |field: &str| problem.get(field).and_then(Value::as_str).unwrap_or_default();
    let code = code(status.as_u16());
    let mut metadata = MetadataMap::new();
    if let Ok(stable) = text("code").parse() {
        metadata.insert("problem-code", stable);
    }
    let message = text("detail").to_owned();
    let details = details(code, &message, problem);
    Status::with_details_and_metadata(code, message, details.into(), metadata)
}

fn details(code: Code, message: &str, problem: &Value) -> Vec<u8> {
    let described = POOL.get_message_by_name(PROBLEM);
    let told = described.and_then(|described| call::message(described, problem).ok());
    let any = |told: DynamicMessage| {
        let type_url = format!("type.googleapis.com/{PROBLEM}");
        let details = vec![prost_types::Any { type_url, value: told.encode_to_vec() }];
        pb::Status { code: code.into(), message: message.to_owned(), details }
    };
    told.map(any).unwrap_or_default().encode_to_vec()
}

/// A problem that was met before the call was looked at.
pub(crate) fn refusal(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let told = serde_json::to_value(problem).unwrap_or_default();
    of(status, &told).into_http()
}

/// How messages become JSON: with 64 bits as numbers, and with what has its default value.
pub(super) fn options() -> SerializeOptions {
    SerializeOptions::new().stringify_64_bit_integers(false).skip_default_fields(false)
}
