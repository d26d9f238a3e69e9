UNWIND $files AS file
MATCH (:File {id: file})<-[:ABOUT]-(l:Lesson)
WITH DISTINCT l ORDER BY l.times DESC, l.rank, l.last_seen DESC, l.id LIMIT $limit
MATCH (l)-[:ABOUT]->(f:File)
WITH l, collect(f.path) AS paths
RETURN l.id AS id, l {.*} AS lesson, toString(l.last_seen) AS last_seen, paths
ORDER BY l.times DESC, l.rank, l.last_seen DESC, l.id
