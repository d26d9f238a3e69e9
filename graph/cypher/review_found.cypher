UNWIND $findings AS row
MATCH (v:Review {id: $review_id})
MERGE (f:Finding {id: row.id})
SET f += row.fields
MERGE (v)-[:FOUND {key: $review_id + '>' + row.id}]->(f)
RETURN f.id AS id
