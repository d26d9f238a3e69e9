-- Renewing a lease as one statement that fails by itself, so that a whole fenced write travels to the server at once.

CREATE FUNCTION hold_thread(held text, by_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE thread SET heartbeat = clock_timestamp() WHERE id = held AND epoch = by_epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% was taken over by another worker after epoch %', held, by_epoch USING ERRCODE = 'RC001';
    END IF;
END
$$;

CREATE FUNCTION hold_turn(held bigint, by_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE turn SET heartbeat = clock_timestamp() WHERE id = held AND epoch = by_epoch AND status = 'running';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'turn % was taken over or cancelled after epoch %', held, by_epoch USING ERRCODE = 'RC001';
    END IF;
END
$$;
