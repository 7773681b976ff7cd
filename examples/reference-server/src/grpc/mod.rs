//! The API over gRPC: `proto/casino.proto` says for each call which call of the JSON API does the work, so both do the
//! same, under the same keys, and neither can know what the other does not.
//!
//! A request is read by its description, becomes the JSON of that call, and the answer comes back the same way. A refusal
//! becomes a status with the problem among its details.

mod call;
mod codec;
mod deadline;
mod status;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use axum::routing::post;
use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::casino::Casino;
use crate::config::Config;
use call::Call;
pub use codec::Dynamic;
pub(crate) use status::refusal;

/// The description of the API, as gRPC tools read it: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/casino.binpb"));

/// The name of the message in which a refusal tells the problem.
const PROBLEM: &str = "casino.v1.Problem";

/// The description, read; empty if it cannot be, which a test would find.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTION).unwrap_or_default());

/// A call of the API.
#[derive(Debug, Clone)]
pub struct Method {
    /// Its path: `/casino.v1.Play/PlaceBet`.
    pub path: String,
    /// The method of the call of the JSON API that does the work.
    pub verb: axum::http::Method,
    /// Its path there, with fields of the request in braces.
    pub template: String,
    /// What is sent.
    pub request: MessageDescriptor,
    /// What is answered.
    pub answer: MessageDescriptor,
}

/// All calls.
pub fn methods() -> Vec<Method> {
    let Some(http) = POOL.get_extension_by_name("casino.v1.http") else { return Vec::new() };
    let methods = POOL.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let method = |method: prost_reflect::MethodDescriptor| {
        let options = method.options();
        let does = options.get_extension(&http);
        let (verb, template) = does.as_str()?.split_once(' ')?;
        Some(Method {
            path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
            verb: verb.parse().ok()?,
            template: template.to_owned(),
            request: method.input(),
            answer: method.output(),
        })
    };
    methods.filter_map(method).collect()
}

/// The routes, whose work is done by routes of the JSON API.
pub(crate) fn routes(json: &Router, config: &Config) -> Router<Arc<Casino>> {
    let mut routes = Router::new();
    for method in methods() {
        let path = method.path.clone();
        let call = Call::new(method, json.clone(), config.request_timeout());
        let served = Served { call, bytes_max: config.body_bytes_max };
        routes = routes.route(&path, post(serve).with_state(served));
    }
    routes
}

#[derive(Debug, Clone)]
struct Served {
    call: Call,
    bytes_max: usize,
}

/// Whether a request speaks gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/grpc"))
}

async fn serve(State(served): State<Served>, request: Request) -> Response {
    if !is_grpc(request.headers()) {
        let problem = crate::api::Problem::body(
            axum::http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this path speaks gRPC: application/grpc",
        );
        return axum::response::IntoResponse::into_response(problem);
    }
    let codec = Dynamic::new(served.call.method.request.clone());
    let mut grpc = tonic::server::Grpc::new(codec).max_decoding_message_size(served.bytes_max);
    grpc.unary(served.call, request).await.map(Body::new)
}
