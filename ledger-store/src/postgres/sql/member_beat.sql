INSERT INTO member (id, address, beats) VALUES ($1, $2, 1)
ON CONFLICT (id) DO UPDATE SET beats = member.beats + 1, address = excluded.address
