-- balances, version 1
-- migration 1: tables, aec9cbd558cb7d315f1394eb791b51d3391bf1a221936ae703a4aa0340ac85cb
CREATE TABLE players (
    player TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (player)
) STRICT, WITHOUT ROWID;
CREATE TABLE purses (
    player TEXT NOT NULL,
    currency TEXT NOT NULL,
    scale INTEGER NOT NULL,
    PRIMARY KEY (player, currency)
) STRICT, WITHOUT ROWID;
CREATE TABLE balances (
    player TEXT NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    sub_account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (player, kind, account, sub_account, currency)
) STRICT, WITHOUT ROWID;

-- trial_balance, version 1
-- migration 1: tables, 6d762998ff87399e8883d185925a00ec310f7e5f60fdbdeeef8e25d7e906d004
CREATE TABLE trial_balance (
    shard INTEGER NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    sub_account TEXT NOT NULL,
    currency TEXT NOT NULL,
    debits TEXT NOT NULL,
    credits TEXT NOT NULL,
    PRIMARY KEY (shard, kind, account, sub_account, currency)
) STRICT, WITHOUT ROWID;

-- rounds, version 1
-- migration 1: tables, 2ef6df1e7077d3f2713a06ed87e5212101da6949378f5834708b83628430bcbf
CREATE TABLE players (
    player TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (player)
) STRICT, WITHOUT ROWID;
CREATE TABLE rounds (
    player TEXT NOT NULL,
    source TEXT NOT NULL,
    round TEXT NOT NULL,
    shard INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    currency TEXT,
    version INTEGER NOT NULL,
    staked TEXT NOT NULL,
    paid TEXT NOT NULL,
    refunded TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    opened_position INTEGER NOT NULL,
    closed_at TEXT,
    closed_position INTEGER,
    detail TEXT NOT NULL,
    PRIMARY KEY (player, source, round)
) STRICT, WITHOUT ROWID;
CREATE INDEX rounds_by_status ON rounds (status, shard, opened_position, source, round);
CREATE TABLE games (
    shard INTEGER NOT NULL,
    kind TEXT NOT NULL,
    game TEXT NOT NULL,
    currency TEXT NOT NULL,
    rounds INTEGER NOT NULL,
    stakes TEXT NOT NULL,
    payouts TEXT NOT NULL,
    PRIMARY KEY (shard, kind, game, currency)
) STRICT, WITHOUT ROWID;

-- turnover, version 1
-- migration 1: rows, 3bbf74f0364c16c1871e88f8c3500b1181fff3e32fbe10c3ab122969b50b9b28
CREATE TABLE model_rows (
    row_key TEXT NOT NULL,
    shard INTEGER NOT NULL,
    contents TEXT NOT NULL,
    PRIMARY KEY (row_key, shard)
) STRICT, WITHOUT ROWID;
