-- The processes that share the shards among themselves. Each counts beats, and who sees
-- them stand still takes it for dead.
CREATE TABLE IF NOT EXISTS member (
    id uuid PRIMARY KEY,
    address text NOT NULL,
    beats bigint NOT NULL
)
