MATCH (:Feature {id: $feature_id})-[:DELIVERED_BY]->(p:PullRequest)
RETURN p {.*} AS pull ORDER BY p.number
