-- As hold_turn_soon, for checkpoints: what a thread wants after them is waited for, and takes them to the disk.

CREATE FUNCTION hold_thread_soon(held text, by_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hold_thread(held, by_epoch);
    PERFORM set_config('synchronous_commit', 'off', true);
END
$$;
