-- What this ledger is: one row, written once.
CREATE TABLE IF NOT EXISTS ledger (
    one integer PRIMARY KEY CHECK (one = 1),
    ledger uuid NOT NULL,
    shards integer NOT NULL,
    format integer NOT NULL
)
