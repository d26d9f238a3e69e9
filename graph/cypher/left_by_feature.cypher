MATCH (:Feature {id: $feature_id})-[:PRODUCED]->(p:Artifact)
RETURN p {.*} AS left
ORDER BY p.id
