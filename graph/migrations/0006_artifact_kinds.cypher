CREATE INDEX artifact_kind IF NOT EXISTS FOR (n:Artifact) ON (n.kind);
MATCH (a:Artifact {name: 'junit.xml'}) WHERE a.kind IS NULL SET a.kind = 'junit', a.stage = 'round';
MATCH (a:Artifact {name: 'review.sarif'}) WHERE a.kind IS NULL SET a.kind = 'sarif', a.stage = 'round';
MATCH (a:Artifact {name: 'work.bundle'}) WHERE a.kind IS NULL SET a.kind = 'bundle', a.stage = 'round';
MATCH (r:Run)-[:PRODUCED]->(a:Artifact) WHERE a.round IS NULL SET a.round = r.number
