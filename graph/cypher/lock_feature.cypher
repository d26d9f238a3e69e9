MATCH (f:Feature {id: $id})
SET f.lock = $lock
RETURN f.status AS status
