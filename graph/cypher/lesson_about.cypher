MATCH (l:Lesson {id: $id})
MERGE (f:File {id: $file_id})
SET f.path = $path, f.repository = $repository, f.folder = $folder
MERGE (l)-[:ABOUT {key: $id + '>' + $file_id}]->(f)
