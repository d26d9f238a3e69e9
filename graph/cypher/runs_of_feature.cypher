MATCH (:Feature {id: $feature_id})-[:HAS_TASK]->(t:Task)<-[:OF]-(r:Run)
RETURN t.id AS task_id, r {.*} AS run
