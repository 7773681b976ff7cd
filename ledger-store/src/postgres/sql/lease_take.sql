INSERT INTO lease (name, holder, beats) VALUES ($1, $2, 1) ON CONFLICT (name) DO NOTHING
