//! The neutral settlement file.

use ledger_core::{CurrencyCode, Day, Timestamp};
use rust_decimal::Decimal;

use super::row::PaymentKind;

/// The largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most lines of a file.
pub const LINES_MAX: usize = 1_000_000;
/// The longest field, in bytes.
pub const FIELD_BYTES_MAX: usize = 256;

/// The columns, in order, as the first line of the file names them.
const COLUMNS: [&str; 15] = [
    "psp",
    "batch_id",
    "value_date",
    "line_no",
    "psp_ref",
    "merchant_ref",
    "type",
    "gross",
    "fee",
    "net",
    "currency",
    "settle_currency",
    "fx_rate",
    "booked_at",
    "status",
];

/// What a provider says of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LineStatus {
    /// It is settled.
    Settled,
    /// It is under way.
    Pending,
    /// It failed.
    Failed,
}

/// A line of a settlement file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementLine {
    /// The number of the line, as the file gives it.
    pub line_no: u64,
    /// The provider's reference of the payment.
    pub psp_ref: String,
    /// The host's reference, if the file has it.
    pub merchant_ref: Option<String>,
    /// What it is; `Err` with the word of the file if the ledger has no such kind.
    pub kind: Result<PaymentKind, String>,
    /// What was paid, before fees. Out of the house's pocket it is below zero, as the file has it.
    pub gross: Decimal,
    /// The provider's fee of it.
    pub fee: Decimal,
    /// What of it came to the bank: gross less fee.
    pub net: Decimal,
    /// The currency it was paid in.
    pub currency: CurrencyCode,
    /// The currency it was settled in.
    pub settle_currency: CurrencyCode,
    /// The rate between the two.
    pub fx_rate: Option<Decimal>,
    /// When the provider booked it.
    pub booked_at: Timestamp,
    /// Where it stands there.
    pub status: LineStatus,
}

/// A settlement file: the lines of one batch of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettlementFile {
    /// The provider.
    pub psp: String,
    /// Its id of the batch.
    pub batch: String,
    /// When the bank books it.
    pub value_date: Day,
    /// The lines, in order.
    pub lines: Vec<SettlementLine>,
}

/// Why a file cannot be read. Nothing of it is taken then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is too large.
    #[error("the file has {bytes} bytes: at most {FILE_BYTES_MAX} are read")]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// It has too many lines.
    #[error("the file has more than {LINES_MAX} lines")]
    TooManyLines,
    /// Its first line does not name the columns.
    #[error("the first line must name the columns {}", COLUMNS.join(","))]
    Columns,
    /// It has no lines.
    #[error("the file has no lines")]
    Empty,
    /// It is no table of text.
    #[error("line {line}: {reason}")]
    Table {
        /// The line of the file, from 1 on.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A field is not what it should be.
    #[error("line {line}, column {column}: {found:?} {expected}")]
    Field {
        /// The line of the file, from 1 on.
        line: u64,
        /// The column.
        column: &'static str,
        /// What stands there, shortened.
        found: String,
        /// What should.
        expected: &'static str,
    },
}

/// A line being read.
struct Record<'a> {
    line: u64,
    fields: &'a csv::StringRecord,
}

impl Record<'_> {
    fn text(&self, column: &'static str) -> Result<&str, FileError> {
        let at = COLUMNS.iter().position(|name| *name == column);
        let text = at.and_then(|at| self.fields.get(at)).unwrap_or_default().trim();
        if text.len() > FIELD_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(self.wrong(column, text, "is too long, or holds a control character"));
        }
        Ok(text)
    }

    fn wrong(&self, column: &'static str, found: &str, expected: &'static str) -> FileError {
        FileError::Field { line: self.line, column, found: found.chars().take(64).collect(), expected }
    }

    fn parsed<T>(
        &self,
        column: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, FileError> {
        let text = self.text(column)?;
        parse(text).ok_or_else(|| self.wrong(column, text, expected))
    }

    fn present(&self, column: &'static str) -> Result<String, FileError> {
        self.parsed(column, "must not be empty", |text| (!text.is_empty()).then(|| text.to_owned()))
    }

    fn decimal(&self, column: &'static str) -> Result<Decimal, FileError> {
        self.parsed(column, "is no exact decimal such as 10.50", decimal)
    }

    fn currency(&self, column: &'static str) -> Result<CurrencyCode, FileError> {
        self.parsed(column, "is no code of a currency", |text| text.parse().ok())
    }
}

/// A decimal as it stands: digits, at most one point, a minus.
fn decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let begins = digits.starts_with(|first: char| first.is_ascii_digit()) && !digits.ends_with('.');
    if plain && begins { Decimal::from_str_exact(text).ok() } else { None }
}

impl SettlementFile {
    /// Reads a file: comma-separated values (RFC 4180) in UTF-8, whose first line names the columns `psp`, `batch_id`,
    /// `value_date`, `line_no`, `psp_ref`, `merchant_ref`, `type`, `gross`, `fee`, `net`, `currency`, `settle_currency`,
    /// `fx_rate`, `booked_at`, `status`, in this order. Provider, batch and value date are the same on every line. An empty
    /// `merchant_ref`, `fee` or `fx_rate` is none, and an empty `settle_currency` the currency itself. Amounts are exact
    /// decimals, `booked_at` is UTC, `status` is `settled`, `pending` or `failed`.
    ///
    /// ```
    /// use ledger_projections::reconciliation::SettlementFile;
    /// let file = "psp,batch_id,value_date,line_no,psp_ref,merchant_ref,type,gross,fee,net,currency,settle_currency,fx_rate,booked_at,status\n\
    ///             psp,B1,2026-01-03,1,P7,,payment,50.00,1.75,48.25,EUR,,,2026-01-02T10:00:00Z,settled\n";
    /// let file = SettlementFile::parse(file.as_bytes())?;
    /// assert_eq!((file.batch.as_str(), file.lines.len()), ("B1", 1));
    /// # Ok::<(), ledger_projections::reconciliation::FileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FileError`], with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(FileError::TooLarge { bytes: bytes.len() });
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(false).from_reader(bytes);
        let mut fields = csv::StringRecord::new();
        let mut file: Option<Self> = None;
        let mut is_first = true;
        loop {
            let line = reader.position().line();
            let table = |error: csv::Error| FileError::Table { line, reason: error.to_string() };
            if !reader.read_record(&mut fields).map_err(table)? {
                break;
            }
            if is_first {
                is_first = false;
                if !fields.iter().map(str::trim).eq(COLUMNS) {
                    return Err(FileError::Columns);
                }
                continue;
            }
            let record = Record { line, fields: &fields };
            let (psp, batch) = (record.present("psp")?, record.present("batch_id")?);
            let value_date =
                record.parsed("value_date", "is no day such as 2026-01-31", |text| text.parse().ok())?;
            let read = read_line(&record)?;
            match &mut file {
                None => file = Some(Self { psp, batch, value_date, lines: vec![read] }),
                Some(file) => {
                    for (column, differs) in [
                        ("psp", psp != file.psp),
                        ("batch_id", batch != file.batch),
                        ("value_date", value_date != file.value_date),
                    ] {
                        if differs {
                            return Err(record.wrong(
                                column,
                                record.text(column)?,
                                "is not that of the first line",
                            ));
                        }
                    }
                    if file.lines.len() >= LINES_MAX {
                        return Err(FileError::TooManyLines);
                    }
                    file.lines.push(read);
                }
            }
        }
        if is_first {
            return Err(FileError::Columns);
        }
        file.ok_or(FileError::Empty)
    }
}

fn read_line(record: &Record<'_>) -> Result<SettlementLine, FileError> {
    let optional = |column: &'static str| Ok(Some(record.text(column)?).filter(|text| !text.is_empty()));
    let kind = record.present("type")?;
    let currency = record.currency("currency")?;
    let status = record.parsed("status", "is none of settled, pending, failed", |text| match text {
        "settled" => Some(LineStatus::Settled),
        "pending" => Some(LineStatus::Pending),
        "failed" => Some(LineStatus::Failed),
        _ => None,
    })?;
    Ok(SettlementLine {
        line_no: record.parsed("line_no", "is no number", |text| text.parse().ok())?,
        psp_ref: record.present("psp_ref")?,
        merchant_ref: optional("merchant_ref")?.map(str::to_owned),
        kind: PaymentKind::named(&kind).ok_or(kind),
        gross: record.decimal("gross")?,
        fee: match optional("fee")? {
            Some(_) => record.decimal("fee")?,
            None => Decimal::ZERO,
        },
        net: record.decimal("net")?,
        currency,
        settle_currency: match optional("settle_currency")? {
            Some(_) => record.currency("settle_currency")?,
            None => currency,
        },
        fx_rate: optional("fx_rate")?.map(|_| record.decimal("fx_rate")).transpose()?,
        booked_at: record
            .parsed("booked_at", "is no instant such as 2026-01-31T10:00:00Z", |text| text.parse().ok())?,
        status,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "psp,batch_id,value_date,line_no,psp_ref,merchant_ref,type,gross,fee,net,currency,\
                          settle_currency,fx_rate,booked_at,status";

    fn parse(lines: &str) -> Result<SettlementFile, FileError> {
        SettlementFile::parse(format!("{HEADER}\n{lines}").as_bytes())
    }

    #[test]
    fn a_file_reads_exactly() {
        let file = parse(
            "psp,B1,2026-01-03,1,P7,\"D,7\",payment,50.00,,50.00,KWD,,,2026-01-02T10:00:00Z,settled\n\
             psp,B1,2026-01-03,2,P8,,moon,-0.10,0.001,-0.101,KWD,USD,3.25,2026-01-02T10:00:01Z,failed\n",
        )
        .unwrap();
        assert_eq!(
            (file.psp.as_str(), file.batch.as_str(), file.value_date.to_string().as_str()),
            ("psp", "B1", "2026-01-03")
        );
        let [one, two] = &file.lines[..] else { panic!("two lines") };
        assert_eq!(
            (one.merchant_ref.as_deref(), one.fee, one.settle_currency),
            (Some("D,7"), Decimal::ZERO, one.currency)
        );
        assert_eq!(
            (two.kind.clone(), two.fx_rate.unwrap().to_string()),
            (Err("moon".to_owned()), "3.25".to_owned())
        );
        assert_eq!((two.gross.to_string(), two.status), ("-0.10".to_owned(), LineStatus::Failed));
    }

    #[test]
    fn what_is_no_file_is_refused_with_its_line() {
        let good = "psp,B1,2026-01-03,1,P7,,payment,50.00,,50.00,EUR,,,2026-01-02T10:00:00Z,settled";
        assert_eq!(SettlementFile::parse(b""), Err(FileError::Columns));
        assert_eq!(SettlementFile::parse(b"a,b\n1,2\n"), Err(FileError::Columns));
        assert_eq!(parse(""), Err(FileError::Empty));
        for (bad, column) in [
            (good.replace("50.00,,", "5e1,,"), "gross"),
            (good.replace("50.00,,", "0x5,,"), "gross"),
            (good.replace("50.00,,", "50.,,"), "gross"),
            (good.replace(",EUR,", ",eur,"), "currency"),
            (good.replace("P7", ""), "psp_ref"),
            (good.replace("P7", &"x".repeat(300)), "psp_ref"),
            (good.replace("settled", "done"), "status"),
            (good.replace("2026-01-03", "3.1.2026"), "value_date"),
            (good.replace("T10:00:00Z", " 10:00"), "booked_at"),
            (good.replace(",1,P7", ",one,P7"), "line_no"),
            (good.replace("B1", "B2"), "batch_id"),
        ] {
            match parse(&format!("{good}\n{bad}\n")) {
                Err(FileError::Field { line: 3, column: found, .. }) => assert_eq!(found, column, "{bad}"),
                other => panic!("{bad}: {other:?}"),
            }
        }
        assert!(matches!(parse("psp,B1\n"), Err(FileError::Table { line: 2, .. })));
        assert!(matches!(SettlementFile::parse(&[0xff; 3]), Err(FileError::Table { .. })));
        assert!(matches!(
            SettlementFile::parse(&vec![b'x'; FILE_BYTES_MAX + 1]),
            Err(FileError::TooLarge { .. })
        ));
    }
}
