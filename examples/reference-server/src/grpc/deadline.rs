//! Deadlines of callers: the metadata `grpc-timeout`.

use std::time::Duration;

use axum::http::HeaderMap;

/// The most digits that a time-out has.
const DIGITS_MAX: usize = 8;

/// How long the caller waits, if he says so; what cannot be read says nothing.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > DIGITS_MAX || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number.checked_mul(3_600)?)),
        "M" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_deadline_is_read_in_each_unit_and_nothing_else_is() {
        let read = |text: &'static str| {
            of(&HeaderMap::from_iter([("grpc-timeout".parse().unwrap(), HeaderValue::from_static(text))]))
        };
        let known =
            [("2H", 7_200_000), ("3M", 180_000), ("4S", 4_000), ("5m", 5), ("99999999S", 99_999_999_000)];
        for (text, millis) in known {
            assert_eq!(read(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!((read("6u"), read("7n")), (Some(Duration::from_micros(6)), Some(Duration::from_nanos(7))));
        for text in ["", "S", "5", "5s", "-5S", "+5S", "5.0S", "123456789S", "5 S"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
