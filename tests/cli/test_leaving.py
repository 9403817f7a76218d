"""What the command line does when it is done."""

import subprocess
import sys


def test_what_is_left_goes_with_the_process() -> None:
    script = (
        "import atexit, gc, sys\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 1000))\n"  # runs after what main registers
        "from melisma.cli import main\n"
        "sys.argv = ['melisma', '--version']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
