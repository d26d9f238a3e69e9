package roadcrew_devctl_mounts_test

import data.roadcrew.devctl
import rego.v1

mounts(tier, caller, mount) := {
	"operation": "create", "user": {"name": "ann", "tier": tier, "role": "user"},
	"owner": {"name": "ann", "tier": tier, "role": "user"}, "caller": caller, "subject": "web",
	"environment": {
		"limits": {"cpus": 1, "memory_mb": 512, "pids": 64, "disk_mb": 512}, "egress": {"mode": "none"},
		"gpu": {"want": "none", "count": 1}, "mounts": [object.union({"target": "/mnt", "read_only": false}, mount)],
	},
	"running": [], "image": null, "packages": {}, "details": {},
}

here := {"home": "/homes/ann", "workspace": "/srv/shop"}

binds(source) if {
	question := mounts("owner", here, {"kind": "bind", "source": source})
	count(devctl.deny) == 0 with input as question
}

test_own_folders_are_mounted if {
	every source in ["/homes/ann", "/homes/ann/code", "/srv/shop", "/srv/shop/a b"] {
		binds(source)
	}
}

test_other_folders_are_not if {
	every source in [
		"/", "/etc", "/homes", "/homes/bob", "/homes/annette", "/homes/ann/../bob", "/homes/ann/./x", "/srv/shop/..", "//homes/ann",
		"homes/ann", "", "/homes/ann\n", "/root", "~",
	] {
		not binds(source)
	}
}

test_engine_socket_is_mounted_nowhere if {
	every source in ["/var/run/docker.sock", "/homes/ann/docker.sock", "/homes/ann/.run/Docker.sock", "/srv/shop/podman.sock/x"] {
		not binds(source)
	}
}

test_caller_without_folders_mounts_nothing if {
	every caller in [{"home": "", "workspace": ""}, {"home": "/", "workspace": "/"}, {"home": "relative", "workspace": "../x"}] {
		every source in ["/", "/etc", "/homes/ann", "relative", "/x"] {
			count(devctl.deny) > 0 with input as mounts("owner", caller, {"kind": "bind", "source": source})
		}
	}
}

test_listed_folders_are_everybodys if count(devctl.deny) == 0 with input as mounts("free", here, {"kind": "bind", "source": "/data/sets"})
	with data.devctl_data.mount_folders as ["/data/sets/"]

test_volumes_carry_their_owners_name if {
	count(devctl.deny) == 0 with input as mounts("free", here, {"kind": "volume", "source": "ann-cache"})
	every name in ["cache", "bob-cache", "ann", "/etc", "../x", ""] {
		count(devctl.deny) > 0 with input as mounts("free", here, {"kind": "volume", "source": name})
	}
	count(devctl.deny) == 0 with input as mounts("owner", here, {"kind": "volume", "source": "cache"})
	count(devctl.deny) > 0 with input as mounts("owner", here, {"kind": "volume", "source": "/etc"})
}

test_targets_leave_the_environment_whole if {
	every target in ["/", "/proc", "/sys/fs", "/dev", "/run/secrets/x", "/run/secrets/", "/mnt/../proc"] {
		count(devctl.deny) > 0 with input as mounts("owner", here, {"kind": "tmpfs", "target": target})
	}
	count(devctl.deny) == 0 with input as mounts("owner", here, {"kind": "tmpfs", "target": "/cache"})
}

test_kinds_are_known_ones if count(devctl.deny) > 0 with input as mounts("owner", here, {"kind": "npipe", "source": "/homes/ann"})
