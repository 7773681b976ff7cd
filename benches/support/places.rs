//! Where a bench's ledger is: the embedded log, or the store that `cargo xtask bench <bench> --store sqlite|postgres`
//! names.

use casino_ledger::store::postgres::PostgresOptions;
use casino_ledger::{Ledger, Settings};

/// The variable that names the store; `cargo xtask bench` sets it.
const STORE: &str = "CASINO_LEDGER_BENCH_STORE";

/// The store that was asked for.
pub(crate) fn store_name() -> String {
    std::env::var(STORE).ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "log".to_owned())
}

/// A ledger's home, empty at first, that can be opened again.
#[derive(Debug)]
pub(crate) struct Place {
    folder: tempfile::TempDir,
    schema: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let schema = format!("bench_{}", uuid::Uuid::new_v4().simple());
        Self { folder: tempfile::tempdir().expect("a folder"), schema }
    }

    pub(crate) async fn open(&self, settings: Settings) -> Ledger {
        let folder = self.folder.path();
        let ledger = match store_name().as_str() {
            "log" => Ledger::open(folder.join("ledger"), settings).await,
            "sqlite" => Ledger::open_sqlite(folder.join("ledger.db"), settings).await,
            "postgres" => Ledger::open_postgres(self.postgres_options(), settings).await,
            other => panic!("there is no store {other}: log, sqlite or postgres"),
        };
        ledger.expect("a ledger")
    }

    fn postgres_options(&self) -> PostgresOptions {
        let mut options = PostgresOptions::new(&ledger_testkit::postgres::shared_url()).expect("a URL");
        options.schema.clone_from(&self.schema);
        options.verify_appends = false;
        options
    }
}
