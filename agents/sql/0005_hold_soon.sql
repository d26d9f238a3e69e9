-- Renewing a lease for a write that need not be on disk when it is answered: it gets there with the next one that
-- waits, which whatever follows from it does. A server that loses power before that has lost both.

CREATE FUNCTION hold_turn_soon(held bigint, by_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hold_turn(held, by_epoch);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;
