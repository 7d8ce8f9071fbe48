"""Read a folder of volumes (CT or MR scans as NIfTI) with their labels."""

from acrank.data.images import Opening
from acrank.data.sources.base import DataSource, HeldOut, Recognised, Sure, held_out_folder
from acrank.data.volumes.layout import is_volumes
from acrank.data.volumes.reader import open_volumes
from acrank.data.volumes.target import VolumeTarget


class Volumes(DataSource):
    """Volumes with labels, laid out as in the Decathlon, for nnU-Net, or in two folders."""

    name = "volumes"
    task = "volumes"
    written = "a folder of NIfTI volumes with imagesTr/ and labelsTr/"

    def recognise(self, spec: str, *, asked: bool) -> Recognised | None:
        """A folder whose names say so."""
        return Recognised("volumes with labels", Sure.LAYOUT) if is_volumes(spec) else None

    def open(self, spec: str, how: Opening) -> VolumeTarget:
        """Read and check the volumes and the labels."""
        return open_volumes(spec)

    def held_out(self, spec: str) -> HeldOut:
        """The folder of test images beside the training part."""
        return held_out_folder(spec)
