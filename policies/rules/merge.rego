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
