"""Writes own.ndjson: the sentences of hand.tsv as they are, and the patterns of templates.tsv with their slots filled.

All companies, people and figures are invented. The same input gives the same bytes.
"""

import json
import pathlib
import random

HERE = pathlib.Path(__file__).parent
SEED = 20261121
FILLS = {"up": 9, "down": 9, "neutral": 12}

SLOTS = {
    "co": "Korven Oyj|Nordfjell|Lumitek|Havula Group|Taimela Corporation|Vestra|Aurinko Foods|Seppo Steel Oy|Brightmoor plc|Karelmet|Pyhtos|Ostrava Tools|"
    "Halden Shipping|Tuulivoima Nord|Kivisalo Oyj|Marenco|Delfia Pharma|Rautio Engineering|Silvanet|Orrin Bank|Polarix Software|Juhani Paper|Castelmere|Wexholm AB|"
    "Sorsa Media|Granvik|Baltrum|Ilmari Airlines|Telmo Networks|Fennoboard",
    "client": "Stadtwerke Lindau|the city of Espel|a Swedish telecom operator|a German carmaker|Hammar Retail|Port of Kelmi|Nordhaus Energie|the ministry of transport|"
    "a Brazilian pulp producer|Tavast Insurance|Grupo Velmar|the Lithuanian railways|Eastbridge Mobile|a Japanese trading house|Kronberg Hospital",
    "holder": "Pension insurer Valmo|Fund manager Arkadia|The founding family|Eastgate Capital|Nordic Index Fund|State holding firm Solmu|Investment company Brae",
    "broker": "Handelskontor|Pohja Securities|Bank of Westmark|Aldgate Research|Carling & Stone|Evlund",
    "person": "Anna Hakala|Jari Nieminen|Sofia Berg|Peter Lund|Matti Ojala|Claire Whitmore|Timo Salo|Karin Ekström|Olli Rantanen|Ines Moreau|Daniel Hofer",
    "post": "chief financial officer|managing director|head of sales|vice president for logistics|chief executive|director of human resources|head of the Asian business|chairman of the board",
    "measure": "net sales|operating profit|net profit|pre-tax profit|revenue|turnover|EBITDA|EBIT|operating income|order intake|profit before taxes|cash flow from operations|"
    "net interest income|the order backlog|gross profit|sales of the Services unit|the company's net sales|consolidated revenue",
    "measure2": "operating profit|net sales|profit before taxes|gross profit|revenue|exports",
    "loss": "net loss|operating loss|pre-tax loss|the loss for the period|the loss of the Media unit",
    "cost": "operating expenses|personnel costs|raw material costs|net debt|financial expenses|credit losses|energy costs|fuel costs",
    "product": "harvesters|mobile phones|paper machines|elevators|cranes|water pumps|steel pipes|packaging board|dairy products|outdoor clothing|payment terminals|network equipment|"
    "wood pellets|diesel engines|hearing aids|glass facades|security software|ferries|magazines|gas turbines|lighting fixtures|plywood|bakery goods|medical lasers",
    "product2": "spare parts|related services|control systems|measuring devices|software|coatings",
    "industry": "mining|paper|food|energy|shipping|construction|chemical|forest",
    "country": "Finland|Sweden|Russia|Estonia|Germany|China|Poland|India|Brazil|the United States|Norway|Latvia|Spain|Turkey",
    "country2": "Denmark|Hungary|Japan|Lithuania|Ukraine|Vietnam",
    "country3": "Canada|France|Mexico|Austria|Chile",
    "city": "Tampere|Oulu|Gothenburg|Tallinn|Riga|Lahti|Shanghai|Hamburg|St Petersburg|Turku|Vaasa|Gdansk|Pune|Kuopio|Rotterdam",
    "month": "January|March|April|May|June|September|October|November",
    "year": "2006|2007|2008|2009|2010|2011|2019|2024",
    "period": "the first quarter|the third quarter of 2010|January-June|the second quarter|the fourth quarter|the financial year|January-September 2009|the review period|the first half",
    "then": "a year earlier|in the corresponding period of 2008|in the year-ago period|for the same period a year earlier|in the comparable period|the year before",
    "then2": "the previous year|the corresponding period of 2007|the second quarter|a year ago|the year before",
    "adv": "clearly|significantly|slightly|markedly|from quarter to quarter|in all regions",
    "indicator_good": "Industrial output|Retail sales|Consumer confidence|Exports|Housing starts|New car sales|Business sentiment",
    "indicator_good2": "industrial output|retail sales|exports|housing starts",
    "indicator_bad": "Unemployment|Inflation|The jobless rate|The share of overdue loans|Annual producer price inflation",
    "coin": "Bitcoin|Ether|Solana|XRP|Cardano|The token|Litecoin",
    "crypto_good": "funds take in fresh money|the regulator drops its case|a large bank adds custody|the upgrade goes live|traders cheer rate cuts",
    "crypto_bad": "funds lose money for a tenth day|the regulator sues the issuer|a bridge is hacked|leveraged longs are liquidated|an exchange stops withdrawals",
    "commodity": "Copper|Crude oil|Pulp|Natural gas|Nickel|Wheat|Iron ore|Gold",
    "supply": "fears of tight supply|strong Chinese demand|a strike at a large mine|falling stocks",
    "glut": "signs of a glut|weak Chinese demand|rising stocks|higher output",
    "charge": "price fixing|tax evasion|misleading investors|polluting a river|insider dealing",
    "trouble": "a strike|a fire|a power cut|a flood|a lack of parts",
}


def amounts(draw: random.Random) -> tuple[str, str]:
    """A lower and a higher amount in one style."""
    low = draw.choice([draw.uniform(0.4, 9.9), draw.uniform(10, 99), draw.uniform(100, 900)])
    high = low * draw.uniform(1.04, 2.6)
    style = draw.choice(["EUR {} mn", "EUR {} mn", "EUR {} million", "EUR{}m", "{} million euros", "$ {} mn", "${} million", "EUR {} bn", "SEK {} million"])
    digits = 1 if low < 100 else 0
    return style.format(f"{low:.{digits}f}"), style.format(f"{high + 0.1:.{digits}f}")


def fill(pattern: str, draw: random.Random) -> str:
    """One sentence of a pattern."""
    values = {slot: draw.choice(choices.split("|")) for slot, choices in SLOTS.items()}
    while values["measure2"] in values["measure"]:
        values["measure2"] = draw.choice(SLOTS["measure2"].split("|"))
    values["lo"], values["hi"] = amounts(draw)
    eps = draw.uniform(0.05, 1.4)
    values |= {
        "epslo": f"{eps:.2f}",
        "epshi": f"{eps * draw.uniform(1.1, 2):.2f}",
        "pct": f"{draw.uniform(2, 60):.{draw.choice([0, 1])}f}",
        "pct2": f"{draw.uniform(2, 60):.1f}",
        "small": f"{draw.uniform(0.3, 8.9):.1f}",
        "price": f"{draw.uniform(1.2, 64):.2f}",
        "n": f"{draw.choice([draw.randint(12, 90), draw.randint(100, 950), draw.randint(1, 90) * 1000]):,}",
        "n2": str(draw.randint(2, 28)),
    }
    for slot in ("measure", "loss", "cost", "product"):
        values[slot.capitalize()] = values[slot][0].upper() + values[slot][1:]
    text = pattern.format(**values)
    return spaced(text) if draw.random() < 0.5 else text


def spaced(text: str) -> str:
    """The way that tokenised newswire is written, with blanks around punctuation."""
    for mark, apart in ((", ", " , "), ("; ", " ; "), ("%", " %"), ("'s ", " 's "), ("$ ", "$")):
        text = text.replace(mark, apart)
    return text[:-1] + " ." if text.endswith(".") else text


def main() -> None:
    draw = random.Random(SEED)
    lines, seen = [], set()
    for number, line in enumerate((HERE / "hand.tsv").read_text().splitlines(), 1):
        label, topic, text = line.split("\t")
        lines.append({"text": text, "label": label, "topic": topic, "source": f"hand:{number}"})
        seen.add(text)
    for number, line in enumerate((HERE / "templates.tsv").read_text().splitlines(), 1):
        label, topic, pattern = line.split("\t")
        for _ in range(FILLS[label]):
            text = fill(pattern, draw)
            if text not in seen:
                seen.add(text)
                lines.append({"text": text, "label": label, "topic": topic, "source": f"template:{number}"})
    with (HERE / "own.ndjson").open("w") as out:
        out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


if __name__ == "__main__":
    main()
