MERGE (f:Feature {id: $id})
ON CREATE SET f.status = $status
SET f.key = $key, f.repository = $repository, f.title = $title, f.rationale = $rationale,
    f.target_release = $target_release, f.issue = $issue, f.branch = $branch
WITH f
MATCH (r:Repository {id: $repository})
MERGE (r)-[h:HAS {key: $repository + '>' + $id}]->(f)
RETURN f.id AS id
