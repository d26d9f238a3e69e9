MATCH (f:Feature {key: $key})
RETURN f {.*} AS feature ORDER BY f.id
