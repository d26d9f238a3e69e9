// Octokit walks an issue's way to a merge through a running forge, and says on standard output what it saw.
// Arguments: the API's address, owner/name; ADA_TOKEN and BOB_TOKEN in the environment; the webhook's address.
import { Octokit } from "@octokit/rest";

const [, , baseUrl, fullName, hookUrl] = process.argv;
const [owner, repo] = fullName.split("/");
const client = (auth) => new Octokit({ auth, baseUrl, log: { debug() {}, info() {}, warn() {}, error() {} } });
const ada = client(process.env.ADA_TOKEN);
const bob = client(process.env.BOB_TOKEN);
const here = { owner, repo };
const encoded = (text) => Buffer.from(text).toString("base64");
const seen = {};

// What a refused request says.
async function refusal(request) {
  try {
    await request;
  } catch (error) {
    return { status: error.status, ...error.response.data };
  }
  throw new Error("the request was not refused");
}

await ada.repos.createWebhook({ ...here, config: { url: hookUrl, content_type: "json" }, events: ["*"] });
await bob.issues.createLabel({ ...here, name: "roadcrew", color: "0e8a16" });
const { data: issue } = await bob.issues.create({ ...here, title: "Greet", labels: ["roadcrew"] });
const about = { ...here, issue_number: issue.number };
for (let count = 0; count < 7; count++) {
  await bob.issues.createComment({ ...about, body: `Comment ${count}` });
}
seen.comments = (await bob.paginate(bob.issues.listComments, { ...about, per_page: 3 })).map((each) => each.body);

const { data: main } = await bob.git.getRef({ ...here, ref: "heads/main" });
await bob.git.createRef({ ...here, ref: "refs/heads/greet", sha: main.object.sha });
await bob.repos.createOrUpdateFileContents({
  ...here, path: "greet.py", message: "Greet", content: encoded("print('hello')\n"), branch: "greet",
});

// A second commit, made of single objects.
const { data: tip } = await bob.repos.getBranch({ ...here, branch: "greet" });
const { data: blob } = await bob.git.createBlob({ ...here, content: encoded("# Greet\n"), encoding: "base64" });
const { data: tree } = await bob.git.createTree({
  ...here, base_tree: tip.commit.commit.tree.sha, tree: [{ path: "GREET.md", mode: "100644", type: "blob", sha: blob.sha }],
});
const { data: commit } = await bob.git.createCommit({
  ...here, message: "Document", tree: tree.sha, parents: [tip.commit.sha],
});
await bob.git.updateRef({ ...here, ref: "heads/greet", sha: commit.sha });

const { data: pull } = await bob.pulls.create({
  ...here, title: "Greet", head: "greet", base: "main", body: `Fixes #${issue.number}`,
});
const on = { ...here, pull_number: pull.number };
seen.files = (await ada.pulls.listFiles(on)).data.map((each) => each.filename);
await ada.repos.updateBranchProtection({
  ...here, branch: "main", required_status_checks: { strict: true, contexts: ["ci"] }, enforce_admins: true,
  required_pull_request_reviews: { required_approving_review_count: 1 }, restrictions: null,
});
const { data: guarded } = await bob.repos.getBranch({ ...here, branch: "main" });
seen.required = guarded.protection.required_status_checks;
seen.early = await refusal(bob.pulls.merge(on));
await bob.repos.createCommitStatus({ ...here, sha: commit.sha, state: "success", context: "ci" });
await ada.pulls.createReview({
  ...on, event: "APPROVE", body: "Good", comments: [{ path: "greet.py", line: 1, side: "RIGHT", body: "Nice" }],
});
seen.mergeable = (await bob.pulls.get(on)).data.mergeable_state;
seen.merged = (await bob.pulls.merge({ ...on, merge_method: "squash" })).data.merged;
seen.issue = (await bob.issues.get(about)).data.state;

// What is planned, released and found.
const { data: planned } = await bob.issues.createMilestone({ ...here, title: "First" });
await bob.issues.update({ ...about, milestone: planned.number });
seen.planned = (await bob.issues.getMilestone({ ...here, milestone_number: planned.number })).data.closed_issues;
await bob.repos.createRelease({ ...here, tag_name: "v1", name: "One", body: "Greets" });
seen.released = (await ada.repos.getLatestRelease(here)).data.tag_name;
const { data: found } = await ada.search.issuesAndPullRequests({
  q: `repo:${fullName} is:issue is:closed milestone:First Greet`,
});
seen.found = found.items.map((each) => each.number);

const { headers } = await bob.repos.get(here);
seen.unchanged = (await refusal(bob.repos.get({ ...here, headers: { "if-none-match": headers.etag } }))).status;
seen.absent = await refusal(bob.issues.get({ ...here, issue_number: 999 }));
seen.invalid = await refusal(bob.issues.create({ ...here, title: "" }));
seen.stranger = await refusal(client("wrong").users.getAuthenticated());
seen.remaining = (await bob.rateLimit.get()).data.rate.remaining;
process.stdout.write(JSON.stringify(seen));
