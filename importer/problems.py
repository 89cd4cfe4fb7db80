"""Every code a failed row can carry: what it means and what to do about it.

The registry is the one place where a code is born; `failures.jsonl`, the terminal and the documentation take
their words from here. This module is pure.
"""

from typing import Final, NamedTuple


class Code(NamedTuple):
    """Meaning and remedy of one code."""

    meaning: str
    fix: str


#: Codes of rows that could not be read from their source.
SOURCE_CODES: Final[dict[str, Code]] = {
    "row_malformed": Code("the row breaks the quoting rules of its format", "Mend the row's quotes and delimiters."),
    "row_ragged": Code(
        "the row has more or fewer cells than the header", "Give the row as many cells as the header has."
    ),
    "row_too_long": Code("the row is longer than the permitted size", "Shorten the row, or raise --max-row-bytes."),
    "undecodable": Code(
        "the row is not valid in the source's encoding",
        "Save the file as UTF-8, or name its encoding with --encoding.",
    ),
    "control_character": Code("a cell holds a NUL character", "Remove the NUL character."),
    "invalid_json": Code(
        "the row is not a valid JSON object", "Mend the JSON; NaN, Infinity and lone surrogates are not JSON."
    ),
    "duplicate_json_key": Code("the JSON object holds one key twice", "Keep one of the two."),
    "number_too_long": Code("a number has more digits than are sensible", "Write it as a string, or shorten it."),
    "nested_too_deep": Code("the JSON is nested too deeply", "Flatten the row: only plain values become properties."),
}

#: Codes of rows that were read but cannot become a campaign.
RECORD_CODES: Final[dict[str, Code]] = {
    "name_missing": Code("the campaign has no name (hs_name)", "Fill in the column that feeds hs_name."),
    "key_missing": Code("a column of the key is blank", "Fill in the key, or choose another with --key."),
    "invalid_date": Code(
        "the value is not a date in the stated format",
        "Write the date as the mapping states it (YYYY-MM-DD without one).",
    ),
    "dates_reversed": Code("the end date lies before the start date", "Mend one of the two dates."),
    "invalid_choice": Code(
        "the value is not one of the permitted ones",
        "Use a permitted value, or add it to the mapping's values.",
    ),
    "invalid_currency": Code("the value is not an ISO 4217 currency code", "Use a three-letter code such as EUR."),
    "invalid_amount": Code("the value is no amount of money", "Write a plain number such as 1234.50."),
    "invalid_order": Code("the order of an item is no whole number", "Write 0, 1, 2 …, or leave it blank."),
    "duplicate_item": Code(
        "two items of one kind have the same name and amount, and could not be told apart in HubSpot",
        "Give them different names, or add them up.",
    ),
    "not_plain": Code("the value is a list or an object, not a plain value", "Flatten it to text in the source."),
    "cell_error": Code(
        "the cell of the spreadsheet holds an error such as #N/A",
        "Mend its formula, or type the value, and save the workbook.",
    ),
    "unknown_column": Code(
        "the row has a column which the first rows had not and which is no property",
        "Rename it to a property, vouch for it with --allow-property, or use a mapping.",
    ),
    "value_too_long": Code("the value is longer than a property holds", "Shorten the value."),
    "invalid_character": Code("the value holds a character that cannot be sent", "Remove the control character."),
    "conflicting_duplicate": Code(
        "an earlier row has the same key and other content",
        "Keep one of the two rows, or give them different keys.",
    ),
    "conflict": Code(
        "the campaign was changed in HubSpot since it was written, and --on-conflict is fail",
        "Look at it in HubSpot; --on-conflict overwrite writes the source's values, skip leaves it.",
    ),
    "campaign_missing": Code(
        "the campaign was deleted in HubSpot since it was made",
        "Run with --recreate-missing to make it again, or take the row out of the source.",
    ),
    "name_exists": Code(
        "a campaign of this name was imported before and its row is not in this source any more: this may be that row, edited",
        "Name a key column with --key, so that edits are told from new rows; or --same-name create if it is another campaign.",
    ),
}

#: Codes of records that HubSpot has not made.
REMOTE_CODES: Final[dict[str, Code]] = {
    "refused": Code("HubSpot refused the record", "Mend what the message names and run the same command again."),
    "brand_refused": Code(
        "HubSpot refused the campaign's brands (hs_business_unit_ids)",
        "Use ids of brands of this account; without HubSpot's Brands add-on, leave hs_business_unit_ids out.",
    ),
    "refused_group": Code(
        "HubSpot refused as many records of the batch as are left over, and its errors do not say which error belongs to which",
        "Look at all the messages, mend the rows and run the same command again.",
    ),
    "still_refused": Code(
        "HubSpot refused this record in an earlier run and it has not changed since",
        "Mend the row, or send it as it is with --retry-failed.",
    ),
    "too_large": Code("the record alone is larger than HubSpot accepts", "Shorten its longest values."),
    "exhausted": Code(
        "the record was sent several times and never came into being",
        "Look at run.log, then run the same command again with --retry-failed.",
    ),
    "unresolved": Code(
        "it cannot be told whether HubSpot made this campaign",
        "Look for it in HubSpot, then say so: importer reconcile LEDGER --identity ID --as created:CAMPAIGN_ID|absent.",
    ),
    "item_refused": Code(
        "HubSpot refused a budget or spend item; its campaign stands",
        "Enter the item in HubSpot, or send it again as it is with --retry-failed.",
    ),
    "item_without_campaign": Code(
        "a budget or spend item could not be made because its campaign is not in HubSpot any more",
        "Nothing is to be done, unless the campaign was deleted by mistake.",
    ),
    "item_exhausted": Code(
        "a budget or spend item was sent several times and never came into being",
        "Look at run.log, then run the same command again with --retry-failed.",
    ),
    "item_unresolved": Code(
        "it cannot be told whether HubSpot made this budget or spend item",
        "Look at the campaign's budget in HubSpot; the next run looks again.",
    ),
    "in_doubt": Code(
        "the run ended before it was known whether HubSpot made this campaign",
        "Run the same command again: it looks first.",
    ),
}

CODES: Final[dict[str, Code]] = SOURCE_CODES | RECORD_CODES | REMOTE_CODES
