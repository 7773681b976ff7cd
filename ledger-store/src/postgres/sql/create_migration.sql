-- Which migrations ran. A migration is never edited: its checksum stands here.
CREATE TABLE IF NOT EXISTS migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL
)
