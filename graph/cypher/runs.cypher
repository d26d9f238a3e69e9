MATCH (r:Run)-[:OF]->(:Task {id: $task_id})
RETURN r {.*, task_id: $task_id} AS run ORDER BY r.number
