//! What is changed: every account, side, amount and sub-account that a posting is made with.
//!
//! All changes are written into one copy of the source, each behind a switch, so that it is compiled once;
//! the environment says at run time which of them is on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use super::chart::Chart;
use super::source::{Call, Function, Source};

/// What the switches call; it becomes a module of the mutated crate.
pub(crate) const SWITCHES: &str = include_str!("switches.rs");

/// One change of one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// What turns it on.
    pub(crate) id: u32,
    /// The file, from the workspace's root.
    pub(crate) file: String,
    /// The lines it stands on, from 1.
    pub(crate) lines: std::ops::RangeInclusive<usize>,
    /// The function it is in.
    pub(crate) function: String,
    /// What is changed into what.
    pub(crate) what: String,
    /// Whether it may well not compile: what it names may be out of scope.
    pub(crate) is_bold: bool,
}

impl Mutant {
    pub(crate) fn shown(&self) -> String {
        format!("{}:{} {}: {}", self.file, self.lines.start(), self.function, self.what)
    }
}

/// A file with all its mutants behind switches.
pub(crate) struct Mutated {
    pub(crate) text: String,
    pub(crate) mutants: Vec<Mutant>,
    /// The next free number.
    pub(crate) next: u32,
}

/// An insertion around a piece of the source, or in its stead.
struct Edit {
    at: Range<usize>,
    open: String,
    /// What replaces the piece; without it the piece stays.
    inner: Option<String>,
    close: &'static str,
}

/// Makes the mutants of one file; `first` is the first free number, and `skip` are those that do not compile.
pub(crate) fn mutate(file: &str, text: &str, chart: &Chart, first: u32, skip: &BTreeSet<u32>) -> Mutated {
    let source = Source::new(text.to_owned());
    let mut plan = Plan {
        file,
        source: &source,
        next: first,
        skip,
        of_functions: BTreeMap::new(),
        mutants: Vec::new(),
        edits: Vec::new(),
        tail: String::new(),
    };
    plan.accounts(chart);
    for side in ["debit", "credit"] {
        plan.postings(side);
    }
    if text.contains("Posting::") {
        plan.helpers();
    }
    Mutated { text: render(text, plan.edits) + &plan.tail, mutants: plan.mutants, next: plan.next }
}

struct Plan<'a> {
    file: &'a str,
    source: &'a Source,
    next: u32,
    skip: &'a BTreeSet<u32>,
    /// The mutants of whole functions, by where the function begins.
    of_functions: BTreeMap<(usize, &'static str), Option<u32>>,
    mutants: Vec<Mutant>,
    edits: Vec<Edit>,
    /// Functions to be added at the end of the file.
    tail: String,
}

impl Plan<'_> {
    /// A new mutant of a place; its number, unless it is to be skipped.
    fn add(&mut self, at: &Range<usize>, what: String) -> Option<u32> {
        let id = self.next;
        self.next += 1;
        if self.skip.contains(&id) {
            return None;
        }
        let function = self.source.function_at(at.start).map_or("-", |function| &function.name).to_owned();
        let lines = self.source.line(at.start)..=self.source.line(at.end);
        let file = self.file.to_owned();
        self.mutants.push(Mutant { id, file, lines, function, what, is_bold: false });
        Some(id)
    }

    fn add_bold(&mut self, at: &Range<usize>, what: String) -> Option<u32> {
        let id = self.add(at, what)?;
        self.mutants.last_mut()?.is_bold = true;
        Some(id)
    }

    fn edit(&mut self, at: &Range<usize>, open: String, inner: Option<String>, close: &'static str) {
        self.edits.push(Edit { at: at.clone(), open, inner, close });
    }

    /// Every account that is named: another of the same book and class.
    fn accounts(&mut self, chart: &Chart) {
        let source = self.source;
        for name in chart.names() {
            let Some(other) = chart.other_than(name) else { continue };
            for word in source.words(name) {
                let Some(at) = account_at(source, &word) else { continue };
                let what = format!("{name} becomes {other}");
                if let Some(id) = self.add(&at, what) {
                    let own = source.slice(&at);
                    let inner = format!(
                        "(if crate::mutant::on(&[{id}]) {{ crate::AccountCode::{other} }} else {{ {own} }})"
                    );
                    self.edit(&at, String::new(), Some(inner), "");
                }
            }
        }
    }

    /// Every posting on a side: the other side, and what its arguments could be instead; and the whole
    /// function the other way round, or by twice the amount, which balances as before.
    fn postings(&mut self, side: &str) {
        let other = if side == "debit" { "credit" } else { "debit" };
        let name = format!("Posting::{side}");
        let source = self.source;
        for call in source.calls(&name) {
            let own = self.add(&call.name, format!("{side} becomes {other}"));
            let all = self.of_function(&call, "every side is swapped");
            let ids = list(&[own, all]);
            let inner =
                format!("(if crate::mutant::on(&[{ids}]) {{ Posting::{other} }} else {{ Posting::{side} }})");
            self.edit(&call.name, String::new(), Some(inner), "");
            if let Some(of) = call.arguments.get(1).filter(|of| source.slice(of) != "None") {
                self.sub_account(of);
            }
            if let Some(amount) = call.arguments.get(2) {
                let all = self.of_function(&call, "every amount is doubled");
                let rival = self.rival(&call, source.slice(amount));
                self.amount(amount, all, rival);
            }
        }
    }

    /// The mutant of a whole function, made with the first posting of it.
    fn of_function(&mut self, call: &Call, what: &'static str) -> Option<u32> {
        let start = self.source.function_at(call.name.start)?.whole.start;
        if let Some(made) = self.of_functions.get(&(start, what)) {
            return *made;
        }
        let made = self.add(&(start..start), what.to_owned());
        self.of_functions.insert((start, what), made);
        made
    }

    /// Another amount of the same function.
    fn rival(&self, call: &Call, own: &str) -> Option<String> {
        let source = self.source;
        let within = &source.function_at(call.name.start)?.whole;
        let calls = ["Posting::debit", "Posting::credit"].into_iter().flat_map(|name| source.calls(name));
        let amounts = calls.filter(|other| within.contains(&other.name.start)).filter_map(|other| {
            let amount = other.arguments.get(2)?;
            Some(source.slice(amount).to_owned())
        });
        amounts.into_iter().find(|amount| amount != own)
    }

    fn amount(&mut self, at: &Range<usize>, all: Option<u32>, rival: Option<String>) {
        let own = one_line(self.source.slice(at));
        let double = self.add(at, format!("{own} is doubled"));
        let none = self.add(at, format!("{own} becomes zero"));
        let mut open = format!("crate::mutant::amount(&[{}], &[{}], ", list(&[double, all]), list(&[none]));
        let mut close = ")";
        if let Some(rival) = rival {
            let rival = one_line(&rival);
            if let Some(id) = self.add_bold(at, format!("{own} becomes {rival}")) {
                open = format!("{open}if crate::mutant::on(&[{id}]) {{ {rival} }} else {{ ");
                close = " })";
            }
        }
        self.edit(at, open, None, close);
    }

    fn sub_account(&mut self, at: &Range<usize>) {
        let own = one_line(self.source.slice(at));
        if let Some(id) = self.add(at, format!("{own} becomes another")) {
            self.edit(at, format!("crate::mutant::sub_account(&[{id}], "), None, ")");
        }
    }

    /// Calls of functions of the same file that make postings: their amounts, and two arguments of one kind in
    /// each other's place.
    fn helpers(&mut self) {
        let source = self.source;
        for maker in source.functions.iter().filter(|function| makes_postings(source, function)) {
            let fits = |call: &Call| call.arguments.len() == maker.parameters.len();
            let calls: Vec<Call> = source.calls(&maker.name).filter(fits).collect();
            for amount in positions(maker, "Amount") {
                for call in &calls {
                    self.amount(&call.arguments[amount], None, None);
                }
            }
            self.change_places(maker, &calls);
        }
    }

    /// A twin of the function takes the arguments the other way round; a switch calls it in its stead.
    fn change_places(&mut self, maker: &Function, calls: &[Call]) {
        let Some((one, two)) = pair(maker) else { return };
        let mut names: Vec<&str> = maker.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        let are_plain = names.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        if maker.is_closure || calls.is_empty() || !are_plain {
            return;
        }
        let what = format!("{} and {} of {} change places", names[one], names[two], maker.name);
        let twin = format!("mutant_{}_of_{}", self.next, maker.name);
        for call in calls {
            if let Some(id) = self.add_bold(&call.name, what.clone()) {
                let own = self.source.slice(&call.name);
                let inner = format!("(if crate::mutant::on(&[{id}]) {{ {twin} }} else {{ {own} }})");
                self.edit(&call.name, String::new(), Some(inner), "");
            }
        }
        names.swap(one, two);
        let signature = one_line(self.source.slice(&maker.signature));
        let signature = signature.replacen(&format!("fn {}", maker.name), &format!("fn {twin}"), 1);
        let _ = writeln!(self.tail, "{signature} {{ {}({}) }}", maker.name, names.join(", "));
    }
}

/// Where an account is named as a value: the whole path, or a name that `use` brought in.
fn account_at(source: &Source, word: &Range<usize>) -> Option<Range<usize>> {
    let before = source.before(word.start);
    let path = "AccountCode::";
    let start = match before.strip_suffix(path.as_bytes()) {
        Some(rest) if rest.ends_with(b"crate::") => word.start - path.len() - "crate::".len(),
        Some(rest) if rest.ends_with(b":") => return None,
        Some(_) => word.start - path.len(),
        None if before.ends_with(b":") || !is_imported(source, word) => return None,
        None => word.start,
    };
    // What is compared with in a pattern, and what is brought in, are no values.
    let after = source.after(word.end);
    let is_pattern = after.starts_with(b"=>") || after.starts_with(b"|") || before.ends_with(b"|");
    let is_other = after.starts_with(b"(") || after.starts_with(b"{") || after.starts_with(b":");
    (!is_pattern && !is_other && !source.is_in_use(word.start)).then_some(start..word.end)
}

fn is_imported(source: &Source, word: &Range<usize>) -> bool {
    let name = source.slice(word);
    source.words(name).any(|other| {
        let line = source.before(other.start);
        let statement = line.rsplit(|byte| *byte == b';').next().unwrap_or_default();
        source.is_in_use(other.start) && String::from_utf8_lossy(statement).contains("AccountCode::")
    })
}

/// Whether a function's result is postings, or it is a closure that makes one.
fn makes_postings(source: &Source, function: &Function) -> bool {
    let takes_money = function.parameters.iter().any(|parameter| parameter.kind == "Amount");
    let result = source.slice(&function.signature).rsplit_once("->").map_or("", |(_, result)| result);
    takes_money && (function.is_closure || result.contains("Posting"))
}

fn positions(function: &Function, kind: &str) -> Vec<usize> {
    let all = function.parameters.iter().enumerate();
    all.filter(|(_, parameter)| parameter.kind == kind).map(|(at, _)| at).collect()
}

/// The first two parameters of one kind.
fn pair(function: &Function) -> Option<(usize, usize)> {
    function.parameters.iter().enumerate().find_map(|(one, parameter)| {
        let alike = positions(function, &parameter.kind);
        alike.into_iter().find(|two| *two > one).map(|two| (one, two))
    })
}

fn list(ids: &[Option<u32>]) -> String {
    ids.iter().flatten().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes the edits into the text. Those around others come first where they open and last where they close.
fn render(text: &str, edits: Vec<Edit>) -> String {
    let mut pieces: Vec<(usize, bool, usize, Edit)> = Vec::new();
    for edit in edits {
        let length = edit.at.len();
        let close = Edit { at: edit.at.clone(), open: String::new(), inner: None, close: edit.close };
        pieces.push((edit.at.end, false, length, close));
        pieces.push((edit.at.start, true, usize::MAX - length, edit));
    }
    pieces.sort_by_key(|(place, opens, order, _)| (*place, *opens, *order));
    let (mut written, mut from) = (String::with_capacity(text.len() * 2), 0);
    for (place, opens, _, edit) in pieces {
        written += &text[from..place.max(from)];
        from = from.max(place);
        if opens {
            written += &edit.open;
            if let Some(inner) = &edit.inner {
                // A replacement stands on as many lines as what it replaces.
                written += inner;
                from = edit.at.end;
            }
        } else {
            written += edit.close;
        }
    }
    written + &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHART: &str = "
chart! {
    Clearing = \"A10\" \"psp:clearing\" Asset Cash \"psp\" false: \"x\",
    Bank = \"A11\" \"bank\" Asset Cash \"account\" false: \"x\",
    Cash = \"L10\" \"player:cash\" Liability Cash \"\" true: \"x\",
    Dormant = \"L70\" \"player:dormant\" Liability Cash \"\" true: \"x\",
}
";

    fn mutated(text: &str, skip: &[u32]) -> (String, Vec<String>) {
        let chart = Chart::read(CHART).expect("a chart");
        let all = mutate("f.rs", text, &chart, 1, &skip.iter().copied().collect());
        (all.text, all.mutants.iter().map(|mutant| format!("{} {}", mutant.id, mutant.shown())).collect())
    }

    const DEPOSIT: &str = "\
fn deposit(of: SubAccount, amount: Amount, fee: Amount) -> Vec<Posting> {
    vec![
        Posting::debit(AccountCode::Clearing, Some(of), amount, EUR),
        Posting::credit(AccountCode::Cash, None, fee, EUR),
    ]
}
";

    #[test]
    fn side_account_amount_and_sub_account_of_each_posting_are_changed() {
        let (text, mutants) = mutated(DEPOSIT, &[]);
        assert_eq!(
            mutants,
            [
                "1 f.rs:3 deposit: Clearing becomes Bank",
                "2 f.rs:4 deposit: Cash becomes Dormant",
                "3 f.rs:3 deposit: debit becomes credit",
                "4 f.rs:1 deposit: every side is swapped",
                "5 f.rs:3 deposit: Some(of) becomes another",
                "6 f.rs:1 deposit: every amount is doubled",
                "7 f.rs:3 deposit: amount is doubled",
                "8 f.rs:3 deposit: amount becomes zero",
                "9 f.rs:3 deposit: amount becomes fee",
                "10 f.rs:4 deposit: credit becomes debit",
                "11 f.rs:4 deposit: fee is doubled",
                "12 f.rs:4 deposit: fee becomes zero",
                "13 f.rs:4 deposit: fee becomes amount",
            ]
        );
        let debit = "\
        (if crate::mutant::on(&[3, 4]) { Posting::credit } else { Posting::debit })(\
        (if crate::mutant::on(&[1]) { crate::AccountCode::Bank } else { AccountCode::Clearing }), \
        crate::mutant::sub_account(&[5], Some(of)), \
        crate::mutant::amount(&[7, 6], &[8], if crate::mutant::on(&[9]) { fee } else { amount }), EUR),";
        assert_eq!(text.lines().nth(2).map(str::trim_start), Some(debit));
        assert_eq!(text.lines().count(), DEPOSIT.lines().count(), "a line stays where it is");
    }

    #[test]
    fn what_does_not_compile_is_left_out_and_the_others_keep_their_numbers() {
        let (text, mutants) = mutated(DEPOSIT, &[4, 9, 13]);
        assert_eq!(mutants.len(), 10);
        assert!(mutants.contains(&"12 f.rs:4 deposit: fee becomes zero".to_owned()), "{mutants:?}");
        assert!(!text.contains("{ fee }") && text.contains("on(&[3])"), "{text}");
    }

    #[test]
    fn accounts_are_found_by_path_or_import_and_not_in_patterns() {
        let text = "\
use AccountCode::{Bank, Cash};
fn f(code: AccountCode) -> AccountCode {
    match code {
        AccountCode::Clearing => Bank,
        Cash | Bank => crate::AccountCode::Cash,
        _ => Due::Cash,
    }
}
";
        let (text, mutants) = mutated(text, &[]);
        assert_eq!(mutants, ["1 f.rs:4 f: Bank becomes Clearing", "2 f.rs:5 f: Cash becomes Dormant"]);
        assert!(text.contains("Cash | Bank => (if crate::mutant::on(&[2]) { crate::AccountCode::Dormant } else { crate::AccountCode::Cash }),"), "{text}");
    }

    #[test]
    fn calls_of_what_makes_postings_are_changed_too() {
        let text = "\
fn moved(to: Account, from: Account, amount: Amount) -> Vec<Posting> {
    vec![Posting::debit(to.0, to.1, amount, EUR), Posting::credit(from.0, from.1, amount, EUR)]
}
fn settled(e: &Event) -> Vec<Posting> {
    moved(bank(&e.bank), clearing(), e.net)
}
";
        let (text, mutants) = mutated(text, &[]);
        let of_call: Vec<_> = mutants.iter().filter(|mutant| mutant.contains("settled")).collect();
        assert_eq!(
            of_call,
            [
                "11 f.rs:5 settled: e.net is doubled",
                "12 f.rs:5 settled: e.net becomes zero",
                "13 f.rs:5 settled: to and from of moved change places",
            ]
        );
        let call = "    (if crate::mutant::on(&[13]) { mutant_13_of_moved } else { moved })\
                    (bank(&e.bank), clearing(), crate::mutant::amount(&[11], &[12], e.net))";
        assert_eq!(text.lines().nth(4), Some(call));
        let twin = "fn mutant_13_of_moved(to: Account, from: Account, amount: Amount) -> Vec<Posting> \
                    { moved(from, to, amount) }";
        assert_eq!(text.lines().last(), Some(twin));
    }
}
