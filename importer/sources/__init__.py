"""File, link or stream → numbered rows.

In the order of the data: `opening` (path, standard input, stream; with `addresses` and `remote` what is elsewhere),
`compression`, `encoding`, `sniff` (which format), then `lines`, `tape` and `delimited` for CSV and TSV, `lines`,
`json_values` and `json_lines` for JSON Lines, `json_array` for JSON, `workbook` and `sheet` for XLSX, `parquet` for
Parquet; `gathering` makes the chunks, `source` puts the layers together.
"""

from importer.sources.policy import ReadPolicy
from importer.sources.source import Source, open_source

__all__ = ["ReadPolicy", "Source", "open_source"]
