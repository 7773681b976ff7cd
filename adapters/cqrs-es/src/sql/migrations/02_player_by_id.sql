-- Finds a player's first commit by his id: from there on the ledger's own index finds the others. One small entry a player;
-- what is searched for cannot stand inside a text of JSON, where quotes are escaped.
CREATE INDEX IF NOT EXISTS cqrs_player_by_id
ON commits (cqrs_player_id(body))
WHERE position('"type":"player.opened"'::bytea IN body) > 0
