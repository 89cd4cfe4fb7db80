"""What other systems, and people, call HubSpot's properties, their statuses and their keys.

Headings come from exports of Salesforce, Mailchimp, Marketo, Pardot and ActiveCampaign, from HubSpot's own export, and
from what German, French and Spanish sheets say. Words are compared by `squeezed`. This module is pure.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final


def squeezed(text: str) -> str:
    """Return `text` as it is compared: lower case, without accents, spaces and signs."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    return "".join(one for one in plain if one.isalnum())


#: Property → headings, the surest first.
HEADINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "hs_name": (
        "Campaign Name", "Campaign", "Name", "Title", "Program Name", "Campaign Title", "Kampagnenname", "Kampagne",
        "Name der Kampagne", "Titel", "Bezeichnung", "Nom de la campagne", "Nom de campagne", "Campagne", "Nom",
        "Titre", "Intitulé", "Nombre de la campaña", "Nombre de campaña", "Campaña", "Nombre", "Título",
    ),
    "hs_start_date": (
        "Campaign Start Date", "Start Date", "Starts", "Start", "Begins", "Begin Date", "From", "Send Date",
        "Sent Date", "Sent At", "Scheduled At", "Date Sent", "Launch Date", "Startdatum", "Beginn", "Anfang",
        "Anfangsdatum", "Beginndatum", "Startet am", "Von", "Versanddatum", "Date de début", "Début", "Date d'envoi",
        "Du", "Fecha de inicio", "Inicio", "Fecha inicio", "Desde", "Fecha de envío",
    ),
    "hs_end_date": (
        "Campaign End Date", "End Date", "Ends", "End", "Finish", "Finish Date", "Until", "To", "Enddatum", "Ende",
        "Endet am", "Bis", "Schluss", "Date de fin", "Fin", "Au", "Jusqu'au", "Fecha de finalización", "Fecha de fin",
        "Fecha fin", "Final", "Hasta",
    ),
    "hs_campaign_status": (
        "Campaign Status", "Status", "State", "Program Status", "Stand", "Zustand", "Kampagnenstatus", "Statut", "État",
        "Statut de la campagne", "Estado", "Estado de la campaña", "Situación",
    ),
    "hs_currency_code": (
        "Currency ISO Code", "Currency Code", "Currency", "Campaign Currency", "Währung", "Waehrung", "Währungscode",
        "Devise", "Monnaie", "Code devise", "Moneda", "Divisa", "Código de moneda",
    ),
    "hs_audience": (
        "Campaign Audience", "Audience", "Target Audience", "Target Group", "List", "List Name", "Lists", "Segment",
        "Zielgruppe", "Empfänger", "Empfaenger", "Liste", "Verteiler", "Public cible", "Cible", "Audiencia", "Público",
        "Público objetivo", "Lista",
    ),
    "hs_notes": (
        "Campaign Notes", "Notes", "Description", "Campaign Description", "Comments", "Comment", "Subject",
        "Subject Line", "Notizen", "Notiz", "Bemerkung", "Bemerkungen", "Beschreibung", "Anmerkung", "Kommentar",
        "Betreff", "Remarques", "Remarque", "Commentaire", "Objet", "Notas", "Nota", "Descripción", "Comentario",
        "Observaciones", "Asunto",
    ),
    "hs_utm": ("Campaign UTM", "UTM Campaign", "UTM", "utm_campaign", "UTM-Kampagne"),
    "hs_business_unit_ids": ("Business Unit Ids", "Brand Ids", "Business Unit Id"),
}  # fmt: skip

#: Value of hs_campaign_status → words for it.
STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "planned": (
        "Planned", "Planning", "Draft", "Scheduled", "Not Started", "New", "Upcoming", "Save", "Saved", "Pending",
        "Geplant", "In Planung", "Planung", "Entwurf", "Neu", "Vorgesehen", "Terminiert", "Planifié", "Planifiée",
        "Prévu", "Prévue", "Brouillon", "Programmé", "Programmée", "Planificado", "Planificada", "Planeado", "Planeada",
        "Borrador", "Programado", "Programada",
    ),
    "in_progress": (
        "In Progress", "Ongoing", "Running", "Sending", "Started", "Laufend", "Läuft", "Laeuft", "In Arbeit",
        "In Bearbeitung", "Gestartet", "En cours", "En curso", "En progreso",
    ),
    "active": ("Active", "Live", "Enabled", "On", "Aktiv", "Actif", "Active", "Activo", "Activa"),
    "paused": (
        "Paused", "On Hold", "Hold", "Suspended", "Inactive", "Pausiert", "Angehalten", "Ruht", "Inaktiv", "En pause",
        "Suspendu", "Suspendue", "Pausado", "Pausada", "En pausa", "Suspendido", "Suspendida",
    ),
    "completed": (
        "Completed", "Complete", "Done", "Finished", "Sent", "Closed", "Ended", "Aborted", "Cancelled", "Canceled",
        "Archived", "Abgeschlossen", "Beendet", "Fertig", "Erledigt", "Versendet", "Gesendet", "Abgebrochen",
        "Storniert", "Terminé", "Terminée", "Achevé", "Achevée", "Envoyé", "Envoyée", "Annulé", "Annulée", "Completado",
        "Completada", "Terminado", "Terminada", "Finalizado", "Finalizada", "Enviado", "Enviada", "Cancelado",
        "Cancelada",
    ),
}  # fmt: skip

#: Headings of columns that name a record for good, the surest first.
KEYS: Final = (
    "Id", "Campaign Id", "Unique Id", "Record Id", "External Id", "GUID", "UUID", "18 Character Id", "Program Id",
    "Campaign No", "Campaign Number", "Campaign Code", "Code", "Key", "No", "Number", "Kampagnen-Id", "Kampagnen-Nr",
    "Kampagnennummer", "Kampagnen-Nummer", "Nummer", "Nr", "Lfd. Nr.", "Kennung", "Schlüssel", "Id de la campagne",
    "Identifiant", "Numéro", "Référence", "Id de la campaña", "Identificador", "Número", "Referencia", "Clave",
)  # fmt: skip

#: Words in headings which tell a language that writes the day before the month.
DAY_FIRST: Final = frozenset(
    squeezed(word)
    for prop in ("hs_name", "hs_start_date", "hs_end_date", "hs_currency_code", "hs_audience", "hs_notes")
    for word in HEADINGS[prop][HEADINGS[prop].index(
        {"hs_name": "Kampagnenname", "hs_start_date": "Startdatum", "hs_end_date": "Enddatum",
         "hs_currency_code": "Währung", "hs_audience": "Zielgruppe", "hs_notes": "Notizen"}[prop]
    ):]
)  # fmt: skip

STATUS_OF: Final[Mapping[str, str]] = {squeezed(word): value for value, words in STATUSES.items() for word in words}

#: Currencies in use: a column of nothing else holds currencies, whatever its heading.
CURRENCIES: Final = frozenset(
    re.findall(
        r"\w+",
        """
    AED ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG
    HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWL
    """,
    )
)
