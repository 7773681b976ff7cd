//! The next release.

fn main() -> anyhow::Result<()> {
    ledger_releases::main()
}
