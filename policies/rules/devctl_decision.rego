# What may be done with environments. Nothing is granted unless a rule says so.
#
# Extra rules join this package and add reasons, with a name by which refusals are counted, or without:
# `deny contains {"rule": "release_eve", "reason": reason} if { … }`, `deny contains reason if { … }`.
package roadcrew.devctl

import data.devctl_data as settings
import rego.v1

decision := {"granted": granted, "denials": deny}

default granted := false

granted if {
	complete
	operation in settings.role_operations[input.user.role]
	is_object(limits)
}

# A rule whose limits are missing would be silent; so nothing is granted without all of them.
complete if {
	needed := {
		"accepted_images", "allowed_images", "allowed_packages", "denied_packages", "forbidden_keys", "image_cvss_limit",
		"mount_folders", "never_mounted", "role_operations", "shared_images", "tiers",
		"unscanned_images",
	}
	count(needed - object.keys(settings)) == 0
}

operation := input.operation

# Whose limits count is whose environment it is, whoever asks.
limits := settings.tiers[input.owner.tier]

# What begins to take a host's resources.
launches if operation in {"create", "start", "restore"}

# What puts together an image.
builds if operation in {"build", "wizard"}

deny contains {"rule": "operation_unknown", "reason": reason} if {
	not operation in every_operation
	reason := sprintf("%q is no operation on environments", [operation])
}

every_operation contains name if {
	some names in settings.role_operations
	some name in names
}

deny contains {"rule": "role_unknown", "reason": reason} if {
	not input.user.role in object.keys(settings.role_operations)
	reason := sprintf("%q is no role: the roles are %s", [input.user.role, concat(", ", sort(object.keys(settings.role_operations)))])
}

deny contains {"rule": "role", "reason": reason} if {
	operation in every_operation
	not operation in settings.role_operations[input.user.role]
	input.user.role in object.keys(settings.role_operations)
	reason := sprintf("a %s may look and not %s: ask an admin for the role user", [input.user.role, operation])
}

deny contains {"rule": "tier_unknown", "reason": reason} if {
	not input.owner.tier in object.keys(settings.tiers)
	reason := sprintf("no limits are known for the tier %q: use one of %s", [input.owner.tier, concat(", ", sort(object.keys(settings.tiers)))])
}

deny contains {"rule": "owner", "reason": reason} if {
	input.owner.name != input.user.name
	input.user.role != "admin"
	reason := sprintf("%q belongs to %s: only its owner and admins may %s it", [input.subject, input.owner.name, operation])
}
