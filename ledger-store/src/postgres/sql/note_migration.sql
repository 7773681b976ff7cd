INSERT INTO migration (number, name, checksum) VALUES ($1, $2, $3) ON CONFLICT (number) DO NOTHING
