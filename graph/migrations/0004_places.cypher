CREATE INDEX task_place IF NOT EXISTS FOR (n:Task) ON (n.place);
MATCH (t:Task {status: 'open'})
SET t.place = toString(t.rank) + ' ' + t.id
