//! A server of its own for each test, and a client that speaks HTTP to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request};
use casino_ledger::core::{Amount, PlayerId};
use casino_ledger::projections::trial_balance::Detail;
use casino_ledger::verify;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reference_server::{Config, Server, demo};
use serde_json::{Value, json};

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }
}

/// Speaks HTTP to one address.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl Http {
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), address }
    }

    /// Where it speaks to.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status, headers, body })
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    /// A request with a key and a body of JSON; status and body of the answer.
    pub(crate) async fn ask(&self, method: Method, key: &str, path: &str, body: &Value) -> (u16, Value) {
        let key = format!("Bearer {key}");
        let headers = [("authorization", &*key), ("content-type", "application/json")];
        let answer = self.send(method, path, &headers, body.to_string()).await;
        (answer.status, answer.json())
    }
}

/// A server in a temporary folder.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) http: Http,
    folder: tempfile::TempDir,
}

/// The demo's configuration without its players, on a free port.
pub(crate) fn config(folder: &std::path::Path) -> Config {
    Config { demo: false, listen: "127.0.0.1:0".to_owned(), data: folder.to_owned(), ..demo::config() }
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_owned();
        let (store, schema) = tokio::task::spawn_blocking(move || crate::place(&here)).await.unwrap();
        let checked = change(Config { store, schema, ..config(folder.path()) }).check().unwrap();
        let server = Server::start(checked).await.unwrap();
        let http = Http::to(server.address);
        Self { server, http, folder }
    }

    pub(crate) async fn post(&self, key: &str, path: &str, body: Value) -> (u16, Value) {
        self.http.ask(Method::POST, key, path, &body).await
    }

    pub(crate) async fn put(&self, key: &str, path: &str, body: Value) -> (u16, Value) {
        self.http.ask(Method::PUT, key, path, &body).await
    }

    pub(crate) async fn get(&self, key: &str, path: &str) -> (u16, Value) {
        self.http.ask(Method::GET, key, path, &Value::Null).await
    }

    /// The figures, as Prometheus reads them.
    pub(crate) async fn figures(&self) -> String {
        let key = format!("Bearer {}", demo::MONITOR_KEY);
        let answer = self.http.send(Method::GET, "/metrics", &[("authorization", &key)], "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    }

    /// A player with a deposit.
    pub(crate) async fn player(&self, player: &str, amount: &str, currency: &str) {
        let body = json!({"playerId": player, "brand": "lucky"});
        let (status, answer) = self.post(demo::CASHIER_KEY, "/players", body).await;
        assert_eq!(status, 201, "{answer}");
        let money = json!({"amount": amount, "currency": currency});
        let body = json!({"requestId": format!("d-{player}"), "playerId": player, "amount": money});
        let (status, answer) = self.post(demo::CASHIER_KEY, "/deposits", body).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Every account of a player that is not empty, by its name and currency, over all rounds and withdrawals.
    pub(crate) async fn accounts(&self, player: &str) -> BTreeMap<String, String> {
        let player = PlayerId::new(player).unwrap();
        let casino = &self.server.casino;
        let reading = casino.ledger.player(&player).await.unwrap();
        let view = &casino.views.balances;
        view.at_least(reading.shard, reading.position, Duration::from_secs(10)).await.unwrap();
        let accounts = view.player(&player).await.unwrap().value.unwrap().accounts;
        let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
        for of in accounts {
            let name = format!("{} {}", of.account.code.name(), of.account.currency);
            let sum = sums.get(&name).copied().unwrap_or(Amount::zero(of.balance.scale()));
            sums.insert(name, sum.checked_add(of.balance).unwrap());
        }
        sums.into_iter().map(|(name, sum)| (name, sum.to_string())).collect()
    }

    /// Every account of the house that is not empty.
    pub(crate) async fn house(&self) -> BTreeMap<String, String> {
        let casino = &self.server.casino;
        let view = &casino.views.trial_balance;
        for (shard, head) in (0..).zip(casino.ledger.heads().await.unwrap()) {
            let shard = casino_ledger::store::Shard(shard);
            view.at_least(shard, head.position, Duration::from_secs(10)).await.unwrap();
        }
        let rows = view.rows(Detail::Account).await.unwrap().value;
        let of = |row: casino_ledger::projections::trial_balance::TrialRow| {
            let balance = row.balance()?;
            let name = format!("{} {}", row.account.code.name(), row.account.currency);
            (!name.starts_with("player:") && !balance.is_zero()).then(|| (name, balance.to_string()))
        };
        rows.into_iter().filter_map(of).collect()
    }

    /// Verifies the whole ledger, and ends the server.
    pub(crate) async fn end(self) {
        let store = self.server.casino.ledger.store();
        let verification = verify(store.as_ref()).await.unwrap();
        assert_eq!(verification.breaks, Vec::<String>::new());
        self.server.stop().await.unwrap();
        drop(self.folder);
    }
}

/// Accounts, as [`Site::accounts`] gives them.
pub(crate) fn accounts<const N: usize>(of: [(&str, &str); N]) -> BTreeMap<String, String> {
    of.into_iter().map(|(name, amount)| (name.to_owned(), amount.to_owned())).collect()
}
