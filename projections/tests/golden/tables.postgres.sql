-- balances, version 1
-- migration 1: tables, 39ae9a6a9a42c792028532a1b8f5163ab0d069dc3debe9adce7c41ffea7d7c97
CREATE TABLE players (
    player TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (player)
);
CREATE TABLE purses (
    player TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    scale BIGINT NOT NULL,
    PRIMARY KEY (player, currency)
);
CREATE TABLE balances (
    player TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    sub_account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    amount TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (player, kind, account, sub_account, currency)
);

-- trial_balance, version 1
-- migration 1: tables, 9081a0c86eaebe98b9ae7cf93a54fb9744e42cdf528fbad1bfb9874389e24626
CREATE TABLE trial_balance (
    shard BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    sub_account TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    debits TEXT COLLATE "C" NOT NULL,
    credits TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, kind, account, sub_account, currency)
);

-- rounds, version 1
-- migration 1: tables, 73e7c7bac7d41b01515f934b3ea212869b2724d1ca394b620615a9ddf3a73848
CREATE TABLE players (
    player TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (player)
);
CREATE TABLE rounds (
    player TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    round TEXT COLLATE "C" NOT NULL,
    shard BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C",
    version BIGINT NOT NULL,
    staked TEXT COLLATE "C" NOT NULL,
    paid TEXT COLLATE "C" NOT NULL,
    refunded TEXT COLLATE "C" NOT NULL,
    opened_at TEXT COLLATE "C" NOT NULL,
    opened_position BIGINT NOT NULL,
    closed_at TEXT COLLATE "C",
    closed_position BIGINT,
    detail TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (player, source, round)
);
CREATE INDEX rounds_by_status ON rounds (status, shard, opened_position, source, round);
CREATE TABLE games (
    shard BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    game TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    rounds BIGINT NOT NULL,
    stakes TEXT COLLATE "C" NOT NULL,
    payouts TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, kind, game, currency)
);

-- turnover, version 1
-- migration 1: rows, 121fcf9c588603dd4bc7e5e5539767b52895260be05dfa3f2da14762760070f6
CREATE TABLE model_rows (
    row_key TEXT COLLATE "C" NOT NULL,
    shard BIGINT NOT NULL,
    contents TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (row_key, shard)
);
