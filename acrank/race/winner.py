"""Leave the winner in the folder of the choice, export it, and time it on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acrank.errors import AcrankError
from acrank.finetuning.export import ONNX
from acrank.finetuning.exports import with_exports
from acrank.finetuning.latency import measure_latency
from acrank.finetuning.paused import forget_pauses
from acrank.finetuning.result import Finetuned
from acrank.finetuning.run import finetune
from acrank.finetuning.state import RECORD, STATE, OtherFinetuningError
from acrank.race.laps import Job, opened
from acrank.race.result import JSON, PAGE
from acrank.race.running import BEST, Running
from acrank.utils.files import make_folder

# Seconds to start a process and time a network in it.
TIMING = 30.0


@dataclass
class Finish:
    """The last part of a choice.

    Attributes:
        running: has the configuration, the journal and the time.
        output: folder for the network.
    """

    running: Running
    output: Path

    def leave(self, job: Job, *, kept: bool) -> Finetuned:
        """Move the network of a full fine-tuning into the folder of the choice.

        Args:
            job: the full fine-tuning.
            kept: True if an earlier call had run it.

        Raises:
            AcrankError: it is lost, and cannot be trained again.
        """
        make_folder(self.output)
        if (job.folder / RECORD).is_file():
            self._forget_other()
            forget_pauses(job.folder)  # those of its laps
            files = [file for file in job.folder.iterdir() if file.is_file()]
            # the record last: as long as it is not moved, another call moves the rest
            for file in sorted(files, key=lambda file: file.name == RECORD):
                file.replace(self.output / file.name)
        try:  # trains nothing, unless files have been lost
            done = finetune(job.config, self.output, opener=opened)
        except OtherFinetuningError:  # another budget chose another network, and this one is gone
            self._forget_other()
            done = finetune(job.config, self.output, fresh=True, opener=opened)
        known = self.running.journal.find(BEST) or {}
        told = {**known, "name": job.name, "folder": f"local-dir:{self.output}"}
        if told != known:
            self.running.journal.keep(BEST, told)
        return replace(done, kept=kept and done.kept)

    def _forget_other(self) -> None:
        """Remove what is of another network, from before; of one that is half moved, nothing.

        Its record goes last: as long as it is there, another call removes the rest.
        """
        (self.output / STATE).unlink(missing_ok=True)
        if (self.output / RECORD).is_file():
            for name in (JSON, PAGE, ONNX, "config.json", RECORD):
                (self.output / name).unlink(missing_ok=True)

    def exported(self, done: Finetuned) -> tuple[tuple[dict[str, Any], ...], str]:
        """Export the network as asked; return what was written, and what went wrong if it did."""
        if not self.running.config.export:
            return (), ""
        try:
            found = with_exports(
                done, self.running.config.export, trust_code=self.running.config.trust_code
            )
        except AcrankError as error:
            return (), f"the network could not be exported: {error}"
        exports = found.record["exports"]
        return tuple({"format": name, **about} for name, about in exports.items()), ""

    def latency(self, job: Job) -> tuple[dict[str, Any], str]:
        """Time the network on this machine; return the record, and why there is none.

        Args:
            job: the full fine-tuning that the network is of.
        """
        name = f"{self.running.decisions}latency-{job.key}"
        kept = self.running.journal.find(name)
        if kept is not None:
            return kept["record"], kept["why"]
        record: dict[str, Any] = {}
        why = "the network was not timed, because there was no time left"
        if self.running.left > TIMING:
            try:
                found = measure_latency(
                    self.output,
                    device=self.running.config.device,
                    threads=self.running.config.threads,
                    trust_code=self.running.config.trust_code,
                )
                record, why = found.record(), ""
            except AcrankError as error:
                why = f"the network could not be timed: {error}"
        self.running.journal.keep(name, {"record": record, "why": why})
        return record, why
