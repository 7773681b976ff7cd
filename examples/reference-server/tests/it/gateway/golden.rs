//! Published samples: files of call, request and answer.

use std::collections::BTreeMap;

use serde_json::Value;

/// One exchange.
pub(super) struct Exchange {
    pub(super) call: String,
    pub(super) request: String,
    pub(super) answer: Value,
}

/// The exchanges of a file, with placeholders of requests replaced.
pub(super) fn exchanges(file: &str, replace: &[(&str, &str)]) -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for block in file.split("\n\n") {
        let lines: Vec<&str> =
            block.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
        let [call, request, answer] = lines[..] else { panic!("{block}") };
        let request =
            replace.iter().fold(request.to_owned(), |text, (name, value)| text.replace(name, value));
        let answer = serde_json::from_str(answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        exchanges.push(Exchange { call: call.to_owned(), request, answer });
    }
    exchanges
}

/// Compares an answer with a sample. A placeholder such as `{bet}` stands for any text, and for the same one wherever
/// it stands; `{tx}` and `{message}` for any text that is not empty.
pub(super) fn compare(sample: &Value, actual: &Value, known: &mut BTreeMap<String, String>) {
    match (sample, actual) {
        (Value::Object(sample), Value::Object(actual)) => {
            let (wanted, there): (Vec<_>, Vec<_>) = (sample.keys().collect(), actual.keys().collect());
            assert_eq!(wanted, there, "{sample:?} {actual:?}");
            sample.iter().for_each(|(name, value)| compare(value, &actual[name], known));
        }
        (Value::Array(sample), Value::Array(actual)) => {
            assert_eq!(sample.len(), actual.len());
            sample.iter().zip(actual).for_each(|(sample, actual)| compare(sample, actual, known));
        }
        (Value::String(sample), Value::String(actual)) if sample.starts_with('{') => {
            assert!(!actual.is_empty(), "{sample}");
            if !matches!(sample.as_str(), "{tx}" | "{message}") {
                let first = known.entry(sample.clone()).or_insert_with(|| actual.clone());
                assert_eq!(first, actual, "{sample}");
            }
        }
        (sample, actual) => assert_eq!(sample, actual),
    }
}
