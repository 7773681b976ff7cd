//! The content of a document: JSON in one form, so that it has one hash.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use crate::key::ContentHash;

/// The longest content of a document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 262_144;

/// The content of a configuration document: a JSON object of at most 262,144 bytes, written in one way: no white
/// space between tokens, no escapes that are not needed, no key twice, and whole numbers only (a fraction is a text,
/// as everywhere in this ledger). The order of keys is part of it: a kind of document may demand one.
///
/// ```
/// use ledger_core::DocumentContent;
/// let content = DocumentContent::new(r#"{"limit":"10.00","games":["crash"]}"#)?;
/// assert_eq!(DocumentContent::compact("{ \"limit\": \"10.00\", \"games\": [\"crash\"] }")?, content);
/// assert!(DocumentContent::new("{ }").is_err(), "one form");
/// assert!(DocumentContent::new(r#"{"limit":10.5}"#).is_err(), "no floats");
/// # Ok::<(), ledger_core::DocumentContentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentContent(Arc<str>);

/// Why a text is not the content of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentContentError {
    /// It is too long.
    #[error("a document of {bytes} bytes: at most {DOCUMENT_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is not JSON, or holds what a document may not.
    #[error("not a document: {0}")]
    NotJson(String),
    /// It is not an object.
    #[error("a document is a JSON object")]
    NotObject,
    /// It is written in another way than the one that has the hash.
    #[error("a document is written without white space and without escapes that are not needed")]
    NotCompact,
}

impl DocumentContent {
    /// Takes a text as the content of a document, exactly as it is.
    ///
    /// # Errors
    ///
    /// [`DocumentContentError`] if it is not one, or is not written in the one way.
    pub fn new(text: impl AsRef<str>) -> Result<Self, DocumentContentError> {
        let text = text.as_ref();
        let content = Self::compact(text)?;
        if content.as_str() == text { Ok(content) } else { Err(DocumentContentError::NotCompact) }
    }

    /// Takes a text however it is written, and writes it in the one way. The order of keys stays.
    ///
    /// # Errors
    ///
    /// [`DocumentContentError`] if it is not the content of a document.
    pub fn compact(text: impl AsRef<str>) -> Result<Self, DocumentContentError> {
        let text = text.as_ref();
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(DocumentContentError::TooLong { bytes: text.len() });
        }
        let short = |error: serde_json::Error| {
            DocumentContentError::NotJson(error.to_string().chars().take(200).collect())
        };
        let json: Json = serde_json::from_str(text).map_err(short)?;
        if !matches!(json, Json::Object(_)) {
            return Err(DocumentContentError::NotObject);
        }
        let text = serde_json::to_string(&json).map_err(short)?;
        // Writing may take more room than what was read, where it was written in fewer bytes than the one way has.
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(DocumentContentError::TooLong { bytes: text.len() });
        }
        Ok(Self(Arc::from(text)))
    }

    /// The content of a typed document.
    ///
    /// # Errors
    ///
    /// [`DocumentContentError`] if what it writes is not the content of a document.
    pub fn of(document: &impl Serialize) -> Result<Self, DocumentContentError> {
        let text = serde_json::to_string(document)
            .map_err(|error| DocumentContentError::NotJson(error.to_string()))?;
        Self::new(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash of its bytes: the document's identity.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(self.0.as_bytes())
    }

    /// Its parts, for comparison.
    pub(super) fn json(&self) -> Json {
        serde_json::from_str(&self.0).unwrap_or(Json::Null)
    }
}

impl TryFrom<String> for DocumentContent {
    type Error = DocumentContentError;
    fn try_from(text: String) -> Result<Self, DocumentContentError> {
        Self::new(text)
    }
}

impl From<DocumentContent> for String {
    fn from(content: DocumentContent) -> Self {
        content.0.as_ref().to_owned()
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for DocumentContent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DocumentContent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "maxLength": DOCUMENT_BYTES_MAX,
            "description": "a JSON object, without white space between its tokens"
        })
    }
}

/// JSON as documents may have it: keys in their order, numbers whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Flag(bool),
    Number(i128),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Number(number) => serializer.serialize_i128(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                fields.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts;
        impl<'de> Visitor<'de> for Parts {
            type Value = Json;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON with whole numbers")
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
                Ok(Json::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
                Ok(Json::Number(number.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(Json::Number(number.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Json::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut fields: Vec<(String, Json)> = Vec::new();
                let mut names = std::collections::BTreeSet::new();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom(format!("the key {name:?} stands twice")));
                    }
                    fields.push((name, value));
                }
                Ok(Json::Object(fields))
            }
        }
        deserializer.deserialize_any(Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_one_form() {
        for text in
            ["{}", r#"{"b":1,"a":[null,true,-7,18446744073709551615,"ж\"\\\n"],"c":{"d":{}}}"#, r#"{"":""}"#]
        {
            assert_eq!(DocumentContent::new(text).unwrap().as_str(), text);
        }
        for (text, written) in [
            ("{ }", "{}"),
            ("{\"a\":\n1}", r#"{"a":1}"#),
            (r#"{"\u0061":"\u0436\/"}"#, r#"{"a":"ж/"}"#),
            (r#"{"b":1,"a":-0}"#, r#"{"b":1,"a":0}"#),
        ] {
            assert!(DocumentContent::new(text).is_err(), "{text}");
            if text.contains("-0") {
                continue;
            }
            assert_eq!(DocumentContent::compact(text).unwrap().as_str(), written);
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in [
            "",
            "null",
            "[]",
            "1",
            "\"a\"",
            "{\"a\":1.5}",
            "{\"a\":1e3}",
            "{\"a\":-0}",
            "{\"a\":18446744073709551616}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"b\":1,\"b\":1}}",
            "{\"a\":1} ",
            "{\"a\":NaN}",
            "{'a':1}",
        ] {
            assert!(DocumentContent::new(text).is_err(), "{text}");
        }
        let deep = format!("{}1{}", "{\"a\":".repeat(500), "}".repeat(500));
        assert!(DocumentContent::new(deep).is_err());
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES_MAX));
        assert!(matches!(DocumentContent::new(long), Err(DocumentContentError::TooLong { .. })));
        let full = format!("{{\"a\":\"{}\"}}", "x".repeat(DOCUMENT_BYTES_MAX - 8));
        assert_eq!(DocumentContent::new(full).unwrap().as_str().len(), DOCUMENT_BYTES_MAX);
    }

    #[test]
    fn a_stored_content_goes_through_the_same_door() {
        let content = DocumentContent::new(r#"{"a":"b"}"#).unwrap();
        let stored = serde_json::to_string(&content).unwrap();
        assert_eq!(stored, r#""{\"a\":\"b\"}""#);
        assert_eq!(serde_json::from_str::<DocumentContent>(&stored).unwrap(), content);
        assert!(serde_json::from_str::<DocumentContent>(r#""{ }""#).is_err());
        assert_eq!(content.hash(), ContentHash::of(br#"{"a":"b"}"#));
    }
}
