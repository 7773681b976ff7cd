//! A validator of the part of JSON Schema (2020-12) that our schemas use. It refuses keywords it does not
//! know. The usual crate for this brings fifty others with it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Words that say nothing about the value.
const NOTES: &[&str] = &["$schema", "$defs", "title", "description", "default", "format"];

/// Checks a value against a schema.
pub(crate) fn check(schema: &Value, value: &Value) -> Result<(), String> {
    Validator { root: schema }.check(schema, value, "")
}

struct Validator<'a> {
    root: &'a Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let Value::Object(words) = schema else {
            return if schema == &Value::Bool(true) { Ok(()) } else { Err(format!("{at}: nothing fits")) };
        };
        for (word, rule) in words.iter().filter(|(word, _)| !NOTES.contains(&word.as_str())) {
            self.word(word, rule, schema, value, at).map_err(|error| format!("{at} {word}: {error}"))?;
        }
        Ok(())
    }

    fn word(&self, word: &str, rule: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let holds = |holds: bool| if holds { Ok(()) } else { Err(format!("{value} does not fit {rule}")) };
        let list = || rule.as_array().ok_or("not a list");
        let number = || rule.as_f64().ok_or("not a number");
        match word {
            "$ref" => {
                let name = rule.as_str().and_then(|r| r.strip_prefix('#')).ok_or("not a local reference")?;
                self.check(self.root.pointer(name).ok_or("a reference to nothing")?, value, at)
            }
            "type" => {
                let fits = |name: &Value| match name.as_str() {
                    Some("integer") => value.is_u64() || value.is_i64(),
                    Some("number") => value.is_number(),
                    Some("string") => value.is_string(),
                    Some("object") => value.is_object(),
                    Some("array") => value.is_array(),
                    Some("null") => value.is_null(),
                    Some("boolean") => value.is_boolean(),
                    _ => false,
                };
                holds(rule.as_array().map_or_else(|| fits(rule), |names| names.iter().any(fits)))
            }
            "const" => holds(rule == value),
            "enum" => holds(list()?.contains(value)),
            "allOf" => list()?.iter().try_for_each(|s| self.check(s, value, at)),
            "anyOf" => holds(list()?.iter().any(|s| self.check(s, value, at).is_ok())),
            "oneOf" => {
                let fits = list()?.iter().filter(|s| self.check(s, value, at).is_ok()).count();
                holds(fits == 1)
            }
            "required" => list()?.iter().try_for_each(|field| {
                holds(value.as_object().is_none_or(|o| field.as_str().is_some_and(|f| o.contains_key(f))))
            }),
            "properties" => {
                let Value::Object(fields) = value else { return Ok(()) };
                let rules = rule.as_object().ok_or("not an object")?;
                rules.iter().try_for_each(|(name, s)| match fields.get(name) {
                    Some(field) => self.check(s, field, &format!("{at}/{name}")),
                    None => Ok(()),
                })
            }
            "additionalProperties" => match value {
                Value::Object(fields) => {
                    let known = schema["properties"].as_object();
                    let named = |name: &str| known.is_some_and(|known| known.contains_key(name));
                    let patterns: Vec<_> = schema["patternProperties"]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .filter_map(|(pattern, _)| regex_lite::Regex::new(pattern).ok())
                        .collect();
                    let mut other = fields
                        .iter()
                        .filter(|(n, _)| !named(n) && !patterns.iter().any(|pattern| pattern.is_match(n)));
                    other.try_for_each(|(name, field)| self.check(rule, field, &format!("{at}/{name}")))
                }
                _ => Ok(()),
            },
            "patternProperties" => {
                let Value::Object(fields) = value else { return Ok(()) };
                for (pattern, s) in rule.as_object().ok_or("not an object")? {
                    let pattern = regex_lite::Regex::new(pattern).map_err(|error| error.to_string())?;
                    let mut matching = fields.iter().filter(|(name, _)| pattern.is_match(name));
                    matching.try_for_each(|(name, field)| self.check(s, field, &format!("{at}/{name}")))?;
                }
                Ok(())
            }
            "items" => value
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .try_for_each(|(n, item)| self.check(rule, item, &format!("{at}/{n}"))),
            "pattern" => match value {
                Value::String(text) => {
                    let pattern = regex_lite::Regex::new(rule.as_str().ok_or("not a text")?);
                    holds(pattern.map_err(|error| error.to_string())?.is_match(text))
                }
                _ => Ok(()),
            },
            "minLength" | "maxLength" => match (value, rule.as_u64()) {
                (Value::String(text), Some(bound)) => {
                    let length = u64::try_from(text.chars().count()).unwrap();
                    holds(if word == "minLength" { length >= bound } else { length <= bound })
                }
                (_, None) => Err("not a number".to_owned()),
                _ => Ok(()),
            },
            "minItems" | "maxItems" => match (value, rule.as_u64()) {
                (Value::Array(items), Some(bound)) => {
                    let length = u64::try_from(items.len()).unwrap();
                    holds(if word == "minItems" { length >= bound } else { length <= bound })
                }
                (_, None) => Err("not a number".to_owned()),
                _ => Ok(()),
            },
            "uniqueItems" => {
                let items = value.as_array().into_iter().flatten().map(ToString::to_string);
                let count = items.clone().count();
                holds(rule != &Value::Bool(true) || items.collect::<BTreeSet<_>>().len() == count)
            }
            "minimum" => {
                let least = number()?;
                holds(value.as_f64().is_none_or(|number| number >= least))
            }
            "maximum" => {
                let most = number()?;
                holds(value.as_f64().is_none_or(|number| number <= most))
            }
            word => Err(format!("the keyword {word} is unknown to this validator")),
        }
    }
}

#[test]
fn the_validator_refuses_what_does_not_fit() {
    let schema = serde_json::json!({
        "$schema": "x", "type": "object", "required": ["a"],
        "properties": {
            "a": { "$ref": "#/$defs/amount" },
            "b": { "oneOf": [{ "const": "x" }, { "enum": ["y", "z"] }] },
            "c": { "type": "array", "items": { "type": ["integer", "null"], "minimum": 0 }, "maxItems": 2, "uniqueItems": true },
        },
        "patternProperties": { "^[A-Z]{3}$": { "type": "integer" } },
        "additionalProperties": false,
        "$defs": { "amount": { "type": "string", "pattern": "^\\d+$", "minLength": 2, "maxLength": 3 } },
    });
    for good in [r#"{"a":"12"}"#, r#"{"a":"123","b":"y","c":[1,null],"EUR":1}"#] {
        check(&schema, &serde_json::from_str(good).unwrap()).unwrap();
    }
    for bad in [
        "[]",
        "{}",
        r#"{"a":"1"}"#,
        r#"{"a":"1234"}"#,
        r#"{"a":"1x"}"#,
        r#"{"a":12}"#,
        r#"{"a":"12","b":"q"}"#,
        r#"{"a":"12","c":[1,2,3]}"#,
        r#"{"a":"12","c":[-1]}"#,
        r#"{"a":"12","c":[1,1]}"#,
        r#"{"a":"12","c":["1"]}"#,
        r#"{"a":"12","d":1}"#,
        r#"{"a":"12","EUR":"1"}"#,
        r#"{"a":"12","EURO":1}"#,
    ] {
        assert!(check(&schema, &serde_json::from_str(bad).unwrap()).is_err(), "{bad}");
    }
    assert!(check(&serde_json::json!({ "multipleOf": 2 }), &serde_json::json!(4)).is_err());
}
