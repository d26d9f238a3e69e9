MATCH (t:Task {id: $id})
SET t.status = 'open', t.owner = null, t.updated_at = datetime($at)
SET t.place = CASE WHEN t.status = 'open' THEN toString(t.rank) + ' ' + t.id ELSE null END
RETURN t.id AS id
