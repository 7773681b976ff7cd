-- What this ledger is: one row, written once.
CREATE TABLE ledger (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ledger TEXT NOT NULL,
    shards INTEGER NOT NULL,
    format INTEGER NOT NULL
) STRICT;

-- The end of each shard. Times are microseconds since 1970 in UTC, the newest of any commit of the shard.
CREATE TABLE head (
    shard INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    recorded_at INTEGER
) STRICT;

-- The log. The place is the shard and, in its low 48 bits, the position: a shard's rows lie side by side, and
-- need no index.
CREATE TABLE commits (
    place INTEGER PRIMARY KEY,
    shard INTEGER GENERATED ALWAYS AS (place >> 48) VIRTUAL,
    position INTEGER GENERATED ALWAYS AS (place & 281474976710655) VIRTUAL,
    partition BLOB NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- What a partition's commits are found by. A partition is of one shard.
CREATE INDEX commits_by_partition ON commits (partition, place);

-- What keys, tombstones and streams are found by: a digest, and a commit that has it.
CREATE TABLE index_entry (
    shard INTEGER NOT NULL,
    digest BLOB NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (shard, digest, position)
) STRICT, WITHOUT ROWID;

-- The newest kept state of each partition. Any row may be deleted at any time.
CREATE TABLE snapshot (
    partition BLOB PRIMARY KEY,
    position INTEGER NOT NULL,
    hash BLOB NOT NULL,
    fold INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;

-- The log for people.
CREATE VIEW journal AS
SELECT shard, position, lower(hex(hash)) AS hash, CAST(body AS TEXT) AS body FROM commits;
