//! The API over gRPC: the same calls, with the same answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::http::Method;
use prost_reflect::prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor,
    SerializeOptions,
};
use reference_server::api::docs;
use reference_server::demo::{CASHIER_KEY, OFFICE_KEY, PROVIDER_KEY};
use reference_server::grpc::{DESCRIPTION, Dynamic, methods};
use serde_json::{Map, Value, json};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::pb;

use crate::site::{Site, accounts};

/// Speaks gRPC to a server, with messages written as JSON.
#[derive(Clone)]
struct Grpc(Channel);

impl Grpc {
    async fn to(site: &Site) -> Self {
        Self(Channel::from_shared(site.http.base()).unwrap().connect().await.unwrap())
    }

    async fn send(
        &self,
        path: &str,
        mut request: Request<()>,
        key: &str,
        body: &Value,
    ) -> Result<Value, Status> {
        let method = methods().into_iter().find(|method| method.path == path).expect("a call");
        let strict = DeserializeOptions::new();
        let message =
            DynamicMessage::deserialize_with_options(method.request, body, &strict).expect("a message");
        request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        let request = request.map(|()| message);
        let mut client = tonic::client::Grpc::new(self.0.clone());
        client.ready().await.unwrap();
        let codec = Dynamic::new(method.answer);
        let answer = client.unary(request, path.parse().unwrap(), codec).await?.into_inner();
        let options = SerializeOptions::new().stringify_64_bit_integers(false).skip_default_fields(false);
        Ok(answer.serialize_with_options(serde_json::value::Serializer, &options).unwrap())
    }

    async fn call(&self, path: &str, key: &str, body: Value) -> Result<Value, Status> {
        self.send(&format!("/casino.v1.{path}"), Request::new(()), key, &body).await
    }
}

fn euro(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

fn bet(id: &str, round: &str, amount: &str) -> Value {
    json!({"requestId": id, "playerId": "p_123", "roundId": round, "gameId": "hmac:crash", "stake": euro(amount)})
}

/// The problem among the details of a status.
fn problem(status: &Status) -> Value {
    let details = pb::Status::decode(status.details()).unwrap();
    assert_eq!((details.code, &*details.message), (status.code().into(), status.message()));
    let [any] = details.details.as_slice() else { panic!("one detail: {status:?}") };
    assert_eq!(any.type_url, "type.googleapis.com/casino.v1.Problem");
    let pool = DescriptorPool::decode(DESCRIPTION).unwrap();
    let described = pool.get_message_by_name("casino.v1.Problem").unwrap();
    let problem = DynamicMessage::decode(described, &*any.value).unwrap();
    let problem =
        problem.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).unwrap();
    let code = status.metadata().get("problem-code").map(|code| code.to_str().unwrap().to_owned());
    assert_eq!(code.as_deref(), problem["code"].as_str(), "{problem}");
    problem
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_casino_is_played_over_grpc_and_every_account_is_right() {
    let site = Site::start().await;
    let grpc = Grpc::to(&site).await;
    let opened = grpc.call("Players/OpenPlayer", CASHIER_KEY, json!({"playerId": "p_123", "brand": "lucky"}));
    assert_eq!(opened.await.unwrap()["playerId"], "p_123");
    let deposit = json!({"requestId": "d1", "playerId": "p_123", "amount": euro("255.30")});
    let done = grpc.call("Cashier/RecordDeposit", CASHIER_KEY, deposit).await.unwrap();
    assert_eq!(done["balances"][0]["available"], "255.30", "{done}");

    let placed = grpc.call("Play/PlaceBet", PROVIDER_KEY, bet("9a7f-1", "r1", "10.00")).await.unwrap();
    let told =
        |placed: &Value| ["status", "betId", "balanceAfter", "hold"].map(|field| placed[field].clone());
    assert_eq!(told(&placed), ["ACCEPTED", "bet_9a7f-1", "245.30", "10.00"].map(Value::from));
    assert_eq!((&placed["replayed"], &placed["limits"]["maxBet"]), (&json!(false), &json!("1000.00")));
    // Over JSON the same request is the same bet.
    let (status, again) = site.post(PROVIDER_KEY, "/bets/place", bet("9a7f-1", "r1", "10.00")).await;
    assert_eq!((status, &again["replayed"]), (200, &json!(true)), "{again}");
    assert_eq!(again["recorded"], placed["recorded"]);

    let settle = json!({"requestId": "w1", "playerId": "p_123", "roundId": "r1", "payout": euro("36.00")});
    let settled = grpc.call("Play/SettleRound", PROVIDER_KEY, settle).await.unwrap();
    assert_eq!((&settled["status"], &settled["balanceAfter"]), (&json!("SETTLED"), &json!("281.30")));
    let lost = json!({"requestId": "x1", "playerId": "p_123", "betId": "bet_never"});
    let undone = grpc.call("Play/Rollback", PROVIDER_KEY, lost).await.unwrap();
    assert_eq!(
        (&undone["status"], &undone["balanceAfter"]),
        (&json!("TOMBSTONED"), &json!("281.30")),
        "{undone}"
    );

    // A withdrawal, whose step names it in the path of the JSON API.
    let out = json!({"requestId": "out/1", "playerId": "p_123", "amount": euro("80.00"), "destination": "iban_tok_1"});
    grpc.call("Cashier/RequestWithdrawal", CASHIER_KEY, out).await.unwrap();
    let step = json!({
        "player": "p_123", "source": "cashier", "withdrawal": "out/1", "step": "approve", "requestId": "yes-1"
    });
    let approved = grpc.call("Cashier/AdvanceWithdrawal", OFFICE_KEY, step).await.unwrap();
    assert_eq!(approved["id"], "yes-1", "{approved}");
    let limit = json!({"player": "p_123", "requestId": "l1", "kind": "deposit", "period": "day", "currency": "EUR", "amount": "500.00"});
    grpc.call("Controls/SetLimit", CASHIER_KEY, limit).await.unwrap();
    assert_eq!(
        site.accounts("p_123").await,
        accounts([("player:cash EUR", "201.30"), ("player:withdrawal_pending EUR", "80.00")])
    );
    assert_eq!(
        site.house().await,
        accounts([
            ("gaming:payouts EUR", "36.00"),
            ("gaming:stakes EUR", "10.00"),
            ("psp:clearing EUR", "255.30")
        ])
    );

    // What is read is the same either way.
    let reads = [
        ("Players/GetPlayer", "/players/p_123", json!({})),
        ("Players/GetBalances", "/players/p_123/balances", json!({})),
        ("Players/GetStatement", "/players/p_123/statement?limit=2", json!({"limit": 2})),
        ("Players/ListRounds", "/players/p_123/rounds", json!({})),
        ("Controls/GetLimits", "/players/p_123/limits", json!({})),
        ("Cashier/ListWithdrawals", "/players/p_123/withdrawals", json!({})),
        (
            "Cashier/QuoteWithdrawal",
            "/players/p_123/withdrawals/quote?currency=EUR",
            json!({"currency": "EUR"}),
        ),
        ("Operations/ListAudit", "/audit?player=p_123", json!({})),
        ("Bonuses/ListBonuses", "/players/p_123/bonuses", json!({})),
        (
            "Play/GetOutcome",
            "/players/p_123/outcome?kind=withdrawal&id=out%2F1",
            json!({"kind": "withdrawal", "id": "out/1"}),
        ),
    ];
    for (path, json, mut body) in reads {
        body["player"] = json!("p_123");
        let key = if json.starts_with("/audit") { OFFICE_KEY } else { CASHIER_KEY };
        let told = grpc.call(path, key, body).await.unwrap();
        let (status, expected) = site.get(key, json).await;
        assert_eq!(status, 200, "{expected}");
        assert_eq!(bare(told), bare(expected), "{path}");
    }
    site.end().await;
}

/// JSON without what is null or an empty list, which protocol buffers do not tell from what is absent; numbers as one kind.
fn bare(value: Value) -> Value {
    let is_there = |value: &Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().map(|(name, value)| (name, bare(value)));
            Value::Object(kept.filter(|(_, value)| is_there(value)).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(bare).collect()),
        Value::Number(number) => json!(number.as_f64()),
        other => other,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_has_its_problem_and_a_code_that_says_whether_to_send_again() {
    let site = Site::start().await;
    site.player("p_123", "100.00", "EUR").await;
    let grpc = Grpc::to(&site).await;
    let refused = async |path: &str, key: &str, body: Value| {
        let status = grpc.call(path, key, body).await.expect_err(path);
        let problem = problem(&status);
        (status.code(), problem["code"].as_str().unwrap().to_owned(), problem)
    };
    let (code, stable, problem) = refused("Play/PlaceBet", PROVIDER_KEY, bet("b1", "r1", "100.01")).await;
    assert_eq!((code, &*stable), (Code::FailedPrecondition, "insufficient_funds"));
    assert_eq!(
        (&problem["outcome"], &problem["balances"][0]["available"]),
        (&json!("refused"), &json!("100.00"))
    );
    assert_eq!(problem["rejection"]["code"], "insufficient_funds", "{problem}");
    let step = json!({"player": "p_123", "source": "cashier", "withdrawal": "", "step": "approve"});
    let expected = [
        ("Play/PlaceBet", "wrong", bet("b2", "r1", "1.00"), Code::Unauthenticated, "unauthorised"),
        ("Play/PlaceBet", OFFICE_KEY, bet("b2", "r1", "1.00"), Code::PermissionDenied, "forbidden"),
        ("Play/PlaceBet", PROVIDER_KEY, bet("b2", "r1", "1e2"), Code::InvalidArgument, "invalid_request"),
        (
            "Play/PlaceBet",
            PROVIDER_KEY,
            json!({"playerId": "p_123"}),
            Code::InvalidArgument,
            "invalid_request",
        ),
        ("Play/PlaceBet", PROVIDER_KEY, bet("b1", "r1", "5.00"), Code::FailedPrecondition, "key_reused"),
        ("Players/GetPlayer", OFFICE_KEY, json!({"player": "nobody"}), Code::NotFound, "not_found"),
        ("Cashier/AdvanceWithdrawal", OFFICE_KEY, step, Code::InvalidArgument, "invalid_request"),
    ];
    for (path, key, body, code, stable) in expected {
        let (found, told, _) = refused(path, key, body).await;
        assert_eq!((found, &*told), (code, stable), "{path}");
    }
    let long = bet(&"x".repeat(70 << 10), "r1", "1.00");
    let status = grpc.call("Play/PlaceBet", PROVIDER_KEY, long).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    // Whoever posts JSON there is told so.
    let headers = [("content-type", "application/json")];
    let answer = site.http.send(Method::POST, "/casino.v1.Play/PlaceBet", &headers, "{}").await;
    assert_eq!(answer.status, 415);
    assert_eq!(site.accounts("p_123").await, accounts([("player:cash EUR", "100.00")]));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_calls_too_often_is_told_so_in_his_protocol() {
    let site = Site::with(|config| reference_server::Config { requests_per_second: 1, ..config }).await;
    let grpc = Grpc::to(&site).await;
    let balances = || grpc.call("Players/GetBalances", OFFICE_KEY, json!({"player": "nobody"}));
    let codes = [balances().await, balances().await, balances().await].map(|told| told.unwrap_err());
    assert_eq!(codes[0].code(), Code::NotFound);
    assert_eq!(codes[2].code(), Code::ResourceExhausted);
    assert_eq!(problem(&codes[2])["outcome"], "not_recorded");
    site.end().await;
}

/// After the deadline of a call its outcome is not known to the caller. The same call is the same bet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_took_too_long_may_be_sent_again() {
    let site = Site::start().await;
    site.player("p_123", "100.00", "EUR").await;
    let grpc = Grpc::to(&site).await;
    let mut late = 0;
    for number in 0..20 {
        let (id, round) = (format!("b{number}"), format!("r{number}"));
        let mut hurried = Request::new(());
        hurried.set_timeout(Duration::from_nanos(1));
        let told =
            grpc.send("/casino.v1.Play/PlaceBet", hurried, PROVIDER_KEY, &bet(&id, &round, "1.00")).await;
        match told {
            // The server's clock of deadlines ticks in milliseconds, within which a bet may be answered.
            Ok(placed) => assert_eq!(placed["status"], "ACCEPTED"),
            Err(status) => {
                assert!(matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled), "{status:?}");
                if !status.details().is_empty() {
                    assert_eq!(problem(&status)["outcome"], "unknown");
                }
                late += 1;
            }
        }
        let again = grpc.call("Play/PlaceBet", PROVIDER_KEY, bet(&id, &round, "1.00")).await.unwrap();
        assert_eq!(again["status"], "ACCEPTED");
    }
    assert!(late > 0, "nothing was late");
    assert_eq!(
        site.accounts("p_123").await,
        accounts([("player:cash EUR", "80.00"), ("player:held EUR", "20.00")])
    );
    site.end().await;
}

/// The type of a field as a schema of `OpenAPI` says it, so that the two can be compared.
fn told(field: &FieldDescriptor) -> String {
    let one = match field.kind() {
        Kind::String => "string".to_owned(),
        Kind::Bool => "boolean".to_owned(),
        Kind::Uint32 => "integer".to_owned(),
        Kind::Uint64 => "integer int64".to_owned(),
        Kind::Message(of) if of.full_name() == "google.protobuf.Struct" => "object".to_owned(),
        Kind::Message(of) if of.full_name() == "google.protobuf.Value" => "any".to_owned(),
        Kind::Message(of) => of.name().to_owned(),
        other => format!("{other:?}"),
    };
    if field.is_list() { format!("list of {one}") } else { one }
}

fn schema(api: &Value, of: &Value) -> String {
    if let Some(path) = of["$ref"].as_str() {
        // An enumeration is a text.
        let is_word = api.pointer(path.trim_start_matches('#')).is_some_and(|named| !named["enum"].is_null());
        let name = path.rsplit('/').next().unwrap_or(path);
        return if is_word { "string".to_owned() } else { name.to_owned() };
    }
    if let Some(several) = of["oneOf"].as_array() {
        let one = several.iter().find(|one| one["type"] != "null");
        return one.map(|one| schema(api, one)).unwrap_or_default();
    }
    let kind = match &of["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
        }
        _ => "any",
    };
    match kind {
        "array" => format!("list of {}", schema(api, &of["items"])),
        "integer" if of["format"] == "int64" => "integer int64".to_owned(),
        kind => kind.to_owned(),
    }
}

fn properties(api: &Value, schema: &Value) -> BTreeMap<String, String> {
    let path = schema["$ref"].as_str().expect("a reference").trim_start_matches('#').to_owned();
    let schema = api.pointer(&path).expect("a schema");
    let fields = schema["properties"].as_object().cloned().unwrap_or_else(Map::new);
    fields.iter().map(|(name, of)| (name.clone(), self::schema(api, of))).collect()
}

fn fields(of: &MessageDescriptor) -> BTreeMap<String, String> {
    of.fields().map(|field| (field.json_name().to_owned(), told(&field))).collect()
}

/// Every call of the JSON API but those that say how the server is, the stream, and the import of a file, with its name, all its
/// fields and all of its answer.
#[test]
fn the_description_says_what_the_json_api_says() {
    let api = docs::description();
    let mut expected = BTreeSet::new();
    for (path, verbs) in api["paths"].as_object().unwrap() {
        let verbs = verbs.as_object().unwrap().keys().map(|verb| format!("{} {path}", verb.to_uppercase()));
        expected.extend(verbs);
    }
    let stream = "GET /players/{player}/balances/live";
    for without in ["GET /livez", "GET /readyz", stream, "PUT /providers/{provider}/games"] {
        assert!(expected.remove(without), "{without}");
    }
    let found: BTreeSet<String> = methods().iter().map(|m| format!("{} {}", m.verb, m.template)).collect();
    assert_eq!(found, expected);

    let mut messages: BTreeMap<String, MessageDescriptor> = BTreeMap::new();
    for method in methods() {
        let operation = &api["paths"][&method.template][method.verb.as_str().to_lowercase()];
        let name = operation["operationId"].as_str().unwrap();
        let call = method.path.rsplit('/').next().unwrap();
        assert_eq!(name[..1].to_uppercase() + &name[1..], call, "its name in both");
        let mut expected = BTreeMap::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] != "header" {
                expected.insert(
                    parameter["name"].as_str().unwrap().to_owned(),
                    schema(&api, &parameter["schema"]),
                );
            }
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            for (name, of) in properties(&api, body) {
                assert_eq!(expected.insert(name.clone(), of), None, "{}: {name} twice", method.path);
            }
        }
        assert_eq!(fields(&method.request), expected, "the request of {}", method.path);
        let mut answers = operation["responses"].as_object().unwrap().iter();
        let (_, answer) = answers.find(|(status, _)| status.starts_with('2')).unwrap();
        let answer = &answer["content"]["application/json"]["schema"];
        assert_eq!(method.answer.name(), schema(&api, answer), "the answer of {}", method.path);
        let of_request = method.request.fields();
        let all = of_request.map(|field| field.kind()).chain([Kind::Message(method.answer.clone())]);
        reach(all, &mut messages);
    }
    let pool = DescriptorPool::decode(DESCRIPTION).unwrap();
    reach([Kind::Message(pool.get_message_by_name("casino.v1.Problem").unwrap())].into_iter(), &mut messages);
    for (name, of) in messages {
        let path = json!({"$ref": format!("#/components/schemas/{name}")});
        assert_eq!(fields(&of), properties(&api, &path), "{name}");
    }
}

/// The messages of the API that some kinds of fields lead to.
fn reach(kinds: impl Iterator<Item = Kind>, into: &mut BTreeMap<String, MessageDescriptor>) {
    for kind in kinds {
        if let Kind::Message(of) = kind
            && of.full_name().starts_with("casino.v1.")
            && into.insert(of.name().to_owned(), of.clone()).is_none()
        {
            reach(of.fields().map(|field| field.kind()).collect::<Vec<_>>().into_iter(), into);
        }
    }
}
