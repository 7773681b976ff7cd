-- debits, credits: exact decimal text
CREATE TABLE trial_balance (
    shard INTEGER NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    sub_account TEXT NOT NULL, -- empty for accounts of players and those that are kept per nothing
    currency TEXT NOT NULL,
    debits TEXT NOT NULL,
    credits TEXT NOT NULL,
    PRIMARY KEY (shard, kind, account, sub_account, currency)
) STRICT, WITHOUT ROWID;
