MERGE (t:Task {id: $id})
ON CREATE SET t.status = $status, t.attempts = 0, t.created_at = datetime($at)
SET t.key = $key, t.feature_id = $feature_id, t.title = $title, t.kind = $kind, t.assignee = $assignee,
    t.priority = $priority, t.rank = $rank, t.done_when = $done_when, t.tags = $tags
SET t.place = CASE WHEN t.status = 'open' THEN toString(t.rank) + ' ' + t.id ELSE null END
WITH t
MATCH (f:Feature {id: $feature_id})
MERGE (f)-[h:HAS_TASK {key: $feature_id + '>' + $id}]->(t)
RETURN t.id AS id
