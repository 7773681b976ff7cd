-- Whose commit a body is. Immutable, as an index needs it: the encoding of a database never changes, which is all that the
-- decoding of bytes depends on.
CREATE OR REPLACE FUNCTION cqrs_player_id(body bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS 'SELECT substr(convert_from(body, ''UTF8'')::json ->> ''partition'', 8)'
