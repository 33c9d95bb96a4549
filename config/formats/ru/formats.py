"""How are dates and times written in Russian? In the letters of Django's filter "date"."""

DATE_FORMAT = SHORT_DATE_FORMAT = "j b Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j b Y, H:i e"
TIME_FORMAT = "H:i"
MONTH_DAY_FORMAT = "j b"
