"""Writes sample/datasets/ohlcv.csv.gz: real hourly closes of BTC, ETH and SOL against USDT.

The prices are those of the pairs BTCUSDT, ETHUSDT and SOLUSDT, as Binance names them, from public hourly candles. Prices are
facts; nothing but the closing price of each hour is taken. A row's time is the beginning of its hour (UTC), and its close is the
price at the end of it.

    python3 scripts/sample_datasets/prices.py BTC=FILE.csv[.gz] ETH=FILE ... [--days 730] [--out sample/datasets/ohlcv.csv.gz]

Each file is a CSV of candles whose first column is the time and which has a column `close`, in any case.
"""

import argparse
import csv
import datetime as dt
import gzip
import io
import pathlib


def closes(path):
    """The closing price of each hour of one file."""
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path, encoding="utf-8")
    with opened as lines:
        rows = csv.reader(lines)
        names = [name.lower() for name in next(rows)]
        place = names.index("close")
        return {dt.datetime.fromisoformat(row[0]): row[place] for row in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", metavar="SYMBOL=FILE")
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--out", default="sample/datasets/ohlcv.csv.gz")
    given = parser.parse_args()
    series = {}
    for pair in given.files:
        symbol, path = pair.split("=", 1)
        series.setdefault(symbol, {}).update(closes(path))
    last = min(max(prices) for prices in series.values())
    last = last.replace(hour=23) if last.hour == 23 else last.replace(hour=23) - dt.timedelta(days=1)
    first = last - dt.timedelta(days=given.days) + dt.timedelta(hours=1)
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["time", "symbol", "close"])
    for symbol in sorted(series):
        for time in sorted(time for time in series[symbol] if first <= time <= last):
            out.writerow([time.strftime("%Y-%m-%dT%H:%M:%SZ"), symbol, f"{float(series[symbol][time]):.2f}"])
    # No name and no time in the header, so that the same prices give the same bytes.
    with open(given.out, "wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as packed:
        packed.write(text.getvalue().encode())
    print(given.out, pathlib.Path(given.out).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
