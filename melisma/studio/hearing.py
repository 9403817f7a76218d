"""Listening to a stranger's file, in a process of its own: `python -m melisma.studio.hearing PATH MAX_S`.

A decoder is large, old and written in C; a file made to break it breaks this process and no more. It may use so much
memory and so much time. What the file is, its sound says: neither its name nor its header is believed. Samples are
counted block by block and thrown away, so that ten hours of silence in a few kilobytes fill nothing.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from melisma.studio.problems import NotAudio, Refused, TooLarge

KNOWN = ("wav", "flac", "mp3", "ogg", "opus", "m4a", "webm", "aac", "aiff")
COMMAND = ["-m", "melisma.studio.hearing"]
SLOWEST_S = 120.0
MEMORY = 4 << 30
MOST_BYTES = 1 << 30  # of samples in memory: what working with the sound takes
TRUNCATED = 0.97
RATES = (8000, 384_000)
REASONS = {"long": TooLarge, "large": TooLarge, "audio": NotAudio}


@dataclass(frozen=True)
class Heard:
    """What a file holds, by its sound."""

    format: str
    sample_rate: int
    channels: int
    duration_s: float


def hear(path: Path, max_s: float) -> Heard:
    """Decode a file elsewhere. Raises NotAudio or TooLarge with words for people, whatever the file does."""
    command = [sys.executable, *COMMAND, str(path), str(max_s)]
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=SLOWEST_S, env=settings, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotAudio(f"The file took longer than {SLOWEST_S:g} s to read: export it again as WAV or FLAC.") from error
    try:
        said = json.loads(done.stdout)
    except ValueError as error:
        raise NotAudio("The file broke the decoder that tried to read it: export it again as WAV or FLAC.") from error
    if "refused" in said:
        raise REASONS[said["refused"]](said["detail"])
    return Heard(**said)


# --- In the other process -------------------------------------------------------------------------------------------


def counted(path: Path, max_s: float) -> Heard:
    """Decode everything, keep nothing."""
    from melisma.audio.files import decoded, existing, facts_of, opened
    from melisma.errors import BadRequest

    try:
        with opened(existing(path)) as container:
            facts = facts_of(container)
            if facts.format not in KNOWN:
                raise NotAudio(f"This is a {facts.format} file: bring one of {', '.join(KNOWN)}.")
            if not RATES[0] <= facts.rate_hz <= RATES[1] or not 1 <= facts.channels <= 8:
                raise NotAudio(
                    f"{facts.channels} channels at {facts.rate_hz} Hz: bring 1 to 8 channels at 8 to 384 kHz."
                )
            refuse_long(facts.duration_s, max_s)
            count = 0
            for block in decoded(path, container, None):
                count += block.shape[1]
                refuse_long(count / facts.rate_hz, max_s)
                if count * facts.channels * 4 > MOST_BYTES:
                    raise TooLarge(
                        "The sound is larger than 1 GB once unpacked: bring it as stereo at 48 kHz, or cut it."
                    )
    except Refused:
        raise
    except BadRequest as error:
        raise NotAudio(str(error).replace(str(path), "The file")) from error
    if not count:
        raise NotAudio("The file holds no sound (0 samples): choose another one.")
    if facts.duration_s is not None and count < least(facts.format, facts.duration_s * facts.rate_hz):
        raise NotAudio(
            f"The file is cut off or damaged: {count / facts.rate_hz:.1f} s of its {facts.duration_s:.1f} s can be read. "
            "Copy or download it again."
        )
    return Heard(facts.format, facts.rate_hz, facts.channels, count / facts.rate_hz)


def least(format_: str, announced: float) -> float:
    """Fewest samples that make a file whole: flac counts them, other headers estimate or pad."""
    return round(announced) if format_ == "flac" else TRUNCATED * announced - 4800


def refuse_long(seconds: float | None, max_s: float) -> None:
    """Longer than allowed."""
    if seconds is not None and seconds > max_s:
        raise TooLarge(f"The sound is longer than {max_s / 60:.4g} minutes: cut out the part you need.")


def limit_memory() -> None:
    """No more memory than a large song needs, where the system can say so."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Say in JSON what a file holds, or why it is refused."""
    limit_memory()
    names = {kind: reason for reason, kind in REASONS.items()}
    try:
        said = asdict(counted(Path(sys.argv[1]), float(sys.argv[2])))
    except (TooLarge, NotAudio) as error:
        said = {"refused": names[type(error)], "detail": error.detail}
    except MemoryError:
        said = {"refused": "large", "detail": "The sound needs too much memory to unpack: bring a shorter one."}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
