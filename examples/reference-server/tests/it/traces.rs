//! Traces: a collector sees the span of a callback in the caller's trace, which the audit trail has too.

use axum::Router;
use axum::body::Bytes;
use axum::http::Method;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use reference_server::Config;
use reference_server::config::DialectName;
use reference_server::demo::{self, CASHIER_KEY, OFFICE_KEY, SECOND_OFFICE_KEY};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::gateway::sign::signed_form;
use crate::process::{program, started, terminate};
use crate::site::Site;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_sees_the_span_of_a_callback() {
    // A collector.
    let (send, mut sent) = mpsc::unbounded_channel();
    let take = move |body: Bytes| {
        send.send(ExportTraceServiceRequest::decode(body).unwrap()).unwrap();
        async { ExportTraceServiceResponse::default().encode_to_vec() }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let collector =
        tokio::spawn(
            async move { axum::serve(listener, Router::new().route("/v1/traces", post(take))).await },
        );
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--data", data]).env("CASINO_SERVER_OTLP_ENDPOINT", endpoint);
    let (process, http) = tokio::task::spawn_blocking(move || started(&mut command)).await.unwrap();

    let parameters =
        [("userId", "alice"), ("reference", "a1"), ("roundId", "R"), ("amount", "5.00"), ("providerId", "x")];
    let form = signed_form(&parameters, &demo::secret_of(DialectName::Pragmatic));
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("traceparent", &*parent)];
    let path = "/rgs/provider/pragmatic/callback/adjustment.html";
    let answer = http.send(Method::POST, path, &headers, form).await;
    assert_eq!((answer.status, &answer.json()["error"]), (200, &json!(0)), "{}", answer.text());
    assert_eq!(answer.headers["x-trace-id"], TRACE);
    // Who names no trace is in that of his span.
    let own =
        http.send(Method::GET, "/livez", &[], "").await.headers["x-trace-id"].to_str().unwrap().to_owned();
    let (status, trail) =
        http.ask(Method::GET, OFFICE_KEY, "/audit?player=alice&limit=1", &Value::Null).await;
    assert_eq!((status, &trail["records"][0]["trace"]), (200, &json!(TRACE)), "{trail}");
    assert_eq!(trail["records"][0]["reason"], "adjustment", "{trail}");
    // What was not sent yet is sent at the end.
    assert!(tokio::task::spawn_blocking(move || terminate(process)).await.unwrap(), "it ends by itself");
    collector.abort();
    let mut spans = Vec::new();
    while let Ok(batch) = sent.try_recv() {
        spans.extend(batch.resource_spans);
    }
    let services: Vec<_> = spans.iter().flat_map(|of| &of.resource.as_ref().unwrap().attributes).collect();
    assert!(services.iter().any(|of| of.key == "service.name"), "{services:?}");
    let spans: Vec<_> = spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans).collect();
    let of_callback: Vec<_> = spans.iter().filter(|span| hex::encode(&span.trace_id) == TRACE).collect();
    let [span] = of_callback.as_slice() else { panic!("{spans:?}") };
    assert_eq!(hex::encode(&span.parent_span_id), PARENT);
    assert_eq!(span.name, "POST /rgs/provider/{id}/callback/{*call}");
    assert_eq!(span.kind(), SpanKind::Server);
    assert!(spans.iter().any(|span| hex::encode(&span.trace_id) == own && span.parent_span_id.is_empty()));
    let told = format!("{spans:?}");
    assert!(told.contains("http.response.status_code") && !told.contains("alice"), "{told}");
}

/// A collector that is not there holds nothing up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let mut command = program();
    command.args(["--listen", "127.0.0.1:0", "--data", data]).env("CASINO_SERVER_OTLP_ENDPOINT", endpoint);
    let (process, http) = tokio::task::spawn_blocking(move || started(&mut command)).await.unwrap();
    assert_eq!(http.send(Method::GET, "/livez", &[], "").await.status, 200);
    assert!(tokio::task::spawn_blocking(move || terminate(process)).await.unwrap(), "it ends by itself");
    let wrong = Config { otlp_endpoint: Some("collector:4318".to_owned()), ..demo::config() };
    assert!(wrong.check().unwrap_err().to_string().contains("otlp_endpoint: write http://host:port"));
}

/// Who did what is the office's to read, in pages, by player or by person.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_trail_is_read_in_pages() {
    let site = Site::start().await;
    site.player("p", "900.00", "EUR").await;
    for n in 0..3 {
        let out = json!({"requestId": format!("w{n}"), "playerId": "p", "destination": "iban",
            "amount": {"amount": "80.00", "currency": "EUR"}});
        let (status, answer) = site.post(CASHIER_KEY, "/withdrawals", out).await;
        assert_eq!(status, 200, "{answer}");
        let path = format!("/players/p/withdrawals/cashier/w{n}/approve");
        let key = if n == 1 { SECOND_OFFICE_KEY } else { OFFICE_KEY };
        let (status, answer) = site.post(key, &path, json!({"requestId": format!("y{n}")})).await;
        assert_eq!(status, 200, "{answer}");
    }
    let (mut at, mut seen) = ("/audit?player=p&limit=2".to_owned(), Vec::new());
    loop {
        let (status, page) = site.get(OFFICE_KEY, &at).await;
        assert_eq!(status, 200, "{page}");
        for record in page["records"].as_array().unwrap() {
            seen.push(record["actor"].as_str().unwrap().to_owned());
        }
        match page["next"].as_str() {
            Some(next) => at = format!("/audit?player=p&limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["anna.operator", "ben.operator", "anna.operator"]);
    let (_, of_ben) = site.get(OFFICE_KEY, "/audit?actor=ben.operator").await;
    assert_eq!(of_ben["records"].as_array().unwrap().len(), 1, "{of_ben}");
    assert_eq!(site.get(CASHIER_KEY, "/audit").await.0, 403);
    for wrong in ["?after=x", "?player=p&actor=a", "?from=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z"] {
        assert_eq!(site.get(OFFICE_KEY, &format!("/audit{wrong}")).await.0, 400, "{wrong}");
    }
    site.end().await;
}
