"""How are dates and times written in English? In the letters of Django's filter "date"."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, H:i e"
TIME_FORMAT = "H:i"
MONTH_DAY_FORMAT = "j M"
