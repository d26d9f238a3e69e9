MATCH (f:Feature)
MATCH (t:Turn {feature_id: f.id})
OPTIONAL MATCH (t)-[:USED]->(u:ModelUse)
WITH f, t, sum(u.calls) AS calls, sum(u.prompt_tokens) AS prompt, sum(u.completion_tokens) AS completion,
     sum(u.cached_tokens) AS cached, collect(u.cost_usd) AS costs, sum(u.unpriced) AS unpriced
RETURN f.id AS feature_id, f.title AS title, f.status AS status, count(t) AS turns, sum(calls) AS calls,
       sum(prompt) AS prompt_tokens, sum(completion) AS completion_tokens, sum(cached) AS cached_tokens,
       CASE WHEN sum(size(costs)) = 0 THEN null ELSE sum(reduce(total = 0.0, cost IN costs | total + cost)) END AS cost_usd,
       sum(unpriced) AS unpriced, sum(t.seconds) AS seconds
ORDER BY feature_id
