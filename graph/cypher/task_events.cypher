MATCH (t:Task)
WHERE $repository IS NULL OR t.id STARTS WITH $repository + '/'
MATCH (e:Event {subject: t.id})
WHERE e.what STARTS WITH 'status ' OR e.what = 'planned'
RETURN toString(e.at) AS at, e.what AS what, t.id AS id ORDER BY e.at
