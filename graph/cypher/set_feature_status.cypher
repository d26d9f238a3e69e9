MATCH (f:Feature {id: $id})
SET f.status = $status, f.updated_at = datetime($at)
RETURN f.id AS id
