MATCH (t:Task {id: $id})
SET t.status = 'assigned', t.owner = $owner, t.attempts = coalesce(t.attempts, 0) + 1, t.updated_at = datetime($at)
RETURN t.id AS id
