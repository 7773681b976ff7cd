//! The server: routes, what stands around every request, and its beginning and end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::{Listener, ListenerExt as _};
use casino_ledger::core::TraceId;
use opentelemetry::trace::Status;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::api::{self, Problem, auth};
use crate::casino::Casino;
use crate::config::Checked;
use crate::limits::{Limits, Who};
use crate::tls::TlsListener;
use crate::{demo, pages, telemetry};

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    /// Where.
    pub address: SocketAddr,
    /// What it serves.
    pub casino: Arc<Casino>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    upkeep: JoinHandle<()>,
}

impl Server {
    /// Opens the casino and listens.
    ///
    /// # Errors
    ///
    /// If the ledger or a view cannot be opened, or the address is taken.
    pub async fn start(checked: Checked) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(checked.listen).await?;
        let address = listener.local_addr()?;
        let casino = Casino::open(checked).await?;
        if casino.checked.config.demo {
            demo::fill(&casino).await?;
        }
        let (stop, stopped) = watch::channel(false);
        let app = app(Arc::clone(&casino), stopped.clone());
        let tls = casino.checked.tls.clone();
        let serving = tokio::spawn(async move {
            match tls {
                None => serve(listener, app, stopped).await,
                Some(tls) => serve(TlsListener::new(listener, tls)?, app, stopped).await,
            }
        });
        let upkeep = tokio::spawn(upkeep(Arc::clone(&casino)));
        Ok(Self { address, casino, stop, serving, upkeep })
    }

    /// Where, as a browser writes it.
    pub fn base(&self) -> String {
        let scheme = if self.casino.checked.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Takes no new connections, answers what is under way, and closes the ledger.
    ///
    /// # Errors
    ///
    /// If the end of the ledger could not be written.
    pub async fn stop(self) -> anyhow::Result<()> {
        let limit = Duration::from_millis(self.casino.checked.config.shutdown_ms);
        let _ = self.stop.send(true);
        self.upkeep.abort();
        let mut serving = self.serving;
        if tokio::time::timeout(limit, &mut serving).await.is_err() {
            tracing::warn!("some requests did not end in time");
            serving.abort();
        }
        self.casino.close(limit).await
    }
}

/// Tidies figures up, and takes in games that another server of the same ledger imported.
async fn upkeep(casino: Arc<Casino>) {
    let mut pace = tokio::time::interval(Duration::from_secs(5));
    loop {
        pace.tick().await;
        crate::metrics::upkeep();
        if let Err(error) = casino.refresh_games().await {
            tracing::warn!(%error, "the games cannot be looked at");
        }
    }
}

/// Serves what a listener takes, until told to stop.
async fn serve<L: Listener<Addr = SocketAddr>>(
    listener: L,
    app: Router,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let ended = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    // Whatever it does with a connection, what it gives on tells the address.
    axum::serve(listener.tap_io(|_| {}), app).with_graceful_shutdown(ended).await
}

/// All routes, with what stands around them.
fn app(casino: Arc<Casino>, stopped: watch::Receiver<bool>) -> Router {
    let limit = casino.checked.config.body_bytes_max;
    let unknown = || async { Problem::path(StatusCode::NOT_FOUND) };
    // The same calls for gRPC, whose requests had what stands around them already.
    let json = api::routes().fallback(unknown).layer(DefaultBodyLimit::max(limit));
    let grpc = crate::grpc::routes(&json.with_state(Arc::clone(&casino)), &casino.checked.config);
    let routes = Router::new()
        .merge(api::routes())
        .merge(grpc)
        .merge(pages::routes())
        .merge(crate::gateway::routes())
        .route("/metrics", get(crate::metrics::metrics))
        .fallback(unknown)
        .method_not_allowed_fallback(|| async { Problem::path(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(DefaultBodyLimit::max(limit));
    with_around(routes, casino, stopped)
}

/// Routes with what stands around them. A panic is caught within, so that it is logged, counted and answered as any other
/// fault is.
fn with_around(routes: Router<Arc<Casino>>, casino: Arc<Casino>, stopped: watch::Receiver<bool>) -> Router {
    let limits = Arc::new(Limits::new(casino.checked.config.requests_per_second));
    let outer = Around { casino: Arc::clone(&casino), stopped, limits };
    routes
        .layer(CatchPanicLayer::custom(|_| Problem::internal().into_response()))
        .layer(from_fn_with_state(outer, around))
        .with_state(casino)
}

#[derive(Clone)]
struct Around {
    casino: Arc<Casino>,
    stopped: watch::Receiver<bool>,
    limits: Arc<Limits>,
}

/// Around every request: its trace, a limit of time, security headers, a line in the log without personal data, and its
/// figures.
async fn around(
    State(around): State<Around>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let is_grpc = crate::grpc::is_grpc(request.headers());
    let name = format!("{method} {path}");
    let span =
        tracing::info_span!("request", otel.name = name, otel.kind = "server", %method, path, trace = Empty);
    let trace = telemetry::trace_of(&span, request.headers());
    span.record("trace", &trace);
    span.set_attribute("http.request.method", method.to_string());
    span.set_attribute("http.route", path.clone());
    if let Ok(trace) = TraceId::new(&trace) {
        request.extensions_mut().insert(trace);
    }
    if !is_admitted(&around, address, &path, &mut request, begun) {
        crate::metrics::request(&path, StatusCode::TOO_MANY_REQUESTS, begun.elapsed());
        let problem = Problem::too_often();
        let refusal = if is_grpc { crate::grpc::refusal(&problem) } else { problem.into_response() };
        return dressed(refusal, &trace, around.stopped);
    }
    // A call of gRPC has the deadline of its caller, and answers as its protocol does when that is over.
    let limit = if is_grpc { Duration::MAX } else { around.casino.checked.config.request_timeout() };
    let answered = tokio::time::timeout(limit, next.run(request)).instrument(span.clone()).await;
    let response = answered.unwrap_or_else(|_| Problem::timeout().into_response());
    let status = response.status();
    span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.set_status(Status::error(status.as_str().to_owned()));
    }
    let took = begun.elapsed();
    tracing::info!(parent: &span, status = status.as_u16(), micros = took.as_micros(), "answered");
    crate::metrics::request(&path, status, took);
    dressed(response, &trace, around.stopped)
}

/// Whether a request is within the limit of its caller. Calls of providers are not counted: they are signed, and behind a
/// proxy all of them come from one address.
fn is_admitted(around: &Around, from: SocketAddr, path: &str, request: &mut Request, now: Instant) -> bool {
    if around.limits.are_off() || path.starts_with(crate::gateway::PATH) {
        return true;
    }
    let known = auth::Known::of(&around.casino, request.headers());
    let who = known.0.as_ref().map_or(Who::Address(from.ip()), |key| Who::Key(key.actor.to_string()));
    request.extensions_mut().insert(known);
    around.limits.admit(who, now)
}

fn dressed(response: Response, trace: &str, stopped: watch::Receiver<bool>) -> Response {
    let is_stream = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let mut response = if is_stream { until_stopped(response, stopped) } else { response };
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(trace) {
        headers.insert("x-trace-id", value);
    }
    response
}

/// A stream that ends when the server is told to stop: it would keep it from ending otherwise.
fn until_stopped(response: Response, mut stopped: watch::Receiver<bool>) -> Response {
    use futures_util::StreamExt as _;
    let (parts, body) = response.into_parts();
    let ended = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let stream = body.into_data_stream().take_until(Box::pin(ended));
    Response::from_parts(parts, Body::from_stream(stream))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    async fn bad() -> StatusCode {
        panic!("a bug")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_is_answered_and_counted_as_any_fault_is() -> anyhow::Result<()> {
        crate::metrics::install();
        let folder = tempfile::tempdir()?;
        let config = crate::Config { data: folder.path().to_owned(), demo: false, ..demo::config() };
        let casino = Casino::open(config.check()?).await?;
        let (stop, stopped) = watch::channel(false);
        let app = with_around(Router::new().route("/bad", get(bad)), Arc::clone(&casino), stopped);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await });
        let asked = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(b"GET /bad HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")?;
            let mut told = String::new();
            stream.read_to_string(&mut told).map(|_| told)
        });
        let told = asked.await??;
        assert!(told.starts_with("HTTP/1.1 500") && told.contains("\"internal\""), "{told}");
        assert!(told.contains("x-trace-id: ") && told.contains("x-content-type-options: nosniff"), "{told}");
        let figures = crate::metrics::rendered();
        let is_counted = |line: &str| {
            line.starts_with("casino_http_request_seconds_count")
                && line.contains("path=\"/bad\"")
                && line.contains("status=\"500\"")
        };
        assert!(figures.lines().any(is_counted), "{figures}");
        drop(stop);
        serving.abort();
        casino.close(Duration::from_secs(10)).await
    }
}
