package roadcrew_devctl_quota_test

import data.roadcrew.devctl
import rego.v1

limits := {"cpus": 2, "memory_mb": 4096, "pids": 1024, "disk_mb": 10240}

wanted := {"name": "web", "limits": limits, "egress": {"mode": "none", "domains": []}, "gpu": {"want": "none", "count": 1}, "mounts": []}

living(names) := [{"name": name, "phase": "running", "cpus": 1, "memory_mb": 512, "gpu": false} | some name in names]

asks(operation, tier, more) := object.union(
	{
		"operation": operation, "user": {"name": "ann", "tier": tier, "role": "user"},
		"owner": {"name": "ann", "tier": tier, "role": "user"}, "caller": {"home": "", "workspace": ""}, "subject": "web",
		"environment": wanted, "running": [], "image": null, "packages": {}, "details": {},
	},
	more,
)

granted(question) if {
	devctl.granted with input as question
	count(devctl.deny) == 0 with input as question
}

test_everybody_has_a_first_one if {
	every tier in ["free", "pro", "owner"] {
		granted(asks("create", tier, {}))
	}
}

test_third_of_a_free_user_is_refused if {
	every operation in ["create", "start", "restore"] {
		granted(asks(operation, "free", {"running": living(["a"])}))
		some denial in devctl.deny with input as asks(operation, "free", {"running": living(["a", "b"])})
		denial.rule == "environments"
		contains(denial.reason, "ann has 2 living environments, and 2 is the limit of the tier free")
	}
}

test_owner_has_no_limits if granted(asks("create", "owner", {
	"running": living([sprintf("e%d", [number]) | some number in numbers.range(1, 50)]),
	"environment": {
		"limits": {"cpus": 64, "memory_mb": 999999, "pids": 99999, "disk_mb": 999999},
		"egress": {"mode": "open"}, "gpu": {"want": "required", "count": 8},
	},
}))

test_size_is_limited if {
	every key, value in {"cpus": 2.5, "memory_mb": 4097, "pids": 1025, "disk_mb": 10241} {
		question := asks("create", "free", {"environment": {"limits": {key: value}}})
		count(devctl.deny) == 1 with input as question
		not granted(question)
	}
	some denial in devctl.deny with input as asks("create", "free", {"environment": {"limits": {"cpus": 3}}})
	denial.reason == "3 CPUs, and 2 is the limit of the tier free: ask for less"
}

test_what_cannot_be_read_is_refused if {
	every value in ["1", null, [], {}, true] {
		not granted(asks("create", "free", {"environment": {"limits": {"cpus": value}}}))
	}
	not granted(object.union(asks("create", "free", {}), {"environment": {"limits": null}}))
	not granted(object.remove(asks("create", "free", {}), ["environment"]))
	not granted(asks("create", "free", {"environment": {"egress": {"mode": null}}}))
	every key in ["limits", "egress", "gpu", "mounts"] {
		question := asks("create", "free", {})
		not granted(object.union(object.remove(question, ["environment"]), {"environment": object.remove(wanted, [key])}))
	}
}

test_way_out_is_by_tier if {
	granted(asks("create", "free", {"environment": {"egress": {"mode": "allow"}}}))
	not granted(asks("create", "free", {"environment": {"egress": {"mode": "open"}}}))
	granted(asks("create", "pro", {"environment": {"egress": {"mode": "open"}}}))
}

test_gpus_are_counted if {
	not granted(asks("create", "free", {"environment": {"gpu": {"want": "required"}}}))
	not granted(asks("create", "free", {"environment": {"gpu": {"want": "optional"}}}))
	granted(asks("create", "pro", {"environment": {"gpu": {"want": "required"}}}))
	not granted(asks("create", "pro", {"environment": {"gpu": {"want": "required", "count": 2}}}))
	used := [object.union(one, {"gpu": true}) | some one in living(["a"])]
	not granted(asks("create", "pro", {"environment": {"gpu": {"want": "required"}}, "running": used}))
}

test_keeping_and_tunnels_are_limited if {
	granted(asks("keep", "free", {"details": {"hours": 24}}))
	not granted(asks("keep", "free", {"details": {"hours": 24.1}}))
	granted(asks("keep", "owner", {"details": {"hours": 9999}}))
	granted(asks("tunnel", "free", {"details": {"open": 1}}))
	not granted(asks("tunnel", "free", {"details": {"open": 2}}))
}

test_label_does_not_go_round_the_limit if {
	not granted(asks("create", "free", {"environment": {"labels": {"keep-alive": "true"}}}))
	granted(asks("create", "free", {"environment": {"labels": {"team": "shop"}}}))
	granted(asks("create", "owner", {"environment": {"labels": {"keep-alive": "true"}}}))
}

test_privileged_things_are_refused if {
	every key in ["privileged", "cap_add", "devices", "network_mode"] {
		not granted(asks("create", "owner", {"environment": {key: true}}))
	}
}

test_using_one_needs_no_room if {
	every operation in ["exec", "stop", "remove", "copy", "tunnel"] {
		granted(asks(operation, "free", {"running": living(["a", "b", "c"])}))
	}
}

test_tiers_roles_and_operations_are_known_ones if {
	not granted(asks("create", "gold", {}))
	not granted(asks("fly", "owner", {}))
	not granted(asks("exec", "owner", {"user": {"role": "king"}}))
	not granted({})
}

test_viewer_only_looks if {
	granted(asks("logs", "free", {"user": {"role": "viewer"}}))
	every operation in ["create", "exec", "stop", "keep", "build"] {
		not granted(asks(operation, "free", {"user": {"role": "viewer"}}))
	}
}

test_others_belong_to_others if {
	not granted(asks("exec", "free", {"user": {"name": "bob"}}))
	granted(asks("exec", "free", {"user": {"name": "bob", "role": "admin"}}))
}

test_limits_are_the_owners_whoever_asks if not granted(asks("start", "free", {"user": {"name": "bob", "tier": "owner", "role": "admin"}, "running": living(["a", "b"])}))

test_missing_data_grants_nothing if {
	every key in ["tiers", "mount_folders", "image_cvss_limit"] {
		smaller := object.remove(data.devctl_data, [key])
		not devctl.granted with input as asks("exec", "owner", {}) with data.devctl_data as smaller
	}
}
