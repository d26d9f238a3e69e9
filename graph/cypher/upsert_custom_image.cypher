MERGE (i:CustomImage {id: $id})
SET i += $values, i.build_time = datetime($build_time)
RETURN i.id AS id
