MATCH (t:Turn {feature_id: $feature_id})
OPTIONAL MATCH (t)-[:USED]->(u:ModelUse)
WITH t, collect(u {.*}) AS uses
RETURN t {.*} AS turn, uses
