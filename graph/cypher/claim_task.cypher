MATCH (t:Task {id: $id})
SET t.status = 'assigned', t.owner = $owner, t.attempts = coalesce(t.attempts, 0) + 1, t.updated_at = datetime($at)
SET t.place = CASE WHEN t.status = 'open' THEN toString(t.rank) + ' ' + t.id ELSE null END
RETURN t.id AS id
