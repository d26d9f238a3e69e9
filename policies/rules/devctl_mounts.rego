# What of the host an environment may see.
package roadcrew.devctl

import data.devctl_data as settings
import rego.v1

deny contains {"rule": "mount_folder", "reason": reason} if {
	launches
	some mount in input.environment.mounts
	mount.kind == "bind"
	not below_own_folder(mount.source)
	reason := sprintf("the folder %q of the host may not be mounted: only what lies below %s", [mount.source, own_words])
}

deny contains {"rule": "mount_engine", "reason": reason} if {
	launches
	some mount in input.environment.mounts
	mount.kind == "bind"
	some part in split(lower(mount.source), "/")
	part in settings.never_mounted
	reason := sprintf("%q would hand over the host's container engine: it is mounted nowhere", [mount.source])
}

deny contains {"rule": "volume_name", "reason": reason} if {
	launches
	some mount in input.environment.mounts
	mount.kind == "volume"
	not regex.match(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`, mount.source)
	reason := sprintf("%q is no name of a volume: use letters, digits, dots and dashes", [mount.source])
}

deny contains {"rule": "volume_owner", "reason": reason} if {
	launches
	some mount in input.environment.mounts
	mount.kind == "volume"
	limits.any_volume == false
	prefix := sprintf("%s-", [input.owner.name])
	not startswith(mount.source, prefix)
	reason := sprintf("the volume %q may be somebody else's: begin its name with %q", [mount.source, prefix])
}

deny contains {"rule": "mount_kind", "reason": reason} if {
	launches
	some mount in input.environment.mounts
	not mount.kind in {"bind", "volume", "tmpfs"}
	reason := sprintf("%q is no kind of mount: use bind, volume or tmpfs", [mount.kind])
}

deny contains {"rule": "mount_target", "reason": reason} if {
	launches
	some mount in input.environment.mounts
	some reserved in ["/proc", "/sys", "/dev", "/run/secrets", "/run/devctl"]
	clashes(mount.target, reserved)
	reason := sprintf("nothing is mounted at %q, which the environment needs itself", [mount.target])
}

clashes(target, _) if target == "/"

clashes(target, reserved) if trim_right(target, "/") == reserved

clashes(target, reserved) if startswith(target, concat("", [reserved, "/"]))

clashes(target, _) if regex.match(`(^|/)\.{1,2}(/|$)`, target)

below_own_folder(source) if {
	plain(source)
	some folder in own_folders
	inside(source, folder)
}

inside(source, folder) if source == folder

inside(source, folder) if startswith(source, concat("", [folder, "/"]))

# An absolute path that says where it leads: links are resolved by who asks.
plain(source) if {
	startswith(source, "/")
	not regex.match(`(^|/)\.{1,2}(/|$)|//|[\x00-\x1f\x7f]`, source)
}

own_folders contains folder if {
	some written in settings.mount_folders
	folder := trim_right(replaced(written), "/")
	plain(folder)
}

replaced(written) := replace(written, "{home}", input.caller.home) if contains(written, "{home}")

replaced(written) := replace(written, "{workspace}", input.caller.workspace) if contains(written, "{workspace}")

replaced(written) := written if {
	not contains(written, "{home}")
	not contains(written, "{workspace}")
}

own_words := concat(", ", sort(own_folders)) if count(own_folders) > 0

own_words := "a folder of the caller's, and there is none here" if count(own_folders) == 0
