//! Traces as OpenTelemetry has them: each request is a span, in the trace that its caller names, and goes to a collector
//! over OTLP where one is set. The same trace stands in the commits of the request.

use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// The name of the service in its traces.
const SERVICE: &str = "casino-reference-server";

/// What of a collector's address is the path of traces.
const TRACES: &str = "/v1/traces";

/// How long the collector may take to answer.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// The most of its answer that is read.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Where spans are sent, as a setting has it: `http://` and what listens there.
///
/// # Errors
///
/// What is wrong with it.
pub fn endpoint(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    if uri.scheme_str() != Some("http") || uri.host().is_none() || uri.query().is_some() {
        return Err("write http://host:port, the address of a collector beside the server".to_owned());
    }
    Ok(format!("{}{TRACES}", text.trim_end_matches('/')))
}

/// What sends spans to a collector.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts to send to an [`endpoint`]. Spans are sent in batches on a thread of their own; while the collector is away they
    /// are dropped, and nobody waits for it.
    ///
    /// # Errors
    ///
    /// If the exporter cannot be built.
    pub fn start(endpoint: &str) -> anyhow::Result<Self> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let sender = Sender { client, runtime: Handle::current() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(sender)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .with_timeout(SEND_LIMIT)
            .build()?;
        let resource = Resource::builder().with_service_name(SERVICE).build();
        let provider =
            SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
        Ok(Self { provider })
    }

    /// What makes the spans of a subscriber those that are sent.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        let tracer = self.provider.tracer(SERVICE);
        let layer = tracing_opentelemetry::layer().with_tracer(tracer);
        layer.with_location(false).with_threads(false).with_filter(LevelFilter::INFO)
    }

    /// Sends what is left.
    pub async fn stop(self, limit: Duration) {
        // It waits for the thread that sends, which needs this runtime.
        let stopped = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(limit)).await;
        if let Ok(Err(error)) = stopped {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Sends on this runtime what the thread of the exporter asks for.
#[derive(Debug)]
struct Sender {
    client: Client<HttpConnector, Full<Bytes>>,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let answered = async move {
            let (parts, body) = client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        // The limit of time is made there too: it needs the clock of that runtime.
        let sent = self.runtime.spawn(async move { tokio::time::timeout(SEND_LIMIT, answered).await });
        sent.await??
    }
}

/// The trace of a request: that of its `traceparent` (W3C Trace Context), which its span becomes a part of; or that of its
/// span, where spans are sent; or a new one.
pub(crate) fn trace_of(span: &Span, headers: &HeaderMap) -> String {
    let given = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    let of_caller = given.span().span_context().clone();
    if of_caller.is_valid() {
        // Nobody listens to spans, or this is the parent from here on.
        let _ = span.set_parent(given);
        return of_caller.trace_id().to_string();
    }
    let own = span.context().span().span_context().clone();
    if own.is_valid() { own.trace_id().to_string() } else { uuid::Uuid::new_v4().simple().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(traceparent: &str) -> Result<String, Box<dyn std::error::Error>> {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", traceparent.parse()?);
        Ok(trace_of(&Span::none(), &headers))
    }

    #[test]
    fn a_trace_is_the_callers_or_a_new_one() -> Result<(), Box<dyn std::error::Error>> {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for given in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-new",
        ] {
            assert_eq!(traced(given)?, trace);
        }
        for wrong in [
            "",
            trace,
            "00-4bf92f3577b34da6a3ce929d0e0e4736",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            let new = traced(wrong)?;
            assert!(new != trace && new.len() == 32, "{wrong}: {new}");
            assert_ne!(traced(wrong)?, new);
        }
        Ok(())
    }

    #[test]
    fn an_endpoint_is_the_address_of_a_collector() {
        for given in ["http://127.0.0.1:4318", "http://collector:4318/"] {
            assert!(endpoint(given).is_ok_and(|to| to.ends_with(":4318/v1/traces")), "{given}");
        }
        for wrong in ["", "collector", "127.0.0.1:4318", "https://collector:4318", "http://", "http://c/?x=1"]
        {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
    }
}
