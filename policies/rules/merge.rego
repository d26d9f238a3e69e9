# Merging a pull request: approved by a person, and every check green.
package roadcrew

import rego.v1

deny contains "the pull request is not approved: wait for a person's approval, then merge" if {
	tool == "merge"
	object.get(input.arguments, "approved", false) != true
}

deny contains "the checks are not all green: wait for them, or mend what is red, then merge" if {
	tool == "merge"
	object.get(input.arguments, "green", false) != true
}

# Pushing: to feature branches only; everything else is changed by merging a pull request.
deny contains reason if {
	tool == "push"
	not to_feature_branch
	branch := object.get(input.arguments, "branch", "")
	reason := sprintf("the branch %q is no feature branch: push to feature/… and merge by pull request", [branch])
}

to_feature_branch if startswith(input.arguments.branch, "feature/")
