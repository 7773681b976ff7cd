//! What two versions of a document differ in, field by field.

use super::DocumentContent;
use super::content::Json;
use crate::text::push_escaped;

/// One difference between two documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentChange {
    /// Where: a JSON Pointer (RFC 6901).
    pub path: String,
    /// What stood there, as JSON; `None` if nothing did.
    pub before: Option<String>,
    /// What stands there now, as JSON; `None` if nothing does.
    pub after: Option<String>,
}

/// What changed from one document to another, in the order of the new one; what went comes after what stayed. Lists
/// are compared place by place. The order of keys is no difference.
///
/// ```
/// use ledger_core::{DocumentContent, diff_documents};
/// let old = DocumentContent::new(r#"{"stake":{"max":"10.00","min":"0.10"},"games":["a"]}"#)?;
/// let new = DocumentContent::new(r#"{"stake":{"max":"5.00"},"games":["a","b"]}"#)?;
/// let changes = diff_documents(&old, &new);
/// let shown: Vec<_> = changes.iter().map(|c| (c.path.as_str(), c.before.as_deref(), c.after.as_deref())).collect();
/// assert_eq!(shown, [
///     ("/stake/max", Some("\"10.00\""), Some("\"5.00\"")),
///     ("/stake/min", Some("\"0.10\""), None),
///     ("/games/1", None, Some("\"b\"")),
/// ]);
/// # Ok::<(), ledger_core::DocumentContentError>(())
/// ```
pub fn diff_documents(before: &DocumentContent, after: &DocumentContent) -> Vec<DocumentChange> {
    let mut changes = Vec::new();
    compare(String::new(), Some(&before.json()), Some(&after.json()), &mut changes);
    changes
}

fn field<'a>(fields: &'a [(String, Json)], name: &str) -> Option<&'a Json> {
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| value)
}

fn below(path: &str, part: &str) -> String {
    let mut path = path.to_owned();
    path.push('/');
    push_escaped(&mut path, part);
    path
}

fn compare(path: String, before: Option<&Json>, after: Option<&Json>, changes: &mut Vec<DocumentChange>) {
    match (before, after) {
        (Some(Json::Object(old)), Some(Json::Object(new))) => {
            for (name, value) in new {
                compare(below(&path, name), field(old, name), Some(value), changes);
            }
            for (name, value) in old.iter().filter(|(name, _)| field(new, name).is_none()) {
                compare(below(&path, name), Some(value), None, changes);
            }
        }
        (Some(Json::List(old)), Some(Json::List(new))) => {
            for at in 0..old.len().max(new.len()) {
                compare(below(&path, &at.to_string()), old.get(at), new.get(at), changes);
            }
        }
        (before, after) if before == after => {}
        (before, after) => {
            let text = |json: Option<&Json>| json.and_then(|json| serde_json::to_string(json).ok());
            changes.push(DocumentChange { path, before: text(before), after: text(after) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, after: &str) -> Vec<String> {
        let content = |text: &str| DocumentContent::new(text).unwrap();
        let text = |part: Option<String>| part.unwrap_or_else(|| "nothing".to_owned());
        let all = diff_documents(&content(before), &content(after)).into_iter();
        all.map(|change| format!("{}: {} > {}", change.path, text(change.before), text(change.after)))
            .collect()
    }

    #[test]
    fn every_difference_has_its_place() {
        assert_eq!(shown(r#"{"a":1,"b":{"c":2}}"#, r#"{"b":{"c":2},"a":1}"#), Vec::<String>::new());
        assert_eq!(shown("{}", r#"{"a":{"b":1}}"#), [r#"/a: nothing > {"b":1}"#]);
        assert_eq!(shown(r#"{"a":{"b":1}}"#, "{}"), [r#"/a: {"b":1} > nothing"#]);
        assert_eq!(shown(r#"{"a/b~":1}"#, r#"{"a/b~":2}"#), ["/a~1b~0: 1 > 2"]);
        assert_eq!(shown(r#"{"a":[1,2,3]}"#, r#"{"a":[1,3]}"#), ["/a/1: 2 > 3", "/a/2: 3 > nothing"]);
        assert_eq!(shown(r#"{"a":{"b":1}}"#, r#"{"a":[1]}"#), [r#"/a: {"b":1} > [1]"#]);
        assert_eq!(shown(r#"{"a":null}"#, r#"{"a":false}"#), ["/a: null > false"]);
        assert_eq!(shown(r#"{"a":"1"}"#, r#"{"a":1}"#), [r#"/a: "1" > 1"#]);
    }
}
