MATCH (:Repository {id: $repository})-[:HAS]->(f:Feature)
WHERE $status IS NULL OR f.status = $status
RETURN f {.*} AS feature ORDER BY f.id
