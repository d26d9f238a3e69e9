MATCH (t:Task {id: $id})
SET t.status = 'open', t.owner = null, t.updated_at = datetime($at)
RETURN t.id AS id
