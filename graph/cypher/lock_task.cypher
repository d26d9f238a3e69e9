MATCH (t:Task {id: $id})
SET t.lock = $lock
RETURN t.status AS status, t.owner AS owner
