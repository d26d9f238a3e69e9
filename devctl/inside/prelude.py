"""The first shell lines of every command in an environment."""

SITE = "/opt/devctl/site"
"""Folder with the metadata of the project in /work, made when a command first wants it."""
VENV = "/opt/devctl/venv"
"""Where the installed dependencies lie in every environment."""
PROGRAMS = "/opt/devctl/inside"
"""This folder, as environments see it."""

# $1 is the folder to work in, relative to the work folder. The metadata of a Python project is made anew when
# one of the files that declare it is newer; a failure must never keep the command from running. The folders
# lie elsewhere only where there is no sandbox.
SCRIPT = f"""
work=${{DEVCTL_WORK:-/work}} site=${{DEVCTL_SITE:-{SITE}}} venv=${{VIRTUAL_ENV:-{VENV}}}
if [ -x "$venv/bin/python" ]; then
  for f in "$work/pyproject.toml" "$work/setup.py" "$work/setup.cfg"; do
    if [ -f "$f" ] && ! [ "$site/.made" -nt "$f" ]; then
      "$venv/bin/python" -I "${{DEVCTL_INSIDE:-{PROGRAMS}}}/project_metadata.py" "$work" "$site" \\
        >"$site/.log" 2>&1 </dev/null || true
      break
    fi
  done
fi
cd "$work/$1" || exit 125
shift
exec "$@"
"""
"""Run as `sh -c SCRIPT sh CWD COMMAND...`."""
