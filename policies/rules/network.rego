# The network: code runs without it; only preparing an environment may have it, and the questions of research.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

deny contains reason if {
	tool != "prepare"
	input.network != "none"
	not asks_outside
	reason := sprintf("%q with the network %q: code runs without network; have what it needs installed before", [tool, input.network])
}

deny contains reason if {
	tool == "prepare"
	not input.network in settings.prepare_networks
	reason := sprintf("preparing with the network %q: use one of %s", [input.network, concat(", ", settings.prepare_networks)])
}

# A question to search, a page, a registry or the advisories: asked by this program, never by code of a model's.
asks_outside if {
	input.network == "research"
	tool in settings.research_tools
}

deny contains reason if {
	tool in settings.research_tools
	input.network != "research"
	reason := sprintf("%q with the network %q: it is asked with the network \"research\"", [tool, input.network])
}
