MATCH (f:Feature)
WHERE ($repository IS NULL OR f.repository = $repository) AND ($status IS NULL OR f.status = $status)
RETURN f {.*} AS feature ORDER BY f.id
