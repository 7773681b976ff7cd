CREATE TABLE players (
    player TEXT PRIMARY KEY,
    kind TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE purses (
    player TEXT NOT NULL,
    currency TEXT NOT NULL,
    scale INTEGER NOT NULL,
    PRIMARY KEY (player, currency)
) STRICT, WITHOUT ROWID;
-- amount: exact decimal text with the scale's digits, in the account's normal direction; never zero
CREATE TABLE balances (
    player TEXT NOT NULL,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    sub_account TEXT NOT NULL, -- empty if the account is kept per nothing
    currency TEXT NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (player, kind, account, sub_account, currency)
) STRICT, WITHOUT ROWID;
