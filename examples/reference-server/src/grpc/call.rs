//! One call: from a message to the call of the JSON API that does the work, and back.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use casino_ledger::core::TraceId;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};
use tonic::Status;
use tower::{Service, ServiceExt as _};

use super::{Method, deadline, status};
use crate::api::Problem;
use crate::api::auth::Known;

/// The metadata that the JSON API reads as headers.
const PASSED_ON: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-approval-key"),
    HeaderName::from_static("traceparent"),
];
/// The most that an answer of the JSON API has.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A call of the API.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    json: Router,
    limit: Duration,
}

impl Service<tonic::Request<DynamicMessage>> for Call {
    type Response = tonic::Response<DynamicMessage>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<DynamicMessage>) -> Self::Future {
        let call = self.clone();
        Box::pin(async move {
            let (metadata, extensions, message) = request.into_parts();
            let headers = metadata.into_headers();
            let limit = deadline::of(&headers).map_or(call.limit, |deadline| deadline.min(call.limit));
            let answered = call.answered(&headers, &extensions, &message);
            match tokio::time::timeout(limit, answered).await {
                Ok(answer) => answer.map(tonic::Response::new),
                Err(_) => Err(status_of(&Problem::timeout())),
            }
        })
    }
}

fn status_of(problem: &Problem) -> Status {
    let code = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    status::of(code, &serde_json::to_value(problem).unwrap_or_default())
}

/// A message of JSON. Fields that it does not have are left out.
pub(super) fn message(
    described: MessageDescriptor,
    json: &Value,
) -> Result<DynamicMessage, serde_json::Error> {
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    DynamicMessage::deserialize_with_options(described, json, &options)
}

impl Call {
    pub(super) fn new(method: Method, json: Router, limit: Duration) -> Self {
        Self { method, json, limit }
    }

    async fn answered(
        &self,
        headers: &HeaderMap,
        extensions: &Extensions,
        asked: &DynamicMessage,
    ) -> Result<DynamicMessage, Status> {
        let mut request = self.request(asked).map_err(|problem| status_of(&problem))?;
        for name in &PASSED_ON {
            if let Some(value) = headers.get(name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        // What was found out about the request already.
        if let Some(trace) = extensions.get::<TraceId>() {
            request.extensions_mut().insert(trace.clone());
        }
        if let Some(known) = extensions.get::<Known>() {
            request.extensions_mut().insert(known.clone());
        }
        // A router answers whatever happens.
        let Ok(response) = self.json.clone().oneshot(request).await;
        let code = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), ANSWER_BYTES_MAX).await;
        let told: Option<Value> = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(told) = told else { return Err(status_of(&Problem::internal())) };
        if !code.is_success() {
            return Err(status::of(code, &told));
        }
        message(self.method.answer.clone(), &told).map_err(|error| {
            tracing::error!(%error, path = self.method.path, "an answer is not what its description says");
            status_of(&Problem::internal())
        })
    }

    /// The same request of the JSON API.
    fn request(&self, asked: &DynamicMessage) -> Result<Request<Body>, Problem> {
        let told = asked.serialize_with_options(serde_json::value::Serializer, &status::options());
        let Ok(Value::Object(mut fields)) = told else { return Err(Problem::internal()) };
        let path = path(&self.method.template, &mut fields)?;
        let request = Request::builder().method(self.method.verb.clone());
        let request = if self.method.verb == axum::http::Method::GET {
            request.uri(format!("{path}?{}", query(fields))).body(Body::empty())
        } else {
            let json = HeaderValue::from_static("application/json");
            request.uri(path).header(CONTENT_TYPE, json).body(Body::from(Value::Object(fields).to_string()))
        };
        request.map_err(|error| Problem::invalid("the request", &error.to_string()))
    }
}

/// The path of a template, with fields of the request in place of what is in braces.
fn path(template: &str, fields: &mut Map<String, Value>) -> Result<String, Problem> {
    let mut path = String::new();
    for part in template.split('/').skip(1) {
        path.push('/');
        match part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            None => path.push_str(part),
            Some(name) => match fields.remove(name) {
                Some(Value::String(value)) if !value.is_empty() => {
                    path.extend(utf8_percent_encode(&value, NON_ALPHANUMERIC));
                }
                _ => return Err(Problem::invalid(name, "is missing")),
            },
        }
    }
    Ok(path)
}

fn query(fields: Map<String, Value>) -> String {
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let pairs: Vec<(String, String)> = fields.into_iter().map(|(name, value)| (name, text(value))).collect();
    serde_urlencoded::to_string(pairs).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_go_into_the_path_with_whatever_is_in_them() {
        let Value::Object(mut fields) = json!({"player": "a/b c?=%", "step": "approve", "psp": "x"}) else {
            panic!("an object")
        };
        let path = path("/players/{player}/{step}", &mut fields).unwrap();
        assert_eq!(path, "/players/a%2Fb%20c%3F%3D%25/approve");
        assert_eq!(Value::Object(fields.clone()), json!({"psp": "x"}));
        assert_eq!(super::path("/players/{player}", &mut fields).unwrap_err().code, "invalid_request");
    }
}
