MATCH (t:Task {id: $id})
SET t.status = $status, t.updated_at = datetime($at)
RETURN t.id AS id
