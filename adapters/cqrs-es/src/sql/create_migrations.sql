-- Which of the adapter's migrations ran. A migration is never edited: its checksum stands here.
CREATE TABLE IF NOT EXISTS cqrs_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL
)
