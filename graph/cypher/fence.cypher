MERGE (f:Fence {thread: $thread})
SET f.lock = $epoch
WITH f WHERE coalesce(f.epoch, 0) <= $epoch
SET f.epoch = $epoch
RETURN f.epoch AS epoch
