//! What of providers is switched off: each change is a version of the ledger's policy, with its author, who approved it and
//! why.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use casino_ledger::core::stored::{CommitBody, Event};
use casino_ledger::core::{
    ActorId, ContentHash, DocumentContent, DocumentKind, DocumentName, HouseAggregateRef, HouseId,
    IdempotencyKey, OperationKind, POLICY_DOCUMENT, POLICY_KIND, Policy, PublishDocument, Reason, SourceId,
    SourceSwitch, Stream, Timestamp, TransactionId, policy_of,
};
use casino_ledger::store::{Lookup, Position, Shard};
use casino_ledger::{HouseRequest, Receipt, RecordedOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, In, id, word};
use super::shapes::Recorded;
use super::{Caller, Problem};
use crate::casino::Casino;
use crate::catalogue::configuration;
use crate::config::{ApiKey, Role};

/// A provider, and what of it is switched off.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderView {
    /// Its id, in the path of its callbacks.
    pub id: String,
    /// Its protocol.
    pub dialect: &'static str,
    /// The source of its commands.
    pub source: String,
    /// What is switched off: `maintenance`, `no_new_sessions`, `bonuses_off`.
    pub switches: Vec<String>,
}

/// The providers.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProvidersView {
    /// The providers.
    pub providers: Vec<ProviderView>,
    /// The version of the policy that was published last; none, if that of the configuration is in force.
    pub policy: Option<u64>,
}

fn name(switch: SourceSwitch) -> String {
    serde_json::to_value(switch).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The providers, and what of them is switched off.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(get, path = "/providers", operation_id = "listProviders", tag = "switches",
    responses((status = 200, body = ProvidersView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(casino): State<Arc<Casino>>, caller: Caller) -> Result<Json<ProvidersView>, Problem> {
    caller.must_be(&[Role::Cashier, Role::Office])?;
    let policy = casino.ledger.policy();
    let view = |provider: &crate::config::Provider| ProviderView {
        id: provider.id.clone(),
        dialect: provider.dialect.as_str(),
        source: provider.source.to_string(),
        switches: policy.policy.of(&provider.source).switches.iter().copied().map(name).collect(),
    };
    let providers = casino.checked.providers.values().map(view).collect();
    Ok(Json(ProvidersView { providers, policy: policy.version }))
}

/// Switches to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwitchRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// All that is to be off from now on; what is not named is on.
    #[schema(example = json!(["maintenance"]))]
    switches: Vec<String>,
    /// Why.
    #[schema(example = "the provider reported a broken game")]
    reason: String,
}

/// Whether only the cashier is open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AloneRequest {
    /// The id of the request.
    request_id: Option<String>,
    /// Whether it is.
    alone: bool,
    /// Why.
    reason: String,
}

/// A policy that was published.
#[derive(Debug, Serialize, ToSchema)]
pub struct SwitchView {
    /// The version that is in force now.
    pub policy: Option<u64>,
    /// Whether it is the answer to an earlier request with the same id.
    pub replayed: bool,
    /// Where it is recorded.
    pub recorded: Recorded,
}

/// The second person: the key in `X-Approval-Key`, of the office too, and another's.
pub(super) fn approver(casino: &Casino, headers: &HeaderMap) -> Result<ActorId, Problem> {
    let shown = headers.get("x-approval-key").and_then(|value| value.to_str().ok());
    let key = shown.and_then(|shown| ApiKey::find(&casino.checked.keys, shown));
    match key {
        Some(key) if key.role == Role::Office => Ok(key.actor.clone()),
        _ => Err(Problem::invalid("X-Approval-Key", "is not a key of a second person of the office")),
    }
}

/// The events of a commit.
async fn events_at(casino: &Casino, shard: Shard, position: Position) -> Result<Vec<Event>, Problem> {
    let commits = casino.ledger.store().read(shard, position, 1).await?;
    let commit = commits.first().ok_or_else(Problem::internal)?;
    let body = CommitBody::decode(&commit.body).map_err(|_| Problem::internal())?;
    Ok(body.events.into_iter().map(|record| record.event).collect())
}

/// A document that was published under a key.
#[derive(Debug)]
pub(super) struct Earlier {
    /// The version before it, if there was one.
    pub(super) before: Option<DocumentContent>,
    /// What was published.
    own: DocumentContent,
}

/// The content of a document by its hash.
async fn content(
    casino: &Casino,
    house: &HouseId,
    (shard, hash): (Shard, ContentHash),
) -> Result<DocumentContent, Problem> {
    let stream = Stream::HouseAggregate(house.clone(), HouseAggregateRef::Content(hash));
    let found = casino.ledger.store().lookup(&[Lookup::Stream(shard, stream.digest())]).await?;
    let position = found.into_iter().flatten().next().ok_or_else(Problem::internal)?;
    let events = events_at(casino, shard, position).await?;
    let content = events.into_iter().find_map(|event| match event {
        Event::DocumentStored(event) if event.hash == hash => Some(event.content),
        _ => None,
    });
    content.ok_or_else(Problem::internal)
}

/// What was published under a key, if something was. Sent again, a request is made from what it was made from, so that it is
/// the same document whatever was published since.
pub(super) async fn earlier(
    casino: &Casino,
    house: &HouseId,
    (source, id): (&SourceId, &TransactionId),
) -> Result<Option<Earlier>, Problem> {
    let key = IdempotencyKey { source: source.clone(), kind: OperationKind::Document, id: id.clone() };
    let RecordedOutcome::Accepted(receipt) = casino.ledger.house_outcome(house, &key).await? else {
        return Ok(None);
    };
    let events = events_at(casino, receipt.shard, receipt.position).await?;
    let hashes = events.iter().find_map(|event| match event {
        Event::DocumentPublished(event) => Some((event.previous, event.hash)),
        _ => None,
    });
    let (before, own) = hashes.ok_or_else(Problem::internal)?;
    let before = match before {
        Some(hash) => Some(content(casino, house, (receipt.shard, hash)).await?),
        None => None,
    };
    Ok(Some(Earlier { before, own: content(casino, house, (receipt.shard, own)).await? }))
}

/// Sends a publication.
pub(super) async fn send(
    casino: &Casino,
    caller: &Caller,
    house: HouseId,
    command: PublishDocument,
) -> Result<Receipt, Problem> {
    let request = HouseRequest { context: Some(caller.context()), ..HouseRequest::new(house, command) };
    Ok(casino.ledger.request_house(request).await?)
}

/// Publishes the policy with a change. Of a request that was answered already it is the answer of then.
pub(super) async fn publish(
    casino: &Casino,
    caller: &Caller,
    headers: &HeaderMap,
    (txn, reason): (TransactionId, &str),
    change: impl FnOnce(&mut Policy),
) -> Result<Receipt, Problem> {
    let approved_by = approver(casino, headers)?;
    let internal = |_| Problem::internal();
    let house = configuration().map_err(internal)?;
    let before = casino.ledger.policy();
    let mut policy = match earlier(casino, &house, (&caller.source, &txn)).await? {
        // The first version was made from the configuration's, which is not recorded: the change is in it already.
        Some(Earlier { before, own }) => {
            policy_of(&before.unwrap_or(own)).map_err(|_| Problem::internal())?
        }
        None => before.policy.clone(),
    };
    change(&mut policy);
    let command = PublishDocument {
        source: caller.source.clone(),
        id: txn,
        kind: DocumentKind::new(POLICY_KIND).map_err(internal)?,
        name: DocumentName::new(POLICY_DOCUMENT).map_err(internal)?,
        content: DocumentContent::of(&policy)
            .map_err(|error| Problem::invalid("policy", &error.to_string()))?,
        effective_from: None::<Timestamp>,
        // Somebody who was faster is not overwritten.
        expected: Some(before.version.unwrap_or(0)),
        reason: id("reason", reason, |t| Reason::new(t))?,
        author: caller.actor.clone(),
        approved_by,
    };
    send(casino, caller, house, command).await
}

async fn switched(
    casino: &Casino,
    caller: &Caller,
    headers: &HeaderMap,
    (request_id, reason): (Option<&str>, &str),
    change: impl FnOnce(&mut Policy),
) -> Result<Json<SwitchView>, Problem> {
    caller.must_be(&[Role::Office])?;
    let receipt = publish(casino, caller, headers, (caller.id(request_id)?, reason), change).await?;
    let policy = casino.ledger.policy().version;
    Ok(Json(SwitchView { policy, replayed: receipt.replayed, recorded: Recorded::of(&receipt) }))
}

/// Sets what of a provider is off: `maintenance` (it takes nothing new; what has begun takes its course), `no_new_sessions`,
/// `bonuses_off`. Needs a second person.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(put, path = "/providers/{provider}/switches", operation_id = "setProviderSwitches", tag = "switches",
    params(("provider" = String, Path), ("X-Approval-Key" = String, Header, description = "the key of a second person")),
    request_body = SwitchRequest,
    responses((status = 200, body = SwitchView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn set(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    In(provider): In<String>,
    headers: HeaderMap,
    Body(body): Body<SwitchRequest>,
) -> Result<Json<SwitchView>, Problem> {
    let provider = casino.checked.providers.get(&provider);
    let source = provider.ok_or_else(|| Problem::not_found("there is no such provider"))?.source.clone();
    let mut switches: Vec<SourceSwitch> = Vec::new();
    for text in &body.switches {
        let switch = word("switches", text)?;
        if !switches.contains(&switch) {
            switches.push(switch);
        }
    }
    switched(&casino, &caller, &headers, (body.request_id.as_deref(), &body.reason), |policy| {
        let mut of = policy.of(&source).clone();
        of.switches = switches;
        policy.sources.insert(source, of);
    })
    .await
}

/// Closes everything but the cashier: every source is in maintenance, so that no bet, session, tip or transfer begins, while
/// results, deposits and withdrawals go on. Opening again ends the maintenance of all of them. Needs a second person.
///
/// # Errors
///
/// [`Problem`].
#[utoipa::path(put, path = "/casino/cashier-alone", operation_id = "setCashierAlone", tag = "switches",
    params(("X-Approval-Key" = String, Header, description = "the key of a second person")), request_body = AloneRequest,
    responses((status = 200, body = SwitchView), (status = "4XX", body = Problem, content_type = "application/problem+json"), (status = "5XX", body = Problem, content_type = "application/problem+json")))]
pub async fn cashier_alone(
    State(casino): State<Arc<Casino>>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<AloneRequest>,
) -> Result<Json<SwitchView>, Problem> {
    switched(&casino, &caller, &headers, (body.request_id.as_deref(), &body.reason), |policy| {
        for source in policy.sources.values_mut().chain(std::iter::once(&mut policy.default)) {
            source.switches.retain(|switch| *switch != SourceSwitch::Maintenance);
            if body.alone {
                source.switches.push(SourceSwitch::Maintenance);
            }
        }
    })
    .await
}
