MATCH (t:Task {id: $id})
SET t.status = $status, t.updated_at = datetime($at)
SET t.place = CASE WHEN t.status = 'open' THEN toString(t.rank) + ' ' + t.id ELSE null END
RETURN t.id AS id
