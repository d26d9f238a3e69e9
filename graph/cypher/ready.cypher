MATCH (t:Task)
WHERE t.place >= '0' AND ($assignee IS NULL OR t.assignee = $assignee)
  AND NOT EXISTS { MATCH (t)-[:DEPENDS_ON]->(u:Task) WHERE NOT u.status IN $met }
RETURN t.id AS id ORDER BY t.place LIMIT $limit
