package roadcrew_devctl_images_test

import data.roadcrew.devctl
import rego.v1

asks(operation, more) := object.union(
	{
		"operation": operation, "user": {"name": "ann", "tier": "owner", "role": "user"},
		"owner": {"name": "ann", "tier": "owner", "role": "user"}, "caller": {"home": "", "workspace": ""}, "subject": "web",
		"environment": {
			"limits": {"cpus": 1, "memory_mb": 512, "pids": 64, "disk_mb": 512}, "egress": {"mode": "none"},
			"gpu": {"want": "none", "count": 1}, "mounts": [],
		},
		"running": [], "image": {"name": "debian:12", "cvss": null}, "packages": {}, "details": {},
	},
	more,
)

test_grave_weakness_is_refused if {
	every operation in ["create", "build", "wizard"] {
		count(devctl.deny) == 0 with input as asks(operation, {"image": {"cvss": 7}})
		count(devctl.deny) == 1 with input as asks(operation, {"image": {"cvss": 7.1}})
	}
}

test_accepted_image_passes if {
	count(devctl.deny) == 0 with input as asks("create", {"image": {"cvss": 9.8}})
		with data.devctl_data.accepted_images as ["debian:*"]
	count(devctl.deny) == 1 with input as asks("create", {"image": {"name": "x/debian:12", "cvss": 9.8}})
		with data.devctl_data.accepted_images as ["debian:*"]
}

test_unscanned_image_is_by_setting if {
	count(devctl.deny) == 0 with input as asks("create", {})
	count(devctl.deny) == 1 with input as asks("create", {}) with data.devctl_data.unscanned_images as "deny"
}

test_list_of_images_holds if {
	count(devctl.deny) == 0 with input as asks("create", {}) with data.devctl_data.allowed_images as ["debian:*", "python:*"]
	count(devctl.deny) == 1 with input as asks("create", {"image": {"name": "evil"}}) with data.devctl_data.allowed_images as ["debian:*"]
}

installs(manager, name) if count(devctl.deny) == 0 with input as asks("wizard", {"packages": {manager: [name]}})

test_plain_packages_are_installed if {
	every pair in [
		["apt", "curl"], ["apt", "libc6-dev"], ["apt", "g++=4:12.2.0-3"], ["yum", "gcc-c++"], ["pip", "requests>=2,<3"],
		["pip", "uvicorn[standard]"], ["pip", "docker"], ["npm", "left-pad"], ["npm", "@types/node@^20"],
	] {
		installs(pair[0], pair[1])
	}
}

test_hostile_names_are_not if {
	every name in ["", "-y", "--allow-untrusted", "a b", "a;rm -rf /", "$(x)", "`x`", "a\nRUN x", "../a", "/a", "https://x/y", "a && b", "a|b"] {
		every manager in ["apt", "yum", "pip", "npm"] {
			not installs(manager, name)
		}
	}
	not installs("brew", "curl")
}

test_engines_and_sudo_are_not if {
	every pair in [
		["apt", "sudo"], ["yum", "sudo"], ["apt", "SUDO"], ["apt", "sudo=1.9"], ["apt", "docker.io"], ["apt", "docker-ce"],
		["yum", "docker-ce"], ["apt", "podman"], ["apt", "containerd"], ["apt", "moby-engine"], ["pip", "doas"],
	] {
		not installs(pair[0], pair[1])
	}
}

test_list_of_packages_holds if {
	asked := asks("wizard", {"packages": {"apt": ["curl"], "pip": ["requests>=2"]}})
	count(devctl.deny) == 0 with input as asked with data.devctl_data.allowed_packages as ["apt:curl", "requests"]
	count(devctl.deny) == 1 with input as asked with data.devctl_data.allowed_packages as ["apt:curl"]
	count(devctl.deny) == 1 with input as asked with data.devctl_data.allowed_packages as ["pip:curl", "requests"]
}

bobs := {"image": {"name": "devctl-user/bob/tools:1", "cvss": null, "owner": "bob"}}

test_image_of_somebody_else_is_refused if {
	every operation in ["create", "build", "wizard"] {
		denials := devctl.deny with input as asks(operation, bobs)
		{denial.rule | some denial in denials} == {"image_owner"}
	}
}

test_own_image_passes if {
	count(devctl.deny) == 0 with input as asks("create", {"image": {"name": "tools", "cvss": null, "owner": "ann"}})
	count(devctl.deny) == 0 with input as asks("create", {"image": {"name": "debian:12", "cvss": null, "owner": ""}})
}

test_admin_runs_the_images_of_all if {
	admin := {"name": "ann", "tier": "owner", "role": "admin"}
	count(devctl.deny) == 0 with input as asks("create", object.union(bobs, {"user": admin}))
}

test_shared_image_passes if {
	count(devctl.deny) == 0 with input as asks("create", bobs) with data.devctl_data.shared_images as ["devctl-user/bob/*"]
	count(devctl.deny) == 1 with input as asks("create", bobs) with data.devctl_data.shared_images as ["devctl-user/ann/*"]
}

test_launched_environment_starts_again if {
	count(devctl.deny) == 0 with input as asks("start", bobs)
}
