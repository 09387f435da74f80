"""What is unlike an honest evening, as this device knows the venue, in words."""

import json
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from gate.config import Config
from gate.i18n import _
from gate.storage.anomalies import AnomalyReader, stated_limits
from gate.storage.connectivity import Connectivity
from gate.storage.folder import Folder
from gate.text.anomaly_words import AnomalyView, views
from gate.text.zones import zone_of


@dataclass
class AnomalyList:
    """Looks again and again at one folder; may be asked from any thread."""

    folder: Folder
    config: Config
    """The device's own: what the event states is read at every look."""
    reader: AnomalyReader = field(default_factory=AnomalyReader)
    _busy: threading.Lock = field(default_factory=threading.Lock)

    def look(self, connectivity: Connectivity, now_ms: int) -> list[AnomalyView]:
        """All anomalies now, the gravest first. Raises StoreError."""
        zone = zone_of(self.config, self.folder)
        with self._busy:
            limits = stated_limits(self.config, self.folder, zone.name)
            found = self.reader.look_at(self.folder, limits, connectivity, now_ms)
        return views(found.anomalies, zone.info, lambda id_: found.names.get(id_, id_))


def as_lines(found: list[AnomalyView]) -> list[str]:
    """A few lines of each, for a report."""
    lines = []
    for one in found:
        lines.append(f"  {one.when}  {one.title} ({one.urgency})")
        lines += [f"    {one.sentence}", f"    {one.remedy}", f"    {', '.join(one.entries)}"]
    return lines


def as_table(found: list[AnomalyView]) -> str:
    """The report for a terminal."""
    lines = as_lines(found) or [_("Nothing is unlike an honest evening, as far as it was heard.")]
    return "\n".join(lines) + "\n"


def as_json(found: list[AnomalyView]) -> str:
    """The report for programs."""
    return json.dumps([as_value(one) for one in found], ensure_ascii=False, indent=2) + "\n"


def as_value(one: AnomalyView) -> dict[str, Any]:
    """An anomaly for programs; times are Unix milliseconds."""
    values = asdict(one)
    del values["urgency"], values["when"]
    return values | {"gates": list(one.gates), "entries": list(one.entries)}
