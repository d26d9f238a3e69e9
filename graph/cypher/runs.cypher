MATCH (r:Run)-[:OF]->(:Task {id: $task_id})
RETURN r {.*} AS run ORDER BY r.number
