MATCH (f:Feature {id: $id})
SET f += $values
RETURN f.id AS id
