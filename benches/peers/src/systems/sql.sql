-- What a careful team writes by hand: one call of a function per operation, with a unique key per operation, a
-- balanced pair of entries with the balances after, and the balance of the player kept and guarded.
CREATE TABLE account (
    id bigint PRIMARY KEY,
    balance bigint NOT NULL,
    CHECK (id = 0 OR balance >= 0)
) WITH (fillfactor = 50);

CREATE TABLE operation (
    id text PRIMARY KEY,
    kind text NOT NULL,
    player bigint NOT NULL,
    amount bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE entry (
    operation text NOT NULL,
    account bigint NOT NULL,
    amount bigint NOT NULL,
    balance_after bigint
);

-- Moves an amount from the house, account 0, to a player; a negative one from the player to the house. Answers the
-- player's balance; an operation that is known changes nothing.
CREATE FUNCTION post(p_id text, p_kind text, p_player bigint, p_amount bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    after bigint;
BEGIN
    INSERT INTO operation (id, kind, player, amount) VALUES (p_id, p_kind, p_player, p_amount)
    ON CONFLICT (id) DO NOTHING;
    IF NOT FOUND THEN
        SELECT balance INTO after FROM account WHERE id = p_player;
        RETURN after;
    END IF;
    UPDATE account SET balance = balance + p_amount WHERE id = p_player AND balance + p_amount >= 0
    RETURNING balance INTO after;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'insufficient funds';
    END IF;
    INSERT INTO entry (operation, account, amount, balance_after)
    VALUES (p_id, p_player, p_amount, after), (p_id, 0, -p_amount, NULL);
    -- Last, because all wait for this row from here to the end of the commit.
    UPDATE account SET balance = balance - p_amount WHERE id = 0;
    RETURN after;
END
$$;
