MATCH (:Repository {id: $repository})-[:HAS]->(:Feature)-[:HAS_TASK]->(t:Task)
MATCH (e:Event {subject: t.id})
WHERE e.what STARTS WITH 'status ' OR e.what = 'planned'
RETURN toString(e.at) AS at, e.what AS what, t.id AS id ORDER BY e.at
