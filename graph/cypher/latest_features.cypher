MATCH (f:Feature)
RETURN f {.*} AS feature ORDER BY f.issue DESC, f.id LIMIT $limit
