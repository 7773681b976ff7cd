//! As much of Rust as is needed to find calls and signatures in a file that `rustfmt` has formatted.

use std::ops::Range;

/// A source file, with its comments, texts and unit tests blanked out where structure is looked for.
pub(crate) struct Source {
    pub(crate) text: String,
    /// As long as `text`, byte for byte, with spaces for what is not code.
    code: Vec<u8>,
    pub(crate) functions: Vec<Function>,
}

/// A function, or a closure that was given a name.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// From its first word to the brace of its body; empty for a closure.
    pub(crate) signature: Range<usize>,
    /// The signature and the body.
    pub(crate) whole: Range<usize>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) is_closure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// A call: where its name and its arguments stand.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: Range<usize>,
    pub(crate) arguments: Vec<Range<usize>>,
}

impl Source {
    pub(crate) fn new(text: String) -> Self {
        let code = blank(&text);
        let mut source = Self { text, code, functions: Vec::new() };
        source.functions = source.find_functions();
        source
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, place: usize) -> usize {
        self.text.bytes().take(place).filter(|byte| *byte == b'\n').count() + 1
    }

    pub(crate) fn slice(&self, range: &Range<usize>) -> &str {
        &self.text[range.clone()]
    }

    /// The function that a place is in, the innermost with a name of its own.
    pub(crate) fn function_at(&self, place: usize) -> Option<&Function> {
        let around = self.functions.iter().filter(|f| !f.is_closure && f.whole.contains(&place));
        around.min_by_key(|function| function.whole.len())
    }

    /// Where a name or a path stands as a whole word of code.
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let start = from + find(&self.code[from..], word.as_bytes())?;
                from = start + word.len();
                let is_free = |byte: Option<&u8>| byte.is_none_or(|byte| !is_of_word(*byte));
                let before = start.checked_sub(1).and_then(|before| self.code.get(before));
                if is_free(before) && is_free(self.code.get(from)) {
                    return Some(start..from);
                }
            }
        })
    }

    /// The code before a place, without the spaces next to it.
    pub(crate) fn before(&self, place: usize) -> &[u8] {
        self.code[..place].trim_ascii_end()
    }

    /// The code after a place, without the spaces next to it.
    pub(crate) fn after(&self, place: usize) -> &[u8] {
        self.code[place..].trim_ascii_start()
    }

    /// Whether a body begins at a place.
    pub(crate) fn is_body(&self, place: usize) -> bool {
        self.code.get(place) == Some(&b'{')
    }

    /// Whether a place is in a statement `use ...;`.
    pub(crate) fn is_in_use(&self, place: usize) -> bool {
        let begin = self.code[..place].iter().rposition(|byte| *byte == b';').map_or(0, |at| at + 1);
        // Whatever stands before `use` since the last semicolon, such as the brace of a body: nothing but
        // `use` goes on to a name without one.
        self.code[begin..place].split(u8::is_ascii_whitespace).any(|word| word == b"use")
    }

    /// The calls of a function, by its name or through the modules it is in; or of a type's by its path.
    pub(crate) fn calls<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Call> + 'a {
        self.words(name).filter_map(|word| {
            let before = self.before(word.start);
            let of_type = before.strip_suffix(b"::").is_some_and(|path| {
                let start = path.iter().rposition(|byte| !is_of_word(*byte)).map_or(0, |at| at + 1);
                path.get(start).is_none_or(|first| !first.is_ascii_lowercase())
            });
            if before.ends_with(b".") || of_type || ends_with_word(before, b"fn") {
                return None;
            }
            let list = self.list_at(word.end, b'(')?;
            Some(Call { name: word, arguments: list })
        })
    }

    /// What a name is called in this file: itself, and what `use name as other` makes of it.
    pub(crate) fn names_of(&self, name: &str) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        for word in self.words(name).filter(|word| self.is_in_use(word.start)) {
            let other = self.after(word.end).strip_prefix(b"as ").unwrap_or_default();
            let length = other.iter().take_while(|byte| is_of_word(**byte)).count();
            names.extend((length > 0).then(|| String::from_utf8_lossy(&other[..length]).into_owned()));
        }
        names
    }

    /// The literals of a struct, with their fields.
    pub(crate) fn literals<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Call> + 'a {
        self.words(name).filter_map(|word| {
            let before = self.before(word.start);
            let is_type = before.ends_with(b"->")
                || [&b"for"[..], b"impl", b"struct"].iter().any(|w| ends_with_word(before, w));
            let list = self.list_at(word.end, b'{').filter(|_| !is_type)?;
            Some(Call { name: word, arguments: list })
        })
    }

    /// The parts of a list that opens at a place or after one space.
    fn list_at(&self, place: usize, bracket: u8) -> Option<Vec<Range<usize>>> {
        let open = if self.code.get(place) == Some(&b' ') { place + 1 } else { place };
        if self.code.get(open) != Some(&bracket) {
            return None;
        }
        Some(self.split(open + 1..self.closing(open)?))
    }

    fn find_functions(&self) -> Vec<Function> {
        let named = self.words("fn").filter_map(|word| self.function(word.start));
        let closures = self.words("let").filter_map(|word| self.closure(word.start));
        named.chain(closures).collect()
    }

    /// `fn name<..>(parameters) -> .. { .. }`
    fn function(&self, start: usize) -> Option<Function> {
        let name_start = start + find(&self.code[start..], b" ")? + 1;
        let open = name_start + find(&self.code[name_start..], b"(")?;
        let name: String = self.text[name_start..open].split('<').next()?.trim().to_owned();
        let close = self.closing(open)?;
        let body = close + self.code[close..].iter().position(|byte| matches!(byte, b'{' | b';'))?;
        let end = if self.code[body] == b'{' { self.closing(body)? } else { body };
        let parameters = self.parameters(open + 1..close);
        Some(Function { name, signature: start..body, whole: start..end + 1, parameters, is_closure: false })
    }

    /// `let name = |parameters| ..;`
    fn closure(&self, start: usize) -> Option<Function> {
        let rest = &self.code[start + "let".len()..];
        let equals = find(rest, b"=")?;
        let name = self.text[start + "let".len()..][..equals].trim();
        let bar = equals + 1 + rest[equals + 1..].iter().position(|byte| !byte.is_ascii_whitespace())?;
        if rest[bar] != b'|' || !name.bytes().all(is_of_word) {
            return None;
        }
        let close = bar + 1 + rest[bar + 1..].iter().position(|byte| *byte == b'|')?;
        let offset = start + "let".len();
        let parameters = self.parameters(offset + bar + 1..offset + close);
        let whole = start..offset + close + 1;
        Some(Function { name: name.to_owned(), signature: 0..0, whole, parameters, is_closure: true })
    }

    fn parameters(&self, inside: Range<usize>) -> Vec<Parameter> {
        let one = |range: Range<usize>| {
            let (name, kind) = self.slice(&range).split_once(": ").unwrap_or((self.slice(&range), ""));
            Parameter { name: name.trim().to_owned(), kind: kind.trim().to_owned() }
        };
        self.split(inside).into_iter().map(one).collect()
    }

    /// Where the bracket at a place is closed.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (place, byte) in self.code.iter().enumerate().skip(open) {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(place);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The parts between the commas of a list, without the spaces around them.
    fn split(&self, inside: Range<usize>) -> Vec<Range<usize>> {
        let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, inside.start);
        for place in inside.clone() {
            match self.code[place] {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => {
                    parts.push(from..place);
                    from = place + 1;
                }
                _ => {}
            }
        }
        parts.push(from..inside.end);
        let trimmed = parts.into_iter().map(|part| {
            let text = &self.text[part.clone()];
            let start = part.start + text.len() - text.trim_start().len();
            start..start + text.trim().len()
        });
        trimmed.filter(|part| !part.is_empty()).collect()
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn ends_with_word(text: &[u8], word: &[u8]) -> bool {
    text.strip_suffix(word).is_some_and(|before| before.last().is_none_or(|byte| !is_of_word(*byte)))
}

/// Blanks comments, texts and characters, and everything from the unit tests on.
fn blank(text: &str) -> Vec<u8> {
    let mut code = text.as_bytes().to_vec();
    let mut place = 0;
    while place < code.len() {
        let rest = &text.as_bytes()[place..];
        let length = match rest {
            [b'/', b'/', ..] => find(rest, b"\n").unwrap_or(rest.len()),
            [b'"', ..] => text_length(rest),
            // A character, not a lifetime.
            [b'\'', b'\\', ..] => rest.iter().skip(2).position(|byte| *byte == b'\'').map_or(1, |n| n + 3),
            [b'\'', _, b'\'', ..] => 3,
            _ => 0,
        };
        for byte in code.iter_mut().skip(place).take(length).filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        place += length.max(1);
    }
    if let Some(tests) = find(&code, b"#[cfg(test)]\nmod ") {
        code.iter_mut().skip(tests).filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    code
}

/// The length of a text with both quotes.
fn text_length(rest: &[u8]) -> usize {
    let mut is_escaped = false;
    for (place, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
use crate::entry::{Posting, tax as tax_back};

/// Not a call: f(1, 2).
pub(crate) fn f<'a>(from: Account, to: Account, at: &'a [(u8, Amount)]) -> Vec<u8> {
    let debit = |(code, of): Account, amount: Amount| one(code, of, amount);
    let c = '"';
    debit((A, Some("f(x, ')y')")), e.net); // f(3)
    self.f(7);
    g(
        h(1, [2, 3]),
        b"x",
    )
}

fn g(a: u8) {}

#[cfg(test)]
mod tests {
    fn t() { f(4, 5); }
}
"#;

    #[test]
    fn functions_and_named_closures_are_found_with_their_parameters() {
        let source = Source::new(TEXT.to_owned());
        let names: Vec<_> = source.functions.iter().map(|f| (f.name.as_str(), f.is_closure)).collect();
        assert_eq!(names, [("f", false), ("g", false), ("debit", true)]);
        let shown: Vec<_> = source.functions[0]
            .parameters
            .iter()
            .map(|parameter| (parameter.name.as_str(), parameter.kind.as_str()))
            .collect();
        assert_eq!(shown, [("from", "Account"), ("to", "Account"), ("at", "&'a [(u8, Amount)]")]);
        let signature = source.slice(&source.functions[0].signature);
        assert!(signature.starts_with("fn f<'a>(") && signature.ends_with("-> Vec<u8> "), "{signature}");
        assert!(source.slice(&source.functions[0].whole).ends_with("    )\n}"));
        assert_eq!(source.functions[2].parameters[1].kind, "Amount");
    }

    #[test]
    fn calls_are_found_with_their_arguments_and_nothing_else_is() {
        let source = Source::new(TEXT.to_owned());
        let calls = |name: &str| -> Vec<Vec<String>> {
            let shown = |call: Call| call.arguments.iter().map(|a| source.slice(a).to_owned()).collect();
            source.calls(name).map(shown).collect()
        };
        assert_eq!(calls("g"), [["h(1, [2, 3])", "b\"x\""]]);
        assert_eq!(calls("debit"), [["(A, Some(\"f(x, ')y')\"))", "e.net"]]);
        assert!(calls("f").is_empty(), "a definition, comments, texts, methods and tests are no calls");
    }

    #[test]
    fn places_have_a_line_and_a_function() {
        let source = Source::new(TEXT.to_owned());
        let call = source.calls("g").next().expect("a call");
        assert_eq!(source.line(call.name.start), 10);
        assert_eq!(source.function_at(call.name.start).map(|f| f.name.as_str()), Some("f"));
        assert!(source.is_in_use(source.words("Posting").next().expect("a word").start));
        assert_eq!(source.names_of("tax"), ["tax", "tax_back"]);
        assert_eq!(source.names_of("g"), ["g"]);
        assert!(!source.is_in_use(call.name.start));
        assert_eq!(source.words("cod").count(), 0, "only whole words");
    }
}
