# How many environments somebody may have, and how much each may take.
package roadcrew.devctl

import data.devctl_data as settings
import rego.v1

deny contains {"rule": "environments", "reason": reason} if {
	launches
	is_number(limits.environments)
	living := count(input.running)
	living >= limits.environments
	reason := sprintf("%s has %d living environments, and %d is the limit of the tier %s: stop or remove one of %s", [
		input.owner.name, living, limits.environments, input.owner.tier,
		concat(", ", sort([one.name | some one in input.running])),
	])
}

# By the key in the environment's limits, how a reason names it.
measured := {"cpus": "CPUs", "memory_mb": "MiB of memory", "pids": "processes", "disk_mb": "MiB of disk"}

deny contains {"rule": "limit", "reason": reason} if {
	launches
	some key, words in measured
	wanted := input.environment.limits[key]
	is_number(limits[key])
	wanted > limits[key]
	reason := sprintf("%v %s, and %v is the limit of the tier %s: ask for less", [wanted, words, limits[key], input.owner.tier])
}

# What cannot be read cannot be within a limit.
deny contains {"rule": "limit_missing", "reason": reason} if {
	launches
	some key in object.keys(measured)
	not is_number(object.get(input.environment, ["limits", key], null))
	reason := sprintf("the environment does not say its limit %q: give a number", [key])
}

deny contains {"rule": "part_missing", "reason": reason} if {
	launches
	some key in ["egress", "gpu", "mounts"]
	not key in object.keys(input.environment)
	reason := sprintf("the environment does not say its %s", [key])
}

egress_mode := mode if {
	mode := input.environment.egress.mode
	is_string(mode)
}

deny contains {"rule": "egress", "reason": reason} if {
	launches
	mode := egress_mode
	not mode in limits.egress
	reason := sprintf("the way out %q is not open to the tier %s: use one of %s", [mode, input.owner.tier, concat(", ", limits.egress)])
}

deny contains {"rule": "egress_missing", "reason": reason} if {
	launches
	not egress_mode
	reason := "the environment's egress has no mode"
}

deny contains {"rule": "gpus", "reason": reason} if {
	launches
	input.environment.gpu.want != "none"
	is_number(limits.gpus)
	taken := count([one | some one in input.running; one.gpu])
	wanted := input.environment.gpu.count
	taken + wanted > limits.gpus
	reason := sprintf("%d GPUs besides the %d in use, and %d is the limit of the tier %s: do without one", [wanted, taken, limits.gpus, input.owner.tier])
}

deny contains {"rule": "forbidden_key", "reason": reason} if {
	launches
	some key in settings.forbidden_keys
	key in object.keys(input.environment)
	reason := sprintf("environments have no %q: leave it out", [key])
}

keeps if operation == "keep"

keeps if launches

deny contains {"rule": "keep_hours", "reason": reason} if {
	keeps
	is_number(limits.keep_hours)
	hours := object.get(input.details, "hours", 0)
	hours > limits.keep_hours
	reason := sprintf("kept for %v hours, and %v is the limit of the tier %s", [hours, limits.keep_hours, input.owner.tier])
}

# A label that keeps it for ever would go round the limit.
deny contains {"rule": "keep_label", "reason": reason} if {
	launches
	is_number(limits.keep_hours)
	"keep-alive" in object.keys(object.get(input.environment, "labels", {}))
	reason := sprintf("the label keep-alive is not for the tier %s: keep it for a time with `devctl keep`", [input.owner.tier])
}

deny contains {"rule": "tunnels", "reason": reason} if {
	operation == "tunnel"
	is_number(limits.tunnels)
	open := object.get(input.details, "open", 0)
	open >= limits.tunnels
	reason := sprintf("%s has %v open tunnels, and %v is the limit of the tier %s: close one", [input.owner.name, open, limits.tunnels, input.owner.tier])
}
