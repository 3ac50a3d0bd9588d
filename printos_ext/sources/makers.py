"""Who makes printers: their names as they write them, and a model with its maker in front, once. No I/O."""

import re

# The private enterprise numbers of makers. HP's is not here: print servers of any make say that they are HP's, and
# HP's own printers have it in their name.
BY_NUMBER = {
    2435: "Brother",
    1347: "KYOCERA",
    367: "RICOH",
    253: "Xerox",
    1248: "EPSON",
    1602: "Canon",
    18334: "KONICA MINOLTA",
    2001: "OKI",
    2385: "SHARP",
    1129: "TOSHIBA",
    641: "Lexmark",
    236: "Samsung",
    674: "Dell",
    10642: "Zebra",
}
# Those that sell the printers of others under their own name.
BRANDS = (
    *("Copystar", "Dell", "Develop", "FUJI XEROX", "FUJI", "FUJIFILM", "Gestetner", "IBM", "imagistics", "infotec"),
    *("InfoPrint", "Kodak", "LANIER", "Lenovo", "Minolta", "Muratec", "nashuatec", "NEC", "NRG", "Oce", "OLIVETTI"),
    *("Panasonic", "Pantum", "Philips", "Pitney Bowes", "QMS", "Rex-Rotary", "RISO", "SAVIN", "Sindoh"),
    *("Source Technologies", "TA Triumph-Adler", "TallyGenicom", "Tektronix", "TOSHIBA TEC", "Triumph-Adler"),
    *("UTAX", "UTAX_TA"),
)
HP = ("HP", "Hewlett-Packard", "Hewlett Packard")
CALLED = {name.casefold(): name for name in sorted((*BY_NUMBER.values(), *BRANDS, *HP), key=len, reverse=True)}
MAKER = re.compile(rf"\b(?:{'|'.join(map(re.escape, CALLED))})\b", re.IGNORECASE | re.ASCII)
LONG_HP = re.compile(r"Hewlett[- ]Packard(?: HP)?\b", re.IGNORECASE)
# What makers are as companies stands behind their names in some texts, and is no part of a model.
COMPANY_WORDS = "Co|Company|Corp|Corporation|Data|Document Solutions|Electronics|Inc|Industries|International|Ltd"
COMPANY = re.compile(rf"(?P<maker>{MAKER.pattern})(?:,? (?:{COMPANY_WORDS})\b\.?)+", re.IGNORECASE | re.ASCII)
LONGEST_NAME = 3  # words


def maker_in(text: str) -> str | None:
    """Return the first maker that a text names, as the maker writes itself."""
    found = MAKER.search(text)
    return LONG_HP.sub("HP", CALLED[found[0].casefold()]) if found else None


def sold_as(maker: str | None, model: str) -> str:
    """Return a model with its maker in front of it, once.

    Makers differ in whether their models begin with their name, and in how they write it: "Hewlett-Packard" makes an
    "HP LaserJet", "OKI DATA CORP" an "OKI MC873". A brand stays: a "Develop ineo" is not sold by who makes it.
    """
    words = LONG_HP.sub("HP", COMPANY.sub(r"\g<maker>", model)).split()
    for length in range(1, LONGEST_NAME + 1):
        begin = [word.casefold() for word in words[:length]]
        while len(words) >= 2 * length and [word.casefold() for word in words[length : 2 * length]] == begin:
            words = words[length:]
    plain = " ".join(words)
    if not words or not maker or maker_in(plain) or _names_in(words[0]) & _names_in(maker):
        return plain
    return f"{maker_in(maker) or maker} {plain}"


def _names_in(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
