// A reporter of node's test runner: one JSON line for each test that ended, with the names of those around it.

const outcome = (data, failed) => {
  if (failed) return data.todo !== undefined ? "skipped" : "failed";
  return data.skip !== undefined || data.todo !== undefined ? "skipped" : "passed";
};

const explain = (error) => {
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? cause?.message ?? cause ?? "").slice(0, 4000);
};

const isOnlyAGroup = (data, failed) => data.details?.type === "suite" && (!failed || data.details?.error?.failureType === "subtestsFailed");

export default async function* report(source) {
  const stack = [];
  for await (const { type, data } of source) {
    if (type === "test:start") {
      stack.length = data.nesting;
      stack[data.nesting] = data.name;
    } else if (type === "test:pass" || type === "test:fail") {
      const failed = type === "test:fail";
      if (isOnlyAGroup(data, failed)) continue;
      const names = [...stack.slice(0, data.nesting), data.name].map((name) => String(name ?? "(no name)"));
      yield JSON.stringify({
        names,
        file: data.file ?? null,
        outcome: outcome(data, failed),
        seconds: (data.details?.duration_ms ?? 0) / 1000,
        message: failed ? explain(data.details?.error) : "",
      }) + "\n";
    }
  }
}
