//! What is changed: every account, side, amount and sub-account that a posting is made with.
//!
//! All changes are written into one copy of the source, each behind a switch, so that it is compiled once;
//! the environment says at run time which of them is on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::chart::Chart;
use super::source::{Call, Function, Parameter, Source};

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
    /// The function that it has take two arguments the other way round.
    pub(crate) maker: Option<(String, String)>,
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

/// A function that makes postings: what calls it says what they are.
pub(crate) struct Maker {
    file: String,
    name: String,
    parameters: Vec<Parameter>,
    /// The first two parameters of one kind.
    pair: Option<(usize, usize)>,
    /// Where its body begins.
    pub(crate) line: usize,
    body: usize,
}

impl Maker {
    /// Its file and name.
    pub(crate) fn key(&self) -> (String, String) {
        (self.file.clone(), self.name.clone())
    }
}

/// The functions of a file that make postings.
pub(crate) fn makers(file: &str, text: &str) -> Vec<Maker> {
    let source = Source::new(text.to_owned());
    let all = source.functions.iter().filter(|function| makes_postings(&source, function));
    let maker = |function: &Function| Maker {
        file: file.to_owned(),
        name: function.name.clone(),
        parameters: function.parameters.clone(),
        pair: pair(function),
        line: source.line(function.signature.end),
        body: function.signature.end,
    };
    all.map(maker).collect()
}

/// What does not compile.
#[derive(Default)]
pub(crate) struct Skip {
    pub(crate) mutants: BTreeSet<u32>,
    /// Functions whose arguments cannot change places.
    pub(crate) makers: BTreeSet<(String, String)>,
}

/// An insertion around a piece of the source, or in its stead.
struct Edit {
    at: Range<usize>,
    open: String,
    /// What replaces the piece; without it the piece stays.
    inner: Option<String>,
    close: &'static str,
}

/// Makes the mutants of one file; `first` is the first free number.
pub(crate) fn mutate(
    (file, text): (&str, &str),
    chart: &Chart,
    makers: &[Maker],
    first: u32,
    skip: &Skip,
) -> Mutated {
    let source = Source::new(text.to_owned());
    let mut plan = Plan {
        file,
        source: &source,
        next: first,
        skip,
        of_functions: BTreeMap::new(),
        mutants: Vec::new(),
        edits: Vec::new(),
    };
    plan.accounts(chart);
    if makers.iter().any(|maker| maker.file == file) || text.contains("Posting::") {
        for side in ["debit", "credit"] {
            plan.postings(side);
        }
        plan.literals();
        plan.sides();
        plan.closures();
    }
    plan.calls(makers);
    plan.swaps(makers);
    Mutated { text: render(text, plan.edits), mutants: plan.mutants, next: plan.next }
}

struct Plan<'a> {
    file: &'a str,
    source: &'a Source,
    next: u32,
    skip: &'a Skip,
    /// The mutants of whole functions, by where the function begins.
    of_functions: BTreeMap<(usize, &'static str), Option<u32>>,
    mutants: Vec<Mutant>,
    edits: Vec<Edit>,
}

impl Plan<'_> {
    /// A new mutant of a place; its number, unless it is to be skipped.
    fn add(&mut self, at: &Range<usize>, what: String) -> Option<u32> {
        let id = self.next;
        self.next += 1;
        if self.skip.mutants.contains(&id) {
            return None;
        }
        let function = self.source.function_at(at.start).map_or("-", |function| &function.name).to_owned();
        let lines = self.source.line(at.start)..=self.source.line(at.end);
        let file = self.file.to_owned();
        self.mutants.push(Mutant { id, file, lines, function, what, is_bold: false, maker: None });
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
        let mut is_there = double.or(none).or(all).is_some();
        if let Some(rival) = rival {
            let rival = one_line(&rival);
            if let Some(id) = self.add_bold(at, format!("{own} becomes {rival}")) {
                open = format!("{open}if crate::mutant::on(&[{id}]) {{ {rival} }} else {{ ");
                close = " })";
                is_there = true;
            }
        }
        // Where nothing compiles the argument is none of an amount, but of another function with this name.
        if is_there {
            self.edit(at, open, None, close);
        }
    }

    fn sub_account(&mut self, at: &Range<usize>) {
        let own = one_line(self.source.slice(at));
        if let Some(id) = self.add(at, format!("{own} becomes another")) {
            self.edit(at, format!("crate::mutant::sub_account(&[{id}], "), None, ")");
        }
    }

    /// Postings that are written out.
    fn literals(&mut self) {
        let source = self.source;
        for literal in source.literals("Posting") {
            for field in &literal.arguments {
                let (name, value) = match source.slice(field).split_once(": ") {
                    Some((name, value)) => (name, field.end - value.len()..field.end),
                    None => (source.slice(field), field.clone()),
                };
                // A field that is only named gets its name before the switch.
                let open = if value == *field { format!("{name}: ") } else { String::new() };
                let before = self.edits.len();
                match name {
                    "amount" => self.amount(&value, None, None),
                    "of" if source.slice(&value) != "None" => self.sub_account(&value),
                    _ => {}
                }
                if let Some(edit) = self.edits.get_mut(before) {
                    edit.open.insert_str(0, &open);
                }
            }
        }
    }

    /// Sides that are named as values.
    fn sides(&mut self) {
        let source = self.source;
        for (own, other) in [("Side::Debit", "Side::Credit"), ("Side::Credit", "Side::Debit")] {
            for word in source.words(own) {
                let (before, after) = (source.before(word.start), source.after(word.end));
                if after.starts_with(b"=>") || after.starts_with(b"|") || before.ends_with(b"|") {
                    continue;
                }
                if let Some(id) = self.add(&word, format!("{own} becomes {other}")) {
                    let inner = format!("(if crate::mutant::on(&[{id}]) {{ {other} }} else {{ {own} }})");
                    self.edit(&word, String::new(), Some(inner), "");
                }
            }
        }
    }

    /// Calls of closures that make a posting.
    fn closures(&mut self) {
        let source = self.source;
        for closure in source.functions.iter().filter(|function| function.is_closure) {
            let fits = |call: &Call| call.arguments.len() == closure.parameters.len();
            for call in source.calls(&closure.name).filter(fits) {
                self.arguments(&call, &closure.parameters, false);
            }
        }
    }

    /// Calls of functions that make postings: what they are told, and two arguments of one kind in each
    /// other's place.
    fn calls(&mut self, makers: &[Maker]) {
        let source = self.source;
        let mut seen = BTreeSet::new();
        for maker in makers {
            let fits = |call: &Call| call.arguments.len() == maker.parameters.len();
            let names = source.names_of(&maker.name);
            for call in names.iter().flat_map(|name| source.calls(name)).filter(fits) {
                // Another function may have the same name: what is found there is mutated once.
                if seen.insert(call.name.start) {
                    self.arguments(&call, &maker.parameters, maker.file != self.file);
                    self.change_places(maker, &call);
                }
            }
        }
    }

    fn arguments(&mut self, call: &Call, parameters: &[Parameter], are_bold: bool) {
        let before = self.mutants.len();
        for (argument, parameter) in call.arguments.iter().zip(parameters) {
            match parameter.kind.as_str() {
                "Amount" => self.amount(argument, None, None),
                "SubAccount" => self.sub_account(argument),
                "Option<SubAccount>" if self.source.slice(argument) != "None" => self.sub_account(argument),
                _ => {}
            }
        }
        self.mutants.iter_mut().skip(before).for_each(|mutant| mutant.is_bold |= are_bold);
    }

    /// The last argument, once it is known, tells the function to take two of them the other way round.
    fn change_places(&mut self, maker: &Maker, call: &Call) {
        let (Some((one, two)), Some(last)) = (maker.pair, call.arguments.last()) else { return };
        let names = [one, two].map(|at| maker.parameters[at].name.as_str());
        let what = format!("{} and {} of {} change places", names[0], names[1], maker.name);
        let id = self.next;
        if self.skip.makers.contains(&maker.key()) {
            self.next += 1;
        } else if self.add_bold(&call.name, what).is_some() {
            if let Some(mutant) = self.mutants.last_mut() {
                mutant.maker = Some(maker.key());
            }
            self.edit(last, format!("crate::mutant::arm(&[{id}], "), None, ")");
        }
    }

    /// In a function that makes postings: takes the arguments the other way round if it was told to.
    fn swaps(&mut self, makers: &[Maker]) {
        let own = makers.iter().filter(|maker| maker.file == self.file);
        for maker in own.filter(|maker| !self.skip.makers.contains(&maker.key())) {
            let Some((one, two)) = maker.pair else { continue };
            let (a, b) = (&maker.parameters[one].name, &maker.parameters[two].name);
            let swap = format!(
                "{{ let ({a}, {b}) = if crate::mutant::is_armed() {{ ({b}, {a}) }} else {{ ({a}, {b}) }};"
            );
            let brace = maker.body..maker.body + 1;
            self.edits.push(Edit { at: brace, open: String::new(), inner: Some(swap), close: "" });
        }
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

/// Whether a function's result is postings.
fn makes_postings(source: &Source, function: &Function) -> bool {
    let signature = source.slice(&function.signature);
    let is_told = function.parameters.iter().any(|parameter| parameter.kind != "Posting");
    let result = signature.rsplit_once("->").map_or("", |(_, result)| result);
    is_told && result.contains("Posting") && source.is_body(function.signature.end)
}

/// The first two parameters of one kind.
fn pair(function: &Function) -> Option<(usize, usize)> {
    let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let all: Vec<_> = function.parameters.iter().enumerate().filter(|(_, p)| is_plain(&p.name)).collect();
    all.iter().find_map(|(one, parameter)| {
        let alike = |(two, other): &&(usize, &Parameter)| two > one && other.kind == parameter.kind;
        all.iter().find(alike).map(|(two, _)| (*one, *two))
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
        let skip = Skip { mutants: skip.iter().copied().collect(), makers: BTreeSet::new() };
        let all = mutate(("f.rs", text), &chart, &makers("f.rs", text), 1, &skip);
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

    const SETTLED: &str = "\
fn moved(to: Account, from: Account, amount: Amount) -> Vec<Posting> {
    vec![Posting::debit(to.0, to.1, amount, EUR), Posting::credit(from.0, from.1, amount, EUR)]
}
fn settled(e: &Event) -> Vec<Posting> {
    moved(bank(&e.bank), clearing(), e.net)
}
";

    #[test]
    fn calls_of_what_makes_postings_are_changed_too() {
        let (text, mutants) = mutated(SETTLED, &[]);
        let of_call: Vec<_> = mutants.iter().filter(|mutant| mutant.contains("settled")).collect();
        assert_eq!(
            of_call,
            [
                "11 f.rs:5 settled: e.net is doubled",
                "12 f.rs:5 settled: e.net becomes zero",
                "13 f.rs:5 settled: to and from of moved change places",
            ]
        );
        let call = "    moved(bank(&e.bank), clearing(), \
                    crate::mutant::amount(&[11], &[12], crate::mutant::arm(&[13], e.net)))";
        assert_eq!(text.lines().nth(4), Some(call));
        let swap = "let (to, from) = if crate::mutant::is_armed() { (from, to) } else { (to, from) };";
        assert!(text.lines().next().is_some_and(|line| line.ends_with(swap)), "{text}");
        assert_eq!(text.lines().count(), SETTLED.lines().count());
    }

    #[test]
    fn calls_from_other_files_are_changed_and_what_cannot_change_places_is_left() {
        let chart = Chart::read(CHART).expect("a chart");
        let makers = makers("f.rs", SETTLED);
        let text =
            "fn g(e: &E) {\n    postings.extend(house::moved(a(), b(), e.fee)?);\n    x.moved(a, b, c);\n}\n";
        let mut skip = Skip::default();
        let found = |skip: &Skip| {
            let mutated = mutate(("g.rs", text), &chart, &makers, 1, skip);
            mutated.mutants.iter().map(|m| format!("{} {}", m.id, m.shown())).collect::<Vec<_>>()
        };
        let swap = "3 g.rs:2 g: to and from of moved change places";
        assert_eq!(found(&skip), ["1 g.rs:2 g: e.fee is doubled", "2 g.rs:2 g: e.fee becomes zero", swap]);
        skip.makers.insert(("f.rs".to_owned(), "moved".to_owned()));
        assert_eq!(found(&skip).len(), 2);
        assert!(!mutate(("f.rs", SETTLED), &chart, &makers, 1, &skip).text.contains("is_armed"));
    }

    #[test]
    fn sides_and_postings_that_are_written_out_are_changed() {
        let text = "\
fn outside(side: Side, of: SubAccount, amount: Amount) -> Posting {
    Posting { side, account: FX, of: Some(of), amount, currency }
}
fn reversed(posting: Posting) -> Posting {
    let side = match posting.side {
        Side::Debit => Side::Credit,
        Side::Credit => Side::Debit,
    };
    Posting { side, ..posting }
}
";
        let (text, mutants) = mutated(text, &[]);
        assert_eq!(
            mutants,
            [
                "1 f.rs:2 outside: Some(of) becomes another",
                "2 f.rs:2 outside: amount is doubled",
                "3 f.rs:2 outside: amount becomes zero",
                "4 f.rs:7 reversed: Side::Debit becomes Side::Credit",
                "5 f.rs:6 reversed: Side::Credit becomes Side::Debit",
            ]
        );
        let literal = "Posting { side, account: FX, of: crate::mutant::sub_account(&[1], Some(of)), \
                       amount: crate::mutant::amount(&[2], &[3], amount), currency }";
        assert_eq!(text.lines().nth(1).map(str::trim), Some(literal));
    }
}
