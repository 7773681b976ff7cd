CREATE TABLE players (
    player TEXT PRIMARY KEY,
    kind TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- staked, paid, refunded: exact decimal text; detail: bets, wins and credits as JSON
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
-- stakes, payouts: exact decimal text
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
