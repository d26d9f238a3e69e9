# Who may speak to the policy server: Roadcrew, by its token; everybody may ask whether the server lives.
package system.authz

import rego.v1

default allow := false

allow if {
	input.identity == data.roadcrew_access.token
	data.roadcrew_access.token != ""
}

allow if {
	input.method == "GET"
	input.path == ["health"]
}
