# The network: code runs without it; only preparing an environment may have it.
package roadcrew

import data.roadcrew_data as settings
import rego.v1

deny contains reason if {
	tool != "prepare"
	input.network != "none"
	reason := sprintf("%q with the network %q: code runs without network; have what it needs installed before", [tool, input.network])
}

deny contains reason if {
	tool == "prepare"
	not input.network in settings.prepare_networks
	reason := sprintf("preparing with the network %q: use one of %s", [input.network, concat(", ", settings.prepare_networks)])
}
