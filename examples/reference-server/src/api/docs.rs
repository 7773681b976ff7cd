//! The description of the API, generated from the handlers, and a page that shows it without asking any other host.

use axum::Json;
use maud::{Markup, html};
use serde_json::Value;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    audit, bets, bonuses, controls, games, health, live, outcome, payments, players, sessions, switches,
    withdrawals,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "casino-ledger reference server", description = "A casino's money behind HTTP. Amounts are decimal \
        strings. Every operation has a key: requestId, or the header Idempotency-Key. Problems follow RFC 9457."),
    modifiers(&Keys),
    security(("key" = [])),
    paths(
        bets::place, bets::settle, bets::rollback, outcome::outcome,
        players::open, players::read, players::balances, live::balances, players::statement, players::rounds,
        controls::limits, controls::set_limit, controls::exclude,
        payments::deposit, withdrawals::request, withdrawals::quote, withdrawals::step, withdrawals::list, withdrawals::queue,
        bonuses::list, bonuses::offer, bonuses::claim, bonuses::quote, bonuses::cancel,
        switches::list,
        switches::set,
        switches::cashier_alone,
        games::list, games::import,
        sessions::launch, sessions::end,
        audit::audit,
        health::livez, health::readyz,
    )
)]
struct Api;

struct Keys;

impl Modify for Keys {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = api.components.as_mut() {
            let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
            components.add_security_scheme("key", scheme);
        }
    }
}

/// The description of the API, in the form of `OpenAPI` 3.1.
pub fn description() -> Value {
    let mut api = serde_json::to_value(Api::openapi()).unwrap_or_default();
    let paths = api.get_mut("paths").and_then(Value::as_object_mut);
    for methods in paths.into_iter().flat_map(serde_json::Map::values_mut) {
        for operation in methods.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
            // What the code's documentation says of errors, callers read in the responses.
            let told = operation.get("description").and_then(Value::as_str);
            let told = told.map(|told| told.split("# Errors").next().unwrap_or("").trim().to_owned());
            let Some(fields) = operation.as_object_mut() else { continue };
            match told {
                Some(told) if told.is_empty() => {
                    fields.remove("description");
                }
                Some(told) => {
                    fields.insert("description".to_owned(), told.into());
                }
                None => {}
            }
        }
    }
    api
}

/// The description of the API.
pub async fn openapi() -> Json<Value> {
    Json(description())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

fn resolved<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    let path = text(schema, "$ref").strip_prefix('#').and_then(|path| api.pointer(path));
    path.unwrap_or(schema)
}

fn fields(api: &Value, schema: &Value) -> Markup {
    let schema = resolved(api, schema);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    html! {
        @if let Some(properties) = properties {
            table {
                tr { th { "field" } th { "type" } th { "meaning" } }
                @for (name, of) in properties {
                    tr {
                        td { code { (name) } @if !required.contains(&name.as_str()) { " (optional)" } }
                        td { (kind(of)) }
                        td {
                            (text(of, "description"))
                            @if let Some(example) = of.get("example") { " e.g. " code { (example) } }
                        }
                    }
                }
            }
        }
    }
}

fn kind(schema: &Value) -> String {
    if let Some(name) = text(schema, "$ref").rsplit('/').next().filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    if let Some(several) = schema.get("oneOf").and_then(Value::as_array) {
        return several.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(one)) if one == "array" => {
            format!("list of {}", schema.get("items").map(kind).unwrap_or_default())
        }
        Some(Value::String(one)) => one.clone(),
        Some(Value::Array(several)) => {
            several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

/// The description of the API, to be read.
pub async fn viewer() -> Markup {
    let api = description();
    let paths = api.get("paths").and_then(Value::as_object).cloned().unwrap_or_default();
    crate::pages::plain(
        "API",
        &html! {
            p { "Generated from the code: " a href="/openapi.json" { "openapi.json" } "." }
            @for (path, methods) in &paths {
                @for (method, operation) in methods.as_object().into_iter().flatten() {
                    section {
                        h2 id={ (method) "-" (path) } { code { (method.to_uppercase()) " " (path) } }
                        p { (text(operation, "summary")) " " (text(operation, "description")) }
                        @if let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") {
                            h3 { "Request" }
                            (fields(&api, schema))
                        }
                        @if let Some(parameters) = operation.get("parameters").and_then(Value::as_array) {
                            h3 { "Parameters" }
                            ul { @for of in parameters { li { code { (text(of, "name")) } " (" (text(of, "in")) ") " (text(of, "description")) } } }
                        }
                        @for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
                            @if status.starts_with('2') && let Some(schema) = response.pointer("/content/application~1json/schema") {
                                h3 { "Answer " (status) }
                                (fields(&api, schema))
                            }
                        }
                    }
                }
            }
        },
    )
}
