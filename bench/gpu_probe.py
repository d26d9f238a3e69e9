"""What devctl sees of this machine's GPUs, beside what nvidia-smi lists: `python bench/gpu_probe.py`.

It needs nothing but Python and this checkout, so that it can be run on a machine with a GPU that is lent for a moment.
It exits with 1 when the two differ.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from devctl.gpu.detection import judge, look


def main() -> int:
    """Print both, and compare them."""
    seen = look()
    listed: list[str] = []
    if smi := shutil.which("nvidia-smi"):
        words = subprocess.run([smi, "-L"], capture_output=True, text=True, timeout=60, check=False).stdout
        listed = [line for line in words.splitlines() if line.startswith("GPU ")]
    info: dict[str, object] = {}
    if docker := shutil.which("docker"):
        asked = subprocess.run(
            [docker, "info", "-f", "{{json .}}"], capture_output=True, text=True, timeout=60, check=False
        )
        info = json.loads(asked.stdout) if asked.returncode == 0 and asked.stdout.strip() else {}
    report = judge(info, seen)
    print(
        json.dumps(
            {"seen": seen._asdict(), "nvidia-smi": listed, "containers": report._asdict()}, indent=2, default=str
        )
    )
    found = [gpu for gpu in seen.gpus if gpu.vendor == "nvidia"]
    agree = len(found) == len(listed) and all(gpu.uuid in line for gpu, line in zip(found, listed, strict=True))
    complete = all(gpu.name and gpu.memory_mb and gpu.driver for gpu in found)
    print(
        f"devctl sees {len(found)}, nvidia-smi lists {len(listed)}: {'they agree' if agree and complete else 'THEY DIFFER'}"
    )
    return 0 if agree and complete else 1


if __name__ == "__main__":
    sys.exit(main())
