-- Who may run migrations now. The holder counts beats; who sees them stand still takes over.
CREATE TABLE IF NOT EXISTS lease (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    beats bigint NOT NULL
)
